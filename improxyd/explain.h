/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * explain - why a group's data is or is not forwarded: a walk from the host to the forwarding entry, step by step with
 * its evidence, which ends at the first step that fails. It owns the closed list of verdict codes. It reads the engine,
 * the configuration and daemon.h, changes nothing, and waits for nothing: what was seen on the wire is handed in.
 */
#ifndef IMPROXY_EXPLAIN_H
#define IMPROXY_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/gm_state.h"
#include "daemon.h"
#include "lib/family.h"
#include "lib/ipaddr.h"

/* In the order the walk meets them. */
#define EXPLAIN_CODES(X)                                                                                               \
	X(MROUTE_BUSY, "mroute-busy")                                                                                  \
	X(KERNEL, "kernel")                                                                                            \
	X(SCOPE, "scope")                                                                                              \
	X(SSM_RANGE, "ssm-range")                                                                                      \
	X(DENIED, "denied")                                                                                            \
	X(LIMIT, "limit")                                                                                              \
	X(INTERFACE_DOWN, "interface-down")                                                                            \
	X(NO_MEMBER, "no-member")                                                                                      \
	X(NOT_QUERIER, "not-querier")                                                                                  \
	X(NO_UPSTREAM, "no-upstream")                                                                                  \
	X(JOIN_FAILED, "join-failed")                                                                                  \
	X(BOUNDARY, "boundary")                                                                                        \
	X(NO_DATA, "no-data")                                                                                          \
	X(WRONG_INTERFACE, "wrong-interface")                                                                          \
	X(SOURCE_FILTERED, "source-filtered")                                                                          \
	X(TTL, "ttl")                                                                                                  \
	X(RP_FILTER, "rp-filter")                                                                                      \
	X(FORWARDING, "forwarding")

enum explain_code {
#define EXPLAIN_ENUM(name, word) EXPLAIN_##name,
	EXPLAIN_CODES(EXPLAIN_ENUM)
#undef EXPLAIN_ENUM
		EXPLAIN_CODE_COUNT
};

extern const char *const explain_code_names[EXPLAIN_CODE_COUNT];

/* A way data was seen to arrive. */
struct explain_flow {
	uint8_t slot;
	struct ipaddr source;
	unsigned int ttl; /* the highest one */
	uint64_t packets;
};

#define EXPLAIN_FLOWS 16

/* What was seen on the wire. */
struct explain_sight {
	bool looked; /* for the whole time, or until there was nothing left to find out */
	struct explain_flow flows[EXPLAIN_FLOWS];
	unsigned int nflows;
};

/* Takes down a packet. Returns true when the picture has changed enough to be worth another walk. */
bool explain_see(struct explain_sight *sight, const struct daemon_packet *packet);

#define EXPLAIN_TEXT  320
#define EXPLAIN_STEPS 16

struct explain_step {
	const char *name;
	bool ok;
	char evidence[EXPLAIN_TEXT];
};

struct explain {
	enum explain_code code;
	bool unsure; /* only the wire can tell, and it was not looked at */
	char verdict[EXPLAIN_TEXT];
	struct explain_step steps[EXPLAIN_STEPS];
	unsigned int nsteps;
};

/* `source` "none": of any source. */
void explain_walk(const struct daemon *d, const struct ipaddr *group, const struct ipaddr *source,
		  const struct explain_sight *sight, struct explain *result);

#endif
