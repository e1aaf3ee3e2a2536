/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/procfs.h"

#include <errno.h>
#include <fcntl.h>
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
