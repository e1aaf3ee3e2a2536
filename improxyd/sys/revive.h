/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * revive - takes the kernel's routing table over from an earlier process as it stands, in two steps: its VIFs before
 * the interfaces are configured, so that each gets its number back, and its entries after, when the engine can judge
 * them. It keeps no state.
 */
#ifndef IMPROXY_SYS_REVIVE_H
#define IMPROXY_SYS_REVIVE_H

#include "core/gm.h"
#include "sys/carry.h"

struct mroute;

/* A number whose VIF has gone with its interface: outputs may name it still. */
#define REVIVE_GONE (-1)

/* Which interface each VIF stands for, REVIVE_GONE, or 0: none. A VIF of which nothing is known is removed. */
void revive_vifs(struct mroute *mroute, struct carry_table *table, int vifs[GM_MAX_IFS]);

/* Hands every entry to the engine by `input`; one that comes in by no interface of ours is removed. */
void revive_entries(struct mroute *mroute, const char *tag, void (*input)(void *arg, const struct gm_event *ev),
		    void *arg);

#endif
