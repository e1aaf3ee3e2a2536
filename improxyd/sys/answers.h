/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answers - does this machine answer the queries of the router upstream? The kernel does that by itself and tells
 * nobody, so the answer is looked for on the wire, as it leaves: behind whatever may drop it on its way out.
 *
 * A look begins with a general query that was heard, and ends with the first answer, or when the time for one is over
 * (RFC 9776 s5.2, RFC 9777 s6.2). It is short because everything that leaves by an interface has to pass by it, in the
 * kernel, where a filter lets no more than a membership report through; and it is not repeated at each query of a
 * flood, because the kernel takes some milliseconds to close such a socket.
 */
#ifndef IMPROXY_SYS_ANSWERS_H
#define IMPROXY_SYS_ANSWERS_H

#include <stdbool.h>

#include "lib/family.h"
#include "lib/mtime.h"

struct answers;
struct loop;

struct answers_state {
	mtime_t seen; /* when an answer was last seen to leave; 0: never */
	bool missed;  /* the query looked at last was not answered in time */
	int error;    /* -errno: the last look was not possible */
};

/* NULL: out of memory. */
struct answers *answers_new(struct loop *loop, enum family family);
void answers_free(struct answers *answers);

/* A general query was heard, to be answered within `max_response` (0: that of IGMPv1, RFC 9776 s8.3). */
void answers_expect(struct answers *answers, int ifindex, mtime_t max_response);
/* The interface is no upstream any more. */
void answers_forget(struct answers *answers, int ifindex);

struct answers_state answers_state(const struct answers *answers, int ifindex);

#endif
