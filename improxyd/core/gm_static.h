/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_static - static groups: memberships that configuration holds, whatever hosts say. They live in the same records as
 * those of hosts, as timers that never run out.
 */
#ifndef IMPROXY_CORE_GM_STATIC_H
#define IMPROXY_CORE_GM_STATIC_H

#include "core/gm_state.h"

/* Makes the records of the interface hold its static groups, and no others. Returns 0 or -ENOMEM. */
int gm_static_apply(struct gm_if *ifp);

#endif
