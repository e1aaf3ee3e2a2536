/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_SIZE 2048
#define NFRAMES    32768
#define BLOCK_SIZE (FRAME_SIZE * 64)
#define RING_SIZE  ((size_t)FRAME_SIZE * NFRAMES)
#define SEND_BUF   (4 << 20)

static int socket_bound(int protocol, int ifindex)
{
	const struct sockaddr_ll addr = { .sll_family = AF_PACKET,
					  .sll_protocol = htons((uint16_t)protocol),
					  .sll_ifindex = ifindex };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* The ring has to be there before the socket is bound, or early frames go elsewhere. */
static int set_ring(struct port *port)
{
	const int version = TPACKET_V2;
	const int stamps = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	const struct tpacket_req req = { .tp_block_size = BLOCK_SIZE,
					 .tp_block_nr = RING_SIZE / BLOCK_SIZE,
					 .tp_frame_size = FRAME_SIZE,
					 .tp_frame_nr = NFRAMES };
	void *ring;

	if (setsockopt(port->rx, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(port->rx, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof(stamps)) < 0 ||
	    setsockopt(port->rx, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)) < 0)
		return -errno;
	ring = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, port->rx, 0);
	if (ring == MAP_FAILED)
		return -errno;
	port->ring = ring;
	return 0;
}

static int open_here(struct port *port, const char *dev, bool see_outgoing)
{
	const int ignore = !see_outgoing, bytes = SEND_BUF;
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq promiscuous = { .mr_type = PACKET_MR_PROMISC };
	struct ifreq ifr = { 0 };
	int ifindex = (int)if_nametoindex(dev);
	int err;

	if (!ifindex)
		return -errno;
	port->tx = socket_bound(0, ifindex);
	if (port->tx < 0)
		return port->tx;
	port->rx = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (port->rx < 0)
		return -errno;
	err = set_ring(port);
	if (err < 0)
		return err;
	addr.sll_ifindex = promiscuous.mr_ifindex = ifindex;
	memcpy(ifr.ifr_name, dev, strnlen(dev, IFNAMSIZ - 1));
	if (setsockopt(port->tx, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
	    setsockopt(port->rx, SOL_PACKET, PACKET_IGNORE_OUTGOING, &ignore, sizeof(ignore)) < 0 ||
	    setsockopt(port->rx, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) < 0 ||
	    bind(port->rx, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    ioctl(port->tx, SIOCGIFHWADDR, &ifr) < 0)
		return -errno;
	memcpy(port->mac, ifr.ifr_hwaddr.sa_data, sizeof(port->mac));
	return 0;
}

int port_open(struct port *port, const char *ns, const char *dev, bool see_outgoing)
{
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(ns, O_RDONLY | O_CLOEXEC);
	int err;

	*port = (struct port){ .tx = -1, .rx = -1 };
	if (here < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0) {
		err = -errno;
		goto out;
	}
	err = open_here(port, dev, see_outgoing);
	if (setns(here, CLONE_NEWNET) < 0 && !err)
		err = -errno;
out:
	if (here >= 0)
		close(here);
	if (there >= 0)
		close(there);
	if (err < 0)
		port_close(port);
	return err;
}

void port_close(struct port *port)
{
	if (port->ring)
		munmap(port->ring, RING_SIZE);
	if (port->rx >= 0)
		close(port->rx);
	if (port->tx >= 0)
		close(port->tx);
	*port = (struct port){ .tx = -1, .rx = -1 };
}

int port_send(struct port *port, const uint8_t *data, size_t len)
{
	struct pollfd pfd = { .fd = port->tx, .events = POLLOUT };

	for (;;) {
		if (send(port->tx, data, len, 0) >= 0)
			return 0;
		if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
			return -errno;
		/* A full queue of the device does not show in poll(): a millisecond later there is room. */
		poll(&pfd, 1, 1);
	}
}

static struct tpacket2_hdr *head(const struct port *port)
{
	return (struct tpacket2_hdr *)(void *)(port->ring + (size_t)port->next * FRAME_SIZE);
}

bool port_receive(struct port *port, struct port_frame *frame)
{
	const struct tpacket2_hdr *hdr = head(port);
	const struct sockaddr_ll *from;

	if (!(__atomic_load_n(&hdr->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
		return false;
	from = (const void *)((const uint8_t *)hdr + TPACKET_ALIGN(sizeof(*hdr)));
	frame->data = (const uint8_t *)hdr + hdr->tp_mac;
	frame->len = hdr->tp_snaplen;
	frame->ns = hdr->tp_sec * 1000000000ull + hdr->tp_nsec;
	frame->outgoing = from->sll_pkttype == PACKET_OUTGOING;
	return true;
}

void port_release(struct port *port)
{
	__atomic_store_n(&head(port)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	port->next = (port->next + 1) % NFRAMES;
}

unsigned int port_drops(struct port *port)
{
	struct tpacket_stats stats = { 0 };
	socklen_t len = sizeof(stats);

	return getsockopt(port->rx, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0 ? stats.tp_drops : 0;
}
