/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What commands ask of the running process: interfaces, and what only the kernel knows. */
#include "daemon_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "lib/log.h"
#include "sys/bridge.h"
#include "sys/exec.h"
#include "sys/link.h"
#include "sys/logsink.h"
#include "sys/loop.h"
#include "sys/procfs.h"
#include "sys/sniff.h"

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

int daemon_vif(const struct daemon *d, enum family family, uint8_t slot, struct daemon_vif *vif)
{
	struct mroute_vif_counters counters;
	int err = d->exec[family] ? exec_vif_counters(d->exec[family], slot, &counters) : -EAFNOSUPPORT;

	*vif = (struct daemon_vif){ 0 };
	if (err < 0)
		return err;
	*vif = (struct daemon_vif){ counters.packets_in, counters.packets_out, counters.bytes_in, counters.bytes_out };
	return 0;
}

bool daemon_join(const struct daemon *d, enum family family, uint8_t slot, const struct ipaddr *group,
		 struct daemon_join *join)
{
	struct mcast_state state;

	if (!d->exec[family] || !exec_upstream_state(d->exec[family], slot, group, &state))
		return false;
	*join = (struct daemon_join){
		.held = state.held,
		.own = state.own,
		.widened = state.widened,
		.error = state.error,
		.sockets = state.nsockets,
		.since = state.since,
	};
	return true;
}

mtime_t daemon_last_report(const struct daemon *d, enum family family, uint8_t slot)
{
	return d->exec[family] ? exec_last_report(d->exec[family], slot) : 0;
}

void daemon_answers(const struct daemon *d, enum family family, uint8_t slot, struct daemon_answers *answers)
{
	struct answers_state state = { .seen = 0 };

	if (d->exec[family])
		state = exec_answers(d->exec[family], slot);
	*answers = (struct daemon_answers){ state.seen, state.missed, state.error };
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
	status->reported = es.upstream.own;
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

void daemon_sandbox(const struct daemon *d, struct daemon_sandbox *sandbox)
{
	*sandbox = (struct daemon_sandbox){ .calls = d->sandbox.calls == 0, .writes = d->sandbox.writes == 0 };
}

int daemon_setting(const struct daemon *d, enum family family, const char *ifname, const char *name, int *value)
{
	(void)d;
	return procfs_setting(family, ifname, name, value);
}

int daemon_bridge(const struct daemon *d, const char *ifname, struct daemon_bridge *bridge)
{
	struct bridge found;
	int err = bridge_read(ifname, &found);

	(void)d;
	if (err < 0)
		return err;
	*bridge = (struct daemon_bridge){ .patience = found.patience };
	memcpy(bridge->name, found.name, sizeof(bridge->name));
	memcpy(bridge->querier, found.querier, sizeof(bridge->querier));
	return 0;
}

bool daemon_log(const struct daemon *d, unsigned int i, struct daemon_log *log)
{
	struct logsink_status status;

	(void)d;
	if (i >= LOGSINK_TARGET_COUNT)
		return false;
	status = logsink_status((enum logsink_target)i);
	*log = (struct daemon_log){ logsink_target_name((enum logsink_target)i), status.path, status.on,
				    (int)status.level, status.lost };
	return true;
}

/* --- a look at the wire --- */

struct daemon_capture {
	const struct exec *exec;
	struct sniff *sniff;
	bool (*packet)(void *arg, const struct daemon_packet *packet);
	void (*done)(void *arg);
	void *arg;
};

static bool on_packet(void *arg, const struct sniff_packet *seen)
{
	const struct daemon_capture *capture = arg;
	const struct daemon_packet packet = { exec_slot(capture->exec, seen->ifindex), seen->source, seen->ttl };

	return packet.slot != GM_NO_IF && capture->packet(capture->arg, &packet);
}

static void on_done(void *arg)
{
	const struct daemon_capture *capture = arg;

	capture->done(capture->arg);
}

int daemon_capture_new(struct daemon *d, const struct ipaddr *group, const struct ipaddr *source, mtime_t time,
		       bool (*packet)(void *arg, const struct daemon_packet *packet), void (*done)(void *arg),
		       void *arg, struct daemon_capture **out)
{
	enum family family = family_of(group);
	struct sniff_request request = {
		.family = family, .group = *group, .source = *source, .time = time, .packet = on_packet, .done = on_done
	};
	struct daemon_capture *capture;
	int err;

	if (!d->exec[family])
		return -EAFNOSUPPORT;
	for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
		int ifindex = exec_ifindex(d->exec[family], (uint8_t)i);

		if (ifindex)
			request.ifindex[request.nifs++] = ifindex;
	}
	capture = calloc(1, sizeof(*capture));
	if (!capture)
		return -ENOMEM;
	*capture = (struct daemon_capture){ .exec = d->exec[family], .packet = packet, .done = done, .arg = arg };
	request.arg = capture;
	err = sniff_start(d->loop, &request, &capture->sniff);
	if (err < 0) {
		free(capture);
		return err;
	}
	*out = capture;
	return 0;
}

void daemon_capture_free(struct daemon_capture *capture)
{
	if (!capture)
		return;
	sniff_free(capture->sniff);
	free(capture);
}
