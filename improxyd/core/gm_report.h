/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_report - what becomes of a record of a report before the state machine sees it: who may speak and for what (access
 * lists, limits, the SSM range and its map), and what older hosts on the link make of it (RFC 9776 s7.3.2, RFC 9777
 * s8.3.2).
 */
#ifndef IMPROXY_CORE_GM_REPORT_H
#define IMPROXY_CORE_GM_REPORT_H

#include "core/gm_state.h"

/* Takes in one record. Returns 0 (also when it is refused, which is counted), or -ENOMEM. */
int gm_report_record(struct gm_if *ifp, const struct gm_event *ev);

/* Drops what the access list or the SSM range no longer permit; static groups stand by themselves. Returns 0 or
 * -ENOMEM. */
int gm_report_enforce_policy(struct gm_if *ifp);

/*
 * Drops what is beyond the limits on groups and sources, which have become lower: the groups that came last, and any of
 * the sources. What a static-group holds stays.
 */
void gm_report_enforce_limits(struct gm *gm);

/*
 * Hosts of older versions are ignored from now on: groups leave the modes these had put them in, and what only these
 * may want is asked for, as if they had left.
 */
void gm_report_ignore_older(struct gm_if *ifp);

#endif
