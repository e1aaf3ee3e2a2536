/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fake_daemon.c leaves out of a daemon: its files, which are strings, and its configuration. */
#include "bed_daemon.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "fake_daemon.h"
#include "load.h"

#define BED_FILES 8

struct cmd_table *bed_table;
static char *messages;
static struct file {
	char path[64];
	char *text;
} files[BED_FILES];

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

int daemon_read_file(const char *path, char **text, size_t *len)
{
	const struct file *file = find_file(path);

	*text = file ? strdup(file->text) : NULL;
	*len = file ? strlen(file->text) : 0;
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

int daemon_try_log(const char *path)
{
	return strncmp(path, "no/", 3) == 0 ? -ENOENT : 0;
}

int daemon_startup_unread(const struct daemon *d)
{
	(void)d;
	return 0;
}

int daemon_write_file(struct daemon *d, const char *path, const char *text)
{
	(void)d;
	if (strchr(path, '/'))
		return -ENOENT;
	if (!has_room(path))
		return -ENOSPC;
	bed_set_file(path, text);
	return 0;
}

const char *daemon_read_error(int err)
{
	return strerror(-err);
}

const char *daemon_write_error(const struct daemon *d, int err)
{
	(void)d;
	return strerror(-err);
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
	const char *at = bed_messages();

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

static void forget_messages(void)
{
	free(messages);
	messages = NULL;
}

struct listener {
	void (*error)(void *arg, const char *message);
	void *arg;
};

static void note_error(void *arg, const char *message)
{
	const struct listener *listener = arg;
	char *more;
	int len = asprintf(&more, "%s%s\n", bed_messages(), message);

	assert(len >= 0);
	free(messages);
	messages = more;
	if (listener->error)
		listener->error(listener->arg, message);
}

static int load_strictly(struct daemon *d, const char *path, struct conf *conf,
			 void (*error)(void *arg, const char *message), void *arg)
{
	struct listener listener = { error, arg };
	const char *text = bed_file(path);
	int ret = -ENOENT;

	assert(conf);
	if (text) {
		forget_messages();
		ret = load_text(bed_table, &(struct load_source){ path, text, strlen(text) }, conf, note_error,
				&listener);
		conf_adopt(conf, d->conf);
	}
	if (ret == 0)
		daemon_replace_conf(d, conf);
	else
		conf_free(conf);
	return ret;
}

int daemon_load(struct daemon *d, const char *path, void (*error)(void *arg, const char *message), void *arg)
{
	return load_strictly(d, path, conf_new(), error, arg);
}

int daemon_merge(struct daemon *d, const char *path, void (*error)(void *arg, const char *message), void *arg)
{
	return load_strictly(d, path, conf_clone(d->conf), error, arg);
}

unsigned int bed_load(const char *name, const char *text, size_t len, struct conf *conf)
{
	struct listener listener = { NULL, NULL };
	int ret;

	forget_messages();
	ret = load_text(bed_table, &(struct load_source){ name, text, len }, conf, note_error, &listener);
	assert(ret >= 0);
	return (unsigned int)ret;
}

const char *bed_messages(void)
{
	return messages ? messages : "";
}

void bed_daemon_begin(void)
{
	char error[CMD_ERROR_LEN];

	fake_begin();
	if (bed_table)
		return;
	bed_table = cli_table_new(error, sizeof(error));
	if (!bed_table)
		fprintf(stderr, "%s\n", error);
	assert(bed_table);
}

void bed_populate(void)
{
	fake_add_link("lan1", 2, "10.1.0.10/24", "fe80::1:10/64");
	fake_add_link("lan2", 0, NULL, NULL);
	fake_add_link("wan", 3, "10.0.0.10/24", "fe80::10/64");
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		enum family family = (enum family)f;
		bool v4 = family == FAMILY_IPV4;

		fake_add_if(family, 0, "wan", GM_ROLE_UPSTREAM);
		fake_add_if(family, 1, "lan1", GM_ROLE_DOWNSTREAM);
		fake_report(family, 1, v4 ? "10.1.0.11" : "fe80::1:11", v4 ? "239.1.1.1" : "ff15::1:1", GM_TO_EX,
			    v4 ? "198.18.0.1" : "2001:db8:18::1");
		fake_report(family, 1, v4 ? "10.1.0.12" : "fe80::1:12", v4 ? "232.1.1.1" : "ff35::8000:1", GM_ALLOW,
			    v4 ? "198.18.0.1,198.18.0.2" : "2001:db8:18::1,2001:db8:18::2");
		fake_upcall(family, 0, v4 ? "198.18.0.7" : "2001:db8:18::7", v4 ? "239.1.1.1" : "ff15::1:1");
	}
}

void bed_daemon_end(void)
{
	forget_messages();
	for (unsigned int i = 0; i < BED_FILES; i++) {
		free(files[i].text);
		files[i].text = NULL;
	}
	fake_end();
}
