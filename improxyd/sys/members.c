/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/members.h"

#include <stdlib.h>

#include "core/gm.h"
#include "sys/procfs.h"

#define FRESH mtime_from_s(1)
#define STALE mtime_from_s(10)

struct list {
	int ifindex; /* 0: unused */
	mtime_t read;
	struct ipaddr *groups;
	unsigned int n, cap;
};

struct members {
	enum family family;
	struct list lists[GM_MAX_IFS];
};

struct members *members_new(enum family family)
{
	struct members *m = calloc(1, sizeof(*m));

	if (m)
		m->family = family;
	return m;
}

void members_free(struct members *m)
{
	for (unsigned int i = 0; m && i < GM_MAX_IFS; i++)
		free(m->lists[i].groups);
	free(m);
}

/* One without room is not there. */
static void add(void *arg, const struct ipaddr *group)
{
	struct list *list = arg;

	if (list->n == list->cap) {
		unsigned int cap = list->cap ? list->cap * 2 : 16;
		struct ipaddr *groups = realloc(list->groups, cap * sizeof(*groups));

		if (!groups)
			return;
		list->groups = groups;
		list->cap = cap;
	}
	list->groups[list->n++] = *group;
}

/* That of the interface, or of the one that was read the longest ago. */
static struct list *list_for(struct members *m, int ifindex)
{
	struct list *oldest = m->lists;

	for (struct list *list = m->lists; list < m->lists + GM_MAX_IFS; list++) {
		if (list->ifindex == ifindex)
			return list;
		if (list->read < oldest->read)
			oldest = list;
	}
	oldest->ifindex = ifindex;
	oldest->read = 0;
	oldest->n = 0;
	return oldest;
}

static bool find(const struct list *list, const struct ipaddr *group)
{
	for (unsigned int i = 0; i < list->n; i++) {
		if (ipaddr_eq(&list->groups[i], group))
			return true;
	}
	return false;
}

bool members_has(struct members *m, mtime_t now, int ifindex, const struct ipaddr *group)
{
	struct list *list = list_for(m, ifindex);
	bool found = find(list, group);

	if (list->read && now - list->read < (found ? STALE : FRESH))
		return found;
	list->n = 0;
	list->read = now;
	/* What cannot be read is as if there were nothing. */
	(void)procfs_groups(m->family, ifindex, add, list);
	return find(list, group);
}
