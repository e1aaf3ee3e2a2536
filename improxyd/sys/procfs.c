/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/procfs.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int open_setting(enum family family, const char *ifname, const char *name, int flags)
{
	char path[256];
	int n, fd;

	n = snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family == FAMILY_IPV4 ? "ipv4" : "ipv6", ifname,
		     name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int procfs_setting(enum family family, const char *ifname, const char *name, int *value)
{
	char text[32], *end;
	ssize_t n;
	long number;
	int fd, err;

	fd = open_setting(family, ifname, name, O_RDONLY);
	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text) - 1);
	err = n < 0 ? -errno : 0;
	close(fd);
	if (err < 0)
		return err;
	text[n] = '\0';
	errno = 0;
	number = strtol(text, &end, 10);
	if (end == text || errno || number < INT_MIN || number > INT_MAX)
		return -EINVAL;
	*value = (int)number;
	return 0;
}

int procfs_set(enum family family, const char *ifname, const char *name, int value)
{
	int fd = open_setting(family, ifname, name, O_WRONLY), err;

	if (fd < 0)
		return fd;
	err = dprintf(fd, "%d\n", value) < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* --- groups --- */

/* "	010000E0     1 ...": the octets as one number of this machine. An interface's line comes before its groups. */
static bool group_v4(const char *line, int *ifindex, struct ipaddr *group)
{
	struct in_addr in;
	char *end;

	if (*line != '\t') {
		*ifindex = (int)strtol(line, NULL, 10);
		return false;
	}
	in.s_addr = (in_addr_t)strtoul(line, &end, 16);
	*group = ipaddr_from_v4(in);
	return *end == ' ';
}

/* "4    eth0            ff020000000000000000000000000001     1 ..." */
static bool group_v6(const char *line, int *ifindex, struct ipaddr *group)
{
	uint64_t half[2];

	if (sscanf(line, "%d %*s %16" SCNx64 "%16" SCNx64, ifindex, &half[0], &half[1]) != 3)
		return false;
	half[0] = htobe64(half[0]);
	half[1] = htobe64(half[1]);
	*group = ipaddr_from_bytes((const uint8_t *)half, sizeof(half));
	return true;
}

int procfs_groups(enum family family, int ifindex, void (*fn)(void *arg, const struct ipaddr *group), void *arg)
{
	bool (*read_group)(const char *line, int *index, struct ipaddr *group) =
		family == FAMILY_IPV4 ? group_v4 : group_v6;
	FILE *file = fopen(family == FAMILY_IPV4 ? "/proc/net/igmp" : "/proc/net/igmp6", "re");
	struct ipaddr group;
	char line[256];
	int on = 0, err;

	if (!file)
		return -errno;
	errno = 0;
	while (fgets(line, sizeof(line), file)) {
		if (read_group(line, &on, &group) && on == ifindex)
			fn(arg, &group);
	}
	err = ferror(file) ? -errno : 0;
	fclose(file);
	return err;
}
