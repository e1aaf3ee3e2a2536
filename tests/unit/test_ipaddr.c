/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/ipaddr: text, classes, prefixes; prefix arithmetic against a bit-by-bit model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <errno.h>

#include "lib/ipaddr.h"
#include "lib/util.h"

#include <cmocka.h>

static struct ipaddr addr(const char *text)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(text, &a), 0);
	return a;
}

static void test_text(void **state)
{
	static const char *const good[] = { "0.0.0.0", "239.1.1.1", "255.255.255.255", "::",
					    "::1",     "ff02::1",   "fe80::1:2" };
	static const char *const bad[] = { "",         "1.2.3", "1.2.3.4.5", "256.1.1.1",
					   "1.2.3.4 ", "g::",   "1::2::3",   "10.0.0.1/8" };
	char buf[IPADDR_STRLEN];
	struct ipaddr a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		a = addr(good[i]);
		assert_string_equal(ipaddr_format(&a, buf), good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ipaddr_parse(bad[i], &a), -EINVAL);
}

static void test_classes(void **state)
{
	static const struct {
		const char *text;
		bool v4, unspecified, multicast, loopback, linklocal, unicast_source;
	} rows[] = {
		{ "0.0.0.0", true, true, false, false, false, false },
		{ "0.1.2.3", true, false, false, false, false, false },
		{ "10.0.0.1", true, false, false, false, false, true },
		{ "127.0.0.1", true, false, false, true, false, false },
		{ "169.254.1.1", true, false, false, false, true, true },
		{ "223.255.255.255", true, false, false, false, false, true },
		{ "224.0.0.1", true, false, true, false, false, false },
		{ "239.255.255.255", true, false, true, false, false, false },
		{ "240.0.0.1", true, false, false, false, false, false },
		{ "255.255.255.255", true, false, false, false, false, false },
		{ "::", false, true, false, false, false, false },
		{ "::1", false, false, false, true, false, false },
		{ "2001:db8::1", false, false, false, false, false, true },
		{ "fe80::1", false, false, false, false, true, true },
		{ "febf::1", false, false, false, false, true, true },
		{ "fec0::1", false, false, false, false, false, true },
		{ "ff3e::1", false, false, true, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ipaddr a = addr(rows[i].text);

		assert_int_equal(ipaddr_is_v4(&a), rows[i].v4);
		assert_int_equal(ipaddr_is_unspecified(&a), rows[i].unspecified);
		assert_int_equal(ipaddr_is_multicast(&a), rows[i].multicast);
		assert_int_equal(ipaddr_is_loopback(&a), rows[i].loopback);
		assert_int_equal(ipaddr_is_linklocal(&a), rows[i].linklocal);
		assert_int_equal(ipaddr_is_unicast_source(&a), rows[i].unicast_source);
	}
}

static void test_none(void **state)
{
	struct ipaddr none = { 0 }, v6 = addr("::"), v4 = addr("0.0.0.0");

	(void)state;
	assert_true(ipaddr_is_none(&none));
	assert_true(ipaddr_is_none(&v6));
	assert_false(ipaddr_is_none(&v4));
}

static void test_octets(void **state)
{
	static const uint8_t v4[] = { 239, 1, 2, 3 };
	struct ipaddr a = ipaddr_from_bytes(v4, 4), b = addr("239.1.2.3"), c = addr("2001:db8::7");
	struct in6_addr in6 = ipaddr_to_v6(&c);

	(void)state;
	assert_true(ipaddr_eq(&a, &b));
	assert_int_equal(ipaddr_bytes_len(&a), 4);
	assert_memory_equal(ipaddr_bytes(&a), v4, 4);
	assert_int_equal(ipaddr_to_v4(&a).s_addr, inet_addr("239.1.2.3"));
	b = ipaddr_from_v4(ipaddr_to_v4(&a));
	assert_true(ipaddr_eq(&a, &b));
	assert_int_equal(ipaddr_bytes_len(&c), 16);
	b = ipaddr_from_v6(&in6);
	assert_true(ipaddr_eq(&b, &c));
	b = ipaddr_from_bytes(ipaddr_bytes(&c), 16);
	assert_true(ipaddr_eq(&b, &c));
}

static void test_sockaddr(void **state)
{
	static const char *const texts[] = { "10.1.2.3", "2001:db8::1" };
	static const int families[] = { AF_INET, AF_INET6 };
	struct sockaddr unknown = { .sa_family = AF_UNIX };
	struct ipaddr b;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ipaddr a = addr(texts[i]);
		struct sockaddr_storage ss;
		socklen_t len = ipaddr_to_sockaddr(&a, &ss);

		assert_int_equal(ss.ss_family, families[i]);
		assert_int_equal(len, i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		assert_int_equal(ipaddr_from_sockaddr((const struct sockaddr *)&ss, &b), 0);
		assert_true(ipaddr_eq(&a, &b));
	}
	assert_int_equal(ipaddr_from_sockaddr(&unknown, &b), -EAFNOSUPPORT);
}

static void test_order(void **state)
{
	static const char *const sorted[] = { "::",        "0.0.0.0", "9.255.255.255", "10.0.0.0",
					      "224.0.0.1", "2001::",  "ff02::1" };

	(void)state;
	for (size_t i = 0; i + 1 < ARRAY_SIZE(sorted); i++) {
		struct ipaddr a = addr(sorted[i]), b = addr(sorted[i + 1]);

		assert_true(ipaddr_cmp(&a, &b) < 0);
		assert_true(ipaddr_cmp(&b, &a) > 0);
		assert_false(ipaddr_eq(&a, &b));
	}
}

static void test_prefix_text(void **state)
{
	static const char *const good[] = { "0.0.0.0/0", "232.0.0.0/8", "10.1.2.3/32",    "10.1.2.128/25",
					    "::/0",      "ff30::/12",   "2001:db8::1/128" };
	static const char *const bad[] = { "10.0.0.1/8",  "10.0.0.0/33", "::/129",      "10.0.0.0/", "10.0.0.0/-1",
					   "10.0.0.0/8x", "/8",          "10.0.0.0/+8", "ff31::/12" };
	char buf[IPADDR_STRLEN];
	struct ipprefix p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(ipprefix_parse(good[i], &p), 0);
		assert_string_equal(ipprefix_format(&p, buf), good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ipprefix_parse(bad[i], &p), -EINVAL);
	assert_int_equal(ipprefix_parse("10.0.0.1", &p), 0);
	assert_int_equal(ipprefix_len(&p), 32);
	assert_int_equal(ipprefix_parse("2001:db8::1", &p), 0);
	assert_int_equal(ipprefix_len(&p), 128);
}

static void test_prefix_families(void **state)
{
	struct ipaddr v4 = addr("10.0.0.1"), v6 = addr("2001:db8::1");
	struct ipprefix p;

	(void)state;
	assert_int_equal(ipprefix_parse("0.0.0.0/0", &p), 0);
	assert_true(ipprefix_contains(&p, &v4));
	assert_false(ipprefix_contains(&p, &v6));
}

/* Whether the first `len` bits are equal, one after the other. */
static bool model_contains(const struct ipaddr *p, unsigned int len, const struct ipaddr *a)
{
	for (unsigned int bit = 0; bit < len; bit++) {
		unsigned int mask = 0x80u >> (bit % 8);

		if ((p->b[bit / 8] & mask) != (a->b[bit / 8] & mask))
			return false;
	}
	return true;
}

static void test_prefix_model(void **state)
{
	(void)state;
	srandom(2);
	for (unsigned int round = 0; round < 20000; round++) {
		bool is_v4 = random() % 2;
		unsigned int octets = is_v4 ? 4 : 16, len = (unsigned int)random() % (octets * 8 + 1), flip;
		struct ipprefix p, q;
		struct ipaddr a, b;
		char text[IPADDR_STRLEN];
		uint8_t raw[16];

		for (unsigned int i = 0; i < 16; i++)
			raw[i] = (uint8_t)random();
		a = ipaddr_from_bytes(raw, octets);
		flip = (unsigned int)random() % (octets * 8);
		raw[flip / 8] ^= (uint8_t)(0x80u >> (flip % 8));
		b = ipaddr_from_bytes(raw, octets);
		p = ipprefix_make(&a, len);
		assert_int_equal(ipprefix_len(&p), len);
		assert_true(ipprefix_contains(&p, &a));
		assert_int_equal(ipprefix_contains(&p, &b), model_contains(&a, (is_v4 ? 96 : 0) + len, &b));
		assert_int_equal(ipprefix_contains(&p, &b), flip >= len);
		assert_int_equal(ipprefix_parse(ipprefix_format(&p, text), &q), 0);
		assert_true(ipprefix_eq(&p, &q));
		q = ipprefix_make(&b, len);
		assert_int_equal(ipprefix_eq(&p, &q), flip >= len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),         cmocka_unit_test(test_classes),
		cmocka_unit_test(test_none),         cmocka_unit_test(test_octets),
		cmocka_unit_test(test_sockaddr),     cmocka_unit_test(test_order),
		cmocka_unit_test(test_prefix_text),  cmocka_unit_test(test_prefix_families),
		cmocka_unit_test(test_prefix_model),
	};

	return cmocka_run_group_tests_name("ipaddr", tests, NULL, NULL);
}
