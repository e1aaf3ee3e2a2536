/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show ip mroute, its counters and its summary, show ip multicast. */
#include "show_bed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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
	assert_int_equal(json_flat_count(bed.json), 0);
}

/* What a downstream sends goes up, also when nobody wants it. */
static void test_mroute_of_a_downstream(void **state)
{
	(void)state;
	fake_add_three();
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
	assert_non_null(strstr(bed.got, "IPv6 Multicast Routing Table\n"));
	assert_non_null(strstr(bed.got, " C     MLD   wan              lan1               1 00:00:09 "));
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
	fake_add_three();
	snprintf(conf_if_get(fake.conf, "lan2")->af[FAMILY_IPV4].boundary, CONF_NAME_LEN, "NOT-OUT");
	fake.vifs[WAN] = (struct daemon_vif){ .packets_in = 120, .bytes_in = 5400 };
	fake.vifs[LAN1] = (struct daemon_vif){ .packets_out = 120, .bytes_out = 5400 };
	fake.vifs[LAN2] = (struct daemon_vif){ 7, 8, 70, 80 };
	assert_int_equal(run("show ip multicast"), CMD_OK);
	assert_string_equal(bed.got, "Multicast routing : this process is the kernel's IPv4 multicast router\n"
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(test_mroute),      CASE(test_mroute_of_a_downstream),
		CASE(test_mroute_ipv6), CASE(test_mroute_numbers),
		CASE(test_multicast),
	};

	return cmocka_run_group_tests_name("show_route", tests, NULL, NULL);
}
