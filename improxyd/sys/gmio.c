/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/gmio.h"

#include <stdlib.h>
#include <string.h>

#include "core/gm_watch.h"
#include "debug.h"
#include "lib/log.h"
#include "sys/gmsock.h"
#include "sys/loop.h"

#define QUERY_MAX     9216 /* octets of the longest query that is sent, whatever the MTU */
#define DISCOVERY_MAX 16

struct gmio {
	enum family family;
	const struct wire_af *wire;
	struct gm *gm;
	struct gmsock *sock;
	void (*input)(void *arg, const struct gm_event *ev);
	void *arg;
	struct ipaddr *sources; /* of the record or query being read */
	unsigned int sources_cap;
	struct log_rate bad_queriers;
};

struct gmio *gmio_new(enum family family, struct gm *gm, void (*input)(void *arg, const struct gm_event *ev), void *arg)
{
	struct gmio *io = calloc(1, sizeof(*io));

	if (!io)
		return NULL;
	io->family = family;
	io->wire = family == FAMILY_IPV4 ? &wire_igmp : &wire_mld;
	io->gm = gm;
	io->input = input;
	io->arg = arg;
	io->bad_queriers = (struct log_rate){ .interval = mtime_from_s(60), .burst = 5 };
	return io;
}

void gmio_free(struct gmio *io)
{
	if (!io)
		return;
	free(io->sources);
	free(io);
}

void gmio_set_socket(struct gmio *io, struct gmsock *sock)
{
	io->sock = sock;
}

static unsigned int debug_packets(const struct gmio *io)
{
	return io->family == FAMILY_IPV4 ? DEBUG_IGMP_PACKETS : DEBUG_MLD_PACKETS;
}

/* --- sending --- */

static int send_one_query(struct gmio *io, uint8_t slot, const struct gmio_if *ifc, const struct wire_query *q)
{
	uint8_t buf[QUERY_MAX];
	char text[IPADDR_STRLEN];
	struct ipaddr dst;
	int len, err;

	len = wire_encode_query(io->wire, q, buf, sizeof(buf), &dst);
	err = len < 0 ? len : gmsock_send(io->sock, ifc->ifindex, &io->gm->ifs[slot].conf.addr, &dst, buf, (size_t)len);
	if (err < 0) {
		gm_count(io->gm, slot, GM_C_TX_FAILED);
		log_debug(debug_packets(io), ifc->name, io->gm->af->name, "%s: query not sent: %s", ifc->name,
			  strerror(-err));
		return err;
	}
	gm_count(io->gm, slot,
		 ipaddr_is_none(&q->group) ? GM_C_TX_GENERAL
		 : q->nsources             ? GM_C_TX_GROUP_SOURCE
					   : GM_C_TX_GROUP);
	log_debug(debug_packets(io), ifc->name, io->gm->af->name, "%s: query sent to %s, %u sources%s", ifc->name,
		  ipaddr_format(&dst, text), q->nsources, q->suppress ? ", S" : "");
	return 0;
}

/* RFC 9776 s4.1.8: a list too long for one packet goes in several. */
int gmio_send_query(struct gmio *io, const struct gmio_if *ifc, const struct gm_action *a)
{
	unsigned int capacity;
	int err = 0, e;
	struct wire_query q = {
		.group = a->query.group,
		.gen = a->query.gen,
		.suppress = a->query.suppress,
		.robustness = a->query.robustness,
		.interval = a->query.interval,
		.max_response = a->query.max_response,
	};

	capacity = wire_query_capacity(io->wire, ifc->mtu && ifc->mtu < QUERY_MAX ? ifc->mtu : QUERY_MAX);
	if (!capacity)
		capacity = 1;
	for (unsigned int done = 0; done == 0 || done < a->query.nsources; done += capacity) {
		unsigned int left = a->query.nsources - done;

		q.sources = a->query.sources ? a->query.sources + done : NULL;
		q.nsources = left < capacity ? left : capacity;
		e = send_one_query(io, a->slot, ifc, &q);
		err = e < 0 ? e : err;
	}
	return err;
}

void gmio_send_discovery(struct gmio *io, const struct gmio_if *ifc, const struct gm_action *a)
{
	const struct wire_discovery message = {
		.terminate = a->discovery.terminate,
		.advertisement_interval_s = a->discovery.interval_s,
		.query_interval_s = (uint16_t)mtime_to_s(a->discovery.query_interval),
		.robustness = a->discovery.robustness,
	};
	uint8_t buf[DISCOVERY_MAX];
	struct ipaddr dst;
	int len, err;

	len = wire_encode_discovery(io->wire, &message, buf, sizeof(buf), &dst);
	err = len < 0 ? len
		      : gmsock_send(io->sock, ifc->ifindex, &io->gm->ifs[a->slot].conf.addr, &dst, buf, (size_t)len);
	gm_count(io->gm, a->slot, err < 0 ? GM_C_TX_FAILED : GM_C_TX_DISCOVERY);
}

/* --- hearing --- */

/* Unpacks a list; false when out of memory. */
static bool take_sources(struct gmio *io, const uint8_t *packed, unsigned int n)
{
	if (n > io->sources_cap) {
		struct ipaddr *v = realloc(io->sources, n * sizeof(*v));

		if (!v)
			return false;
		io->sources = v;
		io->sources_cap = n;
	}
	for (unsigned int i = 0; i < n; i++)
		io->sources[i] = wire_source(io->wire, packed, i);
	return true;
}

static void hear_query(struct gmio *io, uint8_t slot, const struct wire_msg *msg)
{
	struct gm_event ev = { .type = GM_EV_QUERY, .slot = slot };

	if (!take_sources(io, msg->body, msg->count)) {
		gm_count_drop(io->gm, slot, GM_DROP_NO_MEMORY);
		return;
	}
	ev.query.from = msg->meta.src;
	ev.query.group = msg->group;
	ev.query.gen = msg->gen;
	ev.query.suppress = msg->suppress;
	ev.query.robustness = msg->robustness;
	ev.query.interval = msg->interval;
	ev.query.max_response = msg->max_response;
	ev.query.sources = io->sources;
	ev.query.nsources = msg->count;
	io->input(io->arg, &ev);
}

static void hear_record(struct gmio *io, uint8_t slot, const struct wire_msg *msg, enum gm_record_type type,
			const struct ipaddr *group, unsigned int nsources)
{
	struct gm_event ev = { .type = GM_EV_RECORD, .slot = slot };

	ev.record.reporter = msg->meta.src;
	ev.record.group = *group;
	ev.record.type = type;
	ev.record.gen = msg->gen;
	ev.record.sources = io->sources;
	ev.record.nsources = nsources;
	io->input(io->arg, &ev);
}

/* Our own are none; the engine counts them. */
static void count_received(struct gmio *io, uint8_t slot, const struct wire_msg *msg, enum gm_counter what)
{
	if (!gm_watch_own(&io->gm->ifs[slot], &msg->meta.src))
		gm_count(io->gm, slot, what);
}

static void hear_report(struct gmio *io, uint8_t slot, const struct wire_msg *msg)
{
	struct wire_cursor cursor = { 0 };
	struct wire_record record;

	count_received(io, slot, msg, (enum gm_counter)(GM_C_RX_REPORT_GEN1 + msg->gen - GM_GEN1));
	if (msg->gen < GM_GEN3) {
		hear_record(io, slot, msg, GM_IS_EX, &msg->group, 0);
		return;
	}
	while (wire_next_record(io->wire, msg, &cursor, &record)) {
		if (take_sources(io, record.sources, record.nsources))
			hear_record(io, slot, msg, (enum gm_record_type)record.type, &record.group, record.nsources);
		else
			gm_count_drop(io->gm, slot, GM_DROP_NO_MEMORY);
	}
}

static void hear_solicitation(struct gmio *io, uint8_t slot, const struct wire_msg *msg)
{
	const struct gm_event ev = { .type = GM_EV_SOLICIT, .slot = slot, .solicit = { .from = msg->meta.src } };

	io->input(io->arg, &ev);
}

/* RFC 9777 s5.1.14. */
static void tell_bad_querier(struct gmio *io, const struct gmio_if *ifc, const struct ipaddr *from)
{
	char text[IPADDR_STRLEN];

	if (log_rate_ok(&io->bad_queriers, loop_now(), NULL))
		log_warn(io->gm->af->name, "%s: query of %s ignored: a querier cannot have that address", ifc->name,
			 ipaddr_format(from, text));
}

void gmio_hear(struct gmio *io, uint8_t slot, const struct gmio_if *ifc, const struct wire_meta *meta,
	       const uint8_t *payload, size_t len)
{
	const struct wire_options opt = { .require_router_alert = ifc->require_router_alert };
	char from[IPADDR_STRLEN];
	struct wire_msg msg;
	int err;

	err = wire_decode(io->wire, meta, payload, len, &opt, false, &msg);
	log_debug(debug_packets(io), ifc->name, io->gm->af->name, "%s: type 0x%02x, %zu octets from %s%s%s", ifc->name,
		  len ? payload[0] : 0, len, ipaddr_format(&meta->src, from), err < 0 ? ", dropped: " : "",
		  err < 0 ? gm_drop_names[wire_drop(err)] : "");
	if (err < 0) {
		gm_count_drop(io->gm, slot, wire_drop(err));
		if (msg.kind == WIRE_QUERY && wire_drop(err) == GM_DROP_SOURCE_ADDRESS)
			tell_bad_querier(io, ifc, &meta->src);
		return;
	}
	switch (msg.kind) {
	case WIRE_QUERY:
		hear_query(io, slot, &msg);
		return;
	case WIRE_REPORT:
		hear_report(io, slot, &msg);
		return;
	case WIRE_LEAVE:
		count_received(io, slot, &msg, GM_C_RX_LEAVE);
		hear_record(io, slot, &msg, GM_TO_IN, &msg.group, 0);
		return;
	case WIRE_SOLICITATION:
		hear_solicitation(io, slot, &msg);
		return;
	case WIRE_OTHER:
		return;
	}
}
