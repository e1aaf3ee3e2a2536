/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may be asked for, and by whom: rows of packet validation that need the interface,
 * the decisions K, access lists and their live change, limits (B-50), ssm-map, static groups, immediate leave (B-49).
 */
#include "gm_dsl.h"

#include <string.h>

/* --- one record, accepted or not ---------------------------------------------------------------------------------- */

struct a_row {
	struct dsl_row row;
	enum slot slot;
	const char *from, *group, *record; /* NULL: H1, G, "TO_EX{}" */
	const char *state;                 /* NULL: nothing has happened at all */
	enum gm_drop drop;                 /* counted once, if nothing has happened or `dropped` says more */
	unsigned int dropped;
	bool no_verify;
};

#define EX_NEW "EX({},{}):270"

static const struct a_row a_rows[] = {
	{ { "a_32_from_nobody", V4 }, D1, "0.0.0.0", .state = EX_NEW },
	{ { "a_33_off_subnet", V4 }, D1, "172.16.9.9", .drop = GM_DROP_SOURCE_ADDRESS },
	{ { "a_33_off_subnet_unchecked", V4 }, D1, "172.16.9.9", .state = EX_NEW, .no_verify = true },
	{ { "a_33_nobody_unchecked", V4 }, D1, "0.0.0.0", .state = EX_NEW, .no_verify = true },
	{ { "a_33_other_subnet_of_ours", V4 }, D1, H3, .drop = GM_DROP_SOURCE_ADDRESS },
	{ { "a_36_from_a_group", V4 }, D1, "224.1.1.1", .drop = GM_DROP_SOURCE_ADDRESS },
	{ { "a_36_from_a_group_unchecked", V4 }, D1, "224.1.1.1", .drop = GM_DROP_SOURCE_ADDRESS, .no_verify = true },
	{ { "a_36_from_broadcast", V4 }, D1, "255.255.255.255", .drop = GM_DROP_SOURCE_ADDRESS },
	{ { "a_36_from_broadcast_unchecked", V4 },
	  D1,
	  "255.255.255.255",
	  .drop = GM_DROP_SOURCE_ADDRESS,
	  .no_verify = true },
	{ { "a_36_from_loopback", V4 }, D1, "127.0.0.1", .drop = GM_DROP_SOURCE_ADDRESS },
	{ { "a_36_from_loopback_unchecked", V4 }, D1, "127.0.0.1", .drop = GM_DROP_SOURCE_ADDRESS, .no_verify = true },
	{ { "a_36_from_subnet_broadcast", V4 }, D1, "10.1.0.255", .drop = GM_DROP_SOURCE_ADDRESS },
	{ { "a_38_own_report", BOTH }, D1, "D1", .drop = GM_DROP_OWN_PACKET },
	{ { "a_50_on_the_upstream", BOTH }, U, UR, .drop = GM_DROP_ROLE },
	{ { "a_50_on_no_interface_of_ours", BOTH }, D3, H1, .drop = GM_DROP_ROLE },
	{ { "a_51_unicast_group", V4 }, D1, NULL, "10.1.1.1", .drop = GM_DROP_GROUP },
	{ { "a_51_no_group", V4 }, D1, NULL, "0.0.0.0", .drop = GM_DROP_GROUP },
	{ { "a_51_broadcast_group", V4 }, D1, NULL, "255.255.255.255", .drop = GM_DROP_GROUP },
	{ { "a_51_unicast_group", V6 }, D1, NULL, "2001:db8::5", .drop = GM_DROP_GROUP },
	{ { "a_51_no_group", V6 }, D1, NULL, "::", .drop = GM_DROP_GROUP },
	{ { "a_52_all_systems", V4 }, D1, NULL, "224.0.0.1", .drop = GM_DROP_GROUP },
	{ { "a_52_all_nodes", V6 }, D1, NULL, "ff02::1", .drop = GM_DROP_GROUP },
	{ { "a_53_reserved_base", V4 }, D1, NULL, "224.0.0.0", .drop = GM_DROP_GROUP },
	{ { "a_53_reserved_ssm", V4 }, D1, NULL, "232.0.0.0", "ALLOW{1}", .drop = GM_DROP_GROUP },
	{ { "a_53_next_to_reserved_ssm", V4 }, D1, NULL, "232.0.0.1", "ALLOW{1}", .state = "IN{1:270}" },
	{ { "a_53_reserved_ssm", V6 }, D1, NULL, "ff3e::4000:0", "ALLOW{1}", .drop = GM_DROP_GROUP },
	{ { "a_53_next_to_reserved_ssm", V6 }, D1, NULL, "ff3e::4000:1", "ALLOW{1}", .state = "IN{1:270}" },
	{ { "a_54_mdns", V4 }, D1, NULL, "224.0.0.251", .drop = GM_DROP_GROUP },
	{ { "a_54_first_beyond", V4 }, D1, NULL, "224.0.1.0", .state = EX_NEW },
	{ { "a_55_mdns", V6 }, D1, NULL, "ff02::fb", .drop = GM_DROP_GROUP },
	{ { "a_55_solicited_node", V6 }, D1, NULL, "ff02::1:ff00:11", .drop = GM_DROP_GROUP },
	{ { "a_55_link_local_transient", V6 }, D1, NULL, "ff12::5", .drop = GM_DROP_GROUP },
	{ { "a_56_interface_local", V6 }, D1, NULL, "ff01::5", .drop = GM_DROP_GROUP },
	{ { "a_56_interface_local_transient", V6 }, D1, NULL, "ff11::5", .drop = GM_DROP_GROUP },
	{ { "a_57_scope_0", V6 }, D1, NULL, "ff00::5", .drop = GM_DROP_GROUP },
	{ { "a_57_scope_0_transient", V6 }, D1, NULL, "ff10::5", .drop = GM_DROP_GROUP },
	{ { "a_58_scope_f", V6 }, D1, NULL, "ff1f::5", .state = EX_NEW },
	{ { "a_59_realm_local", V6 }, D1, NULL, "ff13::5", .state = EX_NEW },
	{ { "a_59_admin_local", V6 }, D1, NULL, "ff14::5", .state = EX_NEW },
	{ { "a_59_site_local", V6 }, D1, NULL, "ff15::5", .state = EX_NEW },
	{ { "a_59_organization_local", V6 }, D1, NULL, "ff18::5", .state = EX_NEW },
	{ { "a_59_global", V6 }, D1, NULL, "ff1e::5", .state = EX_NEW },
	{ { "a_62_no_sources", V4 },
	  D1,
	  NULL,
	  NULL,
	  "ALLOW{0.0.0.0,224.5.5.5,127.0.0.1,255.255.255.255,1}",
	  .state = "IN{1:270}",
	  .drop = GM_DROP_MALFORMED,
	  .dropped = 4 },
	{ { "a_62_no_sources", V6 },
	  D1,
	  NULL,
	  NULL,
	  "ALLOW{::,ff02::5,::1,1}",
	  .state = "IN{1:270}",
	  .drop = GM_DROP_MALFORMED,
	  .dropped = 3 },
	{ { "a_62_none_left", V4 }, D1, NULL, NULL, "ALLOW{224.5.5.5}", .drop = GM_DROP_MALFORMED },
	{ { "a_63_repeated", BOTH }, D1, NULL, NULL, "ALLOW{1,1,1}", .state = "IN{1:270}" },
	{ { "a_63_unsorted", BOTH }, D1, NULL, NULL, "IS_EX{5,3,5,1}", .state = "EX({},{1,3,5}):270" },
};

static void a_row(const void *arg)
{
	const struct a_row *a = ROW(a_row, arg);
	const char *group = a->group ? a->group : G, *from = a->from ? a->from : a->slot == D2 ? H3 : H1;
	unsigned int dropped = a->dropped ? a->dropped : !a->state;

	if (a->no_verify) {
		bed.ifs[D1].verify_source = false;
		apply_if(D1);
	}
	noop_begin();
	assert_int_equal(report(a->slot, from, group, a->record ? a->record : "TO_EX{}"), 0);
	if (a->state)
		expect_state(a->slot, group, a->state);
	else
		expect_noop();
	if (dropped)
		assert_int_equal(bed.gm->ifs[a->slot].stats.drop[a->drop], dropped);
}

static void a_25_two_records_in_order(void)
{
	report(D1, H1, G, "ALLOW{1}");
	report(D1, H1, G, "BLOCK{1}");
	expect_state(D1, G, "IN{1:2}");
	expect_query(D1, "Q(G1,{1})");
}

static void a_09_unknown_record_type(void)
{
	struct gm_event ev = { .type = GM_EV_RECORD, .slot = D1 };

	ev.record.reporter = addr(H1);
	ev.record.group = addr(G);
	ev.record.gen = GM_GEN3;
	noop_begin();
	for (unsigned int type = 0; type < 256; type += type == 0 ? 7 : 248) {
		ev.record.type = (enum gm_record_type)type;
		assert_int_equal(gm_input(bed.gm, bed.now, &ev), 0);
	}
	expect_noop();
	expect_drops(D1, UNKNOWN_RECORD, 3);
}

/* An older message has no sources, whatever the caller says. */
static void a_15_sources_in_an_older_message(void)
{
	struct ipaddr source = addr("S1");
	struct gm_event ev = { .type = GM_EV_RECORD, .slot = D1 };

	ev.record.reporter = addr(H1);
	ev.record.group = addr(G);
	ev.record.gen = GM_GEN2;
	ev.record.type = GM_TO_IN;
	ev.record.sources = &source;
	ev.record.nsources = 1;
	query_heard(D1, QL, "GQ");
	noop_begin();
	assert_int_equal(gm_input(bed.gm, bed.now, &ev), 0);
	gm_check(bed.gm, bed.now);
	expect_noop();
}

/* --- queries from where none should come -------------------------------------------------------------------------- */

struct q_row {
	struct dsl_row row;
	const char *from, *what;
	enum gm_drop drop;
	unsigned int dropped;
};

static const struct q_row q_rows[] = {
	{ { "a_34_from_nobody", V4 }, "0.0.0.0", "GQ", .dropped = 0 },
	{ { "a_35_off_subnet", V4 }, "9.9.9.9", "GQ", GM_DROP_SOURCE_ADDRESS, 1 },
	{ { "a_35_off_subnet_specific", V4 }, "9.9.9.9", "Q(G1)", GM_DROP_SOURCE_ADDRESS, 1 },
	{ { "a_36_from_subnet_broadcast", V4 }, "10.1.0.255", "GQ", GM_DROP_SOURCE_ADDRESS, 1 },
	{ { "a_37_own_address", BOTH }, "D1", "GQ", GM_DROP_OWN_PACKET, 1 },
	{ { "a_60_unicast_group", V4 }, QL, "Q(10.1.1.1)", GM_DROP_GROUP, 1 },
	{ { "a_60_unicast_group", V6 }, QL, "Q(2001:db8::7)", GM_DROP_GROUP, 1 },
};

static void q_row(const void *arg)
{
	const struct q_row *q = ROW(q_row, arg);

	v2_report(D1, H1, G);
	report(D1, H1, G2, "ALLOW{1}");
	noop_begin();
	query_heard(D1, q->from, q->what);
	expect_noop();
	assert_int_equal(bed.gm->ifs[D1].stats.drop[q->drop], q->dropped);
}

/* --- access lists ------------------------------------------------------------------------------------------------- */

struct acl_row {
	struct dsl_row row;
	const char *rules, *record, *state;
	unsigned int denied;
};

static const struct acl_row acl_rows[] = {
	{ { "acl_permits_group", BOTH }, "permit G1", "TO_EX{}", EX_NEW, 0 },
	{ { "acl_implicit_deny", BOTH }, "permit G2", "TO_EX{}", "-", 1 },
	{ { "acl_first_match", BOTH }, "deny G1; permit any", "TO_EX{}", "-", 1 },
	{ { "acl_any_source_needs_a_rule_without_source", BOTH }, "permit G1 S1", "TO_EX{}", "-", 1 },
	{ { "acl_source_rule_is_skipped_by_any_source", BOTH }, "deny G1 S1; permit G1", "TO_EX{}", EX_NEW, 0 },
	{ { "acl_is_ex_too", BOTH }, "deny G1; permit any", "IS_EX{1}", "-", 1 },
	{ { "acl_exclude_list_is_not_checked", BOTH }, "deny any S1; permit any", "IS_EX{1,2}", "EX({},{1,2}):270", 0 },
	{ { "acl_source_by_source", BOTH }, "deny G1 S2; permit any", "ALLOW{1,2,3}", "IN{1:270,3:270}", 1 },
	{ { "acl_all_sources_denied", BOTH }, "permit G1 S7", "ALLOW{1,2}", "-", 2 },
	{ { "acl_is_in", BOTH }, "permit G1 S2", "IS_IN{1,2}", "IN{2:270}", 1 },
	{ { "acl_to_in", BOTH }, "permit G1 S2", "TO_IN{1,2}", "IN{2:270}", 1 },
};

static void acl_row(const void *arg)
{
	const struct acl_row *a = ROW(acl_row, arg);

	bed.ifs[D1].acl = acl(a->rules);
	apply_if(D1);
	report(D1, H1, G, a->record);
	expect_state(D1, G, a->state);
	expect_drops(D1, ACCESS_LIST, a->denied);
	/* Other interfaces are not concerned. */
	report(D2, H3, G, "TO_EX{}");
	expect_state(D2, G, EX_NEW);
}

static void acl_older_reports(void)
{
	bed.ifs[D1].acl = acl("deny G1; permit any");
	apply_if(D1);
	v2_report(D1, H1, G);
	expect_gone(D1, G);
	v2_report(D1, H1, G2);
	expect_state(D1, G2, EX_NEW);
}

static void acl_leave_is_never_refused(void)
{
	report(D1, H1, G, "TO_EX{}");
	report(D1, H2, G, "ALLOW{1}");
	bed.ifs[D1].acl = acl("permit G1");
	apply_if(D1);
	report(D1, H1, G, "TO_IN{}");
	expect_query(D1, "Q(G1,{1}) Q(G1)");
}

static void acl_all_denied_to_in_is_a_leave(void)
{
	static struct gm_acl list;

	report(D1, H1, G, "ALLOW{1,2}");
	list = *acl("permit G1 S1; permit G1 S2");
	bed.ifs[D1].acl = &list;
	apply_if(D1);
	report(D1, H1, G, "TO_IN{5}");
	expect_state(D1, G, "IN{1:2,2:2}");
}

/* The content of the list changes under the same pointer, with the serial. */
static void acl_live_change(void)
{
	static struct gm_acl list;

	list = *acl("permit any");
	bed.ifs[D1].acl = &list;
	apply_if(D1);
	v2_report(D1, H1, G);
	report(D1, H1, G2, "ALLOW{1,2}");
	report(D1, H1, "G3", "ALLOW{1}");
	report(D2, H3, G, "ALLOW{3}");
	expect_data(U, "1", G, "D1");
	(void)dsl_upstream(U);
	(void)dsl_routes();
	(void)dsl_general(D1, false);
	list = *acl("permit G2 S1; permit G4");
	apply_conf();
	expect_gone(D1, G);
	expect_lists(D1, G2, "IN{1}");
	expect_gone(D1, "G3");
	expect_upstream(U, "TO_IN{3} G2:BLOCK{2} G3:BLOCK{1}");
	expect_routes("SET(3,G1)U>D2 SET(1,G1)U> DEL(2,G2) DEL(1,G3)");
	/* Hosts are asked at once what they want: what is permitted now comes back. */
	expect_general(D1, "GQ");
	list = *acl("permit any");
	apply_conf();
	expect_general(D1, "GQ");
	v2_report(D1, H1, G);
	expect_upstream(U, "TO_EX{}");
}

/* Any source is denied now: sources that a host has named flow on without a gap, as when the group timer ends. */
static void acl_live_change_keeps_named_sources(void)
{
	report(D1, H1, G, "IS_EX{4}");
	wait_s(5);
	report(D1, H2, G, "ALLOW{1,2}");
	expect_data(U, "1", G, "D1");
	expect_data(U, "3", G, "D1");
	expect_upstream(U, "TO_EX{4}");
	(void)dsl_routes();
	bed.ifs[D1].acl = acl("deny any S2; permit any S1; permit any S4");
	apply_if(D1);
	expect_state(D1, G, "IN{1:270}");
	expect_upstream(U, "TO_IN{1}");
	expect_routes("SET(3,G1)U>");
	expect_data(U, "1", G, "D1");
	expect_fwd(D1, G, "1");
	expect_notes(MODE_CHANGED, 2);
	/* And nothing of the exclude list is left to come back. */
	wait_s(265);
	expect_lists(D1, G, "IN{1}");
	wait_s(10);
	expect_gone(D1, G);
}

/* The older host's request is what is denied: its mode ends with it. */
static void acl_live_change_ends_the_older_mode(void)
{
	v2_report(D1, H1, G);
	report(D1, H2, G, "ALLOW{1,2}");
	bed.ifs[D1].acl = acl("permit any S1; permit any S2");
	apply_if(D1);
	expect_state(D1, G, "IN{1:270,2:270}");
	report(D1, H2, G, "BLOCK{1}");
	expect_query(D1, "Q(G1,{1})");
}

/* The same where the group becomes one of the SSM range. */
static void ssm_range_live_change_keeps_named_sources(void)
{
	report(D1, H1, G, "TO_EX{}");
	report(D1, H2, G, "ALLOW{1}");
	bed.conf.ssm_range = acl("permit G1");
	apply_conf();
	expect_state(D1, G, "IN{1:270}");
	expect_upstream(U, "TO_EX{} TO_IN{1}");
	expect_fwd(D1, G, "1");
}

static void acl_same_serial_changes_nothing(void)
{
	v2_report(D1, H1, G);
	(void)dsl_general(D1, false);
	noop_begin();
	bed.conf.policy_serial--;
	apply_conf();
	expect_noop();
}

/* --- limits (B-50) ------------------------------------------------------------------------------------------------ */

static void b_50_groups_of_an_interface(void)
{
	bed.ifs[D1].max_groups = 2;
	apply_if(D1);
	v2_report(D1, H1, G);
	report(D1, H1, G2, "ALLOW{1}");
	report(D1, H1, "G3", "TO_EX{}");
	expect_gone(D1, "G3");
	expect_drops(D1, LIMIT, 1);
	expect_notes(LIMIT_REACHED, 1);
	v2_report(D2, H3, "G3");
	expect_state(D2, "G3", EX_NEW);
	/* What there is goes on, and makes room by leaving. */
	report(D1, H1, G2, "ALLOW{2}");
	expect_lists(D1, G2, "IN{1,2}");
	leave(D1, H1, G);
	wait_s(2);
	report(D1, H1, "G3", "TO_EX{}");
	expect_state(D1, "G3", EX_NEW);
}

static void b_50_groups_of_all(void)
{
	bed.conf.max_groups = 2;
	apply_conf();
	v2_report(D1, H1, G);
	v2_report(D2, H3, G);
	v2_report(D1, H1, G2);
	expect_gone(D1, G2);
	expect_drops(D1, LIMIT, 1);
	assert_int_equal(HASH_COUNT(bed.gm->groups), 1);
}

static void b_50_sources_of_a_group(void)
{
	bed.ifs[D1].max_sources = 2;
	apply_if(D1);
	report(D1, H1, G, "ALLOW{1,2,3,4}");
	expect_lists(D1, G, "IN{1,2}");
	expect_drops(D1, LIMIT, 2);
	expect_notes(LIMIT_REACHED, 1);
	report(D1, H1, G, "ALLOW{2,3}");
	expect_lists(D1, G, "IN{1,2}");
	report(D1, H1, G, "BLOCK{1}");
	wait_s(2);
	report(D1, H1, G, "ALLOW{3}");
	expect_lists(D1, G, "IN{2,3}");
}

static void b_50_limit_of_exclude(void)
{
	bed.ifs[D1].max_sources = 1;
	apply_if(D1);
	report(D1, H1, G, "TO_EX{1,2}");
	expect_lists(D1, G, "EX({},{1})");
	expect_fwd(D1, G, "2,3,4,5,6");
}

/* --- ssm-map ------------------------------------------------------------------------------------------------------ */

static void map_gs(void)
{
	static struct gm_ssm_map maps[3];

	maps[0] = (struct gm_ssm_map){ acl("permit GS1"), addr("S2") };
	maps[1] = (struct gm_ssm_map){ acl("permit GS1"), addr("S1") };
	maps[2] = (struct gm_ssm_map){ acl("permit GS3"), addr("S3") };
	bed.conf.ssm_maps = maps;
	bed.conf.nssm_maps = 3;
	apply_conf();
}

static void ssm_map_joins_and_leaves(void)
{
	map_gs();
	v2_report(D1, H1, GS);
	expect_state(D1, GS, "IN{1:270,2:270}");
	expect_upstream(U, "GS1:ALLOW{1,2}");
	report(D1, H1, GS2, "TO_EX{}");
	expect_gone(D1, GS2);
	expect_drops(D1, SSM, 1);
	leave(D1, H1, GS);
	expect_query(D1, "Q(GS1,{1,2})");
	wait_s(2);
	expect_gone(D1, GS);
	/* A host of version 3 that asks for any source. */
	report(D1, H1, GS, "TO_EX{5}");
	expect_state(D1, GS, "IN{1:270,2:270}");
	report(D1, H1, GS, "TO_IN{}");
	expect_state(D1, GS, "IN{1:2,2:2}");
	/* A group that is not in the range is not mapped. */
	v2_report(D1, H1, G);
	expect_state(D1, G, EX_NEW);
}

static void ssm_map_of_an_older_querier(void)
{
	map_gs();
	bed.ifs[D1].gen = GM_GEN2;
	apply_if(D1);
	v2_report(D1, H1, GS);
	leave(D1, H1, GS);
	/* Hosts of this version know no sources. */
	expect_query(D1, "Q(GS1)");
	wait_s(0.5);
	v2_report(D1, H2, GS);
	wait_s(10);
	expect_lists(D1, GS, "IN{1,2}");
}

static void ssm_map_and_access_list(void)
{
	map_gs();
	bed.ifs[D1].acl = acl("permit GS1 S1");
	apply_if(D1);
	v2_report(D1, H1, GS);
	expect_state(D1, GS, "IN{1:270}");
}

/* --- static groups ------------------------------------------------------------------------------------------------ */

static void set_statics(const char *group1, const char *source1, const char *group2, const char *source2)
{
	static struct gm_static list[2];
	struct gm_if_conf *c = &bed.ifs[D1];

	memset(list, 0, sizeof(list));
	c->statics = list;
	c->nstatics = 0;
	if (group1) {
		list[c->nstatics].group = addr(group1);
		if (source1)
			list[c->nstatics].source = addr(source1);
		c->nstatics++;
	}
	if (group2) {
		list[c->nstatics].group = addr(group2);
		if (source2)
			list[c->nstatics].source = addr(source2);
		c->nstatics++;
	}
	assert_int_equal(apply_if(D1), 0);
}

static void static_any_source(void)
{
	set_statics(G, NULL, NULL, NULL);
	expect_state(D1, G, "EX({},{}):ever");
	expect_upstream(U, "TO_EX{}");
	wait_s(1000);
	expect_state(D1, G, "EX({},{}):ever");
	/* Hosts cannot take it away. */
	report(D1, H1, G, "TO_EX{1}");
	report(D1, H1, G, "BLOCK{2}");
	report(D1, H1, G, "IS_EX{3}");
	report(D1, H1, G, "TO_IN{}");
	v2_report(D1, H1, G);
	leave(D1, H1, G);
	expect_fwd(D1, G, "1,2,3,4,5,6");
	wait_s(5);
	expect_fwd(D1, G, "1,2,3,4,5,6");
	wait_s(1000);
	expect_state(D1, G, "EX({},{}):ever");
	expect_fwd(D1, G, "1,2,3,4,5,6");
	expect_no_upstream(U);
	query_heard(D1, QL, "Q(G1)");
	expect_state(D1, G, "EX({},{}):ever");
}

static void static_source(void)
{
	set_statics(G, "S1", G, "S2");
	expect_state(D1, G, "IN{1:ever,2:ever}");
	report(D1, H1, G, "ALLOW{1,3}");
	expect_state(D1, G, "IN{1:ever,2:ever,3:270}");
	report(D1, H1, G, "TO_IN{}");
	expect_state(D1, G, "IN{1:ever,2:ever,3:2}");
	expect_query(D1, "Q(G1,{3})");
	report(D1, H1, G, "TO_EX{1}");
	wait_s(5);
	expect_state(D1, G, "EX({1:ever,2:ever},{}):265");
	report(D1, H1, G, "TO_IN{}");
	wait_s(2);
	expect_state(D1, G, "IN{1:ever,2:ever}");
	/* One goes, the other stays. */
	(void)dsl_upstream(U);
	set_statics(G, "S1", NULL, NULL);
	expect_lists(D1, G, "IN{1,2}");
	wait_s(GMI);
	expect_state(D1, G, "IN{1:ever}");
	expect_upstream(U, "BLOCK{2}");
}

/* A source that hosts are being asked for becomes static: there is nothing to ask any more. */
static void static_source_that_is_asked_for(void)
{
	report(D1, H1, G, "ALLOW{1,2}");
	report(D1, H1, G, "BLOCK{1,2}");
	expect_query(D1, "Q(G1,{1,2})");
	set_statics(G, "S1", NULL, NULL);
	wait_s(2);
	expect_query(D1, "Q(G1,{2})");
	expect_state(D1, G, "IN{1:ever}");
}

static void static_removed(void)
{
	set_statics(G, NULL, G2, "S1");
	expect_upstream(U, "TO_EX{} G2:ALLOW{1}");
	set_statics(NULL, NULL, NULL, NULL);
	expect_gone(D1, G);
	expect_gone(D1, G2);
	expect_upstream(U, "TO_IN{} G2:BLOCK{1}");
}

/* What a host wants too ages as if it had just asked. */
static void static_removed_beside_hosts(void)
{
	set_statics(G, NULL, G2, "S1");
	report(D1, H1, G, "TO_EX{}");
	report(D1, H1, G2, "ALLOW{1}");
	wait_s(5);
	set_statics(NULL, NULL, NULL, NULL);
	expect_state(D1, G, "EX({},{}):270");
	expect_state(D1, G2, "IN{1:270}");
}

/* Who excludes a source does not take it from the static member: without the host's list it flows. */
static void static_any_source_beside_an_exclude_list(void)
{
	report(D1, H1, G, "TO_EX{1}");
	set_statics(G, NULL, NULL, NULL);
	expect_state(D1, G, "EX({},{}):ever");
	report(D1, H2, G, "BLOCK{2}");
	wait_s(2);
	expect_state(D1, G, "EX({},{}):ever");
	expect_filter(U, G, "EX{}");
}

static void static_survives(void)
{
	set_statics(G, NULL, G2, "S1");
	expect_upstream(U, "TO_EX{} G2:ALLOW{1}");
	clear(GM_NO_IF, NULL);
	expect_state(D1, G, "EX({},{}):ever");
	expect_state(D1, G2, "IN{1:ever}");
	expect_no_upstream(U);
	if_link(D1, false);
	expect_upstream(U, "TO_IN{} G2:BLOCK{1}");
	if_link(D1, true);
	expect_upstream(U, "TO_EX{} G2:ALLOW{1}");
	/* An access list is for hosts. */
	bed.ifs[D1].acl = acl("deny any");
	apply_if(D1);
	expect_state(D1, G, "EX({},{}):ever");
	expect_state(D1, G2, "IN{1:ever}");
}

static void static_beside_hosts_the_list_denies(void)
{
	static struct gm_acl list;

	list = *acl("permit any");
	bed.ifs[D1].acl = &list;
	set_statics(G, "S1", G2, "S1");
	report(D1, H1, G, "ALLOW{2}");
	report(D1, H1, G2, "TO_EX{}");
	list = *acl("permit G4");
	apply_conf();
	expect_state(D1, G, "IN{1:ever}");
	expect_state(D1, G2, "IN{1:ever}");
}

static void static_of_a_group_never_proxied(void)
{
	set_statics(bed.v6 ? "ff02::5" : "224.0.0.5", NULL, G, NULL);
	expect_state(D1, G, "EX({},{}):ever");
	expect_upstream(U, "TO_EX{}");
}

/* K-7 and E-29 hold for static groups too. */
static void static_any_source_of_ssm(void)
{
	set_statics(GS, NULL, G, NULL);
	expect_gone(D1, GS);
	expect_upstream(U, "TO_EX{}");
	map_gs();
	expect_state(D1, GS, "IN{1:ever,2:ever}");
	expect_upstream(U, "GS1:ALLOW{1,2}");
}

/* --- immediate leave (B-49) --------------------------------------------------------------------------------------- */

static void immediate(enum gm_immediate how)
{
	bed.ifs[D1].immediate_leave = how;
	apply_if(D1);
	mark();
}

/* Two viewers of the group, one leaves, then the other. */
struct im_row {
	struct dsl_row row;
	enum gm_immediate how;
	const char *join, *leave;  /* records, or "V2R" and "LV" */
	const char *first, *query; /* after the first leave */
	const char *second;        /* after the other one */
	unsigned int lmqc;         /* 0: the default */
};

static const struct im_row im_rows[] = {
	{ { "im_off", BOTH }, GM_IMMEDIATE_OFF, "TO_EX{}", "TO_IN{}", "EX({},{}):2", "Q(G1)", .second = "EX({},{}):2" },
	{ { "im_off_source", BOTH },
	  GM_IMMEDIATE_OFF,
	  "ALLOW{1}",
	  "BLOCK{1}",
	  "IN{1:2}",
	  "Q(G1,{1})",
	  .second = "IN{1:2}" },
	{ { "im_tracked_group", BOTH }, GM_IMMEDIATE_TRACK, "TO_EX{}", "TO_IN{}", "EX({},{}):265", "", .second = "-" },
	{ { "im_tracked_source", BOTH }, GM_IMMEDIATE_TRACK, "ALLOW{1}", "BLOCK{1}", "IN{1:265}", "", .second = "-" },
	{ { "im_tracked_source_to_in", BOTH },
	  GM_IMMEDIATE_TRACK,
	  "TO_IN{1}",
	  "TO_IN{}",
	  "IN{1:265}",
	  "",
	  .second = "-" },
	{ { "im_tracked_v2", BOTH }, GM_IMMEDIATE_TRACK, "V2R", "LV", "EX({},{}):2", "Q(G1)", .second = "EX({},{}):2" },
	{ { "im_always_group", BOTH }, GM_IMMEDIATE_ALWAYS, "TO_EX{}", "TO_IN{}", "-", "Q(G1)", .second = "-" },
	{ { "im_always_source", BOTH }, GM_IMMEDIATE_ALWAYS, "ALLOW{1}", "BLOCK{1}", "-", "Q(G1,{1})", .second = "-" },
	{ { "im_always_v2", BOTH }, GM_IMMEDIATE_ALWAYS, "V2R", "LV", "-", "Q(G1)", .second = "-" },
	{ { "im_always_v2_lmqc_1", BOTH }, GM_IMMEDIATE_ALWAYS, "V2R", "LV", "-", "Q(G1)", .second = "-", .lmqc = 1 },
};

static void say(const char *from, const char *what)
{
	if (what[0] == 'V')
		v2_report(D1, from, G);
	else if (what[0] == 'L')
		leave(D1, from, G);
	else
		report(D1, from, G, what);
}

static void im_row(const void *arg)
{
	const struct im_row *im = ROW(im_row, arg);

	if (im->lmqc)
		bed.ifs[D1].last_member_count = (uint8_t)im->lmqc;
	immediate(im->how);
	say(H1, im->join);
	say(H2, im->join);
	wait_s(5);
	say(H1, im->leave);
	expect_state(D1, G, im->first);
	expect_query(D1, im->query);
	/* The other one has answered by now. */
	say(H2, im->join);
	wait_s(5);
	say(H2, im->leave);
	expect_state(D1, G, im->second);
	expect_data(U, "1", G, im->second[0] == '-' ? "" : "D1");
	wait_s(5);
	expect_gone(D1, G);
}

/* The other one is known to want it, and is left alone. */
static void im_stays_without_an_answer(void)
{
	immediate(GM_IMMEDIATE_TRACK);
	report(D1, H1, G, "TO_EX{}");
	report(D1, H2, G, "TO_EX{}");
	report(D1, H1, G2, "ALLOW{1,2}");
	report(D1, H2, G2, "ALLOW{2,3}");
	wait_s(5);
	report(D1, H1, G, "TO_IN{}");
	report(D1, H1, G2, "BLOCK{1,2}");
	expect_query(D1, "Q(G2,{1})");
	expect_state(D1, G, "EX({},{}):265");
	expect_state(D1, G2, "IN{2:265,3:265}");
	wait_s(20);
	expect_no_query(D1);
	expect_data(U, "1", G, "D1");
	report(D1, H2, G, "TO_IN{}");
	expect_gone(D1, G);
}

/* A list that is told in two records is not given up at the first. */
static void im_list_in_two_records(void)
{
	immediate(GM_IMMEDIATE_TRACK);
	report(D1, H1, G, "ALLOW{1,2}");
	report(D1, H1, G, "TO_IN{1}");
	expect_query(D1, "Q(G1,{2})");
	expect_state(D1, G, "IN{1:270,2:2}");
	report(D1, H1, G, "TO_IN{2}");
	expect_state(D1, G, "IN{1:2,2:270}");
}

/* The hosts of a former life have their data, and have not reported yet. */
static void im_not_while_relearning(void)
{
	immediate(GM_IMMEDIATE_TRACK);
	relearn();
	report(D1, H1, G, "ALLOW{1}");
	report(D1, H1, G, "BLOCK{1}");
	expect_state(D1, G, "IN{1:2}");
	wait_s(45);
	report(D1, H1, G, "ALLOW{1}");
	report(D1, H1, G, "BLOCK{1}");
	expect_gone(D1, G);
}

static void im_not_just_after_a_clear(void)
{
	immediate(GM_IMMEDIATE_TRACK);
	clear(GM_NO_IF, NULL);
	report(D1, H1, G, "ALLOW{1}");
	report(D1, H1, G, "BLOCK{1}");
	expect_state(D1, G, "IN{1:2}");
}

static void im_one_v2_host_falls_back(void)
{
	immediate(GM_IMMEDIATE_TRACK);
	report(D1, H1, G, "TO_EX{}");
	v2_report(D1, H2, G);
	leave(D1, H2, G);
	report(D1, H1, G, "TO_IN{}");
	expect_state(D1, G, "EX({},{}):2");
}

/* Hosts without an address cannot be told apart: the leave of one is not the leave of all. */
static void im_hosts_without_address(void)
{
	immediate(GM_IMMEDIATE_TRACK);
	report(D1, "0.0.0.0", G, "TO_EX{}");
	report(D1, "0.0.0.0", G, "TO_EX{}");
	report(D1, "0.0.0.0", G, "TO_IN{}");
	expect_state(D1, G, "EX({},{}):2");
	report(D1, "0.0.0.0", G2, "ALLOW{1}");
	report(D1, "0.0.0.0", G2, "BLOCK{1}");
	expect_state(D1, G2, "IN{1:2}");
	report(D1, H1, G2, "ALLOW{1}");
	report(D1, H1, G2, "BLOCK{1}");
	expect_state(D1, G2, "IN{1:2}");
}

/* Older hosts suppress each other's reports; behind an ssm-map they are not to be forgotten. */
static void im_older_hosts_behind_an_ssm_map(void)
{
	map_gs();
	immediate(GM_IMMEDIATE_TRACK);
	v2_report(D1, H1, GS);
	leave(D1, H1, GS);
	expect_state(D1, GS, "IN{1:2,2:2}");
	v2_report(D1, H2, GS);
	report(D1, "H4", GS, "ALLOW{1}");
	wait_s(3);
	expect_lists(D1, GS, "IN{1,2}");
}

static void im_exclude_ends_beside_include(void)
{
	immediate(GM_IMMEDIATE_TRACK);
	report(D1, H1, G, "TO_EX{}");
	report(D1, H2, G, "ALLOW{1}");
	wait_s(5);
	report(D1, H1, G, "TO_IN{}");
	/* The group at once, and not what a known host wants. */
	expect_state(D1, G, "IN{1:265}");
	expect_query(D1, "Q(G1)");
	wait_s(5);
	expect_state(D1, G, "IN{1:260}");
}

/* EXCLUDE mode has swallowed what the other host asked for: it has to be asked. */
static void im_exclude_ends_after_include(void)
{
	immediate(GM_IMMEDIATE_TRACK);
	report(D1, H2, G, "ALLOW{1}");
	report(D1, H1, G, "TO_EX{}");
	wait_s(5);
	report(D1, H1, G, "TO_IN{}");
	expect_state(D1, G, "EX({},{}):2");
	expect_query(D1, "Q(G1)");
	report(D1, H2, G, "IS_IN{1}");
	wait_s(5);
	expect_state(D1, G, "IN{1:265}");
}

/* A host that came back in another mode, without a word of the change. */
static void im_old_wish_does_not_count(void)
{
	immediate(GM_IMMEDIATE_TRACK);
	report(D1, H1, G, "TO_EX{}");
	for (unsigned int i = 0; i < 3; i++) {
		wait_s(100);
		report(D1, H2, G, "IS_EX{}");
		report(D1, H1, G, "IS_IN{1}");
	}
	report(D1, H2, G, "TO_IN{}");
	wait_s(5);
	expect_lists(D1, G, "IN{1}");
}

/* Turned off for a while: what a host then changed in its list is not known, only what it lists later. */
static void im_turned_off_for_a_while(void)
{
	immediate(GM_IMMEDIATE_TRACK);
	report(D1, H1, G, "TO_EX{1}");
	report(D1, H2, G, "ALLOW{1}");
	immediate(GM_IMMEDIATE_OFF);
	report(D1, H1, G, "ALLOW{1}");
	immediate(GM_IMMEDIATE_TRACK);
	report(D1, H1, G, "BLOCK{9}");
	report(D1, H2, G, "BLOCK{1}");
	expect_query(D1, "Q(G1,{9}) Q(G1,{1,9})");
	expect_state(D1, G, "EX({1:2,9:2},{}):270");
}

static void im_only_by_the_querier(void)
{
	immediate(GM_IMMEDIATE_ALWAYS);
	v2_report(D1, H1, G);
	query_heard(D1, QL, "GQ", .qrv = 2, .qqi = 125);
	report(D1, H1, G, "TO_IN{}");
	expect_state(D1, G, EX_NEW);
}

static void im_aged_hosts_do_not_count(void)
{
	immediate(GM_IMMEDIATE_TRACK);
	report(D1, H1, G, "TO_EX{}");
	wait_s(100);
	report(D1, H2, G, "TO_EX{}");
	wait_s(GMI - 100);
	report(D1, H2, G, "TO_IN{}");
	expect_gone(D1, G);
}

/* A host that was there before tracking was configured is unknown. */
static void im_turned_on_late(void)
{
	report(D1, H1, G, "ALLOW{1}");
	report(D1, H2, G, "ALLOW{1}");
	immediate(GM_IMMEDIATE_TRACK);
	report(D1, H1, G, "BLOCK{1}");
	expect_state(D1, G, "IN{1:2}");
}

static void im_upstream_and_data_at_once(void)
{
	immediate(GM_IMMEDIATE_TRACK);
	report(D1, H1, G, "TO_EX{}");
	expect_data(U, "1", G, "D1");
	(void)dsl_routes();
	report(D1, H1, G, "TO_IN{}");
	expect_upstream(U, "TO_EX{} TO_IN{}!");
	expect_routes("SET(1,G1)U>");
	report(D1, H1, G, "ALLOW{1,2}");
	report(D1, H1, G, "BLOCK{1}");
	report(D1, H1, G, "BLOCK{2}");
	expect_upstream(U, "ALLOW{1,2} BLOCK{1} BLOCK{2}!");
}

/* Somebody else has the group when the last host on D1 leaves: its end later is not prompt. */
static void im_not_prompt_behind_others(void)
{
	immediate(GM_IMMEDIATE_TRACK);
	report(D1, H1, G, "TO_EX{}");
	report(D2, H3, G, "TO_EX{}");
	report(D1, H1, G, "TO_IN{}");
	expect_gone(D1, G);
	report(D2, H3, G, "TO_IN{}");
	wait_s(5);
	expect_upstream(U, "TO_EX{} TO_IN{}");
}

static void im_not_prompt_after_leave_delay(void)
{
	bed.ifs[U].leave_delay = mtime_from_s(3);
	apply_if(U);
	immediate(GM_IMMEDIATE_TRACK);
	report(D1, H1, G, "TO_EX{}");
	report(D1, H1, G, "TO_IN{}");
	expect_upstream(U, "TO_EX{}");
	wait_s(5);
	expect_upstream(U, "TO_IN{}");
}

int main(void)
{
	TABLE(a_rows, a_row);
	TEST(a_09_unknown_record_type);
	TEST(a_15_sources_in_an_older_message);
	TEST(a_25_two_records_in_order);
	TABLE(q_rows, q_row);
	TABLE(acl_rows, acl_row);
	TEST(acl_older_reports);
	TEST(acl_leave_is_never_refused);
	TEST(acl_all_denied_to_in_is_a_leave);
	TEST(acl_live_change);
	TEST(acl_live_change_keeps_named_sources);
	TEST(acl_live_change_ends_the_older_mode);
	TEST(ssm_range_live_change_keeps_named_sources);
	TEST(acl_same_serial_changes_nothing);
	TEST(b_50_groups_of_an_interface);
	TEST(b_50_groups_of_all);
	TEST(b_50_sources_of_a_group);
	TEST(b_50_limit_of_exclude);
	TEST(ssm_map_joins_and_leaves);
	TEST(ssm_map_of_an_older_querier);
	TEST(ssm_map_and_access_list);
	TEST(static_any_source);
	TEST(static_source);
	TEST(static_source_that_is_asked_for);
	TEST(static_removed);
	TEST(static_removed_beside_hosts);
	TEST(static_any_source_beside_an_exclude_list);
	TEST(static_survives);
	TEST(static_beside_hosts_the_list_denies);
	TEST(static_of_a_group_never_proxied);
	TEST(static_any_source_of_ssm);
	TABLE(im_rows, im_row);
	TEST(im_stays_without_an_answer);
	TEST(im_list_in_two_records);
	TEST(im_not_while_relearning);
	TEST(im_not_just_after_a_clear);
	TEST(im_one_v2_host_falls_back);
	TEST_V4(im_hosts_without_address);
	TEST(im_older_hosts_behind_an_ssm_map);
	TEST(im_exclude_ends_beside_include);
	TEST(im_exclude_ends_after_include);
	TEST(im_old_wish_does_not_count);
	TEST(im_turned_off_for_a_while);
	TEST(im_only_by_the_querier);
	TEST(im_aged_hosts_do_not_count);
	TEST(im_turned_on_late);
	TEST(im_upstream_and_data_at_once);
	TEST(im_not_prompt_behind_others);
	TEST(im_not_prompt_after_leave_delay);
	return dsl_run("gm_policy");
}
