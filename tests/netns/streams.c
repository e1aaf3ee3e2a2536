/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many numbered streams at once, to see whether any of them loses a packet:
 *
 *   streams send IFACE GROUP N RATE     sends RATE packets a second in all, in turn to N groups counting up from GROUP
 *   streams receive IFACE GROUP N       joins these groups, prints "ready"
 *
 * Both go on until SIGTERM. The receiver then prints "received R of N groups, lost L, twice T": L counts the numbers
 * that are missing between the first and the last of each group. It shares nothing with the daemon.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT        5002
#define MAGIC       0x696d7073u
#define PER_SOCKET  20 /* memberships a socket may have by default */
#define GROUPS_MAX  4096
#define PAYLOAD_LEN 128

struct payload {
	uint32_t magic, group, number;
	uint8_t rest[PAYLOAD_LEN - 12];
};

struct stream {
	uint32_t first, next;
	uint64_t received;
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage storage;
};

static volatile sig_atomic_t stopped;
static int family;
static union address base;
static unsigned int ifindex, ngroups;

static void stop(int signo)
{
	(void)signo;
	stopped = 1;
}

static void fail(const char *what)
{
	fprintf(stderr, "streams: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void set(int fd, int level, int option, const void *value, socklen_t len)
{
	if (setsockopt(fd, level, option, value, len))
		fail("setsockopt");
}

static int open_socket(void)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("socket");
	return fd;
}

/* The n-th group after the first. */
static union address group_at(unsigned int n)
{
	union address a = base;
	uint32_t last;

	if (family == AF_INET) {
		a.v4.sin_addr.s_addr = htonl(ntohl(base.v4.sin_addr.s_addr) + n);
		return a;
	}
	memcpy(&last, &base.v6.sin6_addr.s6_addr[12], sizeof(last));
	last = htonl(ntohl(last) + n);
	memcpy(&a.v6.sin6_addr.s6_addr[12], &last, sizeof(last));
	return a;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void send_to(int fd, unsigned int group, uint32_t number)
{
	struct payload p = { .magic = MAGIC, .group = group, .number = number };
	union address to = group_at(group);

	/* An interface that is down for a moment is the test's doing; what is not sent leaves a gap. */
	(void)!sendto(fd, &p, sizeof(p), 0, &to.any, family == AF_INET ? sizeof(to.v4) : sizeof(to.v6));
}

static int run_send(unsigned int rate)
{
	struct ip_mreqn out = { .imr_ifindex = (int)ifindex };
	int hops = 16, fd = open_socket();
	uint64_t begin = now_ns(), sent = 0;

	if (family == AF_INET) {
		set(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out));
		set(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof(hops));
	} else {
		set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &ifindex, sizeof(ifindex));
		set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops));
	}
	while (!stopped) {
		const struct timespec pause = { .tv_nsec = 1000000 };
		uint64_t due = (now_ns() - begin) * rate / 1000000000u;

		for (; sent < due; sent++)
			send_to(fd, (unsigned int)(sent % ngroups), (uint32_t)(sent / ngroups));
		nanosleep(&pause, NULL);
	}
	printf("sent %llu\n", (unsigned long long)sent);
	return 0;
}

static void join_all(void)
{
	int fd = -1;

	for (unsigned int i = 0; i < ngroups; i++) {
		struct group_req req = { .gr_interface = ifindex };
		union address group = group_at(i);

		if (i % PER_SOCKET == 0)
			fd = open_socket();
		memcpy(&req.gr_group, &group.storage, sizeof(group.storage));
		set(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, MCAST_JOIN_GROUP, &req, sizeof(req));
	}
}

static int run_receive(void)
{
	struct stream *streams = calloc(ngroups, sizeof(*streams));
	uint64_t received = 0, lost = 0, twice = 0;
	int on = 1, buffer = 64 << 20, fd = open_socket();
	unsigned int heard = 0;
	union address any = { .storage = { .ss_family = (sa_family_t)family } };

	if (!streams)
		fail("calloc");
	set(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	set(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	if (family == AF_INET6)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	any.v4.sin_port = htons(PORT); /* the same place in both */
	if (bind(fd, &any.any, family == AF_INET ? sizeof(any.v4) : sizeof(any.v6)))
		fail("bind");
	join_all();
	printf("ready\n");
	fflush(stdout);
	while (!stopped) {
		struct payload p;
		struct stream *s;

		if (recv(fd, &p, sizeof(p), 0) != (ssize_t)sizeof(p) || p.magic != MAGIC || p.group >= ngroups)
			continue;
		s = &streams[p.group];
		received++;
		if (!s->received++) {
			s->first = p.number;
			heard++;
		} else if (p.number < s->next) {
			twice++;
			continue;
		} else {
			lost += p.number - s->next;
		}
		s->next = p.number + 1;
	}
	printf("received %llu of %u groups, lost %llu, twice %llu\n", (unsigned long long)received, heard,
	       (unsigned long long)lost, (unsigned long long)twice);
	free(streams);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = stop };
	bool sends = argc == 6 && strcmp(argv[1], "send") == 0;
	bool receives = argc == 5 && strcmp(argv[1], "receive") == 0;

	if (!sends && !receives) {
		fprintf(stderr, "usage: streams send IFACE GROUP N RATE | streams receive IFACE GROUP N\n");
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	ifindex = if_nametoindex(argv[2]);
	family = strchr(argv[3], ':') ? AF_INET6 : AF_INET;
	base.storage.ss_family = (sa_family_t)family;
	base.v4.sin_port = htons(PORT);
	ngroups = (unsigned int)atoi(argv[4]);
	errno = EINVAL;
	if (!ifindex || !ngroups || ngroups > GROUPS_MAX ||
	    inet_pton(family, argv[3], family == AF_INET ? (void *)&base.v4.sin_addr : (void *)&base.v6.sin6_addr) != 1)
		fail("interface, group or number");
	return sends ? run_send((unsigned int)atoi(argv[5])) : run_receive();
}
