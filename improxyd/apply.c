/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "apply.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "lib/log.h"
#include "sys/exec.h"
#include "sys/link.h"

struct apply {
	const struct links *links;
	struct exec *exec[FAMILY_COUNT];
	const struct conf *conf;               /* of the run under way */
	enum family family;                    /* likewise */
	int failed;                            /* what another run may mend */
	uint32_t seed;                         /* of the random delays of the engines */
	struct gm_ssm_map *maps[FAMILY_COUNT]; /* the engines use them */
	/* What was logged last for an interface, so that a state is told once. */
	struct told {
		struct told *next;
		char name[GM_NAME_LEN];
		enum family family;
		int err;
	} * told;
};

struct apply *apply_new(const struct links *links, struct exec *const exec[FAMILY_COUNT], uint32_t seed)
{
	struct apply *apply = calloc(1, sizeof(*apply));

	if (!apply)
		return NULL;
	apply->links = links;
	apply->seed = seed;
	memcpy(apply->exec, exec, sizeof(apply->exec));
	return apply;
}

static void forget_told(struct apply *apply)
{
	while (apply->told) {
		struct told *next = apply->told->next;

		free(apply->told);
		apply->told = next;
	}
}

void apply_free(struct apply *apply)
{
	if (!apply)
		return;
	forget_told(apply);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++)
		free(apply->maps[f]);
	free(apply);
}

/* --- from configuration to what the engine wants --- */

static bool has_prefix(const struct gm_if_conf *gm, const struct ipprefix *prefix)
{
	for (unsigned int i = 0; i < gm->nprefixes; i++) {
		if (ipprefix_eq(&gm->prefixes[i], prefix))
			return true;
	}
	return false;
}

static void fill_addresses(struct gm_if_conf *gm, const struct link *link, enum family family)
{
	gm->addr = link_primary(link, family);
	for (unsigned int i = 0; i < link->naddrs[family] && gm->nprefixes < GM_MAX_PREFIX; i++) {
		const struct link_addr *addr = &link->addrs[family][i];

		/* Link-local prefixes are on every link: no source of data belongs to one of them. */
		if (addr->failed || ipaddr_is_linklocal(&addr->prefix.addr) || has_prefix(gm, &addr->prefix))
			continue;
		gm->prefixes[gm->nprefixes++] = addr->prefix;
	}
}

static void fill_timing(struct gm_if_conf *gm, const struct conf_if_af *af)
{
	gm->robustness = (uint8_t)af->robustness;
	gm->query_interval = mtime_from_s(af->query_interval_s);
	gm->query_response = mtime_from_ds(conf_query_response_ds(af));
	gm->last_member_interval = mtime_from_ds(af->last_member_query_interval_ds);
	gm->last_member_count = (uint8_t)af->last_member_query_count;
	gm->startup_interval =
		af->startup_query_interval_s ? mtime_from_s(af->startup_query_interval_s) : gm->query_interval / 4;
	gm->startup_count = (uint8_t)conf_startup_count(af);
}

/* Generations: 3 = IGMPv3 or MLDv2, so that MLD's numbers are one lower. */
static enum gm_gen gen_of(enum family family, unsigned int version)
{
	return (enum gm_gen)(family == FAMILY_IPV4 ? version : version + 1);
}

/* Upstream the kernel steps back to the version of its querier by itself, unless it may not. */
static unsigned int host_version(const struct conf_if_af *af, enum family family)
{
	struct conf_if_af defaults;

	conf_if_af_defaults(&defaults, family);
	if (af->role != GM_ROLE_UPSTREAM || (af->version == defaults.version && !af->strict_version))
		return 0;
	return af->version;
}

static void fill_if(struct exec_if *want, const struct conf *conf, const struct conf_if *ifc, const struct link *link,
		    enum family family)
{
	const struct conf_if_af *af = &ifc->af[family];

	*want = (struct exec_if){
		.ifindex = link->ifindex,
		.mtu = link->mtu,
		.life = link->life[family],
		.require_router_alert = af->require_router_alert,
		.ttl_threshold = (uint8_t)af->ttl_threshold,
		.host_version = host_version(af, family),
		.gm = {
			.role = af->role,
			.up = link->up && !link->port,
			.priority = (uint8_t)af->priority,
			.upstream_acl = conf_acl_find(conf, family, af->upstream_acl),
			.leave_delay = mtime_from_ms(af->leave_delay_ms),
			.gen = gen_of(family, af->version),
			.immediate_leave = af->immediate_leave,
			.verify_source = af->verify_source_subnet,
			.ignore_older = af->strict_version,
			.forward_as_non_querier = af->forward_as_non_querier,
			.acl = conf_acl_find(conf, family, af->access_list),
			.max_groups = af->max_groups,
			.max_sources = af->max_sources,
			.statics = af->statics.v,
			.nstatics = af->statics.n,
			.statics_serial = af->statics.serial,
			.discovery_interval_s =
				af->router_discovery ? (uint8_t)af->router_discovery_interval_s : 0,
			.boundary = conf_acl_find(conf, family, af->boundary),
		},
	};
	memcpy(want->station, link->station, sizeof(want->station));
	snprintf(want->gm.name, sizeof(want->gm.name), "%s", ifc->name);
	fill_addresses(&want->gm, link, family);
	fill_timing(&want->gm, af);
}

static void fill_conf(const struct apply *apply, struct gm_conf *gm, struct gm_ssm_map *maps, const struct conf *conf,
		      enum family family)
{
	const struct conf_af *af = &conf->af[family];

	for (unsigned int i = 0; i < af->nssm_maps && maps; i++)
		maps[i] = (struct gm_ssm_map){ .acl = conf_acl_find(conf, family, af->ssm_maps[i].acl),
					       .source = af->ssm_maps[i].source };
	*gm = (struct gm_conf){
		.ssm_range = conf_acl_find(conf, family, af->ssm_range),
		.ssm_maps = maps,
		.nssm_maps = maps ? af->nssm_maps : 0,
		.max_groups = af->max_groups,
		.route_limit = af->route_limit,
		.idle_timeout = mtime_from_s(af->idle_timeout_s),
		.wildcard = af->wildcard,
		.seed = apply->seed,
		.policy_serial = af->policy_serial,
	};
}

/* --- a run --- */

static const char *reason_of(int err)
{
	switch (err) {
	case -ENOSPC:
		return "all 32 interfaces of the kernel's table are in use";
	case -EBUSY:
		return "it is a port of a bridge or bond, which gets its packets instead";
	default:
		return strerror(-err);
	}
}

static void tell(struct apply *apply, const char *name, int err)
{
	struct told **link = &apply->told, *told;

	/* A full table and a port's state change with links and configuration only, which cause a run of their own. */
	if (err < 0 && err != -ENOSPC && err != -EBUSY)
		apply->failed = err;
	while (*link && !((*link)->family == apply->family && strcmp((*link)->name, name) == 0))
		link = &(*link)->next;
	told = *link;
	if ((told ? told->err : 0) == err)
		return;
	if (err == 0) {
		log_notice(family_protocol(apply->family), "%s: proxied now", name);
		*link = told->next;
		free(told);
		return;
	}
	log_error(family_protocol(apply->family), "%s: not proxied: %s", name, reason_of(err));
	if (!told) {
		told = calloc(1, sizeof(*told));
		if (!told)
			return; /* it is told again at the next run */
		snprintf(told->name, sizeof(told->name), "%s", name);
		told->family = apply->family;
		*link = told;
	}
	told->err = err;
}

/* NULL: there is none, or none with this family. */
static const struct link *find_link(const struct apply *apply, const char *name, enum family family)
{
	const struct link *link = links_by_name(apply->links, name);

	return link && !link->missing[family] ? link : NULL;
}

static const struct link *link_of(const struct apply *apply, const struct conf_if *ifc, enum family family)
{
	return ifc->af[family].role == GM_ROLE_NONE ? NULL : find_link(apply, ifc->name, family);
}

static bool keep(void *arg, int ifindex)
{
	const struct apply *apply = arg;

	for (unsigned int i = 0; i < apply->conf->nifs; i++) {
		const struct link *link = link_of(apply, apply->conf->ifs[i], apply->family);

		if (link && link->ifindex == ifindex)
			return true;
	}
	return false;
}

static void lose_missing(const struct apply *apply, struct exec *exec)
{
	for (unsigned int i = 0; i < links_count(apply->links); i++) {
		const struct link *link = links_at(apply->links, i);

		if (link->missing[apply->family])
			exec_lose_if(exec, link->ifindex);
	}
}

/* Free slots, less those that are kept for upstreams that are not there now: without them nothing else is of use. */
static bool has_room(const struct apply *apply, const struct exec *exec)
{
	unsigned int room = 0;

	for (unsigned int slot = 0; slot < GM_MAX_IFS; slot++)
		room += exec_ifindex(exec, (uint8_t)slot) == 0;
	for (unsigned int i = 0; i < apply->conf->nifs && room; i++) {
		const struct conf_if *ifc = apply->conf->ifs[i];

		room -= ifc->af[apply->family].role == GM_ROLE_UPSTREAM && !link_of(apply, ifc, apply->family);
	}
	return room != 0;
}

/* The last downstream gives way to an upstream. */
static void make_room(const struct apply *apply, struct exec *exec)
{
	for (unsigned int i = apply->conf->nifs; i > 0; i--) {
		const struct conf_if *ifc = apply->conf->ifs[i - 1];
		const struct link *link = link_of(apply, ifc, apply->family);

		if (!link || ifc->af[apply->family].role != GM_ROLE_DOWNSTREAM ||
		    exec_slot(exec, link->ifindex) == GM_NO_IF)
			continue;
		exec_remove_if(exec, link->ifindex);
		return;
	}
}

static int apply_if(const struct apply *apply, struct exec *exec, const struct conf_if *ifc, const struct link *link)
{
	bool upstream = ifc->af[apply->family].role == GM_ROLE_UPSTREAM;
	struct exec_if want;
	int err;

	fill_if(&want, apply->conf, ifc, link, apply->family);
	if (!upstream && exec_slot(exec, link->ifindex) == GM_NO_IF && !has_room(apply, exec))
		return -ENOSPC;
	err = exec_set_if(exec, &want);
	if (err == -ENOSPC && upstream) {
		make_room(apply, exec);
		err = exec_set_if(exec, &want);
	}
	return err == 0 && link->port ? -EBUSY : err;
}

static void apply_role(struct apply *apply, struct exec *exec, enum gm_role role)
{
	for (unsigned int i = 0; i < apply->conf->nifs; i++) {
		const struct conf_if *ifc = apply->conf->ifs[i];
		const struct link *link = link_of(apply, ifc, apply->family);

		if (link && ifc->af[apply->family].role == role)
			tell(apply, ifc->name, apply_if(apply, exec, ifc, link));
	}
}

static bool keep_joins(void *arg, int ifindex)
{
	const struct apply *apply = arg;
	const struct link *link = links_by_index(apply->links, ifindex);

	return link && !link->missing[apply->family] && conf_if_find(apply->conf, link->name);
}

/* The router as a host: on any interface, whatever its role. */
static void apply_joins(struct apply *apply, struct exec *exec)
{
	exec_sweep_joins(exec, keep_joins, apply);
	for (unsigned int i = 0; i < apply->conf->nifs; i++) {
		const struct conf_if *ifc = apply->conf->ifs[i];
		const struct conf_members *joins = &ifc->af[apply->family].joins;
		const struct link *link = find_link(apply, ifc->name, apply->family);

		if (link && exec_set_joins(exec, link->ifindex, ifc->name, joins->v, joins->n, joins->serial) < 0)
			apply->failed = -ENOMEM;
	}
}

static void run_family(struct apply *apply, enum family family)
{
	struct exec *exec = apply->exec[family];
	const struct conf *conf = apply->conf;
	struct gm_ssm_map *old_maps = apply->maps[family];
	struct gm_conf gm;
	int err;

	/* Whatever fails, nothing of the configuration before may stay in use: its owner frees it now. */
	apply->maps[family] = calloc(conf->af[family].nssm_maps + 1, sizeof(*old_maps));
	if (!apply->maps[family])
		apply->failed = -ENOMEM;
	apply->family = family;
	fill_conf(apply, &gm, apply->maps[family], conf, family);
	lose_missing(apply, exec);
	/* Slots are freed before others are taken; and these ask for the table, so it has to be the right one. */
	exec_sweep(exec, keep, apply);
	exec_set_table(exec, conf->af[family].table);
	apply_role(apply, exec, GM_ROLE_UPSTREAM);
	apply_role(apply, exec, GM_ROLE_DOWNSTREAM);
	apply_joins(apply, exec);
	err = exec_set_conf(exec, &gm);
	if (err < 0)
		apply->failed = err;
	free(old_maps);
}

int apply_run(struct apply *apply, const struct conf *conf)
{
	apply->conf = conf;
	apply->failed = 0;
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		if (apply->exec[f])
			run_family(apply, (enum family)f);
	}
	return apply->failed;
}

const char *apply_refusal(const struct apply *apply, const struct conf *conf, const char *ifname, enum family family)
{
	const struct conf_if *ifc = conf_if_find(conf, ifname);
	const struct told *told = apply->told;

	if (!ifc || ifc->af[family].role == GM_ROLE_NONE)
		return NULL;
	if (!apply->exec[family])
		return "the kernel does not know the family";
	if (!links_by_name(apply->links, ifname))
		return "there is no such interface";
	if (!find_link(apply, ifname, family))
		return "its MTU is too small for the protocol";
	while (told && !(told->family == family && strcmp(told->name, ifname) == 0))
		told = told->next;
	if (!told)
		return NULL;
	return reason_of(told->err);
}
