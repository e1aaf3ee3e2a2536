/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show: groups, sources, proxy, interfaces and statistics of the protocol. */
#include "show_bed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void print_report(void *arg, const char *text)
{
	(void)arg;
	print_error("%s\n", text);
}

static void test_table(void **state)
{
	(void)state;
	assert_int_equal(cmd_table_check(bed.table, print_report, NULL), 0);
}

/* --- groups, sources, proxy --- */

static void test_groups_text(void **state)
{
	(void)state;
	one_group();
	fake_report(FAMILY_IPV4, LAN2, "10.1.2.2", "232.1.1.1", GM_ALLOW, "10.0.0.7,10.0.0.8");
	expect_text("show ip igmp groups", "Total IGMP groups: 2\n"
					   "Interface        Group           Mode Timer    Srcs V Uptime\n"
					   "lan1             239.1.1.1       EXCL 00:04:21    1 3 00:00:09\n"
					   "lan2             232.1.1.1       INCL --:--:--    2 3 00:00:00\n");
	expect_text("show ip igmp groups lan2", "Total IGMP groups: 1\n"
						"Interface        Group           Mode Timer    Srcs V Uptime\n"
						"lan2             232.1.1.1       INCL --:--:--    2 3 00:00:00\n");
	expect_text("show ip igmp groups lan2 239.1.1.1",
		    "Total IGMP groups: 0\n"
		    "Interface        Group           Mode Timer    Srcs V Uptime\n");
	expect_text("show ip igmp groups detail", "Total IGMP groups: 2\n"
						  "Interface        Group           Mode Timer    Srcs V Uptime\n"
						  "lan1             239.1.1.1       EXCL 00:04:21    1 3 00:00:09\n"
						  "  last report from 10.1.1.2, 00:00:09 ago\n"
						  "  host 10.1.1.2, EXCLUDE, expires in 00:04:21\n"
						  "  source 10.0.0.9, blocked, timer 00:00:00\n"
						  "lan2             232.1.1.1       INCL --:--:--    2 3 00:00:00\n"
						  "  last report from 10.1.2.2, 00:00:00 ago\n"
						  "  host 10.1.2.2, INCLUDE, expires in 00:04:30\n"
						  "  source 10.0.0.7, forwarded, timer 00:04:30\n"
						  "  source 10.0.0.8, forwarded, timer 00:04:30\n");
	expect_text("show ipv6 mld groups",
		    "Total MLD groups: 1\n"
		    "Interface        Group                                   Mode Timer    Srcs V Uptime\n"
		    "lan1             ff3e::8000:1                            INCL --:--:--    1 2 00:00:09\n");
}

static void test_groups_json(void **state)
{
	(void)state;
	one_group();
	run_json("show ip igmp groups json");
	expect_key("totalGroups", "1");
	expect_key("lan1/name", "lan1");
	expect_key("lan1/state", "up");
	expect_key("lan1/address", "10.1.1.1");
	expect_key("lan1/index", "4");
	expect_key("lan1/groups", "[]");
	expect_key("lan1/groups/0/group", "239.1.1.1");
	expect_key("lan1/groups/0/mode", "EXCLUDE");
	expect_key("lan1/groups/0/timer", "00:04:21");
	expect_key("lan1/groups/0/timerMsec", "261000");
	expect_key("lan1/groups/0/version", "3");
	expect_key("lan1/groups/0/uptime", "00:00:09");
	expect_key("lan1/groups/0/uptimeMsec", "9000");
	expect_key("lan1/groups/0/lastReporter", "10.1.1.2");
	expect_key("lan1/groups/0/hostCount", "1");
	expect_key("lan1/groups/0/sourcesCount", "1");
	expect_key("lan1/groups/0/sources/0/source", "10.0.0.9");
	expect_key("lan1/groups/0/sources/0/timer", "00:00:00");
	expect_key("lan1/groups/0/sources/0/timerMsec", "0");
	expect_key("lan1/groups/0/sources/0/uptime", "00:00:09");
	expect_key("lan1/groups/0/sources/0/forwarded", "false");
	expect_no_key("lan1/groups/1/group");
	expect_no_key("lan2");
	expect_no_key("lan1/groups/0/hosts");
	run_json("show ipv6 mld groups detail json");
	expect_key("lan1/groups/0/version", "2");
	expect_key("lan1/groups/0/timer", "null");
	expect_key("lan1/groups/0/timerMsec", "null");
	expect_key("lan1/groups/0/sources/0/forwarded", "true");
	expect_key("lan1/groups/0/hosts/0/host", "fe80::a");
}

/* A source is never shown older than its group, and at most a tenth of a second younger than it is. */
static void test_source_uptime(void **state)
{
	(void)state;
	fake_add_three();
	fake_wait(mtime_from_ms(730));
	fake_report(FAMILY_IPV4, LAN1, "10.1.1.2", "239.1.1.1", GM_ALLOW, "10.0.0.9");
	run_json("show ip igmp groups json");
	expect_key("lan1/groups/0/uptimeMsec", "0");
	expect_key("lan1/groups/0/sources/0/uptimeMsec", "0");
	fake_wait(mtime_from_ms(400));
	run_json("show ip igmp groups json");
	expect_key("lan1/groups/0/uptimeMsec", "400");
	expect_key("lan1/groups/0/sources/0/uptimeMsec", "330");
}

static void test_sources(void **state)
{
	(void)state;
	one_group();
	fake_report(FAMILY_IPV4, LAN1, "10.1.1.2", "232.1.1.1", GM_ALLOW, "10.0.0.7,10.0.0.8");
	expect_text("show ip igmp sources", "Interface        Group           Source          Timer    Fwd Uptime\n"
					    "lan1             232.1.1.1       10.0.0.7        00:04:30 yes 00:00:00\n"
					    "lan1             232.1.1.1       10.0.0.8        00:04:30 yes 00:00:00\n"
					    "lan1             239.1.1.1       10.0.0.9        00:00:00 no  00:00:09\n");
	run_json("show ip igmp sources json");
	expect_key("lan1/name", "lan1");
	expect_key("lan1/232.1.1.1/group", "232.1.1.1");
	expect_key("lan1/232.1.1.1/sources/1/source", "10.0.0.8");
	expect_key("lan1/239.1.1.1/sources/0/forwarded", "false");
}

static void test_proxy(void **state)
{
	(void)state;
	one_group();
	fake_report(FAMILY_IPV4, LAN2, "10.1.2.2", "239.1.1.1", GM_IS_EX, "10.0.0.9,10.0.0.10");
	expect_text("show ip igmp proxy",
		    "Interface        Address         Group           Mode Srcs State   Uptime   Downstreams\n"
		    "wan              10.0.0.2        239.1.1.1       EXCL    1 joined  00:00:09 lan1,lan2\n");
	run_json("show ip igmp proxy json");
	expect_key("wan/name", "wan");
	expect_key("wan/groups/0/group", "239.1.1.1");
	expect_key("wan/groups/0/mode", "EXCLUDE");
	expect_key("wan/groups/0/sources/0", "10.0.0.9");
	expect_no_key("wan/groups/0/sources/1");
	expect_key("wan/groups/0/upTime", "00:00:09");
	expect_key("wan/groups/0/primaryAddr", "10.0.0.2");
	expect_key("wan/groups/0/downstreamInterfaces/0", "lan1");
	expect_key("wan/groups/0/downstreamInterfaces/1", "lan2");
	expect_key("wan/groups/0/held", "true");
	expect_key("wan/groups/0/reportedBy", "kernel");
	expect_key("wan/groups/0/error", "null");
	fake.join = (struct daemon_join){ .error = -ENOBUFS, .own = true };
	run_json("show ipv6 mld proxy json");
	expect_key("wan/groups/0/reportedBy", "improxyd");
	expect_key("wan/groups/0/state", "failed");
	expect_key("wan/groups/0/error", strerror(ENOBUFS));
	expect_key("wan/groups/0/sources/0", "2001:db8::1");
}

static void test_proxy_without_upstream(void **state)
{
	(void)state;
	fake_add_link("lan1", 4, "10.1.1.1/24", NULL);
	fake_add_if(FAMILY_IPV4, LAN1, "lan1", GM_ROLE_DOWNSTREAM);
	fake_report(FAMILY_IPV4, LAN1, "10.1.1.2", "239.1.1.1", GM_IS_EX, "");
	assert_int_equal(run("show ip igmp proxy"), CMD_OK);
	assert_non_null(strstr(bed.got, "1 groups have members but no upstream that serves them\n"));
	run_json("show ip igmp proxy json");
	assert_int_equal(json_flat_count(bed.json), 0);
}

/* --- interface, statistics --- */

static void test_interface(void **state)
{
	(void)state;
	one_group();
	fake_query(FAMILY_IPV4, WAN, "10.0.0.1", GM_GEN2);
	fake_wait(mtime_from_s(2));
	expect_text("show ip igmp interface",
		    "Interface        State  Address         V Querier QuerierIp       Query Timer Uptime   Role       "
		    "Groups\n"
		    "lan1             up     10.1.1.1        3 local   10.1.1.1        00:00:20    00:00:11 downstream "
		    "     1\n"
		    "lan2             up     10.1.2.1        3 local   10.1.2.1        00:00:20    00:00:11 downstream "
		    "     0\n"
		    "wan              up     10.0.0.2        3 -       -               -           00:00:11 upstream   "
		    "     1\n");
	run_json("show ip igmp interface json");
	expect_key("wan/name", "wan");
	expect_key("wan/state", "up");
	expect_key("wan/address", "10.0.0.2");
	expect_key("wan/index", "2");
	expect_key("wan/role", "upstream");
	expect_key("wan/proxy", "true");
	expect_key("wan/version", "3");
	expect_key("wan/operVersion", "2");
	expect_key("wan/lastQueryFrom", "10.0.0.1");
	expect_key("wan/lastQueryMsec", "2000");
	expect_key("wan/groupCount", "1");
	expect_key("wan/joinFailures", "0");
	expect_key("wan/queryOverdue", "false");
	expect_key("lan1/role", "downstream");
	expect_key("lan1/proxy", "false");
	expect_key("lan1/version", "3");
	expect_key("lan1/querier", "local");
	expect_key("lan1/querierIp", "10.1.1.1");
	expect_key("lan1/queryInterval", "125");
	expect_key("lan1/queryMaxResponseTime", "100");
	expect_key("lan1/robustness", "2");
	expect_key("lan1/lastMemberQueryInterval", "10");
	expect_key("lan1/lastMemberQueryCount", "2");
	expect_key("lan1/immediateLeave", "false");
	expect_key("lan1/groupCount", "1");
	expect_key("lan1/vif", "1");
	run_json("show ipv6 mld interface lan1 json");
	expect_key("lan1/version", "2");
	expect_key("lan1/address", "fe80::1");
	expect_no_key("wan");
}

static void test_interface_states(void **state)
{
	(void)state;
	one_group();
	fake_add_link("zlan", 0, NULL, NULL)->link.refused[FAMILY_IPV4] = "there is no such interface";
	fake_add_if(FAMILY_IPV4, 9, "zlan", GM_ROLE_DOWNSTREAM);
	run_json("show ip igmp interface json");
	expect_key("zlan/state", "down");
	expect_key("zlan/present", "false");
	expect_key("zlan/index", "0");
	expect_key("zlan/vif", "null");
	expect_key("zlan/querier", "null");
	expect_key("zlan/reason", "there is no such interface");
	assert_int_equal(run("show ip igmp interface zlan"), CMD_OK);
	assert_non_null(strstr(bed.got, "State                      : absent\n"));
	assert_non_null(strstr(bed.got, "Not proxied because        : there is no such interface\n"));
	/* Another querier with a lower address on lan1, and no query on wan for too long. */
	snprintf(fake.links[0].address[FAMILY_IPV4], IPADDR_STRLEN, "10.1.1.5/24");
	fake_add_if(FAMILY_IPV4, LAN1, "lan1", GM_ROLE_DOWNSTREAM);
	fake_query(FAMILY_IPV4, LAN1, "10.1.1.3", GM_GEN3);
	fake_query(FAMILY_IPV4, WAN, "10.0.0.1", GM_GEN3);
	fake_wait(mtime_from_s(121));
	run_json("show ip igmp interface json");
	expect_key("lan1/querier", "other");
	expect_key("lan1/querierIp", "10.1.1.3");
	expect_key("lan1/queryTimer", "null");
	expect_key("lan1/otherQuerierTimer", "00:00:04");
	expect_key("lan1/operQueryInterval", "60");
	expect_key("lan1/forwarding", "false");
	expect_key("wan/queryOverdue", "true");
	expect_key("wan/operVersion", "3");
}

static void test_statistics(void **state)
{
	(void)state;
	one_group();
	gm_count(fake.gm[FAMILY_IPV4], LAN1, GM_C_RX_REPORT_GEN2);
	gm_count(fake.gm[FAMILY_IPV4], LAN2, GM_C_RX_LEAVE);
	gm_count(fake.gm[FAMILY_IPV6], LAN1, GM_C_RX_REPORT_GEN2);
	gm_count(fake.gm[FAMILY_IPV6], LAN1, GM_C_RX_LEAVE);
	gm_count_drop(fake.gm[FAMILY_IPV4], LAN1, GM_DROP_CHECKSUM);
	gm_count_drop(fake.gm[FAMILY_IPV4], GM_NO_IF, GM_DROP_CHECKSUM);
	run_json("show ip igmp statistics json");
	expect_key("global/reportV2", "1");
	expect_key("global/leaveV2", "1");
	expect_key("global/drops/checksum", "2");
	expect_key("global/totalGroups", "1");
	for (unsigned int i = 0; i < GM_DROP_COUNT; i++) {
		char path[64];

		snprintf(path, sizeof(path), "lan1/drops/%s", gm_drop_names[i]);
		expect_key(path, i == GM_DROP_CHECKSUM ? "1" : "0");
	}
	expect_key("lan1/queryV1", "0");
	expect_key("lan1/queryV2", "0");
	expect_key("lan1/queryV3", "0");
	expect_key("lan1/reportV1", "0");
	expect_key("lan1/reportV2", "1");
	expect_key("lan1/leaveV2", "0");
	expect_key("lan1/groupQueriesSent", "0");
	expect_key("lan1/groupSourceQueriesSent", "0");
	expect_no_key("lan1/doneV1");
	assert_non_null(json_flat_get(bed.json, "lan1/generalQueriesSent"));
	run_json("show ipv6 mld statistics interface lan1 json");
	expect_key("lan1/reportV1", "1");
	expect_key("lan1/doneV1", "1");
	expect_key("lan1/queryV2", "0");
	expect_no_key("lan1/queryV3");
	expect_no_key("lan1/leaveV2");
	expect_no_key("global");
	assert_int_equal(run("show ip igmp statistics interface lan1"), CMD_OK);
	assert_non_null(strstr(bed.got, "Interface                : lan1\n"));
	assert_non_null(strstr(bed.got, "V2 report                : 1\n"));
	assert_non_null(strstr(bed.got, "Dropped                  : checksum 1\n"));
	assert_int_equal(run("clear ip igmp statistics"), CMD_OK);
	run_json("show ip igmp statistics json");
	expect_key("global/drops/checksum", "0");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(test_table),
		CASE(test_groups_text),
		CASE(test_groups_json),
		CASE(test_source_uptime),
		CASE(test_sources),
		CASE(test_proxy),
		CASE(test_proxy_without_upstream),
		CASE(test_interface),
		CASE(test_interface_states),
		CASE(test_statistics),
	};

	return cmocka_run_group_tests_name("show", tests, NULL, NULL);
}
