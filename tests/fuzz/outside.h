/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * outside - what the world has been told by an engine's actions: the filters that upstream interfaces hold, and the
 * kernel's forwarding entries. It aborts at an action that makes no sense there, and when it is not what the engine
 * believes it to be.
 */
#ifndef IMPROXY_TESTS_OUTSIDE_H
#define IMPROXY_TESTS_OUTSIDE_H

#include <stdbool.h>

#include "core/gm.h"

struct outside {
	struct outside_filter *filters;
	struct outside_route *routes;
	size_t nfilters, nroutes;
};

/* Carries out an action of the engine. */
void outside_act(struct outside *out, const struct gm *gm, const struct gm_action *a);

/* Only when the engine has nothing more to tell. */
void outside_compare(const struct outside *out, const struct gm *gm);

bool outside_has_route(const struct outside *out, const struct ipaddr *source, const struct ipaddr *group);

/* The interface of this slot has gone, and its memberships with it; the kernel may have lost forwarding entries. */
void outside_lose_filters(struct outside *out, uint8_t slot);
void outside_lose_routes(struct outside *out);

/* A new engine is told what the kernel has from the life of the one before. */
void outside_inherit(const struct outside *out, struct gm *gm, mtime_t now);

void outside_free(struct outside *out);

#endif
