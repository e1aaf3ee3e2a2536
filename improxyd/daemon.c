/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon_state.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply.h"
#include "cli.h"
#include "conflict.h"
#include "core/gm_state.h"
#include "lib/log.h"
#include "lib/util.h"
#include "sys/carry.h"
#include "sys/ctl.h"
#include "sys/exec.h"
#include "sys/fdstore.h"
#include "sys/keeper.h"
#include "sys/link.h"
#include "sys/logsink.h"
#include "sys/loop.h"
#include "sys/process.h"
#include "sys/sandbox.h"

#define LOOK_INTERVAL    mtime_from_s(20)               /* between two looks for conflicts */
#define LOOK_SOON        mtime_from_ms(100)             /* when something has happened: after so long, */
#define LOOK_GAP         mtime_from_s(1)                /* but not more often than this */
#define HOST_SETTINGS(n) "/proc/sys/net/ipv" n "/conf/" /* the version that is spoken upstream */
#define CONTROL_GROUP    "improxy"                      /* without -g, where there is such a group */

mtime_t daemon_now(void)
{
	return loop_now();
}

mtime_t daemon_started(const struct daemon *d)
{
	return d->started;
}

const struct conf *daemon_conf(const struct daemon *d)
{
	return d->conf;
}

const struct gm *daemon_gm(const struct daemon *d, enum family family)
{
	return d->exec[family] ? exec_gm(d->exec[family]) : NULL;
}

/* --- commands that change something --- */

int daemon_clear_groups(struct daemon *d, enum family family, const char *ifname, const struct ipaddr *group)
{
	struct gm_event ev = { .type = GM_EV_CLEAR, .slot = GM_NO_IF, .clear = { .group = *group } };
	const struct link *link;

	if (!d->exec[family])
		return -ENOENT;
	if (ifname) {
		link = links_by_name(d->links, ifname);
		ev.slot = link ? exec_slot(d->exec[family], link->ifindex) : GM_NO_IF;
		if (ev.slot == GM_NO_IF)
			return -ENOENT;
	}
	exec_input(d->exec[family], &ev);
	return 0;
}

void daemon_clear_routes(struct daemon *d, enum family family, const struct ipaddr *group, const struct ipaddr *source)
{
	struct gm_event ev = { .type = GM_EV_CLEAR_ROUTES,
			       .slot = GM_NO_IF,
			       .flow = { .source = *source, .group = *group } };

	if (d->exec[family])
		exec_input(d->exec[family], &ev);
}

void daemon_clear_statistics(struct daemon *d, enum family family)
{
	if (d->exec[family])
		exec_clear_counters(d->exec[family]);
}

/* --- life --- */

/* Settings of the kernel are not notified. */
static void look_for_conflicts(void *arg)
{
	struct daemon *d = arg;

	d->looked = loop_now();
	conflict_log_run(d->conflicts, d);
	loop_timer_at(d->look, d->looked + LOOK_INTERVAL);
}

void daemon_look_soon(struct daemon *d)
{
	mtime_t at = loop_now() + LOOK_SOON;

	if (at < d->looked + LOOK_GAP)
		at = d->looked + LOOK_GAP;
	if (d->look && at < loop_timer_deadline(d->look))
		loop_timer_at(d->look, at);
}

static void on_links(void *arg)
{
	struct daemon *d = arg;

	daemon_apply_conf(d);
	exec_settle_links(d->exec, links_heard(d->links));
	daemon_look_soon(d);
}

static void dump_if(const struct gm_if *ifp, const char *protocol)
{
	const char *name = ifp->conf.name, *state = ifp->conf.up ? "up" : "down";
	char from[IPADDR_STRLEN];

	if (ifp->conf.role == GM_ROLE_DOWNSTREAM)
		log_notice(protocol, "%s: downstream, %s, %s, %u group records", name, state,
			   ifp->querier ? "querier" : "not the querier", ifp->nrecs);
	else
		log_notice(protocol, "%s: upstream, %s, last query from %s", name, state,
			   ifp->last_query ? ipaddr_format(&ifp->last_query_from, from) : "nobody");
}

/* What it comes to, not each group: the log waits for nobody, but nobody would read so much either. */
static void dump_state(const struct daemon *d)
{
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		const struct gm *gm = daemon_gm(d, (enum family)f);
		struct daemon_status status;

		if (!gm)
			continue;
		daemon_status(d, (enum family)f, &status);
		log_notice(family_protocol((enum family)f),
			   "%s, %u group records, %u sources, %u forwarding entries, %u groups joined upstream, %u "
			   "failing",
			   status.router ? "multicast router" : "not the multicast router", gm->nrecs, gm->nsources,
			   HASH_COUNT(gm->routes), status.joined, status.failing);
		for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
			if (gm->ifs[i].conf.role != GM_ROLE_NONE)
				dump_if(&gm->ifs[i], family_protocol((enum family)f));
		}
	}
}

static void on_signal(void *arg, int signo)
{
	struct daemon *d = arg;
	int err;

	switch (signo) {
	case SIGHUP:
		err = logsink_reopen();
		if (err < 0 && d->conf->log_file.on)
			log_error("log", "%s: not opened anew: %s", d->conf->log_path, daemon_write_error(d, err));
		err = daemon_load(d, d->options->config_file, NULL, NULL);
		if (err)
			log_error("config", "%s: not reloaded: %s", d->options->config_file,
				  err > 0 ? "it has errors" : daemon_read_error(err));
		else
			log_notice("config", "%s: reloaded", d->options->config_file);
		return;
	case SIGUSR1:
		dump_state(d);
		return;
	default:
		log_notice("improxyd", "signal %d: leaving", signo);
		d->abandoning |= d->options->keep;
		loop_exit(d->loop);
		return;
	}
}

static void on_keeper_gone(void *arg)
{
	struct daemon *d = arg;

	log_error("improxyd", "the keeper has ended: leaving");
	d->abandoning |= d->options->keep;
	loop_exit(d->loop);
}

int daemon_restart(struct daemon *d)
{
	if (!fdstore_has_keeper())
		return -ENOTCONN;
	if (!fdstore_flush())
		return -EAGAIN;
	log_notice("improxyd", "restarting");
	d->restarting = true;
	d->abandoning = true;
	loop_exit(d->loop);
	return 0;
}

void daemon_process(const struct daemon *d, struct daemon_process *process)
{
	*process = (struct daemon_process){ .pid = (long)getpid(), .starts = d->carry->starts };
	if (fdstore_has_keeper())
		process->keeper = (long)getppid();
	for (unsigned int f = 0; f < FAMILY_COUNT; f++)
		process->reviving |= d->exec[f] && exec_reviving(d->exec[f]);
}

static int become_ready(const struct daemon_options *o)
{
	int err;

	if (fdstore_has_keeper()) {
		fdstore_ready();
		return o->background ? process_leave_terminal() : 0;
	}
	if (o->pid_file) {
		err = process_write_pid(o->pid_file);
		if (err < 0) {
			log_error("improxyd", "pid file %s: %s", o->pid_file, strerror(-err));
			return err;
		}
	}
	err = process_ready();
	if (err < 0)
		log_warn("improxyd", "the service manager could not be told: %s", strerror(-err));
	return 0;
}

/* 0: nobody wants to hear. */
static mtime_t watchdog_interval(void)
{
	return fdstore_has_keeper() ? keeper_interval((long)getppid()) : process_watchdog((long)getpid());
}

/* A timer of the loop: a loop that has come to a stand feeds nothing. */
static void feed_watchdog(void *arg)
{
	struct daemon *d = arg;

	if (fdstore_has_keeper())
		fdstore_alive();
	else
		(void)process_notify_fd("WATCHDOG=1", -1); /* if this is not heard, the next one is */
	loop_timer_at(d->watchdog, loop_now() + watchdog_interval());
}

static int start_watchdog(struct daemon *d)
{
	if (watchdog_interval() == 0)
		return 0;
	d->watchdog = loop_timer_new(d->loop, feed_watchdog, d);
	if (!d->watchdog)
		return -ENOMEM;
	loop_timer_at(d->watchdog, loop_now());
	return 0;
}

/* Who has come or gone meanwhile was perhaps not heard. */
static void on_held(void *arg, mtime_t time)
{
	const struct gm_event ask = { .type = GM_EV_ASK, .slot = GM_NO_IF };
	struct daemon *d = arg;

	if (d->watchdog)
		feed_watchdog(d); /* those who wait for a word have clocks of their own */
	log_warn("improxyd", "did not run for %" PRId64 " s: that time does not count, and hosts are asked again",
		 (int64_t)mtime_to_s(time));
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		if (d->exec[f])
			exec_input(d->exec[f], &ask);
	}
}

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

static int open_families(struct daemon *d)
{
	unsigned int usable = 0;

	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		int err = exec_new(d->loop, (enum family)f, d->carry, daemon_on_action, d, &d->exec[f]);

		if (err == -EAFNOSUPPORT) {
			log_warn("improxyd", "the kernel does not know %s: going on without it",
				 family_name((enum family)f));
			continue;
		}
		if (err < 0) {
			log_error("improxyd", "%s: no raw socket: %s%s", family_name((enum family)f), strerror(-err),
				  err == -EPERM ? " (root, or CAP_NET_RAW and CAP_NET_ADMIN, is needed)" : "");
			return err;
		}
		usable++;
	}
	return usable ? 0 : -EAFNOSUPPORT;
}

static int open_console(struct daemon *d)
{
	const struct daemon_options *o = d->options;
	char error[CMD_ERROR_LEN] = "";
	const char *group;
	int err;

	d->table = cli_table_new(error, sizeof(error));
	if (!d->table) {
		log_error("improxyd", "command table: %s", *error ? error : "out of memory");
		return -EINVAL;
	}
	if (o->group && !process_has_group(o->group)) {
		log_error("improxyd", "there is no group %s (option -g)", o->group);
		return -ENOENT;
	}
	d->console = (struct console){ .table = d->table, .daemon = d };
	group = o->group ? o->group : process_has_group(CONTROL_GROUP) ? CONTROL_GROUP : NULL;
	err = ctl_new(loop_base(d->loop), o->socket_path, group, &console_ops, &d->console, &d->ctl);
	if (err < 0)
		log_error("improxyd", "control socket %s: %s", o->socket_path,
			  err == -EADDRINUSE ? "another improxyd serves it" : strerror(-err));
	return err;
}

static void enter_sandbox(struct daemon *d)
{
	const struct daemon_options *o = d->options;
	const char *const files[] = { o->config_file,       o->socket_path,
				      o->pid_file,          d->conf->log_file.on ? d->conf->log_path : NULL,
				      DAEMON_LOG_DIRECTORY, HOST_SETTINGS("4"),
				      HOST_SETTINGS("6") };

	if (o->no_sandbox)
		return;
	/* As root a console user may write a configuration to any place: that is what running it as root means. */
	sandbox_enter(o->user ? files : NULL, ARRAY_SIZE(files), &d->sandbox);
	if (d->sandbox.calls < 0 && sandbox_has_filter())
		log_warn("improxyd", "system calls are not filtered: %s", strerror(-d->sandbox.calls));
	if (d->sandbox.writes < 0 && o->user)
		log_notice("improxyd", "the directories that may be written to are not limited: %s",
			   strerror(-d->sandbox.writes));
}

static int no_memory(void)
{
	log_error("improxyd", "no memory, or no descriptors, to start with");
	return -ENOMEM;
}

static int start(struct daemon *d, struct handover *handover)
{
	const struct daemon_options *o = d->options;
	int err;

	d->started = loop_now();
	if (gethostname(d->hostname, sizeof(d->hostname) - 1) < 0)
		snprintf(d->hostname, sizeof(d->hostname), "improxyd");
	d->conf = conf_new();
	d->loop = loop_new();
	if (!d->conf || !d->loop)
		return no_memory();
	process_raise_descriptor_limit();
	if (fdstore_open(d->loop, handover, on_keeper_gone, d) < 0)
		return no_memory();
	d->carry = carry_open();
	d->save = loop_task_new(d->loop, daemon_save_conf, d);
	if (!d->carry || !d->save)
		return no_memory();
	daemon_apply_log(d);
	err = process_make_directory(o->socket_path, o->user);
	if (err == 0 && o->pid_file && !fdstore_has_keeper())
		err = process_make_directory(o->pid_file, o->user);
	if (err < 0) {
		log_error("improxyd", "user %s: the directories of its files cannot be made: %s", o->user,
			  err == -ENOENT ? "no such user" : strerror(-err));
		return err;
	}
	/* The socket first: a second daemon must not touch anything else. */
	err = open_console(d);
	if (err < 0)
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		d->signals[i] = loop_signal_new(d->loop, signals[i], on_signal, d);
		if (!d->signals[i])
			return no_memory();
	}
	err = links_open(d->loop, on_links, d, &d->links);
	if (err < 0) {
		log_error("improxyd", "interfaces cannot be read: %s", strerror(-err));
		return err;
	}
	err = open_families(d);
	if (err < 0)
		return err;
	loop_on_held(d->loop, on_held, d);
	d->apply = apply_new(d->links, d->exec, (uint32_t)d->started ^ (uint32_t)getpid() << 16);
	d->conflicts = conflict_log_new();
	d->look = loop_timer_new(d->loop, look_for_conflicts, d);
	d->again = loop_timer_new(d->loop, daemon_try_again, d);
	d->again_wait = DAEMON_AGAIN_FIRST;
	if (!d->apply || !d->conflicts || !d->look || !d->again)
		return no_memory();
	daemon_load_first(d);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		if (d->exec[f])
			exec_revive(d->exec[f]);
	}
	/* Numbers that were reserved for the past are free now. */
	if (apply_run(d->apply, d->conf) < 0)
		loop_timer_at(d->again, loop_now() + d->again_wait);
	look_for_conflicts(d);
	err = process_give_file(logsink_file(), o->user);
	if (err == 0)
		err = process_drop_privileges(o->user, o->group, false);
	if (err < 0) {
		log_error("improxyd", "cannot become %s: %s", o->user, strerror(-err));
		return err;
	}
	if (start_watchdog(d) < 0)
		return no_memory();
	enter_sandbox(d);
	err = become_ready(o);
	if (err < 0)
		return err;
	d->ready = true;
	daemon_apply_log(d);
	log_notice("improxyd", "version " IMPROXY_VERSION " is ready");
	return 0;
}

/* The next process goes on with everything that the keeper, or the service manager's store, holds. */
static void abandon(struct daemon *d)
{
	daemon_save_conf(d);
	d->carry->intended = 1;
	if (!fdstore_flush())
		log_error("keeper", "the keeper does not listen: the next process will not have everything");
	fdstore_freeze();
	ctl_leave(d->ctl);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		if (d->exec[f])
			exec_abandon(d->exec[f]);
	}
}

/* Whether it is heard makes no difference any more. */
static void tell_stopping(void)
{
	if (fdstore_has_keeper())
		fdstore_stopping();
	else
		(void)process_notify("STOPPING=1");
}

static void stop(struct daemon *d)
{
	if (!d->restarting)
		tell_stopping();
	if (d->abandoning)
		abandon(d);
	ctl_free(d->ctl);
	cmd_table_free(d->table);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++)
		exec_free(d->exec[f]);
	apply_free(d->apply);
	loop_timer_free(d->again);
	loop_timer_free(d->look);
	loop_timer_free(d->watchdog);
	conflict_log_free(d->conflicts);
	if (d->links)
		links_close(d->links);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		loop_signal_free(d->signals[i]);
	loop_task_free(d->save);
	carry_close(d->carry);
	fdstore_close();
	if (d->loop)
		loop_free(d->loop);
	conf_free(d->conf);
	daemon_forget_errors(d);
	if (d->options->pid_file)
		process_remove_pid(d->options->pid_file); /* unless it is the keeper's */
}

int daemon_main(const struct daemon_options *options, struct handover *handover)
{
	struct daemon d = { .options = options, .sandbox = { -ECANCELED, -ECANCELED } };
	int err;

	log_init(logsink_stamp);
	/* Until the configuration says otherwise. */
	logsink_set(LOGSINK_STDERR, LOG_WARNINGS);
	err = start(&d, handover);
	if (err == 0)
		err = loop_run(d.loop);
	stop(&d);
	logsink_fini();
	log_fini();
	if (err < 0)
		return EXIT_FAILURE;
	return d.restarting ? KEEPER_RESTART : EXIT_SUCCESS;
}
