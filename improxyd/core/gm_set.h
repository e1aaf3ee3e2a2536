/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_set - the source records of one group on one interface: an array sorted by address, each with its deadline.
 *
 * It owns the array's memory. It knows nothing of filter modes: what a deadline means is gm_router's business.
 */
#ifndef IMPROXY_CORE_GM_SET_H
#define IMPROXY_CORE_GM_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/ipaddr.h"
#include "lib/mtime.h"

struct gm_src {
	struct ipaddr addr;   /* first: arrays are searched by it */
	mtime_t deadline;     /* source timer (RFC 9776 s6.2.3); 0: on the exclude list */
	uint32_t since_ds;    /* when the source was first asked for or blocked, rounded up; 13 years fit */
	uint8_t queries_left; /* group-and-source queries still to be sent */
	bool ask;             /* the record being applied wants it queried */
	bool fixed;           /* a static-group names it: never ages, never removed by a report */
};

struct gm_set {
	struct gm_src *v;
	uint32_t n, cap;
};

void gm_set_free(struct gm_set *set);

/*
 * Makes room for those of the `n` sorted addresses that the set lacks, whose insertion then cannot fail. Returns 0 or
 * -ENOMEM.
 */
int gm_set_reserve(struct gm_set *set, const struct ipaddr *addrs, unsigned int n);

/* Gives back room that is left over when many have gone. What was reserved is gone too. */
void gm_set_trim(struct gm_set *set);

/* The record of `addr`, or NULL. O(log n). The pointer is good until the next insertion or removal. */
struct gm_src *gm_set_find(const struct gm_set *set, const struct ipaddr *addr);

/* Adds `addr`, which is not in the set, in room that was reserved; everything but the address is zero. */
struct gm_src *gm_set_insert(struct gm_set *set, const struct ipaddr *addr);

/* Removes the records for which `drop` is true, keeping the order. Inline, since `drop` looks at each of many. */
static inline void gm_set_filter(struct gm_set *set, bool (*drop)(struct gm_src *src, void *arg), void *arg)
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

/*
 * How much room an array is to have for `need` elements, and whether so little of its room is used that some is to be
 * given back. There are many arrays: little is kept in reserve.
 */
static inline uint32_t gm_set_room(uint32_t need)
{
	return need + need / 8;
}

static inline bool gm_set_is_roomy(uint32_t n, uint32_t cap)
{
	return cap / 2 > n + 2;
}

/* How many of the `n` sorted addresses are not in an array that ipaddr_position() can search. */
uint32_t gm_addrs_missing(const void *array, uint32_t len, size_t size, const struct ipaddr *addrs, unsigned int n);

/* Sorts addresses and removes repetitions in place; returns how many are left. */
unsigned int gm_addrs_sort(struct ipaddr *addrs, unsigned int n);

/* True if the sorted array holds `addr`. */
bool gm_addrs_contain(const struct ipaddr *addrs, unsigned int n, const struct ipaddr *addr);

#endif
