/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gm_dsl_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- models of the outside ---------------------------------------------------------------------------------------- */

struct world world;

struct filter *world_filter(uint8_t slot, const struct ipaddr *group)
{
	struct filter *v;

	for (size_t i = 0; i < world.nfilters; i++) {
		if (world.filters[i].slot == slot && ipaddr_eq(&world.filters[i].group, group))
			return &world.filters[i];
	}
	v = realloc(world.filters, (world.nfilters + 1) * sizeof(*v));
	assert_non_null(v);
	world.filters = v;
	v += world.nfilters++;
	*v = (struct filter){ .slot = slot, .group = *group };
	return v;
}

/* RFC 9776 s5.1, Table 3. */
static void see_upstream(const struct gm_action *a)
{
	struct line *line = &world.upstream[a->slot], record = { .n = 0 };
	struct filter *f = world_filter(a->slot, &a->upstream.group);
	const struct ipaddr *new = a->upstream.sources;
	unsigned int n = a->upstream.nsources;
	const char *group = name_of(&a->upstream.group);
	size_t before;

	for (unsigned int i = 1; i < n; i++)
		assert_true(ipaddr_cmp(&new[i - 1], &new[i]) < 0);
	if (strcmp(group, G) != 0) {
		line_gap(line);
		line_put(line, "%s:", group);
	}
	before = line->n;
	if (f->mode != a->upstream.mode) {
		line_put(&record, a->upstream.mode == GM_EXCLUDE ? "TO_EX" : "TO_IN");
		line_list(&record, new, n);
	} else {
		bool in = f->mode == GM_INCLUDE;

		line_difference(&record, "ALLOW", in ? new : f->list, in ? n : f->n, in ? f->list : new, in ? f->n : n);
		line_difference(&record, "BLOCK", in ? f->list : new, in ? f->n : n, in ? new : f->list, in ? n : f->n);
	}
	if (before == line->n && strcmp(group, G) == 0)
		line_gap(line);
	line_put(line, "%s%s", record.n ? record.s : "SAME", a->upstream.prompt ? "!" : "");
	free(f->list);
	f->list = n ? malloc(n * sizeof(*new)) : NULL;
	if (n) {
		assert_non_null(f->list);
		memcpy(f->list, new, n * sizeof(*new));
	}
	f->n = n;
	f->mode = a->upstream.mode;
}

static struct entry *entry_find(const struct ipaddr *source, const struct ipaddr *group)
{
	for (size_t i = 0; i < world.nentries; i++) {
		if (ipaddr_eq(&world.entries[i].source, source) && ipaddr_eq(&world.entries[i].group, group))
			return &world.entries[i];
	}
	return NULL;
}

/* The kernel knows an entry of any source by its incoming interface too. */
static struct entry *entry_of(const struct gm_action *a)
{
	for (size_t i = 0; i < world.nentries; i++) {
		struct entry *e = &world.entries[i];

		if (ipaddr_eq(&e->source, &a->route.source) && ipaddr_eq(&e->group, &a->route.group) &&
		    (!ipaddr_is_none(&e->source) || e->iif == a->slot))
			return e;
	}
	return NULL;
}

/* Linux, mr_mfc_find_any_parent(): the (*,*) that has the interface among its outputs. */
static const struct entry *entry_any_group(uint8_t slot)
{
	for (size_t i = 0; i < world.nentries; i++) {
		if (ipaddr_is_none(&world.entries[i].group) && world.entries[i].oifs & UINT32_C(1) << slot)
			return &world.entries[i];
	}
	return NULL;
}

/* Linux, mr_mfc_find_any_parent() for the tree of one upstream: the (*,*) with this parent. */
bool world_in_tree(uint8_t parent, uint8_t slot)
{
	const struct entry *e = entry_any_group(parent);

	return e && e->oifs & UINT32_C(1) << slot;
}

/* Linux, ipmr_cache_find() and ipmr_cache_find_any(). */
const struct entry *world_entry(enum slot slot, const struct ipaddr *source, const struct ipaddr *group)
{
	const struct entry *exact = entry_find(source, group);

	if (exact)
		return exact;
	for (size_t i = 0; i < world.nentries; i++) {
		const struct entry *e = &world.entries[i];

		if (ipaddr_is_none(&e->source) && ipaddr_eq(&e->group, group) &&
		    (e->oifs & UINT32_C(1) << slot || world_in_tree(e->iif, (uint8_t)slot)))
			return e;
	}
	return entry_any_group((uint8_t)slot);
}

void line_slots(struct line *line, uint32_t slots, const char *gap)
{
	bool first = true;

	for (unsigned int i = 0; i < NSLOTS; i++) {
		if (!(slots & UINT32_C(1) << i))
			continue;
		line_put(line, "%s%s", first ? "" : gap, slot_names[i]);
		first = false;
	}
}

static struct entry *entry_add(void)
{
	struct entry *v = realloc(world.entries, (world.nentries + 1) * sizeof(*v));

	assert_non_null(v);
	world.entries = v;
	return v + world.nentries++;
}

static void see_route(const struct gm_action *a)
{
	struct entry *e = entry_of(a);

	line_gap(&world.routes);
	if (a->type == GM_ACT_ROUTE_DEL) {
		line_put(&world.routes, "DEL(%s,%s)", name_of(&a->route.source), name_of(&a->route.group));
		if (ipaddr_is_none(&a->route.source))
			line_put(&world.routes, "%s", slot_names[a->slot]);
		assert_non_null(e);
		*e = world.entries[--world.nentries];
		return;
	}
	line_put(&world.routes, "SET(%s,%s)%s>", name_of(&a->route.source), name_of(&a->route.group),
		 slot_names[a->slot]);
	line_slots(&world.routes, a->route.oifs, ",");
	if (!e)
		e = entry_add();
	*e = (struct entry){ a->route.source, a->route.group, a->slot, a->route.oifs };
}

static void see_query(const struct gm_action *a)
{
	double t = (double)(bed.now - bed.mark) / 1e6;
	struct line text = { .n = 0 };

	/* No query ever leaves an upstream (B-03), or an interface without an address. */
	assert_int_equal(bed.ifs[a->slot].role, GM_ROLE_DOWNSTREAM);
	assert_true(bed.ifs[a->slot].up && !ipaddr_is_none(&bed.ifs[a->slot].addr));
	world.last[a->slot] = *a;
	if (ipaddr_is_none(&a->query.group)) {
		assert_int_equal(a->query.nsources, 0);
		line_gap(&world.general[a->slot]);
		line_put(&world.general[a->slot], "GQ");
		line_gap(&world.general_times[a->slot]);
		line_put(&world.general_times[a->slot], "%g:GQ", t);
		return;
	}
	line_put(&text, "Q(%s", name_of(&a->query.group));
	if (a->query.nsources) {
		line_put(&text, ",");
		line_list(&text, a->query.sources, a->query.nsources);
	}
	line_put(&text, ")%s", a->query.suppress ? "S" : "");
	line_gap(&world.queries[a->slot]);
	line_put(&world.queries[a->slot], "%s", text.s);
	line_gap(&world.query_times[a->slot]);
	line_put(&world.query_times[a->slot], "%g:%s", t, text.s);
}

/* What comes of one group that has changed. */
static void see_some(void)
{
	size_t n;
	const struct gm_action *a = gm_actions_some(bed.gm, bed.now, 1, &n);

	for (; n > 0; n--, a++) {
		assert_true(a->slot < NSLOTS || a->slot == GM_NO_IF);
		switch (a->type) {
		case GM_ACT_QUERY:
			see_query(a);
			break;
		case GM_ACT_UPSTREAM:
			see_upstream(a);
			break;
		case GM_ACT_ROUTE_SET:
		case GM_ACT_ROUTE_DEL:
			see_route(a);
			break;
		case GM_ACT_DISCOVERY: /* tests/unit/test_gm_mrd.c has a bed of its own */
			break;
		case GM_ACT_NOTE:
			world.notes[a->note.what]++;
			break;
		}
	}
	gm_actions_done(bed.gm);
}

/* Fetches what is to be done and does it to the models. */
static void settle(void)
{
	gm_check(bed.gm, bed.now);
	if (bed.burst)
		return;
	do
		see_some();
	while (gm_unsettled(bed.gm));
	gm_check(bed.gm, bed.now);
	assert_true(gm_next(bed.gm) > bed.now);
}

void burst_begin(void)
{
	bed.burst = true;
}

void burst_end(void)
{
	bed.burst = false;
	settle();
}

/* --- time --------------------------------------------------------------------------------------------------------- */

static mtime_t time_of(double s)
{
	return (mtime_t)(s * 1e6 + 0.5);
}

static void tick(mtime_t now)
{
	assert_true(now >= bed.now);
	bed.now = now;
	gm_tick(bed.gm, now);
	settle();
}

static void run_to(mtime_t end)
{
	for (mtime_t next = gm_next(bed.gm); next <= end; next = gm_next(bed.gm))
		tick(next);
	tick(end);
}

void at(double s)
{
	run_to(time_of(s));
}

void wait_s(double s)
{
	run_to(bed.now + time_of(s));
}

void jump(double s)
{
	tick(bed.now + time_of(s));
}

void mark(void)
{
	bed.mark = bed.now;
}

/* --- input -------------------------------------------------------------------------------------------------------- */

static int input(const struct gm_event *ev)
{
	int err = gm_input(bed.gm, bed.now, ev);

	settle();
	return err;
}

void apply_conf(void)
{
	bed.conf.policy_serial++;
	assert_int_equal(input(&(struct gm_event){ .type = GM_EV_CONF, .conf = &bed.conf }), 0);
}

int apply_if(enum slot slot)
{
	/* What the kernel had on an interface that is gone, is gone. */
	if (bed.ifs[slot].role != GM_ROLE_UPSTREAM) {
		for (size_t i = 0; i < world.nfilters; i++) {
			if (world.filters[i].slot == slot) {
				world.filters[i].n = 0;
				world.filters[i].mode = GM_INCLUDE;
			}
		}
	}
	bed.ifs[slot].statics_serial++;
	return input(&(struct gm_event){ .type = GM_EV_IF, .slot = (uint8_t)slot, .iface = &bed.ifs[slot] });
}

void if_add(enum slot slot)
{
	bed.ifs[slot].role = slot < D1 ? GM_ROLE_UPSTREAM : GM_ROLE_DOWNSTREAM;
	assert_int_equal(apply_if(slot), 0);
}

void if_remove(enum slot slot)
{
	bed.ifs[slot].role = GM_ROLE_NONE;
	assert_int_equal(apply_if(slot), 0);
}

void if_link(enum slot slot, bool up)
{
	bed.ifs[slot].up = up;
	assert_int_equal(apply_if(slot), 0);
}

static int record(enum slot slot, const char *from, const char *group, enum gm_record_type type, enum gm_gen gen,
		  const struct ipaddr *list, unsigned int n)
{
	struct gm_event ev = { .type = GM_EV_RECORD, .slot = (uint8_t)slot };

	ev.record.reporter = addr(from);
	ev.record.group = addr(group);
	ev.record.type = type;
	ev.record.gen = gen;
	ev.record.sources = n ? list : NULL;
	ev.record.nsources = n;
	return input(&ev);
}

int report(enum slot slot, const char *from, const char *group, const char *text)
{
	static const char *const types[] = { [GM_IS_IN] = "IS_IN", [GM_IS_EX] = "IS_EX", [GM_TO_IN] = "TO_IN",
					     [GM_TO_EX] = "TO_EX", [GM_ALLOW] = "ALLOW", [GM_BLOCK] = "BLOCK" };
	static struct ipaddr list[MAX_LIST];
	unsigned int n = list_read(strchr(text, '{'), list);

	for (unsigned int type = GM_IS_IN; type <= GM_BLOCK; type++) {
		if (strncmp(text, types[type], strlen(types[type])) == 0)
			return record(slot, from, group, (enum gm_record_type)type, GM_GEN3, list, n);
	}
	fail_msg("no such record: %s", text);
	return 0;
}

void v1_report(enum slot slot, const char *from, const char *group)
{
	assert_int_equal(record(slot, from, group, GM_IS_EX, GM_GEN1, NULL, 0), 0);
}

void v2_report(enum slot slot, const char *from, const char *group)
{
	assert_int_equal(record(slot, from, group, GM_IS_EX, GM_GEN2, NULL, 0), 0);
}

void leave(enum slot slot, const char *from, const char *group)
{
	assert_int_equal(record(slot, from, group, GM_TO_IN, GM_GEN2, NULL, 0), 0);
}

void dsl_query_heard(enum slot slot, const char *from, const char *what, struct dsl_query q)
{
	static struct ipaddr list[MAX_LIST];
	struct gm_event ev = { .type = GM_EV_QUERY, .slot = (uint8_t)slot };
	bool general = strcmp(what, "GQ") == 0;
	const char *brace = strchr(what, '{');
	char group[80];

	ev.query.from = addr(from);
	ev.query.gen = q.gen ? q.gen : GM_GEN3;
	ev.query.suppress = q.s;
	ev.query.robustness = (uint8_t)q.qrv;
	ev.query.interval = mtime_from_s(q.qqi);
	ev.query.max_response = time_of(q.mrt > 0 ? q.mrt : general ? 10 : 1);
	if (q.mrt < 0)
		ev.query.max_response = 0;
	if (!general) {
		assert_int_equal(sscanf(what, "Q(%79[^,)]", group), 1);
		ev.query.group = addr(group);
	}
	if (brace) {
		ev.query.nsources = list_read(brace, list);
		ev.query.sources = list;
	}
	assert_int_equal(input(&ev), 0);
}

void world_flow(enum gm_event_type type, int slot, const struct ipaddr *source, const struct ipaddr *group, double idle)
{
	struct gm_event ev = { .type = type, .slot = (uint8_t)slot };

	ev.flow.source = *source;
	ev.flow.group = *group;
	ev.flow.idle = time_of(idle);
	assert_int_equal(input(&ev), 0);
}

struct ipaddr source_of(const char *name)
{
	struct ipaddr list[1];
	char text[80];

	snprintf(text, sizeof(text), "{%s}", name);
	assert_int_equal(list_read(text, list), 1);
	return list[0];
}

void echo(enum slot slot, enum slot sent)
{
	const struct gm_event ev = { .type = GM_EV_ECHO, .slot = (uint8_t)slot, .echo = { .sent = (uint8_t)sent } };

	assert_int_equal(input(&ev), 0);
}

void upcall(enum slot slot, const char *source, const char *group)
{
	struct ipaddr s = source_of(source), g = addr(group);

	world_flow(GM_EV_UPCALL, (int)slot, &s, &g, 0);
}

void wrong_if(enum slot slot, const char *source, const char *group)
{
	wrong_if_after(slot, source, group, 0);
}

static void stray(enum slot slot, const char *source, const char *group, unsigned int expected, bool own)
{
	struct gm_event ev = { .type = GM_EV_WRONG_IF, .slot = (uint8_t)slot };

	ev.flow.source = source_of(source);
	ev.flow.group = addr(group);
	ev.flow.expected = expected;
	ev.flow.own = own;
	assert_int_equal(input(&ev), 0);
}

void wrong_if_after(enum slot slot, const char *source, const char *group, unsigned int expected)
{
	stray(slot, source, group, expected, false);
}

void own_copy(enum slot slot, const char *source, const char *group, unsigned int expected)
{
	stray(slot, source, group, expected, true);
}

void sight(enum slot slot, const char *source, const char *group)
{
	struct ipaddr s = source_of(source), g = addr(group);

	world_flow(GM_EV_SEEN, (int)slot, &s, &g, 0);
}

void route_idle(const char *source, const char *group, double s)
{
	struct ipaddr src = source_of(source), g = addr(group);

	world_flow(GM_EV_ROUTE_IDLE, GM_NO_IF, &src, &g, s);
}

void relearn(void)
{
	assert_int_equal(input(&(struct gm_event){ .type = GM_EV_RELEARN, .slot = GM_NO_IF }), 0);
}

void inherit(enum slot slot, const char *source, const char *group, const char *oifs)
{
	struct gm_event ev = { .type = GM_EV_INHERIT, .slot = (uint8_t)slot };
	struct entry *e = entry_add();
	char text[64], *rest = text, *name;

	if (strcmp(source, "*") != 0)
		ev.flow.source = source_of(source);
	if (strcmp(group, "*") != 0)
		ev.flow.group = addr(group);
	snprintf(text, sizeof(text), "%s", oifs);
	while ((name = strsep(&rest, ","))) {
		for (unsigned int i = 0; i < NSLOTS; i++)
			ev.flow.oifs |= strcmp(name, slot_names[i]) == 0 ? UINT32_C(1) << i : 0;
	}
	*e = (struct entry){ .source = ev.flow.source, .group = ev.flow.group, .iif = ev.slot, .oifs = ev.flow.oifs };
	assert_int_equal(input(&ev), 0);
}

void clear(int slot, const char *group)
{
	struct gm_event ev = { .type = GM_EV_CLEAR, .slot = (uint8_t)slot };

	if (group)
		ev.clear.group = addr(group);
	assert_int_equal(input(&ev), 0);
}

void clear_routes(void)
{
	assert_int_equal(input(&(struct gm_event){ .type = GM_EV_CLEAR_ROUTES, .slot = GM_NO_IF }), 0);
}

void resync(int slot)
{
	for (size_t i = 0; i < world.nfilters; i++) {
		if (world.filters[i].slot == slot) {
			world.filters[i].n = 0;
			world.filters[i].mode = GM_INCLUDE;
		}
	}
	assert_int_equal(input(&(struct gm_event){ .type = GM_EV_RESYNC, .slot = (uint8_t)slot }), 0);
}
