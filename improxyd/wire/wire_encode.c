/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages -> octets. Queries: RFC 1112 appendix I, RFC 2236 s2, RFC 2710 s3, RFC 9776 s4.1, RFC 9777 s5.1. Reserved
 * fields and unassigned flags go out as zero, and nothing follows the message. Reports and leaves of the host side
 * likewise (RFC 9776 s4.2, RFC 9777 s5.2, and the older ones). And the messages of multicast router discovery (RFC
 * 4286).
 */
#include "wire/wire_af.h"

#include <errno.h>

#include "lib/wbuf.h"

#define IP_MAX_LEN     65535
#define QUERY_SUPPRESS 0x08
#define QUERY_QRV_MAX  7
#define RESPONSE_MIN   1
#define SECONDS_MAX    UINT16_MAX

unsigned int wire_query_capacity(const struct wire_af *af, unsigned int mtu)
{
	unsigned int head_len = af->ip_len + wire_older_len(af) + WIRE_QUERY_TAIL_LEN;

	if (mtu > IP_MAX_LEN)
		mtu = IP_MAX_LEN;
	return mtu < head_len ? 0 : (mtu - head_len) / af->addr_len;
}

/* The value nearest to `value` in min..max. */
static unsigned int clamp(mtime_t value, unsigned int min, unsigned int max)
{
	if (value < (mtime_t)min)
		return min;
	return value > (mtime_t)max ? max : (unsigned int)value;
}

/*
 * The Max Response Code. Before GEN3 it is linear and as large as its field. It is never 0 but in GEN1: by a zero a
 * host tells version 1 from version 2 (RFC 2236 s2.1).
 */
static unsigned int response_code(const struct wire_af *af, const struct wire_query *q)
{
	mtime_t units = q->max_response / af->code_unit;

	switch (q->gen) {
	case GM_GEN1:
		break;
	case GM_GEN2:
		return clamp(units, RESPONSE_MIN, (1U << 8 * af->code_width) - 1);
	case GM_GEN3:
		return wire_code_encode(af->code_mantissa, clamp(units, RESPONSE_MIN, INT32_MAX));
	}
	return 0;
}

int wire_encode_query(const struct wire_af *af, const struct wire_query *q, uint8_t *buf, size_t size,
		      struct ipaddr *dst)
{
	struct wbuf_out out = wbuf_out(buf, size);
	bool general = ipaddr_is_none(&q->group);

	if (q->gen < af->oldest || (q->nsources && (general || q->gen != GM_GEN3)))
		return -EINVAL;
	if (!general && ipaddr_bytes_len(&q->group) != af->addr_len)
		return -EINVAL;
	if (q->nsources > UINT16_MAX)
		return -EMSGSIZE;

	wbuf_put_zero(&out, wire_older_len(af));
	wbuf_patch_be(&out, 0, 1, af->query_type);
	wbuf_patch_be(&out, af->code_off, af->code_width, response_code(af, q));
	if (!general && !out.failed)
		memcpy(buf + af->group_off, ipaddr_bytes(&q->group), af->addr_len);
	if (q->gen == GM_GEN3) {
		/* A robustness that does not fit is announced as 0 (RFC 9776 s4.1.6). */
		uint32_t qrv = q->robustness > QUERY_QRV_MAX ? 0 : q->robustness;

		wbuf_put_be(&out, 1, (q->suppress ? QUERY_SUPPRESS : 0) | qrv);
		wbuf_put_be(&out, 1, wire_encode_code8(clamp(mtime_to_s(q->interval), 0, SECONDS_MAX)));
		wbuf_put_be(&out, 2, q->nsources);
		for (unsigned int i = 0; i < q->nsources; i++) {
			if (ipaddr_bytes_len(&q->sources[i]) != af->addr_len)
				return -EINVAL;
			wbuf_put_bytes(&out, ipaddr_bytes(&q->sources[i]), af->addr_len);
		}
	}
	/* With a pseudo-header it is the kernel that knows the addresses. */
	if (!af->ip_protocol)
		wbuf_patch_be(&out, WIRE_SUM_OFF, 2, wire_checksum(0, buf, out.len));
	if (out.failed)
		return -EMSGSIZE;

	*dst = general ? af->all_hosts : q->group;
	return (int)out.len;
}

unsigned int wire_report_room(const struct wire_af *af, unsigned int mtu)
{
	unsigned int head_len = af->ip_len + WIRE_REPORT_LEN;

	return mtu < head_len ? 0 : mtu - head_len;
}

static const struct wire_type *type_of(const struct wire_af *af, enum wire_kind kind, enum gm_gen gen)
{
	for (unsigned int i = 0; i < af->ntypes; i++) {
		if (af->types[i].kind == kind && af->types[i].gen == gen)
			return &af->types[i];
	}
	return NULL;
}

/* One of the other family has no place in a message. */
static void put_address(struct wbuf_out *out, const struct wire_af *af, const struct ipaddr *addr)
{
	if (ipaddr_bytes_len(addr) == af->addr_len)
		wbuf_put_bytes(out, ipaddr_bytes(addr), af->addr_len);
	else
		out->failed = true;
}

static void put_record(struct wbuf_out *out, const struct wire_af *af, const struct gm_report_record *r)
{
	wbuf_put_be(out, 1, r->type);
	wbuf_put_be(out, 1, 0);
	wbuf_put_be(out, 2, r->nsources);
	put_address(out, af, &r->group);
	for (unsigned int i = 0; i < r->nsources && !out->failed; i++)
		put_address(out, af, &r->sources[i]);
	out->failed |= r->nsources > UINT16_MAX;
}

static void put_older_report(struct wbuf_out *out, const struct wire_af *af, const struct gm_report_record *r)
{
	wbuf_put_zero(out, af->group_off - WIRE_MIN_LEN);
	put_address(out, af, &r->group);
}

int wire_encode_report(const struct wire_af *af, const struct gm_report *report, uint8_t *buf, size_t size,
		       struct ipaddr *dst)
{
	bool leave = report->gen < GM_GEN3 && report->nrecords && report->records[0].type == GM_TO_IN;
	const struct wire_type *type = type_of(af, leave ? WIRE_LEAVE : WIRE_REPORT, report->gen);
	struct wbuf_out out = wbuf_out(buf, size);

	if (!type || !report->nrecords || report->nrecords > UINT16_MAX ||
	    (report->gen < GM_GEN3 && report->nrecords > 1))
		return -EINVAL;
	wbuf_put_be(&out, 1, type->number);
	wbuf_put_zero(&out, WIRE_MIN_LEN - 1);
	if (report->gen < GM_GEN3) {
		put_older_report(&out, af, &report->records[0]);
		*dst = leave ? af->all_routers : report->records[0].group;
	} else {
		wbuf_put_be(&out, 2, 0);
		wbuf_put_be(&out, 2, report->nrecords);
		for (unsigned int i = 0; i < report->nrecords; i++)
			put_record(&out, af, &report->records[i]);
		*dst = af->all_reporters;
	}
	if (!af->ip_protocol)
		wbuf_patch_be(&out, WIRE_SUM_OFF, 2, wire_checksum(0, buf, out.len));
	return out.failed ? -EMSGSIZE : (int)out.len;
}

int wire_encode_discovery(const struct wire_af *af, const struct wire_discovery *d, uint8_t *buf, size_t size,
			  struct ipaddr *dst)
{
	struct wbuf_out out = wbuf_out(buf, size);

	wbuf_put_be(&out, 1, d->terminate ? af->termination_type : af->advertisement_type);
	wbuf_put_be(&out, 1, d->terminate ? 0 : d->advertisement_interval_s);
	wbuf_put_be(&out, 2, 0);
	if (!d->terminate) {
		wbuf_put_be(&out, 2, d->query_interval_s);
		wbuf_put_be(&out, 2, d->robustness);
	}
	if (!af->ip_protocol)
		wbuf_patch_be(&out, WIRE_SUM_OFF, 2, wire_checksum(0, buf, out.len));
	if (out.failed)
		return -EMSGSIZE;
	*dst = af->all_snoopers;
	return (int)out.len;
}
