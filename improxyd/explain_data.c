/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What only the wire can tell: is there data, from whom, where, with which TTL, and does the kernel take it. Of several
 * flows the one that comes furthest decides, so that one good sender is not hidden by a stray one.
 */
#include "explain_walk.h"

#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "core/gm_fwd.h"
#include "core/gm_policy.h"
#include "show.h"

/* An entry that carried a packet so recently is alive. */
#define ALIVE mtime_from_s(5)

bool explain_see(struct explain_sight *sight, const struct daemon_packet *packet)
{
	struct explain_flow *flow = NULL;

	for (unsigned int i = 0; i < sight->nflows && !flow; i++) {
		if (sight->flows[i].slot == packet->slot && ipaddr_eq(&sight->flows[i].source, &packet->source))
			flow = &sight->flows[i];
	}
	if (!flow) {
		if (sight->nflows == EXPLAIN_FLOWS)
			return false;
		flow = &sight->flows[sight->nflows++];
		*flow = (struct explain_flow){ .slot = packet->slot, .source = packet->source };
	}
	if (packet->ttl > flow->ttl)
		flow->ttl = packet->ttl;
	flow->packets++;
	/* At the 1st, 2nd, 4th, 8th ... packet: of a fast stream not each can be looked into. */
	return !(flow->packets & (flow->packets - 1));
}

/* One flow, or one entry, judged. */
struct judged {
	const struct explain_flow *flow; /* NULL: nothing was seen, the entry tells */
	struct ipaddr source;
	enum explain_code code;
	uint8_t iif;
	uint32_t oifs;
	unsigned int threshold;
	const struct gm_route *route;
	bool counted; /* the kernel has the entry, and these are its counters */
	struct daemon_route counters;
};

static const char *if_name(const struct walk *w, uint8_t slot)
{
	const char *name = show_slot_name(w->gm, slot);

	return name ? name : "no interface";
}

/* The kernel sends a packet out where its TTL is above the threshold; IPv6 has no threshold to set. */
static unsigned int threshold_of(const struct walk *w, uint8_t slot)
{
	const struct conf_if *ifc = conf_if_find(daemon_conf(w->d), if_name(w, slot));
	uint32_t threshold = w->family == FAMILY_IPV4 && ifc ? ifc->af[FAMILY_IPV4].ttl_threshold : 1;

	return threshold ? threshold : 1;
}

static unsigned int lowest_threshold(const struct walk *w, uint32_t oifs)
{
	unsigned int lowest = 256;

	for (unsigned int slot = 0; slot < GM_MAX_IFS; slot++) {
		if (oifs & UINT32_C(1) << slot && threshold_of(w, (uint8_t)slot) < lowest)
			lowest = threshold_of(w, (uint8_t)slot);
	}
	return lowest;
}

/* The entry data of the source goes by: its own, or that of any source. */
static void find_entry(const struct walk *w, struct judged *j)
{
	static const struct ipaddr any;
	const struct ipaddr *source = &j->source;

	j->route = gm_fwd_find(w->gm, w->group_state, source);
	if (!j->route) {
		source = &any;
		j->route = gm_fwd_find(w->gm, w->group_state, source);
	}
	j->counted = j->route && daemon_route(w->d, w->family, source, &w->group, &j->counters) == 0;
}

static bool alive(const struct judged *j)
{
	return j->counted && j->counters.packets && j->counters.idle != MTIME_NEVER && j->counters.idle < ALIVE;
}

static int reverse_path_filter(const struct walk *w, uint8_t slot)
{
	int all = 0, own = 0;

	if (w->family != FAMILY_IPV4)
		return 0;
	if (daemon_setting(w->d, w->family, "all", "rp_filter", &all) < 0)
		all = 0;
	if (daemon_setting(w->d, w->family, if_name(w, slot), "rp_filter", &own) < 0)
		own = 0;
	return all > own ? all : own;
}

static enum explain_code judge_code(const struct walk *w, struct judged *j)
{
	if (j->flow->slot != j->iif)
		return EXPLAIN_WRONG_INTERFACE;
	if (!explain_wanted(w, &j->source) || !j->oifs)
		return EXPLAIN_SOURCE_FILTERED;
	if (j->flow->ttl <= j->threshold)
		return EXPLAIN_TTL;
	if (alive(j))
		return EXPLAIN_FORWARDING;
	if (!j->route && w->gm->conf.route_limit && HASH_COUNT(w->gm->routes) >= w->gm->conf.route_limit)
		return EXPLAIN_LIMIT;
	return reverse_path_filter(w, j->iif) ? EXPLAIN_RP_FILTER : EXPLAIN_KERNEL;
}

/* How far a flow comes; that there is no entry for it is the last thing but one. */
static unsigned int progress(enum explain_code code)
{
	return code == EXPLAIN_KERNEL || code == EXPLAIN_LIMIT ? EXPLAIN_RP_FILTER : code;
}

static void judge_flow(const struct walk *w, const struct explain_flow *flow, struct judged *j)
{
	*j = (struct judged){ .flow = flow, .source = flow->source };
	j->iif = gm_fwd_iif(w->gm, w->group_state, &j->source);
	j->oifs = gm_fwd_oifs(w->gm, w->group_state, &j->source, j->iif);
	j->threshold = lowest_threshold(w, j->oifs);
	find_entry(w, j);
	j->code = judge_code(w, j);
}

/* Where nothing was seen, an entry that has just carried something tells as much. */
static bool judge_entries(const struct walk *w, struct judged *best)
{
	for (const struct gm_route *route = w->group_state->routes; route; route = route->next) {
		struct judged j = { .source = route->key.source, .iif = route->iif, .oifs = route->oifs };

		if (!ipaddr_is_none(&w->source) && !ipaddr_is_none(&j.source) && !ipaddr_eq(&w->source, &j.source))
			continue;
		find_entry(w, &j);
		if (!j.oifs || !j.counted || !j.counters.packets)
			continue;
		j.code = alive(&j) ? EXPLAIN_FORWARDING : EXPLAIN_NO_DATA;
		if (!best->counted || j.counters.idle < best->counters.idle)
			*best = j;
	}
	return best->counted;
}

/* --- telling --- */

static void tell_flows(struct walk *w)
{
	char text[IPADDR_STRLEN];

	for (unsigned int i = 0; i < w->sight->nflows; i++) {
		const struct explain_flow *flow = &w->sight->flows[i];

		walk_add(w, "%sfrom %s on %s, TTL %u", walk_sep(w), ipaddr_format(&flow->source, text),
			 if_name(w, flow->slot), flow->ttl);
	}
}

static void tell_entry(struct walk *w, const struct judged *j)
{
	char age[EXPLAIN_AGO], source[IPADDR_STRLEN];

	walk_step(w, "entry");
	if (!j->route) {
		walk_add(w, "none");
		return;
	}
	walk_add(w, "(%s,%s) from %s, %s old",
		 ipaddr_is_none(&j->route->key.source) ? "*" : ipaddr_format(&j->route->key.source, source),
		 w->group_text, if_name(w, j->route->iif), explain_ago(w->now - j->route->since, age));
	if (!j->counted) {
		walk_add(w, ", not in the kernel");
		return;
	}
	walk_add(w, ", %llu packets, %llu on a wrong interface", (unsigned long long)j->counters.packets,
		 (unsigned long long)j->counters.wrong_if);
	if (j->counters.idle != MTIME_NEVER)
		walk_add(w, ", idle for %lld ms", (long long)mtime_to_ms(j->counters.idle));
}

static void forwarded(struct walk *w, const struct judged *j)
{
	char names[EXPLAIN_TEXT] = "";
	size_t len = 0;

	tell_entry(w, j);
	for (unsigned int slot = 0; slot < GM_MAX_IFS; slot++) {
		if (!(j->oifs & UINT32_C(1) << slot) || len >= sizeof(names) - GM_NAME_LEN - 2)
			continue;
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "",
					if_name(w, (uint8_t)slot));
	}
	walk_end(w, "forwarded to %s", names);
}

static void no_data(struct walk *w, const struct judged *last)
{
	const char *hint = !w->up->last_query ? ", which sends no queries either"
			   : w->up->silent    ? ", which sends no queries any more"
					      : "";
	char joined[EXPLAIN_AGO], age[EXPLAIN_AGO];

	explain_ago(w->now - w->group_state->joined, joined);
	if (last->counted && last->counters.idle != MTIME_NEVER) {
		walk_add(w, "none now, the last %s ago", explain_ago(last->counters.idle, age));
		walk_fail(w, EXPLAIN_NO_DATA,
			  "joined on %s %s ago, no data has arrived for %s: check the upstream router%s",
			  w->up->conf.name, joined, age, hint);
		return;
	}
	walk_fail(w, EXPLAIN_NO_DATA, "joined on %s %s ago, no data has arrived: check the upstream router%s",
		  w->up->conf.name, joined, hint);
}

static void tell_failure(struct walk *w, const struct judged *j)
{
	const char *in = if_name(w, j->flow->slot), *expected = if_name(w, j->iif);
	char text[IPADDR_STRLEN];

	ipaddr_format(&j->source, text);
	switch (j->code) {
	case EXPLAIN_WRONG_INTERFACE:
		walk_fail(w, j->code, "data arrives on %s, expected on %s", in, expected);
		return;
	case EXPLAIN_SOURCE_FILTERED:
		walk_fail(w, j->code, "data arrives only from %s, which nobody wants", text);
		return;
	case EXPLAIN_TTL:
		walk_fail(w, j->code,
			  "data of %s arrives on %s with a TTL of %u: it has to be above %u to be forwarded", text, in,
			  j->flow->ttl, j->threshold);
		return;
	case EXPLAIN_RP_FILTER:
		tell_entry(w, j);
		walk_fail(w, j->code,
			  "data of %s arrives on %s, and the kernel drops it: rp_filter is %d and the route to "
			  "%s does not lead there",
			  text, in, reverse_path_filter(w, j->iif), text);
		return;
	case EXPLAIN_KERNEL:
		tell_entry(w, j);
		walk_fail(w, j->code, "data of %s arrives on %s, but the kernel does not forward it", text, in);
		return;
	case EXPLAIN_LIMIT:
		tell_entry(w, j);
		walk_fail(w, j->code, "the limit of %u forwarding entries is reached",
			  (unsigned int)w->gm->conf.route_limit);
		return;
	case EXPLAIN_MROUTE_BUSY:
	case EXPLAIN_SCOPE:
	case EXPLAIN_SSM_RANGE:
	case EXPLAIN_DENIED:
	case EXPLAIN_INTERFACE_DOWN:
	case EXPLAIN_NO_MEMBER:
	case EXPLAIN_NOT_QUERIER:
	case EXPLAIN_NO_UPSTREAM:
	case EXPLAIN_JOIN_FAILED:
	case EXPLAIN_BOUNDARY:
	case EXPLAIN_NO_DATA:
	case EXPLAIN_FORWARDING:
	case EXPLAIN_CODE_COUNT:
		return; /* not what a flow is judged to be */
	}
}

void explain_data(struct walk *w)
{
	struct judged best = { .code = EXPLAIN_NO_DATA };

	walk_step(w, "data");
	w->result->unsure = !w->sight->looked;
	for (unsigned int i = 0; i < w->sight->nflows; i++) {
		struct judged j;

		judge_flow(w, &w->sight->flows[i], &j);
		if (!best.flow || progress(j.code) > progress(best.code))
			best = j;
	}
	tell_flows(w);
	if (best.flow && best.code != EXPLAIN_FORWARDING) {
		tell_failure(w, &best);
		return;
	}
	if (!best.flow) {
		/* A source nobody wants, of which nothing is seen, is simply not asked for. */
		if (!w->wanted) {
			walk_fail(w, EXPLAIN_NO_MEMBER, "no host has asked for %s of %s", w->source_text,
				  w->group_text);
			return;
		}
		if (!judge_entries(w, &best) || best.code != EXPLAIN_FORWARDING) {
			no_data(w, &best);
			return;
		}
		walk_add(w, "not seen now, but the entry counts it");
	}
	forwarded(w, &best);
}
