/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mroute_nl - reading the multicast routing table by netlink: entries, counters and idle times.
 *
 * It owns a netlink socket of its own, on which it waits for the kernel's answer (a second at most). Netlink names
 * interfaces by ifindex, so it keeps which one each slot stands for.
 */
#ifndef IMPROXY_SYS_MROUTE_NL_H
#define IMPROXY_SYS_MROUTE_NL_H

#include "sys/mroute.h"

struct mroute_nl;

/* Returns 0 or -errno. */
int mroute_nl_open(enum family family, uint32_t table, struct mroute_nl **out);
void mroute_nl_close(struct mroute_nl *nl);

/* `slot` stands for `ifindex`; 0: for nothing. */
void mroute_nl_map(struct mroute_nl *nl, unsigned int slot, int ifindex);

/* As mroute_stats() and mroute_dump(). */
int mroute_nl_get(struct mroute_nl *nl, const struct ipaddr *source, const struct ipaddr *group,
		  struct mroute_counters *counters);
int mroute_nl_dump(struct mroute_nl *nl, mroute_dump_fn *fn, void *arg);

/* As mroute_scan_begin() and mroute_scan_step(). */
int mroute_nl_scan_begin(struct mroute_nl *nl);
int mroute_nl_scan_step(struct mroute_nl *nl, mroute_dump_fn *fn, void *arg);

#endif
