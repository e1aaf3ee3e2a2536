/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sweep - looks through the kernel's forwarding entries for what nobody tells by itself.
 *
 * It owns two timers. One finds entries without traffic, by the kernel's own counters, so that the engine may let them
 * go. The other finds packets that wait for an entry: the kernel asks once and then not again for 10 s, so that what
 * was refused then (too many entries, too many questions, a full socket) is not heard of when a host joins the group.
 * It refuses to decide: what it finds becomes an event of the engine.
 */
#ifndef IMPROXY_SYS_SWEEP_H
#define IMPROXY_SYS_SWEEP_H

#include "core/gm.h"
#include "lib/family.h"
#include "lib/mtime.h"

struct loop;
struct mroute;
struct sweep;

struct sweep_user {
	struct mroute *(*table)(void *arg); /* NULL while it is not ours */
	const struct gm *(*gm)(void *arg);
	void (*input)(void *arg, const struct gm_event *ev);
	void *arg;
};

/* Returns 0 or -ENOMEM. */
int sweep_new(struct loop *loop, enum family family, const struct sweep_user *user, struct sweep **out);
void sweep_free(struct sweep *sweep);

/* Entries are told when they have been idle so long, or not at all (0). */
void sweep_set_timeout(struct sweep *sweep, mtime_t idle);

/* There is no room for another entry: idle ones are looked for soon. */
void sweep_full(struct sweep *sweep);

/* A question of the kernel was not answered. */
void sweep_refused(struct sweep *sweep);

/* A host has joined a group: if questions were left open, those of joined groups are asked again. */
void sweep_joined(struct sweep *sweep);

#endif
