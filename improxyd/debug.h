/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of debug flags of the daemon: the numbers that log_debug() takes and the words of `debug` and `show
 * debugging`. lib/log only knows that there are 32 of them.
 */
#ifndef IMPROXY_DEBUG_H
#define IMPROXY_DEBUG_H

#define DEBUG_FLAGS(X)                                                                                                 \
	X(IGMP_EVENTS, "igmp", "events")                                                                               \
	X(IGMP_PACKETS, "igmp", "packets")                                                                             \
	X(IGMP_TIMERS, "igmp", "timers")                                                                               \
	X(MLD_EVENTS, "mld", "events")                                                                                 \
	X(MLD_PACKETS, "mld", "packets")                                                                               \
	X(MLD_TIMERS, "mld", "timers")                                                                                 \
	X(MROUTE, "mroute", "")                                                                                        \
	X(NETLINK, "netlink", "")

enum debug_flag {
#define DEBUG_FLAG_ENUM(name, group, word) DEBUG_##name,
	DEBUG_FLAGS(DEBUG_FLAG_ENUM)
#undef DEBUG_FLAG_ENUM
};
#define DEBUG_FLAG_COUNT (DEBUG_NETLINK + 1)

#endif
