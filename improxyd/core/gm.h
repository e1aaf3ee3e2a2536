/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm - group membership: the proxy's engine (RFC 4605), one instance per address family.
 *
 * It owns: the router side of every downstream (group records, querier, RFC 9776 s6 / RFC 9777 s7), the merged
 * membership of every group and its upstream (RFC 4605 s4.1), and the forwarding entries that ought to exist (s4.2). It
 * refuses: file descriptors, clocks, logs and callbacks. It is a function of (state, now, event). What is to be done
 * outside comes out as an array of actions. The caller keeps `now` from going backwards.
 *
 * Interfaces are known by slot, 0..GM_MAX_IFS-1, which is also the number of the kernel's VIF or MIF. Versions are
 * known by generation, so that one machine serves both families: 1 = IGMPv1, 2 = IGMPv2 or MLDv1, 3 = IGMPv3 or MLDv2.
 */
#ifndef IMPROXY_CORE_GM_H
#define IMPROXY_CORE_GM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ipaddr.h"
#include "lib/mtime.h"

#define GM_MAX_IFS    32
#define GM_NO_IF      0xff
#define GM_NAME_LEN   16 /* IFNAMSIZ */
#define GM_MAX_PREFIX 16 /* connected prefixes kept per interface */

enum gm_gen { GM_GEN1 = 1, GM_GEN2 = 2, GM_GEN3 = 3 };

enum gm_mode { GM_INCLUDE, GM_EXCLUDE };

enum gm_role { GM_ROLE_NONE, GM_ROLE_UPSTREAM, GM_ROLE_DOWNSTREAM };

/* Numbered as on the wire: RFC 9776 s4.2.13, RFC 9777 s5.2.12. */
enum gm_record_type { GM_IS_IN = 1, GM_IS_EX = 2, GM_TO_IN = 3, GM_TO_EX = 4, GM_ALLOW = 5, GM_BLOCK = 6 };

/* It tells of a filter in EXCLUDE mode. */
static inline bool gm_record_excludes(enum gm_record_type type)
{
	return type == GM_IS_EX || type == GM_TO_EX;
}

/* It tells of the filter as it is, not of a change: RFC 9776 s4.2.13. */
static inline bool gm_record_is_state(enum gm_record_type type)
{
	return type == GM_IS_IN || type == GM_IS_EX;
}

enum gm_immediate { GM_IMMEDIATE_OFF, GM_IMMEDIATE_TRACK, GM_IMMEDIATE_ALWAYS };

/*
 * Everything that is dropped, refused or worth counting, once per interface; names are the JSON keys and the text
 * labels. The first block counts what was received and sent, the second what was dropped.
 */
#define GM_COUNTERS(X)                                                                                                 \
	X(RX_QUERY_GEN1, "queryGen1")                                                                                  \
	X(RX_QUERY_GEN2, "queryGen2")                                                                                  \
	X(RX_QUERY_GEN3, "queryGen3")                                                                                  \
	X(RX_REPORT_GEN1, "reportGen1")                                                                                \
	X(RX_REPORT_GEN2, "reportGen2")                                                                                \
	X(RX_REPORT_GEN3, "reportGen3")                                                                                \
	X(RX_LEAVE, "leave")                                                                                           \
	X(TX_GENERAL, "generalQueriesSent")                                                                            \
	X(TX_GROUP, "groupQueriesSent")                                                                                \
	X(TX_GROUP_SOURCE, "groupSourceQueriesSent")                                                                   \
	X(TX_DISCOVERY, "advertisementsSent")                                                                          \
	X(TX_FAILED, "querySendFailures")

#define GM_DROPS(X)                                                                                                    \
	X(CHECKSUM, "checksum")            /* checksum wrong */                                                        \
	X(TOO_SHORT, "tooShort")           /* shorter than its type demands, or a length no version has */             \
	X(TTL, "ttl")                      /* TTL or Hop Limit is not 1 */                                             \
	X(ROUTER_ALERT, "routerAlert")     /* no Router Alert where it is required */                                  \
	X(SOURCE_ADDRESS, "sourceAddress") /* sender not on the link, or not a host address */                         \
	X(GROUP, "group")                  /* not a group that can be proxied */                                       \
	X(ACCESS_LIST, "accessList")       /* denied by the interface's access list */                                 \
	X(LIMIT, "limit")                  /* max-groups or max-sources reached */                                     \
	X(MALFORMED, "malformed")          /* counts run past the end, or values no sender may use */                  \
	X(UNKNOWN_TYPE, "unknownType")     /* message type of no version */                                            \
	X(UNKNOWN_RECORD, "unknownRecord") /* record type outside 1..6 */                                              \
	X(VERSION, "version")              /* message of a version the interface does not speak */                     \
	X(SSM, "ssm")                      /* any-source request in the SSM range */                                   \
	X(OLDER_HOST, "olderHost")         /* ignored because an older host is present: RFC 9776 s7.3.2 */             \
	X(NOT_QUERIER, "notQuerier")       /* leave heard while another router is the querier */                       \
	X(ROLE, "role")                    /* arrived on an interface that is not a downstream */                      \
	X(OWN_PACKET, "ownPacket")         /* our own address as the sender */                                         \
	X(ROUTE_LIMIT, "routeLimit")       /* route-limit reached, data not forwarded */                               \
	X(UPCALL_RATE, "upcallRate")       /* too many new streams of groups nobody wants */                           \
	X(LINK_LOCAL, "linkLocal")         /* a stream of a link-local source, not forwarded */                        \
	X(NO_MEMORY, "noMemory")           /* allocation failed */

enum gm_counter {
#define GM_COUNTER_ENUM(name, key) GM_C_##name,
	GM_COUNTERS(GM_COUNTER_ENUM)
#undef GM_COUNTER_ENUM
		GM_C_COUNT
};

enum gm_drop {
#define GM_DROP_ENUM(name, key) GM_DROP_##name,
	GM_DROPS(GM_DROP_ENUM)
#undef GM_DROP_ENUM
		GM_DROP_COUNT
};

extern const char *const gm_counter_names[GM_C_COUNT];
extern const char *const gm_drop_names[GM_DROP_COUNT];

/* --- policy: access lists --------------------------------------------------------------------------------------------
 */

struct gm_acl_rule {
	uint32_t seq;
	bool permit;
	bool any_group, any_source;
	struct ipprefix group, source;
};

/* Rules are sorted by seq. A NULL list permits everything, a list without a matching rule denies. */
struct gm_acl {
	struct gm_acl_rule *rules;
	unsigned int nrules;
};

/* Source mapping for hosts that cannot name one (`ssm-map`). */
struct gm_ssm_map {
	const struct gm_acl *acl; /* groups it is for */
	struct ipaddr source;
};

/* --- configuration of an instance and of its interfaces --- */

/* The lists and arrays pointed to stay the caller's and have to outlive their use, until the next event of the same
 * kind. */
struct gm_conf {
	const struct gm_acl *ssm_range; /* NULL: 232.0.0.0/8, ff3x::/32 */
	const struct gm_ssm_map *ssm_maps;
	unsigned int nssm_maps;
	uint32_t max_groups;    /* records in the whole instance, 0 = no limit */
	uint32_t route_limit;   /* forwarding entries, 0 = no limit */
	mtime_t idle_timeout;   /* forwarding entries without traffic */
	bool wildcard;          /* (*,*) and (*,G) entries instead of one per source above */
	uint32_t seed;          /* of random delays; it counts once */
	uint32_t policy_serial; /* changes whenever the content of any access list or map does */
};

struct gm_static {
	struct ipaddr group;
	struct ipaddr source; /* none: any source */
};

struct gm_if_conf {
	enum gm_role role;
	char name[GM_NAME_LEN];
	bool up;            /* administratively and by carrier */
	struct ipaddr addr; /* source of our queries: IPv4 address or link-local; none while there is none */
	struct ipprefix prefixes[GM_MAX_PREFIX]; /* connected */
	unsigned int nprefixes;

	/* upstream */
	uint8_t priority;
	const struct gm_acl *upstream_acl;
	mtime_t leave_delay;

	/* downstream */
	enum gm_gen gen;
	uint8_t robustness;
	mtime_t query_interval, query_response, last_member_interval, startup_interval;
	uint8_t last_member_count; /* 0: the robustness in force */
	uint8_t startup_count;
	enum gm_immediate immediate_leave;
	bool verify_source;
	bool ignore_older; /* hosts of older versions than `gen` do not count */
	bool forward_as_non_querier;
	const struct gm_acl *acl;
	uint32_t max_groups, max_sources; /* per interface, per group; 0 = no limit */
	const struct gm_static *statics;
	unsigned int nstatics;
	uint32_t statics_serial; /* another one: the list has changed */

	uint8_t discovery_interval_s; /* of multicast router discovery (RFC 4286); 0: off */

	/* both */
	const struct gm_acl *boundary;
};

/* --- events --- */

enum gm_event_type {
	GM_EV_CONF,       /* settings of the instance changed */
	GM_EV_IF,         /* an interface came, changed (link, role, parameters) or went (GM_ROLE_NONE) */
	GM_EV_RECORD,     /* one group record of a report; older reports and leaves are given as their equivalents */
	GM_EV_QUERY,      /* a query was heard */
	GM_EV_ECHO,       /* a query of our own came back on another interface than it was sent on */
	GM_EV_SOLICIT,    /* a solicitation of multicast router discovery was heard (RFC 4286) */
	GM_EV_UPCALL,     /* the kernel has data and no entry for it */
	GM_EV_WRONG_IF,   /* data arrived on another interface than its entry says */
	GM_EV_SEEN,       /* data was seen that the kernel may not ask about, since a shared entry matches */
	GM_EV_ROUTE_IDLE, /* an entry has carried nothing for `idle` */
	GM_EV_CLEAR, /* forget group records: a group of an interface, an interface (group none), all (slot GM_NO_IF) */
	GM_EV_CLEAR_ROUTES, /* forget forwarding entries: of a group (none: all) and a source (none: all) */
	GM_EV_RELEARN,      /* this is a new life of a proxy that was at work: what GM_EV_INHERIT brings stays until
			       every host has had its turn to report, which GM_NOTE_RELEARNED tells */
	GM_EV_INHERIT,      /* an entry that the kernel has from the former life; `slot` is its incoming interface */
	GM_EV_ASK,          /* nobody was listening for a while: ask the hosts what they want */
	GM_EV_RESYNC,       /* the kernel may have lost what it had: hand out upstream filters of `slot` again, or, when
			       `slot` is GM_NO_IF, all forwarding entries, those to be removed as well */
};

struct gm_event {
	enum gm_event_type type;
	uint8_t slot;
	union {
		const struct gm_conf *conf;
		const struct gm_if_conf *iface;
		struct {
			struct ipaddr reporter;
			struct ipaddr group;
			enum gm_record_type type;
			enum gm_gen gen; /* of the message: GEN1 report = IS_EX{}, GEN2 report = IS_EX{}, GEN2 leave =
					    TO_IN{} */
			const struct ipaddr *sources;
			unsigned int nsources;
		} record;
		struct {
			struct ipaddr from;
			struct ipaddr group; /* none: a general query */
			enum gm_gen gen;
			bool suppress;        /* S flag */
			uint8_t robustness;   /* QRV, 0 = not told */
			mtime_t interval;     /* QQI, 0 = not told */
			mtime_t max_response; /* of the query */
			const struct ipaddr *sources;
			unsigned int nsources;
		} query;
		struct {
			uint8_t sent; /* the slot in which it was sent */
		} echo;
		struct {
			struct ipaddr from;
		} solicit;
		struct {
			struct ipaddr source, group;
			mtime_t idle;      /* GM_EV_ROUTE_IDLE */
			uint32_t oifs;     /* GM_EV_INHERIT */
			uint64_t expected; /* GM_EV_WRONG_IF: packets so far that came in where the entry says */
			bool own;          /* GM_EV_WRONG_IF: it may be what the kernel has sent out there itself */
		} flow;
		struct {
			struct ipaddr group;
		} clear;
	};
};

/* --- actions --- */

enum gm_action_type {
	GM_ACT_QUERY,     /* send a query on `slot` */
	GM_ACT_DISCOVERY, /* send a message of multicast router discovery on `slot` */
	GM_ACT_UPSTREAM,  /* set the filter of a group on upstream `slot`; INCLUDE{} leaves the group */
	GM_ACT_ROUTE_SET, /* add or change in place a forwarding entry */
	GM_ACT_ROUTE_DEL, /* remove it */
	GM_ACT_NOTE,      /* something happened that people may want to know */
};

#define GM_NOTES(X)                                                                                                    \
	X(GROUP_JOINED, "group joined")                                                                                \
	X(GROUP_LEFT, "group left")                                                                                    \
	X(MODE_CHANGED, "filter mode changed")                                                                         \
	X(QUERIER_LOCAL, "this router is the querier")                                                                 \
	X(QUERIER_OTHER, "another router is the querier")                                                              \
	X(OTHER_VERSION_QUERY, "query of another version heard")                                                       \
	X(SSM_IGNORED, "any-source request in the SSM range ignored")                                                  \
	X(LIMIT_REACHED, "limit reached, request refused")                                                             \
	X(ROUTE_LIMIT, "forwarding entry limit reached")                                                               \
	X(IF_UP, "interface taken up")                                                                                 \
	X(IF_DOWN, "interface given up")                                                                               \
	X(UPSTREAM_SILENT, "no query heard upstream for two query intervals")                                          \
	X(UPSTREAM_HEARD, "queries are heard upstream again")                                                          \
	X(LOOP, "own message heard back: two interfaces are on one link")                                              \
	X(TWICE, "one source heard on two interfaces")                                                                 \
	X(RELEARNED, "every host has had its turn to report since the restart")                                        \
	X(SSM_OLDER_QUERY, "query of an older version upstream: source-specific groups cannot be asked for there")

enum gm_note {
#define GM_NOTE_ENUM(name, text) GM_NOTE_##name,
	GM_NOTES(GM_NOTE_ENUM)
#undef GM_NOTE_ENUM
		GM_NOTE_COUNT
};

extern const char *const gm_note_names[GM_NOTE_COUNT];

/* `sources` points into memory of the instance and is valid until gm_actions_done(). */
struct gm_action {
	enum gm_action_type type;
	uint8_t slot; /* of a ROUTE_*: the incoming interface */
	union {
		struct {
			struct ipaddr group; /* none: general query, to all hosts */
			enum gm_gen gen;     /* the form it is sent in */
			bool suppress;
			uint8_t robustness; /* QRV to announce */
			mtime_t interval;   /* QQI to announce */
			mtime_t max_response;
			const struct ipaddr *sources;
			unsigned int nsources;
		} query;
		struct {
			bool terminate;
			uint8_t interval_s; /* of advertisements */
			mtime_t query_interval;
			uint8_t robustness;
		} discovery;
		struct {
			struct ipaddr group;
			enum gm_mode mode;
			const struct ipaddr *sources; /* sorted */
			unsigned int nsources;
			bool prompt; /* a leave by immediate-leave: the router is to hear of it without delay */
		} upstream;
		struct {
			struct ipaddr source; /* none: (*,G) */
			struct ipaddr group;  /* none too: (*,*) */
			uint32_t oifs;        /* a bit per slot */
		} route;
		struct {
			enum gm_note what;
			struct ipaddr group, from;
		} note;
	};
};

/* --- reports --- */

/* A report of the host side, to be sent. Before GEN3 it has one record: IS_EX is a report, TO_IN a leave. */
struct gm_report {
	enum gm_gen gen;
	const struct gm_report_record {
		enum gm_record_type type;
		struct ipaddr group;
		const struct ipaddr *sources;
		unsigned int nsources;
	} * records;
	unsigned int nrecords;
};

/* --- the instance --- */

struct gm_af;
struct gm;

/* The two families. */
extern const struct gm_af gm_af_igmp, gm_af_mld;

/* Returns NULL when out of memory. Nothing happens before a GM_EV_CONF and some GM_EV_IF have come. */
struct gm *gm_new(const struct gm_af *af);
void gm_free(struct gm *gm);

/*
 * Fires what is due at `now`, then applies one event. Returns 0, or -ENOMEM when the event could not be applied in
 * full: it was counted, the state is consistent. A drop by policy is not an error.
 */
int gm_input(struct gm *gm, mtime_t now, const struct gm_event *ev);

/* Fires every timer due at `now`. */
void gm_tick(struct gm *gm, mtime_t now);

/* When gm_tick() is next needed; MTIME_NEVER: not before another event. */
mtime_t gm_next(const struct gm *gm);

/*
 * Settles what the events since the last call have changed (so that a burst costs one filter change a group) and
 * returns the actions in the order they are to be carried out. The array and what it points to stay valid until
 * gm_actions_done().
 */
const struct gm_action *gm_actions(struct gm *gm, mtime_t now, size_t *n);
void gm_actions_done(struct gm *gm);

/*
 * As gm_actions(), but settles at most `groups` of the changed groups, the first changed first, so that a caller can
 * do something else in between. gm_unsettled() tells after it that there are more.
 */
const struct gm_action *gm_actions_some(struct gm *gm, mtime_t now, unsigned int groups, size_t *n);
bool gm_unsettled(const struct gm *gm);

/* Counts something the outside has seen, for instance a packet that could not be decoded. */
void gm_count(struct gm *gm, uint8_t slot, enum gm_counter what);
void gm_count_drop(struct gm *gm, uint8_t slot, enum gm_drop what);
void gm_clear_counters(struct gm *gm);

/* Asserts every invariant at `now`; aborts with a message naming the one that is broken. For tests and debug builds. */
void gm_check(const struct gm *gm, mtime_t now);

#endif
