/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/revive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "sys/mroute.h"

/* A table that changes while it is read is read again: hosts may wait in the queue, but nobody else changes it. */
#define ROUNDS 3

struct walk {
	void (*input)(void *arg, const struct gm_event *ev);
	void *arg;
	struct mroute_entry *strays;
	unsigned int nstrays;
	unsigned int taken;
};

void revive_vifs(struct mroute *mroute, struct carry_table *table, int vifs[GM_MAX_IFS])
{
	for (unsigned int slot = 0; slot < GM_MAX_IFS; slot++) {
		bool there = mroute_vif_there(mroute, slot);

		if (table->vifs[slot])
			vifs[slot] = there ? table->vifs[slot] : REVIVE_GONE;
		else
			vifs[slot] = 0;
		if (vifs[slot] > 0)
			mroute_vif_adopt(mroute, slot, vifs[slot]);
		else if (there)
			(void)mroute_vif_del(mroute, slot); /* it was there a moment ago */
	}
}

/* The table must not be changed while it is walked. */
static void remember_stray(struct walk *walk, const struct mroute_entry *entry)
{
	struct mroute_entry *strays = realloc(walk->strays, (walk->nstrays + 1) * sizeof(*strays));

	if (!strays)
		return; /* it forwards nothing */
	walk->strays = strays;
	strays[walk->nstrays++] = *entry;
}

/* An entry of any source is known by its incoming interface too, which is one of those that are gone. */
static void remove_stray(struct mroute *mroute, const struct mroute_entry *entry)
{
	unsigned int n = ipaddr_is_none(&entry->source) ? GM_MAX_IFS : 1;

	for (unsigned int iif = 0; iif < n; iif++)
		(void)mroute_del(mroute, &entry->source, &entry->group, iif);
}

static void take_entry(void *arg, const struct mroute_entry *entry)
{
	struct walk *walk = arg;
	struct gm_event ev = { .type = GM_EV_INHERIT, .slot = (uint8_t)entry->iif };

	if (entry->unresolved)
		return; /* its upcall is in the queue of the socket */
	if (entry->iif >= GM_MAX_IFS) {
		remember_stray(walk, entry);
		return;
	}
	ev.flow.source = entry->source;
	ev.flow.group = entry->group;
	ev.flow.oifs = entry->oifs;
	walk->input(walk->arg, &ev);
	walk->taken++;
}

void revive_entries(struct mroute *mroute, const char *tag, void (*input)(void *arg, const struct gm_event *ev),
		    void *arg)
{
	struct walk walk = { .input = input, .arg = arg };
	int err = -EAGAIN;

	for (unsigned int round = 0; err == -EAGAIN && round < ROUNDS; round++) {
		walk.taken = 0;
		walk.nstrays = 0;
		err = mroute_dump(mroute, take_entry, &walk);
	}
	if (err < 0)
		log_warn(tag, "the kernel's forwarding entries could not all be read: %s", strerror(-err));
	for (unsigned int i = 0; i < walk.nstrays; i++)
		remove_stray(mroute, &walk.strays[i]);
	log_info(tag, "%u forwarding entries taken over", walk.taken);
	free(walk.strays);
}
