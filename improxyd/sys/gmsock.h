/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gmsock - the raw socket of a family: IGMP or MLD messages in and out, and the kernel's forwarding upcalls in.
 *
 * One socket does both because the kernel hands IGMP that is not addressed to a joined group only to the multicast
 * routing socket, or to one that asked for Router Alert packets; mroute takes this very descriptor. A message is handed
 * over with what the IP layer knows of it (struct wire_meta); what it says is for the wire codec. It also owns the
 * memberships of the router groups (224.0.0.2, 224.0.0.22; ff02::2, ff02::16: RFC 9776 s4.2.14, RFC 9777 s5.2.14).
 */
#ifndef IMPROXY_SYS_GMSOCK_H
#define IMPROXY_SYS_GMSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/gm.h"
#include "lib/family.h"
#include "lib/ipaddr.h"
#include "wire/wire.h"

struct loop;
struct gmsock;

enum gmsock_upcall {
	GMSOCK_NOCACHE,  /* data without a forwarding entry */
	GMSOCK_WRONGVIF, /* data on another interface than its entry says; at most one in 3 s an entry */
};

struct gmsock_handler {
	/* A message arrived; `payload` starts at the IGMP or ICMPv6 header and is valid during the call. */
	void (*packet)(void *arg, enum family family, int ifindex, const struct wire_meta *meta, const uint8_t *payload,
		       size_t len);
	/* Something arrived that cannot even be handed over. */
	void (*drop)(void *arg, enum family family, int ifindex, enum gm_drop why);
	/* There is enough to do for now: what has been read already is handed over in the next pass. */
	bool (*full)(void *arg);
	void (*upcall)(void *arg, enum family family, enum gmsock_upcall type, unsigned int vif,
		       const struct ipaddr *source, const struct ipaddr *group);
};

struct gmsock_stats {
	uint64_t received;  /* messages */
	uint64_t upcalls;   /* NOCACHE and WRONGVIF */
	uint64_t other;     /* upcalls of kinds that are not asked for */
	uint64_t overflows; /* messages and upcalls that the kernel dropped because the receive buffer was full */
	uint64_t sent;      /* messages */
	uint64_t send_errors;
	uint64_t read_errors;
	int rcvbuf; /* octets, as granted */
};

/*
 * Opens the socket of `family` and reads it from the loop; `handler` has to outlive it. The keeper gets a copy; when an
 * earlier process has left one, that is taken, with what has arrived meanwhile. Returns 0 or -errno: -EPERM
 * without CAP_NET_RAW, -EAFNOSUPPORT when the kernel has no such family.
 */
int gmsock_open(struct loop *loop, enum family family, const struct gmsock_handler *handler, void *arg,
		struct gmsock **out);
/* Router groups are left, multicast forwarding by this socket stops, unless the keeper goes on with it. */
void gmsock_close(struct gmsock *sock);

/* It is an earlier process' socket. */
bool gmsock_inherited(const struct gmsock *sock);

/* The descriptor, for mroute_open(). It stays the socket's. */
int gmsock_fd(const struct gmsock *sock);
enum family gmsock_family(const struct gmsock *sock);

/*
 * Sends an IGMP or ICMPv6 message with Router Alert, TTL or Hop Limit 1 and traffic class 0xc0 (RFC 9776 s4, RFC 9777
 * s5). `src` "none": the kernel chooses. The ICMPv6 checksum is the kernel's work. Never blocks; returns 0 or -errno.
 */
int gmsock_send(struct gmsock *sock, int ifindex, const struct ipaddr *src, const struct ipaddr *dst,
		const void *payload, size_t len);

/* Joins or leaves the router groups on a downstream. Joining again is nothing. Returns 0 or -errno. */
int gmsock_join_routers(struct gmsock *sock, int ifindex);
void gmsock_leave_routers(struct gmsock *sock, int ifindex);

void gmsock_stats(const struct gmsock *sock, struct gmsock_stats *stats);
/* Adds what an earlier process has counted. */
void gmsock_add_stats(struct gmsock *sock, const struct gmsock_stats *stats);

#endif
