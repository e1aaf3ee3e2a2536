/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_dsl - a small language to write the RFCs' rules as tests of the core, once for both families.
 *
 * It owns the test bed: one instance, the interfaces U, U2 (upstream) and D1 to D4 (downstream), the time, and models
 * of what is outside: the kernel's forwarding table and the filters the upstream routers know. Addresses have symbolic
 * names, which stand for an IPv4 or an IPv6 address: D1 (own address there), H1, H2 (hosts on D1), H3 (on D2), QL, QH
 * (routers on D1), UR (router on U), G1 = G, G2, ... (groups), GS1 = GS, ... (SSM groups), S1, S2, ... (sources
 * upstream; in a list just 1, 2, ...), A1 (a sender on D1), A2 (on D2); anything else is read as an address.
 *
 * Every input is followed by gm_actions() and gm_check(). What comes out is written down as text, one line for each
 * kind and interface, and an expect_*() compares the whole line and empties it: what a test does not expect, fails it.
 */
#ifndef IMPROXY_TESTS_GM_DSL_H
#define IMPROXY_TESTS_GM_DSL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>

#include "core/gm_state.h"
#include "lib/util.h"

enum slot { U, U2, D1, D2, D3, D4, NSLOTS };

#define G   "G1"
#define G2  "G2"
#define GS  "GS1"
#define GS2 "GS2"
#define H1  "H1"
#define H2  "H2"
#define H3  "H3"
#define QL  "QL"
#define QH  "QH"
#define UR  "UR"

/* Default timer profile (CONFORMANCE section J), in seconds. */
#define GMI  270
#define OQPI 255
#define OHPI 260
#define LMQT 2

struct bed {
	struct gm *gm;
	bool v6;
	mtime_t now;
	mtime_t mark; /* expect_*_times() count from here */
	bool burst;   /* actions are not fetched */
	struct gm_conf conf;
	struct gm_if_conf ifs[NSLOTS];
};

extern struct bed bed;

/* --- running ------------------------------------------------------------------------------------------------------ */

enum { V4 = 1, V6 = 2, BOTH = 3 };

/* Every table row begins with this. */
struct dsl_row {
	const char *name;
	unsigned int families; /* 0: both */
};

void dsl_add(const char *name, unsigned int families, void (*test)(void));
void dsl_add_rows(const void *rows, size_t n, size_t size, void (*test)(const void *row));
int dsl_run(const char *group);

#define TEST(fn)        dsl_add(#fn, BOTH, fn)
#define TEST_V4(fn)     dsl_add(#fn, V4, fn)
#define TEST_V6(fn)     dsl_add(#fn, V6, fn)
#define TABLE(rows, fn) dsl_add_rows(rows, ARRAY_SIZE(rows), sizeof((rows)[0]), fn)
#define ROW(type, row)  ((const struct type *)(row))

/* --- the bed ------------------------------------------------------------------------------------------------------ */

/* The address a name stands for; the name of an address (valid until the next but three calls). */
struct ipaddr addr(const char *name);
const char *name_of(const struct ipaddr *a);
struct ipprefix prefix(const char *v4, const char *v6);

/* Hands bed.conf, or bed.ifs[slot], to the core. The bed begins with U, D1 and D2 taken up at 1 s. */
void apply_conf(void);
int apply_if(enum slot slot);
/* Takes an interface into or out of use that the bed has prepared, or changes its link. */
void if_add(enum slot slot);
void if_remove(enum slot slot);
void if_link(enum slot slot, bool up);

/* A list of one rule or more: "permit G1 S1; deny any; ..." with `any` for an unnamed part; valid for the test. */
const struct gm_acl *acl(const char *rules);

/* --- time --------------------------------------------------------------------------------------------------------- */

/* Runs the clock to `s` seconds, or for `s` seconds more, firing each timer at its time; jump() comes too late for all.
 */
void at(double s);
void wait_s(double s);
void jump(double s);
void mark(void);

/* --- what comes in ------------------------------------------------------------------------------------------------ */

/* One record, for instance report(D1, H1, G, "TO_EX{1,2}"); returns what gm_input() does. */
int report(enum slot slot, const char *from, const char *group, const char *record);
/* The same of an older generation: as decoded by the caller, IS_EX{} or TO_IN{}. */
void v1_report(enum slot slot, const char *from, const char *group);
void v2_report(enum slot slot, const char *from, const char *group);
void leave(enum slot slot, const char *from, const char *group);

struct dsl_query {
	char none;
	enum gm_gen gen; /* 0: 3 */
	bool s;
	unsigned int qrv, qqi;
	double mrt; /* seconds; 0: 10 of a general query, 1 of another; less: none at all */
};
/* query_heard(D1, QL, "GQ") or "Q(G1)" or "Q(G1,{1,2})", then fields of struct dsl_query. */
#define query_heard(slot, from, what, ...) dsl_query_heard(slot, from, what, (struct dsl_query){ 0, ##__VA_ARGS__ })
void dsl_query_heard(enum slot slot, const char *from, const char *what, struct dsl_query q);

/* A query of ours that was sent on another interface has come in here. */
void echo(enum slot slot, enum slot sent);

void upcall(enum slot slot, const char *source, const char *group);
void wrong_if(enum slot slot, const char *source, const char *group);
/* The same after so many packets that came in where the entry says. */
void wrong_if_after(enum slot slot, const char *source, const char *group, unsigned int expected);
/* The same, where this machine is a member. */
void own_copy(enum slot slot, const char *source, const char *group, unsigned int expected);
/* The wire shows data of a source that no shared entry may forward. */
void sight(enum slot slot, const char *source, const char *group);
void route_idle(const char *source, const char *group, double s);
/* A life before this one: the kernel has the entry, for instance inherit(U, "1", G, "D1,D2"), and "*" for any. */
void relearn(void);
void inherit(enum slot slot, const char *source, const char *group, const char *oifs);
void clear(int slot, const char *group); /* group NULL: all; slot GM_NO_IF: all */
void clear_routes(void);
void resync(int slot); /* the upstream of `slot` has forgotten all; GM_NO_IF: the kernel's entries */

/* Actions of what is between come out together. */
void burst_begin(void);
void burst_end(void);

/* --- what came out ------------------------------------------------------------------------------------------------ */

/* Records: "IN{1:265,2:270}", "EX({1:265},{3}):255" (seconds left), "-"; _lists without times: "EX({1},{3})". */
#define expect_state(slot, group, want) dsl_equal(dsl_state(slot, group, true), want, __FILE__, __LINE__)
#define expect_lists(slot, group, want) dsl_equal(dsl_state(slot, group, false), want, __FILE__, __LINE__)
#define expect_gone(slot, group)        expect_state(slot, group, "-")

/* Specific queries: "Q(G1) Q(G1,{2,3}) Q(G1,{1})S"; general ones: "GQ GQ". With _times "31.25:GQ". */
#define expect_query(slot, want)         dsl_equal(dsl_queries(slot, false), want, __FILE__, __LINE__)
#define expect_query_times(slot, want)   dsl_equal(dsl_queries(slot, true), want, __FILE__, __LINE__)
#define expect_no_query(slot)            expect_query(slot, "")
#define expect_general(slot, want)       dsl_equal(dsl_general(slot, false), want, __FILE__, __LINE__)
#define expect_general_times(slot, want) dsl_equal(dsl_general(slot, true), want, __FILE__, __LINE__)

/* The records an upstream router sees, from the old and new filter by RFC 9776 s5.1 Table 3: "ALLOW{4} BLOCK{1}
 * TO_IN{}!", ! for prompt. */
#define expect_upstream(slot, want) dsl_equal(dsl_upstream(slot), want, __FILE__, __LINE__)
#define expect_no_upstream(slot)    expect_upstream(slot, "")
/* The filter it holds: "EX{1}", "IN{}". */
#define expect_filter(slot, group, want) dsl_equal(dsl_filter(slot, group), want, __FILE__, __LINE__)

/* Which of S1 to S6, sent into U to the group, come out: "1,2,3". */
#define expect_fwd(slot, group, want) dsl_equal(dsl_fwd(slot, group), want, __FILE__, __LINE__)
/* Where a packet comes out: "D1 D2", "" nowhere, "wrong-if", "no-entry". */
#define expect_data(slot, source, group, want) dsl_equal(dsl_data(slot, source, group), want, __FILE__, __LINE__)
/* Changes of forwarding entries: "SET(1,G1)U>D1,D2 DEL(1,G1)". */
#define expect_routes(want) dsl_equal(dsl_routes(), want, __FILE__, __LINE__)

#define expect_drops(slot, what, n)                                                                                    \
	_assert_int_equal(bed.gm->ifs[slot].stats.drop[GM_DROP_##what], n, __FILE__, __LINE__)
#define expect_count(slot, what, n)                                                                                    \
	_assert_int_equal(bed.gm->ifs[slot].stats.counter[GM_C_##what], n, __FILE__, __LINE__)
/* Notes of this kind since the last time it was asked for. */
#define expect_notes(what, n) _assert_int_equal(dsl_notes(GM_NOTE_##what), n, __FILE__, __LINE__)

/* Nothing at all came of what was since noop_begin(): no state, timer, query, filter or forwarding entry has changed.
 */
void noop_begin(void);
#define expect_noop() dsl_noop(__FILE__, __LINE__)

/* The last general or specific query on an interface. */
const struct gm_action *last_query(enum slot slot);

void dsl_equal(const char *got, const char *want, const char *file, int line);
const char *dsl_state(enum slot slot, const char *group, bool times);
const char *dsl_queries(enum slot slot, bool times);
const char *dsl_general(enum slot slot, bool times);
const char *dsl_upstream(enum slot slot);
const char *dsl_filter(enum slot slot, const char *group);
const char *dsl_fwd(enum slot slot, const char *group);
const char *dsl_data(enum slot slot, const char *source, const char *group);
const char *dsl_routes(void);
unsigned int dsl_notes(enum gm_note what);
void dsl_noop(const char *file, int line);

#endif
