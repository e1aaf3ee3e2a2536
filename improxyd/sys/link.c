/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A notification is only a reason to look: the state itself always comes from a dump. But for a link that goes down or
 * up, whose flags count at once, since a dump may have to wait for whoever holds the kernel's lock, or for its turn;
 * it puts right what was wrong about them. So nothing depends on having seen every message, or on merging them rightly,
 * which libnl's link cache does not for bridges and their ports (the bridge's own messages replace those of the link,
 * and a released port keeps its master). Losing notifications is one more reason to look. What this costs is bounded:
 * the time between two dumps is a multiple of what the last one took.
 */
#include "sys/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/socket.h>

#include "sys/loop.h"

#define LINKS_RCVBUF     (1 << 20)
#define LINKS_TIMEOUT_S  2
#define LINKS_RETRY_S    1
#define LINKS_GAP_MIN_MS 10
#define LINKS_GAP_FACTOR 10  /* at most a tenth of the time is spent on dumps */
#define LINKS_READS      256 /* notifications a pass */
/* IFF_LOWER_UP: net/if.h lacks it, and linux/if.h does not go with net/if.h. */
#define LINK_LOWER_UP (1u << 16)

struct links_snapshot {
	struct link *links; /* by ifindex */
	struct link_addr *addrs;
	unsigned int nlinks, naddrs;
};

struct links {
	links_fn *changed;
	void *arg;
	struct nl_sock *events; /* never asked anything */
	struct nl_sock *dumps;
	struct loop_fd *watch;
	struct loop_task *look;
	struct loop_timer *look_later;
	mtime_t not_before; /* the next dump */
	mtime_t heard;      /* the last notification */
	bool untold;        /* what the next dump finds is told even if it looks the same */
	struct links_snapshot now;
	struct links_stats stats;
};

static int links_errno(int nlerr)
{
	return nlerr == -NLE_NOMEM ? -ENOMEM : nlerr == -NLE_PERM ? -EPERM : -EIO;
}

/* --- the snapshot --- */

static void snapshot_free(struct links_snapshot *snap)
{
	free(snap->links);
	free(snap->addrs);
	memset(snap, 0, sizeof(*snap));
}

static int link_order(const void *a, const void *b)
{
	const struct link *la = a, *lb = b;

	return (la->ifindex > lb->ifindex) - (la->ifindex < lb->ifindex);
}

static struct link *snapshot_find(const struct links_snapshot *snap, int ifindex)
{
	struct link key = { .ifindex = ifindex };

	if (!snap->nlinks)
		return NULL;
	return bsearch(&key, snap->links, snap->nlinks, sizeof(key), link_order);
}

static void link_set_flags(struct link *link, unsigned int flags)
{
	link->flags = flags;
	/* The kernel reports RUNNING for an operational state that is up or unknown, LOWER_UP for a carrier. */
	link->up = (flags & IFF_UP) && (flags & (IFF_RUNNING | LINK_LOWER_UP));
	link->pointopoint = flags & IFF_POINTOPOINT;
	link->loopback = flags & IFF_LOOPBACK;
	link->multicast = flags & IFF_MULTICAST;
}

static bool link_read(struct link *link, struct rtnl_link *from)
{
	const char *name = rtnl_link_get_name(from);

	if (!name)
		return false;
	link->ifindex = rtnl_link_get_ifindex(from);
	strncpy(link->name, name, sizeof(link->name) - 1);
	link_set_flags(link, rtnl_link_get_flags(from));
	link->mtu = rtnl_link_get_mtu(from);
	link->master = rtnl_link_get_master(from);
	return true;
}

/* A VRF is the only kind of master that leaves its members their packets. */
static bool takes_packets(struct nl_cache *cache, int master)
{
	struct rtnl_link *link = master ? rtnl_link_get(cache, master) : NULL;
	const char *type = link ? rtnl_link_get_type(link) : NULL;
	bool takes = link && !(type && strcmp(type, "vrf") == 0);

	rtnl_link_put(link);
	return takes;
}

static bool addr_octets(struct nl_addr *from, struct ipaddr *addr)
{
	unsigned int len = from ? nl_addr_get_len(from) : 0;

	if (len != 4 && len != 16)
		return false;
	*addr = ipaddr_from_bytes(nl_addr_get_binary_addr(from), len);
	return true;
}

static bool addr_read(struct link_addr *addr, struct rtnl_addr *from)
{
	unsigned int flags = rtnl_addr_get_flags(from);
	struct ipaddr connected;

	if (!addr_octets(rtnl_addr_get_local(from), &addr->addr))
		return false;
	if (!addr_octets(rtnl_addr_get_peer(from), &connected))
		connected = addr->addr;
	addr->prefix = ipprefix_make(&connected, (unsigned int)rtnl_addr_get_prefixlen(from));
	addr->scope = (uint8_t)rtnl_addr_get_scope(from);
	addr->secondary = flags & IFA_F_SECONDARY;
	addr->tentative = (flags & IFA_F_TENTATIVE) && !(flags & IFA_F_OPTIMISTIC);
	addr->failed = flags & IFA_F_DADFAILED;
	addr->deprecated = flags & IFA_F_DEPRECATED;
	return true;
}

/*
 * What was known before keeps its place, so that "the first address" stays what it is while others come and go.
 */
static void addrs_keep_order(struct link_addr *addrs, unsigned int n, const struct link_addr *old, unsigned int nold)
{
	unsigned int placed = 0;

	for (unsigned int o = 0; o < nold; o++) {
		for (unsigned int i = placed; i < n; i++) {
			struct link_addr found = addrs[i];

			if (!ipaddr_eq(&found.addr, &old[o].addr) || !ipprefix_eq(&found.prefix, &old[o].prefix))
				continue;
			memmove(&addrs[placed + 1], &addrs[placed], (i - placed) * sizeof(*addrs));
			addrs[placed++] = found;
			break;
		}
	}
}

static void snapshot_read_links(struct links_snapshot *snap, struct nl_cache *cache)
{
	for (struct nl_object *obj = nl_cache_get_first(cache); obj; obj = nl_cache_get_next(obj))
		if (link_read(&snap->links[snap->nlinks], (struct rtnl_link *)obj))
			snap->nlinks++;
	for (unsigned int i = 0; i < snap->nlinks; i++)
		snap->links[i].port = takes_packets(cache, snap->links[i].master);
	if (snap->nlinks)
		qsort(snap->links, snap->nlinks, sizeof(*snap->links), link_order);
}

/* Counts the addresses of every link, gives each link its part of the array, then fills the parts. */
static void snapshot_read_addrs(struct links_snapshot *snap, struct nl_cache *cache)
{
	struct nl_object *obj;
	struct link_addr addr;
	struct link *link;

	for (int pass = 0; pass < 2; pass++) {
		for (obj = nl_cache_get_first(cache); obj; obj = nl_cache_get_next(obj)) {
			struct rtnl_addr *from = (struct rtnl_addr *)obj;
			enum family family;

			link = snapshot_find(snap, rtnl_addr_get_ifindex(from));
			memset(&addr, 0, sizeof(addr));
			if (!link || !addr_read(&addr, from))
				continue;
			family = family_of(&addr.addr);
			if (pass)
				link->addrs[family][link->naddrs[family]] = addr;
			link->naddrs[family]++;
		}
		for (unsigned int i = 0; i < snap->nlinks && !pass; i++) {
			for (unsigned int family = 0; family < FAMILY_COUNT; family++) {
				link = &snap->links[i];
				link->addrs[family] = &snap->addrs[snap->naddrs];
				snap->naddrs += link->naddrs[family];
				link->naddrs[family] = 0;
			}
		}
	}
}

static int snapshot_build(struct links_snapshot *snap, const struct links *links, struct nl_cache *link_cache,
			  struct nl_cache *addr_cache)
{
	/* One more than needed, so that there always is something to allocate. */
	memset(snap, 0, sizeof(*snap));
	snap->links = calloc((size_t)nl_cache_nitems(link_cache) + 1, sizeof(*snap->links));
	snap->addrs = calloc((size_t)nl_cache_nitems(addr_cache) + 1, sizeof(*snap->addrs));
	if (!snap->links || !snap->addrs) {
		snapshot_free(snap);
		return -ENOMEM;
	}
	snapshot_read_links(snap, link_cache);
	snapshot_read_addrs(snap, addr_cache);
	for (unsigned int i = 0; i < snap->nlinks; i++) {
		struct link *link = &snap->links[i];
		const struct link *old = snapshot_find(&links->now, link->ifindex);

		for (unsigned int family = 0; family < FAMILY_COUNT && old; family++)
			addrs_keep_order(link->addrs[family], link->naddrs[family], old->addrs[family],
					 old->naddrs[family]);
	}
	return 0;
}

static bool addr_same(const struct link_addr *a, const struct link_addr *b)
{
	return ipaddr_eq(&a->addr, &b->addr) && ipprefix_eq(&a->prefix, &b->prefix) && a->scope == b->scope &&
	       a->secondary == b->secondary && a->tentative == b->tentative && a->failed == b->failed &&
	       a->deprecated == b->deprecated;
}

static bool link_same(const struct link *a, const struct link *b)
{
	if (a->ifindex != b->ifindex || strcmp(a->name, b->name) != 0 || a->flags != b->flags || a->mtu != b->mtu ||
	    a->master != b->master || a->port != b->port)
		return false;
	for (unsigned int family = 0; family < FAMILY_COUNT; family++) {
		if (a->naddrs[family] != b->naddrs[family])
			return false;
		for (unsigned int i = 0; i < a->naddrs[family]; i++)
			if (!addr_same(&a->addrs[family][i], &b->addrs[family][i]))
				return false;
	}
	return true;
}

static bool snapshot_same(const struct links_snapshot *a, const struct links_snapshot *b)
{
	if (a->nlinks != b->nlinks)
		return false;
	for (unsigned int i = 0; i < a->nlinks; i++)
		if (!link_same(&a->links[i], &b->links[i]))
			return false;
	return true;
}

/* --- looking --- */

/* Links first: an address whose link came in between is told by a notification that is still to come. */
static int snapshot_read(struct links_snapshot *snap, const struct links *links)
{
	struct nl_cache *link_cache = NULL, *addr_cache = NULL;
	int err = rtnl_link_alloc_cache(links->dumps, AF_UNSPEC, &link_cache);

	if (err >= 0)
		err = rtnl_addr_alloc_cache(links->dumps, &addr_cache);
	err = err < 0 ? links_errno(err) : snapshot_build(snap, links, link_cache, addr_cache);
	nl_cache_free(link_cache);
	nl_cache_free(addr_cache);
	return err;
}

static int links_connect(struct nl_sock **out)
{
	struct nl_sock *sock = nl_socket_alloc();
	int err;

	if (!sock)
		return -ENOMEM;
	err = nl_connect(sock, NETLINK_ROUTE);
	if (err < 0) {
		nl_socket_free(sock);
		return links_errno(err);
	}
	*out = sock;
	return 0;
}

/* The kernel answers at once; the time limit only keeps a fault from stopping everything. */
static int links_connect_dumps(struct links *links)
{
	struct timeval timeout = { .tv_sec = LINKS_TIMEOUT_S };
	int err = links_connect(&links->dumps);

	if (err)
		return err;
	if (setsockopt(nl_socket_get_fd(links->dumps), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)))
		return -errno;
	return 0;
}

static int links_connect_events(struct links *links)
{
	int size = LINKS_RCVBUF;
	int err = links_connect(&links->events);

	if (err)
		return err;
	err = nl_socket_add_memberships(links->events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, 0);
	if (err >= 0)
		err = nl_socket_set_nonblocking(links->events);
	if (err < 0)
		return links_errno(err);
	/* Without the privilege the default size will do: an overrun is harmless. */
	(void)setsockopt(nl_socket_get_fd(links->events), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return 0;
}

static void links_look_at(struct links *links, mtime_t when)
{
	/* The timer can only fail for want of memory; then look at once rather than never. */
	if (when <= loop_now() || loop_timer_at(links->look_later, when))
		loop_task_run(links->look);
}

static void links_look_later(void *arg)
{
	struct links *links = arg;

	loop_task_run(links->look);
}

static void links_look(void *arg)
{
	struct links *links = arg;
	struct links_snapshot fresh;
	mtime_t start = loop_now(), end;
	int err = 0;

	if (!links->dumps)
		err = links_connect_dumps(links);
	if (!err)
		err = snapshot_read(&fresh, links);
	end = loop_now();
	links->not_before = end + mtime_from_ms(LINKS_GAP_MIN_MS) + (end - start) * LINKS_GAP_FACTOR;
	links->stats.error = err;
	if (err) {
		/* A late answer must not be taken for that to the next question. */
		if (links->dumps)
			nl_socket_free(links->dumps);
		links->dumps = NULL;
		links_look_at(links, end + mtime_from_s(LINKS_RETRY_S));
		return;
	}
	/* What was deleted may be back already, and look the same. */
	if (snapshot_same(&fresh, &links->now) && !links->untold) {
		snapshot_free(&fresh);
		return;
	}
	links->untold = false;
	snapshot_free(&links->now);
	links->now = fresh;
	links->stats.changes++;
	links->changed(links->arg);
}

/* The head of a notification; what follows is cut off and not looked at. */
struct links_head {
	struct nlmsghdr header;
	struct ifinfomsg link;
};

/* A link that went down or up is told at once. Returns whether it did. */
static bool links_note_flags(struct links *links, const struct links_head *head, ssize_t len)
{
	struct link *link;

	if (head->header.nlmsg_type != RTM_NEWLINK || len < (ssize_t)sizeof(*head) ||
	    head->link.ifi_family != AF_UNSPEC)
		return false;
	link = snapshot_find(&links->now, head->link.ifi_index);
	if (!link || link->flags == head->link.ifi_flags)
		return false;
	link_set_flags(link, head->link.ifi_flags);
	return true;
}

static void links_readable(void *arg)
{
	struct links *links = arg;
	struct links_head head = { .header = { 0 } };
	bool flags = false, all = false;

	links->stats.events++;
	links->heard = loop_now();
	for (unsigned int i = 0; i < LINKS_READS; i++) {
		ssize_t n = recv(nl_socket_get_fd(links->events), &head, sizeof(head), MSG_DONTWAIT | MSG_TRUNC);

		if (n >= 0) {
			links->untold |= head.header.nlmsg_type == RTM_DELLINK;
			flags |= links_note_flags(links, &head, n);
			continue;
		}
		if (errno == ENOBUFS) {
			links->stats.resyncs++;
			links->untold = true;
		}
		all = errno == EAGAIN;
		if (all)
			break;
	}
	if (flags && all) {
		links->stats.changes++;
		links->changed(links->arg);
	} else if (flags) {
		links->untold = true; /* these are not the last flags: the dump will tell */
	}
	links_resync(links);
}

mtime_t links_heard(const struct links *links)
{
	return links->heard;
}

void links_resync(struct links *links)
{
	if (loop_timer_deadline(links->look_later) == MTIME_NEVER || links->stats.error)
		links_look_at(links, links->not_before);
}

int links_open(struct loop *loop, links_fn *changed, void *arg, struct links **out)
{
	struct links *links = calloc(1, sizeof(*links));
	int err = -ENOMEM;

	if (!links)
		return -ENOMEM;
	links->changed = changed;
	links->arg = arg;
	links->look = loop_task_new(loop, links_look, links);
	links->look_later = loop_timer_new(loop, links_look_later, links);
	if (!links->look || !links->look_later)
		goto fail;
	/* Notifications from before the first dump on, so that no change falls between. */
	err = links_connect_events(links);
	if (!err)
		err = links_connect_dumps(links);
	if (!err)
		err = snapshot_read(&links->now, links);
	if (err)
		goto fail;
	links->watch = loop_fd_new(loop, nl_socket_get_fd(links->events), links_readable, NULL, links);
	err = -ENOMEM;
	if (!links->watch)
		goto fail;
	*out = links;
	return 0;

fail:
	links_close(links);
	return err;
}

void links_close(struct links *links)
{
	if (!links)
		return;
	loop_fd_free(links->watch);
	loop_task_free(links->look);
	loop_timer_free(links->look_later);
	if (links->events)
		nl_socket_free(links->events);
	if (links->dumps)
		nl_socket_free(links->dumps);
	snapshot_free(&links->now);
	free(links);
}

/* --- reading --- */

unsigned int links_count(const struct links *links)
{
	return links->now.nlinks;
}

const struct link *links_at(const struct links *links, unsigned int i)
{
	return i < links->now.nlinks ? &links->now.links[i] : NULL;
}

const struct link *links_by_name(const struct links *links, const char *name)
{
	for (unsigned int i = 0; i < links->now.nlinks; i++)
		if (strcmp(links->now.links[i].name, name) == 0)
			return &links->now.links[i];
	return NULL;
}

const struct link *links_by_index(const struct links *links, int ifindex)
{
	return snapshot_find(&links->now, ifindex);
}

/* How well an address serves as the source of IGMP or MLD; 0: not at all. */
static int addr_rank(const struct link_addr *addr, enum family family)
{
	if (addr->tentative || addr->failed)
		return 0;
	if (family == FAMILY_IPV6)
		return !ipaddr_is_linklocal(&addr->addr) ? 0 : addr->deprecated ? 1 : 2;
	return 1 + (addr->scope == RT_SCOPE_UNIVERSE) + 2 * !addr->secondary;
}

struct ipaddr link_primary(const struct link *link, enum family family)
{
	struct ipaddr best = { { 0 } };
	int best_rank = 0;

	for (unsigned int i = 0; i < link->naddrs[family]; i++) {
		int rank = addr_rank(&link->addrs[family][i], family);

		if (rank > best_rank) {
			best_rank = rank;
			best = link->addrs[family][i].addr;
		}
	}
	return best;
}

bool link_has_addr(const struct link *link, const struct ipaddr *addr)
{
	enum family family = family_of(addr);

	for (unsigned int i = 0; i < link->naddrs[family]; i++)
		if (ipaddr_eq(&link->addrs[family][i].addr, addr))
			return true;
	return false;
}

void links_stats(const struct links *links, struct links_stats *stats)
{
	*stats = links->stats;
}

int links_fd(const struct links *links)
{
	return nl_socket_get_fd(links->events);
}
