/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A group waits in one of two heaps: for its change to be told, and for its answer to a query about it. The answer to a
 * general query is a walk over all groups in the order in which they came.
 *
 * All memory that the reports of a change need, and those of leaving after it, is there before it is accepted.
 */
#include "core/gm_member_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/gm_random.h"
#include "core/gm_set.h"
#include "lib/util.h"

/* RFC 9777 s9.1, s9.2. */
#define ROBUSTNESS_DEFAULT     2
#define QUERY_INTERVAL_DEFAULT mtime_from_s(125)

/* Changed sources that are noted beside those in force, while nothing is told. */
#define CHANGED_MOST 256u

struct member_group *gm_member_find(const struct gm_member *m, const struct ipaddr *addr)
{
	struct member_group *group;

	HASH_FIND(hh, m->groups, addr, sizeof(*addr), group);
	return group;
}

void gm_member_forget(struct gm_member *m, struct member_group *group)
{
	if (m->walk == group)
		m->walk = group->hh.next;
	m->nuntold -= !group->told;
	theap_remove(&m->changes, &group->change);
	theap_remove(&m->answers, &group->answer);
	HASH_DEL(m->groups, group);
	free(group->sources);
	free(group->changed);
	free(group->asked);
	free(group);
}

static struct member_group *group_new(struct gm_member *m, mtime_t now, const struct ipaddr *addr)
{
	struct member_group *group = calloc(1, sizeof(*group));

	if (!group)
		return NULL;
	group->addr = *addr;
	group->told = true;
	group->since = now;
	HASH_ADD(hh, m->groups, addr, sizeof(group->addr), group);
	if (!hash_added(group)) {
		free(group);
		return NULL;
	}
	return group;
}

void gm_member_set_told(struct gm_member *m, struct member_group *group, mtime_t now, bool told)
{
	if (group->told == told)
		return;
	m->nuntold += group->told ? 1 : -1;
	group->told = told;
	group->since = now;
}

void gm_member_answered(struct gm_member *m, struct member_group *group)
{
	theap_remove(&m->answers, &group->answer);
	free(group->asked);
	group->asked = NULL;
	group->nasked = 0;
}

/* --- memory, before it is needed --- */

static int reserve_staged(struct gm_member *m, unsigned int n)
{
	if (n <= m->staged_cap)
		return 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(m->staged); i++) {
		struct ipaddr *list = realloc(m->staged[i].list, n * sizeof(*list));

		if (!list)
			return -ENOMEM;
		m->staged[i].list = list;
	}
	m->staged_cap = n;
	return 0;
}

/* Room for a change to `n` sources, and for leaving after it. */
static int reserve_change(struct gm_member *m, struct member_group *group, unsigned int n)
{
	unsigned int need = group->nchanged + group->nsources + 2 * n;
	struct member_source *list;

	if (need > group->changed_cap) {
		list = realloc(group->changed, need * sizeof(*list));
		if (!list)
			return -ENOMEM;
		group->changed = list;
		group->changed_cap = need;
	}
	return reserve_staged(m, group->changed_cap);
}

/* --- changes: RFC 9777 s6.1 --- */

static void note_changed(struct gm_member *m, struct member_group *group, const struct ipaddr *source)
{
	uint32_t i = ipaddr_position(group->changed, group->nchanged, sizeof(*group->changed), source);

	if (i == group->nchanged || !ipaddr_eq(&group->changed[i].addr, source)) {
		memmove(&group->changed[i + 1], &group->changed[i], (group->nchanged - i) * sizeof(*group->changed));
		group->changed[i].addr = *source;
		group->nchanged++;
	}
	group->changed[i].left = m->robustness;
}

/* What is in one of two sorted lists only. Returns whether there is any. */
static bool note_difference(struct gm_member *m, struct member_group *group, const struct ipaddr *b, unsigned int nb)
{
	const struct ipaddr *a = group->sources;
	unsigned int na = group->nsources, i = 0, j = 0;
	bool any = false;

	while (i < na || j < nb) {
		int order = i == na ? 1 : j == nb ? -1 : ipaddr_cmp(&a[i], &b[j]);

		if (order)
			note_changed(m, group, order < 0 ? &a[i] : &b[j]);
		any |= order != 0;
		i += order <= 0;
		j += order >= 0;
	}
	return any;
}

/* Before GEN3 a leave is not repeated: RFC 2710 s4. */
static uint8_t times_told(const struct gm_member *m, bool join)
{
	return join || m->gen == GM_GEN3 ? m->robustness : 1;
}

/* Before GEN3 a group is joined or not, whatever its sources: RFC 2710 s4. */
static bool note_change_older(struct gm_member *m, struct member_group *group, bool join)
{
	if (gm_member_joined(group) == join)
		return false;
	group->mode_left = times_told(m, join);
	group->nchanged = 0;
	return true;
}

static bool note_change(struct gm_member *m, struct member_group *group, enum gm_mode mode,
			const struct ipaddr *sources, unsigned int nsources)
{
	if (m->gen < GM_GEN3)
		return note_change_older(m, group, mode == GM_EXCLUDE || nsources);
	/* While nothing can be told every source there ever was would be noted: then the whole filter is shorter. */
	if (group->mode == mode && (group->told || group->nchanged <= nsources + CHANGED_MOST))
		return note_difference(m, group, sources, nsources);
	group->mode_left = m->robustness;
	group->nchanged = 0;
	return true;
}

/* A sorted copy; NULL with n > 0: no memory. */
static struct ipaddr *copy_sources(const struct ipaddr *sources, unsigned int *n)
{
	struct ipaddr *copy = *n ? malloc(*n * sizeof(*copy)) : NULL;

	if (!copy)
		return NULL;
	memcpy(copy, sources, *n * sizeof(*copy));
	*n = gm_addrs_sort(copy, *n);
	return copy;
}

/* Takes over `sources`, which are the group's from now on. */
static void set_filter(struct member_group *group, enum gm_mode mode, struct ipaddr *sources, unsigned int nsources)
{
	free(group->sources);
	group->sources = sources;
	group->nsources = nsources;
	group->mode = mode;
}

int gm_member_set(struct gm_member *m, mtime_t now, const struct ipaddr *addr, enum gm_mode mode,
		  const struct ipaddr *sources, unsigned int nsources)
{
	bool join = mode == GM_EXCLUDE || nsources, changed;
	struct ipaddr *copy = copy_sources(sources, &nsources);
	struct member_group *group;

	gm_member_tick(m, now);
	group = gm_member_find(m, addr);
	if (nsources && !copy)
		return -ENOMEM;
	if (!group && join)
		group = group_new(m, now, addr);
	if (!group) {
		free(copy);
		return join ? -ENOMEM : 0;
	}
	if (join && reserve_change(m, group, nsources) < 0) {
		free(copy);
		if (!gm_member_joined(group) && !gm_member_pending(group))
			gm_member_forget(m, group);
		return -ENOMEM;
	}
	changed = note_change(m, group, mode, copy, nsources);
	set_filter(group, mode, copy, nsources);
	group->inherited = false;
	/* Nobody was told, so nobody has to be told that it is over. */
	if (!join && !group->known) {
		gm_member_forget(m, group);
		return 0;
	}
	if (changed) {
		gm_member_set_told(m, group, now, false);
		theap_set(&m->changes, &group->change, now);
	}
	if (!join)
		gm_member_answered(m, group);
	return 0;
}

void gm_member_leave(struct gm_member *m, mtime_t now)
{
	struct member_group *group, *next;

	gm_member_tick(m, now);
	HASH_ITER (hh, m->groups, group, next)
		(void)gm_member_set(m, now, &group->addr, GM_INCLUDE, NULL, 0);
}

int gm_member_inherit(struct gm_member *m, mtime_t now, const struct ipaddr *addr, enum gm_mode mode,
		      const struct ipaddr *sources, unsigned int nsources)
{
	struct member_group *group = gm_member_find(m, addr);
	struct ipaddr *copy = copy_sources(sources, &nsources);

	if (nsources && !copy)
		return -ENOMEM;
	if (mode == GM_INCLUDE && !nsources) {
		if (group)
			gm_member_forget(m, group);
		return 0;
	}
	if (!group)
		group = group_new(m, now, addr);
	if (!group || reserve_change(m, group, nsources) < 0) {
		free(copy);
		if (group && !gm_member_joined(group))
			gm_member_forget(m, group);
		return -ENOMEM;
	}
	set_filter(group, mode, copy, nsources);
	group->known = true;
	group->inherited = true;
	return 0;
}

void gm_member_disown(struct gm_member *m, mtime_t now)
{
	struct member_group *group, *next;

	gm_member_tick(m, now);
	HASH_ITER (hh, m->groups, group, next) {
		if (group->inherited)
			(void)gm_member_set(m, now, &group->addr, GM_INCLUDE, NULL, 0);
	}
}

/* --- the generation spoken: RFC 9777 s8.2 --- */

static void cancel_answers(struct gm_member *m)
{
	m->general = MTIME_NEVER;
	m->walk = NULL;
	for (unsigned int i = 0; i < ARRAY_SIZE(m->staged); i++)
		m->staged[i].waits = false;
	for (struct theap_node *node = theap_first(&m->answers); node; node = theap_first(&m->answers))
		gm_member_answered(m, container_of(node, struct member_group, answer));
}

/* What has been told once is not repeated; what has not is told in the new form. */
static void set_gen(struct gm_member *m, enum gm_gen gen)
{
	struct member_group *group, *next;

	if (gen == m->gen)
		return;
	m->gen = gen;
	cancel_answers(m);
	HASH_ITER (hh, m->groups, group, next) {
		if (!group->told) {
			group->mode_left = times_told(m, gm_member_joined(group));
			group->nchanged = 0;
			continue;
		}
		group->mode_left = 0;
		group->nchanged = 0;
		theap_remove(&m->changes, &group->change);
		if (!gm_member_joined(group))
			gm_member_forget(m, group);
	}
}

enum gm_gen gm_member_gen(const struct gm_member *m, mtime_t now)
{
	if (m->held_to)
		return m->held_to;
	return m->older_until > now ? GM_GEN2 : GM_GEN3;
}

void gm_member_tick(struct gm_member *m, mtime_t now)
{
	set_gen(m, gm_member_gen(m, now));
}

void gm_member_set_gen(struct gm_member *m, mtime_t now, unsigned int gen)
{
	m->held_to = gen;
	gm_member_tick(m, now);
}

void gm_member_follow(struct gm_member *m, mtime_t now, const struct gm_member *other)
{
	m->robustness = other->robustness;
	gm_member_set_gen(m, now, gm_member_gen(other, now));
}

void gm_member_restart(struct gm_member *m, mtime_t now)
{
	struct member_group *group, *next;

	cancel_answers(m);
	HASH_ITER (hh, m->groups, group, next) {
		/* What was never told still waits for its first time. */
		if (!group->known)
			continue;
		group->nchanged = 0;
		group->mode_left = times_told(m, gm_member_joined(group));
		gm_member_set_told(m, group, now, false);
		theap_set(&m->changes, &group->change, now);
	}
}

/* --- queries: RFC 9777 s6.2 --- */

/* Rules 3 to 5. */
static void schedule_answer(struct gm_member *m, struct member_group *group, mtime_t at, const struct ipaddr *sources,
			    unsigned int nsources)
{
	struct ipaddr *list = NULL;

	if (theap_armed(&group->answer) && group->answer.deadline < at)
		at = group->answer.deadline;
	if (nsources && (!theap_armed(&group->answer) || group->nasked) && group->nasked + nsources <= GM_MEMBER_ADDRS)
		list = malloc((group->nasked + nsources) * sizeof(*list));
	if (list) {
		if (group->nasked)
			memcpy(list, group->asked, group->nasked * sizeof(*list));
		memcpy(list + group->nasked, sources, nsources * sizeof(*list));
		nsources = gm_addrs_sort(list, group->nasked + nsources);
	}
	gm_member_answered(m, group);
	/* Without memory for the list all is told, and where it would have no end. */
	if (list && reserve_staged(m, nsources) == 0) {
		group->asked = list;
		group->nasked = nsources;
	} else {
		free(list);
	}
	theap_set(&m->answers, &group->answer, at);
}

static void learn(struct gm_member *m, const struct gm_event *ev)
{
	if (ev->query.gen < GM_GEN3)
		return;
	m->robustness = ev->query.robustness ? ev->query.robustness : ROBUSTNESS_DEFAULT;
	m->query_interval = ev->query.interval ? ev->query.interval : QUERY_INTERVAL_DEFAULT;
}

void gm_member_query(struct gm_member *m, mtime_t now, const struct gm_event *ev)
{
	bool general = ipaddr_is_none(&ev->query.group), older = ev->query.gen < GM_GEN3;
	struct member_group *group;
	mtime_t span = ev->query.max_response, at;

	if (older && m->held_to == GM_GEN3)
		return;
	learn(m, ev);
	if (older)
		m->older_until = now + m->robustness * m->query_interval + span;
	/* This may end groups of which the leave is still to be repeated. */
	gm_member_tick(m, now);
	group = general ? NULL : gm_member_find(m, &ev->query.group);
	/* Before GEN3 each group has a report of its own: their walk has half of the time. */
	if (general && m->gen < GM_GEN3)
		span /= 2;
	at = now + 1 + gm_random_below(&m->random, span);
	if (m->general <= at)
		return; /* rule 1 */
	if (general) {
		m->general = at;
		m->general_span = span;
	} else if (group && gm_member_joined(group)) {
		schedule_answer(m, group, at, ev->query.sources, m->gen < GM_GEN3 ? 0 : ev->query.nsources);
	}
}

/* --- life --- */

struct gm_member *gm_member_new(const struct gm_af *af, uint32_t seed)
{
	struct gm_member *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->af = af;
	m->random = seed;
	m->gen = GM_GEN3;
	m->room = GM_MEMBER_ROOM;
	m->robustness = ROBUSTNESS_DEFAULT;
	m->query_interval = QUERY_INTERVAL_DEFAULT;
	m->general = MTIME_NEVER;
	return m;
}

void gm_member_free(struct gm_member *m)
{
	if (!m)
		return;
	while (m->groups)
		gm_member_forget(m, m->groups);
	for (unsigned int i = 0; i < ARRAY_SIZE(m->staged); i++)
		free(m->staged[i].list);
	free(m);
}

void gm_member_set_room(struct gm_member *m, unsigned int room)
{
	unsigned int least = GM_RECORD_FIXED + 2u * m->af->addr_len;

	m->room = room < least ? least : room > GM_MEMBER_ROOM ? GM_MEMBER_ROOM : room;
}

/* --- questions --- */

static struct gm_member_state group_state(const struct member_group *group)
{
	return (struct gm_member_state){
		.mode = group->mode,
		.sources = group->sources,
		.nsources = group->nsources,
		.told = group->told,
		.inherited = group->inherited,
		.since = group->since,
	};
}

bool gm_member_state(const struct gm_member *m, const struct ipaddr *addr, struct gm_member_state *state)
{
	const struct member_group *group = gm_member_find(m, addr);

	if (group)
		*state = group_state(group);
	return group != NULL;
}

unsigned int gm_member_groups(const struct gm_member *m)
{
	return HASH_COUNT(m->groups);
}

unsigned int gm_member_untold(const struct gm_member *m)
{
	return m->nuntold;
}

void gm_member_walk(const struct gm_member *m, gm_member_fn *fn, void *arg)
{
	struct member_group *group, *next;

	HASH_ITER (hh, m->groups, group, next) {
		const struct gm_member_state state = group_state(group);

		fn(arg, &group->addr, &state);
	}
}
