/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_router - the router side of a downstream: the filter-mode state machine of group records and its timers (RFC 9776
 * s6.2 to s6.5, RFC 9777 s7.2 to s7.5), and immediate leave. It takes what it is given as permitted.
 */
#ifndef IMPROXY_CORE_GM_ROUTER_H
#define IMPROXY_CORE_GM_ROUTER_H

#include "core/gm_host.h"
#include "core/gm_state.h"

/*
 * Applies a record whose sources are sorted. Room for them was reserved in the record and its group. Afterwards
 * gm_router_finish() has to follow.
 */
void gm_router_apply(struct gm_rec *rec, enum gm_record_type type, const struct ipaddr *sources, unsigned int n);

/* After a change: fires what has been made due at once, and frees a record that holds nothing. */
void gm_router_finish(struct gm_rec *rec);

/* True if a record of this type makes state where there is none. */
bool gm_router_creates(enum gm_record_type type, unsigned int nsources);

/* The list a source of a record in this mode is on. */
enum gm_place gm_router_place(enum gm_mode mode, const struct gm_src *src);

/* Arms the timer of the record for what is due first, after deadlines were set from outside. */
void gm_router_rearm(struct gm_rec *rec);

/* Something of the record is due. The record may be gone afterwards. */
void gm_router_timer(struct gm_rec *rec);

/* Lowers the filter timer, or a source's timer, to `deadline`; never raises, never touches what a static-group holds.
 */
bool gm_router_lower_group(struct gm_rec *rec, mtime_t deadline);
bool gm_router_lower_source(struct gm_rec *rec, struct gm_src *src, mtime_t deadline);

/*
 * From EXCLUDE to INCLUDE mode, when the filter timer has run out or any source is not to be had any more: the sources
 * still wanted are kept. What is left may be nothing.
 */
void gm_router_switch(struct gm_rec *rec);

/* Forgets the record, all records of the interface; what static-group holds comes back with gm_static_apply().
 */
void gm_router_forget(struct gm_rec *rec);
void gm_router_forget_all(struct gm_if *ifp);

#endif
