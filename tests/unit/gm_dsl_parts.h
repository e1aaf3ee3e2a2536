/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of gm_dsl share: text that is being written, lists of addresses, and the models of what is outside. */
#ifndef IMPROXY_TESTS_GM_DSL_PARTS_H
#define IMPROXY_TESTS_GM_DSL_PARTS_H

#include "gm_dsl.h"

#define MAX_LIST    2048
#define MAX_ACLS    32
#define MAX_RULES   8
#define LINE_LEN    65536
#define PLAIN_LISTS 6 /* S1 to S6 are probed by expect_fwd() */

/* --- gm_dsl_text.c --- */

struct line {
	char s[LINE_LEN];
	size_t n;
};

extern const char *const slot_names[NSLOTS];

void line_put(struct line *line, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A blank, unless it is empty. */
void line_gap(struct line *line);
/* What was written since the last call. */
const char *line_take(struct line *line);
void line_list(struct line *line, const struct ipaddr *list, unsigned int n);
/* "ALLOW{...}" with the sources of `list` that are not in `other`; nothing when there are none. */
void line_difference(struct line *line, const char *record, const struct ipaddr *list, unsigned int n,
		     const struct ipaddr *other, unsigned int nother);
/* Reads "{1,2,10.0.0.1}" (a number is a source) up to its brace. */
unsigned int list_read(const char *text, struct ipaddr *list);

/* --- gm_dsl_world.c --- */

/* What an upstream router knows of a group, and the kernel of a stream. */
struct filter {
	uint8_t slot;
	struct ipaddr group;
	enum gm_mode mode;
	struct ipaddr *list;
	unsigned int n;
};

struct entry {
	struct ipaddr source, group;
	uint8_t iif;
	uint32_t oifs;
};

extern struct world {
	struct filter *filters;
	size_t nfilters;
	struct entry *entries;
	size_t nentries;
	struct line queries[NSLOTS], query_times[NSLOTS], general[NSLOTS], general_times[NSLOTS], upstream[NSLOTS];
	struct line routes, snapshot;
	struct gm_action last[NSLOTS];
	unsigned int notes[GM_NOTE_COUNT];
	struct gm_acl acls[MAX_ACLS];
	struct gm_acl_rule rules[MAX_ACLS][MAX_RULES];
	unsigned int nacls;
} world;

/* Made if there is none. */
struct filter *world_filter(uint8_t slot, const struct ipaddr *group);
/* The entry that data of `slot` takes; NULL: none. */
const struct entry *world_entry(enum slot slot, const struct ipaddr *source, const struct ipaddr *group);
/* The engine is told of a stream. */
void world_flow(enum gm_event_type type, int slot, const struct ipaddr *source, const struct ipaddr *group,
		double idle);
bool world_in_tree(uint8_t parent, uint8_t slot);
void line_slots(struct line *line, uint32_t slots, const char *gap);
struct ipaddr source_of(const char *name);

#endif
