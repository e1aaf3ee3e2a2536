/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * procfs - what the kernel's IP layers show of an interface below /proc: settings, and the groups it has joined.
 */
#ifndef IMPROXY_SYS_PROCFS_H
#define IMPROXY_SYS_PROCFS_H

#include "lib/family.h"
#include "lib/ipaddr.h"

/*
 * The number in net.FAMILY.conf.IFNAME.NAME; "all" and "default" are interfaces too. Returns 0 or -errno: -ENOENT when
 * there is no such setting or interface.
 */
int procfs_setting(enum family family, const char *ifname, const char *name, int *value);

/* Writes it. Returns 0 or -errno: -EACCES, -EROFS where that is not ours to do. */
int procfs_set(enum family family, const char *ifname, const char *name, int value);

/*
 * Calls `fn` for every group that the kernel's host side is a member of on the interface, whoever joined it. The time
 * it takes grows with the groups of all interfaces. Returns 0, or -errno, perhaps after some groups.
 */
int procfs_groups(enum family family, int ifindex, void (*fn)(void *arg, const struct ipaddr *group), void *arg);

#endif
