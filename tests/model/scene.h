/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scene - a small network and what may happen in it, at random: two upstreams, four downstreams, a few groups, sources,
 * hosts and other queriers, valid ones and not. A step is plain data that holds all its event points to, so that steps
 * can be left out and played again.
 */
#ifndef IMPROXY_TESTS_MODEL_SCENE_H
#define IMPROXY_TESTS_MODEL_SCENE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/gm.h"

#define STEP_SOURCES 8
#define STEP_STATICS 3

enum step_kind { STEP_EVENT, STEP_TIME };

struct step {
	mtime_t at;
	enum step_kind kind;
	bool late;              /* the daemon was held up: nothing was called since the last step */
	unsigned int turn_rule; /* a rule of the access lists to be reversed before the event, plus one; 0: none */
	struct gm_event ev;     /* its pointers are set by scene_event() */
	struct gm_if_conf iface;
	struct gm_conf conf;
	struct gm_static statics[STEP_STATICS];
	struct ipaddr sources[STEP_SOURCES];
};

/* Fills `steps` from the seed. */
void scene_generate(struct step *steps, size_t n, unsigned long seed, bool mld);

/* Gives the access lists their first content again. */
void scene_reset(void);

/* The event of the step; it points into the step and the access lists. */
void scene_event(struct step *st, struct gm_event *ev);

/* Prints the step as a TAP comment; `before` is the time of the step before it. */
void step_print(const struct step *st, mtime_t before);

#endif
