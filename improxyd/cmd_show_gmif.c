/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The protocol on each interface, and what was counted there: show ip igmp interface, show ip igmp statistics. */
#include "cmd_show.h"

#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "show.h"

/* --- show ip igmp interface --- */

/* clang-format off */
#define IF_COLS(width) { \
	{ "name", "Interface", -16 }, \
	{ "state", "State", -6 }, \
	{ "address", "Address", width }, \
	{ "version", "V", 1 }, \
	{ "querier", "Querier", -7 }, \
	{ "querierIp", "QuerierIp", width }, \
	{ "queryTimer", "Query Timer", -11 }, \
	{ "upTime", "Uptime", -8 }, \
	{ "role", "Role", -10 }, \
	{ "groupCount", "Groups", 6 } \
}
/* clang-format on */

static const struct out_col if_cols[FAMILY_COUNT][10] = { IF_COLS(-15), IF_COLS(-26) };

/* One interface at length. */
static const struct out_col if_form[] = {
	{ "name", "Interface", 0 },
	{ "state", "State", 0 },
	{ "reason", "Not proxied because", 0 },
	{ "address", "Address", 0 },
	{ "index", "Index", 0 },
	{ "vif", "VIF", 0 },
	{ "role", "Role", 0 },
	{ "upTime", "Uptime", 0 },
	{ "version", "Version", 0 },
	{ "operVersion", "Version of the querier", 0 },
	{ "groupCount", "Groups", 0 },
	{ "priority", "Priority", 0 },
	{ "lastQueryFrom", "Last query from", 0 },
	{ "lastQuery", "Last query", 0 },
	{ "lastQueryVersion", "Last query version", 0 },
	{ "lastQueryInterval", "Interval it announced", 0 },
	{ "queryOverdue", "Queries overdue", 0 },
	{ "lastReport", "Last report sent", 0 },
	{ "lastAnswer", "Last query answered", 0 },
	{ "answered", "Queries are answered", 0 },
	{ "joinFailures", "Joins that fail", 0 },
	{ "querier", "Querier", 0 },
	{ "querierIp", "Querier address", 0 },
	{ "queryTimer", "Next general query", 0 },
	{ "startupQueriesLeft", "Startup queries left", 0 },
	{ "otherQuerierTimer", "Other querier expires", 0 },
	{ "queryInterval", "Query interval", 0 },
	{ "queryMaxResponseTime", "Query maximum response time", 0 },
	{ "robustness", "Robustness", 0 },
	{ "lastMemberQueryInterval", "Last member query interval", 0 },
	{ "lastMemberQueryCount", "Last member query count", 0 },
	{ "immediateLeaveMode", "Immediate leave", 0 },
	{ "forwarding", "Data is forwarded here", 0 },
};

/*
 * What the kernel's host side speaks: what it is held to; else it steps back to the version of the querier, RFC 9776
 * s7.2.1, RFC 9777 s8.2.1.
 */
static unsigned int host_version(const struct cmd_ctx *ctx, const struct conf_if_af *af, const struct gm_if *ifp)
{
	enum family family = show_family(ctx);
	const char *name = family == FAMILY_IPV4 ? "force_igmp_version" : "force_mld_version";
	unsigned int oper = show_version_of(family, GM_GEN3);
	int held = 0;

	if (!ifp)
		return af->version;
	if (daemon_setting(show_daemon(ctx), family, "all", name, &held) < 0 || held <= 0)
		(void)daemon_setting(show_daemon(ctx), family, ifp->conf.name, name, &held);
	/* Linux has no way to hold IGMP to version 3. */
	if (held > 0 && (unsigned int)held < oper)
		return (unsigned int)held;
	if (held > 0 && family == FAMILY_IPV6)
		return oper;
	if (ifp->last_query && show_version_of(family, ifp->last_query_gen) < oper)
		oper = show_version_of(family, ifp->last_query_gen);
	return oper;
}

static void emit_upstream(struct cmd_ctx *ctx, const struct conf_if_af *af, const struct gm_if *ifp, mtime_t now)
{
	enum family family = show_family(ctx);
	struct out *o = ctx->out;
	unsigned int oper = host_version(ctx, af, ifp);
	mtime_t reported = ifp ? daemon_last_report(show_daemon(ctx), family, ifp->slot) : 0;
	struct daemon_answers answers = { .seen = 0 };
	unsigned int joined = ifp ? show_joined(ifp->gm, ifp->slot) : 0;
	bool heard = ifp && ifp->last_query;

	if (ifp)
		daemon_answers(show_daemon(ctx), family, ifp->slot, &answers);
	out_uint(o, "operVersion", oper);
	out_uint(o, "priority", af->priority);
	out_addr(o, "lastQueryFrom", heard ? &ifp->last_query_from : NULL);
	out_duration(o, "lastQuery", heard ? now - ifp->last_query : MTIME_NEVER);
	if (heard)
		out_uint(o, "lastQueryVersion", show_version_of(family, ifp->last_query_gen));
	if (heard && ifp->last_query_interval)
		out_int(o, "lastQueryInterval", mtime_to_s(ifp->last_query_interval));
	if (ifp && ifp->silent)
		out_cell(o, "querier", "overdue");
	out_bool(o, "queryOverdue", ifp && ifp->silent);
	out_duration(o, "lastReport", reported ? now - reported : MTIME_NEVER);
	out_duration(o, "lastAnswer", answers.seen ? now - answers.seen : MTIME_NEVER);
	/* Where nothing is joined there is nothing to answer. */
	if (joined && (answers.seen || answers.missed))
		out_bool(o, "answered", !answers.missed);
	else
		out_null(o, "answered");
	out_uint(o, "groupCount", joined);
	out_uint(o, "joinFailures", ifp ? daemon_join_failures(show_daemon(ctx), family, ifp->slot) : 0);
}

static const char *immediate_name(enum gm_immediate immediate)
{
	switch (immediate) {
	case GM_IMMEDIATE_OFF:
		break;
	case GM_IMMEDIATE_TRACK:
		return "ip-tracking";
	case GM_IMMEDIATE_ALWAYS:
		return "unconditional";
	}
	return "off";
}

static void emit_querier(struct out *o, const struct gm_if *ifp, mtime_t now)
{
	bool querying = ifp && ifp->querying, local = querying && ifp->querier;
	mtime_t left = querying && theap_armed(&ifp->timer) ? mtime_left(ifp->timer.deadline, now) : MTIME_NEVER;

	out_str(o, "querier", !querying ? NULL : local ? "local" : "other");
	out_addr(o, "querierIp", !querying ? NULL : local ? &ifp->conf.addr : &ifp->other_querier);
	if (!local)
		out_cell(o, "queryTimer", "--:--:--");
	out_duration(o, "queryTimer", local ? left : MTIME_NEVER);
	out_uint(o, "startupQueriesLeft", local ? ifp->startup_left : 0);
	if (local || !querying)
		out_cell(o, "otherQuerierTimer", "--:--:--");
	out_duration(o, "otherQuerierTimer", local ? MTIME_NEVER : left);
}

static void emit_downstream(struct out *o, const struct conf_if_af *af, const struct gm_if *ifp, mtime_t now)
{
	bool heard = ifp && ifp->last_query;

	emit_querier(o, ifp, now);
	out_cell(o, "queryInterval", "%u s", (unsigned int)af->query_interval_s);
	out_uint(o, "queryInterval", af->query_interval_s);
	out_cell(o, "queryMaxResponseTime", "%u tenths of a second", (unsigned int)conf_query_response_ds(af));
	out_uint(o, "queryMaxResponseTime", conf_query_response_ds(af));
	out_uint(o, "robustness", af->robustness);
	out_cell(o, "lastMemberQueryInterval", "%u tenths of a second",
		 (unsigned int)af->last_member_query_interval_ds);
	out_uint(o, "lastMemberQueryInterval", af->last_member_query_interval_ds);
	out_uint(o, "lastMemberQueryCount", af->last_member_query_count ? af->last_member_query_count : af->robustness);
	out_uint(o, "startupQueryInterval",
		 af->startup_query_interval_s ? af->startup_query_interval_s : af->query_interval_s / 4);
	out_uint(o, "startupQueryCount", conf_startup_count(af));
	/* In force: while another router is the querier, its values (RFC 9776 s4.1.6, s4.1.7). */
	out_int(o, "operQueryInterval", ifp ? mtime_to_s(ifp->query_interval) : 0);
	out_uint(o, "operRobustness", ifp ? ifp->robustness : 0);
	out_bool(o, "immediateLeave", af->immediate_leave != GM_IMMEDIATE_OFF);
	out_str(o, "immediateLeaveMode", immediate_name(af->immediate_leave));
	out_bool(o, "forwarding", ifp && gm_if_forwards(ifp));
	out_uint(o, "groupCount", ifp ? ifp->nrecs : 0);
	out_addr(o, "lastQueryFrom", heard ? &ifp->last_query_from : NULL);
	out_duration(o, "lastQuery", heard ? now - ifp->last_query : MTIME_NEVER);
}

static void emit_interface(struct cmd_ctx *ctx, const struct conf_if *ifc, mtime_t now)
{
	enum family family = show_family(ctx);
	const struct conf_if_af *af = &ifc->af[family];
	const struct gm_if *ifp = show_gm_if(show_gm(ctx), ifc->name);
	struct daemon_link link = { .ifindex = 0 };
	struct out *o = ctx->out;

	daemon_link(show_daemon(ctx), ifc->name, &link);
	out_row_begin(o, ifc->name);
	out_str(o, "name", ifc->name);
	if (!link.ifindex)
		out_cell(o, "state", "absent");
	out_str(o, "state", ifp && ifp->conf.up ? "up" : "down");
	out_bool(o, "present", link.ifindex != 0);
	out_addr(o, "address", ifp ? &ifp->conf.addr : NULL);
	out_int(o, "index", link.ifindex);
	out_str(o, "role", show_role(af->role));
	out_bool(o, "proxy", af->role == GM_ROLE_UPSTREAM);
	out_uint(o, "version", af->version);
	if (ifp)
		out_uint(o, "vif", ifp->slot);
	else
		out_null(o, "vif");
	if (!ifp || !ifp->conf.up)
		out_cell(o, "upTime", "--:--:--");
	out_duration(o, "upTime", ifp && ifp->conf.up ? now - ifp->since : MTIME_NEVER);
	if (link.refused[family])
		out_str(o, "reason", link.refused[family]);
	if (af->role == GM_ROLE_UPSTREAM)
		emit_upstream(ctx, af, ifp, now);
	else
		emit_downstream(o, af, ifp, now);
	out_row_end(o);
}

/* What is configured counts: an interface that is missing, or that the engine did not get, is shown as well. */
static enum cmd_code show_interfaces(struct cmd_ctx *ctx)
{
	const struct conf *conf = daemon_conf(show_daemon(ctx));
	enum family family = show_family(ctx);

	out_table_begin(ctx->out, if_cols[family], ARRAY_SIZE(if_cols[0]));
	for (unsigned int i = 0; i < conf->nifs; i++) {
		if (conf->ifs[i]->af[family].role != GM_ROLE_NONE)
			emit_interface(ctx, conf->ifs[i], daemon_now());
	}
	out_table_end(ctx->out);
	return CMD_OK;
}

static enum cmd_code show_one_interface(struct cmd_ctx *ctx, const char *ifname)
{
	const struct conf_if *ifc = conf_if_find(daemon_conf(show_daemon(ctx)), ifname);

	if (!ifc || ifc->af[show_family(ctx)].role == GM_ROLE_NONE)
		return show_no_if(ctx, ifname);
	out_form_begin(ctx->out, if_form, ARRAY_SIZE(if_form));
	emit_interface(ctx, ifc, daemon_now());
	out_form_end(ctx->out);
	return CMD_OK;
}

static enum cmd_code show_interface(struct cmd_ctx *ctx)
{
	const char *ifname = cmd_arg(ctx, "IFNAME");

	return ifname ? show_one_interface(ctx, ifname) : show_interfaces(ctx);
}

/* --- show ip igmp statistics --- */

static const struct out_col statistics_form[] = {
	{ "name", "Interface", 0 },
	{ "queryV1", "V1 query", 0 },
	{ "queryV2", "V2 query", 0 },
	{ "queryV3", "V3 query", 0 },
	{ "leaveV2", "V2 leave", 0 },
	{ "doneV1", "V1 done", 0 },
	{ "reportV1", "V1 report", 0 },
	{ "reportV2", "V2 report", 0 },
	{ "reportV3", "V3 report", 0 },
	{ "generalQueriesSent", "General queries sent", 0 },
	{ "groupQueriesSent", "Group queries sent", 0 },
	{ "groupSourceQueriesSent", "Group-source queries sent", 0 },
	{ "querySendFailures", "Queries that failed", 0 },
	{ "totalGroups", "Group records", 0 },
	{ "totalSources", "Source records", 0 },
	{ "drops", "Dropped", 0 },
};

/* The drops there were, for a line of text. */
static void cell_drops(struct out *o, const struct gm_stats *stats)
{
	char text[GM_DROP_COUNT * 40] = "";
	size_t n = 0;

	for (unsigned int i = 0; i < GM_DROP_COUNT; i++) {
		if (stats->drop[i] && n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %llu", n ? ", " : "", gm_drop_names[i],
					      (unsigned long long)stats->drop[i]);
	}
	out_cell(o, "drops", "%s", n ? text : "none");
}

static void emit_stats(struct out *o, const char *name, enum family family, const struct gm_stats *stats)
{
	out_str(o, "name", name);
	for (unsigned int i = 0; i < GM_C_COUNT; i++) {
		const char *key = show_counter_name(family, (enum gm_counter)i);

		if (key)
			out_uint(o, key, stats->counter[i]);
	}
	cell_drops(o, stats);
	out_begin_object(o, "drops");
	for (unsigned int i = 0; i < GM_DROP_COUNT; i++)
		out_uint(o, gm_drop_names[i], stats->drop[i]);
	out_end_object(o);
}

static void add_stats(struct gm_stats *sum, const struct gm_stats *stats)
{
	for (unsigned int i = 0; i < GM_C_COUNT; i++)
		sum->counter[i] += stats->counter[i];
	for (unsigned int i = 0; i < GM_DROP_COUNT; i++)
		sum->drop[i] += stats->drop[i];
}

static enum cmd_code show_statistics(struct cmd_ctx *ctx)
{
	const char *ifname = cmd_arg(ctx, "IFNAME");
	const struct gm_if *sorted[GM_MAX_IFS];
	const struct gm *gm = show_gm(ctx);
	enum family family = show_family(ctx);
	struct out *o = ctx->out;
	unsigned int n = show_sort_ifs(gm, sorted);
	struct gm_stats sum;

	if (!gm)
		return show_no_family(ctx);
	if (ifname && !show_gm_if(gm, ifname))
		return show_no_if(ctx, ifname);
	out_form_begin(o, statistics_form, ARRAY_SIZE(statistics_form));
	if (!ifname) {
		sum = gm->stats;
		for (unsigned int i = 0; i < n; i++)
			add_stats(&sum, &sorted[i]->stats);
		out_row_begin(o, "global");
		emit_stats(o, "global", family, &sum);
		out_uint(o, "totalGroups", gm->nrecs);
		out_uint(o, "totalSources", gm->nsources);
		out_row_end(o);
	}
	for (unsigned int i = 0; i < n; i++) {
		if (ifname && strcmp(sorted[i]->conf.name, ifname) != 0)
			continue;
		out_row_begin(o, sorted[i]->conf.name);
		emit_stats(o, sorted[i]->conf.name, family, &sorted[i]->stats);
		out_row_end(o);
	}
	out_form_end(o);
	return CMD_OK;
}

/* --- the rows --- */

int cmd_show_gmif_add(struct cmd_table *table)
{
	static const struct show_row rows[] = {
		{ false, "show %ip% %proto% interface [IFNAME] [json]", show_interface,
		  "Interfaces the protocol runs on: role, querier, timers" },
		{ false, "show %ip% %proto% statistics [interface IFNAME] [json]", show_statistics,
		  "Messages received, sent and dropped" },
	};

	return show_add_rows(table, rows, ARRAY_SIZE(rows));
}
