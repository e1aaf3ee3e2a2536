/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_state - what an instance knows. The core's modules change it; everybody else reads it, for `show`, `explain` and
 * tests.
 *
 * A group (struct gm_group) is the meeting point of three things: the records of its members, one per downstream
 * (struct gm_rec); the merged membership and what the upstream was told of it; and its forwarding entries
 * (struct gm_route). It lives as long as it has any of these.
 *
 * Deadlines are the state. A record is in EXCLUDE mode while its filter timer runs (filter_deadline != 0); a source of
 * such a record is on the exclude list when its own timer has run out (deadline == 0). Since every entry point of the
 * core first fires what is due, a deadline that is set is always in the future.
 */
#ifndef IMPROXY_CORE_GM_STATE_H
#define IMPROXY_CORE_GM_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/gm.h"
#include "core/gm_hosts.h"
#include "core/gm_set.h"
#include "lib/hash.h"
#include "lib/theap.h"

/* An address pattern: matches when the masked bits are equal. */
struct gm_pattern {
	struct ipaddr value, mask;
};

/* What differs between the families. */
struct gm_af {
	const char *name;
	bool any_query_elects; /* K-3: MLD any query, IGMP general queries only */
	bool verify_by_prefix; /* senders have an address of the subnet (IGMP), not a link-local one */
	bool own_by_link;      /* so an address is ours on its own link only; other links may have another's (MLD) */
	uint8_t addr_len;      /* octets of an address on the wire */
	uint8_t elect_from;    /* first octet that counts in the election: RFC 9777 compares interface identifiers */
	const struct gm_pattern *never; /* groups that are never proxied nor forwarded (K-13) and reserved ones */
	unsigned int nnever;
	struct gm_pattern ssm; /* default range of source-specific multicast */
};

/* One source of the merged membership of a group: who wants it, who does not. Counts are of records, one per
 * downstream. */
struct gm_msrc {
	struct ipaddr addr; /* first: arrays are searched by it */
	uint8_t listers;    /* records that have it in any list */
	uint8_t includers;  /* of these, in INCLUDE mode */
	uint8_t excluders;  /* of these, on the exclude list */
	bool sent;          /* it is in the filter the upstream holds */
};

struct gm_rec {
	struct gm_group *group;
	struct gm_if *iface;
	struct gm_rec *prev, *next; /* of the interface */
	struct theap_node timer;    /* at or before the first deadline below */

	mtime_t filter_deadline; /* group timer; 0: INCLUDE; MTIME_NEVER: a static-group of any source */
	struct gm_set sources;

	mtime_t gen1_until, gen2_until; /* older host present timers, RFC 9776 s7.3.2 */

	mtime_t group_query_next;  /* retransmission of the group-specific query */
	mtime_t source_query_next; /* and of the group-and-source-specific ones; 0: none pending */
	uint8_t group_queries_left;
	bool fixed; /* held by a static-group, with or without sources */

	mtime_t since;
	mtime_t reported; /* last report, 0: none */
	struct ipaddr last_reporter;
	struct gm_hosts hosts;
};

enum gm_dirty {
	GM_DIRTY_UPSTREAM = 1, /* merged membership may have changed */
	GM_DIRTY_CHOICE = 2,   /* another upstream may serve the group */
	GM_DIRTY_ROUTES = 4,   /* outputs or inputs of its entries may have changed */
	GM_DIRTY_EMPTY = 8,    /* it may have nothing left to live for */
	/* As UPSTREAM and ROUTES, of the sources touched only. */
	GM_DIRTY_LISTED = 16,
	GM_DIRTY_ENTRIES = 32,
};

/* Entries that have to give way when there is no room for one that a member waits for, in this order. */
enum gm_spare {
	GM_SPARE_UNWANTED, /* without outputs */
	GM_SPARE_UP,       /* of a group without members: they only lead up */
	GM_SPARE_NOT,      /* on no list */
};

#define GM_FAIR_SHARE 16                   /* entries that a group gets at the cost of one that has more */
#define GM_LEVELS     (GM_FAIR_SHARE + 33) /* of groups by the number of their entries, see gm_room.c */

struct gm_route {
	struct {
		struct ipaddr source;
		struct gm_group *group;
	} key;
	UT_hash_handle hh;
	struct gm_route *prev, *next; /* of the group */
	struct gm_route *spare_prev, *spare_next;
	mtime_t since;
	mtime_t strayed_at;
	uint64_t strayed_expected; /* packets that had come in at iif by then */
	uint32_t oifs;
	uint32_t inherited; /* outputs of a former life, kept until the hosts have been heard again */
	uint8_t iif;
	uint8_t arrived; /* where the upcall came from; GM_NO_IF: made for a named source */
	uint8_t strayed; /* data came in there last that was expected at iif */
	uint8_t spare;   /* enum gm_spare: the list it is on */
	bool named;      /* a member names the source: the entry is kept however idle */
	bool installed;  /* the kernel has it as it stands here, */
	bool stale;      /* or in some other way: it is to be written again, or removed */
};

struct gm_group {
	struct ipaddr addr;
	UT_hash_handle hh;

	uint32_t members;        /* slots that have a record */
	struct gm_rec **recs;    /* in the order of slots */
	uint16_t excluding;      /* records in EXCLUDE mode */
	struct gm_msrc *sources; /* sorted */
	uint32_t nsources, sources_cap;
	uint32_t nsent; /* of these: in the filter the upstream holds */

	uint8_t upstream;  /* serves the group; GM_NO_IF: none */
	uint8_t sent_slot; /* holds the filter last handed out; GM_NO_IF: none does */
	enum gm_mode sent_mode;
	mtime_t joined;         /* since when it is joined upstream */
	struct theap_node hold; /* end of leave-delay */
	bool hold_over;         /* it has passed, the leave is due */
	bool prompt;            /* since the last settling something was left at once (immediate-leave) */

	struct gm_route *routes; /* in the order they were made */
	uint32_t nroutes;
	struct gm_group *level_prev, *level_next; /* of groups with about as many */
	bool starved;                             /* a source that a member names has no entry, for want of room */
	uint8_t dirty;                            /* enum gm_dirty */
	struct ipaddr *touched;                   /* since the last settling, as long as they are few */
	uint32_t ntouched, touched_cap;
	struct gm_group *list_prev, *list_next; /* of the dirty ones, else of the starving */
};

struct gm_stats {
	uint64_t counter[GM_C_COUNT];
	uint64_t drop[GM_DROP_COUNT];
};

/* A request that policy has refused. */
struct gm_refusal {
	struct ipaddr group, source, reporter; /* source none: any */
	enum gm_drop why;                      /* ACCESS_LIST, LIMIT or SSM */
	mtime_t at;                            /* the last time; 0: unused */
};

#define GM_REFUSALS 32 /* kept per interface, the latest ones */

/* A source that is heard on two interfaces at a time: on this one, and where its entry expects it. */
struct gm_twice {
	struct ipaddr source, group;
	uint8_t expected; /* the other one's slot */
	mtime_t at;       /* the last time; 0: never */
};

struct gm_if {
	struct gm *gm;
	uint8_t slot;
	struct gm_if_conf conf; /* role GM_ROLE_NONE: the slot is free */
	struct gm_stats stats;
	mtime_t since; /* taken up, given up or brought up */

	/* downstream */
	struct gm_rec *recs;
	uint32_t nrecs;
	struct theap_node timer; /* next general query, the end of the other querier's time; upstream: of patience */
	bool querying;           /* takes part: up, with an address to query from */
	bool querier;
	uint8_t startup_left;
	uint8_t robustness;     /* in force: own, or the querier's (K-11) */
	mtime_t query_interval; /* likewise */
	struct ipaddr other_querier;
	mtime_t started_up; /* from then on every host that was there before us has had its turn to report */
	mtime_t unsure;     /* until then a host that has its data may be unknown: it was asked for a reason */

	/* multicast router discovery */
	struct theap_node discovery; /* next advertisement */
	uint8_t discovery_initial;   /* initial advertisements still to come */
	bool discovery_solicited;    /* the next one answers a solicitation */

	/* both: the last query heard */
	struct ipaddr last_query_from;
	mtime_t last_query, last_query_interval;
	enum gm_gen last_query_gen;
	bool silent; /* upstream: no query for two query intervals */

	/* for people: see gm_watch.h */
	mtime_t looped;    /* an own message came back; 0: never */
	uint8_t loop_slot; /* and this is where it was sent */
	struct gm_twice twice;
	mtime_t ssm_older; /* an older query came up against source-specific groups; 0: never */
	struct gm_refusal refusals[GM_REFUSALS];

	/* bucket for upcalls of groups nobody wants */
	uint32_t upcall_tokens;
	mtime_t upcall_refill;
};

struct gm_queue {
	struct gm_action *v;
	size_t n, cap;
	unsigned int nqueries;   /* of these: each is a packet to be sent */
	struct gm_chunk *chunks; /* source lists */
};

struct gm {
	const struct gm_af *af;
	struct gm_conf conf;
	struct gm_if ifs[GM_MAX_IFS];
	struct gm_stats stats; /* what belongs to no interface */

	struct gm_group *groups;
	struct gm_route *routes;
	struct gm_route *spare[GM_SPARE_NOT]; /* the oldest first */
	struct gm_group *levels[GM_LEVELS];   /* groups that have two entries or more */
	uint32_t any_oifs[GM_MAX_IFS]; /* outputs of the entry of any source and group, by upstream; 0: there is none */
	uint32_t any_stale;            /* slots of those that are to be written again, or removed */
	struct gm_group *dirty;
	struct gm_group *starving; /* they wait for room and take turns */
	bool unsettled;            /* the last settling ended with groups left over */
	uint32_t nrecs, nsources;
	uint32_t hosts_used; /* of GM_HOSTS_BUDGET */

	struct theap rec_timers, if_timers, hold_timers, discovery_timers;
	mtime_t relearned; /* what was inherited is kept until then; 0: nothing is */
	uint32_t random;
	mtime_t now;     /* of the timer or event under way */
	mtime_t horizon; /* of the call under way: later than `now` while overdue timers fire */

	struct gm_queue queue;
	struct ipaddr *scratch; /* a report's sources, checked and sorted */
	unsigned int scratch_cap;
	uint32_t inputs; /* counted in debug builds only */
};

#define gm_for_each_if(gm, ifp)                                                                                        \
	for (struct gm_if *ifp = (gm)->ifs; ifp < (gm)->ifs + GM_MAX_IFS; ifp++)                                       \
		if (ifp->conf.role != GM_ROLE_NONE)

static inline enum gm_mode gm_rec_mode(const struct gm_rec *rec)
{
	return rec->filter_deadline ? GM_EXCLUDE : GM_INCLUDE;
}

/* The compatibility mode of a group on an interface: RFC 9776 s7.3.2, RFC 9777 s8.3.2. */
enum gm_gen gm_rec_gen(const struct gm_rec *rec, mtime_t now);

/* True if data of `source` is to go out to the members of this record: RFC 9776 s6.3. */
bool gm_rec_wants(const struct gm_rec *rec, const struct ipaddr *source);

/* The group, or NULL. */
struct gm_group *gm_group_find(const struct gm *gm, const struct ipaddr *addr);

/* The record of the group on the interface in `slot`, or NULL. */
struct gm_rec *gm_group_rec(const struct gm_group *group, uint8_t slot);

/* The merged membership (RFC 4605 s4.1): its mode, and whether a source is in its list. */
static inline enum gm_mode gm_group_mode(const struct gm_group *group)
{
	return group->excluding ? GM_EXCLUDE : GM_INCLUDE;
}

/* It has nothing to live for and goes with the next settling. */
static inline bool gm_group_is_over(const struct gm_group *group)
{
	return !group->members && !group->routes && group->sent_slot == GM_NO_IF;
}

/* A source of the merged membership, or NULL. */
struct gm_msrc *gm_group_source(const struct gm_group *group, const struct ipaddr *addr);

bool gm_group_lists(const struct gm_group *group, const struct gm_msrc *src);

/* A downstream that takes part in the protocol, and one that data may be sent to (E-19). */
static inline bool gm_if_listening(const struct gm_if *ifp)
{
	return ifp->conf.role == GM_ROLE_DOWNSTREAM && ifp->conf.up;
}

static inline bool gm_if_forwards(const struct gm_if *ifp)
{
	return gm_if_listening(ifp) && (ifp->querier || !ifp->querying || ifp->conf.forward_as_non_querier);
}

/* Timers as RFC 9776 s8 and RFC 9777 s9 define them. */
mtime_t gm_if_group_membership_interval(const struct gm_if *ifp);
mtime_t gm_if_other_querier_interval(const struct gm_if *ifp);
mtime_t gm_if_older_host_interval(const struct gm_if *ifp);
mtime_t gm_if_last_member_time(const struct gm_if *ifp);

#endif
