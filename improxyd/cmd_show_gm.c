/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Group records of the downstreams, and what is joined upstream for them: show ip igmp groups, sources, proxy, and the
 * same for MLD.
 */
#include "cmd_show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"
#include "show_walk.h"

/* --- JSON objects of interfaces, kept open over the rows that belong to them --- */

static void open_if(struct cmd_ctx *ctx, struct show_walk *walk, const struct gm_if *ifp)
{
	struct daemon_link link;
	struct out *o = ctx->out;
	bool known = daemon_link(show_daemon(ctx), ifp->conf.name, &link);

	walk->open = ifp->slot;
	out_begin_object(o, ifp->conf.name);
	out_str(o, "name", ifp->conf.name);
	out_str(o, "state", ifp->conf.up ? "up" : "down");
	out_addr(o, "address", &ifp->conf.addr);
	out_int(o, "index", known ? link.ifindex : 0);
}

/* --- show ip igmp groups --- */

/* clang-format off */
#define GROUP_COLS(width) { \
	{ "ifname", "Interface", -16 }, \
	{ "group", "Group", width }, \
	{ "mode", "Mode", -4 }, \
	{ "timer", "Timer", -8 }, \
	{ "sourcesCount", "Srcs", 4 }, \
	{ "version", "V", 1 }, \
	{ "uptime", "Uptime", -8 } \
}
/* clang-format on */

static const struct out_col group_cols[FAMILY_COUNT][7] = { GROUP_COLS(-15), GROUP_COLS(-39) };

static void emit_source(struct out *o, const struct gm_rec *rec, const struct gm_src *src, mtime_t now)
{
	out_addr(o, "source", &src->addr);
	out_duration(o, "timer", mtime_left(src->deadline, now));
	out_bool(o, "forwarded", gm_rec_wants(rec, &src->addr));
	out_duration(o, "uptime", mtime_left(now, mtime_from_ds(src->since_ds)));
}

static void emit_group_sources(struct out *o, const struct gm_rec *rec, mtime_t now)
{
	out_begin_array(o, "sources");
	for (uint32_t i = 0; i < rec->sources.n; i++) {
		out_begin_object(o, NULL);
		emit_source(o, rec, &rec->sources.v[i], now);
		out_end_object(o);
	}
	out_end_array(o);
}

static void emit_group_hosts(struct out *o, const struct gm_rec *rec, mtime_t now)
{
	out_begin_array(o, "hosts");
	for (uint32_t i = 0; i < rec->hosts.n; i++) {
		const struct gm_host *host = &rec->hosts.v[i];

		if (host->deadline <= now)
			continue;
		out_begin_object(o, NULL);
		out_addr(o, "host", &host->addr);
		out_str(o, "mode", show_mode(host->exclude ? GM_EXCLUDE : GM_INCLUDE));
		out_uint(o, "sourcesCount", host->nsources);
		out_duration(o, "timer", host->deadline - now);
		out_bool(o, "tracked", !host->older);
		out_end_object(o);
	}
	out_end_array(o);
}

/* What a table has no room for, under its row. */
static void text_group_detail(struct out *o, const struct gm_rec *rec, mtime_t now)
{
	char addr[IPADDR_STRLEN], time[OUT_DURATION_LEN];

	if (!ipaddr_is_none(&rec->last_reporter))
		out_text(o, "  last report from %s, %s ago\n", ipaddr_format(&rec->last_reporter, addr),
			 out_duration_format(now - rec->reported, time));
	if (rec->fixed)
		out_text(o, "  static group\n");
	for (uint32_t i = 0; i < rec->hosts.n; i++) {
		const struct gm_host *host = &rec->hosts.v[i];

		if (host->deadline > now)
			out_text(o, "  host %s, %s, expires in %s\n", ipaddr_format(&host->addr, addr),
				 show_mode(host->exclude ? GM_EXCLUDE : GM_INCLUDE),
				 out_duration_format(host->deadline - now, time));
	}
	for (uint32_t i = 0; i < rec->sources.n; i++) {
		const struct gm_src *src = &rec->sources.v[i];

		out_text(o, "  source %s, %s, timer %s\n", ipaddr_format(&src->addr, addr),
			 gm_rec_wants(rec, &src->addr) ? "forwarded" : "blocked",
			 out_duration_format(mtime_left(src->deadline, now), time));
	}
}

static void emit_group(struct cmd_ctx *ctx, const struct gm_rec *rec, mtime_t now)
{
	enum gm_mode mode = gm_rec_mode(rec);
	struct out *o = ctx->out;

	out_row_begin(o, NULL);
	out_cell(o, "ifname", "%s", rec->iface->conf.name);
	out_addr(o, "group", &rec->group->addr);
	out_cell(o, "mode", "%s", show_mode_short(mode));
	out_str(o, "mode", show_mode(mode));
	if (mode == GM_INCLUDE)
		out_cell(o, "timer", "--:--:--");
	out_duration(o, "timer", mode == GM_INCLUDE ? MTIME_NEVER : mtime_left(rec->filter_deadline, now));
	out_uint(o, "version", show_version_of(show_family(ctx), gm_rec_gen(rec, now)));
	out_duration(o, "uptime", now - rec->since);
	out_addr(o, "lastReporter", &rec->last_reporter);
	out_uint(o, "hostCount", gm_hosts_count(&rec->hosts, now));
	out_bool(o, "static", rec->fixed);
	out_uint(o, "sourcesCount", rec->sources.n);
	emit_group_sources(o, rec, now);
	if (cmd_has(ctx, "detail"))
		emit_group_hosts(o, rec, now);
	out_row_end(o);
	if (cmd_has(ctx, "detail"))
		text_group_detail(o, rec, now);
}

/* Begins and goes on with the collection of what the line asks for. Returns CMD_OK when the rows can be printed. */
static enum cmd_code groups_collect(struct cmd_ctx *ctx, const struct gm *gm)
{
	const char *ifname = cmd_arg(ctx, "IFNAME");
	const struct gm_if *ifp = ifname ? show_gm_if(gm, ifname) : NULL;
	const struct gm_group *group;
	struct show_walk *walk = ctx->state;
	struct ipaddr addr;

	if (!walk) {
		if (!gm)
			return show_no_family(ctx);
		if (ifname && !ifp)
			return show_no_if(ctx, ifname);
		walk = show_walk_new(ctx, gm);
		if (!walk)
			return CMD_FAILED;
		if (ifp)
			walk->slots = UINT32_C(1) << ifp->slot;
	}
	if (!show_arg_addr(ctx, "GROUP", &addr))
		return show_walk_collect(ctx, walk, gm ? SHOW_TABLE(gm->groups) : NULL, show_walk_add_records);
	group = gm_group_find(gm, &addr);
	if (group && show_walk_add_records(walk, group) < 0)
		return cmd_fail(ctx, "Out of memory");
	return show_walk_collect(ctx, walk, NULL, NULL);
}

static const struct gm_rec *key_rec(const struct gm *gm, const struct show_key *key)
{
	const struct gm_group *group = gm_group_find(gm, &key->group);

	return group ? gm_group_rec(group, key->slot) : NULL;
}

static void groups_close_if(struct out *o, struct show_walk *walk)
{
	if (walk->open == GM_NO_IF)
		return;
	out_end_array(o);
	out_end_object(o);
	walk->open = GM_NO_IF;
}

static enum cmd_code show_groups(struct cmd_ctx *ctx)
{
	const struct gm *gm = show_gm(ctx);
	struct show_walk *walk = ctx->state;
	const struct show_key *key;
	struct out *o = ctx->out;

	if (!walk || !walk->collected) {
		enum cmd_code code = groups_collect(ctx, gm);

		walk = ctx->state;
		if (!walk || !walk->collected)
			return code;
		out_text(o, "Total %s groups: %zu\n", show_protocol(show_family(ctx)), walk->n);
		out_uint(o, "totalGroups", walk->n);
		out_table_begin(o, group_cols[show_family(ctx)], ARRAY_SIZE(group_cols[0]));
	}
	for (; (key = show_walk_key(walk, gm)); show_walk_next(walk)) {
		const struct gm_rec *rec = key_rec(gm, key);

		if (show_walk_full(walk, o))
			return CMD_MORE;
		if (!rec)
			continue;
		if (walk->open != key->slot) {
			groups_close_if(o, walk);
			open_if(ctx, walk, rec->iface);
			out_begin_array(o, "groups");
		}
		emit_group(ctx, rec, daemon_now());
	}
	groups_close_if(o, walk);
	out_table_end(o);
	return CMD_OK;
}

/* --- show ip igmp sources --- */

/* clang-format off */
#define SOURCE_COLS(width) { \
	{ "ifname", "Interface", -16 }, \
	{ "group", "Group", width }, \
	{ "source", "Source", width }, \
	{ "timer", "Timer", -8 }, \
	{ "forwarded", "Fwd", -3 }, \
	{ "uptime", "Uptime", -8 } \
}
/* clang-format on */

static const struct out_col source_cols[FAMILY_COUNT][6] = { SOURCE_COLS(-15), SOURCE_COLS(-39) };

static void sources_close_group(struct out *o, struct show_walk *walk)
{
	if (ipaddr_is_none(&walk->open_group))
		return;
	out_end_array(o);
	out_end_object(o);
	walk->open_group = (struct ipaddr){ 0 };
}

static void sources_close_if(struct out *o, struct show_walk *walk)
{
	sources_close_group(o, walk);
	if (walk->open != GM_NO_IF)
		out_end_object(o);
	walk->open = GM_NO_IF;
}

static void sources_open(struct cmd_ctx *ctx, struct show_walk *walk, const struct gm_rec *rec)
{
	char group[IPADDR_STRLEN];
	struct out *o = ctx->out;

	if (walk->open != rec->iface->slot) {
		sources_close_if(o, walk);
		open_if(ctx, walk, rec->iface);
	}
	if (ipaddr_eq(&walk->open_group, &rec->group->addr))
		return;
	sources_close_group(o, walk);
	walk->open_group = rec->group->addr;
	out_begin_object(o, ipaddr_format(&rec->group->addr, group));
	out_str(o, "group", group);
	out_begin_array(o, "sources");
}

/* The sources behind walk->resume; false: there is more to say than the client takes now. */
static bool emit_sources(struct cmd_ctx *ctx, struct show_walk *walk, const struct gm_rec *rec, mtime_t now)
{
	char group[IPADDR_STRLEN];
	struct out *o = ctx->out;

	ipaddr_format(&rec->group->addr, group);
	for (uint32_t i = 0; i < rec->sources.n; i++) {
		const struct gm_src *src = &rec->sources.v[i];

		if (ipaddr_cmp(&src->addr, &walk->resume) <= 0)
			continue;
		if (out_full(o))
			return false;
		sources_open(ctx, walk, rec);
		out_row_begin(o, NULL);
		out_cell(o, "ifname", "%s", rec->iface->conf.name);
		out_cell(o, "group", "%s", group);
		emit_source(o, rec, src, now);
		out_row_end(o);
		walk->resume = src->addr;
	}
	return true;
}

static enum cmd_code show_sources(struct cmd_ctx *ctx)
{
	const struct gm *gm = show_gm(ctx);
	struct show_walk *walk = ctx->state;
	const struct show_key *key;

	if (!walk || !walk->collected) {
		enum cmd_code code = groups_collect(ctx, gm);

		walk = ctx->state;
		if (!walk || !walk->collected)
			return code;
		out_table_begin(ctx->out, source_cols[show_family(ctx)], ARRAY_SIZE(source_cols[0]));
	}
	for (; (key = show_walk_key(walk, gm)); show_walk_next(walk)) {
		const struct gm_rec *rec = key_rec(gm, key);

		if (show_walk_full(walk, ctx->out) || (rec && !emit_sources(ctx, walk, rec, daemon_now())))
			return CMD_MORE;
		walk->resume = (struct ipaddr){ 0 };
	}
	sources_close_if(ctx->out, walk);
	out_table_end(ctx->out);
	return CMD_OK;
}

/* --- show ip igmp proxy --- */

/* clang-format off */
#define PROXY_COLS(width) { \
	{ "ifname", "Interface", -16 }, \
	{ "primaryAddr", "Address", width }, \
	{ "group", "Group", width }, \
	{ "mode", "Mode", -4 }, \
	{ "sources", "Srcs", 4 }, \
	{ "state", "State", -7 }, \
	{ "upTime", "Uptime", -8 }, \
	{ "downstreamInterfaces", "Downstreams", -1 } \
}
/* clang-format on */

static const struct out_col proxy_cols[FAMILY_COUNT][8] = { PROXY_COLS(-15), PROXY_COLS(-39) };

static void emit_sent_sources(struct out *o, const struct gm_group *group)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < group->nsources; i++)
		n += group->sources[i].sent;
	out_cell(o, "sources", "%u", n);
	out_list_begin(o, "sources", ",");
	for (uint32_t i = 0; i < group->nsources; i++) {
		if (group->sources[i].sent)
			out_addr(o, NULL, &group->sources[i].addr);
	}
	out_list_end(o);
}

static int compare_names(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static void emit_members(struct out *o, const struct gm_group *group)
{
	const char *names[GM_MAX_IFS];
	uint32_t left = group->members;
	unsigned int n = 0;

	for (; left; left &= left - 1, n++)
		names[n] = group->recs[n]->iface->conf.name;
	qsort(names, n, sizeof(*names), compare_names);
	out_list_begin(o, "downstreamInterfaces", ",");
	for (unsigned int i = 0; i < n; i++)
		out_str(o, NULL, names[i]);
	out_list_end(o);
}

/* How far it is told upstream. */
static const char *join_state(const struct daemon_join *join)
{
	if (join->error)
		return "failed";
	if (!join->held)
		return "pending";
	return join->widened ? "widened" : "joined";
}

static void emit_proxied(struct cmd_ctx *ctx, const struct gm_if *up, const struct gm_group *group, mtime_t now)
{
	struct daemon_join join = { .held = false };
	struct out *o = ctx->out;

	daemon_join(show_daemon(ctx), show_family(ctx), up->slot, &group->addr, &join);
	out_row_begin(o, NULL);
	out_cell(o, "ifname", "%s", up->conf.name);
	out_addr(o, "group", &group->addr);
	out_cell(o, "mode", "%s", show_mode_short(group->sent_mode));
	out_str(o, "mode", show_mode(group->sent_mode));
	emit_sent_sources(o, group);
	out_duration(o, "upTime", now - group->joined);
	out_addr(o, "primaryAddr", &up->conf.addr);
	emit_members(o, group);
	out_str(o, "state", join_state(&join));
	out_bool(o, "held", join.held);
	out_str(o, "reportedBy", join.own ? "improxyd" : "kernel");
	out_bool(o, "widened", join.widened);
	out_str(o, "error", join.error ? strerror(-join.error) : NULL);
	out_uint(o, "sockets", join.sockets);
	out_duration(o, "leaveDelay", theap_armed(&group->hold) ? mtime_left(group->hold.deadline, now) : MTIME_NEVER);
	out_row_end(o);
}

enum proxy_count { UNSERVED };

static int add_proxied(struct show_walk *walk, const void *element)
{
	const struct gm_group *group = element;

	walk->count[UNSERVED] += group->members && group->upstream == GM_NO_IF;
	return group->sent_slot == GM_NO_IF ? 0 : show_walk_add(walk, group->sent_slot, &group->addr, NULL);
}

static enum cmd_code proxy_collect(struct cmd_ctx *ctx, const struct gm *gm)
{
	struct show_walk *walk = ctx->state;

	if (!walk && !gm)
		return show_no_family(ctx);
	if (!walk)
		walk = show_walk_new(ctx, gm);
	return walk ? show_walk_collect(ctx, walk, gm ? SHOW_TABLE(gm->groups) : NULL, add_proxied) : CMD_FAILED;
}

static enum cmd_code show_proxy(struct cmd_ctx *ctx)
{
	const struct gm *gm = show_gm(ctx);
	struct show_walk *walk = ctx->state;
	const struct show_key *key;
	struct out *o = ctx->out;

	if (!walk || !walk->collected) {
		enum cmd_code code = proxy_collect(ctx, gm);

		walk = ctx->state;
		if (!walk || !walk->collected)
			return code;
		out_table_begin(o, proxy_cols[show_family(ctx)], ARRAY_SIZE(proxy_cols[0]));
	}
	for (; (key = show_walk_key(walk, gm)); show_walk_next(walk)) {
		const struct gm_group *group = gm_group_find(gm, &key->group);

		if (show_walk_full(walk, o))
			return CMD_MORE;
		if (!group || group->sent_slot != key->slot)
			continue;
		if (walk->open != key->slot) {
			groups_close_if(o, walk);
			walk->open = key->slot;
			out_begin_object(o, gm->ifs[key->slot].conf.name);
			out_str(o, "name", gm->ifs[key->slot].conf.name);
			out_begin_array(o, "groups");
		}
		emit_proxied(ctx, &gm->ifs[key->slot], group, daemon_now());
	}
	groups_close_if(o, walk);
	out_table_end(o);
	if (walk->count[UNSERVED])
		out_text(o, "%u groups have members but no upstream that serves them\n", walk->count[UNSERVED]);
	return CMD_OK;
}

/* --- the rows --- */

int cmd_show_gm_add(struct cmd_table *table)
{
	static const struct show_row rows[] = {
		{ false, "show %ip% %proto% groups [IFNAME [GROUP:MGROUP%v%]] [detail] [json]", show_groups,
		  "Groups that hosts of the downstreams asked for" },
		{ false, "show %ip% %proto% sources [json]", show_sources, "Sources that hosts named, group by group" },
		{ false, "show %ip% %proto% proxy [json]", show_proxy,
		  "Groups that are joined upstream, and for which downstreams" },
	};

	return show_add_rows(table, rows, ARRAY_SIZE(rows));
}
