/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link - the kernel's interfaces and their addresses, always as they are now.
 *
 * It owns a table of `struct link`, kept with libnl's caches: what a notification costs does not depend on how many
 * interfaces there are. It refuses to change anything in the kernel, and to know which interfaces are of interest.
 *
 * Addresses are taken from the notifications, and whether a family has begun anew on a link, since that may pass faster
 * than one can look. Of a link they only tell that it has changed, and that one link is asked for, since the cache's
 * own link is not always what the link is: libnl 3.7 takes what a bridge or IPv6 says of a link for a second link of
 * that index, which still names the bridge when the port has left it (`ip link set lan1 nomaster`) and stays when the
 * link is deleted; and a message of a wireless driver, which says next to nothing, replaces all that was known.
 *
 * Users see what is there at the end of the loop pass, or a little later when changes come fast: a rename, or a delete
 * and re-create in one burst, is simply a different table. A lost notification (ENOBUFS) loses nothing, since then
 * everything is read anew.
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

#define LINK_STATION 6

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
	uint8_t station[LINK_STATION]; /* hardware address; 0: none, or of another length */
	int master;                    /* ifindex of the bridge, bond or VRF, 0 = none */
	bool port;                     /* the master takes all packets: it is not a VRF */
	/*
	 * The kernel takes the family away from a link whose MTU is too small for it, and begins anew when it is not:
	 * with no memberships, and nothing that made it part of a multicast router. Another number: that has happened.
	 */
	bool missing[FAMILY_COUNT];
	unsigned int life[FAMILY_COUNT];
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
	uint64_t resyncs; /* times that notifications were lost, and everything was read anew */
	uint64_t reads;   /* single links that were asked for */
	int error;        /* -errno of the last read, which is being repeated; 0 = in step */
};
void links_stats(const struct links *links, struct links_stats *stats);
/* When the last notification was read; 0: there was none yet. */
mtime_t links_heard(const struct links *links);

/* The netlink socket; for tests that want to overrun it. */
int links_fd(const struct links *links);

#endif
