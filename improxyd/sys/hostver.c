/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/hostver.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>

#include "sys/procfs.h"

static const char *const setting[FAMILY_COUNT] = {
	[FAMILY_IPV4] = "force_igmp_version",
	[FAMILY_IPV6] = "force_mld_version",
};

static int hold(struct hostver *h, enum family family, const char *ifname, int version)
{
	int now, err = procfs_setting(family, ifname, setting[family], &now);

	if (err < 0)
		return err;
	if (!h->held) {
		/* What is there already was left by one of us that was killed. */
		h->before = now == version ? 0 : now;
	}
	if (now != version)
		err = procfs_set(family, ifname, setting[family], version);
	if (err == 0)
		h->held = version;
	return err;
}

static int let_go(struct hostver *h, enum family family, const char *ifname)
{
	int now;

	/* If somebody else has changed it meanwhile it is theirs. */
	if (procfs_setting(family, ifname, setting[family], &now) == 0 && now == h->held)
		return procfs_set(family, ifname, setting[family], h->before);
	return 0;
}

int hostver_set(struct hostver *h, enum family family, int ifindex, unsigned int version)
{
	char ifname[IF_NAMESIZE];
	bool there = if_indextoname((unsigned int)ifindex, ifname) != NULL;

	h->version = version;
	h->err = 0;
	if (version) {
		h->err = there ? hold(h, family, ifname, (int)version) : -ENODEV;
	} else if (h->held) {
		/* The setting went with its interface. */
		h->err = there ? let_go(h, family, ifname) : 0;
		h->held = 0;
	}
	return h->err;
}
