/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain_walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "core/gm_fwd.h"
#include "core/gm_policy.h"
#include "show.h"

const char *const explain_code_names[EXPLAIN_CODE_COUNT] = {
#define NAME(name, word) [EXPLAIN_##name] = word,
	EXPLAIN_CODES(NAME)
#undef NAME
};

/* --- the kernel, and the group itself --- */

static bool check_kernel(struct walk *w)
{
	struct daemon_status status;
	char text[SHOW_OWNER_LEN];

	daemon_status(w->d, w->family, &status);
	walk_step(w, "kernel");
	walk_add(w, "%s", show_owner(w->family, &status, text));
	if (!w->gm || !status.usable)
		return walk_fail(w, EXPLAIN_KERNEL, "the kernel does not know %s", family_title(w->family));
	if (status.router)
		return true;
	if (status.error == -EADDRINUSE)
		return walk_fail(w, EXPLAIN_MROUTE_BUSY, "%s", text);
	if (status.error)
		return walk_fail(w, EXPLAIN_KERNEL, "%s", text);
	/* Nothing is configured: the steps to come say what is missing. */
	return true;
}

static bool check_scope(struct walk *w)
{
	bool ssm;

	walk_step(w, "scope");
	if (!gm_policy_proxied(w->gm, &w->group))
		return walk_fail(w, EXPLAIN_SCOPE, "%s is of a scope that is never proxied", w->group_text);
	ssm = gm_policy_ssm(w->gm, &w->group);
	walk_add(w, "may be proxied%s", ssm ? ", in the SSM range: members have to name sources" : "");
	return true;
}

/* --- members, and requests that were refused --- */

static bool meant(const struct walk *w, const struct ipaddr *source)
{
	return ipaddr_is_none(&w->source) || ipaddr_is_none(source) || ipaddr_eq(source, &w->source);
}

/* Hosts repeat what they want at each query: an older refusal says nothing about now. Neither does one that policy
 * would not repeat, or a host that has become a member since. */
static bool stands(const struct walk *w, const struct gm_if *ifp, const struct gm_refusal *r)
{
	const struct ipaddr *source = ipaddr_is_none(&r->source) ? NULL : &r->source;

	if (!r->at || !ipaddr_eq(&r->group, &w->group) || !meant(w, &r->source) ||
	    w->now - r->at > gm_if_group_membership_interval(ifp))
		return false;
	if (r->why == GM_DROP_SSM)
		return gm_policy_ssm(w->gm, &w->group);
	return r->why == GM_DROP_LIMIT || !gm_acl_permits(ifp->conf.acl, &w->group, source);
}

static const struct gm_refusal *last_refusal(const struct walk *w, const struct gm_if **iface)
{
	const struct gm_refusal *last = NULL;

	for (const struct gm_if *ifp = w->gm->ifs; ifp < w->gm->ifs + GM_MAX_IFS; ifp++) {
		for (const struct gm_refusal *r = ifp->refusals; r < ifp->refusals + GM_REFUSALS; r++) {
			if (stands(w, ifp, r) && (!last || r->at > last->at)) {
				last = r;
				*iface = ifp;
			}
		}
	}
	return last;
}

/* The interface's access list denies whatever is asked here. */
static const struct gm_if *denied_everywhere(const struct walk *w)
{
	const struct ipaddr *source = ipaddr_is_none(&w->source) ? NULL : &w->source;
	const struct gm_if *denies = NULL;

	for (const struct gm_if *ifp = w->gm->ifs; ifp < w->gm->ifs + GM_MAX_IFS; ifp++) {
		if (!gm_if_listening(ifp))
			continue;
		if (gm_acl_permits(ifp->conf.acl, &w->group, source))
			return NULL;
		denies = ifp;
	}
	return denies;
}

static bool refused(struct walk *w, const struct gm_if *ifp, const struct gm_refusal *r)
{
	char who[IPADDR_STRLEN], age[EXPLAIN_AGO], rule[EXPLAIN_RULE];
	const struct ipaddr *source = ipaddr_is_none(&r->source) ? NULL : &r->source;

	walk_add(w, "%s on %s asked %s ago, refused", ipaddr_format(&r->reporter, who), ifp->conf.name,
		 explain_ago(w->now - r->at, age));
	if (r->why == GM_DROP_SSM)
		return walk_fail(w, EXPLAIN_SSM_RANGE, "%s on %s asked for any source, but %s is in the SSM range", who,
				 ifp->conf.name, w->group_text);
	if (r->why == GM_DROP_LIMIT)
		return walk_fail(w, EXPLAIN_LIMIT, "refused on %s: a limit is reached (%u groups there, %u in all)",
				 ifp->conf.name, (unsigned int)ifp->nrecs, (unsigned int)w->gm->nrecs);
	return walk_fail(w, EXPLAIN_DENIED, "denied by %s on %s", explain_rule(w, ifp->conf.acl, source, rule),
			 ifp->conf.name);
}

static bool check_policy(struct walk *w)
{
	const struct gm_if *ifp = NULL;
	const struct gm_refusal *r = last_refusal(w, &ifp);
	char rule[EXPLAIN_RULE];

	walk_step(w, "policy");
	if (r && !w->wanted)
		return refused(w, ifp, r);
	if (!w->wanted) {
		ifp = denied_everywhere(w);
		if (ifp) {
			explain_rule(w, ifp->conf.acl, ipaddr_is_none(&w->source) ? NULL : &w->source, rule);
			return walk_fail(w, EXPLAIN_DENIED, "denied by %s on %s", rule, ifp->conf.name);
		}
	}
	if (r)
		walk_add(w, "a request on %s was refused", ifp->conf.name);
	else
		walk_add(w, "nothing was refused");
	return true;
}

/* A downstream that cannot hear anybody may be the reason why nobody is heard. */
static bool check_interfaces(struct walk *w)
{
	const struct conf *conf = daemon_conf(w->d);
	const char *down_name = NULL;
	bool missing = false;
	unsigned int up = 0;
	int value;

	walk_step(w, "interface");
	for (unsigned int i = 0; i < conf->nifs; i++) {
		const char *name = conf->ifs[i]->name;
		const struct gm_if *ifp = show_gm_if(w->gm, name);
		struct daemon_link link = { .ifindex = 0 };

		if (conf->ifs[i]->af[w->family].role != GM_ROLE_DOWNSTREAM)
			continue;
		if (ifp && ifp->conf.up) {
			up++;
			walk_add(w, "%s%s up", walk_sep(w), name);
			if (w->family == FAMILY_IPV6 && !w->has_members &&
			    daemon_setting(w->d, w->family, name, "disable_ipv6", &value) == 0 && value)
				return walk_fail(w, EXPLAIN_KERNEL, "IPv6 is disabled on %s (disable_ipv6)", name);
			continue;
		}
		daemon_link(w->d, name, &link);
		walk_add(w, "%s%s %s", walk_sep(w), name, link.ifindex ? "down" : "missing");
		missing = !link.ifindex;
		down_name = name;
	}
	if (down_name && !w->has_members)
		return walk_fail(w, EXPLAIN_INTERFACE_DOWN, "%s is %s, and no host elsewhere has asked for it",
				 down_name, missing ? "missing" : "down");
	if (!up)
		walk_add(w, "no interface is a downstream");
	return true;
}

static void tell_member(struct walk *w, const struct gm_rec *rec)
{
	char who[IPADDR_STRLEN], age[EXPLAIN_AGO];

	walk_add(w, "%s", w->step->evidence[0] ? "; " : "");
	if (rec->reported)
		walk_add(w, "%s on %s, %s ago, version %u, ", ipaddr_format(&rec->last_reporter, who),
			 rec->iface->conf.name, explain_ago(w->now - rec->reported, age),
			 show_version_of(w->family, gm_rec_gen(rec, w->now)));
	else
		walk_add(w, "static-group on %s, ", rec->iface->conf.name);
	walk_add(w, "%s ", show_mode(gm_rec_mode(rec)));
	explain_record_sources(w, rec);
}

/* After a restart entries are kept until all hosts have had their turn to answer. */
static bool is_inherited(const struct gm_group *group)
{
	const struct gm_route *route = group ? group->routes : NULL;

	while (route && !route->inherited)
		route = route->next;
	return route != NULL;
}

static bool check_members(struct walk *w)
{
	uint32_t left = w->group_state ? w->group_state->members : 0;

	walk_step(w, "members");
	for (unsigned int i = 0; left; i++, left &= left - 1)
		tell_member(w, w->group_state->recs[i]);
	if (!w->has_members && is_inherited(w->group_state)) {
		walk_add(w, "none heard yet after the restart");
		walk_end(w, "forwarded as before the restart, until all hosts have had their turn to answer");
		return false;
	}
	if (!w->has_members)
		return walk_fail(w, EXPLAIN_NO_MEMBER, "no host has asked for it");
	if (!w->wanted)
		walk_add(w, "; none of them wants %s", w->source_text);
	return true;
}

static bool check_querier(struct walk *w)
{
	const struct gm_if *other = NULL;
	uint32_t left = w->group_state->members;
	char who[IPADDR_STRLEN];
	bool forwards = false;

	walk_step(w, "querier");
	for (unsigned int i = 0; left; i++, left &= left - 1) {
		const struct gm_if *ifp = w->group_state->recs[i]->iface;
		const char *sep = walk_sep(w);

		if (!gm_if_forwards(ifp)) {
			other = ifp;
			walk_add(w, "%sthe querier of %s is %s", sep, ifp->conf.name,
				 ipaddr_format(&ifp->other_querier, who));
			continue;
		}
		forwards = true;
		walk_add(w, "%s%s %s", sep,
			 ifp->querier    ? "querier of"
			 : ifp->querying ? "not the querier, but forwards on"
					 : "without an address to query from on",
			 ifp->conf.name);
	}
	if (other && !forwards)
		return walk_fail(w, EXPLAIN_NOT_QUERIER, "%s is the querier of %s: it has to forward there",
				 ipaddr_format(&other->other_querier, who), other->conf.name);
	return true;
}

/* --- upstream --- */

static bool no_upstream(struct walk *w)
{
	const struct conf *conf = daemon_conf(w->d);
	const char *down = NULL, *denying = NULL;
	char rule[EXPLAIN_RULE] = "";

	for (unsigned int i = 0; i < conf->nifs; i++) {
		const struct conf_if_af *af = &conf->ifs[i]->af[w->family];
		const struct gm_acl *acl = conf_acl_find(conf, w->family, af->upstream_acl);
		const struct gm_if *ifp = show_gm_if(w->gm, conf->ifs[i]->name);

		if (af->role != GM_ROLE_UPSTREAM)
			continue;
		if (!gm_acl_permits(acl, &w->group, NULL)) {
			denying = conf->ifs[i]->name;
			explain_rule(w, acl, NULL, rule);
		} else if (!ifp || !ifp->conf.up) {
			down = conf->ifs[i]->name;
		}
	}
	if (down)
		return walk_fail(w, EXPLAIN_INTERFACE_DOWN, "the upstream %s is down", down);
	if (denying)
		return walk_fail(w, EXPLAIN_DENIED, "no upstream serves it: denied by %s on %s", rule, denying);
	return walk_fail(w, EXPLAIN_NO_UPSTREAM, "no upstream is configured");
}

static bool check_upstream(struct walk *w)
{
	int value;

	walk_step(w, "upstream");
	if (w->group_state->upstream == GM_NO_IF)
		return no_upstream(w);
	w->up = &w->gm->ifs[w->group_state->upstream];
	walk_add(w, "%s, priority %u", w->up->conf.name, w->up->conf.priority);
	if (w->family == FAMILY_IPV6 &&
	    daemon_setting(w->d, w->family, w->up->conf.name, "disable_ipv6", &value) == 0 && value)
		return walk_fail(w, EXPLAIN_KERNEL, "IPv6 is disabled on %s (disable_ipv6)", w->up->conf.name);
	walk_step(w, "merge");
	walk_add(w, "%s ", show_mode(gm_group_mode(w->group_state)));
	explain_merged_sources(w);
	return true;
}

static bool check_join(struct walk *w)
{
	struct daemon_join join = { .held = false };
	char age[EXPLAIN_AGO];

	walk_step(w, "join");
	if (!daemon_join(w->d, w->family, w->up->slot, &w->group, &join))
		return walk_fail(w, EXPLAIN_JOIN_FAILED, "not joined on %s", w->up->conf.name);
	if (!join.held && join.own)
		return walk_fail(w, EXPLAIN_JOIN_FAILED, "it cannot be reported on %s: %s", w->up->conf.name,
				 join.error ? strerror(-join.error) : "not sent yet");
	if (!join.held)
		return walk_fail(w, EXPLAIN_JOIN_FAILED, "the kernel refuses to join it on %s: %s", w->up->conf.name,
				 join.error ? strerror(-join.error) : "not tried yet");
	walk_add(w, "joined on %s for %s", w->up->conf.name, explain_ago(w->now - w->group_state->joined, age));
	if (join.since)
		walk_add(w, ", last change reported %s ago", explain_ago(w->now - join.since, age));
	if (join.own)
		walk_add(w, ", by reports of improxyd itself");
	if (join.widened)
		walk_add(w, ", the list of sources was too long: all are asked for");
	return true;
}

/* Evidence only: a network without a querier works as long as no switch snoops. */
static bool tell_query(struct walk *w)
{
	char who[IPADDR_STRLEN], age[EXPLAIN_AGO];
	const struct gm_if *up = w->up;
	struct daemon_answers answers;
	mtime_t reported;

	walk_step(w, "query");
	if (!up->last_query) {
		walk_add(w, "no query heard on %s for %s", up->conf.name, explain_ago(w->now - up->since, age));
	} else {
		walk_add(w, "last query from %s %s ago, version %u", ipaddr_format(&up->last_query_from, who),
			 explain_ago(w->now - up->last_query, age), show_version_of(w->family, up->last_query_gen));
		if (up->last_query_interval)
			walk_add(w, ", interval %lld s", (long long)mtime_to_s(up->last_query_interval));
	}
	if (up->silent)
		walk_add(w, ": overdue");
	reported = daemon_last_report(w->d, w->family, up->slot);
	if (reported)
		walk_add(w, "; last report sent %s ago", explain_ago(w->now - reported, age));
	daemon_answers(w->d, w->family, up->slot, &answers);
	if (answers.missed)
		walk_add(w,
			 "; the kernel has not answered the last query in time: does a firewall drop what it sends?");
	else if (answers.seen)
		walk_add(w, "; queries are answered, last %s ago", explain_ago(w->now - answers.seen, age));
	return true;
}

static bool check_boundary(struct walk *w)
{
	const struct gm_if *bounded = NULL, *in = w->up;
	uint32_t left = w->group_state->members;
	char rule[EXPLAIN_RULE];
	bool passes = false;

	walk_step(w, "boundary");
	if (!ipaddr_is_none(&w->source))
		in = &w->gm->ifs[gm_fwd_iif(w->gm, w->group_state, &w->source)];
	if (gm_policy_bounded(in, &w->group)) {
		bounded = in;
	} else {
		for (unsigned int i = 0; left; i++, left &= left - 1) {
			const struct gm_if *ifp = w->group_state->recs[i]->iface;

			if (gm_policy_bounded(ifp, &w->group))
				bounded = ifp;
			else
				passes = true;
		}
	}
	if (!bounded) {
		walk_add(w, "none in the way");
		return true;
	}
	explain_rule(w, bounded->conf.boundary, NULL, rule);
	if (!passes)
		return walk_fail(w, EXPLAIN_BOUNDARY, "the multicast boundary of %s stops it: %s", bounded->conf.name,
				 rule);
	walk_add(w, "stops it on %s", bounded->conf.name);
	return true;
}

/* --- the walk --- */

void explain_walk(const struct daemon *d, const struct ipaddr *group, const struct ipaddr *source,
		  const struct explain_sight *sight, struct explain *result)
{
	static bool (*const checks[])(struct walk *) = {
		check_kernel,  check_scope,    check_policy, check_interfaces, check_members,
		check_querier, check_upstream, check_join,   tell_query,       check_boundary,
	};
	struct walk w = { .d = d, .family = family_of(group), .group = *group, .source = *source, .result = result };

	*result = (struct explain){ .code = EXPLAIN_FORWARDING };
	w.gm = daemon_gm(d, w.family);
	w.now = daemon_now();
	w.sight = sight;
	ipaddr_format(group, w.group_text);
	ipaddr_format(source, w.source_text);
	w.group_state = w.gm ? gm_group_find(w.gm, group) : NULL;
	w.has_members = w.group_state && w.group_state->members;
	w.wanted = w.has_members && (ipaddr_is_none(source) || explain_wanted(&w, source));
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		if (!checks[i](&w))
			return;
	}
	explain_data(&w);
}
