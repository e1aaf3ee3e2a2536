/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_fwd.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "core/gm_group.h"
#include "core/gm_inherit.h"
#include "core/gm_policy.h"
#include "core/gm_queue.h"
#include "core/gm_room.h"
#include "core/gm_watch.h"

/* Entries for groups nobody wants: so many a second, and so many at once, per incoming interface. */
#define UNWANTED_RATE  500
#define UNWANTED_BURST 2000
/* What has been idle so long goes when there is no room. */
#define PRESSED_IDLE mtime_from_s(5)

/* (*,G); and (*,*), where it is the group too. */
static const struct ipaddr any_source;

struct gm_route *gm_fwd_find(const struct gm *gm, const struct gm_group *group, const struct ipaddr *source)
{
	struct gm_route probe = { .key = { .source = *source } }, *route;

	probe.key.group = (struct gm_group *)group;
	HASH_FIND(hh, gm->routes, &probe.key, sizeof(probe.key), route);
	return route;
}

uint8_t gm_fwd_iif(const struct gm *gm, const struct gm_group *group, const struct ipaddr *source)
{
	uint8_t slot = gm_policy_connected(gm, source);

	return slot != GM_NO_IF ? slot : group->upstream;
}

uint32_t gm_fwd_oifs(const struct gm *gm, const struct gm_group *group, const struct ipaddr *source, uint8_t iif)
{
	uint32_t left = group->members, oifs = 0;

	if (iif == GM_NO_IF || ipaddr_is_linklocal(source) || !gm_policy_proxied(gm, &group->addr) ||
	    gm_policy_bounded(&gm->ifs[iif], &group->addr))
		return 0;
	for (unsigned int i = 0; left; i++, left &= left - 1) {
		const struct gm_rec *rec = group->recs[i];
		const struct gm_if *ifp = rec->iface;

		if (gm_if_forwards(ifp) && gm_rec_wants(rec, source) && !gm_policy_bounded(ifp, &group->addr))
			oifs |= UINT32_C(1) << ifp->slot;
	}
	oifs &= ~(UINT32_C(1) << iif);
	/*
	 * What a downstream sends goes up unconditionally (E-17). By its outputs the kernel finds an entry of any
	 * source; it leaves out the one a packet came in by.
	 */
	if ((gm->ifs[iif].conf.role == GM_ROLE_DOWNSTREAM || ipaddr_is_none(source)) && group->upstream != GM_NO_IF &&
	    !gm_policy_bounded(&gm->ifs[group->upstream], &group->addr))
		oifs |= UINT32_C(1) << group->upstream;
	return oifs;
}

/* --- one entry ---------------------------------------------------------------------------------------------------- */

static void route_free(struct gm *gm, struct gm_route *route)
{
	gm_room_set_spare(gm, route, GM_SPARE_NOT);
	DL_DELETE(route->key.group->routes, route);
	gm_room_count(gm, route->key.group, -1);
	HASH_DEL(gm->routes, route);
	free(route);
}

static int push_route(struct gm *gm, enum gm_action_type type, const struct ipaddr *source, const struct ipaddr *group,
		      uint8_t iif, uint32_t oifs)
{
	struct gm_action *a = gm_queue_push(gm, type, iif);

	if (!a)
		return -ENOMEM;
	a->route.source = *source;
	a->route.group = *group;
	a->route.oifs = oifs;
	return 0;
}

/* Removes an entry from the kernel and from here. Returns 0 or -ENOMEM, then both still have it. */
static int route_remove(struct gm *gm, struct gm_route *route)
{
	if (route->installed &&
	    push_route(gm, GM_ACT_ROUTE_DEL, &route->key.source, &route->key.group->addr, route->iif, 0) < 0)
		return -ENOMEM;
	gm_group_touch(gm, route->key.group, GM_DIRTY_EMPTY);
	route_free(gm, route);
	return 0;
}

/*
 * Brings one entry up to date. Without an incoming interface (no upstream) the entry is of no use, unless data has come
 * in somewhere: then it keeps the kernel from asking again.
 */
static int route_update(struct gm *gm, struct gm_route *route)
{
	const struct gm_group *group = route->key.group;
	uint8_t iif = gm_fwd_iif(gm, group, &route->key.source);
	uint32_t oifs = gm_fwd_oifs(gm, group, &route->key.source, iif);
	bool moved;

	if (iif == GM_NO_IF) {
		if (route->arrived == GM_NO_IF || gm->ifs[route->arrived].conf.role == GM_ROLE_NONE)
			return route_remove(gm, route);
		iif = route->arrived;
	}
	oifs |= gm_inherit_oifs(gm, route, iif);
	gm_room_set_spare(gm, route,
			  route->named || route->inherited ? GM_SPARE_NOT
			  : !oifs                          ? GM_SPARE_UNWANTED
			  : group->members                 ? GM_SPARE_NOT
							   : GM_SPARE_UP);
	if (route->installed && !route->stale && route->iif == iif && route->oifs == oifs)
		return 0;
	moved = route->installed && route->iif != iif && ipaddr_is_none(&route->key.source);
	if (push_route(gm, GM_ACT_ROUTE_SET, &route->key.source, &group->addr, iif, oifs) < 0)
		return -ENOMEM;
	/* The incoming interface is part of what an entry of any source is known by: the old one has to go. */
	if (moved && push_route(gm, GM_ACT_ROUTE_DEL, &route->key.source, &group->addr, route->iif, 0) < 0)
		return -ENOMEM;
	if (route->iif != iif)
		route->strayed_at = 0;
	route->iif = iif;
	route->oifs = oifs;
	route->installed = true;
	route->stale = false;
	return 0;
}

/* Returns 0, -ENOSPC when nothing may go that is there, or -ENOMEM. */
static int make_room(struct gm *gm, const struct gm_group *group)
{
	while (gm_room_is_full(gm)) {
		struct gm_route *victim = gm_room_victim(gm, group);
		struct gm_group *loser;
		bool named;

		if (!victim)
			return -ENOSPC;
		loser = victim->key.group;
		named = victim->named;
		if (route_remove(gm, victim) < 0)
			return -ENOMEM;
		loser->starved |= named;
	}
	return 0;
}

/* Returns 0, -ENOSPC when the limit is reached, or -ENOMEM; both are counted, and *out is NULL. */
static int route_new(struct gm *gm, struct gm_group *group, const struct ipaddr *source, uint8_t arrived, bool wanted,
		     struct gm_route **out)
{
	struct gm_route *route;
	int err = 0;

	*out = NULL;
	if (gm_room_is_full(gm))
		err = wanted ? make_room(gm, group) : -ENOSPC;
	if (err == -ENOSPC) {
		gm_count_drop(gm, arrived, GM_DROP_ROUTE_LIMIT);
		gm_queue_note(gm, arrived, GM_NOTE_ROUTE_LIMIT, &group->addr, source);
	}
	if (err < 0)
		return err;
	route = calloc(1, sizeof(*route));
	if (!route) {
		gm_count_drop(gm, arrived, GM_DROP_NO_MEMORY);
		return -ENOMEM;
	}
	route->key.source = *source;
	route->key.group = group;
	route->since = gm->now;
	route->arrived = arrived;
	route->spare = GM_SPARE_NOT;
	HASH_ADD(hh, gm->routes, key, sizeof(route->key), route);
	if (!hash_added(route)) {
		free(route);
		gm_count_drop(gm, arrived, GM_DROP_NO_MEMORY);
		return -ENOMEM;
	}
	DL_APPEND(group->routes, route);
	gm_room_count(gm, group, 1);
	*out = route;
	return 0;
}

int gm_fwd_get(struct gm *gm, uint8_t arrived, const struct ipaddr *source, const struct ipaddr *addr, bool wanted,
	       struct gm_route **out)
{
	struct gm_group *group = gm_group_get(gm, addr);

	*out = NULL;
	if (!group) {
		gm_count_drop(gm, arrived, GM_DROP_NO_MEMORY);
		return -ENOMEM;
	}
	*out = gm_fwd_find(gm, group, source);
	if (!*out)
		(void)route_new(gm, group, source, arrived, wanted, out); /* counted */
	return 0;
}

/* A bucket of UNWANTED_BURST tokens, filled at UNWANTED_RATE. */
static bool take_token(struct gm_if *ifp, mtime_t now)
{
	int64_t earned = (now - ifp->upcall_refill) * UNWANTED_RATE / mtime_from_s(1);

	if (!ifp->upcall_refill || ifp->upcall_tokens + earned >= UNWANTED_BURST) {
		ifp->upcall_tokens = UNWANTED_BURST;
		ifp->upcall_refill = now;
	} else {
		ifp->upcall_tokens += (uint32_t)earned;
		ifp->upcall_refill += earned * mtime_from_s(1) / UNWANTED_RATE;
	}
	if (!ifp->upcall_tokens)
		return false;
	ifp->upcall_tokens--;
	return true;
}

/* --- shared entries ----------------------------------------------------------------------------------------------- */

/*
 * Linux forwards by an entry of any source (*,G) what arrives on its parent or on any output of the parent's entry of
 * any group (*,*). It looks at no source, nor whether the packet is one of its own: what it has sent out of an
 * interface on which this machine is a member of the group comes in there again. So the shared entries serve what comes
 * from above alone, and what the hosts below send has entries of its own, as in per-source mode: such a copy comes in
 * by the wrong interface then. (*,*) is only there to drop in silence what nobody has asked for.
 */
bool gm_fwd_is_wildcard(const struct gm *gm, const struct gm_group *group)
{
	return gm->conf.wildcard && group->upstream != GM_NO_IF;
}

/* Data of the source that arrives on this interface has an entry of its own. */
static bool by_source(const struct gm *gm, const struct gm_group *group, uint8_t slot, const struct ipaddr *source)
{
	return !gm_fwd_is_wildcard(gm, group) || ipaddr_is_linklocal(source) ||
	       gm->ifs[slot].conf.role == GM_ROLE_DOWNSTREAM;
}

/* Where data of a source with no entry of its own goes out; `any` are the outputs of its group's (*,G). */
static uint32_t shared_oifs(const struct gm_group *group, uint8_t iif, uint32_t any)
{
	return iif == group->upstream ? any & ~(UINT32_C(1) << iif) : 0;
}

/* --- what the kernel tells ---------------------------------------------------------------------------------------- */

/* A member waits for this. What hosts send up does not count: it is not what they have asked for. */
static bool has_takers(const struct gm *gm, const struct gm_group *group, const struct ipaddr *source)
{
	uint8_t iif;

	if (!group || !group->members)
		return false;
	iif = gm_fwd_iif(gm, group, source);
	return gm_fwd_oifs(gm, group, source, iif) & group->members;
}

int gm_fwd_upcall(struct gm *gm, uint8_t slot, const struct ipaddr *source, const struct ipaddr *addr)
{
	struct gm_route *route;
	bool wanted;
	int err;

	if (!ipaddr_is_unicast_source(source) || !ipaddr_is_multicast(addr))
		return 0;
	wanted = has_takers(gm, gm_group_find(gm, addr), source);
	if (!wanted && !take_token(&gm->ifs[slot], gm->now)) {
		gm_count_drop(gm, slot, GM_DROP_UPCALL_RATE);
		return 0;
	}
	err = gm_fwd_get(gm, slot, source, addr, wanted, &route);
	if (!route)
		return err;
	if (ipaddr_is_linklocal(source))
		gm_count_drop(gm, slot, GM_DROP_LINK_LOCAL);
	route->arrived = slot;
	/* The kernel would not ask if it had the entry. */
	route->installed = false;
	gm_group_touch_source(gm, route->key.group, source, GM_DIRTY_ENTRIES);
	return 0;
}

/*
 * Between two packets that strayed to the same interface others have come in where they are expected: the source is
 * heard on both. Two upstreams that both deliver are no loop, and usual for a while after one has taken over.
 */
static void look_for_twice(struct gm *gm, struct gm_route *route, uint8_t slot, uint64_t expected)
{
	if (slot != route->iif && route->strayed == slot && route->strayed_at &&
	    gm->now - route->strayed_at < GM_WATCH_TWICE && expected > route->strayed_expected &&
	    (gm->ifs[slot].conf.role == GM_ROLE_DOWNSTREAM || gm->ifs[route->iif].conf.role == GM_ROLE_DOWNSTREAM))
		gm_watch_twice(&gm->ifs[slot], route->iif, &route->key.source, &route->key.group->addr);
	route->strayed = slot;
	route->strayed_at = gm->now;
	route->strayed_expected = expected;
}

/* What (*,G) has sent out comes back where this machine is a member, and hosts may send with any address. */
static bool is_stray(const struct gm *gm, const struct gm_group *group, uint8_t slot, const struct ipaddr *source)
{
	return gm_fwd_is_wildcard(gm, group) && gm_fwd_iif(gm, group, source) != slot;
}

int gm_fwd_wrong_if(struct gm *gm, const struct gm_event *ev)
{
	const struct ipaddr *source = &ev->flow.source, *addr = &ev->flow.group;
	struct gm_group *group = gm_group_find(gm, addr);
	struct gm_route *route;
	uint8_t slot = ev->slot;

	/* No source is the key of the entry for any. */
	if (!group || gm_group_is_over(group) || !ipaddr_is_unicast_source(source))
		return 0;
	route = gm_fwd_find(gm, group, source);
	if (route) {
		if (!ev->flow.own)
			look_for_twice(gm, route, slot, ev->flow.expected);
		gm_group_touch_source(gm, group, source, GM_DIRTY_ENTRIES);
	} else if (by_source(gm, group, slot, source) && !is_stray(gm, group, slot, source)) {
		return gm_fwd_upcall(gm, slot, source, addr); /* its group's (*,G) stood in the way of asking */
	}
	return 0;
}

/* The kernel does not ask about a source below when it finds an entry of any source by its outputs. */
static bool is_unasked(const struct gm *gm, const struct gm_group *group, uint8_t slot, const struct ipaddr *source)
{
	const struct gm_route *any;

	if (!group || gm->ifs[slot].conf.role != GM_ROLE_DOWNSTREAM || is_stray(gm, group, slot, source))
		return false;
	any = gm_fwd_find(gm, group, &any_source);
	return any && any->oifs & UINT32_C(1) << slot;
}

int gm_fwd_seen(struct gm *gm, uint8_t slot, const struct ipaddr *source, const struct ipaddr *addr)
{
	const struct gm_group *group = gm_group_find(gm, addr);

	if (!gm->conf.wildcard || (group && gm_fwd_find(gm, group, source)))
		return 0;
	if (!ipaddr_is_linklocal(source) && !is_unasked(gm, group, slot, source))
		return 0;
	return gm_fwd_upcall(gm, slot, source, addr);
}

void gm_fwd_idle(struct gm *gm, const struct ipaddr *source, const struct ipaddr *addr, mtime_t idle)
{
	struct gm_group *group = gm_group_find(gm, addr);
	struct gm_route *route = group ? gm_fwd_find(gm, group, source) : NULL;
	mtime_t limit = gm->conf.idle_timeout;

	if (gm_room_is_full(gm))
		limit = mtime_min(limit, PRESSED_IDLE);
	if (route && !route->named && gm->conf.idle_timeout && idle >= limit)
		route_remove(gm, route);
}

void gm_fwd_clear(struct gm *gm, const struct ipaddr *source, const struct ipaddr *addr)
{
	struct gm_route *route, *next;

	HASH_ITER (hh, gm->routes, route, next) {
		if (!ipaddr_is_none(addr) && !ipaddr_eq(addr, &route->key.group->addr))
			continue;
		if (!ipaddr_is_none(source) && !ipaddr_eq(source, &route->key.source))
			continue;
		gm_group_touch(gm, route->key.group, GM_DIRTY_ROUTES);
		/* Its members are not known yet: nothing would bring it back. */
		if (route->inherited)
			route->stale = true;
		else if (route_remove(gm, route) < 0)
			return; /* counted; what is left can be cleared again */
	}
}

/* --- what there has to be ----------------------------------------------------------------------------------------- */

/* What shared_oifs() wants to know. */
static uint32_t any_oifs(const struct gm *gm, const struct gm_group *group)
{
	return gm_fwd_is_wildcard(gm, group) && group->excluding ? gm_fwd_oifs(gm, group, &any_source, group->upstream)
								 : 0;
}

/* In wildcard mode a source has an entry when it is treated differently from the others. */
static bool names(const struct gm *gm, const struct gm_group *group, const struct gm_msrc *src, uint32_t any)
{
	uint8_t iif;

	if (!gm_fwd_is_wildcard(gm, group))
		return src->includers;
	iif = gm_fwd_iif(gm, group, &src->addr);
	return src->listers && gm_fwd_oifs(gm, group, &src->addr, iif) != shared_oifs(group, iif, any);
}

/* The same for an address, which may be none. */
static bool names_addr(const struct gm *gm, const struct gm_group *group, const struct ipaddr *source, uint32_t any)
{
	const struct gm_msrc *src = gm_group_source(group, source);

	if (ipaddr_is_none(source))
		return gm_fwd_is_wildcard(gm, group) && group->excluding;
	return src && names(gm, group, src, any);
}

bool gm_fwd_names(const struct gm *gm, const struct gm_group *group, const struct ipaddr *source)
{
	return names_addr(gm, group, source, any_oifs(gm, group));
}

/* With an `err` of one before, no more are made. */
static void name_source(struct gm *gm, struct gm_group *group, const struct ipaddr *source, int *err)
{
	struct gm_route *route = gm_fwd_find(gm, group, source);

	if (!route && !*err && gm_fwd_iif(gm, group, source) != GM_NO_IF)
		*err = route_new(gm, group, source, GM_NO_IF, true, &route);
	if (!route)
		return;
	route->named = true;
	gm_room_set_spare(gm, route, GM_SPARE_NOT); /* before the next one looks for room */
}

/* Those without room wait. Returns 0 or -ENOMEM. */
static int end_naming(struct gm_group *group, int err)
{
	group->starved |= err == -ENOSPC;
	return err == -ENOMEM ? err : 0;
}

/* Entries that membership asks for, whether there is data or not. */
static int name_routes(struct gm *gm, struct gm_group *group)
{
	uint32_t any = any_oifs(gm, group);
	int err = 0;

	for (struct gm_route *route = group->routes; route; route = route->next)
		route->named = false;
	group->starved = false;
	if (names_addr(gm, group, &any_source, any))
		name_source(gm, group, &any_source, &err);
	for (uint32_t i = 0; i < group->nsources; i++) {
		if (names(gm, group, &group->sources[i], any))
			name_source(gm, group, &group->sources[i].addr, &err);
	}
	return end_naming(group, err);
}

static int name_touched(struct gm *gm, struct gm_group *group)
{
	uint32_t any = any_oifs(gm, group);
	int err = 0;

	for (uint32_t i = 0; i < group->ntouched; i++) {
		struct gm_route *route = gm_fwd_find(gm, group, &group->touched[i]);

		if (route)
			route->named = false;
		if (names_addr(gm, group, &group->touched[i], any))
			name_source(gm, group, &group->touched[i], &err);
	}
	return end_naming(group, err);
}

/* Entries nobody named are kept for the data that flows, unless that has a shared one. */
static bool kept(const struct gm *gm, const struct gm_route *route)
{
	if (route->named || route->inherited)
		return true;
	/* Only a named one of any source is of this mode. */
	return !ipaddr_is_none(&route->key.source) && route->arrived != GM_NO_IF &&
	       by_source(gm, route->key.group, route->arrived, &route->key.source);
}

static int flush_all(struct gm *gm, struct gm_group *group)
{
	struct gm_route *route, *next;
	int named = name_routes(gm, group), err;

	/* What takes over is there before what it replaces goes. */
	DL_FOREACH_SAFE (group->routes, route, next) {
		if (!kept(gm, route))
			continue;
		err = route_update(gm, route);
		if (err < 0)
			return err;
	}
	DL_FOREACH_SAFE (group->routes, route, next) {
		if (kept(gm, route))
			continue;
		err = route_remove(gm, route);
		if (err < 0)
			return err;
	}
	return named;
}

/* The same for the touched sources. */
static int flush_touched(struct gm *gm, struct gm_group *group)
{
	struct gm_route *route;
	int named = name_touched(gm, group), err;

	for (uint32_t i = 0; i < group->ntouched; i++) {
		route = gm_fwd_find(gm, group, &group->touched[i]);
		err = route && kept(gm, route) ? route_update(gm, route) : 0;
		if (err < 0)
			return err;
	}
	for (uint32_t i = 0; i < group->ntouched; i++) {
		route = gm_fwd_find(gm, group, &group->touched[i]);
		err = route && !kept(gm, route) ? route_remove(gm, route) : 0;
		if (err < 0)
			return err;
	}
	return named;
}

int gm_fwd_flush(struct gm *gm, struct gm_group *group)
{
	return group->dirty & GM_DIRTY_ROUTES ? flush_all(gm, group) : flush_touched(gm, group);
}

/* Whose turn it is: entries are made before the groups rely on them, and removed when none does any more. */
static int flush_any(struct gm *gm, bool removals)
{
	for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
		const struct gm_if_conf *conf = &gm->ifs[i].conf;
		bool is_wanted = gm->conf.wildcard && conf->role == GM_ROLE_UPSTREAM && conf->up;
		uint32_t slot = UINT32_C(1) << i, oifs = is_wanted ? slot : 0;

		if ((oifs == gm->any_oifs[i] && !(gm->any_stale & slot)) || removals != !oifs)
			continue;
		if (push_route(gm, oifs ? GM_ACT_ROUTE_SET : GM_ACT_ROUTE_DEL, &any_source, &any_source, (uint8_t)i,
			       oifs) < 0)
			return -ENOMEM;
		gm->any_oifs[i] = oifs;
		gm->any_stale &= ~slot;
	}
	return 0;
}

int gm_fwd_open_any(struct gm *gm)
{
	return flush_any(gm, false);
}

int gm_fwd_close_any(struct gm *gm)
{
	return flush_any(gm, true);
}

void gm_fwd_resync(struct gm *gm)
{
	for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
		if (gm->any_oifs[i])
			gm->any_stale |= UINT32_C(1) << i;
	}
	for (struct gm_route *route = gm->routes; route; route = route->hh.next) {
		route->stale = true;
		gm_group_touch(gm, route->key.group, GM_DIRTY_ROUTES);
	}
}

void gm_fwd_free_all(struct gm *gm)
{
	struct gm_route *route, *next;

	HASH_ITER (hh, gm->routes, route, next)
		route_free(gm, route);
}
