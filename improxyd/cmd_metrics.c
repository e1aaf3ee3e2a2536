/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * show metrics: the daemon's numbers in the OpenMetrics text format 1.0, one metric family after the other. It is text
 * for a program, which as JSON is no more than an array of its lines.
 */
#include "cmd_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"

struct metric {
	const char *name; /* without prefix and suffix */
	const char *type;
	const char *help;
	void (*emit)(struct cmd_ctx *ctx, const struct metric *metric);
	uint64_t (*of_family)(const struct gm *gm, const struct daemon_status *status);
};

static const char *suffix(const struct metric *metric)
{
	return strcmp(metric->type, "counter") == 0 ? "_total" : "";
}

#define LABEL_LEN (GM_NAME_LEN * 5)

/*
 * A label's value: quotes and backslashes escaped, control characters and octets that are no UTF-8 as a readable \xHH,
 * so that every name stays valid and apart from others.
 */
static const char *label(const char *text, char *buf)
{
	size_t n = 0;

	while (*text && n + 6 < LABEL_LEN) {
		unsigned int len = out_utf8_len(text);
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			n += (size_t)sprintf(buf + n, "\\%c", c);
		} else if (!len || c < 0x20 || c == 0x7f) {
			n += (size_t)sprintf(buf + n, "\\\\x%02x", c);
			len = 1;
		} else {
			memcpy(buf + n, text, len);
			n += len;
		}
		text += len;
	}
	buf[n] = '\0';
	return buf;
}

/* --- one number a process or a family --- */

static void emit_info(struct cmd_ctx *ctx, const struct metric *metric)
{
	out_text(ctx->out, "improxy_%s_info{version=\"%s\"} 1\n", metric->name, IMPROXY_VERSION);
}

static void emit_uptime(struct cmd_ctx *ctx, const struct metric *metric)
{
	out_text(ctx->out, "improxy_%s %" PRId64 "\n", metric->name,
		 mtime_to_s(daemon_now() - daemon_started(show_daemon(ctx))));
}

static void emit_of_family(struct cmd_ctx *ctx, const struct metric *metric)
{
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		const struct gm *gm = daemon_gm(show_daemon(ctx), (enum family)f);
		struct daemon_status status;

		if (!gm)
			continue;
		memset(&status, 0, sizeof(status));
		daemon_status(show_daemon(ctx), (enum family)f, &status);
		out_text(ctx->out, "improxy_%s%s{family=\"%s\"} %" PRIu64 "\n", metric->name, suffix(metric),
			 family_name((enum family)f), metric->of_family(gm, &status));
	}
}

#define FAMILY_VALUE(name, expression)                                                                                 \
	static uint64_t value_##name(const struct gm *gm, const struct daemon_status *status)                          \
	{                                                                                                              \
		(void)gm;                                                                                              \
		(void)status;                                                                                          \
		return (expression);                                                                                   \
	}

FAMILY_VALUE(groups, HASH_COUNT(gm->groups))
FAMILY_VALUE(records, gm->nrecs)
FAMILY_VALUE(sources, gm->nsources)
FAMILY_VALUE(routes, HASH_COUNT(gm->routes))
FAMILY_VALUE(router, status->router)
FAMILY_VALUE(joined, status->joined)
FAMILY_VALUE(reported, status->reported)
FAMILY_VALUE(failing, status->failing)
FAMILY_VALUE(sockets, status->sockets)
FAMILY_VALUE(join_failures, status->join_failures)
FAMILY_VALUE(received, status->received)
FAMILY_VALUE(upcalls, status->upcalls)
FAMILY_VALUE(overflows, status->overflows)
FAMILY_VALUE(send_errors, status->send_errors)
FAMILY_VALUE(route_errors, status->route_errors)

/* --- numbers of interfaces --- */

/* Calls fn() for each interface of each family, with its labels written out. */
static void each_if(struct cmd_ctx *ctx, const struct metric *metric,
		    void (*fn)(struct cmd_ctx *ctx, const struct metric *metric, enum family family,
			       const struct gm_if *ifp, const char *labels))
{
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		const struct gm_if *sorted[GM_MAX_IFS];
		unsigned int n = show_sort_ifs(daemon_gm(show_daemon(ctx), (enum family)f), sorted);

		for (unsigned int i = 0; i < n; i++) {
			char name[LABEL_LEN], labels[LABEL_LEN + 40];

			snprintf(labels, sizeof(labels), "family=\"%s\",interface=\"%s\"", family_name((enum family)f),
				 label(sorted[i]->conf.name, name));
			fn(ctx, metric, (enum family)f, sorted[i], labels);
		}
	}
}

static void one_up(struct cmd_ctx *ctx, const struct metric *metric, enum family family, const struct gm_if *ifp,
		   const char *labels)
{
	(void)family;
	out_text(ctx->out, "improxy_%s{%s,role=\"%s\"} %d\n", metric->name, labels, show_role(ifp->conf.role),
		 ifp->conf.up);
}

static void one_querier(struct cmd_ctx *ctx, const struct metric *metric, enum family family, const struct gm_if *ifp,
			const char *labels)
{
	(void)family;
	if (ifp->conf.role == GM_ROLE_DOWNSTREAM)
		out_text(ctx->out, "improxy_%s{%s} %d\n", metric->name, labels, ifp->querier);
}

static void one_records(struct cmd_ctx *ctx, const struct metric *metric, enum family family, const struct gm_if *ifp,
			const char *labels)
{
	(void)family;
	if (ifp->conf.role == GM_ROLE_DOWNSTREAM)
		out_text(ctx->out, "improxy_%s{%s} %u\n", metric->name, labels, (unsigned int)ifp->nrecs);
}

static void one_last_query(struct cmd_ctx *ctx, const struct metric *metric, enum family family,
			   const struct gm_if *ifp, const char *labels)
{
	(void)family;
	if (ifp->last_query)
		out_text(ctx->out, "improxy_%s{%s} %.3f\n", metric->name, labels,
			 (double)mtime_to_ms(daemon_now() - ifp->last_query) / 1000);
}

static void one_messages(struct cmd_ctx *ctx, const struct metric *metric, enum family family, const struct gm_if *ifp,
			 const char *labels)
{
	for (unsigned int c = 0; c < GM_C_COUNT; c++) {
		const char *name = show_counter_name(family, (enum gm_counter)c);

		if (name)
			out_text(ctx->out, "improxy_%s_total{%s,type=\"%s\"} %" PRIu64 "\n", metric->name, labels, name,
				 ifp->stats.counter[c]);
	}
}

static void one_drops(struct cmd_ctx *ctx, const struct metric *metric, enum family family, const struct gm_if *ifp,
		      const char *labels)
{
	(void)family;
	for (unsigned int i = 0; i < GM_DROP_COUNT; i++)
		out_text(ctx->out, "improxy_%s_total{%s,reason=\"%s\"} %" PRIu64 "\n", metric->name, labels,
			 gm_drop_names[i], ifp->stats.drop[i]);
}

#define EMIT_IFS(name)                                                                                                 \
	static void emit_##name(struct cmd_ctx *ctx, const struct metric *metric)                                      \
	{                                                                                                              \
		each_if(ctx, metric, one_##name);                                                                      \
	}

EMIT_IFS(up)
EMIT_IFS(querier)
EMIT_IFS(records)
EMIT_IFS(last_query)
EMIT_IFS(messages)
EMIT_IFS(drops)

/* --- the list --- */

#define OF_FAMILY(name, type, help, value)                                                                             \
	{                                                                                                              \
		name, type, help, emit_of_family, value_##value                                                        \
	}

static const struct metric metrics[] = {
	{ "build", "info", "The program", emit_info, NULL },
	{ "uptime_seconds", "gauge", "Time since the start", emit_uptime, NULL },
	OF_FAMILY("router", "gauge", "1: this process is the kernel's multicast router", router),
	OF_FAMILY("groups", "gauge", "Groups with members, entries or an upstream membership", groups),
	OF_FAMILY("group_records", "gauge", "Group records of all downstreams", records),
	OF_FAMILY("source_records", "gauge", "Source records of all downstreams", sources),
	OF_FAMILY("routes", "gauge", "Forwarding entries", routes),
	OF_FAMILY("joined_groups", "gauge", "Groups joined upstream", joined),
	OF_FAMILY("reported_groups", "gauge", "Of these, by reports of improxyd itself", reported),
	OF_FAMILY("failing_groups", "gauge", "Groups that cannot be joined upstream now", failing),
	OF_FAMILY("membership_sockets", "gauge", "Sockets that hold upstream memberships", sockets),
	OF_FAMILY("join_failures", "counter", "Joins the kernel refused and reports that could not be sent",
		  join_failures),
	OF_FAMILY("packets_received", "counter", "Packets read from the raw socket", received),
	OF_FAMILY("upcalls", "counter", "Upcalls of the kernel", upcalls),
	OF_FAMILY("receive_overflows", "counter", "Times that the receive buffer was full", overflows),
	OF_FAMILY("send_errors", "counter", "Packets that could not be sent", send_errors),
	OF_FAMILY("route_errors", "counter", "Forwarding entries the kernel refused", route_errors),
	{ "interface_up", "gauge", "1: the interface has a role and is up", emit_up, NULL },
	{ "interface_querier", "gauge", "1: this router is the querier", emit_querier, NULL },
	{ "interface_groups", "gauge", "Group records of the interface", emit_records, NULL },
	{ "interface_last_query_seconds", "gauge", "Time since a query was heard", emit_last_query, NULL },
	{ "messages", "counter", "Messages received and sent", emit_messages, NULL },
	{ "drops", "counter", "Messages, records and data that were dropped", emit_drops, NULL },
};

struct metrics_place {
	size_t next;
};

static enum cmd_code show_metrics(struct cmd_ctx *ctx)
{
	struct metrics_place *place = ctx->state;

	if (!place) {
		place = calloc(1, sizeof(*place));
		if (!place || cmd_text_only(ctx) < 0) {
			free(place);
			return cmd_fail(ctx, "Out of memory");
		}
		ctx->state = place;
		ctx->state_free = free;
	}
	for (; place->next < ARRAY_SIZE(metrics); place->next++) {
		const struct metric *metric = &metrics[place->next];

		if (out_full(ctx->out))
			return CMD_MORE;
		out_text(ctx->out, "# HELP improxy_%s %s.\n# TYPE improxy_%s %s\n", metric->name, metric->help,
			 metric->name, metric->type);
		metric->emit(ctx, metric);
	}
	out_text(ctx->out, "# EOF\n");
	return CMD_OK;
}

int cmd_metrics_add(struct cmd_table *table)
{
	static const struct show_row rows[] = {
		{ false, "show metrics [json]", show_metrics, "Counters in the OpenMetrics text format" },
	};

	return show_add_rows(table, rows, ARRAY_SIZE(rows));
}
