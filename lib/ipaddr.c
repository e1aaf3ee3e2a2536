/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ipaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define V4_BITS_ABOVE 96

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

bool ipaddr_is_none(const struct ipaddr *a)
{
	static const struct ipaddr none;

	return ipaddr_eq(a, &none);
}

bool ipaddr_is_v4(const struct ipaddr *a)
{
	return memcmp(a->b, v4_mapped, sizeof(v4_mapped)) == 0;
}

bool ipaddr_is_unspecified(const struct ipaddr *a)
{
	static const uint8_t zero[4];

	return ipaddr_is_none(a) || (ipaddr_is_v4(a) && memcmp(a->b + 12, zero, sizeof(zero)) == 0);
}

bool ipaddr_is_multicast(const struct ipaddr *a)
{
	return ipaddr_is_v4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

bool ipaddr_is_loopback(const struct ipaddr *a)
{
	static const struct ipaddr v6_loopback = { .b = { [15] = 1 } };

	return ipaddr_is_v4(a) ? a->b[12] == 127 : ipaddr_eq(a, &v6_loopback);
}

bool ipaddr_is_linklocal(const struct ipaddr *a)
{
	if (ipaddr_is_v4(a))
		return a->b[12] == 169 && a->b[13] == 254;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool ipaddr_is_unicast_source(const struct ipaddr *a)
{
	if (ipaddr_is_unspecified(a) || ipaddr_is_multicast(a) || ipaddr_is_loopback(a))
		return false;
	return !ipaddr_is_v4(a) || (a->b[12] != 0 && a->b[12] < 240);
}

struct ipaddr ipaddr_from_bytes(const uint8_t *octets, unsigned int len)
{
	struct ipaddr a;

	if (len == 4) {
		memcpy(a.b, v4_mapped, sizeof(v4_mapped));
		memcpy(a.b + 12, octets, 4);
	} else {
		memcpy(a.b, octets, 16);
	}
	return a;
}

struct ipaddr ipaddr_from_v4(struct in_addr in)
{
	return ipaddr_from_bytes((const uint8_t *)&in.s_addr, 4);
}

struct ipaddr ipaddr_from_v6(const struct in6_addr *in)
{
	return ipaddr_from_bytes(in->s6_addr, 16);
}

struct in_addr ipaddr_to_v4(const struct ipaddr *a)
{
	struct in_addr in;

	memcpy(&in.s_addr, a->b + 12, 4);
	return in;
}

struct in6_addr ipaddr_to_v6(const struct ipaddr *a)
{
	struct in6_addr in;

	memcpy(in.s6_addr, a->b, 16);
	return in;
}

const uint8_t *ipaddr_bytes(const struct ipaddr *a)
{
	return ipaddr_is_v4(a) ? a->b + 12 : a->b;
}

unsigned int ipaddr_bytes_len(const struct ipaddr *a)
{
	return ipaddr_is_v4(a) ? 4 : 16;
}

socklen_t ipaddr_to_sockaddr(const struct ipaddr *a, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof(*ss));
	if (ipaddr_is_v4(a)) {
		struct sockaddr_in *sin = (struct sockaddr_in *)ss;

		sin->sin_family = AF_INET;
		sin->sin_addr = ipaddr_to_v4(a);
		return sizeof(*sin);
	}
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

	sin6->sin6_family = AF_INET6;
	sin6->sin6_addr = ipaddr_to_v6(a);
	return sizeof(*sin6);
}

int ipaddr_from_sockaddr(const struct sockaddr *sa, struct ipaddr *a)
{
	if (sa->sa_family == AF_INET)
		*a = ipaddr_from_v4(((const struct sockaddr_in *)(const void *)sa)->sin_addr);
	else if (sa->sa_family == AF_INET6)
		*a = ipaddr_from_v6(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
	else
		return -EAFNOSUPPORT;
	return 0;
}

int ipaddr_parse(const char *text, struct ipaddr *a)
{
	struct in6_addr in6;
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) == 1)
		*a = ipaddr_from_v4(in);
	else if (inet_pton(AF_INET6, text, &in6) == 1)
		*a = ipaddr_from_v6(&in6);
	else
		return -EINVAL;
	return 0;
}

const char *ipaddr_format(const struct ipaddr *a, char *buf)
{
	inet_ntop(ipaddr_is_v4(a) ? AF_INET : AF_INET6, ipaddr_bytes(a), buf, IPADDR_STRLEN);
	return buf;
}

uint32_t ipaddr_position(const void *array, uint32_t n, size_t size, const struct ipaddr *addr)
{
	const uint8_t *base = array;
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (memcmp(base + mid * size, addr->b, sizeof(addr->b)) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* A mask octet: the number of leading bits of it that a prefix of `len` bits covers. */
static uint8_t mask_octet(unsigned int len, unsigned int i)
{
	if (len >= (i + 1) * 8)
		return 0xff;
	if (len <= i * 8)
		return 0;
	return (uint8_t)(0xff << (8 - (len - i * 8)));
}

struct ipprefix ipprefix_make(const struct ipaddr *a, unsigned int len)
{
	struct ipprefix p = { .addr = *a, .len = (uint8_t)(len + (ipaddr_is_v4(a) ? V4_BITS_ABOVE : 0)) };

	for (unsigned int i = 0; i < sizeof(p.addr.b); i++)
		p.addr.b[i] &= mask_octet(p.len, i);
	return p;
}

unsigned int ipprefix_len(const struct ipprefix *p)
{
	return p->len - (ipaddr_is_v4(&p->addr) ? V4_BITS_ABOVE : 0u);
}

int ipprefix_parse(const char *text, struct ipprefix *p)
{
	const char *slash = strchr(text, '/');
	char addr[IPADDR_STRLEN];
	unsigned int max, len;
	struct ipaddr a;
	size_t n = slash ? (size_t)(slash - text) : strlen(text);

	if (n >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (ipaddr_parse(addr, &a) < 0)
		return -EINVAL;
	max = ipaddr_is_v4(&a) ? 32 : 128;
	len = max;
	if (slash) {
		char *end;
		unsigned long value = strtoul(slash + 1, &end, 10);

		if (slash[1] < '0' || slash[1] > '9' || *end || value > max)
			return -EINVAL;
		len = (unsigned int)value;
	}
	*p = ipprefix_make(&a, len);
	return ipaddr_eq(&p->addr, &a) ? 0 : -EINVAL;
}

const char *ipprefix_format(const struct ipprefix *p, char *buf)
{
	size_t n;

	ipaddr_format(&p->addr, buf);
	n = strlen(buf);
	snprintf(buf + n, IPADDR_STRLEN - n, "/%u", ipprefix_len(p));
	return buf;
}

bool ipprefix_contains(const struct ipprefix *p, const struct ipaddr *a)
{
	unsigned int whole = p->len / 8;

	if (memcmp(p->addr.b, a->b, whole) != 0)
		return false;
	return whole == 16 || ((p->addr.b[whole] ^ a->b[whole]) & mask_octet(p->len, whole)) == 0;
}

bool ipprefix_eq(const struct ipprefix *a, const struct ipprefix *b)
{
	return a->len == b->len && ipaddr_eq(&a->addr, &b->addr);
}
