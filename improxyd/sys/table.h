/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table - the kernel's multicast routing table of a family in our hands: asked for until it is ours, given back when no
 * interface needs it, taken over from an earlier process as it stands.
 *
 * It owns the claim and its repetition, which slot has a VIF, and what the next process has to know of that
 * (carry_table). It refuses to decide which entries there are: the engine does. While the table is somebody else's,
 * changes of entries do nothing; all are asked for again when it becomes ours.
 */
#ifndef IMPROXY_SYS_TABLE_H
#define IMPROXY_SYS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/gm.h"
#include "lib/family.h"
#include "sys/carry.h"

struct gmsock;
struct loop;
struct mroute;
struct mroute_entry;
struct table;

/* What it asks and tells its user. */
struct table_user {
	int (*ifindex)(const void *arg, uint8_t slot); /* of the interface that is to have a VIF there; 0: none */
	const char *(*name)(const void *arg, uint8_t slot);
	void (*taken)(void *arg);  /* it is ours, and empty: all entries have to be made */
	void (*failed)(void *arg); /* something is missing, or too much, that has to be repaired later */
	bool (*knows)(const void *arg, const struct mroute_entry *entry); /* it is to be there */
	void *arg;
};

/*
 * `sock` and `was` outlive it. When the socket is an earlier process' and is the multicast router, so are we from the
 * start. Returns 0 or -errno.
 */
int table_new(struct loop *loop, enum family family, struct gmsock *sock, struct carry_table *was,
	      const struct table_user *user, struct table **out);
/* Gives the table back, or leaves it as it is for the next process. NULL is nothing. */
void table_free(struct table *table, bool leave);

/* Another number counts at once. */
void table_set_number(struct table *table, uint32_t number);
/* There is an interface for it: asks for the table now if it is not ours. */
void table_claim(struct table *table);
/* No interface has a role any more. */
void table_give(struct table *table);
/* NULL while it is not ours. */
struct mroute *table_mroute(const struct table *table);

/* The slot whose VIF an earlier process has made for this interface, or GM_NO_IF. */
uint8_t table_former_slot(const struct table *table, int ifindex);
/* Lists of outputs may name this number: it is not to be used before table_revive(). */
bool table_is_reserved(const struct table *table, uint8_t slot);

/* The interface in the slot gets its VIF, or keeps it. Returns 0, also while the table is not ours, or -errno. */
int table_add_vif(struct table *table, uint8_t slot);
void table_drop_vif(struct table *table, uint8_t slot);
/* The kernel has removed the VIF: the interface went and came back. */
bool table_has_lost_vif(const struct table *table, uint8_t slot);
/* True: it differs from what it was, and entries have to be made again. */
bool table_set_ttl_threshold(struct table *table, uint8_t slot, uint8_t threshold);

/* GM_ACT_ROUTE_SET and _DEL. False: the table is not ours. What the kernel refuses is counted and logged. */
bool table_change(struct table *table, const struct gm_action *a);

/* To repair it: the VIFs that are missing, and entries that could not be removed when they had to be. */
void table_add_vifs(struct table *table);
void table_remove_strays(struct table *table);
bool table_is_whole(const struct table *table);

/*
 * The interfaces have been set for the first time: VIFs that none of them took up again are removed, and the kernel's
 * entries are handed to `input` as GM_EV_INHERIT, then GM_EV_RESYNC. Nothing without an earlier process.
 */
void table_revive(struct table *table, void (*input)(void *arg, const struct gm_event *ev), void *arg);

struct table_status {
	bool ours;
	int error; /* why not: -errno of the last try */
	uint32_t number;
	uint64_t busy;    /* tries that found another owner */
	uint64_t refused; /* entries, by the kernel */
};
struct table_status table_status(const struct table *table);

#endif
