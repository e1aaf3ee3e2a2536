/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply.h"
#include "cli.h"
#include "conf.h"
#include "console.h"
#include "core/gm_state.h"
#include "debug.h"
#include "lib/log.h"
#include "lib/util.h"
#include "load.h"
#include "sys/ctl.h"
#include "sys/exec.h"
#include "sys/file.h"
#include "sys/link.h"
#include "sys/logsink.h"
#include "sys/loop.h"
#include "sys/process.h"

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
};

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

/* --- notes of the engines --- */

/* How a note is told: always, or at most so often because a host can cause it at will. */
static const struct note_rule {
	enum log_level level;
	bool limited;
} note_rules[GM_NOTE_COUNT] = {
	[GM_NOTE_GROUP_JOINED] = { LOG_DEBUGGING, false },      [GM_NOTE_GROUP_LEFT] = { LOG_DEBUGGING, false },
	[GM_NOTE_MODE_CHANGED] = { LOG_DEBUGGING, false },      [GM_NOTE_QUERIER_LOCAL] = { LOG_NOTIFICATIONS, false },
	[GM_NOTE_QUERIER_OTHER] = { LOG_NOTIFICATIONS, false }, [GM_NOTE_OTHER_VERSION_QUERY] = { LOG_WARNINGS, true },
	[GM_NOTE_SSM_IGNORED] = { LOG_WARNINGS, true },         [GM_NOTE_LIMIT_REACHED] = { LOG_WARNINGS, true },
	[GM_NOTE_ROUTE_LIMIT] = { LOG_WARNINGS, true },         [GM_NOTE_IF_UP] = { LOG_INFORMATIONAL, false },
	[GM_NOTE_IF_DOWN] = { LOG_INFORMATIONAL, false },
};

static void log_note(enum log_level level, const char *tag, const char *ifname, const struct gm_action *a,
		     unsigned int suppressed)
{
	char group[IPADDR_STRLEN] = "", from[IPADDR_STRLEN] = "";
	bool has_group = !ipaddr_is_none(&a->note.group), has_from = !ipaddr_is_none(&a->note.from);

	if (has_group)
		ipaddr_format(&a->note.group, group);
	if (has_from)
		ipaddr_format(&a->note.from, from);
	log_msg(level, tag, "%s: %s%s%s%s%s", ifname, gm_note_names[a->note.what], has_group ? ", " : "", group,
		has_from ? ", from " : "", from);
	if (suppressed)
		log_msg(level, tag, "%u messages like this one were not logged", suppressed);
}

static void on_note(void *arg, struct exec *exec, const struct gm_action *a)
{
	static struct log_rate rates[FAMILY_COUNT][GM_NOTE_COUNT];
	const struct note_rule *rule = &note_rules[a->note.what];
	enum family family = exec_family(exec);
	unsigned int flag = family == FAMILY_IPV4 ? DEBUG_IGMP_EVENTS : DEBUG_MLD_EVENTS, suppressed = 0;
	const char *ifname = a->slot < GM_MAX_IFS ? exec_gm(exec)->ifs[a->slot].conf.name : "-";

	(void)arg;
	if (rule->level == LOG_DEBUGGING) {
		if (log_debug_on(flag, ifname))
			log_note(rule->level, family_protocol(family), ifname, a, 0);
		return;
	}
	if (rule->limited) {
		struct log_rate *rate = &rates[family][a->note.what];

		rate->interval = mtime_from_s(60);
		rate->burst = 5;
		if (!log_rate_ok(rate, loop_now(), &suppressed))
			return;
	}
	log_note(rule->level, family_protocol(family), ifname, a, suppressed);
}

/* --- interfaces --- */

static void describe_link(const struct daemon *d, const char *name, const struct link *link, struct daemon_link *out)
{
	*out = (struct daemon_link){ 0 };
	snprintf(out->name, sizeof(out->name), "%s", name);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		out->refused[f] = apply_refusal(d->apply, d->conf, name, (enum family)f);
		if (link)
			out->primary[f] = link_primary(link, (enum family)f);
	}
	if (!link)
		return;
	out->ifindex = link->ifindex;
	out->flags = link->flags;
	out->mtu = link->mtu;
	out->up = link->up;
	out->pointopoint = link->pointopoint;
}

bool daemon_link(const struct daemon *d, const char *name, struct daemon_link *out)
{
	const struct link *link = links_by_name(d->links, name);

	if (!link && !conf_if_find(d->conf, name))
		return false;
	describe_link(d, name, link, out);
	return true;
}

static int compare_names(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

void daemon_links(const struct daemon *d, void (*fn)(void *arg, const struct daemon_link *link), void *arg)
{
	unsigned int nlinks = links_count(d->links), n = 0;
	const char **names = calloc(nlinks + d->conf->nifs + 1, sizeof(*names));

	if (!names) {
		log_error("improxyd", "out of memory: interfaces could not be listed");
		return;
	}
	for (unsigned int i = 0; i < nlinks; i++)
		names[n++] = links_at(d->links, i)->name;
	for (unsigned int i = 0; i < d->conf->nifs; i++) {
		if (!links_by_name(d->links, d->conf->ifs[i]->name))
			names[n++] = d->conf->ifs[i]->name;
	}
	qsort(names, n, sizeof(*names), compare_names);
	for (unsigned int i = 0; i < n; i++) {
		struct daemon_link link;

		describe_link(d, names[i], links_by_name(d->links, names[i]), &link);
		fn(arg, &link);
	}
	free(names);
}

bool daemon_link_addr(const struct daemon *d, const char *name, enum family family, unsigned int i, struct ipaddr *addr,
		      struct ipprefix *prefix)
{
	const struct link *link = links_by_name(d->links, name);

	if (!link || i >= link->naddrs[family])
		return false;
	*addr = link->addrs[family][i].addr;
	*prefix = link->addrs[family][i].prefix;
	return true;
}

/* --- questions to the kernel --- */

int daemon_route(const struct daemon *d, enum family family, const struct ipaddr *source, const struct ipaddr *group,
		 struct daemon_route *route)
{
	struct mroute_counters counters;
	int err = d->exec[family] ? exec_route_counters(d->exec[family], source, group, &counters) : -EAFNOSUPPORT;

	if (err < 0)
		return err;
	*route = (struct daemon_route){ counters.packets, counters.bytes, counters.wrong_if, counters.idle };
	return 0;
}

bool daemon_join(const struct daemon *d, enum family family, uint8_t slot, const struct ipaddr *group,
		 struct daemon_join *join)
{
	struct mcast_state state;

	if (!d->exec[family] || !exec_upstream_state(d->exec[family], slot, group, &state))
		return false;
	*join = (struct daemon_join){ state.held, state.widened, state.error, state.nsockets };
	return true;
}

unsigned int daemon_join_failures(const struct daemon *d, enum family family, uint8_t slot)
{
	return d->exec[family] ? exec_join_failures(d->exec[family], slot) : 0;
}

void daemon_status(const struct daemon *d, enum family family, struct daemon_status *status)
{
	struct exec_status es;

	*status = (struct daemon_status){ .usable = d->exec[family] != NULL };
	if (!status->usable)
		return;
	exec_status(d->exec[family], &es);
	status->router = es.router;
	status->wanted = es.wanted;
	status->error = es.error;
	status->table = es.table;
	status->table_busy = es.table_busy;
	status->route_errors = es.route_errors;
	status->received = es.sock.received;
	status->upcalls = es.sock.upcalls;
	status->overflows = es.sock.overflows;
	status->read_errors = es.sock.read_errors;
	status->send_errors = es.sock.send_errors;
	status->rcvbuf = es.sock.rcvbuf;
	status->joined = es.upstream.groups;
	status->failing = es.upstream.failing;
	status->sockets = es.upstream.sockets;
	status->join_failures = es.upstream.join_failures;
	status->widened = es.upstream.widened;
}

void daemon_netlink(const struct daemon *d, struct daemon_netlink *netlink)
{
	struct links_stats stats;

	links_stats(d->links, &stats);
	*netlink = (struct daemon_netlink){ stats.events, stats.changes, stats.resyncs, stats.error };
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

/* --- configuration --- */

static void apply_target(enum logsink_target target, const struct conf_log *log, const char *path)
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
		log_error("log", "%s: %s", path, strerror(-err));
}

/* The command line's level counts for standard error. */
static void apply_log(const struct daemon *d)
{
	struct conf_log log = d->conf->log_stderr;

	if (d->options->log_level >= 0)
		log.level = d->options->log_level;
	if (d->options->background)
		log.on = false;
	apply_target(LOGSINK_STDERR, &log, NULL);
	apply_target(LOGSINK_SYSLOG, &d->conf->log_syslog, NULL);
	apply_target(LOGSINK_FILE, &d->conf->log_file, d->conf->log_path);
}

void daemon_replace_conf(struct daemon *d, struct conf *conf)
{
	struct conf *old = d->conf;

	d->conf = conf;
	apply_log(d);
	/* The engines use parts of the configuration until this has given them those of the new one. */
	apply_run(d->apply, conf);
	conf_free(old);
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

int daemon_read_file(const char *path, char **text)
{
	return file_read(path, text);
}

int daemon_write_file(const char *path, const char *text)
{
	return file_write(path, text);
}

static void forget_errors(struct daemon *d)
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

/* Reads a file into a configuration that shares with the one in force what is the same. */
static int load_file(struct daemon *d, const char *path, struct loading *loading, struct conf **conf,
		     unsigned int *nerrors)
{
	char *text;
	int err = file_read(path, &text);

	if (err < 0)
		return err;
	forget_errors(d);
	*conf = load_text(d->table, path, text, on_load_error, loading, nerrors);
	free(text);
	if (!*conf)
		return -ENOMEM;
	conf_adopt(*conf, d->conf);
	return 0;
}

int daemon_load(struct daemon *d, const char *path, void (*error)(void *arg, const char *message), void *arg)
{
	struct loading loading = { d, error, arg };
	unsigned int nerrors;
	struct conf *conf;
	int err = load_file(d, path, &loading, &conf, &nerrors);

	if (err < 0)
		return err;
	if (nerrors) {
		conf_free(conf);
		return -EINVAL;
	}
	daemon_replace_conf(d, conf);
	return 0;
}

/* At the start what is right counts, and what is wrong is told. */
static void load_startup(struct daemon *d)
{
	struct loading loading = { .d = d };
	unsigned int nerrors;
	struct conf *conf;
	int err = load_file(d, d->options->config_file, &loading, &conf, &nerrors);

	if (err < 0) {
		log_warn("config", "%s: %s: starting without configuration", d->options->config_file, strerror(-err));
		return;
	}
	if (nerrors)
		log_error("config", "%s: %u lines were not accepted", d->options->config_file, nerrors);
	daemon_replace_conf(d, conf);
}

/* --- life --- */

static void on_links(void *arg)
{
	struct daemon *d = arg;

	apply_run(d->apply, d->conf);
}

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
	}
}

static void on_signal(void *arg, int signo)
{
	struct daemon *d = arg;
	int err;

	switch (signo) {
	case SIGHUP:
		logsink_reopen();
		err = daemon_load(d, d->options->config_file, NULL, NULL);
		if (err < 0)
			log_error("config", "%s: not reloaded: %s", d->options->config_file,
				  err == -EINVAL ? "it has errors" : strerror(-err));
		else
			log_notice("config", "%s: reloaded", d->options->config_file);
		return;
	case SIGUSR1:
		dump_state(d);
		return;
	default:
		log_notice("improxyd", "signal %d: leaving", signo);
		loop_exit(d->loop);
		return;
	}
}

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

static int open_families(struct daemon *d)
{
	unsigned int usable = 0;

	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		int err = exec_new(d->loop, (enum family)f, on_note, d, &d->exec[f]);

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
	char error[CMD_ERROR_LEN];
	int err;

	d->table = cli_table_new(error, sizeof(error));
	if (!d->table) {
		log_error("improxyd", "command table: %s", error);
		return -EINVAL;
	}
	d->console = (struct console){ .table = d->table, .daemon = d };
	err = ctl_new(loop_base(d->loop), o->socket_path, o->group, &console_ops, &d->console, &d->ctl);
	if (err < 0)
		log_error("improxyd", "control socket %s: %s", o->socket_path,
			  err == -EADDRINUSE ? "another improxyd serves it" : strerror(-err));
	return err;
}

static int start(struct daemon *d)
{
	const struct daemon_options *o = d->options;
	int err;

	d->started = loop_now();
	if (gethostname(d->hostname, sizeof(d->hostname) - 1) < 0)
		snprintf(d->hostname, sizeof(d->hostname), "improxyd");
	d->conf = conf_new();
	d->loop = loop_new();
	if (!d->conf || !d->loop)
		return -ENOMEM;
	apply_log(d);
	/* The socket first: a second daemon must not touch anything else. */
	err = open_console(d);
	if (err < 0)
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		d->signals[i] = loop_signal_new(d->loop, signals[i], on_signal, d);
		if (!d->signals[i])
			return -ENOMEM;
	}
	err = links_open(d->loop, on_links, d, &d->links);
	if (err < 0) {
		log_error("improxyd", "interfaces cannot be read: %s", strerror(-err));
		return err;
	}
	err = open_families(d);
	if (err < 0)
		return err;
	d->apply = apply_new(d->links, d->exec);
	if (!d->apply)
		return -ENOMEM;
	load_startup(d);
	err = process_drop_privileges(o->user, o->group);
	if (err < 0) {
		log_error("improxyd", "cannot become %s: %s", o->user, strerror(-err));
		return err;
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
	log_notice("improxyd", "version " IMPROXY_VERSION " is ready");
	return 0;
}

static void stop(struct daemon *d)
{
	/* Whether it is heard makes no difference any more. */
	(void)process_notify("STOPPING=1");
	ctl_free(d->ctl);
	cmd_table_free(d->table);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++)
		exec_free(d->exec[f]);
	apply_free(d->apply);
	if (d->links)
		links_close(d->links);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		loop_signal_free(d->signals[i]);
	if (d->loop)
		loop_free(d->loop);
	conf_free(d->conf);
	forget_errors(d);
	if (d->options->pid_file)
		process_remove_pid(d->options->pid_file);
}

int daemon_main(const struct daemon_options *options)
{
	struct daemon d = { .options = options };
	int err;

	log_init(logsink_stamp);
	err = start(&d);
	if (err == 0)
		err = loop_run(d.loop);
	stop(&d);
	logsink_fini();
	log_fini();
	return err;
}
