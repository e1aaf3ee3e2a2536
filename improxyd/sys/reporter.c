/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A report that cannot be sent is kept and tried again, and nothing overtakes it, so that the routers hear of changes
 * in their order. A line of the journal is written after its report: a death in between has a change told twice, which
 * changes nothing, and none is lost.
 */
#include "sys/reporter.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <utlist.h>

#include "core/gm_member.h"
#include "lib/log.h"
#include "sys/gmsock.h"
#include "sys/loop.h"
#include "sys/procfs.h"
#include "sys/told.h"
#include "wire/wire.h"

/* 8000 reports a second at most; a socket's send buffer has room for some 90. */
#define BURST       16
#define BURST_PAUSE mtime_from_ms(2)

#define RETRY_FIRST mtime_from_ms(10)
#define RETRY_LAST  mtime_from_s(10)
/* At the end there is no later. */
#define DROP_PATIENCE mtime_from_ms(200)

#define MTU_LEAST  1280u /* RFC 8200 s5 */
#define PACKET_MAX 1500

struct reporter_if {
	int ifindex;
	struct reporter_link link;
	bool known;  /* reporter_link() has been called */
	bool usable; /* reports can be sent */
	struct gm_member *member;
	struct gm_member *left;         /* has groups that the kernel has just left; NULL: none */
	struct gm_member *again;        /* has groups of the kernel's that are told again; NULL: none */
	const struct gm_report *unsent; /* the member's, until the next one */
	mtime_t hold;                   /* nothing is sent before */
	mtime_t wait;                   /* until a failure is tried again */
	mtime_t changed;
	int error; /* -errno of the last try; 0: none */
	uint64_t failures;
	struct reporter_if *prev, *next;
};

struct reporter {
	enum family family;
	const struct gm_af *af;
	const struct wire_af *wire;
	struct gmsock *sock;
	struct reporter_if *ifs;
	struct told *told;
	struct log_rate rate;
};

static struct reporter_if *if_find(const struct reporter *r, int ifindex)
{
	struct reporter_if *rif;

	DL_FOREACH (r->ifs, rif) {
		if (rif->ifindex == ifindex)
			return rif;
	}
	return NULL;
}

static struct gm_member *member_new(const struct reporter *r)
{
	uint32_t seed;

	/* Nothing depends on it: see gm_random.h. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uint32_t)loop_now();
	return gm_member_new(r->af, seed);
}

static struct reporter_if *if_get(struct reporter *r, int ifindex)
{
	struct reporter_if *rif = if_find(r, ifindex);

	if (rif)
		return rif;
	rif = calloc(1, sizeof(*rif));
	if (!rif)
		return NULL;
	rif->ifindex = ifindex;
	rif->wait = RETRY_FIRST;
	rif->member = member_new(r);
	if (!rif->member) {
		free(rif);
		return NULL;
	}
	DL_APPEND(r->ifs, rif);
	return rif;
}

static void drop_member(struct gm_member **member)
{
	gm_member_free(*member);
	*member = NULL;
}

static void if_free(struct reporter *r, struct reporter_if *rif)
{
	DL_DELETE(r->ifs, rif);
	gm_member_free(rif->member);
	drop_member(&rif->left);
	drop_member(&rif->again);
	free(rif);
}

static unsigned int report_room(const struct reporter *r, unsigned int mtu)
{
	return wire_report_room(r->wire, mtu > MTU_LEAST ? mtu : MTU_LEAST);
}

/* --- the journal --- */

/* Where a walk over the groups of an interface writes. */
struct journal {
	struct told *told;
	const struct reporter_if *rif;
};

static bool is_answer(const struct gm_report *report)
{
	return report->gen == GM_GEN3 && gm_record_is_state(report->records[0].type);
}

/* Changes in a report that could not be sent: of a group, or of all with NULL. */
static unsigned int unsent_changes(const struct reporter_if *rif, const struct ipaddr *group)
{
	unsigned int n = 0;

	if (!rif->unsent || is_answer(rif->unsent))
		return 0;
	for (unsigned int i = 0; i < rif->unsent->nrecords; i++)
		n += !group || ipaddr_eq(&rif->unsent->records[i].group, group);
	return n;
}

/* A change that is not told yet is written as the other mode: so the next process has to tell it. */
static void write_group(void *arg, const struct ipaddr *group, const struct gm_member_state *state)
{
	const struct journal *to = arg;
	enum gm_mode other = state->mode == GM_INCLUDE ? GM_EXCLUDE : GM_INCLUDE;

	if (state->told && !unsent_changes(to->rif, group))
		told_put(to->told, to->rif->ifindex, group, state->mode, state->sources, state->nsources);
	else
		told_put(to->told, to->rif->ifindex, group, other, NULL, 0);
}

static void write_anew(struct reporter *r)
{
	struct reporter_if *rif;

	told_begin(r->told);
	DL_FOREACH (r->ifs, rif) {
		struct journal to = { r->told, rif };

		gm_member_walk(rif->member, write_group, &to);
	}
	told_end(r->told);
}

static void write_told(struct reporter *r, const struct reporter_if *rif, const struct gm_report *report)
{
	struct journal to = { r->told, rif };

	for (unsigned int i = 0; i < report->nrecords; i++) {
		struct gm_member_state state = { .mode = GM_INCLUDE, .told = true };

		(void)gm_member_state(rif->member, &report->records[i].group, &state);
		write_group(&to, &report->records[i].group, &state);
	}
	told_flush(r->told);
	if (told_is_long(r->told))
		write_anew(r);
}

static void inherit(void *arg, int ifindex, const struct ipaddr *group, enum gm_mode mode, const struct ipaddr *sources,
		    unsigned int nsources)
{
	struct reporter *r = arg;
	struct reporter_if *rif = if_get(r, ifindex);

	/* One that is forgotten is told anew when somebody asks for it. */
	if (!rif || gm_member_inherit(rif->member, loop_now(), group, mode, sources, nsources) < 0)
		log_error(family_protocol(r->family), "out of memory: a membership of the process before is forgotten");
}

/* --- sending --- */

static int send_report(struct reporter *r, const struct reporter_if *rif, const struct gm_report *report)
{
	uint8_t packet[PACKET_MAX];
	struct ipaddr dst;
	int len = wire_encode_report(r->wire, report, packet, sizeof(packet), &dst);

	return len < 0 ? len : gmsock_send(r->sock, rif->ifindex, &rif->link.addr, &dst, packet, (size_t)len);
}

static void tell_failure(struct reporter *r, const struct reporter_if *rif)
{
	char name[IF_NAMESIZE];

	if (!log_rate_failure(&r->rate, loop_now(), family_protocol(r->family)))
		return;
	if (!if_indextoname((unsigned int)rif->ifindex, name))
		strcpy(name, "-");
	log_warn(family_protocol(r->family), "%s: cannot send a report: %s", name, strerror(-rif->error));
}

/* Sends the next report that is due. False: there is none, or it has to wait. */
static bool report_next(struct reporter *r, struct reporter_if *rif, mtime_t now)
{
	const struct gm_report *sent;

	if (!rif->unsent)
		rif->unsent = gm_member_report(rif->member, now);
	if (!rif->unsent)
		return false;
	rif->error = send_report(r, rif, rif->unsent);
	if (rif->error < 0) {
		rif->failures++;
		rif->hold = now + rif->wait;
		rif->wait = mtime_min(rif->wait * 2, RETRY_LAST);
		tell_failure(r, rif);
		return false;
	}
	rif->wait = RETRY_FIRST;
	sent = rif->unsent;
	rif->unsent = NULL;
	if (!is_answer(sent)) {
		rif->changed = now;
		write_told(r, rif, sent);
	}
	return true;
}

/* --- leaves of the kernel's --- */

void reporter_left(struct reporter *r, int ifindex, const struct ipaddr *group, enum gm_mode mode,
		   const struct ipaddr *sources, unsigned int nsources)
{
	struct reporter_if *rif = if_find(r, ifindex);
	mtime_t now = loop_now();

	/* Before GEN3 the kernel says it at once. */
	if (!rif || !rif->usable || !r->sock || gm_member_gen(rif->member, now) < GM_GEN3)
		return;
	if (!rif->left)
		rif->left = member_new(r);
	/* Without memory the kernel's word has to do. */
	if (rif->left && gm_member_inherit(rif->left, now, group, mode, sources, nsources) == 0)
		(void)gm_member_set(rif->left, now, group, GM_INCLUDE, NULL, 0);
}

static void forget_left(void *arg, const struct ipaddr *group)
{
	(void)gm_member_inherit(arg, 0, group, GM_INCLUDE, NULL, 0);
}

/* Once, and now or never. */
static void tell_left(struct reporter *r, struct reporter_if *rif, mtime_t now)
{
	const struct gm_report *report;

	gm_member_set_room(rif->left, report_room(r, rif->link.mtu));
	if (procfs_groups(r->family, rif->ifindex, forget_left, rif->left) == 0) {
		do
			report = gm_member_report(rif->left, now);
		while (report && send_report(r, rif, report) == 0);
	}
	drop_member(&rif->left);
}

/* --- groups of the kernel's, told again --- */

void reporter_retell_begin(struct reporter *r, int ifindex)
{
	struct reporter_if *rif = if_find(r, ifindex);
	mtime_t now = loop_now();

	if (!rif)
		return;
	drop_member(&rif->again);
	/* Version 1 of IGMP is not spoken here. */
	if (!rif->usable || !r->sock || gm_member_gen(rif->member, now) < GM_GEN2)
		return;
	rif->again = member_new(r);
	if (!rif->again)
		return;
	gm_member_follow(rif->again, now, rif->member);
	gm_member_set_room(rif->again, report_room(r, rif->link.mtu));
}

void reporter_retell(struct reporter *r, int ifindex, const struct ipaddr *group, enum gm_mode mode,
		     const struct ipaddr *sources, unsigned int nsources)
{
	struct reporter_if *rif = if_find(r, ifindex);

	if (rif && rif->again)
		(void)gm_member_set(rif->again, loop_now(), group, mode, sources, nsources);
}

/* The kernel reports the change itself. */
void reporter_amend(struct reporter *r, int ifindex, const struct ipaddr *group, enum gm_mode mode,
		    const struct ipaddr *sources, unsigned int nsources)
{
	struct reporter_if *rif = if_find(r, ifindex);

	if (rif && rif->again)
		(void)gm_member_inherit(rif->again, loop_now(), group, mode, sources, nsources);
}

bool reporter_retelling(const struct reporter *r, int ifindex)
{
	const struct reporter_if *rif = if_find(r, ifindex);

	return rif && rif->again;
}

/* What cannot be sent is sent when it is repeated, or not at all. False: nothing is due. */
static bool retell_next(struct reporter *r, struct reporter_if *rif, mtime_t now)
{
	const struct gm_report *report = rif->again ? gm_member_report(rif->again, now) : NULL;

	if (report)
		(void)send_report(r, rif, report);
	else if (rif->again && gm_member_next(rif->again) == MTIME_NEVER)
		drop_member(&rif->again);
	return report != NULL;
}

/* --- turns --- */

static mtime_t work_if(struct reporter *r, struct reporter_if *rif)
{
	mtime_t now = loop_now(), next;
	unsigned int sent = 0;

	if (!rif->usable || !r->sock)
		return MTIME_NEVER;
	if (rif->left)
		tell_left(r, rif, now);
	while (now >= rif->hold && sent < BURST && (report_next(r, rif, now) || retell_next(r, rif, now)))
		sent++;
	if (sent == BURST)
		rif->hold = now + BURST_PAUSE;
	next = rif->unsent ? rif->hold : gm_member_next(rif->member);
	if (rif->again)
		next = mtime_min(next, gm_member_next(rif->again));
	return next > rif->hold ? next : rif->hold;
}

mtime_t reporter_work(struct reporter *r)
{
	mtime_t next = MTIME_NEVER;
	struct reporter_if *rif;

	DL_FOREACH (r->ifs, rif)
		next = mtime_min(next, work_if(r, rif));
	return next;
}

/* --- interfaces --- */

int reporter_link(struct reporter *r, int ifindex, const struct reporter_link *link)
{
	struct reporter_if *rif = if_get(r, ifindex);
	bool usable = link->up && !ipaddr_is_none(&link->addr), back;

	if (!rif)
		return -ENOMEM;
	/* What an earlier process has told stands if the link is as it was left. */
	back = usable && !rif->usable && rif->known;
	if (!rif->known || link->mtu != rif->link.mtu)
		gm_member_set_room(rif->member, report_room(r, link->mtu));
	if (link->gen != rif->link.gen)
		gm_member_set_gen(rif->member, loop_now(), link->gen);
	rif->error = usable ? rif->error : 0;
	if (!usable) {
		rif->unsent = NULL;
		drop_member(&rif->left);
		drop_member(&rif->again);
	}
	if (back) {
		gm_member_restart(rif->member, loop_now());
		rif->hold = 0;
		rif->wait = RETRY_FIRST;
	}
	rif->known = true;
	rif->usable = usable;
	rif->link = *link;
	return 0;
}

/* Leaves all groups, each as often as the robustness wants it, one after the other. */
static void leave_all(struct reporter *r, struct reporter_if *rif)
{
	mtime_t end = loop_now() + DROP_PATIENCE, now = loop_now();

	gm_member_leave(rif->member, now);
	for (mtime_t next = now; next != MTIME_NEVER; next = gm_member_next(rif->member)) {
		const struct gm_report *report;
		int err;

		now = next > now ? next : now;
		report = rif->unsent ? rif->unsent : gm_member_report(rif->member, now);
		rif->unsent = NULL;
		err = report ? send_report(r, rif, report) : 0;
		while ((err == -EAGAIN || err == -ENOBUFS) && loop_now() < end) {
			(void)poll(NULL, 0, 1);
			err = send_report(r, rif, report);
		}
		if (err < 0) {
			rif->error = err;
			/* Of an interface that is gone nobody has to be told. */
			if (err != -ENODEV)
				tell_failure(r, rif);
			return;
		}
	}
}

/* Whoever is no upstream any more has still been told. */
static void drop_if(struct reporter *r, struct reporter_if *rif)
{
	bool any = gm_member_groups(rif->member) || rif->unsent;

	if (any && r->sock && (rif->usable || !rif->known))
		leave_all(r, rif);
	if_free(r, rif);
	if (any)
		write_anew(r);
}

void reporter_drop(struct reporter *r, int ifindex)
{
	struct reporter_if *rif = if_find(r, ifindex);

	if (rif)
		drop_if(r, rif);
}

/* --- groups --- */

int reporter_set(struct reporter *r, int ifindex, const struct ipaddr *group, enum gm_mode mode,
		 const struct ipaddr *sources, unsigned int nsources)
{
	struct reporter_if *rif = if_get(r, ifindex);

	return rif ? gm_member_set(rif->member, loop_now(), group, mode, sources, nsources) : -ENOMEM;
}

void reporter_disown(struct reporter *r)
{
	struct reporter_if *rif, *next;

	DL_FOREACH_SAFE (r->ifs, rif, next) {
		gm_member_disown(rif->member, loop_now());
		if (!rif->known)
			drop_if(r, rif);
	}
}

void reporter_hear(struct reporter *r, int ifindex, const struct gm_event *ev)
{
	struct reporter_if *rif = if_find(r, ifindex);

	if (rif)
		gm_member_query(rif->member, loop_now(), ev);
}

/* --- questions --- */

/* Why nothing can be told now; 0: it can, or the link is merely down. */
static int if_error(const struct reporter_if *rif)
{
	return rif->link.up && !rif->usable ? -EADDRNOTAVAIL : rif->error;
}

bool reporter_state(const struct reporter *r, int ifindex, const struct ipaddr *group, struct mcast_state *state)
{
	const struct reporter_if *rif = if_find(r, ifindex);
	struct gm_member_state s;
	bool told;

	if (!rif || !gm_member_state(rif->member, group, &s))
		return false;
	told = s.told && !unsent_changes(rif, group);
	*state = (struct mcast_state){
		.wanted = s.mode == GM_EXCLUDE || s.nsources,
		.held = told,
		.own = true,
		.error = told ? 0 : if_error(rif),
		.since = s.since,
		.mode = s.mode,
		.nsources = s.nsources,
	};
	return true;
}

mtime_t reporter_changed(const struct reporter *r, int ifindex)
{
	const struct reporter_if *rif = if_find(r, ifindex);

	return rif ? rif->changed : 0;
}

void reporter_stats(const struct reporter *r, int ifindex, struct mcast_pool_stats *stats)
{
	const struct reporter_if *rif;

	DL_FOREACH (r->ifs, rif) {
		unsigned int untold = gm_member_untold(rif->member) + unsent_changes(rif, NULL);

		if (ifindex && rif->ifindex != ifindex)
			continue;
		stats->groups += gm_member_groups(rif->member);
		stats->own += gm_member_groups(rif->member);
		stats->failing += if_error(rif) ? untold : 0;
		stats->waiting += rif->usable && !rif->error ? untold : 0;
		stats->join_failures += rif->failures;
	}
}

/* --- life --- */

struct reporter *reporter_new(enum family family)
{
	struct reporter *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->family = family;
	r->af = family == FAMILY_IPV4 ? &gm_af_igmp : &gm_af_mld;
	r->wire = family == FAMILY_IPV4 ? &wire_igmp : &wire_mld;
	r->told = told_open(family == FAMILY_IPV4 ? "told4" : "told6", inherit, r);
	if (r->told)
		return r;
	reporter_free(r);
	return NULL;
}

void reporter_free(struct reporter *r)
{
	if (!r)
		return;
	while (r->ifs)
		if_free(r, r->ifs);
	told_close(r->told);
	free(r);
}

void reporter_set_socket(struct reporter *r, struct gmsock *sock)
{
	r->sock = sock;
}
