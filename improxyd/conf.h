/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf - the configuration as a value: it can be made, copied, compared and thrown away, and nothing happens by that.
 * It owns all it points to. What the words of a setting are is the business of knobs; what it does, of apply.
 */
#ifndef IMPROXY_CONF_H
#define IMPROXY_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/gm.h"
#include "lib/family.h"
#include "lib/ipaddr.h"

#define CONF_NAME_LEN     32 /* of an access list, with its NUL */
#define CONF_HOSTNAME_LEN 65
#define CONF_PATH_LEN     256

/* Shared between copies of a configuration; an edit makes a copy of its own first. */
struct conf_acl {
	unsigned int refs;
	char name[CONF_NAME_LEN];
	struct gm_acl acl; /* rules sorted by seq */
};

struct conf_ssm_map {
	char acl[CONF_NAME_LEN];
	struct ipaddr source;
};

/* A list of memberships; `serial` is another one after each change. */
struct conf_members {
	struct gm_static *v;
	unsigned int n;
	uint32_t serial;
};

/* Settings of a family. */
struct conf_af {
	char ssm_range[CONF_NAME_LEN]; /* empty: the standard's range */
	struct conf_ssm_map *ssm_maps;
	unsigned int nssm_maps;
	uint32_t max_groups, route_limit, idle_timeout_s, table;
	bool wildcard;
	struct conf_acl **acls; /* sorted by name */
	unsigned int nacls;
	uint32_t policy_serial; /* another one after each change of an access list in use, the SSM range or a map */
};

/* Settings of an interface in a family; 0 stands for what follows from other settings where the comment says so. */
struct conf_if_af {
	enum gm_role role;
	uint32_t priority;
	char upstream_acl[CONF_NAME_LEN];
	uint32_t leave_delay_ms;

	uint32_t version;
	uint32_t robustness;
	uint32_t query_interval_s;
	uint32_t query_max_response_ds; /* 0: 10 s, or half a query interval that is no longer than that */
	uint32_t last_member_query_interval_ds;
	uint32_t last_member_query_count;  /* 0: robustness */
	uint32_t startup_query_interval_s; /* 0: a quarter of the query interval */
	uint32_t startup_query_count;      /* 0: robustness */
	enum gm_immediate immediate_leave;
	bool require_router_alert, verify_source_subnet, forward_as_non_querier, strict_version;
	char access_list[CONF_NAME_LEN];
	uint32_t max_groups, max_sources;
	struct conf_members statics, joins;

	char boundary[CONF_NAME_LEN];
	uint32_t ttl_threshold;
	bool router_discovery;
	uint32_t router_discovery_interval_s;
};

struct conf_if {
	char name[GM_NAME_LEN];
	char *description; /* NULL: none */
	struct conf_if_af af[FAMILY_COUNT];
};

struct conf_log {
	bool on;
	int level; /* enum log_level */
};

struct conf {
	char hostname[CONF_HOSTNAME_LEN]; /* empty: the machine's */
	struct conf_log log_stderr, log_syslog, log_file;
	char log_path[CONF_PATH_LEN];
	struct conf_af af[FAMILY_COUNT];
	struct conf_if **ifs; /* sorted by name */
	unsigned int nifs;
	uint32_t last_serial; /* source of the serials of lists */
};

/* A configuration with every setting at its default. All of these return NULL when out of memory. */
struct conf *conf_new(void);
struct conf *conf_clone(const struct conf *conf);
void conf_free(struct conf *conf);

/* The defaults of an interface in a family, the same values as in the knob table. */
void conf_if_af_defaults(struct conf_if_af *af, enum family family);

/* What is in force where a setting follows from others. */
uint32_t conf_query_response_ds(const struct conf_if_af *af);
uint32_t conf_startup_count(const struct conf_if_af *af);

/*
 * For a configuration that was built from nothing: what is equal to `old` takes over its access lists and serials, so
 * that nothing is done about it when it is applied.
 */
void conf_adopt(struct conf *conf, const struct conf *old);

/* What is wrong across settings, as a text for people in `buf`; false when nothing is. */
bool conf_invalid(const struct conf *conf, char *buf, size_t size);

/* NULL: not configured. */
struct conf_if *conf_if_find(const struct conf *conf, const char *name);
/* Makes it when it is not there. */
struct conf_if *conf_if_get(struct conf *conf, const char *name);
void conf_if_remove(struct conf *conf, const char *name);
/* A name the kernel would take. */
bool conf_if_name_valid(const char *name);

/* The list of that name; NULL when the name is empty or there is none, which permits all. */
const struct gm_acl *conf_acl_find(const struct conf *conf, enum family family, const char *name);
/* Adds or replaces the rule of its seq. Returns 0 or -ENOMEM. */
int conf_acl_set_rule(struct conf *conf, enum family family, const char *name, const struct gm_acl_rule *rule);
/* Removes a rule (the list goes with its last one), or the whole list with seq 0. Returns 0, -ENOENT or -ENOMEM. */
int conf_acl_remove(struct conf *conf, enum family family, const char *name, uint32_t seq);

/* Adds a membership (again: nothing), or takes it out (-ENOENT: it is not there). Returns 0 or -errno. */
int conf_members_add(struct conf *conf, struct conf_members *members, const struct gm_static *member);
int conf_members_remove(struct conf *conf, struct conf_members *members, const struct gm_static *member);

/* The same for ssm-map; source "none" removes all of the list. */
int conf_ssm_map_add(struct conf *conf, enum family family, const struct conf_ssm_map *map);
int conf_ssm_map_remove(struct conf *conf, enum family family, const struct conf_ssm_map *map);

#endif
