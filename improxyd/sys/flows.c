/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/flows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/hash.h"
#include "lib/util.h"
#include "sys/fdstore.h"
#include "sys/loop.h"

#define FLOWS_MAX    16384
#define FLOWS_A_PASS 512
#define FLOWS_RCVBUF (1 << 20)
#define FLOWS_HEADER 40 /* octets that are copied: an IPv6 header, or more than an IPv4 one */

struct flow {
	struct {
		struct ipaddr source, group;
		int ifindex;
	} key;
	UT_hash_handle hh;
};

struct flows_af {
	uint16_t protocol;
	struct sock_fprog filter;
	unsigned int source, group, len; /* where the addresses are */
};

struct flows {
	const struct flows_af *af;
	int fd;
	struct loop_fd *watch;
	struct flow *seen;
};

/*
 * Offsets count from the network header. Packets of our own are not of interest, nor are groups no router forwards:
 * 224.0.0.0/24, and scopes up to link-local.
 */
static struct sock_filter filter_v4[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 6, 0),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0xf0000000, 4, 0),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0xe0000100, 0, 3),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_IGMP, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, FLOWS_HEADER),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static struct sock_filter filter_v6[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 8, 0),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 24),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xff, 0, 6),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 25),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x0f),
	BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 2, 0, 3),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_HOPOPTS, 1, 0), /* MLD */
	BPF_STMT(BPF_RET | BPF_K, FLOWS_HEADER),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static const struct flows_af flows_afs[FAMILY_COUNT] = {
	[FAMILY_IPV4] = { ETH_P_IP, { ARRAY_SIZE(filter_v4), filter_v4 }, 12, 16, 4 },
	[FAMILY_IPV6] = { ETH_P_IPV6, { ARRAY_SIZE(filter_v6), filter_v6 }, 8, 24, 16 },
};

/* One that finds no memory or no room is not seen: its stream asks the kernel later, as a new one does. */
static void flows_note(struct flows *flows, int ifindex, const uint8_t *header)
{
	struct flow *flow = calloc(1, sizeof(*flow)), *known;

	if (!flow)
		return;
	flow->key.source = ipaddr_from_bytes(header + flows->af->source, flows->af->len);
	flow->key.group = ipaddr_from_bytes(header + flows->af->group, flows->af->len);
	flow->key.ifindex = ifindex;
	HASH_FIND(hh, flows->seen, &flow->key, sizeof(flow->key), known);
	if (known || HASH_COUNT(flows->seen) >= FLOWS_MAX) {
		free(flow);
		return;
	}
	HASH_ADD(hh, flows->seen, key, sizeof(flow->key), flow);
	if (!hash_added(flow))
		free(flow);
}

static void flows_readable(void *arg)
{
	struct flows *flows = arg;

	for (unsigned int i = 0; i < FLOWS_A_PASS; i++) {
		struct sockaddr_ll from = { 0 };
		socklen_t fromlen = sizeof(from);
		uint8_t header[FLOWS_HEADER];
		ssize_t n =
			recvfrom(flows->fd, header, sizeof(header), MSG_DONTWAIT, (struct sockaddr *)&from, &fromlen);

		/* An interface that goes down is told as an error, once; the others are still heard. */
		if (n < 0 && errno != ENETDOWN)
			return;
		if (n >= (ssize_t)(flows->af->group + flows->af->len))
			flows_note(flows, from.sll_ifindex, header);
	}
}

int flows_open(struct loop *loop, enum family family, struct flows **out)
{
	struct flows *flows = calloc(1, sizeof(*flows));
	const struct flows_af *af = &flows_afs[family];
	const struct sockaddr_ll any = { .sll_family = AF_PACKET, .sll_protocol = htons(af->protocol) };
	int err, size = FLOWS_RCVBUF;

	if (!flows)
		return -ENOMEM;
	flows->af = af;
	/* Without a protocol it receives nothing before the filter is there. */
	flows->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (flows->fd < 0 || setsockopt(flows->fd, SOL_SOCKET, SO_ATTACH_FILTER, &af->filter, sizeof(af->filter)) ||
	    bind(flows->fd, (const struct sockaddr *)&any, sizeof(any))) {
		err = -errno;
		goto fail;
	}
	/* The default size serves too. */
	(void)setsockopt(flows->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	flows->watch = loop_fd_new(loop, flows->fd, flows_readable, NULL, flows);
	if (!flows->watch) {
		err = -ENOMEM;
		goto fail;
	}
	*out = flows;
	return 0;
fail:
	flows_close(flows);
	return err;
}

void flows_close(struct flows *flows)
{
	struct flow *flow, *next;

	if (!flows)
		return;
	loop_fd_free(flows->watch);
	if (flows->fd >= 0)
		fdstore_discard(flows->fd);
	HASH_ITER (hh, flows->seen, flow, next) {
		HASH_DEL(flows->seen, flow);
		free(flow);
	}
	free(flows);
}

void flows_walk(const struct flows *flows, flows_fn *fn, void *arg)
{
	for (const struct flow *flow = flows->seen; flow; flow = flow->hh.next)
		fn(arg, flow->key.ifindex, &flow->key.source, &flow->key.group);
}
