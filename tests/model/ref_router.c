/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ref.h"

#include <assert.h>
#include <string.h>

#include "ref_parts.h"

/* --- timers: RFC 9776 s8, RFC 9777 s9 --- */

mtime_t ref_membership_interval(const struct ref_if *i)
{
	return i->robustness * i->query_interval + 2 * i->conf.query_response; /* K-1 */
}

mtime_t ref_other_querier_interval(const struct ref_if *i)
{
	return i->robustness * i->query_interval + i->conf.query_response / 2;
}

static mtime_t older_host_interval(const struct ref_if *i)
{
	if (i->conf.gen < GM_GEN3)
		return ref_membership_interval(i); /* D-21 */
	return i->robustness * i->query_interval + i->conf.query_response;
}

unsigned int ref_last_member_count(const struct ref_if *i)
{
	return i->conf.last_member_count ? i->conf.last_member_count : i->robustness;
}

mtime_t ref_last_member_time(const struct ref_if *i)
{
	return i->conf.last_member_interval * ref_last_member_count(i);
}

bool ref_listening(const struct ref_if *i)
{
	return i->conf.role == GM_ROLE_DOWNSTREAM && i->conf.up;
}

void ref_set_timers(struct ref_rec *rec, unsigned int set, mtime_t until)
{
	for_each_source (s, set)
		rec->source_timer[s] = until;
}

/* Sources that are gone or have moved to Y have neither a timer nor queries to be sent. */
void ref_rec_normalise(struct ref_rec *rec)
{
	bool pending = false;

	if (rec->static_any) {
		rec->mode = GM_EXCLUDE;
		rec->group_timer = MTIME_NEVER;
		rec->y = 0;
	}
	rec->x |= rec->static_sources;
	rec->y &= ~rec->static_sources;
	ref_set_timers(rec, rec->static_sources, MTIME_NEVER);
	for_each_source (s, rec->static_sources)
		rec->source_left[s] = 0;
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

bool ref_due(const struct ref *r, mtime_t deadline)
{
	return deadline && deadline <= r->now;
}

/* --- queries: RFC 9776 s6.6.3 --- */

struct ref_query *ref_send_query(struct ref *r, unsigned int slot, mtime_t max_response)
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

void ref_transmit_group_query(struct ref *r, unsigned int slot, unsigned int g)
{
	struct ref_if *i = &r->ifs[slot];
	struct ref_rec *rec = &i->rec[g];

	if (!unsent(r, i)) {
		struct ref_query *q = ref_send_query(r, slot, i->conf.last_member_interval);

		q->group = r->group[g];
		q->suppress = rec->group_timer > r->now + ref_last_member_time(i);
	}
	rec->group_left--;
	rec->group_next = rec->group_left ? r->now + i->conf.last_member_interval : 0;
}

void ref_transmit_source_queries(struct ref *r, unsigned int slot, unsigned int g)
{
	struct ref_if *i = &r->ifs[slot];
	struct ref_rec *rec = &i->rec[g];
	unsigned int high = 0, low = 0;
	bool more = false;

	for (unsigned int s = 0; s < REF_SOURCES; s++) {
		if (!rec->source_left[s])
			continue;
		if (rec->source_timer[s] > r->now + ref_last_member_time(i))
			high |= 1u << s;
		else
			low |= 1u << s;
		more |= --rec->source_left[s] > 0;
	}
	if (unsent(r, i))
		high = low = 0;
	if (i->conf.gen < GM_GEN3) { /* has no form for sources */
		if (high | low)
			ref_send_query(r, slot, i->conf.last_member_interval)->group = r->group[g];
		high = low = 0;
	}
	if (high) {
		struct ref_query *q = ref_send_query(r, slot, i->conf.last_member_interval);

		q->group = r->group[g];
		q->suppress = true;
		q->sources = high;
	}
	if (low) {
		struct ref_query *q = ref_send_query(r, slot, i->conf.last_member_interval);

		q->group = r->group[g];
		q->sources = low;
	}
	rec->source_next = more ? r->now + i->conf.last_member_interval : 0;
}

/* The action "Send Q(G)": s6.6.3.1. */
void ref_query_group(struct ref *r, unsigned int slot, unsigned int g)
{
	struct ref_if *i = &r->ifs[slot];
	struct ref_rec *rec = &i->rec[g];

	if (!i->querier || rec->static_any)
		return; /* B-22 */
	rec->group_timer = mtime_min(rec->group_timer, r->now + ref_last_member_time(i));
	rec->group_left = ref_last_member_count(i);
	ref_transmit_group_query(r, slot, g);
}

/* The action "Send Q(G,set)": s6.6.3.2. */
void ref_query_sources(struct ref *r, unsigned int slot, unsigned int g, unsigned int set)
{
	struct ref_if *i = &r->ifs[slot];
	struct ref_rec *rec = &i->rec[g];
	mtime_t until = r->now + ref_last_member_time(i);
	bool armed = false;

	set &= ~rec->static_sources;
	if (!i->querier || !set)
		return;
	for_each_source (s, set)
		if (rec->source_timer[s] > until) {
			rec->source_timer[s] = until;
			rec->source_left[s] = ref_last_member_count(i);
			armed = true;
		}
	/* Reading: where all are being asked about already, nothing is sent before its time (B-31). */
	if (armed)
		ref_transmit_source_queries(r, slot, g);
}

/* --- the tables of RFC 9776 s6.4.1 and s6.4.2 --- */

static void apply_include(struct ref *r, unsigned int slot, unsigned int g, enum gm_record_type type, unsigned int B)
{
	struct ref_rec *rec = &r->ifs[slot].rec[g];
	mtime_t gmi = r->now + ref_membership_interval(&r->ifs[slot]);
	unsigned int A = rec->x;

	switch (type) {
	case GM_IS_IN:
	case GM_ALLOW:
		rec->x = A | B;              /* INCLUDE (A+B) */
		ref_set_timers(rec, B, gmi); /* (B)=GMI */
		break;
	case GM_IS_EX:
	case GM_TO_EX:
		rec->mode = GM_EXCLUDE; /* EXCLUDE (A*B, B-A) */
		rec->x = A & B;
		rec->y = B & ~A;
		rec->group_timer = gmi; /* Group Timer=GMI */
		ref_rec_normalise(rec);
		if (type == GM_TO_EX)
			ref_query_sources(r, slot, g, A & B); /* Send Q(G,A*B) */
		break;
	case GM_TO_IN:
		rec->x = A | B;                        /* INCLUDE (A+B) */
		ref_set_timers(rec, B, gmi);           /* (B)=GMI */
		ref_query_sources(r, slot, g, A & ~B); /* Send Q(G,A-B) */
		break;
	case GM_BLOCK:
		ref_query_sources(r, slot, g, A & B); /* INCLUDE (A), Send Q(G,A*B) */
		break;
	}
}

static void apply_exclude(struct ref *r, unsigned int slot, unsigned int g, enum gm_record_type type, unsigned int A)
{
	struct ref_rec *rec = &r->ifs[slot].rec[g];
	mtime_t gmi = r->now + ref_membership_interval(&r->ifs[slot]);
	mtime_t group_timer = rec->static_any ? gmi : rec->group_timer; /* that of a static-group never ends */
	unsigned int X = rec->x, Y = rec->y;

	switch (type) {
	case GM_IS_IN:
	case GM_ALLOW:
		rec->x = X | A; /* EXCLUDE (X+A, Y-A) */
		rec->y = Y & ~A;
		ref_set_timers(rec, A, gmi); /* (A)=GMI */
		break;
	case GM_IS_EX:
		rec->x = A & ~Y; /* EXCLUDE (A-Y, Y*A) */
		rec->y = Y & A;
		ref_set_timers(rec, A & ~X & ~Y, gmi); /* (A-X-Y)=GMI */
		rec->group_timer = gmi;                /* Group Timer=GMI */
		break;
	case GM_TO_EX:
		rec->x = A & ~Y; /* EXCLUDE (A-Y, Y*A) */
		rec->y = Y & A;
		ref_set_timers(rec, A & ~X & ~Y, group_timer); /* (A-X-Y)=Group Timer */
		rec->group_timer = gmi;                        /* Group Timer=GMI */
		ref_rec_normalise(rec);
		ref_query_sources(r, slot, g, A & ~Y); /* Send Q(G,A-Y) */
		break;
	case GM_TO_IN:
		rec->x = X | A; /* EXCLUDE (X+A, Y-A) */
		rec->y = Y & ~A;
		ref_set_timers(rec, A, gmi);           /* (A)=GMI */
		ref_query_sources(r, slot, g, X & ~A); /* Send Q(G,X-A) */
		ref_query_group(r, slot, g);           /* Send Q(G) */
		break;
	case GM_BLOCK:
		rec->x = X | (A & ~Y);                         /* EXCLUDE (X+(A-Y), Y) */
		ref_set_timers(rec, A & ~X & ~Y, group_timer); /* (A-X-Y)=Group Timer */
		ref_query_sources(r, slot, g, A & ~Y);         /* Send Q(G,A-Y) */
		break;
	}
}

/* What a single packet tells (the kind of its sender's address) was checked before; here is what the link tells. */
bool ref_sender_ok(const struct ref *r, const struct ref_if *i, const struct ipaddr *from, bool query)
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

unsigned int ref_mapped_sources(struct ref *r, const struct ipaddr *group)
{
	unsigned int set = 0;

	for (unsigned int m = 0; m < r->conf.nssm_maps; m++)
		if (ref_permits(r->conf.ssm_maps[m].acl, group, NULL))
			set |= ref_source_set(r, &r->conf.ssm_maps[m].source, 1);
	return set;
}

void ref_input_record(struct ref *r, unsigned int slot, const struct gm_event *ev)
{
	struct ref_if *i = &r->ifs[slot];
	const struct ipaddr *group = &ev->record.group;
	enum gm_record_type type = ev->record.type;
	enum gm_gen gen = ev->record.gen;
	bool exclude = type == GM_IS_EX || type == GM_TO_EX;
	bool older_report = gen < GM_GEN3 && exclude;
	struct ref_rec *rec;
	unsigned int list, asked, g;

	if (!ref_listening(i) || !ref_is_group(r, group))
		return;
	if (gen == GM_GEN3 && i->conf.gen < GM_GEN3)
		return; /* B-40 */
	/* Reading: a version 1 router takes version 2 reports for what they mean, but knows no leave (B-39). */
	if (gen == GM_GEN2 && !exclude && i->conf.gen == GM_GEN1)
		return;
	if (i->conf.ignore_older && gen < i->conf.gen)
		return; /* D-20 */
	if (!ref_sender_ok(r, i, &ev->record.reporter, false))
		return;
	if (gen == GM_GEN2 && !exclude && i->querying && !i->querier)
		return; /* B-21 */
	list = ref_source_set(r, ev->record.sources, ev->record.nsources);

	if (ref_in_ssm_range(r, group) && (exclude || gen < GM_GEN3)) {
		unsigned int mapped = ref_mapped_sources(r, group);

		if (!mapped)
			return; /* K-7, D-24, D-25 */
		/* Reading: the mapped sources are asked for or left as if the host had named them, in no older mode. */
		type = exclude ? GM_IS_IN : GM_BLOCK;
		list = mapped;
		exclude = older_report = false;
	}

	if (exclude && !ref_permits(i->conf.acl, group, NULL))
		return;
	/* Reading: what blocks a source asks for nothing, so a BLOCK list is not checked. */
	asked = list;
	if (type == GM_IS_IN || type == GM_TO_IN || type == GM_ALLOW)
		for_each_source (s, list)
			if (!ref_permits(i->conf.acl, group, &r->source[s]))
				list &= ~(1u << s);

	if (asked && !list && type != GM_TO_IN)
		return;

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
	ref_rec_normalise(rec);
}

/* RFC 9776 s6.5, table 6 and s6.3, table 7. */
void ref_expire_rec(struct ref *r, struct ref_rec *rec)
{
	for_each_source (s, rec->x)
		if (ref_due(r, rec->source_timer[s])) {
			rec->x &= ~(1u << s);
			if (rec->mode == GM_EXCLUDE)
				rec->y |= 1u << s;
		}
	if (rec->mode == GM_EXCLUDE && ref_due(r, rec->group_timer))
		rec->mode = GM_INCLUDE;
	ref_rec_normalise(rec);
}
