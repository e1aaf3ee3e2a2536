/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/joins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "sys/upstream.h"

struct joined {
	struct joined *next;
	int ifindex;
	uint32_t serial;
	struct gm_static *list;
	unsigned int n;
};

struct joins {
	enum family family;
	struct upstream *memberships;
	struct joined *first;
};

int joins_open(struct loop *loop, enum family family, struct joins **out)
{
	struct joins *joins = calloc(1, sizeof(*joins));
	int err;

	if (!joins)
		return -ENOMEM;
	joins->family = family;
	err = upstream_open(loop, family, &joins->memberships);
	if (err < 0) {
		free(joins);
		return err;
	}
	*out = joins;
	return 0;
}

/* What points at the entry of the interface, or at the end of the list. */
static struct joined **find(struct joins *joins, int ifindex)
{
	struct joined **link = &joins->first;

	while (*link && (*link)->ifindex != ifindex)
		link = &(*link)->next;
	return link;
}

/* The filter of one group as the list gives it: any source, or the sources that are named. */
static void apply_group(struct joins *joins, const struct joined *j, const char *name, const struct ipaddr *group)
{
	struct ipaddr sources[j->n + 1];
	enum gm_mode mode = GM_INCLUDE;
	char text[IPADDR_STRLEN];
	unsigned int n = 0;
	int err;

	for (unsigned int i = 0; i < j->n; i++) {
		if (!ipaddr_eq(&j->list[i].group, group))
			continue;
		if (ipaddr_is_none(&j->list[i].source))
			mode = GM_EXCLUDE;
		else
			sources[n++] = j->list[i].source;
	}
	err = upstream_set(joins->memberships, j->ifindex, group, mode, sources, mode == GM_EXCLUDE ? 0 : n);
	if (err < 0)
		log_warn(family_protocol(joins->family), "%s: join-group %s: %s", name, ipaddr_format(group, text),
			 strerror(-err));
}

int joins_set(struct joins *joins, int ifindex, const char *name, const struct gm_static *list, unsigned int n,
	      uint32_t serial)
{
	struct joined **link = find(joins, ifindex), *j = *link;
	struct gm_static *copy, *old;
	unsigned int nold;

	if (j ? j->serial == serial : n == 0)
		return 0;
	copy = calloc(n + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	if (!j) {
		j = calloc(1, sizeof(*j));
		if (!j) {
			free(copy);
			return -ENOMEM;
		}
		j->ifindex = ifindex;
		*link = j;
	}
	for (unsigned int i = 0; i < n; i++)
		copy[i] = list[i];
	old = j->list;
	nold = j->n;
	j->list = copy;
	j->n = n;
	j->serial = serial;
	for (unsigned int i = 0; i < n; i++)
		apply_group(joins, j, name, &copy[i].group);
	/* Those of the old list that are not in the new one are left by this. */
	for (unsigned int i = 0; i < nold; i++)
		apply_group(joins, j, name, &old[i].group);
	free(old);
	return 0;
}

void joins_drop(struct joins *joins, int ifindex)
{
	struct joined **link = find(joins, ifindex), *j = *link;

	if (!j)
		return;
	/* The kernel may have begun anew with the interface. */
	upstream_leave(joins->memberships, ifindex);
	upstream_drop(joins->memberships, ifindex);
	*link = j->next;
	free(j->list);
	free(j);
}

void joins_sweep(struct joins *joins, bool (*keep)(void *arg, int ifindex), void *arg)
{
	struct joined *next;

	for (struct joined *j = joins->first; j; j = next) {
		next = j->next;
		if (!keep(arg, j->ifindex))
			joins_drop(joins, j->ifindex);
	}
}

void joins_close(struct joins *joins)
{
	if (!joins)
		return;
	while (joins->first)
		joins_drop(joins, joins->first->ifindex);
	upstream_close(joins->memberships);
	free(joins);
}
