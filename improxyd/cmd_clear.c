/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operator may throw away to have it learned again: clear ip igmp groups, statistics, clear ip mroute. */
#include "cmd_show.h"

#include <errno.h>

#include "show.h"

static enum cmd_code clear_groups(struct cmd_ctx *ctx)
{
	const char *ifname = cmd_arg(ctx, "IFNAME");
	struct ipaddr group;

	show_arg_addr(ctx, "GROUP", &group);
	if (!show_gm(ctx))
		return show_no_family(ctx);
	if (ifname && !show_gm_if(show_gm(ctx), ifname))
		return show_no_if(ctx, ifname);
	if (daemon_clear_groups(show_daemon(ctx), show_family(ctx), ifname, &group) < 0)
		return show_no_if(ctx, ifname ? ifname : "");
	return CMD_OK;
}

static enum cmd_code clear_statistics(struct cmd_ctx *ctx)
{
	if (!show_gm(ctx))
		return show_no_family(ctx);
	daemon_clear_statistics(show_daemon(ctx), show_family(ctx));
	return CMD_OK;
}

static enum cmd_code clear_mroute(struct cmd_ctx *ctx)
{
	struct ipaddr group, source;

	show_arg_addr(ctx, "GROUP", &group);
	show_arg_addr(ctx, "SOURCE", &source);
	if (!show_gm(ctx))
		return show_no_family(ctx);
	daemon_clear_routes(show_daemon(ctx), show_family(ctx), &group, &source);
	return CMD_OK;
}

int cmd_clear_add(struct cmd_table *table)
{
	static const struct show_row rows[] = {
		{ true, "clear %ip% %proto% groups [IFNAME [GROUP:MGROUP%v%]]", clear_groups,
		  "Forget group records, and ask the hosts anew" },
		{ true, "clear %ip% %proto% statistics", clear_statistics, "Set all counters to zero" },
		{ true, "clear %ip% mroute [GROUP:MGROUP%v% [SOURCE:MSOURCE%v%]]", clear_mroute,
		  "Remove forwarding entries; data that still comes makes them anew" },
	};

	return show_add_rows(table, rows, ARRAY_SIZE(rows));
}
