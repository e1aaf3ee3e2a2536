/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host cannot exhaust memory or time: floods of groups, sources, reporters and streams against the limits that a
 * configuration has by itself. What is refused is counted, what was there before goes on, and the state that is left is
 * what the limits say, to the record.
 */
#include <string.h>
#include <time.h>

#include "conf.h"
#include "core/gm_fwd.h"
#include "gm_dsl.h"

#define FLOOD 100000
#define LIST  1000 /* sources of a record */

/* The limits of an installation that has set none. */
static void begin(void)
{
	struct conf *conf = conf_new();
	struct conf_if_af af;

	assert_non_null(conf);
	conf_if_af_defaults(&af, bed.v6 ? FAMILY_IPV6 : FAMILY_IPV4);
	bed.conf.max_groups = conf->af[FAMILY_IPV4].max_groups;
	bed.conf.route_limit = conf->af[FAMILY_IPV4].route_limit;
	conf_free(conf);
	apply_conf();
	for (enum slot slot = D1; slot <= D2; slot++) {
		bed.ifs[slot].max_groups = af.max_groups;
		bed.ifs[slot].max_sources = af.max_sources;
		assert_int_equal(apply_if(slot), 0);
	}
}

/* The n-th address behind a name. */
static struct ipaddr behind(const char *name, unsigned int n)
{
	struct ipaddr a = addr(name);

	a.b[13] = (uint8_t)(n >> 16);
	a.b[14] = (uint8_t)(n >> 8);
	a.b[15] = (uint8_t)n;
	return a;
}

static struct gm_event joins(enum slot slot, const char *from, unsigned int n)
{
	struct gm_event ev = { .type = GM_EV_RECORD, .slot = (uint8_t)slot };

	ev.record.reporter = addr(from);
	ev.record.group = behind(bed.v6 ? "ff15::9:0:0" : "239.0.0.0", n);
	ev.record.gen = GM_GEN3;
	ev.record.type = GM_TO_EX;
	return ev;
}

/* Without gm_check(), which looks at everything, and whatever comes out. Returns the number of actions. */
static size_t input(const struct gm_event *ev)
{
	size_t n;

	assert_int_equal(gm_input(bed.gm, bed.now, ev), 0);
	gm_actions(bed.gm, bed.now, &n);
	gm_actions_done(bed.gm);
	return n;
}

/* Everything that is due in `s` seconds, unseen. */
static void pass(unsigned int s)
{
	mtime_t end = bed.now + mtime_from_s(s);
	size_t n;

	while (bed.now < end) {
		bed.now = mtime_min(gm_next(bed.gm), end);
		gm_actions(bed.gm, bed.now, &n);
		gm_actions_done(bed.gm);
	}
	gm_check(bed.gm, bed.now);
}

static void groups_of_one_host(void)
{
	uint32_t max;

	begin();
	max = bed.ifs[D1].max_groups;
	assert_int_equal(max, 4096);
	for (unsigned int i = 0; i < FLOOD; i++) {
		struct gm_event ev = joins(D1, H1, i);

		input(&ev);
	}
	gm_check(bed.gm, bed.now);
	assert_int_equal(bed.gm->ifs[D1].nrecs, max);
	assert_int_equal(HASH_COUNT(bed.gm->groups), max);
	expect_drops(D1, LIMIT, FLOOD - max);
	/* Another link is not touched by it. */
	report(D2, H3, G, "TO_EX{}");
	expect_state(D2, G, "EX({},{}):270");
	/* All of it ages. */
	pass(GMI);
	assert_int_equal(bed.gm->nrecs, 0);
	assert_int_equal(HASH_COUNT(bed.gm->groups), 0);
	report(D1, H1, G, "TO_EX{}");
	expect_state(D1, G, "EX({},{}):270");
}

/* The limit of the instance holds where there is none of the interface. */
static void groups_of_all(void)
{
	begin();
	assert_int_equal(bed.conf.max_groups, 65536);
	bed.ifs[D1].max_groups = 0;
	assert_int_equal(apply_if(D1), 0);
	for (unsigned int i = 0; i < FLOOD; i++) {
		struct gm_event ev = joins(D1, H1, i);

		assert_int_equal(gm_input(bed.gm, bed.now, &ev), 0);
		/* A burst must not pile up actions either: the caller fetches them now and then. */
		if (i % 64 == 0)
			input(&ev);
	}
	gm_check(bed.gm, bed.now);
	assert_int_equal(bed.gm->nrecs, 65536);
	assert_true(bed.gm->ifs[D1].stats.drop[GM_DROP_LIMIT] >= FLOOD - 65536);
}

static void sources_of_one_host(void)
{
	struct ipaddr sources[LIST];
	uint32_t max;

	begin();
	max = bed.ifs[D1].max_sources;
	assert_int_equal(max, 1024);
	for (unsigned int i = 0; i < FLOOD / LIST; i++) {
		struct gm_event ev = joins(D1, H1, 0);

		for (unsigned int k = 0; k < LIST; k++)
			sources[k] = behind("S1", 256 + i * LIST + k);
		ev.record.type = GM_ALLOW;
		ev.record.sources = sources;
		ev.record.nsources = LIST;
		input(&ev);
	}
	gm_check(bed.gm, bed.now);
	assert_int_equal(bed.gm->nsources, max);
	assert_int_equal(bed.gm->nrecs, 1);
	expect_drops(D1, LIMIT, FLOOD - max);
	assert_true(bed.gm->ifs[D1].recs->sources.cap <= 2 * (max + LIST));
	assert_true(HASH_COUNT(bed.gm->routes) <= max);
	pass(GMI);
	assert_int_equal(bed.gm->nsources, 0);
	assert_int_equal(HASH_COUNT(bed.gm->groups), 0);
}

/* One host names `n` sources in each of so many groups. */
static void name_sources(unsigned int groups, unsigned int n)
{
	struct ipaddr sources[LIST];

	for (unsigned int i = 0; i < groups; i++) {
		struct gm_event ev = joins(D1, H1, i);

		for (unsigned int k = 0; k < n; k++)
			sources[k] = behind("S1", 256 + k);
		ev.record.type = GM_ALLOW;
		ev.record.sources = sources;
		ev.record.nsources = n;
		input(&ev);
	}
	gm_check(bed.gm, bed.now);
	assert_int_equal(HASH_COUNT(bed.gm->routes), bed.conf.route_limit);
}

/* What somebody else asks for has a forwarding entry, and the entries are as many as before. */
static void has_room(const char *name, enum gm_record_type type, bool data_flows)
{
	struct gm_event ev = joins(D2, H3, 0), data = { .type = GM_EV_UPCALL, .slot = U };
	struct ipaddr group = addr(name), source = addr("S1"), any = { { 0 } };
	const struct gm_route *route;

	ev.record.group = data.flow.group = group;
	data.flow.source = source;
	ev.record.type = type;
	ev.record.sources = &source;
	ev.record.nsources = type == GM_ALLOW;
	input(&ev);
	if (data_flows)
		input(&data);
	gm_check(bed.gm, bed.now);
	route = gm_fwd_find(bed.gm, gm_group_find(bed.gm, &group), bed.conf.wildcard ? &any : &source);
	assert_non_null(route);
	assert_true(route->oifs & UINT32_C(1) << D2);
	assert_int_equal(HASH_COUNT(bed.gm->routes), bed.conf.route_limit);
}

/* The table is full on account of D1. */
static void others_get_their_streams(void)
{
	const struct gm_event conf = { .type = GM_EV_CONF, .slot = GM_NO_IF, .conf = &bed.conf };

	has_room(G, GM_TO_EX, true);
	has_room(GS, GM_ALLOW, false);
	bed.conf.wildcard = true;
	input(&conf);
	has_room(G2, GM_TO_EX, false);
}

/* Every group with every source it may have: forwarding entries have a limit of their own. */
static void sources_of_many_groups(void)
{
	begin();
	name_sources(FLOOD / 100, 100);
	assert_int_equal(bed.gm->nsources, FLOOD);
	others_get_their_streams();
}

/* All that a few groups may have. */
static void sources_of_few_groups(void)
{
	begin();
	bed.conf.route_limit = 16 * LIST;
	apply_conf();
	name_sources(16, LIST);
	others_get_their_streams();
}

/* No group has many of them. */
static void few_sources_of_many_groups(void)
{
	begin();
	name_sources(bed.conf.route_limit / 4, 4);
	others_get_their_streams();
}

/* After the first source without room the others of its group are not tried, nor told of, one by one. */
static void a_full_table_is_told_once(void)
{
	bed.conf.route_limit = 4;
	apply_conf();
	report(D1, H1, GS, "ALLOW{1,2,3,4,5,6}");
	expect_notes(ROUTE_LIMIT, 1);
	assert_int_equal(bed.gm->stats.drop[GM_DROP_ROUTE_LIMIT], 1);
	report(D1, H1, GS, "ALLOW{7,8}");
	expect_notes(ROUTE_LIMIT, 1);
	/* Those that are there stay, wherever they stand. */
	report(D2, H3, GS, "ALLOW{4,9}");
	expect_notes(ROUTE_LIMIT, 1);
	expect_fwd(D1, GS, "1,2,3,4");
	expect_fwd(D2, GS, "4");
}

/* Explicit tracking remembers no more reporters of a group than it has room for. */
static void reporters_of_one_group(void)
{
	begin();
	bed.ifs[D1].immediate_leave = GM_IMMEDIATE_TRACK;
	bed.ifs[D1].verify_source = false;
	assert_int_equal(apply_if(D1), 0);
	for (unsigned int i = 0; i < FLOOD; i++) {
		struct gm_event ev = joins(D1, H1, 0);

		ev.record.reporter = behind(bed.v6 ? "fe80::5:0:0" : "10.9.0.0", 256 + i);
		input(&ev);
	}
	gm_check(bed.gm, bed.now);
	assert_int_equal(bed.gm->ifs[D1].recs->hosts.n, GM_HOSTS_MAX);
	assert_true(bed.gm->hosts_used <= GM_HOSTS_MAX);
	/* It does not know them all any more, and says so: the last leave is asked about. */
	assert_false(gm_hosts_tracked(&bed.gm->ifs[D1].recs->hosts, bed.now));
}

/* Streams nobody wants, each a new one. */
static void streams_of_one_host(void)
{
	begin();
	for (unsigned int i = 0; i < FLOOD; i++) {
		struct gm_event ev = { .type = GM_EV_UPCALL, .slot = D1 };

		ev.flow.source = addr("A1");
		ev.flow.group = behind(bed.v6 ? "ff15::7:0:0" : "239.0.0.0", i);
		input(&ev);
	}
	gm_check(bed.gm, bed.now);
	assert_true(HASH_COUNT(bed.gm->routes) <= bed.conf.route_limit);
	assert_true(bed.gm->ifs[D1].stats.drop[GM_DROP_UPCALL_RATE] + bed.gm->ifs[D1].stats.drop[GM_DROP_ROUTE_LIMIT] +
			    HASH_COUNT(bed.gm->routes) ==
		    FLOOD);
	/* A member gets its stream all the same. */
	report(D1, H1, G, "TO_EX{}");
	upcall(U, "S1", G);
	expect_data(U, "S1", G, "D1");
}

/* A limit that becomes lower counts at once: what came last has to go, but for static groups. */
static void lower_limits(void)
{
	struct gm_static fixed = { .source = { { 0 } } };

	begin();
	fixed.group = addr("G3");
	report(D1, H1, G, "TO_EX{}");
	wait_s(1);
	report(D2, H3, G, "TO_EX{}");
	wait_s(1);
	report(D1, H1, G2, "TO_EX{}");
	wait_s(1);
	bed.ifs[D1].statics = &fixed;
	bed.ifs[D1].nstatics = 1;
	bed.ifs[D1].statics_serial++;
	apply_if(D1);
	assert_int_equal(bed.gm->ifs[D1].nrecs, 3);
	bed.ifs[D1].max_groups = 2;
	apply_if(D1);
	assert_int_equal(bed.gm->ifs[D1].nrecs, 2);
	expect_state(D1, G, "EX({},{}):267");
	expect_gone(D1, G2);
	expect_drops(D1, LIMIT, 1);
	bed.ifs[D1].max_groups = 1;
	apply_if(D1);
	expect_gone(D1, G);
	assert_int_equal(bed.gm->ifs[D1].nrecs, 1);
	/* The same of the whole instance, and of sources. */
	bed.ifs[D1].max_groups = 0;
	apply_if(D1);
	report(D1, H1, G2, "ALLOW{1,2,3}");
	bed.ifs[D1].max_sources = 2;
	apply_if(D1);
	expect_state(D1, G2, "IN{1:270,2:270}");
	report(D1, H1, G, "IS_EX{4,5,6}");
	bed.ifs[D1].max_sources = 1;
	apply_if(D1);
	expect_state(D1, G, "EX({},{4}):270");
	expect_state(D1, G2, "IN{1:270}");
	bed.conf.max_groups = 2;
	apply_conf();
	assert_int_equal(bed.gm->nrecs, 2);
	expect_state(D2, G, "EX({},{}):268");
	gm_check(bed.gm, bed.now);
}

static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The time that a flood of refusals takes while there are `max` groups. */
static int64_t refusal_us(unsigned int max)
{
	int64_t begun;

	bed.ifs[D1].max_groups = max;
	assert_int_equal(apply_if(D1), 0);
	for (unsigned int i = 0; i < max; i++) {
		struct gm_event ev = joins(D1, H1, i);

		input(&ev);
	}
	begun = cpu_us();
	for (unsigned int i = 0; i < FLOOD; i++) {
		struct gm_event ev = joins(D1, H1, FLOOD + i);

		/* Just the note that it was refused. */
		assert_int_equal(input(&ev), 1);
	}
	assert_int_equal(bed.gm->nrecs, max);
	return cpu_us() - begun;
}

/* What a refused request costs does not grow with what there is; generous, for loaded machines. */
static void a_refusal_is_cheap(void)
{
	int64_t few, many;

	begin();
	few = refusal_us(4);
	many = refusal_us(4096);
	assert_true(many < 20 * few + 1000000);
}

int main(void)
{
	TEST(groups_of_one_host);
	TEST(groups_of_all);
	TEST(sources_of_one_host);
	TEST(sources_of_many_groups);
	TEST(sources_of_few_groups);
	TEST(few_sources_of_many_groups);
	TEST(a_full_table_is_told_once);
	TEST(lower_limits);
	TEST(reporters_of_one_group);
	TEST(streams_of_one_host);
	TEST(a_refusal_is_cheap);
	return dsl_run("gm_limits");
}
