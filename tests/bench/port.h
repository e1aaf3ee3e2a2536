/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port - one Ethernet port of the tester: an interface in a network namespace, with a packet socket to send by and
 * another that sees what comes in (and, on request, what went out) with the kernel's time stamps, in a ring that the
 * kernel fills while the program is busy. tests/bench only.
 */
#ifndef IMPROXY_TESTS_BENCH_PORT_H
#define IMPROXY_TESTS_BENCH_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct port {
	int tx, rx;
	uint8_t mac[6];
	uint8_t *ring;
	unsigned int next; /* frame of the ring that comes next */
};

struct port_frame {
	const uint8_t *data;
	size_t len;
	uint64_t ns;   /* CLOCK_REALTIME, by the kernel */
	bool outgoing; /* sent by us */
};

/* Opens interface `dev` of the namespace held by the file `ns`; the caller's namespace stays. 0 or -errno. */
int port_open(struct port *port, const char *ns, const char *dev, bool see_outgoing);
void port_close(struct port *port);

/* Sends one frame; waits for room. 0 or -errno. */
int port_send(struct port *port, const uint8_t *data, size_t len);

/* The oldest frame not seen yet, valid until port_release(); false: none. */
bool port_receive(struct port *port, struct port_frame *frame);
void port_release(struct port *port);

/* Frames that found no room in the ring since the last call. */
unsigned int port_drops(struct port *port);

#endif
