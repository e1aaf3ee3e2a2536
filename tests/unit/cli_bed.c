/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli_bed.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "console.h"
#include "fake_daemon.h"
#include "lib/log.h"
#include "load.h"
#include "sys/ctl.h"

#define BED_FILES 8

/* A string that grows. */
struct text {
	char *v;
	size_t len;
};

struct ctl_session {
	struct text reply, notes;
	bool closed;
};

struct cmd_table *bed_table;
static struct ctl_session client;
static struct console console;
static void *session;
static struct text messages, config;
static struct file {
	char path[64];
	char *text;
} files[BED_FILES];

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

/* --- the rest of the daemon --- */

static struct file *find_file(const char *path)
{
	for (unsigned int i = 0; i < BED_FILES; i++) {
		if (files[i].text && strcmp(files[i].path, path) == 0)
			return &files[i];
	}
	return NULL;
}

void bed_set_file(const char *path, const char *text)
{
	struct file *file = find_file(path);

	for (unsigned int i = 0; i < BED_FILES && !file; i++)
		file = files[i].text ? NULL : &files[i];
	assert(file);
	free(file->text);
	snprintf(file->path, sizeof(file->path), "%s", path);
	file->text = strdup(text);
	assert(file->text);
}

const char *bed_file(const char *path)
{
	const struct file *file = find_file(path);

	return file ? file->text : NULL;
}

int daemon_read_file(const char *path, char **text)
{
	const struct file *file = find_file(path);

	*text = file ? strdup(file->text) : NULL;
	return *text ? 0 : -ENOENT;
}

static bool has_room(const char *path)
{
	for (unsigned int i = 0; i < BED_FILES; i++) {
		if (!files[i].text || strcmp(files[i].path, path) == 0)
			return strlen(path) < sizeof(files[i].path);
	}
	return false;
}

int daemon_write_file(const char *path, const char *text)
{
	if (strchr(path, '/'))
		return -ENOENT;
	if (!has_room(path))
		return -ENOSPC;
	bed_set_file(path, text);
	return 0;
}

const char *daemon_startup_file(const struct daemon *d)
{
	(void)d;
	return BED_STARTUP;
}

const char *daemon_hostname(const struct daemon *d)
{
	return *d->conf->hostname ? d->conf->hostname : "gw1";
}

const char *daemon_config_error(const struct daemon *d, size_t i)
{
	static char line[512];
	const char *at = text_of(&messages);

	(void)d;
	for (; *at && i > 0; i--)
		at += strcspn(at, "\n") + 1;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	return *at ? line : NULL;
}

void daemon_replace_conf(struct daemon *d, struct conf *conf)
{
	conf_free(d->conf);
	d->conf = conf;
}

struct listener {
	void (*error)(void *arg, const char *message);
	void *arg;
};

static void note_error(void *arg, const char *message)
{
	const struct listener *listener = arg;

	append(&messages, message, strlen(message));
	append(&messages, "\n", 1);
	if (listener->error)
		listener->error(listener->arg, message);
}

int daemon_load(struct daemon *d, const char *path, void (*error)(void *arg, const char *message), void *arg)
{
	struct listener listener = { error, arg };
	const char *text = bed_file(path);
	unsigned int nerrors;
	struct conf *conf;

	if (!text)
		return -ENOENT;
	empty(&messages);
	conf = load_text(bed_table, path, text, note_error, &listener, &nerrors);
	assert(conf);
	conf_adopt(conf, d->conf);
	if (nerrors) {
		conf_free(conf);
		return -EINVAL;
	}
	daemon_replace_conf(d, conf);
	return 0;
}

/* --- the bed --- */

struct conf *bed_load(const char *name, const char *text, unsigned int *nerrors)
{
	struct listener listener = { NULL, NULL };

	empty(&messages);
	return load_text(bed_table, name, text, note_error, &listener, nerrors);
}

const char *bed_messages(void)
{
	return text_of(&messages);
}

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
	char error[CMD_ERROR_LEN];

	fake_begin();
	bed_table = cli_table_new(error, sizeof(error));
	if (!bed_table)
		fprintf(stderr, "%s\n", error);
	assert(bed_table);
	console = (struct console){ .table = bed_table, .daemon = &fake };
	bed_connect(true);
}

static void forget(void)
{
	empty(&client.reply);
	empty(&client.notes);
	empty(&messages);
	empty(&config);
	for (unsigned int i = 0; i < BED_FILES; i++) {
		free(files[i].text);
		files[i].text = NULL;
	}
	fake_end();
}

void bed_restart(void)
{
	forget();
	fake_begin();
	bed_connect(true);
}

void bed_end(void)
{
	console_ops.close(session);
	session = NULL;
	forget();
	cmd_table_free(bed_table);
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
