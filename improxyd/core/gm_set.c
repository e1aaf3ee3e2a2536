/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 2

void gm_set_free(struct gm_set *set)
{
	free(set->v);
	*set = (struct gm_set){ 0 };
}

int gm_set_reserve(struct gm_set *set, uint32_t more)
{
	uint32_t cap = set->cap ? set->cap : FIRST_CAP;
	struct gm_src *v;

	if (set->n + more <= set->cap)
		return 0;
	while (cap < set->n + more)
		cap += cap / 2 + 1;
	v = realloc(set->v, cap * sizeof(*v));
	if (!v)
		return -ENOMEM;
	set->v = v;
	set->cap = cap;
	return 0;
}

struct gm_src *gm_set_find(const struct gm_set *set, const struct ipaddr *addr)
{
	uint32_t i = ipaddr_position(set->v, set->n, sizeof(*set->v), addr);

	return i < set->n && ipaddr_eq(&set->v[i].addr, addr) ? &set->v[i] : NULL;
}

struct gm_src *gm_set_insert(struct gm_set *set, const struct ipaddr *addr)
{
	uint32_t i = ipaddr_position(set->v, set->n, sizeof(*set->v), addr);

	memmove(&set->v[i + 1], &set->v[i], (set->n - i) * sizeof(*set->v));
	set->v[i] = (struct gm_src){ .addr = *addr };
	set->n++;
	return &set->v[i];
}

void gm_set_filter(struct gm_set *set, bool (*drop)(struct gm_src *src, void *arg), void *arg)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < set->n; i++) {
		if (drop(&set->v[i], arg))
			continue;
		if (kept != i)
			set->v[kept] = set->v[i];
		kept++;
	}
	set->n = kept;
}

static int compare(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

unsigned int gm_addrs_sort(struct ipaddr *addrs, unsigned int n)
{
	unsigned int kept = 0;
	bool sorted = true;

	for (unsigned int i = 1; i < n && sorted; i++)
		sorted = ipaddr_cmp(&addrs[i - 1], &addrs[i]) < 0;
	if (sorted)
		return n;
	qsort(addrs, n, sizeof(*addrs), compare);
	for (unsigned int i = 0; i < n; i++) {
		if (kept && ipaddr_eq(&addrs[kept - 1], &addrs[i]))
			continue;
		addrs[kept++] = addrs[i];
	}
	return kept;
}

bool gm_addrs_contain(const struct ipaddr *addrs, unsigned int n, const struct ipaddr *addr)
{
	return n && bsearch(addr, addrs, n, sizeof(*addrs), compare);
}
