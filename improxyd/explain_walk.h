/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain_walk - the walk under way and the sentences it is told in: for explain*.c only. */
#ifndef IMPROXY_EXPLAIN_WALK_H
#define IMPROXY_EXPLAIN_WALK_H

#include "explain.h"
#include "lib/out.h"
#include "lib/util.h"

#define EXPLAIN_RULE 128
#define EXPLAIN_AGO  (OUT_DURATION_LEN + 8)

struct walk {
	const struct daemon *d;
	enum family family;
	struct ipaddr group, source;
	char group_text[IPADDR_STRLEN], source_text[IPADDR_STRLEN];
	mtime_t now;
	const struct gm *gm;
	const struct gm_group *group_state; /* NULL: the engine does not know the group */
	const struct gm_if *up;
	const struct explain_sight *sight;
	bool has_members;
	bool wanted; /* by a member; of one source, when one is asked about */
	struct explain *result;
	struct explain_step *step;
};

/* Begins a step; it is fine until walk_fail(). */
void walk_step(struct walk *w, const char *name);
/* Adds to the evidence of the step. */
void walk_add(struct walk *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* ", " between two pieces of evidence, nothing in front of the first. */
const char *walk_sep(const struct walk *w);
/* The step fails, and decides: returns false. The verdict is its evidence where there is no other. */
bool walk_fail(struct walk *w, enum explain_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* All is well: the verdict. */
void walk_end(struct walk *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "43 s", or HH:MM:SS from an hour on; `buf` has EXPLAIN_AGO octets. */
const char *explain_ago(mtime_t time, char *buf);
/* "access-list X seq N", the rule that denies; `buf` has EXPLAIN_RULE octets. */
const char *explain_rule(const struct walk *w, const struct gm_acl *acl, const struct ipaddr *source, char *buf);
/* A member wants data of this source. */
bool explain_wanted(const struct walk *w, const struct ipaddr *source);
/* Adds a source list, "{10.0.0.9, 10.0.0.10}", cut where it is long. */
void explain_record_sources(struct walk *w, const struct gm_rec *rec);
void explain_merged_sources(struct walk *w);

/* The last steps: data on the wire and the forwarding entry (explain_data.c). */
void explain_data(struct walk *w);

#endif
