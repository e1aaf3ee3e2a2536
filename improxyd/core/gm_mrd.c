/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_mrd.h"

#include "core/gm_policy.h"
#include "core/gm_queue.h"
#include "core/gm_random.h"

/* RFC 4286 s3.1: MAX_INITIAL_ADVERTISEMENT_INTERVAL, MAX_INITIAL_ADVERTISEMENTS, MAX_RESPONSE_DELAY; s3.1.2: the
 * jitter. */
#define INITIAL_WITHIN   mtime_from_s(2)
#define INITIAL_COUNT    3
#define ANSWER_WITHIN    mtime_from_s(2)
#define JITTER(interval) ((interval) / 40)

static bool wanted(const struct gm_if *ifp)
{
	return ifp->conf.discovery_interval_s && gm_if_listening(ifp) && !ipaddr_is_none(&ifp->conf.addr);
}

static void push(struct gm_if *ifp, bool terminate)
{
	struct gm_action *a = gm_queue_push(ifp->gm, GM_ACT_DISCOVERY, ifp->slot);

	if (!a)
		return;
	a->discovery.terminate = terminate;
	a->discovery.interval_s = ifp->conf.discovery_interval_s;
	a->discovery.query_interval = ifp->query_interval;
	/* Before IGMPv3 and MLDv2 nothing tells hosts the variable, IGMPv1 has none: RFC 4286 s3.2.5. */
	a->discovery.robustness = ifp->conf.gen > GM_GEN1 ? ifp->robustness : 0;
}

static void schedule(struct gm_if *ifp, mtime_t at)
{
	theap_set(&ifp->gm->discovery_timers, &ifp->discovery, at);
}

void gm_mrd_update(struct gm_if *ifp)
{
	bool running = theap_armed(&ifp->discovery);

	if (wanted(ifp) == running)
		return;
	if (running) {
		schedule(ifp, MTIME_NEVER);
		push(ifp, true);
		return;
	}
	ifp->discovery_initial = INITIAL_COUNT;
	ifp->discovery_solicited = false;
	schedule(ifp, ifp->gm->now + gm_random_below(&ifp->gm->random, INITIAL_WITHIN));
}

void gm_mrd_timer(struct gm_if *ifp)
{
	mtime_t interval = mtime_from_s(ifp->conf.discovery_interval_s);
	mtime_t within = 2 * JITTER(interval), wait = interval - JITTER(interval);

	push(ifp, false);
	ifp->discovery_solicited = false;
	if (ifp->discovery_initial && --ifp->discovery_initial) {
		wait = 0;
		within = INITIAL_WITHIN;
	}
	/* Not made up for after a long stop. */
	schedule(ifp, ifp->gm->horizon + wait + gm_random_below(&ifp->gm->random, within));
}

/* s3.4, s4.4: one answer for all that ask before it is sent; it takes the place of the periodic one. */
void gm_mrd_solicited(struct gm_if *ifp, const struct gm_event *ev)
{
	struct gm *gm = ifp->gm;

	if (!theap_armed(&ifp->discovery) || ifp->discovery_solicited)
		return;
	if (gm->af->verify_by_prefix && ifp->conf.nprefixes && !gm_policy_on_link(ifp, &ev->solicit.from)) {
		gm_count_drop(gm, ifp->slot, GM_DROP_SOURCE_ADDRESS);
		return;
	}
	ifp->discovery_solicited = true;
	schedule(ifp, mtime_min(ifp->discovery.deadline, gm->now + gm_random_below(&gm->random, ANSWER_WITHIN)));
}
