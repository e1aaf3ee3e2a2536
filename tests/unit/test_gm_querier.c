/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The querier against RFC 9776 s6.6 and s8, RFC 9777 s7.6 and s9, RFC 2236 s3 and s7: rows B-01 to B-51 that the core
 * decides, and what late timers do.
 */
#include "gm_dsl.h"

#include <stdio.h>

#define expect_querier(slot, want)                                                                                     \
	do {                                                                                                           \
		_assert_int_equal(bed.gm->ifs[slot].querier, !*(want), __FILE__, __LINE__);                            \
		dsl_equal(other_querier(slot), want, __FILE__, __LINE__);                                              \
	} while (0)

/* The name is that of the address the bed gives it; empty when this router is the querier. */
static const char *other_querier(enum slot slot)
{
	static const char *const routers[] = { "QL", "QL3", "QH" };
	const struct ipaddr *a = &bed.gm->ifs[slot].other_querier;

	for (size_t i = 0; i < ARRAY_SIZE(routers); i++) {
		struct ipaddr router = addr(routers[i]);

		if (ipaddr_eq(&router, a))
			return routers[i];
	}
	return ipaddr_is_none(a) ? "" : "somebody";
}

static void yield(void)
{
	query_heard(D1, QL, "GQ", .qrv = 2, .qqi = 125);
	expect_querier(D1, QL);
}

/* --- general queries ---------------------------------------------------------------------------------------------- */

static void b_01_starts_as_querier(void)
{
	const struct gm_action *q = last_query(D1);

	expect_general_times(D1, "0:GQ");
	expect_general_times(D2, "0:GQ");
	expect_querier(D1, "");
	assert_int_equal(q->query.gen, GM_GEN3);
	assert_int_equal(q->query.robustness, 2);
	assert_true(q->query.interval == mtime_from_s(125) && q->query.max_response == mtime_from_s(10));
	assert_false(q->query.suppress);
	expect_notes(QUERIER_LOCAL, 2);
}

static void b_02_schedule(void)
{
	at(1 + 300);
	expect_general_times(D1, "0:GQ 31.25:GQ 156.25:GQ 281.25:GQ");
}

static void b_02_schedule_fast(void)
{
	if_remove(D1);
	bed.ifs[D1].query_interval = mtime_from_s(10);
	bed.ifs[D1].query_response = mtime_from_s(2);
	bed.ifs[D1].startup_interval = mtime_from_ms(2500);
	expect_general(D1, "GQ");
	if_add(D1);
	wait_s(25);
	expect_general_times(D1, "0:GQ 2.5:GQ 12.5:GQ 22.5:GQ");
}

static void b_02_startup_count(void)
{
	if_remove(D1);
	expect_general(D1, "GQ");
	bed.ifs[D1].startup_count = 4;
	bed.ifs[D1].startup_interval = mtime_from_s(3);
	if_add(D1);
	wait_s(200);
	expect_general_times(D1, "0:GQ 3:GQ 6:GQ 9:GQ 134:GQ");
}

static void b_02_interval_changed_while_running(void)
{
	at(1 + 40);
	expect_general_times(D1, "0:GQ 31.25:GQ");
	bed.ifs[D1].query_interval = mtime_from_s(20);
	apply_if(D1);
	wait_s(45);
	expect_general_times(D1, "60:GQ 80:GQ");
	assert_true(last_query(D1)->query.interval == mtime_from_s(20));
	bed.ifs[D1].query_interval = mtime_from_s(100);
	apply_if(D1);
	wait_s(120);
	expect_general_times(D1, "100:GQ 200:GQ");
}

static void b_06_announces_its_robustness(void)
{
	bed.ifs[D1].robustness = 7;
	apply_if(D1);
	at(1 + 40);
	assert_int_equal(last_query(D1)->query.robustness, 7);
}

static void b_51_schedule_under_load(void)
{
	for (int i = 1; i <= 1000; i++) {
		char group[16];

		snprintf(group, sizeof(group), "G%d", i);
		wait_s(0.1);
		report(D1, H1, group, "TO_EX{}");
	}
	at(1 + 160);
	expect_general_times(D1, "0:GQ 31.25:GQ 156.25:GQ");
}

/* --- election ----------------------------------------------------------------------------------------------------- */

static void b_09_lower_address_wins(void)
{
	at(1 + 40);
	expect_general(D1, "GQ GQ");
	query_heard(D1, QL, "GQ", .qrv = 2, .qqi = 125);
	expect_querier(D1, QL);
	expect_notes(QUERIER_OTHER, 1);
	wait_s(OQPI - 0.001);
	expect_general(D1, "");
	expect_querier(D1, QL);
	wait_s(0.001);
	expect_general(D1, "GQ");
	expect_querier(D1, "");
	/* The schedule goes on with the query interval, not with the startup one. */
	mark();
	wait_s(200);
	expect_general_times(D1, "125:GQ");
}

static void b_10_higher_address_loses(void)
{
	query_heard(D1, QH, "GQ", .qrv = 2, .qqi = 125);
	expect_querier(D1, "");
	at(1 + 160);
	expect_general_times(D1, "0:GQ 31.25:GQ 156.25:GQ");
}

static void b_11_other_querier_present(void)
{
	expect_general(D1, "GQ");
	yield();
	at(1 + 10);
	query_heard(D1, QL, "GQ", .qrv = 2, .qqi = 125);
	at(1 + 10 + 300);
	expect_general_times(D1, "265:GQ");
}

static void b_12_any_lower_router_counts(void)
{
	yield();
	wait_s(10);
	query_heard(D1, "QL3", "GQ", .qrv = 2, .qqi = 125);
	expect_querier(D1, "QL3");
	expect_general(D1, "GQ");
	for (int i = 0; i < 4; i++) {
		wait_s(125);
		query_heard(D1, QL, "GQ", .qrv = 2, .qqi = 125);
	}
	expect_querier(D1, QL);
	expect_general(D1, "");
}

static void b_13_suppress_flag_elects_too(void)
{
	query_heard(D1, QL, "GQ", .s = true);
	expect_querier(D1, QL);
}

static void b_14_specific_queries_do_not_elect(void)
{
	query_heard(D1, QL, "Q(G1)");
	query_heard(D1, QL, "Q(G1,{1})");
	expect_querier(D1, "");
}

static void b_15_any_query_elects(void)
{
	query_heard(D1, QL, "Q(G1)");
	expect_querier(D1, QL);
}

static void b_16_interface_identifier_counts(void)
{
	query_heard(D1, "fe80:0:0:1::5", "GQ");
	assert_false(bed.gm->ifs[D1].querier);
	wait_s(300);
	assert_true(bed.gm->ifs[D1].querier);
	query_heard(D1, "fe80::1:0:0:5", "GQ");
	assert_true(bed.gm->ifs[D1].querier);
}

/* --- what a non-querier takes over -------------------------------------------------------------------------------- */

static const struct {
	struct dsl_row row;
	unsigned int qrv, qqi;
	const char *state;
} adopt_rows[] = {
	{ { "b_17_adopts_both", BOTH }, 3, 20, "EX({},{}):80" },
	{ { "b_18_nothing_told", BOTH }, 0, 0, "EX({},{}):270" },
	{ { "b_19_adopts_interval", BOTH }, 2, 248, "EX({},{}):516" },
};

static void b_adopt(const void *arg)
{
	const size_t i = (size_t)((const char *)arg - (const char *)adopt_rows) / sizeof(adopt_rows[0]);

	query_heard(D1, QL, "GQ", .qrv = 3, .qqi = 20);
	query_heard(D1, QL, "GQ", .qrv = adopt_rows[i].qrv, .qqi = adopt_rows[i].qqi);
	v2_report(D1, H1, G);
	expect_state(D1, G, adopt_rows[i].state);
}

/* Our own robustness, but the default interval, whatever ours is. An older query has no such field. */
static void b_18_zero(void)
{
	bed.ifs[D1].robustness = 3;
	bed.ifs[D1].query_interval = mtime_from_s(60);
	apply_if(D1);
	query_heard(D1, QL, "GQ", .qrv = 4, .qqi = 20);
	query_heard(D1, QL, "GQ", .qrv = 0, .qqi = 0);
	v2_report(D1, H1, G);
	expect_state(D1, G, "EX({},{}):395");
	query_heard(D1, QL, "GQ", .gen = GM_GEN2);
	v2_report(D1, H1, G);
	expect_state(D1, G, "EX({},{}):200");
}

static void b_17_other_querier_time_is_of_its_values(void)
{
	expect_general(D1, "GQ");
	query_heard(D1, QL, "GQ", .qrv = 3, .qqi = 20);
	wait_s(64.999);
	expect_querier(D1, QL);
	wait_s(0.001);
	expect_querier(D1, "");
	/* Own values again. */
	expect_general(D1, "GQ");
	assert_int_equal(last_query(D1)->query.robustness, 2);
	v2_report(D1, H1, G);
	expect_state(D1, G, "EX({},{}):270");
}

static void b_20_querier_keeps_its_own(void)
{
	query_heard(D1, QH, "GQ", .qrv = 5, .qqi = 20);
	v2_report(D1, H1, G);
	expect_state(D1, G, "EX({},{}):270");
}

/* --- non-querier and members -------------------------------------------------------------------------------------- */

static void b_21_leave_is_for_the_querier(void)
{
	v2_report(D1, H1, G);
	yield();
	wait_s(10);
	leave(D1, H1, G);
	expect_state(D1, G, "EX({},{}):260");
	expect_drops(D1, NOT_QUERIER, 1);
	expect_no_query(D1);
	query_heard(D1, QL, "Q(G1)");
	expect_state(D1, G, "EX({},{}):2");
}

static void b_22_no_query_of_a_non_querier(void)
{
	report(D1, H1, G, "ALLOW{1,2}");
	yield();
	wait_s(10);
	report(D1, H1, G, "BLOCK{1}");
	expect_state(D1, G, "IN{1:260,2:260}");
	report(D1, H1, G, "TO_IN{2}");
	expect_state(D1, G, "IN{1:260,2:270}");
	report(D1, H1, G2, "TO_EX{}");
	report(D1, H1, G2, "BLOCK{1}");
	report(D1, H1, G2, "TO_IN{}");
	expect_state(D1, G2, "EX({1:270},{}):270");
	wait_s(5);
	expect_no_query(D1);
	query_heard(D1, QL, "Q(G1,{1})");
	expect_state(D1, G, "IN{1:2,2:265}");
	wait_s(2);
	expect_lists(D1, G, "IN{2}");
}

static void b_23_group_query_lowers_the_group(void)
{
	report(D1, H1, G, "TO_EX{}");
	yield();
	query_heard(D1, QL, "Q(G1)", .s = true);
	expect_state(D1, G, "EX({},{}):270");
	query_heard(D1, QL, "Q(G1)");
	expect_state(D1, G, "EX({},{}):2");
	/* A second one does not begin anew. */
	wait_s(1);
	query_heard(D1, QL, "Q(G1)");
	expect_state(D1, G, "EX({},{}):1");
	wait_s(1);
	expect_gone(D1, G);
	expect_no_query(D1);
}

static void b_23_the_count_follows_the_querier(void)
{
	bed.ifs[D1].last_member_count = 0;
	apply_if(D1);
	report(D1, H1, G, "TO_EX{}");
	query_heard(D1, QL, "GQ", .qrv = 4, .qqi = 125);
	query_heard(D1, QL, "Q(G1)", .qrv = 4, .qqi = 125);
	expect_state(D1, G, "EX({},{}):4");
	wait_s(4);
	expect_gone(D1, G);
}

static void b_24_source_query_lowers_sources(void)
{
	report(D1, H1, G, "ALLOW{1,2}");
	yield();
	query_heard(D1, QL, "Q(G1,{1,5})", .s = true);
	expect_state(D1, G, "IN{1:270,2:270}");
	query_heard(D1, QL, "Q(G1,{1,5})");
	expect_state(D1, G, "IN{1:2,2:270}");
	wait_s(2);
	expect_state(D1, G, "IN{2:268}");
}

static void b_25_older_query_tells_its_time(void)
{
	bed.ifs[D1].gen = GM_GEN2;
	apply_if(D1);
	v2_report(D1, H1, G);
	query_heard(D1, QL, "GQ", .gen = GM_GEN2);
	query_heard(D1, QL, "Q(G1)", .gen = GM_GEN2, .mrt = 3);
	expect_state(D1, G, "EX({},{}):6");
	query_heard(D1, QL, "Q(G1)", .gen = GM_GEN2, .mrt = 4);
	expect_state(D1, G, "EX({},{}):6");
}

static void b_25_no_time_at_all(void)
{
	bed.ifs[D1].gen = GM_GEN2;
	apply_if(D1);
	v2_report(D1, H1, G);
	query_heard(D1, QL, "GQ", .gen = GM_GEN2);
	query_heard(D1, QL, "Q(G1)", .gen = GM_GEN2, .mrt = -1);
	expect_gone(D1, G);
}

static void b_25_not_for_the_querier(void)
{
	bed.ifs[D1].gen = GM_GEN2;
	apply_if(D1);
	v2_report(D1, H1, G);
	query_heard(D1, QH, "Q(G1)", .gen = GM_GEN2, .mrt = -1);
	expect_state(D1, G, "EX({},{}):270");
}

static void b_26_pending_queries_are_still_sent(void)
{
	v2_report(D1, H1, G);
	mark();
	leave(D1, H1, G);
	wait_s(0.5);
	query_heard(D1, QL, "GQ", .qrv = 2, .qqi = 125);
	wait_s(3);
	expect_query_times(D1, "0:Q(G1) 1:Q(G1)");
	expect_gone(D1, G);
}

/* --- last-member queries ------------------------------------------------------------------------------------------ */

static void b_27_leave(void)
{
	v2_report(D1, H1, G);
	wait_s(5);
	mark();
	leave(D1, H1, G);
	expect_state(D1, G, "EX({},{}):2");
	assert_true(last_query(D1)->query.max_response == mtime_from_s(1));
	expect_fwd(D1, G, "1,2,3,4,5,6");
	wait_s(1.999);
	expect_query_times(D1, "0:Q(G1) 1:Q(G1)");
	expect_fwd(D1, G, "1,2,3,4,5,6");
	wait_s(0.001);
	expect_gone(D1, G);
	expect_fwd(D1, G, "");
	expect_no_query(D1);
}

static void b_27_count_and_interval(void)
{
	bed.ifs[D1].last_member_count = 3;
	bed.ifs[D1].last_member_interval = mtime_from_ms(500);
	apply_if(D1);
	v2_report(D1, H1, G);
	mark();
	leave(D1, H1, G);
	expect_state(D1, G, "EX({},{}):1.5");
	wait_s(5);
	expect_query_times(D1, "0:Q(G1) 0.5:Q(G1) 1:Q(G1)");
	expect_gone(D1, G);
}

static void b_28_answered(void)
{
	v2_report(D1, H1, G);
	mark();
	leave(D1, H1, G);
	wait_s(0.5);
	v2_report(D1, H2, G);
	expect_state(D1, G, "EX({},{}):270");
	wait_s(5);
	expect_query_times(D1, "0:Q(G1) 1:Q(G1)S");
	expect_state(D1, G, "EX({},{}):265");
}

static void b_28_answered_in_older_mode(void)
{
	bed.ifs[D1].gen = GM_GEN2;
	apply_if(D1);
	v2_report(D1, H1, G);
	mark();
	leave(D1, H1, G);
	wait_s(0.5);
	v2_report(D1, H2, G);
	wait_s(5);
	expect_query_times(D1, "0:Q(G1)");
	assert_int_equal(last_query(D1)->query.gen, GM_GEN2);
	expect_state(D1, G, "EX({},{}):265");
}

static void b_29_start(void)
{
	report(D1, H1, G, "ALLOW{1,2,3}");
	wait_s(10);
	mark();
	report(D1, H1, G, "BLOCK{1,2}");
	expect_state(D1, G, "IN{1:2,2:2,3:260}");
}

static void b_29_block(void)
{
	b_29_start();
	wait_s(5);
	expect_query_times(D1, "0:Q(G1,{1,2}) 1:Q(G1,{1,2})");
	expect_state(D1, G, "IN{3:255}");
}

static void b_30_one_is_answered(void)
{
	b_29_start();
	wait_s(0.3);
	report(D1, H2, G, "ALLOW{1}");
	wait_s(1);
	expect_query_times(D1, "0:Q(G1,{1,2}) 1:Q(G1,{1})S 1:Q(G1,{2})");
	wait_s(0.7);
	expect_state(D1, G, "IN{1:268.3,3:258}");
	expect_no_query(D1);
}

static void b_31_blocked_again(void)
{
	b_29_start();
	wait_s(0.5);
	report(D1, H1, G, "BLOCK{1}");
	expect_state(D1, G, "IN{1:1.5,2:1.5,3:259.5}");
	wait_s(5);
	expect_query_times(D1, "0:Q(G1,{1,2}) 1:Q(G1,{1,2})");
}

static void b_32_merged(void)
{
	b_29_start();
	wait_s(0.5);
	report(D1, H1, G, "BLOCK{3}");
	wait_s(1.4);
	expect_lists(D1, G, "IN{1,2,3}");
	wait_s(0.1);
	expect_lists(D1, G, "IN{3}");
	wait_s(0.5);
	expect_gone(D1, G);
	expect_query_times(D1, "0:Q(G1,{1,2}) 0.5:Q(G1,{1,2,3}) 1.5:Q(G1,{3})");
}

static void b_33_group_and_sources(void)
{
	report(D1, H1, G, "TO_EX{}");
	report(D1, H2, G, "ALLOW{1}");
	mark();
	report(D1, H1, G, "TO_IN{}");
	wait_s(5);
	expect_query_times(D1, "0:Q(G1,{1}) 0:Q(G1) 1:Q(G1) 1:Q(G1,{1})");
}

static void b_34_current_state_never_asks(void)
{
	report(D1, H1, G, "ALLOW{1,2,3}");
	report(D1, H1, G, "IS_IN{1}");
	report(D1, H1, G, "IS_EX{2,4}");
	report(D1, H1, G, "IS_EX{5}");
	report(D1, H1, G, "IS_IN{6}");
	wait_s(5);
	expect_no_query(D1);
}

static void b_35_leave_of_nothing(void)
{
	noop_begin();
	leave(D1, H1, G);
	expect_noop();
	v2_report(D2, H3, G);
	leave(D1, H1, G);
	expect_no_query(D1);
	expect_state(D2, G, "EX({},{}):270");
}

/* The core names all sources at once; the executor splits by the MTU (wire_query_capacity()). */
static void b_36_many_sources(void)
{
	report(D1, H1, G, "ALLOW{1-400}");
	report(D1, H1, G, "BLOCK{1-400}");
	assert_int_equal(last_query(D1)->query.nsources, 400);
	wait_s(2);
	expect_gone(D1, G);
}

/* --- other versions ----------------------------------------------------------------------------------------------- */

static void b_37_other_version_of_a_loser(void)
{
	query_heard(D1, QH, "GQ", .gen = GM_GEN2);
	expect_notes(OTHER_VERSION_QUERY, 1);
	expect_querier(D1, "");
	wait_s(40);
	assert_int_equal(last_query(D1)->query.gen, GM_GEN3);
}

static void b_38_other_version_of_a_winner(void)
{
	query_heard(D1, QL, "GQ", .gen = GM_GEN2);
	expect_notes(OTHER_VERSION_QUERY, 1);
	expect_querier(D1, QL);
	/* It tells nothing of its values. */
	v2_report(D1, H1, G);
	expect_state(D1, G, "EX({},{}):270");
}

static void b_39_version_1(void)
{
	bed.ifs[D1].gen = GM_GEN1;
	apply_if(D1);
	assert_int_equal(last_query(D1)->query.gen, GM_GEN1);
	v1_report(D1, H1, G);
	leave(D1, H1, G);
	expect_drops(D1, VERSION, 1);
	v2_report(D1, H1, G2);
	leave(D1, H1, G2);
	expect_state(D1, G2, "EX({},{}):270");
	expect_no_query(D1);
	query_heard(D1, QL, "GQ", .gen = GM_GEN3);
	expect_notes(OTHER_VERSION_QUERY, 1);
}

/* B-40 of IGMP and B-41 of MLD. */
static void b_40_version_2(void)
{
	bed.ifs[D1].gen = GM_GEN2;
	apply_if(D1);
	assert_int_equal(last_query(D1)->query.gen, GM_GEN2);
	noop_begin();
	report(D1, H1, G, "TO_EX{}");
	expect_noop();
	expect_drops(D1, VERSION, 1);
	query_heard(D1, QL, "GQ", .gen = GM_GEN3);
	expect_notes(OTHER_VERSION_QUERY, 1);
}

static void b_40_version_lowered_while_asking(void)
{
	report(D1, H1, G, "ALLOW{1,2}");
	report(D1, H1, G, "BLOCK{1}");
	expect_query(D1, "Q(G1,{1})");
	bed.ifs[D1].gen = GM_GEN2;
	apply_if(D1);
	wait_s(5);
	/* The older version has no query about sources. */
	expect_query(D1, "Q(G1)");
}

/* --- address and link --------------------------------------------------------------------------------------------- */

static void b_44_no_address_no_query(void)
{
	struct ipaddr own = bed.ifs[D1].addr;

	if_remove(D1);
	expect_general(D1, "GQ");
	bed.ifs[D1].addr = (struct ipaddr){ 0 };
	if_add(D1);
	wait_s(100);
	expect_general(D1, "");
	/* Members count all the same, and get their data. */
	v2_report(D1, H1, G);
	expect_fwd(D1, G, "1,2,3,4,5,6");
	leave(D1, H1, G);
	wait_s(5);
	expect_no_query(D1);
	bed.ifs[D1].addr = own;
	mark();
	apply_if(D1);
	wait_s(32);
	expect_general_times(D1, "0:GQ 31.25:GQ");
}

static void b_45_address_lost_while_asking(void)
{
	v2_report(D1, H1, G);
	leave(D1, H1, G);
	report(D1, H1, G2, "ALLOW{1,2}");
	report(D1, H1, G2, "BLOCK{1}");
	expect_query(D1, "Q(G1) Q(G2,{1})");
	wait_s(0.5);
	bed.ifs[D1].addr = (struct ipaddr){ 0 };
	apply_if(D1);
	report(D1, H2, G2, "ALLOW{1}");
	wait_s(300);
	expect_no_query(D1);
	expect_general(D1, "");
}

static void b_46_link_down_and_up(void)
{
	at(1 + 40);
	v2_report(D1, H1, G);
	v2_report(D2, H3, G2);
	expect_upstream(U, "TO_EX{} G2:TO_EX{}");
	expect_general(D1, "GQ GQ");
	if_link(D1, false);
	expect_gone(D1, G);
	expect_upstream(U, "TO_IN{}");
	expect_notes(IF_DOWN, 1);
	wait_s(100);
	expect_general(D1, "");
	mark();
	if_link(D1, true);
	wait_s(160);
	expect_general_times(D1, "0:GQ 31.25:GQ 156.25:GQ");
	expect_state(D2, G2, "EX({},{}):10");
}

static void b_47_address_changed(void)
{
	yield();
	expect_general(D1, "GQ");
	bed.ifs[D1].addr = addr("QL3");
	mark();
	apply_if(D1);
	expect_querier(D1, "");
	expect_general_times(D1, "0:GQ");
	query_heard(D1, QL, "GQ");
	expect_querier(D1, "");
}

/* --- late timers -------------------------------------------------------------------------------------------------- */

static void late_general_queries_are_not_made_up_for(void)
{
	expect_general(D1, "GQ");
	jump(1000);
	expect_general(D1, "GQ");
	mark();
	wait_s(300);
	expect_general_times(D1, "125:GQ 250:GQ");
}

static void late_last_member_queries_are_not_made_up_for(void)
{
	bed.ifs[D1].last_member_count = 200;
	apply_if(D1);
	report(D1, H1, G, "TO_EX{}");
	report(D1, H1, G2, "ALLOW{1}");
	leave(D1, H1, G);
	report(D1, H1, G2, "BLOCK{1}");
	expect_query(D1, "Q(G1) Q(G2,{1})");
	jump(1000);
	expect_gone(D1, G);
	expect_gone(D1, G2);
	expect_no_query(D1);
}

static void late_by_some_queries(void)
{
	bed.ifs[D1].last_member_count = 10;
	apply_if(D1);
	report(D1, H1, G, "TO_EX{}");
	report(D1, H1, G2, "ALLOW{1}");
	leave(D1, H1, G);
	report(D1, H1, G2, "BLOCK{1}");
	expect_query(D1, "Q(G1) Q(G2,{1})");
	jump(5.5);
	expect_query(D1, "Q(G1) Q(G2,{1})");
	wait_s(1);
	expect_query(D1, "Q(G1) Q(G2,{1})");
}

static void late_all_timers_in_their_order(void)
{
	report(D1, H1, G, "IS_EX{3}");
	wait_s(10);
	report(D1, H2, G, "ALLOW{1}");
	yield();
	expect_upstream(U, "TO_EX{3}");
	jump(265);
	expect_lists(D1, G, "IN{1}");
	expect_querier(D1, "");
	expect_upstream(U, "TO_IN{1}");
	jump(1000);
	expect_gone(D1, G);
	expect_upstream(U, "BLOCK{1}");
	assert_true(gm_next(bed.gm) > bed.now);
}

int main(void)
{
	TEST(b_01_starts_as_querier);
	TEST(b_02_schedule);
	TEST(b_02_schedule_fast);
	TEST(b_02_startup_count);
	TEST(b_02_interval_changed_while_running);
	TEST(b_06_announces_its_robustness);
	TEST(b_09_lower_address_wins);
	TEST(b_10_higher_address_loses);
	TEST(b_11_other_querier_present);
	TEST(b_12_any_lower_router_counts);
	TEST(b_13_suppress_flag_elects_too);
	TEST_V4(b_14_specific_queries_do_not_elect);
	TEST_V6(b_15_any_query_elects);
	TEST_V6(b_16_interface_identifier_counts);
	TABLE(adopt_rows, b_adopt);
	TEST(b_17_other_querier_time_is_of_its_values);
	TEST(b_18_zero);
	TEST(b_20_querier_keeps_its_own);
	TEST(b_21_leave_is_for_the_querier);
	TEST(b_22_no_query_of_a_non_querier);
	TEST(b_23_group_query_lowers_the_group);
	TEST(b_23_the_count_follows_the_querier);
	TEST(b_24_source_query_lowers_sources);
	TEST(b_25_older_query_tells_its_time);
	TEST(b_25_no_time_at_all);
	TEST(b_25_not_for_the_querier);
	TEST(b_26_pending_queries_are_still_sent);
	TEST(b_27_leave);
	TEST(b_27_count_and_interval);
	TEST(b_28_answered);
	TEST(b_28_answered_in_older_mode);
	TEST(b_29_block);
	TEST(b_30_one_is_answered);
	TEST(b_31_blocked_again);
	TEST(b_32_merged);
	TEST(b_33_group_and_sources);
	TEST(b_34_current_state_never_asks);
	TEST(b_35_leave_of_nothing);
	TEST(b_36_many_sources);
	TEST(b_37_other_version_of_a_loser);
	TEST(b_38_other_version_of_a_winner);
	TEST_V4(b_39_version_1);
	TEST(b_40_version_2);
	TEST(b_40_version_lowered_while_asking);
	TEST(b_44_no_address_no_query);
	TEST(b_45_address_lost_while_asking);
	TEST(b_46_link_down_and_up);
	TEST(b_47_address_changed);
	TEST(b_51_schedule_under_load);
	TEST(late_general_queries_are_not_made_up_for);
	TEST(late_last_member_queries_are_not_made_up_for);
	TEST(late_by_some_queries);
	TEST(late_all_timers_in_their_order);
	return dsl_run("gm_querier");
}
