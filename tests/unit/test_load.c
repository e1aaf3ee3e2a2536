/* SPDX-License-Identifier: GPL-2.0-or-later */
/* load: what is wrong with a file is told by line, what is right is taken; odd files do no harm. */
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

#include <cmocka.h>

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

/* Loads `text`; `messages` and the resulting configuration are as expected. */
static void check_octets(const char *text, size_t len, const char *messages, const char *result)
{
	struct conf *conf = conf_new();
	unsigned int nerrors, lines = 0;
	char *got;

	assert_non_null(conf);
	nerrors = bed_load("FILE", text, len, conf);
	for (const char *at = messages; *at; at++)
		lines += *at == '\n';
	assert_string_equal(bed_messages(), messages);
	assert_int_equal(nerrors, lines);
	got = cli_config_text(conf);
	assert_string_equal(got, result);
	free(got);
	conf_free(conf);
}

static void check(const char *text, const char *messages, const char *result)
{
	check_octets(text, strlen(text), messages, result);
}

static void an_empty_file_is_the_default(void **state)
{
	(void)state;
	check("", "", "!\n");
	check("\n\n!\n# nothing\n   \n\t! indented\n", "", "!\n");
	check("!", "", "!\n");
}

static void every_kind_of_line_is_taken(void **state)
{
	static const char text[] = "hostname gw1\n"
				   "no log stderr\n"
				   "log syslog warnings\n"
				   "log file /var/log/improxy.log debugging\n"
				   "ip access-list TV seq 5 permit group 239.1.0.0/16 source 10.0.0.0/8\n"
				   "ip access-list TV seq 10 deny source 10.0.0.9/32\n"
				   "ip access-list TV seq 20 permit\n"
				   "ipv6 access-list TV seq 5 permit group ff3e::/16\n"
				   "ip igmp ssm-range TV\n"
				   "ip igmp ssm-map TV 10.0.0.9\n"
				   "ip multicast route-limit 100\n"
				   "ipv6 multicast table 100\n"
				   "!\n"
				   "interface lan1\n"
				   " description first \"network\" | of ! two\n"
				   " ip igmp proxy downstream\n"
				   " ip igmp query-interval 5\n"
				   " ip igmp query-max-response-time 40\n"
				   " no ip igmp verify-source-subnet\n"
				   " ip igmp static-group 239.1.1.1\n"
				   " ip igmp static-group 239.1.1.1 source 10.0.0.9\n"
				   " ipv6 mld proxy downstream\n"
				   "!\n"
				   "interface wan\n"
				   " ip igmp proxy upstream priority 0 access-list TV\n"
				   "!\n";

	(void)state;
	check(text, "", text);
}

/* As people and other systems write them. */
static void layout_does_not_matter(void **state)
{
	static const char result[] = "hostname gw1\n!\ninterface lan1\n ip igmp proxy downstream\n!\n";

	(void)state;
	check("hostname gw1\r\ninterface lan1\r\n ip igmp proxy downstream\r\n!\r\n", "", result);
	check("interface lan1\n\t\tip   igmp\tproxy downstream  \nhostname gw1", "", result);
	check("configure terminal\nint lan1\nip igmp prox down\nexit\nhost gw1\nend\n", "", result);
	check("interface lan1\n ip igmp proxy downstream\nexit\nexit\nexit\nhostname gw1\nend\nend\n", "", result);
	check("hostname \"gw1\"\ninterface \"lan1\"\nip igmp proxy downstream\n", "", result);
}

static void a_bad_line_is_told_and_the_others_count(void **state)
{
	(void)state;
	check("nonsense\n"
	      "interface lan1\n"
	      " ip igmp proxy sideways\n"
	      " ip igmp proxy downstream\n"
	      " ip igmp version 4\n"
	      " ip igmp version\n"
	      " ip igmp static-group 224.0.0.5\n"
	      " i igmp version 2\n"
	      " description \"unbalanced\n"
	      " ipv6 mld robustness-variable \"3\n"
	      " no ipv6 mld require-router-alert\n"
	      "interface a-name-that-is-too-long\n"
	      " ip igmp version 2\n",
	      "FILE:1: Unknown command: 'nonsense'\n"
	      "FILE:3: Unknown command: 'sideways'\n"
	      "FILE:5: Value out of range (1-3): '4'\n"
	      "FILE:6: Incomplete command\n"
	      "FILE:7: Bad GROUP, expected: IPv4 multicast group that is not of link-local scope (224.0.0.0/24): "
	      "'224.0.0.5'\n"
	      "FILE:8: Ambiguous command: \"i\" may be interface, ip, ipv6: 'i'\n"
	      "FILE:10: Unbalanced quote: '\"3'\n"
	      "FILE:11: mld require-router-alert is always on\n"
	      "FILE:12: Bad IFNAME, expected: Name of an interface, at most 15 characters: "
	      "'a-name-that-is-too-long'\n",
	      "!\ninterface lan1\n description \"unbalanced\n ip igmp proxy downstream\n ip igmp version 2\n!\n");
}

/* A file is no place for commands that do something. */
static void only_configuration_is_taken(void **state)
{
	(void)state;
	check("show running-config\n"
	      "do show version\n"
	      "do write\n"
	      "write memory\n"
	      "reload configuration\n"
	      "hostname gw1 | include x\n"
	      "interface lan1\n"
	      " do clear ip igmp groups\n"
	      " show running-config\n"
	      " enable\n",
	      "FILE:1: This is no command of configuration\n"
	      "FILE:2: This is no command of configuration\n"
	      "FILE:3: This is no command of configuration\n"
	      "FILE:4: This is no command of configuration\n"
	      "FILE:5: Unknown command: 'reload'\n"
	      "FILE:6: Unknown command: '|'\n"
	      "FILE:8: This is no command of configuration\n"
	      "FILE:9: This is no command of configuration\n"
	      "FILE:10: Unknown command: 'enable'\n",
	      "!\ninterface lan1\n!\n");
}

/* B-08. Within an interface the order is free; what does not go together in the end is told with the line at fault. */
static void settings_that_go_together(void **state)
{
	(void)state;
	check("interface lan1\n ip igmp query-max-response-time 2000\n ip igmp query-interval 300\n", "",
	      "!\ninterface lan1\n ip igmp query-interval 300\n ip igmp query-max-response-time 2000\n!\n");
	check("interface lan1\n"
	      " ip igmp query-max-response-time 90\n"
	      " ip igmp query-interval 9\n"
	      " ip igmp version 2\n"
	      "interface lan2\n"
	      " ipv6 mld query-interval 5\n"
	      " ipv6 mld query-max-response-time 50\n",
	      "FILE:3: interface lan1: ip igmp query-max-response-time (90 tenths of a second) has to be shorter than "
	      "query-interval (9 s)\n"
	      "FILE:7: interface lan2: ipv6 mld query-max-response-time (50 tenths of a second) has to be shorter than "
	      "query-interval (5 s)\n",
	      "!\ninterface lan1\n ip igmp version 2\n ip igmp query-max-response-time 90\n"
	      "!\ninterface lan2\n ipv6 mld query-interval 5\n!\n");
}

static void long_lines_are_taken_whole_or_not_at_all(void **state)
{
	static char text[8192], result[8300];
	static const char head[] = "interface lan1\n", words[] = "description ";

	(void)state;
	for (size_t len = 1000; len <= 4096; len += 4096 - 1000) {
		sprintf(text, "%s%s", head, words);
		memset(text + strlen(text), 'x', len - strlen(words));
		strcpy(text + strlen(head) + len, "\n");
		sprintf(result, "!\n%s %s!\n", head, text + strlen(head));
		check(text, "", result);
	}
	sprintf(text, "%s%s", head, words);
	memset(text + strlen(text), 'x', 4097 - strlen(words));
	strcpy(text + strlen(head) + 4097, "\nip igmp version 2\n");
	check(text, "FILE:2: Line too long\n", "!\ninterface lan1\n ip igmp version 2\n!\n");
}

static void a_nul_spoils_its_line_only(void **state)
{
	static const char text[] =
		"hostname gw1\nhostname gw2\0\n\0hostname gw3\ninterface lan1\n \0\n ip igmp version 2";

	(void)state;
	check_octets(text, sizeof(text) - 1,
		     "FILE:2: There is a NUL in the line\n"
		     "FILE:3: There is a NUL in the line\n"
		     "FILE:5: There is a NUL in the line\n",
		     "hostname gw1\n!\ninterface lan1\n ip igmp version 2\n!\n");
}

static void names_are_quoted_where_they_have_to_be(void **state)
{
	static const char text[] = "ip access-list \"my list\" seq 1 permit\n"
				   "ip access-list \"with \\\"quotes\\\"\" seq 1 permit\n"
				   "!\n"
				   "interface \"!lan\"\n"
				   " ip igmp proxy upstream access-list \"my list\"\n"
				   " ip multicast boundary \"|\"\n"
				   "!\n";

	(void)state;
	check(text, "", text);
}

static void a_large_file_is_read_in_good_time(void **state)
{
	size_t size = 20000 * 80, n = 0;
	char *text = malloc(size);
	struct conf *conf;
	unsigned int nerrors;

	(void)state;
	assert_non_null(text);
	for (unsigned int i = 1; i <= 5000; i++)
		n += (size_t)snprintf(text + n, size - n, "ip access-list TV seq %u permit group 239.%u.%u.0/24\n", i,
				      i / 256 % 256, i % 256);
	for (unsigned int i = 0; i < 200; i++)
		n += (size_t)snprintf(text + n, size - n,
				      "interface vlan%u\n ip igmp proxy downstream\n ip igmp static-group 239.1.1.1\n",
				      i);
	conf = conf_new();
	assert_non_null(conf);
	nerrors = bed_load("FILE", text, n, conf);
	assert_int_equal(nerrors, 0);
	assert_int_equal(conf_acl_find(conf, FAMILY_IPV4, "TV")->nrules, 5000);
	assert_int_equal(conf->nifs, 200);
	conf_free(conf);
	free(text);
}

static void a_reload_is_all_or_nothing(void **state)
{
	char before[512];

	(void)state;
	bed_set_file(BED_STARTUP, "hostname one\ninterface lan1\n ip igmp proxy downstream\n");
	assert_int_equal(bed_type("reload configuration"), CMD_OK);
	assert_string_equal(bed_prompt(), "one# ");
	snprintf(before, sizeof(before), "%s", bed_config());

	bed_set_file(BED_STARTUP, "hostname two\nnonsense\n");
	assert_int_equal(bed_type("reload configuration"), CMD_FAILED);
	assert_non_null(strstr(bed_reply(), BED_STARTUP ":2: Unknown command: 'nonsense'\n"));
	assert_string_equal(bed_config(), before);
	assert_int_equal(bed_type("show configuration errors"), CMD_OK);
	assert_string_equal(bed_reply(), BED_STARTUP ":2: Unknown command: 'nonsense'\n");

	bed_set_file(BED_STARTUP, "hostname three\n");
	assert_int_equal(bed_type("reload configuration"), CMD_OK);
	assert_string_equal(bed_config(), "hostname three\n!\n");
	assert_int_equal(bed_type("write"), CMD_OK);
	assert_string_equal(bed_file(BED_STARTUP), "hostname three\n!\n");
	assert_int_equal(bed_type("write file there"), CMD_OK);
	assert_string_equal(bed_file("there"), "hostname three\n!\n");
	assert_int_equal(bed_type("write file no/where"), CMD_FAILED);
}

static void a_copy_adds_its_lines_or_none(void **state)
{
	char before[512];

	(void)state;
	bed_set_file(BED_STARTUP, "hostname one\n"
				  "ip access-list TV seq 10 permit\n"
				  "interface lan1\n"
				  " description old\n"
				  " ip igmp proxy downstream\n"
				  " ip igmp query-max-response-time 90\n"
				  "interface lan2\n"
				  " ip igmp proxy downstream\n");
	assert_int_equal(bed_type("reload configuration"), CMD_OK);
	snprintf(before, sizeof(before), "%s", bed_config());
	assert_int_equal(bed_type("copy nothing running-config"), CMD_FAILED);
	assert_string_equal(bed_config(), before);

	bed_set_file("more", "no hostname\n"
			     "no interface lan3\n"
			     "interface lan1\n"
			     " ip igmp version 2\n"
			     " ip igmp query-interval 9\n");
	assert_int_equal(bed_type("copy more running-config"), CMD_FAILED);
	assert_string_equal(bed_messages(),
			    "more:2: Interface lan3 is not configured\n"
			    "more:5: interface lan1: ip igmp query-max-response-time (90 tenths of a second) has to be "
			    "shorter than query-interval (9 s)\n");
	assert_string_equal(bed_config(), before);

	bed_set_file("more", "no hostname\n"
			     "ip access-list TV seq 5 deny source 10.0.0.9/32\n"
			     "interface lan1\n"
			     " no description\n"
			     " ip igmp version 2\n"
			     "no interface lan2\n"
			     "interface lan3\n"
			     " ip igmp proxy upstream\n");
	assert_int_equal(bed_type("copy more running-config"), CMD_OK);
	assert_string_equal(bed_config(), "ip access-list TV seq 5 deny source 10.0.0.9/32\n"
					  "ip access-list TV seq 10 permit\n"
					  "!\n"
					  "interface lan1\n"
					  " ip igmp proxy downstream\n"
					  " ip igmp version 2\n"
					  " ip igmp query-max-response-time 90\n"
					  "!\n"
					  "interface lan3\n"
					  " ip igmp proxy upstream\n"
					  "!\n");

	bed_set_file(BED_STARTUP, "hostname one\n");
	assert_int_equal(bed_type("copy startup-config running-config"), CMD_OK);
	assert_memory_equal(bed_config(), "hostname one\nip access-list", 27);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_file_is_the_default, setup, teardown),
		cmocka_unit_test_setup_teardown(every_kind_of_line_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(layout_does_not_matter, setup, teardown),
		cmocka_unit_test_setup_teardown(a_bad_line_is_told_and_the_others_count, setup, teardown),
		cmocka_unit_test_setup_teardown(only_configuration_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_that_go_together, setup, teardown),
		cmocka_unit_test_setup_teardown(long_lines_are_taken_whole_or_not_at_all, setup, teardown),
		cmocka_unit_test_setup_teardown(names_are_quoted_where_they_have_to_be, setup, teardown),
		cmocka_unit_test_setup_teardown(a_large_file_is_read_in_good_time, setup, teardown),
		cmocka_unit_test_setup_teardown(a_nul_spoils_its_line_only, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reload_is_all_or_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_copy_adds_its_lines_or_none, setup, teardown),
	};

	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
