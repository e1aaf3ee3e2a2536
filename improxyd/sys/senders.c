/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/senders.h"

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
#include "sys/fdstore.h"
#include "sys/loop.h"

/*
 * A sender whose entry stands goes on sending: the filter leaves it out for a while, as long as these are few, and the
 * looks are bounded: 50 a second cost nothing to speak of, and a sender that appears during a rest waits 20 ms. The
 * queue holds about as much as one look reads, so that what is read is never old.
 */
#define PACKETS_A_LOOK 32
#define REST           mtime_from_ms(20)
#define QUEUE          32768 /* octets, of which a packet takes one or two thousand */
#define TOLD_MAX       32
#define TOLD_FOR       mtime_from_s(3) /* the engine may have refused it */
#define RETRY          mtime_from_s(30)
#define HEADER         40 /* octets that are copied: an IPv6 header, or more than an IPv4 one */
#define WORDS_MAX      9  /* of both addresses and the interface, which the filter compares */
#define HEAD_MAX       12
#define LOCAL_MAX      4
#define FLOW_MAX       (2 * WORDS_MAX + 1)
#define FILTER_MAX     (HEAD_MAX + LOCAL_MAX + GM_MAX_IFS + 3 + 2 * WORDS_MAX + TOLD_MAX * FLOW_MAX + 1)

struct senders_af {
	uint16_t protocol;
	const struct sock_filter *head, *local;
	unsigned int head_len, local_len;
	unsigned int source, group, len; /* where the addresses are */
};

struct flow {
	int ifindex;
	struct ipaddr source, group;
};

struct senders {
	struct loop *loop;
	enum family family;
	senders_fn *seen;
	void *arg;
	int ifindex[GM_MAX_IFS];
	uint32_t all;               /* a bit per interface: all senders count, not only link-local ones */
	struct flow told[TOLD_MAX]; /* and left out by the filter, once it is set */
	unsigned int ntold;
	int fd; /* -1: closed */
	struct loop_fd *watch;
	struct loop_timer *timer;  /* end of a rest, or the next try */
	struct loop_timer *forget; /* what was told */
	bool failing;
};

/* --- the filter --- */

#define LOAD(size, offset)              BPF_STMT(BPF_LD | (size) | BPF_ABS, (uint32_t)(offset))
#define JUMP_IF(compare, value, jt, jf) BPF_JUMP(BPF_JMP | (compare) | BPF_K, (uint32_t)(value), (jt), (jf))
#define REFUSE                          BPF_STMT(BPF_RET | BPF_K, 0)

/*
 * Offsets count from the network header. The last instruction of each refuses; what passes jumps behind it. With a TTL
 * or Hop Limit of 1 membership messages are left out too.
 */
static const struct sock_filter head_v4[] = {
	LOAD(BPF_B, SKF_AD_OFF + SKF_AD_PKTTYPE),
	JUMP_IF(BPF_JGT, PACKET_MULTICAST, 5, 0), /* somebody else's, or leaving */
	LOAD(BPF_W, 16),
	JUMP_IF(BPF_JGE, 0xf0000000, 3, 0),
	JUMP_IF(BPF_JGE, 0xe0000100, 0, 2),
	LOAD(BPF_B, 8),
	JUMP_IF(BPF_JGT, 1, 1, 0),
	REFUSE,
};

static const struct sock_filter head_v6[] = {
	LOAD(BPF_B, SKF_AD_OFF + SKF_AD_PKTTYPE),
	JUMP_IF(BPF_JGT, PACKET_MULTICAST, 7, 0),
	LOAD(BPF_B, 24),
	JUMP_IF(BPF_JEQ, 0xff, 0, 5),
	LOAD(BPF_B, 25),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x0f), /* the scope, with any flags */
	JUMP_IF(BPF_JGT, 2, 0, 2),
	LOAD(BPF_B, 7),
	JUMP_IF(BPF_JGT, 1, 1, 0),
	REFUSE,
};

static const struct sock_filter local_v4[] = {
	LOAD(BPF_H, 12),
	JUMP_IF(BPF_JEQ, 0xa9fe, 1, 0),
	REFUSE,
};

static const struct sock_filter local_v6[] = {
	LOAD(BPF_H, 8),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffc0),
	JUMP_IF(BPF_JEQ, 0xfe80, 1, 0),
	REFUSE,
};

_Static_assert(ARRAY_SIZE(head_v4) <= HEAD_MAX && ARRAY_SIZE(head_v6) <= HEAD_MAX &&
		       ARRAY_SIZE(local_v4) <= LOCAL_MAX && ARRAY_SIZE(local_v6) <= LOCAL_MAX,
	       "the filter has no room");

static const struct senders_af afs[FAMILY_COUNT] = {
	[FAMILY_IPV4] = { ETH_P_IP, head_v4, local_v4, ARRAY_SIZE(head_v4), ARRAY_SIZE(local_v4), 12, 16, 4 },
	[FAMILY_IPV6] = { ETH_P_IPV6, head_v6, local_v6, ARRAY_SIZE(head_v6), ARRAY_SIZE(local_v6), 8, 24, 16 },
};

struct program {
	struct sock_filter code[FILTER_MAX];
	unsigned short len;
};

static void add(struct program *p, struct sock_filter instruction)
{
	p->code[p->len++] = instruction;
}

static void add_part(struct program *p, const struct sock_filter *code, unsigned int n)
{
	memcpy(p->code + p->len, code, n * sizeof(*code));
	p->len = (unsigned short)(p->len + n);
}

/* An interface on which all senders count, or one of the others. */
static bool is_kind(const struct senders *s, unsigned int i, bool all)
{
	return s->ifindex[i] && (s->all >> i & 1) == all;
}

static unsigned int count(const struct senders *s, bool all)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < GM_MAX_IFS; i++)
		n += is_kind(s, i, all);
	return n;
}

/* One of these: jumps over what follows, of which so much is to be left out. */
static void add_interfaces(struct program *p, const struct senders *s, bool all, unsigned int over)
{
	unsigned int left = count(s, all) + over;

	add(p, (struct sock_filter)LOAD(BPF_W, SKF_AD_OFF + SKF_AD_IFINDEX));
	for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
		if (is_kind(s, i, all))
			add(p, (struct sock_filter)JUMP_IF(BPF_JEQ, s->ifindex[i], (uint8_t)--left, 0));
	}
}

/* A flow in words: the addresses, each from its end, where they differ most, and the interface. */
static uint32_t word_offset(const struct senders_af *af, unsigned int i)
{
	unsigned int words = af->len / 4;

	if (i == 2 * words)
		return (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX);
	return i < words ? af->source + af->len - 4 * (i + 1) : af->group + af->len - 4 * (i - words + 1);
}

static uint32_t word_of(const struct senders_af *af, const struct flow *flow, unsigned int i)
{
	unsigned int words = af->len / 4;
	const struct ipaddr *addr = i < words ? &flow->source : &flow->group;
	uint32_t word;

	if (i == 2 * words)
		return (uint32_t)flow->ifindex;
	memcpy(&word, ipaddr_bytes(addr) + af->len - 4 * (i % words + 1), sizeof(word));
	return ntohl(word);
}

/* Refuses what has been told. The words are loaded once: the kernel bounds what a filter grows to. */
static void add_told(struct program *p, const struct senders *s)
{
	const struct senders_af *af = &afs[s->family];
	unsigned int words = 2 * af->len / 4 + 1;

	for (unsigned int i = 0; i < words && s->ntold; i++) {
		add(p, (struct sock_filter)LOAD(BPF_W, word_offset(af, i)));
		add(p, (struct sock_filter)BPF_STMT(BPF_ST, i));
	}
	for (unsigned int n = 0; n < s->ntold; n++) {
		for (unsigned int i = 0; i < words; i++) {
			add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_MEM, i));
			add(p, (struct sock_filter)JUMP_IF(BPF_JEQ, word_of(af, &s->told[n], i), 0,
							   (uint8_t)(2 * (words - i) - 1)));
		}
		add(p, (struct sock_filter)REFUSE);
	}
}

/* Replaces what filter there is in one go. Returns 0 or -errno. */
static int set_filter(const struct senders *s)
{
	const struct senders_af *af = &afs[s->family];
	struct program p = { .len = 0 };
	struct sock_fprog program = { .filter = p.code };

	add_part(&p, af->head, af->head_len);
	add_interfaces(&p, s, true, af->local_len + 1 + count(s, false) + 1);
	add_part(&p, af->local, af->local_len);
	add_interfaces(&p, s, false, 1);
	add(&p, (struct sock_filter)REFUSE);
	add_told(&p, s);
	add(&p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, HEADER));
	program.len = p.len;
	return setsockopt(s->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

/* --- the looks --- */

static bool is_told(const struct senders *s, const struct flow *flow)
{
	for (const struct flow *told = s->told; told < s->told + s->ntold; told++) {
		if (told->ifindex == flow->ifindex && ipaddr_eq(&told->source, &flow->source) &&
		    ipaddr_eq(&told->group, &flow->group))
			return true;
	}
	return false;
}

static void tell(struct senders *s, int ifindex, const uint8_t *header)
{
	const struct senders_af *af = &afs[s->family];
	const struct flow flow = {
		.ifindex = ifindex,
		.source = ipaddr_from_bytes(header + af->source, af->len),
		.group = ipaddr_from_bytes(header + af->group, af->len),
	};

	/* It was in the queue before the filter was set. */
	if (is_told(s, &flow))
		return;
	if (s->ntold < TOLD_MAX)
		s->told[s->ntold++] = flow;
	s->seen(s->arg, ifindex, &flow.source, &flow.group);
}

static void look(void *arg)
{
	struct senders *s = arg;
	const struct senders_af *af = &afs[s->family];
	unsigned int before = s->ntold;

	for (unsigned int i = 0; i < PACKETS_A_LOOK; i++) {
		struct sockaddr_ll from = { 0 };
		socklen_t fromlen = sizeof(from);
		uint8_t header[HEADER];
		ssize_t n = recvfrom(s->fd, header, sizeof(header), 0, (struct sockaddr *)&from, &fromlen);

		/* Nothing is left, or an error that is told once: what comes after it is for the next look. */
		if (n < 0)
			break;
		if (n >= (ssize_t)(af->group + af->len))
			tell(s, from.sll_ifindex, header);
	}
	if (s->ntold != before) {
		/* With the old one more is seen. */
		(void)set_filter(s);
		if (!before)
			loop_timer_at(s->forget, loop_now() + TOLD_FOR);
	}
	/* If that failed, the next look would only come sooner. */
	(void)loop_fd_want_read(s->watch, false);
	loop_timer_at(s->timer, loop_now() + REST);
}

static void forget_all(void *arg)
{
	struct senders *s = arg;

	s->ntold = 0;
	if (s->fd >= 0)
		(void)set_filter(s);
}

void senders_forget(struct senders *s, const struct ipaddr *source, const struct ipaddr *group)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < s->ntold; i++) {
		if (!ipaddr_eq(&s->told[i].source, source) || !ipaddr_eq(&s->told[i].group, group))
			s->told[left++] = s->told[i];
	}
	if (left == s->ntold)
		return;
	s->ntold = left;
	if (s->fd >= 0)
		(void)set_filter(s);
}

static void close_socket(struct senders *s)
{
	loop_fd_free(s->watch);
	s->watch = NULL;
	if (s->fd >= 0)
		fdstore_discard(s->fd);
	s->fd = -1;
	loop_timer_at(s->timer, MTIME_NEVER);
}

static int open_socket(struct senders *s)
{
	const struct sockaddr_ll any = { .sll_family = AF_PACKET, .sll_protocol = htons(afs[s->family].protocol) };
	int size = QUEUE, err;

	/* Without a protocol it receives nothing before the filter is there. */
	s->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	err = set_filter(s);
	if (err < 0)
		return err;
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0 ||
	    bind(s->fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
		return -errno;
	s->watch = loop_fd_new(s->loop, s->fd, look, NULL, s);
	return s->watch ? 0 : -ENOMEM;
}

/* Brings the socket to what is to be watched. */
static void apply(struct senders *s)
{
	int err;

	if (!count(s, true) && !count(s, false)) {
		close_socket(s);
		s->failing = false;
		return;
	}
	err = s->fd < 0 ? open_socket(s) : set_filter(s);
	if (err < 0) {
		close_socket(s);
		loop_timer_at(s->timer, loop_now() + RETRY);
		if (!s->failing)
			log_warn("mroute",
				 "%s: link-local senders are not seen, and their data is forwarded; senders on LANs "
				 "may have to wait: %s",
				 family_title(s->family), strerror(-err));
	}
	s->failing = err < 0;
}

static void on_time(void *arg)
{
	struct senders *s = arg;

	if (s->fd < 0)
		apply(s);
	else if (loop_fd_want_read(s->watch, true) < 0)
		loop_timer_at(s->timer, loop_now() + REST);
}

void senders_watch(struct senders *s, const int ifindex[GM_MAX_IFS], uint32_t all)
{
	if (memcmp(s->ifindex, ifindex, sizeof(s->ifindex)) == 0 && s->all == all)
		return;
	memcpy(s->ifindex, ifindex, sizeof(s->ifindex));
	s->all = all;
	s->ntold = 0;
	apply(s);
}

/* --- life --- */

struct senders *senders_new(struct loop *loop, enum family family, senders_fn *seen, void *arg)
{
	struct senders *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct senders){ .loop = loop, .family = family, .seen = seen, .arg = arg, .fd = -1 };
	s->timer = loop_timer_new(loop, on_time, s);
	s->forget = loop_timer_new(loop, forget_all, s);
	if (s->timer && s->forget)
		return s;
	loop_timer_free(s->timer);
	loop_timer_free(s->forget);
	free(s);
	return NULL;
}

void senders_free(struct senders *s)
{
	if (!s)
		return;
	close_socket(s);
	loop_timer_free(s->timer);
	loop_timer_free(s->forget);
	free(s);
}
