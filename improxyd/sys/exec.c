/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/exec.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/gm_fwd.h"
#include "core/gm_state.h"
#include "debug.h"
#include "lib/log.h"
#include "lib/util.h"
#include "sys/answers.h"
#include "sys/carry.h"
#include "sys/echo.h"
#include "sys/fdstore.h"
#include "sys/flows.h"
#include "sys/gmio.h"
#include "sys/hostver.h"
#include "sys/joins.h"
#include "sys/loop.h"
#include "sys/mcast_sock.h"
#include "sys/sweep.h"
#include "sys/table.h"

#define FLOWS_LOOK       mtime_from_s(1)
#define REVIVAL_RETRY    mtime_from_ms(20)
#define REPAIR_FIRST     mtime_from_s(1)
#define REPAIR_SLOWEST   mtime_from_s(30)
#define REVIVAL_PATIENCE mtime_from_s(60) /* with joins that fail */
#define RUN_SLICE        mtime_from_ms(5) /* of a pass of the loop */
#define RUN_GROUPS       64
#define RUN_QUERIES      512 /* more than these are not asked for in one pass */

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
	struct joins *joins; /* the router as a host of its own */
	struct answers *answers;
	struct gmio *io;
	struct echo *echo; /* IPv4 only */
	struct loop_task *run;
	struct loop_timer *timer, *look, *repair;
	exec_action_fn *done;
	void *done_arg;

	struct slot slots[GM_MAX_IFS];
	struct sweep *sweep;
	uint64_t overflows; /* of the raw socket, when a host last joined */

	struct flows *flows; /* the way from wildcard to per-source mode is under way */
	struct gm_conf conf; /* what it ends with */

	struct table *table;
	struct carry *carry; /* to the next process */
	mtime_t revived;     /* when the hosts had been heard again; while reviving: 0 */
	bool carrying, reviving, abandoned;
	struct log_rate join_rate; /* hosts can cause these at will */

	mtime_t repair_wait;
	uint32_t unset; /* slots of upstreams that may not know all they have to join */
	bool unasked;   /* a general query could not be sent */
};

static const char *tag(const struct exec *exec)
{
	return exec->af->name;
}

uint8_t exec_slot(const struct exec *exec, int ifindex)
{
	for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
		if (ifindex && exec->slots[i].want.ifindex == ifindex)
			return (uint8_t)i;
	}
	return GM_NO_IF;
}

const char *exec_slot_name(const struct exec *exec, uint8_t slot)
{
	return slot < GM_MAX_IFS ? exec->slots[slot].want.gm.name : "-";
}

/* --- actions --- */

/* Something has failed that nobody else repeats. */
static void repair_later(struct exec *exec)
{
	if (loop_timer_deadline(exec->repair) != MTIME_NEVER)
		return;
	loop_timer_at(exec->repair, loop_now() + exec->repair_wait);
	exec->repair_wait = mtime_min(exec->repair_wait * 2, REPAIR_SLOWEST);
}

static void set_upstream(struct exec *exec, const struct gm_action *a)
{
	char group[IPADDR_STRLEN];
	int err = upstream_set(exec->upstream, exec->slots[a->slot].want.ifindex, &a->upstream.group, a->upstream.mode,
			       a->upstream.sources, a->upstream.nsources);

	/* The pool counts and repeats what the kernel refuses; what it has no memory for it does not know. */
	if (err == -ENOMEM) {
		exec->unset |= UINT32_C(1) << a->slot;
		repair_later(exec);
	}
	if (err < 0 && log_rate_failure(&exec->join_rate, loop_now(), tag(exec)))
		log_warn(tag(exec), "%s: cannot join %s: %s", exec_slot_name(exec, a->slot),
			 ipaddr_format(&a->upstream.group, group), strerror(-err));
}

/* A general query for which there was no room or memory is made up for: the next one may be minutes away. */
static void query_sent(struct exec *exec, const struct gm_action *a, int err)
{
	if (!ipaddr_is_none(&a->query.group) || (err != -ENOBUFS && err != -ENOMEM && err != -EAGAIN))
		return;
	exec->unasked = true;
	repair_later(exec);
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

/* What a message needs to know of the interface it came by or goes by. */
static struct gmio_if gmio_if_of(const struct exec *exec, uint8_t slot)
{
	const struct exec_if *want = &exec->slots[slot].want;

	return (struct gmio_if){ want->ifindex, want->gm.name, want->mtu, want->require_router_alert };
}

static void listen_for_echo(struct exec *exec)
{
	int ifindex[GM_MAX_IFS];

	for (unsigned int i = 0; i < GM_MAX_IFS; i++)
		ifindex[i] = exec->slots[i].want.ifindex;
	echo_listen(exec->echo, ifindex);
}

static void carry_out(struct exec *exec, const struct gm_action *a)
{
	struct gmio_if ifc;

	switch (a->type) {
	case GM_ACT_QUERY:
		ifc = gmio_if_of(exec, a->slot);
		if (exec->echo && ipaddr_is_none(&a->query.group))
			listen_for_echo(exec);
		query_sent(exec, a, gmio_send_query(exec->io, &ifc, a));
		break;
	case GM_ACT_DISCOVERY:
		ifc = gmio_if_of(exec, a->slot);
		gmio_send_discovery(exec->io, &ifc, a);
		return;
	case GM_ACT_UPSTREAM:
		set_upstream(exec, a);
		break;
	case GM_ACT_ROUTE_SET:
	case GM_ACT_ROUTE_DEL:
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
		log_info(tag(exec),
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

static void finish(struct exec *exec)
{
	mtime_t next;

	/* After the forwarding entries: what nobody wants any more stops before it is left. */
	upstream_work(exec->upstream);
	next = gm_unsettled(exec->gm) ? loop_now() : gm_next(exec->gm);
	if (!end_revival(exec))
		next = mtime_min(next, loop_now() + REVIVAL_RETRY);
	if (exec->carrying)
		carry_save(exec->carry, exec->family, exec->gm);
	loop_timer_at(exec->timer, next);
}

static void run(struct exec *exec)
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
static void run_pass(void *arg)
{
	struct exec *exec = arg;
	mtime_t end = loop_now() + RUN_SLICE;

	do
		carry_out_some(exec, RUN_GROUPS);
	while (gm_unsettled(exec->gm) && loop_now() < end);
	finish(exec);
}

static int input(struct exec *exec, const struct gm_event *ev)
{
	int err = gm_input(exec->gm, loop_now(), ev);

	loop_task_run(exec->run);
	return err;
}

/* What could not be applied for want of memory was counted by the engine; hosts and the kernel say it again. */
static void event_input(void *arg, const struct gm_event *ev)
{
	struct exec *exec = arg;
	const struct exec_if *want;

	if (ev->type == GM_EV_QUERY && ipaddr_is_none(&ev->query.group)) {
		want = &exec->slots[ev->slot].want;
		if (want->gm.role == GM_ROLE_UPSTREAM)
			answers_expect(exec->answers, want->ifindex, ev->query.max_response);
	}
	(void)input(exec, ev);
}

void exec_input(struct exec *exec, const struct gm_event *ev)
{
	event_input(exec, ev);
}

/* --- packets --- */

static void on_packet(void *arg, enum family family, int ifindex, const struct wire_meta *meta, const uint8_t *payload,
		      size_t len)
{
	struct exec *exec = arg;
	uint8_t slot = exec_slot(exec, ifindex);
	struct gmio_if ifc;

	(void)family;
	if (slot == GM_NO_IF)
		return;
	ifc = gmio_if_of(exec, slot);
	gmio_hear(exec->io, slot, &ifc, meta, payload, len);
}

static void on_drop(void *arg, enum family family, int ifindex, enum gm_drop why)
{
	struct exec *exec = arg;

	(void)family;
	gm_count_drop(exec->gm, exec_slot(exec, ifindex), why);
}

static void on_upcall(void *arg, enum family family, enum gmsock_upcall type, unsigned int vif,
		      const struct ipaddr *source, const struct ipaddr *group)
{
	struct exec *exec = arg;
	struct gm_event ev = { .type = type == GMSOCK_NOCACHE ? GM_EV_UPCALL : GM_EV_WRONG_IF, .slot = (uint8_t)vif };
	char s[IPADDR_STRLEN], g[IPADDR_STRLEN];
	struct mroute_counters counters;
	uint64_t refused;

	(void)family;
	if (vif >= GM_MAX_IFS || !exec->slots[vif].want.ifindex)
		return;
	log_debug(DEBUG_MROUTE, exec_slot_name(exec, ev.slot), "mroute", "%s: (%s,%s) on %s",
		  type == GMSOCK_NOCACHE ? "no entry" : "wrong interface", ipaddr_format(source, s),
		  ipaddr_format(group, g), exec_slot_name(exec, ev.slot));
	ev.flow.source = *source;
	ev.flow.group = *group;
	if (ev.type == GM_EV_WRONG_IF && table_mroute(exec->table) &&
	    mroute_packets(table_mroute(exec->table), source, group, &counters) == 0)
		ev.flow.expected = counters.packets - counters.wrong_if;
	refused = exec->gm->ifs[ev.slot].stats.drop[GM_DROP_UPCALL_RATE];
	event_input(exec, &ev);
	if (refused != exec->gm->ifs[ev.slot].stats.drop[GM_DROP_UPCALL_RATE])
		sweep_refused(exec->sweep);
}

/* Sending a query costs more than what led to it. */
static bool is_full(void *arg)
{
	const struct exec *exec = arg;

	return exec->gm->queue.nqueries >= RUN_QUERIES;
}

static const struct gmsock_handler handler = {
	.packet = on_packet,
	.drop = on_drop,
	.full = is_full,
	.upcall = on_upcall,
};

/* --- the routing table --- */

static int table_ifindex(const void *arg, uint8_t slot)
{
	return exec_ifindex(arg, slot);
}

static const char *table_name(const void *arg, uint8_t slot)
{
	return exec_slot_name(arg, slot);
}

static void table_taken(void *arg)
{
	const struct gm_event resync = { .type = GM_EV_RESYNC, .slot = GM_NO_IF };

	event_input(arg, &resync);
}

static void table_failed(void *arg)
{
	repair_later(arg);
}

static bool table_knows(const void *arg, const struct mroute_entry *entry)
{
	const struct exec *exec = arg;
	const struct gm_group *group = gm_group_find(exec->gm, &entry->group);

	if (ipaddr_is_none(&entry->group))
		return entry->iif < GM_MAX_IFS && exec->gm->any_oifs[entry->iif];
	return group && gm_fwd_find(exec->gm, group, &entry->source);
}

/* Everything that has failed is tried again. */
static void repair(void *arg)
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
		event_input(exec, &join);
	}
	run(exec);
	if (exec->unasked) {
		exec->unasked = false;
		event_input(exec, &ask);
		run(exec);
	}
	if (!table_mroute(exec->table))
		return;
	table_add_vifs(exec->table);
	event_input(exec, &resync);
	run(exec);
	table_remove_strays(exec->table);
	if (before == table_status(exec->table).refused && !exec->unasked && !exec->unset &&
	    table_is_whole(exec->table))
		exec->repair_wait = REPAIR_FIRST;
}

static bool has_roles(const struct exec *exec)
{
	for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
		if (exec->slots[i].want.ifindex)
			return true;
	}
	return false;
}

/* --- after an earlier process --- */

/*
 * The keeper holds the memberships of two earlier processes at most: the last that had all of them, and the last of
 * all. More would pile up when accidents follow each other.
 */
static void keep_memberships(struct exec *exec)
{
	struct carry_table *was = &exec->carry->tables[exec->family];

	mcast_sock_forget(exec->family, was->complete, was->last);
	was->last = (int32_t)getpid();
	if (!exec->reviving)
		was->complete = was->last;
}

void exec_revive(struct exec *exec)
{
	const struct gm_event relearn = { .type = GM_EV_RELEARN, .slot = GM_NO_IF };

	carry_restore(exec->carry, exec->family, exec->gm);
	exec->carrying = true;
	exec->reviving = fdstore_inherited();
	keep_memberships(exec);
	if (!exec->reviving)
		return;
	event_input(exec, &relearn);
	table_revive(exec->table, event_input, exec);
}

bool exec_reviving(const struct exec *exec)
{
	return exec->reviving;
}

void exec_abandon(struct exec *exec)
{
	exec->abandoned = true;
}

/* --- looking through the table --- */

static struct mroute *sweep_table(void *arg)
{
	const struct exec *exec = arg;

	return table_mroute(exec->table);
}

static const struct gm *sweep_gm(void *arg)
{
	struct exec *exec = arg;

	return exec->gm;
}

/* --- interfaces --- */

static int set_router_groups(struct exec *exec, const struct slot *s, bool join)
{
	if (join)
		return gmsock_join_routers(exec->sock, s->want.ifindex);
	gmsock_leave_routers(exec->sock, s->want.ifindex);
	return 0;
}

/* Told once: what cannot be written now cannot be written at the next change either. */
static void set_host_version(struct exec *exec, struct slot *s, unsigned int version)
{
	unsigned int asked = s->version.version;
	int before = s->version.err, err = hostver_set(&s->version, exec->family, s->want.ifindex, version);

	if (err == 0 || (err == before && asked == version))
		return;
	if (version)
		log_error(tag(exec), "%s: the kernel cannot be held to version %u: %s; it speaks its own choice",
			  s->want.gm.name, version, strerror(-err));
	else
		log_error(tag(exec), "%s: the kernel is still held to the version it had to speak: %s", s->want.gm.name,
			  strerror(-err));
}

static struct slot *slot_for(struct exec *exec, int ifindex, uint8_t *number)
{
	uint8_t i = exec_slot(exec, ifindex);

	/* The number it had before, else one that nobody had. */
	if (i == GM_NO_IF)
		i = table_former_slot(exec->table, ifindex);
	for (uint8_t j = 0; i == GM_NO_IF && j < GM_MAX_IFS; j++) {
		if (!exec->slots[j].want.ifindex && !table_is_reserved(exec->table, j))
			i = j;
	}
	*number = i;
	return i == GM_NO_IF ? NULL : &exec->slots[i];
}

/*
 * An interface that went and came back under its old index, too fast to be seen missing, has lost all that the kernel
 * knew of it: VIF and memberships.
 */
static bool was_replaced(const struct exec *exec, uint8_t slot)
{
	return slot != GM_NO_IF && table_has_lost_vif(exec->table, slot);
}

int exec_set_if(struct exec *exec, const struct exec_if *want)
{
	struct gm_event ev = { .type = GM_EV_IF, .iface = &want->gm };
	const struct gm_event resync = { .type = GM_EV_RESYNC, .slot = GM_NO_IF };
	bool fresh, up_again;
	struct slot *s;
	int err, e;

	if (was_replaced(exec, exec_slot(exec, want->ifindex)))
		exec_remove_if(exec, want->ifindex);
	s = slot_for(exec, want->ifindex, &ev.slot);
	if (!s)
		return -ENOSPC;
	fresh = !s->want.ifindex;
	up_again = want->gm.up && !s->want.gm.up;
	if (!fresh && s->want.gm.role == GM_ROLE_UPSTREAM && want->gm.role != GM_ROLE_UPSTREAM)
		upstream_drop(exec->upstream, want->ifindex);
	s->want = *want;
	if (fresh)
		table_claim(exec->table);
	err = table_add_vif(exec->table, ev.slot);
	e = set_router_groups(exec, s, want->gm.role == GM_ROLE_DOWNSTREAM);
	err = err ? err : e;
	set_host_version(exec, s, want->host_version);
	if (up_again)
		upstream_retry(exec->upstream);
	e = input(exec, &ev);
	err = err ? err : e;
	if (table_set_ttl_threshold(exec->table, ev.slot, want->ttl_threshold))
		event_input(exec, &resync);
	return err;
}

void exec_remove_if(struct exec *exec, int ifindex)
{
	static const struct gm_if_conf none;
	struct gm_event ev = { .type = GM_EV_IF, .slot = exec_slot(exec, ifindex), .iface = &none };
	struct slot *s;

	if (ev.slot == GM_NO_IF)
		return;
	s = &exec->slots[ev.slot];
	(void)gm_input(exec->gm, loop_now(), &ev);
	/* Entries are changed before the slot goes: another interface may get it. */
	run(exec);
	table_drop_vif(exec->table, ev.slot);
	(void)set_router_groups(exec, s, false); /* leaving cannot fail */
	upstream_drop(exec->upstream, ifindex);
	set_host_version(exec, s, 0);
	answers_forget(exec->answers, ifindex);
	joins_drop(exec->joins, ifindex);
	*s = (struct slot){ 0 };
	if (!has_roles(exec))
		table_give(exec->table);
}

int exec_set_joins(struct exec *exec, int ifindex, const char *name, const struct gm_static *list, unsigned int n,
		   uint32_t serial)
{
	return joins_set(exec->joins, ifindex, name, list, n, serial);
}

void exec_sweep_joins(struct exec *exec, bool (*keep)(void *arg, int ifindex), void *arg)
{
	joins_sweep(exec->joins, keep, arg);
}

void exec_sweep(struct exec *exec, bool (*keep)(void *arg, int ifindex), void *arg)
{
	for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
		int ifindex = exec->slots[i].want.ifindex;

		if (ifindex && !keep(arg, ifindex))
			exec_remove_if(exec, ifindex);
	}
}

/* --- life --- */

/* --- from wildcard to per-source mode --- */

/*
 * The shared entries tell nobody which sources there are, and a source that has no entry loses what the kernel cannot
 * queue. So they stay while the streams that run are looked at, and go in the same moment in which these get entries
 * of their own. A stream too slow to be seen has no more than one packet under way: the kernel queues it.
 */
static void end_look(struct exec *exec)
{
	flows_close(exec->flows);
	exec->flows = NULL;
	loop_timer_at(exec->look, MTIME_NEVER);
}

static void take_flow(void *arg, int ifindex, const struct ipaddr *source, const struct ipaddr *group)
{
	struct exec *exec = arg;
	struct gm_event ev = { .type = GM_EV_UPCALL, .slot = exec_slot(exec, ifindex) };

	if (ev.slot == GM_NO_IF)
		return;
	ev.flow.source = *source;
	ev.flow.group = *group;
	event_input(exec, &ev);
}

static void looked(void *arg)
{
	struct exec *exec = arg;
	const struct gm_event ev = { .type = GM_EV_CONF, .slot = GM_NO_IF, .conf = &exec->conf };

	event_input(exec, &ev);
	flows_walk(exec->flows, take_flow, exec);
	end_look(exec);
}

/* True: the engine has to stay in wildcard mode for now. */
static bool must_look(struct exec *exec, const struct gm_conf *conf)
{
	int err;

	if (exec->flows)
		return !conf->wildcard;
	if (conf->wildcard || !exec->gm->conf.wildcard || !table_mroute(exec->table))
		return false;
	err = flows_open(exec->loop, exec->family, &exec->flows);
	if (err == 0) {
		loop_timer_at(exec->look, loop_now() + FLOWS_LOOK);
		return true;
	}
	log_warn("mroute", "%s: running streams cannot be looked at: %s; they may lose packets while the mode changes",
		 family_title(exec->family), strerror(-err));
	return false;
}

int exec_set_conf(struct exec *exec, const struct gm_conf *conf, uint32_t table)
{
	struct gm_event ev = { .type = GM_EV_CONF, .slot = GM_NO_IF, .conf = conf };
	struct gm_conf kept;
	int err;

	if (must_look(exec, conf)) {
		/* Everything else counts at once. */
		exec->conf = *conf;
		kept = *conf;
		kept.wildcard = true;
		ev.conf = &kept;
	} else {
		end_look(exec);
	}
	err = input(exec, &ev);
	sweep_set_timeout(exec->sweep, conf->idle_timeout);
	table_set_number(exec->table, table);
	return err;
}

int exec_new(struct loop *loop, enum family family, struct carry *carry, exec_action_fn *done, void *arg,
	     struct exec **out)
{
	struct exec *exec = calloc(1, sizeof(*exec));
	const struct table_user user = {
		.ifindex = table_ifindex,
		.name = table_name,
		.taken = table_taken,
		.failed = table_failed,
		.knows = table_knows,
		.arg = exec,
	};
	int err = -ENOMEM;

	if (!exec)
		return -ENOMEM;
	exec->family = family;
	exec->af = family == FAMILY_IPV4 ? &gm_af_igmp : &gm_af_mld;
	exec->loop = loop;
	exec->done = done;
	exec->done_arg = arg;
	exec->repair_wait = REPAIR_FIRST;
	exec->carry = carry;
	exec->gm = gm_new(exec->af);
	exec->run = loop_task_new(loop, run_pass, exec);
	exec->timer = loop_timer_new(loop, run_pass, exec);
	exec->look = loop_timer_new(loop, looked, exec);
	exec->repair = loop_timer_new(loop, repair, exec);
	exec->io = exec->gm ? gmio_new(family, exec->gm, event_input, exec) : NULL;
	exec->echo = exec->gm && family == FAMILY_IPV4 ? echo_new(loop, exec->gm, event_input, exec) : NULL;
	exec->answers = answers_new(loop, family);
	if ((family == FAMILY_IPV4 && !exec->echo) || !exec->io || !exec->answers || !exec->run || !exec->timer ||
	    !exec->look || !exec->repair)
		goto fail;
	err = sweep_new(loop, family,
			&(struct sweep_user){ .table = sweep_table, .gm = sweep_gm, .input = event_input, .arg = exec },
			&exec->sweep);
	if (err < 0)
		goto fail;
	err = upstream_open(loop, family, &exec->upstream);
	if (err < 0)
		goto fail;
	err = joins_open(loop, family, &exec->joins);
	if (err < 0)
		goto fail;
	err = gmsock_open(loop, family, &handler, exec, &exec->sock);
	if (err < 0)
		goto fail;
	gmio_set_socket(exec->io, exec->sock);
	err = table_new(loop, family, exec->sock, &carry->tables[family], &user, &exec->table);
	if (err < 0)
		goto fail;
	*out = exec;
	return 0;
fail:
	exec_free(exec);
	return err;
}

void exec_free(struct exec *exec)
{
	if (!exec)
		return;
	/* Orderly: whoever was told that we are here is told that we go. */
	/* The next life may be configured in another way, and could not know what was there before. */
	for (unsigned int i = 0; i < GM_MAX_IFS && exec->abandoned; i++)
		set_host_version(exec, &exec->slots[i], 0);
	for (unsigned int i = 0; i < GM_MAX_IFS && !exec->abandoned; i++)
		exec_remove_if(exec, exec->slots[i].want.ifindex);
	joins_close(exec->joins);
	if (exec->upstream)
		upstream_close(exec->upstream);
	table_free(exec->table, exec->abandoned);
	if (exec->sock)
		gmsock_close(exec->sock);
	answers_free(exec->answers);
	flows_close(exec->flows);
	echo_free(exec->echo);
	sweep_free(exec->sweep);
	loop_timer_free(exec->repair);
	loop_timer_free(exec->look);
	loop_timer_free(exec->timer);
	loop_task_free(exec->run);
	gmio_free(exec->io);
	gm_free(exec->gm);
	free(exec);
}

/* --- what show asks for --- */

enum family exec_family(const struct exec *exec)
{
	return exec->family;
}

const struct gm *exec_gm(const struct exec *exec)
{
	return exec->gm;
}

void exec_clear_counters(struct exec *exec)
{
	gm_clear_counters(exec->gm);
}

int exec_ifindex(const struct exec *exec, uint8_t slot)
{
	return slot < GM_MAX_IFS ? exec->slots[slot].want.ifindex : 0;
}

void exec_status(const struct exec *exec, struct exec_status *status)
{
	const struct table_status table = table_status(exec->table);

	*status = (struct exec_status){
		.wanted = has_roles(exec),
		.router = table.ours,
		.error = table.error,
		.table = table.number,
		.table_busy = table.busy,
		.route_errors = table.refused,
	};
	gmsock_stats(exec->sock, &status->sock);
	upstream_stats(exec->upstream, 0, &status->upstream);
}

int exec_route_counters(const struct exec *exec, const struct ipaddr *source, const struct ipaddr *group,
			struct mroute_counters *counters)
{
	if (!table_mroute(exec->table))
		return -ENOTCONN;
	return mroute_stats(table_mroute(exec->table), source, group, counters);
}

bool exec_upstream_state(const struct exec *exec, uint8_t slot, const struct ipaddr *group, struct mcast_state *state)
{
	return upstream_state(exec->upstream, exec_ifindex(exec, slot), group, state);
}

mtime_t exec_last_report(const struct exec *exec, uint8_t slot)
{
	const struct answers_state state = exec_answers(exec, slot);
	mtime_t changed = upstream_changed(exec->upstream, exec_ifindex(exec, slot));

	return state.seen > changed ? state.seen : changed;
}

struct answers_state exec_answers(const struct exec *exec, uint8_t slot)
{
	return answers_state(exec->answers, exec_ifindex(exec, slot));
}

unsigned int exec_join_failures(const struct exec *exec, uint8_t slot)
{
	struct mcast_pool_stats stats;

	if (!exec_ifindex(exec, slot))
		return 0;
	upstream_stats(exec->upstream, exec_ifindex(exec, slot), &stats);
	return stats.failing;
}
