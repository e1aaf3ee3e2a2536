/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reporter - the host side of our own: groups whose membership no kernel holds, which are reported through the raw
 * socket of the family instead (core/gm_member); leaves of the kernel's that are told before it tells them itself; and
 * what the kernel holds, told again. sys/upstream says which groups these are.
 *
 * It owns the pace of the reports, what becomes of one that cannot be sent, and that the next process knows what the
 * routers were told (sys/told). It refuses to know why a group is wanted. The packets of such a group come in all the
 * same: the interface of a multicast router takes them all.
 */
#ifndef IMPROXY_SYS_REPORTER_H
#define IMPROXY_SYS_REPORTER_H

#include <stdbool.h>

#include "core/gm.h"
#include "lib/family.h"
#include "sys/mcast_pool.h"

struct gmsock;
struct reporter;

/* An upstream as reports need it. */
struct reporter_link {
	bool up;
	struct ipaddr addr; /* to report from; none: there is none yet */
	unsigned int mtu;
	unsigned int gen; /* the generation it is held to; 0: that of its querier */
};

/* With the groups that an earlier process has left. NULL: out of memory. */
struct reporter *reporter_new(enum family family);
/* Says nothing to the routers: see reporter_drop(). */
void reporter_free(struct reporter *r);
/* What reports are sent through; NULL while there is no socket. */
void reporter_set_socket(struct reporter *r, struct gmsock *sock);

/* The upstream is like this from now on. When it comes back all is told anew. Returns 0 or -ENOMEM. */
int reporter_link(struct reporter *r, int ifindex, const struct reporter_link *link);
/* It is gone, or no upstream any more: leaves all groups as far as that can be told now, and forgets them. */
void reporter_drop(struct reporter *r, int ifindex);

/* As upstream_set(). The report leaves with the next reporter_work(). */
int reporter_set(struct reporter *r, int ifindex, const struct ipaddr *group, enum gm_mode mode,
		 const struct ipaddr *sources, unsigned int nsources);
/*
 * The kernel has just left a group with this filter, and will say so some ticks of its clock from now. The next
 * reporter_work() says it once, unless somebody else on this machine has the group, or it cannot be sent at once: then
 * the kernel's word has to do. `sources` in any order, copied.
 */
void reporter_left(struct reporter *r, int ifindex, const struct ipaddr *group, enum gm_mode mode,
		   const struct ipaddr *sources, unsigned int nsources);
/*
 * What the kernel holds is told again, as often as a change is: _begin(), then each group. What it holds by the time of
 * a repetition counts: while reporter_retelling() what it holds after a change has to be said to reporter_amend(),
 * INCLUDE without sources for nothing. `sources` in any order, copied.
 */
void reporter_retell_begin(struct reporter *r, int ifindex);
typedef void reporter_held_fn(struct reporter *r, int ifindex, const struct ipaddr *group, enum gm_mode mode,
			      const struct ipaddr *sources, unsigned int nsources);
reporter_held_fn reporter_retell, reporter_amend;
bool reporter_retelling(const struct reporter *r, int ifindex);
/* The hosts have been heard since the restart: what none of them asked for is left. */
void reporter_disown(struct reporter *r);
/* A query was heard on an upstream. */
void reporter_hear(struct reporter *r, int ifindex, const struct gm_event *ev);

/* Sends what is due, as far as its turn allows. Returns when to go on; MTIME_NEVER: not before something happens. */
mtime_t reporter_work(struct reporter *r);

/* When a change was reported last on the interface; 0: never. */
mtime_t reporter_changed(const struct reporter *r, int ifindex);
/* False: the group is not reported here. */
bool reporter_state(const struct reporter *r, int ifindex, const struct ipaddr *group, struct mcast_state *state);
/* Adds those of an interface, or of all with ifindex 0. */
void reporter_stats(const struct reporter *r, int ifindex, struct mcast_pool_stats *stats);

#endif
