/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * echo - whether an IGMP query of our own comes back by another interface. The kernel drops IPv4 packets that claim to
 * be from one of its own addresses before any IGMP socket sees them; MLD needs no such help. So whenever a general
 * query is sent the wire is looked at for a moment (sys/sniff), and what comes back becomes a query event.
 */
#ifndef IMPROXY_SYS_ECHO_H
#define IMPROXY_SYS_ECHO_H

#include "core/gm.h"

struct echo;
struct loop;

/* `gm` knows the interfaces and their addresses; `input` gets the events. Returns NULL when out of memory. */
struct echo *echo_new(struct loop *loop, const struct gm *gm, void (*input)(void *arg, const struct gm_event *ev),
		      void *arg);
void echo_free(struct echo *echo);

/* A general query is about to be sent: looks at the interfaces of all slots, 0 = a free one. */
void echo_listen(struct echo *echo, const int ifindex[GM_MAX_IFS]);

#endif
