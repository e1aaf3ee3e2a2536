/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ref.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- addresses and policy ------------------------------------------------------------------------------------------ */

static bool v4_in(const struct ipaddr *a, uint8_t b0, uint8_t b1, uint8_t b2)
{
	return a->b[12] == b0 && a->b[13] == b1 && a->b[14] == b2;
}

static bool is_multicast(const struct ref *r, const struct ipaddr *a)
{
	return r->mld ? a->b[0] == 0xff : (a->b[12] & 0xf0) == 0xe0;
}

static bool is_linklocal(const struct ref *r, const struct ipaddr *a)
{
	if (r->mld)
		return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
	return a->b[12] == 169 && a->b[13] == 254;
}

/* what may stand in a source list. */
static bool is_source(const struct ref *r, const struct ipaddr *a)
{
	static const struct ipaddr loopback = { { [15] = 1 } };

	if (is_multicast(r, a) || ipaddr_is_none(a))
		return false;
	if (r->mld)
		return !ipaddr_eq(a, &loopback);
	return a->b[12] != 0 && a->b[12] != 127 && !(v4_in(a, 255, 255, 255) && a->b[15] == 255);
}

/* K-13: groups whose data is never forwarded, nor their membership proxied. */
static bool is_local_scope(const struct ref *r, const struct ipaddr *g)
{
	return r->mld ? (g->b[1] & 0x0f) <= 2 : v4_in(g, 224, 0, 0);
}

/* 232.0.0.0 and ff3x::4000:0 must not be used. */
static bool is_reserved(const struct ref *r, const struct ipaddr *g)
{
	static const struct ipaddr tail = { { [12] = 0x40 } };

	if (!r->mld)
		return v4_in(g, 232, 0, 0) && g->b[15] == 0;
	return (g->b[1] & 0xf0) == 0x30 && memcmp(g->b + 2, tail.b + 2, 14) == 0;
}

static bool is_group(const struct ref *r, const struct ipaddr *g)
{
	return is_multicast(r, g) && !is_local_scope(r, g) && !is_reserved(r, g);
}

/* INTERFACE.md s4: lowest seq first, first match wins, nothing matches: deny. No source: a (*,G) request. */
static bool permits(const struct gm_acl *acl, const struct ipaddr *group, const struct ipaddr *source)
{
	if (!acl)
		return true;
	for (unsigned int i = 0; i < acl->nrules; i++) {
		const struct gm_acl_rule *rule = &acl->rules[i];

		if (!rule->any_group && !ipprefix_contains(&rule->group, group))
			continue;
		if (!rule->any_source && (!source || !ipprefix_contains(&rule->source, source)))
			continue;
		return rule->permit;
	}
	return false;
}

static bool in_ssm_range(const struct ref *r, const struct ipaddr *g)
{
	if (r->conf.ssm_range)
		return permits(r->conf.ssm_range, g, NULL);
	if (r->mld)
		return g->b[0] == 0xff && (g->b[1] & 0xf0) == 0x30 && g->b[2] == 0 && g->b[3] == 0;
	return g->b[12] == 232;
}

static unsigned int number_of(struct ipaddr *v, unsigned int *n, unsigned int max, const struct ipaddr *a)
{
	unsigned int i = 0;

	while (i < *n && !ipaddr_eq(&v[i], a))
		i++;
	if (i == *n) {
		assert(*n < max);
		v[(*n)++] = *a;
	}
	return i;
}

unsigned int ref_group(struct ref *r, const struct ipaddr *group)
{
	return number_of(r->group, &r->ngroups, REF_GROUPS, group);
}

unsigned int ref_source(struct ref *r, const struct ipaddr *source)
{
	return number_of(r->source, &r->nsources, REF_SOURCES, source);
}

static unsigned int source_set(struct ref *r, const struct ipaddr *v, unsigned int n)
{
	unsigned int set = 0;

	for (unsigned int i = 0; i < n; i++)
		if (is_source(r, &v[i]))
			set |= 1u << ref_source(r, &v[i]);
	return set;
}

/* --- timers: RFC 9776 s8, RFC 9777 s9 ------------------------------------------------------------------------------ */

static mtime_t membership_interval(const struct ref_if *i)
{
	return i->robustness * i->query_interval + 2 * i->conf.query_response; /* K-1 */
}

static mtime_t other_querier_interval(const struct ref_if *i)
{
	return i->robustness * i->query_interval + i->conf.query_response / 2;
}

static mtime_t older_host_interval(const struct ref_if *i)
{
	if (i->conf.gen < GM_GEN3)
		return membership_interval(i); /* D-21 */
	return i->robustness * i->query_interval + i->conf.query_response;
}

static mtime_t last_member_time(const struct ref_if *i)
{
	return i->conf.last_member_interval * i->conf.last_member_count;
}

static bool listening(const struct ref_if *i)
{
	return i->conf.role == GM_ROLE_DOWNSTREAM && i->conf.up;
}

#define for_each_source(s, set)                                                                                        \
	for (unsigned int s = 0; s < REF_SOURCES; s++)                                                                 \
		if ((set) & (1u << s))

static void set_timers(struct ref_rec *rec, unsigned int set, mtime_t until)
{
	for_each_source(s, set)
		rec->source_timer[s] = until;
}

/* Sources that are gone or have moved to Y have neither a timer nor queries to be sent. */
static void rec_normalise(struct ref_rec *rec)
{
	bool pending = false;

	if (rec->static_any) {
		rec->mode = GM_EXCLUDE;
		rec->group_timer = MTIME_NEVER;
		rec->y = 0;
	}
	rec->x |= rec->static_sources;
	rec->y &= ~rec->static_sources;
	set_timers(rec, rec->static_sources, MTIME_NEVER);
	for (unsigned int s = 0; s < REF_SOURCES; s++) {
		if (!(rec->x & (1u << s))) {
			rec->source_timer[s] = 0;
			rec->source_left[s] = 0;
		}
		pending |= rec->source_left[s] > 0;
	}
	if (!pending)
		rec->source_next = 0;
	if (rec->mode == GM_INCLUDE) {
		rec->y = 0;
		rec->group_timer = 0;
		rec->group_left = 0;
	}
	if (!rec->group_left)
		rec->group_next = 0;
	if (!ref_rec_there(rec))
		memset(rec, 0, sizeof(*rec));
}

bool ref_rec_there(const struct ref_rec *rec)
{
	return rec->mode == GM_EXCLUDE || rec->x;
}

enum gm_gen ref_rec_gen(const struct ref *r, const struct ref_rec *rec)
{
	if (rec->v1_host > r->now)
		return GM_GEN1;
	return rec->v2_host > r->now ? GM_GEN2 : GM_GEN3;
}

/* --- queries: RFC 9776 s6.6.3 -------------------------------------------------------------------------------------- */

static struct ref_query *send_query(struct ref *r, unsigned int slot, mtime_t max_response)
{
	struct ref_if *i = &r->ifs[slot];
	struct ref_query *q = &r->query[r->nqueries];

	/* A-64, B-45: without an address nothing can be sent. */
	if (i->querying)
		r->nqueries++;
	assert(r->nqueries < REF_QUERIES);
	memset(q, 0, sizeof(*q));
	q->slot = (uint8_t)slot;
	q->gen = i->conf.gen; /* D-14 */
	q->robustness = i->robustness;
	q->interval = i->query_interval;
	q->max_response = max_response;
	return q;
}

/* Reading: of the retransmissions missed while held up only the last counts, and that too only in its own interval. */
static bool missed(const struct ref *r, const struct ref_if *i)
{
	return r->now + i->conf.last_member_interval <= r->horizon;
}

/* Version 1 has only the general query. */
static bool unsent(const struct ref *r, const struct ref_if *i)
{
	return missed(r, i) || i->conf.gen == GM_GEN1;
}

static void transmit_group_query(struct ref *r, unsigned int slot, unsigned int g)
{
	struct ref_if *i = &r->ifs[slot];
	struct ref_rec *rec = &i->rec[g];

	if (!unsent(r, i)) {
		struct ref_query *q = send_query(r, slot, i->conf.last_member_interval);

		q->group = r->group[g];
		q->suppress = rec->group_timer > r->now + last_member_time(i);
	}
	rec->group_left--;
	rec->group_next = rec->group_left ? r->now + i->conf.last_member_interval : 0;
}

static void transmit_source_queries(struct ref *r, unsigned int slot, unsigned int g)
{
	struct ref_if *i = &r->ifs[slot];
	struct ref_rec *rec = &i->rec[g];
	unsigned int high = 0, low = 0;
	bool more = false;

	for (unsigned int s = 0; s < REF_SOURCES; s++) {
		if (!rec->source_left[s])
			continue;
		if (rec->source_timer[s] > r->now + last_member_time(i))
			high |= 1u << s;
		else
			low |= 1u << s;
		more |= --rec->source_left[s] > 0;
	}
	if (unsent(r, i))
		high = low = 0;
	if (i->conf.gen < GM_GEN3) { /* has no form for sources */
		if (high | low)
			send_query(r, slot, i->conf.last_member_interval)->group = r->group[g];
		high = low = 0;
	}
	if (high) {
		struct ref_query *q = send_query(r, slot, i->conf.last_member_interval);

		q->group = r->group[g];
		q->suppress = true;
		q->sources = high;
	}
	if (low) {
		struct ref_query *q = send_query(r, slot, i->conf.last_member_interval);

		q->group = r->group[g];
		q->sources = low;
	}
	rec->source_next = more ? r->now + i->conf.last_member_interval : 0;
}

/* The action "Send Q(G)": s6.6.3.1. */
static void query_group(struct ref *r, unsigned int slot, unsigned int g)
{
	struct ref_if *i = &r->ifs[slot];
	struct ref_rec *rec = &i->rec[g];

	if (!i->querier || rec->static_any)
		return; /* B-22 */
	rec->group_timer = mtime_min(rec->group_timer, r->now + last_member_time(i));
	rec->group_left = i->conf.last_member_count;
	transmit_group_query(r, slot, g);
}

/* The action "Send Q(G,set)": s6.6.3.2. */
static void query_sources(struct ref *r, unsigned int slot, unsigned int g, unsigned int set)
{
	struct ref_if *i = &r->ifs[slot];
	struct ref_rec *rec = &i->rec[g];
	mtime_t until = r->now + last_member_time(i);
	bool armed = false;

	set &= ~rec->static_sources;
	if (!i->querier || !set)
		return;
	for_each_source(s, set)
		if (rec->source_timer[s] > until) {
			rec->source_timer[s] = until;
			rec->source_left[s] = i->conf.last_member_count;
			armed = true;
		}
	/* Reading: where all are being asked about already, nothing is sent before its time (B-31). */
	if (armed)
		transmit_source_queries(r, slot, g);
}

/* --- the tables of RFC 9776 s6.4.1 and s6.4.2 ---------------------------------------------------------------------- */

static void apply_include(struct ref *r, unsigned int slot, unsigned int g, enum gm_record_type type, unsigned int B)
{
	struct ref_rec *rec = &r->ifs[slot].rec[g];
	mtime_t gmi = r->now + membership_interval(&r->ifs[slot]);
	unsigned int A = rec->x;

	switch (type) {
	case GM_IS_IN:
	case GM_ALLOW:
		rec->x = A | B; /* INCLUDE (A+B) */
		set_timers(rec, B, gmi); /* (B)=GMI */
		break;
	case GM_IS_EX:
	case GM_TO_EX:
		rec->mode = GM_EXCLUDE; /* EXCLUDE (A*B, B-A) */
		rec->x = A & B;
		rec->y = B & ~A;
		rec->group_timer = gmi; /* Group Timer=GMI */
		rec_normalise(rec);
		if (type == GM_TO_EX)
			query_sources(r, slot, g, A & B); /* Send Q(G,A*B) */
		break;
	case GM_TO_IN:
		rec->x = A | B; /* INCLUDE (A+B) */
		set_timers(rec, B, gmi); /* (B)=GMI */
		query_sources(r, slot, g, A & ~B); /* Send Q(G,A-B) */
		break;
	case GM_BLOCK:
		query_sources(r, slot, g, A & B); /* INCLUDE (A), Send Q(G,A*B) */
		break;
	}
}

static void apply_exclude(struct ref *r, unsigned int slot, unsigned int g, enum gm_record_type type, unsigned int A)
{
	struct ref_rec *rec = &r->ifs[slot].rec[g];
	mtime_t gmi = r->now + membership_interval(&r->ifs[slot]);
	mtime_t group_timer = rec->static_any ? gmi : rec->group_timer; /* that of a static-group never ends */
	unsigned int X = rec->x, Y = rec->y;

	switch (type) {
	case GM_IS_IN:
	case GM_ALLOW:
		rec->x = X | A; /* EXCLUDE (X+A, Y-A) */
		rec->y = Y & ~A;
		set_timers(rec, A, gmi); /* (A)=GMI */
		break;
	case GM_IS_EX:
		rec->x = A & ~Y; /* EXCLUDE (A-Y, Y*A) */
		rec->y = Y & A;
		set_timers(rec, A & ~X & ~Y, gmi); /* (A-X-Y)=GMI */
		rec->group_timer = gmi; /* Group Timer=GMI */
		break;
	case GM_TO_EX:
		rec->x = A & ~Y; /* EXCLUDE (A-Y, Y*A) */
		rec->y = Y & A;
		set_timers(rec, A & ~X & ~Y, group_timer); /* (A-X-Y)=Group Timer */
		rec->group_timer = gmi; /* Group Timer=GMI */
		rec_normalise(rec);
		query_sources(r, slot, g, A & ~Y); /* Send Q(G,A-Y) */
		break;
	case GM_TO_IN:
		rec->x = X | A; /* EXCLUDE (X+A, Y-A) */
		rec->y = Y & ~A;
		set_timers(rec, A, gmi); /* (A)=GMI */
		query_sources(r, slot, g, X & ~A); /* Send Q(G,X-A) */
		query_group(r, slot, g); /* Send Q(G) */
		break;
	case GM_BLOCK:
		rec->x = X | (A & ~Y); /* EXCLUDE (X+(A-Y), Y) */
		set_timers(rec, A & ~X & ~Y, group_timer); /* (A-X-Y)=Group Timer */
		query_sources(r, slot, g, A & ~Y); /* Send Q(G,A-Y) */
		break;
	}
}

/* What a single packet tells (the kind of its sender's address) was checked before; here is what the link tells. */
static bool sender_ok(const struct ref *r, const struct ref_if *i, const struct ipaddr *from, bool query)
{
	if (ipaddr_eq(from, &i->conf.addr))
		return false; /* */
	if (r->mld)
		return true;
	if (ipaddr_is_unspecified(from))
		return true; /* A-32; A-34 is about the election */
	/* Reading: where no prefix is known, nobody is off it. */
	if ((!i->conf.verify_source && !query) || !i->conf.nprefixes)
		return true;
	for (unsigned int p = 0; p < i->conf.nprefixes; p++)
		if (ipprefix_contains(&i->conf.prefixes[p], from))
			return true;
	return false; /* */
}

static unsigned int mapped_sources(struct ref *r, const struct ipaddr *group)
{
	unsigned int set = 0;

	for (unsigned int m = 0; m < r->conf.nssm_maps; m++)
		if (permits(r->conf.ssm_maps[m].acl, group, NULL))
			set |= source_set(r, &r->conf.ssm_maps[m].source, 1);
	return set;
}

static void input_record(struct ref *r, unsigned int slot, const struct gm_event *ev)
{
	struct ref_if *i = &r->ifs[slot];
	const struct ipaddr *group = &ev->record.group;
	enum gm_record_type type = ev->record.type;
	enum gm_gen gen = ev->record.gen;
	bool exclude = type == GM_IS_EX || type == GM_TO_EX;
	bool older_report = gen < GM_GEN3 && exclude;
	struct ref_rec *rec;
	unsigned int list, g;

	if (!listening(i) || !is_group(r, group))
		return;
	if (gen == GM_GEN3 && i->conf.gen < GM_GEN3)
		return; /* B-40 */
	/* Reading: a version 1 router takes version 2 reports for what they mean, but knows no leave (B-39). */
	if (gen == GM_GEN2 && !exclude && i->conf.gen == GM_GEN1)
		return;
	if (!sender_ok(r, i, &ev->record.reporter, false))
		return;
	list = source_set(r, ev->record.sources, ev->record.nsources);

	if (in_ssm_range(r, group) && (exclude || gen < GM_GEN3)) {
		unsigned int mapped = mapped_sources(r, group);

		if (!mapped)
			return; /* K-7, D-24, D-25 */
		/* Reading: the mapped sources are asked for or left as if the host had named them, in no older mode. */
		type = exclude ? GM_IS_IN : GM_BLOCK;
		list = mapped;
		exclude = older_report = false;
	}

	if (exclude && !permits(i->conf.acl, group, NULL))
		return;
	/* Reading: what blocks a source asks for nothing, so a BLOCK list is not checked. */
	if (type == GM_IS_IN || type == GM_TO_IN || type == GM_ALLOW)
		for_each_source(s, list)
			if (!permits(i->conf.acl, group, &r->source[s]))
				list &= ~(1u << s);

	g = ref_group(r, group);
	rec = &i->rec[g];
	rec->reported = true;
	if (older_report && gen == GM_GEN1)
		rec->v1_host = r->now + older_host_interval(i);
	if (older_report && gen == GM_GEN2)
		rec->v2_host = r->now + older_host_interval(i);

	/* RFC 9776 s7.3.2, RFC 9777 s8.3.2 */
	if (ref_rec_gen(r, rec) < GM_GEN3) {
		if (type == GM_BLOCK)
			return;
		if (type == GM_TO_EX)
			list = 0;
	}
	if (ref_rec_gen(r, rec) == GM_GEN1 && type == GM_TO_IN)
		return;

	if (rec->mode == GM_INCLUDE)
		apply_include(r, slot, g, type, list);
	else
		apply_exclude(r, slot, g, type, list);
	/* RFC 2236 s7, RFC 2710 s5: an answer ends the check. */
	if (i->conf.gen == GM_GEN2 && exclude)
		rec->group_left = 0;
	rec_normalise(rec);
}

/* --- querier: RFC 9776 s6.6.1, s6.6.2 ------------------------------------------------------------------------------ */

static void send_general_query(struct ref *r, unsigned int slot)
{
	struct ref_if *i = &r->ifs[slot];
	mtime_t interval;

	send_query(r, slot, i->conf.query_response);
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
		send_query(r, slot, r->ifs[slot].conf.query_response);
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

	if (!listening(i) || (!general && !is_multicast(r, group)))
		return;
	if (!sender_ok(r, i, from, true))
		return;

	if (i->querying && !ipaddr_is_unspecified(from) &&
	    memcmp(from->b + skip, i->conf.addr.b + skip, sizeof(from->b) - skip) < 0) {
		/* Reading: a query that cannot elect says nothing about the querier's settings either. */
		if (general || r->mld) { /* K-3 */
			i->querier = false;
			i->next_query = 0;
			i->startup_left = 0;
			i->robustness = ev->query.robustness ? ev->query.robustness : i->conf.robustness;
			i->query_interval = ev->query.interval ? ev->query.interval : i->conf.query_interval;
			i->other_until = r->now + other_querier_interval(i);
		}
	}

	if (general || ev->query.suppress || !is_group(r, group))
		return;
	until = r->now + last_member_time(i);
	if (ev->query.gen < GM_GEN3)
		until = r->now + i->conf.last_member_count * ev->query.max_response; /* B-25 */
	for (unsigned int g = 0; g < r->ngroups; g++) {
		struct ref_rec *rec = &i->rec[g];

		if (!ipaddr_eq(&r->group[g], group))
			continue;
		if (!ev->query.nsources && !rec->static_any)
			rec->group_timer = mtime_min(rec->group_timer, until);
		for_each_source(s, source_set(r, ev->query.sources, ev->query.nsources) & ~rec->static_sources)
			rec->source_timer[s] = mtime_min(rec->source_timer[s], until);
	}
}

/* --- interfaces ---------------------------------------------------------------------------------------------------- */

static void apply_statics(struct ref *r, unsigned int slot)
{
	struct ref_if *i = &r->ifs[slot];
	bool any[REF_GROUPS] = { false };
	unsigned int sources[REF_GROUPS] = { 0 };

	for (unsigned int n = 0; listening(i) && n < i->conf.nstatics; n++) {
		const struct gm_static *st = &i->conf.statics[n];
		unsigned int g;

		if (!is_group(r, &st->group))
			continue;
		g = ref_group(r, &st->group);
		if (ipaddr_is_none(&st->source) && in_ssm_range(r, &st->group))
			sources[g] |= mapped_sources(r, &st->group); /* K-7 */
		else if (ipaddr_is_none(&st->source))
			any[g] = true;
		else
			sources[g] |= source_set(r, &st->source, 1);
	}
	for (unsigned int g = 0; g < REF_GROUPS; g++) {
		struct ref_rec *rec = &i->rec[g];

		/* Reading: what is no longer static goes at once, but ages if hosts have reported the group besides. */
		if (any[g])
			rec->x = 0; /* as IS_EX{}: all sources are asked for */
		if (rec->static_any && !any[g]) {
			rec->mode = rec->reported ? GM_EXCLUDE : GM_INCLUDE;
			rec->group_timer = r->now + membership_interval(i);
		}
		if (rec->reported)
			set_timers(rec, rec->static_sources & ~sources[g], r->now + membership_interval(i));
		else
			rec->x &= ~(rec->static_sources & ~sources[g]);
		rec->static_any = any[g];
		rec->static_sources = sources[g];
		rec_normalise(rec);
	}
}

/* What hosts have asked for; static-groups stay. */
static void forget(struct ref_rec *rec)
{
	struct ref_rec kept = { .static_any = rec->static_any, .static_sources = rec->static_sources };

	*rec = kept;
	rec_normalise(rec);
}

/* Takes back what the policy no longer permits, and asks for what it may permit now. */
static void review(struct ref *r, unsigned int slot)
{
	struct ref_if *i = &r->ifs[slot];

	for (unsigned int g = 0; g < r->ngroups; g++) {
		struct ref_rec *rec = &i->rec[g];

		/* Reading: of an EXCLUDE record nothing is kept, the query will tell who still wants which source. */
		if (rec->static_any && in_ssm_range(r, &r->group[g]))
			rec->static_any = false;
		if (rec->static_any)
			continue;
		if (rec->mode == GM_EXCLUDE) {
			if (in_ssm_range(r, &r->group[g]) || !permits(i->conf.acl, &r->group[g], NULL))
				forget(rec);
			continue;
		}
		for_each_source(s, rec->x)
			if (!permits(i->conf.acl, &r->group[g], &r->source[s]))
				rec->x &= ~(1u << s);
		rec_normalise(rec);
	}
	apply_statics(r, slot);
	ask_again(r, slot);
}

static void input_if(struct ref *r, unsigned int slot, const struct gm_event *ev)
{
	struct ref_if *i = &r->ifs[slot];
	struct gm_if_conf old = i->conf;
	bool was_listening = listening(i), was_querying = i->querying;

	i->conf = *ev->iface;
	if (!listening(i)) {
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
		i->next_query = mtime_min(i->next_query, r->now + (i->startup_left ? i->conf.startup_interval :
										     i->query_interval));
	if (!was_listening || old.statics_serial != i->conf.statics_serial)
		apply_statics(r, slot);
	if (was_listening && old.acl != i->conf.acl)
		review(r, slot);
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

/* --- forwarding: RFC 4605 s4.2 ------------------------------------------------------------------------------------- */

/* E-30, E-31 */
static bool forwardable(const struct ref *r, const struct ipaddr *source, const struct ipaddr *group)
{
	return !is_local_scope(r, group) && !is_reserved(r, group) && !is_linklocal(r, source);
}

/* INTERFACE.md s4: the highest-priority operational upstream whose access list permits the group. */
static uint8_t upstream_of(const struct ref *r, const struct ipaddr *group)
{
	uint8_t best = GM_NO_IF;

	for (uint8_t n = 0; n < REF_SLOTS; n++) {
		const struct gm_if_conf *c = &r->ifs[n].conf, *b = &r->ifs[best == GM_NO_IF ? 0 : best].conf;

		if (c->role != GM_ROLE_UPSTREAM || !c->up || !permits(c->upstream_acl, group, NULL))
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
 * Reading: data that is expected nowhere has an entry without outputs where it arrived, so that the kernel stops asking.
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
	    !permits(r->ifs[iif].conf.boundary, &r->group[g], NULL))
		return 0;
	/* Reading: a boundary is about groups, its rules with a source never match. */
	for (uint8_t n = 0; n < REF_SLOTS; n++) {
		const struct ref_if *i = &r->ifs[n];

		if (n == iif || !permits(i->conf.boundary, &r->group[g], NULL))
			continue;
		if (listening(i) && (i->querier || !i->querying || i->conf.forward_as_non_querier) && wants(&i->rec[g], s))
			oifs |= 1u << n; /* E-16, E-19, E-21 */
		if (n == up && r->ifs[iif].conf.role == GM_ROLE_DOWNSTREAM)
			oifs |= 1u << n; /* E-17, E-22 */
	}
	return oifs;
}

static void input_flow(struct ref *r, const struct gm_event *ev)
{
	struct ref_route *route;

	if (!is_multicast(r, &ev->flow.group) || !is_source(r, &ev->flow.source))
		return;
	route = &r->route[ref_group(r, &ev->flow.group)][ref_source(r, &ev->flow.source)];
	if (ev->type == GM_EV_UPCALL) {
		route->arrived_on = ev->slot;
		route->arrived = true;
	}
	if (ev->type == GM_EV_ROUTE_IDLE && !route->named && r->conf.idle_timeout && ev->flow.idle >= r->conf.idle_timeout)
		route->arrived = false;
}

static void input_clear_routes(struct ref *r, const struct gm_event *ev)
{
	for (unsigned int g = 0; g < r->ngroups; g++)
		for (unsigned int s = 0; s < r->nsources; s++)
			if ((ipaddr_is_none(&ev->flow.group) || ipaddr_eq(&ev->flow.group, &r->group[g])) &&
			    (ipaddr_is_none(&ev->flow.source) || ipaddr_eq(&ev->flow.source, &r->source[s])))
				r->route[g][s].arrived = false;
}

/* The merged membership: RFC 4605 s4.1, RFC 9776 s3.2. Returns false if there is none. */
static bool merge(const struct ref *r, unsigned int g, enum gm_mode *mode, unsigned int *sources)
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

	if (merge(r, g, &mode, &sources)) {
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

/* --- time ---------------------------------------------------------------------------------------------------------- */

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
			for_each_source(s, rec->x)
				sooner(&next, rec->source_timer[s]);
		}
	}
	for (unsigned int g = 0; g < r->ngroups; g++)
		sooner(&next, r->joined[g].hold_until);
	return next;
}

static bool due(const struct ref *r, mtime_t deadline)
{
	return deadline && deadline <= r->now;
}

/* RFC 9776 s6.5, table 6 and s6.3, table 7. */
static void expire_rec(struct ref *r, struct ref_rec *rec)
{
	for_each_source(s, rec->x)
		if (due(r, rec->source_timer[s])) {
			rec->x &= ~(1u << s);
			if (rec->mode == GM_EXCLUDE)
				rec->y |= 1u << s;
		}
	if (rec->mode == GM_EXCLUDE && due(r, rec->group_timer))
		rec->mode = GM_INCLUDE;
	rec_normalise(rec);
}

static void fire(struct ref *r)
{
	for (unsigned int n = 0; n < REF_SLOTS; n++) {
		struct ref_if *i = &r->ifs[n];

		for (unsigned int g = 0; g < r->ngroups; g++) {
			struct ref_rec *rec = &i->rec[g];

			/* Reading: a query due at the very end still goes out. */
			if (due(r, rec->group_next))
				transmit_group_query(r, n, g);
			if (due(r, rec->source_next))
				transmit_source_queries(r, n, g);
			expire_rec(r, rec);
		}
		if (due(r, i->next_query))
			send_general_query(r, n);
		if (due(r, i->other_until))
			become_querier(r, n); /* B-11 */
	}
}

/* Reading: what is only left of a membership (leave-delay) is not joined again. */
static void input_resync(struct ref *r, unsigned int slot)
{
	for (unsigned int g = 0; g < r->ngroups; g++)
		if (r->joined[g].slot == slot && r->joined[g].hold_until) {
			r->joined[g].slot = GM_NO_IF;
			r->joined[g].hold_until = 0;
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
			if (due(r, r->joined[g].hold_until)) {
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
		input_record(r, ev->slot, ev);
		break;
	case GM_EV_QUERY:
		input_query(r, ev->slot, ev);
		break;
	case GM_EV_UPCALL:
	case GM_EV_WRONG_IF:
	case GM_EV_ROUTE_IDLE:
		input_flow(r, ev);
		break;
	case GM_EV_CLEAR:
		input_clear(r, ev->slot, &ev->clear.group);
		break;
	case GM_EV_CLEAR_ROUTES:
		input_clear_routes(r, ev);
		break;
	case GM_EV_RESYNC:
		input_resync(r, ev->slot);
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
