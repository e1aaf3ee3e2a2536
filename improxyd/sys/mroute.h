/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mroute - the kernel's multicast routing table of a family: its VIFs (MIFs) and forwarding entries (MFC).
 *
 * It owns being the multicast router (MRT_INIT ... MRT_DONE) on the descriptor of a gmsock, and a netlink socket for
 * counters. It refuses to remember entries: the kernel holds the table, the core knows what ought to be in it. Slots
 * are VIF numbers, 0..31. An address "none" as source makes a proxy entry (*,G), as source and group (*,*).
 */
#ifndef IMPROXY_SYS_MROUTE_H
#define IMPROXY_SYS_MROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/gm.h"
#include "lib/family.h"
#include "lib/ipaddr.h"
#include "lib/mtime.h"

/*
 * The kernel's default table, which kernels without tables have as well. For IPv6 the same number stands for it, though
 * the kernel calls that one 254.
 */
#define MROUTE_TABLE_DEFAULT 253

struct mroute;

struct mroute_counters {
	uint64_t packets, bytes, wrong_if;
	mtime_t idle; /* since the last packet, or since the entry was made; MTIME_NEVER = the kernel cannot say */
};

/* Of all entries, by an interface. */
struct mroute_vif_counters {
	uint64_t packets_in, packets_out, bytes_in, bytes_out;
};

/* One entry of a dump. */
struct mroute_entry {
	struct ipaddr source, group; /* none: any */
	unsigned int iif;            /* slot; GM_NO_IF: of an interface that has none (any more), or unresolved */
	uint32_t oifs;               /* a bit per slot */
	bool unresolved;             /* packets wait for an entry; the kernel gives up after 10 s */
	struct mroute_counters counters;
};

/*
 * Becomes the multicast router of `table` on the descriptor of a gmsock. Returns 0, or -errno: -EADDRINUSE when another
 * process is it, -EPERM without CAP_NET_ADMIN, -EOPNOTSUPP when the kernel has no multicast routing (or not that
 * table).
 */
int mroute_open(int fd, enum family family, uint32_t table, struct mroute **out);
/* The same when the socket behind the descriptor is the multicast router already, in the hands of an earlier process.
 */
int mroute_adopt(int fd, enum family family, uint32_t table, struct mroute **out);
/*
 * Whether the socket is the multicast router of `table`; `guess` where the kernel cannot tell, which is one without
 * tables. And ends that, whatever its table is.
 */
bool mroute_is_router(int fd, enum family family, uint32_t table, bool guess);
void mroute_renounce(int fd, enum family family);
/* Forgets the table without giving it back: the socket stays the multicast router. */
void mroute_leave(struct mroute *mroute);
/* Gives the table back to the kernel, which removes VIFs and entries. The descriptor stays the gmsock's. */
void mroute_close(struct mroute *mroute);

/* True when a packet on any wrong interface is told; otherwise only if the interface is an output of the entry. */
bool mroute_tells_any_wrong_if(const struct mroute *mroute);

/*
 * Makes `slot` stand for an interface; only packets with a TTL above `ttl_threshold` leave by it (0 and 1: all that may
 * be forwarded; the kernel has no threshold for IPv6). -EADDRINUSE: the slot is taken; -EADDRNOTAVAIL or -ENODEV: no
 * such interface; -ERANGE: IPv6 and an ifindex above 65535, which the kernel cannot express.
 */
int mroute_vif_add(struct mroute *mroute, unsigned int slot, int ifindex, unsigned int ttl_threshold);
/* The slot stands for this interface already. */
void mroute_vif_adopt(struct mroute *mroute, unsigned int slot, int ifindex);
/* Entries keep the slot in their lists but no packet leaves by it; remove or change them first to be exact. */
int mroute_vif_del(struct mroute *mroute, unsigned int slot);
/* False: the kernel has removed it, as it does when the interface goes, also to another namespace. */
bool mroute_vif_there(const struct mroute *mroute, unsigned int slot);
/* What has passed by it since it was added. Returns 0 or -errno: -ENOENT when there is no such VIF. */
int mroute_vif_stats(const struct mroute *mroute, unsigned int slot, struct mroute_vif_counters *counters);

/*
 * Adds an entry or changes it in place, without a gap. `ttls`: a threshold per slot for the outputs, NULL: 1 for all.
 * For a proxy entry `iif` is part of its identity: an entry with another one stays. Packets that were queued for the
 * entry are forwarded now. Returns 0 or -errno.
 */
int mroute_set(struct mroute *mroute, const struct ipaddr *source, const struct ipaddr *group, unsigned int iif,
	       uint32_t oifs, const uint8_t ttls[GM_MAX_IFS]);
/* Removes an entry; `iif` counts for a proxy entry only. -ENOENT: there was none. */
int mroute_del(struct mroute *mroute, const struct ipaddr *source, const struct ipaddr *group, unsigned int iif);
/* Removes all entries of the table, also those that another process left behind. VIFs stay. */
int mroute_flush(struct mroute *mroute);

/* Counters of one entry. -ENOENT: the kernel has no such entry. */
int mroute_stats(struct mroute *mroute, const struct ipaddr *source, const struct ipaddr *group,
		 struct mroute_counters *counters);

/* The same without idle time, for what has to be quick: it waits for nobody who changes interfaces. */
int mroute_packets(const struct mroute *mroute, const struct ipaddr *source, const struct ipaddr *group,
		   struct mroute_counters *counters);

typedef void mroute_dump_fn(void *arg, const struct mroute_entry *entry);
/*
 * Calls `fn` for every entry of the table, unresolved ones too. The table must not be changed from inside `fn`.
 * Returns 0 or -errno; -EAGAIN: the table changed meanwhile, some entries may have been told twice or not at all.
 */
int mroute_dump(struct mroute *mroute, mroute_dump_fn *fn, void *arg);

/*
 * mroute_dump() in slices, for large tables: mroute_scan_begin(), then mroute_scan_step() again and again. A step
 * returns 1 while there are more entries, 0 at the end, or -errno, which ends it too; -ENOTCONN when none
 * is under way. What changes meanwhile may be told twice or not at all. There is one at a time.
 */
int mroute_scan_begin(struct mroute *mroute);
int mroute_scan_step(struct mroute *mroute, mroute_dump_fn *fn, void *arg);

#endif
