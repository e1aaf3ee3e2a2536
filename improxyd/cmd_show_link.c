/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is there to proxy on, and what it is allowed to: show interface, show access-list. */
#include "cmd_show.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "show.h"

/* --- show interface --- */

static const struct out_col link_cols[] = {
	{ "name", "Interface", -16 },
	{ "state", "State", -6 },
	{ "index", "Index", 5 },
	{ "mtu", "MTU", 5 },
	{ "ip", "IPv4", -17 },
	{ "ipv6", "IPv6", -17 },
	{ "ipAddresses", "Addresses", -1 },
};

static const struct out_col link_form[] = {
	{ "name", "Interface", 0 },
	{ "description", "Description", 0 },
	{ "state", "State", 0 },
	{ "index", "Index", 0 },
	{ "mtu", "MTU", 0 },
	{ "ipAddresses", "Addresses", 0 },
	{ "ip", "IPv4 role", 0 },
	{ "ipv6", "IPv6 role", 0 },
	{ "reason", "Not proxied because", 0 },
};

static void emit_addresses(struct cmd_ctx *ctx, const char *name)
{
	struct out *o = ctx->out;
	struct ipprefix prefix;
	struct ipaddr addr;
	char text[IPADDR_STRLEN];

	/* Objects for a program, as FRR has them, one line for a person. */
	if (out_is_json(o))
		out_begin_array(o, "ipAddresses");
	else
		out_list_begin(o, "ipAddresses", ",");
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		for (unsigned int i = 0; daemon_link_addr(show_daemon(ctx), name, (enum family)f, i, &addr, &prefix);
		     i++) {
			const char *key = out_is_json(o) ? "address" : NULL;

			if (key)
				out_begin_object(o, NULL);
			out_fmt(o, key, "%s/%u", ipaddr_format(&addr, text), ipprefix_len(&prefix));
			if (key)
				out_end_object(o);
		}
	}
	if (out_is_json(o))
		out_end_array(o);
	else
		out_list_end(o);
}

static void emit_link_family(struct cmd_ctx *ctx, const struct daemon_link *link, const struct conf_if *ifc,
			     enum family family)
{
	const struct gm_if *ifp = show_gm_if(daemon_gm(show_daemon(ctx), family), link->name);
	const char *role = show_role(ifc ? ifc->af[family].role : GM_ROLE_NONE);
	struct out *o = ctx->out;

	out_begin_object(o, family_name(family));
	out_str(o, "role", role);
	out_bool(o, "proxied", ifp != NULL);
	if (ifp)
		out_uint(o, "vif", ifp->slot);
	else
		out_null(o, "vif");
	out_addr(o, "primaryAddr", &link->primary[family]);
	out_str(o, "reason", link->refused[family]);
	out_end_object(o);
	if (ifp)
		out_cell(o, family_name(family), "%s, VIF %u", role, ifp->slot);
	else
		out_cell(o, family_name(family), "%s", role);
}

static void emit_link(struct cmd_ctx *ctx, const struct daemon_link *link)
{
	const struct conf_if *ifc = conf_if_find(daemon_conf(show_daemon(ctx)), link->name);
	struct out *o = ctx->out;

	out_row_begin(o, link->name);
	out_str(o, "name", link->name);
	out_str(o, "description", ifc ? ifc->description : NULL);
	out_cell(o, "state", "%s", !link->ifindex ? "absent" : link->up ? "up" : "down");
	out_bool(o, "present", link->ifindex != 0);
	out_str(o, "administrativeStatus", link->flags & IFF_UP ? "up" : "down");
	out_str(o, "operationalStatus", link->up ? "up" : "down");
	out_int(o, "index", link->ifindex);
	out_uint(o, "mtu", link->mtu);
	out_bool(o, "pointToPoint", link->pointopoint);
	out_bool(o, "multicast", (link->flags & IFF_MULTICAST) != 0);
	emit_addresses(ctx, link->name);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++)
		emit_link_family(ctx, link, ifc, (enum family)f);
	if (link->refused[FAMILY_IPV4] || link->refused[FAMILY_IPV6])
		out_cell(o, "reason", "%s",
			 link->refused[FAMILY_IPV4] ? link->refused[FAMILY_IPV4] : link->refused[FAMILY_IPV6]);
	out_row_end(o);
}

static void emit_link_row(void *arg, const struct daemon_link *link)
{
	emit_link(arg, link);
}

static enum cmd_code show_interface(struct cmd_ctx *ctx)
{
	const char *ifname = cmd_arg(ctx, "IFNAME");
	struct daemon_link link;
	struct out *o = ctx->out;

	if (!ifname) {
		out_table_begin(o, link_cols, ARRAY_SIZE(link_cols));
		daemon_links(show_daemon(ctx), emit_link_row, ctx);
		out_table_end(o);
		return CMD_OK;
	}
	if (!daemon_link(show_daemon(ctx), ifname, &link))
		return out_is_json(o) ? CMD_OK : cmd_fail(ctx, "There is no interface %s", ifname);
	out_form_begin(o, link_form, ARRAY_SIZE(link_form));
	emit_link(ctx, &link);
	out_form_end(o);
	return CMD_OK;
}

/* --- show access-list --- */

static const struct out_col acl_cols[] = {
	{ "family", "Family", -6 },     { "name", "Access list", -16 }, { "sequenceNumber", "Seq", 5 },
	{ "filterType", "Action", -6 }, { "group", "Group", -18 },      { "source", "Source", -1 },
};

static void emit_part(struct out *o, const char *key, bool any, const struct ipprefix *prefix)
{
	if (any)
		out_str(o, key, "any");
	else
		out_prefix(o, key, prefix);
}

static void emit_acl(struct out *o, enum family family, const struct conf_acl *acl)
{
	out_begin_object(o, acl->name);
	out_str(o, "name", acl->name);
	out_str(o, "addressFamily", family == FAMILY_IPV4 ? "IPv4" : "IPv6");
	out_begin_array(o, "rules");
	for (unsigned int i = 0; i < acl->acl.nrules; i++) {
		const struct gm_acl_rule *rule = &acl->acl.rules[i];

		out_row_begin(o, NULL);
		out_cell(o, "family", "%s", family_name(family));
		out_cell(o, "name", "%s", acl->name);
		out_uint(o, "sequenceNumber", rule->seq);
		out_str(o, "filterType", rule->permit ? "permit" : "deny");
		emit_part(o, "group", rule->any_group, &rule->group);
		emit_part(o, "source", rule->any_source, &rule->source);
		out_row_end(o);
	}
	out_end_array(o);
	out_end_object(o);
}

/* Lists of the families have names of their own: one name may stand for two lists. */
static enum cmd_code show_access_list(struct cmd_ctx *ctx)
{
	const struct conf *conf = daemon_conf(show_daemon(ctx));
	const char *name = cmd_arg(ctx, "ACL");
	unsigned int found = 0, open;
	struct out *o = ctx->out;

	if (name && !out_is_json(o) && !conf_acl_find(conf, FAMILY_IPV4, name) &&
	    !conf_acl_find(conf, FAMILY_IPV6, name))
		return cmd_fail(ctx, "There is no access list %s", name);
	out_table_begin(o, acl_cols, ARRAY_SIZE(acl_cols));
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		open = found;
		for (unsigned int i = 0; i < conf->af[f].nacls; i++) {
			if (name && strcmp(conf->af[f].acls[i]->name, name) != 0)
				continue;
			if (found++ == open)
				out_begin_object(o, family_name((enum family)f));
			emit_acl(o, (enum family)f, conf->af[f].acls[i]);
		}
		if (found != open)
			out_end_object(o);
	}
	out_table_end(o);
	return CMD_OK;
}

/* --- the rows --- */

int cmd_show_link_add(struct cmd_table *table)
{
	static const struct show_row rows[] = {
		{ false, "show interface [IFNAME] [json]", show_interface, "Interfaces: state, addresses, roles" },
		{ false, "show access-list [ACL] [json]", show_access_list, "Access lists of both families" },
	};

	return show_add_rows(table, rows, ARRAY_SIZE(rows));
}
