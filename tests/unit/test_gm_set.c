/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sorted source array, against the simplest list that could be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/gm_set.h"
#include "lib/util.h"

static struct ipaddr number(unsigned int n)
{
	return (struct ipaddr){
		.b = { [10] = 0xff, [11] = 0xff, [12] = 198, [13] = 18, [14] = (uint8_t)(n >> 8), [15] = (uint8_t)n }
	};
}

static unsigned int number_of(const struct ipaddr *a)
{
	return (unsigned int)a->b[14] << 8 | a->b[15];
}

static void insert(struct gm_set *set, unsigned int n)
{
	struct ipaddr a = number(n);

	assert_int_equal(gm_set_reserve(set, &a, 1), 0);
	gm_set_insert(set, &a)->deadline = n;
}

static void test_insert_keeps_order(void **state)
{
	static const unsigned int order[] = { 5, 1, 9, 3, 7, 0, 300, 8, 2, 6, 4 };
	struct gm_set set = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		insert(&set, order[i]);
	assert_int_equal(set.n, ARRAY_SIZE(order));
	for (uint32_t i = 1; i < set.n; i++)
		assert_true(ipaddr_cmp(&set.v[i - 1].addr, &set.v[i].addr) < 0);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		struct ipaddr a = number(order[i]);

		assert_int_equal(gm_set_find(&set, &a)->deadline, order[i]);
	}
	gm_set_free(&set);
	assert_null(set.v);
	assert_int_equal(set.n + set.cap, 0);
}

static void test_find_of_what_is_not_there(void **state)
{
	struct gm_set set = { 0 };

	(void)state;
	for (unsigned int n = 0; n < 20; n += 2) {
		struct ipaddr before = number(n + 1);

		assert_null(gm_set_find(&set, &before));
		insert(&set, n);
		assert_null(gm_set_find(&set, &before));
	}
	gm_set_free(&set);
}

static void test_insert_is_zero_but_for_the_address(void **state)
{
	struct gm_set set = { 0 };
	struct ipaddr a = number(7);
	const struct gm_src *src;

	(void)state;
	assert_int_equal(gm_set_reserve(&set, &a, 1), 0);
	memset(set.v, 0xee, set.cap * sizeof(*set.v));
	src = gm_set_insert(&set, &a);
	assert_int_equal(src->deadline, 0);
	assert_int_equal(src->queries_left, 0);
	assert_false(src->ask || src->fixed);
	gm_set_free(&set);
}

static void test_reserve(void **state)
{
	struct gm_set set = { 0 };
	struct ipaddr list[150];
	const struct gm_src *v;

	(void)state;
	for (unsigned int n = 0; n < ARRAY_SIZE(list); n++)
		list[n] = number(n);
	assert_int_equal(gm_set_reserve(&set, NULL, 0), 0);
	assert_int_equal(gm_set_reserve(&set, list, 100), 0);
	assert_true(set.cap >= 100);
	v = set.v;
	for (unsigned int n = 0; n < 100; n++)
		gm_set_insert(&set, &list[n]);
	/* No insertion in reserved room moves the array. */
	assert_ptr_equal(set.v, v);
	/* What is there needs no room. */
	for (unsigned int first = 0; first <= 90; first += 30)
		assert_int_equal(gm_set_reserve(&set, list + first, 10), 0);
	assert_in_range(set.cap, 100, 115);
	assert_int_equal(gm_set_reserve(&set, list + 20, 130), 0);
	assert_in_range(set.cap, 150, 170);
	gm_set_free(&set);
}

static bool drop_multiples(struct gm_src *src, void *arg)
{
	const unsigned int *of = arg;

	return number_of(&src->addr) % *of == 0;
}

static void test_filter(void **state)
{
	struct gm_set set = { 0 };
	unsigned int of = 3, seen = 0;

	(void)state;
	for (unsigned int n = 0; n < 100; n++)
		insert(&set, n);
	gm_set_filter(&set, drop_multiples, &of);
	assert_int_equal(set.n, 66);
	for (uint32_t i = 0; i < set.n; i++) {
		unsigned int n = number_of(&set.v[i].addr);

		assert_true(n % 3 != 0 && (i == 0 || n > seen));
		assert_int_equal(set.v[i].deadline, n);
		seen = n;
	}
	of = 1;
	gm_set_filter(&set, drop_multiples, &of);
	assert_int_equal(set.n, 0);
	gm_set_filter(&set, drop_multiples, &of);
	gm_set_free(&set);
}

/* Room that many have left is given back, but for what may be needed soon again. */
static void test_trim(void **state)
{
	struct gm_set set = { 0 };

	(void)state;
	for (unsigned int n = 1; n <= 1000; n++)
		insert(&set, n);
	assert_in_range(set.cap, 1000, 1125);
	for (unsigned int of = 7; of >= 1; of--) {
		gm_set_filter(&set, drop_multiples, &of);
		gm_set_trim(&set);
		assert_in_range(set.cap, set.n, set.n ? 2 * set.n + 5 : 0);
		for (uint32_t i = 0; i < set.n; i++)
			assert_int_equal(set.v[i].deadline, number_of(&set.v[i].addr));
	}
	assert_null(set.v);
}

static void test_random_against_a_bitmap(void **state)
{
	bool there[512] = { false };
	struct gm_set set = { 0 };
	unsigned int seed = 7, count = 0;

	(void)state;
	for (unsigned int round = 0; round < 5000; round++) {
		unsigned int n = (unsigned int)rand_r(&seed) % ARRAY_SIZE(there);
		struct ipaddr a = number(n);

		assert_int_equal(gm_set_find(&set, &a) != NULL, there[n]);
		if (!there[n]) {
			insert(&set, n);
			there[n] = true;
			count++;
		}
		if (round % 500 == 499) {
			unsigned int of = 2 + round % 7;

			gm_set_filter(&set, drop_multiples, &of);
			for (unsigned int i = 0; i < ARRAY_SIZE(there); i += of) {
				count -= there[i];
				there[i] = false;
			}
		}
		assert_int_equal(set.n, count);
	}
	gm_set_free(&set);
}

static void test_addrs(void **state)
{
	static const struct {
		unsigned int n, in[8], kept, out[8];
	} rows[] = {
		{ 0, { 0 }, 0, { 0 } },
		{ 1, { 4 }, 1, { 4 } },
		{ 3, { 1, 2, 3 }, 3, { 1, 2, 3 } },
		{ 3, { 3, 2, 1 }, 3, { 1, 2, 3 } },
		{ 4, { 1, 1, 2, 2 }, 2, { 1, 2 } },
		{ 6, { 5, 1, 5, 3, 1, 5 }, 3, { 1, 3, 5 } },
		{ 2, { 256, 255 }, 2, { 255, 256 } },
	};

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		struct ipaddr list[8];

		for (unsigned int i = 0; i < rows[r].n; i++)
			list[i] = number(rows[r].in[i]);
		assert_int_equal(gm_addrs_sort(list, rows[r].n), rows[r].kept);
		for (unsigned int i = 0; i < rows[r].kept; i++) {
			assert_int_equal(number_of(&list[i]), rows[r].out[i]);
			assert_true(gm_addrs_contain(list, rows[r].kept, &list[i]));
		}
		assert_false(gm_addrs_contain(list, rows[r].kept, &(struct ipaddr){ .b = { 1 } }));
	}
	assert_int_equal(gm_addrs_sort(NULL, 0), 0);
	assert_false(gm_addrs_contain(NULL, 0, &(struct ipaddr){ .b = { 1 } }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_insert_keeps_order),
		cmocka_unit_test(test_find_of_what_is_not_there),
		cmocka_unit_test(test_insert_is_zero_but_for_the_address),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_random_against_a_bitmap),
		cmocka_unit_test(test_addrs),
	};

	return cmocka_run_group_tests_name("gm_set", tests, NULL, NULL);
}
