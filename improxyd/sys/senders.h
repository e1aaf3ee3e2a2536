/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * senders - whose data arrives that shared entries match but do not serve: that of link-local senders (169.254.0.0/16,
 * fe80::/10), which never leaves its link (RFC 3927 s2.7, RFC 4291 s2.5.6), and that of senders below. The kernel looks
 * at no source then, and asks little or nothing; so somebody has to tell of the source before it can be given an entry
 * of its own.
 *
 * It owns a packet socket with a filter in the kernel that lets nothing else through: not what is addressed to the link
 * alone, nor what has no hop left, since neither is forwarded anyway, nor for a while what has been told already. It
 * refuses to be kept busy by a sender: after each look it rests, and what the small queue of the socket cannot hold is
 * not seen. Nor does it see what this machine sends itself or the kernel loops back: the kernel shows the one only to
 * sockets for every protocol, which cost each packet of the router something, and the other to nobody.
 */
#ifndef IMPROXY_SYS_SENDERS_H
#define IMPROXY_SYS_SENDERS_H

#include "core/gm.h"
#include "lib/family.h"
#include "lib/ipaddr.h"

struct loop;
struct senders;

/* A packet was seen. Of one sender it may be any number of them, mostly it is one in three seconds. */
typedef void senders_fn(void *arg, int ifindex, const struct ipaddr *source, const struct ipaddr *group);

/* Looks at nothing yet. Returns NULL when out of memory. */
struct senders *senders_new(struct loop *loop, enum family family, senders_fn *seen, void *arg);
void senders_free(struct senders *senders);

/*
 * Looks at these interfaces from now on, 0 is none; without any the socket is closed. `all` has a bit for each on which
 * all senders count, and not only link-local ones. What fails is logged, once, and tried again.
 */
void senders_watch(struct senders *senders, const int ifindex[GM_MAX_IFS], uint32_t all);

/* The entry of the source is gone: it is to be told again. */
void senders_forget(struct senders *senders, const struct ipaddr *source, const struct ipaddr *group);

#endif
