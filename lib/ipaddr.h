/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses and prefixes of both families in 16 octets. An IPv4 address is held as its IPv4-mapped form
 * (::ffff:a.b.c.d), so that comparing, sorting and hashing need no family, and an address knows its own. The all-zero
 * value means "none".
 */
#ifndef IMPROXY_LIB_IPADDR_H
#define IMPROXY_LIB_IPADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Room for any address or prefix as text, with its NUL. */
#define IPADDR_STRLEN 48

struct ipaddr {
	uint8_t b[16];
};

struct ipprefix {
	struct ipaddr addr; /* host bits are zero */
	uint8_t len;        /* in the 128-bit form: an IPv4 /24 is 120 */
};

static inline int ipaddr_cmp(const struct ipaddr *a, const struct ipaddr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

static inline bool ipaddr_eq(const struct ipaddr *a, const struct ipaddr *b)
{
	return ipaddr_cmp(a, b) == 0;
}

/* True for the "no address" value (which is also the IPv6 unspecified address ::). */
bool ipaddr_is_none(const struct ipaddr *a);
bool ipaddr_is_v4(const struct ipaddr *a);
/* True for 0.0.0.0 and ::. */
bool ipaddr_is_unspecified(const struct ipaddr *a);
bool ipaddr_is_multicast(const struct ipaddr *a);
bool ipaddr_is_loopback(const struct ipaddr *a);
/* 169.254.0.0/16 and fe80::/10. */
bool ipaddr_is_linklocal(const struct ipaddr *a);
/* A source that data can come from: not unspecified, multicast, loopback, broadcast or 0/8 (IPv4). */
bool ipaddr_is_unicast_source(const struct ipaddr *a);

struct ipaddr ipaddr_from_v4(struct in_addr in);
struct ipaddr ipaddr_from_v6(const struct in6_addr *in);
/* The last four octets: only of an IPv4 address. */
struct in_addr ipaddr_to_v4(const struct ipaddr *a);
struct in6_addr ipaddr_to_v6(const struct ipaddr *a);

/* Copies 4 or 16 octets in network order (`len` is 4 or 16). */
struct ipaddr ipaddr_from_bytes(const uint8_t *octets, unsigned int len);
/* The 4 or 16 octets that go on the wire. */
const uint8_t *ipaddr_bytes(const struct ipaddr *a);
unsigned int ipaddr_bytes_len(const struct ipaddr *a);

/* Fills a socket address of the address's own family, port 0; returns its length. */
socklen_t ipaddr_to_sockaddr(const struct ipaddr *a, struct sockaddr_storage *ss);
/* Returns 0, or -EAFNOSUPPORT. */
int ipaddr_from_sockaddr(const struct sockaddr *sa, struct ipaddr *a);

/* Reads an address of either family. Returns 0 or -EINVAL. */
int ipaddr_parse(const char *text, struct ipaddr *a);
/* Writes the address into `buf` (IPADDR_STRLEN octets) and returns it. "none" prints as ::. */
const char *ipaddr_format(const struct ipaddr *a, char *buf);

/*
 * Where `addr` is, or belongs, in an array of `n` elements of `size` octets that are sorted by the address each begins
 * with. O(log n).
 */
uint32_t ipaddr_position(const void *array, uint32_t n, size_t size, const struct ipaddr *addr);

/* Reads ADDR or ADDR/LEN; -EINVAL also when host bits are set. */
int ipprefix_parse(const char *text, struct ipprefix *p);
const char *ipprefix_format(const struct ipprefix *p, char *buf);
/* Makes a prefix of `len` bits as the family counts them (0..32 or 0..128); clears the host bits. */
struct ipprefix ipprefix_make(const struct ipaddr *a, unsigned int len);
/* The length as the family counts it. */
unsigned int ipprefix_len(const struct ipprefix *p);
bool ipprefix_contains(const struct ipprefix *p, const struct ipaddr *a);
bool ipprefix_eq(const struct ipprefix *a, const struct ipprefix *b);

#endif
