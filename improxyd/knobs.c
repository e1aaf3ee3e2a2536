/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "knobs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

/* --- the table --- */

static const struct knob_choice immediate_choices[] = {
	{ "ip-tracking", GM_IMMEDIATE_TRACK },
	{ "unconditional", GM_IMMEDIATE_ALWAYS },
	{ NULL, 0 },
};

static const struct knob_choice forwarding_choices[] = {
	{ "per-source", false },
	{ "wildcard", true },
	{ NULL, 0 },
};

#define AF(field) offsetof(struct conf_af, field)
#define IF(field) offsetof(struct conf_if_af, field)
#define SAME(lo, hi, norm)                                                                                             \
	{                                                                                                              \
		{ lo, hi, norm },                                                                                      \
		{                                                                                                      \
			lo, hi, norm                                                                                   \
		}                                                                                                      \
	}

/* In the order in which `show running-config` prints them. */
/* clang-format off */
const struct knob knobs[] = {
	{ .scope = KNOB_FAMILY, .prefix = KNOB_PROTOCOL, .words = "ssm-range", .type = KNOB_ACL, .offset = AF(ssm_range),
	  .help = "Groups of source-specific multicast (default 232.0.0.0/8, ff3x::/32)",
	  .example = "SSM" },
	{ .scope = KNOB_FAMILY, .prefix = KNOB_PROTOCOL, .words = "ssm-map", .type = KNOB_SSM_MAP, .offset = AF(ssm_maps),
	  .help = "Source for hosts that cannot name one, for the groups of an access list" },
	{ .scope = KNOB_FAMILY, .prefix = KNOB_PROTOCOL, .words = "max-groups", .type = KNOB_NUMBER, .offset = AF(max_groups),
	  .help = "Most groups at a time, 0 = no limit",
	  .range = SAME(0, 10000000, 65536), .example = "1000" },
	{ .scope = KNOB_FAMILY, .prefix = KNOB_MULTICAST, .words = "forwarding", .type = KNOB_CHOICE, .offset = AF(wildcard),
	  .help = "Forwarding entries for each source, or for any source of a group",
	  .range = SAME(0, 1, 0), .example = "wildcard", .choices = forwarding_choices },
	{ .scope = KNOB_FAMILY, .prefix = KNOB_MULTICAST, .words = "route-limit", .type = KNOB_NUMBER, .offset = AF(route_limit),
	  .help = "Most forwarding entries, 0 = no limit",
	  .range = SAME(0, 10000000, 16384), .example = "1000" },
	{ .scope = KNOB_FAMILY, .prefix = KNOB_MULTICAST, .words = "idle-timeout", .type = KNOB_NUMBER, .offset = AF(idle_timeout_s),
	  .help = "Seconds after which a forwarding entry without traffic is removed",
	  .range = SAME(1, 86400, 210), .example = "60" },
	{ .scope = KNOB_FAMILY, .prefix = KNOB_MULTICAST, .words = "table", .type = KNOB_NUMBER, .offset = AF(table),
	  .help = "Multicast routing table of the kernel",
	  .range = { { 1, 999999999, 253 }, { 1, 99999999, 253 } }, .example = "100" },

	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "proxy", .type = KNOB_ROLE, .offset = IF(role),
	  .help = "Role of the interface",
	  .example = "upstream priority 7 access-list TV" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "version", .type = KNOB_NUMBER, .offset = IF(version),
	  .help = "Version of the protocol",
	  .range = { { 1, 3, 3 }, { 1, 2, 2 } }, .example = "1" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "strict-version", .type = KNOB_SWITCH, .offset = IF(strict_version),
	  .help = "Ignore hosts and upstream queriers of older versions of the protocol",
	  .range = SAME(0, 1, false), .example = "" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "query-interval", .type = KNOB_NUMBER, .offset = IF(query_interval_s),
	  .help = "Seconds between general queries",
	  .range = SAME(1, 31744, 125), .example = "60" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "query-max-response-time", .type = KNOB_NUMBER, .offset = IF(query_max_response_ds),
	  .help = "Time hosts have to answer a general query, in tenths of a second (default 100, or half a query interval of up to 10 s)",
	  .range = SAME(1, 31744, 0), .spoken = 100, .example = "50" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "last-member-query-interval", .type = KNOB_NUMBER, .offset = IF(last_member_query_interval_ds),
	  .help = "Time between last member queries, in tenths of a second",
	  .range = SAME(1, 65535, 10), .example = "5" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "last-member-query-count", .type = KNOB_NUMBER, .offset = IF(last_member_query_count),
	  .help = "Number of last member queries (default: the robustness variable)",
	  .range = SAME(1, 255, 0), .example = "3" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "startup-query-interval", .type = KNOB_NUMBER, .offset = IF(startup_query_interval_s),
	  .help = "Seconds between the first general queries (default: a quarter of the query interval)",
	  .range = SAME(1, 31744, 0), .example = "5" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "startup-query-count", .type = KNOB_NUMBER, .offset = IF(startup_query_count),
	  .help = "Number of first general queries (default: the robustness variable)",
	  .range = SAME(1, 255, 0), .example = "4" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "robustness-variable", .type = KNOB_NUMBER, .offset = IF(robustness),
	  .help = "Expected loss of packets: one less than this many may be lost",
	  .range = SAME(1, 7, 2), .example = "3" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "immediate-leave", .type = KNOB_CHOICE, .offset = IF(immediate_leave),
	  .help = "Stop a stream as soon as its last host has left",
	  .range = SAME(0, 2, GM_IMMEDIATE_OFF), .example = "unconditional", .choices = immediate_choices, .bare = true },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "require-router-alert", .type = KNOB_SWITCH, .offset = IF(require_router_alert),
	  .help = "Ignore messages without the Router Alert option",
	  .range = { { 0, 1, false }, { 1, 1, true } }, .example = "" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "verify-source-subnet", .type = KNOB_SWITCH, .offset = IF(verify_source_subnet),
	  .help = "Ignore reports of hosts that are not on the subnet of the interface",
	  .range = SAME(0, 1, true), .example = "" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "access-list", .type = KNOB_ACL, .offset = IF(access_list),
	  .help = "Groups and sources hosts may ask for",
	  .example = "TV" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "max-groups", .type = KNOB_NUMBER, .offset = IF(max_groups),
	  .help = "Most groups at a time, 0 = no limit",
	  .range = SAME(0, 10000000, 4096), .example = "100" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "max-sources", .type = KNOB_NUMBER, .offset = IF(max_sources),
	  .help = "Most sources of a group, 0 = no limit",
	  .range = SAME(0, 65535, 1024), .example = "100" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "static-group", .type = KNOB_MEMBERS, .offset = IF(statics),
	  .help = "Forward a group as if a host had joined it" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "join-group", .type = KNOB_MEMBERS, .offset = IF(joins),
	  .help = "Join a group as a host on this interface" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "forward-as-non-querier", .type = KNOB_SWITCH, .offset = IF(forward_as_non_querier),
	  .help = "Forward even while another router is the querier",
	  .range = SAME(0, 1, false), .example = "" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_PROTOCOL, .words = "leave-delay", .type = KNOB_NUMBER, .offset = IF(leave_delay_ms),
	  .help = "Milliseconds a group stays joined upstream after its last member",
	  .range = SAME(0, 60000, 0), .example = "500" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_MULTICAST, .words = "boundary", .type = KNOB_ACL, .offset = IF(boundary),
	  .help = "Groups whose data may cross this interface",
	  .example = "TV" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_MULTICAST, .words = "ttl-threshold", .type = KNOB_NUMBER, .offset = IF(ttl_threshold),
	  .help = "TTL a packet must exceed to leave by this interface",
	  .vain = { NULL, "the kernel has no hop limit threshold for IPv6 multicast" },
	  .range = SAME(1, 255, 1), .example = "16" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_MULTICAST, .words = "router-discovery", .type = KNOB_SWITCH, .offset = IF(router_discovery),
	  .help = "Announce this router to snooping switches (RFC 4286)",
	  .range = SAME(0, 1, false), .example = "" },
	{ .scope = KNOB_INTERFACE, .prefix = KNOB_MULTICAST, .words = "router-discovery-interval", .type = KNOB_NUMBER, .offset = IF(router_discovery_interval_s),
	  .help = "Seconds between announcements",
	  .range = SAME(4, 180, 20), .example = "60" },
};
/* clang-format on */

const size_t knobs_count = ARRAY_SIZE(knobs);

/* --- from a row to commands --- */

#define GRAMMAR_MAX 256

static const char *second_word(const struct knob *knob, enum family family)
{
	return knob->prefix == KNOB_PROTOCOL ? family_protocol(family) : "multicast";
}

/* The grammar of the part behind the words. Everything is optional in a `no` line but what tells one of many. */
static void value_grammar(const struct knob_use *use, char *buf, size_t size)
{
	const struct knob *knob = use->knob;
	bool unset = use->form == KNOB_UNSET;
	char v = use->family == FAMILY_IPV4 ? '4' : '6';
	size_t n;

	buf[0] = '\0';
	switch (knob->type) {
	case KNOB_NUMBER:
		snprintf(buf, size, unset ? "[(%u-%u)]" : "(%u-%u)", knob->range[use->family].min,
			 knob->range[use->family].max);
		return;
	case KNOB_SWITCH:
		return;
	case KNOB_CHOICE:
		n = (size_t)snprintf(buf, size, "%s", unset || knob->bare ? "[" : "(");
		for (const struct knob_choice *c = knob->choices; c->word; c++)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", c == knob->choices ? "" : "|", c->word);
		snprintf(buf + n, size - n, "%s", unset || knob->bare ? "]" : ")");
		return;
	case KNOB_ACL:
		snprintf(buf, size, unset ? "[ACL]" : "ACL");
		return;
	case KNOB_MEMBERS:
		snprintf(buf, size, "GROUP:GROUP%c [source SOURCE:SOURCE%c]", v, v);
		return;
	case KNOB_SSM_MAP:
		snprintf(buf, size, unset ? "ACL [SOURCE:SOURCE%c]" : "ACL SOURCE:SOURCE%c", v);
		return;
	case KNOB_ROLE:
		snprintf(buf, size,
			 unset ? "[upstream [priority (0-255)] [access-list ACL]|downstream]"
			       : "(upstream [priority (0-255)] [access-list ACL]|downstream)");
		return;
	}
}

/* One use for each setting, family and form, for the rows to point at. */
static struct knob_use uses[ARRAY_SIZE(knobs) * FAMILY_COUNT * 2];

static int add_row(struct cmd_table *table, const struct cmd_row *like, const struct knob_use *use, const char *before)
{
	char grammar[GRAMMAR_MAX], value[GRAMMAR_MAX / 2];
	struct cmd_row row = *like;

	value_grammar(use, value, sizeof(value));
	snprintf(grammar, sizeof(grammar), "%s%s %s %s %s", before, family_name(use->family),
		 second_word(use->knob, use->family), use->knob->words, value);
	row.grammar = grammar;
	row.help = use->knob->help;
	row.priv = use;
	return cmd_table_add(table, &row, 1);
}

int knobs_add_rows(struct cmd_table *table, unsigned int family_modes, unsigned int if_modes, unsigned int level,
		   enum cmd_code (*run)(struct cmd_ctx *ctx))
{
	struct knob_use *use = uses;
	int err = 0;

	for (size_t i = 0; i < knobs_count; i++) {
		const struct cmd_row like = { .modes = knobs[i].scope == KNOB_FAMILY ? family_modes : if_modes,
					      .level = level,
					      .run = run };

		for (unsigned int f = 0; f < FAMILY_COUNT && err == 0; f++) {
			*use = (struct knob_use){ &knobs[i], (enum family)f, KNOB_SET };
			err = add_row(table, &like, use++, "");
			if (err < 0)
				break;
			*use = (struct knob_use){ &knobs[i], (enum family)f, KNOB_UNSET };
			err = add_row(table, &like, use++, "(no|default) ");
		}
	}
	return err;
}

/* --- fields --- */

static void *field_of(const struct knob *knob, enum family family, struct conf *conf, struct conf_if *ifc)
{
	return (char *)(knob->scope == KNOB_FAMILY ? (void *)&conf->af[family] : (void *)&ifc->af[family]) +
	       knob->offset;
}

/* Choices are kept in an enum, or in a bool where there are two. */
static bool is_bool_choice(const struct knob *knob)
{
	return knob->range[FAMILY_IPV4].max == 1;
}

static int get_choice(const struct knob *knob, const void *field)
{
	return is_bool_choice(knob) ? *(const bool *)field : (int)*(const unsigned int *)field;
}

static void set_choice(const struct knob *knob, void *field, int value)
{
	if (is_bool_choice(knob))
		*(bool *)field = value != 0;
	else
		*(unsigned int *)field = (unsigned int)value;
}

static enum cmd_code finish(struct cmd_ctx *ctx, int err, const char *what)
{
	if (err == -ENOENT)
		return cmd_fail(ctx, "There is no such %s", what);
	return err < 0 ? cmd_fail(ctx, "%s", strerror(-err)) : CMD_OK;
}

/* --- setting --- */

/* The variable types have checked that these are addresses of the right kind and family. */
static void read_addr(const struct cmd_ctx *ctx, const char *name, struct ipaddr *addr)
{
	const char *text = cmd_arg(ctx, name);

	if (!text || ipaddr_parse(text, addr) < 0)
		*addr = (struct ipaddr){ 0 };
}

static enum cmd_code set_name(struct cmd_ctx *ctx, char *name, const char *text)
{
	if (strlen(text) >= CONF_NAME_LEN)
		return cmd_fail(ctx, "The name of an access list has at most %d characters", CONF_NAME_LEN - 1);
	snprintf(name, CONF_NAME_LEN, "%s", text);
	return CMD_OK;
}

static enum cmd_code run_members(const struct knob_use *use, struct cmd_ctx *ctx, struct conf *conf,
				 struct conf_members *members)
{
	struct gm_static member;

	read_addr(ctx, "GROUP", &member.group);
	read_addr(ctx, "SOURCE", &member.source);
	if (use->form == KNOB_SET)
		return finish(ctx, conf_members_add(conf, members, &member), use->knob->words);
	return finish(ctx, conf_members_remove(conf, members, &member), use->knob->words);
}

static enum cmd_code run_ssm_map(const struct knob_use *use, struct cmd_ctx *ctx, struct conf *conf)
{
	struct conf_ssm_map map;
	enum cmd_code code = set_name(ctx, map.acl, cmd_arg(ctx, "ACL"));

	if (code != CMD_OK)
		return code;
	read_addr(ctx, "SOURCE", &map.source);
	if (use->form == KNOB_SET)
		return finish(ctx, conf_ssm_map_add(conf, use->family, &map), use->knob->words);
	return finish(ctx, conf_ssm_map_remove(conf, use->family, &map), use->knob->words);
}

static enum cmd_code run_role(const struct knob_use *use, struct cmd_ctx *ctx, struct conf_if_af *af)
{
	enum gm_role role = cmd_has(ctx, "downstream") ? GM_ROLE_DOWNSTREAM
			    : cmd_has(ctx, "upstream") ? GM_ROLE_UPSTREAM
						       : GM_ROLE_NONE;
	const char *acl = cmd_arg(ctx, "ACL");
	struct conf_if_af defaults;

	/* A role that the interface does not have is gone already. */
	if (use->form == KNOB_UNSET && role != GM_ROLE_NONE && role != af->role)
		return CMD_OK;
	conf_if_af_defaults(&defaults, use->family);
	af->role = GM_ROLE_NONE;
	af->priority = defaults.priority;
	af->upstream_acl[0] = '\0';
	if (use->form == KNOB_UNSET)
		return CMD_OK;
	af->role = role;
	if (role == GM_ROLE_DOWNSTREAM)
		return CMD_OK;
	af->priority = (uint32_t)cmd_arg_int(ctx, "(0-255)", defaults.priority);
	return acl ? set_name(ctx, af->upstream_acl, acl) : CMD_OK;
}

static enum cmd_code run_number(const struct knob_use *use, const struct cmd_ctx *ctx, const struct conf_if *ifc,
				uint32_t *field)
{
	const struct knob *knob = use->knob;
	uint32_t value;

	*field = knob->range[use->family].normal;
	if (use->form == KNOB_UNSET)
		return CMD_OK;
	value = (uint32_t)strtoul(cmd_arg_last(ctx), NULL, 10);
	/* The default that is typed is the default, unless that has given way to another setting. */
	if (!knob->spoken || value != knob->spoken || value != conf_query_response_ds(&ifc->af[use->family]))
		*field = value;
	return CMD_OK;
}

static enum cmd_code run_choice(const struct knob_use *use, struct cmd_ctx *ctx, void *field)
{
	const struct knob *knob = use->knob;

	if (use->form == KNOB_UNSET) {
		set_choice(knob, field, (int)knob->range[use->family].normal);
		return CMD_OK;
	}
	for (const struct knob_choice *c = knob->choices; c->word; c++) {
		if (cmd_has(ctx, c->word)) {
			set_choice(knob, field, c->value);
			return CMD_OK;
		}
	}
	set_choice(knob, field, knob->choices[0].value);
	return CMD_OK;
}

static enum cmd_code run_switch(const struct knob_use *use, struct cmd_ctx *ctx, bool *field)
{
	bool on = use->form == KNOB_SET;

	if (on < use->knob->range[use->family].min)
		return cmd_fail(ctx, "%s %s is always on", family_protocol(use->family), use->knob->words);
	*field = on;
	return CMD_OK;
}

enum cmd_code knob_run(const struct knob_use *use, struct cmd_ctx *ctx, struct conf *conf, struct conf_if *ifc)
{
	const struct knob *knob = use->knob;
	void *field = field_of(knob, use->family, conf, ifc);

	if (use->form == KNOB_SET && knob->vain[use->family])
		out_text(ctx->out, "! %s has no effect: %s\n", knob->words, knob->vain[use->family]);
	switch (knob->type) {
	case KNOB_NUMBER:
		return run_number(use, ctx, ifc, field);
	case KNOB_SWITCH:
		return run_switch(use, ctx, field);
	case KNOB_CHOICE:
		return run_choice(use, ctx, field);
	case KNOB_ACL:
		conf->af[use->family].policy_serial += knob->scope == KNOB_FAMILY;
		return set_name(ctx, field, use->form == KNOB_UNSET ? "" : cmd_arg(ctx, "ACL"));
	case KNOB_MEMBERS:
		return run_members(use, ctx, conf, field);
	case KNOB_SSM_MAP:
		return run_ssm_map(use, ctx, conf);
	case KNOB_ROLE:
		return run_role(use, ctx, &ifc->af[use->family]);
	}
	return CMD_OK;
}

/* --- writing --- */

/* The line up to its value, with what has to stand in front of it. */
static void write_words(const struct knob *knob, enum family family, const char *before, struct out *out)
{
	out_text(out, "%s%s%s %s %s", knob->scope == KNOB_INTERFACE ? " " : "", before, family_name(family),
		 second_word(knob, family), knob->words);
}

static void write_acl(const struct knob *knob, enum family family, const char *name, struct out *out)
{
	char quoted[2 * CONF_NAME_LEN + 3];

	if (token_quote(name, quoted, sizeof(quoted)) < 0)
		return; /* it always fits */
	write_words(knob, family, "", out);
	out_text(out, " %s\n", quoted);
}

static void write_members(const struct knob *knob, enum family family, const struct conf_members *members,
			  struct out *out)
{
	char text[IPADDR_STRLEN];

	for (unsigned int i = 0; i < members->n; i++) {
		write_words(knob, family, "", out);
		out_text(out, " %s", ipaddr_format(&members->v[i].group, text));
		if (!ipaddr_is_none(&members->v[i].source))
			out_text(out, " source %s", ipaddr_format(&members->v[i].source, text));
		out_text(out, "\n");
	}
}

static void write_role(const struct knob *knob, enum family family, const struct conf_if_af *af, struct out *out)
{
	char quoted[2 * CONF_NAME_LEN + 3];
	struct conf_if_af defaults;

	if (af->role == GM_ROLE_NONE)
		return;
	conf_if_af_defaults(&defaults, family);
	write_words(knob, family, "", out);
	out_text(out, af->role == GM_ROLE_UPSTREAM ? " upstream" : " downstream");
	if (af->priority != defaults.priority)
		out_text(out, " priority %u", af->priority);
	if (*af->upstream_acl && token_quote(af->upstream_acl, quoted, sizeof(quoted)) == 0)
		out_text(out, " access-list %s", quoted);
	out_text(out, "\n");
}

static void write_choice(const struct knob *knob, enum family family, int value, struct out *out)
{
	for (const struct knob_choice *c = knob->choices; c->word; c++) {
		if (c->value != value)
			continue;
		write_words(knob, family, "", out);
		out_text(out, " %s\n", c->word);
	}
}

void knob_write(const struct knob *knob, enum family family, const struct conf *conf, const struct conf_if *ifc,
		struct out *out)
{
	const void *field = field_of(knob, family, (struct conf *)conf, (struct conf_if *)ifc);
	const struct conf_af *af = &conf->af[family];
	uint32_t normal = knob->range[family].normal;
	char quoted[2 * CONF_NAME_LEN + 3], text[IPADDR_STRLEN];

	switch (knob->type) {
	case KNOB_NUMBER:
		if (*(const uint32_t *)field == normal)
			return;
		write_words(knob, family, "", out);
		out_text(out, " %u\n", *(const uint32_t *)field);
		return;
	case KNOB_SWITCH:
		if (*(const bool *)field == (normal != 0))
			return;
		write_words(knob, family, *(const bool *)field ? "" : "no ", out);
		out_text(out, "\n");
		return;
	case KNOB_CHOICE:
		if (get_choice(knob, field) != (int)normal)
			write_choice(knob, family, get_choice(knob, field), out);
		return;
	case KNOB_ACL:
		if (*(const char *)field)
			write_acl(knob, family, field, out);
		return;
	case KNOB_MEMBERS:
		write_members(knob, family, field, out);
		return;
	case KNOB_SSM_MAP:
		for (unsigned int i = 0; i < af->nssm_maps; i++) {
			if (token_quote(af->ssm_maps[i].acl, quoted, sizeof(quoted)) < 0)
				continue;
			write_words(knob, family, "", out);
			out_text(out, " %s %s\n", quoted, ipaddr_format(&af->ssm_maps[i].source, text));
		}
		return;
	case KNOB_ROLE:
		write_role(knob, family, &ifc->af[family], out);
		return;
	}
}
