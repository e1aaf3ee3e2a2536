/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_room.h"

#include <utlist.h>

bool gm_room_is_full(const struct gm *gm)
{
	return gm->conf.route_limit && HASH_COUNT(gm->routes) >= gm->conf.route_limit;
}

unsigned int gm_room_level(uint32_t nroutes)
{
	return nroutes <= GM_FAIR_SHARE ? nroutes : GM_LEVELS - 1 - (unsigned int)__builtin_clz(nroutes);
}

void gm_room_count(struct gm *gm, struct gm_group *group, int change)
{
	unsigned int before = gm_room_level(group->nroutes), after;

	group->nroutes += (uint32_t)change;
	after = gm_room_level(group->nroutes);
	if (before == after)
		return;
	if (before > 1)
		DL_DELETE2(gm->levels[before], group, level_prev, level_next);
	if (after > 1)
		DL_APPEND2(gm->levels[after], group, level_prev, level_next);
}

void gm_room_set_spare(struct gm *gm, struct gm_route *route, enum gm_spare spare)
{
	if (route->spare == spare)
		return;
	if (route->spare != GM_SPARE_NOT)
		DL_DELETE2(gm->spare[route->spare], route, spare_prev, spare_next);
	route->spare = spare;
	if (spare != GM_SPARE_NOT)
		DL_APPEND2(gm->spare[spare], route, spare_prev, spare_next);
}

static struct gm_route *first_spare(const struct gm *gm)
{
	unsigned int i = 0;

	while (i < GM_SPARE_NOT - 1 && !gm->spare[i])
		i++;
	return gm->spare[i];
}

/* Among the groups that have most, one that will still have as many as this one gets; NULL: there is none. */
static const struct gm_group *greediest(const struct gm *gm, const struct gm_group *group)
{
	if (group->nroutes >= GM_FAIR_SHARE)
		return NULL;
	for (unsigned int level = GM_LEVELS - 1; level >= group->nroutes + 2; level--) {
		if (gm->levels[level])
			return gm->levels[level];
	}
	return NULL;
}

/*
 * The latest, since what a flood has brought came after the streams. One that a member names comes last: it may have
 * been made without any data. In per-source mode the kernel asks for it when there is some.
 */
static struct gm_route *latest(const struct gm_group *group)
{
	struct gm_route *last = group->routes->prev, *route = last;

	while (route->named && route != group->routes)
		route = route->prev;
	if (!route->named)
		return route;
	/* The entry of any source serves all the others. */
	return ipaddr_is_none(&last->key.source) ? last->prev : last;
}

struct gm_route *gm_room_victim(const struct gm *gm, const struct gm_group *group)
{
	struct gm_route *spare = first_spare(gm);
	const struct gm_group *most;

	if (spare)
		return spare;
	most = greediest(gm, group);
	return most ? latest(most) : NULL;
}

bool gm_room_is_for(const struct gm *gm, const struct gm_group *group)
{
	return !gm_room_is_full(gm) || first_spare(gm) || greediest(gm, group);
}
