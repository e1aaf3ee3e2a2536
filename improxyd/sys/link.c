/* SPDX-License-Identifier: GPL-2.0-or-later */
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
#include <netlink/route/netconf.h>
#include <netlink/socket.h>
#include <utlist.h>

#include "sys/link_table.h"
#include "sys/loop.h"

#define LINKS_RCVBUF     (1 << 20)
#define LINKS_TIMEOUT_S  2
#define LINKS_RETRY_S    1
#define LINKS_GAP_MIN_MS 10
#define LINKS_GAP_FACTOR 10 /* at most a tenth of the time is spent on reading */
/* With less the kernel has no such family on a link: RFC 791, RFC 8200 s5. */
static const unsigned int mtu_least[FAMILY_COUNT] = { [FAMILY_IPV4] = 68, [FAMILY_IPV6] = 1280 };
/* IFF_LOWER_UP: net/if.h lacks it, and linux/if.h does not go with net/if.h. */
#define LINK_LOWER_UP (1u << 16)

enum cache { CACHE_LINKS, CACHE_ADDRS, CACHE_FAMILIES, CACHE_COUNT };

struct links {
	struct loop *loop;
	links_fn *changed;
	void *arg;

	struct nl_cache *caches[CACHE_COUNT]; /* what notifications are compared with */
	struct nl_sock *news;                 /* notifications */
	struct loop_fd *watch;
	struct nl_sock *asks; /* questions and their answers */

	struct link_table table;
	struct link_entry *stale;
	bool lost;      /* something was not taken in: everything is to be read anew */
	bool different; /* from what it was at the last call of `changed` */
	bool urgent;    /* what is being read cannot wait */
	mtime_t heard;  /* the last notification */

	struct loop_task *look;
	struct loop_timer *look_later;
	mtime_t not_before; /* the next look */
	struct links_stats stats;
};

static int links_errno(int nlerr)
{
	return nlerr == -NLE_NOMEM ? -ENOMEM : nlerr == -NLE_PERM ? -EPERM : -EIO;
}

/* --- links --- */

static void set_stale(struct links *links, struct link_entry *e, bool stale)
{
	if (e->stale == stale)
		return;
	e->stale = stale;
	if (stale)
		DL_PREPEND(links->stale, e);
	else
		DL_DELETE(links->stale, e);
}

static void remove_link(struct links *links, struct link_entry *e)
{
	set_stale(links, e, false);
	link_table_remove(&links->table, e);
	links->different = true;
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

/* What a bridge or IPv6 says of a link is not the link; a bridge itself has libnl's family of bridges, but a type. */
static bool is_part(struct rtnl_link *from)
{
	return rtnl_link_get_family(from) != AF_UNSPEC && !rtnl_link_get_type(from);
}

static bool link_read(struct link *link, struct rtnl_link *from)
{
	const char *name = rtnl_link_get_name(from);
	const struct nl_addr *station = rtnl_link_get_addr(from);

	if (!name || is_part(from))
		return false;
	link->ifindex = rtnl_link_get_ifindex(from);
	if (link->ifindex <= 0)
		return false;
	strncpy(link->name, name, sizeof(link->name) - 1);
	link_set_flags(link, rtnl_link_get_flags(from));
	link->mtu = rtnl_link_get_mtu(from);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++)
		link->missing[f] = link->mtu && link->mtu < mtu_least[f];
	link->master = rtnl_link_get_master(from);
	if (station && nl_addr_get_len(station) == sizeof(link->station))
		memcpy(link->station, nl_addr_get_binary_addr(station), sizeof(link->station));
	return true;
}

/* Addresses aside. */
static bool link_same(const struct link *a, const struct link *b)
{
	return strcmp(a->name, b->name) == 0 && a->flags == b->flags && a->mtu == b->mtu && a->master == b->master &&
	       a->port == b->port && memcmp(a->missing, b->missing, sizeof(a->missing)) == 0 &&
	       memcmp(a->station, b->station, sizeof(a->station)) == 0;
}

/* A VRF is the only kind of master that leaves its members their packets. */
static bool is_port(const struct links *links, const struct link *link)
{
	const struct link_entry *master = link_table_find(&links->table, link->master);

	return link->master && !(master && master->vrf);
}

/* Takes up what a link is like, be it new or known. */
static int take_link(struct links *links, struct rtnl_link *from)
{
	const char *type = rtnl_link_get_type(from);
	struct link link = { 0 };
	struct link_entry *e;

	if (!link_read(&link, from))
		return 0;
	link.port = is_port(links, &link);
	e = link_table_find(&links->table, link.ifindex);
	if (e)
		memcpy(link.life, e->link.life, sizeof(link.life));
	if (!e || !link_same(&link, &e->link)) {
		links->different = true;
		if (e)
			link_table_change(&links->table, e, &link);
		else
			e = link_table_add(&links->table, &link);
	}
	if (!e)
		return -ENOMEM;
	e->vrf = type && strcmp(type, "vrf") == 0;
	e->seen = true;
	return 0;
}

/* A link that goes down or up is told before it is asked for, which may have to wait for the kernel's lock. */
static void note_flags(struct links *links, struct link *link, unsigned int flags)
{
	if (link->flags == flags)
		return;
	link_set_flags(link, flags);
	links->urgent = true;
}

static void on_link(struct nl_cache *cache, struct nl_object *obj, int action, void *arg)
{
	struct rtnl_link *from = (struct rtnl_link *)obj;
	bool part = is_part(from);
	struct links *links = arg;
	struct link_entry *e = link_table_find(&links->table, rtnl_link_get_ifindex(from));

	(void)cache;
	/* Nobody would take it out of the cache again. */
	if (part && action == NL_ACT_NEW)
		nl_cache_remove(obj);
	/* Addresses, which are notified next, are to find their link. */
	if (!e && !part && action != NL_ACT_DEL) {
		if (take_link(links, from) < 0)
			links->lost = true;
		e = link_table_find(&links->table, rtnl_link_get_ifindex(from));
	}
	if (!e)
		return;
	set_stale(links, e, true);
	if (!part && action != NL_ACT_DEL)
		note_flags(links, &e->link, rtnl_link_get_flags(from));
	/* What was deleted may be back already, and look the same. */
	links->different |= !part && action == NL_ACT_DEL;
}

/* Those behind it are asked for first from now on, and so is what becomes stale. */
static void put_last(struct links *links, struct link_entry *e)
{
	DL_DELETE(links->stale, e);
	DL_APPEND(links->stale, e);
}

/* Asks the kernel for one link. */
static int reread(struct links *links, struct link_entry *e)
{
	struct rtnl_link *from = NULL;
	int err = rtnl_link_get_kernel(links->asks, e->link.ifindex, NULL, &from);

	links->stats.reads++;
	if (err == -NLE_NODEV || err == -NLE_OBJ_NOTFOUND) {
		remove_link(links, e);
		return 0;
	}
	if (err < 0)
		err = links_errno(err);
	else
		err = from ? take_link(links, from) : 0;
	rtnl_link_put(from);
	if (err == 0)
		set_stale(links, e, false);
	else
		put_last(links, e);
	return err;
}

/* --- addresses --- */

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
	int len = rtnl_addr_get_prefixlen(from);
	struct ipaddr connected;

	if (!addr_octets(rtnl_addr_get_local(from), &addr->addr))
		return false;
	if (!addr_octets(rtnl_addr_get_peer(from), &connected))
		connected = addr->addr;
	if (family_of(&connected) != family_of(&addr->addr) || len < 0 || len > (int)ipaddr_bytes_len(&connected) * 8)
		return false;
	addr->prefix = ipprefix_make(&connected, (unsigned int)len);
	addr->scope = (uint8_t)rtnl_addr_get_scope(from);
	addr->secondary = flags & IFA_F_SECONDARY;
	addr->tentative = (flags & IFA_F_TENTATIVE) && !(flags & IFA_F_OPTIMISTIC);
	addr->failed = flags & IFA_F_DADFAILED;
	addr->deprecated = flags & IFA_F_DEPRECATED;
	return true;
}

static void on_addr(struct nl_cache *cache, struct nl_object *obj, int action, void *arg)
{
	struct rtnl_addr *from = (struct rtnl_addr *)obj;
	struct links *links = arg;
	struct link_entry *e = link_table_find(&links->table, rtnl_addr_get_ifindex(from));
	struct link_addr addr = { 0 };
	int made;

	(void)cache;
	if (!e || !addr_read(&addr, from))
		return;
	made = link_entry_set_addr(e, &addr, action != NL_ACT_DEL);
	links->lost |= made < 0;
	links->different |= made > 0;
}

/* --- families --- */

/* A notification that there is none on the link any more, or is one with these settings. */
static void on_family(struct nl_cache *cache, struct nl_object *obj, int action, void *arg)
{
	struct rtnl_netconf *from = (struct rtnl_netconf *)obj;
	struct links *links = arg;
	struct link_entry *e;
	int af, ifindex;
	enum family family;

	(void)cache;
	if (rtnl_netconf_get_family(from, &af) < 0 || (af != AF_INET && af != AF_INET6) ||
	    rtnl_netconf_get_ifindex(from, &ifindex) < 0)
		return;
	family = af == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;
	e = link_table_find(&links->table, ifindex);
	if (!e || e->link.missing[family] == (action == NL_ACT_DEL))
		return;
	e->link.missing[family] = action == NL_ACT_DEL;
	links->different = true;
	if (action != NL_ACT_DEL)
		return;
	/* It may be back before one can look, and what the kernel still has can be taken out in order only now. */
	e->link.life[family]++;
	links->urgent = true;
}

/* --- everything --- */

/* Links first: an address whose link came in between is told by a notification that is still to come. */
static int read_links(struct links *links, struct nl_cache *cache)
{
	int err = 0;

	for (unsigned int i = 0; i < links->table.n; i++)
		links->table.by_index[i]->seen = false;
	for (struct nl_object *obj = nl_cache_get_first(cache); obj && err == 0; obj = nl_cache_get_next(obj))
		err = take_link(links, (struct rtnl_link *)obj);
	for (unsigned int i = links->table.n; i-- > 0 && err == 0;) {
		struct link_entry *e = links->table.by_index[i];

		if (!e->seen)
			remove_link(links, e);
		else
			set_stale(links, e, false);
	}
	/* A master may have come behind its ports. */
	for (unsigned int i = 0; i < links->table.n && err == 0; i++)
		links->table.by_index[i]->link.port = is_port(links, &links->table.by_index[i]->link);
	return err;
}

static void read_addrs(struct links *links, struct nl_cache *cache)
{
	for (unsigned int i = 0; i < links->table.n; i++)
		link_entry_addrs_begin(links->table.by_index[i]);
	for (struct nl_object *obj = nl_cache_get_first(cache); obj; obj = nl_cache_get_next(obj))
		on_addr(cache, obj, NL_ACT_NEW, links);
	for (unsigned int i = 0; i < links->table.n; i++)
		link_entry_addrs_end(links->table.by_index[i]);
}

/* --- sockets and caches --- */

/* The kernel answers at once; the time limit only keeps a fault from stopping everything. */
static int open_asks(struct links *links)
{
	struct timeval timeout = { .tv_sec = LINKS_TIMEOUT_S };
	int err;

	if (links->asks)
		return 0;
	links->asks = nl_socket_alloc();
	if (!links->asks)
		return -ENOMEM;
	err = nl_connect(links->asks, NETLINK_ROUTE);
	if (err < 0)
		return links_errno(err);
	if (setsockopt(nl_socket_get_fd(links->asks), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)))
		return -errno;
	return 0;
}

static void close_asks(struct links *links)
{
	nl_socket_free(links->asks);
	links->asks = NULL;
}

/*
 * libnl's cache manager would do all of this, but it reads without a time limit, and waits for ever for the answer to a
 * request that could not be sent: link_request_update() does not tell (libnl 3.12).
 */
static const struct cache_kind {
	const char *name;
	int groups[2];
	change_func_t changed;
} kinds[CACHE_COUNT] = {
	[CACHE_LINKS] = { "route/link", { RTNLGRP_LINK, RTNLGRP_NONE }, on_link },
	[CACHE_ADDRS] = { "route/addr", { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR }, on_addr },
	[CACHE_FAMILIES] = { "route/netconf", { RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF }, on_family },
};

static void on_object(struct nl_object *obj, void *arg)
{
	struct links *links = arg;

	for (unsigned int i = 0; i < CACHE_COUNT; i++) {
		if (links->caches[i] && strcmp(kinds[i].name, nl_object_get_type(obj)) == 0 &&
		    nl_cache_include(links->caches[i], obj, kinds[i].changed, links) < 0)
			links->lost = true;
	}
}

static int on_news(struct nl_msg *msg, void *arg)
{
	struct links *links = arg;

	if (nl_msg_parse(msg, on_object, links) < 0)
		links->lost = true;
	return NL_OK;
}

static void links_readable(void *arg);

static void unfollow(struct links *links)
{
	loop_fd_free(links->watch);
	links->watch = NULL;
	nl_socket_free(links->news);
	links->news = NULL;
	for (unsigned int i = 0; i < CACHE_COUNT; i++) {
		nl_cache_free(links->caches[i]);
		links->caches[i] = NULL;
	}
}

/* Subscribes before it reads, so that no change falls between. */
static int follow_kind(struct links *links, enum cache which)
{
	const struct cache_kind *kind = &kinds[which];
	int err = nl_socket_add_memberships(links->news, kind->groups[0], kind->groups[1], RTNLGRP_NONE);

	if (err >= 0)
		err = nl_cache_alloc_name(kind->name, &links->caches[which]);
	return err < 0 ? err : nl_cache_refill(links->asks, links->caches[which]);
}

static int follow(struct links *links)
{
	int size = LINKS_RCVBUF, fd, err;

	links->news = nl_socket_alloc();
	if (!links->news)
		return -ENOMEM;
	nl_socket_disable_seq_check(links->news);
	err = nl_socket_modify_cb(links->news, NL_CB_VALID, NL_CB_CUSTOM, on_news, links);
	if (err >= 0)
		err = nl_connect(links->news, NETLINK_ROUTE);
	if (err >= 0)
		err = nl_socket_set_nonblocking(links->news);
	if (err >= 0)
		err = follow_kind(links, CACHE_LINKS);
	if (err >= 0)
		err = follow_kind(links, CACHE_ADDRS);
	if (err < 0)
		return links_errno(err);
	/* Without it the MTU tells, if one looks in time. */
	if (follow_kind(links, CACHE_FAMILIES) < 0)
		close_asks(links);
	fd = nl_socket_get_fd(links->news);
	/* Without the privilege the default size will do: an overrun is harmless. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	links->watch = loop_fd_new(links->loop, fd, links_readable, NULL, links);
	return links->watch ? 0 : -ENOMEM;
}

static int read_everything(struct links *links)
{
	int err;

	unfollow(links);
	links->lost = false;
	links->different = true;
	err = open_asks(links);
	if (err == 0)
		err = follow(links);
	if (err == 0)
		err = read_links(links, links->caches[CACHE_LINKS]);
	if (err == 0)
		read_addrs(links, links->caches[CACHE_ADDRS]);
	if (err == 0 && links->lost)
		err = -ENOMEM;
	if (err < 0) {
		unfollow(links);
		links->lost = true;
	}
	return err;
}

/* --- looking --- */

static int look(struct links *links)
{
	int err;

	if (links->lost)
		err = read_everything(links);
	else
		err = links->stale ? open_asks(links) : 0;
	while (links->stale && err == 0)
		err = reread(links, links->stale);
	/* A late answer must not be taken for that to the next question. */
	if (err < 0)
		close_asks(links);
	return err;
}

static void look_at(struct links *links, mtime_t when)
{
	if (when <= loop_now())
		loop_task_run(links->look);
	else
		loop_timer_at(links->look_later, when);
}

static void look_later(void *arg)
{
	struct links *links = arg;

	loop_task_run(links->look);
}

static void look_now(void *arg)
{
	struct links *links = arg;
	mtime_t start = loop_now(), end;

	links->stats.error = look(links);
	end = loop_now();
	links->not_before = end + mtime_from_ms(LINKS_GAP_MIN_MS) + (end - start) * LINKS_GAP_FACTOR;
	if (links->stats.error)
		look_at(links, end + mtime_from_s(LINKS_RETRY_S));
	/* What could be read counts, though one link could not. */
	if (!links->different || links->lost)
		return;
	links->different = false;
	links->stats.changes++;
	links->changed(links->arg);
}

static void links_readable(void *arg)
{
	struct links *links = arg;
	struct nl_cb *cb = nl_socket_get_cb(links->news);
	int err;

	links->stats.events++;
	links->heard = loop_now();
	links->urgent = false;
	do
		err = nl_recvmsgs_report(links->news, cb);
	while (err > 0);
	nl_cb_put(cb);
	if (err < 0 && err != -NLE_AGAIN)
		links->lost = true;
	if (links->lost) {
		links->stats.resyncs++;
	} else if (links->urgent) {
		links->stats.changes++;
		links->changed(links->arg);
	}
	if (loop_timer_deadline(links->look_later) == MTIME_NEVER || links->stats.error)
		look_at(links, links->not_before);
}

int links_open(struct loop *loop, links_fn *changed, void *arg, struct links **out)
{
	struct links *links = calloc(1, sizeof(*links));
	int err = -ENOMEM;

	if (!links)
		return -ENOMEM;
	links->loop = loop;
	links->changed = changed;
	links->arg = arg;
	links->look = loop_task_new(loop, look_now, links);
	links->look_later = loop_timer_new(loop, look_later, links);
	if (links->look && links->look_later)
		err = read_everything(links);
	if (err < 0) {
		links_close(links);
		return err;
	}
	links->different = false;
	*out = links;
	return 0;
}

void links_close(struct links *links)
{
	if (!links)
		return;
	unfollow(links);
	close_asks(links);
	loop_task_free(links->look);
	loop_timer_free(links->look_later);
	link_table_free(&links->table);
	free(links);
}

/* --- reading --- */

unsigned int links_count(const struct links *links)
{
	return links->table.n;
}

const struct link *links_at(const struct links *links, unsigned int i)
{
	return i < links->table.n ? &links->table.by_index[i]->link : NULL;
}

const struct link *links_by_name(const struct links *links, const char *name)
{
	struct link_entry *e = link_table_find_name(&links->table, name);

	return e ? &e->link : NULL;
}

const struct link *links_by_index(const struct links *links, int ifindex)
{
	struct link_entry *e = link_table_find(&links->table, ifindex);

	return e ? &e->link : NULL;
}

mtime_t links_heard(const struct links *links)
{
	return links->heard;
}

void links_stats(const struct links *links, struct links_stats *stats)
{
	*stats = links->stats;
}

int links_fd(const struct links *links)
{
	return nl_socket_get_fd(links->news);
}
