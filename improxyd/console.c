/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "daemon.h"
#include "lib/log.h"
#include "lib/util.h"

struct session {
	struct cli_session cli;
	struct ctl_session *ctl;
	struct cmd_ctx ctx;
	struct out out;
	bool running;   /* a command goes on later: when the client has read, when something has come */
	bool streaming; /* what is written goes out as it comes, as far as the client reads */
	bool monitoring;
	struct log_sink sink;
};

static int write_reply(void *arg, const char *buf, size_t len)
{
	struct session *s = arg;

	/* Of a stream lines are lost when the client does not keep up; the server counts them. */
	if (s->streaming)
		(void)ctl_notify(s->ctl, buf, len);
	else
		ctl_write(s->ctl, buf, len);
	return 0;
}

static void write_log(void *arg, const struct log_line *line)
{
	struct session *s = arg;
	char text[LOG_LINE_MAX + 1];
	int len = snprintf(text, sizeof(text), "%s\n", line->text);

	/* A client that reads too slowly misses lines; the server counts them. */
	(void)ctl_notify(s->ctl, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
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

static unsigned long lost(struct cli_session *cli)
{
	return ctl_dropped(container_of(cli, struct session, cli)->ctl);
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
	s->cli.lost = lost;
	s->sink = (struct log_sink){ .write = write_log, .arg = s, .level = LOG_DEBUGGING };
	out_init(&s->out, write_reply, s);
	return s;
}

/* The codes of the engine are those of the protocol. */
static int finish(struct session *s, enum cmd_code code)
{
	s->running = code >= CMD_MORE;
	s->streaming = code == CMD_STREAM;
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
	.close = session_close,
};
