/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * carry - the few facts that a worker leaves to the next one and that no descriptor can tell: which interface is which
 * VIF, what has been counted, also of an interface that is not there now, and that nobody has seen the startup file.
 * They are in memory that the keeper holds as one more descriptor, and are written as they change, so that a sudden
 * death loses nothing. The text of the running configuration is another one.
 *
 * It owns the layout, which a newer program has to recognize: what it does not recognize is as if it were not there.
 */
#ifndef IMPROXY_SYS_CARRY_H
#define IMPROXY_SYS_CARRY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/gm_state.h"
#include "lib/family.h"
#include "sys/gmsock.h"

/* The kernel's routing table of a family as it was left. */
struct carry_table {
	uint32_t router;          /* 1: the raw socket is the multicast router */
	uint32_t table;           /* of this table */
	int32_t vifs[GM_MAX_IFS]; /* ifindex by VIF; 0: none */
	int32_t complete;         /* pid of the last process that had all its memberships; 0: none */
	int32_t last;             /* pid of the last process of all */
};

struct carry_counters {
	char name[GM_NAME_LEN]; /* of the interface, which may have gone; "": unused */
	struct gm_stats stats;
};

struct carry {
	uint32_t layout;   /* of what follows */
	uint32_t intended; /* 1: the process before has ended because it was told to */
	uint32_t starts;   /* of a worker */
	struct carry_table tables[FAMILY_COUNT];
	int32_t unread; /* -errno: the startup file could not be read, and was not written since; 0: else */
	/* Behind this line things depend on what is counted. */
	uint64_t counted;
	/* By slot, as far as it has an interface; the last: of no interface. */
	struct carry_counters counters[FAMILY_COUNT][GM_MAX_IFS + 1];
	struct gmsock_stats socks[FAMILY_COUNT];
};

/* Takes over what there is, or begins anew. Without memory that can be shared it is memory of its own. NULL: none. */
struct carry *carry_open(void);
void carry_close(struct carry *carry);

/* The counters of a family as they are now, and back into an engine that has its interfaces. */
void carry_save(struct carry *carry, enum family family, const struct gm *gm);
void carry_restore(const struct carry *carry, enum family family, struct gm *gm);
/* An interface has been taken up: what was counted of its name before is added. */
void carry_return(const struct carry *carry, enum family family, struct gm_if *ifp);
/* Interfaces that are not there have no counters any more. */
void carry_forget(struct carry *carry, enum family family);

/* The running configuration; as malloced text, or NULL when there is none. */
void carry_save_config(const char *text);
char *carry_take_config(void);

#endif
