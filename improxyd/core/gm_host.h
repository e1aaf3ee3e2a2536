/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_host - the host side: the records of all downstreams merged into one filter a group (RFC 4605 s4.1, RFC 9776
 * s3.2), kept incrementally, and handed to the upstream that serves the group.
 *
 * Per source it counts the records that include and that exclude it, per group the records in EXCLUDE mode; a change of
 * one record costs what it touches. Sources of an EXCLUDE record whose timer runs count as neither (E-10).
 */
#ifndef IMPROXY_CORE_GM_HOST_H
#define IMPROXY_CORE_GM_HOST_H

#include "core/gm_state.h"

/* Makes room for `n` sorted sources in the group, so that gm_host_move() cannot fail. Returns 0 or -ENOMEM. */
int gm_host_reserve(struct gm_group *group, const struct ipaddr *sources, unsigned int n);

/* Where a record has a source: nowhere, on the list of INCLUDE mode, on the requested or the exclude list of EXCLUDE
 * mode. */
enum gm_place { GM_ABSENT, GM_INCLUDED, GM_REQUESTED, GM_EXCLUDED };

/* A record moves `source`. From GM_ABSENT it takes up room that was reserved. */
void gm_host_move(struct gm *gm, struct gm_group *group, const struct ipaddr *source, enum gm_place from,
		  enum gm_place to);

/* A record of the group enters (+1) or leaves (-1) EXCLUDE mode. */
void gm_host_count_excluding(struct gm *gm, struct gm_group *group, int change);

/* Chooses the upstream again if it may have changed. */
void gm_host_choose(struct gm *gm, struct gm_group *group);

/*
 * Hands out the filter if it is another than the upstream holds; looks at the touched sources only where that is
 * enough. Returns 0, or -ENOMEM when it could not be queued and
 * has to be tried again.
 */
int gm_host_flush(struct gm *gm, struct gm_group *group);

/* The leave-delay of a group is over. */
void gm_host_hold_expired(struct gm *gm, struct gm_group *group);

/* The upstream in `slot` lost what it was told: everything is handed out again. */
void gm_host_resync(struct gm *gm, uint8_t slot);

#endif
