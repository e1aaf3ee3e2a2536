/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/exec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/gm_fwd.h"
#include "core/gm_state.h"
#include "debug.h"
#include "lib/log.h"
#include "sys/answers.h"
#include "sys/carry.h"
#include "sys/echo.h"
#include "sys/exec_state.h"
#include "sys/fdstore.h"
#include "sys/flows.h"
#include "sys/gmio.h"
#include "sys/hostver.h"
#include "sys/joins.h"
#include "sys/loop.h"
#include "sys/mcast_sock.h"
#include "sys/members.h"
#include "sys/reporter.h"
#include "sys/senders.h"
#include "sys/sweep.h"
#include "sys/table.h"

#define FLOWS_LOOK mtime_from_s(1)

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
	ifc = exec_gmio_if(exec, slot);
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
	/* IPv4 does not tell of copies of its own. */
	ev.flow.own = exec->members && ev.type == GM_EV_WRONG_IF &&
		      members_has(exec->members, loop_now(), exec->slots[vif].want.ifindex, group);
	refused = exec->gm->ifs[ev.slot].stats.drop[GM_DROP_UPCALL_RATE];
	exec_event_input(exec, &ev);
	if (refused != exec->gm->ifs[ev.slot].stats.drop[GM_DROP_UPCALL_RATE])
		sweep_refused(exec->sweep);
}

static const struct gmsock_handler handler = {
	.packet = on_packet,
	.drop = on_drop,
	.full = exec_is_full,
	.upcall = on_upcall,
};

/* --- senders that the shared entries of wildcard mode do not serve --- */

static void on_sender(void *arg, int ifindex, const struct ipaddr *source, const struct ipaddr *group)
{
	struct exec *exec = arg;
	struct gm_event ev = { .type = GM_EV_SEEN, .slot = exec_slot(exec, ifindex) };

	/* Without the table nothing is forwarded, and no entry would ever be found idle. */
	if (ev.slot == GM_NO_IF || !table_mroute(exec->table))
		return;
	ev.flow.source = *source;
	ev.flow.group = *group;
	exec_event_input(exec, &ev);
}

/* The mode of forwarding or the interfaces have changed. */
static void watch_senders(struct exec *exec)
{
	int ifindex[GM_MAX_IFS] = { 0 };
	uint32_t below = 0;

	for (unsigned int i = 0; i < GM_MAX_IFS && exec->gm->conf.wildcard; i++) {
		ifindex[i] = exec->slots[i].want.ifindex;
		if (exec->slots[i].want.gm.role == GM_ROLE_DOWNSTREAM)
			below |= UINT32_C(1) << i;
	}
	senders_watch(exec->senders, ifindex, below);
}

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

	exec_event_input(arg, &resync);
}

static void table_failed(void *arg)
{
	exec_repair_later(arg);
}

static bool table_knows(const void *arg, const struct mroute_entry *entry)
{
	const struct exec *exec = arg;
	const struct gm_group *group = gm_group_find(exec->gm, &entry->group);

	if (ipaddr_is_none(&entry->group))
		return entry->iif < GM_MAX_IFS && exec->gm->any_oifs[entry->iif];
	return group && gm_fwd_find(exec->gm, group, &entry->source);
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
	gmsock_add_stats(exec->sock, &exec->carry->socks[exec->family]);
	exec->overflows += exec->carry->socks[exec->family].overflows;
	exec->carrying = true;
	exec->reviving = fdstore_inherited();
	keep_memberships(exec);
	if (!exec->reviving)
		return;
	exec_event_input(exec, &relearn);
	table_revive(exec->table, exec_event_input, exec);
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
		log_error(exec_tag(exec), "%s: the kernel cannot be held to version %u: %s; it speaks its own choice",
			  s->want.gm.name, version, strerror(-err));
	else
		log_error(exec_tag(exec), "%s: the kernel is still held to the version it had to speak: %s",
			  s->want.gm.name, strerror(-err));
}

/* Our own host side has the same link and the same version as the kernel's. */
static int set_reporter(struct exec *exec, const struct exec_if *want)
{
	const struct reporter_link link = {
		.up = want->gm.up,
		.addr = want->gm.addr,
		.mtu = want->mtu,
		.gen = want->host_version ? want->gm.gen : 0,
	};

	if (want->gm.role != GM_ROLE_UPSTREAM)
		return 0;
	return reporter_link(exec->reporter, want->ifindex, &link);
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
 * An interface that went and came back under its old index, too fast to be seen missing, or only the family there, has
 * lost all that the kernel knew of it: VIF and memberships.
 */
static bool was_replaced(const struct exec *exec, const struct exec_if *want)
{
	uint8_t slot = exec_slot(exec, want->ifindex);

	return slot != GM_NO_IF && (table_has_lost_vif(exec->table, slot) || exec->slots[slot].want.life != want->life);
}

/* The kernel tells its MLD memberships again itself when it gets an address to tell them from. */
static bool reports_move(const struct exec *exec, const struct slot *s, const struct exec_if *want)
{
	return exec->family == FAMILY_IPV4 && s->want.gm.role == GM_ROLE_UPSTREAM &&
	       want->gm.role == GM_ROLE_UPSTREAM && !ipaddr_eq(&s->want.gm.addr, &want->gm.addr);
}

int exec_set_if(struct exec *exec, const struct exec_if *want)
{
	struct gm_event ev = { .type = GM_EV_IF, .iface = &want->gm };
	const struct gm_event resync = { .type = GM_EV_RESYNC, .slot = GM_NO_IF };
	bool fresh, up_again, moved;
	struct slot *s;
	int err, e;

	if (was_replaced(exec, want))
		exec_lose_if(exec, want->ifindex);
	s = slot_for(exec, want->ifindex, &ev.slot);
	if (!s)
		return -ENOSPC;
	fresh = !s->want.ifindex;
	up_again = want->gm.up && !s->want.gm.up;
	if (!fresh && s->want.gm.role == GM_ROLE_UPSTREAM && want->gm.role != GM_ROLE_UPSTREAM)
		upstream_drop(exec->upstream, want->ifindex);
	moved = reports_move(exec, s, want);
	s->want = *want;
	if (fresh)
		table_claim(exec->table);
	err = table_add_vif(exec->table, ev.slot);
	e = set_router_groups(exec, s, want->gm.role == GM_ROLE_DOWNSTREAM);
	err = err ? err : e;
	set_host_version(exec, s, want->host_version);
	e = set_reporter(exec, want);
	err = err ? err : e;
	if (moved)
		upstream_retell(exec->upstream, want->ifindex);
	if (up_again)
		upstream_retry(exec->upstream);
	e = exec_event(exec, &ev);
	err = err ? err : e;
	if (fresh && exec->carrying)
		carry_return(exec->carry, exec->family, &exec->gm->ifs[ev.slot]);
	watch_senders(exec);
	if (table_set_ttl_threshold(exec->table, ev.slot, want->ttl_threshold))
		exec_event_input(exec, &resync);
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
	exec_save_counters(exec);
	(void)gm_input(exec->gm, loop_now(), &ev);
	/* Entries are changed before the slot goes: another interface may get it. */
	exec_run(exec);
	table_drop_vif(exec->table, ev.slot);
	(void)set_router_groups(exec, s, false); /* leaving cannot fail */
	upstream_drop(exec->upstream, ifindex);
	set_host_version(exec, s, 0);
	answers_forget(exec->answers, ifindex);
	joins_drop(exec->joins, ifindex);
	*s = (struct slot){ 0 };
	watch_senders(exec);
	if (!exec_has_roles(exec))
		table_give(exec->table);
}

void exec_lose_if(struct exec *exec, int ifindex)
{
	upstream_leave(exec->upstream, ifindex);
	exec_remove_if(exec, ifindex);
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
	exec_event_input(exec, &ev);
}

static void looked(void *arg)
{
	struct exec *exec = arg;
	const struct gm_event ev = { .type = GM_EV_CONF, .slot = GM_NO_IF, .conf = &exec->conf };

	exec_event_input(exec, &ev);
	watch_senders(exec);
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

void exec_set_table(struct exec *exec, uint32_t number)
{
	table_set_number(exec->table, number);
}

int exec_set_conf(struct exec *exec, const struct gm_conf *conf)
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
	err = exec_event(exec, &ev);
	watch_senders(exec);
	sweep_set_timeout(exec->sweep, conf->idle_timeout);
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
	exec->run = loop_task_new(loop, exec_run_pass, exec);
	exec->timer = loop_timer_new(loop, exec_run_pass, exec);
	exec->look = loop_timer_new(loop, looked, exec);
	exec->repair = loop_timer_new(loop, exec_repair, exec);
	exec->io = exec->gm ? gmio_new(family, exec->gm, exec_event_input, exec) : NULL;
	exec->echo = exec->gm ? echo_new(loop, family, exec->gm, exec_event_input, exec) : NULL;
	exec->answers = answers_new(loop, family);
	exec->members = family == FAMILY_IPV6 ? members_new(family) : NULL;
	exec->senders = senders_new(loop, family, on_sender, exec);
	if (!exec->echo || !exec->io || !exec->answers || (family == FAMILY_IPV6 && !exec->members) || !exec->senders ||
	    !exec->run || !exec->timer || !exec->look || !exec->repair)
		goto fail;
	err = sweep_new(
		loop, family,
		&(struct sweep_user){ .table = sweep_table, .gm = sweep_gm, .input = exec_event_input, .arg = exec },
		&exec->sweep);
	if (err < 0)
		goto fail;
	err = upstream_open(loop, family, &exec->upstream);
	if (err < 0)
		goto fail;
	exec->reporter = reporter_new(family);
	if (!exec->reporter) {
		err = -ENOMEM;
		goto fail;
	}
	upstream_set_reporter(exec->upstream, exec->reporter);
	upstream_set_reviving(exec->upstream, fdstore_inherited());
	err = joins_open(loop, family, &exec->joins);
	if (err < 0)
		goto fail;
	err = gmsock_open(loop, family, &handler, exec, &exec->sock);
	if (err < 0)
		goto fail;
	gmio_set_socket(exec->io, exec->sock);
	reporter_set_socket(exec->reporter, exec->sock);
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
	/* The next life may be configured in another way, and could not know what was there before. */
	for (unsigned int i = 0; i < GM_MAX_IFS && exec->abandoned; i++)
		set_host_version(exec, &exec->slots[i], 0);
	/* Orderly: whoever was told that we are here is told that we go. */
	for (unsigned int i = 0; i < GM_MAX_IFS && !exec->abandoned; i++)
		exec_remove_if(exec, exec->slots[i].want.ifindex);
	joins_close(exec->joins);
	if (exec->upstream)
		upstream_close(exec->upstream);
	reporter_free(exec->reporter);
	table_free(exec->table, exec->abandoned);
	if (exec->sock)
		gmsock_close(exec->sock);
	answers_free(exec->answers);
	members_free(exec->members);
	flows_close(exec->flows);
	senders_free(exec->senders);
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
