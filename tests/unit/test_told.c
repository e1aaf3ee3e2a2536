/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sys/told: what one process writes the next one reads. The keeper is this test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util.h"
#include "sys/fdstore.h"
#include "sys/told.h"

#include <cmocka.h>

#define NAME "told6"

static int kept = -1;
static bool keeper = true;
static char heard[4096];

/* --- the keeper --- */

bool fdstore_has_keeper(void)
{
	return keeper;
}

void fdstore_keep(const char *name, int fd)
{
	assert_string_equal(name, NAME);
	if (kept >= 0)
		close(kept);
	kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	assert_true(kept >= 0);
}

void fdstore_drop(const char *name)
{
	assert_string_equal(name, NAME);
	if (kept >= 0)
		close(kept);
	kept = -1;
}

int fdstore_take(const char *name)
{
	assert_string_equal(name, NAME);
	return kept < 0 ? -1 : fcntl(kept, F_DUPFD_CLOEXEC, 0);
}

/* --- */

static void hear(void *arg, int ifindex, const struct ipaddr *group, enum gm_mode mode, const struct ipaddr *sources,
		 unsigned int nsources)
{
	size_t len = strlen(heard);

	(void)arg;
	len += (size_t)snprintf(heard + len, sizeof(heard) - len, "%d:%u:%s{", ifindex, group->b[15],
				mode == GM_EXCLUDE ? "EX" : "IN");
	for (unsigned int i = 0; i < nsources && i < 4; i++)
		len += (size_t)snprintf(heard + len, sizeof(heard) - len, "%u,", sources[i].b[15]);
	snprintf(heard + len, sizeof(heard) - len, "} ");
}

static void ignore(void *arg, int ifindex, const struct ipaddr *group, enum gm_mode mode, const struct ipaddr *sources,
		   unsigned int nsources)
{
	(void)ifindex;
	(void)group;
	(void)mode;
	(void)sources;
	(void)nsources;
	++*(unsigned int *)arg;
}

/* The next process. The one before has died, or goes on: it makes no difference. */
static struct told *next_process(const char *want)
{
	struct told *told;

	heard[0] = '\0';
	told = told_open(NAME, hear, NULL);
	assert_non_null(told);
	assert_string_equal(heard, want);
	return told;
}

static void put(struct told *told, int ifindex, unsigned int group, enum gm_mode mode, unsigned int nsources)
{
	struct ipaddr g = { .b = { 0xff, 0x15, [15] = (uint8_t)group } },
		      *sources = calloc(nsources + 1, sizeof(*sources));

	assert_non_null(sources);
	for (unsigned int i = 0; i < nsources; i++)
		sources[i] = (struct ipaddr){ .b = { 0x20, 0x01, [15] = (uint8_t)(i + 1) } };
	told_put(told, ifindex, &g, mode, sources, nsources);
	free(sources);
}

static void test_lines(void **state)
{
	struct told *first = next_process(""), *second, *third;

	(void)state;
	put(first, 3, 1, GM_EXCLUDE, 0);
	put(first, 4, 2, GM_INCLUDE, 2);
	told_flush(first);
	/* Of what was not written before a sudden death nothing is left. */
	put(first, 3, 9, GM_EXCLUDE, 0);
	second = next_process("3:1:EX{} 4:2:IN{1,2,} ");
	put(second, 3, 1, GM_INCLUDE, 0);
	told_flush(second);
	third = next_process("3:1:EX{} 4:2:IN{1,2,} 3:1:IN{} ");
	told_close(third);
	assert_int_equal(kept, -1);
	told_close(second);
	told_close(first);
}

static void test_what_cannot_be_written_ends_it(void **state)
{
	const struct rlimit none = { .rlim_max = RLIM_INFINITY };
	struct told *first = next_process(""), *second;
	struct rlimit was;

	(void)state;
	put(first, 3, 1, GM_EXCLUDE, 0);
	told_flush(first);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	put(first, 3, 2, GM_INCLUDE, 5000);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	/* Neither what is older, nor what comes behind the gap. */
	put(first, 3, 3, GM_EXCLUDE, 0);
	told_flush(first);
	assert_int_equal(kept, -1);
	/* Written anew it is whole. */
	told_begin(first);
	put(first, 3, 3, GM_EXCLUDE, 0);
	told_end(first);
	second = next_process("3:3:EX{} ");
	told_close(second);
	told_close(first);
}

static void test_longer_than_the_buffer(void **state)
{
	struct told *first = next_process(""), *second;

	(void)state;
	put(first, 3, 1, GM_EXCLUDE, 3);
	put(first, 3, 2, GM_INCLUDE, 5000);
	put(first, 3, 3, GM_EXCLUDE, 0);
	told_flush(first);
	second = next_process("3:1:EX{1,2,3,} 3:2:IN{1,2,3,4,} 3:3:EX{} ");
	told_close(second);
	told_close(first);
}

static void test_unfinished_line(void **state)
{
	struct told *first = next_process(""), *second, *third;
	struct stat st;

	(void)state;
	put(first, 3, 1, GM_EXCLUDE, 0);
	put(first, 3, 2, GM_INCLUDE, 3);
	told_flush(first);
	assert_int_equal(fstat(kept, &st), 0);
	assert_int_equal(ftruncate(kept, st.st_size - 5), 0);
	second = next_process("3:1:EX{} ");
	put(second, 3, 4, GM_EXCLUDE, 0);
	told_flush(second);
	third = next_process("3:1:EX{} 3:4:EX{} ");
	told_close(third);
	told_close(second);
	told_close(first);
}

static void test_other_layout(void **state)
{
	struct told *first = next_process(""), *second;
	const uint32_t other = 4711;

	(void)state;
	put(first, 3, 1, GM_EXCLUDE, 0);
	told_flush(first);
	assert_int_equal(pwrite(kept, &other, sizeof(other), 0), sizeof(other));
	second = next_process("");
	told_close(first);
	put(second, 3, 2, GM_EXCLUDE, 0);
	told_close(second);
}

static void test_written_anew(void **state)
{
	struct told *first = next_process(""), *second;
	unsigned int lines = 0;

	(void)state;
	assert_false(told_is_long(first));
	for (unsigned int i = 0; !told_is_long(first); i++) {
		assert_true(i < 1000000);
		put(first, 3, i % 7, i % 2 ? GM_EXCLUDE : GM_INCLUDE, 0);
		told_flush(first);
	}
	told_begin(first);
	put(first, 3, 1, GM_EXCLUDE, 0);
	/* Until the end of it the old lines stand. */
	second = told_open(NAME, ignore, &lines);
	assert_true(lines > 10000);
	told_end(first);
	assert_false(told_is_long(first));
	put(first, 3, 2, GM_EXCLUDE, 0);
	told_flush(first);
	told_close(next_process("3:1:EX{} 3:2:EX{} "));
	told_close(second);
	told_close(first);
}

static void test_without_keeper(void **state)
{
	struct told *told;

	(void)state;
	keeper = false;
	told = next_process("");
	put(told, 3, 1, GM_EXCLUDE, 0);
	told_flush(told);
	assert_int_equal(kept, -1);
	assert_false(told_is_long(told));
	told_close(told);
	keeper = true;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_what_cannot_be_written_ends_it),
		cmocka_unit_test(test_longer_than_the_buffer),
		cmocka_unit_test(test_unfinished_line),
		cmocka_unit_test(test_other_layout),
		cmocka_unit_test(test_written_anew),
		cmocka_unit_test(test_without_keeper),
	};

	return cmocka_run_group_tests_name("told", tests, NULL, NULL);
}
