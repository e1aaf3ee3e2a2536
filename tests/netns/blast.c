/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sends packets as fast as the kernel takes them, for the tests of overload: blast IFACE KIND 4|6 SECONDS [RATE]
 *
 *   garbage  group messages of all types, their inside at random, every second one with a right checksum
 *   groups   reports of groups that nobody has asked for before, from ever new hosts
 *   sources  reports that ask for ever new sources of one group, 60 each
 *   queries  general queries of ever other routers, a third with a lower address than ours and than the one before
 *   data     datagrams of ever new sources to groups that nobody wants, and every eighth to one that somebody does
 *
 * RATE bounds the packets a second. It prints how many it has sent. It shares nothing with the daemon's codec.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_ether.h>

#define BATCH      64
#define PACKET_MAX 1500
#define SOURCES    60 /* of a report */

struct packet {
	uint8_t octets[PACKET_MAX];
	size_t len;
};

typedef void fill_fn(struct packet *p, uint32_t n);

static uint64_t seed = 88172645463325252u;

static uint32_t any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint16_t sum(uint32_t total, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		total += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~total;
}

/* --- headers --- */

static uint8_t *ethernet(struct packet *p, const uint8_t *group, size_t group_len, unsigned int type)
{
	static const uint8_t own[6] = { 2, 0, 0, 0, 0, 9 };

	memset(p->octets, 0, ETH_HLEN);
	if (group_len == 4) {
		memcpy(p->octets, "\x01\x00\x5e", 3);
		memcpy(p->octets + 3, group + 1, 3);
		p->octets[3] &= 0x7f;
	} else {
		memcpy(p->octets, "\x33\x33", 2);
		memcpy(p->octets + 2, group + 12, 4);
	}
	memcpy(p->octets + 6, own, sizeof(own));
	put16(p->octets + 12, type);
	return p->octets + ETH_HLEN;
}

static void ipv4(struct packet *p, unsigned int protocol, uint32_t src, uint32_t dst, const uint8_t *payload,
		 size_t len)
{
	size_t head = protocol == IPPROTO_IGMP ? 24 : 20;
	uint8_t group[4], *ip;

	put32(group, dst);
	ip = ethernet(p, group, sizeof(group), ETH_P_IP);
	memset(ip, 0, head);
	ip[0] = (uint8_t)(0x40 | head / 4);
	ip[1] = protocol == IPPROTO_IGMP ? 0xc0 : 0;
	put16(ip + 2, (unsigned int)(head + len));
	ip[8] = protocol == IPPROTO_IGMP ? 1 : 16;
	ip[9] = (uint8_t)protocol;
	put32(ip + 12, src);
	put32(ip + 16, dst);
	if (head == 24)
		put32(ip + 20, 0x94040000); /* Router Alert */
	put16(ip + 10, sum(0, ip, head));
	memcpy(ip + head, payload, len);
	p->len = ETH_HLEN + head + len;
}

/* The last four octets of the addresses are given; the checksum of ICMPv6 and UDP is at `sum_at`. */
static void ipv6(struct packet *p, unsigned int protocol, const char *src, uint32_t src_low, const char *dst,
		 uint32_t dst_low, const uint8_t *payload, size_t len, size_t sum_at, bool right)
{
	static const uint8_t alert[8] = { IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };
	size_t head = protocol == IPPROTO_ICMPV6 ? 48 : 40;
	uint8_t group[16], *ip;
	uint32_t pseudo = 0;

	inet_pton(AF_INET6, dst, group);
	if (dst_low)
		put32(group + 12, dst_low);
	ip = ethernet(p, group, sizeof(group), ETH_P_IPV6);
	memset(ip, 0, 40);
	ip[0] = 0x60;
	put16(ip + 4, (unsigned int)(head - 40 + len));
	ip[6] = head == 48 ? 0 : (uint8_t)protocol;
	ip[7] = head == 48 ? 1 : 16;
	inet_pton(AF_INET6, src, ip + 8);
	put32(ip + 20, src_low);
	memcpy(ip + 24, group, sizeof(group));
	if (head == 48)
		memcpy(ip + 40, alert, sizeof(alert));
	memcpy(ip + head, payload, len);
	for (size_t i = 8; i < 40; i += 2)
		pseudo += (uint32_t)ip[i] << 8 | ip[i + 1];
	pseudo += (uint32_t)len + protocol;
	put16(ip + head + sum_at, 0);
	put16(ip + head + sum_at, sum(pseudo, ip + head, len) ^ (right ? 0u : 0x5555u));
	p->len = ETH_HLEN + head + len;
}

/* --- what is sent; host numbers stay off those of the laboratory --- */

static uint32_t host4(uint32_t n)
{
	return 0x0a010200 + 20 + n % 200;
}

static uint32_t host6(uint32_t n)
{
	return 0x00100000 + n % 100000;
}

static void igmp(struct packet *p, uint32_t n, uint32_t dst, uint8_t *message, size_t len, bool right)
{
	put16(message + 2, 0);
	put16(message + 2, sum(0, message, len) ^ (right ? 0u : 0x5555u));
	ipv4(p, IPPROTO_IGMP, host4(n), dst, message, len);
}

static void garbage4(struct packet *p, uint32_t n)
{
	static const uint8_t types[] = { 0x11, 0x12, 0x16, 0x17, 0x22, 0x22, 0x30, 0x13 };
	uint8_t message[128];
	size_t len = any() % (sizeof(message) - 4) + 4;

	for (size_t i = 0; i < len; i++)
		message[i] = (uint8_t)any();
	/* A query of a lower address would be no garbage, but take over. */
	message[0] = types[n % sizeof(types)];
	igmp(p, 150 + n % 50, 0xe0000016, message, len, n % 2);
}

static void garbage6(struct packet *p, uint32_t n)
{
	static const uint8_t types[] = { 131, 132, 143, 143, 151, 152 };
	uint8_t message[128];
	size_t len = any() % (sizeof(message) - 4) + 4;

	for (size_t i = 0; i < len; i++)
		message[i] = (uint8_t)any();
	message[0] = types[n % sizeof(types)];
	ipv6(p, IPPROTO_ICMPV6, "fe80::ff:0:0:0", host6(n), "ff02::16", 0, message, len, 2, n % 2);
}

static void groups4(struct packet *p, uint32_t n)
{
	uint8_t message[16] = { 0x22, [7] = 1, [8] = 4 };

	put32(message + 12, 0xef640000 + n % 0x400000); /* 239.100.0.0 and on */
	igmp(p, n, 0xe0000016, message, sizeof(message), true);
}

static void groups6(struct packet *p, uint32_t n)
{
	uint8_t message[28] = { 143, [7] = 1, [8] = 4 };

	inet_pton(AF_INET6, "ff1e::100:0:0", message + 12);
	put32(message + 24, n);
	ipv6(p, IPPROTO_ICMPV6, "fe80::ff:0:0:0", host6(n), "ff02::16", 0, message, sizeof(message), 2, true);
}

static void sources4(struct packet *p, uint32_t n)
{
	uint8_t message[16 + 4 * SOURCES] = { 0x22, [7] = 1, [8] = 5, [11] = SOURCES };

	put32(message + 12, 0xe8640001); /* 232.100.0.1 */
	for (uint32_t i = 0; i < SOURCES; i++)
		put32(message + 16 + 4 * (size_t)i, 0xc6000000 + (n * SOURCES + i) % 0xffffff + 1);
	igmp(p, n, 0xe0000016, message, sizeof(message), true);
}

static void sources6(struct packet *p, uint32_t n)
{
	uint8_t message[28 + 16 * SOURCES] = { 143, [7] = 1, [8] = 5, [11] = SOURCES };

	inet_pton(AF_INET6, "ff3e::8064:1", message + 12);
	for (uint32_t i = 0; i < SOURCES; i++) {
		inet_pton(AF_INET6, "2001:db8:64::", message + 28 + 16 * (size_t)i);
		put32(message + 40 + 16 * (size_t)i, n * SOURCES + i + 1);
	}
	ipv6(p, IPPROTO_ICMPV6, "fe80::ff:0:0:0", host6(n), "ff02::16", 0, message, sizeof(message), 2, true);
}

/* The test gives the router 10.1.2.200. */
static void queries4(struct packet *p, uint32_t n)
{
	uint8_t message[12] = { 0x11, 10, [8] = 2, [9] = 2 };

	put16(message + 2, sum(0, message, sizeof(message)));
	ipv4(p, IPPROTO_IGMP, 0x0a010200 + (n % 3 ? 201 + n % 50 : 150 - n / 3 % 100), 0xe0000001, message,
	     sizeof(message));
}

static void queries6(struct packet *p, uint32_t n)
{
	uint8_t message[28] = { 130, [5] = 100, [24] = 2, [25] = 2 };

	ipv6(p, IPPROTO_ICMPV6, n % 3 ? "fe80::ffff:ffff:0:0" : "fe80::", UINT32_MAX - n, "ff02::1", 0, message,
	     sizeof(message), 2, true);
}

static void data4(struct packet *p, uint32_t n)
{
	uint8_t message[16] = { 0, 9, 0, 9, 0, 16 };

	ipv4(p, IPPROTO_UDP, 0x0a004000 + any() % 0xb000, n % 8 ? 0xefc80000 + any() % 0x10000 : 0xef010101, message,
	     sizeof(message));
}

static void data6(struct packet *p, uint32_t n)
{
	uint8_t message[16] = { 0, 9, 0, 9, 0, 16 };

	ipv6(p, IPPROTO_UDP, "2001:db8::1:0:0", any(), n % 8 ? "ff1e::200:0:0" : "ff1e::1:1",
	     n % 8 ? any() % 0x10000 + 1 : 0, message, sizeof(message), 6, true);
}

static const struct kind {
	const char *name;
	fill_fn *fill[2];
} kinds[] = {
	{ "garbage", { garbage4, garbage6 } }, { "groups", { groups4, groups6 } },
	{ "sources", { sources4, sources6 } }, { "queries", { queries4, queries6 } },
	{ "data", { data4, data6 } },
};

/* --- sending --- */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int open_packet(const char *ifname)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(ifname) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || !addr.sll_ifindex || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -1;
	return fd;
}

/* The numbers `first`, `first` + `step`, ... Returns how many were sent. */
static uint64_t send_all(int fd, fill_fn *fill, double seconds, double rate, uint32_t first, uint32_t step)
{
	static struct packet packets[BATCH];
	struct iovec iovs[BATCH];
	struct mmsghdr msgs[BATCH] = { 0 };
	double start = now(), at = start;
	uint64_t sent = 0;
	uint32_t n = first;

	for (unsigned int i = 0; i < BATCH; i++)
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iovs[i], .msg_iovlen = 1 };
	for (; at - start < seconds; at = now()) {
		double early = rate > 0 ? (double)n / rate - (at - start) : 0;
		int done;

		if (early > 0)
			usleep((useconds_t)(early * 1e6));
		for (unsigned int i = 0; i < BATCH; i++, n += step) {
			fill(&packets[i], n);
			iovs[i] = (struct iovec){ packets[i].octets, packets[i].len };
		}
		/* What the interface's queue has no room for is lost, as on a wire. */
		done = sendmmsg(fd, msgs, BATCH, 0);
		sent += done > 0 ? (uint64_t)done : 0;
	}
	return sent;
}

/* A process for each processor: one alone does not come near a million packets a second. Adds what they sent to `sent`.
 */
static int send_by_all(const char *ifname, fill_fn *fill, double seconds, double rate, uint64_t *sent)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t senders = n > 0 ? (uint32_t)n : 1;
	uint64_t *counts =
		mmap(NULL, senders * sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int failed = 0, status;

	if (counts == MAP_FAILED)
		return -errno;
	for (uint32_t i = 0; i < senders; i++) {
		pid_t pid = fork();
		int fd;

		if (pid < 0)
			failed = -errno;
		if (pid)
			continue;
		fd = open_packet(ifname);
		if (fd < 0)
			_exit(errno);
		seed += i;
		counts[i] = send_all(fd, fill, seconds, rate, i, senders);
		_exit(0);
	}
	while (wait(&status) > 0) {
		if (status)
			failed = WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
	}
	for (uint32_t i = 0; i < senders; i++)
		*sent += counts[i];
	munmap(counts, senders * sizeof(*counts));
	return failed;
}

int main(int argc, char **argv)
{
	double seconds = argc > 4 ? atof(argv[4]) : 0, rate = argc > 5 ? atof(argv[5]) : 0;
	unsigned int family = argc > 3 && strcmp(argv[3], "6") == 0;
	uint64_t sent = 0;
	int err;

	for (size_t i = 0; argc > 4 && i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].name, argv[2]) != 0)
			continue;
		err = send_by_all(argv[1], kinds[i].fill[family], seconds, rate, &sent);
		if (err < 0) {
			fprintf(stderr, "blast: %s: %s\n", argv[1], strerror(-err));
			return 1;
		}
		printf("sent %llu, %.0f a second\n", (unsigned long long)sent, (double)sent / seconds);
		return 0;
	}
	fprintf(stderr, "usage: blast IFACE garbage|groups|sources|queries|data 4|6 SECONDS [RATE]\n");
	return 2;
}
