/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A socket is in one of two lists: those that may take another membership, and those that have refused one. So a join
 * costs the same with one group as with many.
 */
#include "sys/mcast_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "sys/mcast_sock.h"

/* One socket. */
struct mcast_one {
	int fd;
	unsigned int nparts;
	bool full; /* it refused a join and has left nothing since */
	struct mcast_one *prev, *next;
};

bool mcast_limit_met(int err)
{
	return err == -ENOBUFS || err == -ENOMEM;
}

static struct mcast_where parts_where(const struct mcast_socks *socks, const struct mcast_parts *group)
{
	struct mcast_where where = { .family = socks->family, .ifindex = socks->ifindex, .group = group->group };

	return where;
}

/* --- lists of sources --- */

static int source_order(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

static bool sources_same(const struct ipaddr *a, unsigned int na, const struct ipaddr *b, unsigned int nb)
{
	return na == nb && (!na || memcmp(a, b, na * sizeof(*a)) == 0);
}

const struct ipaddr *mcast_sources_find(const struct ipaddr *sources, unsigned int n, const struct ipaddr *what)
{
	return n ? bsearch(what, sources, n, sizeof(*sources), source_order) : NULL;
}

/* A sorted copy without doubles; *copy is never NULL, so that an empty list is no special case. */
int mcast_sources_copy(const struct ipaddr *sources, unsigned int n, struct ipaddr **copy, unsigned int *ncopy)
{
	struct ipaddr *list = calloc((size_t)n + 1, sizeof(*list));
	unsigned int kept = 0;

	if (!list)
		return -ENOMEM;
	if (n) {
		memcpy(list, sources, n * sizeof(*list));
		qsort(list, n, sizeof(*list), source_order);
	}
	for (unsigned int i = 0; i < n; i++)
		if (!kept || !ipaddr_eq(&list[kept - 1], &list[i]))
			list[kept++] = list[i];
	*copy = list;
	*ncopy = kept;
	return 0;
}

/* --- sockets --- */

static int sock_new(struct mcast_socks *socks, struct mcast_one **out)
{
	struct mcast_one *sock = calloc(1, sizeof(*sock));

	if (!sock)
		return -ENOMEM;
	sock->fd = mcast_sock_open(socks->family);
	if (sock->fd < 0) {
		int err = sock->fd;

		free(sock);
		return err;
	}
	DL_PREPEND(socks->open, sock);
	socks->nsocks++;
	*out = sock;
	return 0;
}

static void sock_free(struct mcast_socks *socks, struct mcast_one *sock)
{
	if (sock->full)
		DL_DELETE(socks->full, sock);
	else
		DL_DELETE(socks->open, sock);
	socks->nsocks--;
	mcast_sock_close(socks->family, sock->fd);
	free(sock);
}

static void sock_set_full(struct mcast_socks *socks, struct mcast_one *sock)
{
	if (sock->full)
		return;
	sock->full = true;
	DL_DELETE(socks->open, sock);
	DL_PREPEND(socks->full, sock);
}

/*
 * One membership less: there is room again. One empty socket is kept for the next join: a single viewer who changes the
 * channel leaves one group and joins the next.
 */
static void sock_put(struct mcast_socks *socks, struct mcast_one *sock)
{
	sock->nparts--;
	if (sock->full) {
		sock->full = false;
		DL_DELETE(socks->full, sock);
		DL_PREPEND(socks->open, sock);
	}
	if (!sock->nparts && (socks->open != sock || sock->next))
		sock_free(socks, sock);
}

/* --- parts --- */

static bool group_uses(const struct mcast_parts *group, const struct mcast_one *sock)
{
	for (unsigned int i = 0; i < group->nparts; i++)
		if (group->parts[i].sock == sock)
			return true;
	return false;
}

/* Sets mode and list of a part in one step, and remembers them if the kernel has taken them. */
static int part_filter(struct mcast_socks *socks, struct mcast_parts *group, struct mcast_part *part, enum gm_mode mode,
		       const struct ipaddr *sources, unsigned int nsources)
{
	struct mcast_where where = parts_where(socks, group);
	struct ipaddr *copy;
	unsigned int ncopy;
	int err;

	if (part->mode == mode && sources_same(part->sources, part->nsources, sources, nsources))
		return 0;
	err = mcast_sources_copy(sources, nsources, &copy, &ncopy);
	if (err)
		return err;
	err = mcast_sock_filter(part->sock->fd, &where, mode, copy, ncopy);
	if (err) {
		free(copy);
		return err;
	}
	free(part->sources);
	part->sources = copy;
	part->nsources = ncopy;
	part->mode = mode;
	if (ncopy > socks->good_sources)
		socks->good_sources = ncopy;
	if (ncopy > socks->max_sources)
		socks->max_sources = ncopy;
	return 0;
}

/* Joins on one socket with EXCLUDE{} or INCLUDE{first source}; the part is appended. */
static int part_join(struct mcast_socks *socks, struct mcast_parts *group, struct mcast_one *sock, enum gm_mode mode,
		     const struct ipaddr *sources)
{
	struct mcast_where where = parts_where(socks, group);
	unsigned int nsources = mode == GM_INCLUDE ? 1 : 0;
	struct mcast_part *parts = realloc(group->parts, (group->nparts + 1) * sizeof(*parts));
	struct mcast_part part = { .sock = sock, .mode = mode };
	int err;

	if (!parts)
		return -ENOMEM;
	group->parts = parts;
	err = mcast_sources_copy(sources, nsources, &part.sources, &part.nsources);
	if (err)
		return err;
	if (mode == GM_INCLUDE)
		err = mcast_sock_join_source(sock->fd, &where, &sources[0]);
	else
		err = mcast_sock_join(sock->fd, &where);
	if (err) {
		/* The kernel joins before it adds the source; when only the latter failed, INCLUDE{} would stay. */
		if (mode == GM_INCLUDE)
			(void)mcast_sock_leave(sock->fd, &where);
		free(part.sources);
		return err;
	}
	group->parts[group->nparts++] = part;
	sock->nparts++;
	return 0;
}

static void part_forget(struct mcast_socks *socks, struct mcast_parts *group, unsigned int i)
{
	struct mcast_one *sock = group->parts[i].sock;

	free(group->parts[i].sources);
	group->nparts--;
	memmove(&group->parts[i], &group->parts[i + 1], (group->nparts - i) * sizeof(*group->parts));
	sock_put(socks, sock);
}

int mcast_part_drop(struct mcast_socks *socks, struct mcast_parts *group, unsigned int i)
{
	struct mcast_where where = parts_where(socks, group);
	int err = mcast_sock_leave(group->parts[i].sock->fd, &where);

	/* Not there any more is what was asked for. */
	if (err && err != -EADDRNOTAVAIL && err != -ENODEV)
		return err;
	part_forget(socks, group, i);
	return 0;
}

/* Joins on a socket of its own, which has all of a socket's memory for this group. */
int mcast_part_join_alone(struct mcast_socks *socks, struct mcast_parts *group, enum gm_mode mode,
			  const struct ipaddr *sources)
{
	struct mcast_one *sock;
	int err = sock_new(socks, &sock);

	if (err)
		return err;
	err = part_join(socks, group, sock, mode, sources);
	if (err)
		sock_free(socks, sock);
	return err;
}

/*
 * A list was refused on a socket that holds other groups too: perhaps they have used its memory up. Makes the part
 * anew on a socket of its own, and only then gives the old one up.
 */
static int part_move(struct mcast_socks *socks, struct mcast_parts *group, unsigned int i, enum gm_mode mode,
		     const struct ipaddr *sources, unsigned int nsources)
{
	struct mcast_part moved;
	int err = mcast_part_join_alone(socks, group, mode, sources);

	if (err)
		return err;
	err = part_filter(socks, group, &group->parts[group->nparts - 1], mode, sources, nsources);
	if (err) {
		(void)mcast_part_drop(socks, group, group->nparts - 1);
		return err;
	}
	moved = group->parts[group->nparts - 1];
	group->parts[group->nparts - 1] = group->parts[i];
	group->parts[i] = moved;
	return mcast_part_drop(socks, group, group->nparts - 1);
}

/*
 * As part_filter(), telling limits apart. -E2BIG: the list is longer than the kernel takes. -EAGAIN: the kernel had
 * lost the membership (the interface gave up the family for a while); the part is gone, apply again.
 */
int mcast_part_set(struct mcast_socks *socks, struct mcast_parts *group, unsigned int i, enum gm_mode mode,
		   const struct ipaddr *sources, unsigned int nsources)
{
	int err = part_filter(socks, group, &group->parts[i], mode, sources, nsources);

	if (err == -ESRCH) {
		err = mcast_part_drop(socks, group, i);
		return err ? err : -EAGAIN;
	}
	if (mcast_limit_met(err) && nsources <= socks->max_sources && group->parts[i].sock->nparts > 1)
		err = part_move(socks, group, i, mode, sources, nsources);
	if (!mcast_limit_met(err) || nsources <= socks->good_sources)
		return err;
	if (nsources - 1 < socks->max_sources)
		socks->max_sources = nsources - 1;
	return -E2BIG;
}

/* Adds a part on any socket that has room, or on a new one. */
int mcast_part_add(struct mcast_socks *socks, struct mcast_parts *group, enum gm_mode mode,
		   const struct ipaddr *sources, unsigned int nsources)
{
	struct mcast_one *sock, *next;
	bool joined = false;
	int err;

	DL_FOREACH_SAFE (socks->open, sock, next) {
		if (group_uses(group, sock))
			continue;
		err = part_join(socks, group, sock, mode, sources);
		if (!err) {
			joined = true;
			break;
		}
		if (!mcast_limit_met(err) || !sock->nparts)
			return err;
		if (!socks->max_memberships || sock->nparts < socks->max_memberships)
			socks->max_memberships = sock->nparts;
		sock_set_full(socks, sock);
	}
	if (!joined) {
		err = mcast_part_join_alone(socks, group, mode, sources);
		if (err)
			return err;
	}
	return mcast_part_set(socks, group, group->nparts - 1, mode, sources, nsources);
}

int mcast_part_more(struct mcast_socks *socks, struct mcast_parts *group, unsigned int i, const struct ipaddr *sources,
		    unsigned int nsources)
{
	struct mcast_where where = parts_where(socks, group);
	struct mcast_part *part = &group->parts[i];
	struct ipaddr *list;
	int err = mcast_sources_copy(sources, nsources, &list, &nsources);

	if (err)
		return err;
	free(part->sources);
	part->sources = list;
	for (part->nsources = 1; part->nsources < nsources && !err; part->nsources += !err)
		err = mcast_sock_join_source(part->sock->fd, &where, &list[part->nsources]);
	if (part->nsources > socks->good_sources)
		socks->good_sources = part->nsources;
	if (mcast_limit_met(err))
		socks->max_sources = part->nsources;
	return err;
}

void mcast_parts_free(struct mcast_parts *group)
{
	for (unsigned int i = 0; i < group->nparts; i++)
		free(group->parts[i].sources);
	free(group->parts);
}

void mcast_socks_close(struct mcast_socks *socks)
{
	struct mcast_one *sock, *next;

	DL_FOREACH_SAFE (socks->open, sock, next)
		sock_free(socks, sock);
	DL_FOREACH_SAFE (socks->full, sock, next)
		sock_free(socks, sock);
}
