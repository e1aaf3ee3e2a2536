/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_hosts - explicit tracking: which hosts of a link asked for a group, and for which of its sources.
 *
 * It is what a safe immediate leave stands on, and it errs on one side only: it may believe that a host still wants
 * something (until its report would have aged), never that nobody does while somebody might. Hence a host that cannot
 * be told from others (older versions suppress reports; 0.0.0.0 names nobody) or that found no room makes the group
 * untracked until its report would have aged. Memory is bounded by a budget the whole instance shares.
 */
#ifndef IMPROXY_CORE_GM_HOSTS_H
#define IMPROXY_CORE_GM_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/gm.h"
#include "lib/ipaddr.h"
#include "lib/mtime.h"

struct gm_set;

struct gm_host {
	struct ipaddr addr;     /* first: arrays are searched by it */
	mtime_t deadline;       /* a group membership interval after its last report */
	struct ipaddr *sources; /* sorted; wanted ones, or unwanted ones when `exclude` */
	uint16_t nsources;
	bool exclude;
	bool older; /* IGMPv1/v2 or MLDv1, or it has no address of its own */
};

struct gm_hosts {
	struct gm_host *v; /* sorted by address */
	uint32_t n, cap;
	mtime_t incomplete_until; /* a report found no room */
};

/* What all lists of an instance may hold together: hosts plus sources. */
#define GM_HOSTS_BUDGET 1000000u
/* And what one group may hold on one interface. */
#define GM_HOSTS_MAX 1024u

struct gm_host_report {
	const struct ipaddr *reporter;
	enum gm_record_type type;
	enum gm_gen gen;
	const struct ipaddr *sources; /* sorted */
	unsigned int nsources;
	bool keep_sources; /* remember the source list too */
};

/* Takes in a report that ages at `deadline`. `used` is the instance's share of the budget. */
void gm_hosts_note(struct gm_hosts *hosts, uint32_t *used, const struct gm_host_report *report, mtime_t now,
		   mtime_t deadline);

/* Every host of the group is known exactly. */
bool gm_hosts_tracked(const struct gm_hosts *hosts, mtime_t now);

/* Some host wants any source of the group but those it lists. */
bool gm_hosts_want_group(const struct gm_hosts *hosts, mtime_t now);

/* Some host wants this source; one other than `but`, which may be NULL. */
bool gm_hosts_want_source(const struct gm_hosts *hosts, const struct ipaddr *source, const struct ipaddr *but,
			  mtime_t now);

/* Some host in INCLUDE mode wants a source that a record in EXCLUDE mode does not hold as requested. */
bool gm_hosts_want_beyond(const struct gm_hosts *hosts, const struct gm_set *held, mtime_t now);

uint32_t gm_hosts_count(const struct gm_hosts *hosts, mtime_t now);

void gm_hosts_free(struct gm_hosts *hosts, uint32_t *used);

#endif
