/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A short list of pools, one per upstream interface (there are 32 at most), and one timer for what has failed. */
#include "sys/upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "lib/log.h"
#include "sys/loop.h"

#define UPSTREAM_RETRY_FIRST_S 1
#define UPSTREAM_RETRY_LAST_S  60
/* upstream_retry() may be called for each of a burst of causes. */
#define UPSTREAM_RETRY_SOON_MS 50

struct upstream_if {
	int ifindex;
	struct mcast_pool *pool;
	bool told_widened; /* logged once an interface */
	struct upstream_if *prev, *next;
};

struct upstream {
	enum family family;
	struct upstream_if *ifs;
	struct loop_timer *timer;
	mtime_t backoff;
};

static struct upstream_if *upstream_find(const struct upstream *up, int ifindex)
{
	struct upstream_if *uif;

	DL_FOREACH (up->ifs, uif) {
		if (uif->ifindex == ifindex)
			return uif;
	}
	return NULL;
}

static struct upstream_if *upstream_if_new(struct upstream *up, int ifindex)
{
	struct upstream_if *uif = calloc(1, sizeof(*uif));

	if (!uif)
		return NULL;
	uif->ifindex = ifindex;
	uif->pool = mcast_pool_new(up->family, ifindex);
	if (!uif->pool) {
		free(uif);
		return NULL;
	}
	DL_APPEND(up->ifs, uif);
	return uif;
}

static void upstream_arm(struct upstream *up, mtime_t deadline)
{
	if (loop_timer_at(up->timer, deadline))
		log_error("upstream", "no memory for the timer that repeats failed joins");
}

static void upstream_fire(void *arg)
{
	struct upstream *up = arg;
	struct upstream_if *uif;
	unsigned int failing = 0;
	mtime_t now = loop_now();

	DL_FOREACH (up->ifs, uif)
		failing += mcast_pool_retry(uif->pool, now);
	if (!failing) {
		up->backoff = mtime_from_s(UPSTREAM_RETRY_FIRST_S);
		return;
	}
	up->backoff = mtime_min(up->backoff * 2, mtime_from_s(UPSTREAM_RETRY_LAST_S));
	upstream_arm(up, now + up->backoff);
}

int upstream_open(struct loop *loop, enum family family, struct upstream **out)
{
	struct upstream *up = calloc(1, sizeof(*up));

	if (!up)
		return -ENOMEM;
	up->family = family;
	up->backoff = mtime_from_s(UPSTREAM_RETRY_FIRST_S);
	up->timer = loop_timer_new(loop, upstream_fire, up);
	if (!up->timer) {
		free(up);
		return -ENOMEM;
	}
	*out = up;
	return 0;
}

static void upstream_if_free(struct upstream *up, struct upstream_if *uif)
{
	DL_DELETE(up->ifs, uif);
	mcast_pool_free(uif->pool);
	free(uif);
}

void upstream_close(struct upstream *up)
{
	if (!up)
		return;
	while (up->ifs)
		upstream_if_free(up, up->ifs);
	loop_timer_free(up->timer);
	free(up);
}

int upstream_set(struct upstream *up, int ifindex, const struct ipaddr *group, enum gm_mode mode,
		 const struct ipaddr *sources, unsigned int nsources)
{
	struct upstream_if *uif = upstream_find(up, ifindex);
	struct mcast_pool_stats stats;
	int err;

	if (!uif && mode == GM_INCLUDE && !nsources)
		return 0;
	if (!uif)
		uif = upstream_if_new(up, ifindex);
	if (!uif)
		return -ENOMEM;
	err = mcast_pool_set(uif->pool, loop_now(), group, mode, sources, nsources);
	mcast_pool_stats(uif->pool, &stats);
	if (stats.widened && !uif->told_widened) {
		uif->told_widened = true;
		log_warn("upstream",
			 "the kernel takes at most %u sources in a list: longer EXCLUDE lists are joined without "
			 "sources "
			 "(raise %s)",
			 stats.max_sources,
			 up->family == FAMILY_IPV4 ? "net.ipv4.igmp_max_msf" : "net.ipv6.mld_max_msf");
	}
	if (stats.failing && loop_timer_deadline(up->timer) == MTIME_NEVER)
		upstream_arm(up, loop_now() + up->backoff);
	return err;
}

void upstream_drop(struct upstream *up, int ifindex)
{
	struct upstream_if *uif = upstream_find(up, ifindex);

	if (uif)
		upstream_if_free(up, uif);
}

void upstream_retry(struct upstream *up)
{
	up->backoff = mtime_from_s(UPSTREAM_RETRY_FIRST_S);
	upstream_arm(up, loop_now() + mtime_from_ms(UPSTREAM_RETRY_SOON_MS));
}

bool upstream_state(const struct upstream *up, int ifindex, const struct ipaddr *group, struct mcast_state *state)
{
	const struct upstream_if *uif = upstream_find(up, ifindex);

	memset(state, 0, sizeof(*state));
	return uif && mcast_pool_state(uif->pool, group, state);
}

/* The learned limits are the kernel's: the tightest one is shown. */
static unsigned int upstream_tighter(unsigned int a, unsigned int b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

void upstream_stats(const struct upstream *up, int ifindex, struct mcast_pool_stats *stats)
{
	const struct upstream_if *uif;

	memset(stats, 0, sizeof(*stats));
	DL_FOREACH (up->ifs, uif) {
		struct mcast_pool_stats one;

		if (ifindex && uif->ifindex != ifindex)
			continue;
		mcast_pool_stats(uif->pool, &one);
		stats->groups += one.groups;
		stats->failing += one.failing;
		stats->sockets += one.sockets;
		stats->join_failures += one.join_failures;
		stats->widened += one.widened;
		stats->max_memberships = upstream_tighter(stats->max_memberships, one.max_memberships);
		stats->max_sources = upstream_tighter(stats->max_sources, one.max_sources);
	}
}

void upstream_walk(const struct upstream *up, int ifindex, mcast_pool_fn *fn, void *arg)
{
	const struct upstream_if *uif;

	DL_FOREACH (up->ifs, uif) {
		if (!ifindex || uif->ifindex == ifindex)
			mcast_pool_walk(uif->pool, fn, arg);
	}
}
