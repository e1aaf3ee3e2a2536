/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See unsock.h. "Live" means that a connection attempt succeeds, so that no pid file needs to be believed. Two
 * processes that start at the same moment are kept apart by a lock: otherwise the second could take the file of the
 * first, bound but not yet listening, for a stale one. It is on a file that no other user may open, unlike the
 * directory.
 */
#include "sys/unsock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG     64
#define LOCK_SUFFIX ".lock"

/* Creates the directories above `path`. */
static int dirs_create(char *path)
{
	mode_t mask = umask(022);
	int err = 0;

	for (char *p = path + 1; !err && (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			err = -errno;
		*p = '/';
	}
	umask(mask);
	return err;
}

/* Whether the file at `path` is still the one that is open: who had the lock before may have removed it. */
static bool is_at(int fd, const char *path)
{
	struct stat opened, there;

	return !fstat(fd, &opened) && !lstat(path, &there) && opened.st_dev == there.st_dev &&
	       opened.st_ino == there.st_ino;
}

/* Returns the descriptor of the locked file, -EWOULDBLOCK if another has it, or -errno. */
static int lock_try(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600), err = 0;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB))
		err = -errno;
	else if (!is_at(fd, path))
		err = -EWOULDBLOCK;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* Holds off a second daemon that starts at the same moment. Returns a descriptor or -errno. */
static int lock_take(const char *path)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	int fd = -EWOULDBLOCK;

	for (int i = 0; i < 20 && fd == -EWOULDBLOCK; i++) {
		if (i)
			nanosleep(&pause, NULL);
		fd = lock_try(path);
	}
	return fd == -EWOULDBLOCK ? -EADDRINUSE : fd;
}

/* Removes the file while it is still locked, so that it is never another's. */
static void lock_give(int fd, const char *path)
{
	(void)!unlink(path);
	close(fd);
}

/* Removes what a dead daemon left behind. */
static int stale_remove(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, err = 0;

	if (lstat(sun->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) || errno == EAGAIN)
		err = -EADDRINUSE;
	else if (errno != ECONNREFUSED)
		err = -errno;
	close(fd);
	if (!err && unlink(sun->sun_path))
		err = -errno;
	return err;
}

/*
 * Binds with the final mode from the first moment on, and gives the file to the group before anyone can connect.
 * Returns the descriptor or -errno.
 */
static int socket_listen(const struct sockaddr_un *sun, const gid_t *gid, struct unsock_file *file)
{
	bool bound = false;
	struct stat st;
	mode_t mask;
	int fd, err = 0;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0117);
	if (bind(fd, (const struct sockaddr *)sun, sizeof(*sun)))
		err = -errno;
	else
		bound = true;
	umask(mask);
	if (!err && gid && lchown(sun->sun_path, (uid_t)-1, *gid))
		err = -errno;
	if (!err && lstat(sun->sun_path, &st))
		err = -errno;
	if (!err && listen(fd, BACKLOG))
		err = -errno;
	if (err) {
		if (bound)
			unlink(sun->sun_path);
		close(fd);
		return err;
	}
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	return fd;
}

int unsock_bind(const char *path, const gid_t *gid, struct unsock_file *file)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char lock_path[sizeof(sun.sun_path) + sizeof(LOCK_SUFFIX)];
	int lock = -1, fd = -EINVAL;

	file->path = NULL;
	if (!path[0])
		return -EINVAL;
	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	snprintf(lock_path, sizeof(lock_path), "%s" LOCK_SUFFIX, path);
	file->path = strdup(path);
	if (!file->path)
		return -ENOMEM;
	fd = dirs_create(file->path);
	if (fd < 0)
		goto out;
	lock = lock_take(lock_path);
	if (lock < 0) {
		fd = lock;
		goto out;
	}
	fd = stale_remove(&sun);
	if (!fd)
		fd = socket_listen(&sun, gid, file);
out:
	if (lock >= 0)
		lock_give(lock, lock_path);
	if (fd < 0) {
		free(file->path);
		file->path = NULL;
	}
	return fd;
}

/* The path a socket is bound to; "" if to none. */
static void bound_path(int fd, struct sockaddr_un *sun)
{
	socklen_t len = sizeof(*sun) - 1;

	memset(sun, 0, sizeof(*sun));
	if (getsockname(fd, (struct sockaddr *)sun, &len))
		sun->sun_path[0] = '\0';
}

int unsock_adopt(int fd, const char *path, struct unsock_file *file)
{
	struct sockaddr_un sun;
	struct stat st;

	file->path = NULL;
	bound_path(fd, &sun);
	if (strcmp(sun.sun_path, path) != 0 || lstat(path, &st) || !S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	file->path = strdup(path);
	if (!file->path)
		return -ENOMEM;
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	return 0;
}

void unsock_unlink(int fd)
{
	struct sockaddr_un sun;

	bound_path(fd, &sun);
	if (sun.sun_path[0])
		(void)!unlink(sun.sun_path);
}

void unsock_leave(struct unsock_file *file)
{
	free(file->path);
	file->path = NULL;
}

void unsock_remove(struct unsock_file *file)
{
	struct stat st;

	if (!file->path)
		return;
	/* After privileges were dropped this may be refused; then the next start removes the file as stale. */
	if (!lstat(file->path, &st) && st.st_dev == file->dev && st.st_ino == file->ino)
		(void)!unlink(file->path);
	unsock_leave(file);
}

/*
 * The groups the peer had when it connected, from the kernel: looking them up by name could wait for a directory
 * service.
 */
static bool peer_in_group(int fd, gid_t gid)
{
	bool found = false;
#ifdef SO_PEERGROUPS
	gid_t *groups = NULL;
	socklen_t len = 0;

	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) || errno != ERANGE || !len)
		return false;
	groups = malloc(len);
	if (groups && !getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len)) {
		for (size_t i = 0; i < len / sizeof(*groups); i++)
			found |= groups[i] == gid;
	}
	free(groups);
#endif
	return found;
}

bool unsock_peer_privileged(int fd, const gid_t *gid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	if (cred.uid == 0)
		return true;
	return gid && (cred.gid == *gid || peer_in_group(fd, *gid));
}
