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
	/* What a downstream sends goes up unconditionally (E-17). */
	if (gm->ifs[iif].conf.role == GM_ROLE_DOWNSTREAM && group->upstream != GM_NO_IF &&
	    !gm_policy_bounded(&gm->ifs[group->upstream], &group->addr))
		oifs |= UINT32_C(1) << group->upstream;
	return oifs & ~(UINT32_C(1) << iif);
}

static void route_free(struct gm *gm, struct gm_route *route)
{
	DL_DELETE(route->key.group->routes, route);
	HASH_DEL(gm->routes, route);
	free(route);
}

/* Removes an entry from the kernel and from here. Returns 0 or -ENOMEM, then both still have it. */
static int route_remove(struct gm *gm, struct gm_route *route)
{
	if (route->installed) {
		struct gm_action *a = gm_queue_push(gm, GM_ACT_ROUTE_DEL, route->iif);

		if (!a)
			return -ENOMEM;
		a->route.source = route->key.source;
		a->route.group = route->key.group->addr;
	}
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
	struct gm_action *a;

	if (iif == GM_NO_IF) {
		if (route->arrived == GM_NO_IF || gm->ifs[route->arrived].conf.role == GM_ROLE_NONE)
			return route_remove(gm, route);
		iif = route->arrived;
	}
	if (route->installed && route->iif == iif && route->oifs == oifs)
		return 0;
	a = gm_queue_push(gm, GM_ACT_ROUTE_SET, iif);
	if (!a)
		return -ENOMEM;
	a->route.source = route->key.source;
	a->route.group = group->addr;
	a->route.oifs = oifs;
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

	if (earned > 0) {
		int64_t tokens = ifp->upcall_tokens + earned;

		ifp->upcall_tokens = tokens > UNWANTED_BURST ? UNWANTED_BURST : (uint32_t)tokens;
		ifp->upcall_refill = now;
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

/* Sources that a member names get their entry before their data comes. */
static void name_sources(struct gm *gm, struct gm_group *group)
{
	for (struct gm_route *route = group->routes; route; route = route->next)
		route->named = false;
	for (uint32_t i = 0; i < group->nsources; i++) {
		const struct gm_msrc *src = &group->sources[i];
		struct gm_route *route;

		if (!src->includers)
			continue;
		route = gm_fwd_find(gm, group, &src->addr);
		if (!route && gm_fwd_iif(gm, group, &src->addr) != GM_NO_IF)
			route = route_new(gm, group, &src->addr, GM_NO_IF);
		if (route)
			route->named = true;
	}
}

int gm_fwd_flush(struct gm *gm, struct gm_group *group)
{
	struct gm_route *route, *next;

	name_sources(gm, group);
	DL_FOREACH_SAFE (group->routes, route, next) {
		int err = 0;

		/* Made for a name that is gone, and no data ever came. */
		if (!route->named && route->arrived == GM_NO_IF)
			err = route_remove(gm, route);
		else
			err = route_update(gm, route);
		if (err < 0)
			return err;
	}
	return 0;
}

void gm_fwd_resync(struct gm *gm)
{
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
