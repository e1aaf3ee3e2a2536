/* SPDX-License-Identifier: GPL-2.0-or-later */
/* knobs: every row of the table is typed, printed, loaded, taken back and pushed beyond its range, in both families. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_bed.h"
#include "fake_daemon.h"
#include "knobs.h"
#include "lib/util.h"

#include <cmocka.h>

#define LINE 256

static int setup(void **state)
{
	(void)state;
	bed_begin();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bed_end();
	return 0;
}

/* The words of a setting; in the right mode they are typed as they stand. */
static void words_of(const struct knob *knob, enum family family, char *buf)
{
	snprintf(buf, LINE, "%s %s %s", family_name(family),
		 knob->prefix == KNOB_MULTICAST ? "multicast" : family_protocol(family), knob->words);
}

static void value_of(const struct knob *knob, enum family family, char *buf)
{
	static const char *const members[] = { "239.1.2.3 source 10.0.0.9", "ff3e::8000:1 source 2001:db8::9" };
	static const char *const maps[] = { "TV 10.0.0.9", "TV 2001:db8::9" };

	snprintf(buf, LINE, "%s",
		 knob->type == KNOB_MEMBERS   ? members[family]
		 : knob->type == KNOB_SSM_MAP ? maps[family]
					      : knob->example);
}

/* MLD's Router Alert is demanded by RFC 9777 s5: the one setting that has no other value. */
static bool is_fixed(const struct knob *knob, enum family family)
{
	return knob->type == KNOB_SWITCH && knob->range[family].min == knob->range[family].max;
}

/* The line that makes the setting something else than its default. */
static void line_of(const struct knob *knob, enum family family, char *buf)
{
	char words[LINE], value[LINE];

	words_of(knob, family, words);
	if (knob->type == KNOB_SWITCH) {
		snprintf(buf, 2 * LINE, "%s%s", knob->range[family].normal ? "no " : "", words);
		return;
	}
	value_of(knob, family, value);
	snprintf(buf, 2 * LINE, "%s %s", words, value);
}

static void enter(const struct knob *knob)
{
	assert_int_equal(bed_type("configure terminal"), CMD_OK);
	if (knob->scope == KNOB_INTERFACE)
		assert_int_equal(bed_type("interface lan1"), CMD_OK);
}

static void leave(void)
{
	assert_int_equal(bed_type("end"), CMD_OK);
}

static void type_ok(const char *line)
{
	int code = bed_type(line);

	if (code != CMD_OK)
		print_error("%s: %s", line, bed_reply());
	assert_int_equal(code, CMD_OK);
}

/* Walks all settings of both families with an empty configuration each. */
static void walk(void (*look)(const struct knob *knob, enum family family))
{
	for (size_t i = 0; i < knobs_count; i++) {
		for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
			struct conf *conf = conf_new();

			assert_non_null(conf);
			conf_free(fake.conf);
			fake.conf = conf;
			enter(&knobs[i]);
			look(&knobs[i], (enum family)f);
			leave();
		}
	}
}

static void look_at_round_trip(const struct knob *knob, enum family family)
{
	char line[2 * LINE], expected[2 * LINE + 2], *text;
	struct conf *conf;

	if (is_fixed(knob, family))
		return;
	line_of(knob, family, line);
	type_ok(line);
	snprintf(expected, sizeof(expected), "%s%s\n", knob->scope == KNOB_INTERFACE ? " " : "", line);
	if (!strstr(bed_config(), expected))
		print_error("%s is not in\n%s", expected, bed_config());
	assert_non_null(strstr(bed_config(), expected));

	/* Typed again it changes nothing; what is printed loads, and prints the same. */
	text = strdup(bed_config());
	type_ok(line);
	assert_string_equal(bed_config(), text);
	conf = conf_new();
	assert_int_equal(bed_load("FILE", text, strlen(text), conf), 0);
	assert_string_equal(bed_messages(), "");
	daemon_replace_conf(&fake, conf);
	assert_string_equal(bed_config(), text);
	free(text);
}

static void every_setting_prints_what_loads(void **state)
{
	(void)state;
	walk(look_at_round_trip);
}

static void look_at_negation(const struct knob *knob, enum family family)
{
	static const char *const forms[] = { "no", "default" };
	char line[2 * LINE], words[LINE], value[LINE] = "", back[3 * LINE], *before;

	if (is_fixed(knob, family))
		return;
	before = strdup(bed_config());
	words_of(knob, family, words);
	line_of(knob, family, line);
	if (knob->type == KNOB_MEMBERS || knob->type == KNOB_SSM_MAP)
		value_of(knob, family, value);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		snprintf(back, sizeof(back), "%s %s %s", forms[i], words, value);
		type_ok(line);
		assert_string_not_equal(bed_config(), before);
		/* Of a switch that is on by default, `no` is the setting itself; `default` is the same as `no`. */
		if (knob->type == KNOB_SWITCH && knob->range[family].normal) {
			free(before);
			before = strdup(bed_config());
			type_ok(words);
			assert_string_not_equal(bed_config(), before);
		}
		type_ok(back);
		assert_string_equal(bed_config(), before);
		if (knob->type == KNOB_SWITCH && knob->range[family].normal) {
			type_ok(words);
			free(before);
			before = strdup(bed_config());
		}
	}
	/* The line as it was typed may follow `no`: one pastes what `show running-config` says. */
	if (knob->type != KNOB_SWITCH) {
		type_ok(line);
		snprintf(back, sizeof(back), "no %s", line);
		type_ok(back);
		assert_string_equal(bed_config(), before);
	}
	free(before);
}

static void no_and_default_are_one(void **state)
{
	(void)state;
	walk(look_at_negation);
}

static void look_at_range(const struct knob *knob, enum family family)
{
	char words[LINE], line[2 * LINE], expected[64];
	uint32_t min = knob->range[family].min, max = knob->range[family].max;

	if (knob->type != KNOB_NUMBER)
		return;
	words_of(knob, family, words);
	/* The longest interval, so that the response time has room. */
	if (strcmp(knob->words, "query-max-response-time") == 0) {
		snprintf(line, sizeof(line), "%s %s query-interval 31744", family_name(family),
			 family_protocol(family));
		type_ok(line);
	}
	snprintf(line, sizeof(line), "%s %u", words, min);
	type_ok(line);
	snprintf(line, sizeof(line), "%s %u", words, max);
	type_ok(line);
	snprintf(expected, sizeof(expected), "%% Value out of range (%u-%u)\n", min, max);
	snprintf(line, sizeof(line), "%s %llu", words, (unsigned long long)max + 1);
	assert_int_equal(bed_type(line), CMD_UNKNOWN);
	assert_non_null(strstr(bed_reply(), expected));
	snprintf(line, sizeof(line), "%s 99999999999999999999999999", words);
	assert_int_equal(bed_type(line), CMD_UNKNOWN);
	assert_non_null(strstr(bed_reply(), expected));
	if (min > 0) {
		snprintf(line, sizeof(line), "%s %u", words, min - 1);
		assert_int_equal(bed_type(line), CMD_UNKNOWN);
		assert_non_null(strstr(bed_reply(), expected));
	}
	snprintf(line, sizeof(line), "%s -1", words);
	assert_int_equal(bed_type(line), CMD_UNKNOWN);
	snprintf(line, sizeof(line), "%s 1x", words);
	assert_int_equal(bed_type(line), CMD_UNKNOWN);
	assert_int_equal(bed_type(words), CMD_INCOMPLETE);
}

static void numbers_are_accepted_within_their_range_only(void **state)
{
	(void)state;
	walk(look_at_range);
}

static void look_at_default(const struct knob *knob, enum family family)
{
	const struct conf_if *ifc = conf_if_find(fake.conf, "lan1");
	const char *field =
		knob->scope == KNOB_FAMILY ? (const char *)&fake.conf->af[family] : (const char *)&ifc->af[family];

	if (knob->type == KNOB_NUMBER)
		assert_int_equal(*(const uint32_t *)(const void *)(field + knob->offset), knob->range[family].normal);
	if (knob->type == KNOB_SWITCH)
		assert_int_equal(*(const bool *)(const void *)(field + knob->offset), knob->range[family].normal);
}

static void the_table_and_conf_agree_on_the_defaults(void **state)
{
	(void)state;
	walk(look_at_default);
}

static void look_at_help(const struct knob *knob, enum family family)
{
	char words[LINE], line[LINE + 16], expected[LINE];

	words_of(knob, family, words);
	snprintf(line, sizeof(line), "describe %s", words);
	type_ok(line);
	snprintf(expected, sizeof(expected), "%s\t%s\n", knob->words, knob->help);
	if (!strstr(bed_reply(), expected))
		print_error("%s gives\n%s", line, bed_reply());
	assert_non_null(strstr(bed_reply(), expected));
	snprintf(line, sizeof(line), "complete %.*s", (int)strlen(words) - 1, words);
	type_ok(line);
	assert_non_null(strstr(bed_reply(), knob->words));
}

static void every_setting_has_help_and_completion(void **state)
{
	(void)state;
	walk(look_at_help);
}

static void report(void *arg, const char *text)
{
	(void)arg;
	print_error("%s\n", text);
}

static void no_two_rows_accept_the_same_line(void **state)
{
	(void)state;
	assert_int_equal(cmd_table_check(bed_table, report, NULL), 0);
}

/* --- what a row cannot say ------------------------------------------------------------------------------------------
 */

static void enter_lan1(void)
{
	type_ok("configure terminal");
	type_ok("interface lan1");
}

static void a_role_takes_the_place_of_the_other(void **state)
{
	(void)state;
	enter_lan1();
	type_ok("ip igmp proxy upstream priority 7 access-list TV");
	type_ok("ip igmp proxy downstream");
	assert_string_equal(bed_config(), "!\ninterface lan1\n ip igmp proxy downstream\n!\n");
	type_ok("ip igmp proxy upstream");
	assert_string_equal(bed_config(), "!\ninterface lan1\n ip igmp proxy upstream\n!\n");
	type_ok("ip igmp proxy upstream access-list TV");
	type_ok("ip igmp proxy upstream priority 100");
	assert_string_equal(bed_config(), "!\ninterface lan1\n ip igmp proxy upstream\n!\n");
	type_ok("ipv6 mld proxy downstream");
	type_ok("no ip igmp proxy");
	assert_string_equal(bed_config(), "!\ninterface lan1\n ipv6 mld proxy downstream\n!\n");
	/* The role it does not have cannot be taken from it. */
	type_ok("no ipv6 mld proxy upstream");
	assert_string_equal(bed_config(), "!\ninterface lan1\n ipv6 mld proxy downstream\n!\n");
	type_ok("no ipv6 mld proxy downstream");
	assert_string_equal(bed_config(), "!\ninterface lan1\n!\n");
}

/* RFC 9776 s8.3: B-08, whichever of the two is set second. */
static void the_response_time_is_shorter_than_the_interval(void **state)
{
	(void)state;
	enter_lan1();
	type_ok("ip igmp query-interval 20");
	assert_int_equal(bed_type("ip igmp query-max-response-time 200"), CMD_FAILED);
	assert_non_null(strstr(bed_reply(), "has to be shorter than"));
	type_ok("ip igmp query-max-response-time 199");
	assert_int_equal(bed_type("ip igmp query-interval 19"), CMD_FAILED);
	assert_non_null(strstr(bed_reply(), "has to be shorter than"));
	assert_int_equal(bed_type("no ip igmp query-max-response-time 199"), CMD_OK);
	type_ok("ip igmp query-interval 1");
	assert_string_equal(bed_config(), "!\ninterface lan1\n ip igmp query-interval 1\n!\n");
}

/* What is said to be the default is not printed, whatever it is kept as. */
static void a_default_that_is_typed_is_not_printed(void **state)
{
	static const char *const lines[] = {
		"ip igmp query-max-response-time 100",
		"ipv6 mld query-max-response-time 100",
		"ip igmp query-interval 125",
		"ip igmp version 3",
		"ipv6 mld version 2",
		"ip igmp robustness-variable 2",
		"ip igmp last-member-query-interval 10",
		"ip igmp leave-delay 0",
		"ip multicast ttl-threshold 1",
		"ip igmp verify-source-subnet",
	};

	(void)state;
	enter_lan1();
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		type_ok(lines[i]);
	assert_string_equal(bed_config(), "!\ninterface lan1\n!\n");
}

static void mld_router_alert_is_always_on(void **state)
{
	(void)state;
	enter_lan1();
	type_ok("ipv6 mld require-router-alert");
	assert_int_equal(bed_type("default ipv6 mld require-router-alert"), CMD_FAILED);
	assert_int_equal(bed_type("no ipv6 mld require-router-alert"), CMD_FAILED);
	assert_string_equal(bed_config(), "!\ninterface lan1\n!\n");
}

static void groups_and_sources_are_of_the_right_kind(void **state)
{
	static const char *const bad[] = {
		"ip igmp static-group 10.0.0.1",
		"ip igmp static-group 224.0.0.5",
		"ip igmp static-group 255.255.255.255",
		"ip igmp static-group ff3e::1",
		"ip igmp static-group 239.1.1",
		"ip igmp static-group 239.1.1.1 source 239.1.1.2",
		"ip igmp static-group 239.1.1.1 source 0.0.0.0",
		"ip igmp static-group 239.1.1.1 source 2001:db8::1",
		"ip igmp join-group 224.0.0.22",
		"ipv6 mld static-group ff02::16",
		"ipv6 mld static-group ff01::1",
		"ipv6 mld static-group 2001:db8::1",
		"ipv6 mld static-group 239.1.1.1",
		"ipv6 mld static-group ff3e::1 source ::1",
		"ip igmp ssm-map TV 239.1.1.1",
		"ip igmp access-list 12345678901234567890123456789012",
	};

	(void)state;
	enter_lan1();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (bed_type(bad[i]) == CMD_OK)
			fail_msg("%s was accepted", bad[i]);
	}
	assert_string_equal(bed_config(), "!\ninterface lan1\n!\n");
	type_ok("ip igmp static-group 224.0.1.1");
	type_ok("ipv6 mld static-group ff05::1:3");
	type_ok("ip igmp access-list 1234567890123456789012345678901");
	assert_int_equal(bed_type("no ip igmp static-group 224.0.1.2"), CMD_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_two_rows_accept_the_same_line, setup, teardown),
		cmocka_unit_test_setup_teardown(the_table_and_conf_agree_on_the_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(every_setting_prints_what_loads, setup, teardown),
		cmocka_unit_test_setup_teardown(no_and_default_are_one, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_are_accepted_within_their_range_only, setup, teardown),
		cmocka_unit_test_setup_teardown(every_setting_has_help_and_completion, setup, teardown),
		cmocka_unit_test_setup_teardown(a_role_takes_the_place_of_the_other, setup, teardown),
		cmocka_unit_test_setup_teardown(the_response_time_is_shorter_than_the_interval, setup, teardown),
		cmocka_unit_test_setup_teardown(a_default_that_is_typed_is_not_printed, setup, teardown),
		cmocka_unit_test_setup_teardown(mld_router_alert_is_always_on, setup, teardown),
		cmocka_unit_test_setup_teardown(groups_and_sources_are_of_the_right_kind, setup, teardown),
	};

	return cmocka_run_group_tests_name("knobs", tests, NULL, NULL);
}
