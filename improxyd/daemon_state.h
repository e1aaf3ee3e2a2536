/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon_state - what the running process is made of: for daemon*.c only, which share it. Commands use daemon.h. */
#ifndef IMPROXY_DAEMON_STATE_H
#define IMPROXY_DAEMON_STATE_H

#include "conf.h"
#include "console.h"
#include "daemon.h"
#include "sys/sandbox.h"

struct apply;
struct carry;
struct conflict_log;
struct exec;
struct links;
struct loop;
struct loop_signal;
struct loop_task;
struct loop_timer;

struct daemon {
	const struct daemon_options *options;
	char hostname[CONF_HOSTNAME_LEN];
	mtime_t started;
	struct loop *loop;
	struct loop_signal *signals[4];
	struct links *links;
	struct exec *exec[FAMILY_COUNT];
	struct apply *apply;
	struct conf *conf;
	struct cmd_table *table;
	struct console console;
	struct ctl *ctl;
	char **errors; /* of the file read last */
	size_t nerrors;
	struct daemon_listener *listeners;
	struct conflict_log *conflicts;
	struct loop_timer *look, *watchdog, *again;
	mtime_t looked, again_wait;
	bool not_loaded; /* the startup file could not be read, and nothing else has taken its place */
	struct sandbox sandbox;
	struct carry *carry;    /* to the next process */
	struct loop_task *save; /* the running configuration, to it too */
	bool ready, restarting, abandoning;
};

/* What the engines do (exec_action_fn): into the log, and to who listens (daemon_event.c). */
void daemon_on_action(void *arg, struct exec *exec, const struct gm_action *a);

/* --- daemon_conf.c --- */

/* May be written to with -u, as far as its owner lets it. */
#define DAEMON_LOG_DIRECTORY "/var/log/"
/* Until what has failed is tried again, at first. */
#define DAEMON_AGAIN_FIRST mtime_from_s(1)

/* The log as the configuration and the command line say. */
void daemon_apply_log(const struct daemon *d);
/* Makes engines and links what the configuration says; what fails is tried again, as timer. */
void daemon_apply_conf(struct daemon *d);
void daemon_try_again(void *arg);
/* The first configuration of this process: after an accident that of the one before, else the startup file. */
void daemon_load_first(struct daemon *d);
/* What the next process goes on with after an accident; as task. */
void daemon_save_conf(void *arg);
void daemon_forget_errors(struct daemon *d);

/* Something has happened that may be a conflict, or the end of one: they are looked for soon. */
void daemon_look_soon(struct daemon *d);

#endif
