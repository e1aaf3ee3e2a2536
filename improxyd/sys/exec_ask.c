/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "sys/answers.h"
#include "sys/carry.h"
#include "sys/exec_state.h"
#include "sys/mroute.h"
#include "sys/table.h"
#include "sys/upstream.h"

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
	carry_forget(exec->carry, exec->family);
	exec_save_counters(exec);
}

int exec_ifindex(const struct exec *exec, uint8_t slot)
{
	return slot < GM_MAX_IFS ? exec->slots[slot].want.ifindex : 0;
}

void exec_status(const struct exec *exec, struct exec_status *status)
{
	const struct table_status table = table_status(exec->table);

	*status = (struct exec_status){
		.wanted = exec_has_roles(exec),
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

int exec_vif_counters(const struct exec *exec, uint8_t slot, struct mroute_vif_counters *counters)
{
	if (!table_mroute(exec->table))
		return -ENOTCONN;
	return mroute_vif_stats(table_mroute(exec->table), slot, counters);
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
