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
	bool done; /* the list of this serial number is set; otherwise it begins with what is yet to be */
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

/* The filter of one group as the list gives it: any source, or those that are named, for which `sources` has room. */
static int apply_group(struct joins *joins, int ifindex, const struct ipaddr *group, const struct gm_static *list,
		       unsigned int n, struct ipaddr *sources)
{
	enum gm_mode mode = GM_INCLUDE;
	unsigned int nsources = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (!ipaddr_eq(&list[i].group, group))
			continue;
		if (ipaddr_is_none(&list[i].source))
			mode = GM_EXCLUDE;
		else
			sources[nsources++] = list[i].source;
	}
	return upstream_set(joins->memberships, ifindex, group, mode, sources, mode == GM_EXCLUDE ? 0 : nsources);
}

int joins_set(struct joins *joins, int ifindex, const char *name, const struct gm_static *list, unsigned int n,
	      uint32_t serial)
{
	struct joined **link = find(joins, ifindex), *j = *link;
	struct ipaddr *sources;
	struct gm_static *all;
	unsigned int nall;
	int err = 0;

	if (j ? j->done && j->serial == serial : n == 0)
		return 0;
	if (!j) {
		j = calloc(1, sizeof(*j));
		if (!j)
			return -ENOMEM;
		j->ifindex = ifindex;
		*link = j;
	}
	/* Those of the old list that are not in the new one are left by this. */
	nall = n + j->n;
	all = calloc(nall + 1, sizeof(*all));
	sources = calloc(n + 1, sizeof(*sources));
	if (!all || !sources) {
		free(all);
		free(sources);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < nall; i++)
		all[i] = i < n ? list[i] : j->list[i - n];
	for (unsigned int i = 0; i < nall && err == 0; i++)
		err = apply_group(joins, ifindex, &all[i].group, list, n, sources);
	if (err < 0)
		log_warn(family_protocol(joins->family), "%s: join-group: %s", name, strerror(-err));
	free(sources);
	free(j->list);
	j->list = all;
	/* Otherwise any of them may be joined. */
	j->n = err == 0 ? n : nall;
	j->done = err == 0;
	j->serial = serial;
	return err;
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
