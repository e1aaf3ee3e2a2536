/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_room - room for forwarding entries: who gives way when the limit is reached.
 *
 * What nobody waits for gives way to what somebody does; never the other way round. If that is not enough, a group that
 * has few entries takes one from a group that has most, as long as it does not get more than that one keeps. So nobody
 * can fill the table against the first stream of another group, but with as many groups as there is room. The cost
 * does not grow with the groups, only with the entries of the one that loses one.
 */
#ifndef IMPROXY_CORE_GM_ROOM_H
#define IMPROXY_CORE_GM_ROOM_H

#include "core/gm_state.h"

bool gm_room_is_full(const struct gm *gm);

/*
 * The list of groups with about as many entries: exactly up to GM_FAIR_SHARE, by powers of two above. One that has a
 * single entry has none to give, and is on no list.
 */
unsigned int gm_room_level(uint32_t nroutes);

/* The group has so many entries more. */
void gm_room_count(struct gm *gm, struct gm_group *group, int change);

/* Puts the entry on the list of those that give way first, or on none. */
void gm_room_set_spare(struct gm *gm, struct gm_route *route, enum gm_spare spare);

/* The entry that has to go for one of this group that a member waits for; NULL: none may. */
struct gm_route *gm_room_victim(const struct gm *gm, const struct gm_group *group);

/* An entry of this group that a member waits for would have room. */
bool gm_room_is_for(const struct gm *gm, const struct gm_group *group);

#endif
