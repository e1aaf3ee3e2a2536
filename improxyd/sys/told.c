/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/told.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "sys/fdstore.h"

/* A number that changes with the meaning of what follows it. */
#define LAYOUT 0x746f6c01u
/* It is long when it has grown to a multiple of what it began with, and to this. */
#define LONG_LEAST (1 << 20)
#define LONG_TIMES 4
#define BUFFER     16384
/* More than is ever written: 200 000 groups, ten times over. */
#define SIZE_MAX_READ (256 << 20)

struct told_line {
	int32_t ifindex;
	uint16_t mode, nsources;
	struct ipaddr group;
	/* nsources addresses follow */
};

struct told {
	const char *name;
	int fd;                /* -1: nothing is written */
	off_t size, rewritten; /* now, and when it was written anew */
	bool failed;           /* which was logged */
	uint8_t buffer[BUFFER];
	size_t filled;
};

static void told_fail(struct told *told, int err)
{
	if (!told->failed)
		log_warn("keeper", "what upstream was told would not survive this process: %s", strerror(-err));
	told->failed = true;
}

/* What would come behind a gap could not be read: after a failure nothing more is written, and nothing left. */
static void told_write(struct told *told, const void *octets, size_t len)
{
	ssize_t n;

	if (told->fd < 0)
		return;
	n = pwrite(told->fd, octets, len, told->size);
	if (n == (ssize_t)len) {
		told->size += n;
		return;
	}
	told_fail(told, n < 0 ? -errno : -ENOSPC);
	fdstore_drop(told->name);
	close(told->fd);
	told->fd = -1;
	told->size = 0;
}

void told_flush(struct told *told)
{
	if (told->filled)
		told_write(told, told->buffer, told->filled);
	told->filled = 0;
}

static void told_append(struct told *told, const void *octets, size_t len)
{
	if (told->filled + len > sizeof(told->buffer))
		told_flush(told);
	if (len > sizeof(told->buffer)) {
		told_write(told, octets, len);
		return;
	}
	memcpy(told->buffer + told->filled, octets, len);
	told->filled += len;
}

void told_put(struct told *told, int ifindex, const struct ipaddr *group, enum gm_mode mode,
	      const struct ipaddr *sources, unsigned int nsources)
{
	struct told_line line = { ifindex, (uint16_t)mode, (uint16_t)nsources, *group };

	if (told->fd < 0 || nsources > UINT16_MAX)
		return;
	told_append(told, &line, sizeof(line));
	if (nsources)
		told_append(told, sources, nsources * sizeof(*sources));
}

bool told_is_long(const struct told *told)
{
	return told->size > LONG_LEAST && told->size > LONG_TIMES * told->rewritten;
}

void told_begin(struct told *told)
{
	static const uint32_t layout = LAYOUT;

	if (told->fd >= 0)
		close(told->fd);
	told->filled = 0;
	told->size = 0;
	told->fd = fdstore_has_keeper() ? memfd_create("improxyd.told", MFD_CLOEXEC) : -1;
	if (told->fd >= 0)
		told_append(told, &layout, sizeof(layout));
	else if (fdstore_has_keeper())
		told_fail(told, -errno);
}

void told_end(struct told *told)
{
	told_flush(told);
	if (told->fd < 0) {
		fdstore_drop(told->name);
		return;
	}
	told->rewritten = told->size;
	fdstore_keep(told->name, told->fd);
}

/* Returns the octets of whole lines. */
static size_t told_read(const uint8_t *octets, size_t size, told_fn *fn, void *arg)
{
	struct ipaddr *sources = NULL, *more;
	uint32_t layout = 0;
	size_t at = sizeof(layout);

	if (size < sizeof(layout))
		return 0;
	memcpy(&layout, octets, sizeof(layout));
	if (layout != LAYOUT)
		return 0;
	while (size - at >= sizeof(struct told_line)) {
		struct told_line line;
		size_t len;

		memcpy(&line, octets + at, sizeof(line));
		len = sizeof(line) + line.nsources * sizeof(*sources);
		if (len > size - at || line.mode > GM_EXCLUDE)
			break;
		more = realloc(sources, (line.nsources + 1u) * sizeof(*sources));
		if (!more)
			break;
		sources = more;
		memcpy(sources, octets + at + sizeof(line), line.nsources * sizeof(*sources));
		fn(arg, line.ifindex, &line.group, (enum gm_mode)line.mode, sources, line.nsources);
		at += len;
	}
	free(sources);
	return at;
}

/* What an earlier process has left goes on, without a last line that it could not finish. */
static void told_recall(struct told *told, told_fn *fn, void *arg)
{
	uint8_t *octets = NULL;
	struct stat st;
	size_t size;

	told->fd = fdstore_take(told->name);
	if (told->fd < 0)
		return;
	if (fstat(told->fd, &st) == 0 && st.st_size > 0 && st.st_size < SIZE_MAX_READ)
		octets = malloc((size_t)st.st_size);
	if (octets && pread(told->fd, octets, (size_t)st.st_size, 0) == (ssize_t)st.st_size) {
		size = told_read(octets, (size_t)st.st_size, fn, arg);
		if (size && ftruncate(told->fd, (off_t)size) == 0)
			told->size = (off_t)size;
	}
	free(octets);
}

struct told *told_open(const char *name, told_fn *fn, void *arg)
{
	struct told *told = calloc(1, sizeof(*told));

	if (!told)
		return NULL;
	told->name = name;
	told_recall(told, fn, arg);
	if (!told->size) {
		told_begin(told);
		told_end(told);
	}
	return told;
}

void told_close(struct told *told)
{
	if (!told)
		return;
	if (told->fd >= 0) {
		told_flush(told);
		fdstore_drop(told->name);
		close(told->fd);
	}
	free(told);
}
