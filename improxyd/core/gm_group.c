/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "core/gm_fwd.h"
#include "core/gm_host.h"
#include "core/gm_queue.h"
#include "core/gm_room.h"

struct gm_group *gm_group_find(const struct gm *gm, const struct ipaddr *addr)
{
	struct gm_group *group;

	HASH_FIND(hh, gm->groups, addr, sizeof(*addr), group);
	return group;
}

struct gm_group *gm_group_get(struct gm *gm, const struct ipaddr *addr)
{
	struct gm_group *group = gm_group_find(gm, addr);

	if (group)
		return group;
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->addr = *addr;
	group->upstream = GM_NO_IF;
	group->sent_slot = GM_NO_IF;
	HASH_ADD(hh, gm->groups, addr, sizeof(group->addr), group);
	if (!hash_added(group)) {
		free(group);
		return NULL;
	}
	gm_group_touch(gm, group, GM_DIRTY_CHOICE);
	return group;
}

void gm_group_touch(struct gm *gm, struct gm_group *group, unsigned int why)
{
	if (!group->dirty) {
		if (group->starved)
			DL_DELETE2(gm->starving, group, list_prev, list_next);
		DL_APPEND2(gm->dirty, group, list_prev, list_next);
	}
	group->dirty |= (uint8_t)why;
}

/* So many sources are looked at one by one. If there are more, each pays for a share of the whole that is no larger. */
static uint32_t touched_most(const struct gm_group *group)
{
	return 16 + (group->nsources > group->nroutes ? group->nsources : group->nroutes) / 8;
}

static bool note_touched(struct gm_group *group, const struct ipaddr *source)
{
	if (group->ntouched >= touched_most(group))
		return false;
	if (group->ntouched == group->touched_cap) {
		uint32_t cap = group->touched_cap ? group->touched_cap * 2 : 2;
		struct ipaddr *v = realloc(group->touched, cap * sizeof(*v));

		if (!v)
			return false;
		group->touched = v;
		group->touched_cap = cap;
	}
	group->touched[group->ntouched++] = *source;
	return true;
}

static void forget_touched(struct gm_group *group)
{
	free(group->touched);
	group->touched = NULL;
	group->ntouched = group->touched_cap = 0;
}

void gm_group_touch_source(struct gm *gm, struct gm_group *group, const struct ipaddr *source, unsigned int why)
{
	unsigned int whole =
		(why & GM_DIRTY_LISTED ? GM_DIRTY_UPSTREAM : 0u) | (why & GM_DIRTY_ENTRIES ? GM_DIRTY_ROUTES : 0u);

	if ((group->dirty & whole) == whole)
		return;
	gm_group_touch(gm, group, note_touched(group, source) ? why : whole);
}

void gm_group_touch_members(struct gm_if *ifp, unsigned int why)
{
	/* Members of a former life have no records yet. */
	if (ifp->gm->relearned)
		gm_group_touch_all(ifp->gm, why);
	for (struct gm_rec *rec = ifp->recs; rec; rec = rec->next)
		gm_group_touch(ifp->gm, rec->group, why);
}

void gm_group_touch_all(struct gm *gm, unsigned int why)
{
	for (struct gm_group *group = gm->groups; group; group = group->hh.next)
		gm_group_touch(gm, group, why);
}

/* The records of a group stand in the order of their slots: the rank of a slot among the members is its index. */
static unsigned int rank_of(const struct gm_group *group, uint8_t slot)
{
	return (unsigned int)__builtin_popcount(group->members & ((UINT32_C(1) << slot) - 1));
}

struct gm_rec *gm_group_rec(const struct gm_group *group, uint8_t slot)
{
	if (!(group->members & UINT32_C(1) << slot))
		return NULL;
	return group->recs[rank_of(group, slot)];
}

struct gm_rec *gm_rec_new(struct gm_group *group, struct gm_if *ifp)
{
	unsigned int n = (unsigned int)__builtin_popcount(group->members), rank = rank_of(group, ifp->slot);
	struct gm_rec **recs = realloc(group->recs, (n + 1) * sizeof(struct gm_rec *));
	struct gm_rec *rec;

	if (!recs)
		return NULL;
	group->recs = recs;
	rec = calloc(1, sizeof(*rec));
	if (!rec)
		return NULL;
	memmove(&recs[rank + 1], &recs[rank], (n - rank) * sizeof(struct gm_rec *));
	recs[rank] = rec;
	group->members |= UINT32_C(1) << ifp->slot;
	rec->group = group;
	rec->iface = ifp;
	rec->since = ifp->gm->now;
	DL_APPEND(ifp->recs, rec);
	ifp->nrecs++;
	ifp->gm->nrecs++;
	/* A group with members keeps entries that one without gives up. */
	if (n == 0)
		gm_group_touch(ifp->gm, group, GM_DIRTY_UPSTREAM | GM_DIRTY_ROUTES);
	gm_queue_note(ifp->gm, ifp->slot, GM_NOTE_GROUP_JOINED, &group->addr, NULL);
	return rec;
}

void gm_rec_free(struct gm_rec *rec)
{
	struct gm_group *group = rec->group;
	struct gm_if *ifp = rec->iface;
	struct gm *gm = ifp->gm;
	unsigned int rank = rank_of(group, ifp->slot);
	unsigned int n = (unsigned int)__builtin_popcount(group->members);

	memmove(&group->recs[rank], &group->recs[rank + 1], (n - rank - 1) * sizeof(struct gm_rec *));
	group->members &= ~(UINT32_C(1) << ifp->slot);
	DL_DELETE(ifp->recs, rec);
	ifp->nrecs--;
	gm->nrecs--;
	theap_remove(&gm->rec_timers, &rec->timer);
	gm_queue_note(gm, ifp->slot, GM_NOTE_GROUP_LEFT, &group->addr, NULL);
	gm_group_touch(gm, group, GM_DIRTY_UPSTREAM | GM_DIRTY_ROUTES);
	gm_hosts_free(&rec->hosts, &gm->hosts_used);
	gm_set_free(&rec->sources);
	free(rec);
}

void gm_rec_arm(struct gm_rec *rec, mtime_t deadline)
{
	if (deadline != MTIME_NEVER && (!theap_armed(&rec->timer) || deadline < rec->timer.deadline))
		theap_set(&rec->iface->gm->rec_timers, &rec->timer, deadline);
}

static void group_free(struct gm *gm, struct gm_group *group)
{
	HASH_DEL(gm->groups, group);
	theap_remove(&gm->hold_timers, &group->hold);
	free(group->recs);
	free(group->sources);
	free(group->touched);
	free(group);
}

/* Returns false when memory was short and the group has to be settled again. */
static bool settle(struct gm *gm, struct gm_group *group)
{
	if (group->dirty & GM_DIRTY_CHOICE)
		gm_host_choose(gm, group);
	group->ntouched = gm_addrs_sort(group->touched, group->ntouched);
	if (group->dirty & (GM_DIRTY_UPSTREAM | GM_DIRTY_LISTED)) {
		if (gm_host_flush(gm, group) < 0)
			return false;
		group->dirty &= (uint8_t) ~(GM_DIRTY_UPSTREAM | GM_DIRTY_LISTED);
	}
	if (group->dirty & (GM_DIRTY_ROUTES | GM_DIRTY_ENTRIES)) {
		if (gm_fwd_flush(gm, group) < 0)
			return false;
		group->dirty &= (uint8_t) ~(GM_DIRTY_ROUTES | GM_DIRTY_ENTRIES);
	}
	forget_touched(group);
	return true;
}

/* Off the list, with what there is to do done. */
static void end_settling(struct gm *gm, struct gm_group *group)
{
	group->dirty = 0;
	DL_DELETE2(gm->dirty, group, list_prev, list_next);
	if (gm_group_is_over(group))
		group_free(gm, group);
	else if (group->starved)
		DL_APPEND2(gm->starving, group, list_prev, list_next);
}

/* One more to be settled: there is room for what it waits for. NULL: there is none. */
static struct gm_group *wake(struct gm *gm)
{
	struct gm_group *group = gm->starving;

	if (!group)
		return NULL;
	if (gm_room_is_for(gm, group)) {
		gm_group_touch(gm, group, GM_DIRTY_ROUTES);
		return group;
	}
	/* The next one is looked at the next time. */
	DL_DELETE2(gm->starving, group, list_prev, list_next);
	DL_APPEND2(gm->starving, group, list_prev, list_next);
	return NULL;
}

void gm_group_settle(struct gm *gm, unsigned int most)
{
	struct gm_group *group, *next;

	gm->unsettled = false;
	/* What could not be queued now is seen again at the next settling. */
	if (gm_fwd_open_any(gm) < 0)
		return;
	for (group = gm->dirty; group && most; group = next ? next : wake(gm)) {
		bool done = settle(gm, group);

		/* Only now: settling one group may touch another. */
		next = group->list_next;
		if (!done)
			continue;
		most--;
		end_settling(gm, group);
	}
	gm->unsettled = group != NULL;
	if (!gm->unsettled)
		(void)gm_fwd_close_any(gm); /* counted */
}

void gm_group_free_all(struct gm *gm)
{
	struct gm_group *group, *next;

	gm_for_each_if (gm, ifp) {
		while (ifp->recs)
			gm_rec_free(ifp->recs);
	}
	gm_fwd_free_all(gm);
	HASH_ITER (hh, gm->groups, group, next)
		group_free(gm, group);
	gm->dirty = gm->starving = NULL;
}
