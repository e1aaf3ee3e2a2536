/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_member - the part that a group's member plays on one interface (RFC 9777 s6, RFC 9776 s5), for many groups: it is
 * told the filter of each, and says which reports are to be sent, and when.
 *
 * It owns: the reports of changes and their repetition, merged while some are still to be repeated (s6.1); the answers
 * to queries (s6.2, s6.3); the robustness in use; and the step back to the older generation while an older querier is
 * heard (s8.2). It refuses: sockets, octets, and the wish itself. Like the engine it is a function of what it is given,
 * but reports are asked for one by one, so that the caller sets the pace. Groups that are told together are repeated
 * together: the cost is counted in reports.
 *
 * Version 1 of IGMP is not spoken, and reports of other hosts keep nothing back (which RFC 9777 s8.2.2 leaves open):
 * the router upstream is to hear of this proxy's wish.
 */
#ifndef IMPROXY_CORE_GM_MEMBER_H
#define IMPROXY_CORE_GM_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/gm.h"

struct gm_member;

/* What one group is like. */
struct gm_member_state {
	enum gm_mode mode;            /* INCLUDE without sources: left, which is still to be repeated */
	const struct ipaddr *sources; /* sorted; good until the group is changed */
	unsigned int nsources;
	bool told;      /* a report has been handed out since the last change */
	bool inherited; /* nobody has set it in this life */
	mtime_t since;  /* when `told` became what it is */
};

/* NULL when out of memory. `seed` is of the random delays. */
struct gm_member *gm_member_new(const struct gm_af *af, uint32_t seed);
void gm_member_free(struct gm_member *m);

/* `room`: octets for the records of a report. */
void gm_member_set_room(struct gm_member *m, unsigned int room);
/* Holds it to a generation, GEN2 or GEN3; 0: the older one while an older querier is heard. */
void gm_member_set_gen(struct gm_member *m, mtime_t now, unsigned int gen);
enum gm_gen gm_member_gen(const struct gm_member *m, mtime_t now);
/* From now on it is held to the generation of another member of the link, and has its robustness. */
void gm_member_follow(struct gm_member *m, mtime_t now, const struct gm_member *other);

/*
 * Sets the filter of a group; INCLUDE{} leaves. `sources` are copied. The report is due at once. Returns 0, or -ENOMEM:
 * nothing has changed. Leaving cannot fail.
 */
int gm_member_set(struct gm_member *m, mtime_t now, const struct ipaddr *group, enum gm_mode mode,
		  const struct ipaddr *sources, unsigned int nsources);
/* Leaves all groups. */
void gm_member_leave(struct gm_member *m, mtime_t now);
/* The link was away, or had no address to report from: everything is told anew (RFC 9777 s5.2.14). */
void gm_member_restart(struct gm_member *m, mtime_t now);

/* The router knows this filter from a former life: as gm_member_set(), but there is nothing to report. */
int gm_member_inherit(struct gm_member *m, mtime_t now, const struct ipaddr *group, enum gm_mode mode,
		      const struct ipaddr *sources, unsigned int nsources);
/* Leaves what was inherited and never set since. */
void gm_member_disown(struct gm_member *m, mtime_t now);

/* A query was heard on the interface (GM_EV_QUERY). */
void gm_member_query(struct gm_member *m, mtime_t now, const struct gm_event *ev);

/* When gm_member_report() is next needed; MTIME_NEVER: not before something else has happened. May be in the past. */
mtime_t gm_member_next(const struct gm_member *m);
/*
 * The next report that is due, which counts as sent; NULL: none. It is good until the next call. Of a generation before
 * GEN3 it has one record: IS_EX is a report, TO_IN a leave.
 */
const struct gm_report *gm_member_report(struct gm_member *m, mtime_t now);

/* False: the group is not known. */
bool gm_member_state(const struct gm_member *m, const struct ipaddr *group, struct gm_member_state *state);
unsigned int gm_member_groups(const struct gm_member *m); /* with those whose leave is still to be repeated */
unsigned int gm_member_untold(const struct gm_member *m); /* of these, the router is still to be told */

typedef void gm_member_fn(void *arg, const struct ipaddr *group, const struct gm_member_state *state);
/* Calls `fn` for every group, in no particular order. */
void gm_member_walk(const struct gm_member *m, gm_member_fn *fn, void *arg);

#endif
