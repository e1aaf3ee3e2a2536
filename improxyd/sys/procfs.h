/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * procfs - settings of the kernel's IP layers for an interface, as /proc/sys/net shows them.
 */
#ifndef IMPROXY_SYS_PROCFS_H
#define IMPROXY_SYS_PROCFS_H

#include "lib/family.h"

/*
 * The number in net.FAMILY.conf.IFNAME.NAME; "all" and "default" are interfaces too. Returns 0 or -errno: -ENOENT when
 * there is no such setting or interface.
 */
int procfs_setting(enum family family, const char *ifname, const char *name, int *value);

/* Writes it. Returns 0 or -errno: -EACCES, -EROFS where that is not ours to do. */
int procfs_set(enum family family, const char *ifname, const char *name, int value);

#endif
