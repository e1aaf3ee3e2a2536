/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ref.h"

#include <string.h>

#include "ref_parts.h"

/* --- forwarding: RFC 4605 s4.2 --- */

/* E-30, E-31 */
static bool forwardable(const struct ref *r, const struct ipaddr *source, const struct ipaddr *group)
{
	return !ref_is_local_scope(r, group) && !ref_is_reserved(r, group) && !ref_is_linklocal(r, source);
}

/* INTERFACE.md s4: the highest-priority operational upstream whose access list permits the group. */
static uint8_t upstream_of(const struct ref *r, const struct ipaddr *group)
{
	uint8_t best = GM_NO_IF;

	for (uint8_t n = 0; n < REF_SLOTS; n++) {
		const struct gm_if_conf *c = &r->ifs[n].conf, *b = &r->ifs[best == GM_NO_IF ? 0 : best].conf;

		if (c->role != GM_ROLE_UPSTREAM || !c->up || !ref_permits(c->upstream_acl, group, NULL))
			continue;
		if (best == GM_NO_IF || c->priority < b->priority ||
		    (c->priority == b->priority && strncmp(c->name, b->name, sizeof(c->name)) < 0))
			best = n;
	}
	return best;
}

static bool wants(const struct ref_rec *rec, unsigned int s)
{
	return rec->mode == GM_EXCLUDE ? !(rec->y & (1u << s)) : !!(rec->x & (1u << s)); /* RFC 9776 s6.3 */
}

/* The interface data of the source is expected on. */
static uint8_t expected_if(const struct ref *r, unsigned int g, unsigned int s)
{
	for (uint8_t n = 0; n < REF_SLOTS; n++) {
		const struct gm_if_conf *c = &r->ifs[n].conf;

		for (unsigned int p = 0; c->role != GM_ROLE_NONE && c->up && p < c->nprefixes; p++)
			if (ipprefix_contains(&c->prefixes[p], &r->source[s]))
				return n;
	}
	return upstream_of(r, &r->group[g]);
}

/*
 * Reading: data that is expected nowhere has an entry without outputs where it arrived, so that the kernel stops
 * asking.
 */
static uint8_t incoming_if(const struct ref *r, unsigned int g, unsigned int s)
{
	const struct ref_route *route = &r->route[g][s];
	uint8_t iif = expected_if(r, g, s);

	if (iif == GM_NO_IF && route->arrived && route->arrived_on < REF_SLOTS &&
	    r->ifs[route->arrived_on].conf.role != GM_ROLE_NONE)
		iif = route->arrived_on;
	return iif;
}

static uint32_t outputs(const struct ref *r, unsigned int g, unsigned int s)
{
	uint8_t up = upstream_of(r, &r->group[g]), iif = expected_if(r, g, s);
	uint32_t oifs = 0;

	if (iif == GM_NO_IF || !forwardable(r, &r->source[s], &r->group[g]) ||
	    !ref_permits(r->ifs[iif].conf.boundary, &r->group[g], NULL))
		return 0;
	/* Reading: a boundary is about groups, its rules with a source never match. */
	for (uint8_t n = 0; n < REF_SLOTS; n++) {
		const struct ref_if *i = &r->ifs[n];

		if (n == iif || !ref_permits(i->conf.boundary, &r->group[g], NULL))
			continue;
		if (ref_listening(i) && (i->querier || !i->querying || i->conf.forward_as_non_querier) &&
		    wants(&i->rec[g], s))
			oifs |= 1u << n; /* E-16, E-19, E-21 */
		if (n == up && r->ifs[iif].conf.role == GM_ROLE_DOWNSTREAM)
			oifs |= 1u << n; /* E-17, E-22 */
	}
	return oifs;
}

static bool installed(const struct ref_route *route)
{
	return route->there && route->iif != GM_NO_IF;
}

/* It has members, is joined, or has entries. */
static bool group_known(struct ref *r, const struct ipaddr *group)
{
	unsigned int g = ref_group(r, group);
	bool known = r->joined[g].slot != GM_NO_IF;

	for (unsigned int n = 0; n < REF_SLOTS; n++)
		known |= ref_rec_there(&r->ifs[n].rec[g]);
	for (unsigned int s = 0; s < r->nsources; s++)
		known |= installed(&r->route[g][s]);
	return known;
}

void ref_input_flow(struct ref *r, const struct gm_event *ev)
{
	struct ref_route *route;

	if (!ref_is_multicast(r, &ev->flow.group) || !ref_is_source(r, &ev->flow.source))
		return;
	route = &r->route[ref_group(r, &ev->flow.group)][ref_source(r, &ev->flow.source)];
	/* Reading: an entry the kernel has of a known group, and nobody else knows of, is put right as if it had asked.
	 */
	if (ev->type == GM_EV_UPCALL ||
	    (ev->type == GM_EV_WRONG_IF && !installed(route) && group_known(r, &ev->flow.group))) {
		route->arrived_on = ev->slot;
		route->arrived = true;
	}
	if (ev->type == GM_EV_ROUTE_IDLE && !route->named && r->conf.idle_timeout &&
	    ev->flow.idle >= r->conf.idle_timeout)
		route->arrived = false;
}

void ref_input_clear_routes(struct ref *r, const struct gm_event *ev)
{
	for (unsigned int g = 0; g < r->ngroups; g++)
		for (unsigned int s = 0; s < r->nsources; s++)
			if ((ipaddr_is_none(&ev->flow.group) || ipaddr_eq(&ev->flow.group, &r->group[g])) &&
			    (ipaddr_is_none(&ev->flow.source) || ipaddr_eq(&ev->flow.source, &r->source[s])))
				r->route[g][s].arrived = false;
}

/* The merged membership: RFC 4605 s4.1, RFC 9776 s3.2. Returns false if there is none. */
bool ref_merge(const struct ref *r, unsigned int g, enum gm_mode *mode, unsigned int *sources)
{
	unsigned int included = 0, excluded = ~0u;
	bool there = false;

	*mode = GM_INCLUDE;
	for (unsigned int n = 0; n < REF_SLOTS; n++) {
		const struct ref_rec *rec = &r->ifs[n].rec[g];

		if (!ref_rec_there(rec))
			continue;
		there = true;
		if (rec->mode == GM_EXCLUDE) {
			*mode = GM_EXCLUDE;
			excluded &= rec->y;
		} else {
			included |= rec->x;
		}
	}
	*sources = *mode == GM_EXCLUDE ? excluded & ~included : included;
	return there;
}

static void settle_group(struct ref *r, unsigned int g)
{
	struct ref_joined *j = &r->joined[g];
	uint8_t up = upstream_of(r, &r->group[g]);
	unsigned int sources;
	enum gm_mode mode;

	if (ref_merge(r, g, &mode, &sources)) {
		j->slot = up;
		j->mode = mode;
		j->sources = sources;
		j->hold_until = 0;
		return;
	}
	/* The last member has gone: what is joined stays for leave-delay, as long as the upstream serves the group. */
	if (j->slot != GM_NO_IF && !j->hold_until && r->ifs[j->slot].conf.leave_delay)
		j->hold_until = r->now + r->ifs[j->slot].conf.leave_delay;
	/* Reading: the delay counts from the last member, but ends with its configuration. */
	if (j->slot != up || j->hold_until <= r->now || !r->ifs[j->slot].conf.leave_delay) {
		j->slot = GM_NO_IF;
		j->hold_until = 0;
	}
}

void ref_settle(struct ref *r, mtime_t now)
{
	r->now = now;
	for (unsigned int g = 0; g < r->ngroups; g++) {
		settle_group(r, g);
		for (unsigned int s = 0; s < r->nsources; s++) {
			struct ref_route *route = &r->route[g][s];

			route->named = false;
			for (unsigned int n = 0; n < REF_SLOTS; n++)
				if (r->ifs[n].rec[g].mode == GM_INCLUDE && (r->ifs[n].rec[g].x & (1u << s)))
					route->named = true;
			/* Reading: an entry only a member has named goes when nobody names it any more. */
			route->there = route->named || route->arrived;
			if (!route->there)
				continue;
			route->iif = incoming_if(r, g, s);
			/* Reading: what has no interface is forgotten; the next packet of it will be asked about. */
			if (route->iif == GM_NO_IF)
				route->arrived = false;
			route->oifs = outputs(r, g, s);
		}
	}
}

/* Reading: what is only left of a membership (leave-delay) is not joined again. */
void ref_input_resync(struct ref *r, unsigned int slot)
{
	unsigned int sources;
	enum gm_mode mode;

	for (unsigned int g = 0; g < r->ngroups; g++)
		if (r->joined[g].slot == slot && !ref_merge(r, g, &mode, &sources)) {
			r->joined[g].slot = GM_NO_IF;
			r->joined[g].hold_until = 0;
		}
}
