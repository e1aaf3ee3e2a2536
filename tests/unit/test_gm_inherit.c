/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a restarted proxy does with the entries of its former life: they stay until every host has had its turn to
 * answer the startup queries, at 42.25 s here, and then only what was asked for counts.
 */
#include "gm_dsl.h"

#define HEARD 42.25 /* taken up at 1 s, the second startup query 31.25 s later, 10 s to answer it */

static void begin(void)
{
	(void)dsl_routes();
	relearn();
}

static void outputs_stay_until_the_hosts_are_heard(void)
{
	begin();
	inherit(U, "1", G, "D1,D2");
	expect_routes("");
	at(HEARD - 0.01);
	expect_data(U, "1", G, "D1 D2");
	expect_routes("");
	expect_notes(RELEARNED, 0);
	at(HEARD);
	expect_routes("SET(1,G1)U>");
	expect_notes(RELEARNED, 1);
	expect_no_upstream(U);
}

static void who_answers_sees_no_change(void)
{
	begin();
	inherit(U, "1", G, "D1");
	report(D1, H1, G, "IS_EX{}");
	expect_upstream(U, "TO_EX{}");
	at(HEARD + 1);
	expect_routes("");
	expect_data(U, "1", G, "D1");
	expect_no_upstream(U);
}

static void who_does_not_answer_is_left_out_at_the_end(void)
{
	begin();
	inherit(U, "1", G, "D1");
	v2_report(D2, H3, G);
	expect_routes("SET(1,G1)U>D1,D2");
	at(HEARD);
	expect_routes("SET(1,G1)U>D2");
}

static void a_leave_takes_effect_at_the_end(void)
{
	begin();
	inherit(U, "1", G, "D1");
	report(D1, H1, G, "TO_EX{}");
	report(D1, H1, G, "TO_IN{}");
	wait_s(LMQT + 1);
	expect_gone(D1, G);
	expect_routes("");
	at(HEARD);
	expect_routes("SET(1,G1)U>");
}

static void sources_are_kept_one_by_one(void)
{
	begin();
	inherit(U, "1", G, "D1");
	inherit(U, "2", G, "");
	report(D1, H1, G, "IS_IN{2}");
	expect_routes("SET(2,G1)U>D1");
	expect_fwd(D1, G, "1,2");
	at(HEARD);
	expect_routes("SET(1,G1)U>");
	expect_fwd(D1, G, "2");
}

static void an_interface_that_goes_loses_its_output_at_once(void)
{
	begin();
	inherit(U, "1", G, "D1,D2");
	if_link(D1, false);
	expect_routes("SET(1,G1)U>D2");
}

static void a_querier_that_appears_takes_the_output(void)
{
	begin();
	inherit(U, "1", G, "D1,D2");
	query_heard(D1, QL, "GQ");
	expect_routes("SET(1,G1)U>D2");
}

static void a_boundary_is_kept(void)
{
	begin();
	inherit(U, "1", G, "D1,D2");
	bed.ifs[D2].boundary = acl("deny G1; permit any");
	apply_if(D2);
	expect_routes("SET(1,G1)U>D1");
}

static void a_sender_below_keeps_its_way(void)
{
	begin();
	inherit(D1, "A1", G, "U,D2");
	expect_routes("");
	at(HEARD);
	expect_routes("SET(A1,G1)D1>U");
}

static void a_wrong_incoming_interface_is_mended(void)
{
	begin();
	inherit(D2, "1", G, "D1");
	expect_routes("SET(1,G1)U>D1");
}

static void without_room_an_entry_goes(void)
{
	bed.conf.route_limit = 1;
	apply_conf();
	begin();
	inherit(U, "1", G, "D1");
	inherit(U, "2", G, "D1");
	expect_routes("DEL(2,G1)");
}

static void wildcard_entries_stay_in_place(void)
{
	begin();
	burst_begin();
	bed.conf.wildcard = true;
	apply_conf();
	inherit(U, "*", "*", "U");
	inherit(U, "*", G, "U,D1");
	inherit(U, "1", G2, "D2");
	burst_end();
	expect_routes("");
	v2_report(D1, H1, G);
	report(D2, H3, G2, "IS_IN{1}");
	expect_routes("");
	at(HEARD);
	expect_routes("");
	leave(D1, H1, G);
	wait_s(LMQT);
	expect_routes("DEL(*,G1)U");
}

static void another_mode_replaces_them(void)
{
	begin();
	burst_begin();
	inherit(U, "*", "*", "U");
	inherit(U, "*", G, "U,D1");
	burst_end();
	expect_routes("DEL(*,*)U");
	expect_data(U, "1", G, "D1");
	at(HEARD);
	expect_routes("DEL(*,G1)U");
}

/* What was taken over is written again, as after every restart, before it is known what is wanted. */
static void what_is_not_of_this_mode_goes_though_all_is_written_again(void)
{
	begin();
	burst_begin();
	inherit(U, "*", "*", "U");
	resync(GM_NO_IF);
	burst_end();
	expect_routes("DEL(*,*)U");
	burst_begin();
	bed.conf.wildcard = true;
	apply_conf();
	inherit(U, "1", G, "");
	resync(GM_NO_IF);
	burst_end();
	expect_routes("SET(*,*)U>U DEL(1,G1)");
}

static void what_is_cleared_is_written_again(void)
{
	begin();
	inherit(U, "1", G, "D1");
	inherit(U, "2", G, "");
	clear_routes();
	expect_routes("DEL(2,G1) SET(1,G1)U>D1");
	expect_data(U, "1", G, "D1");
	at(HEARD);
	expect_routes("SET(1,G1)U>");
}

static void nothing_inherited_ends_as_well(void)
{
	relearn();
	at(HEARD);
	expect_notes(RELEARNED, 1);
	wait_s(1000);
	expect_notes(RELEARNED, 0);
}

int main(void)
{
	TEST(outputs_stay_until_the_hosts_are_heard);
	TEST(who_answers_sees_no_change);
	TEST(who_does_not_answer_is_left_out_at_the_end);
	TEST(a_leave_takes_effect_at_the_end);
	TEST(sources_are_kept_one_by_one);
	TEST(an_interface_that_goes_loses_its_output_at_once);
	TEST(a_querier_that_appears_takes_the_output);
	TEST(a_boundary_is_kept);
	TEST(a_sender_below_keeps_its_way);
	TEST(a_wrong_incoming_interface_is_mended);
	TEST(without_room_an_entry_goes);
	TEST(wildcard_entries_stay_in_place);
	TEST(another_mode_replaces_them);
	TEST(what_is_not_of_this_mode_goes_though_all_is_written_again);
	TEST(what_is_cleared_is_written_again);
	TEST(nothing_inherited_ends_as_well);
	return dsl_run("inherit");
}
