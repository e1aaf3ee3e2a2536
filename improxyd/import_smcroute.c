/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of smcroute: a directive a line, `#` comments. It knows no roles: the first use of an interface decides. A
 * route's incoming interface becomes an upstream, its outgoing ones downstreams with a static group. So the roles are
 * found first, and the lines written the second time over the file. With several upstreams each gets the groups of its
 * routes as an access list.
 */
#include "import_format.h"

#include <stdio.h>
#include <string.h>

#include "lib/ipaddr.h"
#include "lib/token.h"

#define PORTS_MAX 64

/* A directive taken apart. */
struct route {
	const struct import_stmt *from;
	const char *iif, *source, *group, *ttl;
	const struct import_word *to; /* the outgoing interfaces */
	unsigned int nto;
	bool mrdisc, disable;
	enum family family;
	struct ipaddr group_addr, source_addr;
};

struct port {
	const char *name;
	enum gm_role role;
	bool in[FAMILY_COUNT];
	struct import_stmt from;
};

struct state {
	struct port port[PORTS_MAX];
	unsigned int nports, nup, seq;
	bool writing;
};

/* --- reading a line --- */

static const char **value_of(struct route *r, const char *word)
{
	return strcmp(word, "from") == 0            ? &r->iif
	       : strcmp(word, "source") == 0        ? &r->source
	       : strcmp(word, "group") == 0         ? &r->group
	       : strcmp(word, "ttl-threshold") == 0 ? &r->ttl
						    : NULL;
}

static void split(const struct import_stmt *s, unsigned int at, struct route *r)
{
	*r = (struct route){ .from = s };
	for (; at < s->n && !r->to; at++) {
		const char *word = s->word[at].text, **value = value_of(r, word);

		if (value && at + 1 < s->n)
			*value = s->word[++at].text;
		else if (strcmp(word, "to") == 0)
			r->to = &s->word[at + 1];
		else if (strcmp(word, "mrdisc") == 0)
			r->mrdisc = true;
		else if (strcmp(word, "disable") == 0)
			r->disable = true;
	}
	r->nto = r->to ? s->n - at : 0;
}

/* An address, alone or as a prefix that holds it only. */
static bool read_address(const char *text, struct ipaddr *a)
{
	struct ipprefix prefix;

	if (ipprefix_parse(text, &prefix) < 0 || prefix.len != 128)
		return false;
	*a = prefix.addr;
	return true;
}

static bool has_pattern(const struct route *r)
{
	bool found = strchr(r->iif, '+');

	for (unsigned int i = 0; i < r->nto; i++)
		found = found || strchr(r->to[i].text, '+');
	return found;
}

/* Reads the addresses. Returns why the line has no equal, or NULL. */
static const char *complete(struct route *r)
{
	if (!r->iif || !r->group || (r->to && !r->nto))
		return "not complete";
	if (has_pattern(r))
		return "no patterns of interfaces here: give each its own lines";
	if (!read_address(r->group, &r->group_addr))
		return "no range of groups here; what hosts ask for is forwarded without being named";
	r->family = ipaddr_is_v4(&r->group_addr) ? FAMILY_IPV4 : FAMILY_IPV6;
	if (!r->source)
		return NULL;
	if (!read_address(r->source, &r->source_addr))
		return "no range of sources here";
	if (ipaddr_is_unspecified(&r->source_addr))
		r->source = NULL;
	return NULL;
}

/* --- roles --- */

static struct port *port_of(struct state *st, const char *name)
{
	for (unsigned int i = 0; i < st->nports; i++) {
		if (strcmp(st->port[i].name, name) == 0)
			return &st->port[i];
	}
	return NULL;
}

static enum gm_role role_of(struct state *st, const char *name)
{
	const struct port *port = port_of(st, name);

	return port ? port->role : GM_ROLE_NONE;
}

static void use_port(struct state *st, const struct route *r, const char *name, enum gm_role role)
{
	struct port *port = port_of(st, name);

	if (!port) {
		if (st->nports == PORTS_MAX)
			return;
		port = &st->port[st->nports++];
		*port = (struct port){ .name = name, .role = role, .from = *r->from };
		st->nup += role == GM_ROLE_UPSTREAM;
	}
	port->in[r->family] = true;
}

/* The name of the list of an upstream's groups, quoted. */
static bool list_name(const char *ifname, char *buf, size_t size)
{
	char name[GM_NAME_LEN + 16];

	return (size_t)snprintf(name, sizeof(name), "%s-groups", ifname) < sizeof(name) &&
	       token_quote(name, buf, size) == 0;
}

static void write_roles(struct import *im, const struct state *st)
{
	char list[2 * GM_NAME_LEN + 40], more[sizeof(list) + 16];

	for (unsigned int i = 0; i < st->nports; i++) {
		const struct port *port = &st->port[i];

		*more = '\0';
		if (port->role == GM_ROLE_UPSTREAM && st->nup > 1 && list_name(port->name, list, sizeof(list)))
			snprintf(more, sizeof(more), " access-list %s", list);
		for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
			if (port->in[f])
				import_role(im, &port->from, port->name, (enum family)f, port->role, more);
		}
	}
}

/* --- directives --- */

static void set_member(struct import *im, const struct route *r, const char *ifname, const char *words)
{
	char group[IPADDR_STRLEN], source[IPADDR_STRLEN];

	import_set(im, r->from, ifname, "%s %s %s %s%s%s", family_name(r->family), family_protocol(r->family), words,
		   ipaddr_format(&r->group_addr, group), r->source ? " source " : "",
		   r->source ? ipaddr_format(&r->source_addr, source) : "");
}

static void write_output(struct import *im, const struct route *r, const char *name)
{
	struct state *st = import_kept(im);

	if (role_of(st, name) == GM_ROLE_DOWNSTREAM)
		set_member(im, r, name, "static-group");
	else if (role_of(st, r->iif) == GM_ROLE_DOWNSTREAM)
		import_note(im, r->from,
			    "%s is an upstream already: what hosts on %s send goes out there without being named", name,
			    r->iif);
	else
		import_note(im, r->from, "nothing is forwarded from one upstream (%s) to another (%s)", r->iif, name);
}

static void write_route(struct import *im, const struct route *r)
{
	struct state *st = import_kept(im);
	char list[2 * GM_NAME_LEN + 40], text[IPADDR_STRLEN];

	if (role_of(st, r->iif) == GM_ROLE_UPSTREAM && st->nup > 1 && list_name(r->iif, list, sizeof(list)))
		import_set(im, r->from, NULL, "%s access-list %s seq %u permit group %s/%u", family_name(r->family),
			   list, st->seq += 10, ipaddr_format(&r->group_addr, text),
			   r->family == FAMILY_IPV4 ? 32 : 128);
	for (unsigned int i = 0; i < r->nto; i++)
		write_output(im, r, r->to[i].text);
}

static void read_mroute(struct import *im, const struct import_stmt *s)
{
	struct state *st = import_kept(im);
	const char *reason;
	struct route r;

	split(s, 1, &r);
	reason = complete(&r);
	if (st->writing) {
		if (reason || !r.to)
			import_note(im, s, "%s", reason ? reason : "not complete");
		else
			write_route(im, &r);
	} else if (!reason) {
		use_port(st, &r, r.iif, GM_ROLE_UPSTREAM);
		for (unsigned int i = 0; i < r.nto; i++)
			use_port(st, &r, r.to[i].text, GM_ROLE_DOWNSTREAM);
	}
}

static void read_mgroup(struct import *im, const struct import_stmt *s)
{
	struct state *st = import_kept(im);
	const char *reason;
	struct route r;

	if (!st->writing)
		return;
	split(s, 1, &r);
	reason = complete(&r);
	if (!reason && role_of(st, r.iif) == GM_ROLE_NONE)
		reason = "no route uses this interface, so it has no role, and groups are joined on those with a role "
			 "only";
	if (reason)
		import_note(im, s, "%s", reason);
	else
		set_member(im, &r, r.iif, "join-group");
}

static void read_phyint(struct import *im, const struct import_stmt *s)
{
	struct state *st = import_kept(im);
	const char *name = s->word[1].text;
	unsigned int threshold;
	struct route r;

	if (!st->writing)
		return;
	split(s, 2, &r);
	if (r.disable) {
		if (role_of(st, name) != GM_ROLE_NONE)
			import_note(im, s, "routes of this file use %s", name);
		return;
	}
	if (strchr(name, '+')) {
		import_note(im, s, "no patterns of interfaces here: give each its own lines");
		return;
	}
	for (unsigned int i = 2; r.ttl && i < s->n; i++) {
		if (s->word[i].text == r.ttl && import_number(im, s, i, 1, 255, &threshold))
			import_set(im, s, name, "ip multicast ttl-threshold %u", threshold);
	}
	if (r.mrdisc)
		import_set(im, s, name, "ip multicast router-discovery");
}

static void read_include(struct import *im, const struct import_stmt *s)
{
	const struct state *st = import_kept(im);

	if (st->writing)
		import_note(im, s, "only one file is converted at a time: append that one and convert both together");
}

static const struct import_directive directives[] = {
	{ "phyint", 2, read_phyint }, { "mgroup", 5, read_mgroup },   { "ssmgroup", 5, read_mgroup },
	{ "mroute", 7, read_mroute }, { "include", 2, read_include },
};

static void read_lines(struct import *im, const struct import_word *words, unsigned int n)
{
	const struct state *st = import_kept(im);
	struct import_stmt s;
	unsigned int at = 0;

	while (import_next_line(words, n, &at, &s)) {
		/* What is wrong with a line is said once. */
		if (st->writing || (strcmp(s.word[0].text, "mroute") == 0 && s.n >= 7))
			import_run(im, directives, ARRAY_SIZE(directives), &s);
	}
}

static void read_file(struct import *im, const struct import_word *words, unsigned int n)
{
	struct state st = { 0 };

	import_keep(im, &st);
	import_remark(
		im, "smcroute's routes are static groups here: they are joined on the upstream, too, and hosts on the");
	import_remark(im, "downstreams may ask for more; `ip igmp access-list` limits that");
	read_lines(im, words, n);
	write_roles(im, &st);
	st.writing = true;
	read_lines(im, words, n);
}

const struct import_format import_smcroute = { .name = "smcroute", .marks = "", .read = read_file };
