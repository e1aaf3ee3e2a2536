/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Octets -> message. The checks run in a fixed order, so that a packet with several faults is counted under the first:
 * length of the header, checksum, type, length of the type, hop limit, Router Alert, sender, content.
 *
 * Octets after the message are covered by the checksum and otherwise ignored, which also passes over the extensions of
 * RFC 9279; so are reserved fields and unassigned flags (RFC 9776 s4.1.10, s4.2.12; RFC 9777 s5.1.12, s5.2.11). The
 * destination is not looked at: messages sent to any address of ours count (RFC 9776 s4.1.12, s4.2.15).
 */
#include "wire/wire_af.h"

#include "lib/wbuf.h"

#define QUERY_SUPPRESS 0x08
#define QUERY_QRV_MASK 0x07

/* RFC 9776 s7.2.1: a query of version 1 stands for ten seconds. */
#define GEN1_MAX_RESPONSE_DS 100

/* Units of four octets. */
#define AUX_UNIT 4

static int drop(enum gm_drop why)
{
	return -1 - (int)why;
}

static bool sum_valid(const struct wire_af *af, const struct wire_meta *meta, const uint8_t *payload, size_t len)
{
	uint8_t pseudo[40];
	struct wbuf_out out = wbuf_out(pseudo, sizeof(pseudo));

	if (!af->ip_protocol)
		return wire_checksum(0, payload, len) == 0;

	wbuf_put_bytes(&out, meta->src.b, sizeof(meta->src.b));
	wbuf_put_bytes(&out, meta->dst.b, sizeof(meta->dst.b));
	wbuf_put_be(&out, 4, (uint32_t)len);
	wbuf_put_be(&out, 4, af->ip_protocol);
	return wire_checksum((uint16_t)~wire_checksum(0, pseudo, out.len), payload, len) == 0;
}

static const struct wire_type *type_find(const struct wire_af *af, uint8_t number)
{
	for (unsigned int i = 0; i < af->ntypes; i++) {
		if (af->types[i].number == number)
			return &af->types[i];
	}
	return NULL;
}

static unsigned int query_code(const struct wire_af *af, const uint8_t *payload, size_t len)
{
	struct wbuf_in in = wbuf_in(payload, len);

	wbuf_get(&in, af->code_off);
	return wbuf_get_be(&in, af->code_width);
}

/* RFC 9776 s7.1, RFC 9777 s8.1: the version of a query follows from its length; other lengths are nobody's. */
static int query_gen(const struct wire_af *af, const uint8_t *payload, size_t len, enum gm_gen *gen)
{
	if (len >= wire_older_len(af) + WIRE_QUERY_TAIL_LEN)
		*gen = GM_GEN3;
	else if (len != wire_older_len(af))
		return drop(GM_DROP_TOO_SHORT);
	else if (af->oldest == GM_GEN1 && query_code(af, payload, len) == 0)
		*gen = GM_GEN1;
	else
		*gen = GM_GEN2;
	return 0;
}

static int decode_query(const struct wire_af *af, struct wbuf_in in, struct wire_msg *msg)
{
	static const struct ipaddr none;
	unsigned int code = query_code(af, in.p, in.left);

	wbuf_get(&in, af->group_off);

	const uint8_t *group = wbuf_get(&in, af->addr_len);
	bool general = memcmp(group, none.b, af->addr_len) == 0;

	if (!general) {
		msg->group = wire_address(af, group);
		if (!ipaddr_is_multicast(&msg->group))
			return drop(GM_DROP_GROUP);
	}
	switch (msg->gen) {
	case GM_GEN1:
		msg->max_response = mtime_from_ds(GEN1_MAX_RESPONSE_DS);
		return 0;
	case GM_GEN2:
		msg->max_response = code * af->code_unit;
		return 0;
	case GM_GEN3:
		break;
	}

	uint32_t flags = wbuf_get_be(&in, 1);

	msg->max_response = wire_code_decode(af->code_mantissa, code) * af->code_unit;
	msg->suppress = flags & QUERY_SUPPRESS;
	msg->robustness = flags & QUERY_QRV_MASK;
	msg->interval = mtime_from_s(wire_decode_code8((uint8_t)wbuf_get_be(&in, 1)));
	msg->count = wbuf_get_be(&in, 2);
	msg->body = in.p;
	msg->body_len = (size_t)msg->count * af->addr_len;
	if ((general && msg->count) || !wbuf_get(&in, msg->body_len))
		return drop(GM_DROP_MALFORMED);
	return 0;
}

/* Reads the record at the cursor, or fails the cursor. */
static void record_get(const struct wire_af *af, struct wbuf_in *in, struct wire_record *rec)
{
	uint32_t aux_len;
	const uint8_t *group;

	rec->type = (uint8_t)wbuf_get_be(in, 1);
	aux_len = wbuf_get_be(in, 1) * AUX_UNIT;
	rec->nsources = wbuf_get_be(in, 2);
	group = wbuf_get(in, af->addr_len);
	rec->sources = wbuf_get(in, (size_t)rec->nsources * af->addr_len);
	wbuf_get(in, aux_len);
	if (!in->failed)
		rec->group = wire_address(af, group);
}

static int decode_records(const struct wire_af *af, struct wbuf_in in, struct wire_msg *msg)
{
	struct wire_record rec;

	wbuf_get(&in, WIRE_REPORT_LEN - 2);
	msg->count = wbuf_get_be(&in, 2);
	msg->body = in.p;
	for (unsigned int i = 0; i < msg->count && !in.failed; i++)
		record_get(af, &in, &rec);
	if (in.failed)
		return drop(GM_DROP_MALFORMED);
	msg->body_len = (size_t)(in.p - msg->body);
	return 0;
}

static int decode_older(const struct wire_af *af, struct wbuf_in in, struct wire_msg *msg)
{
	wbuf_get(&in, af->group_off);
	msg->group = wire_address(af, wbuf_get(&in, af->addr_len));
	return ipaddr_is_multicast(&msg->group) ? 0 : drop(GM_DROP_GROUP);
}

int wire_decode(const struct wire_af *af, const struct wire_meta *meta, const uint8_t *payload, size_t len,
		const struct wire_options *opt, bool check_v6_sum, struct wire_msg *msg)
{
	const struct wire_type *type;
	size_t min_len;
	int err;

	*msg = (struct wire_msg){ .meta = *meta };
	if (len < WIRE_MIN_LEN)
		return drop(GM_DROP_TOO_SHORT);
	if ((!af->ip_protocol || check_v6_sum) && !sum_valid(af, meta, payload, len))
		return drop(GM_DROP_CHECKSUM);

	type = type_find(af, payload[0]);
	if (!type && !af->shared_types)
		return drop(GM_DROP_UNKNOWN_TYPE);
	msg->kind = type ? type->kind : WIRE_OTHER;
	if (msg->kind == WIRE_OTHER)
		return 0;

	msg->gen = type->gen;
	/* RFC 4286 s4.4: only what was sent to all routers of the link is one. */
	if (msg->kind == WIRE_SOLICITATION && !ipaddr_eq(&meta->dst, &af->all_routers))
		return drop(GM_DROP_MALFORMED);
	if (msg->kind == WIRE_QUERY) {
		err = query_gen(af, payload, len, &msg->gen);
		if (err)
			return err;
	}
	min_len = msg->gen == GM_GEN3 ? WIRE_REPORT_LEN : wire_older_len(af);
	if (len < min_len && msg->kind != WIRE_SOLICITATION)
		return drop(GM_DROP_TOO_SHORT);

	if (meta->hop_limit != 1 && meta->hop_limit != -1)
		return drop(GM_DROP_TTL);
	/* Version 1 is older than the option. */
	if (!meta->router_alert && (af->router_alert_always || (opt->require_router_alert && msg->gen != GM_GEN1)))
		return drop(GM_DROP_ROUTER_ALERT);
	if (!af->source_valid(&meta->src))
		return drop(GM_DROP_SOURCE_ADDRESS);

	switch (msg->kind) {
	case WIRE_QUERY:
		return decode_query(af, wbuf_in(payload, len), msg);
	case WIRE_REPORT:
		if (msg->gen == GM_GEN3)
			return decode_records(af, wbuf_in(payload, len), msg);
		return decode_older(af, wbuf_in(payload, len), msg);
	case WIRE_LEAVE:
		return decode_older(af, wbuf_in(payload, len), msg);
	case WIRE_SOLICITATION:
	case WIRE_OTHER:
		break;
	}
	return 0;
}

bool wire_next_record(const struct wire_af *af, const struct wire_msg *msg, struct wire_cursor *cur,
		      struct wire_record *rec)
{
	struct wbuf_in in;

	if (!cur->p) {
		cur->p = msg->body;
		cur->left = msg->count;
	}
	if (!cur->left)
		return false;
	in = wbuf_in(cur->p, msg->body_len - (size_t)(cur->p - msg->body));
	record_get(af, &in, rec);
	cur->p = in.p;
	cur->left--;
	return !in.failed;
}
