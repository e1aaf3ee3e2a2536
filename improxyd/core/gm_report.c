/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_report.h"

#include <errno.h>
#include <stdlib.h>

#include "core/gm_group.h"
#include "core/gm_host.h"
#include "core/gm_policy.h"
#include "core/gm_querier.h"
#include "core/gm_queue.h"
#include "core/gm_router.h"
#include "core/gm_static.h"
#include "core/gm_watch.h"

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

/* A request that policy refuses is remembered; a leave asks for nothing. */
static int refuse_request(struct gm_if *ifp, const struct request *req, enum gm_drop why)
{
	if (req->type != GM_TO_IN)
		gm_watch_refused(ifp, &req->group, NULL, &req->reporter, why);
	return refuse(ifp, why);
}

/* Who may speak, and in which version: what a single packet cannot tell without its interface. */
static int check_sender(struct gm_if *ifp, const struct gm_event *ev)
{
	const struct ipaddr *from = &ev->record.reporter;
	bool leave = ev->record.type == GM_TO_IN;

	/* A membership that our own reports of another interface ask for would never end. */
	if (gm_watch_own(ifp, from))
		return refuse(ifp, GM_DROP_OWN_PACKET);
	if (!gm_if_listening(ifp))
		return refuse(ifp, GM_DROP_ROLE);
	if (!ipaddr_is_unspecified(from) && !ipaddr_is_unicast_source(from))
		return refuse(ifp, GM_DROP_SOURCE_ADDRESS);
	if (ifp->gm->af->verify_by_prefix && ifp->conf.verify_source && ifp->conf.nprefixes &&
	    !ipaddr_is_unspecified(from) && !gm_policy_on_link(ifp, from))
		return refuse(ifp, GM_DROP_SOURCE_ADDRESS);
	if (ifp->conf.ignore_older && ev->record.gen < ifp->conf.gen)
		return refuse(ifp, GM_DROP_VERSION);
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

	if (!gm_policy_ssm(gm, &req->group) || !(req->gen < GM_GEN3 || gm_record_excludes(req->type)))
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
		return refuse_request(ifp, req, GM_DROP_SSM);
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

	if (gm_record_excludes(req->type) && !gm_acl_permits(ifp->conf.acl, &req->group, NULL))
		return refuse_request(ifp, req, GM_DROP_ACCESS_LIST);
	for (unsigned int i = 0; i < req->nsources; i++) {
		const struct ipaddr *source = &req->sources[i];

		if (!ipaddr_is_unicast_source(source)) {
			gm_count_drop(ifp->gm, ifp->slot, GM_DROP_MALFORMED);
		} else if (asks && !gm_acl_permits(ifp->conf.acl, &req->group, source)) {
			gm_count_drop(ifp->gm, ifp->slot, GM_DROP_ACCESS_LIST);
			gm_watch_refused(ifp, &req->group, source, &req->reporter, GM_DROP_ACCESS_LIST);
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

	*recp = group ? gm_group_rec(group, ifp->slot) : NULL;
	if (*recp)
		return 0;
	if (!gm_router_creates(req->type, req->nsources))
		return -ENOENT;
	if ((ifp->conf.max_groups && ifp->nrecs >= ifp->conf.max_groups) ||
	    (gm->conf.max_groups && gm->nrecs >= gm->conf.max_groups)) {
		gm_queue_note(gm, ifp->slot, GM_NOTE_LIMIT_REACHED, &req->group, &req->reporter);
		return refuse_request(ifp, req, GM_DROP_LIMIT);
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
	else if (req->gen == GM_GEN2 && gm_record_excludes(req->type))
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

int gm_report_record(struct gm_if *ifp, const struct gm_event *ev)
{
	struct request req;
	struct gm_rec *rec = NULL;
	int err;

	err = prepare(ifp, ev, &req);
	if (err == 0)
		err = find_or_make(ifp, &req, &rec);
	/* Leaves are for the querier to look into: RFC 2236 s3, RFC 2710 s4. */
	if (err == 0 && req.host_gen < GM_GEN3 && ev->record.type == GM_TO_IN && ifp->querying && !ifp->querier)
		err = refuse(ifp, GM_DROP_NOT_QUERIER);
	if (err == 0)
		err = apply_compatibility(rec, &req);
	if (err == -ENOMEM)
		goto no_memory;
	if (err < 0)
		return 0;
	/* Room for everything that may follow, here and when timers fire: from now on nothing can fail half-way. */
	if (gm_set_reserve(&rec->sources, req.sources, req.nsources) < 0 ||
	    gm_host_reserve(rec->group, req.sources, req.nsources) < 0) {
		gm_router_finish(rec);
		goto no_memory;
	}
	note_host(rec, &req);
	gm_router_apply(rec, req.type, req.sources, req.nsources);
	if (ifp->conf.gen < GM_GEN3 && gm_record_excludes(req.type))
		rec->group_queries_left = 0; /* RFC 2236 s3: the answer ends the asking */
	gm_router_finish(rec);
	return 0;

no_memory:
	gm_count_drop(ifp->gm, ifp->slot, GM_DROP_NO_MEMORY);
	return -ENOMEM;
}

/* --- policy that changes while there is state --- */

static bool denied_source(struct gm_src *src, void *arg)
{
	struct gm_rec *rec = arg;
	struct gm_if *ifp = rec->iface;

	if (src->fixed || gm_acl_permits(ifp->conf.acl, &rec->group->addr, &src->addr))
		return false;
	gm_watch_refused(ifp, &rec->group->addr, &src->addr, &rec->last_reporter, GM_DROP_ACCESS_LIST);
	gm_host_move(ifp->gm, rec->group, &src->addr, gm_router_place(gm_rec_mode(rec), src), GM_ABSENT);
	return true;
}

/*
 * Any source is refused now: what hosts have named stays, as when the group timer ends. The older hosts had asked for
 * any source, so that they count no longer.
 */
static void refuse_any_source(struct gm_rec *rec, enum gm_drop why)
{
	gm_watch_refused(rec->iface, &rec->group->addr, NULL, &rec->last_reporter, why);
	rec->gen1_until = rec->gen2_until = 0;
	gm_router_switch(rec);
}

int gm_report_enforce_policy(struct gm_if *ifp)
{
	struct gm *gm = ifp->gm;
	struct gm_rec *next;

	for (struct gm_rec *rec = ifp->recs; rec; rec = next) {
		const struct ipaddr *group = &rec->group->addr;

		next = rec->next;
		if (gm_rec_mode(rec) == GM_EXCLUDE && gm_policy_ssm(gm, group))
			refuse_any_source(rec, GM_DROP_SSM);
		else if (gm_rec_mode(rec) == GM_EXCLUDE && rec->filter_deadline != MTIME_NEVER &&
			 !gm_acl_permits(ifp->conf.acl, group, NULL))
			refuse_any_source(rec, GM_DROP_ACCESS_LIST);
		if (gm_rec_mode(rec) == GM_EXCLUDE)
			continue;
		gm_set_filter(&rec->sources, denied_source, rec);
		if (!rec->sources.n)
			gm_router_forget(rec);
	}
	return gm_static_apply(ifp);
}

/* The record that came last, of those that no static-group holds; NULL: there is none. */
static struct gm_rec *latest(const struct gm_if *ifp)
{
	struct gm_rec *rec = ifp->recs ? ifp->recs->prev : NULL;

	while (rec && rec->fixed)
		rec = rec == ifp->recs ? NULL : rec->prev;
	return rec;
}

static void forget_latest(struct gm_rec *rec)
{
	struct gm_if *ifp = rec->iface;

	gm_count_drop(ifp->gm, ifp->slot, GM_DROP_LIMIT);
	gm_watch_refused(ifp, &rec->group->addr, NULL, &rec->last_reporter, GM_DROP_LIMIT);
	gm_queue_note(ifp->gm, ifp->slot, GM_NOTE_LIMIT_REACHED, &rec->group->addr, &rec->last_reporter);
	gm_router_forget(rec);
}

struct surplus {
	struct gm_rec *rec;
	uint32_t kept;
};

static bool surplus_source(struct gm_src *src, void *arg)
{
	struct surplus *surplus = arg;
	struct gm_rec *rec = surplus->rec;
	struct gm_if *ifp = rec->iface;

	if (src->fixed || surplus->kept < ifp->conf.max_sources) {
		surplus->kept++;
		return false;
	}
	gm_count_drop(ifp->gm, ifp->slot, GM_DROP_LIMIT);
	gm_watch_refused(ifp, &rec->group->addr, &src->addr, &rec->last_reporter, GM_DROP_LIMIT);
	gm_host_move(ifp->gm, rec->group, &src->addr, gm_router_place(gm_rec_mode(rec), src), GM_ABSENT);
	return true;
}

void gm_report_enforce_limits(struct gm *gm)
{
	struct gm_rec *last, *rec;

	gm_for_each_if (gm, ifp) {
		while (ifp->conf.max_groups && ifp->nrecs > ifp->conf.max_groups && (rec = latest(ifp)))
			forget_latest(rec);
		for (rec = ifp->recs; rec && ifp->conf.max_sources; rec = rec->next) {
			struct surplus surplus = { .rec = rec };

			if (rec->sources.n > ifp->conf.max_sources)
				gm_set_filter(&rec->sources, surplus_source, &surplus);
		}
	}
	while (gm->conf.max_groups && gm->nrecs > gm->conf.max_groups) {
		last = NULL;
		gm_for_each_if (gm, ifp) {
			rec = latest(ifp);
			if (rec && (!last || rec->since > last->since))
				last = rec;
		}
		if (!last)
			return;
		forget_latest(last);
	}
}

/* --- older hosts that count no longer --- */

/* Asks for the sources that an ssm-map gave to older hosts. */
static void ask_mapped(struct gm_rec *rec)
{
	struct gm *gm = rec->iface->gm;
	bool query = false;

	for (unsigned int i = 0; i < gm->conf.nssm_maps; i++) {
		const struct gm_ssm_map *map = &gm->conf.ssm_maps[i];
		struct gm_src *src = gm_set_find(&rec->sources, &map->source);

		if (src && gm_policy_ssm_mapped(gm, map, &rec->group->addr))
			query |= gm_querier_ask_source(rec, src);
	}
	if (query)
		gm_querier_send_sources(rec);
}

void gm_report_ignore_older(struct gm_if *ifp)
{
	struct gm_rec *next;

	if (ifp->conf.gen == GM_GEN1)
		return;
	for (struct gm_rec *rec = ifp->recs; rec; rec = next) {
		bool older = gm_rec_gen(rec, ifp->gm->now) < ifp->conf.gen;

		next = rec->next;
		rec->gen1_until = 0;
		if (ifp->conf.gen == GM_GEN3)
			rec->gen2_until = 0;
		if (older && gm_rec_mode(rec) == GM_EXCLUDE)
			gm_querier_ask_group(rec);
		ask_mapped(rec);
		gm_router_finish(rec);
	}
}
