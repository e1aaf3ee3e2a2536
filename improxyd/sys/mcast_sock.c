/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RFC 3678 s5: the protocol-independent calls; only the socket level differs between the families. */
#include "sys/mcast_sock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/filter.h>

#include "sys/fdstore.h"

/*
 * Hosts decide how many sockets are needed. They may not take the descriptors of which the console, the log and netlink
 * live: a quarter of all, but no more than all sessions of the console and some files need.
 */
#define RESERVE_MOST 80u

static const int mcast_levels[FAMILY_COUNT] = { [FAMILY_IPV4] = IPPROTO_IP, [FAMILY_IPV6] = IPPROTO_IPV6 };

/* kept.h: kind, life, and what differs from every other socket of this process. */
static const char *const mcast_kinds[FAMILY_COUNT] = { [FAMILY_IPV4] = "member4", [FAMILY_IPV6] = "member6" };

static const char *mcast_sock_name(enum family family, int fd, char name[HANDOVER_NAME_LEN])
{
	snprintf(name, HANDOVER_NAME_LEN, "%s.%ld.%d", mcast_kinds[family], (long)getpid(), fd);
	return name;
}

void mcast_sock_forget(enum family family, int32_t one, int32_t other)
{
	const char *kind = mcast_kinds[family];
	char text[4 * HANDOVER_NAME_LEN];

	snprintf(text, sizeof(text), "%s. %s.%ld. %s.%d. %s.%d.", kind, kind, (long)getpid(), kind, one, kind, other);
	fdstore_forget(text);
}

/* The kernel hands out the lowest number that is free. */
static bool reserved(int fd)
{
	struct rlimit limit;
	rlim_t reserve;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return false;
	reserve = limit.rlim_cur / 4 < RESERVE_MOST ? limit.rlim_cur / 4 : RESERVE_MOST;
	return (rlim_t)fd >= limit.rlim_cur - reserve;
}

int mcast_sock_open(enum family family)
{
	char name[HANDOVER_NAME_LEN];
	struct sock_filter drop_all[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog program = { .len = 1, .filter = drop_all };
	int smallest = 1; /* the kernel raises it to its minimum */
	int fd, err;

	fd = socket(family_af(family), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (reserved(fd)) {
		close(fd);
		return -EMFILE;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &smallest, sizeof(smallest))) {
		err = -errno;
		close(fd);
		return err;
	}
	fdstore_keep(mcast_sock_name(family, fd, name), fd);
	return fd;
}

void mcast_sock_close(enum family family, int fd)
{
	char name[HANDOVER_NAME_LEN];

	fdstore_drop(mcast_sock_name(family, fd, name));
	close(fd);
}

static int mcast_sock_group(int fd, const struct mcast_where *where, int option)
{
	struct group_req req = { .gr_interface = (uint32_t)where->ifindex };

	ipaddr_to_sockaddr(&where->group, &req.gr_group);
	return setsockopt(fd, mcast_levels[where->family], option, &req, sizeof(req)) ? -errno : 0;
}

int mcast_sock_join(int fd, const struct mcast_where *where)
{
	return mcast_sock_group(fd, where, MCAST_JOIN_GROUP);
}

int mcast_sock_leave(int fd, const struct mcast_where *where)
{
	return mcast_sock_group(fd, where, MCAST_LEAVE_GROUP);
}

int mcast_sock_join_source(int fd, const struct mcast_where *where, const struct ipaddr *source)
{
	struct group_source_req req = { .gsr_interface = (uint32_t)where->ifindex };

	ipaddr_to_sockaddr(&where->group, &req.gsr_group);
	ipaddr_to_sockaddr(source, &req.gsr_source);
	return setsockopt(fd, mcast_levels[where->family], MCAST_JOIN_SOURCE_GROUP, &req, sizeof(req)) ? -errno : 0;
}

int mcast_sock_filter(int fd, const struct mcast_where *where, enum gm_mode mode, const struct ipaddr *sources,
		      unsigned int nsources)
{
	size_t size = GROUP_FILTER_SIZE(nsources);
	struct group_filter *filter;
	int err = 0;

	if (mode == GM_INCLUDE && !nsources)
		return -EINVAL;
	/* A list without sources is shorter than the structure, which has room for one. */
	filter = calloc(1, size < sizeof(*filter) ? sizeof(*filter) : size);
	if (!filter)
		return -ENOMEM;
	filter->gf_interface = (uint32_t)where->ifindex;
	filter->gf_fmode = mode == GM_INCLUDE ? MCAST_INCLUDE : MCAST_EXCLUDE;
	filter->gf_numsrc = nsources;
	ipaddr_to_sockaddr(&where->group, &filter->gf_group);
	for (unsigned int i = 0; i < nsources; i++)
		ipaddr_to_sockaddr(&sources[i], &filter->gf_slist[i]);
	if (setsockopt(fd, mcast_levels[where->family], MCAST_MSFILTER, filter, (socklen_t)size))
		err = -errno;
	free(filter);
	return err;
}
