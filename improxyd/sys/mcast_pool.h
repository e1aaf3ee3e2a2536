/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mcast_pool - memberships of one interface, held through as many sockets as the kernel's limits make necessary.
 *
 * The kernel speaks IGMP and MLD as a host for us: it merges the filters of all sockets and reports the difference
 * (RFC 9776 s3.2, s5.1; RFC 9777 s4.2, s6.1). A socket holds 20 IPv4 groups by default, or as many IPv6 ones as its
 * option memory allows; a source list 10 or 64 sources. The pool learns these limits from ENOBUFS, grows and shrinks,
 * and spreads a long INCLUDE list over several sockets. A change is ordered so that the merged filter never passes
 * through a state that is in neither the old nor the new filter: no leave and join, no source lost on the way. An
 * EXCLUDE list cannot be spread (the merge is the intersection); one that is too long becomes EXCLUDE{}, which asks for
 * more than wanted rather than for less.
 *
 * What is wanted and what is held are two things: a failure leaves the difference, and setting again repairs it.
 */
#ifndef IMPROXY_SYS_MCAST_POOL_H
#define IMPROXY_SYS_MCAST_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/gm.h"
#include "lib/family.h"
#include "lib/ipaddr.h"

struct mcast_pool;

/* What one group is like. */
struct mcast_state {
	bool wanted;       /* somebody set a filter other than INCLUDE{} */
	bool held;         /* the kernel holds exactly what is wanted (or its widened form) */
	bool own;          /* no kernel membership: reported by sys/reporter, `held` once that has been done */
	bool widened;      /* the EXCLUDE list was too long: EXCLUDE{} is held */
	int error;         /* -errno of the last try, 0 = none */
	mtime_t since;     /* when `held` or `error` became what it is */
	enum gm_mode mode; /* wanted */
	unsigned int nsources;
	unsigned int nsockets; /* sockets that hold a part */
};

/* What the kernel holds of a group. */
struct mcast_held {
	enum gm_mode mode;
	struct ipaddr *sources; /* in any order; the caller frees them */
	unsigned int nsources;
};

/* What a step has done. */
struct mcast_step {
	struct ipaddr group;
	bool left_promptly;     /* see mcast_pool_hasten() */
	struct mcast_held held; /* until then */
};

struct mcast_pool_stats {
	unsigned int groups;  /* wanted, or still held */
	unsigned int failing; /* of these, not held as wanted */
	unsigned int waiting; /* of these, the kernel is still to be told */
	unsigned int own;     /* of all, reported by sys/reporter instead of held by the kernel */
	unsigned int sockets;
	unsigned int max_memberships; /* learned: fewest groups that filled a socket, 0 = never met */
	unsigned int max_sources;     /* learned: sources a list may have, 0 = never met */
	uint64_t join_failures;       /* tries that failed */
	uint64_t widened;             /* EXCLUDE lists that were too long */
};

/* A pool without sockets; NULL when out of memory. */
struct mcast_pool *mcast_pool_new(enum family family, int ifindex);
/* Closes all sockets, by which the kernel leaves all groups. */
void mcast_pool_free(struct mcast_pool *pool);
/*
 * Leaves all groups before that, of which the kernel may know no more: when it has begun anew with the interface. A
 * socket remembers its groups all the same, and takes them from whoever has joined there since when it is closed, which
 * is not before the keeper has closed its copy.
 */
void mcast_pool_leave(struct mcast_pool *pool);

/*
 * Sets the wanted filter of a group (`sources` in any order, copied) and makes the kernel hold it; INCLUDE{} leaves.
 * Returns 0, or -errno when the kernel does not hold it (yet): mcast_pool_retry() has it repeated.
 */
int mcast_pool_set(struct mcast_pool *pool, mtime_t now, const struct ipaddr *group, enum gm_mode mode,
		   const struct ipaddr *sources, unsigned int nsources);

/*
 * The same in two steps, for many groups. mcast_pool_want() only remembers what is wanted (0 or -ENOMEM). Each
 * mcast_pool_step() makes the kernel hold it of one group: however often a group was set until then, the kernel is told
 * once. Joins and changes come first, in the order in which they were set; leaves when there are none of these, or
 * before them with `leave`. A step returns as mcast_pool_set() does.
 */
int mcast_pool_want(struct mcast_pool *pool, const struct ipaddr *group, enum gm_mode mode,
		    const struct ipaddr *sources, unsigned int nsources);
int mcast_pool_step(struct mcast_pool *pool, mtime_t now, bool leave, struct mcast_step *step);
/* If the group waits to be left, the step that does so says what was held. */
void mcast_pool_hasten(struct mcast_pool *pool, const struct ipaddr *group);
/* There are groups for mcast_pool_step(). */
bool mcast_pool_behind(const struct mcast_pool *pool);

/* Gives every failing group to mcast_pool_step() again. Returns how many there are. */
unsigned int mcast_pool_retry(struct mcast_pool *pool);

/* False: the group is neither wanted nor held; `state` is zeroed. */
bool mcast_pool_state(const struct mcast_pool *pool, const struct ipaddr *group, struct mcast_state *state);
/* INCLUDE without sources: nothing is held. Returns 0 or -ENOMEM. */
int mcast_pool_held(const struct mcast_pool *pool, const struct ipaddr *group, struct mcast_held *held);
/* Calls `fn` for every group that is wanted or held, in no particular order. */
void mcast_pool_walk(const struct mcast_pool *pool, void (*fn)(void *arg, const struct ipaddr *group), void *arg);
void mcast_pool_stats(const struct mcast_pool *pool, struct mcast_pool_stats *stats);

#endif
