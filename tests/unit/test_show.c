/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operational commands against two real engines and a kernel that is a few variables (fake_daemon). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli.h"
#include "cmd_show.h"
#include "debug.h"
#include "fake_daemon.h"
#include "json_flat.h"
#include "lib/log.h"
#include "show.h"
#include "show_walk.h"

enum { WAN, LAN1, LAN2 };

/* --- running a command --- */

static char *got;
static size_t got_len, got_size, burst, burst_max;
static unsigned int pauses;
static void (*on_pause)(void);
static struct out out;
static struct cli_session session;
static struct cmd_ctx ctx;
static struct cmd_table *table;

static int sink(void *arg, const char *buf, size_t len)
{
	(void)arg;
	if (got_len + len + 1 > got_size) {
		got_size = (got_len + len + 1) * 2;
		got = realloc(got, got_size);
		assert_non_null(got);
	}
	memcpy(got + got_len, buf, len);
	got_len += len;
	got[got_len] = '\0';
	burst += len;
	return 0;
}

/* Runs the line to its end, as a console would; the output is in `got`. */
static enum cmd_code run(const char *line)
{
	enum cmd_code code;

	got_len = pauses = 0;
	burst = burst_max = 0;
	sink(NULL, "", 0);
	code = cmd_execute(&ctx, line);
	while (code == CMD_MORE) {
		burst_max = burst > burst_max ? burst : burst_max;
		burst = 0;
		pauses++;
		if (on_pause)
			on_pause();
		code = cmd_resume(&ctx);
	}
	burst_max = burst > burst_max ? burst : burst_max;
	return code;
}

static void expect_text(const char *line, const char *text)
{
	assert_int_equal(run(line), CMD_OK);
	assert_string_equal(got, text);
}

static void expect_fail(const char *line, const char *text)
{
	assert_int_equal(run(line), CMD_FAILED);
	assert_string_equal(got, "");
	assert_string_equal(ctx.error.text, text);
}

static struct json_flat *json;

static void run_json(const char *line)
{
	char why[256];

	assert_int_equal(run(line), CMD_OK);
	json_flat_free(json);
	json = json_flat_read(got, why, sizeof(why));
	if (!json)
		fail_msg("%s: %s\n%s", line, why, got);
}

static void expect_key(const char *path, const char *value)
{
	const char *found = json_flat_get(json, path);

	if (!found || strcmp(found, value) != 0)
		fail_msg("%s is %s, not %s, in\n%s", path, found ? found : "absent", value, got);
}

static void expect_no_key(const char *path)
{
	if (json_flat_get(json, path))
		fail_msg("%s is there, in\n%s", path, got);
}

/* --- the table of commands --- */

static bool is_v4(const char *text)
{
	struct ipaddr addr;

	return ipaddr_parse(text, &addr) == 0 && ipaddr_is_v4(&addr);
}

static bool is_v6(const char *text)
{
	struct ipaddr addr;

	return ipaddr_parse(text, &addr) == 0 && !ipaddr_is_v4(&addr);
}

static const struct cmd_vartype types[] = {
	{ "IFNAME", "Interface", conf_if_name_valid, show_live_ifs },
	{ "MGROUP4", "Group", is_v4, show_live_groups_v4 },
	{ "MGROUP6", "Group", is_v6, show_live_groups_v6 },
	{ "MSOURCE4", "Source", is_v4, show_live_sources_v4 },
	{ "MSOURCE6", "Source", is_v6, show_live_sources_v6 },
	{ "ACL", "Access list", NULL, show_live_acls },
};

static int setup(void **state)
{
	(void)state;
	fake_begin();
	log_init(NULL);
	table = cmd_table_new(types, ARRAY_SIZE(types));
	if (!table || cmd_show_add_all(table) < 0) {
		print_error("%s\n", table ? cmd_table_error(table) : "");
		return -1;
	}
	out_init(&out, sink, NULL);
	session =
		(struct cli_session){ .table = table, .mode = CLI_ENABLE, .level = CLI_LEVEL_ENABLE, .daemon = &fake };
	memset(&ctx, 0, sizeof(ctx));
	ctx.table = table;
	ctx.modes = CLI_ENABLE;
	ctx.level = CLI_LEVEL_ENABLE;
	ctx.app = &session;
	ctx.out = &out;
	on_pause = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cmd_abort(&ctx);
	cmd_table_free(table);
	out_fini(&out);
	json_flat_free(json);
	json = NULL;
	log_fini();
	fake_end();
	free(got);
	got = NULL;
	got_size = 0;
	return 0;
}

/* wan, lan1, lan2 with both families, taken up now. */
static void three_interfaces(void)
{
	fake_add_link("lan1", 4, "10.1.1.1/24", "fe80::1/64");
	fake_add_link("lan2", 5, "10.1.2.1/24", "fe80::2/64");
	fake_add_link("wan", 2, "10.0.0.2/24", "fe80::9/64");
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		fake_add_if((enum family)f, WAN, "wan", GM_ROLE_UPSTREAM);
		fake_add_if((enum family)f, LAN1, "lan1", GM_ROLE_DOWNSTREAM);
		fake_add_if((enum family)f, LAN2, "lan2", GM_ROLE_DOWNSTREAM);
	}
}

/* EXCLUDE {10.0.0.9} on lan1 nine seconds ago, a refresh 251 s before its end. */
static void one_group(void)
{
	three_interfaces();
	fake_report(FAMILY_IPV4, LAN1, "10.1.1.2", "239.1.1.1", GM_IS_EX, "10.0.0.9");
	fake_report(FAMILY_IPV6, LAN1, "fe80::a", "ff3e::8000:1", GM_ALLOW, "2001:db8::1");
	fake_wait(mtime_from_s(9));
}

static void print_report(void *arg, const char *text)
{
	(void)arg;
	print_error("%s\n", text);
}

static void test_table(void **state)
{
	(void)state;
	assert_int_equal(cmd_table_check(table, print_report, NULL), 0);
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
	expect_key("wan/groups/0/error", "null");
	fake.join = (struct daemon_join){ .error = -ENOBUFS };
	run_json("show ipv6 mld proxy json");
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
	assert_non_null(strstr(got, "1 groups have members but no upstream that serves them\n"));
	run_json("show ip igmp proxy json");
	assert_int_equal(json_flat_count(json), 0);
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
	assert_non_null(strstr(got, "State                      : absent\n"));
	assert_non_null(strstr(got, "Not proxied because        : there is no such interface\n"));
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
	assert_non_null(json_flat_get(json, "lan1/generalQueriesSent"));
	run_json("show ipv6 mld statistics interface lan1 json");
	expect_key("lan1/reportV1", "1");
	expect_key("lan1/doneV1", "1");
	expect_key("lan1/queryV2", "0");
	expect_no_key("lan1/queryV3");
	expect_no_key("lan1/leaveV2");
	expect_no_key("global");
	assert_int_equal(run("show ip igmp statistics interface lan1"), CMD_OK);
	assert_non_null(strstr(got, "Interface                : lan1\n"));
	assert_non_null(strstr(got, "V2 report                : 1\n"));
	assert_non_null(strstr(got, "Dropped                  : checksum 1\n"));
	assert_int_equal(run("clear ip igmp statistics"), CMD_OK);
	run_json("show ip igmp statistics json");
	expect_key("global/drops/checksum", "0");
}

/* --- mroute, multicast --- */

static void some_routes(void)
{
	one_group();
	fake_report(FAMILY_IPV4, LAN2, "10.1.2.2", "239.1.1.1", GM_IS_EX, "");
	fake_upcall(FAMILY_IPV4, WAN, "10.0.0.1", "239.1.1.1");
	fake_upcall(FAMILY_IPV4, WAN, "10.0.0.9", "239.1.1.1");
	fake_upcall(FAMILY_IPV4, WAN, "10.0.0.1", "239.9.9.9");
	fake.route = (struct daemon_route){ .packets = 120, .bytes = 5400, .idle = mtime_from_ms(12) };
	fake_wait(mtime_from_s(7));
}

/* clang-format off */
#define ROUTE_HEAD \
	"IP Multicast Routing Table\n" \
	"Flags: C - Connected (hosts want it), P - Pruned (it goes nowhere), F - First hop (of a downstream)\n" \
	"       I - Inherited (hosts are still being asked), N - Not in the kernel\n" \
	"\n" \
	"Source          Group           Flags Proto Input            Output           TTL Uptime      Packets        Bytes\n"

static void test_mroute(void **state)
{
	(void)state;
	some_routes();
	conf_if_get(fake.conf, "lan2")->af[FAMILY_IPV4].ttl_threshold = 9;
	expect_text("show ip mroute",
		    ROUTE_HEAD
		    "10.0.0.1        239.1.1.1       C     IGMP  wan              lan1               1 00:00:07        120         5400\n"
		    "                                      IGMP                   lan2               9\n"
		    "10.0.0.9        239.1.1.1       C     IGMP  wan              lan2               9 00:00:07        120         5400\n"
		    "10.0.0.1        239.9.9.9       P     none  wan              none               0 00:00:07        120         5400\n");
	expect_text("show ip mroute 239.1.1.1 10.0.0.1 fill",
		    ROUTE_HEAD
		    "10.0.0.1        239.1.1.1       C     IGMP  wan              lan1               1 00:00:07        120         5400\n"
		    "10.0.0.1        239.1.1.1       C     IGMP  wan              lan2               9 00:00:07        120         5400\n");
	run_json("show ip mroute json");
	expect_key("239.1.1.1/10.0.0.1/source", "10.0.0.1");
	expect_key("239.1.1.1/10.0.0.1/group", "239.1.1.1");
	expect_key("239.1.1.1/10.0.0.1/iif", "wan");
	expect_key("239.1.1.1/10.0.0.1/upTime", "00:00:07");
	expect_key("239.1.1.1/10.0.0.1/packets", "120");
	expect_key("239.1.1.1/10.0.0.1/bytes", "5400");
	expect_key("239.1.1.1/10.0.0.1/wrongIf", "0");
	expect_key("239.1.1.1/10.0.0.1/idleMsec", "12");
	expect_key("239.1.1.1/10.0.0.1/oil/lan1/outboundInterface", "lan1");
	expect_key("239.1.1.1/10.0.0.1/oil/lan2/outboundInterface", "lan2");
	expect_key("239.1.1.1/10.0.0.1/oil/lan2/oVifI", "2");
	expect_key("239.1.1.1/10.0.0.1/oil/lan2/inboundInterface", "wan");
	expect_key("239.1.1.1/10.0.0.1/oil/lan2/iVifI", "0");
	expect_key("239.1.1.1/10.0.0.1/oil/lan2/ttl", "9");
	expect_key("239.1.1.1/10.0.0.1/oil/lan2/upTime", "00:00:07");
	expect_key("239.1.1.1/10.0.0.1/oil/lan2/protocolIgmp", "true");
	expect_key("239.1.1.1/10.0.0.1/oilSize", "2");
	expect_key("239.1.1.1/10.0.0.1/flags", "C");
	expect_no_key("239.1.1.1/10.0.0.9/oil/lan1");
	expect_key("239.9.9.9/10.0.0.1/oil", "{}");
	run_json("show ip mroute 239.1.1.1 10.0.0.9 json");
	expect_no_key("239.1.1.1/10.0.0.1");
	expect_key("239.1.1.1/10.0.0.9/installed", "true");
	fake.route_error = -ENOENT;
	run_json("show ip mroute 239.1.1.1 json");
	expect_key("239.1.1.1/10.0.0.9/installed", "false");
	expect_key("239.1.1.1/10.0.0.9/flags", "CN");
	expect_key("239.1.1.1/10.0.0.9/packets", "0");
	expect_key("239.1.1.1/10.0.0.9/idleMsec", "null");
	expect_no_key("239.9.9.9");
	run_json("show ip mroute 239.7.7.7 json");
	assert_int_equal(json_flat_count(json), 0);
}

/* What a downstream sends goes up, also when nobody wants it. */
static void test_mroute_of_a_downstream(void **state)
{
	(void)state;
	three_interfaces();
	fake_report(FAMILY_IPV4, LAN2, "10.1.2.2", "239.1.1.1", GM_IS_EX, "");
	fake_upcall(FAMILY_IPV4, LAN1, "10.1.1.7", "239.1.1.1");
	fake_upcall(FAMILY_IPV4, LAN1, "10.1.1.7", "239.1.1.2");
	expect_text("show ip mroute",
		    ROUTE_HEAD
		    "10.1.1.7        239.1.1.1       CF    IGMP  lan1             lan2               1 00:00:00          0            0\n"
		    "                                      PROXY                  wan                1\n"
		    "10.1.1.7        239.1.1.2       F     PROXY lan1             wan                1 00:00:00          0            0\n");
	run_json("show ip mroute json");
	expect_key("239.1.1.1/10.1.1.7/oil/wan/protocolProxy", "true");
	expect_no_key("239.1.1.1/10.1.1.7/oil/wan/protocolIgmp");
	expect_no_key("239.1.1.1/10.1.1.7/oil/lan2/protocolProxy");
}
/* clang-format on */

/* The kernel has no threshold for IPv6, whatever is configured. */
static void test_mroute_ipv6(void **state)
{
	(void)state;
	one_group();
	conf_if_get(fake.conf, "lan1")->af[FAMILY_IPV6].ttl_threshold = 9;
	assert_int_equal(run("show ipv6 mroute"), CMD_OK);
	assert_non_null(strstr(got, "IPv6 Multicast Routing Table\n"));
	assert_non_null(strstr(got, " C     MLD   wan              lan1               1 00:00:09 "));
	run_json("show ipv6 mroute json");
	expect_key("ff3e::8000:1/2001:db8::1/oil/lan1/protocolMld", "true");
	expect_key("ff3e::8000:1/2001:db8::1/oil/lan1/ttl", "1");
}

static void test_mroute_numbers(void **state)
{
	(void)state;
	some_routes();
	expect_text("show ip mroute count",
		    "Source          Group           LastUsed    Packets        Bytes  WrongIf\n"
		    "10.0.0.1        239.1.1.1       00:00:00        120         5400        0\n"
		    "10.0.0.9        239.1.1.1       00:00:00        120         5400        0\n"
		    "10.0.0.1        239.9.9.9       00:00:00        120         5400        0\n");
	expect_text("show ip mroute summary", "Mroute Type    Installed    Total\n"
					      "(*, G)                 0        0\n"
					      "(S, G)                 3        3\n"
					      "------\n"
					      "Total                  3        3\n");
	run_json("show ip mroute summary json");
	expect_key("sourceGroup/total", "3");
	expect_key("totalNumOfMroutes", "3");
	run_json("show ip mroute count json");
	expect_key("239.1.1.1/10.0.0.9/lastUsedMsec", "12");
}

/* clang-format off */
static void test_multicast(void **state)
{
	(void)state;
	three_interfaces();
	snprintf(conf_if_get(fake.conf, "lan2")->af[FAMILY_IPV4].boundary, CONF_NAME_LEN, "NOT-OUT");
	fake.vifs[WAN] = (struct daemon_vif){ .packets_in = 120, .bytes_in = 5400 };
	fake.vifs[LAN1] = (struct daemon_vif){ .packets_out = 120, .bytes_out = 5400 };
	fake.vifs[LAN2] = (struct daemon_vif){ 7, 8, 70, 80 };
	assert_int_equal(run("show ip multicast"), CMD_OK);
	assert_string_equal(got, "Multicast routing : this process is the kernel's IPv4 multicast router\n"
				 "Kernel table      : 253\n"
				 "Entries           : per source\n"
				 "Interfaces in use : 3 of 32\n"
				 "Forwarding entries: 0 of 16384\n"
				 "\n"
				 "Interface        Address           ifi Vif     PktsIn    PktsOut      BytesIn     BytesOut Role       State TTL Boundary\n"
				 "lan1             10.1.1.1            4   1          0        120            0         5400 downstream up      1 -\n"
				 "lan2             10.1.2.1            5   2          7          8           70           80 downstream up      1 NOT-OUT\n"
				 "wan              10.0.0.2            2   0        120          0         5400            0 upstream   up      1 -\n");
	run_json("show ip multicast interface lan2 json");
	expect_key("interfaces/lan2/pktsIn", "7");
	expect_key("interfaces/lan2/pktsOut", "8");
	expect_key("interfaces/lan2/bytesIn", "70");
	expect_key("interfaces/lan2/bytesOut", "80");
	expect_key("interfaces/lan2/boundary", "NOT-OUT");
	expect_key("interfaces/lan2/vif", "2");
	expect_no_key("interfaces/lan1");
	fake.status[FAMILY_IPV4].router = false;
	fake.status[FAMILY_IPV4].error = -EADDRINUSE;
	run_json("show ip multicast json");
	expect_key("kernel/router", "false");
	expect_key("kernel/status",
		   "another process is the kernel's IPv4 multicast router; it is asked for again and again");
}
/* clang-format on */

/* --- the rest of show --- */

static void test_show_interface(void **state)
{
	(void)state;
	three_interfaces();
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
	assert_int_equal(json_flat_count(json), 0);
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
	assert_int_equal(json_flat_count(json), 0);
	expect_fail("show access-list NONE", "There is no access list NONE");
}

static void test_system(void **state)
{
	(void)state;
	three_interfaces();
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
	assert_non_null(strstr(got, IMPROXY_VERSION));
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
	assert_non_null(json_flat_get(json, "lines/499"));
	assert_true(pauses > 1);
	assert_int_equal(run("show logging"), CMD_OK);
	assert_non_null(strstr(got, "line 0 "));
	assert_non_null(strstr(got, "line 499 "));
}

static void test_debug(void **state)
{
	(void)state;
	three_interfaces();
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
	ctx.level = CLI_LEVEL_VIEW;
	ctx.modes = CLI_VIEW;
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
	gm_count_drop(fake.gm[FAMILY_IPV4], LAN1, GM_DROP_TTL);
	assert_int_equal(run("show metrics"), CMD_OK);
	assert_non_null(strstr(got, "# TYPE improxy_drops counter\n"));
	assert_non_null(strstr(got, "improxy_drops_total{family=\"ip\",interface=\"lan1\",reason=\"ttl\"} 1\n"));
	assert_non_null(strstr(got, "improxy_interface_up{family=\"ip\",interface=\"wan\",role=\"upstream\"} 1\n"));
	assert_non_null(strstr(got, "improxy_groups{family=\"ipv6\"} 1\n"));
	assert_non_null(strstr(got, "improxy_build_info{version=\"" IMPROXY_VERSION "\"} 1\n"));
	assert_non_null(strstr(got, "interface=\"x\\\"y\\\\\\\\x01\\\\xc3\""));
	assert_string_equal(got + got_len - 6, "# EOF\n");
	for (char *line = strtok_r(got, "\n", &save); line; line = strtok_r(NULL, "\n", &save), lines++) {
		char name[64], value[64];

		if (line[0] == '#')
			continue;
		/* NAME or NAME{LABELS}, one space, a number. */
		assert_int_equal(sscanf(line, "%63[a-z_]", name), 1);
		assert_int_equal(sscanf(strrchr(line, ' '), " %63[0-9.]", value), 1);
		assert_int_equal(strlen(strrchr(line, ' ')) - 1, strlen(value));
		assert_true(line[strlen(name)] == '{' || line[strlen(name)] == ' ');
		for (const char *c = line; *c; c++)
			assert_true(*c >= 0x20 && (unsigned char)*c < 0x7f);
	}
	assert_true(lines > 100);
}

static void test_tech_support(void **state)
{
	(void)state;
	some_routes();
	assert_int_equal(run("show tech-support"), CMD_OK);
	assert_non_null(strstr(got, "------ show version ------\n"));
	assert_non_null(strstr(got, "------ show ip mroute ------\nIP Multicast Routing Table\n"));
	assert_non_null(strstr(got, "------ show logging ------\n"));
	assert_non_null(strstr(got, "lan1             239.1.1.1       EXCL"));
	/* Broken off in the middle, nothing is left behind. */
	assert_int_equal(cmd_execute(&ctx, "show tech-support"), CMD_MORE);
	cmd_abort(&ctx);
}

/* --- the edges --- */

static const char *const json_commands[] = {
	"show ip igmp groups json",
	"show ip igmp groups detail json",
	"show ip igmp sources json",
	"show ip igmp interface json",
	"show ip igmp statistics json",
	"show ip igmp proxy json",
	"show ip mroute json",
	"show ip mroute count json",
	"show ip mroute summary json",
	"show ip multicast json",
	"show ipv6 mld groups json",
	"show ipv6 mld groups detail json",
	"show ipv6 mld sources json",
	"show ipv6 mld interface json",
	"show ipv6 mld statistics json",
	"show ipv6 mld proxy json",
	"show ipv6 mroute json",
	"show ipv6 mroute count json",
	"show ipv6 mroute summary json",
	"show ipv6 multicast json",
	"show interface json",
	"show access-list json",
	"show version json",
	"show system json",
	"show memory json",
	"show logging json",
	"show debugging json",
	"show metrics json",
	"show tech-support json",
};

static void test_empty(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(json_commands); i++) {
		char text[128];

		run_json(json_commands[i]);
		snprintf(text, sizeof(text), "%.*s", (int)(strlen(json_commands[i]) - strlen(" json")),
			 json_commands[i]);
		assert_int_equal(run(text), CMD_OK);
		assert_true(got_len > 0);
	}
	run_json("show ip igmp groups json");
	expect_key("totalGroups", "0");
}

/* The kernel does not know a family: no crash, an empty document. */
static void test_no_family(void **state)
{
	(void)state;
	three_interfaces();
	gm_free(fake.gm[FAMILY_IPV6]);
	fake.gm[FAMILY_IPV6] = NULL;
	fake.status[FAMILY_IPV6] = (struct daemon_status){ .usable = false };
	for (size_t i = 0; i < ARRAY_SIZE(json_commands); i++)
		run_json(json_commands[i]);
	expect_fail("show ipv6 mld groups", "MLD is not available: the kernel does not know the address family");
	expect_fail("clear ipv6 mld groups", "MLD is not available: the kernel does not know the address family");
	assert_int_equal(run("show metrics"), CMD_OK);
	assert_int_equal(run("show tech-support"), CMD_OK);
}

static void test_unknown_interface(void **state)
{
	static const char *const commands[] = {
		"show ip igmp groups %s%s",         "show ip igmp groups %s 239.1.1.1%s",
		"show ip igmp interface %s%s",      "show ip igmp statistics interface %s%s",
		"show ip multicast interface %s%s",
	};

	(void)state;
	one_group();
	fake_add_link("zzz", 30, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		char line[128];

		snprintf(line, sizeof(line), commands[i], "eth7", "");
		expect_fail(line, "There is no interface eth7");
		snprintf(line, sizeof(line), commands[i], "zzz", "");
		expect_fail(line, "Interface zzz has no IGMP proxy role");
		snprintf(line, sizeof(line), commands[i], "eth7", " json");
		run_json(line);
		assert_int_equal(json_flat_count(json), 0);
	}
}

static void test_awkward_names(void **state)
{
	static const char *const names[] = { "a\"b", "back\\slash", "bell\007", "l\xc3\xa4n", "\xff\xfe" };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		char address[32], host[32];

		snprintf(address, sizeof(address), "10.%u.0.1/24", i);
		snprintf(host, sizeof(host), "10.%u.0.2", i);
		fake_add_link(names[i], (int)i + 1, address, NULL);
		fake_add_if(FAMILY_IPV4, (uint8_t)i, names[i], i ? GM_ROLE_DOWNSTREAM : GM_ROLE_UPSTREAM);
		if (i)
			fake_report(FAMILY_IPV4, (uint8_t)i, host, "239.1.1.1", GM_IS_EX, "");
	}
	fake_upcall(FAMILY_IPV4, 0, "10.77.0.1", "239.1.1.1");
	for (size_t i = 0; i < ARRAY_SIZE(json_commands); i++)
		run_json(json_commands[i]);
	run_json("show ip igmp groups json");
	expect_key("back\\slash/groups/0/group", "239.1.1.1");
	expect_key("bell\007/name", "bell\007");
	expect_key("l\xc3\xa4n/name", "l\xc3\xa4n");
	/* In text nothing drives the terminal. */
	assert_int_equal(run("show ip igmp groups"), CMD_OK);
	assert_null(strchr(got, '\007'));
	assert_non_null(strstr(got, "bell?"));
}

/* --- large tables --- */

#define MANY 10000

static void many_groups(void)
{
	three_interfaces();
	fake.unchecked = true;
	for (unsigned int i = 0; i < MANY; i++) {
		char group[IPADDR_STRLEN];

		snprintf(group, sizeof(group), "239.%u.%u.%u", i % 7, i / 256, i % 256);
		fake_report(FAMILY_IPV4, i & 1 ? LAN1 : LAN2, i & 1 ? "10.1.1.2" : "10.1.2.2", group, GM_IS_EX, "");
		fake_upcall(FAMILY_IPV4, WAN, "10.0.0.1", group);
	}
}

/* One row of any of these commands is shorter. */
#define ROW_MAX 2048

static void test_many(void **state)
{
	static const char *const commands[] = { "show ip igmp groups json", "show ip igmp proxy json",
						"show ip mroute json" };

	(void)state;
	many_groups();
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		run_json(commands[i]);
		assert_true(pauses > 20);
		assert_true(burst_max <= OUT_QUOTA + OUT_BUF_SIZE + ROW_MAX);
	}
	run_json("show ip igmp groups json");
	expect_key("totalGroups", "10000");
	expect_key("lan1/groups/4999/mode", "EXCLUDE");
	expect_no_key("lan1/groups/5000");
	expect_key("lan2/groups/4999/mode", "EXCLUDE");
	assert_int_equal(run("show ip igmp groups | count"), CMD_OK);
	assert_non_null(strstr(got, "10002"));
}

/* The rows of `got`, in order of interfaces and, as numbers, of groups; counts the groups that begin with `prefix`. */
static unsigned int sorted_rows(const char *prefix)
{
	char last_if[16] = "", ifname[16], text[IPADDR_STRLEN], *save;
	struct ipaddr last = { 0 };
	unsigned int rows = 0;

	for (char *line = strtok_r(got, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct ipaddr group;

		if (sscanf(line, "%15s %47s", ifname, text) != 2 || ipaddr_parse(text, &group) < 0)
			continue;
		assert_true(strcmp(last_if, ifname) <= 0);
		if (strcmp(last_if, ifname) == 0)
			assert_true(ipaddr_cmp(&last, &group) < 0);
		snprintf(last_if, sizeof(last_if), "%s", ifname);
		last = group;
		rows += strncmp(text, prefix, strlen(prefix)) == 0;
	}
	return rows;
}

static void test_many_sorted(void **state)
{
	(void)state;
	many_groups();
	assert_int_equal(run("show ip igmp groups"), CMD_OK);
	assert_int_equal(sorted_rows(""), MANY);
	/* A slice ends also when there is nothing to print. */
	assert_int_equal(run("show ip igmp sources"), CMD_OK);
	assert_true(pauses > 5);
}

/* Groups come between two slices. */
static void more_groups(void)
{
	for (unsigned int i = 0; i < 20; i++) {
		char group[IPADDR_STRLEN];

		snprintf(group, sizeof(group), "238.1.%u.%u", pauses & 255, i);
		fake_report(FAMILY_IPV4, LAN1, "10.1.1.2", group, GM_IS_EX, "");
	}
}

/* What was there all the time is shown once. */
static void test_more_come(void **state)
{
	(void)state;
	many_groups();
	on_pause = more_groups;
	assert_int_equal(run("show ip igmp groups"), CMD_OK);
	assert_true(pauses > 10);
	assert_int_equal(sorted_rows("239."), MANY);
	run_json("show ip igmp groups json");
	expect_key("lan2/groups/4999/mode", "EXCLUDE");
	expect_no_key("lan2/groups/5000");
}

static struct gm_group *add_element(struct gm_group **head, unsigned int number)
{
	struct gm_group *group = calloc(1, sizeof(*group));

	assert_non_null(group);
	group->addr = fake_addr("239.0.0.0");
	for (unsigned int i = 0; i < 3; i++)
		group->addr.b[15 - i] = (uint8_t)(number >> 8 * i);
	group->members = UINT32_C(1) << LAN1;
	HASH_ADD(hh, *head, addr, sizeof(group->addr), group);
	return group;
}

/* The table gets twice the buckets, more than once, while it is collected; nothing of before is lost or doubled. */
static void test_growth(void **state)
{
	struct gm_group *head = NULL, *group, *next;
	unsigned int n = 30000, more = n, old = 0, buckets;
	const struct gm *gm = fake.gm[FAMILY_IPV4];
	const struct show_key *key;
	struct show_walk *walk;
	struct ipaddr last = { 0 };

	(void)state;
	three_interfaces();
	for (unsigned int i = 0; i < n; i++)
		add_element(&head, i);
	buckets = head->hh.tbl->num_buckets;
	walk = show_walk_new(&ctx, gm);
	while (show_walk_collect(&ctx, walk, SHOW_TABLE(head), show_walk_add_records) == CMD_MORE) {
		for (unsigned int i = 0; i < 2 * n && more < 8 * n; i++)
			add_element(&head, more++);
	}
	assert_true(head->hh.tbl->num_buckets >= 4 * buckets);
	for (; (key = show_walk_key(walk, gm)); show_walk_next(walk)) {
		assert_true(ipaddr_cmp(&last, &key->group) < 0);
		last = key->group;
		old += key->group.b[13] * 65536u + key->group.b[14] * 256u + key->group.b[15] < n;
	}
	assert_int_equal(old, n);
	ctx.state_free(ctx.state);
	ctx.state = NULL;
	HASH_ITER (hh, head, group, next) {
		HASH_DEL(head, group);
		free(group);
	}
}

static void forget_all(void)
{
	static const struct ipaddr none;

	if (pauses == 2)
		daemon_clear_groups(&fake, FAMILY_IPV4, NULL, &none);
}

static void take_interface(void)
{
	if (pauses != 2)
		return;
	fake_input(FAMILY_IPV4,
		   &(struct gm_event){ .type = GM_EV_IF, .slot = LAN1, .iface = &(struct gm_if_conf){ 0 } });
	/* Another interface in the same slot. */
	fake_add_link("new", 9, "10.1.9.1/24", NULL);
	fake_add_if(FAMILY_IPV4, LAN1, "new", GM_ROLE_DOWNSTREAM);
	fake_report(FAMILY_IPV4, LAN1, "10.1.9.2", "239.1.0.1", GM_IS_EX, "");
}

static void test_vanish(void **state)
{
	static const char *const commands[] = { "show ip igmp groups json", "show ip igmp sources json",
						"show ip igmp proxy json", "show ip mroute json" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		fake_end();
		fake_begin();
		many_groups();
		on_pause = forget_all;
		run_json(commands[i]);
		fake_end();
		fake_begin();
		many_groups();
		on_pause = take_interface;
		run_json(commands[i]);
		expect_no_key("new");
	}
}

/* One record with more sources than a client takes at once. */
static void test_many_sources(void **state)
{
	struct gm_event ev = { .type = GM_EV_RECORD, .slot = LAN1 };
	struct ipaddr *list = calloc(MANY, sizeof(*list));

	(void)state;
	three_interfaces();
	assert_non_null(list);
	for (unsigned int i = 0; i < MANY; i++) {
		char text[IPADDR_STRLEN];

		snprintf(text, sizeof(text), "11.0.%u.%u", i / 250, 1 + i % 250);
		list[i] = fake_addr(text);
	}
	ev.record.reporter = fake_addr("10.1.1.2");
	ev.record.group = fake_addr("232.1.1.1");
	ev.record.type = GM_ALLOW;
	ev.record.gen = GM_GEN3;
	ev.record.sources = list;
	ev.record.nsources = MANY;
	fake_input(FAMILY_IPV4, &ev);
	free(list);
	run_json("show ip igmp sources json");
	expect_key("lan1/232.1.1.1/sources/9999/source", "11.0.39.250");
	expect_no_key("lan1/232.1.1.1/sources/10000");
	assert_true(pauses > 10);
	assert_true(burst_max <= OUT_QUOTA + OUT_BUF_SIZE + ROW_MAX);
	on_pause = forget_all;
	run_json("show ip igmp sources json");
}

static void test_completion(void **state)
{
	(void)state;
	some_routes();
	got_len = 0;
	assert_int_equal(cmd_complete(&ctx, "show ip igmp groups l"), CMD_OK);
	out_flush(&out);
	assert_string_equal(got, "lan1\nlan2\n");
	got_len = 0;
	assert_int_equal(cmd_complete(&ctx, "show ip mroute 239.1.1.1 10."), CMD_OK);
	out_flush(&out);
	assert_non_null(strstr(got, "10.0.0.9\n"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(test_table),
		CASE(test_groups_text),
		CASE(test_groups_json),
		CASE(test_sources),
		CASE(test_proxy),
		CASE(test_proxy_without_upstream),
		CASE(test_interface),
		CASE(test_interface_states),
		CASE(test_statistics),
		CASE(test_mroute),
		CASE(test_mroute_of_a_downstream),
		CASE(test_mroute_ipv6),
		CASE(test_mroute_numbers),
		CASE(test_multicast),
		CASE(test_show_interface),
		CASE(test_access_list),
		CASE(test_system),
		CASE(test_logging),
		CASE(test_debug),
		CASE(test_clear),
		CASE(test_levels),
		CASE(test_metrics),
		CASE(test_tech_support),
		CASE(test_empty),
		CASE(test_no_family),
		CASE(test_unknown_interface),
		CASE(test_awkward_names),
		CASE(test_many),
		CASE(test_many_sorted),
		CASE(test_more_come),
		CASE(test_growth),
		CASE(test_vanish),
		CASE(test_many_sources),
		CASE(test_completion),
	};

	return cmocka_run_group_tests_name("show", tests, NULL, NULL);
}
