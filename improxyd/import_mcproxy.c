/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of mcproxy: statements that end in `;`, `#` comments. One family a file, and instances with upstreams on the
 * left of `==>` and downstreams on the right; the first upstream has the highest priority. Tables and rules choose by
 * source and direction in ways that access lists do not, so they are left to a person.
 */
#include "import_format.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct state {
	enum family family;
	unsigned int version;
	struct import_stmt protocol, instance;
};

static void read_protocol(struct import *im, const struct import_stmt *s)
{
	static const struct {
		const char *name;
		enum family family;
		unsigned int version;
	} protocols[] = {
		{ "IGMPv1", FAMILY_IPV4, 1 }, { "IGMPv2", FAMILY_IPV4, 2 }, { "IGMPv3", FAMILY_IPV4, 3 },
		{ "MLDv1", FAMILY_IPV6, 1 },  { "MLDv2", FAMILY_IPV6, 2 },
	};
	struct state *st = import_kept(im);

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (strcasecmp(s->word[1].text, protocols[i].name) != 0)
			continue;
		st->family = protocols[i].family;
		st->version = protocols[i].version;
		st->protocol = *s;
		return;
	}
	import_note(im, s, "not one of IGMPv1, IGMPv2, IGMPv3, MLDv1, MLDv2");
}

static void read_table(struct import *im, const struct import_stmt *s)
{
	import_note(im, s, "tables of rules are not converted: see `%s access-list`",
		    family_name(((struct state *)import_kept(im))->family));
}

static void read_disable(struct import *im, const struct import_stmt *s)
{
	import_note(im, s, "mcproxy was switched off; here that is the service manager's business");
}

static bool word_is(const struct import_stmt *s, unsigned int at, const char *text)
{
	return at < s->n && strcasecmp(s->word[at].text, text) == 0;
}

/* pinstance NAME (upstream|downstream) IF (in|out) (whitelist|blacklist|rulematching) ... */
static void read_rule(struct import *im, const struct import_stmt *s)
{
	if (word_is(s, 2, "upstream") && word_is(s, 4, "in") && word_is(s, 5, "rulematching") && word_is(s, 6, "first"))
		return; /* as here: a group belongs to the first upstream that takes it */
	if (word_is(s, 5, "rulematching"))
		import_note(im, s, "a group belongs to the first upstream that is up and whose access list permits it");
	else if (word_is(s, 2, "upstream"))
		import_note(im, s, "not converted: see `proxy upstream access-list`, and `multicast boundary`");
	else
		import_note(im, s, "not converted: see `%s access-list` and `multicast boundary` of the interface",
			    family_protocol(((struct state *)import_kept(im))->family));
}

/* The interfaces from `at` on, up to the arrow or the end. Returns how many words those are. */
static unsigned int count_ifs(const struct import_stmt *s, unsigned int at)
{
	unsigned int n = 0;

	while (at + n < s->n && strcmp(s->word[at + n].text, "=") != 0)
		n++;
	return n;
}

static void write_downstream(struct import *im, const struct import_stmt *s, const char *name)
{
	const struct state *st = import_kept(im);

	if (import_role(im, s, name, st->family, GM_ROLE_DOWNSTREAM, "") && st->version)
		import_set(im, &st->protocol, name, "%s %s version %u", family_name(st->family),
			   family_protocol(st->family), st->version);
}

static void write_instance(struct import *im, const struct import_stmt *s, unsigned int at)
{
	const struct state *st = import_kept(im);
	unsigned int nup = count_ifs(s, at), arrow = at + nup;
	char more[32] = "";

	/* The arrow is three marks. */
	if (arrow + 3 >= s->n || !word_is(s, arrow + 1, "=") || !word_is(s, arrow + 2, ">")) {
		import_note(im, s, "`: UPSTREAM... ==> DOWNSTREAM...` is expected");
		return;
	}
	for (unsigned int i = 0; i < nup; i++) {
		if (nup > 1)
			snprintf(more, sizeof(more), " priority %u", i < 255 ? i + 1 : 255);
		import_role(im, s, s->word[at + i].text, st->family, GM_ROLE_UPSTREAM, more);
	}
	for (unsigned int i = arrow + 3; i < s->n; i++)
		write_downstream(im, s, s->word[i].text);
}

/* pinstance NAME [(TABLE)] : ... */
static void read_instance(struct import *im, const struct import_stmt *s)
{
	struct state *st = import_kept(im);
	unsigned int at = 2, table = 0;

	if (word_is(s, 2, "upstream") || word_is(s, 2, "downstream")) {
		read_rule(im, s);
		return;
	}
	if (st->instance.n) {
		import_note(im, s,
			    "a second instance: run another improxyd for it, with a configuration, a socket "
			    "(--socket) and a `multicast table` of its own");
		return;
	}
	st->instance = *s;
	if (word_is(s, 2, "(")) {
		if (!import_number(im, s, 3, 1, 99999999, &table))
			return;
		import_set(im, s, NULL, "%s multicast table %u", family_name(st->family), table);
		import_remark(
			im, "line %u: which interfaces use table %u is said by rules: ip %smrule add iif NAME table %u",
			s->word[0].line, table, st->family == FAMILY_IPV6 ? "-6 " : "", table);
		at = 5;
	}
	if (!word_is(s, at, ":"))
		import_note(im, s, "`:` is expected behind the name of the instance");
	else
		write_instance(im, s, at + 1);
}

static const struct import_directive directives[] = {
	{ "protocol", 2, read_protocol },
	{ "pinstance", 3, read_instance },
	{ "table", 2, read_table },
	{ "disable", 1, read_disable },
};

/* The protocol counts for all instances, wherever it stands. */
static void read_statements(struct import *im, const struct import_word *words, unsigned int n, bool protocol)
{
	for (unsigned int at = 0, end; at < n; at = end + 1) {
		struct import_stmt s;

		for (end = at; end < n && strcmp(words[end].text, ";") != 0;)
			end++;
		s = (struct import_stmt){ .word = words + at, .n = end - at };
		if (s.n && protocol == word_is(&s, 0, "protocol"))
			import_run(im, directives, ARRAY_SIZE(directives), &s);
	}
}

static void read_file(struct import *im, const struct import_word *words, unsigned int n)
{
	struct state st = { .family = FAMILY_IPV4 };

	import_keep(im, &st);
	read_statements(im, words, n, true);
	read_statements(im, words, n, false);
	import_remark(im, "mcproxy ran for %s only", family_title(st.family));
}

const struct import_format import_mcproxy = { .name = "mcproxy", .marks = ":;(){}|=>", .read = read_file };
