/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

/* --- life --- */

static void acl_unref(struct conf_acl *acl)
{
	if (--acl->refs)
		return;
	free(acl->acl.rules);
	free(acl);
}

static void if_free(struct conf_if *ifc)
{
	if (!ifc)
		return;
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		free(ifc->af[f].statics.v);
		free(ifc->af[f].joins.v);
	}
	free(ifc->description);
	free(ifc);
}

static void af_fini(struct conf_af *af)
{
	for (unsigned int i = 0; i < af->nacls; i++)
		acl_unref(af->acls[i]);
	free(af->acls);
	free(af->ssm_maps);
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	for (unsigned int i = 0; i < conf->nifs; i++)
		if_free(conf->ifs[i]);
	free(conf->ifs);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++)
		af_fini(&conf->af[f]);
	free(conf);
}

struct conf *conf_new(void)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (!conf)
		return NULL;
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		conf->af[f].max_groups = 65536;
		conf->af[f].route_limit = 16384;
		conf->af[f].idle_timeout_s = 210;
		conf->af[f].table = 253;
	}
	conf->log_stderr = (struct conf_log){ .on = true, .level = LOG_INFORMATIONAL };
	conf->log_syslog.level = conf->log_file.level = LOG_INFORMATIONAL;
	return conf;
}

void conf_if_af_defaults(struct conf_if_af *af, enum family family)
{
	*af = (struct conf_if_af){
		.priority = 100,
		.version = family == FAMILY_IPV4 ? 3 : 2,
		.robustness = 2,
		.query_interval_s = 125,
		.last_member_query_interval_ds = 10,
		.require_router_alert = family == FAMILY_IPV6,
		.verify_source_subnet = true,
		.max_groups = 4096,
		.max_sources = 1024,
		.ttl_threshold = 1,
		.router_discovery_interval_s = 20,
	};
}

uint32_t conf_query_response_ds(const struct conf_if_af *af)
{
	if (af->query_max_response_ds)
		return af->query_max_response_ds;
	return af->query_interval_s > 10 ? 100 : af->query_interval_s * 5;
}

uint32_t conf_startup_count(const struct conf_if_af *af)
{
	return af->startup_query_count ? af->startup_query_count : af->robustness;
}

/* A copy of `n` elements; NULL for none. Returns 0 or -ENOMEM. */
static int copy_array(void *to, const void *from, unsigned int n, size_t size)
{
	void *v = NULL;

	if (n) {
		v = malloc(n * size);
		if (!v)
			return -ENOMEM;
		memcpy(v, from, n * size);
	}
	memcpy(to, &v, sizeof(v));
	return 0;
}

static struct conf_if *if_clone(const struct conf_if *ifc)
{
	struct conf_if *copy = malloc(sizeof(*copy));
	int err = 0;

	if (!copy)
		return NULL;
	*copy = *ifc;
	copy->description = ifc->description ? strdup(ifc->description) : NULL;
	if (ifc->description && !copy->description)
		err = -ENOMEM;
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		const struct conf_if_af *from = &ifc->af[f];
		struct conf_if_af *to = &copy->af[f];

		to->statics.v = to->joins.v = NULL;
		if (copy_array(&to->statics.v, from->statics.v, from->statics.n, sizeof(*from->statics.v)) < 0 ||
		    copy_array(&to->joins.v, from->joins.v, from->joins.n, sizeof(*from->joins.v)) < 0)
			err = -ENOMEM;
	}
	if (err < 0) {
		if_free(copy);
		return NULL;
	}
	return copy;
}

static int clone_af(struct conf_af *to, const struct conf_af *from)
{
	*to = *from;
	to->acls = NULL;
	to->nacls = 0;
	to->ssm_maps = NULL;
	if (copy_array(&to->ssm_maps, from->ssm_maps, from->nssm_maps, sizeof(*from->ssm_maps)) < 0 ||
	    copy_array(&to->acls, from->acls, from->nacls, sizeof(struct conf_acl *)) < 0)
		return -ENOMEM;
	to->nacls = from->nacls;
	for (unsigned int i = 0; i < to->nacls; i++)
		to->acls[i]->refs++;
	return 0;
}

struct conf *conf_clone(const struct conf *conf)
{
	struct conf *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *conf;
	memset(copy->af, 0, sizeof(copy->af));
	copy->nifs = 0;
	copy->ifs = calloc(conf->nifs + 1, sizeof(struct conf_if *));
	if (!copy->ifs)
		goto fail;
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		if (clone_af(&copy->af[f], &conf->af[f]) < 0)
			goto fail;
	}
	for (; copy->nifs < conf->nifs; copy->nifs++) {
		copy->ifs[copy->nifs] = if_clone(conf->ifs[copy->nifs]);
		if (!copy->ifs[copy->nifs])
			goto fail;
	}
	return copy;
fail:
	conf_free(copy);
	return NULL;
}

/* --- sorted arrays of pointers to things with a name --- */

/* Makes room at `at` in an array of `*n` pointers. Returns the array, or NULL when out of memory (it is as it was). */
static void *open_gap(void *array, unsigned int *n, unsigned int at)
{
	void **v = realloc(array, (*n + 1) * sizeof(void *));

	if (!v)
		return NULL;
	memmove(&v[at + 1], &v[at], (*n - at) * sizeof(void *));
	v[at] = NULL;
	(*n)++;
	return v;
}

static void close_gap(void *array, unsigned int *n, unsigned int at)
{
	void **v = array;

	(*n)--;
	memmove(&v[at], &v[at + 1], (*n - at) * sizeof(void *));
}

/* Where the interface is or belongs. */
static unsigned int if_position(const struct conf *conf, const char *name, bool *found)
{
	unsigned int i = 0;

	while (i < conf->nifs && strcmp(conf->ifs[i]->name, name) < 0)
		i++;
	*found = i < conf->nifs && strcmp(conf->ifs[i]->name, name) == 0;
	return i;
}

struct conf_if *conf_if_find(const struct conf *conf, const char *name)
{
	bool found;
	unsigned int i = if_position(conf, name, &found);

	return found ? conf->ifs[i] : NULL;
}

struct conf_if *conf_if_get(struct conf *conf, const char *name)
{
	struct conf_if **ifs, *ifc;
	bool found;
	unsigned int i = if_position(conf, name, &found);

	if (found)
		return conf->ifs[i];
	ifc = calloc(1, sizeof(*ifc));
	if (!ifc)
		return NULL;
	ifs = open_gap(conf->ifs, &conf->nifs, i);
	if (!ifs) {
		free(ifc);
		return NULL;
	}
	conf->ifs = ifs;
	conf->ifs[i] = ifc;
	snprintf(ifc->name, sizeof(ifc->name), "%s", name);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++)
		conf_if_af_defaults(&ifc->af[f], (enum family)f);
	return ifc;
}

void conf_if_remove(struct conf *conf, const char *name)
{
	bool found;
	unsigned int i = if_position(conf, name, &found);

	if (!found)
		return;
	if_free(conf->ifs[i]);
	close_gap(conf->ifs, &conf->nifs, i);
}

bool conf_if_name_valid(const char *name)
{
	if (!*name || strlen(name) >= GM_NAME_LEN || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (; *name; name++) {
		if (*name == '/' || *name == ':' || isspace((unsigned char)*name) || iscntrl((unsigned char)*name))
			return false;
	}
	return true;
}

/* --- access lists --- */

static unsigned int acl_position(const struct conf_af *af, const char *name, bool *found)
{
	unsigned int i = 0;

	while (i < af->nacls && strcmp(af->acls[i]->name, name) < 0)
		i++;
	*found = i < af->nacls && strcmp(af->acls[i]->name, name) == 0;
	return i;
}

const struct gm_acl *conf_acl_find(const struct conf *conf, enum family family, const char *name)
{
	bool found;
	unsigned int i = acl_position(&conf->af[family], name, &found);

	return found ? &conf->af[family].acls[i]->acl : NULL;
}

/* A list of our own at `i`, with room for one more rule. */
static struct conf_acl *acl_own(struct conf_af *af, unsigned int i)
{
	struct conf_acl *old = af->acls[i], *acl;

	if (old->refs == 1) {
		struct gm_acl_rule *rules = realloc(old->acl.rules, (old->acl.nrules + 1) * sizeof(*rules));

		if (!rules)
			return NULL;
		old->acl.rules = rules;
		return old;
	}
	acl = malloc(sizeof(*acl));
	if (!acl)
		return NULL;
	*acl = *old;
	acl->refs = 1;
	acl->acl.rules = malloc((old->acl.nrules + 1) * sizeof(*acl->acl.rules));
	if (!acl->acl.rules) {
		free(acl);
		return NULL;
	}
	if (old->acl.nrules)
		if (old->acl.nrules)
			memcpy(acl->acl.rules, old->acl.rules, old->acl.nrules * sizeof(*acl->acl.rules));
	acl_unref(old);
	af->acls[i] = acl;
	return acl;
}

static struct conf_acl *acl_new(struct conf_af *af, const char *name, unsigned int at)
{
	struct conf_acl **acls, *acl = calloc(1, sizeof(*acl));

	if (!acl)
		return NULL;
	acls = open_gap(af->acls, &af->nacls, at);
	if (!acls) {
		free(acl);
		return NULL;
	}
	af->acls = acls;
	af->acls[at] = acl;
	acl->refs = 1;
	snprintf(acl->name, sizeof(acl->name), "%s", name);
	return acl;
}

/* Some setting names the list: what it says counts. */
static bool is_used(const struct conf *conf, enum family family, const char *name)
{
	const struct conf_af *af = &conf->af[family];
	bool used = strcmp(af->ssm_range, name) == 0;

	for (unsigned int i = 0; i < af->nssm_maps; i++)
		used |= strcmp(af->ssm_maps[i].acl, name) == 0;
	for (unsigned int i = 0; i < conf->nifs; i++) {
		const struct conf_if_af *ifc = &conf->ifs[i]->af[family];

		used |= strcmp(ifc->upstream_acl, name) == 0 || strcmp(ifc->access_list, name) == 0 ||
			strcmp(ifc->boundary, name) == 0;
	}
	return used;
}

int conf_acl_set_rule(struct conf *conf, enum family family, const char *name, const struct gm_acl_rule *rule)
{
	struct conf_af *af = &conf->af[family];
	struct conf_acl *acl;
	unsigned int at, i = 0;
	bool found;

	at = acl_position(af, name, &found);
	if (!found && !acl_new(af, name, at))
		return -ENOMEM;
	acl = acl_own(af, at);
	if (!acl)
		return -ENOMEM;
	while (i < acl->acl.nrules && acl->acl.rules[i].seq < rule->seq)
		i++;
	if (i == acl->acl.nrules || acl->acl.rules[i].seq != rule->seq) {
		memmove(&acl->acl.rules[i + 1], &acl->acl.rules[i], (acl->acl.nrules - i) * sizeof(*rule));
		acl->acl.nrules++;
	}
	acl->acl.rules[i] = *rule;
	af->policy_serial += is_used(conf, family, name);
	return 0;
}

int conf_acl_remove(struct conf *conf, enum family family, const char *name, uint32_t seq)
{
	struct conf_af *af = &conf->af[family];
	struct conf_acl *acl;
	unsigned int at, i = 0;
	bool found;

	at = acl_position(af, name, &found);
	if (!found)
		return -ENOENT;
	acl = af->acls[at];
	if (seq) {
		while (i < acl->acl.nrules && acl->acl.rules[i].seq != seq)
			i++;
		if (i == acl->acl.nrules)
			return -ENOENT;
	}
	if (!seq || acl->acl.nrules == 1) {
		acl_unref(acl);
		close_gap(af->acls, &af->nacls, at);
	} else {
		acl = acl_own(af, at);
		if (!acl)
			return -ENOMEM;
		acl->acl.nrules--;
		memmove(&acl->acl.rules[i], &acl->acl.rules[i + 1], (acl->acl.nrules - i) * sizeof(*acl->acl.rules));
	}
	af->policy_serial += is_used(conf, family, name);
	return 0;
}

/* --- lists --- */

static int compare_members(const struct gm_static *a, const struct gm_static *b)
{
	int order = ipaddr_cmp(&a->group, &b->group);

	return order ? order : ipaddr_cmp(&a->source, &b->source);
}

static unsigned int member_position(const struct conf_members *members, const struct gm_static *member, bool *found)
{
	unsigned int i = 0;

	while (i < members->n && compare_members(&members->v[i], member) < 0)
		i++;
	*found = i < members->n && compare_members(&members->v[i], member) == 0;
	return i;
}

int conf_members_add(struct conf *conf, struct conf_members *members, const struct gm_static *member)
{
	struct gm_static *v;
	bool found;
	unsigned int i = member_position(members, member, &found);

	if (found)
		return 0;
	v = realloc(members->v, (members->n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	members->v = v;
	memmove(&v[i + 1], &v[i], (members->n - i) * sizeof(*v));
	v[i] = *member;
	members->n++;
	members->serial = ++conf->last_serial;
	return 0;
}

int conf_members_remove(struct conf *conf, struct conf_members *members, const struct gm_static *member)
{
	bool found;
	unsigned int i = member_position(members, member, &found);

	if (!found)
		return -ENOENT;
	members->n--;
	memmove(&members->v[i], &members->v[i + 1], (members->n - i) * sizeof(*members->v));
	members->serial = ++conf->last_serial;
	return 0;
}

static int compare_maps(const struct conf_ssm_map *a, const struct conf_ssm_map *b)
{
	int order = strcmp(a->acl, b->acl);

	return order ? order : ipaddr_cmp(&a->source, &b->source);
}

static unsigned int map_position(const struct conf_af *af, const struct conf_ssm_map *map, bool *found)
{
	unsigned int i = 0;

	while (i < af->nssm_maps && compare_maps(&af->ssm_maps[i], map) < 0)
		i++;
	*found = i < af->nssm_maps && compare_maps(&af->ssm_maps[i], map) == 0;
	return i;
}

int conf_ssm_map_add(struct conf *conf, enum family family, const struct conf_ssm_map *map)
{
	struct conf_af *af = &conf->af[family];
	struct conf_ssm_map *v;
	bool found;
	unsigned int i = map_position(af, map, &found);

	if (found)
		return 0;
	v = realloc(af->ssm_maps, (af->nssm_maps + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	af->ssm_maps = v;
	memmove(&v[i + 1], &v[i], (af->nssm_maps - i) * sizeof(*v));
	v[i] = *map;
	af->nssm_maps++;
	af->policy_serial++;
	return 0;
}

int conf_ssm_map_remove(struct conf *conf, enum family family, const struct conf_ssm_map *map)
{
	struct conf_af *af = &conf->af[family];
	unsigned int n = 0;

	for (unsigned int i = 0; i < af->nssm_maps; i++) {
		const struct conf_ssm_map *old = &af->ssm_maps[i];

		if (strcmp(old->acl, map->acl) != 0 ||
		    (!ipaddr_is_none(&map->source) && ipaddr_cmp(&old->source, &map->source) != 0))
			af->ssm_maps[n++] = *old;
	}
	if (n == af->nssm_maps)
		return -ENOENT;
	af->nssm_maps = n;
	af->policy_serial++;
	return 0;
}

/* --- comparing --- */

static bool same_rule(const struct gm_acl_rule *a, const struct gm_acl_rule *b)
{
	return a->seq == b->seq && a->permit == b->permit && a->any_group == b->any_group &&
	       a->any_source == b->any_source && (a->any_group || ipprefix_eq(&a->group, &b->group)) &&
	       (a->any_source || ipprefix_eq(&a->source, &b->source));
}

static bool same_acl(const struct gm_acl *a, const struct gm_acl *b)
{
	if (a->nrules != b->nrules)
		return false;
	for (unsigned int i = 0; i < a->nrules; i++) {
		if (!same_rule(&a->rules[i], &b->rules[i]))
			return false;
	}
	return true;
}

static bool same_maps(const struct conf_af *a, const struct conf_af *b)
{
	if (a->nssm_maps != b->nssm_maps)
		return false;
	for (unsigned int i = 0; i < a->nssm_maps; i++) {
		if (compare_maps(&a->ssm_maps[i], &b->ssm_maps[i]) != 0)
			return false;
	}
	return true;
}

/* Shares equal lists with `old`. */
static void adopt_policy(struct conf *conf, enum family family, const struct conf *old)
{
	struct conf_af *af = &conf->af[family];
	const struct conf_af *was = &old->af[family];
	bool same = strcmp(af->ssm_range, was->ssm_range) == 0 && same_maps(af, was), found;

	for (unsigned int i = 0; i < af->nacls; i++) {
		unsigned int j = acl_position(was, af->acls[i]->name, &found);

		if (!found || !same_acl(&af->acls[i]->acl, &was->acls[j]->acl)) {
			same &= !is_used(conf, family, af->acls[i]->name);
			continue;
		}
		acl_unref(af->acls[i]);
		af->acls[i] = was->acls[j];
		af->acls[i]->refs++;
	}
	for (unsigned int i = 0; i < was->nacls; i++) {
		(void)acl_position(af, was->acls[i]->name, &found);
		same &= found || !is_used(conf, family, was->acls[i]->name);
	}
	af->policy_serial = same ? was->policy_serial : was->policy_serial + 1;
}

static void adopt_members(struct conf *conf, struct conf_members *members, const struct conf_members *old)
{
	bool same = members->n == old->n;

	for (unsigned int i = 0; same && i < members->n; i++)
		same = compare_members(&members->v[i], &old->v[i]) == 0;
	members->serial = same ? old->serial : ++conf->last_serial;
}

void conf_adopt(struct conf *conf, const struct conf *old)
{
	static const struct conf_members none;

	conf->last_serial = old->last_serial;
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		adopt_policy(conf, (enum family)f, old);
		for (unsigned int i = 0; i < conf->nifs; i++) {
			struct conf_if_af *af = &conf->ifs[i]->af[f];
			const struct conf_if *ifc = conf_if_find(old, conf->ifs[i]->name);

			adopt_members(conf, &af->statics, ifc ? &ifc->af[f].statics : &none);
			adopt_members(conf, &af->joins, ifc ? &ifc->af[f].joins : &none);
		}
	}
}

bool conf_invalid(const struct conf *conf, char *buf, size_t size)
{
	for (unsigned int i = 0; i < conf->nifs; i++) {
		for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
			const struct conf_if_af *af = &conf->ifs[i]->af[f];

			/* RFC 9776 s8.3: hosts have to answer before the next query. */
			if (conf_query_response_ds(af) >= af->query_interval_s * 10) {
				snprintf(buf, size,
					 "interface %s: %s %s query-max-response-time (%u tenths of a second) has to "
					 "be shorter than "
					 "query-interval (%u s)",
					 conf->ifs[i]->name, family_name((enum family)f),
					 family_protocol((enum family)f), af->query_max_response_ds,
					 af->query_interval_s);
				return true;
			}
		}
	}
	return false;
}
