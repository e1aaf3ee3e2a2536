/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration in force: where it comes from, how it is put in force, what the next process gets of it. */
#include "daemon_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "cli.h"
#include "lib/log.h"
#include "load.h"
#include "sys/carry.h"
#include "sys/file.h"
#include "sys/keeper.h"
#include "sys/logsink.h"
#include "sys/loop.h"

#define AGAIN_SLOWEST mtime_from_s(30)

static void apply_target(const struct daemon *d, enum logsink_target target, const struct conf_log *log,
			 const char *path)
{
	int err;

	if (!log->on) {
		logsink_off(target);
		return;
	}
	if (!path) {
		logsink_set(target, (enum log_level)log->level);
		return;
	}
	err = logsink_set_file(path, (enum log_level)log->level);
	if (err < 0)
		log_error("log", "%s: %s", path, daemon_write_error(d, err));
}

/* The command line's level counts for standard error, which a process in the background has until it is ready. */
void daemon_apply_log(const struct daemon *d)
{
	struct conf_log log = d->conf->log_stderr;

	if (d->options->log_level >= 0)
		log.level = d->options->log_level;
	if (d->options->background && d->ready)
		log.on = false;
	apply_target(d, LOGSINK_STDERR, &log, NULL);
	apply_target(d, LOGSINK_SYSLOG, &d->conf->log_syslog, NULL);
	apply_target(d, LOGSINK_FILE, &d->conf->log_file, d->conf->log_path);
}

int daemon_try_log(const char *path)
{
	return logsink_try_file(path);
}

static void try_later(struct daemon *d)
{
	loop_timer_at(d->again, loop_now() + d->again_wait);
	d->again_wait = mtime_min(d->again_wait * 2, AGAIN_SLOWEST);
}

void daemon_apply_conf(struct daemon *d)
{
	if (apply_run(d->apply, d->conf) < 0) {
		try_later(d);
		return;
	}
	d->again_wait = DAEMON_AGAIN_FIRST;
	loop_timer_at(d->again, MTIME_NEVER);
}

void daemon_replace_conf(struct daemon *d, struct conf *conf)
{
	struct conf *old = d->conf;

	d->conf = conf;
	daemon_apply_log(d);
	/* The engines use parts of the configuration until this has given them those of the new one. */
	d->not_loaded = false;
	daemon_apply_conf(d);
	conf_free(old);
	loop_task_run(d->save);
	daemon_look_soon(d);
}

const char *daemon_hostname(const struct daemon *d)
{
	return *d->conf->hostname ? d->conf->hostname : d->hostname;
}

const char *daemon_startup_file(const struct daemon *d)
{
	return d->options->config_file;
}

const char *daemon_config_error(const struct daemon *d, size_t i)
{
	return i < d->nerrors ? d->errors[i] : NULL;
}

int daemon_read_file(const char *path, char **text, size_t *len)
{
	return file_read(path, FILE_READY, text, len);
}

int daemon_write_file(struct daemon *d, const char *path, const char *text)
{
	int err = file_write(path, text);

	if (err == 0 && strcmp(path, d->options->config_file) == 0)
		d->carry->unread = 0;
	return err;
}

int daemon_startup_unread(const struct daemon *d)
{
	size_t len;
	char *text;
	int err = d->carry->unread ? file_read(d->options->config_file, FILE_READY, &text, &len) : -ENOENT;

	if (err == 0)
		free(text);
	return err == -ENOENT ? 0 : d->carry->unread;
}

const char *daemon_read_error(int err)
{
	return err == -ENOTSUP ? "Only a regular file or /dev/null can be read while improxyd runs" : strerror(-err);
}

const char *daemon_write_error(const struct daemon *d, int err)
{
	if (err == -EACCES && d->sandbox.writes == 0)
		return "Permission denied (with -u only beneath " DAEMON_LOG_DIRECTORY
		       " and where the startup file, the "
		       "socket and the log file of the start are)";
	return strerror(-err);
}

void daemon_forget_errors(struct daemon *d)
{
	while (d->nerrors)
		free(d->errors[--d->nerrors]);
	free(d->errors);
	d->errors = NULL;
}

struct loading {
	struct daemon *d;
	void (*error)(void *arg, const char *message);
	void *arg;
};

static void on_load_error(void *arg, const char *message)
{
	struct loading *loading = arg;
	struct daemon *d = loading->d;
	char **errors = realloc(d->errors, (d->nerrors + 1) * sizeof(char *));

	log_error("config", "%s", message);
	if (loading->error)
		loading->error(loading->arg, message);
	if (!errors)
		return; /* it has been logged */
	d->errors = errors;
	d->errors[d->nerrors] = strdup(message);
	d->nerrors += d->errors[d->nerrors] != NULL;
}

/*
 * Runs the lines of a file on `conf`, which then shares with the configuration in force what is the same. Returns the
 * number of wrong lines, or -errno.
 */
static int load_file(struct daemon *d, const char *path, enum file_kind kind, struct conf *conf,
		     struct loading *loading)
{
	struct load_source source = { .name = path };
	char *text;
	int ret = file_read(path, kind, &text, &source.len);

	if (ret < 0)
		return ret;
	if (strcmp(path, d->options->config_file) == 0)
		d->carry->unread = 0;
	daemon_forget_errors(d);
	source.text = text;
	ret = load_text(d->table, &source, conf, on_load_error, loading);
	free(text);
	if (ret >= 0)
		conf_adopt(conf, d->conf);
	return ret;
}

/* All or nothing; `conf` is what the lines are added to. */
static int load_strictly(struct daemon *d, const char *path, struct conf *conf,
			 void (*error)(void *arg, const char *message), void *arg)
{
	struct loading loading = { d, error, arg };
	int ret = conf ? load_file(d, path, FILE_READY, conf, &loading) : -ENOMEM;

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

/* For a process that has to go on where this one was ended. */
void daemon_save_conf(void *arg)
{
	struct daemon *d = arg;
	char *text = cli_config_text(d->conf);

	if (text)
		carry_save_config(text);
	else
		log_error("keeper", "out of memory: the running configuration was not saved");
	free(text);
}

/* After an accident the configuration is what it was, saved or not. False: there is none to go on with. */
static bool load_former(struct daemon *d, const char *text)
{
	const struct load_source source = { .name = "running-config", .text = text, .len = strlen(text) };
	struct loading loading = { .d = d };
	struct conf *conf = conf_new();

	if (!conf || load_text(d->table, &source, conf, on_load_error, &loading) < 0) {
		conf_free(conf);
		return false;
	}
	daemon_replace_conf(d, conf);
	return true;
}

/* At the start what is right counts, and what is wrong is told. */
static bool load_startup(struct daemon *d, enum file_kind kind)
{
	struct loading loading = { .d = d };
	struct conf *conf = conf_new();
	int ret = conf ? load_file(d, d->options->config_file, kind, conf, &loading) : -ENOMEM;

	if (ret < 0) {
		/* A file that is not there is an empty one. */
		d->not_loaded = ret != -ENOENT;
		d->carry->unread = d->not_loaded ? ret : 0;
		log_warn("config", "%s: %s", d->options->config_file, daemon_read_error(ret));
		if (d->not_loaded)
			try_later(d);
		conf_free(conf);
		return false;
	}
	if (ret)
		log_error("config", "%s: %d lines were not accepted", d->options->config_file, ret);
	daemon_replace_conf(d, conf);
	return true;
}

/* The first configuration of this process. A file that cannot be read any more is no reason to stop a stream. */
void daemon_load_first(struct daemon *d)
{
	const char *accident = getenv(KEEPER_ACCIDENT);
	char *former = carry_take_config();
	bool loaded = false;

	if (accident)
		log_error("improxyd", "the process before %s; going on %s", accident,
			  former ? "where it was" : "with the startup file");
	if (accident && !d->carry->intended && former)
		loaded = load_former(d, former);
	/* What can be read but once has been. */
	if (!loaded)
		loaded = load_startup(d, former ? FILE_READY : FILE_ANY);
	if (!loaded && former)
		loaded = load_former(d, former);
	if (!loaded)
		log_warn("config", "starting without configuration");
	free(former);
	d->carry->intended = 0;
}

void daemon_try_again(void *arg)
{
	struct daemon *d = arg;

	if (d->not_loaded)
		load_startup(d, FILE_READY);
	else
		daemon_apply_conf(d);
}
