/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show of the system, and the commands that change no configuration: clear, debug. */
#include "show_bed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "debug.h"
#include "lib/log.h"
#include "lib/util.h"

/* --- the rest of show --- */

static void test_show_interface(void **state)
{
	(void)state;
	fake_add_three();
	conf_if_get(fake.conf, "wan")->description = strdup("to \"the\" ISP");
	expect_text("show interface",
		    "Interface        State  Index   MTU IPv4              IPv6              Addresses\n"
		    "lan1             up         4  1500 downstream, VIF 1 downstream, VIF 1 10.1.1.1/24,fe80::1/64\n"
		    "lan2             up         5  1500 downstream, VIF 2 downstream, VIF 2 10.1.2.1/24,fe80::2/64\n"
		    "wan              up         2  1500 upstream, VIF 0   upstream, VIF 0   10.0.0.2/24,fe80::9/64\n");
	run_json("show interface wan json");
	expect_key("wan/description", "to \"the\" ISP");
	expect_key("wan/index", "2");
	expect_key("wan/operationalStatus", "up");
	expect_key("wan/ipAddresses/0/address", "10.0.0.2/24");
	expect_key("wan/ipAddresses/1/address", "fe80::9/64");
	expect_key("wan/ip/role", "upstream");
	expect_key("wan/ip/vif", "0");
	expect_key("wan/ipv6/primaryAddr", "fe80::9");
	expect_no_key("lan1");
	expect_fail("show interface nowhere", "There is no interface nowhere");
	run_json("show interface nowhere json");
	assert_int_equal(json_flat_count(bed.json), 0);
}

static void test_access_list(void **state)
{
	struct gm_acl_rule rule = { .seq = 10, .permit = true, .any_source = true };

	(void)state;
	assert_int_equal(ipprefix_parse("239.0.0.0/8", &rule.group), 0);
	assert_int_equal(conf_acl_set_rule(fake.conf, FAMILY_IPV4, "TV", &rule), 0);
	rule = (struct gm_acl_rule){ .seq = 20, .any_group = true, .any_source = true };
	assert_int_equal(conf_acl_set_rule(fake.conf, FAMILY_IPV4, "TV", &rule), 0);
	assert_int_equal(conf_acl_set_rule(fake.conf, FAMILY_IPV6, "TV", &rule), 0);
	expect_text("show access-list", "Family Access list        Seq Action Group              Source\n"
					"ip     TV                  10 permit 239.0.0.0/8        any\n"
					"ip     TV                  20 deny   any                any\n"
					"ipv6   TV                  20 deny   any                any\n");
	run_json("show access-list TV json");
	expect_key("ip/TV/rules/0/sequenceNumber", "10");
	expect_key("ip/TV/rules/0/filterType", "permit");
	expect_key("ip/TV/rules/0/group", "239.0.0.0/8");
	expect_key("ip/TV/rules/0/source", "any");
	expect_key("ipv6/TV/rules/0/filterType", "deny");
	run_json("show access-list NONE json");
	assert_int_equal(json_flat_count(bed.json), 0);
	expect_fail("show access-list NONE", "There is no access list NONE");
}

static void test_system(void **state)
{
	(void)state;
	fake_add_three();
	fake.status[FAMILY_IPV6] = (struct daemon_status){ .usable = true, .wanted = true, .error = -EADDRINUSE };
	fake.netlink.resyncs = 3;
	run_json("show system json");
	expect_key("ip/router", "true");
	expect_key("ip/table", "253");
	expect_key("ip/vifs", "3");
	expect_key("ip/error", "null");
	expect_key("ipv6/status",
		   "another process is the kernel's IPv6 multicast router; it is asked for again and again");
	expect_key("ipv6/error", strerror(EADDRINUSE));
	expect_key("netlink/resyncs", "3");
	fake.sandbox.calls = true;
	run_json("show version json");
	expect_key("improxyd/version", IMPROXY_VERSION);
	expect_key("improxyd/systemCallFilter", "true");
	expect_key("improxyd/writeLimits", "false");
	expect_key("improxyd/upTimeMsec", "1000000");
	run_json("show memory json");
	expect_key("ip/groups", "0");
	assert_int_equal(run("show version"), CMD_OK);
	assert_non_null(strstr(bed.got, IMPROXY_VERSION));
}

static void test_logging(void **state)
{
	(void)state;
	fake.conf->log_file = (struct conf_log){ .on = true, .level = LOG_DEBUGGING };
	snprintf(fake.conf->log_path, sizeof(fake.conf->log_path), "/var/log/improxyd.log");
	for (unsigned int i = 0; i < LOG_RING_LINES; i++)
		log_info("test", "line %u %0300u", i, 0u);
	run_json("show logging json");
	expect_key("targets/stderr/level", "informational");
	expect_key("targets/syslog/enabled", "false");
	expect_key("targets/syslog/level", "null");
	expect_key("targets/file/path", "/var/log/improxyd.log");
	expect_key("targets/file/lost", "2");
	assert_non_null(json_flat_get(bed.json, "lines/499"));
	assert_true(bed.pauses > 1);
	assert_int_equal(run("show logging"), CMD_OK);
	assert_non_null(strstr(bed.got, "line 0 "));
	assert_non_null(strstr(bed.got, "line 499 "));
}

static void test_debug(void **state)
{
	(void)state;
	fake_add_three();
	assert_int_equal(run("debug igmp packets interface lan1"), CMD_OK);
	assert_int_equal(run("debug mld"), CMD_OK);
	assert_int_equal(run("debug netlink"), CMD_OK);
	assert_int_equal(log_debug_mask, 1u << DEBUG_IGMP_PACKETS | 1u << DEBUG_MLD_EVENTS | 1u << DEBUG_MLD_PACKETS |
						 1u << DEBUG_MLD_TIMERS | 1u << DEBUG_NETLINK);
	assert_string_equal(log_debug_ifname(DEBUG_IGMP_PACKETS), "lan1");
	assert_null(log_debug_ifname(DEBUG_MLD_EVENTS));
	expect_text("show debugging", "Debugging status:\n"
				      "  igmp packets debugging is on, interface lan1\n"
				      "  mld events debugging is on\n"
				      "  mld packets debugging is on\n"
				      "  mld timers debugging is on\n"
				      "  netlink debugging is on\n");
	run_json("show debugging json");
	expect_key("igmp packets/interface", "lan1");
	expect_key("igmp events/enabled", "false");
	assert_int_equal(run("no debug mld timers"), CMD_OK);
	assert_int_equal(run("undebug netlink"), CMD_OK);
	assert_int_equal(log_debug_mask, 1u << DEBUG_IGMP_PACKETS | 1u << DEBUG_MLD_EVENTS | 1u << DEBUG_MLD_PACKETS);
	assert_int_equal(run("undebug all"), CMD_OK);
	assert_int_equal(log_debug_mask, 0);
}

static void test_clear(void **state)
{
	(void)state;
	some_routes();
	assert_int_equal(run("clear ip mroute 239.1.1.1 10.0.0.1"), CMD_OK);
	assert_int_equal(fake.routes_cleared, 1);
	assert_true(ipaddr_is_none(&fake.cleared_group) == false);
	expect_fail("clear ip igmp groups eth7", "There is no interface eth7");
	assert_int_equal(run("clear ip igmp groups lan1 239.1.1.1"), CMD_OK);
	run_json("show ip igmp groups json");
	expect_key("totalGroups", "1");
	expect_no_key("lan1");
	assert_int_equal(run("clear ip igmp groups"), CMD_OK);
	run_json("show ip igmp groups json");
	expect_key("totalGroups", "0");
	run_json("show ipv6 mld groups json");
	expect_key("totalGroups", "1");
}

/* A viewer may look, and no more. */
static void test_levels(void **state)
{
	(void)state;
	bed.ctx.level = CLI_LEVEL_VIEW;
	bed.ctx.modes = CLI_VIEW;
	assert_int_equal(run("show ip igmp groups"), CMD_OK);
	assert_int_not_equal(run("clear ip igmp groups"), CMD_OK);
	assert_int_not_equal(run("debug igmp"), CMD_OK);
}

static void test_metrics(void **state)
{
	unsigned int lines = 0;
	char *save;

	(void)state;
	one_group();
	fake_add_link("x\"y\\\001\xc3", 7, "10.9.0.1/24", NULL);
	fake_add_if(FAMILY_IPV4, 3, "x\"y\\\001\xc3", GM_ROLE_DOWNSTREAM);
	fake_add_link("\xc3\xbcn\xc3", 8, "10.10.0.1/24", NULL);
	fake_add_if(FAMILY_IPV4, 4, "\xc3\xbcn\xc3", GM_ROLE_DOWNSTREAM);
	gm_count_drop(fake.gm[FAMILY_IPV4], LAN1, GM_DROP_TTL);
	assert_int_equal(run("show metrics"), CMD_OK);
	assert_non_null(strstr(bed.got, "# TYPE improxy_drops counter\n"));
	assert_non_null(strstr(bed.got, "improxy_drops_total{family=\"ip\",interface=\"lan1\",reason=\"ttl\"} 1\n"));
	assert_non_null(strstr(bed.got, "improxy_interface_up{family=\"ip\",interface=\"wan\",role=\"upstream\"} 1\n"));
	assert_non_null(strstr(bed.got, "improxy_groups{family=\"ipv6\"} 1\n"));
	assert_non_null(strstr(bed.got, "improxy_build_info{version=\"" IMPROXY_VERSION "\"} 1\n"));
	assert_non_null(strstr(bed.got, "interface=\"x\\\"y\\\\\\\\x01\\\\xc3\""));
	assert_non_null(strstr(bed.got, "interface=\"\xc3\xbcn\\\\xc3\""));
	assert_string_equal(bed.got + bed.got_len - 6, "# EOF\n");
	for (char *line = strtok_r(bed.got, "\n", &save); line; line = strtok_r(NULL, "\n", &save), lines++) {
		char name[64], value[64];

		if (line[0] == '#')
			continue;
		/* NAME or NAME{LABELS}, one space, a number. */
		assert_int_equal(sscanf(line, "%63[a-z_]", name), 1);
		assert_int_equal(sscanf(strrchr(line, ' '), " %63[0-9.]", value), 1);
		assert_int_equal(strlen(strrchr(line, ' ')) - 1, strlen(value));
		assert_true(line[strlen(name)] == '{' || line[strlen(name)] == ' ');
		for (const char *c = line; *c; c++)
			assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
	assert_true(lines > 100);
}

static void test_tech_support(void **state)
{
	(void)state;
	some_routes();
	assert_int_equal(run("show tech-support"), CMD_OK);
	assert_non_null(strstr(bed.got, "------ show version ------\n"));
	assert_non_null(strstr(bed.got, "------ show ip mroute ------\nIP Multicast Routing Table\n"));
	assert_non_null(strstr(bed.got, "------ show logging ------\n"));
	assert_non_null(strstr(bed.got, "lan1             239.1.1.1       EXCL"));
	/* Broken off in the middle, nothing is left behind. */
	assert_int_equal(cmd_execute(&bed.ctx, "show tech-support"), CMD_MORE);
	cmd_abort(&bed.ctx);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(test_show_interface), CASE(test_access_list), CASE(test_system),
		CASE(test_logging),        CASE(test_debug),       CASE(test_clear),
		CASE(test_levels),         CASE(test_metrics),     CASE(test_tech_support),
	};

	return cmocka_run_group_tests_name("show_sys", tests, NULL, NULL);
}
