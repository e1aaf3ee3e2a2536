/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_random - delays at random, which keep hosts and routers that were set off together from speaking together. Nothing
 * depends on them being hard to guess (xorshift); the state is the caller's, so that a test can know them.
 */
#ifndef IMPROXY_CORE_GM_RANDOM_H
#define IMPROXY_CORE_GM_RANDOM_H

#include <stdint.h>

#include "lib/mtime.h"

/* In 0 .. limit - 1. */
static inline mtime_t gm_random_below(uint32_t *state, mtime_t limit)
{
	uint32_t x = *state ? *state : 0x9e3779b9u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	*state = x;
	return (mtime_t)((uint64_t)x * (uint64_t)limit >> 32);
}

#endif
