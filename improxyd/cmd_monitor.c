/* SPDX-License-Identifier: GPL-2.0-or-later */
/* monitor: what the engines do, one line an event as it happens, until the client sends another line. */
#include "cmd_show.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "show.h"

enum subject { OF_PROTOCOL, OF_ROUTES };

struct monitor {
	struct cli_session *session;
	struct out *out;
	bool all;
	enum family family;
	enum subject subject;
	struct daemon_listener listener;
};

/* --- an event --- */

#define WORD_LEN 32

/* "group-joined" of GROUP_JOINED: what a program looks for. */
static const char *note_word(enum gm_note note, char *buf)
{
	static const char *const names[GM_NOTE_COUNT] = {
#define NAME(name, text) [GM_NOTE_##name] = #name,
		GM_NOTES(NAME)
#undef NAME
	};
	size_t i = 0;

	for (; names[note][i] && i + 1 < WORD_LEN; i++)
		buf[i] = names[note][i] == '_' ? '-' : (char)tolower((unsigned char)names[note][i]);
	buf[i] = '\0';
	return buf;
}

static enum subject subject_of(const struct gm_action *a)
{
	switch (a->type) {
	case GM_ACT_ROUTE_SET:
	case GM_ACT_ROUTE_DEL:
		return OF_ROUTES;
	case GM_ACT_NOTE:
		return a->note.what == GM_NOTE_ROUTE_LIMIT ? OF_ROUTES : OF_PROTOCOL;
	case GM_ACT_QUERY:
	case GM_ACT_DISCOVERY:
	case GM_ACT_UPSTREAM:
		break;
	}
	return OF_PROTOCOL;
}

static void emit_event(struct out *o, const char *word, const char *text)
{
	out_str(o, "event", word);
	out_text(o, " %s", text);
}

static void emit_addr(struct out *o, const char *key, const char *text, const struct ipaddr *addr)
{
	char buf[IPADDR_STRLEN];

	if (ipaddr_is_none(addr))
		return;
	out_addr(o, key, addr);
	out_text(o, "%s %s", text, ipaddr_format(addr, buf));
}

static void emit_sources(struct out *o, const struct ipaddr *sources, unsigned int n)
{
	char buf[IPADDR_STRLEN];

	out_begin_array(o, "sources");
	out_text(o, " {");
	for (unsigned int i = 0; i < n; i++) {
		out_addr(o, NULL, &sources[i]);
		/* A line is for people: a long list is not. */
		if (i < 8)
			out_text(o, "%s%s", i ? ", " : "", ipaddr_format(&sources[i], buf));
		else if (i == 8)
			out_text(o, ", ...");
	}
	out_end_array(o);
	out_text(o, "}");
}

static void emit_route(struct out *o, const struct gm *gm, const struct gm_action *a)
{
	char source[IPADDR_STRLEN] = "*", group[IPADDR_STRLEN] = "*";

	if (!ipaddr_is_none(&a->route.source))
		ipaddr_format(&a->route.source, source);
	if (!ipaddr_is_none(&a->route.group))
		ipaddr_format(&a->route.group, group);
	out_addr(o, "source", &a->route.source);
	out_addr(o, "group", &a->route.group);
	out_text(o, " (%s,%s)", source, group);
	if (a->type == GM_ACT_ROUTE_DEL)
		return;
	out_text(o, " to");
	out_begin_array(o, "oil");
	for (unsigned int slot = 0; slot < GM_MAX_IFS; slot++) {
		const char *name = show_slot_name(gm, (uint8_t)slot);

		if (!(a->route.oifs & UINT32_C(1) << slot) || !name)
			continue;
		out_str(o, NULL, name);
		out_text(o, " %s", name);
	}
	out_end_array(o);
	if (!a->route.oifs)
		out_text(o, " nowhere");
}

static void emit_upstream(struct out *o, const struct gm_action *a)
{
	bool leave = a->upstream.mode == GM_INCLUDE && !a->upstream.nsources;

	emit_event(o, leave ? "upstream-left" : "upstream-set", leave ? "left upstream" : "upstream filter");
	emit_addr(o, "group", "", &a->upstream.group);
	if (leave)
		return;
	out_str(o, "mode", show_mode(a->upstream.mode));
	out_text(o, " %s", show_mode(a->upstream.mode));
	emit_sources(o, a->upstream.sources, a->upstream.nsources);
}

static void emit_action(struct out *o, const struct gm *gm, const struct gm_action *a)
{
	char word[WORD_LEN];

	switch (a->type) {
	case GM_ACT_NOTE:
		emit_event(o, note_word(a->note.what, word), gm_note_names[a->note.what]);
		emit_addr(o, "group", ",", &a->note.group);
		emit_addr(o, "from", ", from", &a->note.from);
		return;
	case GM_ACT_QUERY:
		emit_event(o, "query-sent", ipaddr_is_none(&a->query.group) ? "general query sent" : "query sent");
		emit_addr(o, "group", ",", &a->query.group);
		if (a->query.nsources)
			emit_sources(o, a->query.sources, a->query.nsources);
		return;
	case GM_ACT_DISCOVERY:
		emit_event(o, "discovery-sent", "router discovery sent");
		return;
	case GM_ACT_UPSTREAM:
		emit_upstream(o, a);
		return;
	case GM_ACT_ROUTE_SET:
		emit_event(o, "route-set", "route set");
		emit_route(o, gm, a);
		return;
	case GM_ACT_ROUTE_DEL:
		emit_event(o, "route-deleted", "route deleted");
		emit_route(o, gm, a);
		return;
	}
}

static void emit_head(struct out *o, const char *family, const char *ifname)
{
	char stamp[64];

	daemon_stamp(stamp, sizeof(stamp));
	out_str(o, "time", stamp);
	out_str(o, "protocol", family);
	out_str(o, "interface", ifname);
	out_text(o, "%s %s%s%s", stamp, family, ifname ? " " : "", ifname ? ifname : "");
}

/* Each line is a document of its own, handed out at once. An error of it is the session's end, which others see to. */
static void end_line(struct out *o)
{
	out_text(o, "\n");
	(void)out_finish(o);
}

static void on_event(void *arg, const struct daemon_event *ev)
{
	struct monitor *m = arg;
	enum subject subject = subject_of(ev->action);

	if (!m->all && (ev->family != m->family || subject != m->subject))
		return;
	emit_head(m->out,
		  subject == OF_ROUTES ? ev->family == FAMILY_IPV4 ? "mroute" : "mroute6" : family_protocol(ev->family),
		  ev->ifname);
	emit_action(m->out, daemon_gm(m->session->daemon, ev->family), ev->action);
	end_line(m->out);
}

/* --- the command --- */

static void monitor_free(void *state)
{
	struct monitor *m = state;

	daemon_unlisten(m->session->daemon, &m->listener);
	free(m);
}

static enum cmd_code run_monitor(struct cmd_ctx *ctx)
{
	struct monitor *m = ctx->state;

	if (m) {
		/* The client has stopped it: nothing is left to be written, also no empty document. */
		out_set_format(ctx->out, OUT_TEXT);
		return CMD_OK;
	}
	m = calloc(1, sizeof(*m));
	if (!m)
		return cmd_fail(ctx, "Out of memory");
	m->session = cli_session(ctx);
	m->out = ctx->out;
	m->all = cmd_has(ctx, "all");
	m->family = show_family(ctx);
	m->subject = cmd_has(ctx, "mroute") ? OF_ROUTES : OF_PROTOCOL;
	m->listener = (struct daemon_listener){ .event = on_event, .arg = m };
	daemon_listen(m->session->daemon, &m->listener);
	ctx->state = m;
	ctx->state_free = monitor_free;
	if (out_is_json(ctx->out))
		out_set_format(ctx->out, OUT_JSON_LINE);
	return CMD_STREAM;
}

/* --- the rows --- */

int cmd_monitor_add(struct cmd_table *table)
{
	static const struct show_row rows[] = {
		{ true, "monitor %ip% %proto% [json]", run_monitor, "Tell what %PROTO% does, as it happens" },
		{ true, "monitor %ip% mroute [json]", run_monitor, "Tell how %IP% forwarding entries change" },
		{ true, "monitor all [json]", run_monitor, "Tell everything, as it happens" },
	};
	static const struct cmd_word words[] = {
		{ "monitor", "Tell what happens, as it happens" },
		{ "monitor ip", "IPv4" },
		{ "monitor ipv6", "IPv6" },
		{ "monitor ip igmp", "Groups, filters, queriers, queries" },
		{ "monitor ipv6 mld", "Groups, filters, queriers, queries" },
		{ "monitor all", "Everything" },
		{ "monitor json", "One JSON document a line" },
	};
	int err = show_add_rows(table, rows, ARRAY_SIZE(rows));

	return err < 0 ? err : cmd_table_add_words(table, words, ARRAY_SIZE(words));
}
