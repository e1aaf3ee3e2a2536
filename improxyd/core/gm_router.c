/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_router.h"

#include <errno.h>
#include <stdlib.h>

#include "core/gm_group.h"
#include "core/gm_host.h"
#include "core/gm_policy.h"
#include "core/gm_querier.h"
#include "core/gm_queue.h"

/* --- the state table
 * -------------------------------------------------------------------------------------------------- */

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

static const struct row table[2][7] = {
	[GM_INCLUDE] = {
		/*                                              A*B         A-B         -     -     B-A */
		/* IS_IN(B): (B)=GMI                                        -> INCLUDE(A+B)             */
		[GM_IS_IN] = { GM_INCLUDE, false, false,	GMI,	    KEEP,	KEEP, KEEP, GMI },
		/* IS_EX(B): (B-A)=0, delete (A-B), GT=GMI                  -> EXCLUDE(A*B, B-A)        */
		[GM_IS_EX] = { GM_EXCLUDE, true,  false,	KEEP,	    DEL,	KEEP, KEEP, OFF },
		/* ALLOW(B): (B)=GMI                                        -> INCLUDE(A+B)             */
		[GM_ALLOW] = { GM_INCLUDE, false, false,	GMI,	    KEEP,	KEEP, KEEP, GMI },
		/* BLOCK(B): Q(G,A*B)                                       -> INCLUDE(A)               */
		[GM_BLOCK] = { GM_INCLUDE, false, false,	KEEP | ASK, KEEP,	KEEP, KEEP, KEEP },
		/* TO_EX(B): (B-A)=0, delete (A-B), Q(G,A*B), GT=GMI        -> EXCLUDE(A*B, B-A)        */
		[GM_TO_EX] = { GM_EXCLUDE, true,  false,	KEEP | ASK, DEL,	KEEP, KEEP, OFF },
		/* TO_IN(B): (B)=GMI, Q(G,A-B)                              -> INCLUDE(A+B)             */
		[GM_TO_IN] = { GM_INCLUDE, false, false,	GMI,	    KEEP | ASK, KEEP, KEEP, GMI },
	},
	[GM_EXCLUDE] = {
		/*                                              X*B         X-B         Y*B   Y-B   B-X-Y */
		/* IS_IN(B): (B)=GMI                                        -> EXCLUDE(X+B, Y-B)        */
		[GM_IS_IN] = { GM_EXCLUDE, false, false,	GMI,	    KEEP,	GMI,  KEEP, GMI },
		/* IS_EX(B): (B-X-Y)=GMI, delete (X-B) (Y-B), GT=GMI        -> EXCLUDE(B-Y, Y*B)        */
		[GM_IS_EX] = { GM_EXCLUDE, true,  false,	KEEP,	    DEL,	KEEP, DEL,  GMI },
		/* ALLOW(B): (B)=GMI                                        -> EXCLUDE(X+B, Y-B)        */
		[GM_ALLOW] = { GM_EXCLUDE, false, false,	GMI,	    KEEP,	GMI,  KEEP, GMI },
		/* BLOCK(B): (B-X-Y)=GT, Q(G,B-Y)                           -> EXCLUDE(X+(B-Y), Y)      */
		[GM_BLOCK] = { GM_EXCLUDE, false, false,	KEEP | ASK, KEEP,	KEEP, KEEP, GT | ASK },
		/* TO_EX(B): (B-X-Y)=GT, delete (X-B) (Y-B), Q(G,B-Y), GT=GMI -> EXCLUDE(B-Y, Y*B)      */
		[GM_TO_EX] = { GM_EXCLUDE, true,  false,	KEEP | ASK, DEL,	KEEP, DEL,  GT | ASK },
		/* TO_IN(B): (B)=GMI, Q(G,X-B), Q(G)                        -> EXCLUDE(X+B, Y-B)        */
		[GM_TO_IN] = { GM_EXCLUDE, false, true,		GMI,	    KEEP | ASK, GMI,  KEEP, GMI },
	},
};

static enum gm_place place_of(enum gm_mode mode, const struct gm_src *src)
{
	if (mode == GM_INCLUDE)
		return GM_INCLUDED;
	return src->deadline ? GM_REQUESTED : GM_EXCLUDED;
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
	bool asks;    /* some source is to be queried */
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
	gm_host_move(rec->iface->gm, rec->group, &src->addr, before, delete ? GM_ABSENT : place_of(c->row->to, src));
	return delete;
}

/* The sources the report does not list. */
static bool apply_unlisted(struct gm_src *src, void *arg)
{
	struct change *c = arg;
	bool off = c->from == GM_EXCLUDE && !src->deadline;

	if (gm_addrs_contain(c->sources, c->nsources, &src->addr))
		return false;
	return apply_op(c, src, off ? c->row->off : c->row->held, place_of(c->from, src));
}

static void apply_listed(struct change *c, const struct ipaddr *addr)
{
	struct gm_rec *rec = c->rec;
	struct gm_if *ifp = rec->iface;
	struct gm_src *src = gm_set_find(&rec->sources, addr);
	unsigned int op = c->row->unknown_in_b;

	if (src) {
		bool off = c->from == GM_EXCLUDE && !src->deadline;

		apply_op(c, src, off ? c->row->off_in_b : c->row->held_in_b, place_of(c->from, src));
		return;
	}
	if (op == KEEP)
		return;
	if (ifp->conf.max_sources && rec->sources.n >= ifp->conf.max_sources) {
		gm_count_drop(ifp->gm, ifp->slot, GM_DROP_LIMIT);
		if (!c->refused)
			gm_queue_note(ifp->gm, ifp->slot, GM_NOTE_LIMIT_REACHED, &rec->group->addr,
				      &rec->last_reporter);
		c->refused = true;
		return;
	}
	src = gm_set_insert(&rec->sources, addr);
	src->since_s = (uint32_t)mtime_to_s(ifp->gm->now);
	apply_op(c, src, op, GM_ABSENT);
}

/* --- leaving at once
 * ---------------------------------------------------------------------------------------------------- */

/* What the record would have queried and no known host wants is given up without waiting for an answer. */
static void leave_now(struct gm_rec *rec, bool group)
{
	const struct gm_if *ifp = rec->iface;
	bool always = ifp->conf.immediate_leave == GM_IMMEDIATE_ALWAYS;
	mtime_t now = ifp->gm->now;

	if (!ifp->querier || ifp->conf.immediate_leave == GM_IMMEDIATE_OFF)
		return;
	if (!always && (gm_rec_gen(rec, now) != GM_GEN3 || !gm_hosts_tracked(&rec->hosts, now)))
		return;
	if (group && (always || !gm_hosts_want_group(&rec->hosts, now))) {
		gm_router_lower_group(rec, now);
		rec->group_queries_left = 0;
	}
	for (uint32_t i = 0; i < rec->sources.n; i++) {
		struct gm_src *src = &rec->sources.v[i];

		if (src->ask && (always || !gm_hosts_want_source(&rec->hosts, &src->addr, now))) {
			gm_router_lower_source(rec, src, now);
			src->queries_left = 0;
		}
	}
}

/*
 * Applies a row. Only a row that deletes, asks or changes mode looks at sources the report does not list, so that a
 * small report costs little however many sources there are.
 */
static void apply_row(struct gm_rec *rec, enum gm_record_type type, const struct ipaddr *sources, unsigned int n)
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
	if (c.asks)
		gm_querier_ask_sources(rec);
	if (c.row->ask_group)
		gm_querier_ask_group(rec);
	if (c.asks || c.row->ask_group)
		leave_now(rec, c.row->ask_group);
	for (uint32_t i = 0; c.asks && i < rec->sources.n; i++)
		rec->sources.v[i].ask = false;
}

/* --- timers
 * ------------------------------------------------------------------------------------------------------------ */

void gm_router_lower_group(struct gm_rec *rec, mtime_t deadline)
{
	if (rec->filter_deadline == MTIME_NEVER || rec->filter_deadline <= deadline)
		return;
	rec->filter_deadline = deadline;
	gm_rec_arm(rec, deadline);
}

void gm_router_lower_source(struct gm_rec *rec, struct gm_src *src, mtime_t deadline)
{
	if (src->fixed || src->deadline <= deadline)
		return;
	src->deadline = deadline;
	gm_rec_arm(rec, deadline);
}

/* RFC 9776 s6.5: the sources still wanted become the INCLUDE list, the exclude list goes. */
static bool switch_source(struct gm_src *src, void *arg)
{
	struct gm_rec *rec = arg;

	gm_host_move(rec->iface->gm, rec->group, &src->addr, place_of(GM_EXCLUDE, src),
		     src->deadline ? GM_INCLUDED : GM_ABSENT);
	return !src->deadline;
}

static void switch_to_include(struct gm_rec *rec)
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
	gm_host_move(gm, rec->group, &src->addr, place_of(mode, src), gone ? GM_ABSENT : GM_EXCLUDED);
	src->deadline = 0;
	src->queries_left = 0;
	return gone;
}

static void rearm(struct gm_rec *rec)
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
		switch_to_include(rec);
	gm_set_filter(&rec->sources, expire_source, rec);
	if (is_empty(rec))
		gm_rec_free(rec);
	else
		rearm(rec);
}

/* After a change: fires what has been made due at once, and frees a record that holds nothing. */
static void finish(struct gm_rec *rec)
{
	if (is_empty(rec))
		gm_rec_free(rec);
	else if (theap_armed(&rec->timer) && rec->timer.deadline <= rec->iface->gm->now)
		gm_router_timer(rec);
}

/* --- reports
 * ------------------------------------------------------------------------------------------------------------ */

/* A report as policy leaves it. */
struct request {
	struct ipaddr group, reporter;
	enum gm_record_type type;
	enum gm_gen gen;      /* 3 too of an older request that an ssm-map has made one for sources */
	enum gm_gen host_gen; /* of the message itself */
	struct ipaddr *sources;
	unsigned int nsources;
};

static int refuse(struct gm_if *ifp, enum gm_drop why)
{
	gm_count_drop(ifp->gm, ifp->slot, why);
	return -EPERM;
}

static bool excludes(enum gm_record_type type)
{
	return type == GM_IS_EX || type == GM_TO_EX;
}

/* Who may speak, and in which version: what a single packet cannot tell without its interface. */
static int check_sender(struct gm_if *ifp, const struct gm_event *ev)
{
	const struct ipaddr *from = &ev->record.reporter;
	bool leave = ev->record.type == GM_TO_IN;

	if (!gm_if_listening(ifp))
		return refuse(ifp, GM_DROP_ROLE);
	if (ipaddr_eq(from, &ifp->conf.addr))
		return refuse(ifp, GM_DROP_OWN_PACKET);
	if (!ipaddr_is_unspecified(from) && !ipaddr_is_unicast_source(from))
		return refuse(ifp, GM_DROP_SOURCE_ADDRESS);
	if (ifp->gm->af->verify_by_prefix && ifp->conf.verify_source && ifp->conf.nprefixes &&
	    !ipaddr_is_unspecified(from) && !gm_policy_on_link(ifp, from))
		return refuse(ifp, GM_DROP_SOURCE_ADDRESS);
	/* A join of the next version up still says that somebody is there; anything else is unknown to the older
	 * version. */
	if (ev->record.gen > ifp->conf.gen && (ev->record.gen == GM_GEN3 || leave))
		return refuse(ifp, GM_DROP_VERSION);
	return 0;
}

static int grow_scratch(struct gm *gm, unsigned int n)
{
	struct ipaddr *v;

	if (n <= gm->scratch_cap)
		return 0;
	v = realloc(gm->scratch, n * sizeof(*v));
	if (!v)
		return -ENOMEM;
	gm->scratch = v;
	gm->scratch_cap = n;
	return 0;
}

/* An any-source request in the SSM range is nothing, or what the ssm-map makes of it: RFC 4604 s3, RFC 4607 s5.2 (K-7).
 */
static int map_ssm(struct gm_if *ifp, struct request *req)
{
	struct gm *gm = ifp->gm;

	if (!gm_policy_ssm(gm, &req->group) || !(req->gen < GM_GEN3 || excludes(req->type)))
		return 0;
	if (grow_scratch(gm, gm->conf.nssm_maps) < 0)
		return -ENOMEM;
	req->sources = gm->scratch;
	req->nsources = 0;
	for (unsigned int i = 0; i < gm->conf.nssm_maps; i++) {
		if (gm_policy_ssm_mapped(gm, &gm->conf.ssm_maps[i], &req->group))
			req->sources[req->nsources++] = gm->conf.ssm_maps[i].source;
	}
	if (!req->nsources) {
		gm_queue_note(gm, ifp->slot, GM_NOTE_SSM_IGNORED, &req->group, &req->reporter);
		return refuse(ifp, GM_DROP_SSM);
	}
	req->type = req->type == GM_TO_IN ? GM_BLOCK : GM_IS_IN;
	req->gen = GM_GEN3;
	return 0;
}

/*
 * Sorts the list and takes out what is no source or is denied. A request for sources of which none is left is
 * refused; a leave is never. EXCLUDE lists are not checked against sources.
 */
static int check_sources(struct gm_if *ifp, struct request *req)
{
	bool asks = req->type == GM_IS_IN || req->type == GM_ALLOW || req->type == GM_TO_IN;
	unsigned int kept = 0, denied = 0;

	if (excludes(req->type) && !gm_acl_permits(ifp->conf.acl, &req->group, NULL))
		return refuse(ifp, GM_DROP_ACCESS_LIST);
	for (unsigned int i = 0; i < req->nsources; i++) {
		const struct ipaddr *source = &req->sources[i];

		if (!ipaddr_is_unicast_source(source)) {
			gm_count_drop(ifp->gm, ifp->slot, GM_DROP_MALFORMED);
		} else if (asks && !gm_acl_permits(ifp->conf.acl, &req->group, source)) {
			gm_count_drop(ifp->gm, ifp->slot, GM_DROP_ACCESS_LIST);
			denied++;
		} else {
			req->sources[kept++] = *source;
		}
	}
	if (denied && !kept && req->type != GM_TO_IN)
		return -EPERM;
	req->nsources = gm_addrs_sort(req->sources, kept);
	return 0;
}

static int prepare(struct gm_if *ifp, const struct gm_event *ev, struct request *req)
{
	struct gm *gm = ifp->gm;
	int err;

	*req = (struct request){
		.group = ev->record.group,
		.reporter = ev->record.reporter,
		.type = ev->record.type,
		.gen = ev->record.gen,
		.host_gen = ev->record.gen,
		.nsources = ev->record.gen < GM_GEN3 ? 0 : ev->record.nsources,
	};
	if (req->type < GM_IS_IN || req->type > GM_BLOCK)
		return refuse(ifp, GM_DROP_UNKNOWN_RECORD);
	err = check_sender(ifp, ev);
	if (err < 0)
		return err;
	if (!gm_policy_proxied(gm, &req->group))
		return refuse(ifp, GM_DROP_GROUP);
	if (grow_scratch(gm, req->nsources) < 0)
		return -ENOMEM;
	req->sources = gm->scratch;
	for (unsigned int i = 0; i < req->nsources; i++)
		req->sources[i] = ev->record.sources[i];
	err = map_ssm(ifp, req);
	if (err < 0)
		return err;
	return check_sources(ifp, req);
}

/* The record for a request, made if the request creates state and the limits allow it. */
static int find_or_make(struct gm_if *ifp, const struct request *req, struct gm_rec **recp)
{
	struct gm *gm = ifp->gm;
	struct gm_group *group = gm_group_find(gm, &req->group);
	const struct row *row = &table[GM_INCLUDE][req->type];

	*recp = group ? gm_group_rec(group, ifp->slot) : NULL;
	if (*recp)
		return 0;
	if (row->to == GM_INCLUDE && (row->unknown_in_b == KEEP || !req->nsources))
		return -ENOENT;
	if ((ifp->conf.max_groups && ifp->nrecs >= ifp->conf.max_groups) ||
	    (gm->conf.max_groups && gm->nrecs >= gm->conf.max_groups)) {
		gm_queue_note(gm, ifp->slot, GM_NOTE_LIMIT_REACHED, &req->group, &req->reporter);
		return refuse(ifp, GM_DROP_LIMIT);
	}
	group = gm_group_get(gm, &req->group);
	if (!group)
		return -ENOMEM;
	*recp = gm_rec_new(group, ifp);
	if (!*recp) {
		gm_group_touch(gm, group, GM_DIRTY_EMPTY);
		return -ENOMEM;
	}
	return 0;
}

/*
 * RFC 9776 s7.3.2, RFC 9777 s8.3.2: keeps the older host present timers and translates what an older mode ignores.
 * Returns -EPERM when nothing is left of the request.
 */
static int apply_compatibility(struct gm_rec *rec, struct request *req)
{
	struct gm_if *ifp = rec->iface;
	mtime_t now = ifp->gm->now, until = now + gm_if_older_host_interval(ifp);
	enum gm_gen gen;

	if (req->gen == GM_GEN1)
		rec->gen1_until = until;
	else if (req->gen == GM_GEN2 && excludes(req->type))
		rec->gen2_until = until;
	gen = gm_rec_gen(rec, now);
	if (gen == GM_GEN3)
		return 0;
	if (req->type == GM_BLOCK || (gen == GM_GEN1 && req->type == GM_TO_IN))
		return refuse(ifp, GM_DROP_OLDER_HOST);
	if (req->type == GM_TO_EX)
		req->nsources = 0;
	return 0;
}

static void note_host(struct gm_rec *rec, const struct request *req)
{
	struct gm_if *ifp = rec->iface;
	const struct gm_host_report report = {
		.reporter = &req->reporter,
		.type = req->type,
		.gen = req->host_gen,
		.sources = req->sources,
		.nsources = req->nsources,
		.keep_sources = ifp->conf.immediate_leave == GM_IMMEDIATE_TRACK,
	};
	mtime_t now = ifp->gm->now;

	rec->reported = now;
	rec->last_reporter = req->reporter;
	gm_hosts_note(&rec->hosts, &ifp->gm->hosts_used, &report, now, now + gm_if_group_membership_interval(ifp));
}

int gm_router_record(struct gm_if *ifp, const struct gm_event *ev)
{
	struct request req;
	struct gm_rec *rec = NULL;
	int err;

	err = prepare(ifp, ev, &req);
	if (err == 0)
		err = find_or_make(ifp, &req, &rec);
	/* Leaves are for the querier to look into: RFC 2236 s3, RFC 2710 s4. */
	if (err == 0 && req.gen < GM_GEN3 && req.type == GM_TO_IN && ifp->querying && !ifp->querier)
		err = refuse(ifp, GM_DROP_NOT_QUERIER);
	if (err == 0)
		err = apply_compatibility(rec, &req);
	if (err == -ENOMEM)
		goto no_memory;
	if (err < 0)
		return 0;
	/* Room for everything that may follow, here and when timers fire: from now on nothing can fail half-way. */
	if (gm_set_reserve(&rec->sources, req.nsources) < 0 || gm_host_reserve(rec->group, req.nsources) < 0) {
		finish(rec);
		goto no_memory;
	}
	note_host(rec, &req);
	apply_row(rec, req.type, req.sources, req.nsources);
	if (ifp->conf.gen < GM_GEN3 && excludes(req.type))
		rec->group_queries_left = 0; /* RFC 2236 s3: the answer ends the asking */
	finish(rec);
	return 0;

no_memory:
	gm_count_drop(ifp->gm, ifp->slot, GM_DROP_NO_MEMORY);
	return -ENOMEM;
}

/* --- policy, statics, clearing
 * ------------------------------------------------------------------------------------------ */

void gm_router_forget(struct gm_rec *rec)
{
	struct gm_if *ifp = rec->iface;

	for (uint32_t i = 0; i < rec->sources.n; i++) {
		const struct gm_src *src = &rec->sources.v[i];

		gm_host_move(ifp->gm, rec->group, &src->addr, place_of(gm_rec_mode(rec), src), GM_ABSENT);
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

static bool denied_source(struct gm_src *src, void *arg)
{
	struct gm_rec *rec = arg;
	struct gm_if *ifp = rec->iface;

	if (src->fixed || gm_acl_permits(ifp->conf.acl, &rec->group->addr, &src->addr))
		return false;
	gm_host_move(ifp->gm, rec->group, &src->addr, place_of(gm_rec_mode(rec), src), GM_ABSENT);
	return true;
}

int gm_router_enforce_policy(struct gm_if *ifp)
{
	struct gm *gm = ifp->gm;
	struct gm_rec *next;

	for (struct gm_rec *rec = ifp->recs; rec; rec = next) {
		const struct ipaddr *group = &rec->group->addr;
		bool any_source = gm_rec_mode(rec) == GM_EXCLUDE;
		bool by_static = rec->filter_deadline == MTIME_NEVER;

		next = rec->next;
		if (!any_source)
			gm_set_filter(&rec->sources, denied_source, rec);
		if (!any_source
			    ? !rec->sources.n
			    : gm_policy_ssm(gm, group) || (!by_static && !gm_acl_permits(ifp->conf.acl, group, NULL)))
			gm_router_forget(rec);
	}
	return gm_router_apply_statics(ifp);
}

/* The record of a static-group; one that stays empty is freed by the caller. */
static struct gm_rec *static_rec(struct gm_if *ifp, const struct ipaddr *addr)
{
	struct gm_group *group = gm_group_get(ifp->gm, addr);
	struct gm_rec *rec = group ? gm_group_rec(group, ifp->slot) : NULL;

	if (group && !rec)
		rec = gm_rec_new(group, ifp);
	if (!rec || gm_set_reserve(&rec->sources, 1) < 0 || gm_host_reserve(rec->group, 1) < 0)
		return NULL;
	return rec;
}

static int hold_group(struct gm_if *ifp, const struct ipaddr *group)
{
	struct gm_rec *rec = static_rec(ifp, group);

	if (!rec)
		return -ENOMEM;
	apply_row(rec, GM_IS_EX, NULL, 0);
	rec->filter_deadline = MTIME_NEVER;
	rec->fixed = true;
	rearm(rec);
	return 0;
}

static int hold_source(struct gm_if *ifp, const struct ipaddr *group, const struct ipaddr *source)
{
	struct gm_rec *rec = static_rec(ifp, group);
	struct gm_src *src;

	if (!rec)
		return -ENOMEM;
	apply_row(rec, GM_ALLOW, source, 1);
	src = gm_set_find(&rec->sources, source);
	if (src) {
		src->fixed = true;
		src->deadline = MTIME_NEVER;
		rec->fixed = true;
	}
	rearm(rec);
	return 0;
}

/* What may not be proxied is not held; any source of the SSM range is what the ssm-map makes of it, as for a host. */
static int apply_static(struct gm_if *ifp, const struct gm_static *st)
{
	const struct gm *gm = ifp->gm;
	int err = 0;

	if (!gm_policy_proxied(gm, &st->group))
		return 0;
	if (!ipaddr_is_none(&st->source))
		return hold_source(ifp, &st->group, &st->source);
	if (!gm_policy_ssm(gm, &st->group))
		return hold_group(ifp, &st->group);
	for (unsigned int i = 0; i < gm->conf.nssm_maps && err == 0; i++) {
		if (gm_policy_ssm_mapped(gm, &gm->conf.ssm_maps[i], &st->group))
			err = hold_source(ifp, &st->group, &gm->conf.ssm_maps[i].source);
	}
	return err;
}

/* What was held for ever ages from now on, as if a host had asked for it just now. */
static void release_static(struct gm_rec *rec)
{
	mtime_t gmi = rec->iface->gm->now + gm_if_group_membership_interval(rec->iface);

	if (!rec->fixed)
		return;
	rec->fixed = false;
	if (rec->filter_deadline == MTIME_NEVER)
		rec->filter_deadline = rec->reported ? gmi : rec->iface->gm->now;
	for (uint32_t i = 0; i < rec->sources.n; i++) {
		struct gm_src *src = &rec->sources.v[i];

		if (!src->fixed)
			continue;
		src->fixed = false;
		src->deadline = rec->reported ? gmi : rec->iface->gm->now;
	}
	rearm(rec);
}

int gm_router_apply_statics(struct gm_if *ifp)
{
	struct gm_rec *next;
	int err = 0;

	for (struct gm_rec *rec = ifp->recs; rec; rec = rec->next)
		release_static(rec);
	if (gm_if_listening(ifp)) {
		for (unsigned int i = 0; i < ifp->conf.nstatics && err == 0; i++)
			err = apply_static(ifp, &ifp->conf.statics[i]);
	}
	for (struct gm_rec *rec = ifp->recs; rec; rec = next) {
		next = rec->next;
		finish(rec);
	}
	return err;
}
