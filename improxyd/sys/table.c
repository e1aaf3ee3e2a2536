/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"
#include "lib/log.h"
#include "sys/gmsock.h"
#include "sys/loop.h"
#include "sys/mroute.h"
#include "sys/revive.h"

#define CLAIM_FIRST   mtime_from_s(1)
#define CLAIM_SLOWEST mtime_from_s(2) /* a try costs one system call */

struct table {
	enum family family;
	struct gmsock *sock;
	struct table_user user;
	struct loop_timer *claim;
	struct mroute *mroute; /* NULL while it is not ours */
	uint32_t number;
	int error;
	mtime_t claim_wait;
	uint64_t busy, refused;
	struct log_rate refused_rate; /* hosts can cause them at will */

	uint8_t ttls[GM_MAX_IFS];
	bool vifs[GM_MAX_IFS];   /* the kernel has it */
	bool vifless;            /* an interface should have a VIF and has none */
	bool strays;             /* an entry could not be removed */
	int former[GM_MAX_IFS];  /* of an earlier process: ifindex, REVIVE_GONE, or 0 */
	struct carry_table *was; /* for the next process */
};

static int ifindex_of(const struct table *table, uint8_t slot)
{
	return table->user.ifindex(table->user.arg, slot);
}

static const char *name_of(const struct table *table, uint8_t slot)
{
	return table->user.name(table->user.arg, slot);
}

static bool is_wanted(const struct table *table)
{
	for (uint8_t slot = 0; slot < GM_MAX_IFS; slot++) {
		if (ifindex_of(table, slot))
			return true;
	}
	return false;
}

/* --- VIFs --- */

uint8_t table_former_slot(const struct table *table, int ifindex)
{
	for (uint8_t slot = 0; slot < GM_MAX_IFS; slot++) {
		if (ifindex > 0 && table->former[slot] == ifindex)
			return slot;
	}
	return GM_NO_IF;
}

bool table_is_reserved(const struct table *table, uint8_t slot)
{
	return table->former[slot] != 0;
}

int table_add_vif(struct table *table, uint8_t slot)
{
	int ifindex = ifindex_of(table, slot), err;

	if (table->vifs[slot] || !table->mroute)
		return 0;
	if (table->former[slot] != ifindex) {
		err = mroute_vif_add(table->mroute, slot, ifindex, 1);
		/* One that could not be removed is in the way. */
		if (err == -EADDRINUSE && mroute_vif_del(table->mroute, slot) == 0)
			err = mroute_vif_add(table->mroute, slot, ifindex, 1);
		if (err < 0)
			return err;
	}
	table->former[slot] = 0;
	table->was->vifs[slot] = ifindex;
	table->vifs[slot] = true;
	return 0;
}

void table_add_vifs(struct table *table)
{
	table->vifless = false;
	for (uint8_t slot = 0; slot < GM_MAX_IFS; slot++) {
		int err = ifindex_of(table, slot) ? table_add_vif(table, slot) : 0;

		if (err == 0)
			continue;
		log_warn("mroute", "%s: no VIF for it: %s", name_of(table, slot), strerror(-err));
		table->vifless = true;
	}
	if (table->vifless)
		table->user.failed(table->user.arg);
}

void table_drop_vif(struct table *table, uint8_t slot)
{
	/* The kernel removes the VIF of a vanished interface itself. */
	if (table->mroute && (table->vifs[slot] || table->former[slot]))
		(void)mroute_vif_del(table->mroute, slot);
	table->vifs[slot] = false;
	table->was->vifs[slot] = 0;
	table->former[slot] = 0;
}

bool table_has_lost_vif(const struct table *table, uint8_t slot)
{
	return table->vifs[slot] && table->mroute && !mroute_vif_there(table->mroute, slot);
}

bool table_set_ttl_threshold(struct table *table, uint8_t slot, uint8_t threshold)
{
	if (table->ttls[slot] == threshold)
		return false;
	table->ttls[slot] = threshold;
	return true;
}

/* --- the claim --- */

/* Once a state, not once a try. */
static void tell_error(const struct table *table, int err)
{
	if (err == table->error)
		return;
	if (err == -EADDRINUSE)
		log_error("mroute",
			  "%s: another process owns the kernel's multicast routing (table %u); trying again until it "
			  "lets go",
			  family_title(table->family), table->number);
	else
		log_error("mroute", "%s: the kernel's multicast routing cannot be used: %s",
			  family_title(table->family), strerror(-err));
}

static void try_again(struct table *table, int err)
{
	table->mroute = NULL;
	table->busy += err == -EADDRINUSE;
	tell_error(table, err);
	table->error = err;
	loop_timer_at(table->claim, loop_now() + table->claim_wait);
	table->claim_wait = mtime_min(table->claim_wait * 2, CLAIM_SLOWEST);
}

static void claim(void *arg)
{
	struct table *table = arg;
	int err;

	if (table->mroute || !is_wanted(table))
		return;
	err = mroute_open(gmsock_fd(table->sock), table->family, table->number, &table->mroute);
	if (err < 0) {
		try_again(table, err);
		return;
	}
	if (table->error)
		log_notice("mroute", "%s: the kernel's multicast routing is ours now", family_title(table->family));
	table->error = 0;
	table->claim_wait = CLAIM_FIRST;
	*table->was = (struct carry_table){
		.router = 1, .table = table->number, .complete = table->was->complete, .last = table->was->last
	};
	/* What an earlier owner left behind would stand in the way. */
	err = mroute_flush(table->mroute);
	table->strays = err < 0;
	if (err < 0) {
		log_warn("mroute", "%s: old entries could not be removed: %s", family_title(table->family),
			 strerror(-err));
		table->user.failed(table->user.arg);
	}
	table_add_vifs(table);
	table->user.taken(table->user.arg);
}

void table_claim(struct table *table)
{
	claim(table);
}

static void forget_vifs(struct table *table)
{
	table->was->router = 0;
	memset(table->was->vifs, 0, sizeof(table->was->vifs));
	memset(table->vifs, 0, sizeof(table->vifs));
	memset(table->former, 0, sizeof(table->former));
}

void table_give(struct table *table)
{
	if (!table->mroute)
		return;
	mroute_close(table->mroute);
	table->mroute = NULL;
	forget_vifs(table);
}

void table_set_number(struct table *table, uint32_t number)
{
	if (number == table->number)
		return;
	table->number = number;
	table_give(table);
	table->claim_wait = CLAIM_FIRST;
	claim(table);
}

struct mroute *table_mroute(const struct table *table)
{
	return table->mroute;
}

/* --- entries --- */

bool table_change(struct table *table, const struct gm_action *a)
{
	char source[IPADDR_STRLEN], group[IPADDR_STRLEN];
	int err;

	if (!table->mroute)
		return false;
	if (a->type == GM_ACT_ROUTE_DEL) {
		err = mroute_del(table->mroute, &a->route.source, &a->route.group, a->slot);
		if (err == -ENOENT)
			err = 0;
	} else {
		err = mroute_set(table->mroute, &a->route.source, &a->route.group, a->slot, a->route.oifs, table->ttls);
	}
	log_debug(DEBUG_MROUTE, name_of(table, a->slot), "mroute", "%s (%s,%s) iif %s oifs 0x%08x: %s",
		  a->type == GM_ACT_ROUTE_DEL ? "delete" : "set", ipaddr_format(&a->route.source, source),
		  ipaddr_format(&a->route.group, group), name_of(table, a->slot), a->route.oifs,
		  err < 0 ? strerror(-err) : "done");
	if (err < 0) {
		table->refused++;
		table->strays |= a->type == GM_ACT_ROUTE_DEL;
		table->user.failed(table->user.arg);
		if (!log_rate_failure(&table->refused_rate, loop_now(), "mroute"))
			return true;
		log_warn("mroute", "forwarding entry (%s,%s) refused: %s", ipaddr_format(&a->route.source, source),
			 ipaddr_format(&a->route.group, group), strerror(-err));
	}
	return true;
}

static void remove_stray(void *arg, const struct mroute_entry *entry)
{
	struct table *table = arg;

	if (!entry->unresolved && !table->user.knows(table->user.arg, entry) &&
	    mroute_del(table->mroute, &entry->source, &entry->group, entry->iif) < 0)
		table->strays = true;
}

void table_remove_strays(struct table *table)
{
	if (!table->strays)
		return;
	table->strays = false;
	if (mroute_dump(table->mroute, remove_stray, table) < 0)
		table->strays = true;
	if (table->strays)
		table->user.failed(table->user.arg);
}

bool table_is_whole(const struct table *table)
{
	return !table->vifless && !table->strays;
}

/* --- after an earlier process --- */

/* The raw socket that was taken over may be the multicast router: then so are we. */
static int adopt(struct table *table)
{
	struct carry_table *was = table->was;
	int fd = gmsock_fd(table->sock), err = 0;
	bool router = gmsock_inherited(table->sock) &&
		      mroute_is_router(fd, table->family, was->router ? was->table : MROUTE_TABLE_DEFAULT, was->router);

	if (router && was->router) {
		err = mroute_adopt(fd, table->family, was->table, &table->mroute);
		if (err == 0) {
			table->number = was->table;
			revive_vifs(table->mroute, was, table->former);
		}
		return err;
	}
	/* Of what nothing is known nothing can be taken over: it begins anew. */
	if (router)
		mroute_renounce(fd, table->family);
	forget_vifs(table);
	return 0;
}

void table_revive(struct table *table, void (*input)(void *arg, const struct gm_event *ev), void *arg)
{
	const struct gm_event resync = { .type = GM_EV_RESYNC, .slot = GM_NO_IF };

	if (!table->mroute)
		return;
	for (uint8_t slot = 0; slot < GM_MAX_IFS; slot++) {
		if (table->former[slot])
			table_drop_vif(table, slot);
	}
	revive_entries(table->mroute, family_protocol(table->family), input, arg);
	/* Lists of outputs may name numbers that are free now: all are written again, in place. */
	input(arg, &resync);
	if (!is_wanted(table))
		table_give(table);
}

/* --- life --- */

int table_new(struct loop *loop, enum family family, struct gmsock *sock, struct carry_table *was,
	      const struct table_user *user, struct table **out)
{
	struct table *table = calloc(1, sizeof(*table));
	int err = -ENOMEM;

	if (!table)
		return -ENOMEM;
	table->family = family;
	table->sock = sock;
	table->user = *user;
	table->was = was;
	table->number = MROUTE_TABLE_DEFAULT;
	table->claim_wait = CLAIM_FIRST;
	memset(table->ttls, 1, sizeof(table->ttls));
	table->claim = loop_timer_new(loop, claim, table);
	if (table->claim)
		err = adopt(table);
	if (err < 0) {
		table_free(table, true);
		return err;
	}
	*out = table;
	return 0;
}

void table_free(struct table *table, bool leave)
{
	if (!table)
		return;
	if (leave)
		mroute_leave(table->mroute);
	else
		table_give(table);
	loop_timer_free(table->claim);
	free(table);
}

struct table_status table_status(const struct table *table)
{
	return (struct table_status){
		.ours = table->mroute != NULL,
		.error = table->error,
		.number = table->number,
		.busy = table->busy,
		.refused = table->refused,
	};
}
