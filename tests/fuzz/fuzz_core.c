/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target of the engine. The first octet chooses: bit 0 the family, bit 1 (*,G) forwarding. The rest is read as
 * events and steps of time (what an octet means: see play()); whatever they are, they stay within what the caller of
 * the engine promises. Most events are settled at once, some in bursts.
 *
 * Beside gm_check() the oracle is the world outside: what it has been told by actions must be exactly what the engine
 * believes it holds; time never stands still; limits hold.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/gm.h"
#include "core/gm_policy.h"
#include "core/gm_state.h"
#include "lib/util.h"
#include "tests/fuzz/ensure.h"
#include "tests/fuzz/outside.h"

#define SLOTS       6 /* the first two are upstreams, to begin with */
#define UPSTREAMS   2
#define ACLS        4
#define RULES       4
#define STATICS     3
#define MAPS        2
#define MAX_SOURCES 64
#define MAX_INPUT   2048

/* --- input --- */

struct feed {
	const uint8_t *at, *end;
};

/* Zeros follow the end. */
static unsigned int octet(struct feed *f)
{
	return f->at < f->end ? *f->at++ : 0;
}

static unsigned int below(struct feed *f, unsigned int n)
{
	return octet(f) % n;
}

struct world {
	struct gm *gm;
	bool mld;
	mtime_t now;
	struct gm_conf conf;
	struct gm_if_conf ifs[SLOTS];
	struct gm_static statics[SLOTS][STATICS];
	struct gm_acl acls[ACLS];
	struct gm_acl_rule rules[ACLS][RULES];
	struct gm_ssm_map maps[MAPS];
	struct outside out;
};

static void settle(struct world *w)
{
	const struct gm_action *actions;
	size_t n;

	actions = gm_actions(w->gm, w->now, &n);
	for (size_t i = 0; i < n; i++)
		outside_act(&w->out, w->gm, &actions[i]);
	gm_actions_done(w->gm);
	ENSURE(gm_next(w->gm) > w->now);
	gm_check(w->gm, w->now);
	outside_compare(&w->out, w->gm);
}

/* --- addresses --- */

static struct ipaddr addr_of(const char *text)
{
	struct ipaddr a;

	if (ipaddr_parse(text, &a))
		abort();
	return a;
}

/* Octets 0..n-1 stand for the texts; of what is left, some are an address that differs in its end. */
static struct ipaddr pick(struct feed *f, const char *const *texts, unsigned int n)
{
	unsigned int o = octet(f);
	struct ipaddr a = addr_of(texts[o % n]);

	if (o >= 0xf0)
		a.b[15] = (uint8_t)octet(f);
	if (o >= 0xfc)
		a.b[14] = (uint8_t)octet(f);
	return a;
}

static struct ipaddr pick_group(struct feed *f, bool mld)
{
	static const char *const v4[] = { "239.1.1.1", "239.1.1.2",   "232.1.1.1", "232.1.1.2",
					  "224.0.1.1", "224.0.0.251", "232.0.0.0", "10.9.9.9" };
	static const char *const v6[] = { "ff15::1:1", "ff15::1:2", "ff35::8000:1", "ff35::8000:2",
					  "ff1e::1",   "ff12::5",   "ff35::4000:0", "2001:db8::9" };

	return pick(f, mld ? v6 : v4, 8);
}

static struct ipaddr pick_source(struct feed *f, bool mld)
{
	static const char *const v4[] = { "198.18.0.1", "198.18.0.2",  "198.18.0.3", "10.2.0.77",
					  "10.1.0.77",  "169.254.1.1", "224.5.5.5",  "0.0.0.0" };
	static const char *const v6[] = { "2001:db8:18::1", "2001:db8:18::2", "2001:db8:18::3", "2001:db8:2::77",
					  "2001:db8:1::77", "fe80::99",       "ff05::5",        "::" };

	return pick(f, mld ? v6 : v4, 8);
}

/* Of a setting: what the command table lets through. */
static struct ipaddr good_source(struct feed *f, bool mld)
{
	struct ipaddr a = pick_source(f, mld);

	return ipaddr_is_unicast_source(&a) ? a : addr_of(mld ? "2001:db8:18::1" : "198.18.0.1");
}

static struct ipaddr good_group(struct feed *f, const struct world *w)
{
	struct ipaddr a = pick_group(f, w->mld);

	return gm_policy_proxied(w->gm, &a) ? a : addr_of(w->mld ? "ff15::1:1" : "239.1.1.1");
}

/* An address on the link of a slot, mostly. */
static struct ipaddr pick_neighbour(struct feed *f, bool mld, unsigned int slot)
{
	static const uint8_t last[] = { 11, 12, 3, 200, 10, 255, 0, 13 };
	unsigned int o = octet(f);
	struct ipaddr a = addr_of(mld ? "fe80::" : "10.0.0.0");

	a.b[13] = (uint8_t)slot;
	a.b[15] = last[o % ARRAY_SIZE(last)];
	if (o == 0xff)
		a = addr_of(mld ? "::" : "0.0.0.0");
	if (o == 0xfe)
		a = pick_source(f, mld);
	return a;
}

static unsigned int pick_sources(struct feed *f, bool mld, struct ipaddr *v)
{
	unsigned int o = octet(f), n = o & 7;

	if (o < 0xf0) {
		for (unsigned int i = 0; i < n; i++)
			v[i] = pick_source(f, mld);
		return n;
	}
	n = o == 0xff ? MAX_SOURCES : 16;
	for (unsigned int i = 0, from = octet(f); i < n; i++) {
		v[i] = addr_of(mld ? "2001:db8:99::" : "198.51.100.0");
		v[i].b[15] = (uint8_t)(from + i);
	}
	return n;
}

/* --- settings --- */

static const struct gm_acl *pick_acl(struct feed *f, const struct world *w)
{
	unsigned int n = below(f, 2 * ACLS);

	return n < ACLS ? &w->acls[n] : NULL;
}

static void change_rule(struct feed *f, struct world *w)
{
	struct gm_acl *acl = &w->acls[below(f, ACLS)];
	unsigned int n = below(f, RULES), what = octet(f), bits = w->mld ? 128 : 32;
	struct gm_acl_rule *rule = &acl->rules[n];
	struct ipaddr group = pick_group(f, w->mld), source = pick_source(f, w->mld);

	*rule = (struct gm_acl_rule){ .seq = n + 1,
				      .permit = what & 1,
				      .any_group = what & 2,
				      .any_source = what & 4,
				      .group = ipprefix_make(&group, what & 8 ? bits : bits / 2),
				      .source = ipprefix_make(&source, what & 16 ? bits : bits / 2) };
	acl->nrules = 1 + (what >> 5) % RULES;
}

static void apply_conf(struct world *w)
{
	struct gm_event ev = { .type = GM_EV_CONF, .slot = GM_NO_IF, .conf = &w->conf };

	w->conf.policy_serial++;
	ENSURE(gm_input(w->gm, w->now, &ev) == 0);
}

static void change_conf(struct feed *f, struct world *w)
{
	static const uint32_t groups[] = { 0, 1, 3, 8 }, routes[] = { 0, 1, 4, 50 };

	switch (below(f, 8)) {
	case 0:
		w->conf.ssm_range = pick_acl(f, w);
		break;
	case 1:
		for (unsigned int i = 0; i < MAPS; i++)
			w->maps[i] = (struct gm_ssm_map){ pick_acl(f, w), good_source(f, w->mld) };
		w->conf.nssm_maps = below(f, MAPS + 1);
		break;
	case 2:
		w->conf.max_groups = groups[below(f, ARRAY_SIZE(groups))];
		break;
	case 3:
		w->conf.route_limit = routes[below(f, ARRAY_SIZE(routes))];
		break;
	case 4:
		w->conf.wildcard = !w->conf.wildcard;
		break;
	default:
		change_rule(f, w);
		break;
	}
	apply_conf(w);
}

static void apply_if(struct world *w, unsigned int slot, bool lost)
{
	struct gm_event ev = { .type = GM_EV_IF, .slot = (uint8_t)slot, .iface = &w->ifs[slot] };

	if (lost)
		outside_lose_filters(&w->out, (uint8_t)slot);
	ENSURE(gm_input(w->gm, w->now, &ev) == 0);
}

static void change_timing(struct feed *f, struct gm_if_conf *c, bool mld)
{
	unsigned int o = octet(f);

	c->gen = mld ? GM_GEN2 + (o & 1) : (enum gm_gen)(GM_GEN1 + o % 3);
	c->robustness = (uint8_t)(1 + below(f, 7));
	c->query_interval = mtime_from_s(1 + octet(f));
	c->query_response = mtime_from_ds(1 + (int64_t)below(f, 9));
	c->last_member_interval = mtime_from_ds(1 + octet(f));
	c->last_member_count = (uint8_t)below(f, 4);
	c->startup_interval = mtime_from_s(1 + below(f, 20));
	c->startup_count = (uint8_t)(1 + below(f, 4));
}

static void change_statics(struct feed *f, struct world *w, unsigned int slot)
{
	struct gm_if_conf *c = &w->ifs[slot];

	c->statics_serial++;
	c->nstatics = below(f, STATICS + 1);
	for (unsigned int i = 0; i < c->nstatics; i++) {
		w->statics[slot][i] = (struct gm_static){ .group = good_group(f, w) };
		if (octet(f) & 1)
			w->statics[slot][i].source = good_source(f, w->mld);
	}
}

static void change_if(struct feed *f, struct world *w)
{
	static const uint32_t limits[] = { 0, 1, 3, 20 };
	unsigned int slot = below(f, SLOTS);
	struct gm_if_conf *c = &w->ifs[slot];
	bool lost = false;
	uint8_t bits;

	switch (below(f, 16)) {
	case 0:
	case 1:
		c->up = !c->up;
		break;
	case 2:
		lost = c->role == GM_ROLE_UPSTREAM;
		c->role = (enum gm_role)below(f, 3);
		lost = lost && c->role != GM_ROLE_UPSTREAM;
		break;
	case 3:
		change_timing(f, c, w->mld);
		break;
	case 4:
		if (octet(f) & 1)
			c->addr = (struct ipaddr){ { 0 } };
		else
			c->addr = pick_neighbour(f, w->mld, slot);
		break;
	case 5:
		c->priority = (uint8_t)(99 + below(f, 3));
		break;
	case 6:
		c->upstream_acl = pick_acl(f, w);
		break;
	case 7:
		c->acl = pick_acl(f, w);
		break;
	case 8:
		c->boundary = pick_acl(f, w);
		break;
	case 9:
		c->forward_as_non_querier = !c->forward_as_non_querier;
		bits = octet(f);
		c->verify_source = bits & 1;
		c->ignore_older = bits & 2;
		c->discovery_interval_s = (uint8_t)(octet(f) & 0x80 ? 4 : 0);
		break;
	case 10:
		c->leave_delay = mtime_from_ms(10 * octet(f));
		break;
	case 11:
		c->nprefixes = !c->nprefixes;
		break;
	case 12:
		change_statics(f, w, slot);
		break;
	case 13:
		c->immediate_leave = (enum gm_immediate)below(f, 3);
		break;
	case 14:
		c->max_groups = limits[below(f, ARRAY_SIZE(limits))];
		c->max_sources = limits[below(f, ARRAY_SIZE(limits))];
		break;
	case 15:
		/* Another interface has the slot; its memberships are not those of the one before. */
		c->name[0] = c->name[0] == 'e' ? 'w' : 'e';
		lost = true;
		break;
	}
	apply_if(w, slot, lost);
}

static void begin_if(struct world *w, unsigned int slot)
{
	struct gm_if_conf *c = &w->ifs[slot];
	struct ipaddr net;

	snprintf(c->name, sizeof(c->name), "eth%u", slot);
	c->role = slot < UPSTREAMS ? GM_ROLE_UPSTREAM : GM_ROLE_DOWNSTREAM;
	c->up = slot != 1 && slot != SLOTS - 1;
	c->addr = addr_of(w->mld ? "fe80::10" : "10.0.0.10");
	c->addr.b[13] = (uint8_t)slot;
	net = addr_of(w->mld ? "2001:db8::" : "10.0.0.0");
	net.b[w->mld ? 5 : 13] = (uint8_t)slot;
	c->prefixes[0] = ipprefix_make(&net, w->mld ? 64 : 24);
	c->nprefixes = 1;
	c->priority = 100;
	c->gen = GM_GEN3;
	c->robustness = 2;
	c->query_interval = mtime_from_s(10);
	c->query_response = mtime_from_s(1);
	c->last_member_interval = mtime_from_s(1);
	c->last_member_count = 2;
	c->startup_interval = mtime_from_s(2);
	c->startup_count = 2;
	c->verify_source = true;
	c->max_groups = 20;
	c->max_sources = 20;
	c->statics = w->statics[slot];
	apply_if(w, slot, false);
}

/* --- events --- */

/* Mostly a downstream that is there; 0xff is no slot at all. */
static uint8_t pick_slot(struct feed *f)
{
	unsigned int o = octet(f);

	return (uint8_t)(o == 0xff ? GM_MAX_IFS + 1 : o >= 0xf0 ? o - 0xf0 : o % SLOTS);
}

static void record(struct feed *f, struct world *w)
{
	struct ipaddr sources[MAX_SOURCES];
	struct gm_event ev = { .type = GM_EV_RECORD, .slot = pick_slot(f) };
	const struct gm_if *ifp = ev.slot < GM_MAX_IFS ? &w->gm->ifs[ev.slot] : NULL;
	unsigned int kind = octet(f);
	uint32_t before, all;

	ev.record.gen = kind & 0x80 ? (enum gm_gen)(w->mld ? GM_GEN2 : GM_GEN1 + (kind >> 6 & 1)) : GM_GEN3;
	ev.record.type = (enum gm_record_type)(kind & 0x0f);
	if (ev.record.gen < GM_GEN3)
		ev.record.type = kind & 1 && ev.record.gen == GM_GEN2 ? GM_TO_IN : GM_IS_EX;
	ev.record.group = pick_group(f, w->mld);
	ev.record.reporter = pick_neighbour(f, w->mld, ev.slot);
	if (ev.record.gen == GM_GEN3)
		ev.record.nsources = pick_sources(f, w->mld, sources);
	ev.record.sources = sources;
	gm_tick(w->gm, w->now);
	before = ifp ? ifp->nrecs : 0;
	all = w->gm->nrecs;
	ENSURE(gm_input(w->gm, w->now, &ev) == (ifp ? 0 : -EINVAL));
	if (!ifp)
		return;
	ENSURE(!ifp->conf.max_groups || ifp->nrecs <= before || ifp->nrecs <= ifp->conf.max_groups);
	ENSURE(!w->conf.max_groups || w->gm->nrecs <= all || w->gm->nrecs <= w->conf.max_groups);
}

static void query(struct feed *f, struct world *w)
{
	struct ipaddr sources[MAX_SOURCES];
	struct gm_event ev = { .type = GM_EV_QUERY, .slot = pick_slot(f) };
	unsigned int kind = octet(f);

	ev.query.gen = w->mld ? (enum gm_gen)(GM_GEN2 + (kind & 1)) : (enum gm_gen)(GM_GEN1 + (kind & 3) % 3);
	ev.query.from = pick_neighbour(f, w->mld, ev.slot);
	ev.query.suppress = kind & 4;
	ev.query.robustness = kind >> 3 & 7;
	ev.query.interval = mtime_from_s(kind & 0x40 ? 31744 : octet(f));
	ev.query.max_response = kind & 0x80 ? mtime_from_ms(8387584) : mtime_from_ds(octet(f));
	if (octet(f) & 1) {
		ev.query.group = pick_group(f, w->mld);
		if (ev.query.gen == GM_GEN3)
			ev.query.nsources = pick_sources(f, w->mld, sources);
		ev.query.sources = sources;
	}
	ENSURE(gm_input(w->gm, w->now, &ev) == (ev.slot < GM_MAX_IFS ? 0 : -EINVAL));
}

static void flow(struct feed *f, struct world *w, enum gm_event_type type)
{
	struct gm_event ev = { .type = type, .slot = (uint8_t)below(f, SLOTS) };

	ev.flow.source = pick_source(f, w->mld);
	ev.flow.group = pick_group(f, w->mld);
	/* The kernel asks on an interface it has been given only, and for an entry that it does not have. */
	if ((type == GM_EV_UPCALL || type == GM_EV_SEEN) && w->ifs[ev.slot].role == GM_ROLE_NONE)
		return;
	if (type == GM_EV_UPCALL && outside_has_route(&w->out, &ev.flow.source, &ev.flow.group))
		return;
	ev.flow.idle = mtime_from_s(octet(f));
	ev.flow.own = type == GM_EV_WRONG_IF && octet(f) & 1;
	if (type == GM_EV_CLEAR_ROUTES) {
		ev.slot = GM_NO_IF;
		if (octet(f) & 1)
			ev.flow.source = (struct ipaddr){ { 0 } };
		if (octet(f) & 1)
			ev.flow.group = (struct ipaddr){ { 0 } };
	}
	ENSURE(gm_input(w->gm, w->now, &ev) == 0);
}

static void clear(struct feed *f, struct world *w)
{
	struct gm_event ev = { .type = GM_EV_CLEAR, .slot = (uint8_t)below(f, SLOTS + 1) };

	if (ev.slot == SLOTS)
		ev.slot = GM_NO_IF;
	if (octet(f) & 1)
		ev.clear.group = pick_group(f, w->mld);
	ENSURE(gm_input(w->gm, w->now, &ev) == 0);
}

static void resync(struct feed *f, struct world *w)
{
	struct gm_event ev = { .type = GM_EV_RESYNC, .slot = (uint8_t)below(f, SLOTS + 1) };

	/* What is lost has been there. */
	settle(w);
	if (ev.slot == SLOTS) {
		ev.slot = GM_NO_IF;
		outside_lose_routes(&w->out);
	} else {
		outside_lose_filters(&w->out, ev.slot);
	}
	ENSURE(gm_input(w->gm, w->now, &ev) == 0);
}

static void solicit(struct feed *f, struct world *w)
{
	struct gm_event ev = { .type = GM_EV_SOLICIT, .slot = (uint8_t)below(f, SLOTS) };

	ev.solicit.from = pick_neighbour(f, w->mld, ev.slot);
	ENSURE(gm_input(w->gm, w->now, &ev) == 0);
}

static void echo(struct feed *f, struct world *w)
{
	struct gm_event ev = { .type = GM_EV_ECHO, .slot = (uint8_t)below(f, SLOTS) };

	ev.echo.sent = (uint8_t)below(f, SLOTS);
	ENSURE(gm_input(w->gm, w->now, &ev) == 0);
}

/* The engine dies, the kernel goes on, another engine takes over: memberships are held by somebody else meanwhile. */
static void restart(struct world *w)
{
	const struct gm_event relearn = { .type = GM_EV_RELEARN, .slot = GM_NO_IF };

	settle(w);
	gm_free(w->gm);
	w->gm = gm_new(w->mld ? &gm_af_mld : &gm_af_igmp);
	ENSURE(w->gm);
	apply_conf(w);
	for (unsigned int slot = 0; slot < SLOTS; slot++) {
		outside_lose_filters(&w->out, (uint8_t)slot);
		if (w->ifs[slot].role != GM_ROLE_NONE)
			apply_if(w, slot, false);
	}
	ENSURE(gm_input(w->gm, w->now, &relearn) == 0);
	outside_inherit(&w->out, w->gm, w->now);
}

/* Up to 12 minutes, or just to the next deadline, or just before it. */
static void step_time(struct feed *f, struct world *w)
{
	unsigned int o = octet(f);
	mtime_t next = gm_next(w->gm), left = mtime_left(next, w->now);

	if (o < 64)
		w->now += mtime_from_ms(25 * o);
	else if (o < 128)
		w->now += mtime_from_s(o - 63);
	else if (o < 160)
		w->now += mtime_from_s(720) / (o - 127);
	else if (left != MTIME_NEVER && left < mtime_from_s(720))
		w->now = o < 224 || !left ? next : next - 1;
	gm_tick(w->gm, w->now);
}

/* The high bit of the octet: more comes before the actions are fetched. */
static void play(struct feed *f, struct world *w)
{
	unsigned int o = octet(f);

	switch (o & 31) {
	default:
		record(f, w);
		break;
	case 9:
		echo(f, w);
		break;
	case 10:
		flow(f, w, GM_EV_SEEN);
		break;
	case 11:
		restart(w);
		break;
	case 12:
	case 13:
	case 14:
		query(f, w);
		break;
	case 15:
	case 16:
	case 17:
		flow(f, w, GM_EV_UPCALL);
		break;
	case 18:
		flow(f, w, GM_EV_WRONG_IF);
		break;
	case 19:
		flow(f, w, GM_EV_ROUTE_IDLE);
		break;
	case 20:
		flow(f, w, GM_EV_CLEAR_ROUTES);
		break;
	case 21:
		clear(f, w);
		break;
	case 22:
		resync(f, w);
		break;
	case 23:
		solicit(f, w);
		break;
	case 24:
	case 25:
		change_conf(f, w);
		break;
	case 26:
	case 27:
		change_if(f, w);
		break;
	case 28:
	case 29:
	case 30:
	case 31:
		step_time(f, w);
		break;
	}
	if (!(o & 0x80))
		settle(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed f = { data, data + (size < MAX_INPUT ? size : MAX_INPUT) };
	struct world *w = calloc(1, sizeof(*w));
	unsigned int head = octet(&f);

	ENSURE(w);
	w->mld = head & 1;
	w->now = mtime_from_s(1000);
	w->gm = gm_new(w->mld ? &gm_af_mld : &gm_af_igmp);
	ENSURE(w->gm);
	for (unsigned int i = 0; i < ACLS; i++) {
		w->acls[i] = (struct gm_acl){ w->rules[i], 1 };
		w->rules[i][0] =
			(struct gm_acl_rule){ .seq = 1, .permit = true, .any_group = true, .any_source = true };
	}
	w->conf.wildcard = head & 2;
	w->conf.ssm_maps = w->maps;
	w->conf.max_groups = 50;
	w->conf.route_limit = 100;
	w->conf.idle_timeout = mtime_from_s(60);
	apply_conf(w);
	for (unsigned int slot = 0; slot < SLOTS; slot++)
		begin_if(w, slot);
	settle(w);
	while (f.at < f.end)
		play(&f, w);
	settle(w);
	gm_free(w->gm);
	outside_free(&w->out);
	free(w);
	return 0;
}
