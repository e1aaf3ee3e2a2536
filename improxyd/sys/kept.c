/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/fdpass.h"
#include "sys/process.h"

/* Kinds that the next worker has no use for but that they are open. */
#define MEMBERSHIPS "member"

struct kept_fd {
	UT_hash_handle hh;
	char name[HANDOVER_NAME_LEN];
	int fd;      /* -1: it is gone, which the manager has yet to be told */
	bool stored; /* the manager has one of this name, */
	bool known;  /* and knows how it is here */
};

static struct kept_fd *find(const struct kept *kept, const char *name)
{
	struct kept_fd *entry;

	HASH_FIND_STR(kept->fds, name, entry);
	return entry;
}

static void forget(struct kept *kept, struct kept_fd *entry)
{
	HASH_DEL(kept->fds, entry);
	if (entry->fd >= 0)
		close(entry->fd);
	free(entry);
}

/* --- the service manager --- */

/* True: it knows now, or there is none. */
static bool tell_manager(struct kept_fd *entry)
{
	char text[HANDOVER_NAME_LEN + 48];

	if (entry->stored) {
		snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%.*s", HANDOVER_NAME_LEN, entry->name);
		if (fdpass_may_pass(process_notify_fd(text, -1)))
			return false;
		entry->stored = false;
	}
	if (entry->fd < 0)
		return true;
	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%.*s\nFDPOLL=0", HANDOVER_NAME_LEN, entry->name);
	if (fdpass_may_pass(process_notify_fd(text, entry->fd)))
		return false;
	entry->stored = true;
	return true;
}

/* Gone entries are forgotten once they are told. */
static void sync_one(struct kept *kept, struct kept_fd *entry)
{
	entry->known = kept->ready && tell_manager(entry);
	if (!entry->known)
		kept->behind = true;
	else if (entry->fd < 0)
		forget(kept, entry);
}

void kept_sync(struct kept *kept)
{
	struct kept_fd *entry, *next;

	if (!kept->behind || !kept->ready)
		return;
	kept->behind = false;
	HASH_ITER (hh, kept->fds, entry, next) {
		if (!entry->known)
			sync_one(kept, entry);
		if (kept->behind)
			return;
	}
}

/* --- the collection --- */

static int insert(struct kept *kept, const char *name, int fd, bool stored, bool known)
{
	struct kept_fd *entry = find(kept, name);

	if (!entry) {
		if (kept->limit && HASH_COUNT(kept->fds) >= kept->limit)
			return -ENFILE;
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return -ENOMEM;
		strcpy(entry->name, name);
		HASH_ADD_STR(kept->fds, name, entry);
		if (!hash_added(entry)) {
			free(entry);
			return -ENOMEM;
		}
	} else if (entry->fd >= 0) {
		close(entry->fd);
	}
	entry->fd = fd;
	entry->stored |= stored;
	entry->known = known;
	if (!known)
		sync_one(kept, entry);
	return 0;
}

int kept_add(struct kept *kept, const char *name, int fd)
{
	int err = handover_name_valid(name) ? insert(kept, name, fd, false, false) : -EINVAL;

	if (err < 0)
		close(fd);
	return err;
}

int kept_adopt(struct kept *kept, struct handover *list)
{
	struct handover_fd *entry, *next;
	int err = 0;

	HASH_ITER (hh, list->fds, entry, next) {
		char name[HANDOVER_NAME_LEN];
		int fd;

		strcpy(name, entry->name);
		fd = handover_take(list, name);
		/* The manager gave it, so it has it. */
		err = insert(kept, name, fd, true, true);
		if (err < 0) {
			close(fd);
			break;
		}
	}
	return err;
}

static void drop(struct kept *kept, struct kept_fd *entry)
{
	if (entry->fd >= 0)
		close(entry->fd);
	entry->fd = -1;
	sync_one(kept, entry);
}

void kept_drop(struct kept *kept, const char *name)
{
	struct kept_fd *entry = find(kept, name);

	if (entry)
		drop(kept, entry);
}

static bool begins_with(const char *name, const char *word, size_t len)
{
	return len > 0 && strncmp(name, word, len) == 0;
}

/* One of the words, which blanks part, is what the name begins with. */
static bool is_of_one(const char *name, const char *words)
{
	while (*words) {
		size_t len = strcspn(words, " ");

		if (begins_with(name, words, len))
			return true;
		words += len + strspn(words + len, " ");
	}
	return false;
}

void kept_forget(struct kept *kept, const char *kind_and_lives)
{
	size_t kind = strcspn(kind_and_lives, " ");
	const char *lives = kind_and_lives + kind;
	struct kept_fd *entry, *next;

	lives += strspn(lives, " ");
	HASH_ITER (hh, kept->fds, entry, next) {
		if (entry->fd >= 0 && begins_with(entry->name, kind_and_lives, kind) && !is_of_one(entry->name, lives))
			drop(kept, entry);
	}
}

int kept_find(const struct kept *kept, const char *name)
{
	const struct kept_fd *entry = find(kept, name);

	return entry ? entry->fd : -1;
}

int kept_hand_over(const struct kept *kept, struct handover *list)
{
	*list = (struct handover){ NULL };
	for (const struct kept_fd *entry = kept->fds; entry; entry = entry->hh.next) {
		int fd, err;

		if (entry->fd < 0 || begins_with(entry->name, MEMBERSHIPS, strlen(MEMBERSHIPS)))
			continue;
		fd = fcntl(entry->fd, F_DUPFD_CLOEXEC, 0);
		err = fd < 0 ? -errno : handover_add(list, entry->name, fd);
		if (err < 0) {
			if (fd >= 0)
				close(fd);
			handover_clear(list);
			return err;
		}
	}
	return 0;
}

/* --- over exec --- */

static void survive(const struct kept *kept, bool yes)
{
	for (const struct kept_fd *entry = kept->fds; entry; entry = entry->hh.next) {
		if (entry->fd >= 0)
			(void)fcntl(entry->fd, F_SETFD, yes ? 0 : FD_CLOEXEC); /* of an open descriptor: cannot fail */
	}
}

/* What the manager has, as other versions of this program read it. */
enum { NOTHING, THIS, ANOTHER };

static int has_of(const struct kept_fd *entry)
{
	if (!entry->stored)
		return NOTHING;
	return entry->known ? THIS : ANOTHER;
}

/* A line each: number, what the manager has of this name, name. */
int kept_leave(struct kept *kept)
{
	int fd = memfd_create("improxyd-kept", 0), err = 0;
	FILE *f;

	if (fd < 0)
		return -errno;
	f = fdopen(dup(fd), "w");
	if (!f) {
		err = -errno;
		close(fd);
		return err;
	}
	for (const struct kept_fd *entry = kept->fds; entry; entry = entry->hh.next) {
		if (fprintf(f, "%d %d %s\n", entry->fd, has_of(entry), entry->name) < 0)
			err = -EIO;
	}
	if (fclose(f) != 0 && !err)
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	survive(kept, true);
	return fd;
}

void kept_stay(struct kept *kept, int list)
{
	survive(kept, false);
	close(list);
}

int kept_recall(struct kept *kept, int list)
{
	char name[HANDOVER_NAME_LEN];
	int fd, has, err = 0;
	FILE *f;

	if (lseek(list, 0, SEEK_SET) < 0)
		return -errno;
	f = fdopen(list, "r");
	if (!f)
		return -errno;
	_Static_assert(HANDOVER_NAME_LEN == 64, "the width below");
	while (!err && fscanf(f, "%d %d %63s", &fd, &has, name) == 3) {
		if (!handover_name_valid(name) || (fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0))
			continue;
		err = insert(kept, name, fd, has != NOTHING, has == THIS);
	}
	fclose(f);
	return err;
}

void kept_free(struct kept *kept)
{
	struct kept_fd *entry, *next;

	HASH_ITER (hh, kept->fds, entry, next)
		forget(kept, entry);
}
