/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libnl's bridge links know nothing of snooping, so the attributes are read here. */
#include "sys/bridge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#define BRIDGE_TIMEOUT_S 1
#define BRIDGE_DEEPEST   4  /* VLANs on VLANs */
#define BRIDGE_TICK_MS   10 /* of the kernel's times in these attributes */
#define VLAN_SNOOPING    (1u << BR_BOOLOPT_MCAST_VLAN_SNOOPING)

/* What one link is. */
struct bridge_link {
	char kind[16];
	int below; /* ifindex, in the same namespace; 0: none */
	bool snooping;
	struct bridge bridge;
	struct br_boolopt_multi options;
};

static void bridge_read_querier(struct bridge *bridge, struct nlattr *attr)
{
	struct nlattr *attrs[BRIDGE_QUERIER_MAX + 1];

	if (!attr || nla_parse_nested(attrs, BRIDGE_QUERIER_MAX, attr, NULL) < 0)
		return;
	bridge->querier[FAMILY_IPV4] = attrs[BRIDGE_QUERIER_IP_ADDRESS] != NULL;
	bridge->querier[FAMILY_IPV6] = attrs[BRIDGE_QUERIER_IPV6_ADDRESS] != NULL;
}

static void bridge_read_info(struct bridge_link *link, struct nlattr *attr)
{
	struct nlattr *info[IFLA_INFO_MAX + 1], *attrs[IFLA_BR_MAX + 1];

	if (!attr || nla_parse_nested(info, IFLA_INFO_MAX, attr, NULL) < 0 || !info[IFLA_INFO_KIND])
		return;
	snprintf(link->kind, sizeof(link->kind), "%s", nla_get_string(info[IFLA_INFO_KIND]));
	if (strcmp(link->kind, "bridge") != 0 || !info[IFLA_INFO_DATA] ||
	    nla_parse_nested(attrs, IFLA_BR_MAX, info[IFLA_INFO_DATA], NULL) < 0)
		return;
	link->snooping = attrs[IFLA_BR_MCAST_SNOOPING] && nla_get_u8(attrs[IFLA_BR_MCAST_SNOOPING]);
	if (attrs[IFLA_BR_MCAST_QUERIER_INTVL])
		link->bridge.patience =
			mtime_from_ms((int64_t)nla_get_u64(attrs[IFLA_BR_MCAST_QUERIER_INTVL]) * BRIDGE_TICK_MS);
	if (attrs[IFLA_BR_MULTI_BOOLOPT])
		(void)nla_memcpy(&link->options, attrs[IFLA_BR_MULTI_BOOLOPT], sizeof(link->options));
	bridge_read_querier(&link->bridge, attrs[IFLA_BR_MCAST_QUERIER_STATE]);
}

static int bridge_valid(struct nl_msg *msg, void *arg)
{
	struct bridge_link *link = arg;
	struct nlattr *attrs[IFLA_MAX + 1];

	if (nlmsg_hdr(msg)->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(nlmsg_hdr(msg), sizeof(struct ifinfomsg), attrs, IFLA_MAX, NULL) < 0 || !attrs[IFLA_IFNAME])
		return NL_SKIP;
	snprintf(link->bridge.name, sizeof(link->bridge.name), "%s", nla_get_string(attrs[IFLA_IFNAME]));
	if (attrs[IFLA_LINK] && !attrs[IFLA_LINK_NETNSID])
		link->below = (int)nla_get_u32(attrs[IFLA_LINK]);
	bridge_read_info(link, attrs[IFLA_LINKINFO]);
	return NL_OK;
}

/* By its name, or by its index when `name` is NULL. */
static int bridge_ask(struct nl_sock *sock, const char *name, int ifindex, struct bridge_link *link)
{
	const struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = name ? 0 : ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);
	int err;

	*link = (struct bridge_link){ .below = 0 };
	if (!msg)
		return -ENOMEM;
	err = nlmsg_append(msg, (void *)(uintptr_t)&ifi, sizeof(ifi), NLMSG_ALIGNTO);
	if (err >= 0 && name)
		err = nla_put_string(msg, IFLA_IFNAME, name);
	if (err >= 0)
		err = nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, bridge_valid, link);
	if (err >= 0)
		err = nl_send_auto(sock, msg);
	if (err >= 0)
		err = nl_recvmsgs_default(sock);
	nlmsg_free(msg);
	return err < 0 || !*link->bridge.name ? -ENOENT : 0;
}

int bridge_read(const char *ifname, struct bridge *bridge)
{
	const struct timeval timeout = { .tv_sec = BRIDGE_TIMEOUT_S };
	struct nl_sock *sock = nl_socket_alloc();
	struct bridge_link link;
	int err = -ENOMEM;

	if (!sock)
		return -ENOMEM;
	if (nl_connect(sock, NETLINK_ROUTE) < 0 ||
	    setsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)))
		goto out;
	nl_socket_disable_auto_ack(sock);
	err = bridge_ask(sock, ifname, 0, &link);
	for (unsigned int i = 0; err == 0 && strcmp(link.kind, "vlan") == 0 && i < BRIDGE_DEEPEST; i++)
		err = link.below ? bridge_ask(sock, NULL, link.below, &link) : -ENOENT;
	if (err)
		goto out;
	/* Where each VLAN has a querier of its own, nothing can be said of the whole. */
	err = -ENOENT;
	if (strcmp(link.kind, "bridge") != 0 || !link.snooping || (link.options.optval & VLAN_SNOOPING))
		goto out;
	err = -EOPNOTSUPP;
	if (!(link.options.optmask & VLAN_SNOOPING))
		goto out;
	*bridge = link.bridge;
	err = 0;
out:
	nl_socket_free(sock);
	return err;
}
