/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gm_dsl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TESTS   512
#define MAX_LIST    2048
#define MAX_ACLS    32
#define MAX_RULES   8
#define LINE_LEN    65536
#define PLAIN_LISTS 6 /* S1 to S6 are probed by expect_fwd() */

struct bed bed;

/* A broken invariant fails the test, not the program. */
void __assert_fail(const char *assertion, const char *file, unsigned int line, const char *function)
{
	print_error("%s: %s\n", function, assertion);
	_fail(file, (int)line);
	abort();
}

/* --- text --------------------------------------------------------------------------------------------------------- */

struct line {
	char s[LINE_LEN];
	size_t n;
};

static void __attribute__((format(printf, 2, 3))) put(struct line *line, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line->s + line->n, sizeof(line->s) - line->n, fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && line->n + (size_t)n < sizeof(line->s));
	line->n += (size_t)n;
}

static void put_gap(struct line *line)
{
	if (line->n)
		put(line, " ");
}

/* What was written since the last call. */
static const char *take(struct line *line)
{
	static struct line taken;

	taken.n = 0;
	put(&taken, "%s", line->n ? line->s : "");
	line->n = 0;
	line->s[0] = '\0';
	return taken.s;
}

void dsl_equal(const char *got, const char *want, const char *file, int line)
{
	_assert_string_equal(got, want, file, line);
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *v4, *v6;
} names[] = {
	{ "U", "198.51.100.2", "fe80::10" },     { "U2", "203.0.113.2", "fe80::10" },
	{ "D1", "10.1.0.10", "fe80::10" },       { "D2", "10.2.0.10", "fe80::10" },
	{ "D3", "10.3.0.10", "fe80::10" },       { "D4", "10.4.0.10", "fe80::10" },
	{ "H3", "10.2.0.11", "fe80::11" },       { "A1", "10.1.0.11", "2001:db8:1::11" },
	{ "A2", "10.2.0.11", "2001:db8:2::11" }, { "QL", "10.1.0.5", "fe80::5" },
	{ "QL3", "10.1.0.3", "fe80::3" },        { "QH", "10.1.0.200", "fe80::c8" },
	{ "UR", "198.51.100.1", "fe80::1" },     { "NOBODY", "0.0.0.0", "::" },
};

/* Families of numbered names. */
static const struct {
	const char *letters, *v4, *v6;
} numbered[] = {
	{ "GS", "232.1.0.0", "ff35::8000:0" },
	{ "G", "239.1.0.0", "ff15::1:0" },
	{ "S", "198.18.0.0", "2001:db8:18::" },
	{ "H", "10.1.0.10", "fe80::10" },
};

#define NGROUPS_AND_SOURCES 3

static struct ipaddr parse(const char *text)
{
	struct ipaddr a;

	if (strcmp(text, "::") == 0)
		return (struct ipaddr){ 0 };
	if (ipaddr_parse(text, &a) < 0)
		fail_msg("no such name or address: %s", text);
	return a;
}

static const char *family_text(const char *v4, const char *v6)
{
	return bed.v6 ? v6 : v4;
}

struct ipaddr addr(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i].name, name) == 0)
			return parse(family_text(names[i].v4, names[i].v6));
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbered); i++) {
		size_t len = strlen(numbered[i].letters);
		unsigned int n;
		struct ipaddr a;
		char end;

		if (strncmp(name, numbered[i].letters, len) != 0 || sscanf(name + len, "%u%c", &n, &end) != 1)
			continue;
		a = parse(family_text(numbered[i].v4, numbered[i].v6));
		a.b[14] = (uint8_t)(a.b[14] + (n >> 8));
		a.b[15] = (uint8_t)(a.b[15] + n);
		/* 239.1.1.1 and ff15::1:1 are the groups of the test bed. */
		if (!bed.v6 && numbered[i].letters[0] == 'G')
			a.b[14]++;
		return a;
	}
	return parse(name);
}

const char *name_of(const struct ipaddr *a)
{
	static char bufs[4][IPADDR_STRLEN];
	static unsigned int next;
	char *buf = bufs[next++ % ARRAY_SIZE(bufs)];

	for (unsigned int i = 1; i <= 2; i++) {
		struct ipaddr sender;

		snprintf(buf, IPADDR_STRLEN, "A%u", i);
		sender = addr(buf);
		if (ipaddr_eq(&sender, a))
			return buf;
	}
	if (ipaddr_is_none(a))
		return "*";
	for (size_t i = 0; i < NGROUPS_AND_SOURCES; i++) {
		const char *letters = numbered[i].letters;
		char first[8];
		struct ipaddr base;
		unsigned int n;

		snprintf(first, sizeof(first), "%s0", letters);
		base = addr(first);
		if (memcmp(a->b, base.b, 14) != 0 || a->b[14] < base.b[14])
			continue;
		n = (unsigned int)(a->b[14] - base.b[14]) << 8 | a->b[15];
		snprintf(buf, IPADDR_STRLEN, "%s%u", strcmp(letters, "S") == 0 ? "" : letters, n);
		return buf;
	}
	return ipaddr_format(a, buf);
}

struct ipprefix prefix(const char *v4, const char *v6)
{
	struct ipprefix p;

	assert_int_equal(ipprefix_parse(family_text(v4, v6), &p), 0);
	return p;
}

static const char *const slot_names[NSLOTS] = { "U", "U2", "D1", "D2", "D3", "D4" };

/* --- lists -------------------------------------------------------------------------------------------------------- */

/* Reads "{1,2,10.0.0.1}" (a number is a source) up to its brace. */
static unsigned int read_list(const char *text, struct ipaddr *list)
{
	char copy[LINE_LEN], *save = NULL;
	unsigned int n = 0;

	assert_int_equal(text[0], '{');
	snprintf(copy, sizeof(copy), "%s", text + 1);
	assert_non_null(strchr(copy, '}'));
	*strchr(copy, '}') = '\0';
	for (char *tok = strtok_r(copy, ",", &save); tok; tok = strtok_r(NULL, ",", &save)) {
		char name[80];
		unsigned int first, last;
		char end;

		assert_true(n < MAX_LIST);
		if (sscanf(tok, "%u-%u%c", &first, &last, &end) == 2) {
			for (; first <= last; first++) {
				snprintf(name, sizeof(name), "S%u", first);
				list[n++] = addr(name);
			}
		} else {
			snprintf(name, sizeof(name), "%s%s", strspn(tok, "0123456789") == strlen(tok) ? "S" : "", tok);
			list[n++] = addr(name);
		}
	}
	return n;
}

static void put_list(struct line *line, const struct ipaddr *list, unsigned int n)
{
	put(line, "{");
	for (unsigned int i = 0; i < n; i++)
		put(line, "%s%s", i ? "," : "", name_of(&list[i]));
	put(line, "}");
}

static bool in_list(const struct ipaddr *a, const struct ipaddr *list, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (ipaddr_eq(a, &list[i]))
			return true;
	}
	return false;
}

/* "ALLOW{...}" with the sources of `list` that are not in `other`; nothing when there are none. */
static void put_difference(struct line *line, const char *record, const struct ipaddr *list, unsigned int n,
			   const struct ipaddr *other, unsigned int nother)
{
	static struct ipaddr left[MAX_LIST];
	unsigned int nleft = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (!in_list(&list[i], other, nother))
			left[nleft++] = list[i];
	}
	if (!nleft)
		return;
	put_gap(line);
	put(line, "%s", record);
	put_list(line, left, nleft);
}

/* --- models of the outside ---------------------------------------------------------------------------------------- */

/* What an upstream router knows of a group, and the kernel of a stream. */
struct filter {
	uint8_t slot;
	struct ipaddr group;
	enum gm_mode mode;
	struct ipaddr *list;
	unsigned int n;
};

struct entry {
	struct ipaddr source, group;
	uint8_t iif;
	uint32_t oifs;
};

static struct {
	struct filter *filters;
	size_t nfilters;
	struct entry *entries;
	size_t nentries;
	struct line queries[NSLOTS], query_times[NSLOTS], general[NSLOTS], general_times[NSLOTS], upstream[NSLOTS];
	struct line routes, snapshot;
	struct gm_action last[NSLOTS];
	unsigned int notes[GM_NOTE_COUNT];
	struct gm_acl acls[MAX_ACLS];
	struct gm_acl_rule rules[MAX_ACLS][MAX_RULES];
	unsigned int nacls;
} out;

static struct filter *filter_of(uint8_t slot, const struct ipaddr *group)
{
	struct filter *v;

	for (size_t i = 0; i < out.nfilters; i++) {
		if (out.filters[i].slot == slot && ipaddr_eq(&out.filters[i].group, group))
			return &out.filters[i];
	}
	v = realloc(out.filters, (out.nfilters + 1) * sizeof(*v));
	assert_non_null(v);
	out.filters = v;
	v += out.nfilters++;
	*v = (struct filter){ .slot = slot, .group = *group };
	return v;
}

/* RFC 9776 s5.1, Table 3. */
static void see_upstream(const struct gm_action *a)
{
	struct line *line = &out.upstream[a->slot], record = { .n = 0 };
	struct filter *f = filter_of(a->slot, &a->upstream.group);
	const struct ipaddr *new = a->upstream.sources;
	unsigned int n = a->upstream.nsources;
	const char *group = name_of(&a->upstream.group);
	size_t before;

	for (unsigned int i = 1; i < n; i++)
		assert_true(ipaddr_cmp(&new[i - 1], &new[i]) < 0);
	if (strcmp(group, G) != 0) {
		put_gap(line);
		put(line, "%s:", group);
	}
	before = line->n;
	if (f->mode != a->upstream.mode) {
		put(&record, a->upstream.mode == GM_EXCLUDE ? "TO_EX" : "TO_IN");
		put_list(&record, new, n);
	} else {
		bool in = f->mode == GM_INCLUDE;

		put_difference(&record, "ALLOW", in ? new : f->list, in ? n : f->n, in ? f->list : new, in ? f->n : n);
		put_difference(&record, "BLOCK", in ? f->list : new, in ? f->n : n, in ? new : f->list, in ? n : f->n);
	}
	if (before == line->n && strcmp(group, G) == 0)
		put_gap(line);
	put(line, "%s", record.n ? record.s : "SAME");
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
	for (size_t i = 0; i < out.nentries; i++) {
		if (ipaddr_eq(&out.entries[i].source, source) && ipaddr_eq(&out.entries[i].group, group))
			return &out.entries[i];
	}
	return NULL;
}

/* The kernel knows an entry of any source by its incoming interface too. */
static struct entry *entry_of(const struct gm_action *a)
{
	for (size_t i = 0; i < out.nentries; i++) {
		struct entry *e = &out.entries[i];

		if (ipaddr_eq(&e->source, &a->route.source) && ipaddr_eq(&e->group, &a->route.group) &&
		    (!ipaddr_is_none(&e->source) || e->iif == a->slot))
			return e;
	}
	return NULL;
}

/* Linux, mr_mfc_find_any_parent(): the (*,*) that has the interface among its outputs. */
static const struct entry *entry_any_group(uint8_t slot)
{
	for (size_t i = 0; i < out.nentries; i++) {
		if (ipaddr_is_none(&out.entries[i].group) && out.entries[i].oifs & UINT32_C(1) << slot)
			return &out.entries[i];
	}
	return NULL;
}

/* Linux, mr_mfc_find_any_parent() for the tree of one upstream: the (*,*) with this parent. */
static bool in_tree(uint8_t parent, uint8_t slot)
{
	const struct entry *e = entry_any_group(parent);

	return e && e->oifs & UINT32_C(1) << slot;
}

/* Linux, ipmr_cache_find() and ipmr_cache_find_any(). */
static const struct entry *entry_lookup(enum slot slot, const struct ipaddr *source, const struct ipaddr *group)
{
	const struct entry *exact = entry_find(source, group);

	if (exact)
		return exact;
	for (size_t i = 0; i < out.nentries; i++) {
		const struct entry *e = &out.entries[i];

		if (ipaddr_is_none(&e->source) && ipaddr_eq(&e->group, group) &&
		    (e->oifs & UINT32_C(1) << slot || in_tree(e->iif, (uint8_t)slot)))
			return e;
	}
	return entry_any_group((uint8_t)slot);
}

static void put_slots(struct line *line, uint32_t slots, const char *gap)
{
	bool first = true;

	for (unsigned int i = 0; i < NSLOTS; i++) {
		if (!(slots & UINT32_C(1) << i))
			continue;
		put(line, "%s%s", first ? "" : gap, slot_names[i]);
		first = false;
	}
}

static struct entry *entry_add(void)
{
	struct entry *v = realloc(out.entries, (out.nentries + 1) * sizeof(*v));

	assert_non_null(v);
	out.entries = v;
	return v + out.nentries++;
}

static void see_route(const struct gm_action *a)
{
	struct entry *e = entry_of(a);

	put_gap(&out.routes);
	if (a->type == GM_ACT_ROUTE_DEL) {
		put(&out.routes, "DEL(%s,%s)", name_of(&a->route.source), name_of(&a->route.group));
		if (ipaddr_is_none(&a->route.source))
			put(&out.routes, "%s", slot_names[a->slot]);
		assert_non_null(e);
		*e = out.entries[--out.nentries];
		return;
	}
	put(&out.routes, "SET(%s,%s)%s>", name_of(&a->route.source), name_of(&a->route.group), slot_names[a->slot]);
	put_slots(&out.routes, a->route.oifs, ",");
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
	out.last[a->slot] = *a;
	if (ipaddr_is_none(&a->query.group)) {
		assert_int_equal(a->query.nsources, 0);
		put_gap(&out.general[a->slot]);
		put(&out.general[a->slot], "GQ");
		put_gap(&out.general_times[a->slot]);
		put(&out.general_times[a->slot], "%g:GQ", t);
		return;
	}
	put(&text, "Q(%s", name_of(&a->query.group));
	if (a->query.nsources) {
		put(&text, ",");
		put_list(&text, a->query.sources, a->query.nsources);
	}
	put(&text, ")%s", a->query.suppress ? "S" : "");
	put_gap(&out.queries[a->slot]);
	put(&out.queries[a->slot], "%s", text.s);
	put_gap(&out.query_times[a->slot]);
	put(&out.query_times[a->slot], "%g:%s", t, text.s);
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
			out.notes[a->note.what]++;
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
		for (size_t i = 0; i < out.nfilters; i++) {
			if (out.filters[i].slot == slot) {
				out.filters[i].n = 0;
				out.filters[i].mode = GM_INCLUDE;
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
	unsigned int n = read_list(strchr(text, '{'), list);

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
		ev.query.nsources = read_list(brace, list);
		ev.query.sources = list;
	}
	assert_int_equal(input(&ev), 0);
}

static void flow(enum gm_event_type type, int slot, const struct ipaddr *source, const struct ipaddr *group,
		 double idle)
{
	struct gm_event ev = { .type = type, .slot = (uint8_t)slot };

	ev.flow.source = *source;
	ev.flow.group = *group;
	ev.flow.idle = time_of(idle);
	assert_int_equal(input(&ev), 0);
}

static struct ipaddr source_of(const char *name)
{
	struct ipaddr list[1];
	char text[80];

	snprintf(text, sizeof(text), "{%s}", name);
	assert_int_equal(read_list(text, list), 1);
	return list[0];
}

void upcall(enum slot slot, const char *source, const char *group)
{
	struct ipaddr s = source_of(source), g = addr(group);

	flow(GM_EV_UPCALL, (int)slot, &s, &g, 0);
}

void wrong_if(enum slot slot, const char *source, const char *group)
{
	wrong_if_after(slot, source, group, 0);
}

void wrong_if_after(enum slot slot, const char *source, const char *group, unsigned int expected)
{
	struct gm_event ev = { .type = GM_EV_WRONG_IF, .slot = (uint8_t)slot };

	ev.flow.source = source_of(source);
	ev.flow.group = addr(group);
	ev.flow.expected = expected;
	assert_int_equal(input(&ev), 0);
}

void sight(enum slot slot, const char *source, const char *group)
{
	struct ipaddr s = source_of(source), g = addr(group);

	flow(GM_EV_LINK_LOCAL, (int)slot, &s, &g, 0);
}

void route_idle(const char *source, const char *group, double s)
{
	struct ipaddr src = source_of(source), g = addr(group);

	flow(GM_EV_ROUTE_IDLE, GM_NO_IF, &src, &g, s);
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

void resync(int slot)
{
	if (slot == GM_NO_IF)
		out.nentries = 0;
	for (size_t i = 0; i < out.nfilters; i++) {
		if (out.filters[i].slot == slot) {
			out.filters[i].n = 0;
			out.filters[i].mode = GM_INCLUDE;
		}
	}
	assert_int_equal(input(&(struct gm_event){ .type = GM_EV_RESYNC, .slot = (uint8_t)slot }), 0);
}

/* --- output ------------------------------------------------------------------------------------------------------- */

static void put_deadline(struct line *line, mtime_t deadline)
{
	if (deadline == MTIME_NEVER)
		put(line, "ever");
	else
		put(line, "%g", (double)(deadline - bed.now) / 1e6);
}

/* The sources of a record whose timer runs, or those without. */
static void put_sources(struct line *line, const struct gm_rec *rec, bool running, bool times)
{
	bool first = true;

	put(line, "{");
	for (uint32_t i = 0; i < rec->sources.n; i++) {
		const struct gm_src *src = &rec->sources.v[i];

		if ((src->deadline != 0) != running)
			continue;
		put(line, "%s%s", first ? "" : ",", name_of(&src->addr));
		first = false;
		if (times && running) {
			put(line, ":");
			put_deadline(line, src->deadline);
		}
	}
	put(line, "}");
}

static void put_record(struct line *line, const struct gm_rec *rec, bool times)
{
	if (gm_rec_mode(rec) == GM_INCLUDE) {
		put(line, "IN");
		put_sources(line, rec, true, times);
		return;
	}
	put(line, "EX(");
	put_sources(line, rec, true, times);
	put(line, ",");
	put_sources(line, rec, false, times);
	put(line, ")");
	if (times) {
		put(line, ":");
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
		put(&line, "-");
	return line.s;
}

const char *dsl_queries(enum slot slot, bool times)
{
	(void)take(&out.general[slot]);
	if (times) {
		(void)take(&out.queries[slot]);
		return take(&out.query_times[slot]);
	}
	(void)take(&out.query_times[slot]);
	return take(&out.queries[slot]);
}

const char *dsl_general(enum slot slot, bool times)
{
	if (times) {
		(void)take(&out.general[slot]);
		return take(&out.general_times[slot]);
	}
	(void)take(&out.general_times[slot]);
	return take(&out.general[slot]);
}

const struct gm_action *last_query(enum slot slot)
{
	return &out.last[slot];
}

const char *dsl_upstream(enum slot slot)
{
	return take(&out.upstream[slot]);
}

const char *dsl_filter(enum slot slot, const char *group)
{
	static struct line line;
	struct ipaddr a = addr(group);
	const struct filter *f = filter_of((uint8_t)slot, &a);

	line.n = 0;
	put(&line, f->mode == GM_EXCLUDE ? "EX" : "IN");
	put_list(&line, f->list, f->n);
	return line.s;
}

/* Linux, ip_mr_forward(). */
static bool accepts(const struct entry *e, enum slot slot)
{
	return e->iif == slot || (ipaddr_is_none(&e->source) && in_tree(e->iif, (uint8_t)slot));
}

/* A packet as the kernel treats it; `oifs` is what it goes out to. */
static const char *packet(enum slot slot, const struct ipaddr *source, const struct ipaddr *group, uint32_t *oifs)
{
	const struct entry *e = entry_lookup(slot, source, group);

	*oifs = 0;
	if (!e)
		flow(GM_EV_UPCALL, (int)slot, source, group, 0);
	else if (!accepts(e, slot))
		flow(GM_EV_WRONG_IF, (int)slot, source, group, 0);
	e = entry_lookup(slot, source, group);
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
	put_slots(&line, oifs, " ");
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
			put(&line, "%s%u", line.n ? "," : "", i);
	}
	(void)take(&out.routes);
	return line.s;
}

const char *dsl_routes(void)
{
	return take(&out.routes);
}

unsigned int dsl_notes(enum gm_note what)
{
	unsigned int n = out.notes[what];

	out.notes[what] = 0;
	return n;
}

/* All that is known and all that came out, but for the counters. */
static void put_everything(struct line *line)
{
	gm_for_each_if (bed.gm, ifp) {
		put(line, "%u querier %d %g;", ifp->slot, ifp->querier, (double)ifp->timer.deadline);
		for (const struct gm_rec *rec = ifp->recs; rec; rec = rec->next) {
			put(line, " %s ", name_of(&rec->group->addr));
			put_record(line, rec, true);
			put(line, " %u %u", gm_rec_gen(rec, bed.now), rec->group_queries_left);
		}
		put(line, "; ");
	}
	put(line, "groups %u", HASH_COUNT(bed.gm->groups));
	for (unsigned int i = 0; i < NSLOTS; i++)
		put(line, " %s|%s|%s", out.queries[i].s, out.general[i].s, out.upstream[i].s);
	put(line, " %s", out.routes.s);
}

void noop_begin(void)
{
	out.snapshot.n = 0;
	put_everything(&out.snapshot);
}

void dsl_noop(const char *file, int line)
{
	static struct line now;

	now.n = 0;
	put_everything(&now);
	_assert_string_equal(now.s, out.snapshot.s, file, line);
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
	struct gm_acl *list = &out.acls[out.nacls];
	char copy[256], *save = NULL;

	assert_true(out.nacls < MAX_ACLS);
	list->rules = out.rules[out.nacls++];
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
	memset(&out, 0, sizeof(out));
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
	for (size_t i = 0; i < out.nfilters; i++)
		free(out.filters[i].list);
	free(out.filters);
	free(out.entries);
	out.filters = NULL;
	out.entries = NULL;
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
