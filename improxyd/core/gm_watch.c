/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_watch.h"

#include <string.h>

#include "core/gm_policy.h"
#include "core/gm_queue.h"

/* An own message that comes back after so long is told again. */
#define LOOP_AGAIN mtime_from_s(3600)
/* The same of an older query upstream: looking for source-specific groups is not free. */
#define SSM_OLDER_AGAIN mtime_from_s(60)

void gm_watch_reset(struct gm_if *ifp)
{
	memset(ifp->refusals, 0, sizeof(ifp->refusals));
	ifp->silent = false;
	ifp->looped = 0;
	ifp->twice.at = 0;
	ifp->ssm_older = 0;
}

void gm_watch_refused(struct gm_if *ifp, const struct ipaddr *group, const struct ipaddr *source,
		      const struct ipaddr *reporter, enum gm_drop why)
{
	static const struct ipaddr any;
	struct gm_refusal *oldest = ifp->refusals;

	if (!source)
		source = &any;
	for (struct gm_refusal *r = ifp->refusals; r < ifp->refusals + GM_REFUSALS; r++) {
		if (r->at && r->why == why && ipaddr_eq(&r->group, group) && ipaddr_eq(&r->source, source)) {
			oldest = r;
			break;
		}
		if (r->at < oldest->at)
			oldest = r;
	}
	*oldest = (struct gm_refusal){
		.group = *group, .source = *source, .reporter = *reporter, .why = why, .at = ifp->gm->now
	};
}

mtime_t gm_watch_deadline(const struct gm_if *ifp)
{
	mtime_t interval = ifp->last_query_interval, from = ifp->last_query;

	if (ifp->conf.role != GM_ROLE_UPSTREAM || !ifp->conf.up || ifp->silent)
		return MTIME_NEVER;
	if (!ifp->last_query) {
		interval = 0;
		from = ifp->since;
	}
	return from + 2 * (interval ? interval : GM_WATCH_INTERVAL);
}

static void watch(struct gm_if *ifp)
{
	theap_set(&ifp->gm->if_timers, &ifp->timer, gm_watch_deadline(ifp));
}

void gm_watch_timer(struct gm_if *ifp)
{
	if (gm_watch_deadline(ifp) <= ifp->gm->now) {
		ifp->silent = true;
		gm_queue_note(ifp->gm, ifp->slot, GM_NOTE_UPSTREAM_SILENT, NULL,
			      ifp->last_query ? &ifp->last_query_from : NULL);
	}
	watch(ifp);
}

void gm_watch_heard(struct gm_if *ifp)
{
	if (ifp->conf.role != GM_ROLE_UPSTREAM)
		return;
	if (ifp->silent)
		gm_queue_note(ifp->gm, ifp->slot, GM_NOTE_UPSTREAM_HEARD, NULL, &ifp->last_query_from);
	ifp->silent = false;
	watch(ifp);
}

static bool has_ssm(const struct gm_if *ifp)
{
	for (const struct gm_group *group = ifp->gm->groups; group; group = group->hh.next) {
		if (group->sent_slot == ifp->slot && gm_policy_ssm(ifp->gm, &group->addr))
			return true;
	}
	return false;
}

void gm_watch_older_query(struct gm_if *ifp, const struct gm_event *ev)
{
	struct gm *gm = ifp->gm;
	const struct ipaddr *group = &ev->query.group;

	if (ifp->conf.role != GM_ROLE_UPSTREAM || ev->query.gen == GM_GEN3 ||
	    (ifp->ssm_older && gm->now - ifp->ssm_older < SSM_OLDER_AGAIN))
		return;
	if (ipaddr_is_none(group) ? !has_ssm(ifp) : !gm_policy_ssm(gm, group))
		return;
	ifp->ssm_older = gm->now;
	gm_queue_note(gm, ifp->slot, GM_NOTE_SSM_OLDER_QUERY, group, &ev->query.from);
}

bool gm_watch_looped(const struct gm_if *ifp, mtime_t now)
{
	return ifp->looped && now - ifp->looped < 2 * ifp->gm->ifs[ifp->loop_slot].query_interval;
}

/* It hears another one's messages, or is heard by one. */
static bool on_shared_link(const struct gm_if *ifp)
{
	if (gm_watch_looped(ifp, ifp->gm->now))
		return true;
	gm_for_each_if (ifp->gm, other) {
		if (other->loop_slot == ifp->slot && gm_watch_looped(other, ifp->gm->now))
			return true;
	}
	return false;
}

bool gm_watch_own(const struct gm_if *ifp, const struct ipaddr *from)
{
	if (ipaddr_is_unspecified(from))
		return false;
	gm_for_each_if (ifp->gm, other) {
		if (!ipaddr_eq(&other->conf.addr, from))
			continue;
		if (other == ifp || !ifp->gm->af->own_by_link || (on_shared_link(ifp) && on_shared_link(other)))
			return true;
	}
	return false;
}

void gm_watch_loop(struct gm_if *ifp, const struct gm_if *sent)
{
	struct gm *gm = ifp->gm;

	if (!ifp->looped || gm->now - ifp->looped > LOOP_AGAIN)
		gm_queue_note(gm, ifp->slot, GM_NOTE_LOOP, NULL, &sent->conf.addr);
	ifp->looped = gm->now;
	ifp->loop_slot = sent->slot;
}

void gm_watch_twice(struct gm_if *ifp, uint8_t expected, const struct ipaddr *source, const struct ipaddr *group)
{
	struct gm *gm = ifp->gm;

	if (!ifp->twice.at || gm->now - ifp->twice.at >= GM_WATCH_TWICE)
		gm_queue_note(gm, ifp->slot, GM_NOTE_TWICE, group, source);
	ifp->twice = (struct gm_twice){ .source = *source, .group = *group, .expected = expected, .at = gm->now };
}
