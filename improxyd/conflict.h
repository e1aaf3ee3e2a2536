/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conflict - what around the daemon keeps it from doing its work, or fights with it: another owner of the kernel's
 * multicast routing, settings of the kernel, another querier, own messages that come back, one source by two ways. It
 * changes nothing; `show system` lists what it finds, and the log has each once.
 */
#ifndef IMPROXY_CONFLICT_H
#define IMPROXY_CONFLICT_H

#include "daemon.h"
#include "lib/family.h"

/* The word, and whether the log hears of it from elsewhere. */
#define CONFLICTS(X)                                                                                                   \
	X(OWNER, "owner", true)                  /* another process is the kernel's multicast router */                \
	X(MC_FORWARDING, "mc-forwarding", false) /* the kernel does not forward multicast on the interface */          \
	X(FORWARDING, "forwarding", false)       /* the machine does not forward unicast: it is no router */           \
	X(DISABLED, "disable-ipv6", false)       /* IPv6 is off on an interface with a role in it */                   \
	X(RP_FILTER, "rp-filter", false)         /* data is dropped whose source is not routed this way */             \
	X(QUERIER, "querier", true)              /* another router is the querier of a downstream */                   \
	X(SILENT, "upstream-silent", true)       /* no router queries upstream */                                      \
	X(UNANSWERED, "unanswered", false)       /* what is joined is not told when the router upstream asks */        \
	X(NO_QUERIER, "no-querier", false)       /* nobody asks the hosts of a downstream what they want */            \
	X(SNOOPING, "snooping", false)           /* a bridge has not heard our queries */                              \
	X(LOOP, "loop", false)                   /* two interfaces are on one link */                                  \
	X(TWICE, "data-loop", false)             /* a source's data comes in by two interfaces */                      \
	X(NO_EFFECT, "no-effect", false)         /* a setting that this kernel cannot carry out */

enum conflict_kind {
#define CONFLICT_ENUM(name, word, told) CONFLICT_##name,
	CONFLICTS(CONFLICT_ENUM)
#undef CONFLICT_ENUM
		CONFLICT_KIND_COUNT
};

extern const char *const conflict_names[CONFLICT_KIND_COUNT];

#define CONFLICT_TEXT 200

struct conflict {
	enum conflict_kind kind;
	enum family family;
	char ifname[GM_NAME_LEN]; /* empty: of the whole family */
	char text[CONFLICT_TEXT];
};

/* Calls fn() for each conflict there is now. */
void conflict_walk(const struct daemon *d, void (*fn)(void *arg, const struct conflict *conflict), void *arg);

/* Remembers what the log was told. */
struct conflict_log;

/* NULL: out of memory. */
struct conflict_log *conflict_log_new(void);
void conflict_log_free(struct conflict_log *log);
/* Logs what is new since the last run, and what is over. */
void conflict_log_run(struct conflict_log *log, const struct daemon *d);

#endif
