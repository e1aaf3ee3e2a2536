/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IP side of a message: the IPv4 header that a raw IGMP socket delivers, and the Router Alert in both families
 * (RFC 2113, RFC 2711). Other options are stepped over; their meaning is the kernel's.
 */
#include "wire/wire_af.h"

#include "lib/wbuf.h"

#define IPV4_MIN_LEN        20
#define IPV4_LEN_OFF        2
#define IPV4_TTL_OFF        8
#define IPV4_PROTOCOL_OFF   9
#define IPV4_SRC_OFF        12
#define IPV4_DST_OFF        16
#define IPV4_OPT_END        0
#define IPV4_OPT_NOP        1
#define IP_PROTOCOL_IGMP    2
#define IPV6_OPT_PAD1       0
#define IPV6_OPT_ALERT      5
#define IPV6_HBH_HEAD_LEN   2
#define IPV6_ALERT_DATA_LEN 2

const uint8_t wire_ipv4_router_alert[4] = { 0x94, 0x04, 0x00, 0x00 };
/* Next Header (ICMPv6), length, Router Alert with value 0 (MLD), PadN of no octets. */
const uint8_t wire_ipv6_hbh_router_alert[8] = { 58, 0, IPV6_OPT_ALERT, IPV6_ALERT_DATA_LEN, 0, 0, 1, 0 };

/* RFC 791 s3.1. A list that runs past its end holds no alert: the kernel does not deliver such packets. */
static bool ipv4_router_alert(struct wbuf_in opts)
{
	while (opts.left) {
		const uint8_t *opt = opts.p;
		uint8_t type = (uint8_t)wbuf_get_be(&opts, 1);

		if (type == IPV4_OPT_END)
			break;
		if (type == IPV4_OPT_NOP)
			continue;

		uint8_t len = (uint8_t)wbuf_get_be(&opts, 1);

		if (len < 2 || !wbuf_get(&opts, len - 2))
			break;
		if (len == sizeof(wire_ipv4_router_alert) && memcmp(opt, wire_ipv4_router_alert, len) == 0)
			return true;
	}
	return false;
}

int wire_ipv4_header(const uint8_t *packet, size_t packet_len, struct wire_meta *meta, const uint8_t **payload,
		     size_t *len)
{
	if (packet_len < IPV4_MIN_LEN)
		return -1 - GM_DROP_TOO_SHORT;

	size_t header_len = (packet[0] & 0x0f) * 4;
	size_t total_len = (size_t)packet[IPV4_LEN_OFF] << 8 | packet[IPV4_LEN_OFF + 1];

	if (packet[0] >> 4 != 4 || header_len < IPV4_MIN_LEN || packet[IPV4_PROTOCOL_OFF] != IP_PROTOCOL_IGMP)
		return -1 - GM_DROP_MALFORMED;
	if (total_len < header_len)
		return -1 - GM_DROP_MALFORMED;
	if (packet_len < total_len)
		return -1 - GM_DROP_TOO_SHORT;

	meta->src = ipaddr_from_bytes(packet + IPV4_SRC_OFF, 4);
	meta->dst = ipaddr_from_bytes(packet + IPV4_DST_OFF, 4);
	meta->hop_limit = packet[IPV4_TTL_OFF];
	meta->router_alert = ipv4_router_alert(wbuf_in(packet + IPV4_MIN_LEN, header_len - IPV4_MIN_LEN));
	*payload = packet + header_len;
	*len = total_len - header_len;
	return 0;
}

bool wire_hbh_router_alert(const uint8_t *hbh, size_t len)
{
	struct wbuf_in opts;

	if (len < IPV6_HBH_HEAD_LEN || ((size_t)hbh[1] + 1) * 8 > len)
		return false;

	opts = wbuf_in(hbh + IPV6_HBH_HEAD_LEN, ((size_t)hbh[1] + 1) * 8 - IPV6_HBH_HEAD_LEN);
	while (opts.left && !opts.failed) {
		uint8_t type = (uint8_t)wbuf_get_be(&opts, 1);

		if (type == IPV6_OPT_PAD1)
			continue;

		uint8_t opt_len = (uint8_t)wbuf_get_be(&opts, 1);
		const uint8_t *data = wbuf_get(&opts, opt_len);

		if (data && type == IPV6_OPT_ALERT && opt_len == IPV6_ALERT_DATA_LEN)
			return data[0] == 0 && data[1] == 0;
	}
	return false;
}
