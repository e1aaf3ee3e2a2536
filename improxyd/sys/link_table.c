/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/link_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

/* --- links --- */

static int index_order(const struct link_entry *e, const void *key)
{
	int ifindex = *(const int *)key;

	return (e->link.ifindex > ifindex) - (e->link.ifindex < ifindex);
}

static int name_order(const struct link_entry *e, const void *key)
{
	return strcmp(e->link.name, key);
}

typedef int order_fn(const struct link_entry *e, const void *key);

/* The first place whose entry is not before `key`. */
static unsigned int position(struct link_entry *const *v, unsigned int n, order_fn *order, const void *key)
{
	unsigned int low = 0;

	while (low < n) {
		unsigned int middle = low + (n - low) / 2;

		if (order(v[middle], key) < 0)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

static struct link_entry *find(struct link_entry *const *v, unsigned int n, order_fn *order, const void *key)
{
	unsigned int i = position(v, n, order, key);

	return i < n && order(v[i], key) == 0 ? v[i] : NULL;
}

struct link_entry *link_table_find(const struct link_table *table, int ifindex)
{
	return find(table->by_index, table->n, index_order, &ifindex);
}

struct link_entry *link_table_find_name(const struct link_table *table, const char *name)
{
	return find(table->by_name, table->n, name_order, name);
}

static void insert(struct link_entry **v, unsigned int n, order_fn *order, const void *key, struct link_entry *e)
{
	unsigned int i = position(v, n, order, key);

	memmove(&v[i + 1], &v[i], (n - i) * sizeof(struct link_entry *));
	v[i] = e;
}

/* Two links may seem to have one name for the moment between two notifications: what counts is which it is. */
static void take_out(struct link_entry **v, unsigned int n, order_fn *order, const void *key,
		     const struct link_entry *e)
{
	unsigned int i = position(v, n, order, key);

	while (v[i] != e)
		i++;
	memmove(&v[i], &v[i + 1], (n - i - 1) * sizeof(struct link_entry *));
}

static int grow(struct link_entry ***v, unsigned int cap)
{
	struct link_entry **bigger = realloc(*v, cap * sizeof(struct link_entry *));

	if (!bigger)
		return -ENOMEM;
	*v = bigger;
	return 0;
}

static void entry_free(struct link_entry *e)
{
	for (unsigned int family = 0; family < FAMILY_COUNT; family++)
		free(e->link.addrs[family]);
	free(e);
}

struct link_entry *link_table_add(struct link_table *table, const struct link *link)
{
	struct link_entry *e;

	if (table->n == table->cap) {
		unsigned int cap = table->cap ? table->cap * 2 : 16;

		if (grow(&table->by_index, cap) < 0 || grow(&table->by_name, cap) < 0)
			return NULL;
		table->cap = cap;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->link = *link;
	insert(table->by_index, table->n, index_order, &link->ifindex, e);
	insert(table->by_name, table->n, name_order, link->name, e);
	table->n++;
	return e;
}

void link_table_change(struct link_table *table, struct link_entry *e, const struct link *link)
{
	struct link old = e->link;

	take_out(table->by_name, table->n, name_order, old.name, e);
	e->link = *link;
	memcpy(e->link.addrs, old.addrs, sizeof(old.addrs));
	memcpy(e->link.naddrs, old.naddrs, sizeof(old.naddrs));
	insert(table->by_name, table->n - 1, name_order, link->name, e);
}

void link_table_remove(struct link_table *table, struct link_entry *e)
{
	take_out(table->by_index, table->n, index_order, &e->link.ifindex, e);
	take_out(table->by_name, table->n, name_order, e->link.name, e);
	table->n--;
	entry_free(e);
}

void link_table_free(struct link_table *table)
{
	for (unsigned int i = 0; i < table->n; i++)
		entry_free(table->by_index[i]);
	free(table->by_index);
	free(table->by_name);
	*table = (struct link_table){ 0 };
}

/* --- addresses --- */

static bool addr_same(const struct link_addr *a, const struct link_addr *b)
{
	return ipaddr_eq(&a->addr, &b->addr) && ipprefix_eq(&a->prefix, &b->prefix) && a->scope == b->scope &&
	       a->secondary == b->secondary && a->tentative == b->tentative && a->failed == b->failed &&
	       a->deprecated == b->deprecated;
}

/* The same address and prefix; of IPv6 the same address, which is all that the kernel knows one by. */
static struct link_addr *addr_find(const struct link *link, enum family family, const struct link_addr *addr)
{
	for (unsigned int i = 0; i < link->naddrs[family]; i++) {
		struct link_addr *a = &link->addrs[family][i];

		if (ipaddr_eq(&a->addr, &addr->addr) &&
		    (family == FAMILY_IPV6 || ipprefix_eq(&a->prefix, &addr->prefix)))
			return a;
	}
	return NULL;
}

static int addr_append(struct link_entry *e, enum family family, const struct link_addr *addr)
{
	struct link *link = &e->link;

	if (link->naddrs[family] == e->caps[family]) {
		unsigned int cap = e->caps[family] ? e->caps[family] * 2 : 2;
		struct link_addr *v = realloc(link->addrs[family], cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		link->addrs[family] = v;
		e->caps[family] = cap;
	}
	link->addrs[family][link->naddrs[family]++] = *addr;
	return 0;
}

static void addr_remove(struct link *link, enum family family, struct link_addr *addr)
{
	size_t after = (size_t)(&link->addrs[family][link->naddrs[family]] - addr) - 1;

	memmove(addr, addr + 1, after * sizeof(*addr));
	link->naddrs[family]--;
}

int link_entry_set_addr(struct link_entry *e, const struct link_addr *addr, bool there)
{
	enum family family = family_of(&addr->addr);
	struct link_addr *old = addr_find(&e->link, family, addr);
	int err;

	if (!there && old) {
		addr_remove(&e->link, family, old);
		return 1;
	}
	if (!there || (old && addr_same(old, addr)))
		return 0;
	if (old) {
		*old = *addr;
		return 1;
	}
	err = addr_append(e, family, addr);
	return err < 0 ? err : 1;
}

void link_entry_addrs_begin(struct link_entry *e)
{
	for (unsigned int family = 0; family < FAMILY_COUNT; family++) {
		e->old[family] = e->link.addrs[family];
		e->nold[family] = e->link.naddrs[family];
		e->link.addrs[family] = NULL;
		e->link.naddrs[family] = e->caps[family] = 0;
	}
}

static void addrs_keep_order(struct link_addr *addrs, unsigned int n, const struct link_addr *old, unsigned int nold)
{
	unsigned int placed = 0;

	for (unsigned int o = 0; o < nold; o++) {
		for (unsigned int i = placed; i < n; i++) {
			struct link_addr found = addrs[i];

			if (!ipaddr_eq(&found.addr, &old[o].addr) || !ipprefix_eq(&found.prefix, &old[o].prefix))
				continue;
			memmove(&addrs[placed + 1], &addrs[placed], (i - placed) * sizeof(*addrs));
			addrs[placed++] = found;
			break;
		}
	}
}

void link_entry_addrs_end(struct link_entry *e)
{
	for (unsigned int family = 0; family < FAMILY_COUNT; family++) {
		addrs_keep_order(e->link.addrs[family], e->link.naddrs[family], e->old[family], e->nold[family]);
		free(e->old[family]);
		e->old[family] = NULL;
	}
}

/* --- what a link sends from --- */

/* How well an address serves as the source of IGMP or MLD; 0: not at all. */
static int addr_rank(const struct link_addr *addr, enum family family)
{
	if (addr->tentative || addr->failed)
		return 0;
	if (family == FAMILY_IPV6)
		return !ipaddr_is_linklocal(&addr->addr) ? 0 : addr->deprecated ? 1 : 2;
	return 1 + (addr->scope == RT_SCOPE_UNIVERSE) + 2 * !addr->secondary;
}

struct ipaddr link_primary(const struct link *link, enum family family)
{
	struct ipaddr best = { { 0 } };
	int best_rank = 0;

	for (unsigned int i = 0; i < link->naddrs[family]; i++) {
		int rank = addr_rank(&link->addrs[family][i], family);

		if (rank > best_rank) {
			best_rank = rank;
			best = link->addrs[family][i].addr;
		}
	}
	return best;
}

bool link_has_addr(const struct link *link, const struct ipaddr *addr)
{
	enum family family = family_of(addr);

	for (unsigned int i = 0; i < link->naddrs[family]; i++)
		if (ipaddr_eq(&link->addrs[family][i].addr, addr))
			return true;
	return false;
}
