/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_queue.h"

#include <stdlib.h>

#define CHUNK_ADDRS  256
#define KEEP_ACTIONS 1024

struct gm_chunk {
	struct gm_chunk *next;
	unsigned int used, size;
	struct ipaddr addrs[];
};

struct gm_action *gm_queue_push(struct gm *gm, enum gm_action_type type, uint8_t slot)
{
	struct gm_queue *q = &gm->queue;

	if (q->n == q->cap) {
		size_t cap = q->cap ? q->cap * 2 : 64;
		struct gm_action *v = realloc(q->v, cap * sizeof(*v));

		if (!v) {
			gm_count_drop(gm, slot, GM_DROP_NO_MEMORY);
			return NULL;
		}
		q->v = v;
		q->cap = cap;
	}
	q->nqueries += type == GM_ACT_QUERY;
	q->v[q->n] = (struct gm_action){ .type = type, .slot = slot };
	return &q->v[q->n++];
}

void gm_queue_pop(struct gm *gm)
{
	gm->queue.n--;
	gm->queue.nqueries -= gm->queue.v[gm->queue.n].type == GM_ACT_QUERY;
}

struct ipaddr *gm_queue_addrs(struct gm *gm, unsigned int n)
{
	struct gm_queue *q = &gm->queue;
	struct gm_chunk *chunk = q->chunks;
	struct ipaddr *addrs;

	if (!chunk || chunk->size - chunk->used < n) {
		unsigned int size = n > CHUNK_ADDRS ? n : CHUNK_ADDRS;

		chunk = malloc(sizeof(*chunk) + size * sizeof(chunk->addrs[0]));
		if (!chunk) {
			gm_count_drop(gm, GM_NO_IF, GM_DROP_NO_MEMORY);
			return NULL;
		}
		chunk->next = q->chunks;
		chunk->used = 0;
		chunk->size = size;
		q->chunks = chunk;
	}
	addrs = chunk->addrs + chunk->used;
	chunk->used += n;
	return addrs;
}

void gm_queue_note(struct gm *gm, uint8_t slot, enum gm_note what, const struct ipaddr *group,
		   const struct ipaddr *from)
{
	struct gm_action *a = gm_queue_push(gm, GM_ACT_NOTE, slot);

	if (!a)
		return;
	a->note.what = what;
	if (group)
		a->note.group = *group;
	if (from)
		a->note.from = *from;
}

static void free_chunks(struct gm_chunk *chunk)
{
	while (chunk) {
		struct gm_chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
}

void gm_queue_clear(struct gm *gm)
{
	struct gm_queue *q = &gm->queue;

	q->n = 0;
	q->nqueries = 0;
	if (q->cap > KEEP_ACTIONS) {
		free(q->v);
		q->v = NULL;
		q->cap = 0;
	}
	if (!q->chunks)
		return;
	free_chunks(q->chunks->next);
	q->chunks->next = NULL;
	q->chunks->used = 0;
}

void gm_queue_free(struct gm *gm)
{
	free(gm->queue.v);
	free_chunks(gm->queue.chunks);
	gm->queue = (struct gm_queue){ 0 };
}
