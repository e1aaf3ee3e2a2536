/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between IGMP and MLD on the wire, as one constant row per family. Private to the codec: the decoder and
 * the encoder read the row and never ask which family it is.
 */
#ifndef IMPROXY_WIRE_WIRE_AF_H
#define IMPROXY_WIRE_WIRE_AF_H

#include <stdbool.h>
#include <stdint.h>

#include "core/gm.h"
#include "lib/ipaddr.h"
#include "lib/mtime.h"
#include "wire/wire.h"

/* Alike in both families: type, code, checksum; the S/QRV octet, QQIC and number of sources; the head of a report. */
#define WIRE_MIN_LEN        4
#define WIRE_SUM_OFF        2
#define WIRE_QUERY_TAIL_LEN 4
#define WIRE_REPORT_LEN     8

/* A message type. The generation of a query follows from its length. */
struct wire_type {
	uint8_t number;
	enum wire_kind kind;
	enum gm_gen gen;
};

struct wire_af {
	const struct wire_type *types;
	unsigned int ntypes;
	uint8_t query_type;
	bool shared_types;  /* an unlisted type is somebody else's (ICMPv6), not an error */
	enum gm_gen oldest; /* first generation that the family has */
	uint8_t addr_len;   /* octets of an address */
	uint8_t group_off;  /* where the group of a query or an older message starts */
	uint8_t code_off;   /* Max Response Code: place, width in octets, mantissa bits of its float, unit */
	uint8_t code_width;
	uint8_t code_mantissa;
	mtime_t code_unit;
	uint8_t ip_protocol;      /* of the pseudo-header; 0: the checksum covers the message alone */
	uint8_t ip_len;           /* octets of the IP header with the Router Alert */
	bool router_alert_always; /* not left to the options */
	bool (*source_valid)(const struct ipaddr *src);
	struct ipaddr all_hosts;                 /* where general queries go */
	struct ipaddr all_reporters;             /* where GEN3 reports go */
	struct ipaddr all_routers, all_snoopers; /* where older leaves go, and RFC 4286: solicitations, their answers */
	uint8_t advertisement_type, termination_type;
};

/* Length of a query or report before GEN3. */
static inline unsigned int wire_older_len(const struct wire_af *af)
{
	return af->group_off + af->addr_len;
}

/*
 * The address at `octets`. An IPv4-mapped address inside MLD comes out as none, since nothing that follows could tell
 * it from an IPv4 address.
 */
struct ipaddr wire_address(const struct wire_af *af, const uint8_t *octets);

/* The floating-point code with `mantissa` bits (RFC 9776 s4.1.1, RFC 9777 s5.1.3); encoding rounds down. */
unsigned int wire_code_decode(unsigned int mantissa, unsigned int code);
unsigned int wire_code_encode(unsigned int mantissa, unsigned int value);

#endif
