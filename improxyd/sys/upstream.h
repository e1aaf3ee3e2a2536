/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * upstream - the host side of a family (RFC 4605 s4.1): the wanted membership of every group on every upstream, held by
 * kernel memberships, or beyond a number of groups by reports of our own (sys/reporter).
 *
 * It owns which of both a group has, a pool of sockets per upstream interface, the pace at which the kernel is told,
 * and the timer that repeats what failed, with back-off from 1 s to 60 s. Nothing that was set is forgotten before it
 * is set to INCLUDE{} or its interface is dropped. It refuses to know why a group is wanted. Interfaces are known by
 * ifindex; a link that merely goes down keeps its memberships, which the kernel reports again when it comes up.
 */
#ifndef IMPROXY_SYS_UPSTREAM_H
#define IMPROXY_SYS_UPSTREAM_H

#include <stdbool.h>

#include "core/gm.h"
#include "lib/family.h"
#include "lib/ipaddr.h"
#include "sys/mcast_pool.h"

struct loop;
struct reporter;
struct upstream;

/* Returns 0 or -ENOMEM. */
int upstream_open(struct loop *loop, enum family family, struct upstream **out);
/* Leaves all groups that the kernel holds. */
void upstream_close(struct upstream *up);

/* Sends our own reports, and has to outlive it. Before the first group; without one the kernel does all. */
void upstream_set_reporter(struct upstream *up, struct reporter *reporter);
/* While memberships of an earlier process are still held more groups go to the kernel, lest one of these end there. */
void upstream_set_reviving(struct upstream *up, bool reviving);

/*
 * Sets the wanted filter of a group on an interface; INCLUDE{} leaves. `sources` are copied. The kernel is told soon,
 * from the loop. If it refuses, that is logged, remembered with the group, counted, and repeated by the timer. Returns
 * 0 or -ENOMEM.
 */
int upstream_set(struct upstream *up, int ifindex, const struct ipaddr *group, enum gm_mode mode,
		 const struct ipaddr *sources, unsigned int nsources);

/*
 * The router is to hear of the leave that was just set without delay. The kernel takes its time to report it (see
 * upstream.c): a report of our own comes first, besides those of the kernel.
 */
void upstream_hasten(struct upstream *up, int ifindex, const struct ipaddr *group);

/* Reports come from another address now: what the kernel holds is told again from there (upstream.c). */
void upstream_retell(struct upstream *up, int ifindex);

/* Tells kernel and routers now, as far as their turn allows, instead of from the loop: for after the last of several
 * changes. */
void upstream_work(struct upstream *up);

/* When a change on an interface was reported last, or the kernel told of it, which then reports it; 0: never. */
mtime_t upstream_changed(const struct upstream *up, int ifindex);

/* The interface is gone, or is no upstream any more: leaves what can still be left and forgets its groups. */
void upstream_drop(struct upstream *up, int ifindex);
/* Before that, if the kernel has begun anew with the interface: see mcast_pool_leave(). */
void upstream_leave(struct upstream *up, int ifindex);

/* Something has changed that may help (a link came up, an address appeared): tries all failing groups soon. */
void upstream_retry(struct upstream *up);

/* False: the group is not wanted there. */
bool upstream_state(const struct upstream *up, int ifindex, const struct ipaddr *group, struct mcast_state *state);
/* Of one interface, or of all with ifindex 0. */
void upstream_stats(const struct upstream *up, int ifindex, struct mcast_pool_stats *stats);

#endif
