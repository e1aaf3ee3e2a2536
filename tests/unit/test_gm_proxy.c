/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The proxy as a whole: merged membership and its upstream (RFC 4605 s4.1), forwarding entries (s4.2), several
 * upstreams. Rows E-01 to E-47 that the core decides.
 */
#include "gm_dsl.h"

#include <stdio.h>

/* --- merging ------------------------------------------------------------------------------------------------------ */

static void e_02_no_router_side_upstream(void)
{
	noop_begin();
	report(U, UR, G, "TO_EX{}");
	v2_report(U, UR, G);
	leave(U, UR, G);
	query_heard(U, UR, "GQ", .qrv = 2, .qqi = 125);
	query_heard(U, UR, "Q(G1)");
	expect_noop();
	expect_drops(U, ROLE, 3);
	expect_count(U, RX_QUERY_GEN3, 2);
	assert_true(bed.gm->ifs[U].last_query == bed.now);
	assert_true(bed.gm->ifs[U].last_query_interval == 0);
}

static void e_04_join_is_proxied(void)
{
	v2_report(D1, H1, G);
	expect_upstream(U, "TO_EX{}");
}

static void e_05_exclude_and_include(void)
{
	v2_report(D1, H1, G);
	expect_upstream(U, "TO_EX{}");
	report(D2, H3, G, "ALLOW{1,2}");
	expect_no_upstream(U);
}

static void e_06_includes(void)
{
	report(D1, H1, G, "ALLOW{1}");
	expect_upstream(U, "ALLOW{1}");
	report(D2, H3, G, "ALLOW{2}");
	expect_upstream(U, "ALLOW{2}");
	expect_filter(U, G, "IN{1,2}");
}

/* a to f are 1 to 6. */
static void e_07_example_of_the_rfc(void)
{
	if_add(D3);
	if_add(D4);
	report(D1, H1, G, "IS_EX{1,2,3,4}");
	expect_filter(U, G, "EX{1,2,3,4}");
	report(D2, H3, G, "IS_EX{2,3,4,5}");
	expect_filter(U, G, "EX{2,3,4}");
	report(D3, "10.3.0.11", G, "ALLOW{4,5,6}");
	expect_filter(U, G, "EX{2,3}");
	/* E-08 */
	report(D4, "10.4.0.11", G, "TO_EX{}");
	expect_filter(U, G, "EX{}");
	expect_upstream(U, "TO_EX{1,2,3,4} ALLOW{1} ALLOW{4} ALLOW{2,3}");
}

static void e_07_example_of_the_rfc_v6(void)
{
	if_add(D3);
	report(D1, H1, G, "IS_EX{1,2,3,4}");
	report(D2, H3, G, "IS_EX{2,3,4,5}");
	report(D3, H1, G, "ALLOW{4,5,6}");
	expect_filter(U, G, "EX{2,3}");
}

static void e_10_sources_with_a_timer_are_no_excluded_ones(void)
{
	report(D1, H1, G, "IS_EX{2}");
	report(D1, H2, G, "ALLOW{1}");
	expect_upstream(U, "TO_EX{2}");
	expect_filter(U, G, "EX{2}");
}

static void e_11_unchanged_merge_is_silent(void)
{
	report(D1, H1, G, "TO_EX{}");
	report(D2, H3, G, "TO_EX{}");
	expect_upstream(U, "TO_EX{}");
	report(D2, H3, G, "TO_IN{}");
	wait_s(3);
	expect_gone(D2, G);
	expect_no_upstream(U);
}

static void e_12_leave_after_the_last_member_time(void)
{
	report(D1, H1, G, "TO_EX{}");
	report(D1, H1, G, "TO_IN{}");
	expect_upstream(U, "TO_EX{}");
	wait_s(1.999);
	expect_no_upstream(U);
	wait_s(0.001);
	expect_upstream(U, "TO_IN{}");
}

static void e_13_exclude_ends_beside_include(void)
{
	report(D1, H1, G, "TO_EX{}");
	wait_s(20);
	report(D2, H3, G, "ALLOW{1}");
	expect_data(U, "1", G, "D1 D2");
	expect_routes("SET(1,G1)U>D1,D2");
	wait_s(GMI - 20);
	expect_upstream(U, "TO_EX{} TO_IN{1}");
	expect_routes("SET(1,G1)U>D2");
}

static void e_13_burst_is_one_change(void)
{
	burst_begin();
	report(D1, H1, G, "ALLOW{1}");
	report(D1, H1, G, "ALLOW{2}");
	report(D1, H2, G, "TO_EX{5}");
	report(D2, H3, G, "ALLOW{6}");
	burst_end();
	expect_upstream(U, "TO_EX{5}");
	/* Nothing of what has come and gone in between. */
	burst_begin();
	report(D1, H1, G2, "ALLOW{1}");
	clear(D1, G2);
	burst_end();
	expect_no_upstream(U);
	expect_gone(D1, G2);
}

static void e_14_resync_hands_out_all(void)
{
	report(D1, H1, G, "TO_EX{3}");
	report(D1, H1, G2, "ALLOW{1}");
	expect_upstream(U, "TO_EX{3} G2:ALLOW{1}");
	resync(U);
	expect_upstream(U, "TO_EX{3} G2:ALLOW{1}");
	resync(U2);
	expect_no_upstream(U);
}

static void e_29_no_exclude_for_ssm(void)
{
	report(D1, H1, GS, "ALLOW{1}");
	report(D2, H3, GS, "TO_EX{}");
	expect_upstream(U, "GS1:ALLOW{1}");
	expect_fwd(D1, GS, "1");
	expect_fwd(D2, GS, "");
}

/* "WORD{first,...,last}" */
static const char *long_list(const char *word, int first, int last)
{
	static char text[4096];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s{", word);

	for (int i = first; i <= last; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%d%s", i, i < last ? "," : "}");
	assert_true(n < sizeof(text));
	return text;
}

static void e_38_many_sources(void)
{
	report(D1, H1, G, "ALLOW{1-300}");
	expect_upstream(U, long_list("ALLOW", 1, 300));
	report(D1, H1, G, "BLOCK{2-300}");
	wait_s(2);
	expect_upstream(U, long_list("BLOCK", 2, 300));
	expect_filter(U, G, "IN{1}");
	report(D2, H3, G, "IS_EX{2-200}");
	expect_upstream(U, long_list("TO_EX", 2, 200));
}

static void e_39_many_groups(void)
{
	for (int i = 1; i <= 100; i++) {
		char group[16];

		snprintf(group, sizeof(group), "G%d", i);
		v2_report(D1, H1, group);
		expect_filter(U, group, "EX{}");
	}
	assert_int_equal(HASH_COUNT(bed.gm->groups), 100);
	wait_s(GMI);
	assert_int_equal(HASH_COUNT(bed.gm->groups), 0);
}

/* --- forwarding --------------------------------------------------------------------------------------------------- */

static void e_16_down_to_members_only(void)
{
	v2_report(D1, H1, G);
	expect_data(U, "1", G, "D1");
	expect_routes("SET(1,G1)U>D1");
}

static void e_17_up_without_members(void)
{
	expect_data(D1, "A1", G, "U");
	expect_routes("SET(A1,G1)D1>U");
}

static void e_18_downstream_sender(void)
{
	v2_report(D1, H1, G);
	v2_report(D2, H3, G);
	expect_data(D1, "A1", G, "U D2");
	expect_data(D2, "A2", G, "U D1");
}

static void yield(void)
{
	query_heard(D1, QL, "GQ", .qrv = 2, .qqi = 125);
}

static void e_19_non_querier_does_not_forward(void)
{
	v2_report(D1, H1, G);
	v2_report(D2, H3, G);
	expect_data(U, "1", G, "D1 D2");
	expect_routes("SET(1,G1)U>D1,D2");
	yield();
	expect_routes("SET(1,G1)U>D2");
	/* E-22: what its hosts send still goes up. */
	expect_data(D1, "A1", G, "U D2");
}

static void e_20_resumes_as_querier(void)
{
	yield();
	wait_s(200);
	v2_report(D1, H1, G);
	/* E-23 */
	expect_upstream(U, "TO_EX{}");
	expect_data(U, "1", G, "");
	expect_routes("SET(1,G1)U>");
	wait_s(OQPI - 200);
	expect_routes("SET(1,G1)U>D1");
}

static void e_21_forward_as_non_querier(void)
{
	bed.ifs[D1].forward_as_non_querier = true;
	apply_if(D1);
	v2_report(D1, H1, G);
	yield();
	expect_data(U, "1", G, "D1");
	expect_routes("SET(1,G1)U>D1");
	bed.ifs[D1].forward_as_non_querier = false;
	apply_if(D1);
	expect_routes("SET(1,G1)U>");
}

static void e_24_late_join_patches_in_place(void)
{
	expect_data(U, "1", G, "");
	expect_routes("SET(1,G1)U>");
	wait_s(5);
	v2_report(D1, H1, G);
	expect_routes("SET(1,G1)U>D1");
	v2_report(D2, H3, G);
	expect_routes("SET(1,G1)U>D1,D2");
	leave(D1, H1, G);
	wait_s(2);
	expect_routes("SET(1,G1)U>D2");
	leave(D2, H3, G);
	wait_s(2);
	/* Data goes on to come: the entry stays and keeps the kernel quiet. */
	expect_routes("SET(1,G1)U>");
	wait_s(1000);
	expect_routes("");
}

static void e_24_named_sources_are_made_before_their_data(void)
{
	report(D1, H1, G, "ALLOW{1,2}");
	expect_routes("SET(1,G1)U>D1 SET(2,G1)U>D1");
	report(D2, H3, G, "ALLOW{1}");
	expect_routes("SET(1,G1)U>D1,D2");
	report(D1, H1, G, "BLOCK{1,2}");
	wait_s(2);
	/* No data of 2 was ever seen by an upcall, and nobody names it any more. */
	expect_routes("SET(1,G1)U>D2 DEL(2,G1)");
}

static void e_25_per_source_outputs(void)
{
	report(D1, H1, G, "ALLOW{1}");
	report(D2, H3, G, "TO_EX{}");
	expect_data(U, "1", G, "D1 D2");
	expect_data(U, "2", G, "D2");
}

static void e_28_ssm(void)
{
	report(D1, H1, GS, "ALLOW{1}");
	expect_upstream(U, "GS1:ALLOW{1}");
	expect_fwd(D1, GS, "1");
}

static void e_30_groups_never_forwarded(void)
{
	static const char *const v4[] = { "224.0.0.1", "224.0.0.251" }, *const v6[] = { "ff02::fb", "ff12::5" };

	for (size_t i = 0; i < ARRAY_SIZE(v4); i++) {
		const char *group = bed.v6 ? v6[i] : v4[i];

		report(D1, H1, group, "TO_EX{}");
		expect_data(U, "1", group, "");
		expect_data(D2, "A2", group, "");
	}
	expect_drops(D1, GROUP, 2);
}

static void e_31_link_local_sources(void)
{
	const char *source = bed.v6 ? "fe80::99" : "169.254.7.7";

	v2_report(D1, H1, G);
	expect_data(U, source, G, "");
	expect_drops(U, LINK_LOCAL, 1);
	report(D2, H3, G, bed.v6 ? "ALLOW{fe80::99}" : "ALLOW{169.254.7.7}");
	expect_data(U, source, G, "");
}

static void e_33_boundary(void)
{
	v2_report(D1, H1, G);
	v2_report(D1, H1, G2);
	v2_report(D2, H3, G);
	expect_data(U, "1", G, "D1 D2");
	expect_routes("SET(1,G1)U>D1,D2");
	bed.ifs[D1].boundary = acl("deny G1; permit any");
	apply_if(D1);
	expect_routes("SET(1,G1)U>D2");
	expect_data(U, "1", G2, "D1");
	/* Neither in: */
	expect_data(D1, "A1", G, "");
	expect_data(D1, "A1", G2, "U");
	/* On the upstream it shuts both ways for all. */
	bed.ifs[U].boundary = acl("deny G1; permit any");
	apply_if(U);
	expect_data(U, "1", G, "");
	expect_data(D2, "A2", G, "");
	bed.ifs[U].boundary = NULL;
	bed.ifs[D1].boundary = NULL;
	apply_if(U);
	apply_if(D1);
	expect_data(U, "1", G, "D1 D2");
	expect_data(D1, "A1", G, "U D2");
}

static void e_33_boundary_changes_with_its_list(void)
{
	static struct gm_acl list;

	v2_report(D1, H1, G);
	expect_data(U, "1", G, "D1");
	list = *acl("permit any");
	bed.ifs[D1].boundary = &list;
	apply_if(D1);
	expect_routes("SET(1,G1)U>D1");
	list = *acl("deny G1; permit any");
	apply_conf();
	expect_routes("SET(1,G1)U>");
}

static void e_36_downstream_removed(void)
{
	v2_report(D1, H1, G);
	report(D2, H3, G, "ALLOW{1}");
	expect_data(U, "1", G, "D1 D2");
	expect_data(U, "2", G, "D1");
	(void)dsl_routes();
	expect_upstream(U, "TO_EX{}");
	if_remove(D1);
	expect_upstream(U, "TO_IN{1}");
	expect_routes("SET(1,G1)U>D2 SET(2,G1)U>");
}

/* --- the life of entries ------------------------------------------------------------------------------------------ */

static void route_idle_expiry(void)
{
	expect_data(U, "1", G, "");
	report(D1, H1, GS, "ALLOW{1}");
	expect_routes("SET(1,G1)U> SET(1,GS1)U>D1");
	route_idle("1", G, 59.9);
	expect_routes("");
	route_idle("1", G, 60);
	expect_routes("DEL(1,G1)");
	/* A member names it. */
	route_idle("1", GS, 1000);
	expect_routes("");
	/* Nobody knows of it. */
	route_idle("1", G, 1000);
	expect_routes("");
	assert_int_equal(HASH_COUNT(bed.gm->groups), 1);
}

static void route_idle_of_a_joined_group(void)
{
	v2_report(D1, H1, G);
	expect_data(U, "1", G, "D1");
	route_idle("1", G, 60);
	expect_routes("SET(1,G1)U>D1 DEL(1,G1)");
	expect_data(U, "1", G, "D1");
}

static void route_limit(void)
{
	bed.conf.route_limit = 3;
	apply_conf();
	v2_report(D1, H1, G);
	expect_data(U, "1", G, "D1");
	expect_data(U, "2", G, "D1");
	expect_data(U, "3", G, "D1");
	expect_data(U, "4", G, "no-entry");
	expect_drops(U, ROUTE_LIMIT, 1);
	expect_notes(ROUTE_LIMIT, 1);
	expect_data(U, "1", G, "D1");
	route_idle("2", G, 60);
	expect_data(U, "4", G, "D1");
	/* Another group has its share of it, and its second source a place when there is room again. */
	(void)dsl_routes();
	report(D1, H1, GS, "ALLOW{1,2}");
	expect_routes("DEL(4,G1) SET(1,GS1)U>D1");
	bed.conf.route_limit = 0;
	apply_conf();
	expect_routes("SET(2,GS1)U>D1");
}

static void route_limit_leaves_no_empty_group(void)
{
	bed.conf.route_limit = 1;
	apply_conf();
	expect_data(U, "1", G, "");
	expect_data(U, "1", G2, "no-entry");
	assert_int_equal(HASH_COUNT(bed.gm->groups), 1);
}

/* Groups nobody wants: 2000 at once, 500 a second after that. */
static void upcall_rate(void)
{
	burst_begin();
	for (unsigned int i = 1; i <= 2100; i++) {
		char group[16];

		snprintf(group, sizeof(group), "G%u", i);
		upcall(U, "1", group);
	}
	burst_end();
	expect_drops(U, UPCALL_RATE, 100);
	assert_int_equal(HASH_COUNT(bed.gm->routes), 2000);
	/* The other interfaces, and wanted groups, have their own share. */
	expect_data(D1, "A1", "G3000", "U");
	v2_report(D1, H1, "G3001");
	expect_data(U, "1", "G3001", "D1");
	for (int i = 0; i < 10; i++) {
		wait_s(0.003);
		upcall(U, "2", "G4000");
	}
	expect_drops(U, UPCALL_RATE, 100);
	(void)dsl_routes();
}

static void upcall_rate_is_kept(void)
{
	unsigned int taken = 0;

	for (unsigned int i = 0; i < 2000; i++)
		upcall(U, "1", G);
	expect_drops(U, UPCALL_RATE, 0);
	/* One packet a millisecond: every second one is let in. */
	for (unsigned int i = 0; i < 200; i++) {
		uint64_t before = bed.gm->ifs[U].stats.drop[GM_DROP_UPCALL_RATE];

		wait_s(0.0015);
		upcall(U, "1", G);
		taken += bed.gm->ifs[U].stats.drop[GM_DROP_UPCALL_RATE] == before;
	}
	assert_in_range(taken, 149, 151);
	(void)dsl_routes();
}

static void wrong_interface_is_looked_at_again(void)
{
	v2_report(D1, H1, G);
	v2_report(D2, H3, G);
	expect_data(D1, "A1", G, "U D2");
	/* Its subnet has moved to the other port. */
	bed.ifs[D2].prefixes[bed.ifs[D2].nprefixes++] = bed.ifs[D1].prefixes[0];
	bed.ifs[D1].nprefixes = 0;
	apply_if(D1);
	apply_if(D2);
	(void)dsl_routes();
	expect_data(D2, "A1", G, "U D1");
	expect_data(D1, "A1", G, "wrong-if");
	expect_routes("");
	wrong_if(D1, "5", G2);
	expect_routes("");
}

static void longest_prefix_decides(void)
{
	bed.ifs[D2].prefixes[bed.ifs[D2].nprefixes++] = prefix("10.1.0.8/29", "2001:db8:1::10/124");
	apply_if(D2);
	expect_data(D2, "A1", G, "U");
	expect_data(D1, "A1", G, "wrong-if");
}

static void kernel_lost_its_entries(void)
{
	v2_report(D1, H1, G);
	expect_data(U, "1", G, "D1");
	expect_data(U, "2", G2, "");
	(void)dsl_routes();
	resync(GM_NO_IF);
	expect_routes("SET(1,G1)U>D1 SET(2,G2)U>");
}

static void kernel_asks_again(void)
{
	v2_report(D1, H1, G);
	upcall(U, "1", G);
	expect_routes("SET(1,G1)U>D1");
	upcall(U, "1", G);
	expect_routes("SET(1,G1)U>D1");
}

static void upcalls_that_make_no_sense(void)
{
	noop_begin();
	upcall(U, bed.v6 ? "::" : "0.0.0.0", G);
	upcall(U, bed.v6 ? "ff15::9" : "239.9.9.9", G);
	upcall(U, "1", bed.v6 ? "2001:db8::1" : "10.9.9.9");
	expect_noop();
}

/* --- upstreams ---------------------------------------------------------------------------------------------------- */

static void no_upstream(void)
{
	if_remove(U);
	v2_report(D1, H1, G);
	report(D1, H1, G2, "ALLOW{1}");
	expect_state(D1, G, "EX({},{}):270");
	expect_routes("");
	/* An entry that keeps the kernel from asking again. */
	expect_data(U, "1", G, "no-entry");
	v2_report(D2, H3, G);
	expect_data(D1, "A1", G, "D2");
	if_add(U);
	expect_upstream(U, "TO_EX{} G2:ALLOW{1}");
	expect_data(U, "1", G, "D1 D2");
	expect_data(U, "1", G2, "D1");
}

static void e_35_upstream_down_and_up(void)
{
	v2_report(D1, H1, G);
	report(D1, H1, G2, "ALLOW{1}");
	expect_data(U, "1", G, "D1");
	expect_upstream(U, "TO_EX{} G2:ALLOW{1}");
	(void)dsl_routes();
	if_link(U, false);
	expect_upstream(U, "TO_IN{} G2:BLOCK{1}");
	(void)dsl_routes();
	if_link(U, true);
	expect_upstream(U, "TO_EX{} G2:ALLOW{1}");
	expect_data(U, "1", G, "D1");
	expect_data(U, "1", G2, "D1");
}

/* Gone and back with another interface in the slot, before the actions were fetched. */
static void e_35_upstream_replaced_in_its_slot(void)
{
	v2_report(D1, H1, G);
	expect_upstream(U, "TO_EX{}");
	burst_begin();
	if_remove(U);
	if_add(U);
	burst_end();
	expect_upstream(U, "TO_EX{}");
}

static void e_35_upstream_of_another_name(void)
{
	v2_report(D1, H1, G);
	expect_upstream(U, "TO_EX{}");
	resync(U2);
	snprintf(bed.ifs[U].name, sizeof(bed.ifs[U].name), "wan9");
	apply_if(U);
	expect_upstream(U, "SAME");
}

static void e_47_failover_and_back(void)
{
	bed.ifs[U2].priority = 200;
	if_add(U2);
	v2_report(D1, H1, G);
	expect_data(U, "1", G, "D1");
	expect_data(D1, "A1", G, "U");
	expect_upstream(U, "TO_EX{}");
	(void)dsl_routes();
	if_link(U, false);
	expect_upstream(U, "TO_IN{}");
	expect_upstream(U2, "TO_EX{}");
	expect_routes("SET(1,G1)U2>D1 SET(A1,G1)D1>U2");
	if_link(U, true);
	expect_upstream(U2, "TO_IN{}");
	expect_upstream(U, "TO_EX{}");
	expect_routes("SET(1,G1)U>D1 SET(A1,G1)D1>U");
	/* Taken out of the configuration. */
	if_remove(U);
	expect_upstream(U, "");
	expect_upstream(U2, "TO_EX{}");
}

static void e_47_priority_then_name(void)
{
	v2_report(D1, H1, G);
	expect_upstream(U, "TO_EX{}");
	if_add(U2); /* "U" < "U2" */
	expect_no_upstream(U2);
	bed.ifs[U2].priority = 99;
	apply_if(U2);
	expect_upstream(U, "TO_IN{}");
	expect_upstream(U2, "TO_EX{}");
	bed.ifs[U].priority = 98;
	apply_if(U);
	expect_upstream(U2, "TO_IN{}");
	expect_upstream(U, "TO_EX{}");
}

static void e_44_split_by_group(void)
{
	bed.ifs[U].upstream_acl = acl("permit G1");
	apply_if(U);
	if_add(U2);
	bed.ifs[U2].upstream_acl = acl("deny G3; permit any");
	apply_if(U2);
	v2_report(D1, H1, G);
	v2_report(D1, H1, G2);
	v2_report(D1, H1, "G3");
	expect_upstream(U, "TO_EX{}");
	expect_upstream(U2, "G2:TO_EX{}");
	expect_data(U, "1", G, "D1");
	expect_data(U2, "1", G2, "D1");
	/* Packets are accepted from the chosen upstream only; local senders go to it only (E-43). */
	expect_data(U, "1", G2, "wrong-if");
	expect_data(D1, "A1", G2, "U2");
	expect_data(D1, "A1", "G3", "");
	bed.ifs[U].upstream_acl = NULL;
	apply_if(U);
	expect_upstream(U2, "G2:TO_IN{}");
	expect_upstream(U, "G2:TO_EX{} G3:TO_EX{}");
	expect_data(U, "1", G2, "D1");
}

static void e_44_split_changes_with_its_list(void)
{
	static struct gm_acl list;

	list = *acl("permit any");
	bed.ifs[U].upstream_acl = &list;
	apply_if(U);
	if_add(U2);
	v2_report(D1, H1, G);
	expect_upstream(U, "TO_EX{}");
	list = *acl("deny G1; permit any");
	apply_conf();
	expect_upstream(U, "TO_IN{}");
	expect_upstream(U2, "TO_EX{}");
}

/* --- leave-delay -------------------------------------------------------------------------------------------------- */

static void leave_delay(void)
{
	bed.ifs[U].leave_delay = mtime_from_s(10);
	apply_if(U);
	v2_report(D1, H1, G);
	leave(D1, H1, G);
	expect_upstream(U, "TO_EX{}");
	wait_s(2);
	/* Downstream it stops at once. */
	expect_gone(D1, G);
	expect_data(U, "1", G, "");
	wait_s(9.999);
	expect_no_upstream(U);
	wait_s(0.001);
	expect_upstream(U, "TO_IN{}");
}

static void leave_delay_joined_again(void)
{
	bed.ifs[U].leave_delay = mtime_from_s(10);
	apply_if(U);
	report(D1, H1, G, "ALLOW{1}");
	report(D1, H1, G, "BLOCK{1}");
	expect_upstream(U, "ALLOW{1}");
	wait_s(5);
	report(D1, H1, G, "ALLOW{1}");
	wait_s(60);
	expect_no_upstream(U);
	report(D1, H1, G, "BLOCK{1}");
	wait_s(11.999);
	expect_no_upstream(U);
	wait_s(0.001);
	expect_upstream(U, "BLOCK{1}");
}

static void leave_delay_is_no_more(void)
{
	bed.ifs[U].leave_delay = mtime_from_s(60);
	apply_if(U);
	v2_report(D1, H1, G);
	v2_report(D1, H1, G2);
	leave(D1, H1, G);
	leave(D1, H1, G2);
	expect_upstream(U, "TO_EX{} G2:TO_EX{}");
	wait_s(5);
	report(D1, H1, G2, "ALLOW{1}");
	expect_upstream(U, "G2:TO_IN{1}");
	bed.ifs[U].leave_delay = 0;
	apply_if(U);
	expect_upstream(U, "TO_IN{}");
	if_remove(U);
	wait_s(100);
	expect_no_upstream(U);
}

static void leave_delay_and_the_upstream_goes(void)
{
	bed.ifs[U].leave_delay = mtime_from_s(60);
	apply_if(U);
	if_add(U2);
	v2_report(D1, H1, G);
	leave(D1, H1, G);
	wait_s(5);
	if_link(U, false);
	expect_upstream(U, "TO_EX{} TO_IN{}");
	wait_s(100);
	expect_no_upstream(U2);
	assert_int_equal(HASH_COUNT(bed.gm->groups), 0);
}

/* --- clearing ----------------------------------------------------------------------------------------------------- */

static void clear_forgets_and_asks(void)
{
	v2_report(D1, H1, G);
	v2_report(D1, H1, G2);
	v2_report(D2, H3, G);
	expect_general(D1, "GQ");
	expect_general(D2, "GQ");
	expect_upstream(U, "TO_EX{} G2:TO_EX{}");
	clear(D1, G);
	expect_gone(D1, G);
	expect_state(D1, G2, "EX({},{}):270");
	expect_general(D1, "GQ");
	expect_general(D2, "");
	expect_no_upstream(U);
	clear(D1, NULL);
	expect_gone(D1, G2);
	expect_state(D2, G, "EX({},{}):270");
	expect_upstream(U, "G2:TO_IN{}");
	clear(GM_NO_IF, NULL);
	expect_gone(D2, G);
	expect_general(D2, "GQ");
	expect_upstream(U, "TO_IN{}");
}

/* A packet on another interface than its entry says, in the moment in which the last of its group ends. */
static void wrong_interface_of_a_group_that_ends(void)
{
	if_remove(U);
	report(D1, H1, G, "ALLOW{1}");
	burst_begin();
	wait_s(GMI);
	wrong_if(D2, "1", G);
	burst_end();
	expect_routes("");
}

int main(void)
{
	TEST(e_02_no_router_side_upstream);
	TEST(e_04_join_is_proxied);
	TEST(e_05_exclude_and_include);
	TEST(e_06_includes);
	TEST_V4(e_07_example_of_the_rfc);
	TEST_V6(e_07_example_of_the_rfc_v6);
	TEST(e_10_sources_with_a_timer_are_no_excluded_ones);
	TEST(e_11_unchanged_merge_is_silent);
	TEST(e_12_leave_after_the_last_member_time);
	TEST(e_13_exclude_ends_beside_include);
	TEST(e_13_burst_is_one_change);
	TEST(e_14_resync_hands_out_all);
	TEST(e_16_down_to_members_only);
	TEST(e_17_up_without_members);
	TEST(e_18_downstream_sender);
	TEST(e_19_non_querier_does_not_forward);
	TEST(e_20_resumes_as_querier);
	TEST(e_21_forward_as_non_querier);
	TEST(e_24_late_join_patches_in_place);
	TEST(e_24_named_sources_are_made_before_their_data);
	TEST(e_25_per_source_outputs);
	TEST(e_28_ssm);
	TEST(e_29_no_exclude_for_ssm);
	TEST(e_30_groups_never_forwarded);
	TEST(e_31_link_local_sources);
	TEST(e_33_boundary);
	TEST(e_33_boundary_changes_with_its_list);
	TEST(e_35_upstream_down_and_up);
	TEST(e_35_upstream_replaced_in_its_slot);
	TEST(e_35_upstream_of_another_name);
	TEST(e_36_downstream_removed);
	TEST(e_38_many_sources);
	TEST(e_39_many_groups);
	TEST(e_44_split_by_group);
	TEST(e_44_split_changes_with_its_list);
	TEST(e_47_failover_and_back);
	TEST(e_47_priority_then_name);
	TEST(route_idle_expiry);
	TEST(route_idle_of_a_joined_group);
	TEST(route_limit);
	TEST(route_limit_leaves_no_empty_group);
	TEST(upcall_rate);
	TEST(upcall_rate_is_kept);
	TEST(wrong_interface_is_looked_at_again);
	TEST(longest_prefix_decides);
	TEST(kernel_lost_its_entries);
	TEST(kernel_asks_again);
	TEST(upcalls_that_make_no_sense);
	TEST(no_upstream);
	TEST(leave_delay);
	TEST(leave_delay_joined_again);
	TEST(leave_delay_is_no_more);
	TEST(leave_delay_and_the_upstream_goes);
	TEST(clear_forgets_and_asks);
	TEST(wrong_interface_of_a_group_that_ends);
	return dsl_run("gm_proxy");
}
