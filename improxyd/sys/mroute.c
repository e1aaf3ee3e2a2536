/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv4 and IPv6 differ in option numbers and in the structures those options take: a row of numbers and of builders per
 * family. The order of options (ADD_VIF, DEL_VIF, ADD_MFC ...) is the same, so that an option is its distance from the
 * first one.
 */
#include "sys/mroute.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/mroute.h>
#include <linux/mroute6.h>
#include <linux/rtnetlink.h>

#include "sys/mroute_nl.h"

/* Distances from the first option, in both families. */
enum mroute_option {
	MROUTE_INIT = MRT_INIT - MRT_BASE,
	MROUTE_DONE = MRT_DONE - MRT_BASE,
	MROUTE_ADD_VIF = MRT_ADD_VIF - MRT_BASE,
	MROUTE_DEL_VIF = MRT_DEL_VIF - MRT_BASE,
	MROUTE_ADD_MFC = MRT_ADD_MFC - MRT_BASE,
	MROUTE_DEL_MFC = MRT_DEL_MFC - MRT_BASE,
	MROUTE_ASSERT = MRT_ASSERT - MRT_BASE,
	MROUTE_PIM = MRT_PIM - MRT_BASE,
	MROUTE_TABLE = MRT_TABLE - MRT_BASE,
	MROUTE_ADD_MFC_PROXY = MRT_ADD_MFC_PROXY - MRT_BASE,
	MROUTE_DEL_MFC_PROXY = MRT_DEL_MFC_PROXY - MRT_BASE,
	MROUTE_FLUSH = MRT_FLUSH - MRT_BASE,
};

_Static_assert(MRT6_INIT - MRT6_BASE == (int)MROUTE_INIT && MRT6_DEL_MFC - MRT6_BASE == (int)MROUTE_DEL_MFC &&
		       MRT6_TABLE - MRT6_BASE == (int)MROUTE_TABLE &&
		       MRT6_DEL_MFC_PROXY - MRT6_BASE == (int)MROUTE_DEL_MFC_PROXY &&
		       MRT6_FLUSH - MRT6_BASE == (int)MROUTE_FLUSH,
	       "options are numbered alike");
_Static_assert(MRT_FLUSH_MFC == MRT6_FLUSH_MFC && MRT_FLUSH_MFC_STATIC == MRT6_FLUSH_MFC_STATIC, "flags are alike");
_Static_assert(offsetof(struct vifctl, vifc_vifi) == 0 && sizeof(vifi_t) == sizeof(mifi_t), "a VIF by its number");
_Static_assert(GM_MAX_IFS == MAXVIFS && GM_MAX_IFS == MAXMIFS, "a slot is a VIF");

/* One entry as its option takes it. */
union mroute_mfc {
	struct mfcctl v4;
	struct mf6cctl v6;
};

union mroute_vif {
	struct vifctl v4;
	struct mif6ctl v6;
};

struct mroute_af {
	int level, base;
	uint32_t default_table; /* its true number */
	socklen_t mfc_len, vif_len, vif_del_len;
	/* Returns 0, or -ERANGE if the interface cannot be expressed. */
	int (*vif)(union mroute_vif *vif, unsigned int slot, int ifindex, unsigned int ttl_threshold);
	void (*mfc)(union mroute_mfc *mfc, const struct ipaddr *source, const struct ipaddr *group, unsigned int iif,
		    uint32_t oifs, const uint8_t *ttls);
	int (*vif_counters)(int fd, unsigned int slot, struct mroute_vif_counters *out);
	/* Packet counts the old way, without idle time. */
	int (*counters)(int fd, const struct ipaddr *source, const struct ipaddr *group, struct mroute_counters *out);
};

struct mroute {
	const struct mroute_af *af;
	enum family family;
	int fd;
	bool any_wrong_if;
	struct mroute_nl *nl;
};

/* EINVAL: a number above those in use. */
static int mroute_no_vif(int error)
{
	return error == EADDRNOTAVAIL || error == EINVAL ? -ENOENT : -error;
}

/* --- IPv4 --- */

static int mroute_vif4(union mroute_vif *vif, unsigned int slot, int ifindex, unsigned int ttl_threshold)
{
	vif->v4.vifc_vifi = (vifi_t)slot;
	vif->v4.vifc_flags = VIFF_USE_IFINDEX;
	vif->v4.vifc_threshold = (unsigned char)(ttl_threshold ? ttl_threshold : 1);
	vif->v4.vifc_lcl_ifindex = ifindex;
	return 0;
}

static void mroute_mfc4(union mroute_mfc *mfc, const struct ipaddr *source, const struct ipaddr *group,
			unsigned int iif, uint32_t oifs, const uint8_t *ttls)
{
	if (!ipaddr_is_none(source))
		mfc->v4.mfcc_origin = ipaddr_to_v4(source);
	if (!ipaddr_is_none(group))
		mfc->v4.mfcc_mcastgrp = ipaddr_to_v4(group);
	mfc->v4.mfcc_parent = (vifi_t)iif;
	for (unsigned int slot = 0; slot < MAXVIFS; slot++)
		if (oifs & (1u << slot))
			mfc->v4.mfcc_ttls[slot] = ttls && ttls[slot] ? ttls[slot] : 1;
}

static int mroute_counters4(int fd, const struct ipaddr *source, const struct ipaddr *group,
			    struct mroute_counters *out)
{
	struct sioc_sg_req req = { .src = ipaddr_to_v4(source), .grp = ipaddr_to_v4(group) };

	if (ioctl(fd, SIOCGETSGCNT, &req))
		return errno == EADDRNOTAVAIL ? -ENOENT : -errno;
	out->packets = req.pktcnt;
	out->bytes = req.bytecnt;
	out->wrong_if = req.wrong_if;
	return 0;
}

static int mroute_vif_counters4(int fd, unsigned int slot, struct mroute_vif_counters *out)
{
	struct sioc_vif_req req = { .vifi = (vifi_t)slot };

	if (ioctl(fd, SIOCGETVIFCNT, &req))
		return mroute_no_vif(errno);
	*out = (struct mroute_vif_counters){ req.icount, req.ocount, req.ibytes, req.obytes };
	return 0;
}

/* --- IPv6 --- */

static int mroute_vif6(union mroute_vif *vif, unsigned int slot, int ifindex, unsigned int ttl_threshold)
{
	/* The kernel's structure has 16 bits for it; its hop limit threshold is stored but not used for MIFs. */
	if (ifindex > UINT16_MAX)
		return -ERANGE;
	vif->v6.mif6c_mifi = (mifi_t)slot;
	vif->v6.vifc_threshold = (unsigned char)(ttl_threshold ? ttl_threshold : 1);
	vif->v6.mif6c_pifi = (uint16_t)ifindex;
	return 0;
}

static void mroute_mfc6(union mroute_mfc *mfc, const struct ipaddr *source, const struct ipaddr *group,
			unsigned int iif, uint32_t oifs, const uint8_t *ttls)
{
	(void)ttls; /* the kernel has none */
	mfc->v6.mf6cc_origin.sin6_family = AF_INET6;
	mfc->v6.mf6cc_mcastgrp.sin6_family = AF_INET6;
	mfc->v6.mf6cc_origin.sin6_addr = ipaddr_to_v6(source);
	mfc->v6.mf6cc_mcastgrp.sin6_addr = ipaddr_to_v6(group);
	mfc->v6.mf6cc_parent = (mifi_t)iif;
	/* The first word is that of MIFs 0 to 31, which are all there are; the kernel's IF_SET() shifts into the sign.
	 */
	mfc->v6.mf6cc_ifset.ifs_bits[0] = oifs;
}

static int mroute_counters6(int fd, const struct ipaddr *source, const struct ipaddr *group,
			    struct mroute_counters *out)
{
	struct sioc_sg_req6 req = { .src = { .sin6_family = AF_INET6, .sin6_addr = ipaddr_to_v6(source) },
				    .grp = { .sin6_family = AF_INET6, .sin6_addr = ipaddr_to_v6(group) } };

	if (ioctl(fd, SIOCGETSGCNT_IN6, &req))
		return errno == EADDRNOTAVAIL ? -ENOENT : -errno;
	out->packets = req.pktcnt;
	out->bytes = req.bytecnt;
	out->wrong_if = req.wrong_if;
	return 0;
}

static int mroute_vif_counters6(int fd, unsigned int slot, struct mroute_vif_counters *out)
{
	struct sioc_mif_req6 req = { .mifi = (mifi_t)slot };

	if (ioctl(fd, SIOCGETMIFCNT_IN6, &req))
		return mroute_no_vif(errno);
	*out = (struct mroute_vif_counters){ req.icount, req.ocount, req.ibytes, req.obytes };
	return 0;
}

static const struct mroute_af mroute_afs[FAMILY_COUNT] = {
	[FAMILY_IPV4] = {
		.level = IPPROTO_IP,
		.base = MRT_BASE,
		.default_table = RT_TABLE_DEFAULT,
		.mfc_len = sizeof(struct mfcctl),
		.vif_len = sizeof(struct vifctl),
		.vif_del_len = sizeof(struct vifctl),
		.vif = mroute_vif4,
		.mfc = mroute_mfc4,
		.vif_counters = mroute_vif_counters4,
		.counters = mroute_counters4,
	},
	[FAMILY_IPV6] = {
		.level = IPPROTO_IPV6,
		.base = MRT6_BASE,
		.default_table = RT_TABLE_MAIN,
		.mfc_len = sizeof(struct mf6cctl),
		.vif_len = sizeof(struct mif6ctl),
		.vif_del_len = sizeof(mifi_t),
		.vif = mroute_vif6,
		.mfc = mroute_mfc6,
		.vif_counters = mroute_vif_counters6,
		.counters = mroute_counters6,
	},
};

/* --- */

static int mroute_option(const struct mroute *mroute, enum mroute_option option, const void *value, socklen_t len)
{
	if (setsockopt(mroute->fd, mroute->af->level, mroute->af->base + (int)option, value, len))
		return -errno;
	return 0;
}

static int mroute_option_int(const struct mroute *mroute, enum mroute_option option, int value)
{
	return mroute_option(mroute, option, &value, sizeof(value));
}

static uint32_t mroute_table_number(const struct mroute *mroute, uint32_t table)
{
	return table == MROUTE_TABLE_DEFAULT ? mroute->af->default_table : table;
}

static int mroute_set_table(const struct mroute *mroute, uint32_t table)
{
	uint32_t number = mroute_table_number(mroute, table);

	return mroute_option(mroute, MROUTE_TABLE, &number, sizeof(number));
}

/*
 * For IPv4 being the multicast router includes being told of Router Alert packets, and the kernel refuses MRT_INIT with
 * EADDRINUSE to a socket that has asked for them itself. So it is taken back before and asked for again after.
 */
static int mroute_router_alert(const struct mroute *mroute, int on)
{
	if (mroute->family != FAMILY_IPV4)
		return 0;
	if (setsockopt(mroute->fd, IPPROTO_IP, IP_ROUTER_ALERT, &on, sizeof(on)) == 0)
		return 0;
	/* So the kernel says that it was not asked for: asking again after an earlier refusal has failed. */
	return !on && errno == ENOBUFS ? 0 : -errno;
}

/* Wrong-interface upcalls. PIM's flag extends them to interfaces that are no output of the entry; it needs a kernel
 * built with PIM, and has no other effect without a register VIF. */
static int mroute_ask_wrong_if(struct mroute *mroute)
{
	mroute->any_wrong_if = mroute_option_int(mroute, MROUTE_PIM, 1) == 0;
	return mroute->any_wrong_if ? 0 : mroute_option_int(mroute, MROUTE_ASSERT, 1);
}

static int mroute_new(int fd, enum family family, uint32_t table, struct mroute **out)
{
	struct mroute *mroute = calloc(1, sizeof(*mroute));
	int err;

	if (!mroute)
		return -ENOMEM;
	mroute->af = &mroute_afs[family];
	mroute->family = family;
	mroute->fd = fd;
	err = mroute_nl_open(family, mroute_table_number(mroute, table), &mroute->nl);
	if (err) {
		free(mroute);
		return err;
	}
	*out = mroute;
	return 0;
}

void mroute_leave(struct mroute *mroute)
{
	if (!mroute)
		return;
	mroute_nl_close(mroute->nl);
	free(mroute);
}

static int mroute_init(struct mroute *mroute, uint32_t table)
{
	/* The default one, too: the socket keeps the table that it had. */
	int err = mroute_set_table(mroute, table);

	/* The socket is the multicast router of one still: giving that back has failed. */
	if (err == -EBUSY) {
		err = mroute_option(mroute, MROUTE_DONE, NULL, 0);
		if (!err)
			err = mroute_set_table(mroute, table);
	}
	/* A kernel without tables has that one only. */
	if (err == -ENOPROTOOPT && table == MROUTE_TABLE_DEFAULT)
		err = 0;
	if (!err)
		err = mroute_router_alert(mroute, 0);
	if (err)
		return err;
	err = mroute_option_int(mroute, MROUTE_INIT, 1);
	if (!err) {
		err = mroute_ask_wrong_if(mroute);
		if (err)
			(void)mroute_option(mroute, MROUTE_DONE, NULL, 0);
	}
	if (err)
		(void)mroute_router_alert(mroute, 1);
	return err;
}

int mroute_open(int fd, enum family family, uint32_t table, struct mroute **out)
{
	struct mroute *mroute;
	int err = mroute_new(fd, family, table, &mroute);

	if (err)
		return err;
	err = mroute_init(mroute, table);
	if (err) {
		mroute_leave(mroute);
		return err == -ENOPROTOOPT ? -EOPNOTSUPP : err;
	}
	*out = mroute;
	return 0;
}

/* The kernel refuses another table to the socket that is the router of one. */
bool mroute_is_router(int fd, enum family family, uint32_t table, bool guess)
{
	const struct mroute mroute = { .af = &mroute_afs[family], .family = family, .fd = fd };
	int err = mroute_set_table(&mroute, table);

	return err == -EBUSY || (err < 0 && guess);
}

void mroute_renounce(int fd, enum family family)
{
	const struct mroute mroute = { .af = &mroute_afs[family], .family = family, .fd = fd };

	if (mroute_option(&mroute, MROUTE_DONE, NULL, 0) == 0)
		(void)mroute_router_alert(&mroute, 1);
}

int mroute_adopt(int fd, enum family family, uint32_t table, struct mroute **out)
{
	struct mroute *mroute;
	int err = mroute_new(fd, family, table, &mroute);

	if (err)
		return err;
	err = mroute_ask_wrong_if(mroute);
	if (err) {
		mroute_leave(mroute);
		return err;
	}
	*out = mroute;
	return 0;
}

void mroute_close(struct mroute *mroute)
{
	if (!mroute)
		return;
	/* Failing would mean that the table is not ours, and then there is nothing to give back. */
	if (mroute_option(mroute, MROUTE_DONE, NULL, 0) == 0)
		(void)mroute_router_alert(mroute, 1);
	mroute_leave(mroute);
}

bool mroute_tells_any_wrong_if(const struct mroute *mroute)
{
	return mroute->any_wrong_if;
}

int mroute_vif_add(struct mroute *mroute, unsigned int slot, int ifindex, unsigned int ttl_threshold)
{
	union mroute_vif vif;
	int err;

	if (slot >= GM_MAX_IFS || ttl_threshold > UINT8_MAX)
		return -EINVAL;
	memset(&vif, 0, sizeof(vif));
	err = mroute->af->vif(&vif, slot, ifindex, ttl_threshold);
	if (!err)
		err = mroute_option(mroute, MROUTE_ADD_VIF, &vif, mroute->af->vif_len);
	if (!err)
		mroute_nl_map(mroute->nl, slot, ifindex);
	return err;
}

void mroute_vif_adopt(struct mroute *mroute, unsigned int slot, int ifindex)
{
	mroute_nl_map(mroute->nl, slot, ifindex);
}

int mroute_vif_del(struct mroute *mroute, unsigned int slot)
{
	/* IPv6 takes the bare number, IPv4 a structure that starts with it. */
	struct vifctl vif = { .vifc_vifi = (vifi_t)slot };
	int err;

	if (slot >= GM_MAX_IFS)
		return -EINVAL;
	err = mroute_option(mroute, MROUTE_DEL_VIF, &vif, mroute->af->vif_del_len);
	/* The kernel removes it by itself when the interface goes. */
	if (!err || err == -EADDRNOTAVAIL)
		mroute_nl_map(mroute->nl, slot, 0);
	return err;
}

bool mroute_vif_there(const struct mroute *mroute, unsigned int slot)
{
	struct mroute_vif_counters counters;

	return mroute_vif_stats(mroute, slot, &counters) != -ENOENT;
}

int mroute_vif_stats(const struct mroute *mroute, unsigned int slot, struct mroute_vif_counters *counters)
{
	return mroute->af->vif_counters(mroute->fd, slot, counters);
}

int mroute_set(struct mroute *mroute, const struct ipaddr *source, const struct ipaddr *group, unsigned int iif,
	       uint32_t oifs, const uint8_t ttls[GM_MAX_IFS])
{
	union mroute_mfc mfc;

	if (iif >= GM_MAX_IFS)
		return -EINVAL;
	memset(&mfc, 0, sizeof(mfc));
	mroute->af->mfc(&mfc, source, group, iif, oifs, ttls);
	return mroute_option(mroute, ipaddr_is_none(source) ? MROUTE_ADD_MFC_PROXY : MROUTE_ADD_MFC, &mfc,
			     mroute->af->mfc_len);
}

int mroute_del(struct mroute *mroute, const struct ipaddr *source, const struct ipaddr *group, unsigned int iif)
{
	union mroute_mfc mfc;

	memset(&mfc, 0, sizeof(mfc));
	mroute->af->mfc(&mfc, source, group, iif, 0, NULL);
	return mroute_option(mroute, ipaddr_is_none(source) ? MROUTE_DEL_MFC_PROXY : MROUTE_DEL_MFC, &mfc,
			     mroute->af->mfc_len);
}

static void mroute_flush_one(void *arg, const struct mroute_entry *entry)
{
	struct mroute *mroute = arg;

	/* An unresolved one goes by itself, and what is gone meanwhile needs no removal. */
	if (!entry->unresolved)
		(void)mroute_del(mroute, &entry->source, &entry->group, entry->iif);
}

int mroute_flush(struct mroute *mroute)
{
	int err = mroute_option_int(mroute, MROUTE_FLUSH, MRT_FLUSH_MFC | MRT_FLUSH_MFC_STATIC);

	/* Kernels before 5.1 have no such option. */
	if (err == -ENOPROTOOPT || err == -EINVAL)
		err = mroute_dump(mroute, mroute_flush_one, mroute);
	return err;
}

int mroute_stats(struct mroute *mroute, const struct ipaddr *source, const struct ipaddr *group,
		 struct mroute_counters *counters)
{
	int err;

	memset(counters, 0, sizeof(*counters));
	counters->idle = MTIME_NEVER;
	err = mroute_nl_get(mroute->nl, source, group, counters);
	/* Older kernels cannot look one up by netlink (IPv6 before 6.0), or refuse it without an address. */
	if (err && err != -ENOENT && !ipaddr_is_none(source))
		err = mroute->af->counters(mroute->fd, source, group, counters);
	return err;
}

int mroute_packets(const struct mroute *mroute, const struct ipaddr *source, const struct ipaddr *group,
		   struct mroute_counters *counters)
{
	counters->idle = MTIME_NEVER;
	return mroute->af->counters(mroute->fd, source, group, counters);
}

int mroute_dump(struct mroute *mroute, mroute_dump_fn *fn, void *arg)
{
	return mroute_nl_dump(mroute->nl, fn, arg);
}

int mroute_scan_begin(struct mroute *mroute)
{
	return mroute_nl_scan_begin(mroute->nl);
}

int mroute_scan_step(struct mroute *mroute, mroute_dump_fn *fn, void *arg)
{
	return mroute_nl_scan_step(mroute->nl, fn, arg);
}
