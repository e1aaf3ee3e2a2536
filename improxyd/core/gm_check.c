/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every invariant of the state, counted anew by the simplest means. It never changes anything.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/gm_fwd.h"
#include "core/gm_inherit.h"
#include "core/gm_policy.h"
#include "core/gm_room.h"
#include "core/gm_state.h"

/* The message goes out by way of the assertion handler of the C library: the core does not print. */
#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			broken(#condition, __LINE__);                                                                  \
	} while (0)

extern void __assert_fail(const char *assertion, const char *file, unsigned int line, const char *function)
	__attribute__((noreturn));

static void __attribute__((noreturn)) broken(const char *condition, unsigned int line)
{
	__assert_fail(condition, __FILE__, line, "gm_check");
}

static void check_record(const struct gm_rec *rec, mtime_t now)
{
	mtime_t next = rec->filter_deadline ? rec->filter_deadline : MTIME_NEVER;

	CHECK(rec->filter_deadline || rec->sources.n || rec->fixed);
	CHECK(!rec->filter_deadline || rec->filter_deadline > now);
	CHECK(rec->sources.n <= rec->sources.cap);
	for (uint32_t i = 0; i < rec->sources.n; i++) {
		const struct gm_src *src = &rec->sources.v[i];

		CHECK(i == 0 || ipaddr_cmp(&src[-1].addr, &src->addr) < 0);
		CHECK(!src->deadline || src->deadline > now);
		CHECK(src->deadline || rec->filter_deadline);
		CHECK(!src->ask);
		if (src->deadline)
			next = mtime_min(next, src->deadline);
	}
	if (rec->group_queries_left)
		next = mtime_min(next, rec->group_query_next);
	if (rec->source_query_next)
		next = mtime_min(next, rec->source_query_next);
	CHECK(next == MTIME_NEVER || (theap_armed(&rec->timer) && rec->timer.deadline <= next));
}

static void check_source(const struct gm_group *group, const struct gm_msrc *src, unsigned int nrecs)
{
	unsigned int listers = 0, includers = 0, excluders = 0;

	for (unsigned int i = 0; i < nrecs; i++) {
		const struct gm_rec *rec = group->recs[i];
		const struct gm_src *s = gm_set_find(&rec->sources, &src->addr);

		listers += s != NULL;
		includers += s && !rec->filter_deadline;
		excluders += s && rec->filter_deadline && !s->deadline;
	}
	CHECK(src->listers == listers && src->includers == includers && src->excluders == excluders);
}

/* Settled: nothing is left to be handed out. */
static void check_settled(const struct gm *gm, const struct gm_group *group)
{
	const struct ipaddr any = { { 0 } };
	bool wanted = group->excluding;
	uint32_t nsent = 0;

	CHECK(!group->ntouched);
	for (uint32_t i = 0; i < group->nsources; i++) {
		const struct gm_msrc *src = &group->sources[i];
		bool lists = gm_group_lists(group, src);

		wanted |= lists;
		nsent += src->sent;
		CHECK(group->sent_slot == GM_NO_IF || theap_armed(&group->hold) || src->sent == lists);
		CHECK(src->listers || src->sent || theap_armed(&group->hold));
		CHECK(gm_fwd_find(gm, group, &src->addr) || group->starved || !gm_fwd_names(gm, group, &src->addr) ||
		      gm_fwd_iif(gm, group, &src->addr) == GM_NO_IF);
	}
	CHECK(group->nsent == nsent);
	CHECK(gm_fwd_find(gm, group, &any) || group->starved || !gm_fwd_names(gm, group, &any));
	CHECK(group->upstream == gm_policy_upstream(gm, &group->addr));
	CHECK(!wanted || group->sent_slot == group->upstream);
	CHECK(wanted || group->sent_slot == GM_NO_IF || theap_armed(&group->hold));
	CHECK(group->members || group->routes || group->sent_slot != GM_NO_IF);
	for (const struct gm_route *route = group->routes; route; route = route->next) {
		uint8_t iif = gm_fwd_iif(gm, group, &route->key.source);

		CHECK(route->installed && !route->stale);
		CHECK(route->iif == (iif == GM_NO_IF ? route->arrived : iif));
		CHECK(route->oifs ==
		      (gm_fwd_oifs(gm, group, &route->key.source, iif) | gm_inherit_oifs(gm, route, route->iif)));
		CHECK(route->named == gm_fwd_names(gm, group, &route->key.source));
		CHECK(!route->inherited || gm->relearned);
		CHECK(route->spare == (route->named || route->inherited ? GM_SPARE_NOT
				       : !route->oifs                   ? GM_SPARE_UNWANTED
				       : group->members                 ? GM_SPARE_NOT
									: GM_SPARE_UP));
		CHECK(ipaddr_is_none(&route->key.source) || !(route->oifs & UINT32_C(1) << route->iif));
	}
}

static uint32_t check_group(const struct gm *gm, const struct gm_group *group)
{
	unsigned int nrecs = 0, excluding = 0;
	uint32_t listed = 0, nroutes = 0;

	for (unsigned int slot = 0; slot < GM_MAX_IFS; slot++) {
		const struct gm_rec *rec = gm_group_rec(group, (uint8_t)slot);

		if (!rec)
			continue;
		CHECK(rec == group->recs[nrecs] && rec->group == group && rec->iface == &gm->ifs[slot]);
		CHECK(gm_if_listening(rec->iface));
		nrecs++;
		excluding += rec->filter_deadline != 0;
		listed += rec->sources.n;
	}
	CHECK((unsigned int)__builtin_popcount(group->members) == nrecs);
	CHECK(group->excluding == excluding);
	for (uint32_t i = 0; i < group->nsources; i++) {
		CHECK(i == 0 || ipaddr_cmp(&group->sources[i - 1].addr, &group->sources[i].addr) < 0);
		check_source(group, &group->sources[i], nrecs);
	}
	for (unsigned int i = 0; i < nrecs; i++) {
		uint32_t found = 0;

		for (uint32_t j = 0; j < group->nsources; j++)
			found += gm_set_find(&group->recs[i]->sources, &group->sources[j].addr) != NULL;
		CHECK(found == group->recs[i]->sources.n);
	}
	for (const struct gm_route *route = group->routes; route; route = route->next)
		nroutes++;
	CHECK(group->nroutes == nroutes);
	if (!group->dirty)
		check_settled(gm, group);
	return listed;
}

static void check_levels(const struct gm *gm)
{
	uint32_t listed = 0;

	for (const struct gm_group *group = gm->groups; group; group = group->hh.next)
		listed += group->nroutes > 1;
	for (unsigned int level = 0; level < GM_LEVELS; level++) {
		for (const struct gm_group *group = gm->levels[level]; group; group = group->level_next) {
			CHECK(group->nroutes > 1 && gm_room_level(group->nroutes) == level);
			listed--;
		}
	}
	CHECK(!listed);
}

/* Once everything is settled, nobody waits for room that there is. */
static void check_starving(const struct gm *gm)
{
	uint32_t waiting = 0;

	for (const struct gm_group *group = gm->groups; group; group = group->hh.next)
		waiting += group->starved && !group->dirty;
	for (const struct gm_group *group = gm->starving; group; group = group->list_next) {
		CHECK(group->starved && !group->dirty);
		waiting--;
	}
	CHECK(!waiting);
	if (!gm->starving || gm->dirty)
		return;
	CHECK(gm_room_is_full(gm));
	for (unsigned int i = 0; i < GM_SPARE_NOT; i++)
		CHECK(!gm->spare[i]);
}

void gm_check(const struct gm *gm, mtime_t now)
{
	uint32_t nrecs = 0, nsources = 0, nroutes = 0;

	for (const struct gm_if *ifp = gm->ifs; ifp < gm->ifs + GM_MAX_IFS; ifp++) {
		uint32_t n = 0;

		for (const struct gm_rec *rec = ifp->recs; rec; rec = rec->next) {
			check_record(rec, now);
			n++;
		}
		CHECK(ifp->nrecs == n);
		nrecs += n;
		CHECK(!ifp->querier || ifp->querying);
		CHECK(!ifp->silent || ifp->conf.role == GM_ROLE_UPSTREAM);
		CHECK(!ifp->querying || (gm_if_listening(ifp) && theap_armed(&ifp->timer)));
	}
	CHECK(gm->nrecs == nrecs);
	for (const struct gm_group *group = gm->groups; group; group = group->hh.next) {
		nsources += check_group(gm, group);
		for (const struct gm_route *route = group->routes; route; route = route->next) {
			CHECK(route->key.group == group && gm_fwd_find(gm, group, &route->key.source) == route);
			nroutes++;
		}
	}
	CHECK(gm->nsources == nsources);
	CHECK(HASH_COUNT(gm->routes) == nroutes);
	for (unsigned int i = 0; i < GM_MAX_IFS; i++)
		CHECK(gm->any_oifs[i] || !(gm->any_stale >> i & 1));
	CHECK(gm->hosts_used <= GM_HOSTS_BUDGET);
	check_levels(gm);
	check_starving(gm);
}
