/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_fwd - the forwarding entries that ought to exist (RFC 4605 s4.2), one per source and group.
 *
 * An entry is made when data appears, or at once when a member names the source. It stays while traffic flows, even
 * with no output, and is changed in place when anything it depends on does: a late join never waits for the kernel. The
 * incoming interface of a source is the one whose connected prefix holds it, else the group's upstream.
 *
 * In wildcard mode a group has one entry for any source above, (*,G), and others for those that are treated
 * differently and for sources below; an entry (*,*) an upstream drops the data of groups that nobody has joined. What
 * takes over always stands before what it replaces goes.
 *
 * The number of entries is limited; gm_room tells which one gives way when there is no room.
 */
#ifndef IMPROXY_CORE_GM_FWD_H
#define IMPROXY_CORE_GM_FWD_H

#include "core/gm_state.h"

/* The kernel has data of the source and no entry. Returns 0 or -ENOMEM. */
int gm_fwd_upcall(struct gm *gm, uint8_t slot, const struct ipaddr *source, const struct ipaddr *group);

/* Data arrived elsewhere than the entry says: its incoming interface is looked at again. Returns 0 or -ENOMEM. */
int gm_fwd_wrong_if(struct gm *gm, const struct gm_event *ev);

/*
 * Data was seen in wildcard mode, of which the kernel may not ask, since an entry of any source matches. One that such
 * an entry does not serve gets its own: a source on a downstream, and a link-local one, without outputs, as it would in
 * per-source mode (RFC 3927 s2.7, RFC 4291 s2.5.6). Returns 0 or -ENOMEM.
 */
int gm_fwd_seen(struct gm *gm, uint8_t slot, const struct ipaddr *source, const struct ipaddr *group);

/* The entry has carried nothing for `idle`: removed if that is long enough and no member names the source. */
void gm_fwd_idle(struct gm *gm, const struct ipaddr *source, const struct ipaddr *group, mtime_t idle);

/*
 * Forgets entries, of one source or of all (none), of one group or of all; what a member names comes back at once, and
 * what is inherited is written again.
 */
void gm_fwd_clear(struct gm *gm, const struct ipaddr *source, const struct ipaddr *group);

/* Brings the entries of a group, or of its touched sources, up to date. Returns 0, or -ENOMEM when it has to be tried
 * again. */
int gm_fwd_flush(struct gm *gm, struct gm_group *group);

/*
 * Brings the entries of any source and group up to date: makes those that are needed, or removes those that are not
 * any more. Returns 0, or -ENOMEM when it has to be tried again.
 */
int gm_fwd_open_any(struct gm *gm);
int gm_fwd_close_any(struct gm *gm);

/* True if membership asks for an entry of the source (none: any), whether there is data or not. */
bool gm_fwd_names(const struct gm *gm, const struct gm_group *group, const struct ipaddr *source);

/* True if the group is forwarded by an entry of any source; without an upstream there is none. */
bool gm_fwd_is_wildcard(const struct gm *gm, const struct gm_group *group);

/* The kernel has lost its entries: all are handed out again. */
void gm_fwd_resync(struct gm *gm);

/*
 * The entry, made if there is none; `wanted`: one that a member waits for takes the room of one that nobody does.
 * Returns 0 or -ENOMEM; *out is NULL when the limit is reached or memory is short, which is counted for `arrived`.
 */
int gm_fwd_get(struct gm *gm, uint8_t arrived, const struct ipaddr *source, const struct ipaddr *addr, bool wanted,
	       struct gm_route **out);

/* The entry, or NULL. */
struct gm_route *gm_fwd_find(const struct gm *gm, const struct gm_group *group, const struct ipaddr *source);

/* Where data of the source would come in and go out now. GM_NO_IF: nowhere. */
uint8_t gm_fwd_iif(const struct gm *gm, const struct gm_group *group, const struct ipaddr *source);
uint32_t gm_fwd_oifs(const struct gm *gm, const struct gm_group *group, const struct ipaddr *source, uint8_t iif);

void gm_fwd_free_all(struct gm *gm);

#endif
