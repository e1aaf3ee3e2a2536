/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two address families, as an index into tables of two rows. */
#ifndef IMPROXY_LIB_FAMILY_H
#define IMPROXY_LIB_FAMILY_H

#include <stdbool.h>

#include "lib/ipaddr.h"

/* Name, word of the address family, word of the membership protocol, number of the operating system. */
#define FAMILIES(X)                                                                                                    \
	X(IPV4, "ip", "igmp", AF_INET)                                                                                 \
	X(IPV6, "ipv6", "mld", AF_INET6)

enum family {
#define FAMILY_ENUM(name, ip, protocol, af) FAMILY_##name,
	FAMILIES(FAMILY_ENUM)
#undef FAMILY_ENUM
		FAMILY_COUNT
};

/* "ip" or "ipv6". */
static inline const char *family_name(enum family family)
{
	static const char *const names[FAMILY_COUNT] = {
#define FAMILY_NAME(name, ip, protocol, af) ip,
		FAMILIES(FAMILY_NAME)
#undef FAMILY_NAME
	};

	return names[family];
}

/* "igmp" or "mld". */
static inline const char *family_protocol(enum family family)
{
	static const char *const names[FAMILY_COUNT] = {
#define FAMILY_PROTOCOL(name, ip, protocol, af) protocol,
		FAMILIES(FAMILY_PROTOCOL)
#undef FAMILY_PROTOCOL
	};

	return names[family];
}

/* "IPv4" or "IPv6", for people. */
static inline const char *family_title(enum family family)
{
	return family == FAMILY_IPV4 ? "IPv4" : "IPv6";
}

/* AF_INET or AF_INET6. */
static inline int family_af(enum family family)
{
	static const int afs[FAMILY_COUNT] = {
#define FAMILY_AF(name, ip, protocol, af) af,
		FAMILIES(FAMILY_AF)
#undef FAMILY_AF
	};

	return afs[family];
}

static inline enum family family_of(const struct ipaddr *addr)
{
	return ipaddr_is_v4(addr) ? FAMILY_IPV4 : FAMILY_IPV6;
}

#endif
