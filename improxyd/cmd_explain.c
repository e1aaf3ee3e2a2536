/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * show ip igmp explain: walks, looks at the wire if only that can tell, walks again. The look ends as soon as it has
 * shown that all is well, and after two seconds; the daemon does not wait for it, the session does.
 */
#include "cmd_show.h"

#include <stdlib.h>

#include "cli.h"
#include "explain.h"
#include "show.h"

#define LOOK_AT_MOST mtime_from_s(2)

struct question {
	struct cli_session *session;
	struct ipaddr group, source;
	struct explain_sight sight;
	struct explain answer;
	struct daemon_capture *capture;
};

static void question_free(void *state)
{
	struct question *q = state;

	daemon_capture_free(q->capture);
	free(q);
}

static void walk(struct question *q)
{
	explain_walk(q->session->daemon, &q->group, &q->source, &q->sight, &q->answer);
}

static bool on_packet(void *arg, const struct daemon_packet *packet)
{
	struct question *q = arg;

	if (!explain_see(&q->sight, packet))
		return false;
	walk(q);
	return q->answer.code == EXPLAIN_FORWARDING;
}

static void on_done(void *arg)
{
	struct question *q = arg;

	q->sight.looked = true;
	q->session->resume(q->session);
}

static const struct out_col cols[] = { { "result", "", -4 }, { "step", "Step", -9 }, { "evidence", "Evidence", -1 } };

static void emit(struct out *o, const struct question *q)
{
	const struct explain *answer = &q->answer;

	out_addr(o, "group", &q->group);
	out_addr(o, "source", ipaddr_is_none(&q->source) ? NULL : &q->source);
	out_str(o, "code", explain_code_names[answer->code]);
	out_str(o, "verdict", answer->verdict);
	out_bool(o, "wireSeen", !answer->unsure);
	out_table_begin(o, cols, ARRAY_SIZE(cols));
	out_begin_array(o, "steps");
	for (unsigned int i = 0; i < answer->nsteps; i++) {
		const struct explain_step *step = &answer->steps[i];

		out_row_begin(o, NULL);
		out_cell(o, "result", "%s", step->ok ? "ok" : "FAIL");
		out_str(o, "step", step->name);
		out_bool(o, "ok", step->ok);
		out_str(o, "evidence", step->evidence);
		out_row_end(o);
	}
	out_end_array(o);
	out_table_end(o);
	if (answer->unsure)
		out_text(o, "The wire could not be looked at.\n");
	out_text(o, "Verdict (%s): %s\n", explain_code_names[answer->code], answer->verdict);
}

static struct question *ask(struct cmd_ctx *ctx)
{
	struct question *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->session = cli_session(ctx);
	show_arg_addr(ctx, "GROUP", &q->group);
	show_arg_addr(ctx, "SOURCE", &q->source);
	ctx->state = q;
	ctx->state_free = question_free;
	return q;
}

static enum cmd_code show_explain(struct cmd_ctx *ctx)
{
	struct question *q = ctx->state;

	if (!q) {
		q = ask(ctx);
		if (!q)
			return cmd_fail(ctx, "Out of memory");
		walk(q);
		/* Without a session that can wait, or a socket to look with, the engine's own knowledge has to do. */
		if (q->answer.unsure && q->session->resume &&
		    daemon_capture_new(q->session->daemon, &q->group, &q->source, LOOK_AT_MOST, on_packet, on_done, q,
				       &q->capture) == 0)
			return CMD_WAIT;
	} else {
		walk(q);
	}
	emit(ctx->out, q);
	return CMD_OK;
}

/* --- the rows --- */

int cmd_explain_add(struct cmd_table *table)
{
	static const struct show_row rows[] = {
		{ false, "show %ip% %proto% explain GROUP:MGROUP%v% [SOURCE:MSOURCE%v%] [json]", show_explain,
		  "Why a group's data is forwarded, or is not" },
	};
	static const struct cmd_word words[] = {
		{ "igmp explain", "Why a group's data is forwarded, or is not" },
		{ "mld explain", "Why a group's data is forwarded, or is not" },
	};
	int err = show_add_rows(table, rows, ARRAY_SIZE(rows));

	return err < 0 ? err : cmd_table_add_words(table, words, ARRAY_SIZE(words));
}
