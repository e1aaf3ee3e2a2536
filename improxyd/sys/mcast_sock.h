/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mcast_sock - one socket that does nothing but hold multicast memberships (RFC 3678 s5).
 *
 * It is never bound to a port, drops whatever is delivered to it and has the smallest receive buffer, so that no
 * payload is ever queued. It refuses to know limits and lists: see mcast_pool. Every call returns 0 or -errno;
 * -ENOBUFS and -ENOMEM are how the kernel tells that a limit of the socket is met.
 */
#ifndef IMPROXY_SYS_MCAST_SOCK_H
#define IMPROXY_SYS_MCAST_SOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/gm.h"
#include "lib/family.h"
#include "lib/ipaddr.h"

/* A group on an interface, as the calls below need it. */
struct mcast_where {
	enum family family;
	int ifindex;
	struct ipaddr group;
};

/* Returns a descriptor or -errno. The keeper gets a copy, so that its memberships outlive this process. */
int mcast_sock_open(enum family family);
/* Leaves what it holds. */
void mcast_sock_close(enum family family, int fd);
/* The keeper closes the sockets of all earlier processes but two, known by their pids; 0: none. */
void mcast_sock_forget(enum family family, int32_t one, int32_t other);

/* Joins with EXCLUDE{}. */
int mcast_sock_join(int fd, const struct mcast_where *where);
/* Joins with INCLUDE{source}, or adds the source to the INCLUDE list. */
int mcast_sock_join_source(int fd, const struct mcast_where *where, const struct ipaddr *source);
/* Leaves the group with all its sources. */
int mcast_sock_leave(int fd, const struct mcast_where *where);
/* Replaces mode and list of a joined group in one step. INCLUDE{} would leave: it is refused with -EINVAL. */
int mcast_sock_filter(int fd, const struct mcast_where *where, enum gm_mode mode, const struct ipaddr *sources,
		      unsigned int nsources);

#endif
