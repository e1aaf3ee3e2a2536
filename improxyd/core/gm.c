/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/gm_fwd.h"
#include "core/gm_group.h"
#include "core/gm_host.h"
#include "core/gm_inherit.h"
#include "core/gm_mrd.h"
#include "core/gm_policy.h"
#include "core/gm_querier.h"
#include "core/gm_queue.h"
#include "core/gm_report.h"
#include "core/gm_router.h"
#include "core/gm_state.h"
#include "core/gm_static.h"
#include "core/gm_watch.h"
#include "lib/util.h"

const char *const gm_counter_names[GM_C_COUNT] = {
#define NAME(name, key) [GM_C_##name] = key,
	GM_COUNTERS(NAME)
#undef NAME
};

const char *const gm_drop_names[GM_DROP_COUNT] = {
#define NAME(name, key) [GM_DROP_##name] = key,
	GM_DROPS(NAME)
#undef NAME
};

const char *const gm_note_names[GM_NOTE_COUNT] = {
#define NAME(name, text) [GM_NOTE_##name] = text,
	GM_NOTES(NAME)
#undef NAME
};

/* --- the families --- */

/* clang-format off */
#define V4(w, x, y, z) { .b = { [10] = 0xff, [11] = 0xff, w, x, y, z } }
#define V4_MASK(w, x, y, z) { .b = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, w, x, y, z } }

static const struct gm_pattern never_v4[] = {
	{ V4(224, 0, 0, 0), V4_MASK(255, 255, 255, 0) },   /* RFC 5771 s4: local network control */
	{ V4(232, 0, 0, 0), V4_MASK(255, 255, 255, 255) }, /* RFC 4607 s4.3: reserved */
};

static const struct gm_pattern never_v6[] = {
	{ { .b = { 0xff, 0x00 } }, { .b = { 0xff, 0x0f } } }, /* RFC 4291 s2.7: reserved scope, */
	{ { .b = { 0xff, 0x01 } }, { .b = { 0xff, 0x0f } } }, /* interface-local, */
	{ { .b = { 0xff, 0x02 } }, { .b = { 0xff, 0x0f } } }, /* link-local, with any flags */
	{ { .b = { 0xff, 0x30, [12] = 0x40 } },		      /* RFC 4607 s4.3: ff3x::4000:0, reserved */
	  { .b = { 0xff, 0xf0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 } } },
};

const struct gm_af gm_af_igmp = {
	.name = "igmp",
	.any_query_elects = false,
	.verify_by_prefix = true,
	.own_by_link = false,
	.addr_len = 4,
	.elect_from = 12,
	.never = never_v4,
	.nnever = ARRAY_SIZE(never_v4),
	.ssm = { V4(232, 0, 0, 0), V4_MASK(255, 0, 0, 0) },
};

const struct gm_af gm_af_mld = {
	.name = "mld",
	.any_query_elects = true,
	.verify_by_prefix = false,
	.own_by_link = true,
	.addr_len = 16,
	.elect_from = 8,
	.never = never_v6,
	.nnever = ARRAY_SIZE(never_v6),
	.ssm = { { .b = { 0xff, 0x30 } }, { .b = { 0xff, 0xf0, 0xff, 0xff } } },
};
/* clang-format on */

/* --- life --- */

struct gm *gm_new(const struct gm_af *af)
{
	struct gm *gm = calloc(1, sizeof(*gm));

	if (!gm)
		return NULL;
	gm->af = af;
	for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
		gm->ifs[i].gm = gm;
		gm->ifs[i].slot = (uint8_t)i;
	}
	return gm;
}

void gm_free(struct gm *gm)
{
	if (!gm)
		return;
	gm_group_free_all(gm);
	gm_queue_free(gm);
	free(gm->scratch);
	free(gm);
}

/* --- counters --- */

static struct gm_stats *stats_of(struct gm *gm, uint8_t slot)
{
	return slot < GM_MAX_IFS ? &gm->ifs[slot].stats : &gm->stats;
}

void gm_count(struct gm *gm, uint8_t slot, enum gm_counter what)
{
	stats_of(gm, slot)->counter[what]++;
}

void gm_count_drop(struct gm *gm, uint8_t slot, enum gm_drop what)
{
	stats_of(gm, slot)->drop[what]++;
}

void gm_clear_counters(struct gm *gm)
{
	for (unsigned int i = 0; i < GM_MAX_IFS; i++)
		gm->ifs[i].stats = (struct gm_stats){ 0 };
	gm->stats = (struct gm_stats){ 0 };
}

/* --- events --- */

/* 0 is no limit. */
static bool is_lower(uint32_t limit, uint32_t before)
{
	return limit && (!before || limit < before);
}

static int set_conf(struct gm *gm, const struct gm_conf *conf)
{
	bool policy = conf->policy_serial != gm->conf.policy_serial || conf->ssm_range != gm->conf.ssm_range;
	bool limits;
	int err = 0;

	if (conf->wildcard != gm->conf.wildcard || conf->route_limit != gm->conf.route_limit)
		gm_group_touch_all(gm, GM_DIRTY_ROUTES);
	limits = is_lower(conf->max_groups, gm->conf.max_groups);
	gm->conf = *conf;
	if (!gm->random)
		gm->random = conf->seed;
	if (limits)
		gm_report_enforce_limits(gm);
	if (!policy)
		return 0;
	gm_for_each_if (gm, ifp) {
		int e = gm_report_enforce_policy(ifp);

		err = err ? err : e;
		gm_querier_ask(ifp);
	}
	gm_group_touch_all(gm, GM_DIRTY_CHOICE | GM_DIRTY_UPSTREAM | GM_DIRTY_ROUTES);
	if (err < 0)
		gm->conf.policy_serial = ~conf->policy_serial; /* to be done again with the same */
	return err;
}

/* The role, or whether the interface takes part at all, is another than before: it begins anew (RFC 2236 s7). */
static void restart_if(struct gm_if *ifp)
{
	struct gm *gm = ifp->gm;

	ifp->since = gm->now;
	gm_router_forget_all(ifp);
	gm_querier_start(ifp);
	gm_queue_note(gm, ifp->slot, ifp->conf.up && ifp->conf.role ? GM_NOTE_IF_UP : GM_NOTE_IF_DOWN, NULL, NULL);
	gm_group_touch_all(gm, GM_DIRTY_CHOICE | GM_DIRTY_ROUTES);
}

static bool same_prefixes(const struct gm_if_conf *a, const struct gm_if_conf *b)
{
	if (a->nprefixes != b->nprefixes)
		return false;
	for (unsigned int i = 0; i < a->nprefixes; i++) {
		if (!ipprefix_eq(&a->prefixes[i], &b->prefixes[i]))
			return false;
	}
	return true;
}

static bool same_timing(const struct gm_if_conf *a, const struct gm_if_conf *b)
{
	return a->robustness == b->robustness && a->query_interval == b->query_interval &&
	       a->startup_interval == b->startup_interval;
}

static int set_if(struct gm *gm, uint8_t slot, const struct gm_if_conf *conf)
{
	struct gm_if *ifp = &gm->ifs[slot];
	struct gm_if_conf old = ifp->conf;
	bool restart = conf->role != old.role || conf->up != old.up || strcmp(conf->name, old.name) != 0;
	bool statics = restart || conf->statics_serial != old.statics_serial || conf->nstatics != old.nstatics;
	int err = 0;

	ifp->conf = *conf;
	/* The memberships went with the interface that had them, even if another one has the slot by now. */
	if (old.role == GM_ROLE_UPSTREAM && (conf->role != old.role || strcmp(conf->name, old.name) != 0))
		gm_host_resync(gm, slot);
	if (restart) {
		if (old.role == GM_ROLE_NONE)
			ifp->stats = (struct gm_stats){ 0 };
		ifp->last_query = 0;
		gm_watch_reset(ifp);
		restart_if(ifp);
	} else if (!ipaddr_eq(&conf->addr, &old.addr) || conf->gen != old.gen) {
		gm_querier_start(ifp);
	} else if (!same_timing(conf, &old)) {
		gm_querier_adjust(ifp);
	}
	gm_mrd_update(ifp);
	if (conf->acl != old.acl && !restart) {
		err = gm_report_enforce_policy(ifp);
		gm_querier_ask(ifp);
	}
	if (is_lower(conf->max_groups, old.max_groups) || is_lower(conf->max_sources, old.max_sources))
		gm_report_enforce_limits(gm);
	/* Who was refused may come in now. */
	if (!restart && (is_lower(old.max_groups, conf->max_groups) || is_lower(old.max_sources, conf->max_sources)))
		gm_querier_ask(ifp);
	if (conf->ignore_older && (!old.ignore_older || conf->gen > old.gen) && !restart)
		gm_report_ignore_older(ifp);
	if (!conf->ignore_older && old.ignore_older && !restart)
		gm_querier_ask(ifp);
	if (conf->priority != old.priority || conf->upstream_acl != old.upstream_acl ||
	    conf->leave_delay != old.leave_delay)
		gm_group_touch_all(gm, GM_DIRTY_CHOICE | GM_DIRTY_UPSTREAM);
	if (conf->boundary != old.boundary || conf->forward_as_non_querier != old.forward_as_non_querier ||
	    !same_prefixes(conf, &old))
		gm_group_touch_all(gm, GM_DIRTY_ROUTES);
	if (statics && err == 0)
		err = gm_static_apply(ifp);
	/* The same again is to be applied then, and not taken for what is there already. */
	if (err < 0)
		ifp->conf.statics_serial = ~conf->statics_serial;
	return err;
}

static int clear(struct gm *gm, uint8_t slot, const struct ipaddr *addr)
{
	int err = 0;

	gm_for_each_if (gm, ifp) {
		const struct gm_group *group;
		struct gm_rec *rec;
		int e;

		if (slot != GM_NO_IF && slot != ifp->slot)
			continue;
		if (ipaddr_is_none(addr)) {
			gm_router_forget_all(ifp);
		} else {
			group = gm_group_find(gm, addr);
			rec = group ? gm_group_rec(group, ifp->slot) : NULL;
			if (rec)
				gm_router_forget(rec);
		}
		e = gm_static_apply(ifp);
		err = err ? err : e;
		gm_querier_ask(ifp);
	}
	return err;
}

static int apply(struct gm *gm, const struct gm_event *ev)
{
	bool has_slot = ev->slot < GM_MAX_IFS;

	switch (ev->type) {
	case GM_EV_CONF:
		return set_conf(gm, ev->conf);
	case GM_EV_IF:
		return has_slot ? set_if(gm, ev->slot, ev->iface) : -EINVAL;
	case GM_EV_RECORD:
		return has_slot ? gm_report_record(&gm->ifs[ev->slot], ev) : -EINVAL;
	case GM_EV_QUERY:
		if (!has_slot)
			return -EINVAL;
		gm_querier_heard(&gm->ifs[ev->slot], ev);
		return 0;
	case GM_EV_ECHO:
		if (!has_slot || ev->echo.sent >= GM_MAX_IFS)
			return -EINVAL;
		gm_querier_echoed(&gm->ifs[ev->slot], &gm->ifs[ev->echo.sent]);
		return 0;
	case GM_EV_SOLICIT:
		if (!has_slot)
			return -EINVAL;
		gm_mrd_solicited(&gm->ifs[ev->slot], ev);
		return 0;
	case GM_EV_UPCALL:
		return has_slot ? gm_fwd_upcall(gm, ev->slot, &ev->flow.source, &ev->flow.group) : -EINVAL;
	case GM_EV_WRONG_IF:
		return has_slot ? gm_fwd_wrong_if(gm, ev) : -EINVAL;
	case GM_EV_SEEN:
		return has_slot ? gm_fwd_seen(gm, ev->slot, &ev->flow.source, &ev->flow.group) : -EINVAL;
	case GM_EV_ROUTE_IDLE:
		gm_fwd_idle(gm, &ev->flow.source, &ev->flow.group, ev->flow.idle);
		return 0;
	case GM_EV_CLEAR:
		return clear(gm, ev->slot, &ev->clear.group);
	case GM_EV_CLEAR_ROUTES:
		gm_fwd_clear(gm, &ev->flow.source, &ev->flow.group);
		return 0;
	case GM_EV_RELEARN:
		gm_inherit_begin(gm);
		return 0;
	case GM_EV_INHERIT:
		return has_slot ? gm_inherit_route(gm, ev->slot, &ev->flow.source, &ev->flow.group, ev->flow.oifs)
				: -EINVAL;
	case GM_EV_ASK:
		gm_for_each_if (gm, ifp)
			gm_querier_ask(ifp);
		return 0;
	case GM_EV_RESYNC:
		if (has_slot)
			gm_host_resync(gm, ev->slot);
		else
			gm_fwd_resync(gm);
		return 0;
	}
	return -EINVAL;
}

/* --- time --- */

mtime_t gm_next(const struct gm *gm)
{
	const struct theap_node *first[] = { theap_first(&gm->if_timers), theap_first(&gm->rec_timers),
					     theap_first(&gm->hold_timers), theap_first(&gm->discovery_timers) };
	mtime_t next = gm->relearned ? gm->relearned : MTIME_NEVER;

	for (unsigned int i = 0; i < ARRAY_SIZE(first); i++) {
		if (first[i])
			next = mtime_min(next, first[i]->deadline);
	}
	return next;
}

/* Fires the first timer; all that is due at one instant is seen at that instant, however late the caller comes. */
static void fire(struct gm *gm, mtime_t at)
{
	struct theap_node *node;

	gm->now = at;
	if (gm->relearned && gm->relearned <= at) {
		gm_inherit_end(gm);
		return;
	}
	node = theap_first(&gm->rec_timers);
	if (node && node->deadline <= at) {
		gm_router_timer(container_of(node, struct gm_rec, timer));
		return;
	}
	node = theap_first(&gm->if_timers);
	if (node && node->deadline <= at) {
		gm_querier_timer(container_of(node, struct gm_if, timer));
		return;
	}
	node = theap_first(&gm->discovery_timers);
	if (node && node->deadline <= at) {
		gm_mrd_timer(container_of(node, struct gm_if, discovery));
		return;
	}
	node = theap_first(&gm->hold_timers);
	if (node)
		gm_host_hold_expired(gm, container_of(node, struct gm_group, hold));
}

void gm_tick(struct gm *gm, mtime_t now)
{
	gm->horizon = now;
	for (mtime_t next = gm_next(gm); next <= now; next = gm_next(gm))
		fire(gm, next > gm->now ? next : gm->now);
	gm->now = now;
}

int gm_input(struct gm *gm, mtime_t now, const struct gm_event *ev)
{
	int err;

	gm_tick(gm, now);
	err = apply(gm, ev);
	/* A deadline that the event has moved to this instant is past. */
	gm_tick(gm, now);
#ifdef GM_DEBUG
	/* It looks at everything: at a large state only now and then. */
	if (gm->inputs++ % (1 + (gm->nrecs + gm->nsources + HASH_COUNT(gm->routes)) / 16) == 0)
		gm_check(gm, now);
#endif
	return err;
}

const struct gm_action *gm_actions_some(struct gm *gm, mtime_t now, unsigned int groups, size_t *n)
{
	gm_tick(gm, now);
	gm_group_settle(gm, groups);
	*n = gm->queue.n;
	return gm->queue.v;
}

const struct gm_action *gm_actions(struct gm *gm, mtime_t now, size_t *n)
{
	return gm_actions_some(gm, now, UINT_MAX, n);
}

bool gm_unsettled(const struct gm *gm)
{
	return gm->unsettled;
}

void gm_actions_done(struct gm *gm)
{
	gm_queue_clear(gm);
}
