/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets as text, for the tests of the codec: hex with repeats, and the addresses that they use over and over. */
#ifndef IMPROXY_TESTS_UNIT_WIRE_TEXT_H
#define IMPROXY_TESTS_UNIT_WIRE_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/ipaddr.h"
#include "wire/wire.h"

#define PACKET_MAX 2048

#define V4 &wire_igmp
#define V6 &wire_mld

/* Groups: 239.1.1.N, 232.1.1.1; ff15::1:N, ff35::8000:1. Sources: 198.18.0.N, 2001:db8:18::N. */
#define G1    "ef010101"
#define G2    "ef010102"
#define G3    "ef010103"
#define GS    "e8010101"
#define S1    "c6120001"
#define S2    "c6120002"
#define G61   "ff15 00*10 00010001"
#define G62   "ff15 00*10 00010002"
#define G63   "ff15 00*10 00010003"
#define GS6   "ff35 00*10 80000001"
#define S61   "20010db80018 00*9 01"
#define S62   "20010db80018 00*9 02"
#define ZERO6 "00*16 "

static inline struct ipaddr addr(const char *text)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(text, &a), 0);
	return a;
}

/* Reads hex octets into `buf` (PACKET_MAX octets); spaces are ignored, `*N` makes N of the octet before it. */
static inline size_t hex_read(const char *hex, uint8_t *buf)
{
	size_t len = 0;

	while (*hex) {
		char *end;

		if (*hex == ' ') {
			hex++;
			continue;
		}
		if (*hex == '*') {
			unsigned long n = strtoul(hex + 1, &end, 10);

			assert_true(len > 0 && len + n <= PACKET_MAX);
			for (; n > 1; n--, len++)
				buf[len] = buf[len - 1];
			hex = end;
			continue;
		}
		char octet[3] = { hex[0], hex[1], 0 };

		assert_true(len < PACKET_MAX);
		buf[len++] = (uint8_t)strtoul(octet, &end, 16);
		assert_ptr_equal(end, octet + 2);
		hex += 2;
	}
	return len;
}

/* RFC 1071 by the book and apart from the codec. */
static inline uint16_t sum16(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += (uint32_t)p[i] << (i % 2 ? 0 : 8);
	return (uint16_t)(sum % 0xffff ? sum % 0xffff : (sum ? 0xffff : 0));
}

#endif
