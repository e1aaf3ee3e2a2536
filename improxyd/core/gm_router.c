/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_router.h"

#include <errno.h>
#include <stdlib.h>

#include "core/gm_group.h"
#include "core/gm_host.h"
#include "core/gm_policy.h"
#include "core/gm_querier.h"
#include "core/gm_queue.h"
#include "core/gm_watch.h"

/* --- the state table --- */

/*
 * RFC 9776 s6.4.1 and s6.4.2 (RFC 9777 s7.4.1, s7.4.2). A source of the record or of the report is in one of five
 * places; the table says what becomes of it. B is the source list of the report (the RFC's A or B), A the INCLUDE list,
 * X the requested and Y the exclude list of EXCLUDE mode.
 */
enum op {
	KEEP,   /* timer untouched; not taken up where it is new */
	DEL,    /* deleted */
	GMI,    /* timer = group membership interval */
	GT,     /* timer = the group timer as it was */
	OFF,    /* timer = 0: on the exclude list */
	ASK = 8 /* to be added: Q(G, source) */
};

struct row {
	enum gm_mode to;
	bool restart;   /* group timer = group membership interval */
	bool ask_group; /* Q(G) */
	unsigned char held_in_b, held, off_in_b, off, unknown_in_b;
};

/* clang-format off */
static const struct row table[2][7] = {
	[GM_INCLUDE] = {
		/*           mode        restart ask    A*B         A-B         -     -     B-A */
		/* IS_IN(B): (B)=GMI                                        -> INCLUDE(A+B)             */
		[GM_IS_IN] = { GM_INCLUDE, false, false, GMI,        KEEP,       KEEP, KEEP, GMI },
		/* IS_EX(B): (B-A)=0, delete (A-B), GT=GMI                  -> EXCLUDE(A*B, B-A)        */
		[GM_IS_EX] = { GM_EXCLUDE, true,  false, KEEP,       DEL,        KEEP, KEEP, OFF },
		/* ALLOW(B): (B)=GMI                                        -> INCLUDE(A+B)             */
		[GM_ALLOW] = { GM_INCLUDE, false, false, GMI,        KEEP,       KEEP, KEEP, GMI },
		/* BLOCK(B): Q(G,A*B)                                       -> INCLUDE(A)               */
		[GM_BLOCK] = { GM_INCLUDE, false, false, KEEP | ASK, KEEP,       KEEP, KEEP, KEEP },
		/* TO_EX(B): (B-A)=0, delete (A-B), Q(G,A*B), GT=GMI        -> EXCLUDE(A*B, B-A)        */
		[GM_TO_EX] = { GM_EXCLUDE, true,  false, KEEP | ASK, DEL,        KEEP, KEEP, OFF },
		/* TO_IN(B): (B)=GMI, Q(G,A-B)                              -> INCLUDE(A+B)             */
		[GM_TO_IN] = { GM_INCLUDE, false, false, GMI,        KEEP | ASK, KEEP, KEEP, GMI },
	},
	[GM_EXCLUDE] = {
		/*           mode        restart ask    X*B         X-B         Y*B   Y-B   B-X-Y */
		/* IS_IN(B): (B)=GMI                                        -> EXCLUDE(X+B, Y-B)        */
		[GM_IS_IN] = { GM_EXCLUDE, false, false, GMI,        KEEP,       GMI,  KEEP, GMI },
		/* IS_EX(B): (B-X-Y)=GMI, delete (X-B) (Y-B), GT=GMI        -> EXCLUDE(B-Y, Y*B)        */
		[GM_IS_EX] = { GM_EXCLUDE, true,  false, KEEP,       DEL,        KEEP, DEL,  GMI },
		/* ALLOW(B): (B)=GMI                                        -> EXCLUDE(X+B, Y-B)        */
		[GM_ALLOW] = { GM_EXCLUDE, false, false, GMI,        KEEP,       GMI,  KEEP, GMI },
		/* BLOCK(B): (B-X-Y)=GT, Q(G,B-Y)                           -> EXCLUDE(X+(B-Y), Y)      */
		[GM_BLOCK] = { GM_EXCLUDE, false, false, KEEP | ASK, KEEP,       KEEP, KEEP, GT | ASK },
		/* TO_EX(B): (B-X-Y)=GT, delete (X-B) (Y-B), Q(G,B-Y), GT=GMI -> EXCLUDE(B-Y, Y*B)      */
		[GM_TO_EX] = { GM_EXCLUDE, true,  false, KEEP | ASK, DEL,        KEEP, DEL,  GT | ASK },
		/* TO_IN(B): (B)=GMI, Q(G,X-B), Q(G)                        -> EXCLUDE(X+B, Y-B)        */
		[GM_TO_IN] = { GM_EXCLUDE, false, true,  GMI,        KEEP | ASK, GMI,  KEEP, GMI },
	},
};
/* clang-format on */

enum gm_place gm_router_place(enum gm_mode mode, const struct gm_src *src)
{
	if (mode == GM_INCLUDE)
		return GM_INCLUDED;
	return src->deadline ? GM_REQUESTED : GM_EXCLUDED;
}

bool gm_router_creates(enum gm_record_type type, unsigned int nsources)
{
	const struct row *row = &table[GM_INCLUDE][type];

	return row->to == GM_EXCLUDE || (row->unknown_in_b != KEEP && nsources);
}

bool gm_rec_wants(const struct gm_rec *rec, const struct ipaddr *source)
{
	const struct gm_src *src = gm_set_find(&rec->sources, source);

	return gm_rec_mode(rec) == GM_INCLUDE ? src != NULL : !src || src->deadline;
}

enum gm_gen gm_rec_gen(const struct gm_rec *rec, mtime_t now)
{
	if (rec->gen1_until > now)
		return GM_GEN1;
	return rec->gen2_until > now ? GM_GEN2 : GM_GEN3;
}

/* A record under way: where it came from, where it goes, its times. */
struct change {
	struct gm_rec *rec;
	const struct row *row;
	enum gm_mode from;
	mtime_t gmi, group_timer; /* deadlines: a new interval; the group timer as it was */
	const struct ipaddr *sources;
	unsigned int nsources;
	bool asks; /* some source is to be queried */
	bool asks_group;
	bool refused; /* the limit was reached, and it was noted */
};

/* Carries out one cell of the table. Returns true when the source is to be deleted. */
static bool apply_op(struct change *c, struct gm_src *src, unsigned int op, enum gm_place before)
{
	struct gm_rec *rec = c->rec;
	bool delete = false;

	switch ((enum op)(op & ~(unsigned int)ASK)) {
	case KEEP:
		break;
	case DEL:
		delete = !src->fixed;
		break;
	case GMI:
		src->deadline = src->fixed ? MTIME_NEVER : c->gmi;
		break;
	case GT:
		src->deadline = c->group_timer == MTIME_NEVER ? c->gmi : c->group_timer;
		break;
	case OFF:
		src->deadline = 0;
		break;
	case ASK:
		break;
	}
	src->ask = (op & ASK) != 0;
	c->asks |= src->ask;
	if (src->deadline && !delete)
		gm_rec_arm(rec, src->deadline);
	gm_host_move(rec->iface->gm, rec->group, &src->addr, before,
		     delete ? GM_ABSENT : gm_router_place(c->row->to, src));
	return delete;
}

/* The sources the report does not list. */
static bool apply_unlisted(struct gm_src *src, void *arg)
{
	struct change *c = arg;
	bool off = c->from == GM_EXCLUDE && !src->deadline;

	if (gm_addrs_contain(c->sources, c->nsources, &src->addr))
		return false;
	return apply_op(c, src, off ? c->row->off : c->row->held, gm_router_place(c->from, src));
}

static void apply_listed(struct change *c, const struct ipaddr *addr)
{
	struct gm_rec *rec = c->rec;
	struct gm_if *ifp = rec->iface;
	struct gm_src *src = gm_set_find(&rec->sources, addr);
	unsigned int op = c->row->unknown_in_b;

	if (src) {
		bool off = c->from == GM_EXCLUDE && !src->deadline;

		apply_op(c, src, off ? c->row->off_in_b : c->row->held_in_b, gm_router_place(c->from, src));
		return;
	}
	if (op == KEEP)
		return;
	if (ifp->conf.max_sources && rec->sources.n >= ifp->conf.max_sources) {
		gm_count_drop(ifp->gm, ifp->slot, GM_DROP_LIMIT);
		gm_watch_refused(ifp, &rec->group->addr, addr, &rec->last_reporter, GM_DROP_LIMIT);
		if (!c->refused)
			gm_queue_note(ifp->gm, ifp->slot, GM_NOTE_LIMIT_REACHED, &rec->group->addr,
				      &rec->last_reporter);
		c->refused = true;
		return;
	}
	src = gm_set_insert(&rec->sources, addr);
	src->since_ds = (uint32_t)mtime_to_ds(ifp->gm->now + mtime_from_ds(1) - 1);
	apply_op(c, src, op, GM_ABSENT);
}

/* --- asking, and leaving at once --- */

/* How many sources a row may ask for: those of the report, or all, where it asks for some that are not listed. */
static uint32_t askable(const struct change *c)
{
	return c->row->held & ASK ? c->rec->sources.n : c->nsources;
}

/* Number `i` of these; NULL if it is not asked for. */
static struct gm_src *asked(const struct change *c, uint32_t i)
{
	const struct gm_set *held = &c->rec->sources;
	struct gm_src *src = c->row->held & ASK ? &held->v[i] : gm_set_find(held, &c->sources[i]);

	return src && src->ask ? src : NULL;
}

/* Every host that has the group's data is known, and will say so when it wants no more of it. */
static bool knows_all_hosts(const struct gm_rec *rec)
{
	const struct gm_if *ifp = rec->iface;
	mtime_t now = ifp->gm->now;

	return ifp->conf.immediate_leave == GM_IMMEDIATE_TRACK && !ifp->gm->relearned && now >= ifp->unsure &&
	       gm_rec_gen(rec, now) == GM_GEN3 && gm_hosts_tracked(&rec->hosts, now);
}

/* What another known host wants needs no query. */
static void spare_wanted(struct change *c)
{
	struct gm_rec *rec = c->rec;
	mtime_t now = rec->iface->gm->now;

	c->asks_group = c->asks_group && !gm_hosts_want_group(&rec->hosts, now);
	if (!c->asks)
		return;
	c->asks = false;
	for (uint32_t i = 0; i < askable(c); i++) {
		struct gm_src *src = asked(c, i);

		if (!src)
			continue;
		src->ask = !gm_hosts_want_source(&rec->hosts, &src->addr, &rec->last_reporter, now);
		c->asks |= src->ask;
	}
}

/*
 * What has been asked for is given up without waiting for an answer; but not what the host that reports had asked for
 * itself and may go on to list in its next record, nor a group in which others named sources that EXCLUDE mode has
 * swallowed.
 */
static void leave_now(const struct change *c)
{
	struct gm_rec *rec = c->rec;
	bool always = rec->iface->conf.immediate_leave == GM_IMMEDIATE_ALWAYS;
	mtime_t now = rec->iface->gm->now;

	if (c->asks_group && (always || !gm_hosts_want_beyond(&rec->hosts, &rec->sources, now))) {
		rec->group->prompt |= gm_router_lower_group(rec, now);
		rec->group_queries_left = 0;
	}
	for (uint32_t i = 0; c->asks && i < askable(c); i++) {
		struct gm_src *src = asked(c, i);

		if (src && (always || !gm_hosts_want_source(&rec->hosts, &src->addr, NULL, now))) {
			rec->group->prompt |= gm_router_lower_source(rec, src, now);
			src->queries_left = 0;
		}
	}
}

/* Queries for what the row asks for, as far as nobody knows the answer. */
static void ask(struct change *c)
{
	struct gm_rec *rec = c->rec;
	const struct gm_if *ifp = rec->iface;
	bool tracked = knows_all_hosts(rec), query = false;

	if (tracked)
		spare_wanted(c);
	for (uint32_t i = 0; c->asks && i < askable(c); i++) {
		struct gm_src *src = asked(c, i);

		query |= src && gm_querier_ask_source(rec, src);
	}
	if (query)
		gm_querier_send_sources(rec);
	if (c->asks_group)
		gm_querier_ask_group(rec);
	if (ifp->querier && (c->asks || c->asks_group) && (tracked || ifp->conf.immediate_leave == GM_IMMEDIATE_ALWAYS))
		leave_now(c);
}

/*
 * Applies a row. Only a row that deletes, asks or changes mode looks at sources the report does not list, so that a
 * small report costs little however many sources there are.
 */
void gm_router_apply(struct gm_rec *rec, enum gm_record_type type, const struct ipaddr *sources, unsigned int n)
{
	struct gm_if *ifp = rec->iface;
	struct change c = {
		.rec = rec,
		.row = &table[gm_rec_mode(rec)][type],
		.from = gm_rec_mode(rec),
		.gmi = ifp->gm->now + gm_if_group_membership_interval(ifp),
		.group_timer = rec->filter_deadline,
		.sources = sources,
		.nsources = n,
		.asks_group = table[gm_rec_mode(rec)][type].ask_group,
	};

	if (c.row->restart && rec->filter_deadline != MTIME_NEVER) {
		rec->filter_deadline = c.gmi;
		gm_rec_arm(rec, c.gmi);
	}
	if (c.row->to != c.from) {
		gm_host_count_excluding(ifp->gm, rec->group, 1);
		gm_queue_note(ifp->gm, ifp->slot, GM_NOTE_MODE_CHANGED, &rec->group->addr, &rec->last_reporter);
	}
	if (c.row->held != KEEP || c.row->off != KEEP || c.row->to != c.from)
		gm_set_filter(&rec->sources, apply_unlisted, &c);
	for (unsigned int i = 0; i < n; i++)
		apply_listed(&c, &sources[i]);
	if (c.asks || c.asks_group)
		ask(&c);
	for (uint32_t i = 0; c.asks && i < askable(&c); i++) {
		struct gm_src *src = asked(&c, i);

		if (src)
			src->ask = false;
	}
}

/* --- timers --- */

bool gm_router_lower_group(struct gm_rec *rec, mtime_t deadline)
{
	if (rec->filter_deadline == MTIME_NEVER || rec->filter_deadline <= deadline)
		return false;
	rec->filter_deadline = deadline;
	gm_rec_arm(rec, deadline);
	return true;
}

bool gm_router_lower_source(struct gm_rec *rec, struct gm_src *src, mtime_t deadline)
{
	if (src->fixed || src->deadline <= deadline)
		return false;
	src->deadline = deadline;
	gm_rec_arm(rec, deadline);
	return true;
}

/* RFC 9776 s6.5: the sources still wanted become the INCLUDE list, the exclude list goes. */
static bool switch_source(struct gm_src *src, void *arg)
{
	struct gm_rec *rec = arg;

	gm_host_move(rec->iface->gm, rec->group, &src->addr, gm_router_place(GM_EXCLUDE, src),
		     src->deadline ? GM_INCLUDED : GM_ABSENT);
	return !src->deadline;
}

void gm_router_switch(struct gm_rec *rec)
{
	struct gm_if *ifp = rec->iface;

	rec->filter_deadline = 0;
	rec->group_queries_left = 0;
	gm_host_count_excluding(ifp->gm, rec->group, -1);
	gm_set_filter(&rec->sources, switch_source, rec);
	gm_queue_note(ifp->gm, ifp->slot, GM_NOTE_MODE_CHANGED, &rec->group->addr, NULL);
}

/* RFC 9776 s6.3, Table 7: what becomes of a source whose timer has run out. */
static bool expire_source(struct gm_src *src, void *arg)
{
	struct gm_rec *rec = arg;
	struct gm *gm = rec->iface->gm;
	enum gm_mode mode = gm_rec_mode(rec);
	bool gone;

	if (!src->deadline || src->deadline > gm->now)
		return false;
	/* A static member of any source wants it again. */
	gone = mode == GM_INCLUDE || rec->filter_deadline == MTIME_NEVER;
	gm_host_move(gm, rec->group, &src->addr, gm_router_place(mode, src), gone ? GM_ABSENT : GM_EXCLUDED);
	src->deadline = 0;
	src->queries_left = 0;
	return gone;
}

void gm_router_rearm(struct gm_rec *rec)
{
	mtime_t next = MTIME_NEVER;

	if (rec->filter_deadline)
		next = rec->filter_deadline;
	if (rec->group_queries_left)
		next = mtime_min(next, rec->group_query_next);
	if (rec->source_query_next)
		next = mtime_min(next, rec->source_query_next);
	for (uint32_t i = 0; i < rec->sources.n; i++) {
		if (rec->sources.v[i].deadline)
			next = mtime_min(next, rec->sources.v[i].deadline);
	}
	theap_set(&rec->iface->gm->rec_timers, &rec->timer, next);
}

static bool is_empty(const struct gm_rec *rec)
{
	return !rec->filter_deadline && !rec->sources.n && !rec->fixed;
}

void gm_router_timer(struct gm_rec *rec)
{
	mtime_t now = rec->iface->gm->now;

	gm_querier_repeat(rec);
	if (rec->filter_deadline && rec->filter_deadline <= now)
		gm_router_switch(rec);
	gm_set_filter(&rec->sources, expire_source, rec);
	if (is_empty(rec)) {
		gm_rec_free(rec);
		return;
	}
	gm_set_trim(&rec->sources);
	gm_router_rearm(rec);
}

/* After a change: fires what has been made due at once, and frees a record that holds nothing. */
void gm_router_finish(struct gm_rec *rec)
{
	if (is_empty(rec)) {
		gm_rec_free(rec);
		return;
	}
	gm_set_trim(&rec->sources);
	if (theap_armed(&rec->timer) && rec->timer.deadline <= rec->iface->gm->now)
		gm_router_timer(rec);
}

/* --- clearing --- */

void gm_router_forget(struct gm_rec *rec)
{
	struct gm_if *ifp = rec->iface;

	for (uint32_t i = 0; i < rec->sources.n; i++) {
		const struct gm_src *src = &rec->sources.v[i];

		gm_host_move(ifp->gm, rec->group, &src->addr, gm_router_place(gm_rec_mode(rec), src), GM_ABSENT);
	}
	rec->sources.n = 0;
	if (rec->filter_deadline)
		gm_host_count_excluding(ifp->gm, rec->group, -1);
	gm_rec_free(rec);
}

void gm_router_forget_all(struct gm_if *ifp)
{
	while (ifp->recs)
		gm_router_forget(ifp->recs);
}
