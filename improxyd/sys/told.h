/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * told - what the routers upstream were told by reports of our own, for the next process: of kernel memberships the
 * sockets remember it (mcast_sock.h), of these nothing would.
 *
 * A journal in memory that the keeper holds as one more descriptor: the last line about a group counts. It grows with
 * each change and is written anew by its user when it has become long. It owns the layout: what it does not recognize
 * is as if it were not there. Without a keeper nothing is written.
 */
#ifndef IMPROXY_SYS_TOLD_H
#define IMPROXY_SYS_TOLD_H

#include <stdbool.h>

#include "core/gm.h"
#include "lib/ipaddr.h"

struct told;

/* INCLUDE{}: the group was left. */
typedef void told_fn(void *arg, int ifindex, const struct ipaddr *group, enum gm_mode mode,
		     const struct ipaddr *sources, unsigned int nsources);

/* Calls `fn` for every line that an earlier process has left under `name`, in their order. NULL: out of memory. */
struct told *told_open(const char *name, told_fn *fn, void *arg);
/* The keeper forgets it too, unless it goes on. */
void told_close(struct told *told);

/* Adds a line, which told_flush() writes. What cannot be written is logged once, and ends the journal. */
void told_put(struct told *told, int ifindex, const struct ipaddr *group, enum gm_mode mode,
	      const struct ipaddr *sources, unsigned int nsources);
void told_flush(struct told *told);

/* Most of its lines may be about the same groups. */
bool told_is_long(const struct told *told);
/* The lines until told_end() take the place of all there were. A death in between leaves the old ones. */
void told_begin(struct told *told);
void told_end(struct told *told);

#endif
