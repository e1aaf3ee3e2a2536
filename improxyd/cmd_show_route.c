/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Forwarding: the entries there are, with the kernel's counters (show ip mroute, count, summary), and the interfaces of
 * the kernel's table (show ip multicast).
 */
#include "cmd_show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "core/gm_fwd.h"
#include "show.h"
#include "show_walk.h"

/* --- the walk over entries --- */

static int add_route(struct show_walk *walk, const void *element)
{
	const struct gm_route *route = element;
	const struct ipaddr *group = &route->key.group->addr, *source = &route->key.source;

	if ((!ipaddr_is_none(&walk->only_group) && !ipaddr_eq(group, &walk->only_group)) ||
	    (!ipaddr_is_none(&walk->only_source) && !ipaddr_eq(source, &walk->only_source)))
		return 0;
	return show_walk_add(walk, GM_NO_IF, group, source);
}

/* Begins and goes on with the look through the entries. CMD_OK: all have been looked at. */
static enum cmd_code routes_collect(struct cmd_ctx *ctx, const struct gm *gm, show_walk_fn *add)
{
	struct show_walk *walk = ctx->state;

	if (!walk && !gm)
		return show_no_family(ctx);
	if (!walk) {
		walk = show_walk_new(ctx, gm);
		if (!walk)
			return CMD_FAILED;
		show_arg_addr(ctx, "GROUP", &walk->only_group);
		show_arg_addr(ctx, "SOURCE", &walk->only_source);
	}
	return show_walk_collect(ctx, walk, gm ? SHOW_TABLE(gm->routes) : NULL, add);
}

static const struct gm_route *key_route(const struct gm *gm, const struct show_key *key)
{
	const struct gm_group *group = gm_group_find(gm, &key->group);

	return group ? gm_fwd_find(gm, group, &key->source) : NULL;
}

static void close_group(struct out *o, struct show_walk *walk)
{
	if (!ipaddr_is_none(&walk->open_group))
		out_end_object(o);
	walk->open_group = (struct ipaddr){ 0 };
}

struct route_table {
	const struct out_col *cols;
	unsigned int ncols;
	void (*head)(struct cmd_ctx *ctx); /* what stands above it; NULL: nothing */
	void (*emit)(struct cmd_ctx *ctx, const struct gm_route *route);
};

/* Runs the walk, with one row an entry inside an object a group; begins it when there is none yet. */
static enum cmd_code walk_routes(struct cmd_ctx *ctx, const struct route_table *table)
{
	const struct gm *gm = show_gm(ctx);
	struct show_walk *walk = ctx->state;
	const struct show_key *key;
	struct out *o = ctx->out;

	if (!walk || !walk->collected) {
		enum cmd_code code = routes_collect(ctx, gm, add_route);

		walk = ctx->state;
		if (!walk || !walk->collected)
			return code;
		if (table->head)
			table->head(ctx);
		out_table_begin(o, table->cols, table->ncols);
	}
	for (; (key = show_walk_key(walk, gm)); show_walk_next(walk)) {
		const struct gm_route *route = key_route(gm, key);
		char text[IPADDR_STRLEN];

		if (show_walk_full(walk, o))
			return CMD_MORE;
		if (!route)
			continue;
		if (!ipaddr_eq(&walk->open_group, &key->group)) {
			close_group(o, walk);
			walk->open_group = key->group;
			out_begin_object(o, ipaddr_format(&key->group, text));
		}
		out_row_begin(o, ipaddr_is_none(&key->source) ? "*" : ipaddr_format(&key->source, text));
		out_str(o, "source", ipaddr_is_none(&key->source) ? "*" : text);
		out_addr(o, "group", &key->group);
		table->emit(ctx, route);
		out_row_end(o);
	}
	close_group(o, walk);
	out_table_end(o);
	return CMD_OK;
}

static bool route_counters(struct cmd_ctx *ctx, const struct gm_route *route, struct daemon_route *counters)
{
	*counters = (struct daemon_route){ .idle = MTIME_NEVER };
	return route->installed && daemon_route(show_daemon(ctx), show_family(ctx), &route->key.source,
						&route->key.group->addr, counters) == 0;
}

/* --- show ip mroute --- */

/* clang-format off */
#define ROUTE_COLS(width) { \
	{ "source", "Source", width }, \
	{ "group", "Group", width }, \
	{ "flags", "Flags", -5 }, \
	{ "proto", "Proto", -5 }, \
	{ "iif", "Input", -16 }, \
	{ "oil", "Output", -16 }, \
	{ "ttl", "TTL", 3 }, \
	{ "upTime", "Uptime", -8 }, \
	{ "packets", "Packets", 10 }, \
	{ "bytes", "Bytes", 12 } \
}
/* clang-format on */

static const struct out_col route_cols[FAMILY_COUNT][10] = { ROUTE_COLS(-15), ROUTE_COLS(-39) };

static void route_head(struct cmd_ctx *ctx)
{
	out_text(ctx->out,
		 "%s Multicast Routing Table\n"
		 "Flags: C - Connected (hosts want it), P - Pruned (it goes nowhere), F - First hop (of a downstream)\n"
		 "       I - Inherited (hosts are still being asked), N - Not in the kernel\n\n",
		 show_family(ctx) == FAMILY_IPV4 ? "IP" : "IPv6");
}

static bool route_has_member(const struct gm_route *route)
{
	for (uint8_t slot = 0; slot < GM_MAX_IFS; slot++) {
		const struct gm_rec *rec = gm_group_rec(route->key.group, slot);

		if (rec && gm_rec_wants(rec, &route->key.source))
			return true;
	}
	return false;
}

#define FLAGS_LEN 6

/* The letters of route_head(). `buf` has FLAGS_LEN octets; returns it. */
static const char *route_flags(const struct gm *gm, const struct gm_route *route, bool installed, char *buf)
{
	const struct {
		bool set;
		char letter;
	} flags[FLAGS_LEN - 1] = {
		{ route_has_member(route), 'C' },
		{ !route->oifs, 'P' },
		{ route->iif < GM_MAX_IFS && gm->ifs[route->iif].conf.role == GM_ROLE_DOWNSTREAM, 'F' },
		{ route->inherited != 0, 'I' },
		{ !installed, 'N' },
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		if (flags[i].set)
			buf[n++] = flags[i].letter;
	}
	buf[n] = '\0';
	return buf;
}

static int compare_names(const void *a, const void *b)
{
	const struct gm_if *const *x = a, *const *y = b;

	return strcmp((*x)->conf.name, (*y)->conf.name);
}

/* The outputs in order of names; returns how many. */
static unsigned int outputs(const struct gm *gm, uint32_t oifs, const struct gm_if *ifs[GM_MAX_IFS])
{
	unsigned int n = 0;

	for (uint8_t slot = 0; slot < GM_MAX_IFS; slot++) {
		if (oifs & (UINT32_C(1) << slot) && show_slot_name(gm, slot))
			ifs[n++] = &gm->ifs[slot];
	}
	qsort(ifs, n, sizeof(*ifs), compare_names);
	return n;
}

/* A packet's TTL has to be above it. For IPv6 the kernel has none, and 1 says that it is an output. */
static unsigned int output_ttl(const struct cmd_ctx *ctx, const struct gm_if *ifp)
{
	const struct conf_if *ifc = conf_if_find(daemon_conf(show_daemon(ctx)), ifp->conf.name);

	return show_family(ctx) == FAMILY_IPV4 && ifc ? ifc->af[FAMILY_IPV4].ttl_threshold : 1;
}

static void emit_output(struct cmd_ctx *ctx, const struct gm_route *route, const struct gm_if *ifp)
{
	static const char *const hosts_want_it[FAMILY_COUNT] = { "protocolIgmp", "protocolMld" };
	struct out *o = ctx->out;

	out_begin_object(o, ifp->conf.name);
	out_bool(o, ifp->conf.role == GM_ROLE_UPSTREAM ? "protocolProxy" : hosts_want_it[show_family(ctx)], true);
	out_str(o, "inboundInterface", show_slot_name(show_gm(ctx), route->iif));
	out_uint(o, "iVifI", route->iif);
	out_str(o, "outboundInterface", ifp->conf.name);
	out_uint(o, "oVifI", ifp->slot);
	out_uint(o, "ttl", output_ttl(ctx, ifp));
	out_duration(o, "upTime", daemon_now() - route->since);
	out_end_object(o);
}

/* In text each output has a line. `fill`: with all that the first one has. */
static void emit_outputs(struct cmd_ctx *ctx, const struct gm_route *route, bool fill)
{
	const struct gm_if *ifs[GM_MAX_IFS];
	unsigned int n = outputs(show_gm(ctx), route->oifs, ifs);
	struct out *o = ctx->out;

	out_uint(o, "oilSize", n);
	out_begin_object(o, "oil");
	for (unsigned int i = 0; i < n; i++)
		emit_output(ctx, route, ifs[i]);
	out_end_object(o);
	for (unsigned int i = 0; i < n; i++) {
		bool up = ifs[i]->conf.role == GM_ROLE_UPSTREAM;

		if (i > 0)
			out_row_next(o, fill);
		out_cell(o, "proto", "%s", up ? "PROXY" : show_protocol(show_family(ctx)));
		out_cell(o, "oil", "%s", ifs[i]->conf.name);
		out_cell(o, "ttl", "%u", output_ttl(ctx, ifs[i]));
	}
	if (n == 0) {
		out_cell(o, "proto", "none");
		out_cell(o, "oil", "none");
		out_cell(o, "ttl", "0");
	}
}

static void emit_route(struct cmd_ctx *ctx, const struct gm_route *route)
{
	struct daemon_route counters;
	bool installed = route_counters(ctx, route, &counters);
	const struct gm *gm = show_gm(ctx);
	char flags[FLAGS_LEN];
	struct out *o = ctx->out;

	out_str(o, "flags", route_flags(gm, route, installed, flags));
	out_str(o, "iif", show_slot_name(gm, route->iif));
	out_bool(o, "installed", installed);
	out_duration(o, "upTime", daemon_now() - route->since);
	out_uint(o, "packets", counters.packets);
	out_uint(o, "bytes", counters.bytes);
	out_uint(o, "wrongIf", counters.wrong_if);
	out_duration(o, "idle", counters.idle);
	emit_outputs(ctx, route, cmd_has(ctx, "fill"));
}

static enum cmd_code show_mroute(struct cmd_ctx *ctx)
{
	const struct route_table table = { route_cols[show_family(ctx)], ARRAY_SIZE(route_cols[0]), route_head,
					   emit_route };

	return walk_routes(ctx, &table);
}

/* --- show ip mroute count, summary --- */

/* clang-format off */
#define COUNT_COLS(width) { \
	{ "source", "Source", width }, \
	{ "group", "Group", width }, \
	{ "lastUsed", "LastUsed", -8 }, \
	{ "packets", "Packets", 10 }, \
	{ "bytes", "Bytes", 12 }, \
	{ "wrongIf", "WrongIf", 8 } \
}
/* clang-format on */

static const struct out_col count_cols[FAMILY_COUNT][6] = { COUNT_COLS(-15), COUNT_COLS(-39) };

static void emit_count(struct cmd_ctx *ctx, const struct gm_route *route)
{
	struct daemon_route counters;

	route_counters(ctx, route, &counters);
	out_duration(ctx->out, "lastUsed", counters.idle);
	out_uint(ctx->out, "packets", counters.packets);
	out_uint(ctx->out, "bytes", counters.bytes);
	out_uint(ctx->out, "wrongIf", counters.wrong_if);
}

static enum cmd_code show_mroute_count(struct cmd_ctx *ctx)
{
	const struct route_table table = { count_cols[show_family(ctx)], ARRAY_SIZE(count_cols[0]), NULL, emit_count };

	return walk_routes(ctx, &table);
}

enum summary_count { ANY_SOURCE, ONE_SOURCE, ANY_SOURCE_INSTALLED, ONE_SOURCE_INSTALLED };

static int count_route(struct show_walk *walk, const void *element)
{
	const struct gm_route *route = element;
	unsigned int type = ipaddr_is_none(&route->key.source) ? ANY_SOURCE : ONE_SOURCE;

	walk->count[type]++;
	walk->count[ANY_SOURCE_INSTALLED + type] += route->installed;
	return 0;
}

static enum cmd_code show_mroute_summary(struct cmd_ctx *ctx)
{
	static const struct out_col cols[] = { { "type", "Mroute Type", -14 },
					       { "installed", "Installed", 9 },
					       { "total", "Total", 8 } };
	static const struct {
		const char *key, *type;
	} types[] = { { "wildcardGroup", "(*, G)" }, { "sourceGroup", "(S, G)" } };
	enum cmd_code code = routes_collect(ctx, show_gm(ctx), count_route);
	const struct show_walk *walk = ctx->state;
	const unsigned int *total, *installed;
	struct out *o = ctx->out;

	if (!walk || !walk->collected)
		return code;
	total = &walk->count[ANY_SOURCE];
	installed = &walk->count[ANY_SOURCE_INSTALLED];
	out_table_begin(o, cols, ARRAY_SIZE(cols));
	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
		out_row_begin(o, types[i].key);
		out_cell(o, "type", "%s", types[i].type);
		out_uint(o, "installed", installed[i]);
		out_uint(o, "total", total[i]);
		out_row_end(o);
	}
	out_table_end(o);
	out_text(o, "------\n%-14s %9u %8u\n", "Total", installed[0] + installed[1], total[0] + total[1]);
	out_uint(o, "totalNumOfInstalledMroutes", installed[0] + installed[1]);
	out_uint(o, "totalNumOfMroutes", total[0] + total[1]);
	return CMD_OK;
}

/* --- show ip multicast --- */

static const struct out_col multicast_form[] = {
	{ "routing", "Multicast routing", 0 }, { "table", "Kernel table", 0 },        { "mode", "Entries", 0 },
	{ "vifs", "Interfaces in use", 0 },    { "routes", "Forwarding entries", 0 },
};

/* clang-format off */
#define VIF_COLS(width) { \
	{ "name", "Interface", -16 }, \
	{ "address", "Address", width }, \
	{ "index", "ifi", 5 }, \
	{ "vif", "Vif", 3 }, \
	{ "pktsIn", "PktsIn", 10 }, \
	{ "pktsOut", "PktsOut", 10 }, \
	{ "bytesIn", "BytesIn", 12 }, \
	{ "bytesOut", "BytesOut", 12 }, \
	{ "role", "Role", -10 }, \
	{ "state", "State", -5 }, \
	{ "ttlThreshold", "TTL", 3 }, \
	{ "boundary", "Boundary", -1 } \
}
/* clang-format on */

static const struct out_col vif_cols[FAMILY_COUNT][12] = { VIF_COLS(-15), VIF_COLS(-26) };

static void emit_vif(struct cmd_ctx *ctx, const struct conf_if *ifc)
{
	enum family family = show_family(ctx);
	const struct conf_if_af *af = &ifc->af[family];
	const struct gm_if *ifp = show_gm_if(show_gm(ctx), ifc->name);
	struct daemon_link link = { .ifindex = 0 };
	struct daemon_vif counters = { 0 };
	struct out *o = ctx->out;

	daemon_link(show_daemon(ctx), ifc->name, &link);
	if (ifp)
		daemon_vif(show_daemon(ctx), family, ifp->slot, &counters);
	out_row_begin(o, ifc->name);
	out_str(o, "name", ifc->name);
	out_addr(o, "address", ifp ? &ifp->conf.addr : NULL);
	out_int(o, "index", link.ifindex);
	if (ifp)
		out_uint(o, "vif", ifp->slot);
	else
		out_null(o, "vif");
	out_uint(o, "pktsIn", counters.packets_in);
	out_uint(o, "pktsOut", counters.packets_out);
	out_uint(o, "bytesIn", counters.bytes_in);
	out_uint(o, "bytesOut", counters.bytes_out);
	out_str(o, "role", show_role(af->role));
	out_str(o, "state", ifp && ifp->conf.up ? "up" : "down");
	out_uint(o, "ttlThreshold", af->ttl_threshold);
	out_str(o, "boundary", af->boundary[0] ? af->boundary : NULL);
	out_row_end(o);
}

static void emit_multicast_head(struct cmd_ctx *ctx, const struct gm *gm)
{
	enum family family = show_family(ctx);
	const struct gm_if *sorted[GM_MAX_IFS];
	struct daemon_status status;
	char text[SHOW_OWNER_LEN];
	struct out *o = ctx->out;

	daemon_status(show_daemon(ctx), family, &status);
	out_form_begin(o, multicast_form, ARRAY_SIZE(multicast_form));
	out_row_begin(o, "kernel");
	out_cell(o, "routing", "%s", show_owner(family, &status, text));
	out_bool(o, "router", status.router);
	out_str(o, "status", text);
	out_uint(o, "table", status.table);
	out_str(o, "mode", gm->conf.wildcard ? "wildcard" : "per source");
	out_cell(o, "vifs", "%u of %u", show_sort_ifs(gm, sorted), GM_MAX_IFS);
	out_uint(o, "vifs", show_sort_ifs(gm, sorted));
	out_uint(o, "maxVifs", GM_MAX_IFS);
	if (gm->conf.route_limit)
		out_cell(o, "routes", "%u of %u", HASH_COUNT(gm->routes), (unsigned int)gm->conf.route_limit);
	out_uint(o, "routes", HASH_COUNT(gm->routes));
	out_uint(o, "routeLimit", gm->conf.route_limit);
	out_row_end(o);
	out_form_end(o);
	out_text(o, "\n");
}

static enum cmd_code show_multicast(struct cmd_ctx *ctx)
{
	const struct conf *conf = daemon_conf(show_daemon(ctx));
	const char *ifname = cmd_arg(ctx, "IFNAME");
	const struct conf_if *only = ifname ? conf_if_find(conf, ifname) : NULL;
	const struct gm *gm = show_gm(ctx);
	enum family family = show_family(ctx);
	struct out *o = ctx->out;

	if (!gm)
		return show_no_family(ctx);
	if (ifname && (!only || only->af[family].role == GM_ROLE_NONE))
		return show_no_if(ctx, ifname);
	if (!ifname)
		emit_multicast_head(ctx, gm);
	out_begin_object(o, "interfaces");
	out_table_begin(o, vif_cols[family], ARRAY_SIZE(vif_cols[0]));
	for (unsigned int i = 0; i < conf->nifs; i++) {
		if (conf->ifs[i]->af[family].role != GM_ROLE_NONE && (!only || only == conf->ifs[i]))
			emit_vif(ctx, conf->ifs[i]);
	}
	out_table_end(o);
	out_end_object(o);
	return CMD_OK;
}

/* --- the rows --- */

int cmd_show_route_add(struct cmd_table *table)
{
	static const struct show_row rows[] = {
		{ false, "show %ip% mroute [GROUP:MGROUP%v% [SOURCE:MSOURCE%v%]] [fill] [json]", show_mroute,
		  "Forwarding entries, with the kernel's counters" },
		{ false, "show %ip% mroute count [json]", show_mroute_count,
		  "Packets and octets of the forwarding entries" },
		{ false, "show %ip% mroute summary [json]", show_mroute_summary, "The number of forwarding entries" },
		{ false, "show %ip% multicast [interface IFNAME] [json]", show_multicast,
		  "Interfaces of the kernel's multicast routing table" },
	};

	return show_add_rows(table, rows, ARRAY_SIZE(rows));
}
