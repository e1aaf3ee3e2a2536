/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/sniff.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/util.h"
#include "sys/fdstore.h"
#include "sys/loop.h"

#define MAX_LOOKS      8
#define PACKETS_A_PASS 64
#define HEADER_V4      20
#define HEADER_V6      40
#define RECEIVE_BUFFER 65536
#define MAX_FILTER     (24 + SNIFF_MAX_IFS)

struct sniff {
	struct sniff_request request;
	int fd;
	struct loop_fd *watch;
	struct loop_timer *timer;
	bool over;
};

static unsigned int looks; /* under way */

/* --- the filter --- */

struct program {
	struct sock_filter code[MAX_FILTER];
	unsigned short len;
};

static void add(struct program *p, unsigned short code, uint32_t k)
{
	p->code[p->len++] = (struct sock_filter)BPF_STMT(code, k);
}

/* Jumps to be led to the end of the program, where a packet is left out: `jt` or `jf` is set by finish(). */
enum { REFUSE = 0xff };

static void demand(struct program *p, uint32_t value)
{
	p->code[p->len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, REFUSE);
}

static void refuse(struct program *p, uint32_t value)
{
	p->code[p->len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, REFUSE, 0);
}

static void demand_address(struct program *p, uint32_t offset, const struct ipaddr *addr)
{
	const uint8_t *octets = ipaddr_bytes(addr);

	for (unsigned int i = 0; i < ipaddr_bytes_len(addr); i += 4) {
		uint32_t word;

		memcpy(&word, octets + i, sizeof(word));
		add(p, BPF_LD | BPF_W | BPF_ABS, offset + i);
		demand(p, ntohl(word));
	}
}

/* One interface of several: a match jumps to the acceptance behind the last. */
static void demand_interface(struct program *p, const struct sniff_request *r)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX));
	for (unsigned int i = 0; i < r->nifs; i++) {
		bool last = i + 1 == r->nifs;

		p->code[p->len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)r->ifindex[i],
								 (uint8_t)(r->nifs - 1 - i), last ? REFUSE : 0);
	}
}

static void finish(struct program *p)
{
	unsigned int end = p->len + 1u;

	add(p, BPF_RET | BPF_K, HEADER_V6);
	add(p, BPF_RET | BPF_K, 0);
	for (unsigned int i = 0; i < end; i++) {
		struct sock_filter *f = &p->code[i];

		if (f->jt == REFUSE)
			f->jt = (uint8_t)(end - i - 1);
		if (f->jf == REFUSE)
			f->jf = (uint8_t)(end - i - 1);
	}
}

/* Membership messages go to the group as well, and are no data: IGMP by its protocol, MLD by its hop-by-hop header. */
static void build(struct program *p, const struct sniff_request *r)
{
	bool v4 = r->family == FAMILY_IPV4;

	*p = (struct program){ .len = 0 };
	demand_address(p, v4 ? 16 : 24, &r->group);
	if (!ipaddr_is_none(&r->source))
		demand_address(p, v4 ? 12 : 8, &r->source);
	add(p, BPF_LD | BPF_B | BPF_ABS, v4 ? 9 : 6);
	if (r->messages)
		demand(p, v4 ? IPPROTO_IGMP : IPPROTO_HOPOPTS);
	else
		refuse(p, v4 ? IPPROTO_IGMP : IPPROTO_HOPOPTS);
	demand_interface(p, r);
	finish(p);
}

/* --- the look --- */

static void end(struct sniff *s)
{
	loop_fd_free(s->watch);
	s->watch = NULL;
	if (s->over)
		return;
	s->over = true;
	looks--;
}

/* The timer ends every look, also one that has seen enough: done() is never called from inside another's callback. */
static void on_time(void *arg)
{
	struct sniff *s = arg;

	end(s);
	s->request.done(s->request.arg);
}

static void stop_soon(struct sniff *s)
{
	loop_fd_free(s->watch);
	s->watch = NULL;
	/* Without memory for it, the timer still comes at its old time. */
	loop_timer_at(s->timer, loop_now());
}

/* Returns false when the header is not one. */
static bool read_header(const struct sniff *s, const uint8_t *header, size_t len, struct sniff_packet *packet)
{
	if (s->request.family == FAMILY_IPV4) {
		if (len < HEADER_V4)
			return false;
		packet->ttl = header[8];
		packet->source = ipaddr_from_bytes(header + 12, 4);
		return true;
	}
	if (len < HEADER_V6)
		return false;
	packet->ttl = header[7];
	packet->source = ipaddr_from_bytes(header + 8, 16);
	return true;
}

static void on_readable(void *arg)
{
	struct sniff *s = arg;

	for (unsigned int i = 0; i < PACKETS_A_PASS; i++) {
		struct sockaddr_ll from = { 0 };
		socklen_t fromlen = sizeof(from);
		uint8_t header[HEADER_V6];
		struct sniff_packet packet = { 0 };
		ssize_t n = recvfrom(s->fd, header, sizeof(header), 0, (struct sockaddr *)&from, &fromlen);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			/* An interface that went down is told once by an error; others are still listened to. */
			return;
		}
		if (from.sll_pkttype == PACKET_OUTGOING || !read_header(s, header, (size_t)n, &packet))
			continue;
		packet.ifindex = from.sll_ifindex;
		if (from.sll_halen == sizeof(packet.station))
			memcpy(packet.station, from.sll_addr, sizeof(packet.station));
		if (s->request.packet(s->request.arg, &packet)) {
			stop_soon(s);
			return;
		}
	}
}

static int open_socket(const struct sniff_request *r)
{
	struct program program;
	struct sock_fprog fprog = { .filter = program.code };
	struct sockaddr_ll addr = { .sll_family = AF_PACKET };
	int size = RECEIVE_BUFFER, fd, err;

	/* Protocol 0: nothing arrives before the filter is there. */
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	build(&program, r);
	fprog.len = program.len;
	addr.sll_protocol = htons(r->family == FAMILY_IPV4 ? ETH_P_IP : ETH_P_IPV6);
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &fprog, sizeof(fprog)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int sniff_start(struct loop *loop, const struct sniff_request *request, struct sniff **out)
{
	struct sniff *s;
	int err;

	if (!request->nifs || request->nifs > SNIFF_MAX_IFS)
		return -EINVAL;
	if (looks >= MAX_LOOKS)
		return -EBUSY;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->request = *request;
	looks++;
	s->fd = open_socket(request);
	if (s->fd < 0) {
		err = s->fd;
		goto fail;
	}
	err = -ENOMEM;
	s->watch = loop_fd_new(loop, s->fd, on_readable, NULL, s);
	s->timer = loop_timer_new(loop, on_time, s);
	if (!s->watch || !s->timer)
		goto fail;
	loop_timer_at(s->timer, loop_now() + request->time);
	*out = s;
	return 0;
fail:
	sniff_free(s);
	return err;
}

void sniff_free(struct sniff *sniff)
{
	if (!sniff)
		return;
	end(sniff);
	loop_timer_free(sniff->timer);
	if (sniff->fd >= 0)
		fdstore_discard(sniff->fd);
	free(sniff);
}
