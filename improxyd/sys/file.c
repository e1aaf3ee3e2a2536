/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util.h"

/* Reads until the end of the file, which may have grown or shrunk since its size was asked for. */
static int read_all(int fd, char **text, size_t *len)
{
	size_t size = 4096, used = 0;
	char *buf = NULL;
	ssize_t n;

	do {
		if (!buf || used == size) {
			char *more = realloc(buf, (buf ? size * 2 : size) + 1);

			if (!more) {
				free(buf);
				return -ENOMEM;
			}
			size = buf ? size * 2 : size;
			buf = more;
		}
		n = read(fd, buf + used, size - used);
		if (n > 0)
			used += (size_t)n;
	} while (n > 0 && used <= FILE_TEXT_MAX);
	if (n < 0 || used > FILE_TEXT_MAX) {
		int err = n < 0 ? -errno : -EFBIG;

		free(buf);
		return err;
	}
	buf[used] = '\0';
	*text = buf;
	*len = used;
	return 0;
}

static bool is_null(const struct stat *st)
{
	struct stat null;

	return S_ISCHR(st->st_mode) && stat("/dev/null", &null) == 0 && st->st_rdev == null.st_rdev;
}

static int is_of_kind(int fd, enum file_kind kind)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return kind == FILE_ANY || S_ISREG(st.st_mode) || is_null(&st) ? 0 : -ENOTSUP;
}

static int open_and_read(const char *path, enum file_kind kind, char **text, size_t *len)
{
	/* A FIFO without a writer must not stop the daemon. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (kind == FILE_READY ? O_NONBLOCK : 0)), err;

	if (fd < 0)
		return -errno;
	err = is_of_kind(fd, kind);
	if (err == 0)
		err = read_all(fd, text, len);
	close(fd);
	return err;
}

/* The handlers of a loop that does not run yet only take note. */
static void let_interrupt(bool yes)
{
	static const int signals[] = { SIGTERM, SIGINT };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct sigaction action;

		(void)sigaction(signals[i], NULL, &action); /* of a signal that can be handled: cannot fail */
		action.sa_flags = yes ? action.sa_flags & ~SA_RESTART : action.sa_flags | SA_RESTART;
		(void)sigaction(signals[i], &action, NULL);
	}
}

int file_read(const char *path, enum file_kind kind, char **text, size_t *len)
{
	int err;

	*text = NULL;
	if (kind == FILE_ANY)
		let_interrupt(true);
	err = open_and_read(path, kind, text, len);
	if (kind == FILE_ANY)
		let_interrupt(false);
	return err;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Gives the new file mode and owner of the old one. Only root may give a file away: who may not keeps it. */
static int take_after(int fd, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT && fchmod(fd, 0640) == 0 ? 0 : -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (fchown(fd, st.st_uid, st.st_gid) < 0 && errno != EPERM)
		return -errno;
	return fchmod(fd, st.st_mode & 07777) < 0 ? -errno : 0;
}

/* The name is on the disk only when its directory is. */
static int sync_directory(const char *path)
{
	char copy[PATH_MAX];
	int fd, err = 0;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Some file systems cannot sync a directory, and need not. */
	if (fsync(fd) < 0 && errno != EINVAL)
		err = -errno;
	close(fd);
	return err;
}

int file_write(const char *path, const char *text)
{
	char target[PATH_MAX], temporary[PATH_MAX + 16];
	int fd, err;

	if (strlen(path) >= sizeof(target))
		return -ENAMETOOLONG;
	if (!realpath(path, target)) {
		if (errno != ENOENT)
			return -errno;
		snprintf(target, sizeof(target), "%s", path);
	}
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", target);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, strlen(text));
	if (err == 0)
		err = take_after(fd, target);
	if (err == 0 && fsync(fd) < 0)
		err = -errno;
	if (close(fd) < 0 && err == 0)
		err = -errno;
	if (err == 0 && rename(temporary, target) < 0)
		err = -errno;
	if (err < 0) {
		unlink(temporary);
		return err;
	}
	return sync_directory(target);
}
