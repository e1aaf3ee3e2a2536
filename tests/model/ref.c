/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ref.h"

#include <stdlib.h>
#include <string.h>

#include "ref_parts.h"

/* --- querier: RFC 9776 s6.6.1, s6.6.2 --- */

static void send_general_query(struct ref *r, unsigned int slot)
{
	struct ref_if *i = &r->ifs[slot];
	mtime_t interval;

	ref_send_query(r, slot, i->conf.query_response);
	if (i->startup_left)
		i->startup_left--;
	interval = i->startup_left ? i->conf.startup_interval : i->query_interval;
	i->next_query = r->now + interval;
	/* Reading: queries missed while held up are not made up for. */
	if (i->next_query <= r->horizon)
		i->next_query = r->horizon + interval;
}

/* A query beside the schedule. */
static void ask_again(struct ref *r, unsigned int slot)
{
	if (r->ifs[slot].querier)
		ref_send_query(r, slot, r->ifs[slot].conf.query_response);
}

static void become_querier(struct ref *r, unsigned int slot)
{
	struct ref_if *i = &r->ifs[slot];

	i->querier = true;
	i->other_until = 0;
	i->robustness = i->conf.robustness;
	i->query_interval = i->conf.query_interval;
	send_general_query(r, slot);
}

static void input_query(struct ref *r, unsigned int slot, const struct gm_event *ev)
{
	struct ref_if *i = &r->ifs[slot];
	const struct ipaddr *from = &ev->query.from, *group = &ev->query.group;
	bool general = ipaddr_is_none(group);
	unsigned int skip = r->mld ? 8 : 0; /* RFC 9777 s7.6.2: interface identifiers are compared */
	mtime_t until;

	if (!ref_listening(i) || (!general && !ref_is_multicast(r, group)))
		return;
	if (!ref_sender_ok(r, i, from, true))
		return;

	if (i->querying && !ipaddr_is_unspecified(from) &&
	    memcmp(from->b + skip, i->conf.addr.b + skip, sizeof(from->b) - skip) < 0) {
		/* Reading: a query that cannot elect says nothing about the querier's settings either. */
		if (general || r->mld) { /* K-3 */
			i->querier = false;
			i->next_query = 0;
			i->startup_left = 0;
			i->robustness = ev->query.robustness ? ev->query.robustness : i->conf.robustness;
			/* B-18 */
			i->query_interval = ev->query.gen < GM_GEN3 ? i->conf.query_interval
					    : ev->query.interval    ? ev->query.interval
								    : mtime_from_s(125);
			i->other_until = r->now + ref_other_querier_interval(i);
		}
	}

	if (general || ev->query.suppress || !ref_is_group(r, group))
		return;
	if (ev->query.gen < GM_GEN3 && i->querier)
		return; /* RFC 2236 s7: of the querier no transition says so */
	until = r->now + ref_last_member_time(i);
	if (ev->query.gen < GM_GEN3)
		until = r->now + ref_last_member_count(i) * ev->query.max_response; /* B-25 */
	for (unsigned int g = 0; g < r->ngroups; g++) {
		struct ref_rec *rec = &i->rec[g];

		if (!ipaddr_eq(&r->group[g], group))
			continue;
		if (!ev->query.nsources && !rec->static_any)
			rec->group_timer = mtime_min(rec->group_timer, until);
		for_each_source (s, ref_source_set(r, ev->query.sources, ev->query.nsources) & ~rec->static_sources)
			rec->source_timer[s] = mtime_min(rec->source_timer[s], until);
	}
}

/* --- interfaces --- */

static void apply_statics(struct ref *r, unsigned int slot)
{
	struct ref_if *i = &r->ifs[slot];
	bool any[REF_GROUPS] = { false };
	unsigned int sources[REF_GROUPS] = { 0 };

	for (unsigned int n = 0; ref_listening(i) && n < i->conf.nstatics; n++) {
		const struct gm_static *st = &i->conf.statics[n];
		unsigned int g;

		if (!ref_is_group(r, &st->group))
			continue;
		g = ref_group(r, &st->group);
		if (ipaddr_is_none(&st->source) && ref_in_ssm_range(r, &st->group))
			sources[g] |= ref_mapped_sources(r, &st->group); /* K-7 */
		else if (ipaddr_is_none(&st->source))
			any[g] = true;
		else
			sources[g] |= ref_source_set(r, &st->source, 1);
	}
	for (unsigned int g = 0; g < REF_GROUPS; g++) {
		struct ref_rec *rec = &i->rec[g];

		/* Reading: what is no longer static goes at once, but ages if hosts have reported the group besides. */
		if (any[g])
			rec->x = 0; /* as IS_EX{}: all sources are asked for */
		if (rec->static_any && !any[g]) {
			rec->mode = rec->reported ? GM_EXCLUDE : GM_INCLUDE;
			rec->group_timer = r->now + ref_membership_interval(i);
		}
		if (rec->reported)
			ref_set_timers(rec, rec->static_sources & ~sources[g], r->now + ref_membership_interval(i));
		else
			rec->x &= ~(rec->static_sources & ~sources[g]);
		rec->static_any = any[g];
		rec->static_sources = sources[g];
		ref_rec_normalise(rec);
	}
}

/* What hosts have asked for; static-groups stay. */
static void forget(struct ref_rec *rec)
{
	struct ref_rec kept = { .static_any = rec->static_any, .static_sources = rec->static_sources };

	*rec = kept;
	ref_rec_normalise(rec);
}

/* Takes back what the policy no longer permits, and asks for what it may permit now. */
static void review(struct ref *r, unsigned int slot)
{
	struct ref_if *i = &r->ifs[slot];

	for (unsigned int g = 0; g < r->ngroups; g++) {
		struct ref_rec *rec = &i->rec[g];

		if (rec->static_any && ref_in_ssm_range(r, &r->group[g]))
			rec->static_any = false;
		if (rec->static_any)
			continue;
		/* Reading: where any source is refused, what was named is kept, and no older host counts any more. */
		if (rec->mode == GM_EXCLUDE &&
		    (ref_in_ssm_range(r, &r->group[g]) || !ref_permits(i->conf.acl, &r->group[g], NULL))) {
			rec->mode = GM_INCLUDE;
			rec->v1_host = rec->v2_host = 0;
			ref_rec_normalise(rec);
		}
		if (rec->mode == GM_EXCLUDE)
			continue;
		for_each_source (s, rec->x)
			if (!ref_permits(i->conf.acl, &r->group[g], &r->source[s]))
				rec->x &= ~(1u << s);
		ref_rec_normalise(rec);
	}
	apply_statics(r, slot);
	ask_again(r, slot);
}

/* Reading: who is ignored from now on is taken to have left; who counts again is asked. */
static void review_older(struct ref *r, unsigned int slot, const struct gm_if_conf *old)
{
	struct ref_if *i = &r->ifs[slot];

	if (old->ignore_older && !i->conf.ignore_older)
		ask_again(r, slot);
	if (!i->conf.ignore_older || i->conf.gen == GM_GEN1 || (old->ignore_older && i->conf.gen <= old->gen))
		return;
	for (unsigned int g = 0; g < r->ngroups; g++) {
		struct ref_rec *rec = &i->rec[g];
		bool older = ref_rec_gen(r, rec) < i->conf.gen;

		rec->v1_host = 0;
		if (i->conf.gen == GM_GEN3)
			rec->v2_host = 0;
		if (older && rec->mode == GM_EXCLUDE)
			ref_query_group(r, slot, g);
		if (ref_in_ssm_range(r, &r->group[g]))
			ref_query_sources(r, slot, g, ref_mapped_sources(r, &r->group[g]) & rec->x);
		ref_rec_normalise(rec);
	}
}

static void input_if(struct ref *r, unsigned int slot, const struct gm_event *ev)
{
	struct ref_if *i = &r->ifs[slot];
	struct gm_if_conf old = i->conf;
	bool was_listening = ref_listening(i), was_querying = i->querying;

	i->conf = *ev->iface;
	if (!ref_listening(i)) {
		memset(i->rec, 0, sizeof(i->rec));
		i->querying = i->querier = false;
		i->next_query = i->other_until = 0;
		i->startup_left = 0;
		return;
	}
	i->querying = !ipaddr_is_none(&i->conf.addr);
	if (!was_listening || !i->querying || i->querier) {
		i->robustness = i->conf.robustness;
		i->query_interval = i->conf.query_interval;
	}
	if (!i->querying) {
		i->querier = false;
		i->next_query = i->other_until = 0;
		i->startup_left = 0;
	} else if (!was_querying || !ipaddr_eq(&old.addr, &i->conf.addr) || old.gen != i->conf.gen) {
		/* Reading: another version begins anew, like another address. */
		i->startup_left = i->conf.startup_count; /* B-46, B-47 */
		become_querier(r, slot);
	}
	/* Reading: a shorter interval holds at once, a longer one from the next query on. */
	if (i->querier)
		i->next_query = mtime_min(i->next_query,
					  r->now + (i->startup_left ? i->conf.startup_interval : i->query_interval));
	if (was_listening && old.acl != i->conf.acl)
		review(r, slot);
	else if (!was_listening || old.statics_serial != i->conf.statics_serial)
		apply_statics(r, slot);
	if (was_listening)
		review_older(r, slot, &old);
}

static void input_conf(struct ref *r, const struct gm_conf *conf)
{
	bool policy = conf->policy_serial != r->conf.policy_serial;

	r->conf = *conf;
	if (!policy)
		return;
	/* Reading: policy holds at once, for what is there and for what was refused before. */
	for (unsigned int n = 0; n < REF_SLOTS; n++)
		review(r, n);
}

static void input_clear(struct ref *r, unsigned int slot, const struct ipaddr *group)
{
	for (unsigned int n = 0; n < REF_SLOTS; n++)
		for (unsigned int g = 0; g < r->ngroups; g++) {
			if (slot != GM_NO_IF && slot != n)
				continue;
			if (slot != GM_NO_IF && !ipaddr_is_none(group) && !ipaddr_eq(group, &r->group[g]))
				continue;
			forget(&r->ifs[n].rec[g]);
		}
	/* Reading: whoever is there still is to say so now. */
	for (unsigned int n = 0; n < REF_SLOTS; n++)
		if (slot == GM_NO_IF || slot == n) {
			apply_statics(r, n);
			ask_again(r, n);
		}
}

/* --- time --- */

static void sooner(mtime_t *next, mtime_t deadline)
{
	if (deadline && deadline < *next)
		*next = deadline;
}

mtime_t ref_next(const struct ref *r)
{
	mtime_t next = MTIME_NEVER;

	for (unsigned int n = 0; n < REF_SLOTS; n++) {
		sooner(&next, r->ifs[n].next_query);
		sooner(&next, r->ifs[n].other_until);
		for (unsigned int g = 0; g < r->ngroups; g++) {
			const struct ref_rec *rec = &r->ifs[n].rec[g];

			sooner(&next, rec->group_timer);
			sooner(&next, rec->group_next);
			sooner(&next, rec->source_next);
			for_each_source (s, rec->x)
				sooner(&next, rec->source_timer[s]);
		}
	}
	for (unsigned int g = 0; g < r->ngroups; g++)
		sooner(&next, r->joined[g].hold_until);
	return next;
}

static void fire(struct ref *r)
{
	for (unsigned int n = 0; n < REF_SLOTS; n++) {
		struct ref_if *i = &r->ifs[n];

		for (unsigned int g = 0; g < r->ngroups; g++) {
			struct ref_rec *rec = &i->rec[g];

			/* Reading: a query due at the very end still goes out. */
			if (ref_due(r, rec->group_next))
				ref_transmit_group_query(r, n, g);
			if (ref_due(r, rec->source_next))
				ref_transmit_source_queries(r, n, g);
			ref_expire_rec(r, rec);
		}
		if (ref_due(r, i->next_query))
			send_general_query(r, n);
		if (ref_due(r, i->other_until))
			become_querier(r, n); /* B-11 */
	}
}

void ref_tick(struct ref *r, mtime_t now)
{
	r->horizon = now;
	for (mtime_t next = ref_next(r); next <= now; next = ref_next(r)) {
		if (next > r->now)
			r->now = next;
		fire(r);
		/* The end of a leave-delay is acted on when the state is settled. */
		for (unsigned int g = 0; g < r->ngroups; g++)
			if (ref_due(r, r->joined[g].hold_until)) {
				r->joined[g].slot = GM_NO_IF;
				r->joined[g].hold_until = 0;
			}
	}
	r->now = now;
}

void ref_input(struct ref *r, mtime_t now, const struct gm_event *ev)
{
	ref_tick(r, now);
	r->horizon = now;
	switch (ev->type) {
	case GM_EV_CONF:
		input_conf(r, ev->conf);
		break;
	case GM_EV_IF:
		input_if(r, ev->slot, ev);
		break;
	case GM_EV_RECORD:
		ref_input_record(r, ev->slot, ev);
		break;
	case GM_EV_QUERY:
		input_query(r, ev->slot, ev);
		break;
	case GM_EV_UPCALL:
	case GM_EV_WRONG_IF:
	case GM_EV_ROUTE_IDLE:
		ref_input_flow(r, ev);
		break;
	case GM_EV_CLEAR:
		input_clear(r, ev->slot, &ev->clear.group);
		break;
	case GM_EV_CLEAR_ROUTES:
		ref_input_clear_routes(r, ev);
		break;
	case GM_EV_RELEARN:
	case GM_EV_INHERIT:
		break; /* only after a restart: test_gm_inherit */
	case GM_EV_SEEN:
		break; /* in wildcard mode only: test_gm_wildcard */
	case GM_EV_SOLICIT:
		break; /* router discovery (RFC 4286) touches nothing here */
	case GM_EV_ECHO:
		break; /* loops: test_gm_watch */
	case GM_EV_ASK:
		for (unsigned int n = 0; n < REF_SLOTS; n++)
			ask_again(r, n);
		break;
	case GM_EV_RESYNC:
		ref_input_resync(r, ev->slot);
		break;
	}
}

void ref_clear_queries(struct ref *r)
{
	r->nqueries = 0;
}

struct ref *ref_new(bool mld)
{
	struct ref *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->mld = mld;
	for (unsigned int g = 0; g < REF_GROUPS; g++)
		r->joined[g].slot = GM_NO_IF;
	for (unsigned int g = 0; g < REF_GROUPS; g++)
		for (unsigned int s = 0; s < REF_SOURCES; s++)
			r->route[g][s].arrived_on = GM_NO_IF;
	return r;
}

void ref_free(struct ref *r)
{
	free(r);
}
