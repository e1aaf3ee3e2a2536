/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rows of the two families: type numbers, places and widths of fields, units, destinations. RFC 1112 appendix I,
 * RFC 2236 s2, RFC 9776 s4; RFC 2710 s3, RFC 9777 s5; the types of multicast router discovery: RFC 4286 s7.
 */
#include "wire/wire_af.h"

#include <string.h>

#include "lib/util.h"

#define IP_PROTOCOL_ICMPV6 58

static const struct wire_type igmp_types[] = {
	{ 0x11, WIRE_QUERY, GM_GEN3 },        { 0x12, WIRE_REPORT, GM_GEN1 }, { 0x16, WIRE_REPORT, GM_GEN2 },
	{ 0x17, WIRE_LEAVE, GM_GEN2 },        { 0x22, WIRE_REPORT, GM_GEN3 }, { 0x30, WIRE_OTHER, GM_GEN3 },
	{ 0x31, WIRE_SOLICITATION, GM_GEN3 }, { 0x32, WIRE_OTHER, GM_GEN3 },
};

static const struct wire_type mld_types[] = {
	{ 130, WIRE_QUERY, GM_GEN3 },  { 131, WIRE_REPORT, GM_GEN2 },       { 132, WIRE_LEAVE, GM_GEN2 },
	{ 143, WIRE_REPORT, GM_GEN3 }, { 152, WIRE_SOLICITATION, GM_GEN3 },
};

/* A host that has no address yet reports from 0.0.0.0 (RFC 9776 s4.2.14). */
static bool igmp_source_valid(const struct ipaddr *src)
{
	return ipaddr_is_unspecified(src) || ipaddr_is_unicast_source(src);
}

/* RFC 9777 s5.1.14, s5.2.14: link-local, which are the addresses of fe80::/64 (RFC 4291 s2.5.6). */
static bool mld_source_valid(const struct ipaddr *src)
{
	static const uint8_t prefix[8] = { 0xfe, 0x80 };

	return memcmp(src->b, prefix, sizeof(prefix)) == 0;
}

const struct wire_af wire_igmp = {
	.types = igmp_types,
	.ntypes = ARRAY_SIZE(igmp_types),
	.query_type = 0x11,
	.oldest = GM_GEN1,
	.addr_len = 4,
	.group_off = 4,
	.code_off = 1,
	.code_width = 1,
	.code_mantissa = 4,
	.code_unit = 100000,
	.ip_len = 20 + 4,
	.source_valid = igmp_source_valid,
	.all_hosts = { { [10] = 0xff, [11] = 0xff, [12] = 224, [15] = 1 } },
	.all_reporters = { { [10] = 0xff, [11] = 0xff, [12] = 224, [15] = 22 } },
	.all_routers = { { [10] = 0xff, [11] = 0xff, [12] = 224, [15] = 2 } },
	.all_snoopers = { { [10] = 0xff, [11] = 0xff, [12] = 224, [15] = 106 } },
	.advertisement_type = 0x30,
	.termination_type = 0x32,
};

const struct wire_af wire_mld = {
	.types = mld_types,
	.ntypes = ARRAY_SIZE(mld_types),
	.query_type = 130,
	.shared_types = true,
	.oldest = GM_GEN2,
	.addr_len = 16,
	.group_off = 8,
	.code_off = 4,
	.code_width = 2,
	.code_mantissa = 12,
	.code_unit = 1000,
	.ip_protocol = IP_PROTOCOL_ICMPV6,
	.ip_len = 40 + 8,
	.router_alert_always = true,
	.source_valid = mld_source_valid,
	.all_hosts = { { [0] = 0xff, [1] = 0x02, [15] = 1 } },
	.all_reporters = { { [0] = 0xff, [1] = 0x02, [15] = 0x16 } },
	.all_routers = { { [0] = 0xff, [1] = 0x02, [15] = 2 } },
	.all_snoopers = { { [0] = 0xff, [1] = 0x02, [15] = 0x6a } },
	.advertisement_type = 151,
	.termination_type = 153,
};

struct ipaddr wire_address(const struct wire_af *af, const uint8_t *octets)
{
	struct ipaddr a = ipaddr_from_bytes(octets, af->addr_len);

	return ipaddr_bytes_len(&a) == af->addr_len ? a : (struct ipaddr){ 0 };
}

struct ipaddr wire_source(const struct wire_af *af, const uint8_t *sources, unsigned int i)
{
	return wire_address(af, sources + (size_t)i * af->addr_len);
}
