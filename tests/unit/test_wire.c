/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoder against the standards: one row per packet check. A row gives the message as hex text, the envelope it
 * came in, and what has to come out of the decoder as one line of text. Names of rows are those of the project's
 * checklist of the standards: A packet validation, B querier, F host side, G optional protocols.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/ipaddr.h"
#include "lib/util.h"
#include "lib/wbuf.h"
#include "wire/wire.h"

#include "tests/unit/wire_text.h"

#define TEXT_MAX 8192

static const char *const drop_names[] = {
#define DROP_NAME(name, key) key,
	GM_DROPS(DROP_NAME)
#undef DROP_NAME
};

enum sum { SUM_GOOD, SUM_XOR1, SUM_FIRST8, SUM_NO_PSEUDO };

/* What a row changes of the regular envelope: TTL 1, Router Alert, a host's address, a right checksum. */
struct envelope {
	const char *src;
	int hops; /* 0: 1 */
	bool no_alert, require_alert;
	enum sum sum;
};

struct row {
	const char *name;
	const struct wire_af *af;
	const char *hex; /* `*N` repeats the octet before it N times in all; the checksum is filled in */
	struct envelope env;
	const char *want;
};

static void sum_fill(const struct wire_af *af, const struct wire_meta *meta, uint8_t *msg, size_t len, enum sum how)
{
	uint32_t sum = 0;
	uint16_t value;

	if (len < 4)
		return;
	msg[2] = msg[3] = 0;
	if (af == &wire_mld && how != SUM_NO_PSEUDO)
		sum = sum16(meta->src.b, 16, 0) + sum16(meta->dst.b, 16, 0) + (uint32_t)len + 58;
	value = (uint16_t)~sum16(msg, how == SUM_FIRST8 ? 8 : len, sum);
	if (how == SUM_XOR1)
		value ^= 1;
	msg[2] = (uint8_t)(value >> 8);
	msg[3] = (uint8_t)value;
}

static void PRINTF_LIKE(2, 3) append(char *text, const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	assert_true(vsnprintf(text + len, TEXT_MAX - len, fmt, ap) < (int)(TEXT_MAX - len));
	va_end(ap);
}

static void append_sources(char *text, const struct wire_af *af, const uint8_t *sources, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct ipaddr a = wire_source(af, sources, i);
		char buf[IPADDR_STRLEN];

		append(text, "%s%s", i ? "," : " ", ipaddr_format(&a, buf));
	}
}

/* A message as one line: what the rows compare. */
static void describe(const struct wire_af *af, int err, const struct wire_msg *msg, char *text)
{
	static const char *const kinds[] = { "query", "report", "leave", "solicitation", "other" };
	struct wire_cursor cur = { 0 };
	struct wire_record rec;
	char buf[IPADDR_STRLEN];

	*text = 0;
	if (err) {
		append(text, "drop %s", drop_names[wire_drop(err)]);
		return;
	}
	append(text, "%s", kinds[msg->kind]);
	if (msg->kind == WIRE_SOLICITATION || msg->kind == WIRE_OTHER)
		return;
	append(text, "%d", (int)msg->gen);
	if (msg->kind == WIRE_QUERY || msg->gen != GM_GEN3)
		append(text, " %s", ipaddr_is_none(&msg->group) ? "general" : ipaddr_format(&msg->group, buf));
	if (msg->kind == WIRE_QUERY) {
		append(text, " %lldms", (long long)mtime_to_ms(msg->max_response));
		if (msg->gen == GM_GEN3) {
			append(text, " s%d qrv%d qqi%lld", msg->suppress, msg->robustness,
			       (long long)mtime_to_s(msg->interval));
			append_sources(text, af, msg->body, msg->count);
		}
		return;
	}
	while (msg->gen == GM_GEN3 && wire_next_record(af, msg, &cur, &rec)) {
		append(text, " [%d %s", rec.type, ipaddr_format(&rec.group, buf));
		append_sources(text, af, rec.sources, rec.nsources);
		append(text, "]");
	}
}

/* Decodes from a heap copy of just the right size, so that the sanitizer sees the first octet read too many. */
static int decode_copy(const struct wire_af *af, const struct wire_meta *meta, const uint8_t *msg, size_t len,
		       const struct wire_options *opt, char *text)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct wire_msg out;
	int err;

	assert_non_null(copy);
	memcpy(copy, msg, len);
	err = wire_decode(af, meta, len ? copy : copy + 1, len, opt, true, &out);
	describe(af, err, &out, text);
	free(copy);
	return err;
}

static struct wire_meta meta_of(const struct wire_af *af, const struct envelope *env)
{
	struct wire_meta meta = { .hop_limit = env->hops ? env->hops : 1, .router_alert = !env->no_alert };

	meta.src = addr(env->src ? env->src : af == &wire_igmp ? "10.1.0.11" : "fe80::11");
	meta.dst = addr(af == &wire_igmp ? "224.0.0.22" : "ff02::16");
	return meta;
}

static void row_check(const struct row *row)
{
	struct wire_options opt = { .require_router_alert = row->env.require_alert };
	struct wire_meta meta = meta_of(row->af, &row->env);
	uint8_t msg[PACKET_MAX];
	char text[TEXT_MAX];
	size_t len = hex_read(row->hex, msg);

	sum_fill(row->af, &meta, msg, len, row->env.sum);
	decode_copy(row->af, &meta, msg, len, &opt, text);
	if (strcmp(text, row->want) != 0)
		fail_msg("%s: got \"%s\", want \"%s\"", row->name, text, row->want);
}

static const struct row rows[] = {
	{ "A-01 v2 report, checksum", V4, "16000000" G1, { .sum = SUM_XOR1 }, "drop checksum" },
	{ "A-01 v3 report, checksum", V4, "2200000000000001 04000000" G1, { .sum = SUM_XOR1 }, "drop checksum" },
	{ "A-01 leave, checksum", V4, "17000000" G1, { .sum = SUM_XOR1 }, "drop checksum" },
	{ "A-01 query, checksum", V4, "11640000 00000000 027d0000", { .sum = SUM_XOR1 }, "drop checksum" },
	{ "A-02 extra octets summed", V4, "16000000" G1 "deadbeef", { 0 }, "report2 239.1.1.1" },
	{ "A-02 extra octets unsummed", V4, "16000000" G1 "deadbeef", { .sum = SUM_FIRST8 }, "drop checksum" },
	{ "A-02 odd number of extra octets", V4, "16000000" G1 "deadbe", { 0 }, "report2 239.1.1.1" },
	{ "A-03", V4, "2200000000000001 04000000" G1 "0102030405060708", { 0 }, "report3 [4 239.1.1.1]" },
	{ "A-03", V6, "8f00000000000001 04000000" G61 "0102030405060708", { 0 }, "report3 [4 ff15::1:1]" },
	{ "A-04", V4, "11640000 00000000 027d0000 0102030405060708", { 0 }, "query3 general 10000ms s0 qrv2 qqi125" },
	{ "A-04",
	  V6,
	  "82000000 27100000" ZERO6 "027d0000 0102030405060708",
	  { 0 },
	  "query3 general 10000ms s0 qrv2 qqi125" },
	{ "A-05 report, checksum", V6, "8f00000000000001 04000000" G61, { .sum = SUM_XOR1 }, "drop checksum" },
	{ "A-05 report, no pseudo-header",
	  V6,
	  "8f00000000000001 04000000" G61,
	  { .sum = SUM_NO_PSEUDO },
	  "drop checksum" },
	{ "A-05 query, no pseudo-header",
	  V6,
	  "82000000 27100000" ZERO6 "027d0000",
	  { .sum = SUM_NO_PSEUDO },
	  "drop checksum" },
	{ "A-06", V6, "83000000 00000000" G61 "0102030405060708", { 0 }, "report2 ff15::1:1" },
	{ "A-07 type 00", V4, "00000000" G1, { 0 }, "drop unknownType" },
	{ "A-07 type 13", V4, "13000000" G1, { 0 }, "drop unknownType" },
	{ "A-07 type 14", V4, "14000000" G1, { 0 }, "drop unknownType" },
	{ "A-07 type 15", V4, "15000000" G1, { 0 }, "drop unknownType" },
	{ "A-07 type 1e", V4, "1e000000" G1, { 0 }, "drop unknownType" },
	{ "A-07 type 1f", V4, "1f000000" G1, { 0 }, "drop unknownType" },
	{ "A-07 type 24", V4, "24000000" G1, { 0 }, "drop unknownType" },
	{ "A-07 type ff", V4, "ff000000" G1, { 0 }, "drop unknownType" },
	{ "A-07 G-09 router advertisement", V4, "30140000 007d0002", { 0 }, "other" },
	{ "G-05 solicitation not to all routers", V4, "31000000", { 0 }, "drop malformed" },
	{ "A-07 G-09 router termination", V4, "32000000", { 0 }, "other" },
	{ "A-08 type 133", V6, "85000000 00000000", { 0 }, "other" },
	{ "A-08 type 135", V6, "87000000 00000000" G61, { 0 }, "other" },
	{ "A-08 type 137", V6, "89000000 00000000", { 0 }, "other" },
	{ "A-08 G-09 type 151", V6, "97140000 007d0002", { 0 }, "other" },
	{ "A-08 G-09 type 153", V6, "99000000", { 0 }, "other" },
	{ "A-08 type 200", V6, "c8000000 00000000", { 0 }, "other" },
	{ "A-09",
	  V4,
	  "2200000000000005 00000000" G1 "04000000" G2 "07000000" G3 "ff000000" G3 "05000001" GS S1,
	  { 0 },
	  "report3 [0 239.1.1.1] [4 239.1.1.2] [7 239.1.1.3] [255 239.1.1.3] [5 232.1.1.1 198.18.0.1]" },
	{ "A-09",
	  V6,
	  "8f00000000000005 00000000" G61 "04000000" G62 "07000000" G63 "ff000000" G63 "05000001" GS6 S61,
	  { 0 },
	  "report3 [0 ff15::1:1] [4 ff15::1:2] [7 ff15::1:3] [255 ff15::1:3] [5 ff35::8000:1 2001:db8:18::1]" },
	{ "A-10",
	  V4,
	  "2200000000000002 05020001" GS S1 "0102030405060708 04000000" G2,
	  { 0 },
	  "report3 [5 232.1.1.1 198.18.0.1] [4 239.1.1.2]" },
	{ "A-10",
	  V6,
	  "8f00000000000002 05020001" GS6 S61 "0102030405060708 04000000" G62,
	  { 0 },
	  "report3 [5 ff35::8000:1 2001:db8:18::1] [4 ff15::1:2]" },
	{ "A-11 reserved of a report", V4, "22ff00007fff0001 04000000" G1, { 0 }, "report3 [4 239.1.1.1]" },
	{ "A-11 reserved of a report", V6, "8fff00007fff0001 04000000" G61, { 0 }, "report3 [4 ff15::1:1]" },
	{ "A-11 flags of a query", V4, "11640000 00000000 f27d0000", { 0 }, "query3 general 10000ms s0 qrv2 qqi125" },
	{ "A-11 flags of a query",
	  V6,
	  "82000000 27100000" ZERO6 "fa7d0000",
	  { 0 },
	  "query3 general 10000ms s1 qrv2 qqi125" },
	{ "A-12 no-op extension",
	  V4,
	  "2200000080000001 04000000" G1 "0000000400000000",
	  { 0 },
	  "report3 [4 239.1.1.1]" },
	{ "A-12 extension too long", V4, "2200000080000001 04000000" G1 "0000ffff", { 0 }, "report3 [4 239.1.1.1]" },
	{ "A-12 one octet left", V6, "8f00000080000001 04000000" G61 "00", { 0 }, "report3 [4 ff15::1:1]" },
	{ "A-12 three octets left", V6, "8f00000080000001 04000000" G61 "000000", { 0 }, "report3 [4 ff15::1:1]" },
	{ "A-13 query code, reserved",
	  V6,
	  "82050000 2710ffff" ZERO6 "027d0000",
	  { 0 },
	  "query3 general 10000ms s0 qrv2 qqi125" },
	{ "A-13 report code, delay", V6, "83090000 12340000" G61, { 0 }, "report2 ff15::1:1" },
	{ "A-14 report", V4, "16630000" G1, { 0 }, "report2 239.1.1.1" },
	{ "A-14 leave", V4, "17630000" G1, { 0 }, "leave2 239.1.1.1" },
	{ "A-15 no octet", V4, "", { 0 }, "drop tooShort" },
	{ "A-15 4 octets", V4, "16000000", { 0 }, "drop tooShort" },
	{ "A-15 7 octets", V4, "16000000 ef0101", { 0 }, "drop tooShort" },
	{ "A-15 v1 report of 7 octets", V4, "12000000 ef0101", { 0 }, "drop tooShort" },
	{ "A-15 leave of 7 octets", V4, "17000000 ef0101", { 0 }, "drop tooShort" },
	{ "A-15 v3 report of 7 octets", V4, "22000000 000000", { 0 }, "drop tooShort" },
	{ "A-15 query of 7 octets", V4, "11640000 000000", { 0 }, "drop tooShort" },
	{ "A-15 4 octets", V6, "83000000", { 0 }, "drop tooShort" },
	{ "A-15 20 octets", V6, "83000000 00*16", { 0 }, "drop tooShort" },
	{ "A-15 23 octets", V6, "84000000 00*19", { 0 }, "drop tooShort" },
	{ "A-15 v2 report of 7 octets", V6, "8f000000 000000", { 0 }, "drop tooShort" },
	{ "A-16 8 octets, code 0", V4, "11000000 00000000", { 0 }, "query1 general 10000ms" },
	{ "A-16 8 octets, code set", V4, "11c80000 00000000", { 0 }, "query2 general 20000ms" },
	{ "A-16 9 octets", V4, "11640000 00000000 02", { 0 }, "drop tooShort" },
	{ "A-16 10 octets", V4, "11640000 00000000 027d", { 0 }, "drop tooShort" },
	{ "A-16 11 octets", V4, "11640000 00000000 027d00", { 0 }, "drop tooShort" },
	{ "A-16 12 octets", V4, "11890000 00000000 02890000", { 0 }, "query3 general 20000ms s0 qrv2 qqi200" },
	{ "A-17 20 octets", V6, "82000000 00*16", { 0 }, "drop tooShort" },
	{ "A-17 24 octets", V6, "82000000 ffff0000" ZERO6, { 0 }, "query2 general 65535ms" },
	{ "A-17 25 octets", V6, "82000000 27100000" ZERO6 "02", { 0 }, "drop tooShort" },
	{ "A-17 26 octets", V6, "82000000 27100000" ZERO6 "027d", { 0 }, "drop tooShort" },
	{ "A-17 27 octets", V6, "82000000 27100000" ZERO6 "027d00", { 0 }, "drop tooShort" },
	{ "A-17 28 octets", V6, "82000000 83880000" ZERO6 "02890000", { 0 }, "query3 general 40000ms s0 qrv2 qqi200" },
	{ "A-18", V4, "110a0000" GS "027d0005" S1 S2, { 0 }, "drop malformed" },
	{ "A-18", V6, "82000000 03e80000" GS6 "027d0005" S61 S62, { 0 }, "drop malformed" },
	{ "A-18 as many as told",
	  V4,
	  "110a0000" GS "0a7d0002" S1 S2,
	  { 0 },
	  "query3 232.1.1.1 1000ms s1 qrv2 qqi125 198.18.0.1,198.18.0.2" },
	{ "A-18 as many as told",
	  V6,
	  "82000000 03e80000" GS6 "0a7d0002" S61 S62,
	  { 0 },
	  "query3 ff35::8000:1 1000ms s1 qrv2 qqi125 2001:db8:18::1,2001:db8:18::2" },
	{ "A-19", V4, "2200000000000003 04000000" G1 "04000000" G2, { 0 }, "drop malformed" },
	{ "A-19", V6, "8f00000000000003 04000000" G61 "04000000" G62, { 0 }, "drop malformed" },
	{ "A-19 half a record", V4, "2200000000000002 04000000" G1 "04000000", { 0 }, "drop malformed" },
	{ "A-20", V4, "2200000000000001 05000004" GS S1 S2, { 0 }, "drop malformed" },
	{ "A-20", V6, "8f00000000000001 05000004" GS6 S61 S62, { 0 }, "drop malformed" },
	{ "A-20 good record first", V4, "2200000000000002 04000000" G1 "0500ffff" GS S1, { 0 }, "drop malformed" },
	{ "A-21", V4, "2200000000000000", { 0 }, "report3" },
	{ "A-21", V6, "8f00000000000000", { 0 }, "report3" },
	{ "A-22", V4, "2200000000000001 04ff0000" G1, { 0 }, "drop malformed" },
	{ "A-22", V6, "8f00000000000001 04ff0000" G61, { 0 }, "drop malformed" },
	{ "A-25",
	  V4,
	  "2200000000000002 05000001" GS S1 "06000001" GS S1,
	  { 0 },
	  "report3 [5 232.1.1.1 198.18.0.1] [6 232.1.1.1 198.18.0.1]" },
	{ "A-26 TTL 2", V4, "16000000" G1, { .hops = 2 }, "drop ttl" },
	{ "A-26 TTL 64", V4, "16000000" G1, { .hops = 64 }, "drop ttl" },
	{ "A-26 TTL not known", V4, "16000000" G1, { .hops = -1 }, "report2 239.1.1.1" },
	{ "A-27 hop limit 2", V6, "8f00000000000001 04000000" G61, { .hops = 2 }, "drop ttl" },
	{ "A-27 hop limit 255", V6, "82000000 27100000" ZERO6 "027d0000", { .hops = 255 }, "drop ttl" },
	{ "A-28 report", V6, "8f00000000000001 04000000" G61, { .no_alert = true }, "drop routerAlert" },
	{ "A-28 query", V6, "82000000 27100000" ZERO6 "027d0000", { .no_alert = true }, "drop routerAlert" },
	{ "A-28 v1 report", V6, "83000000 00000000" G61, { .no_alert = true }, "drop routerAlert" },
	{ "A-30 not required", V4, "16000000" G1, { .no_alert = true }, "report2 239.1.1.1" },
	{ "A-30 v1 report", V4, "12000000" G1, { .no_alert = true, .require_alert = true }, "report1 239.1.1.1" },
	{ "A-30 v1 query",
	  V4,
	  "11000000 00000000",
	  { .no_alert = true, .require_alert = true },
	  "query1 general 10000ms" },
	{ "A-30 v2 report", V4, "16000000" G1, { .no_alert = true, .require_alert = true }, "drop routerAlert" },
	{ "A-30 leave", V4, "17000000" G1, { .no_alert = true, .require_alert = true }, "drop routerAlert" },
	{ "A-30 v3 report",
	  V4,
	  "2200000000000001 04000000" G1,
	  { .no_alert = true, .require_alert = true },
	  "drop routerAlert" },
	{ "A-30 there as required", V4, "16000000" G1, { .require_alert = true }, "report2 239.1.1.1" },
	{ "A-32 v3 report", V4, "2200000000000001 04000000" G1, { .src = "0.0.0.0" }, "report3 [4 239.1.1.1]" },
	{ "A-32 v2 report", V4, "16000000" G1, { .src = "0.0.0.0" }, "report2 239.1.1.1" },
	{ "A-34 left to the election",
	  V4,
	  "11640000 00000000 027d0000",
	  { .src = "0.0.0.0" },
	  "query3 general 10000ms s0 qrv2 qqi125" },
	{ "A-36 multicast", V4, "16000000" G1, { .src = "224.1.1.1" }, "drop sourceAddress" },
	{ "A-36 broadcast", V4, "16000000" G1, { .src = "255.255.255.255" }, "drop sourceAddress" },
	{ "A-36 loopback", V4, "16000000" G1, { .src = "127.0.0.1" }, "drop sourceAddress" },
	{ "A-36 class E", V4, "16000000" G1, { .src = "240.0.0.1" }, "drop sourceAddress" },
	{ "A-39", V6, "8f00000000000001 04000000" G61, { .src = "2001:db8::11" }, "drop sourceAddress" },
	{ "A-40 v2 report", V6, "8f00000000000001 04000000" G61, { .src = "::" }, "drop sourceAddress" },
	{ "A-40 v1 report", V6, "83000000 00000000" G61, { .src = "::" }, "drop sourceAddress" },
	{ "A-40 done", V6, "84000000 00000000" G61, { .src = "::" }, "drop sourceAddress" },
	{ "A-41 general, ::", V6, "82000000 27100000" ZERO6 "027d0000", { .src = "::" }, "drop sourceAddress" },
	{ "A-41 group, global",
	  V6,
	  "82000000 03e80000" G61 "027d0000",
	  { .src = "2001:db8::5" },
	  "drop sourceAddress" },
	{ "A-41 IPv4-mapped link-local",
	  V6,
	  "82000000 27100000" ZERO6 "027d0000",
	  { .src = "169.254.0.1" },
	  "drop sourceAddress" },
	{ "A-42 v1 report", V6, "83000000 00000000" G61, { .src = "2001:db8::11" }, "drop sourceAddress" },
	{ "A-42 done", V6, "84000000 00000000" G61, { .src = "2001:db8::11" }, "drop sourceAddress" },
	{ "A-42 v1 query", V6, "82000000 27100000" ZERO6, { .src = "2001:db8::11" }, "drop sourceAddress" },
	{ "A-47", V4, "17000000" G1, { 0 }, "leave2 239.1.1.1" },
	{ "A-47", V6, "84000000 00000000" G61, { 0 }, "leave2 ff15::1:1" },
	{ "A-51 unicast", V4, "16000000 0a010101", { 0 }, "drop group" },
	{ "A-51 zero", V4, "16000000 00000000", { 0 }, "drop group" },
	{ "A-51 broadcast", V4, "16000000 ffffffff", { 0 }, "drop group" },
	{ "A-51 v1 report", V4, "12000000 0a010101", { 0 }, "drop group" },
	{ "A-51 leave", V4, "17000000 0a010101", { 0 }, "drop group" },
	{ "A-51 unicast", V6, "83000000 00000000" S61, { 0 }, "drop group" },
	{ "A-51 zero", V6, "84000000 00000000" ZERO6, { 0 }, "drop group" },
	{ "A-51 IPv4-mapped", V6, "83000000 00000000 00*10 ffff" G1, { 0 }, "drop group" },
	{ "A-51 record left to the core",
	  V4,
	  "2200000000000002 04000000 0a010101 04000000" G2,
	  { 0 },
	  "report3 [4 10.1.1.1] [4 239.1.1.2]" },
	{ "A-51 IPv4-mapped record and source",
	  V6,
	  "8f00000000000002 04000000 00*10 ffff" G1 "05000001" GS6 "00*10 ffff" S1,
	  { 0 },
	  "report3 [4 ::] [5 ff35::8000:1 ::]" },
	{ "A-60", V4, "110a0000 0a010101 027d0000", { 0 }, "drop group" },
	{ "A-60 v2 query", V4, "110a0000 0a010101", { 0 }, "drop group" },
	{ "A-60", V6, "82000000 03e80000" S61 "027d0000", { 0 }, "drop group" },
	{ "A-60 IPv4-mapped", V6, "82000000 03e80000 00*10 ffff" G1 "027d0000", { 0 }, "drop group" },
	{ "A-61", V4, "110a0000 00000000 027d0002" S1 S2, { 0 }, "drop malformed" },
	{ "A-61", V6, "82000000 03e80000" ZERO6 "027d0002" S61 S62, { 0 }, "drop malformed" },
	{ "A-62 A-63 left to the core",
	  V4,
	  "2200000000000001 05000003" GS "00000000" S1 S1,
	  { 0 },
	  "report3 [5 232.1.1.1 0.0.0.0,198.18.0.1,198.18.0.1]" },
	{ "v1 report", V4, "12000000" G1, { 0 }, "report1 239.1.1.1" },
	{ "v1 report", V6, "83000000 00000000" G61, { 0 }, "report2 ff15::1:1" },
	{ "group query of version 2", V4, "110a0000" G1, { 0 }, "query2 239.1.1.1 1000ms" },
	{ "group query of version 1", V6, "82000000 03e80000" G61, { 0 }, "query2 ff15::1:1 1000ms" },
	{ "B-18 nothing told", V4, "110a0000" G1 "00000000", { 0 }, "query3 239.1.1.1 1000ms s0 qrv0 qqi0" },
	{ "B-19", V4, "11640000 00000000 028f0000", { 0 }, "query3 general 10000ms s0 qrv2 qqi248" },
	{ "F-19 linear", V4, "11ff0000 00000000", { 0 }, "query2 general 25500ms" },
	{ "largest codes", V4, "11ff0000 00000000 0fff0000", { 0 }, "query3 general 3174400ms s1 qrv7 qqi31744" },
	{ "largest codes",
	  V6,
	  "82000000 ffff0000" ZERO6 "0fff0000",
	  { 0 },
	  "query3 general 8387584ms s1 qrv7 qqi31744" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		row_check(&rows[i]);
}

/* The kernel has checked the sum of what an ICMPv6 socket delivers; that of IGMP is always ours to check. */
static void test_sum_by_kernel(void **state)
{
	uint8_t v6[PACKET_MAX], v4[PACKET_MAX];
	size_t v6_len = hex_read("83000000 00000000" G61, v6), v4_len = hex_read("16000000" G1, v4);
	struct wire_meta meta6 = meta_of(V6, &(struct envelope){ 0 }), meta4 = meta_of(V4, &(struct envelope){ 0 });
	struct wire_options opt = { 0 };
	struct wire_msg msg;

	(void)state;
	assert_int_equal(wire_decode(V6, &meta6, v6, v6_len, &opt, false, &msg), 0);
	assert_int_equal(wire_drop(wire_decode(V4, &meta4, v4, v4_len, &opt, false, &msg)), GM_DROP_CHECKSUM);
}

/* as many sources in one record as an Ethernet frame carries; A-24: as many records. */
static void test_full_frames(void **state)
{
	static const struct {
		const struct wire_af *af;
		unsigned int addr_len, type, records, sources;
	} cases[] = {
		{ V4, 4, 0x22, 1, 365 },
		{ V4, 4, 0x22, 180, 0 },
		{ V6, 16, 143, 1, 89 },
		{ V6, 16, 143, 70, 0 },
	};

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		const struct wire_af *af = cases[c].af;
		struct wire_meta meta = meta_of(af, &(struct envelope){ 0 });
		struct wire_options opt = { 0 };
		struct wire_cursor cur = { 0 };
		struct wire_record rec;
		struct wire_msg msg;
		uint8_t buf[PACKET_MAX];
		struct wbuf_out out = wbuf_out(buf, sizeof(buf));
		unsigned int nrecords = 0;

		wbuf_put_be(&out, 4, cases[c].type << 24);
		wbuf_put_be(&out, 4, cases[c].records);
		for (unsigned int r = 0; r < cases[c].records; r++) {
			wbuf_put_be(&out, 4, 5U << 24 | cases[c].sources);
			wbuf_put_be(&out, 4, 0xef010000 + r);
			wbuf_put_zero(&out, cases[c].addr_len - 4);
			for (unsigned int s = 0; s < cases[c].sources; s++) {
				wbuf_put_be(&out, 4, 0x0a000000 + s);
				wbuf_put_zero(&out, cases[c].addr_len - 4);
			}
		}
		assert_false(out.failed);
		sum_fill(af, &meta, buf, out.len, SUM_GOOD);
		assert_int_equal(wire_decode(af, &meta, buf, out.len, &opt, true, &msg), 0);
		assert_int_equal(msg.count, cases[c].records);
		while (wire_next_record(af, &msg, &cur, &rec)) {
			const uint8_t *group = ipaddr_bytes(&rec.group);

			assert_int_equal(group[3], nrecords);
			assert_int_equal(rec.nsources, cases[c].sources);
			for (unsigned int s = 0; s < rec.nsources; s++) {
				struct ipaddr a = wire_source(af, rec.sources, s);
				const uint8_t *b = ipaddr_bytes(&a);

				assert_int_equal(b[2] << 8 | b[3], s);
			}
			nrecords++;
		}
		assert_int_equal(nrecords, cases[c].records);
	}
}

/* IPv4 headers: hex, then what comes out. */
static void test_ipv4_header(void **state)
{
	static const struct {
		const char *name, *hex;
		int err;
		bool alert;
		unsigned int len;
	} cases[] = {
		{ "regular", "46c00020 0000 0000 0102 0000 0a01000b e0000016 94040000 16000000" G1, 0, true, 8 },
		{ "no option", "45c0001c 0000 0000 0102 0000 0a01000b e0000016 16000000" G1, 0, false, 8 },
		{ "padding behind", "45c0001c 0000 0000 0102 0000 0a01000b e0000016 16000000" G1 "00*18", 0, false, 8 },
		{ "alert after NOPs", "47c00024 0000 0000 0102 0000 0a01000b e0000016 0101 94040000 0101 16000000" G1,
		  0, true, 8 },
		{ "alert after another", "47c00024 0000 0000 0102 0000 0a01000b e0000016 88040102 94040000 16000000" G1,
		  0, true, 8 },
		{ "alert after the end", "47c00024 0000 0000 0102 0000 0a01000b e0000016 00000000 94040000 16000000" G1,
		  0, false, 8 },
		{ "alert value 1", "46c00020 0000 0000 0102 0000 0a01000b e0000016 94040001 16000000" G1, 0, false, 8 },
		{ "option length 0", "46c00020 0000 0000 0102 0000 0a01000b e0000016 88000000 16000000" G1, 0, false,
		  8 },
		{ "option too long", "46c00020 0000 0000 0102 0000 0a01000b e0000016 010194ff 16000000" G1, 0, false,
		  8 },
		{ "option without length", "46c00020 0000 0000 0102 0000 0a01000b e0000016 01010194 16000000" G1, 0,
		  false, 8 },
		{ "header alone", "45c00014 0000 0000 0102 0000 0a01000b e0000016", 0, false, 0 },
		{ "short", "45c00014 0000 0000 0102 0000 0a01000b e00000", -1 - GM_DROP_TOO_SHORT, false, 0 },
		{ "cut", "45c0001d 0000 0000 0102 0000 0a01000b e0000016 16000000" G1, -1 - GM_DROP_TOO_SHORT, false,
		  0 },
		{ "header cut", "4fc0003c 0000 0000 0102 0000 0a01000b e0000016 16000000" G1, -1 - GM_DROP_TOO_SHORT,
		  false, 0 },
		{ "header beyond total", "46c00014 0000 0000 0102 0000 0a01000b e0000016 94040000",
		  -1 - GM_DROP_MALFORMED, false, 0 },
		{ "version 6", "65c0001c 0000 0000 0102 0000 0a01000b e0000016 16000000" G1, -1 - GM_DROP_MALFORMED,
		  false, 0 },
		{ "header of 16", "44c0001c 0000 0000 0102 0000 0a01000b e0000016 16000000" G1, -1 - GM_DROP_MALFORMED,
		  false, 0 },
		{ "UDP", "45c0001c 0000 0000 0111 0000 0a01000b e0000016 16000000" G1, -1 - GM_DROP_MALFORMED, false,
		  0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ipaddr src = addr("10.1.0.11"), dst = addr("224.0.0.22");
		uint8_t buf[PACKET_MAX];
		size_t packet_len = hex_read(cases[i].hex, buf), len;
		uint8_t *packet = malloc(packet_len);
		const uint8_t *payload;
		struct wire_meta meta;
		int err;

		assert_non_null(packet);
		memcpy(packet, buf, packet_len);
		err = wire_ipv4_header(packet, packet_len, &meta, &payload, &len);
		if (err != cases[i].err)
			fail_msg("%s: returned %d", cases[i].name, err);
		if (!err) {
			if (meta.router_alert != cases[i].alert || len != cases[i].len)
				fail_msg("%s: alert %d, length %zu", cases[i].name, meta.router_alert, len);
			assert_ptr_equal(payload, packet + (packet[0] & 15) * 4);
			assert_int_equal(meta.hop_limit, 1);
			assert_true(ipaddr_eq(&meta.src, &src));
			assert_true(ipaddr_eq(&meta.dst, &dst));
		}
		free(packet);
	}
}

/* */
static void test_hbh(void **state)
{
	static const struct {
		const char *hex;
		bool want;
	} cases[] = {
		{ "3a00 0502 0000 0100", true },
		{ "3a00 0100 0502 0000", true },
		{ "3a00 0000 0502 0000", true },
		{ "3a01 c204 00010000 0502 0000 00000000", true },
		{ "3a00 0502 0001 0100", false },
		{ "3a00 0104 00000000", false },
		{ "3a00 0000 0000 0502", false },
		{ "3a00 01ff 0502 0000", false },
		{ "3a01 0502 0000 0100", false },
		{ "3a00 0502", false },
		{ "3a", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t buf[PACKET_MAX];
		size_t len = hex_read(cases[i].hex, buf);
		uint8_t *hbh = malloc(len + 1);

		assert_non_null(hbh);
		memcpy(hbh + 1, buf, len);
		if (wire_hbh_router_alert(hbh + 1, len) != cases[i].want)
			fail_msg("%s", cases[i].hex);
		free(hbh);
	}
	assert_true(wire_hbh_router_alert(wire_ipv6_hbh_router_alert, sizeof(wire_ipv6_hbh_router_alert)));
}

/*
 * A-67 in small: every row's message, changed at random in a few octets or cut or grown, with a right checksum. What
 * decodes has to walk to its end; the sanitizer watches the bounds.
 */
static void test_mutations(void **state)
{
	enum { ROUNDS = 400 };
	unsigned int seed = 20251, decoded = 0, refused = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned int round = 0; round < ROUNDS; round++) {
			struct wire_meta meta = meta_of(rows[i].af, &(struct envelope){ 0 });
			struct wire_options opt = { .require_router_alert = round % 2 };
			uint8_t msg[PACKET_MAX] = { 0 };
			char text[TEXT_MAX];
			size_t len = hex_read(rows[i].hex, msg);

			for (unsigned int n = (unsigned int)rand_r(&seed) % 4; len && n > 0; n--)
				msg[(unsigned int)rand_r(&seed) % len] = (uint8_t)rand_r(&seed);
			if (rand_r(&seed) % 4 == 0)
				len = (unsigned int)rand_r(&seed) % (len + 9);
			sum_fill(rows[i].af, &meta, msg, len, SUM_GOOD);
			if (decode_copy(rows[i].af, &meta, msg, len, &opt, text))
				refused++;
			else
				decoded++;
		}
	}
	/* Both ways have been gone. */
	assert_true(decoded > ARRAY_SIZE(rows) * ROUNDS / 10);
	assert_true(refused > ARRAY_SIZE(rows) * ROUNDS / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),        cmocka_unit_test(test_sum_by_kernel),
		cmocka_unit_test(test_full_frames), cmocka_unit_test(test_ipv4_header),
		cmocka_unit_test(test_hbh),         cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
