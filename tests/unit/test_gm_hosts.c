/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Explicit tracking: who asked for what. It may err only towards "somebody still wants it". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/gm_hosts.h"
#include "lib/util.h"

#define NOW  mtime_from_s(100)
#define LATE mtime_from_s(370)

static struct gm_hosts hosts;
static uint32_t used;

static int open_hosts(void **state)
{
	(void)state;
	memset(&hosts, 0, sizeof(hosts));
	used = 0;
	return 0;
}

static int close_hosts(void **state)
{
	(void)state;
	gm_hosts_free(&hosts, &used);
	/* The budget is given back to the last entry. */
	return used == 0 && !hosts.v && !hosts.n ? 0 : -1;
}

static struct ipaddr v4(unsigned int a, unsigned int n)
{
	return (struct ipaddr){ .b = { [10] = 0xff,
				       [11] = 0xff,
				       [12] = 10,
				       [13] = (uint8_t)a,
				       [14] = (uint8_t)(n >> 8),
				       [15] = (uint8_t)n } };
}

/* What a host says; sources are digits: "13" is {1,3}. Host 0 is 0.0.0.0. */
static void say_as(unsigned int host, enum gm_record_type type, const char *sources, enum gm_gen gen, bool keep,
		   mtime_t now)
{
	struct ipaddr list[10], from = v4(1, host);
	struct gm_host_report r = {
		.reporter = &from, .type = type, .gen = gen, .sources = list, .keep_sources = keep
	};

	if (host == 0)
		from.b[12] = from.b[13] = 0;
	for (; *sources; sources++)
		list[r.nsources++] = v4(2, (unsigned int)(*sources - '0'));
	gm_hosts_note(&hosts, &used, &r, now, now + LATE - NOW);
}

static void say(unsigned int host, enum gm_record_type type, const char *sources)
{
	say_as(host, type, sources, GM_GEN3, true, NOW);
}

/* Which of the sources 1 to 9 somebody wants. */
static const char *wanted(mtime_t now)
{
	static char text[10];
	unsigned int n = 0;

	for (unsigned int i = 1; i <= 9; i++) {
		struct ipaddr source = v4(2, i);

		if (gm_hosts_want_source(&hosts, &source, NULL, now))
			text[n++] = (char)('0' + i);
	}
	text[n] = '\0';
	return text;
}

/* One host: a record, another one, and what it wants then. */
static void test_records(void **state)
{
	static const struct {
		enum gm_record_type first;
		const char *list;
		enum gm_record_type then;
		const char *list2, *wants;
		bool group;
	} rows[] = {
		{ GM_ALLOW, "12", GM_ALLOW, "3", "123", false },
		{ GM_ALLOW, "123", GM_BLOCK, "2", "13", false },
		{ GM_ALLOW, "12", GM_BLOCK, "12", "", false },
		/* A long list comes in parts. */
		{ GM_IS_IN, "12", GM_IS_IN, "34", "1234", false },
		{ GM_ALLOW, "12", GM_TO_IN, "3", "123", false },
		{ GM_ALLOW, "12", GM_TO_IN, "", "", false },
		{ GM_ALLOW, "12", GM_TO_EX, "13", "2456789", true },
		{ GM_ALLOW, "12", GM_IS_EX, "", "123456789", true },
		{ GM_TO_EX, "12", GM_ALLOW, "1", "13456789", true },
		{ GM_TO_EX, "12", GM_BLOCK, "3", "456789", true },
		{ GM_TO_EX, "12", GM_TO_EX, "3", "12456789", true },
		{ GM_TO_EX, "12", GM_TO_IN, "34", "34", false },
		{ GM_TO_EX, "12", GM_TO_IN, "", "", false },
		/* The answer to a query about sources is a part of the list only. */
		{ GM_TO_EX, "12", GM_IS_IN, "2", "23456789", true },
		{ GM_IS_EX, "", GM_IS_EX, "123456789", "", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		say(1, rows[i].first, rows[i].list);
		say(1, rows[i].then, rows[i].list2);
		assert_string_equal(wanted(NOW), rows[i].wants);
		assert_int_equal(gm_hosts_want_group(&hosts, NOW), rows[i].group);
		assert_true(gm_hosts_tracked(&hosts, NOW));
		assert_int_equal(gm_hosts_count(&hosts, NOW), rows[i].wants[0] || rows[i].group);
		assert_int_equal(close_hosts(state), 0);
	}
}

/* Lists of any shape put together and taken apart, against a bit a source. */
static void test_lists(void **state)
{
	uint32_t dice = 1;
	unsigned int held = 0;
	bool exclude = false;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		static const enum gm_record_type types[] = { GM_ALLOW, GM_BLOCK, GM_IS_IN, GM_TO_IN, GM_IS_EX };
		char list[10], wants[10];
		unsigned int n = 0, bits, full;
		enum gm_record_type type;

		dice = dice * 1103515245 + 12345;
		bits = dice >> 9 & 0x1ff;
		/* A change of mode is rare, so that lists grow and shrink. */
		type = types[(dice >> 20) % (i % 16 ? 3 : ARRAY_SIZE(types))];
		for (unsigned int s = 0; s < 9; s++) {
			if (bits & 1u << s)
				list[n++] = (char)('1' + s);
		}
		list[n] = '\0';
		say(1, type, list);
		if (type == GM_IS_EX || (type == GM_TO_IN && (exclude || !bits)))
			held = bits;
		else if ((type == GM_BLOCK) == exclude)
			held |= bits;
		else
			held &= ~bits;
		exclude = type == GM_IS_EX || (exclude && type != GM_TO_IN);
		n = 0;
		full = exclude ? ~held : held;
		for (unsigned int s = 0; s < 9; s++) {
			if (full & 1u << s)
				wants[n++] = (char)('1' + s);
		}
		wants[n] = '\0';
		assert_string_equal(wanted(NOW), wants);
		assert_int_equal(used, exclude || held ? 1 + __builtin_popcount(held) : 0);
	}
}

static void test_several_hosts(void **state)
{
	(void)state;
	say(3, GM_ALLOW, "1");
	say(1, GM_ALLOW, "12");
	say(2, GM_TO_EX, "1234");
	assert_string_equal(wanted(NOW), "1256789");
	assert_true(gm_hosts_want_group(&hosts, NOW));
	say(2, GM_TO_IN, "");
	assert_string_equal(wanted(NOW), "12");
	assert_false(gm_hosts_want_group(&hosts, NOW));
	say(1, GM_BLOCK, "12");
	assert_string_equal(wanted(NOW), "1");
	say(7, GM_BLOCK, "1");
	assert_string_equal(wanted(NOW), "1");
	assert_int_equal(gm_hosts_count(&hosts, NOW), 1);
}

static void test_hosts_age(void **state)
{
	(void)state;
	say(1, GM_ALLOW, "1");
	say_as(2, GM_TO_EX, "", GM_GEN3, true, NOW + mtime_from_s(1));
	assert_int_equal(gm_hosts_count(&hosts, LATE - 1), 2);
	assert_int_equal(gm_hosts_count(&hosts, LATE), 1);
	assert_true(gm_hosts_want_group(&hosts, LATE));
	assert_false(gm_hosts_want_group(&hosts, LATE + mtime_from_s(1)));
	assert_string_equal(wanted(LATE + mtime_from_s(1)), "");
	/* Their room is found again. */
	say_as(3, GM_ALLOW, "2", GM_GEN3, true, LATE + mtime_from_s(1));
	assert_int_equal(hosts.n, 1);
	assert_int_equal(used, 2);
}

/* Whoever cannot be told from others makes the group untracked until the report has aged. */
static void test_untracked(void **state)
{
	static const struct {
		unsigned int host;
		enum gm_gen gen;
		bool keep;
	} rows[] = { { 1, GM_GEN2, true }, { 1, GM_GEN1, true }, { 0, GM_GEN3, true }, { 1, GM_GEN3, false } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		say(5, GM_ALLOW, "1");
		assert_true(gm_hosts_tracked(&hosts, NOW));
		say_as(rows[i].host, GM_IS_EX, "", rows[i].gen, rows[i].keep, NOW);
		assert_false(gm_hosts_tracked(&hosts, LATE - 1));
		assert_true(gm_hosts_tracked(&hosts, LATE));
		assert_int_equal(close_hosts(state), 0);
	}
}

/* One of several hosts without an address leaves: nothing is known of the others. */
static void test_leave_of_nobody(void **state)
{
	static const struct {
		enum gm_record_type join;
		const char *list;
		enum gm_record_type leave;
	} rows[] = { { GM_TO_EX, "", GM_TO_IN }, { GM_ALLOW, "1", GM_TO_IN }, { GM_ALLOW, "1", GM_BLOCK } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		say(0, rows[i].join, rows[i].list);
		say(0, rows[i].leave, rows[i].leave == GM_BLOCK ? rows[i].list : "");
		assert_false(gm_hosts_tracked(&hosts, NOW));
		assert_int_equal(close_hosts(state), 0);
	}
}

/* The same of older hosts whose report an ssm-map has made one for sources. */
static void test_leave_of_an_older_host(void **state)
{
	(void)state;
	say_as(1, GM_IS_IN, "1", GM_GEN2, true, NOW);
	say_as(1, GM_BLOCK, "1", GM_GEN2, true, NOW);
	assert_false(gm_hosts_tracked(&hosts, NOW));
}

static void test_too_many_hosts(void **state)
{
	(void)state;
	for (unsigned int i = 1; i <= GM_HOSTS_MAX; i++)
		say(i, GM_TO_EX, "");
	assert_true(gm_hosts_tracked(&hosts, NOW));
	assert_int_equal(used, GM_HOSTS_MAX);
	say(GM_HOSTS_MAX + 1, GM_TO_EX, "");
	assert_false(gm_hosts_tracked(&hosts, NOW));
	assert_int_equal(hosts.n, GM_HOSTS_MAX);
	for (unsigned int i = 1; i <= GM_HOSTS_MAX; i++)
		say(i, GM_TO_IN, "");
	assert_int_equal(hosts.n, 0);
	/* The one that found no room may still be there. */
	assert_false(gm_hosts_tracked(&hosts, LATE - 1));
	assert_true(gm_hosts_tracked(&hosts, LATE));
}

static void test_budget(void **state)
{
	(void)state;
	used = GM_HOSTS_BUDGET - 2;
	say(1, GM_ALLOW, "1");
	assert_true(gm_hosts_tracked(&hosts, NOW));
	say(1, GM_ALLOW, "2");
	assert_false(gm_hosts_tracked(&hosts, NOW));
	say(2, GM_ALLOW, "2");
	assert_int_equal(hosts.n, 1);
	assert_int_equal(used, GM_HOSTS_BUDGET);
	used -= GM_HOSTS_BUDGET - 2;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_records, open_hosts, close_hosts),
		cmocka_unit_test_setup_teardown(test_lists, open_hosts, close_hosts),
		cmocka_unit_test_setup_teardown(test_several_hosts, open_hosts, close_hosts),
		cmocka_unit_test_setup_teardown(test_hosts_age, open_hosts, close_hosts),
		cmocka_unit_test_setup_teardown(test_untracked, open_hosts, close_hosts),
		cmocka_unit_test_setup_teardown(test_leave_of_nobody, open_hosts, close_hosts),
		cmocka_unit_test_setup_teardown(test_leave_of_an_older_host, open_hosts, close_hosts),
		cmocka_unit_test_setup_teardown(test_too_many_hosts, open_hosts, close_hosts),
		cmocka_unit_test_setup_teardown(test_budget, open_hosts, close_hosts),
	};

	return cmocka_run_group_tests_name("gm_hosts", tests, NULL, NULL);
}
