/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conflict.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "core/gm_state.h"
#include "core/gm_watch.h"
#include "lib/log.h"
#include "lib/util.h"
#include "show.h"

#define LOG_MAX       64 /* conflicts remembered; more are not logged */
#define QUERY_ARRIVES mtime_from_s(5)

const char *const conflict_names[CONFLICT_KIND_COUNT] = {
#define NAME(name, word, told) [CONFLICT_##name] = word,
	CONFLICTS(NAME)
#undef NAME
};

static const bool told_elsewhere[CONFLICT_KIND_COUNT] = {
#define TOLD(name, word, told) [CONFLICT_##name] = told,
	CONFLICTS(TOLD)
#undef TOLD
};

/* --- finding them --- */

struct search {
	const struct daemon *d;
	enum family family;
	void (*fn)(void *arg, const struct conflict *conflict);
	void *arg;
};

static void PRINTF_LIKE(4, 5)
	found(const struct search *s, enum conflict_kind kind, const char *ifname, const char *fmt, ...)
{
	struct conflict conflict = { .kind = kind, .family = s->family };
	va_list ap;

	snprintf(conflict.ifname, sizeof(conflict.ifname), "%s", ifname);
	va_start(ap, fmt);
	vsnprintf(conflict.text, sizeof(conflict.text), fmt, ap);
	va_end(ap);
	s->fn(s->arg, &conflict);
}

/* `otherwise` where the kernel has no such setting. */
static int setting(const struct search *s, const char *ifname, const char *name, int otherwise)
{
	int value;

	return daemon_setting(s->d, s->family, ifname, name, &value) == 0 ? value : otherwise;
}

static const char *slot_name(const struct search *s, uint8_t slot)
{
	const char *name = show_slot_name(daemon_gm(s->d, s->family), slot);

	return name ? name : "another interface";
}

/* Hosts that nobody asks do not answer: what they want is forgotten in time. */
static void search_querier(const struct search *s, const struct gm_if *ifp, mtime_t now)
{
	bool heard = ifp->last_query && now - ifp->last_query < gm_if_other_querier_interval(ifp);
	const char *name = ifp->conf.name;
	struct daemon_bridge bridge;

	if (!ifp->querying && !heard)
		found(s, CONFLICT_NO_QUERIER, name,
		      "no address to query from and no other querier: memberships end after %" PRId64 " s",
		      mtime_to_s(gm_if_group_membership_interval(ifp)));
	/* Each query renews what the bridge knows; the first one is under way yet. */
	if (!ifp->querier || now - ifp->since < QUERY_ARRIVES || daemon_bridge(s->d, name, &bridge) < 0)
		return;
	if (!bridge.querier[s->family] && ifp->query_interval < bridge.patience)
		found(s, CONFLICT_SNOOPING, name,
		      "bridge %s snoops and has not heard the queries sent here: nor have its hosts", bridge.name);
}

static void search_upstream(const struct search *s, const struct gm_if *ifp)
{
	struct daemon_answers answers;

	daemon_answers(s->d, s->family, ifp->slot, &answers);
	if (answers.missed && show_joined(ifp->gm, ifp->slot))
		found(s, CONFLICT_UNANSWERED, ifp->conf.name,
		      "groups are joined here, but no answer to the last query was seen to leave: does a firewall drop "
		      "it?");
}

static void search_interface(const struct search *s, const struct gm_if *ifp, bool router)
{
	const char *name = ifp->conf.name;
	const struct conf_if *ifc = conf_if_find(daemon_conf(s->d), name);
	char from[IPADDR_STRLEN], group[IPADDR_STRLEN];
	mtime_t now = daemon_now();
	int all = setting(s, "all", "rp_filter", 0), own = setting(s, name, "rp_filter", 0);

	/* The higher of the two counts; IPv6 has no such setting. */
	if ((all > own ? all : own) == 1)
		found(s, CONFLICT_RP_FILTER, name,
		      "net.ipv4.conf.%s.rp_filter is strict: the kernel drops data whose source it does not route by "
		      "way of this interface",
		      name);
	if (s->family == FAMILY_IPV6 && setting(s, name, "disable_ipv6", 0))
		found(s, CONFLICT_DISABLED, name, "net.ipv6.conf.%s.disable_ipv6 is set", name);
	/* IPv6 looks at that of all. */
	if (router && ifp->conf.up && !setting(s, s->family == FAMILY_IPV4 ? name : "all", "mc_forwarding", 1))
		found(s, CONFLICT_MC_FORWARDING, name, "the kernel does not forward %s multicast that arrives here",
		      family_title(s->family));
	if (ifp->querying && !ifp->querier)
		found(s, CONFLICT_QUERIER, name, "%s is the querier%s", ipaddr_format(&ifp->other_querier, from),
		      gm_if_forwards(ifp) ? "" : ", so it has to forward here");
	if (ifp->silent)
		found(s, CONFLICT_SILENT, name, "no query has been heard for two query intervals");
	if (ifp->conf.role == GM_ROLE_UPSTREAM && ifp->conf.up)
		search_upstream(s, ifp);
	if (gm_watch_looped(ifp, now))
		found(s, CONFLICT_LOOP, name, "own messages sent on %s are heard here: both are on one link",
		      slot_name(s, ifp->loop_slot));
	if (ifp->twice.at && now - ifp->twice.at < GM_WATCH_TWICE)
		found(s, CONFLICT_TWICE, name, "data of %s to %s comes in here and by %s: there is a loop",
		      ipaddr_format(&ifp->twice.source, from), ipaddr_format(&ifp->twice.group, group),
		      slot_name(s, ifp->twice.expected));
	if (gm_if_listening(ifp))
		search_querier(s, ifp, now);
	/* The threshold of an output is 1 in all kernels up to 6.18 at least. */
	if (s->family == FAMILY_IPV6 && ifc && ifc->af[FAMILY_IPV6].ttl_threshold > 1)
		found(s, CONFLICT_NO_EFFECT, name,
		      "ipv6 multicast ttl-threshold: the kernel has no hop limit threshold");
}

static void search_family(const struct search *s)
{
	const struct gm *gm = daemon_gm(s->d, s->family);
	const struct gm_if *sorted[GM_MAX_IFS];
	unsigned int n = show_sort_ifs(gm, sorted);
	struct daemon_status status;

	daemon_status(s->d, s->family, &status);
	if (status.error == -EADDRINUSE)
		found(s, CONFLICT_OWNER, "", "another process is the kernel's %s multicast router",
		      family_title(s->family));
	if (!n)
		return;
	if (!setting(s, "all", "forwarding", 1))
		found(s, CONFLICT_FORWARDING, "", "net.%s.conf.all.forwarding is off: this machine is no router",
		      s->family == FAMILY_IPV4 ? "ipv4" : "ipv6");
	for (unsigned int i = 0; i < n; i++)
		search_interface(s, sorted[i], status.router);
}

void conflict_walk(const struct daemon *d, void (*fn)(void *arg, const struct conflict *conflict), void *arg)
{
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		const struct search s = { d, (enum family)f, fn, arg };

		search_family(&s);
	}
}

/* --- telling them once --- */

struct conflict_log {
	struct told {
		struct conflict conflict;
		bool used, still;
	} told[LOG_MAX];
};

struct conflict_log *conflict_log_new(void)
{
	return calloc(1, sizeof(struct conflict_log));
}

void conflict_log_free(struct conflict_log *log)
{
	free(log);
}

static void tell(enum log_level level, const struct conflict *c, const char *how)
{
	log_msg(level, family_protocol(c->family), "%s%s%s%s", c->ifname, *c->ifname ? ": " : "", c->text, how);
}

static void note(void *arg, const struct conflict *c)
{
	struct conflict_log *log = arg;
	struct told *free_place = NULL;

	if (told_elsewhere[c->kind])
		return;
	for (struct told *t = log->told; t < log->told + LOG_MAX; t++) {
		if (!t->used) {
			free_place = t;
		} else if (t->conflict.kind == c->kind && t->conflict.family == c->family &&
			   strcmp(t->conflict.ifname, c->ifname) == 0) {
			t->still = true;
			return;
		}
	}
	if (!free_place)
		return;
	*free_place = (struct told){ .conflict = *c, .used = true, .still = true };
	tell(LOG_WARNINGS, c, "");
}

void conflict_log_run(struct conflict_log *log, const struct daemon *d)
{
	for (struct told *t = log->told; t < log->told + LOG_MAX; t++)
		t->still = false;
	conflict_walk(d, note, log);
	for (struct told *t = log->told; t < log->told + LOG_MAX; t++) {
		if (!t->used || t->still)
			continue;
		t->used = false;
		tell(LOG_NOTIFICATIONS, &t->conflict, ": no longer so");
	}
}
