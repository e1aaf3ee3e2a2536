/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bridge - what the kernel tells of multicast snooping on the bridge that an interface is, or stands on as a VLAN. It
 * is asked anew each time, keeps nothing and changes nothing.
 */
#ifndef IMPROXY_SYS_BRIDGE_H
#define IMPROXY_SYS_BRIDGE_H

#include <stdbool.h>

#include <net/if.h>

#include "lib/family.h"
#include "lib/mtime.h"

struct bridge {
	char name[IF_NAMESIZE];
	bool querier[FAMILY_COUNT]; /* it has heard one, or is one itself */
	mtime_t patience;           /* so long after a query it forgets the querier */
};

/*
 * Returns 0, or -errno: -ENOENT when there is no bridge that snoops for the interface as a whole, -EOPNOTSUPP when the
 * kernel does not tell of queriers (before 5.15).
 */
int bridge_read(const char *ifname, struct bridge *bridge);

#endif
