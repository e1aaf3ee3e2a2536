/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linklocal - data of link-local senders (169.254.0.0/16, fe80::/10), as it arrives on interfaces that forward by
 * shared entries. Such data never leaves its link (RFC 3927 s2.7, RFC 4291 s2.5.6), but an entry of any source looks at
 * none; so somebody has to tell of the source before it can be given an entry of its own.
 *
 * It owns a packet socket with a filter in the kernel that lets nothing else through: not what is addressed to the link
 * alone, nor what has no hop left, since neither is forwarded anyway. It refuses to be kept busy by a sender: after
 * each look it rests, and what the small queue of the socket cannot hold is not seen. Nor does it see what this machine
 * sends itself: the kernel shows that only to sockets for every protocol, which cost each packet of the router
 * something.
 */
#ifndef IMPROXY_SYS_LINKLOCAL_H
#define IMPROXY_SYS_LINKLOCAL_H

#include "core/gm.h"
#include "lib/family.h"
#include "lib/ipaddr.h"

struct linklocal;
struct loop;

/* A packet was seen; of one sender it may be any number of them. */
typedef void linklocal_fn(void *arg, int ifindex, const struct ipaddr *source, const struct ipaddr *group);

/* Looks at nothing yet. Returns NULL when out of memory. */
struct linklocal *linklocal_new(struct loop *loop, enum family family, linklocal_fn *seen, void *arg);
void linklocal_free(struct linklocal *linklocal);

/*
 * Looks at these interfaces from now on, 0 is none; without any the socket is closed. What fails is logged, once, and
 * tried again.
 */
void linklocal_watch(struct linklocal *linklocal, const int ifindex[GM_MAX_IFS]);

#endif
