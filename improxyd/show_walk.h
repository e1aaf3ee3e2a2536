/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * show_walk - a large table of the engine as a list in order, a slice at a time.
 *
 * It owns the keys of the rows a command is to print. They are collected from a hash table of the engine in slices, the
 * table may change in between; then the rows are taken out one after the other, first by name of the interface, then by
 * group, then by source. What has gone since is left out by who prints it, what has come may be missing, and what was
 * there all the time is shown once. No slice costs more than a fraction of a millisecond, however large the table is:
 * the order comes out of a heap, not of a sort.
 */
#ifndef IMPROXY_SHOW_WALK_H
#define IMPROXY_SHOW_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/gm_state.h"
#include "lib/cmd.h"

struct show_key {
	struct ipaddr group, source;
	uint8_t slot; /* GM_NO_IF: in no order of interfaces */
};

#define SHOW_WALK_COUNTS 4

struct show_walk {
	bool collected;
	uint32_t bucket; /* of the table, where the collection goes on */
	size_t n, cap;
	struct show_key *keys; /* a heap, the first key on top */
	struct show_key taken; /* the last one */
	unsigned int steps;    /* of the slice */

	uint32_t slots;                       /* interfaces that are asked for */
	struct ipaddr only_group;             /* likewise; none: all */
	struct ipaddr only_source;            /* likewise */
	unsigned int count[SHOW_WALK_COUNTS]; /* for what `add` counts on its way */

	uint8_t order[GM_MAX_IFS];           /* place of a slot's interface among the names */
	char names[GM_MAX_IFS][GM_NAME_LEN]; /* of the slots when the walk began */
	uint8_t open;                        /* slot whose JSON object is open, GM_NO_IF: none */
	struct ipaddr open_group;            /* likewise of a group; none: none */
	struct ipaddr resume;                /* source of the record under way that was shown last */
};

/* An empty walk, owned by ctx->state from here on; NULL when out of memory, then the error is set. */
struct show_walk *show_walk_new(struct cmd_ctx *ctx, const struct gm *gm);

/* Returns 0, or -ENOMEM. */
int show_walk_add(struct show_walk *walk, uint8_t slot, const struct ipaddr *group, const struct ipaddr *source);

/* Adds the keys of one element of a table. Returns 0, or -ENOMEM. */
typedef int show_walk_fn(struct show_walk *walk, const void *element);

/* The hash table whose head this is, for show_walk_collect(). */
#define SHOW_TABLE(head) ((head) ? (head)->hh.tbl : NULL)

/*
 * Goes on with the collection of a table (NULL: an empty one). Returns CMD_MORE when it is to be called again, CMD_OK
 * when all has been looked at, CMD_FAILED when out of memory, then the error is set.
 */
enum cmd_code show_walk_collect(struct cmd_ctx *ctx, struct show_walk *walk, const UT_hash_table *table,
				show_walk_fn *add);

/* The key whose turn it is, NULL behind the last. Keys of an interface that has gone are left out. */
const struct show_key *show_walk_key(struct show_walk *walk, const struct gm *gm);
/* Goes on to the next one. */
void show_walk_next(struct show_walk *walk);
/* That is enough for one slice: return CMD_MORE. */
bool show_walk_full(struct show_walk *walk, const struct out *o);

/* `add` for gm->groups: the records of the interfaces asked for. */
int show_walk_add_records(struct show_walk *walk, const void *element);

#endif
