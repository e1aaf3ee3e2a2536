/* SPDX-License-Identifier: GPL-2.0-or-later */
/* console and cli: levels, modes and prompts of a session, log lines on a terminal. tests/golden has whole sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cli_bed.h"
#include "fake_daemon.h"
#include "lib/log.h"

#include <cmocka.h>

static int setup(void **state)
{
	(void)state;
	log_init(NULL);
	bed_begin();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bed_end();
	log_fini();
	return 0;
}

static void modes_and_prompts(void **state)
{
	static const struct {
		const char *line, *prompt;
	} steps[] = {
		{ "disable", "gw1> " },
		{ "enable", "gw1# " },
		{ "configure terminal", "gw1(config)# " },
		{ "interface lan1", "gw1(config-if)# " },
		{ "interface lan2", "gw1(config-if)# " },
		{ "exit", "gw1(config)# " },
		{ "interface lan1", "gw1(config-if)# " },
		{ "hostname x", "x(config)# " },
		{ "end", "x# " },
		{ "end", "x# " },
		{ "! a comment", "x# " },
		{ "", "x# " },
	};

	(void)state;
	assert_string_equal(bed_prompt(), "gw1# ");
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		assert_int_equal(bed_type(steps[i].line), CMD_OK);
		assert_string_equal(bed_reply(), "");
		assert_string_equal(bed_prompt(), steps[i].prompt);
		assert_false(bed_closed());
	}
	assert_int_equal(bed_type("exit"), CMD_OK);
	assert_true(bed_closed());
}

/* Whatever a privileged client can run beside `show`, another one is refused, and not told that it does not exist. */
static void a_viewer_may_only_look(void **state)
{
	static const char *const refused[] = {
		"enable",
		"configure terminal",
		"show running-config",
		"show startup-config",
		"write",
		"write terminal",
		"copy running-config startup-config",
		"copy file running-config",
		"reload configuration",
		"clear ip igmp groups",
		"clear ip mroute",
		"debug igmp events",
		"undebug all",
		"terminal monitor",
	};
	static const char *const allowed[] = {
		"show version", "show configuration errors", "end",        "show ip igmp groups", "show ip mroute json",
		"disable",      "terminal length 0",         "describe sh"
	};

	(void)state;
	bed_connect(false);
	assert_string_equal(bed_prompt(), "gw1> ");
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		if (bed_type(refused[i]) != CMD_DENIED)
			fail_msg("%s: %s", refused[i], bed_reply());
		assert_string_equal(bed_prompt(), "gw1> ");
	}
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		assert_int_equal(bed_type(allowed[i]), CMD_OK);
	/* The same for who has gone back to view mode. */
	bed_connect(true);
	assert_int_equal(bed_type("disable"), CMD_OK);
	assert_int_equal(bed_type("write"), CMD_DENIED);
	assert_int_equal(bed_type("enable"), CMD_OK);
	assert_int_equal(bed_type("show running-config"), CMD_OK);
}

static void a_failed_line_changes_nothing(void **state)
{
	char before[256];

	(void)state;
	assert_int_equal(bed_type("configure terminal"), CMD_OK);
	assert_int_equal(bed_type("interface lan1"), CMD_OK);
	assert_int_equal(bed_type("ip igmp query-interval 10"), CMD_OK);
	snprintf(before, sizeof(before), "%s", bed_config());
	assert_int_equal(bed_type("ip igmp query-max-response-time 100"), CMD_FAILED);
	assert_int_equal(bed_type("no ip igmp static-group 239.1.1.1"), CMD_FAILED);
	assert_string_equal(bed_config(), before);
}

/* That of the settings is in test_knobs. */
static void a_line_is_taken_back_with_its_value_or_without(void **state)
{
	static const char *const words[] = { "no", "default" };
	static const char *const values[] = { "", " two \"words\" | of it" };
	static const struct {
		const char *name, *source;
	} families[] = { { "ip igmp", "10.0.0." }, { "ipv6 mld", "2001:db8::" } };
	char line[128], left[128];

	(void)state;
	assert_int_equal(bed_type("configure terminal"), CMD_OK);
	assert_int_equal(bed_type("interface lan1"), CMD_OK);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(values); j++) {
			assert_int_equal(bed_type("description two \"words\" | of it"), CMD_OK);
			snprintf(line, sizeof(line), "%s description%s", words[i], values[j]);
			assert_int_equal(bed_type(line), CMD_OK);
			assert_string_equal(bed_config(), "!\ninterface lan1\n!\n");
		}
	}
	assert_int_equal(bed_type("no interface lan1"), CMD_OK);
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		static const char *const maps[] = { "A", "TV", "TV", "Z" };

		for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
			snprintf(line, sizeof(line), "%s ssm-map %s %s%zu", families[f].name, maps[i],
				 families[f].source, i + 1);
			assert_int_equal(bed_type(line), CMD_OK);
		}
		snprintf(line, sizeof(line), "no %s ssm-map Z %s4", families[f].name, families[f].source);
		assert_int_equal(bed_type(line), CMD_OK);
		snprintf(line, sizeof(line), "no %s ssm-map TV", families[f].name);
		assert_int_equal(bed_type(line), CMD_OK);
		snprintf(left, sizeof(left), "%s ssm-map A %s1\n!\n", families[f].name, families[f].source);
		assert_string_equal(bed_config(), left);
		assert_int_equal(bed_type(line), CMD_FAILED);
		assert_string_equal(bed_reply(), "% There is no such ssm-map\n");
		snprintf(line, sizeof(line), "default %s ssm-map A", families[f].name);
		assert_int_equal(bed_type(line), CMD_OK);
		assert_string_equal(bed_config(), "!\n");
	}
}

static void a_log_file_that_cannot_be_written_is_refused(void **state)
{
	(void)state;
	assert_int_equal(bed_type("configure terminal"), CMD_OK);
	assert_int_equal(bed_type("log file /var/log/one"), CMD_OK);
	assert_int_equal(bed_type("log file no/where debugging"), CMD_FAILED);
	assert_string_equal(bed_reply(), "% no/where: No such file or directory\n");
	assert_string_equal(bed_config(), "log file /var/log/one\n!\n");
	assert_int_equal(bed_type("no log file no/where"), CMD_OK);
	assert_string_equal(bed_config(), "!\n");
	/* A start is not to fail by it. */
	bed_set_file(BED_STARTUP, "log file no/where\n");
	assert_int_equal(bed_type("end"), CMD_OK);
	assert_int_equal(bed_type("reload configuration"), CMD_OK);
	assert_string_equal(bed_config(), "log file no/where\n!\n");
}

static void log_lines_come_to_a_terminal_that_asks(void **state)
{
	(void)state;
	log_notice("test", "one");
	assert_string_equal(bed_notes(), "");
	assert_int_equal(bed_type("terminal monitor"), CMD_OK);
	assert_int_equal(bed_type("terminal monitor"), CMD_OK);
	log_notice("test", "two");
	assert_non_null(strstr(bed_notes(), "test: two\n"));
	assert_null(strstr(strstr(bed_notes(), "test: two") + 1, "test: two"));
	assert_int_equal(bed_type("no terminal monitor"), CMD_OK);
	log_notice("test", "three");
	assert_string_equal(bed_notes(), "");
	/* A client that goes away takes its sink with it. */
	assert_int_equal(bed_type("terminal monitor"), CMD_OK);
	bed_connect(true);
	log_notice("test", "four");
	assert_string_equal(bed_notes(), "");
}

/* Two people configure at the same time: an interface that one has removed is there again with the other's next line.
 */
static void an_interface_removed_elsewhere(void **state)
{
	struct conf *conf;

	(void)state;
	assert_int_equal(bed_type("configure terminal"), CMD_OK);
	assert_int_equal(bed_type("interface lan1"), CMD_OK);
	conf = conf_new();
	assert_non_null(conf);
	daemon_replace_conf(&fake, conf);
	assert_int_equal(bed_type("ip igmp proxy downstream"), CMD_OK);
	assert_string_equal(bed_config(), "!\ninterface lan1\n ip igmp proxy downstream\n!\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(modes_and_prompts, setup, teardown),
		cmocka_unit_test_setup_teardown(a_viewer_may_only_look, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_line_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_is_taken_back_with_its_value_or_without, setup, teardown),
		cmocka_unit_test_setup_teardown(a_log_file_that_cannot_be_written_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(log_lines_come_to_a_terminal_that_asks, setup, teardown),
		cmocka_unit_test_setup_teardown(an_interface_removed_elsewhere, setup, teardown),
	};

	return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
