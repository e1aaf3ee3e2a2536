/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_show.h"
#include "core/gm_policy.h"
#include "core/gm_state.h"
#include "knobs.h"
#include "lib/log.h"
#include "lib/util.h"
#include "show.h"

/* --- types of variables --- */

static bool parse_of(const char *text, enum family family, struct ipaddr *addr)
{
	return ipaddr_parse(text, addr) == 0 && family_of(addr) == family;
}

static bool is_group4(const char *text)
{
	struct ipaddr addr;

	return parse_of(text, FAMILY_IPV4, &addr) && ipaddr_is_multicast(&addr);
}

static bool is_group6(const char *text)
{
	struct ipaddr addr;

	return parse_of(text, FAMILY_IPV6, &addr) && ipaddr_is_multicast(&addr);
}

static bool is_source4(const char *text)
{
	struct ipaddr addr;

	return parse_of(text, FAMILY_IPV4, &addr) && ipaddr_is_unicast_source(&addr);
}

static bool is_source6(const char *text)
{
	struct ipaddr addr;

	return parse_of(text, FAMILY_IPV6, &addr) && ipaddr_is_unicast_source(&addr);
}

/* What a setting may ask for: a group that the engine never proxies would be a setting without effect. */
static bool is_proxied(const struct ipaddr *group, const struct gm_af *af)
{
	for (unsigned int i = 0; i < af->nnever; i++) {
		if (gm_pattern_match(&af->never[i], group))
			return false;
	}
	return true;
}

static bool is_proxied4(const char *text)
{
	struct ipaddr addr;

	return is_group4(text) && ipaddr_parse(text, &addr) == 0 && is_proxied(&addr, &gm_af_igmp);
}

static bool is_proxied6(const char *text)
{
	struct ipaddr addr;

	return is_group6(text) && ipaddr_parse(text, &addr) == 0 && is_proxied(&addr, &gm_af_mld);
}

static bool prefix_of(const char *text, enum family family)
{
	struct ipprefix prefix;

	return ipprefix_parse(text, &prefix) == 0 && family_of(&prefix.addr) == family;
}

static bool is_prefix4(const char *text)
{
	return prefix_of(text, FAMILY_IPV4);
}

static bool is_prefix6(const char *text)
{
	return prefix_of(text, FAMILY_IPV6);
}

static bool is_acl(const char *text)
{
	return *text && strlen(text) < CONF_NAME_LEN;
}

/* It is part of every prompt, which is one line of the control protocol. */
static bool is_hostname(const char *text)
{
	for (size_t i = 0; text[i]; i++) {
		if (!isgraph((unsigned char)text[i]))
			return false;
	}
	return *text && strlen(text) < CONF_HOSTNAME_LEN;
}

static bool is_path(const char *text)
{
	return *text && strlen(text) < CONF_PATH_LEN;
}

/* MGROUP and MSOURCE are those there are now; GROUP and SOURCE those a setting may name. */
static const struct cmd_vartype types[] = {
	{ "IFNAME", "Name of an interface, at most 15 characters", conf_if_name_valid, show_live_ifs },
	{ "MGROUP4", "IPv4 multicast group", is_group4, show_live_groups_v4 },
	{ "MGROUP6", "IPv6 multicast group", is_group6, show_live_groups_v6 },
	{ "MSOURCE4", "IPv4 unicast address of a source", is_source4, show_live_sources_v4 },
	{ "MSOURCE6", "IPv6 unicast address of a source", is_source6, show_live_sources_v6 },
	{ "GROUP4", "IPv4 multicast group that is not of link-local scope (224.0.0.0/24)", is_proxied4, NULL },
	{ "GROUP6", "IPv6 multicast group of more than link-local scope", is_proxied6, NULL },
	{ "SOURCE4", "IPv4 unicast address of a source", is_source4, NULL },
	{ "SOURCE6", "IPv6 unicast address of a source", is_source6, NULL },
	{ "PREFIX4", "IPv4 prefix without host bits, for instance 239.1.0.0/16", is_prefix4, NULL },
	{ "PREFIX6", "IPv6 prefix without host bits, for instance ff3e::/16", is_prefix6, NULL },
	{ "ACL", "Name of an access list, at most 31 characters", is_acl, show_live_acls },
	{ "FILE", "Path of a file", is_path, NULL },
	{ "NAME", "A name without blanks, at most 64 characters", is_hostname, NULL },
	{ "LINE", "The rest of the line", NULL, NULL },
	{ "COMMAND", "A command", NULL, NULL },
};

struct cmd_table *cli_table_new(char *error, size_t size)
{
	static int (*const add[])(struct cmd_table *) = {
		cmd_session_add,
		cmd_config_add,
		cmd_show_add_all,
	};
	struct cmd_table *table = cmd_table_new(types, ARRAY_SIZE(types));

	snprintf(error, size, "out of memory");
	if (!table)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(add); i++) {
		if (add[i](table) < 0) {
			snprintf(error, size, "%s", cmd_table_error(table));
			cmd_table_free(table);
			return NULL;
		}
	}
	return table;
}

/* --- running a line --- */

enum cmd_code cli_run(struct cli_session *session, struct cmd_ctx *ctx, const char *line)
{
	enum cmd_code code;

	ctx->table = session->table;
	ctx->app = session;
	ctx->level = session->mode == CLI_VIEW ? CLI_LEVEL_VIEW : session->level;
	ctx->modes = session->mode;
	if (session->mode == CLI_CONFIG_IF && cmd_match(ctx, line) == CMD_UNKNOWN) {
		size_t column = ctx->error.column;

		ctx->modes = CLI_CONFIG;
		if (cmd_match(ctx, line) == CMD_OK)
			session->mode = CLI_CONFIG;
		else if (ctx->error.column <= column)
			ctx->modes = session->mode; /* the mode that understood more explains the error */
	}
	if (!session->candidate)
		return cmd_execute(ctx, line);
	code = cmd_match(ctx, line);
	if (code != CMD_OK || !ctx->row)
		return code;
	if (ctx->row->modes & CLI_ENABLE)
		return cmd_fail(ctx, "This is no command of configuration");
	return ctx->row->run(ctx);
}

/* --- writing the configuration --- */

static void write_log(const char *target, const struct conf_log *log, bool normally_on, const char *path,
		      struct out *out)
{
	char quoted[2 * CONF_PATH_LEN + 3];

	if (!log->on) {
		if (normally_on)
			out_text(out, "no log %s\n", target);
		return;
	}
	if (normally_on && log->level == LOG_INFORMATIONAL)
		return;
	out_text(out, "log %s", target);
	if (path && token_quote(path, quoted, sizeof(quoted)) == 0)
		out_text(out, " %s", quoted);
	if (log->level != LOG_INFORMATIONAL)
		out_text(out, " %s", log_level_name((enum log_level)log->level));
	out_text(out, "\n");
}

static void write_acl(const struct conf_acl *acl, enum family family, struct out *out)
{
	char quoted[2 * CONF_NAME_LEN + 3], text[IPADDR_STRLEN];

	if (token_quote(acl->name, quoted, sizeof(quoted)) < 0)
		return; /* it always fits */
	for (unsigned int i = 0; i < acl->acl.nrules; i++) {
		const struct gm_acl_rule *rule = &acl->acl.rules[i];

		out_text(out, "%s access-list %s seq %u %s", family_name(family), quoted, rule->seq,
			 rule->permit ? "permit" : "deny");
		if (!rule->any_group)
			out_text(out, " group %s", ipprefix_format(&rule->group, text));
		if (!rule->any_source)
			out_text(out, " source %s", ipprefix_format(&rule->source, text));
		out_text(out, "\n");
	}
}

static void write_interface(const struct conf *conf, const struct conf_if *ifc, struct out *out)
{
	char quoted[2 * GM_NAME_LEN + 3];

	if (token_quote(ifc->name, quoted, sizeof(quoted)) < 0)
		return;
	out_text(out, "!\ninterface %s\n", quoted);
	if (ifc->description)
		out_text(out, " description %s\n", ifc->description);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		for (size_t i = 0; i < knobs_count; i++) {
			if (knobs[i].scope == KNOB_INTERFACE)
				knob_write(&knobs[i], (enum family)f, conf, ifc, out);
		}
	}
}

void cli_write_config(const struct conf *conf, struct out *out)
{
	char quoted[2 * CONF_HOSTNAME_LEN + 3];

	if (*conf->hostname && token_quote(conf->hostname, quoted, sizeof(quoted)) == 0)
		out_text(out, "hostname %s\n", quoted);
	write_log("stderr", &conf->log_stderr, true, NULL, out);
	write_log("syslog", &conf->log_syslog, false, NULL, out);
	write_log("file", &conf->log_file, false, conf->log_path, out);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		for (unsigned int i = 0; i < conf->af[f].nacls; i++)
			write_acl(conf->af[f].acls[i], (enum family)f, out);
	}
	for (size_t i = 0; i < knobs_count; i++) {
		for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
			if (knobs[i].scope == KNOB_FAMILY)
				knob_write(&knobs[i], (enum family)f, conf, NULL, out);
		}
	}
	for (unsigned int i = 0; i < conf->nifs; i++)
		write_interface(conf, conf->ifs[i], out);
	out_text(out, "!\n");
}

/* A string that grows. */
struct text {
	char *v;
	size_t len;
};

static int append(void *arg, const char *buf, size_t len)
{
	struct text *text = arg;
	char *v = realloc(text->v, text->len + len + 1);

	if (!v)
		return -ENOMEM;
	text->v = v;
	memcpy(v + text->len, buf, len);
	text->len += len;
	v[text->len] = '\0';
	return 0;
}

char *cli_config_text(const struct conf *conf)
{
	struct text text = { 0 };
	struct out out;
	int err;

	out_init(&out, append, &text);
	cli_write_config(conf, &out);
	err = out_finish(&out);
	out_fini(&out);
	if (err < 0) {
		free(text.v);
		return NULL;
	}
	return text.v;
}
