/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link - the kernel's interfaces and their addresses, always as they are now.
 *
 * It owns one array of `struct link`, read anew whenever the kernel notifies of a change: at the end of the loop pass,
 * or a little later when changes come fast. Users see final states, never single messages: a rename, or a delete and
 * re-create in one burst, is simply a different array, and a lost notification (ENOBUFS) loses nothing. It refuses to
 * change anything in the kernel, and to know which interfaces are of interest.
 */
#ifndef IMPROXY_SYS_LINK_H
#define IMPROXY_SYS_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/family.h"
#include "lib/ipaddr.h"
#include "lib/mtime.h"

struct loop;
struct links;

struct link_addr {
	struct ipaddr addr;     /* ours */
	struct ipprefix prefix; /* connected; on a point-to-point link that of the peer */
	uint8_t scope;          /* RT_SCOPE_UNIVERSE, RT_SCOPE_LINK ... */
	bool secondary;         /* IPv4: not the first of its prefix; IPv6: temporary */
	bool tentative;         /* IPv6: duplicate detection still runs */
	bool failed;            /* IPv6: duplicate, never to be used */
	bool deprecated;        /* IPv6: preferred lifetime is over */
};

struct link {
	int ifindex;
	char name[IF_NAMESIZE];
	unsigned int flags; /* IFF_* */
	bool up; /* IFF_UP, and nothing says that there is no carrier; an unknown operational state counts as up */
	bool pointopoint, loopback, multicast;
	unsigned int mtu;
	int master; /* ifindex of the bridge, bond or VRF, 0 = none */
	bool port;  /* the master takes all packets: it is not a VRF */
	struct link_addr *addrs[FAMILY_COUNT];
	unsigned int naddrs[FAMILY_COUNT];
};

/* Something is different from what it was at the last call. */
typedef void links_fn(void *arg);

/*
 * Reads all links and addresses and follows them. The first state is there on return, without a call of `changed`.
 * Returns 0 or -errno.
 */
int links_open(struct loop *loop, links_fn *changed, void *arg, struct links **out);
void links_close(struct links *links);

/* Links in order of ifindex. What these return is valid until the loop's next pass. */
unsigned int links_count(const struct links *links);
const struct link *links_at(const struct links *links, unsigned int i);
/* NULL: no such link. */
const struct link *links_by_name(const struct links *links, const char *name);
const struct link *links_by_index(const struct links *links, int ifindex);

/*
 * The address that IGMP or MLD is sent from: IPv4: the first that is not secondary, preferring a global one; IPv6: the
 * first link-local one that may be used. "none" while there is none.
 */
struct ipaddr link_primary(const struct link *link, enum family family);
/* True if `addr` is one of the link's own. */
bool link_has_addr(const struct link *link, const struct ipaddr *addr);

struct links_stats {
	uint64_t events;  /* times that something had arrived */
	uint64_t changes; /* times that it made a difference */
	uint64_t resyncs; /* times that notifications were lost */
	int error;        /* -errno of the last read, which is being repeated; 0 = in step */
};
void links_stats(const struct links *links, struct links_stats *stats);
/* When the last notification was read; 0: there was none yet. */
mtime_t links_heard(const struct links *links);

/* Reads everything again soon, as if something had been notified. */
void links_resync(struct links *links);

/* The netlink socket; for tests that want to overrun it. */
int links_fd(const struct links *links);

#endif
