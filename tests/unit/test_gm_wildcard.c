/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wildcard forwarding against a model of the kernel's lookup: entries of any source (*,G) and of any group (*,*), the
 * exceptions for single sources, and the way from one mode to the other and back. Then who gives way when entries are
 * short.
 */
#include "gm_dsl.h"

#include <stdio.h>

static void wildcard(bool on)
{
	bed.conf.wildcard = on;
	apply_conf();
}

static unsigned int nroutes(void)
{
	return HASH_COUNT(bed.gm->routes);
}

static void one_entry_an_upstream(void)
{
	wildcard(true);
	expect_routes("SET(*,*)U>U");
	expect_data(U, "1", G, "");
	expect_routes("");
	assert_int_equal(nroutes(), 0);
}

static void entries_grow_with_groups(void)
{
	wildcard(true);
	(void)dsl_routes();
	v2_report(D1, H1, G);
	expect_routes("SET(*,G1)U>U,D1");
	for (unsigned int i = 1; i <= 500; i++) {
		char source[8];

		snprintf(source, sizeof(source), "%u", i);
		expect_data(U, source, G, "D1");
	}
	expect_routes("");
	assert_int_equal(nroutes(), 1);
	v2_report(D2, H3, G);
	expect_routes("SET(*,G1)U>U,D1,D2");
	expect_data(U, "1", G, "D1 D2");
	leave(D1, H1, G);
	wait_s(LMQT);
	expect_routes("SET(*,G1)U>U,D2");
}

/* What hosts send is treated as in per-source mode, whether the kernel asks or hides it behind the shared entry. */
static void senders_below_have_their_own(void)
{
	wildcard(true);
	(void)dsl_routes();
	expect_data(D1, "A1", G2, "U");
	expect_routes("SET(A1,G2)D1>U");
	v2_report(D2, H3, G);
	(void)dsl_routes();
	expect_data(D1, "A1", G, "U D2");
	expect_routes("SET(A1,G1)D1>U,D2");
	/* It goes with the data. */
	route_idle("A1", G, 61);
	expect_routes("DEL(A1,G1)");
	/* With a member on its own link it is told of once in a while only, so that it has to be seen. */
	v2_report(D1, H1, G);
	(void)dsl_routes();
	sight(D1, "A1", G);
	expect_routes("SET(A1,G1)D1>U,D2");
	sight(D1, "A1", G);
	expect_routes("");
	expect_data(D1, "A1", G, "U D2");
	/* Others are asked about, or not to be served. */
	sight(D1, "1", G);
	sight(D2, "A1", G);
	sight(D1, "A1", "G3");
	sight(U, "1", G);
	expect_routes("");
}

/*
 * The kernel sends to itself what it sends out of an interface on which this machine is a member: always so above,
 * since it has joined for the hosts, and below with join-group or another program. Nothing of that may be forwarded
 * again.
 */
static void copies_that_come_back_are_not_forwarded(void)
{
	wildcard(true);
	v2_report(D1, H1, G);
	v2_report(D2, H3, G);
	(void)dsl_routes();
	expect_data(D1, "A1", G, "U D2");
	expect_routes("SET(A1,G1)D1>U,D2");
	expect_data(U, "A1", G, "wrong-if");
	expect_data(D2, "A1", G, "wrong-if");
	expect_data(U, "1", G, "D1 D2");
	expect_data(D2, "1", G, "wrong-if");
	sight(D2, "1", G);
	/* They are no reason for an entry either. */
	expect_routes("");
	assert_int_equal(nroutes(), 2);
}

static void last_member_takes_the_entry_away(void)
{
	wildcard(true);
	v2_report(D1, H1, G);
	(void)dsl_routes();
	leave(D1, H1, G);
	wait_s(LMQT);
	expect_routes("DEL(*,G1)U");
	expect_data(U, "1", G, "");
}

static void excluded_source_is_an_exception(void)
{
	wildcard(true);
	(void)dsl_routes();
	report(D1, H1, G, "TO_EX{1}");
	expect_routes("SET(*,G1)U>U,D1 SET(1,G1)U>");
	expect_fwd(D1, G, "2,3,4,5,6");
	report(D2, H3, G, "TO_EX{}");
	expect_fwd(D1, G, "2,3,4,5,6");
	expect_fwd(D2, G, "1,2,3,4,5,6");
	report(D1, H1, G, "TO_EX{}");
	wait_s(GMI - 1);
	report(D1, H1, G, "IS_EX{}");
	report(D2, H3, G, "IS_EX{}");
	wait_s(10);
	expect_fwd(D1, G, "1,2,3,4,5,6");
	assert_int_equal(nroutes(), 1);
}

static void include_has_no_shared_entry(void)
{
	wildcard(true);
	(void)dsl_routes();
	report(D1, H1, G, "ALLOW{1,2}");
	expect_routes("SET(1,G1)U>D1 SET(2,G1)U>D1");
	expect_fwd(D1, G, "1,2");
	/* What hosts send goes up as before. */
	expect_data(D1, "A1", G, "U");
	report(D2, H3, G, "ALLOW{2,A1}");
	expect_fwd(D1, G, "1,2");
	expect_fwd(D2, G, "2");
	expect_data(D1, "A1", G, "U D2");
}

static void include_beside_exclude(void)
{
	wildcard(true);
	report(D1, H1, G, "TO_EX{1,2}");
	report(D2, H3, G, "ALLOW{2,3}");
	expect_fwd(D1, G, "3,4,5,6");
	expect_fwd(D2, G, "2,3");
	expect_data(D1, "A1", G, "U");
	expect_data(D2, "A2", G, "U D1");
}

/* The kernel never finds a moment without an entry: what takes over is set first. */
static void from_source_to_wildcard(void)
{
	v2_report(D1, H1, G);
	expect_data(U, "1", G, "D1");
	expect_data(D1, "A1", G, "U");
	expect_data(U, "1", G2, "");
	(void)dsl_routes();
	wildcard(true);
	expect_routes("SET(*,*)U>U SET(*,G1)U>U,D1 DEL(1,G1) DEL(1,G2)");
	expect_data(U, "1", G, "D1");
	expect_data(D1, "A1", G, "U");
}

/* The streams are told by who has looked; the shared entry stays until theirs are there. */
static void from_wildcard_to_source(void)
{
	wildcard(true);
	v2_report(D1, H1, G);
	(void)dsl_routes();
	burst_begin();
	wildcard(false);
	upcall(U, "1", G);
	upcall(D1, "A1", G);
	upcall(D1, "A1", G2);
	burst_end();
	expect_routes("SET(1,G1)U>D1 SET(A1,G1)D1>U DEL(*,G1)U SET(A1,G2)D1>U DEL(*,*)U");
	expect_data(U, "1", G, "D1");
	expect_data(U, "2", G, "D1");
}

static void upcall_under_way_when_the_mode_changes(void)
{
	wildcard(true);
	(void)dsl_routes();
	upcall(U, "1", G);
	expect_routes("");
	assert_int_equal(nroutes(), 0);
	assert_int_equal(HASH_COUNT(bed.gm->groups), 0);
}

static void upstream_lost_and_back(void)
{
	wildcard(true);
	v2_report(D1, H1, G);
	(void)dsl_routes();
	if_link(U, false);
	expect_routes("DEL(*,G1)U DEL(*,*)U");
	/* What is sent below still gets across. */
	expect_data(D2, "A2", G, "D1");
	(void)dsl_routes();
	if_link(U, true);
	expect_routes("SET(*,*)U>U SET(A2,G1)D2>U,D1 SET(*,G1)U>U,D1");
}

static void failover_moves_the_entry(void)
{
	bed.ifs[U2].priority = 200;
	if_add(U2);
	wildcard(true);
	expect_routes("SET(*,*)U>U SET(*,*)U2>U2");
	v2_report(D1, H1, G);
	expect_data(U2, "1", G, "");
	(void)dsl_routes();
	if_link(U, false);
	expect_routes("SET(*,G1)U2>U2,D1 DEL(*,G1)U DEL(*,*)U");
	expect_data(U2, "1", G, "D1");
	expect_data(D1, "A1", G2, "U2");
	if_link(U, true);
	expect_data(U, "1", G, "D1");
	expect_data(U2, "1", G, "");
	expect_data(D1, "A1", G2, "U");
}

/* What hosts send goes to the upstream that serves the group. */
static void split_upstreams(void)
{
	bed.ifs[U].upstream_acl = acl("permit G1");
	bed.ifs[U2].priority = 200;
	assert_int_equal(apply_if(U), 0);
	if_add(U2);
	wildcard(true);
	expect_routes("SET(*,*)U>U SET(*,*)U2>U2");
	v2_report(D1, H1, G);
	v2_report(D1, H1, G2);
	expect_data(U, "1", G, "D1");
	expect_data(U2, "1", G, "");
	expect_data(U2, "1", G2, "D1");
	expect_data(D2, "A2", G, "U D1");
	expect_data(D2, "A2", G2, "U2 D1");
	expect_data(D1, "A1", "G3", "U2");
	/* The kernel takes the (*,G) for a member's interface and tells that the packet came in wrongly, if it tells.
	 */
	expect_data(D1, "A1", G, "U");
	expect_data(D1, "A1", G2, "U2");
	/* The lists are gone: so is what they made necessary. */
	bed.ifs[U].upstream_acl = NULL;
	assert_int_equal(apply_if(U), 0);
	expect_data(D1, "A1", G2, "U");
	expect_data(D2, "A2", "G3", "U");
}

static void boundary_below(void)
{
	wildcard(true);
	v2_report(D1, H1, G);
	v2_report(D2, H3, G);
	v2_report(D2, H3, G2);
	bed.ifs[D1].boundary = acl("deny G1; permit any");
	assert_int_equal(apply_if(D1), 0);
	expect_data(U, "1", G, "D2");
	expect_data(D1, "A1", G, "");
	expect_data(D1, "A1", G2, "U D2");
	expect_data(D1, "A1", "G3", "U");
	expect_data(D2, "A2", G, "U");
	bed.ifs[D1].boundary = NULL;
	assert_int_equal(apply_if(D1), 0);
	expect_data(D1, "A1", G, "U D2");
}

static void boundary_above(void)
{
	bed.ifs[U].boundary = acl("deny G1; permit any");
	assert_int_equal(apply_if(U), 0);
	wildcard(true);
	v2_report(D1, H1, G);
	v2_report(D1, H1, G2);
	expect_data(U, "1", G, "");
	expect_data(U, "1", G2, "D1");
	expect_data(D2, "A2", G, "D1");
	expect_data(D2, "A2", "G3", "U");
	expect_data(D2, "A2", G2, "U D1");
}

static void downstream_comes_and_goes(void)
{
	wildcard(true);
	v2_report(D1, H1, G);
	(void)dsl_routes();
	if_add(D3);
	if_link(D3, false);
	expect_routes("");
	if_remove(D1);
	expect_routes("DEL(*,G1)U");
}

static void kernel_lost_its_entries(void)
{
	wildcard(true);
	v2_report(D1, H1, G);
	(void)dsl_routes();
	resync(GM_NO_IF);
	expect_routes("SET(*,*)U>U SET(*,G1)U>U,D1");
}

/* --- link-local sources ------------------------------------------------------------------------------------------- */

static const char *stray(void)
{
	return bed.v6 ? "fe80::99" : "169.254.7.7";
}

static void expect_stray_routes(const char *v4, const char *v6)
{
	expect_routes(bed.v6 ? v6 : v4);
}

/* The kernel asks with what the packet says, and :: is how an entry of any source is known. */
static void a_packet_without_source(void)
{
	wildcard(true);
	v2_report(D1, H1, G);
	(void)dsl_routes();
	wrong_if(D2, "::", G);
	expect_routes("");
	expect_data(U, "1", G, "D1");
}

/* The kernel looks at no source; what is seen gets an entry that leads nowhere, once. */
static void e_31_link_local_sources(void)
{
	wildcard(true);
	v2_report(D1, H1, G);
	v2_report(D2, H3, G);
	(void)dsl_routes();
	expect_data(U, stray(), G, "D1 D2");
	sight(U, stray(), G);
	expect_stray_routes("SET(169.254.7.7,G1)U>", "SET(fe80::99,G1)U>");
	expect_drops(U, LINK_LOCAL, 1);
	expect_data(U, stray(), G, "");
	expect_data(U, "1", G, "D1 D2");
	/* The same address on another link, and a packet that was on its way. */
	sight(D1, stray(), G);
	sight(U, stray(), G);
	expect_data(D1, stray(), G, "wrong-if");
	expect_routes("");
	expect_drops(U, LINK_LOCAL, 1);
	expect_drops(D1, LINK_LOCAL, 0);
	/* It goes with the data. */
	route_idle(stray(), G, 59);
	expect_routes("");
	route_idle(stray(), G, 61);
	expect_stray_routes("DEL(169.254.7.7,G1)", "DEL(fe80::99,G1)");
	assert_int_equal(nroutes(), 1);
}

static void e_31_link_local_sender_below(void)
{
	wildcard(true);
	(void)dsl_routes();
	expect_data(D1, stray(), G2, "wrong-if");
	expect_stray_routes("SET(169.254.7.7,G2)U>", "SET(fe80::99,G2)U>");
	expect_drops(D1, LINK_LOCAL, 1);
	/* A join changes nothing, nor does the end of the upstream. */
	v2_report(D2, H3, G2);
	expect_routes("SET(*,G2)U>U,D2");
	if_link(U, false);
	expect_stray_routes("SET(169.254.7.7,G2)D1> DEL(*,G2)U DEL(*,*)U", "SET(fe80::99,G2)D1> DEL(*,G2)U DEL(*,*)U");
	expect_data(D1, stray(), G2, "");
}

static void link_local_entries_outlive_the_mode(void)
{
	wildcard(true);
	v2_report(D1, H1, G);
	sight(U, stray(), G);
	(void)dsl_routes();
	wildcard(false);
	expect_routes("DEL(*,G1)U DEL(*,*)U");
	expect_data(U, stray(), G, "");
	wildcard(true);
	expect_routes("SET(*,*)U>U SET(*,G1)U>U,D1");
	expect_data(U, stray(), G, "");
	/* One that the kernel itself has asked for stays as well. */
	wildcard(false);
	(void)dsl_routes();
	expect_data(U, stray(), G2, "");
	wildcard(true);
	expect_data(U, stray(), G2, "");
	assert_int_equal(nroutes(), 3);
}

static void link_local_entries_outlive_the_process(void)
{
	wildcard(true);
	relearn();
	inherit(U, "*", "*", "U");
	inherit(U, stray(), G, "");
	(void)dsl_routes();
	expect_data(U, stray(), G, "");
	wait_s(300);
	expect_data(U, stray(), G, "");
	route_idle(stray(), G, 61);
	assert_int_equal(nroutes(), 0);
}

static void nothing_else_is_stopped(void)
{
	sight(U, stray(), G);
	wildcard(true);
	(void)dsl_routes();
	sight(U, "1", G);
	sight(D1, "A1", G);
	sight(D1, stray(), "S1");
	expect_routes("");
	assert_int_equal(nroutes(), 0);
	assert_int_equal(HASH_COUNT(bed.gm->groups), 0);
}

/* They are nobody's: so many a second, and the first to give way. */
static void link_local_sources_are_limited(void)
{
	char source[32];

	wildcard(true);
	for (unsigned int i = 0; i < 2100; i++) {
		snprintf(source, sizeof(source), bed.v6 ? "fe80::%x:%x" : "169.254.%u.%u", i >> 8, i & 255);
		sight(U, source, G2);
	}
	assert_int_equal(nroutes(), 2000);
	expect_drops(U, LINK_LOCAL, 2000);
	expect_drops(U, UPCALL_RATE, 100);
	bed.conf.route_limit = 2000;
	apply_conf();
	(void)dsl_routes();
	v2_report(D1, H1, G);
	expect_stray_routes("DEL(169.254.0.0,G2) SET(*,G1)U>U,D1", "DEL(fe80::,G2) SET(*,G1)U>U,D1");
	wait_s(1);
	sight(U, source, G2);
	expect_drops(U, ROUTE_LIMIT, 1);
	expect_drops(U, LINK_LOCAL, 2000);
}

/* --- who gives way ------------------------------------------------------------------------------------------------ */

static void limit(uint32_t n)
{
	bed.conf.route_limit = n;
	apply_conf();
}

static void unwanted_give_way(void)
{
	limit(3);
	expect_data(U, "1", G2, "");
	expect_data(U, "2", G2, "");
	expect_data(U, "3", G2, "");
	/* But not to each other. */
	expect_data(U, "4", G2, "no-entry");
	expect_drops(U, ROUTE_LIMIT, 1);
	v2_report(D1, H1, G);
	(void)dsl_routes();
	expect_data(U, "1", G, "D1");
	expect_routes("DEL(1,G2) SET(1,G1)U>D1");
	expect_data(U, "2", G, "D1");
	expect_data(U, "3", G, "D1");
	assert_int_equal(nroutes(), 3);
	expect_data(U, "4", G, "no-entry");
	assert_int_equal(HASH_COUNT(bed.gm->groups), 1);
	expect_data(U, "1", G, "D1");
}

static void senders_give_way_after_the_unwanted(void)
{
	limit(3);
	expect_data(D1, "A1", G2, "U");
	expect_data(U, "1", G2, "");
	expect_data(U, "2", G2, "");
	v2_report(D2, H3, G);
	(void)dsl_routes();
	expect_data(U, "1", G, "D2");
	expect_data(U, "2", G, "D2");
	expect_routes("DEL(1,G2) SET(1,G1)U>D2 DEL(2,G2) SET(2,G1)U>D2");
	expect_data(U, "3", G, "D2");
	expect_routes("DEL(A1,G2) SET(3,G1)U>D2");
}

static void named_sources_find_room(void)
{
	limit(2);
	expect_data(U, "1", G2, "");
	expect_data(U, "2", G2, "");
	(void)dsl_routes();
	report(D1, H1, GS, "ALLOW{1,2}");
	expect_routes("DEL(1,G2) DEL(2,G2) SET(1,GS1)U>D1 SET(2,GS1)U>D1");
}

/* Whoever becomes wanted is safe from then on, and who is no more is not. */
static void wanted_by_and_by(void)
{
	limit(2);
	expect_data(U, "1", G2, "");
	expect_data(U, "2", "G3", "");
	v2_report(D1, H1, G2);
	v2_report(D1, H1, G);
	(void)dsl_routes();
	expect_data(U, "1", G, "D1");
	expect_routes("DEL(2,G3) SET(1,G1)U>D1");
	leave(D1, H1, G2);
	wait_s(LMQT);
	(void)dsl_routes();
	expect_data(U, "2", G, "D1");
	expect_routes("DEL(1,G2) SET(2,G1)U>D1");
}

static void sources_no_member_wants_are_unwanted(void)
{
	limit(3);
	report(D1, H1, G, "ALLOW{1}");
	expect_data(U, "2", G, "");
	expect_data(U, "3", G, "");
	expect_data(U, "4", G, "no-entry");
	v2_report(D1, H1, G2);
	expect_data(U, "1", G2, "D1");
	expect_fwd(D1, G, "1");
}

/* A flood of sources to a group that is joined does not keep others from theirs. */
static void groups_share(void)
{
	limit(40);
	v2_report(D1, H1, G);
	v2_report(D1, H1, G2);
	expect_data(U, "1", G, "D1");
	for (unsigned int i = 100; i < 200; i++) {
		char source[8];

		snprintf(source, sizeof(source), "%u", i);
		upcall(U, source, G);
	}
	assert_int_equal(nroutes(), 40);
	(void)dsl_routes();
	expect_data(U, "1", G2, "D1");
	expect_routes("DEL(138,G1) SET(1,G2)U>D1");
	/* The stream that was first is still there. */
	expect_data(U, "1", G, "D1");
	expect_routes("");
	for (unsigned int i = 2; i < 40; i++) {
		char source[8];

		snprintf(source, sizeof(source), "%u", i);
		upcall(U, source, G2);
	}
	(void)dsl_routes();
	expect_data(U, "16", G2, "D1");
	expect_data(U, "17", G2, "no-entry");
	expect_data(U, "1", G, "D1");
	assert_int_equal(nroutes(), 40);
}

/* The entry of any source that found no room has it as soon as there is some, whoever gives it up. */
static void shared_entries_wait_for_room(void)
{
	wildcard(true);
	limit(2);
	v2_report(D1, H1, G2);
	v2_report(D2, H3, "G3");
	(void)dsl_routes();
	v2_report(D1, H1, G);
	report(D1, H1, G, "IS_EX{}");
	expect_routes("");
	expect_data(U, "1", G, "");
	leave(D1, H1, G2);
	wait_s(LMQT);
	expect_routes("DEL(*,G2)U SET(*,G1)U>U,D1");
	expect_data(U, "1", G, "D1");
}

static void named_sources_wait_for_room(void)
{
	limit(2);
	v2_report(D1, H1, G);
	v2_report(D1, H1, G2);
	expect_data(U, "1", G, "D1");
	expect_data(U, "1", G2, "D1");
	report(D1, H1, GS, "ALLOW{1,2}");
	(void)dsl_routes();
	route_idle("1", G, 60);
	expect_routes("DEL(1,G1) SET(1,GS1)U>D1");
	/* One that nobody waits for any more gives way. */
	leave(D1, H1, G2);
	wait_s(LMQT);
	expect_routes("SET(1,G2)U> DEL(1,G2) SET(2,GS1)U>D1");
}

/* Much room at once is for all of them. */
static void many_wait_for_room(void)
{
	char group[8];

	wildcard(true);
	limit(4);
	report(D1, H1, GS, "ALLOW{1,2,3,4}");
	for (unsigned int i = 1; i <= 7; i++) {
		snprintf(group, sizeof(group), "G%u", i);
		v2_report(D2, H3, group);
	}
	assert_int_equal(nroutes(), 4);
	expect_data(U, "1", G, "D2");
	expect_data(U, "1", "G3", "D2");
	expect_data(U, "1", "G4", "");
	leave(D2, H3, G);
	leave(D2, H3, G2);
	leave(D2, H3, "G3");
	report(D1, H1, GS, "BLOCK{1,2,3,4}");
	burst_begin();
	wait_s(LMQT);
	burst_end();
	assert_int_equal(nroutes(), 4);
	for (unsigned int i = 4; i <= 7; i++) {
		snprintf(group, sizeof(group), "G%u", i);
		expect_data(U, "1", group, "D2");
	}
}

static void idle_ones_go_sooner_when_it_is_full(void)
{
	limit(2);
	v2_report(D1, H1, G);
	expect_data(U, "1", G, "D1");
	route_idle("1", G, 6);
	assert_int_equal(nroutes(), 1);
	expect_data(U, "2", G, "D1");
	route_idle("1", G, 4.9);
	assert_int_equal(nroutes(), 2);
	route_idle("1", G, 6);
	assert_int_equal(nroutes(), 1);
	expect_data(U, "3", G, "D1");
}

int main(void)
{
	TEST(one_entry_an_upstream);
	TEST(entries_grow_with_groups);
	TEST(senders_below_have_their_own);
	TEST(copies_that_come_back_are_not_forwarded);
	TEST(last_member_takes_the_entry_away);
	TEST(excluded_source_is_an_exception);
	TEST(include_has_no_shared_entry);
	TEST(include_beside_exclude);
	TEST(from_source_to_wildcard);
	TEST(from_wildcard_to_source);
	TEST(upcall_under_way_when_the_mode_changes);
	TEST(upstream_lost_and_back);
	TEST(failover_moves_the_entry);
	TEST(split_upstreams);
	TEST(boundary_below);
	TEST(boundary_above);
	TEST(downstream_comes_and_goes);
	TEST(kernel_lost_its_entries);
	TEST(a_packet_without_source);
	TEST(e_31_link_local_sources);
	TEST(e_31_link_local_sender_below);
	TEST(link_local_entries_outlive_the_mode);
	TEST(link_local_entries_outlive_the_process);
	TEST(nothing_else_is_stopped);
	TEST(link_local_sources_are_limited);
	TEST(unwanted_give_way);
	TEST(senders_give_way_after_the_unwanted);
	TEST(named_sources_find_room);
	TEST(wanted_by_and_by);
	TEST(sources_no_member_wants_are_unwanted);
	TEST(groups_share);
	TEST(shared_entries_wait_for_room);
	TEST(named_sources_wait_for_room);
	TEST(many_wait_for_room);
	TEST(idle_ones_go_sooner_when_it_is_full);
	return dsl_run("gm_wildcard");
}
