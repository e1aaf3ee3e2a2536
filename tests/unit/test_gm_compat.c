/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Older hosts and source-specific groups: rows D-01 to D-28 (RFC 9776 s7.3.2, RFC 9777 s8.3.2, RFC 2236 s5, RFC 4604,
 * RFC 4607).
 */
#include "gm_dsl.h"

#define expect_gen(slot, group, gen) _assert_int_equal(gen_of(slot, group), gen, __FILE__, __LINE__)

static enum gm_gen gen_of(enum slot slot, const char *name)
{
	struct ipaddr a = addr(name);
	const struct gm_group *group = gm_group_find(bed.gm, &a);

	assert_non_null(group);
	assert_non_null(gm_group_rec(group, (uint8_t)slot));
	return gm_rec_gen(gm_group_rec(group, (uint8_t)slot), bed.now);
}

/* --- one record in an older mode ---------------------------------------------------------------------------------- */

struct d_row {
	struct dsl_row row;
	unsigned int mode; /* 1 or 2: what a host made of EX({},{}), 5 s ago; or a record (3), given in `before` */
	const char *before;
	const char *record; /* "V1R", "V2R", "LV" or a record */
	const char *state, *queries;
	unsigned int gen, ignored;
	const char *lq_state;
};

static const struct d_row d_rows[] = {
	{ { "d_03_leave_in_v2_mode", BOTH }, 2, NULL, "LV", "EX({},{}):2", "Q(G1)", 2, 0, "-" },
	{ { "d_04_leave_in_v1_mode", V4 }, 1, NULL, "LV", "EX({},{}):265", "", 1, 1, "EX({},{}):263" },
	{ { "d_05_to_in_in_v1_mode", V4 }, 1, NULL, "TO_IN{}", "EX({},{}):265", "", 1, 1, "EX({},{}):263" },
	{ { "d_05_to_in_list_in_v1_mode", V4 }, 1, NULL, "TO_IN{1}", "EX({},{}):265", "", 1, 1, "EX({},{}):263" },
	{ { "d_06_block_in_v1_mode", V4 }, 1, NULL, "BLOCK{1}", "EX({},{}):265", "", 1, 1, "EX({},{}):263" },
	{ { "d_06_block_in_v2_mode", BOTH }, 2, NULL, "BLOCK{1}", "EX({},{}):265", "", 2, 1, "EX({},{}):263" },
	{ { "d_07_to_ex_in_v1_mode", V4 }, 1, NULL, "TO_EX{1}", "EX({},{}):270", "", 1, 0, "EX({},{}):268" },
	{ { "d_07_to_ex_in_v2_mode", BOTH }, 2, NULL, "TO_EX{1}", "EX({},{}):270", "", 2, 0, "EX({},{}):268" },
	{ { "d_08_v2_report_in_v1_mode", V4 }, 1, NULL, "V2R", "EX({},{}):270", "", 1, 0, "EX({},{}):268" },
	{ { "d_09_allow_in_v2_mode", BOTH },
	  2,
	  NULL,
	  "ALLOW{1}",
	  "EX({1:270},{}):265",
	  "",
	  2,
	  0,
	  "EX({1:268},{}):263" },
	{ { "d_09_is_in_in_v2_mode", BOTH },
	  2,
	  NULL,
	  "IS_IN{1}",
	  "EX({1:270},{}):265",
	  "",
	  2,
	  0,
	  "EX({1:268},{}):263" },
	{ { "d_09_is_ex_in_v2_mode", BOTH },
	  2,
	  NULL,
	  "IS_EX{1}",
	  "EX({1:270},{}):270",
	  "",
	  2,
	  0,
	  "EX({1:268},{}):268" },
	{ { "d_10_to_in_in_v2_mode", BOTH }, 2, NULL, "TO_IN{}", "EX({},{}):2", "Q(G1)", 2, 0, "-" },
	{ { "d_10_to_in_list_in_v2_mode", BOTH }, 2, NULL, "TO_IN{1}", "EX({1:270},{}):2", "Q(G1)", 2, 0, "IN{1:268}" },
	{ { "d_11_v2_report_in_v3_mode", BOTH }, 3, "TO_EX{1}", "V2R", "EX({},{}):270", "", 2, 0, "EX({},{}):268" },
	{ { "d_11_v1_report_in_v3_mode", V4 }, 3, "TO_EX{1}", "V1R", "EX({},{}):270", "", 1, 0, "EX({},{}):268" },
	{ { "d_11_v2_report_in_include", BOTH }, 3, "ALLOW{1}", "V2R", "EX({},{}):270", "", 2, 0, "EX({},{}):268" },
};

static void say(const char *what)
{
	if (what[0] == 'V' && what[1] == '1')
		v1_report(D1, H2, G);
	else if (what[0] == 'V')
		v2_report(D1, H2, G);
	else if (what[0] == 'L')
		leave(D1, H2, G);
	else
		report(D1, H2, G, what);
}

static void d_row(const void *arg)
{
	const struct d_row *d = ROW(d_row, arg);

	say(d->mode == 1 ? "V1R" : d->mode == 2 ? "V2R" : d->before);
	wait_s(5);
	say(d->record);
	expect_state(D1, G, d->state);
	expect_query(D1, d->queries);
	expect_gen(D1, G, d->gen);
	expect_drops(D1, OLDER_HOST, d->ignored);
	wait_s(LMQT);
	/* The repetition; D-14: on the wire it has the version of the interface. */
	expect_query(D1, d->queries);
	if (d->queries[0])
		assert_int_equal(last_query(D1)->query.gen, GM_GEN3);
	expect_state(D1, G, d->lq_state);
}

/* --- the timers of older hosts ------------------------------------------------------------------------------------ */

static void d_01_v2_report(void)
{
	v2_report(D1, H1, G);
	expect_state(D1, G, "EX({},{}):270");
	expect_upstream(U, "TO_EX{}");
	wait_s(200);
	report(D1, H2, G, "IS_EX{}");
	wait_s(OHPI - 200 - 0.001);
	expect_gen(D1, G, 2);
	wait_s(0.001);
	expect_gen(D1, G, 3);
}

static void d_02_v1_report(void)
{
	v1_report(D1, H1, G);
	expect_state(D1, G, "EX({},{}):270");
	expect_upstream(U, "TO_EX{}");
	wait_s(200);
	report(D1, H2, G, "IS_EX{}");
	wait_s(OHPI - 200 - 0.001);
	expect_gen(D1, G, 1);
	wait_s(0.001);
	expect_gen(D1, G, 3);
}

static void d_11_blocked_source_flows_again(void)
{
	report(D1, H1, G, "TO_EX{1}");
	expect_fwd(D1, G, "2,3,4,5,6");
	v2_report(D1, H2, G);
	expect_fwd(D1, G, "1,2,3,4,5,6");
	expect_upstream(U, "TO_EX{1} ALLOW{1}");
}

static void d_12_v1_then_v2_then_v3(void)
{
	v1_report(D1, H1, G);
	wait_s(10);
	v2_report(D1, H2, G);
	wait_s(190);
	report(D1, H1, G, "IS_EX{}");
	wait_s(59.999);
	expect_gen(D1, G, 1);
	wait_s(0.001);
	expect_gen(D1, G, 2);
	wait_s(9.999);
	expect_gen(D1, G, 2);
	wait_s(0.001);
	expect_gen(D1, G, 3);
}

/* D-13, D-19. */
static void d_13_block_is_honoured_again(void)
{
	v2_report(D1, H1, G);
	wait_s(200);
	report(D1, H2, G, "IS_EX{}");
	wait_s(OHPI - 200);
	report(D1, H2, G, "BLOCK{1}");
	expect_state(D1, G, "EX({1:2},{}):210");
	expect_query(D1, "Q(G1,{1})");
	wait_s(2);
	expect_lists(D1, G, "EX({},{1})");
}

static void d_21_v1_host_on_a_v2_router(void)
{
	bed.ifs[D1].gen = GM_GEN2;
	apply_if(D1);
	v1_report(D1, H1, G);
	wait_s(200);
	v2_report(D1, H2, G);
	/* RFC 2236 s8.7: as long as the group membership interval. */
	wait_s(GMI - 200 - 0.001);
	leave(D1, H2, G);
	expect_lists(D1, G, "EX({},{})");
	expect_no_query(D1);
	wait_s(0.001);
	leave(D1, H2, G);
	expect_query(D1, "Q(G1)");
	wait_s(2);
	expect_gone(D1, G);
}

static void d_22_report_ends_checking(void)
{
	bed.ifs[D1].gen = GM_GEN2;
	apply_if(D1);
	v2_report(D1, H1, G);
	leave(D1, H1, G);
	expect_query(D1, "Q(G1)");
	wait_s(0.2);
	v2_report(D1, H2, G);
	wait_s(60);
	expect_state(D1, G, "EX({},{}):210");
	expect_no_query(D1);
}

static void d_23_mode_is_of_group_and_interface(void)
{
	v2_report(D1, H1, G);
	report(D2, H3, G, "ALLOW{1}");
	v2_report(D2, H3, G2);
	expect_gen(D1, G, 2);
	expect_gen(D2, G, 3);
	expect_gen(D2, G2, 2);
	expect_filter(U, G, "EX{}");
}

/* --- source-specific groups --------------------------------------------------------------------------------------- */

static void d_24_older_messages_establish_nothing(void)
{
	noop_begin();
	if (!bed.v6)
		v1_report(D1, H1, GS);
	v2_report(D1, H1, GS);
	leave(D1, H1, GS);
	expect_noop();
	expect_drops(D1, SSM, bed.v6 ? 2 : 3);
	expect_notes(SSM_IGNORED, bed.v6 ? 2 : 3);
	expect_fwd(D1, GS, "");
}

static void d_24_group_stays_in_v3_mode(void)
{
	report(D1, H1, GS, "ALLOW{1,2}");
	noop_begin();
	v2_report(D1, H2, GS);
	leave(D1, H2, GS);
	expect_noop();
	expect_gen(D1, GS, 3);
	report(D1, H1, GS, "BLOCK{1}");
	expect_state(D1, GS, "IN{1:2,2:270}");
}

static void d_25_exclude_records(void)
{
	report(D1, H1, GS, "ALLOW{1}");
	expect_upstream(U, "GS1:ALLOW{1}");
	noop_begin();
	report(D1, H1, GS, "IS_EX{}");
	report(D1, H1, GS, "TO_EX{}");
	report(D1, H1, GS, "TO_EX{1}");
	expect_noop();
	expect_drops(D1, SSM, 3);
	report(D1, H1, GS2, "ALLOW{2}");
	expect_upstream(U, "GS2:ALLOW{2}");
}

static void d_26_to_in(void)
{
	report(D1, H1, GS, "ALLOW{1,2}");
	report(D1, H1, GS, "TO_IN{2}");
	expect_state(D1, GS, "IN{1:2,2:270}");
	expect_query(D1, "Q(GS1,{1})");
}

static void d_27_block(void)
{
	report(D1, H1, GS, "ALLOW{1}");
	report(D1, H1, GS, "BLOCK{1}");
	wait_s(3);
	expect_query(D1, "Q(GS1,{1}) Q(GS1,{1})");
	expect_gone(D1, GS);
	expect_upstream(U, "GS1:ALLOW{1} GS1:BLOCK{1}");
}

static void d_28_configured_range(void)
{
	const char *inside = bed.v6 ? "ff15::1:7" : "239.232.0.7", *outside = GS;

	bed.conf.ssm_range = acl(bed.v6 ? "permit ff15::1:0/112" : "permit 239.232.0.0/16");
	apply_conf();
	v2_report(D1, H1, inside);
	expect_gone(D1, inside);
	v2_report(D1, H1, outside);
	expect_state(D1, outside, "EX({},{}):270");
	/* Back to the default: what is against it now goes at once. */
	bed.conf.ssm_range = NULL;
	apply_conf();
	expect_gone(D1, outside);
	expect_upstream(U, "GS1:TO_EX{} GS1:TO_IN{}");
	v2_report(D1, H1, inside);
	expect_state(D1, inside, "EX({},{}):270");
}

static void d_28_edges_of_the_default_range(void)
{
	static const struct {
		const char *group;
		bool ssm;
	} v4[] = { { "231.255.255.255", false },
		   { "232.0.0.1", true },
		   { "232.255.255.255", true },
		   { "233.0.0.0", false } },
	  v6[] = { { "ff35::1", true }, { "ff3e:0:ffff::1", true }, { "ff3e:1::1", false }, { "ff25::1", false } };

	for (size_t i = 0; i < ARRAY_SIZE(v4); i++) {
		const char *group = bed.v6 ? v6[i].group : v4[i].group;
		bool ssm = bed.v6 ? v6[i].ssm : v4[i].ssm;

		v2_report(D1, H1, group);
		expect_state(D1, group, ssm ? "-" : "EX({},{}):270");
	}
}

/* --- older hosts that are ignored (D-20, B-43) -----------------------------------------------------------------------
 */

static void ignore_older(bool on)
{
	bed.ifs[D1].ignore_older = on;
	apply_if(D1);
}

static void d_20_older_messages_are_ignored(void)
{
	ignore_older(true);
	(void)dsl_general(D1, false);
	noop_begin();
	v2_report(D1, H1, G);
	if (!bed.v6)
		v1_report(D1, H1, G);
	leave(D1, H1, G);
	expect_noop();
	expect_drops(D1, VERSION, bed.v6 ? 2 : 3);
	report(D1, H2, G, "TO_EX{1}");
	leave(D1, H1, G);
	v2_report(D1, H1, G);
	expect_state(D1, G, "EX({},{1}):270");
	expect_no_query(D1);
}

/* Without older hosts there is no older mode: B-43. What they had asked for is asked for again, of the others. */
static void d_20_holds_for_what_is_there(void)
{
	v2_report(D1, H1, G);
	v2_report(D1, H1, G2);
	report(D1, H2, G2, "IS_EX{}");
	report(D1, H2, "G3", "IS_EX{}");
	report(D1, H2, GS, "ALLOW{1}");
	wait_s(5);
	ignore_older(true);
	expect_gen(D1, G, 3);
	expect_state(D1, G, "EX({},{}):2");
	expect_state(D1, "G3", "EX({},{}):265");
	expect_state(D1, GS, "IN{1:265}");
	expect_query(D1, "Q(G1) Q(G2)");
	wait_s(0.5);
	v2_report(D1, H1, G);
	report(D1, H2, G2, "IS_EX{}");
	expect_fwd(D1, G2, "1,2,3,4,5,6");
	wait_s(1.5);
	expect_gone(D1, G);
	expect_state(D1, G2, "EX({},{}):268.5");
	(void)dsl_queries(D1, false);
	report(D1, H2, G2, "BLOCK{1}");
	expect_query(D1, "Q(G2,{1})");
	/* Who counts again is asked. */
	(void)dsl_general(D1, false);
	ignore_older(false);
	expect_general(D1, "GQ");
	v2_report(D1, H1, G);
	expect_state(D1, G, "EX({},{}):270");
}

static void d_20_of_a_mapped_source(void)
{
	struct gm_ssm_map map = { .source = addr("S1") };

	bed.conf.ssm_maps = &map;
	bed.conf.nssm_maps = 1;
	apply_conf();
	v2_report(D1, H1, GS);
	report(D1, H2, GS, "ALLOW{2}");
	wait_s(5);
	ignore_older(true);
	expect_state(D1, GS, "IN{1:2,2:265}");
	expect_query(D1, "Q(GS1,{1})");
	wait_s(2);
	expect_lists(D1, GS, "IN{2}");
}

/* B-21 behind an ssm-map: the leave is the querier's to look into. */
static void b_21_leave_of_a_mapped_source(void)
{
	struct gm_ssm_map map = { .source = addr("S1") };

	bed.conf.ssm_maps = &map;
	bed.conf.nssm_maps = 1;
	apply_conf();
	v2_report(D1, H1, GS);
	query_heard(D1, QL, "GQ", .qrv = 2, .qqi = 125);
	noop_begin();
	leave(D1, H1, GS);
	expect_noop();
	expect_drops(D1, NOT_QUERIER, 1);
}

/* Older is what is older than the interface. */
static void d_20_on_a_version_2_interface(void)
{
	bed.ifs[D1].gen = GM_GEN2;
	apply_if(D1);
	v1_report(D1, H1, G);
	v2_report(D1, H2, G2);
	ignore_older(true);
	expect_gen(D1, G, 3);
	expect_gen(D1, G2, 2);
	expect_query(D1, "Q(G1)");
	v2_report(D1, H1, G);
	expect_state(D1, G, "EX({},{}):270");
	/* And the interface's version may rise. */
	(void)dsl_queries(D1, false);
	bed.ifs[D1].gen = GM_GEN3;
	apply_if(D1);
	expect_gen(D1, G2, 3);
	expect_query(D1, "Q(G1) Q(G2)");
}

int main(void)
{
	TABLE(d_rows, d_row);
	TEST(d_01_v2_report); /* D-15 of MLD */
	TEST_V4(d_02_v1_report);
	TEST(d_11_blocked_source_flows_again);
	TEST_V4(d_12_v1_then_v2_then_v3);
	TEST(d_13_block_is_honoured_again);
	TEST_V4(d_21_v1_host_on_a_v2_router);
	TEST(d_22_report_ends_checking);
	TEST(d_23_mode_is_of_group_and_interface);
	TEST(d_24_older_messages_establish_nothing);
	TEST(d_24_group_stays_in_v3_mode);
	TEST(d_25_exclude_records);
	TEST(d_26_to_in);
	TEST(d_27_block);
	TEST(d_28_configured_range);
	TEST(d_28_edges_of_the_default_range);
	TEST(d_20_older_messages_are_ignored);
	TEST(d_20_holds_for_what_is_there);
	TEST(d_20_of_a_mapped_source);
	TEST(b_21_leave_of_a_mapped_source);
	TEST_V4(d_20_on_a_version_2_interface);
	return dsl_run("gm_compat");
}
