/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time as the whole project sees it: microseconds on a monotonic clock, in a signed 64-bit integer. A deadline that
 * never comes is MTIME_NEVER. Conversions name their unit, so that a bare number never stands for a time.
 */
#ifndef IMPROXY_LIB_MTIME_H
#define IMPROXY_LIB_MTIME_H

#include <stdint.h>

typedef int64_t mtime_t;

#define MTIME_NEVER INT64_MAX

static inline mtime_t mtime_from_ms(int64_t ms)
{
	return ms * 1000;
}

/* Tenths of a second: the unit of IGMP's Max Response Time. */
static inline mtime_t mtime_from_ds(int64_t ds)
{
	return ds * 100000;
}

static inline mtime_t mtime_from_s(int64_t s)
{
	return s * 1000000;
}

static inline int64_t mtime_to_ms(mtime_t t)
{
	return t / 1000;
}

static inline int64_t mtime_to_ds(mtime_t t)
{
	return t / 100000;
}

static inline int64_t mtime_to_s(mtime_t t)
{
	return t / 1000000;
}

/* Time left until `deadline`; 0 when it has passed, MTIME_NEVER when it never comes. */
static inline mtime_t mtime_left(mtime_t deadline, mtime_t now)
{
	if (deadline == MTIME_NEVER)
		return MTIME_NEVER;
	return deadline > now ? deadline - now : 0;
}

static inline mtime_t mtime_min(mtime_t a, mtime_t b)
{
	return a < b ? a : b;
}

#endif
