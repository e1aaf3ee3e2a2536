/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ref - a second, naive implementation of the protocol engine, to compare the real one with.
 *
 * It owns: the specification as a program. RFC 9776 s6.4 stands in it as set expressions, RFC 4605 s4 as a merge and a
 * forwarding decision that are computed from nothing at every step. Its sets are bit masks over the few sources a test
 * uses, its timers plain absolute times that are found by looking at all of them. It refuses: to be fast, and to share
 * code or reasoning with improxyd/core, of which it knows the events and the configuration (gm.h) and nothing else.
 *
 * What it leaves out: the limits (max-groups, max-sources, route-limit), immediate leave of both kinds (it is off in
 * every test), counters, notes, router discovery, wildcard forwarding, what the codec checks before (the kind of a
 * sender's address), and the rate limit of upcalls (the test does not pass on those the engine refused).
 *
 * Where the texts are silent, the reading taken is marked "Reading:". Most of these follow what the engine was seen to
 * do: there the comparison holds it to one behaviour, and says nothing about whether it is the best one.
 */
#ifndef IMPROXY_TESTS_MODEL_REF_H
#define IMPROXY_TESTS_MODEL_REF_H

#include <stdbool.h>

#include "core/gm.h"
#include "lib/ipaddr.h"
#include "lib/mtime.h"

#define REF_SLOTS   8
#define REF_GROUPS  16
#define REF_SOURCES 24
#define REF_QUERIES 4096

struct ref_rec {
	enum gm_mode mode;
	unsigned int x; /* the sources whose timer runs: A in INCLUDE mode, X in EXCLUDE mode */
	unsigned int y; /* the sources whose timer is zero: Y in EXCLUDE mode */
	mtime_t group_timer;
	mtime_t source_timer[REF_SOURCES];
	mtime_t v1_host, v2_host; /* older host present timers */

	unsigned int group_left; /* group-specific queries still to be sent, and when */
	mtime_t group_next;
	unsigned int source_left[REF_SOURCES];
	mtime_t source_next;

	bool reported; /* some host has */
	bool static_any;
	unsigned int static_sources;
};

struct ref_if {
	struct gm_if_conf conf;
	bool querying, querier;
	unsigned int startup_left;
	mtime_t next_query, other_until;
	uint8_t robustness;
	mtime_t query_interval;
	struct ref_rec rec[REF_GROUPS];
};

struct ref_query {
	uint8_t slot;
	struct ipaddr group;
	enum gm_gen gen;
	bool suppress;
	uint8_t robustness;
	mtime_t interval, max_response;
	unsigned int sources;
};

/* What one upstream holds: the merged membership, or what is left of it during leave-delay. */
struct ref_joined {
	uint8_t slot; /* GM_NO_IF: nothing is joined */
	enum gm_mode mode;
	unsigned int sources;
	mtime_t hold_until; /* 0: it has members */
};

struct ref_route {
	bool there;   /* known, through an upcall or a member that names the source */
	bool named;   /* a member names the source */
	bool arrived; /* there was an upcall */
	uint8_t arrived_on;
	uint8_t iif; /* GM_NO_IF: nowhere to expect it from, not installed */
	uint32_t oifs;
};

struct ref {
	bool mld;
	mtime_t now;     /* of the timer or event under way */
	mtime_t horizon; /* of the call under way: later than `now` while overdue timers fire */
	struct gm_conf conf;
	struct ref_if ifs[REF_SLOTS];
	unsigned int ngroups, nsources;
	struct ipaddr group[REF_GROUPS], source[REF_SOURCES];
	struct ref_joined joined[REF_GROUPS];
	struct ref_route route[REF_GROUPS][REF_SOURCES];
	struct ref_query query[REF_QUERIES];
	unsigned int nqueries;
};

struct ref *ref_new(bool mld);
void ref_free(struct ref *r);

/* As gm_input() and gm_tick(). */
void ref_input(struct ref *r, mtime_t now, const struct gm_event *ev);
void ref_tick(struct ref *r, mtime_t now);

/* The earliest deadline of all, MTIME_NEVER if there is none. */
mtime_t ref_next(const struct ref *r);

/* Computes what is joined and forwarded, as gm_actions() does. The queries are since the last ref_clear_queries(). */
void ref_settle(struct ref *r, mtime_t now);
void ref_clear_queries(struct ref *r);

/* Number of the address, which is given one if it has none. */
unsigned int ref_group(struct ref *r, const struct ipaddr *group);
unsigned int ref_source(struct ref *r, const struct ipaddr *source);

/* True if somebody on the interface is a member (a record exists). */
bool ref_rec_there(const struct ref_rec *rec);

/* Compatibility mode of a record: RFC 9776 s7.3.2. */
enum gm_gen ref_rec_gen(const struct ref *r, const struct ref_rec *rec);

#endif
