/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_watch - what people will ask about later and the protocol itself has no use for: which requests were refused,
 * whether the router upstream still queries, and whether there is a loop: our own messages come back, or one source is
 * heard on two interfaces. Nothing of it is acted on, but that a loop tells which messages are our own.
 */
#ifndef IMPROXY_CORE_GM_WATCH_H
#define IMPROXY_CORE_GM_WATCH_H

#include "core/gm_state.h"

/* What a querier is taken to use that has told an interval of 0, or is heard upstream and has told none: RFC 9776 s8.2.
 */
#define GM_WATCH_INTERVAL mtime_from_s(125)
/* A source that has not been heard on a second interface for so long is not any more. The kernel tells every 3 s. */
#define GM_WATCH_TWICE mtime_from_s(15)

/* The interface begins anew. */
void gm_watch_reset(struct gm_if *ifp);

/* A request was refused; `source` NULL: for any source. The same one again only renews its time. */
void gm_watch_refused(struct gm_if *ifp, const struct ipaddr *group, const struct ipaddr *source,
		      const struct ipaddr *reporter, enum gm_drop why);

/*
 * When the upstream is to be called silent: two of its query intervals after the last query; MTIME_NEVER for one that
 * is silent already, and for every other interface.
 */
mtime_t gm_watch_deadline(const struct gm_if *ifp);
/* It has come. */
void gm_watch_timer(struct gm_if *ifp);
/* A query was heard, and is the last one by now. */
void gm_watch_heard(struct gm_if *ifp);

/*
 * RFC 4604 s2.2.3, s2.2.5: an older query upstream, of all groups while source-specific ones are joined there, or of
 * one of these. Noted now and then.
 */
void gm_watch_older_query(struct gm_if *ifp, const struct gm_event *ev);

/*
 * Whether a message from this address is our own. Of link-local addresses only the interface's own one is ours; another
 * interface's while they are known to be on one link. Of others all are: where an interface has none, the kernel's IGMP
 * reports come from another's.
 */
bool gm_watch_own(const struct gm_if *ifp, const struct ipaddr *from);

/* Two interfaces are on one link: what was sent on `sent` is heard here. Noted when it begins. */
void gm_watch_loop(struct gm_if *ifp, const struct gm_if *sent);
/* Whether that is still so: one of the queries that come back may be missed. */
bool gm_watch_looped(const struct gm_if *ifp, mtime_t now);

/* Data of this source was heard here, and between two such packets in the slot where it is expected. */
void gm_watch_twice(struct gm_if *ifp, uint8_t expected, const struct ipaddr *source, const struct ipaddr *group);

#endif
