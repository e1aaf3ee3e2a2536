/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers as the wire has them: the floating-point codes of Max Response Code and QQIC (RFC 9776 s4.1.1, s4.1.7; RFC
 * 9777 s5.1.3, s5.1.9) and the Internet checksum (RFC 1071).
 *
 * A code is 1 | exponent (3 bits) | mantissa, where the mantissa has a hidden leading one; smaller values stand for
 * themselves. The 8-bit and the 16-bit code differ in the width of the mantissa only.
 */
#include "wire/wire_af.h"

#define CODE_EXP_BITS 3
#define CODE_EXP_MAX  7

unsigned int wire_code_decode(unsigned int mantissa, unsigned int code)
{
	unsigned int hidden = 1U << mantissa, mant = code & (hidden - 1), exp = code >> mantissa & CODE_EXP_MAX;

	if (code < hidden << CODE_EXP_BITS)
		return code;
	return (mant | hidden) << (exp + CODE_EXP_BITS);
}

unsigned int wire_code_encode(unsigned int mantissa, unsigned int value)
{
	unsigned int hidden = 1U << mantissa, flag = hidden << CODE_EXP_BITS, exp = 0;

	if (value < flag)
		return value;
	while (exp < CODE_EXP_MAX && value >> (exp + CODE_EXP_BITS) >= hidden * 2)
		exp++;
	value >>= exp + CODE_EXP_BITS;
	if (value >= hidden * 2)
		value = hidden * 2 - 1;
	return flag | exp << mantissa | (value & (hidden - 1));
}

unsigned int wire_decode_code8(uint8_t code)
{
	return wire_code_decode(wire_igmp.code_mantissa, code);
}

uint8_t wire_encode_code8(unsigned int value)
{
	return (uint8_t)wire_code_encode(wire_igmp.code_mantissa, value);
}

unsigned int wire_decode_code16(uint16_t code)
{
	return wire_code_decode(wire_mld.code_mantissa, code);
}

uint16_t wire_encode_code16(unsigned int value)
{
	return (uint16_t)wire_code_encode(wire_mld.code_mantissa, value);
}

/* `sum` cannot overflow: the longest packet has 2^15 words of 16 bits. */
uint16_t wire_checksum(uint32_t sum, const uint8_t *p, size_t len)
{
	for (; len > 1; p += 2, len -= 2)
		sum += (uint32_t)p[0] << 8 | p[1];
	if (len)
		sum += (uint32_t)p[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}
