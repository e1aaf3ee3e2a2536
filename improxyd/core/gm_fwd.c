/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_fwd.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "core/gm_group.h"
#include "core/gm_policy.h"
#include "core/gm_queue.h"

/* Entries for groups nobody wants: so many a second, and so many at once, per incoming interface. */
#define UNWANTED_RATE  500
#define UNWANTED_BURST 2000

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
	 * What a downstream sends goes up unconditionally (E-17). An entry of any source serves senders on all
	 * interfaces, of which the kernel leaves out the one a packet came in by.
	 */
	if ((gm->ifs[iif].conf.role == GM_ROLE_DOWNSTREAM || ipaddr_is_none(source)) && group->upstream != GM_NO_IF &&
	    !gm_policy_bounded(&gm->ifs[group->upstream], &group->addr))
		oifs |= UINT32_C(1) << group->upstream;
	return oifs;
}

static void route_free(struct gm *gm, struct gm_route *route)
{
	DL_DELETE(route->key.group->routes, route);
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
	if (route->installed && route->iif == iif && route->oifs == oifs)
		return 0;
	moved = route->installed && route->iif != iif && ipaddr_is_none(&route->key.source);
	if (push_route(gm, GM_ACT_ROUTE_SET, &route->key.source, &group->addr, iif, oifs) < 0)
		return -ENOMEM;
	/* The incoming interface is part of what an entry of any source is known by: the old one has to go. */
	if (moved && push_route(gm, GM_ACT_ROUTE_DEL, &route->key.source, &group->addr, route->iif, 0) < 0)
		return -ENOMEM;
	route->iif = iif;
	route->oifs = oifs;
	route->installed = true;
	return 0;
}

/* Returns NULL when the limit is reached or memory is short. */
static struct gm_route *route_new(struct gm *gm, struct gm_group *group, const struct ipaddr *source, uint8_t arrived)
{
	struct gm_route *route;

	if (gm->conf.route_limit && HASH_COUNT(gm->routes) >= gm->conf.route_limit) {
		gm_count_drop(gm, arrived, GM_DROP_ROUTE_LIMIT);
		gm_queue_note(gm, arrived, GM_NOTE_ROUTE_LIMIT, &group->addr, source);
		return NULL;
	}
	route = calloc(1, sizeof(*route));
	if (!route) {
		gm_count_drop(gm, arrived, GM_DROP_NO_MEMORY);
		return NULL;
	}
	route->key.source = *source;
	route->key.group = group;
	route->since = gm->now;
	route->arrived = arrived;
	HASH_ADD(hh, gm->routes, key, sizeof(route->key), route);
	if (!hash_added(route)) {
		free(route);
		gm_count_drop(gm, arrived, GM_DROP_NO_MEMORY);
		return NULL;
	}
	DL_APPEND(group->routes, route);
	return route;
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

int gm_fwd_upcall(struct gm *gm, uint8_t slot, const struct ipaddr *source, const struct ipaddr *addr)
{
	struct gm_group *group = gm_group_find(gm, addr);
	struct gm_route *route;

	if (!ipaddr_is_unicast_source(source) || !ipaddr_is_multicast(addr))
		return 0;
	if ((!group || !group->members) && !take_token(&gm->ifs[slot], gm->now)) {
		gm_count_drop(gm, slot, GM_DROP_UPCALL_RATE);
		return 0;
	}
	group = gm_group_get(gm, addr);
	if (!group) {
		gm_count_drop(gm, slot, GM_DROP_NO_MEMORY);
		return -ENOMEM;
	}
	route = gm_fwd_find(gm, group, source);
	if (!route)
		route = route_new(gm, group, source, slot);
	if (!route)
		return 0;
	route->arrived = slot;
	/* The kernel would not ask if it had the entry. */
	route->installed = false;
	gm_group_touch(gm, group, GM_DIRTY_ROUTES);
	return 0;
}

void gm_fwd_wrong_if(struct gm *gm, const struct ipaddr *source, const struct ipaddr *addr)
{
	struct gm_group *group = gm_group_find(gm, addr);

	if (group && gm_fwd_find(gm, group, source))
		gm_group_touch(gm, group, GM_DIRTY_ROUTES);
}

void gm_fwd_idle(struct gm *gm, const struct ipaddr *source, const struct ipaddr *addr, mtime_t idle)
{
	struct gm_group *group = gm_group_find(gm, addr);
	struct gm_route *route = group ? gm_fwd_find(gm, group, source) : NULL;

	if (route && !route->named && gm->conf.idle_timeout && idle >= gm->conf.idle_timeout)
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
		if (route_remove(gm, route) < 0)
			return; /* counted; what is left can be cleared again */
	}
}

static void name_source(struct gm *gm, struct gm_group *group, const struct ipaddr *source)
{
	struct gm_route *route = gm_fwd_find(gm, group, source);

	if (!route && gm_fwd_iif(gm, group, source) != GM_NO_IF)
		route = route_new(gm, group, source, GM_NO_IF);
	if (route)
		route->named = true;
}

/* One entry for any source, and one for each source that is treated differently. */
static void name_wildcard(struct gm *gm, struct gm_group *group)
{
	static const struct ipaddr any;
	uint32_t all = 0;

	if (group->excluding) {
		all = gm_fwd_oifs(gm, group, &any, group->upstream);
		name_source(gm, group, &any);
	}
	for (uint32_t i = 0; i < group->nsources; i++) {
		const struct ipaddr *source = &group->sources[i].addr;
		uint8_t iif = gm_fwd_iif(gm, group, source);
		uint32_t base = all;

		if (!group->sources[i].listers)
			continue;
		/* Without an entry of its own the group falls to the one of any group, which leads up. */
		if (!group->excluding && gm->ifs[iif].conf.role == GM_ROLE_DOWNSTREAM)
			base = UINT32_C(1) << group->upstream;
		if (gm_fwd_oifs(gm, group, source, iif) != (base & ~(UINT32_C(1) << iif)))
			name_source(gm, group, source);
	}
}

/* Entries that membership asks for, whether there is data or not. */
static void name_routes(struct gm *gm, struct gm_group *group)
{
	for (struct gm_route *route = group->routes; route; route = route->next)
		route->named = false;
	if (gm_fwd_is_wildcard(gm, group)) {
		name_wildcard(gm, group);
		return;
	}
	for (uint32_t i = 0; i < group->nsources; i++) {
		if (group->sources[i].includers)
			name_source(gm, group, &group->sources[i].addr);
	}
}

bool gm_fwd_is_wildcard(const struct gm *gm, const struct gm_group *group)
{
	return gm->conf.wildcard && group->upstream != GM_NO_IF;
}

/* Entries nobody named are kept for the data that flows; in wildcard mode none has to be. */
static bool kept(const struct gm *gm, const struct gm_route *route)
{
	return route->named || (route->arrived != GM_NO_IF && !gm_fwd_is_wildcard(gm, route->key.group));
}

int gm_fwd_flush(struct gm *gm, struct gm_group *group)
{
	struct gm_route *route, *next;
	int err;

	name_routes(gm, group);
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
	return 0;
}

/* The interfaces that any group may come from and go to by way of this upstream; 0: no entry. */
static uint32_t any_group_oifs(const struct gm *gm, const struct gm_if *up)
{
	uint32_t oifs = 0;

	if (!gm->conf.wildcard || up->conf.role != GM_ROLE_UPSTREAM || !up->conf.up)
		return 0;
	for (const struct gm_if *ifp = gm->ifs; ifp < gm->ifs + GM_MAX_IFS; ifp++) {
		if (ifp == up || gm_if_listening(ifp))
			oifs |= UINT32_C(1) << ifp->slot;
	}
	return oifs;
}

int gm_fwd_flush_any(struct gm *gm)
{
	static const struct ipaddr any;

	for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
		uint32_t oifs = any_group_oifs(gm, &gm->ifs[i]);

		if (oifs == gm->any_oifs[i])
			continue;
		if (push_route(gm, oifs ? GM_ACT_ROUTE_SET : GM_ACT_ROUTE_DEL, &any, &any, (uint8_t)i, oifs) < 0)
			return -ENOMEM;
		gm->any_oifs[i] = oifs;
	}
	return 0;
}

void gm_fwd_resync(struct gm *gm)
{
	for (unsigned int i = 0; i < GM_MAX_IFS; i++)
		gm->any_oifs[i] = 0;
	for (struct gm_route *route = gm->routes; route; route = route->hh.next) {
		route->installed = false;
		gm_group_touch(gm, route->key.group, GM_DIRTY_ROUTES);
	}
}

void gm_fwd_free_all(struct gm *gm)
{
	struct gm_route *route, *next;

	HASH_ITER (hh, gm->routes, route, next)
		route_free(gm, route);
}
