/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire - octets <-> messages, for IGMPv1/2/3 (RFC 1112, 2236, 9776 s4) and MLDv1/2 (RFC 2710, 9777 s5).
 *
 * One codec, driven by a constant row per family. Pure: no sockets, no clock, no allocation. The decoder checks what a
 * single packet tells (length, checksum, TTL, router alert, source address by kind); what needs to know the interface
 * is the core's. Malformed is malformed as a whole (decision K-10): a report is walked to its end before the first
 * record is handed out.
 */
#ifndef IMPROXY_WIRE_WIRE_H
#define IMPROXY_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/gm.h"
#include "lib/ipaddr.h"
#include "lib/mtime.h"

/* What the socket knows of a packet besides its octets. IGMP reads these from the IP header itself. */
struct wire_meta {
	struct ipaddr src, dst;
	int hop_limit;     /* TTL or Hop Limit, -1 = not known (taken as right) */
	bool router_alert; /* a Router Alert option was there; for MLD also: with value 0 */
};

enum wire_kind {
	WIRE_QUERY,
	WIRE_REPORT,
	WIRE_LEAVE,
	WIRE_SOLICITATION, /* of multicast router discovery, RFC 4286 */
	WIRE_OTHER         /* valid, of another protocol: ignored silently */
};

struct wire_msg {
	enum wire_kind kind;
	enum gm_gen gen;
	struct wire_meta meta;
	/* query: group none = general; older report or leave: the group */
	struct ipaddr group;
	bool suppress;
	uint8_t robustness;   /* QRV */
	mtime_t interval;     /* QQI, decoded */
	mtime_t max_response; /* decoded */
	/* query: the source list; GEN3 report: the records. Read with wire_next_source() / wire_next_record() */
	const uint8_t *body;
	size_t body_len;
	unsigned int count; /* sources or records */
};

/*
 * A record of a GEN3 report. `type` is as on the wire and may be unknown, `group` may be no group. Sources are
 * `nsources` times 4 or 16 octets. An IPv4-mapped address inside MLD is given as none.
 */
struct wire_record {
	uint8_t type;
	struct ipaddr group;
	const uint8_t *sources;
	unsigned int nsources;
};

struct wire_af;
extern const struct wire_af wire_igmp, wire_mld;

struct wire_options {
	bool require_router_alert; /* IGMP only; MLD always requires it (K-5). IGMPv1 reports and queries are let
				      through */
};

/*
 * Takes an IGMP message with its IPv4 header apart (as a raw socket delivers it) and fills `meta` from the header. Sets
 * *payload and *len to the IGMP message, which ends where the header's total length says. Returns 0, or -1 - (enum
 * gm_drop) with the reason.
 */
int wire_ipv4_header(const uint8_t *packet, size_t packet_len, struct wire_meta *meta, const uint8_t **payload,
		     size_t *len);

/* True if a Hop-by-Hop header as the socket delivers it (IPV6_HOPOPTS) holds Router Alert with value 0 (MLD). */
bool wire_hbh_router_alert(const uint8_t *hbh, size_t len);

/*
 * Decodes one message. `payload` starts at the IGMP or ICMPv6 header. `check_v6_sum` asks for the ICMPv6 checksum too,
 * which a raw ICMPv6 socket has already verified. Returns 0, or -1 - (enum gm_drop) with the reason; then kind and gen
 * are not to be relied on. `msg` points into `payload`. Extra octets after the message are ignored (RFC 9776 s4.2.12),
 * and so is the destination (s4.1.12, s4.2.15).
 */
int wire_decode(const struct wire_af *af, const struct wire_meta *meta, const uint8_t *payload, size_t len,
		const struct wire_options *opt, bool check_v6_sum, struct wire_msg *msg);

/* What a decode error means. */
static inline enum gm_drop wire_drop(int err)
{
	return (enum gm_drop)(-1 - err);
}

struct wire_cursor {
	const uint8_t *p;
	unsigned int left;
};

/* Walks the records of a GEN3 report. Zero-initialise the cursor. Returns false after the last one. */
bool wire_next_record(const struct wire_af *af, const struct wire_msg *msg, struct wire_cursor *cur,
		      struct wire_record *rec);

/* Copies source `i` of a packed list. */
struct ipaddr wire_source(const struct wire_af *af, const uint8_t *sources, unsigned int i);

/* A query to send; the same fields as GM_ACT_QUERY has. */
struct wire_query {
	struct ipaddr group; /* none: general */
	enum gm_gen gen;
	bool suppress;
	uint8_t robustness;
	mtime_t interval, max_response;
	const struct ipaddr *sources;
	unsigned int nsources;
};

/* How many sources fit into one query on a link with this MTU. */
unsigned int wire_query_capacity(const struct wire_af *af, unsigned int mtu);

/*
 * Encodes a query from the IGMP or ICMPv6 header on; the IGMP checksum is filled in, the ICMPv6 one is left 0 for the
 * kernel. Returns the length; -EMSGSIZE when it does not fit; -EINVAL for a generation that the family lacks, sources
 * without a group or before GEN3, and addresses of the other family. *dst is set to where it goes.
 */
int wire_encode_query(const struct wire_af *af, const struct wire_query *q, uint8_t *buf, size_t size,
		      struct ipaddr *dst);

/* Octets for the records of one GEN3 report on a link with this MTU. */
unsigned int wire_report_room(const struct wire_af *af, unsigned int mtu);

/*
 * Encodes a report or leave as wire_encode_query() does a query. -EMSGSIZE also for addresses of the other family,
 * -EINVAL for a generation that has no such message and for more or fewer records than it may have.
 */
int wire_encode_report(const struct wire_af *af, const struct gm_report *report, uint8_t *buf, size_t size,
		       struct ipaddr *dst);

/* A message of multicast router discovery (RFC 4286 s3.2, s3.3). */
struct wire_discovery {
	bool terminate; /* else an advertisement with the fields below */
	uint8_t advertisement_interval_s;
	uint16_t query_interval_s; /* 0: no query is sent here */
	uint16_t robustness;
};

/* Encodes it as wire_encode_query() does a query. */
int wire_encode_discovery(const struct wire_af *af, const struct wire_discovery *d, uint8_t *buf, size_t size,
			  struct ipaddr *dst);

/* RFC 9776 s4.1.1, s4.1.7: 8-bit code <-> value; encoding rounds down. */
unsigned int wire_decode_code8(uint8_t code);
uint8_t wire_encode_code8(unsigned int value);
/* RFC 9777 s5.1.3: 16-bit code <-> milliseconds; encoding rounds down. */
unsigned int wire_decode_code16(uint16_t code);
uint16_t wire_encode_code16(unsigned int value);

/* Internet checksum over `len` octets, starting from `sum`; 0 when the stored checksum is right. */
uint16_t wire_checksum(uint32_t sum, const uint8_t *p, size_t len);

/* The Router Alert option of IPv4 (RFC 2113) and the Hop-by-Hop header of MLD (RFC 2711) as every message of ours
 * carries it. */
extern const uint8_t wire_ipv4_router_alert[4];
extern const uint8_t wire_ipv6_hbh_router_alert[8];

#endif
