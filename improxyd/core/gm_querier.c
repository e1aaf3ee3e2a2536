/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_querier.h"

#include <string.h>

#include "core/gm_group.h"
#include "core/gm_policy.h"
#include "core/gm_queue.h"
#include "core/gm_router.h"
#include "core/gm_watch.h"

/* RFC 9776 s8.4, RFC 9777 s9.4 (decision K-1). */
mtime_t gm_if_group_membership_interval(const struct gm_if *ifp)
{
	return ifp->robustness * ifp->query_interval + 2 * ifp->conf.query_response;
}

/* RFC 9776 s8.5, RFC 9777 s9.5. */
mtime_t gm_if_other_querier_interval(const struct gm_if *ifp)
{
	return ifp->robustness * ifp->query_interval + ifp->conf.query_response / 2;
}

/* RFC 9776 s8.13, RFC 9777 s9.13; the router of RFC 2236 s5 keeps its v1 hosts for a group membership interval. */
mtime_t gm_if_older_host_interval(const struct gm_if *ifp)
{
	if (ifp->conf.gen < GM_GEN3)
		return gm_if_group_membership_interval(ifp);
	return ifp->robustness * ifp->query_interval + ifp->conf.query_response;
}

/* RFC 9776 s8.9: the robustness that another querier tells counts, too. */
static uint8_t last_member_count(const struct gm_if *ifp)
{
	return ifp->conf.last_member_count ? ifp->conf.last_member_count : ifp->robustness;
}

/* RFC 9776 s8.10 (Last Member Query Time). */
mtime_t gm_if_last_member_time(const struct gm_if *ifp)
{
	return last_member_count(ifp) * ifp->conf.last_member_interval;
}

static struct gm_action *push_query(struct gm_if *ifp, const struct ipaddr *group)
{
	struct gm_action *a = gm_queue_push(ifp->gm, GM_ACT_QUERY, ifp->slot);

	if (!a)
		return NULL;
	a->query.gen = ifp->conf.gen;
	a->query.robustness = ifp->robustness;
	a->query.interval = ifp->query_interval;
	a->query.max_response = group ? ifp->conf.last_member_interval : ifp->conf.query_response;
	if (group)
		a->query.group = *group;
	return a;
}

/* --- general queries and election --- */

static void set_querier(struct gm_if *ifp, bool querier)
{
	if (ifp->querier == querier)
		return;
	ifp->querier = querier;
	/* RFC 4605 s3: only the querier forwards. */
	gm_group_touch_members(ifp, GM_DIRTY_ROUTES);
}

static void use_own_values(struct gm_if *ifp)
{
	ifp->robustness = ifp->conf.robustness;
	ifp->query_interval = ifp->conf.query_interval;
}

static void schedule(struct gm_if *ifp, mtime_t at)
{
	theap_set(&ifp->gm->if_timers, &ifp->timer, at);
}

void gm_querier_start(struct gm_if *ifp)
{
	use_own_values(ifp);
	ifp->other_querier = (struct ipaddr){ 0 };
	if (!gm_if_listening(ifp) || ipaddr_is_none(&ifp->conf.addr)) {
		gm_querier_stop(ifp);
		return;
	}
	ifp->querying = true;
	set_querier(ifp, true);
	ifp->startup_left = ifp->conf.startup_count;
	ifp->started_up = ifp->gm->now + (ifp->startup_left ? ifp->startup_left - 1 : 0) * ifp->conf.startup_interval +
			  ifp->conf.query_response;
	schedule(ifp, ifp->gm->now);
	gm_queue_note(ifp->gm, ifp->slot, GM_NOTE_QUERIER_LOCAL, NULL, &ifp->conf.addr);
}

void gm_querier_stop(struct gm_if *ifp)
{
	ifp->querying = false;
	ifp->querier = false;
	gm_group_touch_members(ifp, GM_DIRTY_ROUTES);
	schedule(ifp, gm_watch_deadline(ifp));
}

void gm_querier_adjust(struct gm_if *ifp)
{
	mtime_t latest;

	/* What another querier announces stays in force as long as it is there (K-11). */
	if (!ipaddr_is_none(&ifp->other_querier))
		return;
	use_own_values(ifp);
	latest = ifp->gm->now + (ifp->startup_left ? ifp->conf.startup_interval : ifp->query_interval);
	if (ifp->querying && (!theap_armed(&ifp->timer) || ifp->timer.deadline > latest))
		schedule(ifp, latest);
}

void gm_querier_ask(struct gm_if *ifp)
{
	ifp->unsure = ifp->gm->now + ifp->conf.query_response;
	if (ifp->querier && ifp->querying)
		push_query(ifp, NULL);
}

void gm_querier_timer(struct gm_if *ifp)
{
	mtime_t at = ifp->timer.deadline, interval;

	if (ifp->conf.role == GM_ROLE_UPSTREAM) {
		gm_watch_timer(ifp);
		return;
	}
	if (!ifp->querier) {
		/* The other querier is gone: its values and its time are over, RFC 9776 s6.6.2. */
		use_own_values(ifp);
		ifp->other_querier = (struct ipaddr){ 0 };
		set_querier(ifp, true);
		ifp->startup_left = 0;
		gm_queue_note(ifp->gm, ifp->slot, GM_NOTE_QUERIER_LOCAL, NULL, &ifp->conf.addr);
	}
	push_query(ifp, NULL);
	if (ifp->startup_left)
		ifp->startup_left--;
	interval = ifp->startup_left ? ifp->conf.startup_interval : ifp->query_interval;
	/* Kept to the schedule, but not made up for after a long stop. */
	schedule(ifp, at + interval > ifp->gm->horizon ? at + interval : ifp->gm->horizon + interval);
}

static bool wins(const struct gm_if *ifp, const struct ipaddr *from)
{
	size_t first = ifp->gm->af->elect_from;

	return memcmp(from->b + first, ifp->conf.addr.b + first, sizeof(from->b) - first) < 0;
}

/*
 * RFC 9776 s4.1.6, s4.1.7, s6.6.2: step back, and take over the winner's values. What it does not tell is our own, but
 * that an interval of 0 stands for the default.
 */
static void yield_to(struct gm_if *ifp, const struct gm_event *ev)
{
	bool was_querier = ifp->querier;

	use_own_values(ifp);
	if (ev->query.robustness)
		ifp->robustness = ev->query.robustness;
	if (ev->query.gen == GM_GEN3)
		ifp->query_interval = ev->query.interval ? ev->query.interval : GM_WATCH_INTERVAL;
	ifp->other_querier = ev->query.from;
	set_querier(ifp, false);
	schedule(ifp, ifp->gm->now + gm_if_other_querier_interval(ifp));
	if (was_querier)
		gm_queue_note(ifp->gm, ifp->slot, GM_NOTE_QUERIER_OTHER, NULL, &ev->query.from);
}

/* RFC 9776 s6.6.1; RFC 2236 s3 and s7 for queries of that age, whose response time counts, and not for the querier. */
static void lower_timers(struct gm_if *ifp, const struct gm_event *ev)
{
	struct gm_group *group = gm_group_find(ifp->gm, &ev->query.group);
	struct gm_rec *rec = group ? gm_group_rec(group, ifp->slot) : NULL;
	mtime_t time = gm_if_last_member_time(ifp);

	if (!rec || ev->query.suppress || (ev->query.gen < GM_GEN3 && ifp->querier))
		return;
	if (ev->query.gen < GM_GEN3)
		time = last_member_count(ifp) * ev->query.max_response;
	if (!ev->query.nsources) {
		gm_router_lower_group(rec, ifp->gm->now + time);
		return;
	}
	for (unsigned int i = 0; i < ev->query.nsources; i++) {
		struct gm_src *src = gm_set_find(&rec->sources, &ev->query.sources[i]);

		if (src)
			gm_router_lower_source(rec, src, ifp->gm->now + time);
	}
}

void gm_querier_heard(struct gm_if *ifp, const struct gm_event *ev)
{
	bool general = ipaddr_is_none(&ev->query.group);
	struct gm *gm = ifp->gm;

	if (gm_watch_own(ifp, &ev->query.from)) {
		gm_count_drop(gm, ifp->slot, GM_DROP_OWN_PACKET);
		return;
	}
	gm_count(gm, ifp->slot, (enum gm_counter)(GM_C_RX_QUERY_GEN1 + ev->query.gen - GM_GEN1));
	if (!general && !ipaddr_is_multicast(&ev->query.group)) {
		gm_count_drop(gm, ifp->slot, GM_DROP_GROUP);
		return;
	}
	ifp->last_query = gm->now;
	ifp->last_query_from = ev->query.from;
	ifp->last_query_gen = ev->query.gen;
	ifp->last_query_interval = ev->query.interval;
	gm_watch_heard(ifp);
	gm_watch_older_query(ifp, ev);
	if (!gm_if_listening(ifp))
		return;
	if (gm->af->verify_by_prefix && !ipaddr_is_unspecified(&ev->query.from) && ifp->conf.nprefixes &&
	    !gm_policy_on_link(ifp, &ev->query.from)) {
		gm_count_drop(gm, ifp->slot, GM_DROP_SOURCE_ADDRESS);
		return;
	}
	if (ev->query.gen != ifp->conf.gen)
		gm_queue_note(gm, ifp->slot, GM_NOTE_OTHER_VERSION_QUERY, NULL, &ev->query.from);
	if (ifp->querying && !ipaddr_is_unspecified(&ev->query.from) && (general || gm->af->any_query_elects) &&
	    wins(ifp, &ev->query.from))
		yield_to(ifp, ev);
	if (!general)
		lower_timers(ifp, ev);
}

void gm_querier_echoed(struct gm_if *ifp, const struct gm_if *sent)
{
	const struct ipaddr *from = &sent->conf.addr;

	if (ifp == sent || ifp->conf.role == GM_ROLE_NONE || ipaddr_is_none(from))
		return;
	/* No IGMP socket gets to see it. */
	if (!ifp->gm->af->own_by_link)
		gm_count_drop(ifp->gm, ifp->slot, GM_DROP_OWN_PACKET);
	gm_watch_loop(ifp, sent);
	/* It may have been taken for another router's. */
	if (ipaddr_eq(&ifp->last_query_from, from))
		ifp->last_query = 0;
	if (ipaddr_eq(&ifp->other_querier, from))
		gm_querier_start(ifp);
}

/* --- last-member queries --- */

static void send_group_query(struct gm_rec *rec)
{
	struct gm_if *ifp = rec->iface;
	struct gm_action *a = push_query(ifp, &rec->group->addr);

	if (!a)
		return;
	/* RFC 9776 s6.6.3.1: a report has arrived since, other routers need not lower their timer. */
	a->query.suppress = mtime_left(rec->filter_deadline, ifp->gm->now) > gm_if_last_member_time(ifp);
}

/* Queries about members exist from IGMPv2 and MLDv1 on, and need an address to come from. */
static bool can_ask(const struct gm_if *ifp)
{
	return ifp->querying && ifp->conf.gen > GM_GEN1;
}

/*
 * The pending sources on one side of the last member query time; sources below it come with a clear S flag. None stands
 * outside of [first, end).
 */
static void send_source_query(struct gm_rec *rec, bool suppress, uint32_t first, uint32_t end)
{
	struct gm_if *ifp = rec->iface;
	mtime_t limit = ifp->gm->now + gm_if_last_member_time(ifp);
	struct ipaddr *addrs;
	struct gm_action *a;
	unsigned int n = 0;

	for (uint32_t i = first; i < end; i++) {
		const struct gm_src *src = &rec->sources.v[i];

		n += src->queries_left && (src->deadline > limit) == suppress;
	}
	if (!n)
		return;
	a = push_query(ifp, &rec->group->addr);
	if (!a)
		return;
	addrs = gm_queue_addrs(ifp->gm, n);
	if (!addrs) {
		gm_queue_pop(ifp->gm);
		return;
	}
	a->query.suppress = suppress;
	a->query.sources = addrs;
	a->query.nsources = n;
	for (uint32_t i = first, filled = 0; filled < n; i++) {
		const struct gm_src *src = &rec->sources.v[i];

		if (src->queries_left && (src->deadline > limit) == suppress)
			addrs[filled++] = src->addr;
	}
}

/* After a long stop, queries that nobody could answer any more are left out. */
static bool overdue(const struct gm_if *ifp, mtime_t at)
{
	return at + ifp->conf.last_member_interval <= ifp->gm->horizon;
}

static void send_source_queries(struct gm_rec *rec, mtime_t at)
{
	struct gm_if *ifp = rec->iface;
	uint32_t first = rec->sources.n, end = 0;
	uint8_t most = 0;

	for (uint32_t i = 0; i < rec->sources.n; i++) {
		uint8_t left = rec->sources.v[i].queries_left;

		if (!left)
			continue;
		most = left > most ? left : most;
		first = i < first ? i : first;
		end = i + 1;
	}
	if (most && can_ask(ifp) && !overdue(ifp, at)) {
		if (ifp->conf.gen < GM_GEN3) {
			/* The source came from an ssm-map: older hosts know of the group only. */
			push_query(ifp, &rec->group->addr);
		} else {
			send_source_query(rec, true, first, end);
			send_source_query(rec, false, first, end);
		}
	}
	for (uint32_t i = first; i < end; i++) {
		if (rec->sources.v[i].queries_left)
			rec->sources.v[i].queries_left--;
	}
	rec->source_query_next = most > 1 ? at + ifp->conf.last_member_interval : 0;
	if (most > 1)
		gm_rec_arm(rec, rec->source_query_next);
}

void gm_querier_ask_group(struct gm_rec *rec)
{
	struct gm_if *ifp = rec->iface;

	if (!ifp->querier || !can_ask(ifp) || rec->filter_deadline == MTIME_NEVER)
		return;
	gm_router_lower_group(rec, ifp->gm->now + gm_if_last_member_time(ifp));
	rec->group_queries_left = last_member_count(ifp);
	rec->group_query_next = ifp->gm->now;
	gm_querier_repeat(rec);
}

bool gm_querier_ask_source(struct gm_rec *rec, struct gm_src *src)
{
	const struct gm_if *ifp = rec->iface;
	mtime_t limit = ifp->gm->now + gm_if_last_member_time(ifp);

	if (!ifp->querier || !can_ask(ifp) || src->deadline <= limit || src->fixed)
		return false;
	gm_router_lower_source(rec, src, limit);
	src->queries_left = last_member_count(ifp);
	return true;
}

void gm_querier_send_sources(struct gm_rec *rec)
{
	send_source_queries(rec, rec->iface->gm->now);
}

void gm_querier_repeat(struct gm_rec *rec)
{
	struct gm_if *ifp = rec->iface;
	mtime_t now = ifp->gm->now;

	if (rec->group_queries_left && rec->group_query_next <= now) {
		if (can_ask(ifp) && !overdue(ifp, rec->group_query_next))
			send_group_query(rec);
		rec->group_queries_left--;
		rec->group_query_next += ifp->conf.last_member_interval;
		if (rec->group_queries_left)
			gm_rec_arm(rec, rec->group_query_next);
	}
	if (rec->source_query_next && rec->source_query_next <= now)
		send_source_queries(rec, rec->source_query_next);
}
