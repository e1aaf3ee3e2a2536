/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exec - one family at work: its engine, and the kernel on the other side of it.
 *
 * It owns the engine, the raw socket, the multicast routing table, the upstream memberships, and the slots that
 * interfaces have in them. Packets, upcalls and timers become events; at the end of a pass of the loop the actions are
 * carried out, so that a burst costs one change a group. It decides nothing: what an interface is to be comes from its
 * user.
 *
 * When another process is the kernel's multicast router, memberships go on and the table is asked for again and again.
 */
#ifndef IMPROXY_SYS_EXEC_H
#define IMPROXY_SYS_EXEC_H

#include <stdbool.h>
#include <stdint.h>

#include "core/gm.h"
#include "lib/family.h"
#include "sys/answers.h"
#include "sys/gmsock.h"
#include "sys/link.h"
#include "sys/mroute.h"
#include "sys/upstream.h"

struct carry;
struct exec;
struct loop;

/* An interface as the user wants it: what the core has to know, and what only the packets need. */
struct exec_if {
	int ifindex;
	unsigned int mtu;
	unsigned int life;             /* another number: the kernel has begun anew with the interface */
	uint8_t station[LINK_STATION]; /* as struct link has it */
	bool require_router_alert;
	uint8_t ttl_threshold;
	unsigned int host_version; /* upstream: the kernel's host side is held to it; 0: its own choice */
	struct gm_if_conf gm;
};

/* An action of the engine was carried out, for the log and for `monitor`. */
typedef void exec_action_fn(void *arg, struct exec *exec, const struct gm_action *action);

/*
 * Opens the family's raw socket, or takes over that of an earlier process. `carry` outlives it. Returns 0, or -errno:
 * -EPERM without the capabilities, -EAFNOSUPPORT when the kernel does not know the family.
 */
int exec_new(struct loop *loop, enum family family, struct carry *carry, exec_action_fn *done, void *arg,
	     struct exec **out);

/* Leaves everything as it was found: memberships, VIFs, entries. */
void exec_free(struct exec *exec);

/*
 * Once, when the interfaces have been set for the first time: takes over what an earlier process has left, which is
 * kept until every host has had its turn to report.
 */
void exec_revive(struct exec *exec);
/* True until then. */
bool exec_reviving(const struct exec *exec);
/* From now on exec_free() leaves the kernel as it is, for the next process. */
void exec_abandon(struct exec *exec);

/* The kernel's table to be used: to be set before the first interface, which asks for it. A new one is taken at once.
 */
void exec_set_table(struct exec *exec, uint32_t number);

/*
 * Settings of the family; see struct gm_conf for the life of what it points to. Returns 0 or -ENOMEM: they count, but
 * not for all that was there before.
 */
int exec_set_conf(struct exec *exec, const struct gm_conf *conf);

/*
 * Makes an interface what `want` says; it is known by its ifindex. Returns 0; -ENOSPC when all slots are taken; or
 * another -errno when the kernel refuses something or memory is short, which the next call tries again.
 */
int exec_set_if(struct exec *exec, const struct exec_if *want);

/* The interface is gone or has no role any more. */
void exec_remove_if(struct exec *exec, int ifindex);
/* The same when the kernel has taken the family away from it, or has begun anew, and forgotten what it knew. */
void exec_lose_if(struct exec *exec, int ifindex);

/* Calls exec_remove_if() for every interface for which `keep` is false. */
void exec_sweep(struct exec *exec, bool (*keep)(void *arg, int ifindex), void *arg);

/* `join-group` of an interface, whatever its role; see joins_set(). Lists of interfaces that are gone go by the sweep.
 */
int exec_set_joins(struct exec *exec, int ifindex, const char *name, const struct gm_static *list, unsigned int n,
		   uint32_t serial);
void exec_sweep_joins(struct exec *exec, bool (*keep)(void *arg, int ifindex), void *arg);

/*
 * Carries out at once what changed interfaces have caused, which is otherwise done at the end of the loop's pass: first
 * what makes streams flow again, in both families, then what is left behind. Logs how long the first took since
 * `heard`, when the kernel's notification was read. A family may be NULL.
 */
void exec_settle_links(struct exec *const execs[FAMILY_COUNT], mtime_t heard);

/* The engine gets an event that does not come from the network (GM_EV_CLEAR). */
void exec_input(struct exec *exec, const struct gm_event *ev);

/* --- what `show` asks for --- */

enum family exec_family(const struct exec *exec);
const struct gm *exec_gm(const struct exec *exec);
void exec_clear_counters(struct exec *exec);

/* Slot of the interface, or GM_NO_IF; ifindex in a slot, or 0. */
uint8_t exec_slot(const struct exec *exec, int ifindex);
int exec_ifindex(const struct exec *exec, uint8_t slot);
/* Its name, also while it is being removed; "-" when there is none. */
const char *exec_slot_name(const struct exec *exec, uint8_t slot);

struct exec_status {
	bool wanted; /* some interface has a role */
	bool router; /* this process is the kernel's multicast router */
	int error;   /* why not: -errno of the last try */
	uint32_t table;
	uint64_t table_busy;   /* tries that found another owner */
	uint64_t route_errors; /* the kernel refused an entry */
	struct gmsock_stats sock;
	struct mcast_pool_stats upstream;
};
void exec_status(const struct exec *exec, struct exec_status *status);

/* Counters of an entry in the kernel; -ENOENT when it has none, -ENOTCONN when the table is not ours. */
int exec_route_counters(const struct exec *exec, const struct ipaddr *source, const struct ipaddr *group,
			struct mroute_counters *counters);

/* The same of the VIF in a slot. */
int exec_vif_counters(const struct exec *exec, uint8_t slot, struct mroute_vif_counters *counters);

/* What the kernel holds of a group on an upstream; false: nothing was asked for there. */
bool exec_upstream_state(const struct exec *exec, uint8_t slot, const struct ipaddr *group, struct mcast_state *state);

/*
 * When a report last left by an upstream: a membership was changed, which the kernel reports at once, or an answer to a
 * query was seen; 0: never since it was taken up. And what is known of those answers.
 */
mtime_t exec_last_report(const struct exec *exec, uint8_t slot);
struct answers_state exec_answers(const struct exec *exec, uint8_t slot);

/* Memberships of an upstream that the kernel refuses, now. */
unsigned int exec_join_failures(const struct exec *exec, uint8_t slot);

#endif
