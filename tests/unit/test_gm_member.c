/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host side of many groups (RFC 9777 s6, s8.2; rows F of the checklist). Groups are numbers, filters and reports
 * are text: "TO_EX 1{2}" is the record of group 1 with source 2. Of a report's records the order does not count.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/gm_member.h"
#include "core/gm_state.h"
#include "lib/util.h"

#include <cmocka.h>

#define MS(n) mtime_from_ms(n)
#define S(n)  mtime_from_s(n)

static struct gm_member *m;
static mtime_t now;

static struct ipaddr group_addr(unsigned int n)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse("ff15::", &a), 0);
	a.b[13] = (uint8_t)(n >> 16);
	a.b[14] = (uint8_t)(n >> 8);
	a.b[15] = (uint8_t)n;
	return a;
}

static struct ipaddr source_addr(unsigned int n)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse("2001:db8::", &a), 0);
	a.b[14] = (uint8_t)(n >> 8);
	a.b[15] = (uint8_t)n;
	return a;
}

static unsigned int number(const struct ipaddr *a)
{
	return (unsigned int)a->b[13] << 16 | (unsigned int)a->b[14] << 8 | a->b[15];
}

/* "1,2" */
static unsigned int read_sources(const char *text, struct ipaddr *sources)
{
	unsigned int n = 0;

	while (*text >= '0' && *text <= '9') {
		char *end;

		sources[n++] = source_addr((unsigned int)strtoul(text, &end, 10));
		text = *end == ',' ? end + 1 : end;
	}
	return n;
}

/* "EX{1,2}", "IN{}" */
static void set(unsigned int group, const char *filter)
{
	enum gm_mode mode = strncmp(filter, "EX{", 3) == 0 ? GM_EXCLUDE : GM_INCLUDE;
	const struct ipaddr addr = group_addr(group);
	struct ipaddr sources[16];
	unsigned int n = read_sources(filter + 3, sources);

	assert_int_equal(gm_member_set(m, now, &addr, mode, sources, n), 0);
}

static void inherit(unsigned int group, const char *filter)
{
	enum gm_mode mode = strncmp(filter, "EX{", 3) == 0 ? GM_EXCLUDE : GM_INCLUDE;
	const struct ipaddr addr = group_addr(group);
	struct ipaddr sources[16];
	unsigned int n = read_sources(filter + 3, sources);

	assert_int_equal(gm_member_inherit(m, now, &addr, mode, sources, n), 0);
}

struct query {
	enum gm_gen gen;
	unsigned int group, robustness; /* group 0: general */
	const char *sources;
	mtime_t max_response, interval;
};

static void query(struct query q)
{
	struct ipaddr sources[16];
	struct gm_event ev = { .type = GM_EV_QUERY };

	ev.query.gen = q.gen;
	if (q.group)
		ev.query.group = group_addr(q.group);
	ev.query.robustness = (uint8_t)q.robustness;
	ev.query.max_response = q.max_response;
	ev.query.interval = q.interval;
	ev.query.sources = sources;
	ev.query.nsources = q.sources ? read_sources(q.sources, sources) : 0;
	gm_member_query(m, now, &ev);
}

static void general(mtime_t max_response)
{
	query((struct query){ GM_GEN3, .robustness = 2, .max_response = max_response, .interval = S(125) });
}

static void general_older(mtime_t max_response)
{
	query((struct query){ GM_GEN2, .max_response = max_response });
}

static void ask(unsigned int group, const char *sources, mtime_t max_response)
{
	query((struct query){ GM_GEN3, group, 2, sources, max_response, S(125) });
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void describe(const struct gm_report *report, char *text, size_t size)
{
	static const char *const types[] = { "", "IS_IN", "IS_EX", "TO_IN", "TO_EX", "ALLOW", "BLOCK" };
	char records[16][128];
	size_t len = 0;

	assert_in_range(report->nrecords, 1, ARRAY_SIZE(records));
	for (unsigned int i = 0; i < report->nrecords; i++) {
		const struct gm_report_record *r = &report->records[i];
		const char *type = report->gen == GM_GEN3 ? types[r->type] : r->type == GM_TO_IN ? "DONE" : "REPORT";
		int n = snprintf(records[i], sizeof(records[i]), "%s %u{", type, number(&r->group));

		for (unsigned int s = 0; s < r->nsources; s++)
			n += snprintf(records[i] + n, sizeof(records[i]) - (size_t)n, "%s%u", s ? "," : "",
				      number(&r->sources[s]));
		strcat(records[i], "}");
	}
	qsort(records, report->nrecords, sizeof(*records), by_text);
	for (unsigned int i = 0; i < report->nrecords; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s", i ? " " : "", records[i]);
}

/* The next report is this one, `earliest` to `latest` from now; it is then. */
static void expect(const char *want, mtime_t earliest, mtime_t latest)
{
	mtime_t next = gm_member_next(m), begin = now;
	const struct gm_report *report;
	char text[2048];

	if (next == MTIME_NEVER)
		fail_msg("nothing, wanted %s", want);
	if (next > now)
		now = next;
	report = gm_member_report(m, now);
	assert_non_null(report);
	describe(report, text, sizeof(text));
	assert_string_equal(text, want);
	if (now - begin < earliest || now - begin > latest)
		fail_msg("%s after %lld us", want, (long long)(now - begin));
}

static void expect_now(const char *want)
{
	expect(want, 0, 0);
}

/* Told at once, and once more within a second. */
static void expect_twice(const char *want)
{
	expect_now(want);
	expect(want, 1, S(1));
}

static void expect_nothing(void)
{
	assert_true(gm_member_next(m) == MTIME_NEVER);
	assert_null(gm_member_report(m, now + S(1000)));
}

static void settle(void)
{
	while (gm_member_next(m) != MTIME_NEVER) {
		now = gm_member_next(m) > now ? gm_member_next(m) : now;
		(void)gm_member_report(m, now);
	}
}

/* --- changes --- */

static void f_01_join_exclude(void **state)
{
	(void)state;
	set(1, "EX{}");
	expect_twice("TO_EX 1{}");
	expect_nothing();
	set(1, "EX{}");
	expect_nothing();
}

static void f_02_first_include_is_allow(void **state)
{
	(void)state;
	set(1, "IN{2,1}");
	expect_twice("ALLOW 1{1,2}");
	expect_nothing();
}

static void f_03_include_lists(void **state)
{
	(void)state;
	set(1, "IN{1}");
	settle();
	set(1, "IN{1,2}");
	expect_twice("ALLOW 1{2}");
	set(1, "IN{2}");
	expect_twice("BLOCK 1{1}");
	set(1, "IN{}");
	expect_twice("BLOCK 1{2}");
	expect_nothing();
	assert_int_equal(gm_member_groups(m), 0);
}

static void f_04_exclude_lists(void **state)
{
	(void)state;
	set(1, "EX{1}");
	expect_twice("TO_EX 1{1}");
	set(1, "EX{2}");
	expect_twice("ALLOW 1{1} BLOCK 1{2}");
	expect_nothing();
}

static void f_05_exclude_ends(void **state)
{
	(void)state;
	set(1, "EX{1}");
	settle();
	set(1, "IN{2}");
	expect_twice("TO_IN 1{2}");
	set(1, "EX{}");
	settle();
	set(1, "IN{}");
	expect_twice("TO_IN 1{}");
	expect_nothing();
	assert_int_equal(gm_member_groups(m), 0);
}

static void f_06_list_changes_during_a_mode_change(void **state)
{
	(void)state;
	set(1, "EX{1}");
	expect_now("TO_EX 1{1}");
	/* One more time as a change of mode, with the list of now; then the list's change has its second time. */
	set(1, "EX{2}");
	expect_now("TO_EX 1{2}");
	expect("ALLOW 1{1} BLOCK 1{2}", 1, S(1));
	expect_nothing();
	/* A change of mode ends what was to be told of lists. */
	set(1, "EX{3}");
	expect_now("ALLOW 1{2} BLOCK 1{3}");
	set(1, "IN{4}");
	expect_twice("TO_IN 1{4}");
	expect_nothing();
}

static void f_07_changes_are_merged(void **state)
{
	(void)state;
	set(1, "IN{1}");
	expect_now("ALLOW 1{1}");
	set(1, "IN{1,2}");
	expect_now("ALLOW 1{1,2}");
	expect("ALLOW 1{2}", 1, S(1));
	expect_nothing();
	/* A source that goes while its coming is repeated. */
	set(1, "IN{1,2,3}");
	expect_now("ALLOW 1{3}");
	set(1, "IN{1,2}");
	expect_twice("BLOCK 1{3}");
	expect_nothing();
}

static void back_and_forth(void **state)
{
	(void)state;
	/* Of what nobody was told nobody has to be told the end. */
	set(1, "EX{}");
	set(1, "IN{}");
	assert_int_equal(gm_member_groups(m), 0);
	expect_nothing();
	set(1, "EX{}");
	expect_now("TO_EX 1{}");
	set(1, "IN{}");
	set(1, "EX{}");
	expect_twice("TO_EX 1{}");
	expect_nothing();
	/* A group that comes back while its leave is repeated. */
	set(1, "IN{}");
	expect_now("TO_IN 1{}");
	set(1, "IN{1}");
	expect_now("TO_IN 1{1}");
	expect("ALLOW 1{1}", 1, S(1));
	expect_nothing();
}

static void f_27_robustness_of_the_querier(void **state)
{
	(void)state;
	query((struct query){ GM_GEN3, .robustness = 4, .max_response = S(1), .interval = S(125) });
	set(1, "EX{}");
	expect_now("TO_EX 1{}");
	for (unsigned int i = 0; i < 3; i++) {
		mtime_t at = gm_member_next(m);

		/* The answer comes in between somewhere. */
		now = at;
		if (gm_member_report(m, now)->records[0].type != GM_TO_EX)
			i--;
	}
	settle();
	/* A robustness that is not told is the default. */
	query((struct query){ GM_GEN3, .robustness = 0, .max_response = S(1) });
	settle();
	set(2, "EX{}");
	expect_twice("TO_EX 2{}");
	expect_nothing();
}

/* --- queries --- */

static void f_08_general_query(void **state)
{
	mtime_t earliest = MTIME_NEVER, latest = 0, begin;

	(void)state;
	set(1, "EX{}");
	set(2, "IN{1}");
	settle();
	for (unsigned int i = 0; i < 200; i++) {
		begin = now;
		general(S(10));
		expect("IS_EX 1{} IS_IN 2{1}", 1, S(10));
		earliest = mtime_min(earliest, now - begin);
		latest = now - begin > latest ? now - begin : latest;
		expect_nothing();
	}
	assert_true(earliest < S(1));
	assert_true(latest > S(9));
	/* Who is leaving is no member. */
	set(2, "IN{}");
	expect_now("BLOCK 2{1}");
	general(1);
	expect("IS_EX 1{}", 1, 1);
}

static void f_09_group_query(void **state)
{
	(void)state;
	set(1, "EX{2}");
	set(2, "IN{1}");
	settle();
	ask(1, NULL, S(1));
	expect("IS_EX 1{2}", 1, S(1));
	ask(2, NULL, S(1));
	expect("IS_IN 2{1}", 1, S(1));
	ask(3, NULL, S(1));
	expect_nothing();
}

static void f_10_source_query(void **state)
{
	(void)state;
	set(1, "EX{1}");
	set(2, "IN{1,2}");
	settle();
	ask(2, "1,3", S(1));
	expect("IS_IN 2{1}", 1, S(1));
	ask(1, "1,2", S(1));
	expect("IS_IN 1{2}", 1, S(1));
	ask(2, "3", S(1));
	now += S(1);
	assert_null(gm_member_report(m, now));
	expect_nothing();
}

static void f_11_pending_answers(void **state)
{
	mtime_t first;

	(void)state;
	set(1, "EX{}");
	set(2, "IN{1,2,3}");
	settle();
	/* Rule 1: the answer to the general query comes sooner than any to the new query. */
	general(1);
	general(S(10));
	ask(1, NULL, S(10));
	expect("IS_EX 1{} IS_IN 2{1,2,3}", 1, 1);
	expect_nothing();
	/* Rule 2: a sooner one takes its place. */
	general(S(1000));
	general(1);
	expect("IS_EX 1{} IS_IN 2{1,2,3}", 1, 1);
	expect_nothing();
	/* Rule 3, beside a general query that comes later. */
	general(S(100000));
	ask(1, NULL, 1);
	expect("IS_EX 1{}", 1, 1);
	settle();
	/* Rule 5: lists are merged, the earlier of both times counts. */
	ask(2, "1", S(10));
	first = gm_member_next(m);
	ask(2, "3", S(100000));
	assert_true(gm_member_next(m) == first);
	expect("IS_IN 2{1,3}", 1, S(10));
	expect_nothing();
	/* Rule 4: a query for the whole group on either side. */
	ask(2, "1", S(10));
	ask(2, NULL, S(10));
	expect("IS_IN 2{1,2,3}", 1, S(10));
	ask(2, NULL, S(10));
	ask(2, "1", S(10));
	expect("IS_IN 2{1,2,3}", 1, S(10));
	expect_nothing();
	/* Left while somebody waits. */
	ask(1, NULL, 1);
	set(1, "IN{}");
	expect_twice("TO_IN 1{}");
	expect_nothing();
	assert_int_equal(gm_member_groups(m), 1);
}

/* The group whose turn is next goes while the answer to a general query is under way. */
static void a_group_goes_during_the_answer(void **state)
{
	(void)state;
	gm_member_set_room(m, 2 * 20);
	query((struct query){ GM_GEN3, .robustness = 1, .max_response = 1 });
	for (unsigned int i = 1; i <= 5; i++) {
		set(i, "EX{}");
		settle();
	}
	query((struct query){ GM_GEN3, .robustness = 1, .max_response = 1 });
	expect("IS_EX 1{} IS_EX 2{}", 1, 1);
	set(4, "IN{}");
	/* The third group was on its way already. */
	expect_now("IS_EX 3{} IS_EX 5{}");
	expect_now("TO_IN 4{}");
	assert_int_equal(gm_member_groups(m), 4);
	expect_nothing();
}

static void changes_and_answers_are_apart(void **state)
{
	(void)state;
	set(1, "EX{}");
	settle();
	general(1);
	now += 1;
	set(2, "EX{}");
	expect_now("TO_EX 2{}");
	expect_now("IS_EX 1{} IS_EX 2{}");
	settle();
}

/* --- size --- */

static void f_26_long_lists(void **state)
{
	(void)state;
	/* 4 sources a report: 20 + 4 * 16. */
	gm_member_set_room(m, 84);
	set(1, "IN{1,2,3,4,5,6}");
	expect_now("ALLOW 1{1,2,3,4}");
	expect_now("ALLOW 1{5,6}");
	settle();
	general(1);
	expect("IS_IN 1{1,2,3,4}", 1, 1);
	expect_now("IS_IN 1{5,6}");
	/* Of an EXCLUDE list the rest is left out, the same each time. */
	set(1, "EX{1,2,3,4,5,6}");
	expect_twice("TO_EX 1{1,2,3,4}");
	general(1);
	expect("IS_EX 1{1,2,3,4}", 1, 1);
	expect_nothing();
	/* What fits as a whole is not split: it waits for the next report. */
	set(2, "IN{1,2}");
	expect_now("ALLOW 2{1,2}");
	settle();
	set(2, "IN{1,2,3}");
	set(3, "IN{1,2,3}");
	now += 1;
	assert_int_equal(gm_member_report(m, now)->nrecords, 1);
	assert_int_equal(gm_member_report(m, now)->nrecords, 1);
	settle();
}

/* F-30: 20 000 groups, 72 records of 20 octets a report, in little time. */
static void f_30_burst(void **state)
{
	const unsigned int n = 20000, most = (n + 71) / 72;
	unsigned int reports = 0, records = 0;
	clock_t begin = clock();
	mtime_t last = 0;

	(void)state;
	gm_member_set_room(m, 1444);
	for (unsigned int i = 1; i <= n; i++)
		set(i, "EX{}");
	assert_int_equal(gm_member_untold(m), n);
	for (; gm_member_untold(m); reports++)
		records += gm_member_report(m, now)->nrecords;
	assert_int_equal(records, n);
	assert_int_equal(reports, most);
	/* Packed as well when they are repeated, within a second. */
	for (reports = 0, records = 0; gm_member_next(m) != MTIME_NEVER; reports++) {
		last = gm_member_next(m);
		records += gm_member_report(m, last)->nrecords;
	}
	assert_int_equal(records, n);
	assert_in_range(reports, most, most + most / 10);
	assert_true(last - now <= S(1));
	now = last;
	general(S(10));
	now = gm_member_next(m);
	for (reports = 0, records = 0; gm_member_next(m) != MTIME_NEVER; reports++)
		records += gm_member_report(m, now)->nrecords;
	assert_int_equal(records, n);
	assert_int_equal(reports, most);
	gm_member_leave(m, now);
	settle();
	assert_int_equal(gm_member_groups(m), 0);
	/* A sanitizer takes a multiple; the square of the number would take minutes. */
	assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
}

/* --- what a router makes of it --- */

#define MODEL_GROUPS  6
#define MODEL_SOURCES 5

/* A filter of the model: a bit a source. */
struct model {
	bool exclude;
	unsigned int sources;
};

static struct model wanted[MODEL_GROUPS + 1], heard[MODEL_GROUPS + 1];

/* RFC 9777 s7.4, where timers never run out; a router asks, and gets its answer, before it takes anything away. */
static void router_hears(const struct gm_report_record *r)
{
	struct model *g = &heard[number(&r->group)];
	unsigned int sources = 0;

	for (unsigned int i = 0; i < r->nsources; i++)
		sources |= 1u << number(&r->sources[i]);
	switch (r->type) {
	case GM_TO_IN:
	case GM_TO_EX:
		*g = (struct model){ r->type == GM_TO_EX, sources };
		return;
	case GM_ALLOW:
		g->sources = g->exclude ? g->sources & ~sources : g->sources | sources;
		return;
	case GM_BLOCK:
		g->sources = g->exclude ? g->sources | sources : g->sources & ~sources;
		return;
	case GM_IS_IN:
	case GM_IS_EX:
		/* An answer tells what is wanted now: of all, or of the sources that were asked for. */
		g = &wanted[number(&r->group)];
		if (r->type == GM_IS_EX)
			assert_true(g->exclude && g->sources == sources);
		else
			assert_int_equal(g->exclude ? sources & g->sources : sources & ~g->sources, 0);
		return;
	}
}

static void run_until(mtime_t end, unsigned int lost_of_16)
{
	while (gm_member_next(m) <= end) {
		const struct gm_report *report;
		bool lost = (unsigned int)rand() % 16 < lost_of_16;

		now = gm_member_next(m) > now ? gm_member_next(m) : now;
		report = gm_member_report(m, now);
		for (unsigned int i = 0; report && !lost && i < report->nrecords; i++)
			router_hears(&report->records[i]);
	}
	now = end;
}

static void set_at_random(void)
{
	unsigned int group = 1 + (unsigned int)rand() % MODEL_GROUPS, n = 0;
	struct model w = { rand() % 3 == 0, (unsigned int)rand() % (1u << MODEL_SOURCES) << 1 };
	struct ipaddr addr = group_addr(group), sources[MODEL_SOURCES];

	if (rand() % 4 == 0)
		w = (struct model){ false, 0 };
	for (unsigned int i = 1; i <= MODEL_SOURCES; i++) {
		if (w.sources >> i & 1)
			sources[n++] = source_addr(i);
	}
	assert_int_equal(gm_member_set(m, now, &addr, w.exclude ? GM_EXCLUDE : GM_INCLUDE, sources, n), 0);
	wanted[group] = w;
}

static void assert_heard(void)
{
	for (unsigned int i = 1; i <= MODEL_GROUPS; i++) {
		assert_int_equal(wanted[i].exclude, heard[i].exclude);
		assert_int_equal(wanted[i].sources, heard[i].sources);
	}
}

/* Whatever is wanted, in whatever order and however fast: at the end the router knows it. */
static void at_random(void **state)
{
	(void)state;
	srand(1);
	memset(wanted, 0, sizeof(wanted));
	memset(heard, 0, sizeof(heard));
	/* A list is not split, lest it be cut. */
	gm_member_set_room(m, 20 + MODEL_SOURCES * 16);
	for (unsigned int i = 0; i < 20000; i++) {
		set_at_random();
		if (rand() % 8 == 0)
			general(MS(rand() % 3000));
		if (rand() % 8 == 0)
			ask(1 + (unsigned int)rand() % MODEL_GROUPS, rand() % 2 ? "1,3" : NULL, MS(rand() % 2000));
		run_until(now + MS(rand() % 4 ? rand() % 20 : rand() % 3000), 0);
		if (i % 50 == 49) {
			run_until(now + S(10), 0);
			expect_nothing();
			assert_heard();
		}
	}
}

/* Each change is told as often as the robustness says: of four times three may be lost. */
static void one_of_four_is_enough(void **state)
{
	(void)state;
	srand(2);
	memset(wanted, 0, sizeof(wanted));
	memset(heard, 0, sizeof(heard));
	query((struct query){ GM_GEN3, .group = 99, .robustness = 4, .max_response = S(1), .interval = S(125) });
	for (unsigned int i = 0; i < 2000; i++) {
		unsigned int times = 0, passes = (unsigned int)rand() % 4;

		set_at_random();
		while (gm_member_next(m) != MTIME_NEVER) {
			const struct gm_report *report;

			now = gm_member_next(m) > now ? gm_member_next(m) : now;
			report = gm_member_report(m, now);
			for (unsigned int r = 0; times == passes && r < report->nrecords; r++)
				router_hears(&report->records[r]);
			times++;
		}
		assert_true(times == 0 || times == 4);
		assert_heard();
	}
}

/* --- the older generation --- */

static void f_22_older_querier(void **state)
{
	(void)state;
	set(1, "EX{}");
	settle();
	set(2, "IN{1}");
	expect_now("ALLOW 2{1}");
	set(3, "EX{}");
	general_older(S(10));
	assert_int_equal(gm_member_gen(m, now), GM_GEN2);
	/* The repeat of 2 is cancelled; what was never told is told, in the form that is understood. */
	expect_now("REPORT 3{}");
	settle();
	set(4, "IN{1}");
	expect_now("REPORT 4{}");
	expect("REPORT 4{}", 1, S(10));
	/* Sources are not known there. */
	set(4, "IN{1,2}");
	set(4, "EX{}");
	expect_nothing();
	set(4, "IN{}");
	expect_now("DONE 4{}");
	expect_nothing();
	assert_int_equal(gm_member_groups(m), 3);
}

/* It ends a group whose leave was still to be repeated. */
static void older_query_about_a_group_that_was_left(void **state)
{
	(void)state;
	set(1, "EX{}");
	settle();
	set(1, "IN{}");
	expect_now("TO_IN 1{}");
	query((struct query){ GM_GEN2, .group = 1, .max_response = S(1) });
	assert_int_equal(gm_member_groups(m), 0);
	expect_nothing();
}

static void older_answers(void **state)
{
	bool seen[4] = { false };
	mtime_t begin;

	(void)state;
	set(1, "EX{}");
	set(2, "IN{1}");
	set(3, "EX{1}");
	settle();
	begin = now;
	general_older(S(12));
	for (unsigned int i = 0; i < 3; i++) {
		const struct gm_report *report;

		/* They are spread over half of the time. */
		assert_true(!i || gm_member_next(m) - now == S(2));
		now = gm_member_next(m);
		report = gm_member_report(m, now);
		assert_int_equal(report->gen, GM_GEN2);
		assert_int_equal(report->nrecords, 1);
		assert_int_equal(report->records[0].type, GM_IS_EX);
		assert_in_range(number(&report->records[0].group), 1, 3);
		assert_false(seen[number(&report->records[0].group)]);
		seen[number(&report->records[0].group)] = true;
	}
	assert_true(now - begin <= S(12));
	expect_nothing();
	query((struct query){ GM_GEN2, .group = 2, .max_response = S(1) });
	expect("REPORT 2{}", 1, S(1));
	/* A newer query changes nothing but is answered, whatever it asks. */
	ask(2, "3", S(1));
	expect("REPORT 2{}", 1, S(1));
	expect_nothing();
}

static void f_23_older_querier_forgotten(void **state)
{
	mtime_t begin;

	(void)state;
	query((struct query){ GM_GEN3, .robustness = 3, .max_response = S(1), .interval = S(20) });
	settle();
	set(1, "EX{}");
	settle();
	begin = now;
	general_older(S(10));
	settle();
	now = begin + S(3 * 20 + 10) - 1;
	assert_int_equal(gm_member_gen(m, now), GM_GEN2);
	set(2, "EX{}");
	expect_now("REPORT 2{}");
	now = begin + S(3 * 20 + 10);
	assert_int_equal(gm_member_gen(m, now), GM_GEN3);
	set(3, "IN{1}");
	expect_now("ALLOW 3{1}");
	settle();
	general(1);
	expect("IS_EX 1{} IS_EX 2{} IS_IN 3{1}", 1, 1);
	expect_nothing();
}

static void f_32_held_to_a_generation(void **state)
{
	(void)state;
	set(1, "EX{}");
	settle();
	gm_member_set_gen(m, now, GM_GEN3);
	general_older(S(1));
	expect_nothing();
	assert_int_equal(gm_member_gen(m, now), GM_GEN3);
	gm_member_set_gen(m, now, GM_GEN2);
	general(S(1));
	expect("REPORT 1{}", 1, S(1));
	now += S(1000000);
	set(1, "IN{}");
	expect_now("DONE 1{}");
	gm_member_set_gen(m, now, 0);
	set(1, "EX{}");
	expect_now("TO_EX 1{}");
	settle();
}

/* --- bounds --- */

/* More sources are asked for than there are places in a report: all are told. */
static void follows_another(void **state)
{
	struct gm_member *other = gm_member_new(&gm_af_mld, 1), *self = m;

	(void)state;
	assert_non_null(other);
	m = other;
	query((struct query){ GM_GEN3, .robustness = 3, .max_response = 1, .interval = S(125) });
	m = self;
	gm_member_follow(m, now, other);
	set(1, "EX{}");
	expect_now("TO_EX 1{}");
	expect("TO_EX 1{}", 1, S(1));
	expect("TO_EX 1{}", 1, S(1));
	expect_nothing();
	m = other;
	general_older(S(1));
	m = self;
	gm_member_follow(m, now, other);
	assert_int_equal(gm_member_gen(m, now), GM_GEN2);
	set(2, "EX{}");
	expect_now("REPORT 2{}");
	gm_member_free(other);
}

/* A report that is still to be repeated tells what is so by then. */
static void changes_that_others_tell(void **state)
{
	(void)state;
	set(1, "EX{}");
	set(2, "IN{1,2}");
	set(3, "EX{1}");
	expect_now("ALLOW 2{1,2} TO_EX 1{} TO_EX 3{1}");
	inherit(1, "IN{}");
	inherit(2, "IN{2,3}");
	inherit(3, "EX{1,2}");
	inherit(4, "EX{}");
	expect("ALLOW 2{2} BLOCK 2{1} TO_EX 3{1,2}", 1, S(1));
	expect_nothing();
}

static void queries_without_end(void **state)
{
	struct ipaddr sources[64];
	struct gm_event ev = { .type = GM_EV_QUERY };

	(void)state;
	set(1, "EX{1,2}");
	settle();
	ev.query.gen = GM_GEN3;
	ev.query.group = group_addr(1);
	ev.query.robustness = 2;
	ev.query.max_response = S(8000);
	ev.query.sources = sources;
	ev.query.nsources = ARRAY_SIZE(sources);
	for (unsigned int q = 0; q < 100; q++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(sources); i++)
			sources[i] = source_addr(q * (unsigned int)ARRAY_SIZE(sources) + i);
		gm_member_query(m, now, &ev);
	}
	expect("IS_EX 1{1,2}", 1, S(8000));
	expect_nothing();
}

/* While nothing can be sent a source after the other is wanted. */
static void changes_without_end(void **state)
{
	const struct ipaddr group = group_addr(1);

	(void)state;
	set(1, "IN{1}");
	settle();
	for (unsigned int i = 2; i <= 2000; i++) {
		const struct ipaddr source = source_addr(i);

		assert_int_equal(gm_member_set(m, now, &group, GM_INCLUDE, &source, 1), 0);
	}
	expect_now("TO_IN 1{2000}");
	settle();
	general(1);
	expect("IS_IN 1{2000}", 1, 1);
}

/* --- life --- */

static void f_24_link_comes_back(void **state)
{
	(void)state;
	set(1, "EX{1}");
	set(2, "IN{1}");
	settle();
	set(3, "EX{}");
	settle();
	set(3, "IN{}");
	expect_now("TO_IN 3{}");
	general(S(10));
	set(4, "IN{1}");
	gm_member_restart(m, now);
	assert_int_equal(gm_member_untold(m), 4);
	/* The leave too: whoever it was told may have been away. */
	expect_twice("ALLOW 4{1} TO_EX 1{1} TO_IN 2{1} TO_IN 3{}");
	expect_nothing();
}

static void inherited_groups(void **state)
{
	struct gm_member_state s;
	struct ipaddr one = group_addr(1);

	(void)state;
	inherit(1, "EX{1}");
	inherit(2, "IN{1}");
	inherit(3, "EX{}");
	inherit(4, "EX{}");
	inherit(4, "IN{}");
	expect_nothing();
	assert_int_equal(gm_member_groups(m), 3);
	/* The router may ask before the hosts have said anything. */
	general(1);
	expect("IS_EX 1{1} IS_EX 3{} IS_IN 2{1}", 1, 1);
	/* Wanted as it is: nothing changes. */
	set(1, "EX{1}");
	expect_nothing();
	set(2, "IN{1,2}");
	expect_twice("ALLOW 2{2}");
	assert_true(gm_member_state(m, &one, &s));
	assert_true(s.told);
	assert_false(s.inherited);
	gm_member_disown(m, now);
	expect_twice("TO_IN 3{}");
	expect_nothing();
	assert_int_equal(gm_member_groups(m), 2);
	gm_member_disown(m, now);
	expect_nothing();
}

static void what_a_group_is_like(void **state)
{
	struct ipaddr one = group_addr(1), source = source_addr(1);
	struct gm_member_state s;

	(void)state;
	assert_false(gm_member_state(m, &one, &s));
	set(1, "IN{1}");
	assert_true(gm_member_state(m, &one, &s));
	assert_false(s.told);
	assert_int_equal(s.mode, GM_INCLUDE);
	assert_int_equal(s.nsources, 1);
	assert_true(ipaddr_eq(&s.sources[0], &source));
	assert_int_equal(gm_member_untold(m), 1);
	now += MS(5);
	expect_now("ALLOW 1{1}");
	assert_true(gm_member_state(m, &one, &s));
	assert_true(s.told);
	assert_true(s.since == now);
	assert_int_equal(gm_member_untold(m), 0);
	gm_member_leave(m, now);
	expect_now("BLOCK 1{1}");
	settle();
	assert_false(gm_member_state(m, &one, &s));
}

static int begin(void **state)
{
	(void)state;
	now = S(1000);
	m = gm_member_new(&gm_af_mld, 4711);
	return m ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	gm_member_free(m);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(f_01_join_exclude),
		TEST(f_02_first_include_is_allow),
		TEST(f_03_include_lists),
		TEST(f_04_exclude_lists),
		TEST(f_05_exclude_ends),
		TEST(f_06_list_changes_during_a_mode_change),
		TEST(f_07_changes_are_merged),
		TEST(back_and_forth),
		TEST(f_27_robustness_of_the_querier),
		TEST(f_08_general_query),
		TEST(f_09_group_query),
		TEST(f_10_source_query),
		TEST(f_11_pending_answers),
		TEST(a_group_goes_during_the_answer),
		TEST(changes_and_answers_are_apart),
		TEST(f_26_long_lists),
		TEST(f_30_burst),
		TEST(at_random),
		TEST(one_of_four_is_enough),
		TEST(f_22_older_querier),
		TEST(older_query_about_a_group_that_was_left),
		TEST(older_answers),
		TEST(f_23_older_querier_forgotten),
		TEST(f_32_held_to_a_generation),
		TEST(follows_another),
		TEST(changes_that_others_tell),
		TEST(queries_without_end),
		TEST(changes_without_end),
		TEST(f_24_link_comes_back),
		TEST(inherited_groups),
		TEST(what_a_group_is_like),
	};

	return cmocka_run_group_tests_name("gm_member", tests, NULL, NULL);
}
