/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process and its kernel: show system, version, memory, logging, tech-support. */
#include "cmd_show.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conflict.h"
#include "lib/log.h"
#include "show.h"

/* --- show version --- */

static enum cmd_code show_version(struct cmd_ctx *ctx)
{
	static const struct out_col form[] = {
		{ "version", "improxyd", 0 },
		{ "upTime", "Uptime", 0 },
		{ "pid", "Process", 0 },
		{ "keeperPid", "Keeper", 0 },
		{ "starts", "Starts", 0 },
		{ "relearning", "Relearning hosts", 0 },
		{ "systemCallFilter", "System calls filtered", 0 },
		{ "writeLimits", "Writable directories limited", 0 },
	};
	struct daemon_process process;
	struct out *o = ctx->out;
	struct daemon_sandbox sandbox;

	daemon_process(show_daemon(ctx), &process);
	daemon_sandbox(show_daemon(ctx), &sandbox);
	out_form_begin(o, form, ARRAY_SIZE(form));
	out_row_begin(o, "improxyd");
	out_str(o, "version", IMPROXY_VERSION);
	out_duration(o, "upTime", daemon_now() - daemon_started(show_daemon(ctx)));
	out_int(o, "pid", process.pid);
	if (process.keeper)
		out_int(o, "keeperPid", process.keeper);
	else
		out_null(o, "keeperPid");
	out_int(o, "starts", process.starts);
	out_bool(o, "relearning", process.reviving);
	out_bool(o, "systemCallFilter", sandbox.calls);
	out_bool(o, "writeLimits", sandbox.writes);
	out_row_end(o);
	out_form_end(o);
	return CMD_OK;
}

/* --- show system --- */

static const struct out_col system_form[] = {
	{ "section", "Section", 0 },
	{ "status", "Multicast routing", 0 },
	{ "table", "Kernel table", 0 },
	{ "tableBusy", "Times the table was taken", 0 },
	{ "forwarding", "Unicast forwarding", 0 },
	{ "rpFilter", "Reverse path filter", 0 },
	{ "vifs", "Interfaces in use", 0 },
	{ "routes", "Forwarding entries", 0 },
	{ "routeErrors", "Entries the kernel refused", 0 },
	{ "received", "Packets received", 0 },
	{ "upcalls", "Upcalls", 0 },
	{ "overflows", "Receive buffer overflows", 0 },
	{ "readErrors", "Read errors", 0 },
	{ "sendErrors", "Send errors", 0 },
	{ "receiveBuffer", "Receive buffer", 0 },
	{ "groupsJoined", "Groups joined upstream", 0 },
	{ "groupsReported", "Of these, reported by improxyd", 0 },
	{ "groupsFailing", "Groups that cannot be joined", 0 },
	{ "joinFailures", "Join failures", 0 },
	{ "listsWidened", "Source lists widened", 0 },
	{ "membershipSockets", "Membership sockets", 0 },
	{ "events", "Notifications", 0 },
	{ "changes", "Changes", 0 },
	{ "resyncs", "Re-reads after loss", 0 },
	{ "error", "Last error", 0 },
};

/* Settings of the kernel that decide over forwarding; null where it has none of the name. */
static void emit_settings(struct cmd_ctx *ctx, enum family family, const struct gm_if *const *sorted, unsigned int n)
{
	const struct daemon *d = show_daemon(ctx);
	struct out *o = ctx->out;
	int value;

	if (daemon_setting(d, family, "all", "forwarding", &value) == 0)
		out_bool(o, "forwarding", value != 0);
	else
		out_null(o, "forwarding");
	if (daemon_setting(d, family, "all", "rp_filter", &value) < 0)
		return;
	out_list_begin(o, "rpFilter", ", ");
	out_fmt(o, NULL, "all %d", value);
	for (unsigned int i = 0; i < n; i++) {
		if (daemon_setting(d, family, sorted[i]->conf.name, "rp_filter", &value) == 0)
			out_fmt(o, NULL, "%s %d", sorted[i]->conf.name, value);
	}
	out_list_end(o);
}

static void emit_conflict(void *arg, const struct conflict *conflict)
{
	struct out *o = arg;

	out_row_begin(o, NULL);
	out_cell(o, "what", "%s", conflict_names[conflict->kind]);
	out_str(o, "kind", conflict_names[conflict->kind]);
	out_str(o, "family", family_name(conflict->family));
	out_str(o, "interface", *conflict->ifname ? conflict->ifname : NULL);
	out_str(o, "text", conflict->text);
	out_row_end(o);
}

static const struct out_col conflict_cols[] = { { "what", "Conflict", -14 },
						{ "family", "Family", -6 },
						{ "interface", "Interface", -16 },
						{ "text", "What it means", -1 } };

static void emit_conflicts(struct cmd_ctx *ctx)
{
	struct out *o = ctx->out;

	out_text(o, "\n");
	out_table_begin(o, conflict_cols, ARRAY_SIZE(conflict_cols));
	out_begin_array(o, "conflicts");
	conflict_walk(show_daemon(ctx), emit_conflict, o);
	out_end_array(o);
	out_table_end(o);
}

static void emit_family(struct cmd_ctx *ctx, enum family family)
{
	const struct gm *gm = daemon_gm(show_daemon(ctx), family);
	const struct gm_if *sorted[GM_MAX_IFS];
	struct daemon_status s;
	char text[SHOW_OWNER_LEN];
	struct out *o = ctx->out;

	memset(&s, 0, sizeof(s));
	daemon_status(show_daemon(ctx), family, &s);
	out_row_begin(o, family_name(family));
	out_cell(o, "section", "%s", family == FAMILY_IPV4 ? "IPv4" : "IPv6");
	out_str(o, "status", show_owner(family, &s, text));
	out_bool(o, "usable", s.usable);
	out_bool(o, "router", s.router);
	out_bool(o, "wanted", s.wanted);
	out_str(o, "error", s.error ? strerror(-s.error) : NULL);
	out_uint(o, "table", s.table);
	out_uint(o, "tableBusy", s.table_busy);
	emit_settings(ctx, family, sorted, show_sort_ifs(gm, sorted));
	out_cell(o, "vifs", "%u of %u", show_sort_ifs(gm, sorted), GM_MAX_IFS);
	out_uint(o, "vifs", show_sort_ifs(gm, sorted));
	out_uint(o, "maxVifs", GM_MAX_IFS);
	out_uint(o, "routes", gm ? HASH_COUNT(gm->routes) : 0);
	out_uint(o, "routeErrors", s.route_errors);
	out_uint(o, "received", s.received);
	out_uint(o, "upcalls", s.upcalls);
	out_uint(o, "overflows", s.overflows);
	out_uint(o, "readErrors", s.read_errors);
	out_uint(o, "sendErrors", s.send_errors);
	out_cell(o, "receiveBuffer", "%d octets", s.rcvbuf);
	out_int(o, "receiveBuffer", s.rcvbuf);
	out_uint(o, "groupsJoined", s.joined);
	out_uint(o, "groupsReported", s.reported);
	out_uint(o, "groupsFailing", s.failing);
	out_uint(o, "joinFailures", s.join_failures);
	out_uint(o, "listsWidened", s.widened);
	out_uint(o, "membershipSockets", s.sockets);
	out_row_end(o);
}

static enum cmd_code show_system(struct cmd_ctx *ctx)
{
	struct daemon_netlink netlink = { .error = 0 };
	struct out *o = ctx->out;

	out_form_begin(o, system_form, ARRAY_SIZE(system_form));
	for (unsigned int f = 0; f < FAMILY_COUNT; f++)
		emit_family(ctx, (enum family)f);
	daemon_netlink(show_daemon(ctx), &netlink);
	out_row_begin(o, "netlink");
	out_cell(o, "section", "netlink");
	out_uint(o, "events", netlink.events);
	out_uint(o, "changes", netlink.changes);
	out_uint(o, "resyncs", netlink.resyncs);
	out_str(o, "error", netlink.error ? strerror(-netlink.error) : NULL);
	out_row_end(o);
	out_form_end(o);
	emit_conflicts(ctx);
	return CMD_OK;
}

/* --- show memory --- */

static const struct out_col memory_form[] = {
	{ "section", "Section", 0 },        { "inUse", "Octets in use", 0 },
	{ "free", "Octets kept free", 0 },  { "mapped", "Octets mapped", 0 },
	{ "groups", "Groups", 0 },          { "records", "Group records", 0 },
	{ "sources", "Source records", 0 }, { "routes", "Forwarding entries", 0 },
	{ "hosts", "Hosts tracked", 0 },
};

static void emit_allocator(struct out *o)
{
/* The C library's own count, where it has one that does not overflow. */
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
	struct mallinfo2 info = mallinfo2();

	out_row_begin(o, "allocator");
	out_cell(o, "section", "allocator");
	out_uint(o, "inUse", info.uordblks);
	out_uint(o, "free", info.fordblks);
	out_uint(o, "mapped", info.hblkhd);
	out_row_end(o);
#else
	(void)o;
#endif
}

static enum cmd_code show_memory(struct cmd_ctx *ctx)
{
	struct out *o = ctx->out;

	out_form_begin(o, memory_form, ARRAY_SIZE(memory_form));
	emit_allocator(o);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		const struct gm *gm = daemon_gm(show_daemon(ctx), (enum family)f);

		if (!gm)
			continue;
		out_row_begin(o, family_name((enum family)f));
		out_cell(o, "section", "%s", show_protocol((enum family)f));
		out_uint(o, "groups", HASH_COUNT(gm->groups));
		out_uint(o, "records", gm->nrecs);
		out_uint(o, "sources", gm->nsources);
		out_uint(o, "routes", HASH_COUNT(gm->routes));
		out_cell(o, "hosts", "%u of %u", (unsigned int)gm->hosts_used, GM_HOSTS_BUDGET);
		out_uint(o, "hosts", gm->hosts_used);
		out_uint(o, "maxHosts", GM_HOSTS_BUDGET);
		out_row_end(o);
	}
	out_form_end(o);
	return CMD_OK;
}

/* --- show logging --- */

static const struct out_col log_cols[] = {
	{ "target", "Target", -8 }, { "level", "Level", -13 }, { "lost", "Lost", 8 }, { "path", "File", -1 }
};

static void emit_log_targets(struct out *o, const struct daemon *d)
{
	struct daemon_log log;

	out_begin_object(o, "targets");
	out_table_begin(o, log_cols, ARRAY_SIZE(log_cols));
	for (unsigned int i = 0; daemon_log(d, i, &log); i++) {
		out_row_begin(o, log.name);
		out_cell(o, "target", "%s", log.name);
		out_bool(o, "enabled", log.on);
		if (!log.on)
			out_cell(o, "level", "off");
		out_str(o, "level", log.on ? log_level_name((enum log_level)log.level) : NULL);
		out_uint(o, "lost", log.lost);
		out_str(o, "path", log.on ? log.path : NULL);
		out_row_end(o);
	}
	out_table_end(o);
	out_end_object(o);
}

/* Place in the ring, by the number of the line since the start: lines that fall out meanwhile are passed over. */
struct log_place {
	uint64_t next;
};

static enum cmd_code show_logging(struct cmd_ctx *ctx)
{
	uint64_t first = log_ring_total() - log_ring_count();
	struct log_place *place = ctx->state;
	struct out *o = ctx->out;

	if (!place) {
		place = calloc(1, sizeof(*place));
		if (!place)
			return cmd_fail(ctx, "Out of memory");
		ctx->state = place;
		ctx->state_free = free;
		emit_log_targets(o, show_daemon(ctx));
		out_text(o, "\nLast %zu lines:\n", log_ring_count());
		out_begin_array(o, "lines");
	}
	if (place->next < first)
		place->next = first;
	for (; place->next < log_ring_total(); place->next++) {
		const char *line = log_ring_get((size_t)(place->next - first));

		if (out_full(o))
			return CMD_MORE;
		out_text(o, "%s\n", line);
		out_str(o, NULL, line);
	}
	out_end_array(o);
	return CMD_OK;
}

/* --- show tech-support --- */

static const char *const tech_support[] = {
	"show version",
	"show system",
	"show memory",
	"show running-config",
	"show configuration errors",
	"show interface",
	"show access-list",
	"show ip igmp interface",
	"show ip igmp groups detail",
	"show ip igmp proxy",
	"show ip igmp statistics",
	"show ip multicast",
	"show ip mroute",
	"show ip mroute count",
	"show ipv6 mld interface",
	"show ipv6 mld groups detail",
	"show ipv6 mld proxy",
	"show ipv6 mld statistics",
	"show ipv6 multicast",
	"show ipv6 mroute",
	"show ipv6 mroute count",
	"show debugging",
	"show logging",
};

/* Each command is run as if it had been typed, in a context of its own. */
struct tech_place {
	struct cmd_ctx ctx;
	size_t next;
	bool inside; /* the command before `next` has more to say */
};

static void tech_free(void *state)
{
	struct tech_place *place = state;

	cmd_abort(&place->ctx);
	free(place);
}

static struct tech_place *tech_begin(struct cmd_ctx *ctx)
{
	struct tech_place *place = calloc(1, sizeof(*place));

	if (!place || cmd_text_only(ctx) < 0) {
		free(place);
		return NULL;
	}
	place->ctx.table = ctx->table;
	place->ctx.modes = ctx->row->modes;
	place->ctx.level = ctx->level;
	place->ctx.app = ctx->app;
	place->ctx.out = ctx->out;
	ctx->state = place;
	ctx->state_free = tech_free;
	return place;
}

static enum cmd_code show_tech_support(struct cmd_ctx *ctx)
{
	struct tech_place *place = ctx->state ? ctx->state : tech_begin(ctx);
	enum cmd_code code;

	if (!place)
		return cmd_fail(ctx, "Out of memory");
	if (!place->inside && place->next == ARRAY_SIZE(tech_support))
		return CMD_OK;
	if (place->inside) {
		code = cmd_resume(&place->ctx);
	} else {
		out_text(ctx->out, "%s------ %s ------\n", place->next ? "\n" : "", tech_support[place->next]);
		code = cmd_execute(&place->ctx, tech_support[place->next++]);
	}
	place->inside = code == CMD_MORE;
	if (code != CMD_OK && code != CMD_MORE)
		out_text(ctx->out, "%% %s\n", place->ctx.error.text);
	/* Each command has had a quota of its own: let the client read before the next. */
	return CMD_MORE;
}

/* --- the rows --- */

int cmd_show_sys_add(struct cmd_table *table)
{
	static const struct show_row rows[] = {
		{ false, "show version [json]", show_version, "Version and uptime" },
		{ false, "show system [json]", show_system,
		  "What the kernel offers and refuses: routing table, sockets, memberships" },
		{ false, "show memory [json]", show_memory, "Memory and what it holds" },
		{ false, "show logging [json]", show_logging, "Targets of the log and its last lines" },
		{ false, "show tech-support [json]", show_tech_support, "Everything somebody who helps will ask for" },
	};

	return show_add_rows(table, rows, ARRAY_SIZE(rows));
}
