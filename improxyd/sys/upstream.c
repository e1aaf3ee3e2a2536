/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A short list of pools, one per upstream interface (there are 32 at most), one timer for what is still to be told to
 * the kernel, and one for what has failed.
 *
 * The kernel reports two ticks of its clock after a change, and every other change of a group of the interface within
 * that time puts the report of all of them off (igmp_ifc_event(), mld_ifc_event()): with a change every few
 * milliseconds it would report nothing, for as long as that goes on. So the kernel is told in bursts. A change that
 * comes alone is told at once, and so are those after it for a moment, or longer while many wait; then the kernel has
 * three ticks of quiet to report in.
 *
 * An interface's IPv6 groups are the kernel's up to KERNEL_GROUPS, and the reporter's beyond. Who has a group keeps it
 * until it is left, so that no router hears of it twice, or of an end that is none.
 *
 * A hastened leave is told to the kernel in its turn as any other, and only then reported: the kernel, which speaks two
 * ticks later, has the last word, and a group that comes back is joined after it was left for both.
 *
 * When there is another IPv4 address to report from the kernel says nothing from it before it is asked, which may be
 * two minutes away, and a router may listen to addresses of its subnet only. So what the kernel holds is told once more
 * from there, as often as a change.
 */
#include "sys/upstream.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <utlist.h>

#include "lib/log.h"
#include "sys/loop.h"
#include "sys/reporter.h"

#define UPSTREAM_RETRY_FIRST_S 1
#define UPSTREAM_RETRY_LAST_S  60
/* upstream_retry() may be called for each of a burst of causes. */
#define UPSTREAM_RETRY_SOON_MS 50

#define UPSTREAM_SLICE       mtime_from_ms(5) /* of a pass of the loop: joining many groups takes seconds */
#define UPSTREAM_BURST       mtime_from_ms(10)
#define UPSTREAM_BURST_MOST  mtime_from_ms(100) /* with a backlog */
#define UPSTREAM_QUIET_TICKS 3

/*
 * The kernel looks through the IPv6 groups of an interface for each that joins and for each multicast packet that
 * arrives: some 50 us with so many, a millisecond with 20 000. Fewer would gain little, and what few groups need the
 * kernel does best. After a restart those that an earlier process has with the kernel have to find room beside new
 * ones.
 */
#define KERNEL_GROUPS          1024u
#define KERNEL_GROUPS_REVIVING (2 * KERNEL_GROUPS)

/* With more it takes too long to find out whether somebody else on this machine has a group as well. */
#define HASTEN_GROUPS 512u

struct upstream_if {
	int ifindex;
	struct mcast_pool *pool;
	mtime_t changed;        /* when the kernel was told of a change last; 0: never */
	mtime_t opened, closes; /* the burst */
	bool told_widened;      /* logged once an interface */
	struct upstream_if *prev, *next;
};

struct upstream {
	enum family family;
	struct upstream_if *ifs;
	struct reporter *reporter; /* NULL: none, all groups are the kernel's */
	bool reviving;
	struct loop_timer *work, *retry;
	mtime_t backoff;
	mtime_t quiet; /* after a burst */
	struct log_rate rate;
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

/* --- telling the kernel --- */

static void upstream_tell_error(struct upstream *up, const struct upstream_if *uif, const struct ipaddr *group, int err)
{
	char name[IF_NAMESIZE], text[IPADDR_STRLEN];

	if (!log_rate_failure(&up->rate, loop_now(), family_protocol(up->family)))
		return;
	if (!if_indextoname((unsigned int)uif->ifindex, name))
		strcpy(name, "-");
	log_warn(family_protocol(up->family), "%s: cannot join %s: %s", name, ipaddr_format(group, text),
		 strerror(-err));
}

static void upstream_tell_widened(const struct upstream *up, struct upstream_if *uif,
				  const struct mcast_pool_stats *stats)
{
	if (!stats->widened || uif->told_widened)
		return;
	uif->told_widened = true;
	log_warn("upstream",
		 "the kernel takes at most %u sources in a list: longer EXCLUDE lists are joined without "
		 "sources "
		 "(raise %s)",
		 stats->max_sources, up->family == FAMILY_IPV4 ? "net.ipv4.igmp_max_msf" : "net.ipv6.mld_max_msf");
}

/* Without memory for it the next general query has to do. */
static void upstream_say_held(const struct upstream *up, const struct upstream_if *uif, const struct ipaddr *group,
			      reporter_held_fn *say)
{
	struct mcast_held held;

	if (mcast_pool_held(uif->pool, group, &held) == 0)
		say(up->reporter, uif->ifindex, group, held.mode, held.sources, held.nsources);
	free(held.sources);
}

static void upstream_step(struct upstream *up, struct upstream_if *uif, mtime_t now, bool leave)
{
	struct mcast_step step;
	int err = mcast_pool_step(uif->pool, now, leave, &step);

	if (err)
		upstream_tell_error(up, uif, &step.group, err);
	if (step.left_promptly)
		reporter_left(up->reporter, uif->ifindex, &step.group, step.held.mode, step.held.sources,
			      step.held.nsources);
	free(step.held.sources);
	if (up->reporter && reporter_retelling(up->reporter, uif->ifindex))
		upstream_say_held(up, uif, &step.group, reporter_amend);
	uif->changed = loop_now();
}

/* Returns when to go on; MTIME_NEVER: the kernel knows everything. */
static mtime_t upstream_slice(struct upstream *up, struct upstream_if *uif)
{
	mtime_t now = loop_now(), end = now + UPSTREAM_SLICE;
	bool behind = mcast_pool_behind(uif->pool);

	if (!behind)
		return MTIME_NEVER;
	if (!uif->changed || now >= uif->changed + up->quiet)
		uif->opened = now;
	else if (now >= uif->closes)
		return uif->changed + up->quiet;
	for (; behind && now < end; now = loop_now(), behind = mcast_pool_behind(uif->pool))
		upstream_step(up, uif, now, false);
	/* Somebody waits for a join. A leave is less urgent, but its turn comes in every slice. */
	if (behind)
		upstream_step(up, uif, now, true);
	uif->closes = uif->opened + (behind ? UPSTREAM_BURST_MOST : UPSTREAM_BURST);
	return behind ? uif->changed : MTIME_NEVER;
}

void upstream_work(struct upstream *up)
{
	mtime_t next = MTIME_NEVER;
	struct upstream_if *uif;
	unsigned int failing = 0;

	DL_FOREACH (up->ifs, uif) {
		struct mcast_pool_stats stats;

		next = mtime_min(next, upstream_slice(up, uif));
		mcast_pool_stats(uif->pool, &stats);
		upstream_tell_widened(up, uif, &stats);
		failing += stats.failing;
	}
	if (up->reporter)
		next = mtime_min(next, reporter_work(up->reporter));
	if (next != loop_timer_deadline(up->work))
		loop_timer_at(up->work, next);
	if (failing && loop_timer_deadline(up->retry) > loop_now() + up->backoff)
		loop_timer_at(up->retry, loop_now() + up->backoff);
}

static void upstream_go_on(void *arg)
{
	upstream_work(arg);
}

static void upstream_fire(void *arg)
{
	struct upstream *up = arg;
	struct upstream_if *uif;
	unsigned int failing = 0;

	DL_FOREACH (up->ifs, uif)
		failing += mcast_pool_retry(uif->pool);
	if (!failing) {
		up->backoff = mtime_from_s(UPSTREAM_RETRY_FIRST_S);
		return;
	}
	up->backoff = mtime_min(up->backoff * 2, mtime_from_s(UPSTREAM_RETRY_LAST_S));
	loop_timer_at(up->retry, loop_now() + up->backoff);
	upstream_work(up);
}

/* --- */

/* A tick of the kernel's clock is what its coarse clock counts in; 10 ms is the longest there is. */
static mtime_t upstream_tick(void)
{
	struct timespec ts;

	return clock_getres(CLOCK_MONOTONIC_COARSE, &ts) ? mtime_from_ms(10)
							 : mtime_from_s(ts.tv_sec) + ts.tv_nsec / 1000;
}

int upstream_open(struct loop *loop, enum family family, struct upstream **out)
{
	struct upstream *up = calloc(1, sizeof(*up));

	if (!up)
		return -ENOMEM;
	up->family = family;
	up->backoff = mtime_from_s(UPSTREAM_RETRY_FIRST_S);
	up->quiet = UPSTREAM_QUIET_TICKS * upstream_tick();
	up->work = loop_timer_new(loop, upstream_go_on, up);
	up->retry = loop_timer_new(loop, upstream_fire, up);
	if (!up->work || !up->retry) {
		upstream_close(up);
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
	loop_timer_free(up->work);
	loop_timer_free(up->retry);
	free(up);
}

void upstream_set_reporter(struct upstream *up, struct reporter *reporter)
{
	up->reporter = reporter;
}

void upstream_set_reviving(struct upstream *up, bool reviving)
{
	up->reviving = reviving;
}

/* The group is the reporter's, or is to become so. */
static bool upstream_is_own(const struct upstream *up, const struct upstream_if *uif, int ifindex,
			    const struct ipaddr *group)
{
	struct mcast_pool_stats stats;
	struct mcast_state state;

	if (!up->reporter || up->family == FAMILY_IPV4)
		return false;
	if (reporter_state(up->reporter, ifindex, group, &state))
		return true;
	if (!uif || mcast_pool_state(uif->pool, group, &state))
		return false;
	mcast_pool_stats(uif->pool, &stats);
	return stats.groups >= (up->reviving ? KERNEL_GROUPS_REVIVING : KERNEL_GROUPS);
}

static void upstream_work_soon(struct upstream *up)
{
	if (loop_timer_deadline(up->work) > loop_now())
		loop_timer_at(up->work, loop_now());
}

int upstream_set(struct upstream *up, int ifindex, const struct ipaddr *group, enum gm_mode mode,
		 const struct ipaddr *sources, unsigned int nsources)
{
	struct upstream_if *uif = upstream_find(up, ifindex);
	int err;

	if (upstream_is_own(up, uif, ifindex, group)) {
		upstream_work_soon(up);
		return reporter_set(up->reporter, ifindex, group, mode, sources, nsources);
	}
	if (!uif && mode == GM_INCLUDE && !nsources)
		return 0;
	if (!uif)
		uif = upstream_if_new(up, ifindex);
	if (!uif)
		return -ENOMEM;
	err = mcast_pool_want(uif->pool, group, mode, sources, nsources);
	/* One that is left makes room for others: they need not wait for their turn. */
	if (mode == GM_INCLUDE && !nsources)
		up->backoff = mtime_from_s(UPSTREAM_RETRY_FIRST_S);
	if (!err)
		upstream_work_soon(up);
	return err;
}

void upstream_hasten(struct upstream *up, int ifindex, const struct ipaddr *group)
{
	const struct upstream_if *uif = upstream_find(up, ifindex);
	struct mcast_pool_stats stats;

	if (!uif || !up->reporter)
		return;
	mcast_pool_stats(uif->pool, &stats);
	if (stats.groups <= HASTEN_GROUPS)
		mcast_pool_hasten(uif->pool, group);
}

/* Where a walk over the groups of an interface is. */
struct upstream_place {
	const struct upstream *up;
	const struct upstream_if *uif;
};

static void upstream_retell_group(void *arg, const struct ipaddr *group)
{
	const struct upstream_place *at = arg;

	upstream_say_held(at->up, at->uif, group, reporter_retell);
}

void upstream_retell(struct upstream *up, int ifindex)
{
	struct upstream_place at = { up, upstream_find(up, ifindex) };

	if (!at.uif || !up->reporter)
		return;
	reporter_retell_begin(up->reporter, ifindex);
	mcast_pool_walk(at.uif->pool, upstream_retell_group, &at);
	upstream_work_soon(up);
}

void upstream_leave(struct upstream *up, int ifindex)
{
	struct upstream_if *uif = upstream_find(up, ifindex);

	if (uif)
		mcast_pool_leave(uif->pool);
}

void upstream_drop(struct upstream *up, int ifindex)
{
	struct upstream_if *uif = upstream_find(up, ifindex);

	if (uif)
		upstream_if_free(up, uif);
	if (up->reporter)
		reporter_drop(up->reporter, ifindex);
}

void upstream_retry(struct upstream *up)
{
	up->backoff = mtime_from_s(UPSTREAM_RETRY_FIRST_S);
	loop_timer_at(up->retry, loop_now() + mtime_from_ms(UPSTREAM_RETRY_SOON_MS));
}

bool upstream_state(const struct upstream *up, int ifindex, const struct ipaddr *group, struct mcast_state *state)
{
	const struct upstream_if *uif = upstream_find(up, ifindex);

	memset(state, 0, sizeof(*state));
	if (uif && mcast_pool_state(uif->pool, group, state))
		return true;
	return up->reporter && reporter_state(up->reporter, ifindex, group, state);
}

mtime_t upstream_changed(const struct upstream *up, int ifindex)
{
	const struct upstream_if *uif = upstream_find(up, ifindex);
	mtime_t told = uif ? uif->changed : 0, reported = up->reporter ? reporter_changed(up->reporter, ifindex) : 0;

	return told > reported ? told : reported;
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
		stats->waiting += one.waiting;
		stats->sockets += one.sockets;
		stats->join_failures += one.join_failures;
		stats->widened += one.widened;
		stats->max_memberships = upstream_tighter(stats->max_memberships, one.max_memberships);
		stats->max_sources = upstream_tighter(stats->max_sources, one.max_sources);
	}
	if (up->reporter)
		reporter_stats(up->reporter, ifindex, stats);
}
