/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/linklocal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/util.h"
#include "sys/loop.h"

/*
 * A sender whose entry stands goes on being seen, so it is the looks that have to be bounded: 50 a second cost nothing
 * to speak of, and a sender that appears during a rest gets 20 ms of its packets through. The queue holds about as much
 * as one look reads, so that what is read is never old.
 */
#define PACKETS_A_LOOK 32
#define REST           mtime_from_ms(20)
#define QUEUE          32768 /* octets, of which a packet takes one or two thousand */
#define RETRY          mtime_from_s(30)
#define HEADER         40 /* octets that are copied: an IPv6 header, or more than an IPv4 one */
#define HEAD_MAX       12
#define FILTER_MAX     (HEAD_MAX + GM_MAX_IFS + 3)

struct linklocal_af {
	uint16_t protocol;
	const struct sock_filter *head;
	unsigned short head_len;
	unsigned int source, group, len; /* where the addresses are */
};

struct linklocal {
	struct loop *loop;
	enum family family;
	linklocal_fn *seen;
	void *arg;
	int ifindex[GM_MAX_IFS];
	int fd; /* -1: closed */
	struct loop_fd *watch;
	struct loop_timer *timer; /* end of a rest, or the next try */
	bool failing;
};

/* --- the filter --- */

#define LOAD(size, offset)              BPF_STMT(BPF_LD | (size) | BPF_ABS, (uint32_t)(offset))
#define JUMP_IF(compare, value, jt, jf) BPF_JUMP(BPF_JMP | (compare) | BPF_K, (uint32_t)(value), (jt), (jf))

/*
 * Offsets count from the network header. The last instruction of each refuses; what passes jumps behind it. With a TTL
 * or Hop Limit of 1 membership messages are left out too.
 */
static const struct sock_filter head_v4[] = {
	LOAD(BPF_B, SKF_AD_OFF + SKF_AD_PKTTYPE),
	JUMP_IF(BPF_JGT, PACKET_MULTICAST, 7, 0), /* somebody else's, or leaving */
	LOAD(BPF_H, 12),
	JUMP_IF(BPF_JEQ, 0xa9fe, 0, 5),
	LOAD(BPF_W, 16),
	JUMP_IF(BPF_JGE, 0xf0000000, 3, 0),
	JUMP_IF(BPF_JGE, 0xe0000100, 0, 2),
	LOAD(BPF_B, 8),
	JUMP_IF(BPF_JGT, 1, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static const struct sock_filter head_v6[] = {
	LOAD(BPF_B, SKF_AD_OFF + SKF_AD_PKTTYPE),
	JUMP_IF(BPF_JGT, PACKET_MULTICAST, 8, 0),
	LOAD(BPF_H, 8),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffc0),
	JUMP_IF(BPF_JEQ, 0xfe80, 0, 5),
	LOAD(BPF_H, 24),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff0f), /* the scope, with any flags */
	JUMP_IF(BPF_JGT, 0xff02, 0, 2),
	LOAD(BPF_B, 7),
	JUMP_IF(BPF_JGT, 1, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

_Static_assert(ARRAY_SIZE(head_v4) <= HEAD_MAX && ARRAY_SIZE(head_v6) <= HEAD_MAX, "the filter has no room");

static const struct linklocal_af afs[FAMILY_COUNT] = {
	[FAMILY_IPV4] = { ETH_P_IP, head_v4, ARRAY_SIZE(head_v4), 12, 16, 4 },
	[FAMILY_IPV6] = { ETH_P_IPV6, head_v6, ARRAY_SIZE(head_v6), 8, 24, 16 },
};

static unsigned int count(const int ifindex[GM_MAX_IFS])
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < GM_MAX_IFS; i++)
		n += ifindex[i] != 0;
	return n;
}

/* Replaces what filter there is in one go. Returns 0 or -errno. */
static int set_filter(const struct linklocal *l)
{
	const struct linklocal_af *af = &afs[l->family];
	unsigned int left = count(l->ifindex);
	struct sock_filter code[FILTER_MAX], *at = code + af->head_len;
	struct sock_fprog program = { .filter = code };

	memcpy(code, af->head, af->head_len * sizeof(*code));
	*at++ = (struct sock_filter)LOAD(BPF_W, SKF_AD_OFF + SKF_AD_IFINDEX);
	for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
		if (l->ifindex[i])
			*at++ = (struct sock_filter)JUMP_IF(BPF_JEQ, l->ifindex[i], (uint8_t)left--, 0);
	}
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, HEADER);
	program.len = (unsigned short)(at - code);
	return setsockopt(l->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

/* --- the looks --- */

static void look(void *arg)
{
	const struct linklocal *l = arg;
	const struct linklocal_af *af = &afs[l->family];

	for (unsigned int i = 0; i < PACKETS_A_LOOK; i++) {
		struct sockaddr_ll from = { 0 };
		socklen_t fromlen = sizeof(from);
		struct ipaddr source, group;
		uint8_t header[HEADER];
		ssize_t n = recvfrom(l->fd, header, sizeof(header), 0, (struct sockaddr *)&from, &fromlen);

		/* Nothing is left, or an error that is told once: what comes after it is for the next look. */
		if (n < 0)
			break;
		if (n < (ssize_t)(af->group + af->len))
			continue;
		source = ipaddr_from_bytes(header + af->source, af->len);
		group = ipaddr_from_bytes(header + af->group, af->len);
		l->seen(l->arg, from.sll_ifindex, &source, &group);
	}
	/* If that failed, the next look would only come sooner. */
	(void)loop_fd_want_read(l->watch, false);
	loop_timer_at(l->timer, loop_now() + REST);
}

static void close_socket(struct linklocal *l)
{
	loop_fd_free(l->watch);
	l->watch = NULL;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	loop_timer_at(l->timer, MTIME_NEVER);
}

static int open_socket(struct linklocal *l)
{
	const struct sockaddr_ll any = { .sll_family = AF_PACKET, .sll_protocol = htons(afs[l->family].protocol) };
	int size = QUEUE, err;

	/* Without a protocol it receives nothing before the filter is there. */
	l->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -errno;
	err = set_filter(l);
	if (err < 0)
		return err;
	if (setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0 ||
	    bind(l->fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
		return -errno;
	l->watch = loop_fd_new(l->loop, l->fd, look, NULL, l);
	return l->watch ? 0 : -ENOMEM;
}

/* Brings the socket to what is to be watched. */
static void apply(struct linklocal *l)
{
	int err;

	if (!count(l->ifindex)) {
		close_socket(l);
		l->failing = false;
		return;
	}
	err = l->fd < 0 ? open_socket(l) : set_filter(l);
	if (err < 0) {
		close_socket(l);
		loop_timer_at(l->timer, loop_now() + RETRY);
		if (!l->failing)
			log_warn("mroute", "%s: link-local senders are not seen, and their data is forwarded: %s",
				 family_title(l->family), strerror(-err));
	}
	l->failing = err < 0;
}

static void on_time(void *arg)
{
	struct linklocal *l = arg;

	if (l->fd < 0)
		apply(l);
	else if (loop_fd_want_read(l->watch, true) < 0)
		loop_timer_at(l->timer, loop_now() + REST);
}

void linklocal_watch(struct linklocal *l, const int ifindex[GM_MAX_IFS])
{
	if (memcmp(l->ifindex, ifindex, sizeof(l->ifindex)) == 0)
		return;
	memcpy(l->ifindex, ifindex, sizeof(l->ifindex));
	apply(l);
}

/* --- life --- */

struct linklocal *linklocal_new(struct loop *loop, enum family family, linklocal_fn *seen, void *arg)
{
	struct linklocal *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	*l = (struct linklocal){ .loop = loop, .family = family, .seen = seen, .arg = arg, .fd = -1 };
	l->timer = loop_timer_new(loop, on_time, l);
	if (l->timer)
		return l;
	free(l);
	return NULL;
}

void linklocal_free(struct linklocal *l)
{
	if (!l)
		return;
	close_socket(l);
	loop_timer_free(l->timer);
	free(l);
}
