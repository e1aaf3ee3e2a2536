/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/answers.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/util.h"
#include "sys/fdstore.h"
#include "sys/loop.h"

#define LOOKS            32               /* interfaces, as many as the kernel's table has */
#define RESPONSE_DEFAULT mtime_from_s(10) /* of IGMPv1, which does not tell */
#define RESPONSE_SLACK   mtime_from_s(1)
#define LOOK_LONGEST     mtime_from_s(60)
#define LOOK_PAUSE       mtime_from_s(5) /* from the beginning of a look to that of the next */

struct look {
	struct answers *answers;
	int ifindex; /* 0: free */
	mtime_t begun;
	struct answers_state state;
	int fd;
	struct loop_fd *watch;
	struct loop_timer *timer;
};

struct answers {
	struct loop *loop;
	enum family family;
	struct look looks[LOOKS];
};

/* --- the filter --- */

#define LOAD(size, offset)      BPF_STMT(BPF_LD | (size) | BPF_ABS, (uint32_t)(offset))
#define LOAD_X(offset)          BPF_STMT(BPF_LD | BPF_B | BPF_IND, (offset))
#define IF_EQUAL(value, jt, jf) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (jt), (jf))

/*
 * Offsets count from the network header. Reports of older versions, which leave in answer to a query as well as
 * unasked, and those of the newest whose first record tells a current state, 1 or 2: a change is no answer.
 */
static struct sock_filter filter_v4[] = {
	LOAD(BPF_B, SKF_AD_OFF + SKF_AD_PKTTYPE),
	IF_EQUAL(PACKET_OUTGOING, 0, 13),
	LOAD(BPF_H, SKF_AD_OFF + SKF_AD_PROTOCOL),
	IF_EQUAL(ETH_P_IP, 0, 11),
	LOAD(BPF_B, 9),
	IF_EQUAL(IPPROTO_IGMP, 0, 9),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	LOAD_X(0),
	IF_EQUAL(0x12, 5, 0),
	IF_EQUAL(0x16, 4, 0),
	IF_EQUAL(0x22, 0, 4),
	LOAD_X(8),
	IF_EQUAL(1, 1, 0),
	IF_EQUAL(2, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 1),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

/* The kernel's own reports have no other extension header than the one with the Router Alert, of 8 octets. */
static struct sock_filter filter_v6[] = {
	LOAD(BPF_B, SKF_AD_OFF + SKF_AD_PKTTYPE),
	IF_EQUAL(PACKET_OUTGOING, 0, 13),
	LOAD(BPF_H, SKF_AD_OFF + SKF_AD_PROTOCOL),
	IF_EQUAL(ETH_P_IPV6, 0, 11),
	LOAD(BPF_B, 6),
	IF_EQUAL(IPPROTO_HOPOPTS, 0, 9),
	LOAD(BPF_B, 40),
	IF_EQUAL(IPPROTO_ICMPV6, 0, 7),
	LOAD(BPF_B, 48),
	IF_EQUAL(131, 4, 0),
	IF_EQUAL(143, 0, 4),
	LOAD(BPF_B, 56),
	IF_EQUAL(1, 1, 0),
	IF_EQUAL(2, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 1),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static const struct sock_fprog filters[FAMILY_COUNT] = {
	[FAMILY_IPV4] = { ARRAY_SIZE(filter_v4), filter_v4 },
	[FAMILY_IPV6] = { ARRAY_SIZE(filter_v6), filter_v6 },
};

/* --- a look --- */

static void look_end(struct look *look)
{
	loop_fd_free(look->watch);
	look->watch = NULL;
	if (look->fd >= 0)
		fdstore_discard(look->fd);
	look->fd = -1;
	loop_timer_at(look->timer, MTIME_NEVER);
}

static void on_answer(void *arg)
{
	struct look *look = arg;
	uint8_t octet;

	/* An error is told once by a read: the interface has gone down, and may come back before the time is over. */
	if (recv(look->fd, &octet, sizeof(octet), 0) < 0)
		return;
	look->state.seen = loop_now();
	look->state.missed = false;
	look_end(look);
}

static void on_time(void *arg)
{
	struct look *look = arg;

	look->state.missed = true;
	look_end(look);
}

/* What leaves is shown to sockets for every protocol only. With protocol 0 nothing arrives before the filter is there.
 */
static int open_socket(enum family family, int ifindex)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = ifindex };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filters[family], sizeof(filters[family])) == 0 &&
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int look_begin(struct look *look, mtime_t time)
{
	const struct answers *answers = look->answers;

	look->fd = open_socket(answers->family, look->ifindex);
	if (look->fd < 0)
		return look->fd;
	look->watch = loop_fd_new(answers->loop, look->fd, on_answer, NULL, look);
	if (!look->watch) {
		look_end(look);
		return -ENOMEM;
	}
	loop_timer_at(look->timer, loop_now() + time);
	return 0;
}

static struct look *look_find(const struct answers *answers, int ifindex)
{
	for (unsigned int i = 0; i < LOOKS; i++) {
		if (answers->looks[i].ifindex == ifindex)
			return (struct look *)&answers->looks[i];
	}
	return NULL;
}

void answers_expect(struct answers *answers, int ifindex, mtime_t max_response)
{
	struct look *look = look_find(answers, ifindex);
	mtime_t time = mtime_min((max_response ? max_response : RESPONSE_DEFAULT) + RESPONSE_SLACK, LOOK_LONGEST);
	mtime_t now = loop_now();

	if (!look)
		look = look_find(answers, 0);
	if (!look || look->fd >= 0 || (look->ifindex && now - look->begun < LOOK_PAUSE))
		return;
	look->ifindex = ifindex;
	look->begun = now;
	look->state.error = look_begin(look, time);
	if (look->state.error < 0)
		look->state.missed = false;
}

void answers_forget(struct answers *answers, int ifindex)
{
	struct look *look = ifindex ? look_find(answers, ifindex) : NULL;

	if (!look)
		return;
	look_end(look);
	look->ifindex = 0;
	look->state = (struct answers_state){ .seen = 0 };
}

struct answers_state answers_state(const struct answers *answers, int ifindex)
{
	const struct look *look = ifindex ? look_find(answers, ifindex) : NULL;

	return look ? look->state : (struct answers_state){ .seen = 0 };
}

/* --- life --- */

struct answers *answers_new(struct loop *loop, enum family family)
{
	struct answers *answers = calloc(1, sizeof(*answers));
	bool whole = true;

	if (!answers)
		return NULL;
	answers->loop = loop;
	answers->family = family;
	for (unsigned int i = 0; i < LOOKS; i++) {
		struct look *look = &answers->looks[i];

		look->answers = answers;
		look->fd = -1;
		look->timer = loop_timer_new(loop, on_time, look);
		whole = whole && look->timer;
	}
	if (whole)
		return answers;
	answers_free(answers);
	return NULL;
}

void answers_free(struct answers *answers)
{
	if (!answers)
		return;
	for (unsigned int i = 0; i < LOOKS; i++) {
		if (answers->looks[i].timer)
			look_end(&answers->looks[i]);
		loop_timer_free(answers->looks[i].timer);
	}
	free(answers);
}
