/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target of what the daemon reads by netlink: its interfaces and their addresses (sys/link), and the kernel's
 * forwarding entries (sys/mroute_nl). The sockets are real ones, but what they send and receive goes through this file,
 * which answers with the input: an octet of flags, then datagrams, each with two octets of length before it. Sequence
 * number and port are put right in each message unless a flag of its length says otherwise, so that the input is not
 * spent on guessing them.
 *
 * What must hold: links are in order of their number, once each, with a name that ends; an address has a prefix of its
 * own family; an entry names slots that there are; a call ends.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "sys/link.h"
#include "sys/loop.h"
#include "sys/mroute_nl.h"
#include "tests/fuzz/ensure.h"

#define LOOKS   4
#define ENTRIES 4096

enum { INPUT_MROUTE = 1, INPUT_IPV6 = 2, INPUT_GET = 4, INPUT_NOTIFY = 16 };
enum { LENGTH_AS_IT_IS = 0x8000, LENGTH_MAX = 0x0fff };

static const uint8_t *input;
static size_t left;
static struct nlmsghdr asked;   /* the request that is being answered */
static const uint8_t *datagram; /* looked at, not yet taken */
static size_t datagram_len;
static unsigned int datagram_flags;

/* --- in place of the kernel --- */

static unsigned int take_octet(void)
{
	return left ? left--, *input++ : 0;
}

static bool next_datagram(void)
{
	unsigned int head;

	if (datagram)
		return true;
	if (left < 2)
		return false;
	head = take_octet();
	head = head << 8 | take_octet();
	datagram_flags = head;
	datagram_len = head & LENGTH_MAX;
	if (datagram_len > left)
		datagram_len = left;
	datagram = input;
	input += datagram_len;
	left -= datagram_len;
	return true;
}

static void put_right(uint8_t *buf, size_t len)
{
	while (len >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr hdr;
		size_t step;

		memcpy(&hdr, buf, sizeof(hdr));
		hdr.nlmsg_seq = asked.nlmsg_seq;
		hdr.nlmsg_pid = asked.nlmsg_pid;
		memcpy(buf, &hdr, sizeof(hdr));
		if (hdr.nlmsg_len < sizeof(hdr) || hdr.nlmsg_len > len)
			return;
		step = NLMSG_ALIGN(hdr.nlmsg_len);
		if (step > len)
			return;
		buf += step;
		len -= step;
	}
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	(void)fd;
	(void)flags;
	ENSURE(msg->msg_iovlen == 1 && msg->msg_iov->iov_len >= sizeof(asked));
	memcpy(&asked, msg->msg_iov->iov_base, sizeof(asked));
	return (ssize_t)msg->msg_iov->iov_len;
}

/* libnl looks first how much there is, with MSG_PEEK. At the end of the input it waits in vain. */
ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	size_t len;

	(void)fd;
	if (!next_datagram()) {
		errno = EAGAIN;
		return -1;
	}
	ENSURE(msg->msg_iovlen == 1);
	len = datagram_len < msg->msg_iov->iov_len ? datagram_len : msg->msg_iov->iov_len;
	memcpy(msg->msg_iov->iov_base, datagram, len);
	if (!(datagram_flags & LENGTH_AS_IT_IS))
		put_right(msg->msg_iov->iov_base, len);
	msg->msg_flags = datagram_len > len ? MSG_TRUNC : 0;
	msg->msg_controllen = 0;
	if (msg->msg_name && msg->msg_namelen >= sizeof(kernel))
		memcpy(msg->msg_name, &kernel, sizeof(kernel));
	msg->msg_namelen = sizeof(kernel);
	if (!(flags & MSG_PEEK))
		datagram = NULL;
	return (ssize_t)(flags & MSG_TRUNC ? datagram_len : len);
}

/* A notification: only its header is asked for. An octet tells what comes: 0 ends, 1 is a loss. */
ssize_t recv(int fd, void *buf, size_t size, int flags)
{
	struct nlmsghdr hdr = { 0 };
	unsigned int what = take_octet();

	(void)fd;
	(void)flags;
	if (what < 2) {
		errno = what ? ENOBUFS : EAGAIN;
		return -1;
	}
	hdr.nlmsg_type = (uint16_t)what;
	memcpy(buf, &hdr, size < sizeof(hdr) ? size : sizeof(hdr));
	return (ssize_t)sizeof(hdr);
}

/* --- interfaces --- */

static void check_addr(const struct link_addr *a, enum family family)
{
	ENSURE(family_of(&a->addr) == family);
	ENSURE(family_of(&a->prefix.addr) == family);
	ENSURE(a->prefix.len <= 128);
}

static void check_links(const struct links *links)
{
	int before = 0;

	for (unsigned int i = 0; i < links_count(links); i++) {
		const struct link *link = links_at(links, i);

		ENSURE(link && (i == 0 || link->ifindex > before));
		before = link->ifindex;
		ENSURE(memchr(link->name, '\0', sizeof(link->name)));
		ENSURE(links_by_index(links, link->ifindex) == link);
		ENSURE(links_by_name(links, link->name));
		for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
			struct ipaddr primary = link_primary(link, (enum family)f);

			for (unsigned int j = 0; j < link->naddrs[f]; j++)
				check_addr(&link->addrs[f][j], (enum family)f);
			ENSURE(ipaddr_is_none(&primary) || link_has_addr(link, &primary));
		}
	}
	ENSURE(!links_at(links, links_count(links)));
}

static void on_change(void *arg)
{
	check_links(*(struct links **)arg);
}

/*
 * Makes the socket readable; what is then read comes from the input. Only a privileged process may send from one
 * netlink socket to another: without the privilege there is no notification.
 */
static void notify(int fd)
{
	const struct nlmsghdr hdr = { .nlmsg_len = sizeof(hdr), .nlmsg_type = NLMSG_NOOP };
	struct sockaddr_nl addr;
	socklen_t len = sizeof(addr);
	int from = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	ENSURE(from >= 0 && getsockname(fd, (struct sockaddr *)&addr, &len) == 0);
	addr.nl_groups = 0;
	(void)!sendto(from, &hdr, sizeof(hdr), MSG_DONTWAIT, (const struct sockaddr *)&addr, sizeof(addr));
	close(from);
}

static void read_links(struct loop *loop, unsigned int flags)
{
	struct links *links = NULL;

	if (links_open(loop, on_change, &links, &links) < 0)
		return;
	check_links(links);
	if (flags & INPUT_NOTIFY)
		notify(links_fd(links));
	for (unsigned int i = 0; i < LOOKS && flags & INPUT_NOTIFY; i++)
		ENSURE(loop_pass(loop, mtime_from_ms(10)) == 0);
	check_links(links);
	links_close(links);
}

/* --- forwarding entries --- */

static void on_entry(void *arg, const struct mroute_entry *entry)
{
	unsigned int *n = arg;

	ENSURE(entry->iif == GM_NO_IF || entry->iif < GM_MAX_IFS);
	ENSURE(++*n < ENTRIES);
}

static void read_entries(unsigned int flags)
{
	enum family family = flags & INPUT_IPV6 ? FAMILY_IPV6 : FAMILY_IPV4;
	struct ipaddr source = ipaddr_from_bytes((const uint8_t[16]){ 10, 0, 0, 1 }, family == FAMILY_IPV4 ? 4 : 16);
	struct mroute_counters counters;
	struct mroute_nl *nl;
	unsigned int n = 0;

	ENSURE(mroute_nl_open(family, 253, &nl) == 0);
	for (unsigned int slot = 0; slot < 4; slot++)
		mroute_nl_map(nl, slot, (int)slot + 2);
	for (unsigned int i = 0; i < LOOKS && left; i++) {
		if (flags & INPUT_GET)
			(void)mroute_nl_get(nl, &source, &source, &counters);
		else
			(void)mroute_nl_dump(nl, on_entry, &n);
	}
	mroute_nl_close(nl);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loop *loop;
	unsigned int flags;

	if (!loop)
		loop = loop_new();
	ENSURE(loop);
	input = data;
	left = size;
	datagram = NULL;
	flags = take_octet();
	if (flags & INPUT_MROUTE)
		read_entries(flags);
	else
		read_links(loop, flags);
	return 0;
}
