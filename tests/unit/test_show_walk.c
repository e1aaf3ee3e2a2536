/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every show has to bear: nothing there, awkward names, tables that are large and change while they are read. */
#include "show_bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "show_walk.h"

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
		assert_true(bed.got_len > 0);
	}
	run_json("show ip igmp groups json");
	expect_key("totalGroups", "0");
}

/* The kernel does not know a family: no crash, an empty document. */
static void test_no_family(void **state)
{
	(void)state;
	fake_add_three();
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
		assert_int_equal(json_flat_count(bed.json), 0);
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
	assert_null(strchr(bed.got, '\007'));
	assert_non_null(strstr(bed.got, "bell?"));
}

/* --- large tables --- */

#define MANY 10000

static void many_groups(void)
{
	fake_add_three();
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
		assert_true(bed.pauses > 20);
		assert_true(bed.burst_max <= OUT_QUOTA + OUT_BUF_SIZE + ROW_MAX);
	}
	run_json("show ip igmp groups json");
	expect_key("totalGroups", "10000");
	expect_key("lan1/groups/4999/mode", "EXCLUDE");
	expect_no_key("lan1/groups/5000");
	expect_key("lan2/groups/4999/mode", "EXCLUDE");
	assert_int_equal(run("show ip igmp groups | count"), CMD_OK);
	assert_non_null(strstr(bed.got, "10002"));
}

/* The rows of `got`, in order of interfaces and, as numbers, of groups; counts the groups that begin with `prefix`. */
static unsigned int sorted_rows(const char *prefix)
{
	char last_if[16] = "", ifname[16], text[IPADDR_STRLEN], *save;
	struct ipaddr last = { 0 };
	unsigned int rows = 0;

	for (char *line = strtok_r(bed.got, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
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
	assert_true(bed.pauses > 5);
}

/* Groups come between two slices. */
static void more_groups(void)
{
	for (unsigned int i = 0; i < 20; i++) {
		char group[IPADDR_STRLEN];

		snprintf(group, sizeof(group), "238.1.%u.%u", bed.pauses & 255, i);
		fake_report(FAMILY_IPV4, LAN1, "10.1.1.2", group, GM_IS_EX, "");
	}
}

/* What was there all the time is shown once. */
static void test_more_come(void **state)
{
	(void)state;
	many_groups();
	bed.on_pause = more_groups;
	assert_int_equal(run("show ip igmp groups"), CMD_OK);
	assert_true(bed.pauses > 10);
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
	fake_add_three();
	for (unsigned int i = 0; i < n; i++)
		add_element(&head, i);
	buckets = head->hh.tbl->num_buckets;
	walk = show_walk_new(&bed.ctx, gm);
	while (show_walk_collect(&bed.ctx, walk, SHOW_TABLE(head), show_walk_add_records) == CMD_MORE) {
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
	bed.ctx.state_free(bed.ctx.state);
	bed.ctx.state = NULL;
	HASH_ITER (hh, head, group, next) {
		HASH_DEL(head, group);
		free(group);
	}
}

static void forget_all(void)
{
	static const struct ipaddr none;

	if (bed.pauses == 2)
		daemon_clear_groups(&fake, FAMILY_IPV4, NULL, &none);
}

static void take_interface(void)
{
	if (bed.pauses != 2)
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
		bed.on_pause = forget_all;
		run_json(commands[i]);
		fake_end();
		fake_begin();
		many_groups();
		bed.on_pause = take_interface;
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
	fake_add_three();
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
	assert_true(bed.pauses > 10);
	assert_true(bed.burst_max <= OUT_QUOTA + OUT_BUF_SIZE + ROW_MAX);
	bed.on_pause = forget_all;
	run_json("show ip igmp sources json");
}

static void test_completion(void **state)
{
	(void)state;
	some_routes();
	bed.got_len = 0;
	assert_int_equal(cmd_complete(&bed.ctx, "show ip igmp groups l"), CMD_OK);
	out_flush(&bed.out);
	assert_string_equal(bed.got, "lan1\nlan2\n");
	bed.got_len = 0;
	assert_int_equal(cmd_complete(&bed.ctx, "show ip mroute 239.1.1.1 10."), CMD_OK);
	out_flush(&bed.out);
	assert_non_null(strstr(bed.got, "10.0.0.9\n"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(test_empty),  CASE(test_no_family),    CASE(test_unknown_interface), CASE(test_awkward_names),
		CASE(test_many),   CASE(test_many_sorted),  CASE(test_more_come),         CASE(test_growth),
		CASE(test_vanish), CASE(test_many_sources), CASE(test_completion),
	};

	return cmocka_run_group_tests_name("show_walk", tests, NULL, NULL);
}
