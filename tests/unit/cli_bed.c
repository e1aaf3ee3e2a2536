/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli_bed.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "console.h"
#include "fake_daemon.h"
#include "sys/ctl.h"

/* A string that grows. */
struct text {
	char *v;
	size_t len;
};

struct ctl_session {
	struct text reply, notes;
	bool closed;
};

static struct ctl_session client;
static struct console console;
static void *session;
static struct text config;

static void append(struct text *text, const char *buf, size_t len)
{
	text->v = realloc(text->v, text->len + len + 1);
	assert(text->v);
	memcpy(text->v + text->len, buf, len);
	text->len += len;
	text->v[text->len] = '\0';
}

static void empty(struct text *text)
{
	free(text->v);
	*text = (struct text){ NULL, 0 };
}

static const char *text_of(const struct text *text)
{
	return text->v ? text->v : "";
}

/* --- in place of sys/ctl --- */

void ctl_write(struct ctl_session *s, const char *buf, size_t len)
{
	append(&s->reply, buf, len);
}

int ctl_notify(struct ctl_session *s, const char *buf, size_t len)
{
	append(&s->notes, buf, len);
	return 0;
}

bool ctl_full(const struct ctl_session *s)
{
	(void)s;
	return false;
}

void ctl_listening(struct ctl_session *s, bool on)
{
	(void)s;
	(void)on;
}

/* Nothing that waits is brought to its end here: bed_type() refuses a reply that does not end. */
void ctl_resume(struct ctl_session *s)
{
	(void)s;
}

void ctl_finish(struct ctl_session *s, enum ctl_code code)
{
	(void)s;
	(void)code;
}

void ctl_close(struct ctl_session *s)
{
	s->closed = true;
}

/* --- the bed --- */

const char *bed_config(void)
{
	char *text = cli_config_text(fake.conf);

	assert(text);
	empty(&config);
	append(&config, text, strlen(text));
	free(text);
	return config.v;
}

void bed_connect(bool privileged)
{
	if (session)
		console_ops.close(session);
	empty(&client.reply);
	empty(&client.notes);
	client.closed = false;
	session = console_ops.open(&console, &client, privileged);
	assert(session);
}

void bed_begin(void)
{
	bed_daemon_begin();
	console = (struct console){ .table = bed_table, .daemon = &fake };
	bed_connect(true);
}

static void forget(void)
{
	empty(&client.reply);
	empty(&client.notes);
	empty(&config);
	bed_daemon_end();
}

void bed_restart(void)
{
	forget();
	bed_daemon_begin();
	bed_connect(true);
}

void bed_end(void)
{
	console_ops.close(session);
	session = NULL;
	forget();
	cmd_table_free(bed_table);
	bed_table = NULL;
}

int bed_type(const char *line)
{
	char *copy = strdup(line);
	int code;

	assert(copy);
	empty(&client.reply);
	empty(&client.notes);
	code = console_ops.line(session, &client, copy);
	while (code == CTL_MORE)
		code = console_ops.more(session, &client);
	/* A stream is stopped as soon as it has begun. */
	if (code == CTL_STREAM) {
		console_ops.stop(session, &client);
		code = CMD_OK;
	}
	free(copy);
	assert(code >= 0);
	return code;
}

const char *bed_reply(void)
{
	return text_of(&client.reply);
}

const char *bed_notes(void)
{
	return text_of(&client.notes);
}

bool bed_closed(void)
{
	return client.closed;
}

const char *bed_prompt(void)
{
	static char prompt[128];

	console_ops.prompt(session, prompt, sizeof(prompt));
	return prompt;
}
