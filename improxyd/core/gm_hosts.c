/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gm_hosts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/gm_set.h"

static bool alive(const struct gm_host *host, mtime_t now)
{
	return host->deadline > now;
}

static struct gm_host *find(const struct gm_hosts *hosts, const struct ipaddr *addr)
{
	uint32_t i = ipaddr_position(hosts->v, hosts->n, sizeof(*hosts->v), addr);

	return i < hosts->n && ipaddr_eq(&hosts->v[i].addr, addr) ? &hosts->v[i] : NULL;
}

static void forget(struct gm_hosts *hosts, uint32_t *used, struct gm_host *host)
{
	uint32_t i = (uint32_t)(host - hosts->v);

	*used -= 1u + host->nsources;
	free(host->sources);
	hosts->n--;
	for (; i < hosts->n; i++)
		hosts->v[i] = hosts->v[i + 1];
}

static void forget_aged(struct gm_hosts *hosts, uint32_t *used, mtime_t now)
{
	for (uint32_t i = hosts->n; i-- > 0;) {
		if (!alive(&hosts->v[i], now))
			forget(hosts, used, &hosts->v[i]);
	}
}

static struct gm_host *add(struct gm_hosts *hosts, uint32_t *used, const struct ipaddr *addr)
{
	uint32_t i;

	if (hosts->n >= GM_HOSTS_MAX || *used >= GM_HOSTS_BUDGET)
		return NULL;
	if (hosts->n == hosts->cap) {
		uint32_t cap = hosts->cap ? hosts->cap * 2 : 1;
		struct gm_host *v = realloc(hosts->v, cap * sizeof(*v));

		if (!v)
			return NULL;
		hosts->v = v;
		hosts->cap = cap;
	}
	i = ipaddr_position(hosts->v, hosts->n, sizeof(*hosts->v), addr);
	for (uint32_t j = hosts->n; j > i; j--)
		hosts->v[j] = hosts->v[j - 1];
	hosts->n++;
	hosts->v[i] = (struct gm_host){ .addr = *addr };
	*used += 1;
	return &hosts->v[i];
}

/* How many of the sources of a report the list of the host holds. */
static unsigned int common(const struct gm_host *host, const struct gm_host_report *r)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < r->nsources; i++)
		n += gm_addrs_contain(host->sources, host->nsources, &r->sources[i]);
	return n;
}

/* Gives the list room for `n`; it may keep more than it needs when memory is short. */
static int resize(struct gm_host *host, uint32_t *used, unsigned int n)
{
	struct ipaddr *v = NULL;

	if (n > UINT16_MAX || *used - host->nsources + n > GM_HOSTS_BUDGET)
		return -ENOSPC;
	if (n == 0) {
		free(host->sources);
	} else {
		v = realloc(host->sources, n * sizeof(*v));
		if (!v && n > host->nsources)
			return -ENOMEM;
		if (!v)
			v = host->sources;
	}
	*used = *used - host->nsources + n;
	host->sources = v;
	host->nsources = (uint16_t)n;
	return 0;
}

/* The operations on the two sorted lists move what lies between the sources of the report, which cost log n each. */

static int replace_list(struct gm_host *host, uint32_t *used, const struct gm_host_report *r)
{
	int err = resize(host, used, r->nsources);

	if (err == 0 && r->nsources)
		memcpy(host->sources, r->sources, r->nsources * sizeof(*r->sources));
	return err;
}

static int add_to_list(struct gm_host *host, uint32_t *used, const struct gm_host_report *r)
{
	unsigned int end = host->nsources, to = end + r->nsources - common(host, r);
	int err;

	if (to == end)
		return 0;
	err = resize(host, used, to);
	if (err < 0)
		return err;
	/* From behind: [end, to) is the gap that those still to be added will fill. */
	for (unsigned int i = r->nsources; to > end;) {
		const struct ipaddr *addr = &r->sources[--i];
		uint32_t at = ipaddr_position(host->sources, end, sizeof(*addr), addr);

		if (at < end && ipaddr_eq(&host->sources[at], addr))
			continue;
		to -= end - at;
		memmove(&host->sources[to], &host->sources[at], (end - at) * sizeof(*addr));
		host->sources[--to] = *addr;
		end = at;
	}
	return 0;
}

static int take_from_list(struct gm_host *host, uint32_t *used, const struct gm_host_report *r)
{
	unsigned int n = host->nsources, kept = 0, from = 0;
	struct ipaddr *v = host->sources;

	if (common(host, r) == 0)
		return 0;
	for (unsigned int i = 0; i < r->nsources; i++) {
		uint32_t at = from + ipaddr_position(v + from, n - from, sizeof(*v), &r->sources[i]);

		if (at == n || !ipaddr_eq(&v[at], &r->sources[i]))
			continue;
		memmove(&v[kept], &v[from], (at - from) * sizeof(*v));
		kept += at - from;
		from = at + 1;
	}
	memmove(&v[kept], &v[from], (n - from) * sizeof(*v));
	kept += n - from;
	return resize(host, used, kept);
}

/*
 * IS_IN is taken like ALLOW: a long list comes in several records, and the answer to a group-and-source-specific query
 * is a part of the list only, even of a host in EXCLUDE mode (RFC 9776 s5.2). TO_IN is replaced only where the host
 * changes mode, for the first of these reasons.
 */
static int apply(struct gm_host *host, uint32_t *used, const struct gm_host_report *r)
{
	bool was_exclude = host->exclude;

	switch (r->type) {
	case GM_IS_EX:
	case GM_TO_EX:
		host->exclude = true;
		return replace_list(host, used, r);
	case GM_TO_IN:
		host->exclude = false;
		return was_exclude ? replace_list(host, used, r) : add_to_list(host, used, r);
	case GM_IS_IN:
	case GM_ALLOW:
		return was_exclude ? take_from_list(host, used, r) : add_to_list(host, used, r);
	case GM_BLOCK:
		return was_exclude ? add_to_list(host, used, r) : take_from_list(host, used, r);
	}
	return 0;
}

void gm_hosts_note(struct gm_hosts *hosts, uint32_t *used, const struct gm_host_report *r, mtime_t now,
		   mtime_t deadline)
{
	struct gm_host *host = find(hosts, r->reporter);
	bool leaves = r->type == GM_TO_IN && r->nsources == 0;
	struct gm_host_report listless = *r;
	bool changes = r->type == GM_ALLOW || r->type == GM_BLOCK, unlisted;

	if (host && !alive(host, now)) {
		forget(hosts, used, host);
		host = NULL;
	}
	/* Where several stand behind one name, the leave of one says nothing of the others: their entry ages. */
	if (leaves && ipaddr_is_unspecified(r->reporter))
		return;
	if (leaves || (!host && r->type == GM_BLOCK)) {
		if (host)
			forget(hosts, used, host);
		return;
	}
	if (!host) {
		forget_aged(hosts, used, now);
		host = add(hosts, used, r->reporter);
	}
	/* A list that was not kept is not known by what changes in it. */
	unlisted = !r->keep_sources || (host && host->older && changes);
	if (!r->keep_sources)
		listless.nsources = 0;
	if (!host || apply(host, used, &listless) < 0) {
		hosts->incomplete_until = deadline;
		return;
	}
	/* That it wants any source is not confirmed by what it says of some. */
	if (!host->exclude || gm_record_excludes(r->type))
		host->deadline = deadline;
	host->older = r->gen < GM_GEN3 || ipaddr_is_unspecified(r->reporter) || unlisted;
	if (!host->older && !host->exclude && !host->nsources)
		forget(hosts, used, host);
}

bool gm_hosts_tracked(const struct gm_hosts *hosts, mtime_t now)
{
	if (hosts->incomplete_until > now)
		return false;
	for (uint32_t i = 0; i < hosts->n; i++) {
		if (hosts->v[i].older && alive(&hosts->v[i], now))
			return false;
	}
	return true;
}

bool gm_hosts_want_group(const struct gm_hosts *hosts, mtime_t now)
{
	for (uint32_t i = 0; i < hosts->n; i++) {
		if (hosts->v[i].exclude && alive(&hosts->v[i], now))
			return true;
	}
	return false;
}

bool gm_hosts_want_source(const struct gm_hosts *hosts, const struct ipaddr *source, const struct ipaddr *but,
			  mtime_t now)
{
	for (uint32_t i = 0; i < hosts->n; i++) {
		const struct gm_host *host = &hosts->v[i];

		if (but && ipaddr_eq(&host->addr, but))
			continue;
		if (alive(host, now) && gm_addrs_contain(host->sources, host->nsources, source) != host->exclude)
			return true;
	}
	return false;
}

static bool holds_all(const struct gm_set *held, const struct gm_host *host)
{
	for (unsigned int i = 0; i < host->nsources; i++) {
		const struct gm_src *src = gm_set_find(held, &host->sources[i]);

		if (!src || !src->deadline)
			return false;
	}
	return true;
}

bool gm_hosts_want_beyond(const struct gm_hosts *hosts, const struct gm_set *held, mtime_t now)
{
	for (uint32_t i = 0; i < hosts->n; i++) {
		const struct gm_host *host = &hosts->v[i];

		if (alive(host, now) && !host->exclude && !holds_all(held, host))
			return true;
	}
	return false;
}

uint32_t gm_hosts_count(const struct gm_hosts *hosts, mtime_t now)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < hosts->n; i++)
		count += alive(&hosts->v[i], now);
	return count;
}

void gm_hosts_free(struct gm_hosts *hosts, uint32_t *used)
{
	while (hosts->n)
		forget(hosts, used, &hosts->v[hosts->n - 1]);
	free(hosts->v);
	*hosts = (struct gm_hosts){ 0 };
}
