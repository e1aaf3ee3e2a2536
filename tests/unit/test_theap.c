/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/theap against a naive model: an array of deadlines that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/theap.h"
#include "lib/util.h"

#include <cmocka.h>

static void test_order(void **state)
{
	static const mtime_t deadlines[] = { 50, 10, 30, 10, 40, 20 };
	static const mtime_t sorted[] = { 10, 10, 20, 30, 40, 50 };
	struct theap_node node[ARRAY_SIZE(deadlines)] = { 0 };
	struct theap heap = { 0 };

	(void)state;
	assert_null(theap_first(&heap));
	for (size_t i = 0; i < ARRAY_SIZE(deadlines); i++)
		theap_set(&heap, &node[i], deadlines[i]);
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
		struct theap_node *first = theap_first(&heap);

		assert_int_equal(first->deadline, sorted[i]);
		theap_remove(&heap, first);
		assert_false(theap_armed(first));
	}
	assert_null(theap_first(&heap));
}

static void test_disarm(void **state)
{
	struct theap_node a = { 0 }, b = { 0 };
	struct theap heap = { 0 };

	(void)state;
	theap_remove(&heap, &a);
	assert_false(theap_armed(&a));
	theap_set(&heap, &a, 5);
	theap_set(&heap, &b, 7);
	theap_set(&heap, &a, MTIME_NEVER);
	assert_false(theap_armed(&a));
	assert_ptr_equal(theap_first(&heap), &b);
	theap_remove(&heap, &b);
	theap_remove(&heap, &b);
	assert_null(theap_first(&heap));
}

static void test_move(void **state)
{
	struct theap_node a = { 0 }, b = { 0 };
	struct theap heap = { 0 };

	(void)state;
	theap_set(&heap, &a, 5);
	theap_set(&heap, &b, 7);
	theap_set(&heap, &a, 9);
	assert_ptr_equal(theap_first(&heap), &b);
	theap_set(&heap, &a, 6);
	assert_ptr_equal(theap_first(&heap), &a);
}

#define NODES 300
#define STEPS 60000

static void test_model(void **state)
{
	static struct theap_node node[NODES];
	static mtime_t model[NODES];
	struct theap heap = { 0 };

	(void)state;
	srandom(1);
	for (unsigned int i = 0; i < NODES; i++)
		model[i] = MTIME_NEVER;
	for (unsigned int step = 0; step < STEPS; step++) {
		unsigned int i = (unsigned int)random() % NODES;
		mtime_t least = MTIME_NEVER;

		switch (random() % 4) {
		case 0:
			theap_remove(&heap, &node[i]);
			model[i] = MTIME_NEVER;
			break;
		case 1:
			if (theap_first(&heap)) {
				i = (unsigned int)(theap_first(&heap) - node);
				theap_remove(&heap, &node[i]);
				model[i] = MTIME_NEVER;
			}
			break;
		default:
			model[i] = random() % 1000;
			theap_set(&heap, &node[i], model[i]);
		}
		for (unsigned int k = 0; k < NODES; k++) {
			assert_int_equal(theap_armed(&node[k]), model[k] != MTIME_NEVER);
			least = mtime_min(least, model[k]);
		}
		if (least == MTIME_NEVER)
			assert_null(theap_first(&heap));
		else
			assert_int_equal(theap_first(&heap)->deadline, least);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_disarm),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests_name("theap", tests, NULL, NULL);
}
