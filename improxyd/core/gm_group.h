/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_group - the life of groups and of their records, and the list of groups that have to be settled: as a whole, or
 * the sources that were touched.
 */
#ifndef IMPROXY_CORE_GM_GROUP_H
#define IMPROXY_CORE_GM_GROUP_H

#include "core/gm_state.h"

/* The group, made if there is none; NULL when out of memory. One that stays empty goes with the next settling. */
struct gm_group *gm_group_get(struct gm *gm, const struct ipaddr *addr);

/* Puts the group on the list to be settled, for the reasons in `why` (enum gm_dirty). */
void gm_group_touch(struct gm *gm, struct gm_group *group, unsigned int why);

/*
 * The same where only one source is concerned (GM_DIRTY_LISTED, GM_DIRTY_ENTRIES). Settling then costs what the touched
 * sources cost, unless there are many of them or memory is short: then the whole group is settled.
 */
void gm_group_touch_source(struct gm *gm, struct gm_group *group, const struct ipaddr *source, unsigned int why);

/* The same for every group that has a record on the interface, and for every group there is. */
void gm_group_touch_members(struct gm_if *ifp, unsigned int why);
void gm_group_touch_all(struct gm *gm, unsigned int why);

/* A record of the group on the interface, in INCLUDE mode with no source. NULL when out of memory. */
struct gm_rec *gm_rec_new(struct gm_group *group, struct gm_if *ifp);

/* Frees a record that counts for nothing any more: INCLUDE mode, no sources. */
void gm_rec_free(struct gm_rec *rec);

/* Makes sure that the record is looked at no later than `deadline`. */
void gm_rec_arm(struct gm_rec *rec, mtime_t deadline);

/* Settles the first `most` groups on the list: choice of the upstream, its filter, forwarding entries; frees empty
 * ones.
 */
void gm_group_settle(struct gm *gm, unsigned int most);

/* Frees everything, without actions. */
void gm_group_free_all(struct gm *gm);

#endif
