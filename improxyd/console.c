/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "daemon.h"
#include "lib/log.h"
#include "lib/util.h"

/* A session that has been idle for so long gives way to somebody who may change something, when all are in use. */
#define YIELDS_AFTER_MS 10000

/* What became of the beginning of the line a stream is writing. */
enum part { PART_NONE, PART_SENT, PART_MISSED };

struct session {
	struct cli_session cli;
	struct ctl_session *ctl;
	struct cmd_ctx ctx;
	struct out out;
	bool running;   /* a command goes on later: when the client has read, when something has come */
	bool streaming; /* what is written goes out as it comes, as far as the client reads */
	enum part part;
	bool monitoring;
	struct log_sink sink;
};

/*
 * Of a stream lines are lost when the client does not keep up; the server counts them. A line that is too long for one
 * buffer is written in parts, and goes out as a whole or not at all.
 */
static void write_stream(struct session *s, const char *buf, size_t len)
{
	switch (s->part) {
	case PART_NONE:
		s->part = ctl_notify(s->ctl, buf, len) == 0 ? PART_SENT : PART_MISSED;
		break;
	case PART_SENT:
		ctl_write(s->ctl, buf, len);
		break;
	case PART_MISSED:
		break;
	}
	if (len && buf[len - 1] == '\n')
		s->part = PART_NONE;
}

static int write_reply(void *arg, const char *buf, size_t len)
{
	struct session *s = arg;

	if (s->streaming)
		write_stream(s, buf, len);
	else
		ctl_write(s->ctl, buf, len);
	return 0;
}

static void write_log(void *arg, const struct log_line *line)
{
	struct session *s = arg;
	char text[LOG_LINE_MAX + 1];
	int len = snprintf(text, sizeof(text), "%s\n", line->text);

	(void)ctl_notify(s->ctl, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
}

/* What a stream of JSON has lost is JSON, too. */
static void write_missed(void *user, unsigned long n, char *buf, size_t size)
{
	const struct session *s = user;
	bool json = s->streaming && out_is_json(&s->out);
	char stamp[64];

	daemon_stamp(stamp, sizeof(stamp));
	snprintf(buf, size,
		 json ? "{\"time\":\"%s\",\"protocol\":\"monitor\",\"interface\":null,\"event\":\"lost\",\"count\":%lu}"
			"\n"
		      : "%s monitor lost lines, because they were not read in time: %lu\n",
		 stamp, n);
}

static int terminal_monitor(struct cli_session *cli, bool on)
{
	struct session *s = container_of(cli, struct session, cli);

	if (on == s->monitoring)
		return 0;
	if (on)
		log_sink_add(&s->sink);
	else
		log_sink_remove(&s->sink);
	s->monitoring = on;
	ctl_listening(s->ctl, on);
	return 0;
}

static void leave(struct cli_session *cli)
{
	ctl_close(container_of(cli, struct session, cli)->ctl);
}

static void resume(struct cli_session *cli)
{
	ctl_resume(container_of(cli, struct session, cli)->ctl);
}

static void *session_open(void *arg, struct ctl_session *ctl, bool privileged)
{
	const struct console *console = arg;
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ctl = ctl;
	s->cli.table = console->table;
	s->cli.daemon = console->daemon;
	s->cli.mode = privileged ? CLI_ENABLE : CLI_VIEW;
	s->cli.level = privileged ? CLI_LEVEL_ENABLE : CLI_LEVEL_VIEW;
	s->cli.leave = leave;
	s->cli.terminal_monitor = terminal_monitor;
	s->cli.resume = resume;
	s->sink = (struct log_sink){ .write = write_log, .arg = s, .level = LOG_DEBUGGING };
	out_init(&s->out, write_reply, s);
	return s;
}

/* The codes of the engine are those of the protocol. */
static int finish(struct session *s, enum cmd_code code)
{
	s->running = code >= CMD_MORE;
	s->streaming = code == CMD_STREAM;
	s->part = PART_NONE;
	if (code == CMD_MORE)
		return CTL_MORE;
	if (code == CMD_WAIT)
		return CTL_WAIT;
	if (code == CMD_STREAM)
		return CTL_STREAM;
	if (code != CMD_OK) {
		out_set_format(&s->out, OUT_TEXT);
		cmd_error_print(&s->ctx);
		out_flush(&s->out);
	}
	return (int)code;
}

static int session_line(void *user, struct ctl_session *ctl, char *line)
{
	struct session *s = user;

	(void)ctl;
	s->ctx.out = &s->out;
	return finish(s, cli_run(&s->cli, &s->ctx, line));
}

static int session_more(void *user, struct ctl_session *ctl)
{
	struct session *s = user;

	(void)ctl;
	return finish(s, cmd_resume(&s->ctx));
}

static void session_stop(void *user, struct ctl_session *ctl)
{
	struct session *s = user;

	(void)ctl;
	s->streaming = false;
	(void)finish(s, cmd_resume(&s->ctx));
}

static void session_prompt(void *user, char *buf, size_t size)
{
	const struct session *s = user;
	const char *host = daemon_hostname(s->cli.daemon);

	switch (s->cli.mode) {
	case CLI_VIEW:
		snprintf(buf, size, "%s> ", host);
		return;
	case CLI_ENABLE:
		snprintf(buf, size, "%s# ", host);
		return;
	case CLI_CONFIG:
		snprintf(buf, size, "%s(config)# ", host);
		return;
	case CLI_CONFIG_IF:
		snprintf(buf, size, "%s(config-if)# ", host);
		return;
	}
}

static void session_close(void *user)
{
	struct session *s = user;

	if (s->running)
		cmd_abort(&s->ctx);
	terminal_monitor(&s->cli, false);
	out_fini(&s->out);
	free(s);
}

const struct ctl_ops console_ops = {
	.open = session_open,
	.line = session_line,
	.more = session_more,
	.stop = session_stop,
	.prompt = session_prompt,
	.missed = write_missed,
	.close = session_close,
	.yields_after_ms = YIELDS_AFTER_MS,
};
