/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_querier - who queries a downstream, when, and what: election, startup and general queries, last-member queries and
 * their retransmissions (RFC 9776 s6.6, s8; RFC 9777 s7.6, s9).
 */
#ifndef IMPROXY_CORE_GM_QUERIER_H
#define IMPROXY_CORE_GM_QUERIER_H

#include "core/gm_state.h"

/* Begins as querier with startup queries, if the interface has what it takes; else rests. */
void gm_querier_start(struct gm_if *ifp);
void gm_querier_stop(struct gm_if *ifp);

/* The intervals were configured anew; the role and the schedule stay, but for a next query that is now too far off. */
void gm_querier_adjust(struct gm_if *ifp);

/*
 * A general query out of turn, to learn at once what hosts want now. Only as querier. Until the answers have come not
 * all hosts that have their data are known.
 */
void gm_querier_ask(struct gm_if *ifp);

/* A query was heard on this interface (upstream or downstream). */
void gm_querier_heard(struct gm_if *ifp, const struct gm_event *ev);
/* A query of our own has come back that was sent on `sent`. */
void gm_querier_echoed(struct gm_if *ifp, const struct gm_if *sent);

/* The timer of the interface has fired. */
void gm_querier_timer(struct gm_if *ifp);

/*
 * Last-member queries, RFC 9776 s6.6.3: they lower the timers that are above the last member query time, are sent at
 * once, and repeated; nothing happens unless we are the querier. Sources are named one by one, true telling that the
 * source is to be asked for, and sent in one query.
 */
void gm_querier_ask_group(struct gm_rec *rec);
bool gm_querier_ask_source(struct gm_rec *rec, struct gm_src *src);
void gm_querier_send_sources(struct gm_rec *rec);

/* Repetitions that are due. */
void gm_querier_repeat(struct gm_rec *rec);

#endif
