/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target of the codec. The first octet of the input chooses: bit 0 the family, bit 1 require-router-alert, bit 2
 * that the checksum is made right first (so that the fuzzer gets past it), bit 3 that ICMPv6 checksums are looked at.
 * IGMP: the rest is an IPv4 packet. MLD: an octet with the length of a Hop-by-Hop header, that header, the message.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ipaddr.h"
#include "wire/wire.h"
#include "tests/fuzz/ensure.h"

#define USE_MLD       0x01
#define REQUIRE_ALERT 0x02
#define REPAIR_SUM    0x04
#define CHECK_V6_SUM  0x08

static volatile uint8_t sink;

static void sources_read(const struct wire_af *af, const uint8_t *sources, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct ipaddr a = wire_source(af, sources, i);

		sink ^= a.b[15];
	}
}

static void report_walk(const struct wire_af *af, const struct wire_msg *msg, const uint8_t *end)
{
	struct wire_cursor cur = { 0 };
	struct wire_record rec;
	unsigned int n = 0;

	ENSURE(msg->body_len <= (size_t)(end - msg->body));
	for (; wire_next_record(af, msg, &cur, &rec); n++)
		sources_read(af, rec.sources, rec.nsources);
	ENSURE(n == msg->count);
}

/* A GEN3 query that was decoded and is encoded again decodes to the same. */
static void query_again(const struct wire_af *af, const struct wire_msg *msg, const struct wire_options *opt)
{
	struct wire_query q = { .group = msg->group,
				.gen = msg->gen,
				.suppress = msg->suppress,
				.robustness = msg->robustness,
				.interval = msg->interval,
				.max_response = msg->max_response,
				.nsources = msg->count };
	struct ipaddr *sources = calloc(msg->count + 1, sizeof(*sources)), dst;
	size_t size = 32 + (size_t)msg->count * 16;
	uint8_t *buf = malloc(size);
	struct wire_msg again;
	int len;

	ENSURE(sources && buf);
	q.sources = sources;
	for (unsigned int i = 0; i < msg->count; i++)
		sources[i] = wire_source(af, msg->body, i);
	len = wire_encode_query(af, &q, buf, size, &dst);
	if (len >= 0) {
		ENSURE(wire_decode(af, &msg->meta, buf, (size_t)len, opt, false, &again) == 0);
		ENSURE(again.kind == WIRE_QUERY && again.gen == msg->gen && again.count == msg->count);
		ENSURE(ipaddr_eq(&again.group, &msg->group) && again.suppress == msg->suppress);
		ENSURE(again.robustness == msg->robustness && again.interval == msg->interval);
		/* A code of zero is never sent but in GEN1. */
		ENSURE(again.max_response == msg->max_response || msg->max_response == 0);
		for (unsigned int i = 0; i < again.count; i++) {
			struct ipaddr a = wire_source(af, again.body, i);

			ENSURE(ipaddr_eq(&a, &sources[i]));
		}
	}
	free(sources);
	free(buf);
}

static void message_read(const struct wire_af *af, const struct wire_meta *meta, const uint8_t *payload, size_t len,
			 uint8_t flags)
{
	struct wire_options opt = { .require_router_alert = flags & REQUIRE_ALERT };
	struct wire_msg msg;
	uint8_t *copy = malloc(len + 1);
	int err;

	ENSURE(copy);
	memcpy(copy, payload, len);
	if ((flags & REPAIR_SUM) && len >= 4 && af == &wire_igmp) {
		uint16_t sum;

		copy[2] = copy[3] = 0;
		sum = wire_checksum(0, copy, len);
		copy[2] = (uint8_t)(sum >> 8);
		copy[3] = (uint8_t)sum;
	}
	err = wire_decode(af, meta, copy, len, &opt, flags & CHECK_V6_SUM, &msg);
	if (err) {
		ENSURE(wire_drop(err) < GM_DROP_COUNT);
	} else if (msg.kind == WIRE_QUERY) {
		ENSURE(msg.body_len <= len);
		sources_read(af, msg.body, msg.count);
		query_again(af, &msg, &opt);
	} else if (msg.kind == WIRE_REPORT && msg.gen == GM_GEN3) {
		report_walk(af, &msg, copy + len);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_meta meta = { .hop_limit = 1 };
	const uint8_t *payload;
	size_t len, hbh_len;
	uint8_t flags;

	if (size < 2)
		return 0;
	flags = *data++;
	size--;
	if (!(flags & USE_MLD)) {
		if (wire_ipv4_header(data, size, &meta, &payload, &len) == 0)
			message_read(&wire_igmp, &meta, payload, len, flags);
		return 0;
	}
	hbh_len = *data++;
	size--;
	if (hbh_len > size)
		return 0;
	(void)ipaddr_parse("fe80::11", &meta.src);
	(void)ipaddr_parse("ff02::16", &meta.dst);
	meta.router_alert = wire_hbh_router_alert(data, hbh_len);
	message_read(&wire_mld, &meta, data + hbh_len, size - hbh_len, flags);
	return 0;
}
