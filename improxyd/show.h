/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * show - what the operational commands have in common: the family a row stands for, and the walk over a large table.
 *
 * A table is shown from a snapshot of its keys, sorted once. Rows are looked up when their turn comes, so that the
 * handler may pause (CMD_MORE) while the client reads, and what has vanished in between is skipped. Only the keys are
 * held, never rows or text.
 */
#ifndef IMPROXY_SHOW_H
#define IMPROXY_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"
#include "core/gm_state.h"
#include "daemon.h"
#include "lib/cmd.h"
#include "lib/family.h"

struct show_row {
	bool enable; /* for enable level only, else for whoever may look */
	const char *grammar;
	enum cmd_code (*run)(struct cmd_ctx *ctx);
	const char *help;
};

/*
 * Adds rows to a table. One whose grammar has a %word% is added once a family, with the family's own words in place:
 * %ip% ip or ipv6, %proto% igmp or mld, %IP% IPv4 or IPv6, %PROTO% IGMP or MLD, %v% 4 or 6 (for the types MGROUP4,
 * MSOURCE6
 * ...). Returns 0 or the error of cmd_table_add().
 */
int show_add_rows(struct cmd_table *table, const struct show_row *rows, size_t nrows);

/* The family of the row being run; of a row without a %word%, IPv4. */
enum family show_family(const struct cmd_ctx *ctx);
/* Of the session the command was typed in. */
static inline struct daemon *show_daemon(const struct cmd_ctx *ctx)
{
	return cli_session(ctx)->daemon;
}
/* NULL when the kernel does not know the family. */
const struct gm *show_gm(const struct cmd_ctx *ctx);

/* "IGMP" or "MLD"; the version as the family counts it; "upstream", "downstream" or "none". */
const char *show_protocol(enum family family);
unsigned int show_version_of(enum family family, enum gm_gen gen);
const char *show_role(enum gm_role role);
/* The key of a counter, as the family counts versions; NULL: it has no such message. */
const char *show_counter_name(enum family family, enum gm_counter counter);
/* "INCLUDE" or "EXCLUDE", and the four letters of a table. */
const char *show_mode(enum gm_mode mode);
const char *show_mode_short(enum gm_mode mode);

/* The interface of the engine, or NULL. */
const struct gm_if *show_gm_if(const struct gm *gm, const char *name);
/* The name of the interface in `slot`, or NULL. */
const char *show_slot_name(const struct gm *gm, uint8_t slot);
/* The address the variable `name` of the line captured; false: it was left out (`addr` is then "none"). */
bool show_arg_addr(const struct cmd_ctx *ctx, const char *name, struct ipaddr *addr);

/*
 * An interface that is not there is an error for a person and an empty document for a program. Sets the error in text,
 * returns CMD_OK in JSON; for use as `return show_no_if(ctx, name)`.
 */
enum cmd_code show_no_if(struct cmd_ctx *ctx, const char *ifname);
/* The same for a family the kernel does not know. */
enum cmd_code show_no_family(struct cmd_ctx *ctx);

#define SHOW_OWNER_LEN 160
/* Who is the kernel's multicast router of the family, in plain words. `buf` has SHOW_OWNER_LEN octets; returns it. */
const char *show_owner(enum family family, const struct daemon_status *status, char *buf);

/* Interfaces in order of names, those with a role in the family; returns how many of GM_MAX_IFS. */
unsigned int show_sort_ifs(const struct gm *gm, const struct gm_if *sorted[GM_MAX_IFS]);

/* How many groups are joined on the upstream in `slot`. */
unsigned int show_joined(const struct gm *gm, uint8_t slot);

/* --- completion: what there is now; `live` functions of struct cmd_vartype --- */

void show_live_ifs(void *app, void (*add)(void *arg, const char *word), void *arg);
void show_live_groups_v4(void *app, void (*add)(void *arg, const char *word), void *arg);
void show_live_groups_v6(void *app, void (*add)(void *arg, const char *word), void *arg);
void show_live_sources_v4(void *app, void (*add)(void *arg, const char *word), void *arg);
void show_live_sources_v6(void *app, void (*add)(void *arg, const char *word), void *arg);
void show_live_acls(void *app, void (*add)(void *arg, const char *word), void *arg);

#endif
