/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_policy - what may be asked for, and which upstream serves it: access lists, the SSM range, reserved groups, the
 * choice of the upstream. Pure questions; it changes nothing.
 */
#ifndef IMPROXY_CORE_GM_POLICY_H
#define IMPROXY_CORE_GM_POLICY_H

#include "core/gm_state.h"

/*
 * The first rule that matches decides, no match denies, no list permits. `source` NULL stands for "any source" and
 * matches only rules without a source.
 */
bool gm_acl_permits(const struct gm_acl *acl, const struct ipaddr *group, const struct ipaddr *source);

/* The rule that decides, or NULL when none matches. */
const struct gm_acl_rule *gm_acl_match(const struct gm_acl *acl, const struct ipaddr *group,
				       const struct ipaddr *source);

/* The address agrees with the pattern where its mask is set. */
bool gm_pattern_match(const struct gm_pattern *pattern, const struct ipaddr *addr);

/* A group of the family that may be proxied at all: multicast, not link-local or smaller in scope, not reserved (K-13).
 */
bool gm_policy_proxied(const struct gm *gm, const struct ipaddr *group);

/* RFC 4607, RFC 4604: configured range, or 232.0.0.0/8 and ff3x::/32. */
bool gm_policy_ssm(const struct gm *gm, const struct ipaddr *group);

/* True if any ssm-map has a source for the group; the i-th map that has is found by iterating over conf.ssm_maps. */
bool gm_policy_ssm_mapped(const struct gm *gm, const struct gm_ssm_map *map, const struct ipaddr *group);

/* The slot of the upstream that serves the group: lowest priority number, then name (K-14); GM_NO_IF when none does. */
uint8_t gm_policy_upstream(const struct gm *gm, const struct ipaddr *group);

/* `multicast boundary`: data of the group neither enters nor leaves here. */
bool gm_policy_bounded(const struct gm_if *ifp, const struct ipaddr *group);

/* The slot whose connected prefix holds `addr` (the longest one), or GM_NO_IF. */
uint8_t gm_policy_connected(const struct gm *gm, const struct ipaddr *addr);

/*
 * True if `addr` may be a host or router on the link of this interface: on a connected subnet, and neither the address
 * of the subnet nor its broadcast address.
 */
bool gm_policy_on_link(const struct gm_if *ifp, const struct ipaddr *addr);

#endif
