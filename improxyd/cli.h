/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli - what a command line means here: the modes, the session a line is typed in, and the one table of all commands. A
 * line comes from a console or from a file, which differ only in what the session stands on.
 */
#ifndef IMPROXY_CLI_H
#define IMPROXY_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "conf.h"
#include "lib/cmd.h"

struct daemon;

enum cli_mode { CLI_VIEW = 1, CLI_ENABLE = 2, CLI_CONFIG = 4, CLI_CONFIG_IF = 8 };

enum cli_level { CLI_LEVEL_VIEW, CLI_LEVEL_ENABLE };

/* Of a `show`, and of a command that does something: in view mode that is known, but not permitted. */
#define CMD_SHOW_MODES   (CLI_VIEW | CLI_ENABLE)
#define CMD_SHOW_LEVEL   CLI_LEVEL_VIEW
#define CMD_EXEC_MODES   (CLI_VIEW | CLI_ENABLE)
#define CMD_EXEC_LEVEL   CLI_LEVEL_ENABLE
#define CMD_CONFIG_MODES (CLI_CONFIG | CLI_CONFIG_IF)

/* A row of the command table without private part. */
#define ROW(_modes, _level, _grammar, _run, _help)                                                                     \
	{                                                                                                              \
		.modes = (_modes), .level = (_level), .grammar = (_grammar), .run = (_run), .help = (_help)            \
	}

/* The application pointer of every command context. */
struct cli_session {
	const struct cmd_table *table;
	enum cli_mode mode;
	enum cli_level level;
	char ifname[GM_NAME_LEN]; /* of CLI_CONFIG_IF */

	struct daemon *daemon;  /* NULL while a file is read */
	struct conf *candidate; /* what a file's lines build; NULL on a console */

	/* Of a console; NULL: there is nobody to end or to send to. */
	void (*leave)(struct cli_session *session);
	int (*terminal_monitor)(struct cli_session *session, bool on);
	/* Ends the waiting of a handler that has returned CMD_WAIT: it is called again, from the event loop. */
	void (*resume)(struct cli_session *session);
};

/* Never NULL. */
static inline struct cli_session *cli_session(const struct cmd_ctx *ctx)
{
	return ctx->app;
}

/*
 * The table of all commands. NULL: out of memory, or a row cannot be read (a mistake in the program, `error` says
 * which).
 */
struct cmd_table *cli_table_new(char *error, size_t size);

/* The rows of configuration and of the session itself. Returns 0 or the error of cmd_table_add(). */
int cmd_config_add(struct cmd_table *table);
int cmd_session_add(struct cmd_table *table);

/*
 * Runs a line in the mode of the session, with ctx->out set by the caller; goes on as cmd_execute() says. A session
 * with a candidate takes commands of configuration only, which never return CMD_MORE. In the mode of an interface a
 * line that only the mode above knows leaves the interface, as a file expects.
 */
enum cmd_code cli_run(struct cli_session *session, struct cmd_ctx *ctx, const char *line);

/* Writes the configuration as text that loads to the same. */
void cli_write_config(const struct conf *conf, struct out *out);

/* The configuration as text: malloced, NUL-terminated; NULL when out of memory. */
char *cli_config_text(const struct conf *conf);

#endif
