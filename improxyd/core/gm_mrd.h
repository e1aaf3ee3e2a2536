/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_mrd - multicast router discovery (RFC 4286): advertisements on the downstreams that ask for it, so that snooping
 * switches find us without queries.
 */
#ifndef IMPROXY_CORE_GM_MRD_H
#define IMPROXY_CORE_GM_MRD_H

#include "core/gm_state.h"

/* Begins, goes on or ends as the interface is configured and up now; an end is announced. */
void gm_mrd_update(struct gm_if *ifp);

/* A host or switch asks who is there. */
void gm_mrd_solicited(struct gm_if *ifp, const struct gm_event *ev);

/* The timer of the interface has fired. */
void gm_mrd_timer(struct gm_if *ifp);

#endif
