/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug flags: debug, no debug, undebug, show debugging. The list of flags is debug.h's; lib/log keeps which are on. */
#include "cmd_show.h"

#include <stdio.h>

#include "debug.h"
#include "lib/log.h"
#include "show.h"

static const struct flag {
	const char *group, *word;
} flags[DEBUG_FLAG_COUNT] = {
#define FLAG(name, group, word) [DEBUG_##name] = { group, word },
	DEBUG_FLAGS(FLAG)
#undef FLAG
};

/* The line names the flag's group, and the flag itself, "all", or no flag at all. */
static bool flag_meant(const struct cmd_ctx *ctx, const struct flag *flag)
{
	if (!cmd_has(ctx, flag->group))
		return false;
	for (unsigned int i = 0; i < DEBUG_FLAG_COUNT; i++) {
		if (flags[i].word[0] && cmd_has(ctx, flags[i].word))
			return cmd_has(ctx, flag->word);
	}
	return true;
}

static void set_flags(struct cmd_ctx *ctx, bool on)
{
	for (unsigned int i = 0; i < DEBUG_FLAG_COUNT; i++) {
		if (flag_meant(ctx, &flags[i]))
			log_debug_set(i, on, on ? cmd_arg(ctx, "IFNAME") : NULL);
	}
}

static enum cmd_code debug_on(struct cmd_ctx *ctx)
{
	set_flags(ctx, true);
	return CMD_OK;
}

static enum cmd_code debug_off(struct cmd_ctx *ctx)
{
	set_flags(ctx, false);
	return CMD_OK;
}

static enum cmd_code debug_clear(struct cmd_ctx *ctx)
{
	(void)ctx;
	log_debug_clear();
	return CMD_OK;
}

/* --- show debugging --- */

static enum cmd_code show_debugging(struct cmd_ctx *ctx)
{
	struct out *o = ctx->out;

	out_text(o, "Debugging status:\n");
	for (unsigned int i = 0; i < DEBUG_FLAG_COUNT; i++) {
		bool on = (log_debug_mask & (UINT32_C(1) << i)) != 0;
		const char *sep = flags[i].word[0] ? " " : "", *ifname = on ? log_debug_ifname(i) : NULL;
		char key[64];

		snprintf(key, sizeof(key), "%s%s%s", flags[i].group, sep, flags[i].word);
		out_begin_object(o, key);
		out_bool(o, "enabled", on);
		out_str(o, "interface", ifname);
		out_end_object(o);
		if (on)
			out_text(o, "  %s debugging is on%s%s\n", key, ifname ? ", interface " : "",
				 ifname ? ifname : "");
	}
	return CMD_OK;
}

/* --- the rows --- */

int cmd_debug_add(struct cmd_table *table)
{
	static const struct show_row rows[] = {
		{ true, "debug %proto% [events | packets | timers | all] [interface IFNAME]", debug_on,
		  "Log what %PROTO% does" },
		{ true, "debug (mroute | netlink) [interface IFNAME]", debug_on,
		  "Log forwarding entries, or changes of interfaces" },
		{ true, "(undebug | no debug) %proto% [events | packets | timers | all] [interface IFNAME]", debug_off,
		  "Stop logging what %PROTO% does" },
		{ true, "(undebug | no debug) (mroute | netlink) [interface IFNAME]", debug_off,
		  "Stop logging forwarding entries, or changes of interfaces" },
		{ true, "(undebug | no debug) all", debug_clear, "Switch all debugging off" },
		{ false, "show debugging [json]", show_debugging, "Which debugging is switched on" },
	};

	return show_add_rows(table, rows, ARRAY_SIZE(rows));
}
