/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ipaddr.h"
#include "lib/util.h"

#include "ref.h"

#define UPSTREAMS   2
#define DOWNSTREAMS 4
#define IFS         (UPSTREAMS + DOWNSTREAMS)

/* Text with a %u stands for one address per interface. */
struct places {
	const char *addr[3], *prefix;
	const char *hosts[6], *queriers[6];
	const char *groups[9], *sources[10];
};

static const struct places places_v4 = {
	.addr = { "10.%u.0.10", "10.%u.0.10", "10.%u.0.4" },
	.prefix = "10.%u.0.0/24",
	.hosts = { "10.%u.0.11", "10.%u.0.12", "0.0.0.0", "172.16.9.9", "10.%u.0.10", "10.%u.0.13" },
	.queriers = { "10.%u.0.5", "10.%u.0.3", "10.%u.0.200", "9.9.9.9", "0.0.0.0", "10.%u.0.10" },
	.groups = { "239.1.1.1", "239.1.1.1", "239.1.1.2", "239.1.1.2", "232.1.1.1", "232.1.1.1", "224.0.0.251",
		    "232.0.0.0", "10.9.9.9" },
	.sources = { "198.18.0.1", "198.18.0.2", "198.18.0.3", "198.18.0.4", "10.2.0.77", "10.1.0.77", "169.254.1.1",
		     "224.5.5.5", "0.0.0.0", "255.255.255.255" },
};

static const struct places places_v6 = {
	.addr = { "fe80::%u:10", "fe80::%u:10", "fe80::%u:4" },
	.prefix = "2001:db8:%u::/64",
	.hosts = { "fe80::%u:11", "fe80::%u:12", "fe80::%u:13", "fe80::%u:14", "fe80::%u:10", "fe80::99" },
	.queriers = { "fe80::%u:5", "fe80::%u:3", "fe80::%u:c8", "fe80::1:0:0:1", "fe80:0:0:1::1", "fe80::%u:10" },
	.groups = { "ff15::1:1", "ff15::1:1", "ff15::1:2", "ff15::1:2", "ff35::8000:1", "ff35::8000:1", "ff12::5",
		    "ff35::4000:0", "2001:db8::9" },
	.sources = { "2001:db8:18::1", "2001:db8:18::2", "2001:db8:18::3", "2001:db8:18::4", "2001:db8:2::77",
		     "2001:db8:1::77", "fe80::99", "ff05::5", "::1", "::" },
};

/* --- access lists --- */

#define RULES 4
#define ACLS  4

static struct gm_acl_rule rules[2][ACLS][RULES];
static struct gm_acl acls[2][ACLS];
static struct gm_ssm_map maps[2][2];

static struct ipaddr addr_of(const char *text, unsigned int slot)
{
	char buf[IPADDR_STRLEN];
	struct ipaddr a;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(buf, sizeof(buf), text, slot);
#pragma GCC diagnostic pop
	if (ipaddr_parse(buf, &a))
		abort();
	return a;
}

static struct ipprefix host_prefix(const char *text)
{
	struct ipaddr a = addr_of(text, 0);

	return ipprefix_make(&a, ipaddr_is_v4(&a) ? 32 : 128);
}

static void acl_rule(bool mld, unsigned int acl, bool permit, const char *group, const char *source)
{
	struct gm_acl *a = &acls[mld][acl];
	struct gm_acl_rule *rule = &rules[mld][acl][a->nrules++];

	*rule = (struct gm_acl_rule){ .seq = 10 * a->nrules, .permit = permit };
	rule->any_group = !group;
	rule->any_source = !source;
	if (group)
		rule->group = host_prefix(group);
	if (source)
		rule->source = host_prefix(source);
}

void scene_reset(void)
{
	for (unsigned int mld = 0; mld < 2; mld++) {
		const struct places *p = mld ? &places_v6 : &places_v4;

		for (unsigned int i = 0; i < ACLS; i++)
			acls[mld][i] = (struct gm_acl){ .rules = rules[mld][i] };
		acl_rule(mld, 0, false, p->groups[0], NULL);
		acl_rule(mld, 0, true, NULL, NULL);
		acl_rule(mld, 1, false, NULL, p->sources[0]);
		acl_rule(mld, 1, true, NULL, NULL);
		acl_rule(mld, 2, true, p->groups[0], p->sources[1]);
		acl_rule(mld, 2, false, p->groups[0], p->sources[2]);
		acl_rule(mld, 2, true, p->groups[4], NULL);
		acl_rule(mld, 2, true, NULL, p->sources[4]);
		acl_rule(mld, 3, true, p->groups[2], NULL);
		acl_rule(mld, 3, true, p->groups[4], p->sources[3]);
		maps[mld][0] = (struct gm_ssm_map){ .acl = &acls[mld][2], .source = addr_of(p->sources[0], 0) };
		maps[mld][1] = (struct gm_ssm_map){ .acl = NULL, .source = addr_of(p->sources[4], 0) };
	}
}

void scene_event(struct step *st, struct gm_event *ev)
{
	if (st->turn_rule) {
		struct gm_acl_rule *rule = &rules[0][0][0] + (st->turn_rule - 1);

		rule->permit = !rule->permit;
	}
	*ev = st->ev;
	st->iface.statics = st->statics;
	switch (ev->type) {
	case GM_EV_CONF:
		ev->conf = &st->conf;
		break;
	case GM_EV_IF:
		ev->iface = &st->iface;
		break;
	case GM_EV_RECORD:
		ev->record.sources = st->sources;
		break;
	case GM_EV_QUERY:
		ev->query.sources = st->sources;
		break;
	case GM_EV_UPCALL:
	case GM_EV_WRONG_IF:
	case GM_EV_SEEN:
	case GM_EV_ROUTE_IDLE:
	case GM_EV_CLEAR:
	case GM_EV_CLEAR_ROUTES:
	case GM_EV_SOLICIT:
	case GM_EV_ECHO:
	case GM_EV_RELEARN:
	case GM_EV_INHERIT:
	case GM_EV_ASK:
	case GM_EV_RESYNC:
		break;
	}
}

/* --- chance --- */

struct dice {
	uint64_t state;
	bool mld;
	const struct places *p;
};

/* splitmix64 */
static uint64_t dice_next(struct dice *d)
{
	uint64_t z = (d->state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static unsigned int dice_below(struct dice *d, unsigned int n)
{
	return (unsigned int)(dice_next(d) % n);
}

/* One in `n`. */
static bool dice_rare(struct dice *d, unsigned int n)
{
	return dice_below(d, n) == 0;
}

static mtime_t dice_time(struct dice *d, int64_t low_ms, int64_t high_ms)
{
	return mtime_from_ms(low_ms + (int64_t)(dice_next(d) % (uint64_t)(high_ms - low_ms + 1)));
}

/* Mostly one of the first `good` texts. */
static struct ipaddr dice_addr(struct dice *d, const char *const *v, unsigned int n, unsigned int good,
			       unsigned int slot)
{
	return addr_of(v[dice_below(d, dice_rare(d, 12) ? n : good)], slot);
}

static unsigned int dice_sources(struct dice *d, struct ipaddr *v)
{
	unsigned int n = dice_rare(d, 4) ? 0 : 1 + dice_below(d, dice_rare(d, 4) ? STEP_SOURCES : 3);

	for (unsigned int i = 0; i < n; i++)
		v[i] = dice_addr(d, d->p->sources, ARRAY_SIZE(d->p->sources), 5, 0);
	return n;
}

static const struct gm_acl *dice_acl(struct dice *d, unsigned int rare)
{
	return dice_rare(d, rare) ? &acls[d->mld][dice_below(d, ACLS)] : NULL;
}

static unsigned int dice_slot(struct dice *d)
{
	return dice_rare(d, 25) ? dice_below(d, IFS + 1) : UPSTREAMS + dice_below(d, DOWNSTREAMS);
}

/* An interface as it stands. */
struct place {
	struct gm_if_conf conf;
	struct gm_static statics[STEP_STATICS];
};

static void dice_conf(struct dice *d, struct gm_conf *c, bool first)
{
	c->policy_serial++;
	c->idle_timeout = dice_time(d, 1000, 60000);
	if (first)
		return;
	c->ssm_range = dice_acl(d, 8);
	c->ssm_maps = maps[d->mld];
	c->nssm_maps = dice_rare(d, 3) ? 1 + dice_below(d, 2) : 0;
}

static void dice_statics(struct dice *d, struct place *at)
{
	unsigned int n = dice_rare(d, 2) ? 1 + dice_below(d, STEP_STATICS) : 0;

	at->conf.nstatics = n;
	at->conf.statics_serial++;
	for (unsigned int i = 0; i < n; i++) {
		at->statics[i].group = dice_addr(d, d->p->groups, ARRAY_SIZE(d->p->groups), 6, 0);
		at->statics[i].source = (struct ipaddr){ { 0 } };
		if (dice_rare(d, 2))
			at->statics[i].source = addr_of(d->p->sources[dice_below(d, 5)], 0);
	}
}

static void dice_parameters(struct dice *d, struct gm_if_conf *c)
{
	c->robustness = (uint8_t)(1 + dice_below(d, 3));
	c->query_interval = dice_time(d, 2000, 9000);
	c->query_response = dice_time(d, 300, 1900);
	c->last_member_interval = dice_time(d, 100, 900);
	c->last_member_count = (uint8_t)dice_below(d, 4);
	c->startup_interval = dice_time(d, 200, 2200);
	c->startup_count = (uint8_t)(1 + dice_below(d, 3));
	if (dice_rare(d, 5))
		c->gen = d->mld ? GM_GEN2 : GM_GEN1 + dice_below(d, 2);
	else
		c->gen = GM_GEN3;
}

static void dice_if(struct dice *d, struct step *st, unsigned int slot, struct place *at, bool first)
{
	struct gm_if_conf *c = &at->conf;
	enum gm_role usual = slot < UPSTREAMS ? GM_ROLE_UPSTREAM : GM_ROLE_DOWNSTREAM;
	char prefix[IPADDR_STRLEN];

	if (first || c->role == GM_ROLE_NONE) {
		uint32_t serial = c->statics_serial;

		memset(c, 0, sizeof(*c));
		c->statics_serial = serial + 1;
		snprintf(c->name, sizeof(c->name), "if%u", slot);
		c->role = usual;
		c->up = true;
		c->priority = 100;
		c->addr = addr_of(d->p->addr[0], slot);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(prefix, sizeof(prefix), d->p->prefix, slot);
#pragma GCC diagnostic pop
		if (ipprefix_parse(prefix, &c->prefixes[0]))
			abort();
		c->nprefixes = 1;
		c->verify_source = true;
		dice_parameters(d, c);
		st->iface = *c;
		return;
	}
	switch (dice_below(d, 13)) {
	case 0:
	case 1:
		c->up = !c->up;
		break;
	case 2:
		c->role = dice_rare(d, 2)    ? GM_ROLE_NONE
			  : c->role == usual ? (enum gm_role)(GM_ROLE_UPSTREAM + GM_ROLE_DOWNSTREAM - usual)
					     : usual;
		break;
	case 3:
		dice_parameters(d, c);
		break;
	case 4:
		if (dice_rare(d, 3))
			c->addr = (struct ipaddr){ { 0 } };
		else
			c->addr = addr_of(d->p->addr[dice_below(d, 3)], slot);
		break;
	case 5:
		c->priority = (uint8_t)(99 + dice_below(d, 3));
		break;
	case 6:
		c->upstream_acl = dice_acl(d, 2);
		break;
	case 7:
		c->acl = dice_acl(d, 3);
		break;
	case 8:
		c->boundary = dice_acl(d, 2);
		break;
	case 9:
		c->forward_as_non_querier = !c->forward_as_non_querier;
		c->verify_source = !dice_rare(d, 3);
		c->ignore_older = dice_rare(d, 3);
		break;
	case 10:
		c->leave_delay = dice_rare(d, 2) ? dice_time(d, 100, 3000) : 0;
		break;
	case 11:
		c->nprefixes = dice_rare(d, 3) ? 0 : 1;
		break;
	case 12:
		dice_statics(d, at);
		break;
	}
	st->iface = *c;
	memcpy(st->statics, at->statics, sizeof(st->statics));
}

static void dice_record(struct dice *d, struct step *st, unsigned int slot)
{
	struct gm_event *ev = &st->ev;
	unsigned int n = dice_below(d, 10);

	ev->type = GM_EV_RECORD;
	ev->record.reporter = dice_addr(d, d->p->hosts, ARRAY_SIZE(d->p->hosts), 3, slot);
	ev->record.group = dice_addr(d, d->p->groups, ARRAY_SIZE(d->p->groups), 6, 0);
	ev->record.gen = GM_GEN3;
	if (n == 0 || n == 1)
		ev->record.gen = GM_GEN2;
	else if (n == 2 && !d->mld && dice_rare(d, 2))
		ev->record.gen = GM_GEN1;
	if (ev->record.gen == GM_GEN3) {
		ev->record.type = (enum gm_record_type)(GM_IS_IN + dice_below(d, 6));
		ev->record.nsources = dice_sources(d, st->sources);
	} else {
		ev->record.type = ev->record.gen == GM_GEN2 && dice_rare(d, 2) ? GM_TO_IN : GM_IS_EX;
	}
}

static void dice_query(struct dice *d, struct step *st, unsigned int slot)
{
	struct gm_event *ev = &st->ev;

	ev->type = GM_EV_QUERY;
	ev->query.from = dice_addr(d, d->p->queriers, ARRAY_SIZE(d->p->queriers), 3, slot);
	ev->query.gen = dice_rare(d, 4) ? GM_GEN2 : GM_GEN3;
	if (!d->mld && dice_rare(d, 12))
		ev->query.gen = GM_GEN1;
	ev->query.max_response = dice_time(d, 100, 2000);
	if (ev->query.gen == GM_GEN3) {
		ev->query.suppress = dice_rare(d, 3);
		ev->query.robustness = (uint8_t)dice_below(d, 4);
		ev->query.interval = dice_rare(d, 4) ? 0 : dice_time(d, 1000, 9000);
	}
	if (ev->query.gen == GM_GEN1 || dice_rare(d, 2))
		return;
	ev->query.group = dice_addr(d, d->p->groups, ARRAY_SIZE(d->p->groups), 6, 0);
	if (ev->query.gen == GM_GEN3 && dice_rare(d, 2))
		ev->query.nsources = dice_sources(d, st->sources);
}

static void dice_flow(struct dice *d, struct step *st)
{
	struct gm_event *ev = &st->ev;
	unsigned int n = dice_below(d, 8);

	ev->type = n < 4 ? GM_EV_UPCALL : n < 7 ? GM_EV_ROUTE_IDLE : GM_EV_WRONG_IF;
	ev->slot = (uint8_t)dice_below(d, IFS + 1);
	ev->flow.source = dice_addr(d, d->p->sources, ARRAY_SIZE(d->p->sources), 6, 0);
	ev->flow.group = dice_addr(d, d->p->groups, ARRAY_SIZE(d->p->groups), 6, 0);
	ev->flow.idle = dice_time(d, 0, 90000);
}

static void dice_rest(struct dice *d, struct step *st, struct gm_conf *conf)
{
	struct gm_event *ev = &st->ev;

	switch (dice_below(d, 7)) {
	case 0:
	case 1:
		ev->type = GM_EV_CLEAR;
		ev->slot = dice_rare(d, 6) ? GM_NO_IF : (uint8_t)dice_slot(d);
		if (ev->slot != GM_NO_IF && dice_rare(d, 2))
			ev->clear.group = addr_of(d->p->groups[dice_below(d, 5)], 0);
		break;
	case 2:
	case 3:
		ev->type = dice_rare(d, 4) ? GM_EV_ASK : GM_EV_RESYNC;
		ev->slot = dice_rare(d, 2) ? GM_NO_IF : (uint8_t)dice_below(d, UPSTREAMS);
		break;
	case 4:
		dice_conf(d, conf, false);
		st->conf = *conf;
		ev->type = GM_EV_CONF;
		break;
	case 5:
		conf->policy_serial++;
		st->conf = *conf;
		st->turn_rule = 1 + (d->mld ? ACLS * RULES : 0) + dice_below(d, ACLS * RULES);
		ev->type = GM_EV_CONF;
		break;
	case 6:
		ev->type = GM_EV_CLEAR_ROUTES;
		ev->slot = GM_NO_IF;
		if (!dice_rare(d, 3))
			ev->flow.group = addr_of(d->p->groups[dice_below(d, 5)], 0);
		if (dice_rare(d, 2))
			ev->flow.source = addr_of(d->p->sources[dice_below(d, 5)], 0);
		break;
	}
}

static mtime_t dice_step(struct dice *d, const struct ref *r)
{
	mtime_t next = ref_next(r);

	switch (dice_below(d, 16)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		return r->now;
	case 5:
	case 6:
	case 7:
	case 8:
		return r->now + (mtime_t)(dice_next(d) % 1000000);
	case 9:
	case 10:
	case 11:
		return r->now + (mtime_t)(dice_next(d) % 5000000);
	case 12:
	case 13:
		return next == MTIME_NEVER ? r->now : next;
	case 14:
		return r->now + (mtime_t)(dice_next(d) % 30000000);
	default:
		return r->now + (dice_rare(d, 6) ? (mtime_t)(dice_next(d) % 200000000) : 1);
	}
}

void scene_generate(struct step *steps, size_t n, unsigned long seed, bool mld)
{
	struct dice d = { .state = seed * 0x2545f4914f6cdd1dull, .mld = mld, .p = mld ? &places_v6 : &places_v4 };
	struct place ifs[IFS] = { 0 };
	struct gm_conf conf = { 0 };
	struct ref *r = ref_new(mld);

	scene_reset();
	if (!r)
		abort();
	r->now = mtime_from_s(1000);
	memset(steps, 0, n * sizeof(*steps));
	for (size_t i = 0; i < n; i++) {
		struct step *st = &steps[i];
		unsigned int slot = dice_slot(&d), what = dice_below(&d, 100);
		struct gm_event ev;

		st->at = dice_step(&d, r);
		st->late = st->at < r->now + mtime_from_s(60) && dice_rare(&d, 8);
		st->ev.slot = (uint8_t)slot;
		if (i == 0) {
			dice_conf(&d, &conf, true);
			st->conf = conf;
			st->ev.type = GM_EV_CONF;
		} else if (i <= IFS) {
			st->ev.slot = (uint8_t)(i - 1);
			st->ev.type = GM_EV_IF;
			dice_if(&d, st, (unsigned int)i - 1, &ifs[i - 1], true);
		} else if (what < 58) {
			dice_record(&d, st, slot);
		} else if (what < 68) {
			dice_query(&d, st, slot);
		} else if (what < 80) {
			dice_flow(&d, st);
		} else if (what < 90) {
			slot = dice_below(&d, IFS);
			st->ev.slot = (uint8_t)slot;
			st->ev.type = GM_EV_IF;
			dice_if(&d, st, slot, &ifs[slot], false);
		} else if (what < 94) {
			dice_rest(&d, st, &conf);
		} else {
			st->kind = STEP_TIME;
		}
		scene_event(st, &ev);
		if (st->kind == STEP_TIME)
			ref_tick(r, st->at);
		else
			ref_input(r, st->at, &ev);
		ref_settle(r, st->at);
		ref_clear_queries(r);
	}
	ref_free(r);
}

/* --- text --- */

static void print_addrs(const struct ipaddr *v, unsigned int n)
{
	char buf[IPADDR_STRLEN];

	printf(" {");
	for (unsigned int i = 0; i < n; i++)
		printf("%s%s", i ? " " : "", ipaddr_format(&v[i], buf));
	printf("}");
}

static int acl_number(const struct gm_acl *acl)
{
	return acl ? (int)(acl - &acls[0][0]) % ACLS : -1;
}

static void print_if(const struct step *st)
{
	static const char *const roles[] = { "none", "upstream", "downstream" };
	const struct gm_if_conf *c = &st->iface;
	char buf[IPADDR_STRLEN];

	printf("%s %s %s prefixes %u", roles[c->role], c->up ? "up" : "down", ipaddr_format(&c->addr, buf),
	       c->nprefixes);
	if (c->role == GM_ROLE_UPSTREAM)
		printf(" priority %u acl %d leave-delay %.3f", c->priority, acl_number(c->upstream_acl),
		       (double)c->leave_delay / 1e6);
	if (c->role == GM_ROLE_DOWNSTREAM)
		printf(" gen %d R %u QI %.3f QRI %.3f LMQI %.3f LMQC %u SQI %.3f SQC %u acl %d verify %d fwd-nonq %d "
		       "strict %d",
		       c->gen, c->robustness, (double)c->query_interval / 1e6, (double)c->query_response / 1e6,
		       (double)c->last_member_interval / 1e6, c->last_member_count, (double)c->startup_interval / 1e6,
		       c->startup_count, acl_number(c->acl), c->verify_source, c->forward_as_non_querier,
		       c->ignore_older);
	printf(" boundary %d", acl_number(c->boundary));
	for (unsigned int i = 0; i < c->nstatics; i++) {
		printf(" static %s", ipaddr_format(&st->statics[i].group, buf));
		printf("/%s", ipaddr_format(&st->statics[i].source, buf));
	}
}

void step_print(const struct step *st, mtime_t before)
{
	static const char *const records[] = { "", "IS_IN", "IS_EX", "TO_IN", "TO_EX", "ALLOW", "BLOCK" };
	const struct gm_event *ev = &st->ev;
	char a[IPADDR_STRLEN], b[IPADDR_STRLEN];

	printf("# %.6f (+%.6f)%s ", (double)st->at / 1e6, (double)(st->at - before) / 1e6, st->late ? " late" : "");
	if (st->kind == STEP_TIME) {
		printf("time\n");
		return;
	}
	printf("if%u ", ev->slot);
	switch (ev->type) {
	case GM_EV_CONF:
		printf("conf: ssm-range %d, %u ssm-maps, idle %.3f, rule turned %u", acl_number(st->conf.ssm_range),
		       st->conf.nssm_maps, (double)st->conf.idle_timeout / 1e6, st->turn_rule);
		break;
	case GM_EV_IF:
		print_if(st);
		break;
	case GM_EV_RECORD:
		printf("gen %d %s of %s from %s", ev->record.gen, records[ev->record.type],
		       ipaddr_format(&ev->record.group, a), ipaddr_format(&ev->record.reporter, b));
		print_addrs(st->sources, ev->record.nsources);
		break;
	case GM_EV_QUERY:
		printf("gen %d query of %s from %s S=%d QRV %u QQI %.3f response %.3f", ev->query.gen,
		       ipaddr_format(&ev->query.group, a), ipaddr_format(&ev->query.from, b), ev->query.suppress,
		       ev->query.robustness, (double)ev->query.interval / 1e6, (double)ev->query.max_response / 1e6);
		print_addrs(st->sources, ev->query.nsources);
		break;
	case GM_EV_UPCALL:
	case GM_EV_WRONG_IF:
	case GM_EV_ROUTE_IDLE:
		printf("%s (%s,%s) idle %.3f",
		       ev->type == GM_EV_UPCALL     ? "upcall"
		       : ev->type == GM_EV_WRONG_IF ? "wrong interface"
						    : "idle",
		       ipaddr_format(&ev->flow.source, a), ipaddr_format(&ev->flow.group, b),
		       (double)ev->flow.idle / 1e6);
		break;
	case GM_EV_CLEAR:
		printf("clear %s", ipaddr_format(&ev->clear.group, a));
		break;
	case GM_EV_CLEAR_ROUTES:
		printf("clear routes (%s,%s)", ipaddr_format(&ev->flow.source, a), ipaddr_format(&ev->flow.group, b));
		break;
	case GM_EV_SEEN:
		printf("seen"); /* not drawn */
		break;
	case GM_EV_SOLICIT:
		printf("solicit");
		break;
	case GM_EV_ECHO:
		printf("echo"); /* not drawn */
		break;
	case GM_EV_RELEARN:
	case GM_EV_INHERIT:
		printf("of a former life"); /* not drawn */
		break;
	case GM_EV_ASK:
		printf("ask");
		break;
	case GM_EV_RESYNC:
		printf("resync");
		break;
	}
	printf("\n");
}
