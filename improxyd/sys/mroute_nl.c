/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * After an answer that did not come in time the socket is thrown away: a late answer must not be taken for the next
 * one.
 */
#include "sys/mroute_nl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#define MROUTE_NL_TIMEOUT_S 1

struct mroute_nl {
	enum family family;
	uint32_t table;
	struct nl_sock *sock; /* NULL until needed, and after a failure */
	struct nl_sock *scan; /* NULL: no scan is under way */
	int ifindex[GM_MAX_IFS];
	mtime_t tick; /* of RTA_EXPIRES */
};

struct mroute_nl_request {
	struct mroute_nl *nl;
	mroute_dump_fn *fn;
	void *arg;
	int error; /* what the kernel answered, -errno */
	bool answered;
};

static const int mroute_nl_families[FAMILY_COUNT] = {
	[FAMILY_IPV4] = RTNL_FAMILY_IPMR,
	[FAMILY_IPV6] = RTNL_FAMILY_IP6MR,
};

int mroute_nl_open(enum family family, uint32_t table, struct mroute_nl **out)
{
	struct mroute_nl *nl = calloc(1, sizeof(*nl));
	long hz = sysconf(_SC_CLK_TCK);

	if (!nl)
		return -ENOMEM;
	nl->family = family;
	nl->table = table;
	nl->tick = 1000000 / (hz > 0 ? hz : 100);
	*out = nl;
	return 0;
}

static void mroute_nl_disconnect(struct nl_sock **sock)
{
	if (*sock)
		nl_socket_free(*sock);
	*sock = NULL;
}

void mroute_nl_close(struct mroute_nl *nl)
{
	if (!nl)
		return;
	mroute_nl_disconnect(&nl->sock);
	mroute_nl_disconnect(&nl->scan);
	free(nl);
}

void mroute_nl_map(struct mroute_nl *nl, unsigned int slot, int ifindex)
{
	nl->ifindex[slot] = ifindex;
}

static int mroute_nl_connect(struct nl_sock **sock)
{
	struct timeval timeout = { .tv_sec = MROUTE_NL_TIMEOUT_S };
	int strict = 1;

	if (*sock)
		return 0;
	*sock = nl_socket_alloc();
	if (!*sock)
		return -ENOMEM;
	nl_socket_disable_auto_ack(*sock);
	nl_socket_enable_msg_peek(*sock);
	if (nl_connect(*sock, NETLINK_ROUTE) < 0 ||
	    setsockopt(nl_socket_get_fd(*sock), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout))) {
		mroute_nl_disconnect(sock);
		return -EIO;
	}
	/* With it the kernel filters a dump by table; older ones do not, so that the answer is filtered as well. */
	(void)setsockopt(nl_socket_get_fd(*sock), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &strict, sizeof(strict));
	return 0;
}

static unsigned int mroute_nl_slot(const struct mroute_nl *nl, int ifindex)
{
	for (unsigned int slot = 0; slot < GM_MAX_IFS; slot++)
		if (ifindex && nl->ifindex[slot] == ifindex)
			return slot;
	return GM_NO_IF;
}

/* An all-zero address of either length is "any". */
static struct ipaddr mroute_nl_addr(struct nlattr *attr)
{
	static const uint8_t zero[16];
	struct ipaddr none = { { 0 } };
	int len = attr ? nla_len(attr) : 0;

	if ((len != 4 && len != 16) || memcmp(nla_data(attr), zero, (size_t)len) == 0)
		return none;
	return ipaddr_from_bytes(nla_data(attr), (unsigned int)len);
}

static uint32_t mroute_nl_oifs(const struct mroute_nl *nl, struct nlattr *attr)
{
	struct rtnexthop *hop = attr ? nla_data(attr) : NULL;
	int left = attr ? nla_len(attr) : 0;
	uint32_t oifs = 0;

	/* RTNH_OK() reads the length of a hop before it looks whether there is one. */
	for (; left >= (int)sizeof(*hop) && RTNH_OK(hop, left);
	     left -= (int)RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
		unsigned int slot = mroute_nl_slot(nl, hop->rtnh_ifindex);

		if (slot != GM_NO_IF)
			oifs |= 1u << slot;
	}
	return oifs;
}

static void mroute_nl_counters(const struct mroute_nl *nl, struct nlattr *const *attrs, struct mroute_counters *out)
{
	struct rta_mfc_stats stats = { 0 };
	uint64_t ticks;

	if (attrs[RTA_MFC_STATS])
		nla_memcpy(&stats, attrs[RTA_MFC_STATS], sizeof(stats));
	out->packets = stats.mfcs_packets;
	out->bytes = stats.mfcs_bytes;
	out->wrong_if = stats.mfcs_wrong_if;
	out->idle = MTIME_NEVER;
	if (!attrs[RTA_EXPIRES] || nla_len(attrs[RTA_EXPIRES]) != sizeof(ticks))
		return;
	ticks = nla_get_u64(attrs[RTA_EXPIRES]);
	if (ticks < (uint64_t)(MTIME_NEVER / nl->tick))
		out->idle = (mtime_t)ticks * nl->tick;
}

/* A number that is too short to be read makes the message invalid. */
static const struct nla_policy mroute_nl_policy[RTA_MAX + 1] = {
	[RTA_TABLE] = { .type = NLA_U32 },
	[RTA_IIF] = { .type = NLA_U32 },
};

static int mroute_nl_entry(struct mroute_nl_request *req, struct nlmsghdr *hdr)
{
	struct nlattr *attrs[RTA_MAX + 1];
	struct mroute_entry entry = { .iif = GM_NO_IF };
	const struct rtmsg *route = nlmsg_data(hdr);
	uint32_t table;

	if (hdr->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(hdr, sizeof(*route)) ||
	    route->rtm_family != mroute_nl_families[req->nl->family] ||
	    nlmsg_parse(hdr, sizeof(*route), attrs, RTA_MAX, mroute_nl_policy) < 0)
		return NL_SKIP;
	table = attrs[RTA_TABLE] ? nla_get_u32(attrs[RTA_TABLE]) : route->rtm_table;
	if (table != req->nl->table)
		return NL_SKIP;
	entry.source = mroute_nl_addr(attrs[RTA_SRC]);
	entry.group = mroute_nl_addr(attrs[RTA_DST]);
	entry.unresolved = route->rtm_flags & RTNH_F_UNRESOLVED;
	if (attrs[RTA_IIF])
		entry.iif = mroute_nl_slot(req->nl, (int)nla_get_u32(attrs[RTA_IIF]));
	entry.oifs = mroute_nl_oifs(req->nl, attrs[RTA_MULTIPATH]);
	mroute_nl_counters(req->nl, attrs, &entry.counters);
	req->answered = true;
	req->fn(req->arg, &entry);
	return NL_OK;
}

static int mroute_nl_valid(struct nl_msg *msg, void *arg)
{
	return mroute_nl_entry(arg, nlmsg_hdr(msg));
}

static int mroute_nl_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	struct mroute_nl_request *req = arg;

	(void)from;
	req->error = err->error;
	return NL_STOP;
}

static int mroute_nl_errno(int nlerr)
{
	return nlerr == -NLE_DUMP_INTR ? -EAGAIN
	       : nlerr == -NLE_AGAIN   ? -ETIMEDOUT
	       : nlerr == -NLE_NOMEM   ? -ENOMEM
				       : -EIO;
}

/* Sends the request and handles its answer. */
static int mroute_nl_ask(struct mroute_nl *nl, struct nl_msg *msg, struct mroute_nl_request *req)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, mroute_nl_valid, req);
	nl_cb_err(cb, NL_CB_CUSTOM, mroute_nl_error, req);
	err = nl_send_auto(nl->sock, msg);
	if (err >= 0)
		err = nl_recvmsgs(nl->sock, cb);
	nl_cb_put(cb);
	/* The kernel's own answer comes first; libnl turns it into a number of its own. */
	if (req->error)
		return req->error;
	if (err < 0) {
		err = mroute_nl_errno(err);
		if (err != -EAGAIN)
			mroute_nl_disconnect(&nl->sock);
		return err;
	}
	return 0;
}

static struct nl_msg *mroute_nl_message(const struct mroute_nl *nl, int flags, unsigned int prefix_len)
{
	struct rtmsg route = {
		.rtm_family = (unsigned char)mroute_nl_families[nl->family],
		.rtm_src_len = (unsigned char)prefix_len,
		.rtm_dst_len = (unsigned char)prefix_len,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, flags);

	if (!msg)
		return NULL;
	if (nlmsg_append(msg, &route, sizeof(route), NLMSG_ALIGNTO) || nla_put_u32(msg, RTA_TABLE, nl->table)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static void mroute_nl_keep(void *arg, const struct mroute_entry *entry)
{
	struct mroute_counters *counters = arg;

	*counters = entry->counters;
}

/* "None" is put as the family's all-zero address. */
static int mroute_nl_put(struct nl_msg *msg, int type, const struct ipaddr *addr, unsigned int len)
{
	static const uint8_t zero[16];

	return nla_put(msg, type, (int)len, ipaddr_is_none(addr) ? zero : ipaddr_bytes(addr));
}

int mroute_nl_get(struct mroute_nl *nl, const struct ipaddr *source, const struct ipaddr *group,
		  struct mroute_counters *counters)
{
	struct mroute_nl_request req = { .nl = nl, .fn = mroute_nl_keep, .arg = counters };
	unsigned int len = nl->family == FAMILY_IPV4 ? 4 : 16;
	struct nl_msg *msg;
	int err = mroute_nl_connect(&nl->sock);

	if (err)
		return err;
	msg = mroute_nl_message(nl, 0, len * 8);
	if (!msg)
		return -ENOMEM;
	err = -ENOMEM;
	if (mroute_nl_put(msg, RTA_SRC, source, len) == 0 && mroute_nl_put(msg, RTA_DST, group, len) == 0)
		err = mroute_nl_ask(nl, msg, &req);
	nlmsg_free(msg);
	return err ? err : req.answered ? 0 : -ENOENT;
}

int mroute_nl_dump(struct mroute_nl *nl, mroute_dump_fn *fn, void *arg)
{
	struct mroute_nl_request req = { .nl = nl, .fn = fn, .arg = arg };
	struct nl_msg *msg;
	int err = mroute_nl_connect(&nl->sock);

	if (err)
		return err;
	msg = mroute_nl_message(nl, NLM_F_DUMP, 0);
	if (!msg)
		return -ENOMEM;
	err = mroute_nl_ask(nl, msg, &req);
	nlmsg_free(msg);
	return err;
}

/* --- a dump in slices --- */

int mroute_nl_scan_begin(struct mroute_nl *nl)
{
	struct nl_msg *msg;
	int err;

	mroute_nl_disconnect(&nl->scan);
	err = mroute_nl_connect(&nl->scan);
	if (err)
		return err;
	msg = mroute_nl_message(nl, NLM_F_DUMP, 0);
	err = msg ? nl_send_auto(nl->scan, msg) : -NLE_NOMEM;
	if (msg)
		nlmsg_free(msg);
	if (err >= 0)
		return 0;
	mroute_nl_disconnect(&nl->scan);
	return mroute_nl_errno(err);
}

/* Returns 1 when there is more to come. */
static int mroute_nl_scan_messages(struct mroute_nl_request *req, struct nlmsghdr *hdr, int left)
{
	for (; nlmsg_ok(hdr, left); hdr = nlmsg_next(hdr, &left)) {
		if (hdr->nlmsg_type == NLMSG_ERROR)
			return nlmsg_datalen(hdr) >= (int)sizeof(int) ? *(int *)nlmsg_data(hdr) : -EIO;
		if (hdr->nlmsg_type == NLMSG_DONE)
			return 0;
		(void)mroute_nl_entry(req, hdr);
	}
	return 1;
}

int mroute_nl_scan_step(struct mroute_nl *nl, mroute_dump_fn *fn, void *arg)
{
	struct mroute_nl_request req = { .nl = nl, .fn = fn, .arg = arg };
	/* What the kernel fills at once at most. */
	_Alignas(struct nlmsghdr) uint8_t buf[32768];
	ssize_t n;
	int err;

	if (!nl->scan)
		return -ENOTCONN;
	/* The kernel goes on with the dump when it is read: there is something to read until its end. */
	n = recv(nl_socket_get_fd(nl->scan), buf, sizeof(buf), MSG_DONTWAIT);
	err = n < 0 ? -errno : mroute_nl_scan_messages(&req, (struct nlmsghdr *)(void *)buf, (int)n);
	if (err <= 0)
		mroute_nl_disconnect(&nl->scan);
	return err;
}
