/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/token: words, quotes, columns, comments, pipes; quoting against reading back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include "lib/token.h"
#include "lib/util.h"

#include <cmocka.h>

static char store[TOKEN_LINE_MAX + 1];

static void expect_words(const char *line, const char *const *words, size_t n)
{
	struct token_cursor c;
	struct token t;

	assert_int_equal(token_open(&c, line, store), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(token_next(&c, &t), 1);
		assert_string_equal(t.text, words[i]);
	}
	assert_int_equal(token_next(&c, &t), 0);
}

#define EXPECT_WORDS(line, ...)                                                                                        \
	do {                                                                                                           \
		static const char *const words_[] = { __VA_ARGS__ };                                                   \
		expect_words((line), words_, ARRAY_SIZE(words_));                                                      \
	} while (0)

static void test_words(void **state)
{
	(void)state;
	expect_words("", NULL, 0);
	expect_words(" \t ", NULL, 0);
	EXPECT_WORDS("show ip igmp", "show", "ip", "igmp");
	EXPECT_WORDS("  show\t\tip ", "show", "ip");
	EXPECT_WORDS("a!b c#d !e", "a!b", "c#d", "!e");
	EXPECT_WORDS("it's a\"b", "it's", "a\"b");
}

static void test_quotes(void **state)
{
	(void)state;
	EXPECT_WORDS("log file \"/a b/c\" debugging", "log", "file", "/a b/c", "debugging");
	EXPECT_WORDS("\"\" \"a\\\"b\" \"c\\\\d\" \"e\\f\"", "", "a\"b", "c\\d", "e\\f");
}

static void test_columns(void **state)
{
	struct token_cursor c;
	struct token t;

	(void)state;
	assert_int_equal(token_open(&c, "  ab \"c d\"  e", store), 0);
	assert_int_equal(token_next(&c, &t), 1);
	assert_int_equal(t.start, 2);
	assert_int_equal(t.end, 4);
	assert_false(t.quoted);
	assert_int_equal(token_next(&c, &t), 1);
	assert_int_equal(t.start, 5);
	assert_int_equal(t.end, 10);
	assert_true(t.quoted);
	assert_string_equal(token_rest(&c), "e");
}

static void test_bad_quotes(void **state)
{
	static const char *const bad[] = { "a \"b", "a \"b\"c", "a \"b\\\"" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct token_cursor c;
		struct token t;

		assert_int_equal(token_open(&c, bad[i], store), 0);
		assert_int_equal(token_next(&c, &t), 1);
		assert_int_equal(token_next(&c, &t), -EINVAL);
		assert_int_equal(t.start, 2);
	}
}

/* The worst case for the store: one-letter words up to the longest line, and one octet more. */
static void test_longest(void **state)
{
	static char line[TOKEN_LINE_MAX + 2];
	struct token_cursor c;
	struct token t;
	unsigned int n = 0;

	(void)state;
	for (size_t i = 0; i < TOKEN_LINE_MAX; i++)
		line[i] = i % 2 ? ' ' : 'x';
	assert_int_equal(token_open(&c, line, store), 0);
	while (token_next(&c, &t) == 1)
		n++;
	assert_int_equal(n, TOKEN_LINE_MAX / 2);
	line[TOKEN_LINE_MAX] = 'x';
	assert_int_equal(token_open(&c, line, store), -E2BIG);
	memset(line, 'y', TOKEN_LINE_MAX);
	line[TOKEN_LINE_MAX] = '\0';
	assert_int_equal(token_open(&c, line, store), 0);
	assert_int_equal(token_next(&c, &t), 1);
	assert_int_equal(strlen(t.text), TOKEN_LINE_MAX);
}

static void test_comment(void **state)
{
	static const char *const yes[] = { "", "  ", "!", " ! x", "#x", "\t# y" };
	static const char *const no[] = { "x", " x !", "x # y", "\"!\"" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(token_is_blank_or_comment(yes[i]));
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(token_is_blank_or_comment(no[i]));
}

static void expect_pipe(const char *text, const char *head, const char *tail)
{
	char line[128];
	const char *got;

	snprintf(line, sizeof(line), "%s", text);
	got = token_split_pipe(line);
	assert_string_equal(line, head);
	if (tail)
		assert_string_equal(got, tail);
	else
		assert_null(got);
}

static void test_pipe(void **state)
{
	(void)state;
	expect_pipe("show x | include y", "show x ", "include y");
	expect_pipe("show x | include y | count", "show x ", "include y | count");
	expect_pipe("show x |   count", "show x ", "count");
	expect_pipe("show x |", "show x ", "");
	expect_pipe("show a|b", "show a|b", NULL);
	expect_pipe("show x |y", "show x |y", NULL);
	expect_pipe("show \"x | y\" z", "show \"x | y\" z", NULL);
	expect_pipe("show \"x \\\" | y\" | z", "show \"x \\\" | y\" ", "z");
	expect_pipe("it's a\" | z", "it's a\" ", "z");
}

static void test_quote(void **state)
{
	char buf[64];

	(void)state;
	assert_int_equal(token_quote("eth0", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "eth0");
	assert_int_equal(token_quote("a b", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "\"a b\"");
	assert_int_equal(token_quote("", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "\"\"");
	assert_int_equal(token_quote("eth0", buf, 4), -ENOSPC);
	assert_int_equal(token_quote("eth0", buf, 5), 0);
	assert_int_equal(token_quote("a b", buf, 5), -ENOSPC);
	assert_int_equal(token_quote("a b", buf, 6), 0);
}

static void test_quote_round_trip(void **state)
{
	static const char letters[] = "ab \\\"!#|\t";

	(void)state;
	srandom(3);
	for (unsigned int round = 0; round < 20000; round++) {
		char word[12], quoted[2 * sizeof(word) + 3];
		size_t len = (size_t)random() % sizeof(word);
		struct token_cursor c;
		struct token t;

		for (size_t i = 0; i < len; i++)
			word[i] = letters[(size_t)random() % (sizeof(letters) - 1)];
		word[len] = '\0';
		assert_int_equal(token_quote(word, quoted, sizeof(quoted)), 0);
		assert_false(token_is_blank_or_comment(quoted));
		assert_null(token_find_pipe(quoted));
		assert_int_equal(token_open(&c, quoted, store), 0);
		assert_int_equal(token_next(&c, &t), 1);
		assert_string_equal(t.text, word);
		assert_int_equal(token_next(&c, &t), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_bad_quotes),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_comment),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_quote_round_trip),
	};

	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
