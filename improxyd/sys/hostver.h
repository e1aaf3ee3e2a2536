/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostver - the version of IGMP or MLD that the kernel's host side of an interface is held to, whatever its querier
 * speaks (net.ipv4.conf.IF.force_igmp_version, net.ipv6.conf.IF.force_mld_version).
 *
 * It owns the setting while it holds it, and gives it back as it was. It refuses to touch it where nothing is to be
 * held.
 */
#ifndef IMPROXY_SYS_HOSTVER_H
#define IMPROXY_SYS_HOSTVER_H

#include "lib/family.h"

struct hostver {
	unsigned int version; /* asked for last; 0: the kernel's own choice */
	int err;              /* -errno: it could not be had */
	int held;             /* what was written; 0: nothing */
	int before;
};

/* Holds the interface to `version`; 0 lets go. Returns 0 or -errno, which stays in `h` and is tried again next time. */
int hostver_set(struct hostver *h, enum family family, int ifindex, unsigned int version);

#endif
