/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * members - is this machine a member of a group on an interface, whoever has joined it: the proxy, `join-group` or
 * another program? What the kernel sends out there it then sends to itself too, and that copy is no news of anybody.
 *
 * It owns what it has read of the kernel's list, since it is asked at the rate of data. It refuses to read more than
 * once a second, so that an answer may be so old; one of a group that has been left, ten seconds.
 */
#ifndef IMPROXY_SYS_MEMBERS_H
#define IMPROXY_SYS_MEMBERS_H

#include <stdbool.h>

#include "lib/family.h"
#include "lib/ipaddr.h"
#include "lib/mtime.h"

struct members;

/* Returns NULL when out of memory. */
struct members *members_new(enum family family);
void members_free(struct members *members);

/* False also when that cannot be told. */
bool members_has(struct members *members, mtime_t now, int ifindex, const struct ipaddr *group);

#endif
