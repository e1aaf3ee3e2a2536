/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "sys/answers.h"
#include "sys/carry.h"
#include "sys/echo.h"
#include "sys/exec_state.h"
#include "sys/loop.h"
#include "sys/mcast_sock.h"
#include "sys/mroute.h"
#include "sys/reporter.h"
#include "sys/senders.h"
#include "sys/sweep.h"
#include "sys/table.h"
#include "sys/upstream.h"

#define REVIVAL_RETRY    mtime_from_ms(20)
#define REPAIR_SLOWEST   mtime_from_s(30)
#define REVIVAL_PATIENCE mtime_from_s(60) /* with joins that fail */
#define RUN_SLICE        mtime_from_ms(5) /* of a pass of the loop */
#define RUN_GROUPS       4                /* between two looks at the clock; one may have thousands of sources */
#define RUN_QUERIES      512              /* more than these are not asked for in one pass */

/* --- actions --- */

void exec_repair_later(struct exec *exec)
{
	if (loop_timer_deadline(exec->repair) != MTIME_NEVER)
		return;
	loop_timer_at(exec->repair, loop_now() + exec->repair_wait);
	exec->repair_wait = mtime_min(exec->repair_wait * 2, REPAIR_SLOWEST);
}

static void set_upstream(struct exec *exec, const struct gm_action *a)
{
	int ifindex = exec->slots[a->slot].want.ifindex;
	char group[IPADDR_STRLEN];
	int err = upstream_set(exec->upstream, ifindex, &a->upstream.group, a->upstream.mode, a->upstream.sources,
			       a->upstream.nsources);

	if (!err && a->upstream.prompt)
		upstream_hasten(exec->upstream, ifindex, &a->upstream.group);
	/* The pool counts and repeats what the kernel refuses; what it has no memory for it does not know. */
	if (err == -ENOMEM) {
		exec->unset |= UINT32_C(1) << a->slot;
		exec_repair_later(exec);
	}
	if (err < 0 && log_rate_failure(&exec->join_rate, loop_now(), exec_tag(exec)))
		log_warn(exec_tag(exec), "%s: cannot join %s: %s", exec_slot_name(exec, a->slot),
			 ipaddr_format(&a->upstream.group, group), strerror(-err));
}

/* A general query for which there was no room or memory is made up for: the next one may be minutes away. */
static void query_sent(struct exec *exec, const struct gm_action *a, int err)
{
	if (!ipaddr_is_none(&a->query.group) || (err != -ENOBUFS && err != -ENOMEM && err != -EAGAIN))
		return;
	exec->unasked = true;
	exec_repair_later(exec);
}

/* Questions of the kernel that were lost or refused may be of use to somebody now. */
static void note_for_sweep(struct exec *exec, const struct gm_action *a)
{
	struct gmsock_stats stats;

	if (a->note.what == GM_NOTE_ROUTE_LIMIT)
		sweep_full(exec->sweep);
	if (a->note.what != GM_NOTE_GROUP_JOINED)
		return;
	gmsock_stats(exec->sock, &stats);
	if (stats.overflows != exec->overflows)
		sweep_refused(exec->sweep);
	exec->overflows = stats.overflows;
	sweep_joined(exec->sweep);
}

struct gmio_if exec_gmio_if(const struct exec *exec, uint8_t slot)
{
	const struct exec_if *want = &exec->slots[slot].want;

	return (struct gmio_if){ want->ifindex, want->gm.name, want->mtu, want->require_router_alert };
}

static void listen_for_echo(struct exec *exec)
{
	struct echo_if ifs[GM_MAX_IFS] = { 0 };

	for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
		ifs[i].ifindex = exec->slots[i].want.ifindex;
		memcpy(ifs[i].station, exec->slots[i].want.station, sizeof(ifs[i].station));
	}
	echo_listen(exec->echo, ifs);
}

static void carry_out(struct exec *exec, const struct gm_action *a)
{
	struct gmio_if ifc;

	switch (a->type) {
	case GM_ACT_QUERY:
		ifc = exec_gmio_if(exec, a->slot);
		if (ipaddr_is_none(&a->query.group))
			listen_for_echo(exec);
		query_sent(exec, a, gmio_send_query(exec->io, &ifc, a));
		break;
	case GM_ACT_DISCOVERY:
		ifc = exec_gmio_if(exec, a->slot);
		gmio_send_discovery(exec->io, &ifc, a);
		return;
	case GM_ACT_UPSTREAM:
		set_upstream(exec, a);
		break;
	case GM_ACT_ROUTE_DEL:
		senders_forget(exec->senders, &a->route.source, &a->route.group);
		/* fall through */
	case GM_ACT_ROUTE_SET:
		/* What cannot be done now is handed out again when the table becomes ours. */
		if (!table_change(exec->table, a))
			return;
		break;
	case GM_ACT_NOTE:
		note_for_sweep(exec, a);
		break;
	}
	exec->done(exec->done_arg, exec, a);
}

/*
 * The hosts have been heard, and what they asked for is joined: what else was joined before is left. A join that fails
 * may be the old one that is needed, for a while. False: it is to be tried again soon.
 */
static bool end_revival(struct exec *exec)
{
	struct carry_table *was = &exec->carry->tables[exec->family];
	struct mcast_pool_stats stats;

	if (!exec->reviving || exec->gm->relearned)
		return true;
	if (!exec->revived)
		exec->revived = loop_now();
	upstream_stats(exec->upstream, 0, &stats);
	if (gm_unsettled(exec->gm) || stats.waiting || (stats.failing && loop_now() < exec->revived + REVIVAL_PATIENCE))
		return false;
	exec->reviving = false;
	was->complete = was->last;
	mcast_sock_forget(exec->family, 0, 0);
	upstream_set_reviving(exec->upstream, false);
	reporter_disown(exec->reporter);
	upstream_work(exec->upstream);
	if (stats.failing)
		upstream_retry(exec->upstream);
	return true;
}

static bool is_leave(const struct gm_action *a)
{
	return a->type == GM_ACT_UPSTREAM && a->upstream.mode == GM_INCLUDE && !a->upstream.nsources;
}

/* The first half: all actions but leaves. Returns how many it has looked at. */
static size_t carry_out_moves(struct exec *exec, mtime_t heard)
{
	unsigned int memberships = 0, entries = 0;
	const struct gm_action *actions;
	struct mcast_pool_stats stats;
	mtime_t taken;
	size_t n;

	actions = gm_actions(exec->gm, loop_now(), &n);
	for (size_t i = 0; i < n; i++) {
		if (is_leave(&actions[i]))
			continue;
		memberships += actions[i].type == GM_ACT_UPSTREAM;
		entries += actions[i].type == GM_ACT_ROUTE_SET;
		carry_out(exec, &actions[i]);
	}
	/* Of many, those that do not fit into this pass follow. */
	upstream_work(exec->upstream);
	upstream_stats(exec->upstream, 0, &stats);
	taken = loop_now() - heard;
	if (memberships || entries)
		log_info(exec_tag(exec),
			 "interfaces have changed: %u memberships and %u entries set within %" PRId64 ".%03u ms",
			 memberships - (stats.waiting < memberships ? stats.waiting : memberships), entries,
			 mtime_to_ms(taken), (unsigned int)(taken % 1000));
	return n;
}

/* The second half: the leaves, and what timers have added since. */
static void carry_out_rest(struct exec *exec, size_t moved)
{
	const struct gm_action *actions;
	size_t n;

	actions = gm_actions(exec->gm, loop_now(), &n);
	for (size_t i = 0; i < n; i++) {
		if (i >= moved || is_leave(&actions[i]))
			carry_out(exec, &actions[i]);
	}
	gm_actions_done(exec->gm);
}

/* What has changed in `groups` groups at most. */
static void carry_out_some(struct exec *exec, unsigned int groups)
{
	size_t n;
	const struct gm_action *actions = gm_actions_some(exec->gm, loop_now(), groups, &n);

	for (size_t i = 0; i < n; i++)
		carry_out(exec, &actions[i]);
	gm_actions_done(exec->gm);
}

void exec_save_counters(struct exec *exec)
{
	if (!exec->carrying)
		return;
	carry_save(exec->carry, exec->family, exec->gm);
	gmsock_stats(exec->sock, &exec->carry->socks[exec->family]);
}

static void finish(struct exec *exec)
{
	mtime_t next;

	/* After the forwarding entries: what nobody wants any more stops before it is left. */
	upstream_work(exec->upstream);
	next = gm_unsettled(exec->gm) ? loop_now() : gm_next(exec->gm);
	if (!end_revival(exec))
		next = mtime_min(next, loop_now() + REVIVAL_RETRY);
	exec_save_counters(exec);
	loop_timer_at(exec->timer, next);
}

void exec_run(struct exec *exec)
{
	carry_out_some(exec, UINT_MAX);
	finish(exec);
}

void exec_settle_links(struct exec *const execs[FAMILY_COUNT], mtime_t heard)
{
	size_t moved[FAMILY_COUNT] = { 0 };

	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		if (execs[f])
			moved[f] = carry_out_moves(execs[f], heard);
	}
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		if (!execs[f])
			continue;
		carry_out_rest(execs[f], moved[f]);
		finish(execs[f]);
	}
}

/* A burst of thousands of groups is carried out in slices, with everybody else's turn in between. */
void exec_run_pass(void *arg)
{
	struct exec *exec = arg;
	mtime_t end = loop_now() + RUN_SLICE;

	do
		carry_out_some(exec, RUN_GROUPS);
	while (gm_unsettled(exec->gm) && loop_now() < end);
	finish(exec);
}

int exec_event(struct exec *exec, const struct gm_event *ev)
{
	int err = gm_input(exec->gm, loop_now(), ev);

	loop_task_run(exec->run);
	return err;
}

static void hear_upstream_query(struct exec *exec, int ifindex, const struct gm_event *ev)
{
	if (ipaddr_is_none(&ev->query.group))
		answers_expect(exec->answers, ifindex, ev->query.max_response);
	reporter_hear(exec->reporter, ifindex, ev);
}

/* What could not be applied for want of memory was counted by the engine; hosts and the kernel say it again. */
void exec_event_input(void *arg, const struct gm_event *ev)
{
	struct exec *exec = arg;

	if (ev->type == GM_EV_QUERY && exec->slots[ev->slot].want.gm.role == GM_ROLE_UPSTREAM)
		hear_upstream_query(exec, exec->slots[ev->slot].want.ifindex, ev);
	(void)exec_event(exec, ev);
}

void exec_input(struct exec *exec, const struct gm_event *ev)
{
	exec_event_input(exec, ev);
}

/* Sending a query costs more than what led to it. */
bool exec_is_full(void *arg)
{
	const struct exec *exec = arg;

	return exec->gm->queue.nqueries >= RUN_QUERIES;
}

/* --- repair --- */

/* Everything that has failed is tried again. */
void exec_repair(void *arg)
{
	const struct gm_event resync = { .type = GM_EV_RESYNC, .slot = GM_NO_IF };
	const struct gm_event ask = { .type = GM_EV_ASK, .slot = GM_NO_IF };
	struct exec *exec = arg;
	uint64_t before = table_status(exec->table).refused;

	for (uint8_t slot = 0; slot < GM_MAX_IFS; slot++) {
		const struct gm_event join = { .type = GM_EV_RESYNC, .slot = slot };

		if (!(exec->unset >> slot & 1))
			continue;
		exec->unset &= ~(UINT32_C(1) << slot);
		exec_event_input(exec, &join);
	}
	exec_run(exec);
	if (exec->unasked) {
		exec->unasked = false;
		exec_event_input(exec, &ask);
		exec_run(exec);
	}
	if (!table_mroute(exec->table))
		return;
	table_add_vifs(exec->table);
	exec_event_input(exec, &resync);
	exec_run(exec);
	table_remove_strays(exec->table);
	if (before == table_status(exec->table).refused && !exec->unasked && !exec->unset &&
	    table_is_whole(exec->table))
		exec->repair_wait = REPAIR_FIRST;
}
