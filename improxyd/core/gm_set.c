/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void gm_set_free(struct gm_set *set)
{
	free(set->v);
	*set = (struct gm_set){ 0 };
}

static int resize(struct gm_set *set, uint32_t cap)
{
	struct gm_src *v = realloc(set->v, cap * sizeof(*v));

	if (!v)
		return -ENOMEM;
	set->v = v;
	set->cap = cap;
	return 0;
}

int gm_set_reserve(struct gm_set *set, const struct ipaddr *addrs, unsigned int n)
{
	uint32_t need = set->n + n;

	/* Most reports say what is known already. */
	if (need > set->cap)
		need = set->n + gm_addrs_missing(set->v, set->n, sizeof(*set->v), addrs, n);
	return need > set->cap ? resize(set, gm_set_room(need)) : 0;
}

void gm_set_trim(struct gm_set *set)
{
	if (!set->n)
		gm_set_free(set);
	else if (gm_set_is_roomy(set->n, set->cap))
		(void)resize(set, gm_set_room(set->n)); /* when memory is short it keeps what it has */
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

uint32_t gm_addrs_missing(const void *array, uint32_t len, size_t size, const struct ipaddr *addrs, unsigned int n)
{
	uint32_t missing = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint32_t at = ipaddr_position(array, len, size, &addrs[i]);

		missing += at == len || memcmp((const uint8_t *)array + at * size, &addrs[i], sizeof(addrs[i])) != 0;
	}
	return missing;
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
