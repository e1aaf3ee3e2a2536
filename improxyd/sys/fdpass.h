/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fdpass - one descriptor that goes with a message of a UNIX socket (unix(7), SCM_RIGHTS): put in, and taken out. The
 * control buffer is the caller's and has to live as long as the message header.
 */
#ifndef IMPROXY_SYS_FDPASS_H
#define IMPROXY_SYS_FDPASS_H

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

/* No more than one: what did not fit would have to be closed. */
#define FDPASS_ROOM CMSG_LEN(sizeof(int))

union fdpass {
	char octets[CMSG_SPACE(sizeof(int))]; /* to receive, give the kernel FDPASS_ROOM of it */
	struct cmsghdr align;
};

/* -1: the message goes without one. */
static inline void fdpass_put(struct msghdr *msg, union fdpass *control, int fd)
{
	struct cmsghdr *cmsg;

	if (fd < 0)
		return;
	memset(control, 0, sizeof(*control));
	msg->msg_control = control->octets;
	msg->msg_controllen = sizeof(control->octets);
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
}

/* The receiver is slow, the kernel has too many descriptors under way, or memory is short: it can be sent later. */
static inline bool fdpass_may_pass(int err)
{
	return err == -EAGAIN || err == -EINTR || err == -ETOOMANYREFS || err == -ENOBUFS || err == -ENOMEM ||
	       err == -EMFILE || err == -ENFILE;
}

/* Of a message that was received with room for one. It is the caller's; -1: none came. */
static inline int fdpass_take(struct msghdr *msg)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
	    cmsg->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

#endif
