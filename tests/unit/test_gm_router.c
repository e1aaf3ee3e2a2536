/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filter-mode state machine of the router side against RFC 9776 s6.4 Tables 8 and 9 (RFC 9777 s7.4): rows C-01 to
 * C-37 of doc/CONFORMANCE.
 */
#include "gm_dsl.h"

/*
 * The two starting points. I: INCLUDE{1,2,3} 5 s ago. E: EXCLUDE({1,2},{3,4}), the group timer started 15 s ago and the
 * sources' 5 s ago. So 265 is a source timer, and 255 the group timer, that nobody touched.
 */
static void state_i(void)
{
	report(D1, H1, G, "ALLOW{1,2,3}");
	expect_state(D1, G, "IN{1:270,2:270,3:270}");
	expect_upstream(U, "ALLOW{1,2,3}");
	wait_s(5);
	expect_no_query(D1);
}

static void state_e(void)
{
	report(D1, H1, G, "IS_EX{3,4}");
	wait_s(10);
	report(D1, H1, G, "ALLOW{1,2}");
	expect_state(D1, G, "EX({1:270,2:270},{3,4}):260");
	expect_upstream(U, "TO_EX{3,4}");
	wait_s(5);
	expect_no_query(D1);
}

static void state_ex(void)
{
	report(D1, H1, G, "TO_EX{}");
	expect_upstream(U, "TO_EX{}");
	wait_s(5);
}

static void state_in1(void)
{
	report(D1, H1, G, "ALLOW{1}");
	expect_upstream(U, "ALLOW{1}");
	wait_s(5);
}

static void state_ex_y(void)
{
	report(D1, H1, G, "TO_EX{1}");
	expect_upstream(U, "TO_EX{1}");
	wait_s(5);
}

static void state_none(void)
{
	expect_gone(D1, G);
}

/* One row of section C: everything its columns say. Queries are sent LMQC = 2 times. */
struct c_row {
	struct dsl_row row;
	void (*pre)(void);
	const char *record;
	const char *state; /* at once, with the time each timer has left */
	const char *queries, *repeated;
	const char *upstream;
	const char *fwd; /* during the last member query time */
	const char *lq_state, *lq_upstream, *lq_fwd;
};

static const struct c_row c_rows[] = {
	{ { "c_01_is_in", BOTH },
	  state_i,
	  "IS_IN{2,3,4}",
	  "IN{1:265,2:270,3:270,4:270}",
	  "",
	  "",
	  "ALLOW{4}",
	  "1,2,3,4",
	  "IN{1:263,2:268,3:268,4:268}",
	  "",
	  "1,2,3,4" },
	{ { "c_02_is_ex", BOTH },
	  state_i,
	  "IS_EX{2,3,4}",
	  "EX({2:265,3:265},{4}):270",
	  "",
	  "",
	  "TO_EX{4}",
	  "1,2,3,5,6",
	  "EX({2:263,3:263},{4}):268",
	  "",
	  "1,2,3,5,6" },
	{ { "c_03_is_in", BOTH },
	  state_e,
	  "IS_IN{2,3,5}",
	  "EX({1:265,2:270,3:270,5:270},{4}):255",
	  "",
	  "",
	  "ALLOW{3}",
	  "1,2,3,5,6",
	  "EX({1:263,2:268,3:268,5:268},{4}):253",
	  "",
	  "1,2,3,5,6" },
	{ { "c_04_is_ex", BOTH },
	  state_e,
	  "IS_EX{2,3,5}",
	  "EX({2:265,5:270},{3}):270",
	  "",
	  "",
	  "ALLOW{4}",
	  "1,2,4,5,6",
	  "EX({2:263,5:268},{3}):268",
	  "",
	  "1,2,4,5,6" },
	{ { "c_05_allow", BOTH },
	  state_i,
	  "ALLOW{2,3,4}",
	  "IN{1:265,2:270,3:270,4:270}",
	  "",
	  "",
	  "ALLOW{4}",
	  "1,2,3,4",
	  "IN{1:263,2:268,3:268,4:268}",
	  "",
	  "1,2,3,4" },
	{ { "c_06_block", BOTH },
	  state_i,
	  "BLOCK{2,3,4}",
	  "IN{1:265,2:2,3:2}",
	  "Q(G1,{2,3})",
	  "Q(G1,{2,3})",
	  "",
	  "1,2,3",
	  "IN{1:263}",
	  "BLOCK{2,3}",
	  "1" },
	{ { "c_07_to_ex", BOTH },
	  state_i,
	  "TO_EX{2,3,4}",
	  "EX({2:2,3:2},{4}):270",
	  "Q(G1,{2,3})",
	  "Q(G1,{2,3})",
	  "TO_EX{4}",
	  "1,2,3,5,6",
	  "EX({},{2,3,4}):268",
	  "BLOCK{2,3}",
	  "1,5,6" },
	{ { "c_08_to_in", BOTH },
	  state_i,
	  "TO_IN{2,3,4}",
	  "IN{1:2,2:270,3:270,4:270}",
	  "Q(G1,{1})",
	  "Q(G1,{1})",
	  "ALLOW{4}",
	  "1,2,3,4",
	  "IN{2:268,3:268,4:268}",
	  "BLOCK{1}",
	  "2,3,4" },
	{ { "c_09_allow", BOTH },
	  state_e,
	  "ALLOW{2,3,5}",
	  "EX({1:265,2:270,3:270,5:270},{4}):255",
	  "",
	  "",
	  "ALLOW{3}",
	  "1,2,3,5,6",
	  "EX({1:263,2:268,3:268,5:268},{4}):253",
	  "",
	  "1,2,3,5,6" },
	{ { "c_10_block", BOTH },
	  state_e,
	  "BLOCK{2,3,5}",
	  "EX({1:265,2:2,5:2},{3,4}):255",
	  "Q(G1,{2,5})",
	  "Q(G1,{2,5})",
	  "",
	  "1,2,5,6",
	  "EX({1:263},{2,3,4,5}):253",
	  "BLOCK{2,5}",
	  "1,6" },
	{ { "c_11_to_ex", BOTH },
	  state_e,
	  "TO_EX{2,3,5}",
	  "EX({2:2,5:2},{3}):270",
	  "Q(G1,{2,5})",
	  "Q(G1,{2,5})",
	  "ALLOW{4}",
	  "1,2,4,5,6",
	  "EX({},{2,3,5}):268",
	  "BLOCK{2,5}",
	  "1,4,6" },
	{ { "c_12_to_in", BOTH },
	  state_e,
	  "TO_IN{2,3,5}",
	  "EX({1:2,2:270,3:270,5:270},{4}):2",
	  "Q(G1,{1}) Q(G1)",
	  "Q(G1) Q(G1,{1})",
	  "ALLOW{3}",
	  "1,2,3,5,6",
	  "IN{2:268,3:268,5:268}",
	  "TO_IN{2,3,5}",
	  "2,3,5" },

	{ { "c_13_is_in_nothing", BOTH }, state_none, "IS_IN{}", "-", "", "", "", "", "-", "", "" },
	{ { "c_13_allow_nothing", BOTH }, state_none, "ALLOW{}", "-", "", "", "", "", "-", "", "" },
	{ { "c_13_block_nothing", BOTH }, state_none, "BLOCK{}", "-", "", "", "", "", "-", "", "" },
	{ { "c_13_block_source", BOTH }, state_none, "BLOCK{1}", "-", "", "", "", "", "-", "", "" },
	{ { "c_13_to_in_nothing", BOTH }, state_none, "TO_IN{}", "-", "", "", "", "", "-", "", "" },
	{ { "c_14_is_ex", BOTH },
	  state_none,
	  "IS_EX{}",
	  "EX({},{}):270",
	  "",
	  "",
	  "TO_EX{}",
	  "1,2,3,4,5,6",
	  "EX({},{}):268",
	  "",
	  "1,2,3,4,5,6" },
	{ { "c_14_to_ex", BOTH },
	  state_none,
	  "TO_EX{}",
	  "EX({},{}):270",
	  "",
	  "",
	  "TO_EX{}",
	  "1,2,3,4,5,6",
	  "EX({},{}):268",
	  "",
	  "1,2,3,4,5,6" },
	{ { "c_15_is_ex", BOTH },
	  state_none,
	  "IS_EX{1}",
	  "EX({},{1}):270",
	  "",
	  "",
	  "TO_EX{1}",
	  "2,3,4,5,6",
	  "EX({},{1}):268",
	  "",
	  "2,3,4,5,6" },
	{ { "c_15_to_ex", BOTH },
	  state_none,
	  "TO_EX{1}",
	  "EX({},{1}):270",
	  "",
	  "",
	  "TO_EX{1}",
	  "2,3,4,5,6",
	  "EX({},{1}):268",
	  "",
	  "2,3,4,5,6" },
	{ { "c_16_is_in", BOTH }, state_none, "IS_IN{1}", "IN{1:270}", "", "", "ALLOW{1}", "1", "IN{1:268}", "", "1" },
	{ { "c_16_allow", BOTH }, state_none, "ALLOW{1}", "IN{1:270}", "", "", "ALLOW{1}", "1", "IN{1:268}", "", "1" },
	{ { "c_16_to_in", BOTH }, state_none, "TO_IN{1}", "IN{1:270}", "", "", "ALLOW{1}", "1", "IN{1:268}", "", "1" },
	{ { "c_17_leave", BOTH },
	  state_ex,
	  "TO_IN{}",
	  "EX({},{}):2",
	  "Q(G1)",
	  "Q(G1)",
	  "",
	  "1,2,3,4,5,6",
	  "-",
	  "TO_IN{}",
	  "" },
	{ { "c_18_block", BOTH },
	  state_ex,
	  "BLOCK{1}",
	  "EX({1:2},{}):265",
	  "Q(G1,{1})",
	  "Q(G1,{1})",
	  "",
	  "1,2,3,4,5,6",
	  "EX({},{1}):263",
	  "BLOCK{1}",
	  "2,3,4,5,6" },
	{ { "c_19_allow", BOTH },
	  state_ex_y,
	  "ALLOW{1}",
	  "EX({1:270},{}):265",
	  "",
	  "",
	  "ALLOW{1}",
	  "1,2,3,4,5,6",
	  "EX({1:268},{}):263",
	  "",
	  "1,2,3,4,5,6" },
	{ { "c_20_to_ex", BOTH },
	  state_in1,
	  "TO_EX{}",
	  "EX({},{}):270",
	  "",
	  "",
	  "TO_EX{}",
	  "1,2,3,4,5,6",
	  "EX({},{}):268",
	  "",
	  "1,2,3,4,5,6" },
	{ { "c_21_to_in", BOTH },
	  state_in1,
	  "TO_IN{}",
	  "IN{1:2}",
	  "Q(G1,{1})",
	  "Q(G1,{1})",
	  "",
	  "1",
	  "-",
	  "BLOCK{1}",
	  "" },
};

static void c_row(const void *arg)
{
	const struct c_row *c = ROW(c_row, arg);

	c->pre();
	report(D1, H1, G, c->record);
	expect_state(D1, G, c->state);
	expect_query(D1, c->queries);
	expect_upstream(U, c->upstream);
	expect_fwd(D1, G, c->fwd);
	/* C-31: the data goes on until the last member query time is over. */
	wait_s(LMQT - 0.001);
	expect_query(D1, c->repeated);
	expect_fwd(D1, G, c->fwd);
	expect_no_upstream(U);
	wait_s(0.001);
	expect_state(D1, G, c->lq_state);
	expect_upstream(U, c->lq_upstream);
	expect_fwd(D1, G, c->lq_fwd);
	wait_s(LMQT);
	expect_no_query(D1);
	expect_no_upstream(U);
	expect_no_query(D2);
}

/* --- timers, switching, forwarding -------------------------------------------------------------------------------- */

static void c_22_one_source_ages(void)
{
	report(D1, H1, G, "ALLOW{1,2}");
	expect_upstream(U, "ALLOW{1,2}");
	wait_s(100);
	report(D1, H1, G, "IS_IN{1}");
	wait_s(GMI - 100 - 0.001);
	expect_fwd(D1, G, "1,2");
	wait_s(0.001);
	expect_state(D1, G, "IN{1:100}");
	expect_upstream(U, "BLOCK{2}");
	expect_fwd(D1, G, "1");
}

static void c_23_last_source_ages(void)
{
	report(D1, H1, G, "ALLOW{1}");
	expect_upstream(U, "ALLOW{1}");
	wait_s(GMI - 0.001);
	expect_no_upstream(U);
	wait_s(0.001);
	expect_gone(D1, G);
	expect_upstream(U, "BLOCK{1}");
	expect_fwd(D1, G, "");
}

static void c_24_requested_moves_to_excluded(void)
{
	report(D1, H1, G, "IS_EX{3}");
	report(D1, H2, G, "ALLOW{1}");
	expect_state(D1, G, "EX({1:270},{3}):270");
	expect_upstream(U, "TO_EX{3}");
	for (int i = 0; i < 2; i++) {
		wait_s(125);
		report(D1, H1, G, "IS_EX{1,3}");
	}
	expect_state(D1, G, "EX({1:20},{3}):270");
	wait_s(20);
	expect_state(D1, G, "EX({},{1,3}):250");
	expect_upstream(U, "BLOCK{1}");
	expect_fwd(D1, G, "2,4,5,6");
}

static void c_25_switch_keeps_requested(void)
{
	report(D1, H1, G, "IS_EX{3,4}");
	wait_s(20);
	report(D1, H2, G, "ALLOW{1,2}");
	expect_upstream(U, "TO_EX{3,4}");
	expect_fwd(D1, G, "1,2,5,6");
	wait_s(GMI - 20);
	expect_state(D1, G, "IN{1:20,2:20}");
	expect_upstream(U, "TO_IN{1,2}");
	expect_fwd(D1, G, "1,2");
}

/* C-25, C-37: the streams that go on see no change of their entries. */
static void c_37_switch_without_gap(void)
{
	report(D1, H1, G, "IS_EX{3,4}");
	wait_s(20);
	report(D1, H2, G, "ALLOW{1,2}");
	expect_data(U, "1", G, "D1");
	expect_data(U, "5", G, "D1");
	expect_routes("SET(1,G1)U>D1 SET(5,G1)U>D1");
	wait_s(GMI - 20);
	expect_lists(D1, G, "IN{1,2}");
	expect_routes("SET(5,G1)U> SET(2,G1)U>D1");
}

static void c_26_switch_to_nothing(void)
{
	report(D1, H1, G, "IS_EX{3}");
	expect_upstream(U, "TO_EX{3}");
	wait_s(GMI);
	expect_gone(D1, G);
	expect_upstream(U, "TO_IN{}");
}

static void c_27_no_group_timer_in_include(void)
{
	report(D1, H1, G, "IS_EX{}");
	wait_s(100);
	report(D1, H1, G, "TO_IN{1}");
	wait_s(2);
	expect_upstream(U, "TO_EX{} TO_IN{1}");
	for (int i = 0; i < 4; i++) {
		wait_s(120);
		report(D1, H1, G, "IS_IN{1}");
	}
	expect_state(D1, G, "IN{1:270}");
	expect_no_upstream(U);
}

static void c_28_include_forwards_its_list(void)
{
	report(D1, H1, G, "ALLOW{1}");
	expect_data(U, "1", G, "D1");
	expect_data(U, "2", G, "");
}

static void c_29_exclude_forwards_all_but(void)
{
	report(D1, H1, G, "IS_EX{1,2}");
	report(D1, H2, G, "ALLOW{1}");
	expect_lists(D1, G, "EX({1},{2})");
	expect_fwd(D1, G, "1,3,4,5,6");
}

static void c_30_no_record_no_data(void)
{
	expect_data(U, "1", G, "");
	expect_fwd(D1, G, "");
	expect_fwd(D2, G, "");
}

static void c_32_rescued_by_exclude(void)
{
	state_e();
	report(D1, H1, G, "TO_IN{2,3,5}");
	expect_upstream(U, "ALLOW{3}");
	wait_s(0.5);
	report(D1, H2, G, "IS_EX{4}");
	expect_state(D1, G, "EX({},{4}):270");
	expect_query(D1, "Q(G1,{1}) Q(G1)");
	expect_fwd(D1, G, "1,2,3,5,6");
	wait_s(LMQT);
	/* The repetition tells other routers that somebody has answered: RFC 9776 s6.6.3.1. */
	expect_query(D1, "Q(G1)S");
	expect_state(D1, G, "EX({},{4}):268");
	expect_no_upstream(U);
	expect_fwd(D1, G, "1,2,3,5,6");
}

static void c_33_rescued_by_include(void)
{
	state_i();
	report(D1, H1, G, "BLOCK{2,3,4}");
	wait_s(0.5);
	report(D1, H2, G, "IS_IN{2}");
	wait_s(1.5);
	expect_state(D1, G, "IN{1:263,2:268.5}");
	expect_upstream(U, "BLOCK{3}");
}

static void c_34_membership_interval(void)
{
	report(D1, H1, G, "IS_EX{}");
	wait_s(GMI - 0.001);
	expect_lists(D1, G, "EX({},{})");
	wait_s(0.001);
	expect_gone(D1, G);
	expect_upstream(U, "TO_EX{} TO_IN{}");
}

static void c_35_union_of_hosts(void)
{
	report(D1, H1, G, "ALLOW{1}");
	report(D1, H2, G, "ALLOW{2}");
	expect_fwd(D1, G, "1,2");
	report(D1, H1, G, "BLOCK{1}");
	wait_s(2);
	expect_fwd(D1, G, "2");
	expect_upstream(U, "ALLOW{1} ALLOW{2} BLOCK{1}");
}

static void c_36_include_and_exclude_hosts(void)
{
	report(D1, H1, G, "ALLOW{1}");
	report(D1, H2, G, "TO_EX{1,2}");
	report(D1, H1, G, "IS_IN{1}");
	expect_lists(D1, G, "EX({1},{2})");
	expect_fwd(D1, G, "1,3,4,5,6");
}

/* "(B-X-Y) = Group Timer" means what is left of it, even where the interval has become shorter since. */
static void c_group_timer_is_taken_as_it_is(void)
{
	report(D1, H1, G, "IS_EX{}");
	query_heard(D1, QL, "GQ", .qrv = 1, .qqi = 10);
	report(D1, H1, G, "BLOCK{1}");
	expect_state(D1, G, "EX({1:270},{}):270");
	report(D1, H1, G2, "IS_EX{}");
	expect_state(D1, G2, "EX({},{}):30");
}

int main(void)
{
	TABLE(c_rows, c_row);
	TEST(c_22_one_source_ages);
	TEST(c_23_last_source_ages);
	TEST(c_24_requested_moves_to_excluded);
	TEST(c_25_switch_keeps_requested);
	TEST(c_26_switch_to_nothing);
	TEST(c_27_no_group_timer_in_include);
	TEST(c_28_include_forwards_its_list);
	TEST(c_29_exclude_forwards_all_but);
	TEST(c_30_no_record_no_data);
	TEST(c_32_rescued_by_exclude);
	TEST(c_33_rescued_by_include);
	TEST(c_34_membership_interval);
	TEST(c_35_union_of_hosts);
	TEST(c_36_include_and_exclude_hosts);
	TEST(c_37_switch_without_gap);
	TEST(c_group_timer_is_taken_as_it_is);
	return dsl_run("gm_router");
}
