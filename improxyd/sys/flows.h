/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flows - a look at which streams are running: every source and group that data arrives of, and on which interface.
 *
 * It is what a change from wildcard to per-source forwarding stands on: the shared entries tell nobody of sources. It
 * owns a packet socket with a filter in the kernel that lets only the headers of data for routed groups through, and a
 * bounded list of what it has seen; it reads a bounded number of packets a pass, and what the socket cannot hold is
 * lost to it, not to the stream. It refuses to follow a stream: who wants to know later looks again.
 */
#ifndef IMPROXY_SYS_FLOWS_H
#define IMPROXY_SYS_FLOWS_H

#include "lib/family.h"
#include "lib/ipaddr.h"

struct loop;
struct flows;

/* Begins to look. Returns 0 or -errno: -EPERM without CAP_NET_RAW. */
int flows_open(struct loop *loop, enum family family, struct flows **out);
void flows_close(struct flows *flows);

typedef void flows_fn(void *arg, int ifindex, const struct ipaddr *source, const struct ipaddr *group);
/* Calls `fn` for each stream seen so far. */
void flows_walk(const struct flows *flows, flows_fn *fn, void *arg);

#endif
