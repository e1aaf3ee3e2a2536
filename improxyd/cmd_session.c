/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of the session itself: modes, help, the terminal. */
#include <errno.h>
#include <string.h>

#include "cli.h"
#include "daemon.h"
#include "lib/util.h"

static enum cmd_code run_enable(struct cmd_ctx *ctx)
{
	struct cli_session *session = cli_session(ctx);

	if (session->level < CLI_LEVEL_ENABLE) {
		cmd_fail(ctx, "Command not permitted");
		return CMD_DENIED;
	}
	session->mode = CLI_ENABLE;
	return CMD_OK;
}

static enum cmd_code run_disable(struct cmd_ctx *ctx)
{
	cli_session(ctx)->mode = CLI_VIEW;
	return CMD_OK;
}

static enum cmd_code run_configure(struct cmd_ctx *ctx)
{
	cli_session(ctx)->mode = CLI_CONFIG;
	return CMD_OK;
}

static enum cmd_code run_exit(struct cmd_ctx *ctx)
{
	struct cli_session *session = cli_session(ctx);

	switch (session->mode) {
	case CLI_CONFIG_IF:
		session->mode = CLI_CONFIG;
		return CMD_OK;
	case CLI_CONFIG:
		session->mode = CLI_ENABLE;
		return CMD_OK;
	case CLI_ENABLE:
	case CLI_VIEW:
		if (session->leave)
			session->leave(session);
		return CMD_OK;
	}
	return CMD_OK;
}

/* Where there is nothing to leave it does nothing: pasted lines begin with it, and the shell sends it for Ctrl-Z. */
static enum cmd_code run_end(struct cmd_ctx *ctx)
{
	struct cli_session *session = cli_session(ctx);

	if (session->mode != CLI_VIEW)
		session->mode = CLI_ENABLE;
	return CMD_OK;
}

static enum cmd_code run_describe(struct cmd_ctx *ctx)
{
	const char *line = cmd_arg(ctx, "LINE");

	return cmd_describe(ctx, line ? line : "");
}

static enum cmd_code run_complete(struct cmd_ctx *ctx)
{
	const char *line = cmd_arg(ctx, "LINE");

	return cmd_complete(ctx, line ? line : "");
}

/* The length of a page is the shell's business; it asks so that help and completion know the command. */
static enum cmd_code run_length(struct cmd_ctx *ctx)
{
	(void)ctx;
	return CMD_OK;
}

static enum cmd_code run_monitor(struct cmd_ctx *ctx)
{
	struct cli_session *session = cli_session(ctx);
	int err;

	if (!session->terminal_monitor)
		return cmd_fail(ctx, "There is no terminal");
	err = session->terminal_monitor(session, !cmd_has(ctx, "no"));
	return err < 0 ? cmd_fail(ctx, "%s", strerror(-err)) : CMD_OK;
}

#define ALL_MODES (CLI_VIEW | CLI_ENABLE | CLI_CONFIG | CLI_CONFIG_IF)

static const struct cmd_row rows[] = {
	ROW(CMD_SHOW_MODES, CLI_LEVEL_VIEW, "enable", run_enable, "Privileged commands"),
	ROW(CMD_SHOW_MODES, CLI_LEVEL_VIEW, "disable", run_disable, "Leave the privileged commands"),
	ROW(CMD_EXEC_MODES, CMD_EXEC_LEVEL, "configure [terminal]", run_configure, "Configure"),
	ROW(CMD_CONFIG_MODES, CMD_EXEC_LEVEL, "configure [terminal]", run_configure, "Go on configuring"),
	ROW(CMD_SHOW_MODES, CLI_LEVEL_VIEW, "(exit|quit)", run_exit, "Leave the session"),
	ROW(CMD_CONFIG_MODES, CLI_LEVEL_VIEW, "(exit|quit)", run_exit, "Leave this mode"),
	ROW(CMD_CONFIG_MODES, CLI_LEVEL_VIEW, "end", run_end, "Leave configuration"),
	ROW(CMD_SHOW_MODES, CLI_LEVEL_VIEW, "end", run_end, "Nothing: configuration is left already"),
	{ .modes = CMD_CONFIG_MODES,
	  .level = CLI_LEVEL_VIEW,
	  .grammar = "do COMMAND...",
	  .help = "Run a privileged command",
	  .sub_modes = CLI_ENABLE },
	ROW(ALL_MODES, CLI_LEVEL_VIEW, "describe", run_describe, "What may come next"),
	ROW(ALL_MODES, CLI_LEVEL_VIEW, "describe LINE...", run_describe, "What may come next"),
	ROW(ALL_MODES, CLI_LEVEL_VIEW, "complete", run_complete, "Words that complete a line"),
	ROW(ALL_MODES, CLI_LEVEL_VIEW, "complete LINE...", run_complete, "Words that complete a line"),
	ROW(CMD_SHOW_MODES, CLI_LEVEL_VIEW, "terminal length (0-512)", run_length, "Lines of a page, 0 = no pages"),
	ROW(CMD_EXEC_MODES, CMD_EXEC_LEVEL, "terminal monitor", run_monitor, "Send the log to this terminal"),
	ROW(CMD_EXEC_MODES, CMD_EXEC_LEVEL, "no terminal monitor", run_monitor, "Stop sending the log here"),
};

static const struct cmd_word words[] = {
	{ "enable", "Privileged commands" },
	{ "disable", "Leave the privileged commands" },
	{ "configure", "Configure" },
	{ "configure terminal", "From this terminal" },
	{ "exit", "Leave this mode, or the session" },
	{ "quit", "Leave this mode, or the session" },
	{ "end", "Leave configuration" },
	{ "do", "Run a privileged command" },
	{ "describe", "What may come next on a line" },
	{ "complete", "Words that complete a line" },
	{ "length", "Lines of a page" },
	{ "terminal", "This terminal" },
	{ "write terminal", "To the terminal" },
	{ "terminal monitor", "Send the log to this terminal" },
};

int cmd_session_add(struct cmd_table *table)
{
	int err = cmd_table_add(table, rows, ARRAY_SIZE(rows));

	return err < 0 ? err : cmd_table_add_words(table, words, ARRAY_SIZE(words));
}
