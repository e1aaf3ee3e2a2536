/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_member_state - what a member is made of: for gm_member*.c only. gm_member.c is its groups, their changes and the
 * queries it hears; gm_member_report.c makes the reports.
 */
#ifndef IMPROXY_CORE_GM_MEMBER_STATE_H
#define IMPROXY_CORE_GM_MEMBER_STATE_H

#include "core/gm_member.h"
#include "core/gm_state.h"
#include "lib/hash.h"
#include "lib/theap.h"

/* No report is longer than fits into an Ethernet frame; the records and addresses that can be in one. */
#define GM_MEMBER_ROOM    1468u
#define GM_MEMBER_RECORDS (GM_MEMBER_ROOM / 8)
#define GM_MEMBER_ADDRS   (GM_MEMBER_ROOM / 4)
#define GM_RECORD_FIXED   4 /* octets of a record besides addresses: RFC 9777 s5.2 */

/* A source whose change is still to be told so many times. */
struct member_source {
	struct ipaddr addr; /* first: arrays are searched by it */
	uint8_t left;
};

struct member_group {
	struct ipaddr addr;
	UT_hash_handle hh;
	enum gm_mode mode;
	struct ipaddr *sources; /* sorted */
	unsigned int nsources;

	struct theap_node change;      /* when its change is told, again */
	uint8_t mode_left;             /* so many times still as a change of mode */
	struct member_source *changed; /* sorted; the retransmission list of RFC 9777 s6.1 */
	unsigned int nchanged, changed_cap;

	struct theap_node answer; /* to a query about this group */
	struct ipaddr *asked;     /* of these sources; none: of all */
	unsigned int nasked;

	bool known; /* the router has ever been told of it */
	bool told, inherited;
	mtime_t since;
};

struct member_staged {
	enum gm_record_type type;
	struct ipaddr group;
	struct ipaddr *list;
	unsigned int n, placed;
	bool waits;
};

struct gm_member {
	const struct gm_af *af;
	struct member_group *groups;
	struct theap changes, answers;
	unsigned int nuntold;

	unsigned int room;
	enum gm_gen gen, held_to; /* in force; held_to 0: to none */
	mtime_t older_until;      /* older version querier present timer; 0: not running */
	uint8_t robustness;
	mtime_t query_interval;
	uint32_t random;

	mtime_t general;           /* when the answer to a general query begins; MTIME_NEVER: none is due */
	mtime_t general_span;      /* before GEN3: time it may take */
	struct member_group *walk; /* the answer is under way: the next group */
	mtime_t walk_next, walk_step;

	struct member_staged staged[2];
	unsigned int staged_cap;

	struct gm_report report;
	struct gm_report_record records[GM_MEMBER_RECORDS];
	struct ipaddr addrs[GM_MEMBER_ADDRS];
	unsigned int naddrs, used; /* of these, and octets of the room */
	mtime_t again;             /* when what is in the report is repeated */
};

static inline bool gm_member_joined(const struct member_group *group)
{
	return group->mode == GM_EXCLUDE || group->nsources;
}

/* Its change, or a part of it, is still to be told. */
static inline bool gm_member_pending(const struct member_group *group)
{
	return group->mode_left || group->nchanged;
}

struct member_group *gm_member_find(const struct gm_member *m, const struct ipaddr *addr);
void gm_member_forget(struct gm_member *m, struct member_group *group);
void gm_member_set_told(struct gm_member *m, struct member_group *group, mtime_t now, bool told);
/* Nobody waits any more for an answer about the group. */
void gm_member_answered(struct gm_member *m, struct member_group *group);
/* Goes back to the newer generation when the older querier is forgotten. */
void gm_member_tick(struct gm_member *m, mtime_t now);

#endif
