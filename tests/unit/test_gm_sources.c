/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups of many sources. What is settled source by source has to be what settling the whole group comes to, whatever
 * has happened in between; and a change of one source is one action of each kind.
 */
#include <stdlib.h>
#include <string.h>

#include "core/gm_group.h"
#include "gm_dsl.h"

#define SOURCES 200

/* What the actions have built up. */
static struct {
	struct {
		bool there;
		uint8_t iif;
		uint32_t oifs;
	} routes[SOURCES + 1]; /* the last one: any source */
	bool listed[SOURCES];
	enum gm_mode mode;
} outside;

static unsigned int dice;

static unsigned int below(unsigned int n)
{
	dice = dice * 1103515245 + 12345;
	return (dice >> 16) % n;
}

static struct ipaddr source(unsigned int n)
{
	struct ipaddr a = addr("S1");

	a.b[14] = 1;
	a.b[15] = (uint8_t)n;
	return a;
}

static unsigned int number_of(const struct ipaddr *a)
{
	return ipaddr_is_none(a) ? SOURCES : a->b[15];
}

static void see(const struct gm_action *a)
{
	unsigned int n;

	switch (a->type) {
	case GM_ACT_UPSTREAM:
		memset(outside.listed, 0, sizeof(outside.listed));
		outside.mode = a->upstream.mode;
		for (unsigned int i = 0; i < a->upstream.nsources; i++) {
			assert_true(i == 0 || ipaddr_cmp(&a->upstream.sources[i - 1], &a->upstream.sources[i]) < 0);
			outside.listed[number_of(&a->upstream.sources[i])] = true;
		}
		break;
	case GM_ACT_ROUTE_SET:
		n = number_of(&a->route.source);
		if (ipaddr_is_none(&a->route.group))
			break;
		outside.routes[n].there = true;
		outside.routes[n].iif = a->slot;
		outside.routes[n].oifs = a->route.oifs;
		break;
	case GM_ACT_ROUTE_DEL:
		n = number_of(&a->route.source);
		if (ipaddr_is_none(&a->route.group))
			break;
		assert_true(outside.routes[n].there);
		outside.routes[n].there = false;
		break;
	case GM_ACT_QUERY:
	case GM_ACT_DISCOVERY:
	case GM_ACT_NOTE:
		break;
	}
}

/* Returns how many actions of a type there were. */
static unsigned int settle(enum gm_action_type type)
{
	const struct gm_action *actions;
	unsigned int count = 0;
	size_t n;

	actions = gm_actions(bed.gm, bed.now, &n);
	for (size_t i = 0; i < n; i++) {
		see(&actions[i]);
		count += actions[i].type == type;
	}
	gm_actions_done(bed.gm);
	return count;
}

static void compare(void)
{
	struct ipaddr g = addr(G);
	const struct gm_group *group = gm_group_find(bed.gm, &g);
	uint32_t nlisted = 0, nroutes = 0;

	gm_check(bed.gm, bed.now);
	for (const struct gm_route *route = group ? group->routes : NULL; route; route = route->next) {
		unsigned int n = number_of(&route->key.source);

		assert_true(outside.routes[n].there && outside.routes[n].iif == route->iif &&
			    outside.routes[n].oifs == route->oifs);
	}
	for (unsigned int n = 0; n <= SOURCES; n++)
		nroutes += outside.routes[n].there;
	assert_int_equal(nroutes, group ? group->nroutes : 0);
	for (unsigned int n = 0; n < SOURCES; n++) {
		struct ipaddr a = source(n);
		const struct gm_msrc *src = group ? gm_group_source(group, &a) : NULL;

		assert_true(outside.listed[n] == (src && src->sent));
		nlisted += outside.listed[n];
	}
	assert_int_equal(nlisted, group ? group->nsent : 0);
	if (!group || group->starved)
		return;
	gm_group_touch_all(bed.gm, GM_DIRTY_UPSTREAM | GM_DIRTY_ROUTES);
	assert_int_equal(settle(GM_ACT_ROUTE_SET), 0);
	gm_group_touch_all(bed.gm, GM_DIRTY_UPSTREAM | GM_DIRTY_ROUTES);
	assert_int_equal(settle(GM_ACT_ROUTE_DEL), 0);
	gm_group_touch_all(bed.gm, GM_DIRTY_UPSTREAM | GM_DIRTY_ROUTES);
	assert_int_equal(settle(GM_ACT_UPSTREAM), 0);
}

/* `n` sources beginning with a random one. */
static void feed(enum slot slot, enum gm_record_type type, unsigned int first, unsigned int n)
{
	struct gm_event ev = { .type = GM_EV_RECORD, .slot = (uint8_t)slot };
	struct ipaddr list[SOURCES];

	for (unsigned int i = 0; i < n; i++)
		list[i] = source((first + i) % SOURCES);
	ev.record.reporter = addr(slot == D1 ? H1 : H3);
	ev.record.group = addr(G);
	ev.record.gen = GM_GEN3;
	ev.record.type = type;
	ev.record.sources = list;
	ev.record.nsources = n;
	assert_int_equal(gm_input(bed.gm, bed.now, &ev), 0);
}

/* The kernel asks when it has no entry; of one that it has it tells that data came in elsewhere, or none for long. */
static void flow(void)
{
	unsigned int n = below(SOURCES);
	struct gm_event ev = { .type = GM_EV_UPCALL, .slot = U };

	if (outside.routes[n].there)
		ev.type = below(2) ? GM_EV_ROUTE_IDLE : GM_EV_WRONG_IF;
	ev.flow.source = source(n);
	ev.flow.group = addr(G);
	ev.flow.idle = mtime_from_s(600);
	assert_int_equal(gm_input(bed.gm, bed.now, &ev), 0);
}

static void something(void)
{
	unsigned int what = below(100);
	enum slot slot = below(2) ? D1 : D2;

	if (what < 30) {
		feed(slot, GM_ALLOW, below(SOURCES), 1 + below(3));
	} else if (what < 55) {
		feed(slot, GM_BLOCK, below(SOURCES), 1 + below(3));
	} else if (what < 60) {
		feed(slot, below(2) ? GM_ALLOW : GM_BLOCK, below(SOURCES), 50 + below(100));
	} else if (what < 63) {
		static const enum gm_record_type modes[] = { GM_IS_EX, GM_TO_EX, GM_IS_IN, GM_TO_IN };

		feed(slot, modes[below(ARRAY_SIZE(modes))], below(SOURCES), below(30));
	} else if (what < 80) {
		flow();
	} else if (what < 99) {
		bed.now += mtime_from_ms(below(500));
		gm_tick(bed.gm, bed.now);
	} else {
		bed.now += mtime_from_s(below(300));
		gm_tick(bed.gm, bed.now);
	}
}

static void live(unsigned int seed, bool wildcard, uint32_t limit)
{
	memset(&outside, 0, sizeof(outside));
	dice = seed;
	bed.conf.wildcard = wildcard;
	bed.conf.route_limit = limit;
	apply_conf();
	for (unsigned int i = 0; i < 6000; i++) {
		something();
		if (below(4) == 0)
			settle(GM_ACT_NOTE);
		if (below(20) == 0) {
			settle(GM_ACT_NOTE);
			compare();
		}
	}
}

static void by_source(void)
{
	live(1, false, 0);
}

static void wildcard(void)
{
	live(2, true, 0);
}

/* Entries that find no room come when there is some. */
static void no_room(void)
{
	live(3, false, 40);
}

/* What others give up is theirs at once who wait. */
static void room_for_others(void)
{
	memset(&outside, 0, sizeof(outside));
	bed.conf.route_limit = 5;
	apply_conf();
	feed(D1, GM_ALLOW, 0, 10);
	assert_int_equal(settle(GM_ACT_ROUTE_SET), 5);
	feed(D1, GM_BLOCK, 0, 3);
	bed.now += mtime_from_s(LMQT);
	assert_int_equal(settle(GM_ACT_ROUTE_SET), 3);
	feed(D2, GM_ALLOW, 9, 1);
	assert_int_equal(settle(GM_ACT_ROUTE_SET), 0);
	compare();
}

/* Held by a leave-delay, the upstream keeps for a while what nobody lists. */
static void held(void)
{
	bed.ifs[U].leave_delay = mtime_from_s(3);
	assert_int_equal(apply_if(U), 0);
	live(4, false, 0);
}

/* The next source to be listed ends it. */
static void held_until_another(void)
{
	bed.ifs[U].leave_delay = mtime_from_s(30);
	assert_int_equal(apply_if(U), 0);
	report(D1, H1, G, "ALLOW{1,2}");
	expect_upstream(U, "ALLOW{1,2}");
	report(D1, H1, G, "BLOCK{1,2}");
	wait_s(LMQT);
	expect_gone(D1, G);
	expect_filter(U, G, "IN{1,2}");
	report(D1, H1, G, "ALLOW{3}");
	expect_upstream(U, "ALLOW{3} BLOCK{1,2}");
	(void)dsl_routes();
	(void)dsl_queries(D1, false);
}

/* What hosts of this link send stays while there are members, be it of another source. */
static void member_of_another(void)
{
	upcall(D1, "A1", G);
	expect_routes("SET(A1,G1)D1>U");
	report(D2, H3, G, "ALLOW{1}");
	expect_routes("SET(1,G1)U>D2");
	expect_upstream(U, "ALLOW{1}");
}

/* Among many a change of one is one. */
static void one_of_many(void)
{
	memset(&outside, 0, sizeof(outside));
	apply_conf();
	feed(D1, GM_ALLOW, 0, SOURCES - 1);
	assert_int_equal(settle(GM_ACT_ROUTE_SET), SOURCES - 1);
	feed(D1, GM_ALLOW, SOURCES - 1, 1);
	assert_int_equal(settle(GM_ACT_ROUTE_SET), 1);
	/* What is said again changes nothing, here or upstream. */
	feed(D1, GM_IS_IN, 0, SOURCES);
	assert_int_equal(settle(GM_ACT_UPSTREAM), 0);
	/* Another member of one source: an entry changes, and the filter does not. */
	feed(D2, GM_ALLOW, 7, 1);
	assert_int_equal(settle(GM_ACT_UPSTREAM), 0);
	assert_int_equal(outside.routes[7].oifs, 1u << D1 | 1u << D2);
	compare();
	bed.now += mtime_from_s(GMI + 1);
	assert_int_equal(settle(GM_ACT_ROUTE_DEL), SOURCES);
	assert_int_equal(HASH_COUNT(bed.gm->groups), 0);
}

int main(void)
{
	TEST(by_source);
	TEST(wildcard);
	TEST(no_room);
	TEST(room_for_others);
	TEST(held);
	TEST(held_until_another);
	TEST(member_of_another);
	TEST(one_of_many);
	return dsl_run("gm_sources");
}
