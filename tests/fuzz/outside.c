/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/outside.h"

#include <string.h>

#include "core/gm_policy.h"
#include "core/gm_state.h"
#include "tests/fuzz/ensure.h"

struct outside_filter {
	uint8_t slot;
	struct ipaddr group;
	enum gm_mode mode;
	unsigned int nsources;
	struct ipaddr *sources;
};

struct outside_route {
	uint8_t iif;
	struct ipaddr source, group;
	uint32_t oifs;
	bool lost; /* perhaps: it is to be set again, or removed */
};

/* --- filters --- */

static struct outside_filter *filter_find(const struct outside *out, uint8_t slot, const struct ipaddr *group)
{
	for (size_t i = 0; i < out->nfilters; i++) {
		if (out->filters[i].slot == slot && ipaddr_eq(&out->filters[i].group, group))
			return &out->filters[i];
	}
	return NULL;
}

static void filter_remove(struct outside *out, struct outside_filter *filter)
{
	free(filter->sources);
	*filter = out->filters[--out->nfilters];
}

static void check_sorted(const struct ipaddr *v, unsigned int n)
{
	for (unsigned int i = 1; i < n; i++)
		ENSURE(ipaddr_cmp(&v[i - 1], &v[i]) < 0);
}

static void filter_set(struct outside *out, const struct gm *gm, const struct gm_action *a)
{
	struct outside_filter *filter = filter_find(out, a->slot, &a->upstream.group);
	size_t size = a->upstream.nsources * sizeof(*a->upstream.sources);

	ENSURE(a->slot < GM_MAX_IFS && gm->ifs[a->slot].conf.role == GM_ROLE_UPSTREAM);
	ENSURE(gm_policy_proxied(gm, &a->upstream.group));
	check_sorted(a->upstream.sources, a->upstream.nsources);
	if (filter)
		filter_remove(out, filter);
	if (a->upstream.mode == GM_INCLUDE && !a->upstream.nsources) {
		ENSURE(filter);
		return;
	}
	out->filters = realloc(out->filters, (out->nfilters + 1) * sizeof(*out->filters));
	ENSURE(out->filters);
	filter = &out->filters[out->nfilters++];
	*filter = (struct outside_filter){ a->slot, a->upstream.group, a->upstream.mode, a->upstream.nsources, NULL };
	if (!size)
		return;
	filter->sources = malloc(size);
	ENSURE(filter->sources);
	memcpy(filter->sources, a->upstream.sources, size);
}

void outside_lose_filters(struct outside *out, uint8_t slot)
{
	for (size_t i = out->nfilters; i-- > 0;) {
		if (out->filters[i].slot == slot)
			filter_remove(out, &out->filters[i]);
	}
}

/* --- forwarding entries --- */

/* An entry of any source is known by its incoming interface too. */
static struct outside_route *route_find(const struct outside *out, const struct ipaddr *source,
					const struct ipaddr *group, uint8_t iif)
{
	for (size_t i = 0; i < out->nroutes; i++) {
		struct outside_route *r = &out->routes[i];

		if (ipaddr_eq(&r->source, source) && ipaddr_eq(&r->group, group) &&
		    (r->iif == iif || !ipaddr_is_none(source)))
			return r;
	}
	return NULL;
}

bool outside_has_route(const struct outside *out, const struct ipaddr *source, const struct ipaddr *group)
{
	return route_find(out, source, group, GM_NO_IF);
}

static void route_set(struct outside *out, const struct gm *gm, const struct gm_action *a)
{
	struct outside_route *r = route_find(out, &a->route.source, &a->route.group, a->slot);

	ENSURE(a->slot < GM_MAX_IFS && gm->ifs[a->slot].conf.role != GM_ROLE_NONE);
	/* Of any group only what comes from upstream. */
	ENSURE(!ipaddr_is_none(&a->route.group) || a->route.oifs == UINT32_C(1) << a->slot);
	/* E-31 */
	ENSURE(!ipaddr_is_linklocal(&a->route.source) || !a->route.oifs);
	if (!r) {
		out->routes = realloc(out->routes, (out->nroutes + 1) * sizeof(*out->routes));
		ENSURE(out->routes);
		r = &out->routes[out->nroutes++];
	}
	*r = (struct outside_route){ a->slot, a->route.source, a->route.group, a->route.oifs, false };
}

static void route_del(struct outside *out, const struct gm_action *a)
{
	struct outside_route *r = route_find(out, &a->route.source, &a->route.group, a->slot);

	ENSURE(r && r->iif == a->slot);
	*r = out->routes[--out->nroutes];
}

void outside_lose_routes(struct outside *out)
{
	for (size_t i = 0; i < out->nroutes; i++)
		out->routes[i].lost = true;
}

/* --- actions --- */

static void query_check(const struct gm *gm, const struct gm_action *a)
{
	ENSURE(a->slot < GM_MAX_IFS && a->query.gen >= GM_GEN1 && a->query.gen <= GM_GEN3);
	ENSURE(a->query.max_response >= 0 && a->query.interval >= 0);
	ENSURE(!a->query.nsources || a->query.gen == GM_GEN3);
	check_sorted(a->query.sources, a->query.nsources);
	if (ipaddr_is_none(&a->query.group))
		ENSURE(!a->query.nsources);
	else
		ENSURE(gm_policy_proxied(gm, &a->query.group));
}

void outside_act(struct outside *out, const struct gm *gm, const struct gm_action *a)
{
	switch (a->type) {
	case GM_ACT_QUERY:
		query_check(gm, a);
		break;
	case GM_ACT_DISCOVERY:
		ENSURE(a->slot < GM_MAX_IFS);
		break;
	case GM_ACT_UPSTREAM:
		filter_set(out, gm, a);
		break;
	case GM_ACT_ROUTE_SET:
		route_set(out, gm, a);
		break;
	case GM_ACT_ROUTE_DEL:
		route_del(out, a);
		break;
	case GM_ACT_NOTE:
		ENSURE(a->note.what < GM_NOTE_COUNT);
		break;
	}
}

/* --- comparison --- */

static bool same_filter(const struct gm_group *group, const struct outside_filter *filter)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < group->nsources; i++) {
		if (!group->sources[i].sent)
			continue;
		if (n == filter->nsources || !ipaddr_eq(&group->sources[i].addr, &filter->sources[n]))
			return false;
		n++;
	}
	return n == filter->nsources && group->sent_mode == filter->mode;
}

void outside_compare(const struct outside *out, const struct gm *gm)
{
	static const struct ipaddr any;
	size_t nfilters = 0, nroutes = 0;

	for (const struct gm_group *group = gm->groups; group; group = group->hh.next) {
		if (group->sent_slot != GM_NO_IF) {
			const struct outside_filter *filter = filter_find(out, group->sent_slot, &group->addr);

			ENSURE(filter && same_filter(group, filter));
			nfilters++;
		}
		for (const struct gm_route *route = group->routes; route; route = route->next) {
			const struct outside_route *r = route_find(out, &route->key.source, &group->addr, route->iif);

			ENSURE(r && !r->lost && r->iif == route->iif && r->oifs == route->oifs);
			nroutes++;
		}
	}
	for (uint8_t slot = 0; slot < GM_MAX_IFS; slot++) {
		const struct outside_route *r = route_find(out, &any, &any, slot);

		ENSURE(gm->any_oifs[slot] == (r ? r->oifs : 0) && !(r && r->lost));
		nroutes += r != NULL;
	}
	ENSURE(nfilters == out->nfilters && nroutes == out->nroutes);
}

void outside_inherit(const struct outside *out, struct gm *gm, mtime_t now)
{
	for (size_t i = 0; i < out->nroutes; i++) {
		const struct outside_route *r = &out->routes[i];
		struct gm_event ev = { .type = GM_EV_INHERIT, .slot = r->iif };

		ev.flow.source = r->source;
		ev.flow.group = r->group;
		ev.flow.oifs = r->oifs;
		ENSURE(gm_input(gm, now, &ev) == 0);
	}
}

void outside_free(struct outside *out)
{
	while (out->nfilters)
		filter_remove(out, &out->filters[out->nfilters - 1]);
	free(out->filters);
	free(out->routes);
}
