/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ref.h"

#include <assert.h>
#include <string.h>

#include "ref_parts.h"

/* --- addresses and policy --- */

static bool v4_in(const struct ipaddr *a, uint8_t b0, uint8_t b1, uint8_t b2)
{
	return a->b[12] == b0 && a->b[13] == b1 && a->b[14] == b2;
}

bool ref_is_multicast(const struct ref *r, const struct ipaddr *a)
{
	return r->mld ? a->b[0] == 0xff : (a->b[12] & 0xf0) == 0xe0;
}

bool ref_is_linklocal(const struct ref *r, const struct ipaddr *a)
{
	if (r->mld)
		return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
	return a->b[12] == 169 && a->b[13] == 254;
}

/* what may stand in a source list. */
bool ref_is_source(const struct ref *r, const struct ipaddr *a)
{
	static const struct ipaddr loopback = { { [15] = 1 } };

	if (ref_is_multicast(r, a) || ipaddr_is_none(a))
		return false;
	if (r->mld)
		return !ipaddr_eq(a, &loopback);
	return a->b[12] != 0 && a->b[12] != 127 && !(v4_in(a, 255, 255, 255) && a->b[15] == 255);
}

/* K-13: groups whose data is never forwarded, nor their membership proxied. */
bool ref_is_local_scope(const struct ref *r, const struct ipaddr *g)
{
	return r->mld ? (g->b[1] & 0x0f) <= 2 : v4_in(g, 224, 0, 0);
}

/* 232.0.0.0 and ff3x::4000:0 must not be used. */
bool ref_is_reserved(const struct ref *r, const struct ipaddr *g)
{
	static const struct ipaddr tail = { { [12] = 0x40 } };

	if (!r->mld)
		return v4_in(g, 232, 0, 0) && g->b[15] == 0;
	return (g->b[1] & 0xf0) == 0x30 && memcmp(g->b + 2, tail.b + 2, 14) == 0;
}

bool ref_is_group(const struct ref *r, const struct ipaddr *g)
{
	return ref_is_multicast(r, g) && !ref_is_local_scope(r, g) && !ref_is_reserved(r, g);
}

/* INTERFACE.md s4: lowest seq first, first match wins, nothing matches: deny. No source: a (*,G) request. */
bool ref_permits(const struct gm_acl *acl, const struct ipaddr *group, const struct ipaddr *source)
{
	if (!acl)
		return true;
	for (unsigned int i = 0; i < acl->nrules; i++) {
		const struct gm_acl_rule *rule = &acl->rules[i];

		if (!rule->any_group && !ipprefix_contains(&rule->group, group))
			continue;
		if (!rule->any_source && (!source || !ipprefix_contains(&rule->source, source)))
			continue;
		return rule->permit;
	}
	return false;
}

bool ref_in_ssm_range(const struct ref *r, const struct ipaddr *g)
{
	if (r->conf.ssm_range)
		return ref_permits(r->conf.ssm_range, g, NULL);
	if (r->mld)
		return g->b[0] == 0xff && (g->b[1] & 0xf0) == 0x30 && g->b[2] == 0 && g->b[3] == 0;
	return g->b[12] == 232;
}

static unsigned int number_of(struct ipaddr *v, unsigned int *n, unsigned int max, const struct ipaddr *a)
{
	unsigned int i = 0;

	while (i < *n && !ipaddr_eq(&v[i], a))
		i++;
	if (i == *n) {
		assert(*n < max);
		v[(*n)++] = *a;
	}
	return i;
}

unsigned int ref_group(struct ref *r, const struct ipaddr *group)
{
	return number_of(r->group, &r->ngroups, REF_GROUPS, group);
}

unsigned int ref_source(struct ref *r, const struct ipaddr *source)
{
	return number_of(r->source, &r->nsources, REF_SOURCES, source);
}

unsigned int ref_source_set(struct ref *r, const struct ipaddr *v, unsigned int n)
{
	unsigned int set = 0;

	for (unsigned int i = 0; i < n; i++)
		if (ref_is_source(r, &v[i]))
			set |= 1u << ref_source(r, &v[i]);
	return set;
}
