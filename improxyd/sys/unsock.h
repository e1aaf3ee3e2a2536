/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of a listening UNIX stream socket, and who is at the other end of a connection. A path is served by one live
 * process at most; what a dead one left behind is replaced, and only the file made here is ever removed at the end.
 */
#ifndef IMPROXY_SYS_UNSOCK_H
#define IMPROXY_SYS_UNSOCK_H

#include <stdbool.h>
#include <sys/types.h>

struct unsock_file {
	char *path; /* NULL: none */
	dev_t dev;
	ino_t ino;
};

/*
 * Creates the directories above `path` (0755), and there a listening, non-blocking socket with mode 0660, of group
 * `*gid` unless `gid` is NULL. May wait up to a second for another process that does the same. Returns the descriptor,
 * -EADDRINUSE (somebody listens there), -ENOTSOCK (the path is something else and is left alone), -ENAMETOOLONG, or
 * another -errno.
 */
int unsock_bind(const char *path, const gid_t *gid, struct unsock_file *file);

/*
 * The same with a socket that an earlier process has bound to `path` and that is still its file's. Returns 0, or -errno
 * when it is not: then it is the caller's to close.
 */
int unsock_adopt(int fd, const char *path, struct unsock_file *file);

/* Removes the file if it is still the one made by unsock_bind(), and forgets it. */
void unsock_remove(struct unsock_file *file);
/* Forgets the file only. */
void unsock_leave(struct unsock_file *file);
/* Removes the file that a socket is bound to; -1 is nothing. */
void unsock_unlink(int fd);

/* The peer is root, or a member of group `*gid` (NULL: root only). */
bool unsock_peer_privileged(int fd, const gid_t *gid);

#endif
