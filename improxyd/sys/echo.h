/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * echo - whether a query of our own comes back by another interface. The kernel drops IPv4 packets that claim to be
 * from one of its own addresses before any IGMP socket sees them; and a link-local address may be another router's on
 * the other link, so that of MLD the hardware address of the sender has to be ours as well. So whenever a general query
 * is sent the wire is looked at for a moment (sys/sniff), and what comes back becomes an event.
 */
#ifndef IMPROXY_SYS_ECHO_H
#define IMPROXY_SYS_ECHO_H

#include "core/gm.h"
#include "lib/family.h"
#include "sys/link.h"

struct echo;
struct loop;

/* `gm` knows the interfaces and their addresses; `input` gets the events. Returns NULL when out of memory. */
struct echo *echo_new(struct loop *loop, enum family family, const struct gm *gm,
		      void (*input)(void *arg, const struct gm_event *ev), void *arg);
void echo_free(struct echo *echo);

struct echo_if {
	int ifindex; /* 0: the slot is free */
	uint8_t station[LINK_STATION];
};

/* A general query is about to be sent: looks at the interfaces of all slots. */
void echo_listen(struct echo *echo, const struct echo_if ifs[GM_MAX_IFS]);

#endif
