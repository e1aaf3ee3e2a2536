/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/handover.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_FD 3

bool handover_name_valid(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && name[i] != '.' && name[i] != '-')
			return false;
	}
	return len > 0 && len < HANDOVER_NAME_LEN;
}

int handover_add(struct handover *handover, const char *name, int fd)
{
	struct handover_fd *entry;

	if (!handover_name_valid(name))
		return -EINVAL;
	handover_drop(handover, name);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	strcpy(entry->name, name);
	entry->fd = fd;
	HASH_ADD_STR(handover->fds, name, entry);
	if (!hash_added(entry)) {
		free(entry);
		return -ENOMEM;
	}
	return 0;
}

int handover_take(struct handover *handover, const char *name)
{
	struct handover_fd *entry;
	int fd;

	HASH_FIND_STR(handover->fds, name, entry);
	if (!entry)
		return -1;
	fd = entry->fd;
	HASH_DEL(handover->fds, entry);
	free(entry);
	return fd;
}

void handover_drop(struct handover *handover, const char *name)
{
	int fd = handover_take(handover, name);

	if (fd >= 0)
		close(fd);
}

void handover_clear(struct handover *handover)
{
	struct handover_fd *entry, *next;

	HASH_ITER (hh, handover->fds, entry, next) {
		HASH_DEL(handover->fds, entry);
		close(entry->fd);
		free(entry);
	}
}

unsigned int handover_count(const struct handover *handover)
{
	return HASH_COUNT(handover->fds);
}

/* The variable as a number; -1 when it is none. */
static long env_number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long value;

	if (!text || !*text)
		return -1;
	errno = 0;
	value = strtol(text, &end, 10);
	return errno || *end || value < 0 ? -1 : value;
}

int handover_read(struct handover *handover)
{
	bool ours = env_number("LISTEN_PID") == (long)getpid();
	long n = ours ? env_number("LISTEN_FDS") : -1, most = sysconf(_SC_OPEN_MAX);
	const char *names = getenv("LISTEN_FDNAMES");
	char *copy = strdup(names ? names : ""), *rest = copy;
	int err = copy ? 0 : -ENOMEM;

	*handover = (struct handover){ NULL };
	if (most > 0 && n > most)
		n = most;
	for (int fd = FIRST_FD; !err && fd < FIRST_FD + n; fd++) {
		const char *name = strsep(&rest, ":");

		/* What has no name of ours is no descriptor of ours. */
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || !name || !handover_name_valid(name))
			continue;
		err = handover_add(handover, name, fd);
	}
	free(copy);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return err;
}

static int set_number(const char *name, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", value);
	return setenv(name, text, 1) < 0 ? -errno : 0;
}

/* Moves a descriptor to `number`, where it survives exec. */
static int place(int from, int number)
{
	return dup2(from, number) < 0 ? -errno : 0;
}

int handover_exec(const struct handover *handover, const char *path, char **argv)
{
	unsigned int n = handover_count(handover), i = 0;
	int *moved = calloc(n + 1, sizeof(*moved));
	char *names = calloc(n + 1, HANDOVER_NAME_LEN + 1);
	const struct handover_fd *entry;
	char *end = names;
	int err = -ENOMEM;

	if (!moved || !names)
		goto out;
	/* Out of the way first, then each to its number. */
	err = 0;
	for (entry = handover->fds; entry && !err; entry = entry->hh.next) {
		if (i)
			*end++ = ':';
		end = stpcpy(end, entry->name);
		moved[i] = fcntl(entry->fd, F_DUPFD_CLOEXEC, FIRST_FD + (int)n);
		err = moved[i++] < 0 ? -errno : 0;
	}
	for (i = 0; i < n && !err; i++)
		err = place(moved[i], FIRST_FD + (int)i);
	if (!err)
		err = set_number("LISTEN_PID", (long)getpid());
	if (!err)
		err = set_number("LISTEN_FDS", (long)n);
	if (!err && setenv("LISTEN_FDNAMES", names, 1) < 0)
		err = -errno;
	if (!err) {
		execv(path, argv);
		/* A user who has been given this program need not be let to where it is. */
		if (errno == EACCES)
			execv("/proc/self/exe", argv);
		err = -errno;
	}
out:
	free(moved);
	free(names);
	return err;
}
