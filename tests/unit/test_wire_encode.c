/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the codec makes: code vectors, checksums, and queries octet by octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/ipaddr.h"
#include "lib/util.h"
#include "wire/wire.h"

#include "tests/unit/wire_text.h"

/* Of a message as it is to be sent: the ICMPv6 checksum is the kernel's. */
static void put_checksum(const struct wire_af *af, uint8_t *octets, size_t len)
{
	uint16_t sum = 0;

	octets[2] = octets[3] = 0;
	if (af == V4)
		sum = (uint16_t)~sum16(octets, len, 0);
	octets[2] = (uint8_t)(sum >> 8);
	octets[3] = (uint8_t)sum;
}

static void test_code_vectors(void **state)
{
	static const struct {
		unsigned int value, code, back;
	} v8[] = {
		{ 0, 0, 0 },
		{ 127, 0x7f, 127 },
		{ 128, 0x80, 128 },
		{ 130, 0x80, 128 },
		{ 200, 0x89, 200 },
		{ 250, 0x8f, 248 },
		{ 255, 0x8f, 248 },
		{ 256, 0x90, 256 },
		{ 600, 0xa2, 576 },
		{ 3600, 0xcc, 3584 },
		{ 31744, 0xff, 31744 },
		{ 1000000, 0xff, 31744 },
	}, v16[] = {
		{ 0, 0, 0 },
		{ 32767, 0x7fff, 32767 },
		{ 32768, 0x8000, 32768 },
		{ 40000, 0x8388, 40000 },
		{ 60000, 0x8d4c, 60000 },
		{ 65535, 0x8fff, 65528 },
		{ 100000, 0x986a, 100000 },
		{ 8387584, 0xffff, 8387584 },
		{ UINT32_MAX, 0xffff, 8387584 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v8); i++) {
		assert_int_equal(wire_encode_code8(v8[i].value), v8[i].code);
		assert_int_equal(wire_decode_code8((uint8_t)v8[i].code), v8[i].back);
	}
	for (size_t i = 0; i < ARRAY_SIZE(v16); i++) {
		assert_int_equal(wire_encode_code16(v16[i].value), v16[i].code);
		assert_int_equal(wire_decode_code16((uint16_t)v16[i].code), v16[i].back);
	}
	/* Every code is its value's, and the value just below belongs to the code before. */
	for (unsigned int code = 1; code <= UINT16_MAX; code++) {
		assert_int_equal(wire_encode_code16(wire_decode_code16((uint16_t)code)), code);
		assert_int_equal(wire_encode_code16(wire_decode_code16((uint16_t)code) - 1), code - 1);
		if (code > UINT8_MAX)
			continue;
		assert_int_equal(wire_encode_code8(wire_decode_code8((uint8_t)code)), code);
		assert_int_equal(wire_encode_code8(wire_decode_code8((uint8_t)code) - 1), code - 1);
	}
}

static void test_checksum(void **state)
{
	static const uint8_t rfc1071[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	uint8_t buf[PACKET_MAX];

	(void)state;
	assert_int_equal(wire_checksum(0, rfc1071, sizeof(rfc1071)), 0x220d);
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(wire_checksum(0, buf, sizeof(buf)), 0);
	assert_int_equal(wire_checksum(0, buf, 1), 0x00ff);
	assert_int_equal(wire_checksum(0, buf, 0), 0xffff);
}

/* The query table of the project's checklist (B), and its border cases. `cccc` stands for the checksum. */
struct query_row {
	const char *name;
	const struct wire_af *af;
	enum gm_gen gen;
	const char *group;
	int max_response_ms;
	unsigned int interval_s, robustness, nsources;
	bool suppress;
	const char *dst, *hex;
};

static const struct query_row query_rows[] = {
	{ "GQ v3", V4, GM_GEN3, NULL, 10000, 125, 2, 0, false, "224.0.0.1", "1164cccc 00000000 027d0000" },
	{ "GQ v2", V4, GM_GEN2, NULL, 10000, 125, 2, 0, false, "224.0.0.1", "1164cccc 00000000" },
	{ "GQ v1", V4, GM_GEN1, NULL, 10000, 125, 2, 0, false, "224.0.0.1", "1100cccc 00000000" },
	{ "GQ v2", V6, GM_GEN3, NULL, 10000, 125, 2, 0, false, "ff02::1", "8200cccc 27100000" ZERO6 "027d0000" },
	{ "GQ v1", V6, GM_GEN2, NULL, 10000, 125, 2, 0, false, "ff02::1", "8200cccc 27100000" ZERO6 },
	{ "Q(G) v3", V4, GM_GEN3, "239.1.1.1", 1000, 125, 2, 0, false, "239.1.1.1", "110acccc" G1 "027d0000" },
	{ "Q(G) S", V4, GM_GEN3, "239.1.1.1", 1000, 125, 2, 0, true, "239.1.1.1", "110acccc" G1 "0a7d0000" },
	{ "Q(G) v2", V4, GM_GEN2, "239.1.1.1", 1000, 125, 2, 0, true, "239.1.1.1", "110acccc" G1 },
	{ "Q(G) v2", V6, GM_GEN3, "ff15::1:1", 1000, 125, 2, 0, false, "ff15::1:1",
	  "8200cccc 03e80000" G61 "027d0000" },
	{ "Q(G) S", V6, GM_GEN3, "ff15::1:1", 1000, 125, 2, 0, true, "ff15::1:1", "8200cccc 03e80000" G61 "0a7d0000" },
	{ "Q(G) v1", V6, GM_GEN2, "ff15::1:1", 1000, 125, 2, 0, true, "ff15::1:1", "8200cccc 03e80000" G61 },
	{ "Q(G,A)", V4, GM_GEN3, "232.1.1.1", 1000, 125, 2, 2, false, "232.1.1.1", "110acccc" GS "027d0002" S1 S2 },
	{ "Q(G,A) S", V4, GM_GEN3, "232.1.1.1", 1000, 125, 2, 1, true, "232.1.1.1", "110acccc" GS "0a7d0001" S1 },
	{ "Q(G,A)", V6, GM_GEN3, "ff35::8000:1", 1000, 125, 2, 2, false, "ff35::8000:1",
	  "8200cccc 03e80000" GS6 "027d0002" S61 S62 },
	{ "B-05", V4, GM_GEN3, NULL, 20000, 200, 2, 0, false, "224.0.0.1", "1189cccc 00000000 02890000" },
	{ "B-05 inexact", V4, GM_GEN3, NULL, 25000, 250, 2, 0, false, "224.0.0.1", "118fcccc 00000000 028f0000" },
	{ "B-05 large", V6, GM_GEN3, NULL, 40000, 3600, 2, 0, false, "ff02::1", "8200cccc 83880000" ZERO6 "02cc0000" },
	{ "B-06 QRV 7", V4, GM_GEN3, NULL, 10000, 125, 7, 0, false, "224.0.0.1", "1164cccc 00000000 077d0000" },
	{ "B-06 QRV 8", V4, GM_GEN3, NULL, 10000, 125, 8, 0, false, "224.0.0.1", "1164cccc 00000000 007d0000" },
	{ "linear", V4, GM_GEN2, NULL, 25000, 125, 2, 0, false, "224.0.0.1", "11facccc 00000000" },
	{ "linear, at its end", V4, GM_GEN2, NULL, 60000, 125, 2, 0, false, "224.0.0.1", "11ffcccc 00000000" },
	{ "linear, at its end", V6, GM_GEN2, NULL, 90000, 125, 2, 0, false, "ff02::1", "8200cccc ffff0000" ZERO6 },
	{ "never as version 1", V4, GM_GEN2, NULL, 10, 125, 2, 0, false, "224.0.0.1", "1101cccc 00000000" },
};

static void test_queries(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(query_rows); i++) {
		const struct query_row *row = &query_rows[i];
		const char *const sources[] = { row->af == V4 ? "198.18.0.1" : "2001:db8:18::1",
						row->af == V4 ? "198.18.0.2" : "2001:db8:18::2" };
		struct ipaddr list[] = { addr(sources[0]), addr(sources[1]) }, dst, want_dst = addr(row->dst);
		struct wire_query q = {
			.gen = row->gen,
			.suppress = row->suppress,
			.robustness = (uint8_t)row->robustness,
			.interval = mtime_from_s(row->interval_s),
			.max_response = mtime_from_ms(row->max_response_ms),
			.sources = list,
			.nsources = row->nsources,
		};
		uint8_t want[PACKET_MAX], got[PACKET_MAX];
		size_t want_len = hex_read(row->hex, want);
		int len;

		if (row->group)
			q.group = addr(row->group);
		memset(got, 0xaa, sizeof(got));
		len = wire_encode_query(row->af, &q, got, sizeof(got), &dst);
		if (len != (int)want_len)
			fail_msg("%s: length %d", row->name, len);
		assert_true(ipaddr_eq(&dst, &want_dst));
		put_checksum(row->af, want, want_len);
		if (memcmp(got, want, want_len) != 0)
			fail_msg("%s: octets differ", row->name);
		assert_int_equal(got[want_len], 0xaa);
		for (size_t size = 0; size < want_len; size++) {
			uint8_t *tight = malloc(size + 1);

			assert_non_null(tight);
			assert_int_equal(wire_encode_query(row->af, &q, tight + 1, size, &dst), -EMSGSIZE);
			free(tight);
		}
	}
}

static void test_query_refused(void **state)
{
	struct ipaddr v4 = addr("198.18.0.1"), v6 = addr("2001:db8::1"), dst;
	struct wire_query general = { .gen = GM_GEN3, .sources = &v4, .nsources = 1 };
	struct wire_query older = { .gen = GM_GEN2, .group = addr("239.1.1.1"), .sources = &v4, .nsources = 1 };
	struct wire_query mixed = { .gen = GM_GEN3, .group = addr("239.1.1.1"), .sources = &v6, .nsources = 1 };
	struct wire_query foreign = { .gen = GM_GEN3, .group = addr("239.1.1.1") };
	struct wire_query gen1 = { .gen = GM_GEN1 };
	uint8_t buf[64];

	(void)state;
	assert_int_equal(wire_encode_query(V4, &general, buf, sizeof(buf), &dst), -EINVAL);
	assert_int_equal(wire_encode_query(V4, &older, buf, sizeof(buf), &dst), -EINVAL);
	assert_int_equal(wire_encode_query(V4, &mixed, buf, sizeof(buf), &dst), -EINVAL);
	assert_int_equal(wire_encode_query(V6, &foreign, buf, sizeof(buf), &dst), -EINVAL);
	assert_int_equal(wire_encode_query(V6, &gen1, buf, sizeof(buf), &dst), -EINVAL);
}

/* Reports and leaves of the host side. */
struct report_row {
	const char *name;
	const struct wire_af *af;
	enum gm_gen gen;
	unsigned int nrecords;
	struct {
		enum gm_record_type type;
		const char *group;
		unsigned int nsources;
	} records[2];
	const char *dst, *hex;
};

static const struct report_row report_rows[] = {
	{ "IGMPv3",
	  V4,
	  GM_GEN3,
	  2,
	  { { GM_TO_EX, "239.1.1.1", 0 }, { GM_ALLOW, "239.1.1.2", 2 } },
	  "224.0.0.22",
	  "2200cccc 00000002 04000000" G1 "05000002" G2 S1 S2 },
	{ "IGMPv2 report", V4, GM_GEN2, 1, { { GM_IS_EX, "239.1.1.1", 0 } }, "239.1.1.1", "1600cccc" G1 },
	{ "IGMPv2 leave", V4, GM_GEN2, 1, { { GM_TO_IN, "239.1.1.1", 0 } }, "224.0.0.2", "1700cccc" G1 },
	{ "IGMPv1 report", V4, GM_GEN1, 1, { { GM_IS_EX, "239.1.1.1", 0 } }, "239.1.1.1", "1200cccc" G1 },
	{ "MLDv2",
	  V6,
	  GM_GEN3,
	  2,
	  { { GM_TO_IN, "ff15::1:1", 1 }, { GM_IS_EX, "ff15::1:2", 0 } },
	  "ff02::16",
	  "8f00cccc 00000002 03000001" G61 S61 "02000000" G62 },
	{ "MLDv1 report", V6, GM_GEN2, 1, { { GM_IS_EX, "ff15::1:1", 0 } }, "ff15::1:1", "8300cccc 00000000" G61 },
	{ "MLDv1 done", V6, GM_GEN2, 1, { { GM_TO_IN, "ff15::1:1", 0 } }, "ff02::2", "8400cccc 00000000" G61 },
};

static void test_reports(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(report_rows); i++) {
		const struct report_row *row = &report_rows[i];
		struct ipaddr list[] = { addr(row->af == V4 ? "198.18.0.1" : "2001:db8:18::1"),
					 addr(row->af == V4 ? "198.18.0.2" : "2001:db8:18::2") };
		struct ipaddr dst, want_dst = addr(row->dst);
		struct gm_report_record records[2];
		struct gm_report report = { .gen = row->gen, .records = records, .nrecords = row->nrecords };
		uint8_t want[PACKET_MAX], got[PACKET_MAX];
		size_t want_len = hex_read(row->hex, want);

		for (unsigned int r = 0; r < row->nrecords; r++)
			records[r] = (struct gm_report_record){ row->records[r].type, addr(row->records[r].group), list,
								row->records[r].nsources };
		memset(got, 0xaa, sizeof(got));
		if (wire_encode_report(row->af, &report, got, sizeof(got), &dst) != (int)want_len)
			fail_msg("%s: length", row->name);
		assert_true(ipaddr_eq(&dst, &want_dst));
		put_checksum(row->af, want, want_len);
		if (memcmp(got, want, want_len) != 0)
			fail_msg("%s: octets differ", row->name);
		for (size_t size = 0; size < want_len; size++)
			assert_int_equal(wire_encode_report(row->af, &report, got, size, &dst), -EMSGSIZE);
	}
}

static void test_report_refused(void **state)
{
	struct ipaddr v4 = addr("198.18.0.1");
	struct gm_report_record records[2] = { { GM_IS_EX, addr("ff15::1:1"), &v4, 1 },
					       { GM_IS_EX, addr("239.1.1.1"), NULL, 0 } };
	struct gm_report report = { .gen = GM_GEN3, .records = records };
	struct ipaddr dst;
	uint8_t buf[256];

	(void)state;
	assert_int_equal(wire_encode_report(V6, &report, buf, sizeof(buf), &dst), -EINVAL);
	report.nrecords = 1;
	assert_int_equal(wire_encode_report(V6, &report, buf, sizeof(buf), &dst), -EMSGSIZE);
	report.records = &records[1];
	assert_int_equal(wire_encode_report(V6, &report, buf, sizeof(buf), &dst), -EMSGSIZE);
	report.gen = GM_GEN1;
	assert_int_equal(wire_encode_report(V6, &report, buf, sizeof(buf), &dst), -EINVAL);
	report.gen = GM_GEN2;
	report.records = records;
	report.nrecords = 2;
	assert_int_equal(wire_encode_report(V6, &report, buf, sizeof(buf), &dst), -EINVAL);
}

static void test_report_room(void **state)
{
	(void)state;
	assert_int_equal(wire_report_room(V6, 1500), 1444);
	assert_int_equal(wire_report_room(V4, 1500), 1468);
	assert_int_equal(wire_report_room(V6, 40), 0);
}

/* B-36. */
static void test_capacity(void **state)
{
	(void)state;
	assert_int_equal(wire_query_capacity(V4, 1500), 366);
	assert_int_equal(wire_query_capacity(V6, 1500), 89);
	assert_int_equal(wire_query_capacity(V4, 36), 0);
	assert_int_equal(wire_query_capacity(V4, 40), 1);
	assert_int_equal(wire_query_capacity(V4, 20), 0);
	assert_int_equal(wire_query_capacity(V6, 0), 0);
	assert_true(wire_query_capacity(V4, UINT32_MAX) <= UINT16_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_code_vectors),   cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_queries),        cmocka_unit_test(test_query_refused),
		cmocka_unit_test(test_capacity),       cmocka_unit_test(test_reports),
		cmocka_unit_test(test_report_refused), cmocka_unit_test(test_report_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
