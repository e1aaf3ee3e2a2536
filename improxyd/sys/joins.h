/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * joins - groups that the router itself joins as a host (`join-group`), on any interface, whatever its role is. It owns
 * the memberships and remembers the lists, so that a list that changes is not left and joined anew.
 */
#ifndef IMPROXY_SYS_JOINS_H
#define IMPROXY_SYS_JOINS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/gm.h"
#include "lib/family.h"

struct joins;
struct loop;

/* Returns 0 or -ENOMEM. */
int joins_open(struct loop *loop, enum family family, struct joins **out);
/* Leaves all groups. */
void joins_close(struct joins *joins);

/*
 * Joins exactly the groups of `list` on an interface; `name` is for the log. Nothing is done while `serial` is the same
 * as in the call before that succeeded. Returns 0 or -ENOMEM; what the kernel refuses is logged and tried again.
 */
int joins_set(struct joins *joins, int ifindex, const char *name, const struct gm_static *list, unsigned int n,
	      uint32_t serial);

/* The interface is gone: forgets what was joined there. */
void joins_drop(struct joins *joins, int ifindex);
/* The same for every interface for which `keep` is false. */
void joins_sweep(struct joins *joins, bool (*keep)(void *arg, int ifindex), void *arg);

#endif
