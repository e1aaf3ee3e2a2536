/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon - the running process as its commands see it: configuration, engines, links, and the few questions that only
 * the kernel can answer. It stands between cmd_* and sys, which do not know each other.
 */
#ifndef IMPROXY_DAEMON_H
#define IMPROXY_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "core/gm.h"
#include "lib/family.h"
#include "lib/ipaddr.h"
#include "lib/mtime.h"

struct conf;
struct daemon;
struct handover;

/*
 * Ends this process for another one, of the program as it is on the disk then, without a stream noticing. -ENOTCONN:
 * there is no keeper that would start it; -EAGAIN: it does not keep up.
 */
int daemon_restart(struct daemon *d);

struct daemon_process {
	long pid, keeper; /* keeper 0: there is none */
	unsigned int starts;
	bool reviving; /* hosts of before the restart are still being asked for */
};
void daemon_process(const struct daemon *d, struct daemon_process *process);

/* The clock everything here is measured by. */
mtime_t daemon_now(void);
mtime_t daemon_started(const struct daemon *d);

/* The configuration in force. */
const struct conf *daemon_conf(const struct daemon *d);

/* Puts `conf` in force at once and owns it; the one before it is freed. */
void daemon_replace_conf(struct daemon *d, struct conf *conf);

/* The name in the prompt. Valid until the configuration changes. */
const char *daemon_hostname(const struct daemon *d);

const char *daemon_startup_file(const struct daemon *d);
/* What was wrong with the file read last, message by message; NULL behind the last. */
const char *daemon_config_error(const struct daemon *d, size_t i);

/*
 * Reads a file and puts it in force, or adds its lines to what is in force, if none of them is wrong. Returns 0; the
 * number of wrong lines, each of which is told to `error`; or -errno, the file cannot be read.
 */
int daemon_load(struct daemon *d, const char *path, void (*error)(void *arg, const char *message), void *arg);
int daemon_merge(struct daemon *d, const char *path, void (*error)(void *arg, const char *message), void *arg);

/*
 * A whole file as malloced text, which may hold NULs; and a file replaced by text at once, keeping mode and owner.
 * Return 0 or -errno.
 */
int daemon_read_file(const char *path, char **text, size_t *len);
int daemon_write_file(struct daemon *d, const char *path, const char *text);
/*
 * Why what the startup file says has never been in force: -errno of the start, when it could not be read, and there
 * is a file still. 0: it has been read, or there was none.
 */
int daemon_startup_unread(const struct daemon *d);
/* What to tell of a file that could not be read, or written. */
const char *daemon_read_error(int err);
const char *daemon_write_error(const struct daemon *d, int err);

/* The engine of a family (read core/gm_state.h); NULL when the kernel does not know the family. */
const struct gm *daemon_gm(const struct daemon *d, enum family family);

/* GM_EV_CLEAR: `ifname` NULL: all interfaces; group "none": all groups. Returns 0, or -ENOENT: no such interface. */
int daemon_clear_groups(struct daemon *d, enum family family, const char *ifname, const struct ipaddr *group);
void daemon_clear_statistics(struct daemon *d, enum family family);
/*
 * Removes forwarding entries from the kernel and the engine: of a group ("none": all) and a source ("none": all). Those
 * a member names come back at once, others with their data.
 */
void daemon_clear_routes(struct daemon *d, enum family family, const struct ipaddr *group, const struct ipaddr *source);

/* --- interfaces --- */

struct daemon_link {
	char name[GM_NAME_LEN];
	int ifindex;        /* 0: there is no such link now */
	unsigned int flags; /* IFF_* */
	unsigned int mtu;
	bool up;
	bool pointopoint;
	struct ipaddr primary[FAMILY_COUNT]; /* none: it has none */
	const char *refused[FAMILY_COUNT]; /* why it is not proxied though it is to be; NULL: it is, or is not to be */
};

/* Calls fn() for every link there is, and for every configured interface there is not, in order of names. */
void daemon_links(const struct daemon *d, void (*fn)(void *arg, const struct daemon_link *link), void *arg);
/* False: neither there nor configured. */
bool daemon_link(const struct daemon *d, const char *name, struct daemon_link *link);
/* The i-th address of the link with its prefix; false behind the last. */
bool daemon_link_addr(const struct daemon *d, const char *name, enum family family, unsigned int i, struct ipaddr *addr,
		      struct ipprefix *prefix);

/* --- what only the kernel knows --- */

struct daemon_route {
	uint64_t packets, bytes, wrong_if;
	mtime_t idle; /* MTIME_NEVER: it cannot be told */
};

/* Returns 0, or -errno: the kernel does not have the entry. */
int daemon_route(const struct daemon *d, enum family family, const struct ipaddr *source, const struct ipaddr *group,
		 struct daemon_route *route);

/* Packets of all entries that came in and went out by an interface, since its VIF was made. */
struct daemon_vif {
	uint64_t packets_in, packets_out, bytes_in, bytes_out;
};
/* Returns 0; or -errno, and `vif` is zeroed: the kernel has no VIF of the slot. */
int daemon_vif(const struct daemon *d, enum family family, uint8_t slot, struct daemon_vif *vif);

struct daemon_join {
	bool held;    /* the kernel holds exactly what is wanted */
	bool own;     /* not the kernel's: improxyd reports it itself, `held` once it has */
	bool widened; /* the EXCLUDE list was too long for the kernel: it holds EXCLUDE{} */
	int error;    /* -errno of the last try, 0 = none */
	unsigned int sockets;
	mtime_t since; /* when `held` or `error` became what it is: of `held`, when the kernel reported the change */
};

/* The membership of a group on the upstream in `slot`; false: none is wanted. */
bool daemon_join(const struct daemon *d, enum family family, uint8_t slot, const struct ipaddr *group,
		 struct daemon_join *join);
/*
 * When a report last left by the upstream in `slot`; 0: never. A change of membership is reported by the kernel at
 * once; an answer to a general query has been seen on its way out.
 */
mtime_t daemon_last_report(const struct daemon *d, enum family family, uint8_t slot);

struct daemon_answers {
	mtime_t seen; /* the last answer to a general query of the router upstream; 0: never */
	bool missed;  /* the query looked at last was not answered in time */
	int error;    /* -errno: answers cannot be looked for */
};
void daemon_answers(const struct daemon *d, enum family family, uint8_t slot, struct daemon_answers *answers);
unsigned int daemon_join_failures(const struct daemon *d, enum family family, uint8_t slot);

struct daemon_status {
	bool usable; /* the kernel knows the family */
	bool router; /* we are the kernel's multicast router */
	bool wanted; /* some interface has a role */
	int error;   /* why not: -errno */
	uint32_t table;
	uint64_t table_busy, route_errors;
	uint64_t received, upcalls, overflows, read_errors, send_errors;
	int rcvbuf;
	unsigned int joined, failing, sockets; /* upstream memberships */
	unsigned int reported;                 /* of those joined, by reports of our own */
	uint64_t join_failures, widened;
};
void daemon_status(const struct daemon *d, enum family family, struct daemon_status *status);

struct daemon_netlink {
	uint64_t events, changes, resyncs;
	int error;
};
void daemon_netlink(const struct daemon *d, struct daemon_netlink *netlink);

/*
 * A setting of the kernel: net.ipv4.conf.IFNAME.NAME or its IPv6 twin; "all" is an interface too. Returns 0 or -errno.
 */
int daemon_setting(const struct daemon *d, enum family family, const char *ifname, const char *name, int *value);

/* A bridge that looks at reports to send groups only where they are wanted. */
struct daemon_bridge {
	char name[GM_NAME_LEN];
	bool querier[FAMILY_COUNT]; /* it has heard one, or is one itself */
	mtime_t patience;           /* so long after a query it forgets the querier */
};

/*
 * The bridge that the interface is, or stands on as a VLAN. Returns 0, or -errno: -ENOENT when there is none or it does
 * not snoop, -EOPNOTSUPP when the kernel does not tell what it has heard.
 */
int daemon_bridge(const struct daemon *d, const char *ifname, struct daemon_bridge *bridge);

/* --- a look at the wire --- */

struct daemon_packet {
	uint8_t slot;
	struct ipaddr source;
	unsigned int ttl;
};

struct daemon_capture;

/*
 * Looks for data of a group (and, unless it is "none", of a source) on every interface with a role, for `time` or until
 * packet() returns true. `done` is called once when it is over, from the event loop; the capture is freed by
 * daemon_capture_free() in any case, which also breaks it off. Returns 0 or -errno: -EBUSY when there are too many.
 */
int daemon_capture_new(struct daemon *d, const struct ipaddr *group, const struct ipaddr *source, mtime_t time,
		       bool (*packet)(void *arg, const struct daemon_packet *packet), void (*done)(void *arg),
		       void *arg, struct daemon_capture **out);
void daemon_capture_free(struct daemon_capture *capture);

/* --- the log --- */

struct daemon_log {
	const char *name, *path; /* path NULL: of no file */
	bool on;
	int level;     /* enum log_level: the one in force, which may be that of the command line */
	uint64_t lost; /* lines it could not take */
};
/* Whether a log file of this name could be written; it is made if it was not there. Returns 0 or -errno. */
int daemon_try_log(const char *path);

/* The i-th target of the log; false behind the last. */
bool daemon_log(const struct daemon *d, unsigned int i, struct daemon_log *log);

/* The fences around the process (doc/SECURITY.md) that are in force. */
struct daemon_sandbox {
	bool calls, writes;
};
void daemon_sandbox(const struct daemon *d, struct daemon_sandbox *sandbox);

/* --- what happens --- */

/* An action of the engine, just carried out. `ifname` is of its slot. */
struct daemon_event {
	enum family family;
	const char *ifname;
	const struct gm_action *action;
};

/* The listener's own; it may not be added or removed inside event(). */
struct daemon_listener {
	void (*event)(void *arg, const struct daemon_event *ev);
	void *arg;
	struct daemon_listener *prev, *next;
};
void daemon_listen(struct daemon *d, struct daemon_listener *listener);
void daemon_unlisten(struct daemon *d, struct daemon_listener *listener);

/* The wall clock as text, as in the log. */
void daemon_stamp(char *buf, size_t size);

/* --- its life --- */

struct daemon_options {
	const char *config_file, *socket_path, *pid_file, *user, *group;
	bool background, no_sandbox;
	bool keep;     /* at SIGTERM leave memberships and forwarding to the service manager's descriptor store */
	int log_level; /* enum log_level; -1: what the configuration says */
};

/*
 * Opens everything, takes over what an earlier process has left in `handover`, reads the startup configuration, serves
 * until SIGTERM or SIGINT, and leaves nothing behind. Returns the exit status of the process; why it could not start
 * has been logged.
 */
int daemon_main(const struct daemon_options *options, struct handover *handover);

#endif
