/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_static.h"

#include <errno.h>

#include "core/gm_group.h"
#include "core/gm_host.h"
#include "core/gm_policy.h"
#include "core/gm_router.h"

/* The record of a static-group, with room for its source (NULL: any); one that stays empty is freed by the caller. */
static struct gm_rec *static_rec(struct gm_if *ifp, const struct ipaddr *addr, const struct ipaddr *source)
{
	struct gm_group *group = gm_group_get(ifp->gm, addr);
	struct gm_rec *rec = group ? gm_group_rec(group, ifp->slot) : NULL;

	if (group && !rec)
		rec = gm_rec_new(group, ifp);
	if (!rec)
		return NULL;
	if (source && (gm_set_reserve(&rec->sources, source, 1) < 0 || gm_host_reserve(rec->group, source, 1) < 0))
		return NULL;
	return rec;
}

static int hold_group(struct gm_if *ifp, const struct ipaddr *group)
{
	struct gm_rec *rec = static_rec(ifp, group, NULL);

	if (!rec)
		return -ENOMEM;
	gm_router_apply(rec, GM_IS_EX, NULL, 0);
	rec->filter_deadline = MTIME_NEVER;
	rec->fixed = true;
	gm_router_rearm(rec);
	return 0;
}

static int hold_source(struct gm_if *ifp, const struct ipaddr *group, const struct ipaddr *source)
{
	struct gm_rec *rec = static_rec(ifp, group, source);
	struct gm_src *src;

	if (!rec)
		return -ENOMEM;
	gm_router_apply(rec, GM_ALLOW, source, 1);
	src = gm_set_find(&rec->sources, source);
	if (src) {
		src->fixed = true;
		src->deadline = MTIME_NEVER;
		src->queries_left = 0;
		rec->fixed = true;
	}
	gm_router_rearm(rec);
	return 0;
}

/* What may not be proxied is not held; any source of the SSM range is what the ssm-map makes of it, as for a host. */
static int apply_static(struct gm_if *ifp, const struct gm_static *st)
{
	const struct gm *gm = ifp->gm;
	int err = 0;

	if (!gm_policy_proxied(gm, &st->group))
		return 0;
	if (!ipaddr_is_none(&st->source))
		return hold_source(ifp, &st->group, &st->source);
	if (!gm_policy_ssm(gm, &st->group))
		return hold_group(ifp, &st->group);
	for (unsigned int i = 0; i < gm->conf.nssm_maps && err == 0; i++) {
		if (gm_policy_ssm_mapped(gm, &gm->conf.ssm_maps[i], &st->group))
			err = hold_source(ifp, &st->group, &gm->conf.ssm_maps[i].source);
	}
	return err;
}

/* What was held for ever ages from now on, as if a host had asked for it just now. */
static void release_static(struct gm_rec *rec)
{
	mtime_t gmi = rec->iface->gm->now + gm_if_group_membership_interval(rec->iface);

	if (!rec->fixed)
		return;
	rec->fixed = false;
	if (rec->filter_deadline == MTIME_NEVER)
		rec->filter_deadline = rec->reported ? gmi : rec->iface->gm->now;
	for (uint32_t i = 0; i < rec->sources.n; i++) {
		struct gm_src *src = &rec->sources.v[i];

		if (!src->fixed)
			continue;
		src->fixed = false;
		src->deadline = rec->reported ? gmi : rec->iface->gm->now;
	}
	gm_router_rearm(rec);
}

int gm_static_apply(struct gm_if *ifp)
{
	struct gm_rec *next;
	int err = 0;

	for (struct gm_rec *rec = ifp->recs; rec; rec = rec->next)
		release_static(rec);
	if (gm_if_listening(ifp)) {
		for (unsigned int i = 0; i < ifp->conf.nstatics && err == 0; i++)
			err = apply_static(ifp, &ifp->conf.statics[i]);
	}
	for (struct gm_rec *rec = ifp->recs; rec; rec = next) {
		next = rec->next;
		gm_router_finish(rec);
	}
	return err;
}
