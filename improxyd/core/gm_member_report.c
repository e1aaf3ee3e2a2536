/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a group has to say is staged as at most two records, which are then placed in reports; a record too long for one
 * report goes on in the next. Nothing here needs memory.
 */
#include "core/gm_member_state.h"

#include <string.h>

#include "core/gm_random.h"
#include "core/gm_set.h"
#include "lib/util.h"

/* RFC 9777 s9.11; before GEN3 RFC 2710 s7.10. */
#define UNSOLICITED       mtime_from_s(1)
#define UNSOLICITED_OLDER mtime_from_s(10)

static void stage(struct gm_member *m, unsigned int i, const struct member_group *group, enum gm_record_type type)
{
	struct member_staged *s = &m->staged[i];

	s->type = type;
	s->group = group->addr;
	s->n = 0;
	s->placed = 0;
	s->waits = true;
}

static void stage_source(struct gm_member *m, unsigned int i, const struct ipaddr *source)
{
	m->staged[i].list[m->staged[i].n++] = *source;
}

/* The whole filter of the group. */
static void stage_filter(struct gm_member *m, const struct member_group *group, enum gm_record_type include,
			 enum gm_record_type exclude)
{
	stage(m, 0, group, group->mode == GM_EXCLUDE ? exclude : include);
	for (unsigned int i = 0; i < group->nsources; i++)
		stage_source(m, 0, &group->sources[i]);
}

/* The changed sources, as they are now: wanted ones are allowed, the others blocked. */
static void stage_difference(struct gm_member *m, const struct member_group *group)
{
	stage(m, 0, group, GM_ALLOW);
	stage(m, 1, group, GM_BLOCK);
	for (unsigned int i = 0; i < group->nchanged; i++) {
		const struct ipaddr *source = &group->changed[i].addr;
		bool listed = gm_addrs_contain(group->sources, group->nsources, source);

		stage_source(m, listed == (group->mode == GM_INCLUDE) ? 0 : 1, source);
	}
	m->staged[0].waits = m->staged[0].n != 0;
	m->staged[1].waits = m->staged[1].n != 0;
}

/* One of the times is over; the group may be gone afterwards. */
static void change_told(struct gm_member *m, struct member_group *group, mtime_t now)
{
	unsigned int kept = 0;

	group->known = true;
	gm_member_set_told(m, group, now, true);
	group->mode_left -= group->mode_left != 0;
	for (unsigned int i = 0; i < group->nchanged; i++) {
		if (--group->changed[i].left)
			group->changed[kept++] = group->changed[i];
	}
	group->nchanged = kept;
	if (gm_member_pending(group))
		theap_set(&m->changes, &group->change, m->again);
	else if (gm_member_joined(group))
		theap_remove(&m->changes, &group->change);
	else
		gm_member_forget(m, group);
}

static bool stage_change(struct gm_member *m, mtime_t now)
{
	struct theap_node *node = theap_first(&m->changes);
	struct member_group *group;

	if (!node || node->deadline > now)
		return false;
	group = container_of(node, struct member_group, change);
	if (group->mode_left)
		stage_filter(m, group, GM_TO_IN, GM_TO_EX);
	else
		stage_difference(m, group);
	change_told(m, group, now);
	return true;
}

/* RFC 9777 s6.3: of the sources asked for, those that are wanted. */
static void stage_asked(struct gm_member *m, const struct member_group *group)
{
	stage(m, 0, group, GM_IS_IN);
	for (unsigned int i = 0; i < group->nasked; i++) {
		bool listed = gm_addrs_contain(group->sources, group->nsources, &group->asked[i]);

		if (listed == (group->mode == GM_INCLUDE))
			stage_source(m, 0, &group->asked[i]);
	}
	m->staged[0].waits = m->staged[0].n != 0;
}

static bool stage_answer(struct gm_member *m, mtime_t now)
{
	struct theap_node *node = theap_first(&m->answers);
	struct member_group *group;

	if (node && node->deadline <= now) {
		group = container_of(node, struct member_group, answer);
		if (group->nasked)
			stage_asked(m, group);
		else
			stage_filter(m, group, GM_IS_IN, GM_IS_EX);
		gm_member_answered(m, group);
		return true;
	}
	if (m->general <= now) {
		m->general = MTIME_NEVER;
		m->walk = m->groups;
		m->walk_next = now;
		m->walk_step = m->gen < GM_GEN3 && m->groups ? m->general_span / HASH_COUNT(m->groups) : 0;
	}
	if (!m->walk || m->walk_next > now)
		return false;
	group = m->walk;
	m->walk = group->hh.next;
	m->walk_next += m->walk_step;
	if (gm_member_joined(group))
		stage_filter(m, group, GM_IS_IN, GM_IS_EX);
	return true;
}

/* Puts as much of a staged record into the report as it may have there. False: the report is full. */
static bool place(struct gm_member *m, struct member_staged *s)
{
	unsigned int head = GM_RECORD_FIXED + m->af->addr_len, left = s->n - s->placed;
	unsigned int free_room = m->room - m->used, fit;
	struct gm_report_record *r = &m->records[m->report.nrecords];

	if (m->used && free_room < head + left * m->af->addr_len)
		return false;
	/* RFC 9777 s5.2.16: a list is split, but that of EXCLUDE mode, of which the rest is left out. */
	fit = (free_room - head) / m->af->addr_len;
	fit = fit < left ? fit : left;
	r->type = s->type;
	r->group = s->group;
	r->sources = &m->addrs[m->naddrs];
	r->nsources = fit;
	if (fit)
		memcpy(&m->addrs[m->naddrs], s->list + s->placed, fit * sizeof(*s->list));
	m->report.nrecords++;
	m->naddrs += fit;
	m->used += head + fit * m->af->addr_len;
	s->placed += fit;
	s->waits = s->placed < s->n && !gm_record_excludes(s->type);
	return true;
}

/* Places what is staged. False: the report is full. */
static bool place_staged(struct gm_member *m)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(m->staged); i++) {
		while (m->staged[i].waits) {
			if (!place(m, &m->staged[i]))
				return false;
		}
	}
	return true;
}

/* A report has changes or answers, and goes on with what the last one had no room for. */
static void fill(struct gm_member *m, mtime_t now)
{
	bool (*next)(struct gm_member * m, mtime_t now) = stage_change;

	if (place_staged(m)) {
		if (m->report.nrecords ? gm_record_is_state(m->records[0].type) : !stage_change(m, now))
			next = stage_answer;
		while (place_staged(m) && next(m, now)) {
		}
	}
}

/* One group a report: RFC 2710 s4. Sources are unknown there. */
static void fill_older(struct gm_member *m, mtime_t now)
{
	if (!stage_change(m, now)) {
		do {
			if (!stage_answer(m, now))
				return;
		} while (!m->staged[0].waits);
	}
	m->staged[0].waits = false;
	m->records[0] = (struct gm_report_record){
		.type = m->staged[0].type == GM_TO_IN && !m->staged[0].n ? GM_TO_IN : GM_IS_EX,
		.group = m->staged[0].group,
	};
	m->report.nrecords = 1;
}

const struct gm_report *gm_member_report(struct gm_member *m, mtime_t now)
{
	mtime_t within;

	gm_member_tick(m, now);
	within = m->gen < GM_GEN3 ? UNSOLICITED_OLDER : UNSOLICITED;
	m->again = now + 1 + gm_random_below(&m->random, within);
	m->report = (struct gm_report){ .gen = m->gen, .records = m->records };
	m->naddrs = 0;
	m->used = 0;
	if (m->gen < GM_GEN3)
		fill_older(m, now);
	else
		fill(m, now);
	return m->report.nrecords ? &m->report : NULL;
}

mtime_t gm_member_next(const struct gm_member *m)
{
	const struct theap_node *change = theap_first(&m->changes), *answer = theap_first(&m->answers);
	mtime_t next = m->general;

	for (unsigned int i = 0; i < ARRAY_SIZE(m->staged); i++) {
		if (m->staged[i].waits)
			return 0;
	}
	if (change)
		next = mtime_min(next, change->deadline);
	if (answer)
		next = mtime_min(next, answer->deadline);
	return m->walk ? mtime_min(next, m->walk_next) : next;
}
