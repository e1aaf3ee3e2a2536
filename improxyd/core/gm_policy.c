/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_policy.h"

#include <string.h>

bool gm_pattern_match(const struct gm_pattern *pattern, const struct ipaddr *addr)
{
	for (unsigned int i = 0; i < sizeof(addr->b); i++) {
		if ((addr->b[i] ^ pattern->value.b[i]) & pattern->mask.b[i])
			return false;
	}
	return true;
}

const struct gm_acl_rule *gm_acl_match(const struct gm_acl *acl, const struct ipaddr *group,
				       const struct ipaddr *source)
{
	for (unsigned int i = 0; i < acl->nrules; i++) {
		const struct gm_acl_rule *rule = &acl->rules[i];

		if (!rule->any_group && !ipprefix_contains(&rule->group, group))
			continue;
		if (!rule->any_source && (!source || !ipprefix_contains(&rule->source, source)))
			continue;
		return rule;
	}
	return NULL;
}

bool gm_acl_permits(const struct gm_acl *acl, const struct ipaddr *group, const struct ipaddr *source)
{
	const struct gm_acl_rule *rule;

	if (!acl)
		return true;
	rule = gm_acl_match(acl, group, source);
	return rule && rule->permit;
}

bool gm_policy_proxied(const struct gm *gm, const struct ipaddr *group)
{
	if (!ipaddr_is_multicast(group))
		return false;
	for (unsigned int i = 0; i < gm->af->nnever; i++) {
		if (gm_pattern_match(&gm->af->never[i], group))
			return false;
	}
	return true;
}

bool gm_policy_ssm(const struct gm *gm, const struct ipaddr *group)
{
	if (gm->conf.ssm_range)
		return gm_acl_permits(gm->conf.ssm_range, group, NULL);
	return gm_pattern_match(&gm->af->ssm, group);
}

bool gm_policy_ssm_mapped(const struct gm *gm, const struct gm_ssm_map *map, const struct ipaddr *group)
{
	return gm_policy_ssm(gm, group) && gm_acl_permits(map->acl, group, NULL);
}

static bool precedes(const struct gm_if *a, const struct gm_if *b)
{
	if (a->conf.priority != b->conf.priority)
		return a->conf.priority < b->conf.priority;
	return strcmp(a->conf.name, b->conf.name) < 0;
}

uint8_t gm_policy_upstream(const struct gm *gm, const struct ipaddr *group)
{
	const struct gm_if *best = NULL;

	for (const struct gm_if *ifp = gm->ifs; ifp < gm->ifs + GM_MAX_IFS; ifp++) {
		if (ifp->conf.role != GM_ROLE_UPSTREAM || !ifp->conf.up)
			continue;
		if (best && !precedes(ifp, best))
			continue;
		if (gm_acl_permits(ifp->conf.upstream_acl, group, NULL))
			best = ifp;
	}
	return best ? best->slot : GM_NO_IF;
}

bool gm_policy_bounded(const struct gm_if *ifp, const struct ipaddr *group)
{
	return !gm_acl_permits(ifp->conf.boundary, group, NULL);
}

uint8_t gm_policy_connected(const struct gm *gm, const struct ipaddr *addr)
{
	uint8_t slot = GM_NO_IF;
	unsigned int longest = 0;

	for (const struct gm_if *ifp = gm->ifs; ifp < gm->ifs + GM_MAX_IFS; ifp++) {
		if (ifp->conf.role == GM_ROLE_NONE || !ifp->conf.up)
			continue;
		for (unsigned int i = 0; i < ifp->conf.nprefixes; i++) {
			const struct ipprefix *p = &ifp->conf.prefixes[i];

			if (p->len > longest && ipprefix_contains(p, addr)) {
				longest = p->len;
				slot = ifp->slot;
			}
		}
	}
	return slot;
}

/* Host bits all set or all clear, in a subnet that is large enough to reserve these. */
static bool is_reserved(const struct ipprefix *p, const struct ipaddr *addr)
{
	unsigned int set = 0;

	if (!ipaddr_is_v4(addr) || ipprefix_len(p) > 30)
		return false;
	for (unsigned int bit = p->len; bit < 128; bit++)
		set += (addr->b[bit / 8] & (0x80 >> bit % 8)) != 0;
	return set == 0 || set == 128u - p->len;
}

bool gm_policy_on_link(const struct gm_if *ifp, const struct ipaddr *addr)
{
	for (unsigned int i = 0; i < ifp->conf.nprefixes; i++) {
		const struct ipprefix *p = &ifp->conf.prefixes[i];

		if (ipprefix_contains(p, addr))
			return !is_reserved(p, addr);
	}
	return false;
}
