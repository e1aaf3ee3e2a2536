/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the model among themselves: ref_policy.c (addresses, access lists), ref_router.c (records, RFC 9776
 * s6.4, queries about groups), ref_fwd.c (RFC 4605 s4: merge, upstream, entries), ref.c (querier, interfaces, time).
 */
#ifndef IMPROXY_TESTS_MODEL_REF_PARTS_H
#define IMPROXY_TESTS_MODEL_REF_PARTS_H

#include "ref.h"

#define for_each_source(s, set)                                                                                        \
	for (unsigned int s = 0; s < REF_SOURCES; s++)                                                                 \
		if ((set) & (1u << s))

bool ref_is_multicast(const struct ref *r, const struct ipaddr *a);
bool ref_is_linklocal(const struct ref *r, const struct ipaddr *a);
bool ref_is_source(const struct ref *r, const struct ipaddr *a);
bool ref_is_local_scope(const struct ref *r, const struct ipaddr *g);
bool ref_is_reserved(const struct ref *r, const struct ipaddr *g);
bool ref_is_group(const struct ref *r, const struct ipaddr *g);
bool ref_permits(const struct gm_acl *acl, const struct ipaddr *group, const struct ipaddr *source);
bool ref_in_ssm_range(const struct ref *r, const struct ipaddr *g);
unsigned int ref_source_set(struct ref *r, const struct ipaddr *v, unsigned int n);
mtime_t ref_membership_interval(const struct ref_if *i);
mtime_t ref_other_querier_interval(const struct ref_if *i);
unsigned int ref_last_member_count(const struct ref_if *i);
mtime_t ref_last_member_time(const struct ref_if *i);
bool ref_listening(const struct ref_if *i);
void ref_set_timers(struct ref_rec *rec, unsigned int set, mtime_t until);
void ref_rec_normalise(struct ref_rec *rec);
struct ref_query *ref_send_query(struct ref *r, unsigned int slot, mtime_t max_response);
void ref_query_group(struct ref *r, unsigned int slot, unsigned int g);
void ref_query_sources(struct ref *r, unsigned int slot, unsigned int g, unsigned int set);
void ref_transmit_group_query(struct ref *r, unsigned int slot, unsigned int g);
void ref_transmit_source_queries(struct ref *r, unsigned int slot, unsigned int g);
bool ref_sender_ok(const struct ref *r, const struct ref_if *i, const struct ipaddr *from, bool query);
unsigned int ref_mapped_sources(struct ref *r, const struct ipaddr *group);
void ref_input_record(struct ref *r, unsigned int slot, const struct gm_event *ev);
void ref_input_flow(struct ref *r, const struct gm_event *ev);
void ref_input_clear_routes(struct ref *r, const struct gm_event *ev);
bool ref_merge(const struct ref *r, unsigned int g, enum gm_mode *mode, unsigned int *sources);
void ref_expire_rec(struct ref *r, struct ref_rec *rec);
bool ref_due(const struct ref *r, mtime_t deadline);
void ref_input_resync(struct ref *r, unsigned int slot);

#endif
