/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/theap.h"

#include <stddef.h>

/* Makes the later of two roots the first child of the earlier one. */
static struct theap_node *meld(struct theap_node *a, struct theap_node *b)
{
	if (!a)
		return b;
	if (!b)
		return a;
	if (b->deadline < a->deadline) {
		struct theap_node *t = a;

		a = b;
		b = t;
	}
	b->next = a->child;
	if (b->next)
		b->next->link = &b->next;
	b->link = &a->child;
	a->child = b;
	return a;
}

static void set_root(struct theap *heap, struct theap_node *root)
{
	heap->root = root;
	if (root) {
		root->next = NULL;
		root->link = &heap->root;
	}
}

/* The usual two passes over the orphaned children: meld pairs left to right, then the pairs right to left. */
static struct theap_node *meld_siblings(struct theap_node *first)
{
	struct theap_node *pairs = NULL, *root = NULL;

	while (first) {
		struct theap_node *a = first, *b = a->next, *pair;

		first = b ? b->next : NULL;
		a->next = NULL;
		if (b)
			b->next = NULL;
		pair = meld(a, b);
		pair->next = pairs;
		pairs = pair;
	}
	while (pairs) {
		struct theap_node *next = pairs->next;

		pairs->next = NULL;
		root = meld(root, pairs);
		pairs = next;
	}
	return root;
}

void theap_remove(struct theap *heap, struct theap_node *node)
{
	struct theap_node *rest;

	if (!node->link)
		return;
	*node->link = node->next;
	if (node->next)
		node->next->link = node->link;
	rest = meld_siblings(node->child);
	set_root(heap, meld(heap->root, rest));
	node->child = NULL;
	node->next = NULL;
	node->link = NULL;
}

void theap_set(struct theap *heap, struct theap_node *node, mtime_t deadline)
{
	theap_remove(heap, node);
	if (deadline == MTIME_NEVER)
		return;
	node->deadline = deadline;
	node->child = NULL;
	node->next = NULL;
	set_root(heap, meld(heap->root, node));
}
