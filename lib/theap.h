/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timer heap: an intrusive pairing heap of deadlines. It allocates nothing, so arming a timer cannot fail. A zeroed
 * node is unarmed. Insert and "earlier" are O(1), removing the first O(log n) amortised.
 */
#ifndef IMPROXY_LIB_THEAP_H
#define IMPROXY_LIB_THEAP_H

#include <stdbool.h>

#include "lib/mtime.h"

struct theap_node {
	mtime_t deadline;
	struct theap_node *child; /* first child */
	struct theap_node *next;  /* next sibling */
	struct theap_node **link; /* what points at this node; NULL while unarmed */
};

struct theap {
	struct theap_node *root;
};

/* Arms `node` for `deadline`, moving it when it is armed already; MTIME_NEVER disarms it. */
void theap_set(struct theap *heap, struct theap_node *node, mtime_t deadline);

/* Disarms `node`; nothing happens when it is not armed. */
void theap_remove(struct theap *heap, struct theap_node *node);

/* The node with the earliest deadline, or NULL. */
static inline struct theap_node *theap_first(const struct theap *heap)
{
	return heap->root;
}

static inline bool theap_armed(const struct theap_node *node)
{
	return node->link != 0;
}

#endif
