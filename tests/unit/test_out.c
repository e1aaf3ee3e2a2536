/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/out and lib/filter: each case is run through both back ends and compared with the text a user would see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include "lib/filter.h"
#include "lib/out.h"

#include <cmocka.h>

static char got[1 << 20];
static size_t got_len;
static int sink_error;

static int sink(void *arg, const char *buf, size_t len)
{
	(void)arg;
	if (sink_error)
		return sink_error;
	assert_true(got_len + len < sizeof(got));
	memcpy(got + got_len, buf, len);
	got_len += len;
	got[got_len] = '\0';
	return 0;
}

static void start(struct out *o, enum out_format format)
{
	got_len = 0;
	got[0] = '\0';
	sink_error = 0;
	out_init(o, sink, NULL);
	out_set_format(o, format);
}

static const char *finish(struct out *o)
{
	assert_int_equal(out_finish(o), 0);
	out_fini(o);
	return got;
}

static const char *render(void (*emit)(struct out *o), enum out_format format)
{
	struct out o;

	start(&o, format);
	emit(&o);
	return finish(&o);
}

static void emit_nothing(struct out *o)
{
	(void)o;
}

static void test_empty(void **state)
{
	(void)state;
	assert_string_equal(render(emit_nothing, OUT_TEXT), "");
	assert_string_equal(render(emit_nothing, OUT_JSON), "{}\n");
	assert_string_equal(render(emit_nothing, OUT_JSON_LINE), "{}\n");
}

static void emit_groups(struct out *o)
{
	static const struct out_col cols[] = { { "ifname", "Interface", -16 }, { "group", "Group", -15 },
					       { "mode", "Mode", -4 },         { "timer", "Timer", 8 },
					       { "sourcesCount", "Srcs", 4 },  { "version", "V", 1 },
					       { "uptime", "Uptime", 8 } };
	struct ipaddr group;

	assert_int_equal(ipaddr_parse("239.1.1.1", &group), 0);
	out_text(o, "Total IGMP groups: %d\n", 1);
	out_uint(o, "totalGroups", 1);
	out_table_begin(o, cols, 7);
	out_begin_object(o, "lan1");
	out_str(o, "name", "lan1");
	out_begin_array(o, "groups");
	out_row_begin(o, NULL);
	out_cell(o, "ifname", "%s", "lan1");
	out_addr(o, "group", &group);
	out_cell(o, "mode", "EXCL");
	out_str(o, "mode", "EXCLUDE");
	out_duration(o, "timer", mtime_from_s(251));
	out_uint(o, "version", 3);
	out_duration(o, "uptime", mtime_from_s(9));
	out_begin_array(o, "sources");
	out_row_begin(o, NULL);
	out_str(o, "timer", "not the row's");
	out_bool(o, "forwarded", false);
	out_row_end(o);
	out_end_array(o);
	out_uint(o, "sourcesCount", 1);
	out_row_end(o);
	out_end_array(o);
	out_end_object(o);
	out_table_end(o);
}

static void test_table(void **state)
{
	(void)state;
	assert_string_equal(render(emit_groups, OUT_TEXT),
			    "Total IGMP groups: 1\n"
			    "Interface        Group           Mode    Timer Srcs V   Uptime\n"
			    "lan1             239.1.1.1       EXCL 00:04:11    1 3 00:00:09\n");
	assert_string_equal(render(emit_groups, OUT_JSON), "{\n"
							   "  \"totalGroups\": 1,\n"
							   "  \"lan1\": {\n"
							   "    \"name\": \"lan1\",\n"
							   "    \"groups\": [\n"
							   "      {\n"
							   "        \"group\": \"239.1.1.1\",\n"
							   "        \"mode\": \"EXCLUDE\",\n"
							   "        \"timer\": \"00:04:11\",\n"
							   "        \"timerMsec\": 251000,\n"
							   "        \"version\": 3,\n"
							   "        \"uptime\": \"00:00:09\",\n"
							   "        \"uptimeMsec\": 9000,\n"
							   "        \"sources\": [\n"
							   "          {\n"
							   "            \"timer\": \"not the row's\",\n"
							   "            \"forwarded\": false\n"
							   "          }\n"
							   "        ],\n"
							   "        \"sourcesCount\": 1\n"
							   "      }\n"
							   "    ]\n"
							   "  }\n"
							   "}\n");
}

static void emit_wide(struct out *o)
{
	static const struct out_col cols[] = { { "a", "A", -4 }, { "b", "B", 3 }, { "c", "C", -6 } };

	out_table_begin(o, cols, 3);
	out_row_begin(o, "x");
	out_str(o, "a", "longer");
	out_str(o, "b", "12345");
	out_str(o, "c", "z");
	out_row_end(o);
	out_row_begin(o, "y");
	out_str(o, "c", "bell\a");
	out_null(o, "b");
	out_row_end(o);
	out_row_begin(o, "z");
	out_str(o, "a", "\xc3\xa4");
	out_str(o, "b", "");
	out_str(o, "c", "1");
	out_row_end(o);
	out_table_end(o);
}

static void emit_lines(struct out *o, bool repeat)
{
	static const struct out_col cols[] = { { "a", "A", -4 }, { "b", "B", 3 }, { "c", "C", -6 } };

	out_table_begin(o, cols, 3);
	for (int row = 1; row <= 2; row++) {
		out_row_begin(o, row == 1 ? "x" : "y");
		out_str(o, "a", "one");
		out_int(o, "b", row);
		out_cell(o, "c", "first");
		out_row_next(o, repeat);
		out_cell(o, "c", "second");
		out_row_end(o);
	}
	out_row_begin(o, "z");
	out_row_end(o);
	out_table_end(o);
}

static void emit_empty_lines(struct out *o)
{
	emit_lines(o, false);
}

static void emit_full_lines(struct out *o)
{
	emit_lines(o, true);
}

static void test_lines_of_a_row(void **state)
{
	static const char document[] = "{\n  \"x\": {\n    \"a\": \"one\",\n    \"b\": 1\n  },\n"
				       "  \"y\": {\n    \"a\": \"one\",\n    \"b\": 2\n  },\n  \"z\": {}\n}\n";

	(void)state;
	assert_string_equal(render(emit_empty_lines, OUT_TEXT), "A      B C\n"
								"one    1 first\n"
								"         second\n"
								"one    2 first\n"
								"         second\n"
								"-      - -\n");
	assert_string_equal(render(emit_full_lines, OUT_TEXT), "A      B C\n"
							       "one    1 first\n"
							       "one    1 second\n"
							       "one    2 first\n"
							       "one    2 second\n"
							       "-      - -\n");
	assert_string_equal(render(emit_empty_lines, OUT_JSON), document);
	assert_string_equal(render(emit_full_lines, OUT_JSON), document);
}

static void test_widths(void **state)
{
	(void)state;
	assert_string_equal(render(emit_wide, OUT_TEXT), "A      B C\n"
							 "longer 12345 z\n"
							 "-      - bell?\n"
							 "\xc3\xa4      - 1\n");
	assert_string_equal(
		render(emit_wide, OUT_JSON_LINE),
		"{\"x\":{\"a\":\"longer\",\"b\":\"12345\",\"c\":\"z\"},"
		"\"y\":{\"c\":\"bell\\u0007\",\"b\":null},\"z\":{\"a\":\"\xc3\xa4\",\"b\":\"\",\"c\":\"1\"}}\n");
}

static void emit_form(struct out *o)
{
	static const struct out_col labels[] = { { "name", "Interface", 0 },
						 { "up", "Up", 0 },
						 { "members", "Members", 0 },
						 { "left", "Time left", 0 },
						 { "unset", "Unset", 0 } };

	out_form_begin(o, labels, 5);
	for (int i = 0; i < 2; i++) {
		out_row_begin(o, i ? "lan2" : "lan1");
		out_fmt(o, "name", "lan%d", i + 1);
		out_list_begin(o, "members", ", ");
		if (i == 0) {
			out_str(o, NULL, "a");
			out_int(o, NULL, -7);
		}
		out_list_end(o);
		out_duration(o, "left", MTIME_NEVER);
		out_bool(o, "up", i == 0);
		out_str(o, "hidden", NULL);
		out_row_end(o);
	}
	out_form_end(o);
}

static void test_form(void **state)
{
	(void)state;
	assert_string_equal(render(emit_form, OUT_TEXT), "Interface: lan1\n"
							 "Up       : yes\n"
							 "Members  : a, -7\n"
							 "Time left: never\n"
							 "\n"
							 "Interface: lan2\n"
							 "Up       : no\n"
							 "Members  : -\n"
							 "Time left: never\n");
	assert_string_equal(
		render(emit_form, OUT_JSON_LINE),
		"{\"lan1\":{\"name\":\"lan1\",\"members\":[\"a\",-7],\"left\":null,\"leftMsec\":null,\"up\":true,"
		"\"hidden\":null},\"lan2\":{\"name\":\"lan2\",\"members\":[],\"left\":null,\"leftMsec\":null,"
		"\"up\":false,\"hidden\":null}}\n");
}

static void emit_strings(struct out *o)
{
	out_str(o, "q\"k", "a\"b\\c\n\t\r\x01\x1f\x7f");
	out_str(o, "good", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	/* A lone continuation, overlong, surrogate, beyond U+10FFFF, cut short. */
	out_str(o, "bad", "\x80|\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82");
}

static void test_strings(void **state)
{
#define BAD "\xef\xbf\xbd"
	(void)state;
	assert_string_equal(render(emit_strings, OUT_JSON_LINE),
			    "{\"q\\\"k\":\"a\\\"b\\\\c\\n\\t\\u000d\\u0001\\u001f\x7f\","
			    "\"good\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\","
			    "\"bad\":\"" BAD "|" BAD BAD "|" BAD BAD BAD "|" BAD BAD BAD BAD "|" BAD BAD "\"}\n");
}

static void test_durations(void **state)
{
	static const struct {
		int64_t s;
		const char *text;
	} rows[] = {
		{ -5, "00:00:00" },    { 0, "00:00:00" },      { 59, "00:00:59" },      { 86399, "23:59:59" },
		{ 86400, "24:00:00" }, { 228556, "63:29:16" }, { 360000, "100:00:00" }, { 6048000, "1680:00:00" },
	};
	char buf[OUT_DURATION_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(out_duration_format(mtime_from_s(rows[i].s), buf), rows[i].text);
	assert_string_equal(out_duration_format(MTIME_NEVER, buf), "never");
	/* The largest value that is a time fits as well. */
	out_duration_format(MTIME_NEVER - 1, buf);
	assert_string_equal(buf + strlen(buf) - 6, ":00:54");
}

static void emit_values(struct out *o)
{
	struct ipaddr none = { 0 }, any;
	struct ipprefix p;

	assert_int_equal(ipaddr_parse("0.0.0.0", &any), 0);
	assert_int_equal(ipprefix_parse("ff30::/12", &p), 0);
	out_int(o, "least", INT64_MIN);
	out_uint(o, "most", UINT64_MAX);
	out_addr(o, "none", &none);
	out_addr(o, "null", NULL);
	out_addr(o, "any", &any);
	out_prefix(o, "prefix", &p);
}

static void test_values(void **state)
{
	(void)state;
	assert_string_equal(render(emit_values, OUT_JSON_LINE),
			    "{\"least\":-9223372036854775808,\"most\":18446744073709551615,\"none\":null,\"null\":null,"
			    "\"any\":\"0.0.0.0\",\"prefix\":\"ff30::/12\"}\n");
	assert_string_equal(render(emit_values, OUT_TEXT), "");
}

static void test_unclosed(void **state)
{
	struct out o;

	(void)state;
	start(&o, OUT_JSON_LINE);
	out_begin_array(&o, "a");
	out_begin_object(&o, NULL);
	out_list_begin(&o, "l", ",");
	out_str(&o, NULL, "x");
	assert_string_equal(finish(&o), "{\"a\":[{\"l\":[\"x\"]}]}\n");
}

/* One writer makes several documents, one a line. */
static void test_documents(void **state)
{
	struct out o;

	(void)state;
	start(&o, OUT_JSON_LINE);
	out_int(&o, "n", 1);
	assert_int_equal(out_finish(&o), 0);
	out_int(&o, "n", 2);
	assert_int_equal(out_finish(&o), 0);
	out_int(&o, "n", 3);
	assert_int_equal(out_abandon(&o), 0);
	out_set_format(&o, OUT_TEXT);
	out_text(&o, "text\n");
	assert_string_equal(finish(&o), "{\"n\":1}\n{\"n\":2}\n{\"n\":3\ntext\n");
}

static void test_misuse(void **state)
{
	struct out o;

	(void)state;
	start(&o, OUT_JSON);
	for (int i = 0; i < OUT_MAX_DEPTH; i++)
		out_begin_object(&o, "x");
	assert_int_equal(out_error(&o), 0);
	out_begin_object(&o, "x");
	assert_int_equal(out_finish(&o), -EOVERFLOW);
	out_int(&o, NULL, 1);
	assert_int_equal(out_finish(&o), -EINVAL);
	out_begin_array(&o, "a");
	out_int(&o, "key", 1);
	assert_int_equal(out_finish(&o), -EINVAL);
	out_begin_array(&o, "a");
	out_end_object(&o);
	assert_int_equal(out_finish(&o), -EINVAL);
	out_end_object(&o);
	assert_int_equal(out_finish(&o), -EINVAL);
	out_int(&o, "a", 1);
	out_set_format(&o, OUT_TEXT);
	assert_int_equal(out_finish(&o), -EINVAL);
	out_fini(&o);
}

static void test_sink_error(void **state)
{
	struct out o;

	(void)state;
	start(&o, OUT_TEXT);
	sink_error = -EPIPE;
	for (int i = 0; i < 10000; i++)
		out_text(&o, "line\n");
	assert_true(out_full(&o));
	assert_int_equal(out_finish(&o), -EPIPE);
	sink_error = 0;
	out_text(&o, "again\n");
	assert_string_equal(finish(&o), "again\n");
}

static void test_long(void **state)
{
	static char text[20000], expected[20010];
	static const struct out_col cols[] = { { "a", "A", -4 } };
	struct out o;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	snprintf(expected, sizeof(expected), "%s|\n", text);
	start(&o, OUT_TEXT);
	out_text(&o, "%s|\n", text);
	assert_string_equal(finish(&o), expected);
	start(&o, OUT_TEXT);
	out_table_begin(&o, cols, 1);
	out_row_begin(&o, "r");
	out_fmt(&o, "a", "%s|", text);
	out_row_end(&o);
	out_table_end(&o);
	assert_string_equal(finish(&o) + 2, expected);
}

static void test_quota(void **state)
{
	struct out o;
	int n = 0;

	(void)state;
	start(&o, OUT_TEXT);
	for (; !out_full(&o); n++)
		out_text(&o, "0123456789\n");
	assert_int_equal(n, OUT_QUOTA / 11 + 1);
	out_resume(&o);
	assert_false(out_full(&o));
	finish(&o);
}

static const char *filtered(const char *spec, const char *text)
{
	struct filter f;
	char err[128];

	/* One octet at a time and all at once must be the same. */
	for (int whole = 0; whole < 2; whole++) {
		static char first[4096];

		got_len = 0;
		got[0] = '\0';
		assert_int_equal(filter_open(&f, spec, sink, NULL, err, sizeof(err)), 0);
		if (whole)
			assert_int_equal(filter_write(&f, text, strlen(text)), 0);
		for (const char *s = text; *s && !whole; s++)
			assert_int_equal(filter_write(&f, s, 1), 0);
		assert_int_equal(filter_finish(&f), 0);
		filter_close(&f);
		if (whole)
			assert_string_equal(got, first);
		assert_true(got_len < sizeof(first));
		memcpy(first, got, got_len + 1);
	}
	return got;
}

static void test_filters(void **state)
{
	static const char config[] =
		"hostname gw\n!\ninterface lan\n ip igmp\n  deeper\n\ninterface wan\n ip igmp\nend";

	(void)state;
	sink_error = 0;
	assert_string_equal(filtered("include igmp", config), " ip igmp\n ip igmp\n");
	assert_string_equal(filtered("inc ^i|^h", config), "hostname gw\ninterface lan\ninterface wan\n");
	assert_string_equal(filtered("exclude i", config), "hostname gw\n!\n  deeper\n\nend");
	assert_string_equal(filtered("begin  wan", config), "interface wan\n ip igmp\nend");
	assert_string_equal(filtered("section interface (lan)", config), "interface lan\n ip igmp\n  deeper\n");
	assert_string_equal(filtered("count", config), "9\n");
	assert_string_equal(filtered("include igmp | count", config), "2\n");
	assert_string_equal(filtered("section \"interface wan\" | exclude face", config), " ip igmp\n");
	assert_string_equal(filtered("include nothing", config), "");
	assert_string_equal(filtered("count", ""), "0\n");
	assert_string_equal(filtered("include ^$", "\n\nx\n"), "\n\n");
}

static void test_bad_filters(void **state)
{
	static const struct {
		const char *spec;
		int err;
		size_t bad;
	} bad[] = {
		{ "", -ENODATA, 0 },
		{ " frob x", -ENOENT, 1 },
		{ " include", -ENODATA, 8 },
		{ " include (", -EINVAL, 9 },
		{ "count x", -EINVAL, 6 },
		{ "count | count", -EINVAL, 5 },
		{ "include x | ", -ENODATA, 12 },
		{ "include x | frob", -ENOENT, 12 },
		{ "i a | i b | i c | i d | i e", -EINVAL, 24 },
	};
	struct filter f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char err[128] = "";

		assert_int_equal(filter_open(&f, bad[i].spec, sink, NULL, err, sizeof(err)), bad[i].err);
		assert_int_equal(f.bad, bad[i].bad);
		assert_true(err[0] != '\0');
	}
}

/* What a client may ask of the daemon by a pipe has a bound. */
static void test_costly_filters(void **state)
{
	static const char *const bad[] = {
		"include ((a{1,255}){1,255}){1,255}",
		"include (a{100}){100}",
		"include a{1001}",
		"include a**********************",
		"include ((((((((((((a*)?)*)?)*)?)*)?)*)?)*)?)*",
		"include (a{1000,}b{1000,}c{1000,}d{1000,}e{1000,})",
		"include [[:digit:](]{90}(x{70}){80}",
		"include ((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+",
		"include (.*)(.*)\\1\\2",
		"include [\\](x)\\1",
		"include ((((((((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))))))))",
		"include (a{99999999999999999999}){99999999999999999999}",
		/* Found by the fuzzer: minutes in the library. */
		"include ^a*+*+*+*+*",
		"include (^)*(^)*(^)*(^)*(^)*(^)*(^)*(^)*(^)*(^)*(^)*(^)*(^)*(^)*(^)*(^)*(^)*(^)*(^)*(^)*",
		"include \\<a*\\<b*\\<c*\\<d*\\<e*",
		"include ((a*b?)*c+)*",
		"include (a|b*|c)+",
		"include (a{0,3}){2}",
		"include ((a)?|b)*",
		"include [[.].][]+++++++++++",
		"include [[=]=][]+++++++++++[=K]b",
	};
	static const char *const good[] = {
		"include ([0-9]{1,3}\\.){3}[0-9]{1,3}",
		"include ([0-9a-f]{0,4}:)+:?[0-9a-f]+",
		"include ^ +[^ ]+ +[^ ]+ +[^ ]+ +[^ ]+ +[^ ]+ +[^ ]+$",
		"include [{(]{2}|[]1{2}+]\\{9999|[^]()]",
		"include \\\\1",
		"include ((a*b)*c+)* .*.*.*",
		"include ^(lan[0-9]+ +)*(up|down)?$",
		"include (a?b|c*d)+",
		"include ()",
		"include [[.-.][:alpha:][=a=]]+x*",
	};
	struct filter f;
	char err[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(filter_open(&f, bad[i], sink, NULL, err, sizeof(err)), -EINVAL);
		assert_true(strncmp(err, "Bad expression: ", 16) == 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(filter_open(&f, good[i], sink, NULL, err, sizeof(err)), 0);
		filter_close(&f);
	}
}

static void test_filter_long_line(void **state)
{
	static char line[3 * FILTER_LINE_MAX];

	(void)state;
	memset(line, 'x', sizeof(line) - 2);
	line[sizeof(line) - 2] = '\n';
	struct filter f;
	char err[128];

	got_len = 0;
	sink_error = 0;
	assert_int_equal(filter_open(&f, "include x", sink, NULL, err, sizeof(err)), 0);
	assert_int_equal(filter_write(&f, line, sizeof(line) - 1), 0);
	assert_int_equal(filter_finish(&f), 0);
	assert_true(f.size <= 2 * FILTER_LINE_MAX);
	assert_int_equal(got_len, sizeof(line) - 1 + 2);
	sink_error = -EPIPE;
	assert_int_equal(filter_write(&f, "x\n", 2), -EPIPE);
	filter_close(&f);
	sink_error = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),          cmocka_unit_test(test_table),
		cmocka_unit_test(test_lines_of_a_row), cmocka_unit_test(test_widths),
		cmocka_unit_test(test_form),           cmocka_unit_test(test_strings),
		cmocka_unit_test(test_durations),      cmocka_unit_test(test_values),
		cmocka_unit_test(test_unclosed),       cmocka_unit_test(test_documents),
		cmocka_unit_test(test_misuse),         cmocka_unit_test(test_sink_error),
		cmocka_unit_test(test_long),           cmocka_unit_test(test_quota),
		cmocka_unit_test(test_filters),        cmocka_unit_test(test_bad_filters),
		cmocka_unit_test(test_costly_filters), cmocka_unit_test(test_filter_long_line),
	};

	return cmocka_run_group_tests_name("out", tests, NULL, NULL);
}
