/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A group is held in parts, one a socket. The parts are the truth about the kernel, the group's own list is what is
 * wanted, and applying brings the parts to it from wherever they are, so that a failure half-way is repaired by
 * applying again.
 *
 * The kernel merges per interface and group (RFC 9776 s3.2): with any EXCLUDE part the result is EXCLUDE of what all
 * EXCLUDE parts exclude and no INCLUDE part includes; otherwise INCLUDE of the union. Hence the order of steps:
 *  - INCLUDE to INCLUDE: a source never moves between parts while its old one is gone first; parts grow and change
 *    before parts are dropped;
 *  - INCLUDE to EXCLUDE: the first part switches, which decides the mode, then the others go;
 *  - EXCLUDE to INCLUDE: the other parts are added first, under the cover of the EXCLUDE part, which then switches.
 *
 * The kernel keeps the groups of an interface in a list, the last joined first, and looks through it twice to leave
 * one. Many leaves in the order of the joins take a time that grows with the square of their number, in the opposite
 * order they cost next to nothing: hence the order of pool->leaves.
 */
#include "sys/mcast_pool.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* uthash must not end the process when memory is short: the element is then not added. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "lib/theap.h"
#include "lib/util.h"
#include "sys/mcast_part.h"

/* Applying again after a limit was learned or a stale part removed; each such step makes progress. */
#define POOL_MAX_ROUNDS 64

struct pool_group {
	UT_hash_handle hh;
	struct mcast_parts held;
	struct mcast_state state;
	struct ipaddr *sources;         /* wanted, sorted, each once; state.nsources of them */
	struct pool_group *prev, *next; /* in the list of failing groups, while state.error */
	int64_t joined;                 /* its place in the order of joins; 0: not joined */
	struct theap_node todo;         /* while the kernel is still to be told */
	struct theap *todo_heap;        /* the one it is in: pool->changes or pool->leaves */
	bool hasten;                    /* see mcast_pool_hasten() */
};

struct mcast_pool {
	struct mcast_socks socks;
	struct pool_group *groups; /* hash */
	struct theap changes;      /* the one that was set first comes first */
	struct theap leaves;       /* the one that was joined last comes first */
	int64_t order;             /* of what was set, and of joins */
	unsigned int ntodo;
	struct pool_group *failing;
	unsigned int nfailing;
	uint64_t join_failures, widened;
};

/* --- groups --- */

/* Sources of the wanted list that `owner` gives to part `i`. */
static unsigned int plan_part(const struct pool_group *group, const unsigned int *owner, unsigned int i,
			      struct ipaddr *out)
{
	unsigned int n = 0;

	for (unsigned int s = 0; s < group->state.nsources; s++)
		if (owner[s] == i)
			out[n++] = group->sources[s];
	return n;
}

/*
 * Gives every wanted source to a part: to the one that has it, else to one with room, else to a new one. Returns the
 * number of parts planned. When less than half of the parts are needed, only the first are planned with.
 */
static unsigned int plan_include(const struct mcast_pool *pool, const struct pool_group *group, unsigned int *owner)
{
	unsigned int nsources = group->state.nsources;
	unsigned int limit = pool->socks.max_sources ? pool->socks.max_sources : 1;
	unsigned int needed = (nsources - 1) / limit + 1;
	unsigned int usable = group->held.nparts > 2 * needed ? needed : group->held.nparts;
	unsigned int next = 0, part;

	for (unsigned int s = 0; s < nsources; s++)
		owner[s] = UINT_MAX;
	for (part = 0; part < usable; part++) {
		const struct mcast_part *p = &group->held.parts[part];
		unsigned int kept = 0;

		for (unsigned int i = 0; i < p->nsources && p->mode == GM_INCLUDE && kept < limit; i++) {
			const struct ipaddr *found = mcast_sources_find(group->sources, nsources, &p->sources[i]);

			if (found && owner[found - group->sources] == UINT_MAX) {
				owner[found - group->sources] = part;
				kept++;
			}
		}
	}
	for (part = 0; next < nsources; part++) {
		unsigned int used = 0;

		for (unsigned int s = 0; s < nsources; s++)
			used += owner[s] == part;
		for (; next < nsources && used < limit; next++) {
			if (owner[next] == UINT_MAX) {
				owner[next] = part;
				used++;
			}
		}
	}
	return part > usable ? part : usable;
}

/*
 * The limit on lists is below what was believed. Finds it by adding one source after the other on a socket of their
 * own, which stays as a part: what it holds is wanted.
 */
static int group_probe(struct mcast_pool *pool, struct pool_group *group)
{
	int err = mcast_part_join_alone(&pool->socks, &group->held, GM_INCLUDE, group->sources);

	if (err)
		return err;
	err = mcast_part_more(&pool->socks, &group->held, group->held.nparts - 1, group->sources,
			      group->state.nsources);
	return err && !mcast_limit_met(err) ? err : -EAGAIN;
}

static int group_apply_include(struct mcast_pool *pool, struct pool_group *group)
{
	unsigned int had = group->held.nparts, planned, n;
	unsigned int *owner = calloc((size_t)group->state.nsources + 1, sizeof(*owner));
	struct ipaddr *list = calloc((size_t)group->state.nsources + 1, sizeof(*list));
	bool switches = had && group->held.parts[0].mode == GM_EXCLUDE;
	int err = -ENOMEM;

	if (!owner || !list)
		goto out;
	err = 0;
	planned = plan_include(pool, group, owner);
	for (unsigned int i = switches ? 1 : 0; i < planned && !err; i++) {
		n = plan_part(group, owner, i, list);
		if (n && i < had)
			err = mcast_part_set(&pool->socks, &group->held, i, GM_INCLUDE, list, n);
		else if (n)
			err = mcast_part_add(&pool->socks, &group->held, GM_INCLUDE, list, n);
	}
	if (switches && !err) {
		n = plan_part(group, owner, 0, list);
		if (n)
			err = mcast_part_set(&pool->socks, &group->held, 0, GM_INCLUDE, list, n);
	}
	for (unsigned int i = had; i-- > 0 && !err;)
		if (!plan_part(group, owner, i, list))
			err = mcast_part_drop(&pool->socks, &group->held, i);
	if (err == -E2BIG)
		err = group_probe(pool, group);
out:
	free(owner);
	free(list);
	return err;
}

/* Takes what is to be blocked out of an INCLUDE part, lest it be asked for until the part is dropped. */
static int part_subtract(struct mcast_pool *pool, struct pool_group *group, unsigned int i)
{
	const struct mcast_part *part = &group->held.parts[i];
	struct ipaddr *rest = calloc((size_t)part->nsources + 1, sizeof(*rest));
	unsigned int n = 0;
	int err = 0;

	if (!rest)
		return -ENOMEM;
	for (unsigned int s = 0; s < part->nsources; s++)
		if (!mcast_sources_find(group->sources, group->state.nsources, &part->sources[s]))
			rest[n++] = part->sources[s];
	if (!n)
		err = mcast_part_drop(&pool->socks, &group->held, i);
	else if (n < part->nsources)
		err = mcast_part_set(&pool->socks, &group->held, i, GM_INCLUDE, rest, n);
	free(rest);
	return err;
}

static int group_apply_exclude(struct mcast_pool *pool, struct pool_group *group)
{
	unsigned int nsources = group->state.nsources;
	bool widened = false;
	int err = 0;

	for (unsigned int i = group->held.nparts; nsources && i-- > 1 && !err;)
		err = part_subtract(pool, group, i);
	if (err)
		return err;
	if (group->held.nparts)
		err = mcast_part_set(&pool->socks, &group->held, 0, GM_EXCLUDE, group->sources, nsources);
	else
		err = mcast_part_add(&pool->socks, &group->held, GM_EXCLUDE, group->sources, nsources);
	if (err == -E2BIG) {
		widened = true;
		pool->widened += !group->state.widened;
		err = mcast_part_set(&pool->socks, &group->held, 0, GM_EXCLUDE, NULL, 0);
	}
	if (!err)
		group->state.widened = widened;
	while (group->held.nparts > 1 && !err)
		err = mcast_part_drop(&pool->socks, &group->held, group->held.nparts - 1);
	return err;
}

static int group_leave(struct mcast_pool *pool, struct pool_group *group)
{
	int err = 0;

	/* The first part last: if it excludes, the mode is left once, as TO_IN{}. */
	while (group->held.nparts && !err)
		err = mcast_part_drop(&pool->socks, &group->held, group->held.nparts - 1);
	return err;
}

static int group_apply_once(struct mcast_pool *pool, struct pool_group *group)
{
	if (!group->state.wanted)
		return group_leave(pool, group);
	if (group->state.mode == GM_EXCLUDE)
		return group_apply_exclude(pool, group);
	group->state.widened = false;
	return group_apply_include(pool, group);
}

static void group_done(struct mcast_pool *pool, struct pool_group *group)
{
	if (!theap_armed(&group->todo))
		return;
	theap_remove(group->todo_heap, &group->todo);
	pool->ntodo--;
}

static void group_todo(struct mcast_pool *pool, struct pool_group *group)
{
	struct theap *heap = group->state.wanted ? &pool->changes : &pool->leaves;

	if (theap_armed(&group->todo) && group->todo_heap == heap)
		return;
	group_done(pool, group);
	group->todo_heap = heap;
	theap_set(heap, &group->todo, group->state.wanted ? ++pool->order : -group->joined);
	pool->ntodo++;
}

static void group_free(struct mcast_pool *pool, struct pool_group *group)
{
	HASH_DEL(pool->groups, group);
	group_done(pool, group);
	if (group->state.error) {
		DL_DELETE(pool->failing, group);
		pool->nfailing--;
	}
	mcast_parts_free(&group->held);
	free(group->sources);
	free(group);
}

/* Brings the kernel to what is wanted. The group may be gone afterwards. */
static int group_apply(struct mcast_pool *pool, struct pool_group *group, mtime_t now)
{
	struct mcast_state *state = &group->state;
	int err = -EAGAIN;

	group_done(pool, group);
	for (unsigned int round = 0; err == -EAGAIN && round < POOL_MAX_ROUNDS; round++)
		err = group_apply_once(pool, group);

	if (!group->held.nparts)
		group->joined = 0;
	else if (!group->joined)
		group->joined = ++pool->order;
	if (err)
		pool->join_failures++;
	if (!err && !state->wanted) {
		group_free(pool, group);
		return 0;
	}
	if (err && !state->error) {
		DL_APPEND(pool->failing, group);
		pool->nfailing++;
	} else if (!err && state->error) {
		DL_DELETE(pool->failing, group);
		pool->nfailing--;
	}
	if (state->error != err || state->held != !err || !state->since)
		state->since = now;
	state->error = err;
	state->held = !err;
	return err;
}

/* --- the interface --- */

struct mcast_pool *mcast_pool_new(enum family family, int ifindex)
{
	struct mcast_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->socks.family = family;
	pool->socks.ifindex = ifindex;
	pool->socks.max_sources = UINT_MAX;
	return pool;
}

void mcast_pool_leave(struct mcast_pool *pool)
{
	struct pool_group *group, *next_group;

	HASH_ITER (hh, pool->groups, group, next_group)
		(void)group_leave(pool, group);
}

void mcast_pool_free(struct mcast_pool *pool)
{
	struct pool_group *group, *next_group;

	if (!pool)
		return;
	HASH_ITER (hh, pool->groups, group, next_group)
		group_free(pool, group);
	mcast_socks_close(&pool->socks);
	free(pool);
}

int mcast_pool_want(struct mcast_pool *pool, const struct ipaddr *addr, enum gm_mode mode, const struct ipaddr *sources,
		    unsigned int nsources)
{
	struct pool_group *group;
	struct ipaddr *copy;
	unsigned int ncopy;
	int err;

	HASH_FIND(hh, pool->groups, addr, sizeof(*addr), group);
	if (!group && mode == GM_INCLUDE && !nsources)
		return 0;
	err = mcast_sources_copy(sources, nsources, &copy, &ncopy);
	if (err)
		return err;
	if (!group) {
		group = calloc(1, sizeof(*group));
		if (!group)
			goto no_memory;
		group->held.group = *addr;
		HASH_ADD(hh, pool->groups, held.group, sizeof(group->held.group), group);
		if (!group->hh.tbl)
			goto no_memory;
	}
	free(group->sources);
	group->sources = copy;
	group->state.nsources = ncopy;
	group->state.mode = mode;
	group->state.wanted = mode == GM_EXCLUDE || ncopy;
	group->state.held = false;
	group->hasten = false;
	group_todo(pool, group);
	return 0;

no_memory:
	free(group);
	free(copy);
	return -ENOMEM;
}

bool mcast_pool_behind(const struct mcast_pool *pool)
{
	return pool->ntodo != 0;
}

void mcast_pool_hasten(struct mcast_pool *pool, const struct ipaddr *addr)
{
	struct pool_group *group;

	HASH_FIND(hh, pool->groups, addr, sizeof(*addr), group);
	if (group && theap_armed(&group->todo))
		group->hasten = !group->state.wanted && group->held.nparts;
}

/* The merged filter of all parts. Several with EXCLUDE among them are on their way to one. Returns 0 or -ENOMEM. */
static int group_held(const struct pool_group *group, struct mcast_held *held)
{
	unsigned int nparts = group->held.nparts, n = 0;

	*held = (struct mcast_held){ .mode = nparts ? group->held.parts[0].mode : GM_INCLUDE };
	if (held->mode == GM_EXCLUDE && nparts > 1)
		nparts = 0;
	for (unsigned int i = 0; i < nparts; i++)
		n += group->held.parts[i].nsources;
	if (!n)
		return 0;
	held->sources = calloc(n, sizeof(*held->sources));
	if (!held->sources)
		return -ENOMEM;
	for (unsigned int i = 0; i < nparts; i++) {
		const struct mcast_part *part = &group->held.parts[i];

		memcpy(held->sources + held->nsources, part->sources, part->nsources * sizeof(*part->sources));
		held->nsources += part->nsources;
	}
	return 0;
}

int mcast_pool_step(struct mcast_pool *pool, mtime_t now, bool leave, struct mcast_step *step)
{
	struct theap_node *change = theap_first(&pool->changes), *left = theap_first(&pool->leaves);
	struct theap_node *node = left && (leave || !change) ? left : change;
	struct pool_group *group;
	int err;

	memset(step, 0, sizeof(*step));
	if (!node)
		return 0;
	group = container_of(node, struct pool_group, todo);
	step->group = group->held.group;
	/* Without memory for it the kernel's own report has to do. */
	step->left_promptly = group->hasten && group_held(group, &step->held) == 0;
	err = group_apply(pool, group, now);
	step->left_promptly &= !err;
	return err;
}

int mcast_pool_set(struct mcast_pool *pool, mtime_t now, const struct ipaddr *addr, enum gm_mode mode,
		   const struct ipaddr *sources, unsigned int nsources)
{
	struct pool_group *group;
	int err = mcast_pool_want(pool, addr, mode, sources, nsources);

	HASH_FIND(hh, pool->groups, addr, sizeof(*addr), group);
	return err || !group ? err : group_apply(pool, group, now);
}

unsigned int mcast_pool_retry(struct mcast_pool *pool)
{
	struct pool_group *group;

	DL_FOREACH (pool->failing, group)
		group_todo(pool, group);
	return pool->nfailing;
}

static void group_state(const struct pool_group *group, struct mcast_state *state)
{
	*state = group->state;
	state->nsockets = group->held.nparts;
}

bool mcast_pool_state(const struct mcast_pool *pool, const struct ipaddr *addr, struct mcast_state *state)
{
	struct pool_group *group;

	memset(state, 0, sizeof(*state));
	HASH_FIND(hh, pool->groups, addr, sizeof(*addr), group);
	if (!group)
		return false;
	group_state(group, state);
	return true;
}

int mcast_pool_held(const struct mcast_pool *pool, const struct ipaddr *addr, struct mcast_held *held)
{
	static const struct mcast_held nothing;
	struct pool_group *group;

	HASH_FIND(hh, pool->groups, addr, sizeof(*addr), group);
	*held = nothing;
	return group ? group_held(group, held) : 0;
}

void mcast_pool_walk(const struct mcast_pool *pool, void (*fn)(void *arg, const struct ipaddr *group), void *arg)
{
	struct pool_group *group, *next;

	HASH_ITER (hh, pool->groups, group, next)
		fn(arg, &group->held.group);
}

void mcast_pool_stats(const struct mcast_pool *pool, struct mcast_pool_stats *stats)
{
	stats->groups = HASH_COUNT(pool->groups);
	stats->failing = pool->nfailing;
	stats->waiting = pool->ntodo;
	stats->own = 0;
	stats->sockets = pool->socks.nsocks;
	stats->max_memberships = pool->socks.max_memberships;
	stats->max_sources = pool->socks.max_sources == UINT_MAX ? 0 : pool->socks.max_sources;
	stats->join_failures = pool->join_failures;
	stats->widened = pool->widened;
}
