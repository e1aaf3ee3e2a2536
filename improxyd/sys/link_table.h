/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link_table - the links that sys/link knows of, found by index and by name, and the addresses of each. It knows
 * nothing of netlink.
 */
#ifndef IMPROXY_SYS_LINK_TABLE_H
#define IMPROXY_SYS_LINK_TABLE_H

#include "sys/link.h"

struct link_entry {
	struct link link; /* owns its addresses */
	unsigned int caps[FAMILY_COUNT];
	struct link_addr *old[FAMILY_COUNT]; /* while everything is read anew */
	unsigned int nold[FAMILY_COUNT];
	bool vrf;
	bool seen;  /* by the reading of everything that is under way */
	bool stale; /* notified: to be read again */
	struct link_entry *prev, *next;
};

struct link_table {
	struct link_entry **by_index, **by_name; /* sorted */
	unsigned int n, cap;
};

/* NULL: no such link. */
struct link_entry *link_table_find(const struct link_table *table, int ifindex);
struct link_entry *link_table_find_name(const struct link_table *table, const char *name);

/* Adds a link that is not there; NULL when out of memory. */
struct link_entry *link_table_add(struct link_table *table, const struct link *link);
/* Another state of a link, addresses aside; it may have another name. */
void link_table_change(struct link_table *table, struct link_entry *e, const struct link *link);
void link_table_remove(struct link_table *table, struct link_entry *e);
void link_table_free(struct link_table *table);

/* Adds, changes or (`there` false) removes an address. Returns 1 if that made a difference, 0 or -ENOMEM. */
int link_entry_set_addr(struct link_entry *e, const struct link_addr *addr, bool there);

/*
 * Addresses are read anew: they are forgotten, then added one by one, then put in the order in which they were known,
 * so that "the first address" stays what it is while others come and go.
 */
void link_entry_addrs_begin(struct link_entry *e);
void link_entry_addrs_end(struct link_entry *e);

#endif
