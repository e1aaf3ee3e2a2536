/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of configuration. On a console each edits a copy of the configuration, which then takes the place of the
 * one it was copied from, or is thrown away: nothing is ever half done.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "daemon.h"
#include "knobs.h"
#include "lib/log.h"
#include "lib/util.h"

/* --- editing --- */

/* A change; `ifc` is the interface of CLI_CONFIG_IF. What is wrong goes to cmd_fail(). */
typedef enum cmd_code edit_fn(struct cmd_ctx *ctx, struct conf *conf, struct conf_if *ifc);

static const struct conf *current(const struct cli_session *session)
{
	return session->candidate ? session->candidate : daemon_conf(session->daemon);
}

static enum cmd_code apply_change(struct cmd_ctx *ctx, struct conf *conf, edit_fn *change)
{
	const struct cli_session *session = cli_session(ctx);
	struct conf_if *ifc = NULL;

	if (session->mode == CLI_CONFIG_IF) {
		ifc = conf_if_get(conf, session->ifname);
		if (!ifc)
			return cmd_fail(ctx, "Out of memory");
	}
	return change(ctx, conf, ifc);
}

/* What is being built from a file is changed in place, and judged by who reads the file. */
static enum cmd_code edit(struct cmd_ctx *ctx, edit_fn *change)
{
	struct cli_session *session = cli_session(ctx);
	struct conf *conf;
	char wrong[CMD_ERROR_LEN];
	enum cmd_code code;

	if (session->candidate)
		return apply_change(ctx, session->candidate, change);
	conf = conf_clone(daemon_conf(session->daemon));
	code = conf ? apply_change(ctx, conf, change) : cmd_fail(ctx, "Out of memory");
	if (code == CMD_OK && conf_invalid(conf, wrong, sizeof(wrong)))
		code = cmd_fail(ctx, "%s", wrong);
	if (code == CMD_OK)
		daemon_replace_conf(session->daemon, conf);
	else
		conf_free(conf);
	return code;
}

static enum cmd_code change_knob(struct cmd_ctx *ctx, struct conf *conf, struct conf_if *ifc)
{
	return knob_run(ctx->row->priv, ctx, conf, ifc);
}

static enum cmd_code run_knob(struct cmd_ctx *ctx)
{
	return edit(ctx, change_knob);
}

/* --- interfaces --- */

static enum cmd_code change_interface(struct cmd_ctx *ctx, struct conf *conf, struct conf_if *ifc)
{
	(void)ifc;
	if (!conf_if_get(conf, cmd_arg(ctx, "IFNAME")))
		return cmd_fail(ctx, "Out of memory");
	return CMD_OK;
}

static enum cmd_code run_interface(struct cmd_ctx *ctx)
{
	struct cli_session *session = cli_session(ctx);
	const char *name = cmd_arg(ctx, "IFNAME");
	enum cmd_code code = CMD_OK;

	session->mode = CLI_CONFIG;
	if (!conf_if_find(current(session), name))
		code = edit(ctx, change_interface);
	if (code != CMD_OK)
		return code;
	snprintf(session->ifname, sizeof(session->ifname), "%s", name);
	session->mode = CLI_CONFIG_IF;
	return CMD_OK;
}

static enum cmd_code change_no_interface(struct cmd_ctx *ctx, struct conf *conf, struct conf_if *ifc)
{
	(void)ifc;
	if (!conf_if_find(conf, cmd_arg(ctx, "IFNAME")))
		return cmd_fail(ctx, "Interface %s is not configured", cmd_arg(ctx, "IFNAME"));
	conf_if_remove(conf, cmd_arg(ctx, "IFNAME"));
	return CMD_OK;
}

static enum cmd_code run_no_interface(struct cmd_ctx *ctx)
{
	struct cli_session *session = cli_session(ctx);

	session->mode = CLI_CONFIG;
	return edit(ctx, change_no_interface);
}

static enum cmd_code change_description(struct cmd_ctx *ctx, struct conf *conf, struct conf_if *ifc)
{
	const char *line = cmd_arg(ctx, "LINE");
	size_t len = cmd_has(ctx, "no") || cmd_has(ctx, "default") ? 0 : strlen(line);

	(void)conf;
	while (len && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	free(ifc->description);
	ifc->description = len ? strndup(line, len) : NULL;
	return len && !ifc->description ? cmd_fail(ctx, "Out of memory") : CMD_OK;
}

static enum cmd_code run_description(struct cmd_ctx *ctx)
{
	return edit(ctx, change_description);
}

/* --- host name and log --- */

static enum cmd_code change_hostname(struct cmd_ctx *ctx, struct conf *conf, struct conf_if *ifc)
{
	const char *name = cmd_arg(ctx, "NAME");

	(void)ifc;
	if (cmd_has(ctx, "no") || cmd_has(ctx, "default"))
		name = "";
	snprintf(conf->hostname, sizeof(conf->hostname), "%s", name);
	return CMD_OK;
}

static enum cmd_code run_hostname(struct cmd_ctx *ctx)
{
	return edit(ctx, change_hostname);
}

static enum cmd_code change_log(struct cmd_ctx *ctx, struct conf *conf, struct conf_if *ifc)
{
	struct conf_log *log = cmd_has(ctx, "stderr")   ? &conf->log_stderr
			       : cmd_has(ctx, "syslog") ? &conf->log_syslog
							: &conf->log_file;
	const char *path = cmd_arg(ctx, "FILE");

	(void)ifc;
	log->level = LOG_INFORMATIONAL;
	for (int level = LOG_ERRORS; level <= LOG_DEBUGGING; level++) {
		if (cmd_has(ctx, log_level_name((enum log_level)level)))
			log->level = level;
	}
	log->on = !cmd_has(ctx, "no") && !cmd_has(ctx, "default");
	if (log != &conf->log_file)
		return CMD_OK;
	if (!log->on)
		path = "";
	snprintf(conf->log_path, sizeof(conf->log_path), "%s", path);
	return CMD_OK;
}

/* Who types it sees what is wrong; a start is not to fail by it. */
static enum cmd_code run_log_file(struct cmd_ctx *ctx)
{
	const struct cli_session *session = cli_session(ctx);
	const char *path = cmd_arg(ctx, "FILE");
	int err = session->candidate ? 0 : daemon_try_log(path);

	return err < 0 ? cmd_fail(ctx, "%s: %s", path, daemon_write_error(session->daemon, err))
		       : edit(ctx, change_log);
}

static enum cmd_code run_log(struct cmd_ctx *ctx)
{
	return edit(ctx, change_log);
}

/* --- access lists --- */

static const enum family families[FAMILY_COUNT] = { FAMILY_IPV4, FAMILY_IPV6 };

static enum family row_family(const struct cmd_ctx *ctx)
{
	return *(const enum family *)ctx->row->priv;
}

/* The prefix behind a word; false: "any", or it was left out. */
static bool read_prefix(const struct cmd_ctx *ctx, const char *name, struct ipprefix *prefix)
{
	const char *text = cmd_arg(ctx, name);

	return text && ipprefix_parse(text, prefix) == 0;
}

static enum cmd_code change_acl(struct cmd_ctx *ctx, struct conf *conf, struct conf_if *ifc)
{
	struct gm_acl_rule rule = { .seq = (uint32_t)cmd_arg_int(ctx, "(1-4294967295)", 0),
				    .permit = cmd_has(ctx, "permit") };

	(void)ifc;
	rule.any_group = !read_prefix(ctx, "GROUP", &rule.group);
	rule.any_source = !read_prefix(ctx, "SOURCE", &rule.source);
	if (conf_acl_set_rule(conf, row_family(ctx), cmd_arg(ctx, "ACL"), &rule) < 0)
		return cmd_fail(ctx, "Out of memory");
	return CMD_OK;
}

static enum cmd_code run_acl(struct cmd_ctx *ctx)
{
	return edit(ctx, change_acl);
}

static enum cmd_code change_no_acl(struct cmd_ctx *ctx, struct conf *conf, struct conf_if *ifc)
{
	uint32_t seq = (uint32_t)cmd_arg_int(ctx, "(1-4294967295)", 0);
	int err = conf_acl_remove(conf, row_family(ctx), cmd_arg(ctx, "ACL"), seq);

	(void)ifc;
	if (err == -ENOENT)
		return cmd_fail(ctx, seq ? "The access list %s has no rule %u" : "There is no access list %s",
				cmd_arg(ctx, "ACL"), seq);
	return err < 0 ? cmd_fail(ctx, "%s", strerror(-err)) : CMD_OK;
}

static enum cmd_code run_no_acl(struct cmd_ctx *ctx)
{
	return edit(ctx, change_no_acl);
}

/* --- showing, saving, loading --- */

static enum cmd_code show_running(struct cmd_ctx *ctx)
{
	if (cmd_text_only(ctx) < 0)
		return cmd_fail(ctx, "Out of memory");
	cli_write_config(daemon_conf(cli_session(ctx)->daemon), ctx->out);
	return CMD_OK;
}

static enum cmd_code show_startup(struct cmd_ctx *ctx)
{
	struct daemon *d = cli_session(ctx)->daemon;
	size_t len;
	char *text;
	int err = daemon_read_file(daemon_startup_file(d), &text, &len);

	if (err < 0)
		return cmd_fail(ctx, "%s: %s", daemon_startup_file(d), daemon_read_error(err));
	/* A reply is text. */
	for (char *nul = text; (nul = memchr(nul, '\0', (size_t)(text + len - nul)));)
		*nul = '?';
	err = cmd_text_only(ctx);
	if (err == 0)
		out_text(ctx->out, "%s", text);
	free(text);
	return err < 0 ? cmd_fail(ctx, "Out of memory") : CMD_OK;
}

static enum cmd_code show_errors(struct cmd_ctx *ctx)
{
	const struct daemon *d = cli_session(ctx)->daemon;
	const char *message;

	out_begin_array(ctx->out, "errors");
	for (size_t i = 0; (message = daemon_config_error(d, i)); i++) {
		out_text(ctx->out, "%s\n", message);
		out_str(ctx->out, NULL, message);
	}
	out_end_array(ctx->out);
	return CMD_OK;
}

static enum cmd_code save(struct cmd_ctx *ctx, const char *path)
{
	struct daemon *d = cli_session(ctx)->daemon;
	char *text = cli_config_text(daemon_conf(d));
	int err = text ? daemon_write_file(d, path, text) : -ENOMEM;

	free(text);
	if (err < 0)
		return cmd_fail(ctx, "%s: %s", path, daemon_write_error(d, err));
	out_text(ctx->out, "Configuration saved to %s\n", path);
	return CMD_OK;
}

/* What nobody has seen is not overwritten, unless the file is named. */
static enum cmd_code save_startup(struct cmd_ctx *ctx)
{
	const struct daemon *d = cli_session(ctx)->daemon;
	int err = daemon_startup_unread(d);

	if (err < 0)
		return cmd_fail(ctx,
				"%s is not what is running, it could not be read (%s): 'reload configuration' reads "
				"it, 'write file' overwrites it",
				daemon_startup_file(d), daemon_read_error(err));
	return save(ctx, daemon_startup_file(d));
}

static enum cmd_code run_write(struct cmd_ctx *ctx)
{
	const char *path = cmd_arg(ctx, "FILE");

	if (cmd_has(ctx, "terminal"))
		return show_running(ctx);
	return path ? save(ctx, path) : save_startup(ctx);
}

static void print_error(void *arg, const char *message)
{
	struct cmd_ctx *ctx = arg;

	out_text(ctx->out, "%% %s\n", message);
}

/* What daemon_load() or daemon_merge() has returned. */
static enum cmd_code loaded(struct cmd_ctx *ctx, const char *path, int ret)
{
	if (ret > 0)
		return cmd_fail(ctx, "%s has errors: nothing was changed", path);
	return ret < 0 ? cmd_fail(ctx, "%s: %s", path, daemon_read_error(ret)) : CMD_OK;
}

static enum cmd_code run_copy(struct cmd_ctx *ctx)
{
	struct daemon *d = cli_session(ctx)->daemon;
	const char *path = cmd_arg(ctx, "FILE");

	if (!path)
		path = daemon_startup_file(d);
	return loaded(ctx, path, daemon_merge(d, path, print_error, ctx));
}

static enum cmd_code run_restart(struct cmd_ctx *ctx)
{
	int err = daemon_restart(cli_session(ctx)->daemon);

	if (err == -ENOTCONN)
		return cmd_fail(ctx, "There is no keeper that would start improxyd again");
	return err < 0 ? cmd_fail(ctx, "The keeper is behind: %s", strerror(-err)) : CMD_OK;
}

static enum cmd_code run_reload(struct cmd_ctx *ctx)
{
	struct daemon *d = cli_session(ctx)->daemon;
	const char *path = daemon_startup_file(d);

	return loaded(ctx, path, daemon_load(d, path, print_error, ctx));
}

/* --- the rows
 * --------------------------------------------------------------------------------------------------------------------
 */

#define ALL_MODES (CMD_EXEC_MODES | CMD_CONFIG_MODES)

#define LEVELS "errors|warnings|notifications|informational|debugging"

static const struct cmd_row rows[] = {
	ROW(CMD_CONFIG_MODES, CMD_EXEC_LEVEL, "interface IFNAME", run_interface, "Configure an interface"),
	ROW(CMD_CONFIG_MODES, CMD_EXEC_LEVEL, "(no|default) interface IFNAME", run_no_interface,
	    "Forget the configuration of an interface"),
	ROW(CLI_CONFIG_IF, CMD_EXEC_LEVEL, "description LINE...", run_description, "What the interface is for"),
	ROW(CLI_CONFIG_IF, CMD_EXEC_LEVEL, "(no|default) description [LINE...]", run_description,
	    "Remove the description"),
	ROW(CLI_CONFIG, CMD_EXEC_LEVEL, "hostname NAME", run_hostname, "Name in the prompt"),
	ROW(CLI_CONFIG, CMD_EXEC_LEVEL, "(no|default) hostname [NAME]", run_hostname, "The name of the machine"),
	ROW(CLI_CONFIG, CMD_EXEC_LEVEL, "log (stderr|syslog) [" LEVELS "]", run_log, "Where the log goes"),
	ROW(CLI_CONFIG, CMD_EXEC_LEVEL, "log file FILE [" LEVELS "]", run_log_file, "Log to a file"),
	ROW(CLI_CONFIG, CMD_EXEC_LEVEL, "(no|default) log (stderr|syslog) [" LEVELS "]", run_log, "Stop logging there"),
	ROW(CLI_CONFIG, CMD_EXEC_LEVEL, "(no|default) log file [FILE [" LEVELS "]]", run_log, "Stop logging to a file"),
	ROW(ALL_MODES, CMD_EXEC_LEVEL, "show running-config [json]", show_running, "The configuration in force"),
	ROW(CMD_EXEC_MODES, CMD_EXEC_LEVEL, "show startup-config [json]", show_startup, "The startup file"),
	ROW(CMD_SHOW_MODES, CMD_SHOW_LEVEL, "show configuration errors [json]", show_errors,
	    "What was wrong with the file read last"),
	ROW(ALL_MODES, CMD_EXEC_LEVEL, "write [memory|terminal|file FILE]", run_write, "Save the configuration"),
	ROW(CMD_EXEC_MODES, CMD_EXEC_LEVEL, "copy running-config startup-config", save_startup,
	    "Save the configuration"),
	ROW(CMD_EXEC_MODES, CMD_EXEC_LEVEL, "copy startup-config running-config", run_copy,
	    "Add the lines of the startup file to the configuration, all or none"),
	ROW(CMD_EXEC_MODES, CMD_EXEC_LEVEL, "copy FILE running-config", run_copy,
	    "Add the lines of a file to the configuration, all or none"),
	ROW(CMD_EXEC_MODES, CMD_EXEC_LEVEL, "reload configuration", run_reload,
	    "Make the configuration what the startup file says"),
	ROW(CMD_EXEC_MODES, CMD_EXEC_LEVEL, "restart", run_restart,
	    "Start improxyd anew, from the startup file, without losing a packet"),
};

static const struct cmd_word words[] = {
	{ "interface", "An interface" },
	{ "no", "Negate a command" },
	{ "default", "The same as no" },
	{ "description", "What the interface is for" },
	{ "hostname", "Name in the prompt" },
	{ "log", "Where the log goes" },
	{ "stderr", "Standard error" },
	{ "syslog", "The log of the system" },
	{ "file", "A file" },
	{ "errors", "Errors only" },
	{ "configuration errors", "What was wrong with the file read last" },
	{ "warnings", "Warnings and errors" },
	{ "notifications", "What a person ought to know" },
	{ "informational", "What is going on" },
	{ "debugging", "Everything" },
	{ "show", "Show what there is" },
	{ "running-config", "The configuration in force" },
	{ "startup-config", "The startup file" },
	{ "configuration", "The configuration" },
	{ "write", "Save the configuration" },
	{ "memory", "To the startup file" },
	{ "copy", "Copy a configuration" },
	{ "reload", "Read again" },
	{ "restart", "Start the program anew" },
	{ "ip", "IPv4" },
	{ "ipv6", "IPv6" },
	{ "igmp", "Internet Group Management Protocol" },
	{ "mld", "Multicast Listener Discovery" },
	{ "multicast", "Multicast forwarding" },
	{ "access-list", "An access list" },
	{ "seq", "Place of the rule" },
	{ "permit", "Let through" },
	{ "deny", "Do not let through" },
	{ "group", "Groups the rule is for" },
	{ "source", "A source" },
	{ "any", "All" },
	{ "json", "As JSON" },
	{ "upstream", "Towards the sources" },
	{ "downstream", "Towards the hosts" },
	{ "priority", "The lowest number is chosen first" },
	{ "per-source", "An entry for each source" },
	{ "wildcard", "An entry for any source of a group" },
	{ "ip-tracking", "When the last host that is known has left" },
	{ "unconditional", "At any leave" },
};

/* The rows of one family's access lists. */
static int add_acl_rows(struct cmd_table *table, const enum family *family)
{
	static const char *const grammars[] = {
		"%s access-list ACL seq (1-4294967295) (permit|deny) [group (GROUP:PREFIX%c|any)] [source "
		"(SOURCE:PREFIX%c|any)]",
		"(no|default) %s access-list ACL [seq (1-4294967295)]",
		"(no|default) %s access-list ACL seq (1-4294967295) (permit|deny) [group (GROUP:PREFIX%c|any)] [source "
		"(SOURCE:PREFIX%c|any)]",
	};
	char v = *family == FAMILY_IPV4 ? '4' : '6';

	for (size_t i = 0; i < ARRAY_SIZE(grammars); i++) {
		struct cmd_row row = { .modes = CLI_CONFIG, .level = CMD_EXEC_LEVEL, .priv = family };
		char grammar[192];
		int err;

		snprintf(grammar, sizeof(grammar), grammars[i], family_name(*family), v, v);
		row.grammar = grammar;
		row.run = i == 0 ? run_acl : run_no_acl;
		row.help = i == 0 ? "A rule of an access list" : "Remove a rule, or a whole access list";
		err = cmd_table_add(table, &row, 1);
		if (err < 0)
			return err;
	}
	return 0;
}

/* The help of the number a setting takes. */
static int add_knob_number(struct cmd_table *table, const struct knob *knob, enum family family, const char *path)
{
	uint32_t normal = knob->range[family].normal;
	char number[96], help[32];
	const struct cmd_word word = { number, help };

	if (knob->type != KNOB_NUMBER || !normal)
		return 0;
	snprintf(number, sizeof(number), "%s (%u-%u)", path, knob->range[family].min, knob->range[family].max);
	snprintf(help, sizeof(help), "Default %u", normal);
	return cmd_table_add_words(table, &word, 1);
}

/* The help of a setting is the help of its last word. */
static int add_knob_words(struct cmd_table *table)
{
	int err = 0;

	for (size_t i = 0; i < knobs_count && err == 0; i++) {
		for (unsigned int f = 0; f < FAMILY_COUNT && err == 0; f++) {
			char path[64];
			const struct cmd_word word = { path, knobs[i].help };

			snprintf(path, sizeof(path), "%s %s",
				 knobs[i].prefix == KNOB_MULTICAST ? "multicast" : family_protocol((enum family)f),
				 knobs[i].words);
			err = cmd_table_add_words(table, &word, 1);
			if (err == 0)
				err = add_knob_number(table, &knobs[i], (enum family)f, path);
		}
	}
	return err;
}

int cmd_config_add(struct cmd_table *table)
{
	int err = cmd_table_add(table, rows, ARRAY_SIZE(rows));

	for (size_t i = 0; i < ARRAY_SIZE(families) && err == 0; i++)
		err = add_acl_rows(table, &families[i]);
	if (err == 0)
		err = knobs_add_rows(table, CLI_CONFIG, CLI_CONFIG_IF, CMD_EXEC_LEVEL, run_knob);
	if (err == 0)
		err = cmd_table_add_words(table, words, ARRAY_SIZE(words));
	if (err == 0)
		err = add_knob_words(table);
	return err;
}
