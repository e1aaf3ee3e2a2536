/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/gm_group.h"
#include "core/gm_policy.h"
#include "core/gm_queue.h"

static int resize(struct gm_group *group, uint32_t cap)
{
	struct gm_msrc *v = realloc(group->sources, cap * sizeof(*v));

	if (!v)
		return -ENOMEM;
	group->sources = v;
	group->sources_cap = cap;
	return 0;
}

int gm_host_reserve(struct gm_group *group, const struct ipaddr *sources, unsigned int n)
{
	uint32_t need = group->nsources + n;

	if (need > group->sources_cap)
		need = group->nsources +
		       gm_addrs_missing(group->sources, group->nsources, sizeof(*group->sources), sources, n);
	return need > group->sources_cap ? resize(group, gm_set_room(need)) : 0;
}

struct gm_msrc *gm_group_source(const struct gm_group *group, const struct ipaddr *addr)
{
	uint32_t i = ipaddr_position(group->sources, group->nsources, sizeof(*group->sources), addr);

	return i < group->nsources && ipaddr_eq(&group->sources[i].addr, addr) ? &group->sources[i] : NULL;
}

static struct gm_msrc *find_or_add(struct gm_group *group, const struct ipaddr *addr)
{
	uint32_t i = ipaddr_position(group->sources, group->nsources, sizeof(*group->sources), addr);

	if (i == group->nsources || !ipaddr_eq(&group->sources[i].addr, addr)) {
		memmove(&group->sources[i + 1], &group->sources[i], (group->nsources - i) * sizeof(*group->sources));
		group->sources[i] = (struct gm_msrc){ .addr = *addr };
		group->nsources++;
	}
	return &group->sources[i];
}

void gm_host_move(struct gm *gm, struct gm_group *group, const struct ipaddr *source, enum gm_place from,
		  enum gm_place to)
{
	struct gm_msrc *src;

	if (from == to)
		return;
	src = find_or_add(group, source);
	src->listers = (uint8_t)(src->listers - (from != GM_ABSENT) + (to != GM_ABSENT));
	src->includers = (uint8_t)(src->includers - (from == GM_INCLUDED) + (to == GM_INCLUDED));
	src->excluders = (uint8_t)(src->excluders - (from == GM_EXCLUDED) + (to == GM_EXCLUDED));
	gm->nsources += (to != GM_ABSENT);
	gm->nsources -= (from != GM_ABSENT);
	gm_group_touch_source(gm, group, source, GM_DIRTY_LISTED | GM_DIRTY_ENTRIES);
}

void gm_host_count_excluding(struct gm *gm, struct gm_group *group, int change)
{
	group->excluding = (uint16_t)(group->excluding + change);
	gm_group_touch(gm, group, GM_DIRTY_UPSTREAM | GM_DIRTY_ROUTES);
}

bool gm_group_lists(const struct gm_group *group, const struct gm_msrc *src)
{
	if (group->excluding)
		return src->excluders == group->excluding && !src->includers;
	return src->includers != 0;
}

/* Drops sources that nobody mentions and the upstream does not hold, and room that is left over. */
static void tidy(struct gm_group *group)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < group->nsources; i++) {
		const struct gm_msrc *src = &group->sources[i];

		if (src->listers || src->sent)
			group->sources[kept++] = *src;
	}
	group->nsources = kept;
	if (!kept) {
		free(group->sources);
		group->sources = NULL;
		group->sources_cap = 0;
	} else if (gm_set_is_roomy(kept, group->sources_cap)) {
		(void)resize(group, gm_set_room(kept)); /* when memory is short it keeps what it has */
	}
}

static void forget_sent(struct gm_group *group)
{
	group->sent_slot = GM_NO_IF;
	group->nsent = 0;
	for (uint32_t i = 0; i < group->nsources; i++)
		group->sources[i].sent = false;
}

/* The sources that a flush has to look at: all, or the touched ones. */
struct scope {
	struct gm_group *group;
	bool whole;
	uint32_t n;
};

/* NULL: a touched one that no record mentions any more. */
static struct gm_msrc *scope_source(const struct scope *scope, uint32_t i)
{
	return scope->whole ? &scope->group->sources[i] : gm_group_source(scope->group, &scope->group->touched[i]);
}

static int leave(struct gm *gm, struct gm_group *group, bool prompt)
{
	/* A slot without an upstream has lost its memberships with its interface. */
	if (gm->ifs[group->sent_slot].conf.role == GM_ROLE_UPSTREAM) {
		struct gm_action *a = gm_queue_push(gm, GM_ACT_UPSTREAM, group->sent_slot);

		if (!a)
			return -ENOMEM;
		a->upstream.group = group->addr;
		a->upstream.mode = GM_INCLUDE;
		a->upstream.prompt = prompt;
	}
	forget_sent(group);
	return 0;
}

static int join(struct gm *gm, const struct scope *scope, enum gm_mode mode, unsigned int listed)
{
	struct gm_group *group = scope->group;
	struct gm_action *a = gm_queue_push(gm, GM_ACT_UPSTREAM, group->upstream);
	struct ipaddr *addrs = NULL;

	if (!a)
		return -ENOMEM;
	if (listed) {
		addrs = gm_queue_addrs(gm, listed);
		if (!addrs) {
			gm_queue_pop(gm);
			return -ENOMEM;
		}
	}
	a->upstream.group = group->addr;
	a->upstream.mode = mode;
	a->upstream.sources = addrs;
	a->upstream.nsources = listed;
	if (group->sent_slot == GM_NO_IF)
		group->joined = gm->now;
	group->sent_slot = group->upstream;
	group->sent_mode = mode;
	group->nsent = listed;
	for (uint32_t i = 0; i < scope->n; i++) {
		struct gm_msrc *src = scope_source(scope, i);

		if (src)
			src->sent = gm_group_lists(group, src);
	}
	for (uint32_t i = 0, filled = 0; filled < listed; i++) {
		if (group->sources[i].sent)
			addrs[filled++] = group->sources[i].addr;
	}
	return 0;
}

void gm_host_choose(struct gm *gm, struct gm_group *group)
{
	uint8_t slot = gm_policy_upstream(gm, &group->addr);

	group->dirty &= (uint8_t)~GM_DIRTY_CHOICE;
	if (slot == group->upstream)
		return;
	group->upstream = slot;
	group->dirty |= GM_DIRTY_UPSTREAM | GM_DIRTY_ROUTES;
}

/* True while a group without members is to stay joined. */
static bool held(struct gm *gm, struct gm_group *group)
{
	mtime_t delay = gm->ifs[group->sent_slot].conf.leave_delay;

	if (!delay || group->hold_over)
		return false;
	if (!theap_armed(&group->hold))
		theap_set(&gm->hold_timers, &group->hold, gm->now + delay);
	return true;
}

/* What was handed out is what the sources say, but for those touched since. */
static bool is_in_step(const struct gm_group *group)
{
	return !(group->dirty & GM_DIRTY_UPSTREAM) && group->sent_slot != GM_NO_IF &&
	       group->sent_slot == group->upstream && !theap_armed(&group->hold);
}

int gm_host_flush(struct gm *gm, struct gm_group *group)
{
	struct scope scope = { .group = group, .whole = !is_in_step(group) };
	enum gm_mode mode = gm_group_mode(group);
	unsigned int listed;
	bool changed, wanted, leftover = false;
	bool prompt = group->prompt;
	int err = 0;

	group->prompt = false;
	if (group->sent_slot != GM_NO_IF && group->sent_slot != group->upstream) {
		err = leave(gm, group, false);
		if (err < 0)
			return err;
	}
	scope.n = scope.whole ? group->nsources : group->ntouched;
	listed = scope.whole ? 0 : group->nsent;
	changed = group->sent_slot == GM_NO_IF || group->sent_mode != mode;
	for (uint32_t i = 0; i < scope.n; i++) {
		const struct gm_msrc *src = scope_source(&scope, i);
		bool lists;

		if (!src)
			continue;
		lists = gm_group_lists(group, src);
		listed += lists;
		listed -= !scope.whole && src->sent;
		changed |= lists != src->sent;
		leftover |= !src->listers;
	}
	wanted = mode == GM_EXCLUDE || listed;
	if (!wanted && group->sent_slot != GM_NO_IF) {
		if (held(gm, group))
			return 0;
		err = leave(gm, group, prompt);
	} else if (wanted && changed && group->upstream != GM_NO_IF) {
		err = join(gm, &scope, mode, listed);
	}
	if (err < 0)
		return err;
	theap_remove(&gm->hold_timers, &group->hold);
	group->hold_over = false;
	if (leftover || gm_set_is_roomy(group->nsources, group->sources_cap))
		tidy(group);
	return 0;
}

void gm_host_hold_expired(struct gm *gm, struct gm_group *group)
{
	theap_remove(&gm->hold_timers, &group->hold);
	group->hold_over = true;
	gm_group_touch(gm, group, GM_DIRTY_UPSTREAM);
}

void gm_host_resync(struct gm *gm, uint8_t slot)
{
	for (struct gm_group *group = gm->groups; group; group = group->hh.next) {
		if (group->sent_slot != slot)
			continue;
		forget_sent(group);
		gm_group_touch(gm, group, GM_DIRTY_UPSTREAM);
	}
}
