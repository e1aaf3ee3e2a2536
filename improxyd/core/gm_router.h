/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_router - the router side of a downstream: group records and their filter-mode state machine (RFC 9776 s6.2 to
 * s6.5, RFC 9777 s7.2 to s7.5), compatibility with older hosts (s7.3.2, s8.3.2), what policy lets through, immediate
 * leave.
 */
#ifndef IMPROXY_CORE_GM_ROUTER_H
#define IMPROXY_CORE_GM_ROUTER_H

#include "core/gm_state.h"

/* Applies one record of a report. Returns 0 (also when policy refused it, which is counted), or -ENOMEM. */
int gm_router_record(struct gm_if *ifp, const struct gm_event *ev);

/* Something of the record is due. The record may be gone afterwards. */
void gm_router_timer(struct gm_rec *rec);

/* Lowers the filter timer, or a source's timer, to `deadline`; never raises, never touches what a static-group holds.
 */
void gm_router_lower_group(struct gm_rec *rec, mtime_t deadline);
void gm_router_lower_source(struct gm_rec *rec, struct gm_src *src, mtime_t deadline);

/* Drops what the access list or the SSM range no longer permit; static groups stand by themselves. Returns 0 or
 * -ENOMEM.
 */
int gm_router_enforce_policy(struct gm_if *ifp);

/* Makes the records of the interface hold its static groups, and no others. Returns 0 or -ENOMEM. */
int gm_router_apply_statics(struct gm_if *ifp);

/* Forgets the record, all records of the interface; what static-group holds comes back with gm_router_apply_statics().
 */
void gm_router_forget(struct gm_rec *rec);
void gm_router_forget_all(struct gm_if *ifp);

#endif
