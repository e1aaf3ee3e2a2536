/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between the families is a row: the options set at opening, and how a datagram is taken apart. Packets
 * are read in batches, for a bounded time a pass, so that a flood cannot starve the timers.
 */
#include "sys/gmsock.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/mroute.h>
#include <linux/mroute6.h>
#include <utlist.h>

#include "lib/util.h"
#include "sys/fdstore.h"
#include "sys/loop.h"
#include "sys/mcast_pool.h"

#define GMSOCK_BATCH       32
#define GMSOCK_SLICE       mtime_from_ms(5) /* of a pass: a full batch of long reports takes as long */
#define GMSOCK_PACKET_MAX  9216
#define GMSOCK_CONTROL_MAX 512
#define GMSOCK_RCVBUF      (4 << 20)
#define GMSOCK_CLASS       0xc0 /* internetwork control: RFC 9776 s4 */

/* A listened-on downstream. */
struct gmsock_routers {
	int ifindex;
	struct mcast_pool *pool;
	struct gmsock_routers *prev, *next;
};

/* One received datagram with what its control messages say. */
struct gmsock_datagram {
	const uint8_t *octets;
	size_t len;
	int ifindex;
	struct wire_meta meta;
};

struct gmsock_option {
	int level, name, value;
};

struct gmsock_af {
	const char *name; /* with the keeper */
	int protocol;
	const struct gmsock_option *options;
	unsigned int noptions;
	/* Options that are no integer; returns 0 or -errno. */
	int (*setup)(int fd);
	bool (*upcall)(struct gmsock *sock, const struct gmsock_datagram *dgram);
	void (*packet)(struct gmsock *sock, struct gmsock_datagram *dgram);
	const struct ipaddr *routers;
	unsigned int nrouters;
};

struct gmsock {
	const struct gmsock_af *af;
	enum family family;
	int fd;
	bool inherited;
	bool counting; /* what the kernel has dropped */
	struct loop_fd *watch;
	struct loop_timer *more; /* the rest of a batch */
	const struct gmsock_handler *handler;
	void *arg;
	struct gmsock_routers *routers;
	uint32_t rxq_ovfl; /* the kernel's running count */
	struct gmsock_stats stats;
	unsigned int next, nmsgs; /* of the batch under way */
	struct mmsghdr msgs[GMSOCK_BATCH];
	struct iovec iovs[GMSOCK_BATCH];
	struct sockaddr_storage names[GMSOCK_BATCH];
	_Alignas(struct cmsghdr) uint8_t controls[GMSOCK_BATCH][GMSOCK_CONTROL_MAX];
	_Alignas(struct cmsghdr) uint8_t packets[GMSOCK_BATCH][GMSOCK_PACKET_MAX];
};

/* --- IPv4 --- */

/* Router Alert is asked for so that reports are heard even while another process is the multicast router. */
static const struct gmsock_option igmp_options[] = {
	{ IPPROTO_IP, IP_PKTINFO, 1 },       { IPPROTO_IP, IP_ROUTER_ALERT, 1 }, { IPPROTO_IP, IP_MULTICAST_LOOP, 0 },
	{ IPPROTO_IP, IP_MULTICAST_TTL, 1 }, { IPPROTO_IP, IP_TTL, 1 },          { IPPROTO_IP, IP_TOS, GMSOCK_CLASS },
};

static int igmp_setup(int fd)
{
	if (setsockopt(fd, IPPROTO_IP, IP_OPTIONS, wire_ipv4_router_alert, sizeof(wire_ipv4_router_alert)))
		return -errno;
	return 0;
}

/* An upcall looks like an IP header whose protocol is 0, which no datagram on an IGMP socket can have. */
static bool igmp_upcall(struct gmsock *sock, const struct gmsock_datagram *dgram)
{
	struct igmpmsg msg;
	struct ipaddr source, group;

	if (dgram->len < sizeof(msg))
		return false;
	memcpy(&msg, dgram->octets, sizeof(msg));
	if (msg.im_mbz != 0)
		return false;
	source = ipaddr_from_v4(msg.im_src);
	group = ipaddr_from_v4(msg.im_dst);
	if (msg.im_msgtype != IGMPMSG_NOCACHE && msg.im_msgtype != IGMPMSG_WRONGVIF) {
		sock->stats.other++;
		return true;
	}
	sock->stats.upcalls++;
	sock->handler->upcall(sock->arg, sock->family,
			      msg.im_msgtype == IGMPMSG_NOCACHE ? GMSOCK_NOCACHE : GMSOCK_WRONGVIF, msg.im_vif, &source,
			      &group);
	return true;
}

static void igmp_packet(struct gmsock *sock, struct gmsock_datagram *dgram)
{
	const uint8_t *payload;
	size_t len;
	int err = wire_ipv4_header(dgram->octets, dgram->len, &dgram->meta, &payload, &len);

	if (err)
		sock->handler->drop(sock->arg, sock->family, dgram->ifindex, wire_drop(err));
	else
		sock->handler->packet(sock->arg, sock->family, dgram->ifindex, &dgram->meta, payload, len);
}

/* --- IPv6 --- */

static const struct gmsock_option mld_options[] = {
	{ IPPROTO_IPV6, IPV6_RECVPKTINFO, 1 },       { IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1 },
	{ IPPROTO_IPV6, IPV6_RECVHOPOPTS, 1 },       { IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0 },
	{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1 },    { IPPROTO_IPV6, IPV6_UNICAST_HOPS, 1 },
	{ IPPROTO_IPV6, IPV6_TCLASS, GMSOCK_CLASS },
};

/* MLDv1, MLDv2, and Multicast Router Discovery, which shares their rules. */
static const uint8_t mld_types[] = { 130, 131, 132, 143, 151, 152, 153 };

static int mld_setup(int fd)
{
	struct icmp6_filter filter;

	ICMP6_FILTER_SETBLOCKALL(&filter);
	for (unsigned int i = 0; i < ARRAY_SIZE(mld_types); i++)
		ICMP6_FILTER_SETPASS(mld_types[i], &filter);
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_HOPOPTS, wire_ipv6_hbh_router_alert, sizeof(wire_ipv6_hbh_router_alert)))
		return -errno;
	return 0;
}

/* An upcall looks like an ICMPv6 message of type 0, which the filter lets no packet have. */
static bool mld_upcall(struct gmsock *sock, const struct gmsock_datagram *dgram)
{
	struct mrt6msg msg;
	struct ipaddr source, group;

	if (dgram->len < sizeof(msg) || dgram->octets[0] != 0)
		return false;
	memcpy(&msg, dgram->octets, sizeof(msg));
	source = ipaddr_from_v6(&msg.im6_src);
	group = ipaddr_from_v6(&msg.im6_dst);
	if (msg.im6_msgtype != MRT6MSG_NOCACHE && msg.im6_msgtype != MRT6MSG_WRONGMIF) {
		sock->stats.other++;
		return true;
	}
	sock->stats.upcalls++;
	sock->handler->upcall(sock->arg, sock->family,
			      msg.im6_msgtype == MRT6MSG_NOCACHE ? GMSOCK_NOCACHE : GMSOCK_WRONGVIF, msg.im6_mif,
			      &source, &group);
	return true;
}

static void mld_packet(struct gmsock *sock, struct gmsock_datagram *dgram)
{
	sock->handler->packet(sock->arg, sock->family, dgram->ifindex, &dgram->meta, dgram->octets, dgram->len);
}

/* --- the rows --- */

#define MAPPED(a, b, c, d)                                                                                             \
	{                                                                                                              \
		{                                                                                                      \
			[10] = 0xff, [11] = 0xff, [12] = (a), [13] = (b), [14] = (c), [15] = (d)                       \
		}                                                                                                      \
	}
#define LINK_SCOPE(last)                                                                                               \
	{                                                                                                              \
		{                                                                                                      \
			[0] = 0xff, [1] = 0x02, [15] = (last)                                                          \
		}                                                                                                      \
	}

static const struct ipaddr igmp_routers[] = { MAPPED(224, 0, 0, 2), MAPPED(224, 0, 0, 22) };
static const struct ipaddr mld_routers[] = { LINK_SCOPE(0x02), LINK_SCOPE(0x16) };

static const struct gmsock_af gmsock_afs[FAMILY_COUNT] = {
	[FAMILY_IPV4] = {
		.name = "raw4",
		.protocol = IPPROTO_IGMP,
		.options = igmp_options,
		.noptions = ARRAY_SIZE(igmp_options),
		.setup = igmp_setup,
		.upcall = igmp_upcall,
		.packet = igmp_packet,
		.routers = igmp_routers,
		.nrouters = ARRAY_SIZE(igmp_routers),
	},
	[FAMILY_IPV6] = {
		.name = "raw6",
		.protocol = IPPROTO_ICMPV6,
		.options = mld_options,
		.noptions = ARRAY_SIZE(mld_options),
		.setup = mld_setup,
		.upcall = mld_upcall,
		.packet = mld_packet,
		.routers = mld_routers,
		.nrouters = ARRAY_SIZE(mld_routers),
	},
};

/* --- receiving --- */

/* The kernel's count of dropped datagrams wraps at 32 bits. */
static void gmsock_overflow(struct gmsock *sock, const struct cmsghdr *cmsg)
{
	uint32_t count;

	memcpy(&count, CMSG_DATA(cmsg), sizeof(count));
	/* Of an inherited socket the count so far is that of others. */
	if (!sock->counting)
		sock->rxq_ovfl = count;
	sock->counting = true;
	sock->stats.overflows += (uint32_t)(count - sock->rxq_ovfl);
	sock->rxq_ovfl = count;
}

static void gmsock_control_v4(struct gmsock_datagram *dgram, const struct cmsghdr *cmsg)
{
	struct in_pktinfo info;

	if (cmsg->cmsg_type != IP_PKTINFO)
		return;
	memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
	dgram->ifindex = info.ipi_ifindex;
}

static void gmsock_control_v6(struct gmsock_datagram *dgram, const struct cmsghdr *cmsg)
{
	struct in6_pktinfo info;

	switch (cmsg->cmsg_type) {
	case IPV6_PKTINFO:
		memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
		dgram->ifindex = (int)info.ipi6_ifindex;
		dgram->meta.dst = ipaddr_from_v6(&info.ipi6_addr);
		break;
	case IPV6_HOPLIMIT:
		memcpy(&dgram->meta.hop_limit, CMSG_DATA(cmsg), sizeof(dgram->meta.hop_limit));
		break;
	case IPV6_HOPOPTS:
		dgram->meta.router_alert = wire_hbh_router_alert(CMSG_DATA(cmsg), cmsg->cmsg_len - CMSG_LEN(0));
		break;
	}
}

static void gmsock_control(struct gmsock *sock, struct msghdr *hdr, struct gmsock_datagram *dgram)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(hdr); cmsg; cmsg = CMSG_NXTHDR(hdr, cmsg)) {
		if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SO_RXQ_OVFL)
			gmsock_overflow(sock, cmsg);
		else if (cmsg->cmsg_level == IPPROTO_IP)
			gmsock_control_v4(dgram, cmsg);
		else if (cmsg->cmsg_level == IPPROTO_IPV6)
			gmsock_control_v6(dgram, cmsg);
	}
}

static void gmsock_receive(struct gmsock *sock, unsigned int i)
{
	struct msghdr *hdr = &sock->msgs[i].msg_hdr;
	struct gmsock_datagram dgram = { .octets = sock->packets[i], .len = sock->msgs[i].msg_len };

	dgram.meta.hop_limit = -1;
	gmsock_control(sock, hdr, &dgram);
	if (sock->af->upcall(sock, &dgram))
		return;
	sock->stats.received++;
	/* Larger than any link's report, or options beyond all reason: nothing that can be judged. */
	if (hdr->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		sock->handler->drop(sock->arg, sock->family, dgram.ifindex, GM_DROP_MALFORMED);
		return;
	}
	if (ipaddr_from_sockaddr((const struct sockaddr *)&sock->names[i], &dgram.meta.src))
		dgram.meta.src = (struct ipaddr){ { 0 } };
	sock->af->packet(sock, &dgram);
}

/* The first `n` headers as the kernel wants them: it writes to those that it uses. */
static void gmsock_prepare(struct gmsock *sock, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		sock->iovs[i] = (struct iovec){ sock->packets[i], sizeof(sock->packets[i]) };
		sock->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &sock->names[i],
			.msg_namelen = sizeof(sock->names[i]),
			.msg_iov = &sock->iovs[i],
			.msg_iovlen = 1,
			.msg_control = sock->controls[i],
			.msg_controllen = sizeof(sock->controls[i]),
		};
	}
}

/* Returns false when there is nothing to read. */
static bool gmsock_batch(struct gmsock *sock)
{
	int n;

	gmsock_prepare(sock, sock->nmsgs);
	n = recvmmsg(sock->fd, sock->msgs, GMSOCK_BATCH, MSG_DONTWAIT, NULL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		sock->stats.read_errors++;
	sock->next = 0;
	sock->nmsgs = n > 0 ? (unsigned int)n : 0;
	return n > 0;
}

/* A handler must not close the socket from inside its call. */
static void gmsock_readable(void *arg)
{
	struct gmsock *sock = arg;
	mtime_t end = loop_now() + GMSOCK_SLICE;
	bool asked = false;

	do {
		if (sock->next == sock->nmsgs) {
			/* A batch that was not full was all there is. */
			if ((asked && sock->nmsgs < GMSOCK_BATCH) || !gmsock_batch(sock))
				return;
			asked = true;
		}
		gmsock_receive(sock, sock->next++);
	} while (!sock->handler->full(sock->arg) && loop_now() < end);
	if (sock->next < sock->nmsgs)
		loop_timer_at(sock->more, loop_now());
}

/* --- opening and closing --- */

/* The kernel refuses Router Alert to a socket that has it, as an inherited one does. */
static int gmsock_set(struct gmsock *sock, const struct gmsock_option *opt)
{
	if (setsockopt(sock->fd, opt->level, opt->name, &opt->value, sizeof(opt->value)) == 0)
		return 0;
	if (sock->inherited && errno == EADDRINUSE)
		return 0;
	return -errno;
}

static int gmsock_configure(struct gmsock *sock)
{
	static const struct gmsock_option common = { SOL_SOCKET, SO_RXQ_OVFL, 1 };
	int size = GMSOCK_RCVBUF;
	socklen_t len = sizeof(size);
	int err = gmsock_set(sock, &common);

	for (unsigned int i = 0; i < sock->af->noptions && !err; i++)
		err = gmsock_set(sock, &sock->af->options[i]);
	if (err)
		return err;
	/* The unforced call needs no privilege and gives what the system allows; what came of it is in the stats. */
	if (setsockopt(sock->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) &&
	    setsockopt(sock->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)))
		return -errno;
	if (getsockopt(sock->fd, SOL_SOCKET, SO_RCVBUF, &sock->stats.rcvbuf, &len))
		return -errno;
	return sock->af->setup(sock->fd);
}

int gmsock_open(struct loop *loop, enum family family, const struct gmsock_handler *handler, void *arg,
		struct gmsock **out)
{
	struct gmsock *sock = calloc(1, sizeof(*sock));
	int err;

	if (!sock)
		return -ENOMEM;
	sock->af = &gmsock_afs[family];
	sock->family = family;
	sock->handler = handler;
	sock->arg = arg;
	sock->fd = fdstore_take(sock->af->name);
	sock->inherited = sock->fd >= 0;
	sock->counting = !sock->inherited;
	gmsock_prepare(sock, GMSOCK_BATCH);
	if (!sock->inherited)
		sock->fd = socket(family_af(family), SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, sock->af->protocol);
	if (sock->fd < 0) {
		err = -errno;
		goto fail;
	}
	err = gmsock_configure(sock);
	if (err)
		goto fail;
	sock->watch = loop_fd_new(loop, sock->fd, gmsock_readable, NULL, sock);
	sock->more = loop_timer_new(loop, gmsock_readable, sock);
	if (!sock->watch || !sock->more) {
		err = -ENOMEM;
		goto fail;
	}
	if (!sock->inherited)
		fdstore_keep(sock->af->name, sock->fd);
	*out = sock;
	return 0;

fail:
	gmsock_close(sock);
	return err;
}

static void gmsock_routers_free(struct gmsock *sock, struct gmsock_routers *routers)
{
	DL_DELETE(sock->routers, routers);
	/* The kernel may have begun anew with the interface. */
	mcast_pool_leave(routers->pool);
	mcast_pool_free(routers->pool);
	free(routers);
}

void gmsock_close(struct gmsock *sock)
{
	if (!sock)
		return;
	while (sock->routers)
		gmsock_routers_free(sock, sock->routers);
	loop_timer_free(sock->more);
	loop_fd_free(sock->watch);
	if (sock->fd >= 0) {
		fdstore_drop(sock->af->name);
		close(sock->fd);
	}
	free(sock);
}

bool gmsock_inherited(const struct gmsock *sock)
{
	return sock->inherited;
}

int gmsock_fd(const struct gmsock *sock)
{
	return sock->fd;
}

enum family gmsock_family(const struct gmsock *sock)
{
	return sock->family;
}

void gmsock_stats(const struct gmsock *sock, struct gmsock_stats *stats)
{
	*stats = sock->stats;
}

void gmsock_add_stats(struct gmsock *sock, const struct gmsock_stats *stats)
{
	sock->stats.received += stats->received;
	sock->stats.upcalls += stats->upcalls;
	sock->stats.other += stats->other;
	sock->stats.overflows += stats->overflows;
	sock->stats.sent += stats->sent;
	sock->stats.send_errors += stats->send_errors;
	sock->stats.read_errors += stats->read_errors;
}

/* --- sending --- */

/* Interface and source of a message, as its control message. Returns the length. */
static size_t gmsock_pktinfo(const struct gmsock *sock, struct cmsghdr *cmsg, int ifindex, const struct ipaddr *src)
{
	struct in_pktinfo v4 = { .ipi_ifindex = ifindex };
	struct in6_pktinfo v6 = { .ipi6_ifindex = (unsigned int)ifindex };
	bool given = !ipaddr_is_none(src);

	if (sock->family == FAMILY_IPV4) {
		if (given)
			v4.ipi_spec_dst = ipaddr_to_v4(src);
		cmsg->cmsg_level = IPPROTO_IP;
		cmsg->cmsg_type = IP_PKTINFO;
		cmsg->cmsg_len = CMSG_LEN(sizeof(v4));
		memcpy(CMSG_DATA(cmsg), &v4, sizeof(v4));
		return CMSG_SPACE(sizeof(v4));
	}
	if (given)
		v6.ipi6_addr = ipaddr_to_v6(src);
	cmsg->cmsg_level = IPPROTO_IPV6;
	cmsg->cmsg_type = IPV6_PKTINFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(v6));
	memcpy(CMSG_DATA(cmsg), &v6, sizeof(v6));
	return CMSG_SPACE(sizeof(v6));
}

int gmsock_send(struct gmsock *sock, int ifindex, const struct ipaddr *src, const struct ipaddr *dst,
		const void *payload, size_t len)
{
	union {
		struct cmsghdr align;
		uint8_t octets[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = { .octets = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)payload, .iov_len = len };
	struct sockaddr_storage to;
	struct msghdr msg = {
		.msg_name = &to,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
	};

	if (family_of(dst) != sock->family || (!ipaddr_is_none(src) && family_of(src) != sock->family))
		return -EAFNOSUPPORT;
	msg.msg_namelen = ipaddr_to_sockaddr(dst, &to);
	msg.msg_controllen = gmsock_pktinfo(sock, &control.align, ifindex, src);
	if (sendmsg(sock->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		sock->stats.send_errors++;
		return -errno;
	}
	sock->stats.sent++;
	return 0;
}

/* --- router groups --- */

static struct gmsock_routers *gmsock_routers_find(const struct gmsock *sock, int ifindex)
{
	struct gmsock_routers *routers;

	DL_FOREACH (sock->routers, routers) {
		if (routers->ifindex == ifindex)
			return routers;
	}
	return NULL;
}

int gmsock_join_routers(struct gmsock *sock, int ifindex)
{
	struct gmsock_routers *routers = gmsock_routers_find(sock, ifindex);
	int err = 0;

	if (!routers) {
		routers = calloc(1, sizeof(*routers));
		if (!routers)
			return -ENOMEM;
		routers->ifindex = ifindex;
		routers->pool = mcast_pool_new(sock->family, ifindex);
		if (!routers->pool) {
			free(routers);
			return -ENOMEM;
		}
		DL_APPEND(sock->routers, routers);
	}
	for (unsigned int i = 0; i < sock->af->nrouters && !err; i++)
		err = mcast_pool_set(routers->pool, loop_now(), &sock->af->routers[i], GM_EXCLUDE, NULL, 0);
	if (err)
		gmsock_routers_free(sock, routers);
	return err;
}

void gmsock_leave_routers(struct gmsock *sock, int ifindex)
{
	struct gmsock_routers *routers = gmsock_routers_find(sock, ifindex);

	if (routers)
		gmsock_routers_free(sock, routers);
}
