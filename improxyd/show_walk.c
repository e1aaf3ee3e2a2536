/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between two slices the table may grow, which gives it twice the buckets, and each bucket's elements go to the one of
 * the same number or to that plus half. So the buckets are gone through in the order of their numbers with the bits
 * reversed, counting from the highest bit down: both halves of a bucket stand behind everything that was looked at
 * before it, or both have been looked at.
 */
#include "show_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"

#define SLICE_BUCKETS 1024
#define SLICE_KEYS    1024

/* --- order --- */

static int compare_keys(const struct show_walk *walk, const struct show_key *x, const struct show_key *y)
{
	int diff;

	if (x->slot != y->slot && x->slot < GM_MAX_IFS && y->slot < GM_MAX_IFS)
		return (int)walk->order[x->slot] - (int)walk->order[y->slot];
	diff = ipaddr_cmp(&x->group, &y->group);
	return diff ? diff : ipaddr_cmp(&x->source, &y->source);
}

int show_walk_add(struct show_walk *walk, uint8_t slot, const struct ipaddr *group, const struct ipaddr *source)
{
	static const struct ipaddr none;
	const struct show_key key = { .slot = slot, .group = *group, .source = source ? *source : none };
	size_t i = walk->n, parent;

	if (walk->n == walk->cap) {
		size_t cap = walk->cap ? walk->cap * 2 : 64;
		struct show_key *keys = realloc(walk->keys, cap * sizeof(*keys));

		if (!keys)
			return -ENOMEM;
		walk->keys = keys;
		walk->cap = cap;
	}
	walk->n++;
	for (; i > 0; i = parent) {
		parent = (i - 1) / 2;
		if (compare_keys(walk, &walk->keys[parent], &key) <= 0)
			break;
		walk->keys[i] = walk->keys[parent];
	}
	walk->keys[i] = key;
	return 0;
}

void show_walk_next(struct show_walk *walk)
{
	size_t i = 0, child = 1;
	struct show_key last;

	walk->steps++;
	walk->taken = walk->keys[0];
	last = walk->keys[--walk->n];
	for (; child < walk->n; i = child, child = 2 * i + 1) {
		if (child + 1 < walk->n && compare_keys(walk, &walk->keys[child + 1], &walk->keys[child]) < 0)
			child++;
		if (compare_keys(walk, &last, &walk->keys[child]) <= 0)
			break;
		walk->keys[i] = walk->keys[child];
	}
	walk->keys[i] = last;
}

/* A table that has shrunk in the meantime may show an element twice. */
static bool was_taken(const struct show_walk *walk, const struct show_key *key)
{
	return key->slot == walk->taken.slot && compare_keys(walk, key, &walk->taken) == 0;
}

const struct show_key *show_walk_key(struct show_walk *walk, const struct gm *gm)
{
	for (; gm && walk->n; show_walk_next(walk)) {
		const struct show_key *key = &walk->keys[0];
		const char *name = show_slot_name(gm, key->slot);

		if (was_taken(walk, key))
			continue;
		if (key->slot == GM_NO_IF || (name && strcmp(name, walk->names[key->slot]) == 0))
			return key;
	}
	return NULL;
}

bool show_walk_full(struct show_walk *walk, const struct out *o)
{
	if (!out_full(o) && walk->steps < SLICE_KEYS)
		return false;
	walk->steps = 0;
	return true;
}

/* --- collection --- */

static void walk_free(void *state)
{
	struct show_walk *walk = state;

	free(walk->keys);
	free(walk);
}

struct show_walk *show_walk_new(struct cmd_ctx *ctx, const struct gm *gm)
{
	struct show_walk *walk = calloc(1, sizeof(*walk));
	const struct gm_if *sorted[GM_MAX_IFS];
	unsigned int n = show_sort_ifs(gm, sorted);

	if (!walk) {
		cmd_fail(ctx, "Out of memory");
		return NULL;
	}
	walk->open = GM_NO_IF;
	walk->slots = UINT32_MAX;
	for (unsigned int i = 0; i < n; i++) {
		walk->order[sorted[i]->slot] = (uint8_t)i;
		memcpy(walk->names[sorted[i]->slot], sorted[i]->conf.name, GM_NAME_LEN);
	}
	ctx->state = walk;
	ctx->state_free = walk_free;
	return walk;
}

static uint32_t reversed(uint32_t x)
{
	uint32_t y = 0;

	for (unsigned int bit = 0; bit < 32; bit++, x >>= 1)
		y = y << 1 | (x & 1);
	return y;
}

/* The bucket after `bucket`; 0 after the last. */
static uint32_t next_bucket(uint32_t bucket, uint32_t nbuckets)
{
	return reversed(reversed(bucket | ~(nbuckets - 1)) + 1);
}

enum cmd_code show_walk_collect(struct cmd_ctx *ctx, struct show_walk *walk, const UT_hash_table *table,
				show_walk_fn *add)
{
	for (unsigned int i = 0; table && i < SLICE_BUCKETS; i++) {
		const UT_hash_handle *hh = table->buckets[walk->bucket & (table->num_buckets - 1)].hh_head;

		for (; hh; hh = hh->hh_next) {
			if (add(walk, ELMT_FROM_HH(table, hh)) < 0)
				return cmd_fail(ctx, "Out of memory");
		}
		walk->bucket = next_bucket(walk->bucket, table->num_buckets);
		if (!walk->bucket)
			break;
	}
	walk->collected = !table || !walk->bucket;
	return walk->collected ? CMD_OK : CMD_MORE;
}

int show_walk_add_records(struct show_walk *walk, const void *element)
{
	const struct gm_group *group = element;

	for (uint32_t left = group->members & walk->slots; left; left &= left - 1) {
		int err = show_walk_add(walk, (uint8_t)__builtin_ctz(left), &group->addr, NULL);

		if (err < 0)
			return err;
	}
	return 0;
}
