/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gm_dsl_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TESTS 512

struct bed bed;

/* A broken invariant fails the test, not the program. */
void __assert_fail(const char *assertion, const char *file, unsigned int line, const char *function)
{
	print_error("%s: %s\n", function, assertion);
	_fail(file, (int)line);
	abort();
}

/* --- output ------------------------------------------------------------------------------------------------------- */

static void put_deadline(struct line *line, mtime_t deadline)
{
	if (deadline == MTIME_NEVER)
		line_put(line, "ever");
	else
		line_put(line, "%g", (double)(deadline - bed.now) / 1e6);
}

/* The sources of a record whose timer runs, or those without. */
static void put_sources(struct line *line, const struct gm_rec *rec, bool running, bool times)
{
	bool first = true;

	line_put(line, "{");
	for (uint32_t i = 0; i < rec->sources.n; i++) {
		const struct gm_src *src = &rec->sources.v[i];

		if ((src->deadline != 0) != running)
			continue;
		line_put(line, "%s%s", first ? "" : ",", name_of(&src->addr));
		first = false;
		if (times && running) {
			line_put(line, ":");
			put_deadline(line, src->deadline);
		}
	}
	line_put(line, "}");
}

static void put_record(struct line *line, const struct gm_rec *rec, bool times)
{
	if (gm_rec_mode(rec) == GM_INCLUDE) {
		line_put(line, "IN");
		put_sources(line, rec, true, times);
		return;
	}
	line_put(line, "EX(");
	put_sources(line, rec, true, times);
	line_put(line, ",");
	put_sources(line, rec, false, times);
	line_put(line, ")");
	if (times) {
		line_put(line, ":");
		put_deadline(line, rec->filter_deadline);
	}
}

const char *dsl_state(enum slot slot, const char *group, bool times)
{
	static struct line line;
	struct ipaddr a = addr(group);
	const struct gm_group *g = gm_group_find(bed.gm, &a);
	const struct gm_rec *rec = g ? gm_group_rec(g, (uint8_t)slot) : NULL;

	line.n = 0;
	if (rec)
		put_record(&line, rec, times);
	else
		line_put(&line, "-");
	return line.s;
}

const char *dsl_queries(enum slot slot, bool times)
{
	(void)line_take(&world.general[slot]);
	if (times) {
		(void)line_take(&world.queries[slot]);
		return line_take(&world.query_times[slot]);
	}
	(void)line_take(&world.query_times[slot]);
	return line_take(&world.queries[slot]);
}

const char *dsl_general(enum slot slot, bool times)
{
	if (times) {
		(void)line_take(&world.general[slot]);
		return line_take(&world.general_times[slot]);
	}
	(void)line_take(&world.general_times[slot]);
	return line_take(&world.general[slot]);
}

const struct gm_action *last_query(enum slot slot)
{
	return &world.last[slot];
}

const char *dsl_upstream(enum slot slot)
{
	return line_take(&world.upstream[slot]);
}

const char *dsl_filter(enum slot slot, const char *group)
{
	static struct line line;
	struct ipaddr a = addr(group);
	const struct filter *f = world_filter((uint8_t)slot, &a);

	line.n = 0;
	line_put(&line, f->mode == GM_EXCLUDE ? "EX" : "IN");
	line_list(&line, f->list, f->n);
	return line.s;
}

/* Linux, ip_mr_forward(). */
static bool accepts(const struct entry *e, enum slot slot)
{
	return e->iif == slot || (ipaddr_is_none(&e->source) && world_in_tree(e->iif, (uint8_t)slot));
}

/* A packet as the kernel treats it; `oifs` is what it goes out to. */
static const char *packet(enum slot slot, const struct ipaddr *source, const struct ipaddr *group, uint32_t *oifs)
{
	const struct entry *e = world_entry(slot, source, group);

	*oifs = 0;
	if (!e)
		world_flow(GM_EV_UPCALL, (int)slot, source, group, 0);
	else if (!accepts(e, slot))
		world_flow(GM_EV_WRONG_IF, (int)slot, source, group, 0);
	e = world_entry(slot, source, group);
	if (!e)
		return "no-entry";
	if (!accepts(e, slot))
		return "wrong-if";
	if (!ipaddr_is_none(&e->group))
		*oifs = e->oifs & ~(UINT32_C(1) << slot);
	else if (slot != e->iif)
		*oifs = UINT32_C(1) << e->iif;
	return NULL;
}

const char *dsl_data(enum slot slot, const char *source, const char *group)
{
	static struct line line;
	struct ipaddr s = source_of(source), g = addr(group);
	const char *lost;
	uint32_t oifs;

	lost = packet(slot, &s, &g, &oifs);
	line.n = 0;
	line.s[0] = '\0';
	if (lost)
		return lost;
	line_slots(&line, oifs, " ");
	return line.s;
}

const char *dsl_fwd(enum slot slot, const char *group)
{
	static struct line line;
	struct ipaddr g = addr(group);

	line.n = 0;
	line.s[0] = '\0';
	for (unsigned int i = 1; i <= PLAIN_LISTS; i++) {
		char name[8];
		struct ipaddr s;
		uint32_t oifs;

		snprintf(name, sizeof(name), "%u", i);
		s = source_of(name);
		(void)packet(U, &s, &g, &oifs);
		if (oifs & UINT32_C(1) << slot)
			line_put(&line, "%s%u", line.n ? "," : "", i);
	}
	(void)line_take(&world.routes);
	return line.s;
}

const char *dsl_routes(void)
{
	return line_take(&world.routes);
}

unsigned int dsl_notes(enum gm_note what)
{
	unsigned int n = world.notes[what];

	world.notes[what] = 0;
	return n;
}

/* All that is known and all that came out, but for the counters. */
static void put_everything(struct line *line)
{
	gm_for_each_if (bed.gm, ifp) {
		line_put(line, "%u querier %d %g;", ifp->slot, ifp->querier, (double)ifp->timer.deadline);
		for (const struct gm_rec *rec = ifp->recs; rec; rec = rec->next) {
			line_put(line, " %s ", name_of(&rec->group->addr));
			put_record(line, rec, true);
			line_put(line, " %u %u", gm_rec_gen(rec, bed.now), rec->group_queries_left);
		}
		line_put(line, "; ");
	}
	line_put(line, "groups %u", HASH_COUNT(bed.gm->groups));
	for (unsigned int i = 0; i < NSLOTS; i++)
		line_put(line, " %s|%s|%s", world.queries[i].s, world.general[i].s, world.upstream[i].s);
	line_put(line, " %s", world.routes.s);
}

void noop_begin(void)
{
	world.snapshot.n = 0;
	put_everything(&world.snapshot);
}

void dsl_noop(const char *file, int line)
{
	static struct line now;

	now.n = 0;
	put_everything(&now);
	_assert_string_equal(now.s, world.snapshot.s, file, line);
}

/* --- the bed ------------------------------------------------------------------------------------------------------ */

static struct ipprefix any_of(const char *name, bool *any)
{
	struct ipaddr a;

	*any = strcmp(name, "any") == 0;
	if (*any)
		return (struct ipprefix){ 0 };
	if (strchr(name, '/'))
		return prefix(name, name);
	a = addr(name);
	return ipprefix_make(&a, bed.v6 ? 128 : 32);
}

const struct gm_acl *acl(const char *rules)
{
	struct gm_acl *list = &world.acls[world.nacls];
	char copy[256], *save = NULL;

	assert_true(world.nacls < MAX_ACLS);
	list->rules = world.rules[world.nacls++];
	list->nrules = 0;
	snprintf(copy, sizeof(copy), "%s", rules);
	for (char *tok = strtok_r(copy, ";", &save); tok; tok = strtok_r(NULL, ";", &save)) {
		char verb[16], group[64] = "any", source[64] = "any";
		struct gm_acl_rule *rule = &list->rules[list->nrules];

		assert_true(list->nrules < MAX_RULES);
		assert_true(sscanf(tok, " %15s %63s %63s", verb, group, source) >= 1);
		*rule = (struct gm_acl_rule){ .seq = ++list->nrules, .permit = strcmp(verb, "permit") == 0 };
		rule->group = any_of(group, &rule->any_group);
		rule->source = any_of(source, &rule->any_source);
	}
	return list;
}

static void bed_if(enum slot slot, const char *v4, const char *v6)
{
	struct gm_if_conf *c = &bed.ifs[slot];

	*c = (struct gm_if_conf){
		.up = true,
		.addr = addr(slot_names[slot]),
		.prefixes = { prefix(v4, v6) },
		.nprefixes = 1,
		.priority = 100,
		.gen = GM_GEN3,
		.robustness = 2,
		.query_interval = mtime_from_s(125),
		.query_response = mtime_from_s(10),
		.last_member_interval = mtime_from_s(1),
		.startup_interval = mtime_from_ms(31250),
		.last_member_count = 2,
		.startup_count = 2,
		.verify_source = true,
	};
	snprintf(c->name, sizeof(c->name), "%s", slot_names[slot]);
}

struct case_ {
	struct dsl_row row;
	bool v6;
	void (*test)(void);
	void (*row_test)(const void *row);
	const void *arg;
	char name[96];
};

static struct case_ cases[MAX_TESTS];
static size_t ncases;

static int bed_open(void **state)
{
	const struct case_ *c = *state;

	memset(&bed, 0, sizeof(bed));
	memset(&world, 0, sizeof(world));
	bed.v6 = c->v6;
	bed.gm = gm_new(bed.v6 ? &gm_af_mld : &gm_af_igmp);
	if (!bed.gm)
		return -1;
	bed.conf.idle_timeout = mtime_from_s(60);
	bed_if(U, "198.51.100.0/24", "2001:db8:64::/64");
	bed_if(U2, "203.0.113.0/24", "2001:db8:65::/64");
	bed_if(D1, "10.1.0.0/24", "2001:db8:1::/64");
	bed_if(D2, "10.2.0.0/24", "2001:db8:2::/64");
	bed_if(D3, "10.3.0.0/24", "2001:db8:3::/64");
	bed_if(D4, "10.4.0.0/24", "2001:db8:4::/64");
	bed.now = mtime_from_s(1);
	mark();
	apply_conf();
	if_add(U);
	if_add(D1);
	if_add(D2);
	return 0;
}

static int bed_close(void **state)
{
	(void)state;
	gm_free(bed.gm);
	bed.gm = NULL;
	for (size_t i = 0; i < world.nfilters; i++)
		free(world.filters[i].list);
	free(world.filters);
	free(world.entries);
	world.filters = NULL;
	world.entries = NULL;
	return 0;
}

static void run_case(void **state)
{
	const struct case_ *c = *state;

	if (c->test)
		c->test();
	else
		c->row_test(c->arg);
}

static void add_case(const struct dsl_row *row, void (*test)(void), void (*row_test)(const void *), const void *arg)
{
	unsigned int families = row->families ? row->families : BOTH;

	for (unsigned int v6 = 0; v6 < 2; v6++) {
		struct case_ *c = &cases[ncases];

		if (!(families & (v6 ? V6 : V4)))
			continue;
		if (ncases == MAX_TESTS)
			abort();
		*c = (struct case_){ .row = *row, .v6 = v6, .test = test, .row_test = row_test, .arg = arg };
		snprintf(c->name, sizeof(c->name), "%s [%s]", row->name, v6 ? "mld" : "igmp");
		ncases++;
	}
}

void dsl_add(const char *name, unsigned int families, void (*test)(void))
{
	add_case(&(struct dsl_row){ name, families }, test, NULL, NULL);
}

void dsl_add_rows(const void *rows, size_t n, size_t size, void (*test)(const void *row))
{
	for (size_t i = 0; i < n; i++) {
		const void *row = (const char *)rows + i * size;

		add_case(row, NULL, test, row);
	}
}

int dsl_run(const char *group)
{
	static struct CMUnitTest tests[MAX_TESTS];

	for (size_t i = 0; i < ncases; i++)
		tests[i] = (struct CMUnitTest){ cases[i].name, run_case, bed_open, bed_close, &cases[i] };
	return _cmocka_run_group_tests(group, tests, ncases, NULL, NULL);
}
