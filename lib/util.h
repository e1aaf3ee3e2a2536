/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small helpers that every module may use. */
#ifndef IMPROXY_LIB_UTIL_H
#define IMPROXY_LIB_UTIL_H

#include <stddef.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#endif
