/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the core notices for people: refused requests, a silent upstream, messages and data that come back. */
#include "core/gm_watch.h"
#include "gm_dsl.h"

static const struct gm_refusal *refusal(enum slot slot, unsigned int i)
{
	return &bed.gm->ifs[slot].refusals[i];
}

static unsigned int refusals(enum slot slot)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < GM_REFUSALS; i++)
		n += refusal(slot, i)->at != 0;
	return n;
}

static void expect_refusal(enum slot slot, unsigned int i, const char *group, const char *source, const char *from,
			   enum gm_drop why)
{
	const struct gm_refusal *r = refusal(slot, i);
	struct ipaddr g = addr(group), s = source ? addr(source) : (struct ipaddr){ 0 }, f = addr(from);

	assert_true(r->at == bed.now);
	assert_true(ipaddr_eq(&r->group, &g));
	assert_true(ipaddr_eq(&r->source, &s));
	assert_true(ipaddr_eq(&r->reporter, &f));
	assert_int_equal(r->why, why);
}

/* --- refusals --- */

static void denied_group(void)
{
	bed.ifs[D1].acl = acl("deny G1; permit any");
	apply_if(D1);
	assert_int_equal(refusals(D1), 0);
	report(D1, H1, G, "TO_EX{}");
	expect_refusal(D1, 0, G, NULL, H1, GM_DROP_ACCESS_LIST);
	report(D1, H1, G2, "TO_EX{}");
	assert_int_equal(refusals(D1), 1);
	/* The same again is no second one, but the time and the host are those of now. */
	wait_s(3);
	report(D1, H2, G, "IS_EX{}");
	assert_int_equal(refusals(D1), 1);
	expect_refusal(D1, 0, G, NULL, H2, GM_DROP_ACCESS_LIST);
	assert_int_equal(refusals(D2), 0);
}

static void denied_sources(void)
{
	bed.ifs[D1].acl = acl("deny G1 S2; permit any");
	apply_if(D1);
	report(D1, H1, G, "ALLOW{1,2}");
	assert_int_equal(refusals(D1), 1);
	expect_refusal(D1, 0, G, "S2", H1, GM_DROP_ACCESS_LIST);
}

static void leave_is_no_request(void)
{
	report(D1, H1, GS, "TO_EX{}");
	expect_refusal(D1, 0, GS, NULL, H1, GM_DROP_SSM);
	leave(D1, H2, GS2);
	assert_int_equal(refusals(D1), 1);
}

static void limits(void)
{
	bed.ifs[D1].max_groups = 1;
	bed.ifs[D1].max_sources = 1;
	apply_if(D1);
	report(D1, H1, G, "ALLOW{1,2}");
	expect_refusal(D1, 0, G, "S2", H1, GM_DROP_LIMIT);
	report(D1, H2, G2, "TO_EX{}");
	expect_refusal(D1, 1, G2, NULL, H2, GM_DROP_LIMIT);
}

static void policy_change(void)
{
	report(D1, H1, G, "TO_EX{}");
	report(D1, H2, G2, "ALLOW{1,2}");
	assert_int_equal(refusals(D1), 0);
	bed.ifs[D1].acl = acl("permit G2 S1");
	apply_if(D1);
	assert_int_equal(refusals(D1), 2);
	expect_gone(D1, G);
}

static void oldest_goes_first(void)
{
	bed.ifs[D1].acl = acl("deny any");
	apply_if(D1);
	for (unsigned int i = 0; i < GM_REFUSALS + 2; i++) {
		gm_watch_refused(&bed.gm->ifs[D1], &(struct ipaddr){ { 0xff } }, &(struct ipaddr){ { (uint8_t)i } },
				 &(struct ipaddr){ { 1 } }, GM_DROP_ACCESS_LIST);
		wait_s(0.01);
	}
	assert_int_equal(refusals(D1), GM_REFUSALS);
	assert_int_equal(refusal(D1, 0)->source.b[0], GM_REFUSALS);
	assert_int_equal(refusal(D1, 1)->source.b[0], GM_REFUSALS + 1);
	assert_int_equal(refusal(D1, 2)->source.b[0], 2);
}

/* --- the upstream's querier --- */

static void silent_without_any_query(void)
{
	at(1 + 249);
	expect_notes(UPSTREAM_SILENT, 0);
	assert_false(bed.gm->ifs[U].silent);
	at(1 + 250);
	expect_notes(UPSTREAM_SILENT, 1);
	assert_true(bed.gm->ifs[U].silent);
	/* Once, however long it lasts. */
	wait_s(2000);
	expect_notes(UPSTREAM_SILENT, 0);
	query_heard(U, UR, "GQ");
	expect_notes(UPSTREAM_HEARD, 1);
	assert_false(bed.gm->ifs[U].silent);
}

static void interval_of_the_upstream(void)
{
	query_heard(U, UR, "GQ", .qqi = 10);
	mark();
	wait_s(15);
	query_heard(U, UR, "GQ", .qqi = 20);
	wait_s(39);
	expect_notes(UPSTREAM_SILENT, 0);
	wait_s(1);
	expect_notes(UPSTREAM_SILENT, 1);
	query_heard(U, UR, "GQ", .qqi = 20);
	wait_s(40);
	expect_notes(UPSTREAM_SILENT, 1);
	expect_notes(UPSTREAM_HEARD, 1);
}

/* An older querier tells no interval: the default counts. */
static void older_querier(void)
{
	query_heard(U, UR, "GQ", .gen = GM_GEN2);
	wait_s(249);
	expect_notes(UPSTREAM_SILENT, 0);
	wait_s(1);
	expect_notes(UPSTREAM_SILENT, 1);
}

static void link_begins_anew(void)
{
	at(200);
	if_link(U, false);
	wait_s(1000);
	expect_notes(UPSTREAM_SILENT, 0);
	if_link(U, true);
	wait_s(249);
	expect_notes(UPSTREAM_SILENT, 0);
	wait_s(1);
	expect_notes(UPSTREAM_SILENT, 1);
	if_link(U, false);
	if_link(U, true);
	assert_false(bed.gm->ifs[U].silent);
}

/* Another address of ours is no reason to forget about it. */
static void address_changes(void)
{
	at(100);
	bed.ifs[U].addr = addr("S6");
	apply_if(U);
	at(251);
	expect_notes(UPSTREAM_SILENT, 1);
}

static void downstreams_are_not_watched(void)
{
	query_heard(U, UR, "GQ", .qqi = 31744);
	query_heard(D1, QL, "GQ", .qqi = 5);
	wait_s(1000);
	expect_notes(UPSTREAM_SILENT, 0);
}

/* --- loops --- */

static void own_query_elsewhere(void)
{
	bed.ifs[D1].addr = addr("QH");
	apply_if(D1);
	echo(D2, D1);
	expect_notes(LOOP, 1);
	/* An IGMP socket does not see it. */
	expect_drops(D2, OWN_PACKET, bed.v6 ? 0 : 1);
	assert_int_equal(bed.gm->ifs[D2].loop_slot, D1);
	assert_true(bed.gm->ifs[D2].querier);
	wait_s(125);
	echo(D2, D1);
	expect_notes(LOOP, 0);
	assert_true(bed.gm->ifs[D2].looped == bed.now);
	query_heard(D2, "QH", "GQ");
	assert_true(bed.gm->ifs[D2].last_query == 0);
	assert_true(bed.gm->ifs[D2].stats.counter[GM_C_RX_QUERY_GEN3] == 0);
	echo(U, D1);
	expect_notes(LOOP, 1);
	query_heard(D2, QL, "GQ");
	expect_notes(LOOP, 0);
	assert_true(bed.gm->ifs[D2].stats.counter[GM_C_RX_QUERY_GEN3] == 1);
}

/* A membership that our own reports ask for would hold itself up for ever. */
static void own_report_elsewhere(void)
{
	bed.ifs[D1].verify_source = false;
	bed.ifs[U].addr = addr(H1);
	apply_if(D1);
	apply_if(U);
	if (bed.v6)
		echo(U, D1);
	report(D1, H1, G, "TO_EX{}");
	expect_drops(D1, OWN_PACKET, 1);
	assert_int_equal(bed.gm->nrecs, 0);
}

/* IGMP of the kernel, on an interface without an address, comes from another's: that is no loop. */
static void own_report_with_a_lent_address(void)
{
	bed.ifs[D1].addr = addr("NOBODY");
	bed.ifs[D1].nprefixes = 0;
	apply_if(D1);
	report(D1, "U", G, "TO_EX{}");
	expect_drops(D1, OWN_PACKET, 1);
	expect_notes(LOOP, 0);
	assert_int_equal(bed.gm->nrecs, 0);
}

/* A link-local address is known on its link only: the router at the provider may well have that of our LAN. */
static void same_link_local_on_another_link(void)
{
	bed.ifs[D1].addr = addr(QL);
	apply_if(D1);
	report(D2, QL, G, "TO_EX{}");
	expect_state(D2, G, "EX({},{}):270");
	query_heard(D2, QL, "GQ");
	assert_false(bed.gm->ifs[D2].querier);
	query_heard(U, QL, "GQ");
	assert_true(bed.gm->ifs[U].last_query == bed.now);
	expect_drops(D2, OWN_PACKET, 0);
	expect_drops(U, OWN_PACKET, 0);
	expect_notes(LOOP, 0);
	/* Its own is its own. */
	report(D1, QL, G, "TO_EX{}");
	expect_drops(D1, OWN_PACKET, 1);
}

static void same_link_local_on_one_link(void)
{
	bed.ifs[D1].addr = addr(QL);
	apply_if(D1);
	query_heard(D2, QL, "GQ");
	assert_false(bed.gm->ifs[D2].querier);
	/* So it was our own. */
	echo(D2, D1);
	expect_notes(LOOP, 1);
	assert_true(bed.gm->ifs[D2].querier);
	assert_true(bed.gm->ifs[D2].last_query == 0);
	query_heard(D2, QL, "GQ");
	report(D2, QL, G, "TO_EX{}");
	report(D1, "D2", G, "TO_EX{}");
	expect_drops(D2, OWN_PACKET, 2);
	expect_drops(D1, OWN_PACKET, 1);
	assert_int_equal(bed.gm->nrecs, 0);
	/* Others' are others' all the time. */
	bed.ifs[U].addr = addr("QL3");
	apply_if(U);
	report(D2, "QL3", G2, "TO_EX{}");
	expect_state(D2, G2, "EX({},{}):270");
	wait_s(250);
	report(D2, QL, G, "TO_EX{}");
	expect_state(D2, G, "EX({},{}):270");
}

static bool twice(enum slot slot)
{
	return bed.gm->ifs[slot].twice.at == bed.now;
}

static void data_on_two_interfaces(void)
{
	v2_report(D1, H1, G);
	upcall(U, "1", G);
	(void)dsl_routes();
	wrong_if_after(D1, "1", G, 100);
	assert_false(twice(D1));
	wait_s(3);
	wrong_if_after(D1, "1", G, 200);
	assert_true(twice(D1));
	assert_int_equal(bed.gm->ifs[D1].twice.expected, U);
	expect_notes(TWICE, 1);
	wait_s(3);
	wrong_if_after(D1, "1", G, 300);
	assert_true(twice(D1));
	expect_notes(TWICE, 0);
	/* Long after, it is told again. */
	wait_s(20);
	wrong_if_after(D1, "1", G, 400);
	wait_s(3);
	wrong_if_after(D1, "1", G, 500);
	expect_notes(TWICE, 1);
}

/* It is heard there now, and not any more where it was. */
static void data_that_moves(void)
{
	upcall(U, "1", G);
	wrong_if_after(D1, "1", G, 100);
	wait_s(3);
	wrong_if_after(D1, "1", G, 100);
	wait_s(3);
	wrong_if_after(D2, "1", G, 200);
	assert_false(twice(D1));
	assert_false(twice(D2));
	expect_notes(TWICE, 0);
}

/* What the kernel sends out where it is a member itself comes in there. What else does is still told. */
static void own_copies_of_data(void)
{
	v2_report(D2, H3, G);
	upcall(D1, "A1", G);
	(void)dsl_routes();
	own_copy(U, "A1", G, 100);
	wait_s(3);
	own_copy(U, "A1", G, 200);
	assert_false(twice(U));
	expect_routes("");
	wait_s(3);
	wrong_if_after(D2, "A1", G, 300);
	own_copy(U, "A1", G, 300);
	wait_s(3);
	wrong_if_after(D2, "A1", G, 400);
	assert_true(twice(D2));
}

/* Two upstreams deliver for a while after one has taken over. */
static void data_of_two_upstreams(void)
{
	bed.ifs[U2].priority = 200;
	if_add(U2);
	v2_report(D1, H1, G);
	upcall(U, "1", G);
	wrong_if_after(U2, "1", G, 100);
	wait_s(3);
	wrong_if_after(U2, "1", G, 200);
	assert_false(twice(U2));
}

/* F-21: a querier that cannot say which source it means. */
static void f_21_older_query_and_ssm(void)
{
	query_heard(U, UR, "GQ", .gen = GM_GEN2);
	expect_notes(SSM_OLDER_QUERY, 0);
	report(D1, H1, G, "TO_EX{}");
	query_heard(U, UR, "GQ", .gen = GM_GEN2);
	query_heard(U, UR, "Q(G1)", .gen = GM_GEN2);
	expect_notes(SSM_OLDER_QUERY, 0);
	query_heard(U, UR, "Q(GS1)", .gen = GM_GEN2);
	expect_notes(SSM_OLDER_QUERY, 1);
	wait_s(60);
	report(D1, H1, GS, "ALLOW{1}");
	query_heard(U, UR, "GQ");
	expect_notes(SSM_OLDER_QUERY, 0);
	query_heard(U, UR, "GQ", .gen = GM_GEN2);
	expect_notes(SSM_OLDER_QUERY, 1);
	/* Not at each of many. */
	for (unsigned int i = 0; i < 100; i++)
		query_heard(U, UR, "GQ", .gen = GM_GEN2);
	expect_notes(SSM_OLDER_QUERY, 0);
	wait_s(60);
	query_heard(U, UR, "GQ", .gen = GM_GEN2);
	expect_notes(SSM_OLDER_QUERY, 1);
	/* Downstream we are the one who asks. */
	query_heard(D1, QH, "Q(GS1)", .gen = GM_GEN2);
	expect_notes(SSM_OLDER_QUERY, 0);
}

int main(void)
{
	TEST(denied_group);
	TEST(denied_sources);
	TEST(leave_is_no_request);
	TEST(limits);
	TEST(policy_change);
	TEST(oldest_goes_first);
	TEST(silent_without_any_query);
	TEST(interval_of_the_upstream);
	TEST(older_querier);
	TEST(link_begins_anew);
	TEST(address_changes);
	TEST(downstreams_are_not_watched);
	TEST(own_query_elsewhere);
	TEST(own_report_elsewhere);
	TEST_V4(own_report_with_a_lent_address);
	TEST_V6(same_link_local_on_another_link);
	TEST_V6(same_link_local_on_one_link);
	TEST(data_on_two_interfaces);
	TEST(data_that_moves);
	TEST(own_copies_of_data);
	TEST(data_of_two_upstreams);
	TEST(f_21_older_query_and_ssm);
	return dsl_run("gm_watch");
}
