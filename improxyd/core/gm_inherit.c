/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_inherit.h"

#include <errno.h>

#include "core/gm_fwd.h"
#include "core/gm_group.h"
#include "core/gm_policy.h"
#include "core/gm_queue.h"

void gm_inherit_begin(struct gm *gm)
{
	gm->relearned = gm->now + 1;
	gm_for_each_if (gm, ifp) {
		if (ifp->querying && ifp->started_up > gm->relearned)
			gm->relearned = ifp->started_up;
	}
}

/* There is no room for it here, so the kernel is not to keep it either. */
static int disown(struct gm *gm, uint8_t slot, const struct ipaddr *source, const struct ipaddr *addr)
{
	struct gm_action *a = gm_queue_push(gm, GM_ACT_ROUTE_DEL, slot);

	if (!a)
		return -ENOMEM;
	a->route.source = *source;
	a->route.group = *addr;
	return 0;
}

int gm_inherit_route(struct gm *gm, uint8_t slot, const struct ipaddr *source, const struct ipaddr *addr, uint32_t oifs)
{
	struct gm_route *route;
	int err;

	/* The entry of any source and group has no life of its own: it is compared with what it ought to be. */
	if (ipaddr_is_none(addr)) {
		gm->any_oifs[slot] = oifs;
		return 0;
	}
	err = gm_fwd_get(gm, slot, source, addr, true, &route);
	if (!route)
		return err < 0 ? err : disown(gm, slot, source, addr);
	route->arrived = slot;
	route->iif = slot;
	route->oifs = oifs;
	route->inherited = oifs;
	route->installed = true;
	gm_group_touch_source(gm, route->key.group, source, GM_DIRTY_ENTRIES);
	return 0;
}

uint32_t gm_inherit_oifs(const struct gm *gm, const struct gm_route *route, uint8_t iif)
{
	const struct ipaddr *addr = &route->key.group->addr;
	uint32_t oifs = 0;

	if (!route->inherited || gm_policy_bounded(&gm->ifs[iif], addr))
		return 0;
	for (uint8_t slot = 0; slot < GM_MAX_IFS; slot++) {
		const struct gm_if *ifp = &gm->ifs[slot];

		if (!(route->inherited & UINT32_C(1) << slot) || gm_policy_bounded(ifp, addr))
			continue;
		/* A packet does not go back where it came from, but one entry of any source serves all directions. */
		if (slot == iif && !ipaddr_is_none(&route->key.source))
			continue;
		if (gm_if_forwards(ifp) || ifp->conf.role == GM_ROLE_UPSTREAM)
			oifs |= UINT32_C(1) << slot;
	}
	return oifs;
}

void gm_inherit_end(struct gm *gm)
{
	gm->relearned = 0;
	for (struct gm_route *route = gm->routes; route; route = route->hh.next) {
		if (!route->inherited)
			continue;
		route->inherited = 0;
		gm_group_touch(gm, route->key.group, GM_DIRTY_ROUTES);
	}
	gm_queue_note(gm, GM_NO_IF, GM_NOTE_RELEARNED, NULL, NULL);
}
