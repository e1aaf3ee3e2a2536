/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "conf.h"

/* --- one row for both families --- */

static const enum family families[FAMILY_COUNT] = { FAMILY_IPV4, FAMILY_IPV6 };

static const struct placeholder {
	const char *word;
	const char *text[FAMILY_COUNT];
} placeholders[] = {
	{ "%ip%", { "ip", "ipv6" } },     { "%proto%", { "igmp", "mld" } }, { "%IP%", { "IPv4", "IPv6" } },
	{ "%PROTO%", { "IGMP", "MLD" } }, { "%v%", { "4", "6" } },
};

#define ROW_TEXT_MAX 256

/* Returns true when something was replaced. What does not fit is cut, which cmd_table_add() then finds unreadable. */
static bool expand(const char *text, enum family family, char *buf, size_t size)
{
	bool replaced = false;
	size_t n = 0;

	while (*text && n + 1 < size) {
		const struct placeholder *p = NULL;

		for (size_t i = 0; *text == '%' && i < ARRAY_SIZE(placeholders); i++) {
			if (strncmp(text, placeholders[i].word, strlen(placeholders[i].word)) == 0)
				p = &placeholders[i];
		}
		if (p) {
			int len = snprintf(buf + n, size - n, "%s", p->text[family]);

			n = n + (size_t)len < size ? n + (size_t)len : size - 1;
			text += strlen(p->word);
			replaced = true;
		} else {
			buf[n++] = *text++;
		}
	}
	buf[n] = '\0';
	return replaced;
}

static int add_row(struct cmd_table *table, const struct show_row *row, enum family family, bool *of_family)
{
	char grammar[ROW_TEXT_MAX], help[ROW_TEXT_MAX];
	struct cmd_row added = {
		.modes = row->enable ? CMD_EXEC_MODES : CMD_SHOW_MODES,
		.level = row->enable ? CMD_EXEC_LEVEL : CMD_SHOW_LEVEL,
		.grammar = grammar,
		.run = row->run,
		.help = help,
	};

	*of_family = expand(row->grammar, family, grammar, sizeof(grammar));
	expand(row->help, family, help, sizeof(help));
	if (*of_family)
		added.priv = &families[family];
	return cmd_table_add(table, &added, 1);
}

int show_add_rows(struct cmd_table *table, const struct show_row *rows, size_t nrows)
{
	for (size_t i = 0; i < nrows; i++) {
		bool of_family = true;

		for (unsigned int f = 0; f < FAMILY_COUNT && of_family; f++) {
			int err = add_row(table, &rows[i], (enum family)f, &of_family);

			if (err < 0)
				return err;
		}
	}
	return 0;
}

enum family show_family(const struct cmd_ctx *ctx)
{
	return ctx->row->priv ? *(const enum family *)ctx->row->priv : FAMILY_IPV4;
}

const struct gm *show_gm(const struct cmd_ctx *ctx)
{
	return daemon_gm(show_daemon(ctx), show_family(ctx));
}

/* --- words --- */

const char *show_protocol(enum family family)
{
	static const char *const names[FAMILY_COUNT] = { "IGMP", "MLD" };

	return names[family];
}

unsigned int show_version_of(enum family family, enum gm_gen gen)
{
	return (unsigned int)gen - (family == FAMILY_IPV6);
}

const char *show_role(enum gm_role role)
{
	switch (role) {
	case GM_ROLE_NONE:
		break;
	case GM_ROLE_UPSTREAM:
		return "upstream";
	case GM_ROLE_DOWNSTREAM:
		return "downstream";
	}
	return "none";
}

/* The engine counts by generation; a reader knows the versions of the family. What was sent has one name in both. */
const char *show_counter_name(enum family family, enum gm_counter counter)
{
	static const char *const received[FAMILY_COUNT][GM_C_COUNT] = {
		[FAMILY_IPV4] = {
			[GM_C_RX_QUERY_GEN1] = "queryV1",
			[GM_C_RX_QUERY_GEN2] = "queryV2",
			[GM_C_RX_QUERY_GEN3] = "queryV3",
			[GM_C_RX_REPORT_GEN1] = "reportV1",
			[GM_C_RX_REPORT_GEN2] = "reportV2",
			[GM_C_RX_REPORT_GEN3] = "reportV3",
			[GM_C_RX_LEAVE] = "leaveV2",
		},
		[FAMILY_IPV6] = {
			[GM_C_RX_QUERY_GEN2] = "queryV1",
			[GM_C_RX_QUERY_GEN3] = "queryV2",
			[GM_C_RX_REPORT_GEN2] = "reportV1",
			[GM_C_RX_REPORT_GEN3] = "reportV2",
			[GM_C_RX_LEAVE] = "doneV1",
		},
	};

	return counter >= GM_C_TX_GENERAL ? gm_counter_names[counter] : received[family][counter];
}

const char *show_mode(enum gm_mode mode)
{
	return mode == GM_EXCLUDE ? "EXCLUDE" : "INCLUDE";
}

const char *show_mode_short(enum gm_mode mode)
{
	return mode == GM_EXCLUDE ? "EXCL" : "INCL";
}

bool show_arg_addr(const struct cmd_ctx *ctx, const char *name, struct ipaddr *addr)
{
	const char *text = cmd_arg(ctx, name);

	*addr = (struct ipaddr){ 0 };
	return text && ipaddr_parse(text, addr) == 0;
}

enum cmd_code show_no_if(struct cmd_ctx *ctx, const char *ifname)
{
	struct daemon_link link;

	if (out_is_json(ctx->out))
		return CMD_OK;
	if (daemon_link(show_daemon(ctx), ifname, &link))
		return cmd_fail(ctx, "Interface %s has no %s proxy role", ifname, show_protocol(show_family(ctx)));
	return cmd_fail(ctx, "There is no interface %s", ifname);
}

enum cmd_code show_no_family(struct cmd_ctx *ctx)
{
	if (out_is_json(ctx->out))
		return CMD_OK;
	return cmd_fail(ctx, "%s is not available: the kernel does not know the address family",
			show_protocol(show_family(ctx)));
}

const char *show_owner(enum family family, const struct daemon_status *status, char *buf)
{
	const char *name = family == FAMILY_IPV4 ? "IPv4" : "IPv6";

	if (!status->usable)
		snprintf(buf, SHOW_OWNER_LEN, "the kernel does not know %s", name);
	else if (status->router)
		snprintf(buf, SHOW_OWNER_LEN, "this process is the kernel's %s multicast router", name);
	else if (!status->wanted)
		snprintf(buf, SHOW_OWNER_LEN, "not asked for: no interface has a role in %s", name);
	else if (status->error == -EADDRINUSE)
		snprintf(buf, SHOW_OWNER_LEN,
			 "another process is the kernel's %s multicast router; it is asked for again and again", name);
	else
		snprintf(buf, SHOW_OWNER_LEN, "the kernel refuses %s multicast routing: %s", name,
			 strerror(-status->error));
	return buf;
}

/* --- interfaces --- */

const struct gm_if *show_gm_if(const struct gm *gm, const char *name)
{
	for (unsigned int i = 0; gm && i < GM_MAX_IFS; i++) {
		const struct gm_if *ifp = &gm->ifs[i];

		if (ifp->conf.role != GM_ROLE_NONE && strcmp(ifp->conf.name, name) == 0)
			return ifp;
	}
	return NULL;
}

const char *show_slot_name(const struct gm *gm, uint8_t slot)
{
	return slot < GM_MAX_IFS && gm->ifs[slot].conf.role != GM_ROLE_NONE ? gm->ifs[slot].conf.name : NULL;
}

static int compare_ifs(const void *a, const void *b)
{
	const struct gm_if *const *x = a, *const *y = b;

	return strcmp((*x)->conf.name, (*y)->conf.name);
}

unsigned int show_sort_ifs(const struct gm *gm, const struct gm_if *sorted[GM_MAX_IFS])
{
	unsigned int n = 0;

	for (unsigned int i = 0; gm && i < GM_MAX_IFS; i++) {
		if (gm->ifs[i].conf.role != GM_ROLE_NONE)
			sorted[n++] = &gm->ifs[i];
	}
	qsort(sorted, n, sizeof(*sorted), compare_ifs);
	return n;
}

unsigned int show_joined(const struct gm *gm, uint8_t slot)
{
	unsigned int n = 0;

	for (const struct gm_group *group = gm->groups; group; group = group->hh.next)
		n += group->sent_slot == slot;
	return n;
}

/* --- completion --- */

struct live {
	void (*add)(void *arg, const char *word);
	void *arg;
};

/* NULL while a file is read. */
static const struct daemon *live_daemon(void *app)
{
	const struct cli_session *session = app;

	return session->daemon;
}

static void live_link(void *arg, const struct daemon_link *link)
{
	struct live *live = arg;

	live->add(live->arg, link->name);
}

void show_live_ifs(void *app, void (*add)(void *arg, const char *word), void *arg)
{
	struct live live = { add, arg };

	if (live_daemon(app))
		daemon_links(live_daemon(app), live_link, &live);
}

static const struct gm *live_gm(void *app, enum family family)
{
	return live_daemon(app) ? daemon_gm(live_daemon(app), family) : NULL;
}

static void live_groups(const struct gm *gm, void (*add)(void *arg, const char *word), void *arg)
{
	char text[IPADDR_STRLEN];

	for (const struct gm_group *group = gm ? gm->groups : NULL; group; group = group->hh.next)
		add(arg, ipaddr_format(&group->addr, text));
}

void show_live_groups_v4(void *app, void (*add)(void *arg, const char *word), void *arg)
{
	live_groups(live_gm(app, FAMILY_IPV4), add, arg);
}

void show_live_groups_v6(void *app, void (*add)(void *arg, const char *word), void *arg)
{
	live_groups(live_gm(app, FAMILY_IPV6), add, arg);
}

static void live_sources(const struct gm *gm, void (*add)(void *arg, const char *word), void *arg)
{
	char text[IPADDR_STRLEN];

	for (const struct gm_route *route = gm ? gm->routes : NULL; route; route = route->hh.next)
		add(arg, ipaddr_format(&route->key.source, text));
}

void show_live_sources_v4(void *app, void (*add)(void *arg, const char *word), void *arg)
{
	live_sources(live_gm(app, FAMILY_IPV4), add, arg);
}

void show_live_sources_v6(void *app, void (*add)(void *arg, const char *word), void *arg)
{
	live_sources(live_gm(app, FAMILY_IPV6), add, arg);
}

void show_live_acls(void *app, void (*add)(void *arg, const char *word), void *arg)
{
	const struct cli_session *session = app;
	const struct conf *conf = session->daemon ? daemon_conf(session->daemon) : session->candidate;

	for (unsigned int f = 0; conf && f < FAMILY_COUNT; f++) {
		for (unsigned int i = 0; i < conf->af[f].nacls; i++)
			add(arg, conf->af[f].acls[i]->name);
	}
}
