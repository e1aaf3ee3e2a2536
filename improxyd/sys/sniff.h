/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sniff - a short look at the wire: who sends data (or membership messages) to a group, on which interface, with which
 * TTL or Hop Limit.
 *
 * It owns a packet socket with a filter in the kernel, so that nothing but the group's data of the interfaces asked for
 * is ever copied, and a timer that ends the look. It refuses to wait, to look at what the packets carry, and to take
 * more than a few of them in one pass of the loop. Packets are seen as they arrive, before the kernel's routing may
 * refuse them; own ones are not seen.
 */
#ifndef IMPROXY_SYS_SNIFF_H
#define IMPROXY_SYS_SNIFF_H

#include <stdbool.h>

#include "lib/family.h"
#include "lib/ipaddr.h"
#include "lib/mtime.h"
#include "sys/link.h"

#define SNIFF_MAX_IFS 32

struct loop;
struct sniff;

struct sniff_packet {
	int ifindex;
	struct ipaddr source;
	unsigned int ttl;
	uint8_t station[LINK_STATION]; /* sender's hardware address; 0: none, or of another length */
};

struct sniff_request {
	enum family family;
	struct ipaddr group, source; /* source none: any */
	bool messages;               /* IGMP or MLD to the group is looked for, instead of data */
	int ifindex[SNIFF_MAX_IFS];
	unsigned int nifs;
	mtime_t time; /* at most so long */
	/* One packet; true: it has seen enough. */
	bool (*packet)(void *arg, const struct sniff_packet *packet);
	/* The look is over; called once, from the event loop. The sniff may be freed in it. */
	void (*done)(void *arg);
	void *arg;
};

/* Returns 0 or -errno: -EPERM without CAP_NET_RAW, -EBUSY when too many looks are under way. */
int sniff_start(struct loop *loop, const struct sniff_request *request, struct sniff **out);
/* Also ends a look that is under way, without calling done(). NULL is nothing. */
void sniff_free(struct sniff *sniff);

#endif
