/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_inherit - what a proxy that has been restarted takes over from its former life. The kernel has gone on forwarding,
 * and upstream the memberships are held by whoever kept their sockets; but which hosts there are has been forgotten.
 *
 * Each entry that the kernel has keeps its outputs until every host has had its turn to answer the startup queries.
 * What a host asks for meanwhile is added as ever; nothing is taken away before, but where the interface may not be
 * forwarded to any more. It owns the end of that time. It refuses to guess memberships: the records are the hosts'.
 */
#ifndef IMPROXY_CORE_GM_INHERIT_H
#define IMPROXY_CORE_GM_INHERIT_H

#include "core/gm_state.h"

/* GM_EV_RELEARN: the interfaces are as configured and have begun to ask. */
void gm_inherit_begin(struct gm *gm);

/* GM_EV_INHERIT: takes over one entry as the kernel has it. Returns 0 or -ENOMEM. */
int gm_inherit_route(struct gm *gm, uint8_t slot, const struct ipaddr *source, const struct ipaddr *addr,
		     uint32_t oifs);

/* The outputs of a former life that an entry with this incoming interface still has. */
uint32_t gm_inherit_oifs(const struct gm *gm, const struct gm_route *route, uint8_t iif);

/* The hosts have been heard: from now on only what they asked for counts. */
void gm_inherit_end(struct gm *gm);

#endif
