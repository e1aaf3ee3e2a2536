/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mcast_part - the membership of a group in parts, one a socket, and the sockets of an interface that hold them.
 *
 * Private to mcast_pool. The parts are the truth about the kernel: a part changes only when the kernel has agreed. It
 * learns the kernel's limits, and refuses to know what is wanted. All functions return 0 or -errno; -ENOBUFS and
 * -ENOMEM are the kernel's limits.
 */
#ifndef IMPROXY_SYS_MCAST_PART_H
#define IMPROXY_SYS_MCAST_PART_H

#include <stdbool.h>

#include "core/gm.h"
#include "lib/family.h"
#include "lib/ipaddr.h"

struct mcast_one;

/* The sockets of an interface. Zeroed but for family, ifindex and max_sources = UINT_MAX. */
struct mcast_socks {
	enum family family;
	int ifindex;
	struct mcast_one *open; /* those that may take another membership */
	struct mcast_one *full;
	unsigned int nsocks;
	unsigned int max_memberships; /* fewest that filled a socket, 0 = not met */
	unsigned int max_sources;     /* no longer list is tried, UINT_MAX = not met */
	unsigned int good_sources;    /* longest list that was taken */
};

struct mcast_part {
	struct mcast_one *sock;
	enum gm_mode mode;
	struct ipaddr *sources; /* sorted */
	unsigned int nsources;
};

/* A group. */
struct mcast_parts {
	struct ipaddr group;
	struct mcast_part *parts;
	unsigned int nparts;
};

/* True for the errors by which the kernel tells of a limit. */
bool mcast_limit_met(int err);

/* A sorted copy without doubles for the caller to free; *copy is never NULL, so that an empty list is no special case.
 */
int mcast_sources_copy(const struct ipaddr *sources, unsigned int n, struct ipaddr **copy, unsigned int *ncopy);
/* Where an address is in a sorted list, or NULL. */
const struct ipaddr *mcast_sources_find(const struct ipaddr *sources, unsigned int n, const struct ipaddr *what);

/* Appends a part on any socket that has room, or on a new one. As mcast_part_set(), the part may stay incomplete. */
int mcast_part_add(struct mcast_socks *socks, struct mcast_parts *group, enum gm_mode mode,
		   const struct ipaddr *sources, unsigned int nsources);
/* Appends a part with EXCLUDE{} or INCLUDE{first source} on a socket of its own. */
int mcast_part_join_alone(struct mcast_socks *socks, struct mcast_parts *group, enum gm_mode mode,
			  const struct ipaddr *sources);
/*
 * Sets mode and list of part `i` in one step. -E2BIG: the list is longer than the kernel takes, and max_sources now
 * says so. -EAGAIN: the kernel had lost the membership (the interface gave up the family for a while); the part is
 * gone, start again.
 */
int mcast_part_set(struct mcast_socks *socks, struct mcast_parts *group, unsigned int i, enum gm_mode mode,
		   const struct ipaddr *sources, unsigned int nsources);
/*
 * Adds sources to INCLUDE part `i`, which has the first of them, until the kernel takes no more: this finds the limit.
 * What was taken is kept.
 */
int mcast_part_more(struct mcast_socks *socks, struct mcast_parts *group, unsigned int i, const struct ipaddr *sources,
		    unsigned int nsources);
/* Leaves with part `i`; the parts after it move up. */
int mcast_part_drop(struct mcast_socks *socks, struct mcast_parts *group, unsigned int i);

/* Frees what describes the parts; the kernel's memberships stay until their sockets close. */
void mcast_parts_free(struct mcast_parts *group);
/* Closes all sockets. */
void mcast_socks_close(struct mcast_socks *socks);

#endif
