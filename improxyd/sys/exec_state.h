/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exec_state - what a family at work is made of: for exec*.c only, which share it. exec.c is its life and its
 * interfaces, exec_run.c carries out what the engine decides and repairs what failed, exec_ask.c answers questions.
 */
#ifndef IMPROXY_SYS_EXEC_STATE_H
#define IMPROXY_SYS_EXEC_STATE_H

#include "core/gm_state.h"
#include "lib/log.h"
#include "sys/exec.h"
#include "sys/gmio.h"
#include "sys/hostver.h"

struct answers;
struct carry;
struct echo;
struct flows;
struct joins;
struct loop_task;
struct loop_timer;
struct members;
struct reporter;
struct senders;
struct sweep;
struct table;

/* Until what has failed is tried again, at first. */
#define REPAIR_FIRST mtime_from_s(1)

struct slot {
	struct exec_if want; /* ifindex 0: free */
	struct hostver version;
};

struct exec {
	enum family family;
	const struct gm_af *af;
	struct loop *loop;
	struct gm *gm;
	struct gmsock *sock;
	struct upstream *upstream;
	struct reporter *reporter;
	struct joins *joins; /* the router as a host of its own */
	struct answers *answers;
	struct members *members; /* IPv6 only */
	struct gmio *io;
	struct echo *echo;
	struct loop_task *run;
	struct loop_timer *timer, *look, *repair;
	exec_action_fn *done;
	void *done_arg;

	struct slot slots[GM_MAX_IFS];
	struct sweep *sweep;
	uint64_t overflows; /* of the raw socket, when a host last joined */

	struct flows *flows; /* the way from wildcard to per-source mode is under way */
	struct gm_conf conf; /* what it ends with */

	struct senders *senders; /* looked at in wildcard mode */
	struct table *table;
	struct carry *carry; /* to the next process */
	mtime_t revived;     /* when the hosts had been heard again; while reviving: 0 */
	bool carrying, reviving, abandoned;
	struct log_rate join_rate; /* hosts can cause these at will */

	mtime_t repair_wait;
	uint32_t unset; /* slots of upstreams that may not know all they have to join */
	bool unasked;   /* a general query could not be sent */
};

static inline const char *exec_tag(const struct exec *exec)
{
	return exec->af->name;
}

static inline bool exec_has_roles(const struct exec *exec)
{
	for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
		if (exec->slots[i].want.ifindex)
			return true;
	}
	return false;
}

/* --- exec_run.c --- */

/* An event: what comes of it is carried out at the end of the pass. Returns what gm_input() does. */
int exec_event(struct exec *exec, const struct gm_event *ev);
/* The same for those who say it again if it was lost for want of memory, which the engine has counted. */
void exec_event_input(void *arg, const struct gm_event *ev);
/* What has been counted so far is left to the next process, and to an interface that returns. */
void exec_save_counters(struct exec *exec);
/* Carries out everything now; and a slice of it, as task and timer. */
void exec_run(struct exec *exec);
void exec_run_pass(void *arg);

/* What a message needs to know of the interface it came by or goes by. */
struct gmio_if exec_gmio_if(const struct exec *exec, uint8_t slot);

/* Something has failed that nobody else repeats; and the repair, as timer. */
void exec_repair_later(struct exec *exec);
void exec_repair(void *arg);

/* How many queries wait to be sent: more than are good for one pass? */
bool exec_is_full(void *arg);

#endif
