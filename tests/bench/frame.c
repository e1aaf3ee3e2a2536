/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frame.h"

#include <arpa/inet.h>
#include <string.h>

#define ETH_LEN   14
#define PORT      5004
#define DATA_TTL  16
#define ROOM      1400                          /* octets of records in one report */
#define GROUP4    (0xef400000u + (realm << 20)) /* 239.64.0.0, 239.80.0.0, ... */
#define GROUP6    (0x01000000u + (realm << 24)) /* ff15::100:0, ff15::200:0, ... */
#define SOURCE4   0xc6120000u                   /* 198.18.0.0 */
#define STREAM4   0x0a000001u                   /* 10.0.0.1, on the uplink: the sender of all data */
#define ALL_V3    0xe0000016u                   /* 224.0.0.22 */
#define IGMP_V1   0x12
#define IGMP_V2   0x16
#define IGMP_LV   0x17
#define IGMP_V3   0x22
#define IGMP_Q    0x11
#define MLD_Q     130
#define MLD_V1    131
#define MLD_DONE  132
#define MLD_V2    143
#define PROTO_HBH 0
#define PROTO_MLD 58

static uint32_t realm;

void frame_set_realm(unsigned int number)
{
	realm = number % FRAME_REALMS;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

/* RFC 1071, over `sum` and `len` octets. */
static uint32_t sum_add(uint32_t sum, const uint8_t *p, size_t len)
{
	for (; len > 1; p += 2, len -= 2)
		sum += get16(p);
	return len ? sum + ((uint32_t)*p << 8) : sum;
}

static uint32_t sum_end(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* What follows an IPv6 header: RFC 8200 s8.1. `addrs` are its two addresses. */
static uint32_t sum6(const uint8_t *addrs, unsigned int proto, const uint8_t *p, size_t len)
{
	return sum_end(sum_add(sum_add((uint32_t)len + proto, addrs, 32), p, len));
}

static void put_group(uint8_t *p, bool v6, uint32_t group)
{
	if (!v6) {
		put32(p, GROUP4 + group);
		return;
	}
	memset(p, 0, 16);
	put16(p, 0xff15);
	put32(p + 12, GROUP6 + group);
}

static void put_source(uint8_t *p, bool v6, uint32_t source)
{
	if (!v6) {
		put32(p, SOURCE4 + source);
		return;
	}
	memset(p, 0, 16);
	put32(p, 0x20010db8);
	put16(p + 4, 0x18);
	put32(p + 12, source);
}

static uint32_t get_group(const uint8_t *p, bool v6)
{
	static const uint8_t prefix[12] = { 0xff, 0x15 };
	uint32_t group;

	if (v6 && memcmp(p, prefix, sizeof(prefix)) != 0)
		return FRAME_NOGROUP;
	group = v6 ? get32(p + 12) - GROUP6 : get32(p) - GROUP4;
	return group < FRAME_GROUPS ? group : FRAME_NOGROUP;
}

/* The Ethernet header for a group's address that ends in `low`: RFC 1112 s6.4, RFC 2464 s7. */
static uint8_t *put_ethernet(uint8_t *buf, bool v6, const uint8_t *mac, uint32_t low)
{
	if (v6) {
		put16(buf, 0x3333);
		put32(buf + 2, low);
	} else {
		put16(buf, 0x0100);
		put32(buf + 2, 0x5e000000 | (low & 0x7fffff));
	}
	memcpy(buf + 6, mac, 6);
	put16(buf + 12, v6 ? 0x86dd : 0x0800);
	return buf + ETH_LEN;
}

static void put_ip4(uint8_t *p, unsigned int header, unsigned int payload, unsigned int ttl, unsigned int proto)
{
	memset(p, 0, header);
	p[0] = (uint8_t)(0x40 | header / 4);
	put16(p + 2, header + payload);
	p[8] = (uint8_t)ttl;
	p[9] = (uint8_t)proto;
}

static void put_ip6(uint8_t *p, unsigned int payload, unsigned int hops, unsigned int next)
{
	memset(p, 0, 40);
	p[0] = 0x60;
	put16(p + 4, payload);
	p[6] = (uint8_t)next;
	p[7] = (uint8_t)hops;
}

unsigned int frame_records_max(bool v6)
{
	return ROOM / (v6 ? 20 : 8);
}

/* The records of a report: RFC 9776 s4.2.4, RFC 9777 s5.2.4. Returns the first octet behind them. */
static uint8_t *put_records(uint8_t *p, bool v6, const struct frame_record *records, unsigned int n)
{
	const unsigned int size = v6 ? 16 : 4;

	for (unsigned int i = 0; i < n; i++) {
		p[0] = (uint8_t)records[i].type;
		p[1] = 0;
		put16(p + 2, records[i].nsources);
		put_group(p + 4, v6, records[i].group);
		p += 4 + size;
		for (unsigned int s = 0; s < records[i].nsources; s++, p += size)
			put_source(p, v6, records[i].source + s);
	}
	return p;
}

static size_t report4(uint8_t *buf, const struct frame_host *from, const struct frame_record *records, unsigned int n)
{
	uint8_t *ip = put_ethernet(buf, false, from->mac, ALL_V3);
	uint8_t *igmp = ip + 24;
	uint8_t *end;

	memset(igmp, 0, 8);
	igmp[0] = IGMP_V3;
	put16(igmp + 6, n);
	end = put_records(igmp + 8, false, records, n);
	put16(igmp + 2, sum_end(sum_add(0, igmp, (size_t)(end - igmp))));

	put_ip4(ip, 24, (unsigned int)(end - igmp), 1, IPPROTO_IGMP);
	ip[1] = 0xc0;
	put32(ip + 12, 0x0a000000 | from->lan << 16 | (from->number & 0xffff));
	put32(ip + 16, ALL_V3);
	put32(ip + 20, 0x94040000); /* Router Alert */
	put16(ip + 10, sum_end(sum_add(0, ip, 24)));
	return (size_t)(end - buf);
}

static size_t report6(uint8_t *buf, const struct frame_host *from, const struct frame_record *records, unsigned int n)
{
	static const uint8_t hop_by_hop[8] = { PROTO_MLD, 0, 5, 2, 0, 0, 1, 0 }; /* Router Alert, PadN */
	uint8_t *ip = put_ethernet(buf, true, from->mac, 0x16);
	uint8_t *mld = ip + 48;
	uint8_t *end;

	memset(mld, 0, 8);
	mld[0] = MLD_V2;
	put16(mld + 6, n);
	end = put_records(mld + 8, true, records, n);

	put_ip6(ip, (unsigned int)(end - ip) - 40, 1, PROTO_HBH);
	put16(ip + 8, 0xfe80);
	put16(ip + 20, from->lan);
	put16(ip + 22, from->number);
	put16(ip + 24, 0xff02);
	ip[39] = 0x16;
	memcpy(ip + 40, hop_by_hop, sizeof(hop_by_hop));
	put16(mld + 2, sum6(ip + 8, PROTO_MLD, mld, (size_t)(end - mld)));
	return (size_t)(end - buf);
}

size_t frame_report(uint8_t *buf, bool v6, const struct frame_host *from, const struct frame_record *records,
		    unsigned int n)
{
	return v6 ? report6(buf, from, records, n) : report4(buf, from, records, n);
}

size_t frame_data(uint8_t *buf, bool v6, const uint8_t *mac, uint32_t group)
{
	uint8_t *ip = put_ethernet(buf, v6, mac, (v6 ? GROUP6 : GROUP4) + group);
	const unsigned int header = v6 ? 40 : 20;
	const unsigned int payload = FRAME_DATA - ETH_LEN - header;
	uint8_t *udp = ip + header;

	memset(udp, 0, payload);
	put16(udp, PORT);
	put16(udp + 2, PORT);
	put16(udp + 4, payload);
	if (v6) {
		put_ip6(ip, payload, DATA_TTL, IPPROTO_UDP);
		put32(ip + 8, 0x20010db8);
		ip[23] = 1;
		put_group(ip + 24, true, group);
		put16(udp + 6, sum6(ip + 8, IPPROTO_UDP, udp, payload));
	} else {
		put_ip4(ip, header, payload, DATA_TTL, IPPROTO_UDP);
		put32(ip + 12, STREAM4);
		put_group(ip + 16, false, group);
		put16(ip + 10, sum_end(sum_add(0, ip, header)));
	}
	return FRAME_DATA;
}

/* IGMP, from its first octet. */
static void read_igmp(struct frame_view *view, const uint8_t *p, size_t len)
{
	if (len < 8)
		return;
	view->group = get_group(p + 4, false);
	view->older = p[0] != IGMP_V3;
	view->at = p;
	switch (p[0]) {
	case IGMP_Q:
		view->kind = FRAME_IS_QUERY;
		break;
	case IGMP_V1:
	case IGMP_V2:
	case IGMP_LV:
		view->kind = FRAME_IS_REPORT;
		view->nrecords = 1;
		break;
	case IGMP_V3:
		view->kind = FRAME_IS_REPORT;
		view->nrecords = get16(p + 6);
		view->at = p + 8;
		break;
	}
}

/* MLD, from its first octet. */
static void read_mld(struct frame_view *view, const uint8_t *p, size_t len)
{
	if (len < 8)
		return;
	view->older = p[0] != MLD_V2;
	view->at = p;
	if (view->older)
		view->group = len < 24 ? FRAME_NOGROUP : get_group(p + 8, true);
	switch (p[0]) {
	case MLD_Q:
		view->kind = FRAME_IS_QUERY;
		break;
	case MLD_V1:
	case MLD_DONE:
		view->kind = FRAME_IS_REPORT;
		view->nrecords = len >= 24;
		break;
	case MLD_V2:
		view->kind = FRAME_IS_REPORT;
		view->nrecords = get16(p + 6);
		view->at = p + 8;
		break;
	}
}

static void read_udp(struct frame_view *view, const uint8_t *udp, size_t len, const uint8_t *group)
{
	if (len < 8 || get16(udp + 2) != PORT)
		return;
	view->kind = FRAME_IS_DATA;
	view->group = get_group(group, view->v6);
}

void frame_read(struct frame_view *view, const uint8_t *buf, size_t len)
{
	const uint8_t *ip = buf + ETH_LEN;
	size_t header;

	*view = (struct frame_view){ .kind = FRAME_OTHER, .group = FRAME_NOGROUP, .end = buf + len };
	if (len < ETH_LEN + 20)
		return;
	len -= ETH_LEN;
	if (get16(buf + 12) == 0x0800) {
		header = (size_t)(ip[0] & 0xf) * 4;
		if (header > len)
			return;
		if (ip[9] == IPPROTO_UDP)
			read_udp(view, ip + header, len - header, ip + 16);
		else if (ip[9] == IPPROTO_IGMP)
			read_igmp(view, ip + header, len - header);
	} else if (get16(buf + 12) == 0x86dd && len >= 48) {
		view->v6 = true;
		if (ip[6] == IPPROTO_UDP)
			read_udp(view, ip + 40, len - 40, ip + 24);
		else if (ip[6] == PROTO_HBH && ip[40] == PROTO_MLD)
			read_mld(view, ip + 48, len - 48);
	}
}

bool frame_next_record(struct frame_view *view, struct frame_record *record)
{
	const unsigned int size = view->v6 ? 16 : 4;
	size_t len;

	if (!view->nrecords)
		return false;
	view->nrecords--;
	if (view->older) {
		const bool leave = view->at[0] == IGMP_LV || view->at[0] == MLD_DONE;

		*record = (struct frame_record){ .type = leave ? FRAME_TO_IN : FRAME_IS_EX, .group = view->group };
		return true;
	}
	if (view->end - view->at < 4 + (ptrdiff_t)size)
		return false;
	*record = (struct frame_record){ .type = (enum frame_record_type)view->at[0],
					 .nsources = get16(view->at + 2),
					 .group = get_group(view->at + 4, view->v6) };
	len = 4 + size + (size_t)record->nsources * size + (size_t)view->at[1] * 4;
	if ((size_t)(view->end - view->at) < len)
		return false;
	view->at += len;
	return true;
}
