/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of igmpproxy: words, which need not be on lines of their own, `#` comments. Its groups are IPv4 only. Of the
 * white and black lists of an interface the last entry that matches counts; with a white one among them all else is
 * denied. Our lists are the other way round, so they are written from their end.
 */
#include "import_format.h"

#include <stdio.h>
#include <string.h>

#include "lib/ipaddr.h"
#include "lib/token.h"

#define RULES_MAX 256

/* An interface being read. */
struct phyint {
	struct import_stmt from;
	const char *name;
	enum gm_role role;
	bool disabled;
	unsigned int threshold;
	struct import_stmt threshold_from;
	struct import_stmt rule[RULES_MAX];
	unsigned int nrules;
	struct import_stmt net[RULES_MAX]; /* other subnets that data or reports may come from */
	unsigned int nnets;
};

struct state {
	bool quick_leave, default_down;
	struct import_stmt quick_from;
	unsigned int nup;
	struct phyint port;
};

/* --- words in front of, or between, interfaces --- */

static void read_quickleave(struct import *im, const struct import_stmt *s)
{
	struct state *st = import_kept(im);

	st->quick_leave = true;
	st->quick_from = *s;
}

static void read_hashtablesize(struct import *im, const struct import_stmt *s)
{
	import_note(im, s, "hosts are tracked without a table of fixed size");
}

static void read_defaultdown(struct import *im, const struct import_stmt *s)
{
	struct state *st = import_kept(im);

	st->default_down = true;
	import_note(im, s, "an interface is a downstream only when it is configured: give each its own lines");
}

static void read_rescanvif(struct import *im, const struct import_stmt *s)
{
	(void)s;
	import_remark(im, "rescanvif is how improxyd always works: interfaces may come and go");
}

static void read_chroot(struct import *im, const struct import_stmt *s)
{
	import_note(im, s, "the daemon has no chroot; the systemd unit confines it");
}

static void read_user(struct import *im, const struct import_stmt *s)
{
	import_note(im, s, "no setting, but an option of the daemon: improxyd --user %s", s->word[1].text);
}

static void read_group(struct import *im, const struct import_stmt *s)
{
	import_note(im, s, "a user's own groups go with improxyd --user; --group is who may use the control socket");
}

static const struct import_directive directives[] = {
	{ "quickleave", 1, read_quickleave },
	{ "hashtablesize", 2, read_hashtablesize },
	{ "defaultdown", 1, read_defaultdown },
	{ "rescanvif", 1, read_rescanvif },
	{ "chroot", 2, read_chroot },
	{ "user", 2, read_user },
	{ "group", 2, read_group },
};

/* --- options of an interface --- */

static void read_role(struct import *im, const struct import_stmt *s)
{
	struct state *st = import_kept(im);

	st->port.role = strcmp(s->word[0].text, "upstream") == 0     ? GM_ROLE_UPSTREAM
			: strcmp(s->word[0].text, "downstream") == 0 ? GM_ROLE_DOWNSTREAM
								     : GM_ROLE_NONE;
	st->port.disabled = st->port.role == GM_ROLE_NONE;
}

static void read_ratelimit(struct import *im, const struct import_stmt *s)
{
	if (strcmp(s->word[1].text, "0") != 0)
		import_note(im, s, "the kernel knows no rate limit of an interface; tc does");
}

static void read_threshold(struct import *im, const struct import_stmt *s)
{
	struct state *st = import_kept(im);

	if (import_number(im, s, 1, 1, 255, &st->port.threshold))
		st->port.threshold_from = *s;
}

static void read_altnet(struct import *im, const struct import_stmt *s)
{
	struct state *st = import_kept(im);

	if (st->port.nnets == RULES_MAX)
		import_note(im, s, "too many entries");
	else
		st->port.net[st->port.nnets++] = *s;
}

static void read_rule(struct import *im, const struct import_stmt *s)
{
	struct state *st = import_kept(im);

	if (st->port.nrules == RULES_MAX)
		import_note(im, s, "too many entries");
	else
		st->port.rule[st->port.nrules++] = *s;
}

static const struct import_directive options[] = {
	{ "upstream", 1, read_role },       { "downstream", 1, read_role },     { "disabled", 1, read_role },
	{ "ratelimit", 2, read_ratelimit }, { "threshold", 2, read_threshold }, { "altnet", 2, read_altnet },
	{ "whitelist", 2, read_rule },      { "blacklist", 2, read_rule },
};

/* --- writing an interface --- */

static bool is_white(const struct import_stmt *s)
{
	return strcmp(s->word[0].text, "whitelist") == 0;
}

/* The entries as an access list; returns false when there are none. */
static bool write_list(struct import *im, const struct phyint *port, char *quoted, size_t size)
{
	char name[GM_NAME_LEN + 16], text[IPADDR_STRLEN];
	unsigned int seq = 0;
	bool white = false;

	snprintf(name, sizeof(name), "%s-groups", port->name);
	if (!port->nrules || token_quote(name, quoted, size) < 0)
		return false;
	for (unsigned int i = port->nrules; i-- > 0;) {
		const struct import_stmt *s = &port->rule[i];
		struct ipprefix prefix;

		white = white || is_white(s);
		if (ipprefix_parse(s->word[1].text, &prefix) < 0 || !ipaddr_is_v4(&prefix.addr))
			import_note(im, s, "not an IPv4 prefix without host bits, and so never a match");
		else
			import_set(im, s, NULL, "ip access-list %s seq %u %s group %s", quoted, seq += 10,
				   is_white(s) ? "permit" : "deny", ipprefix_format(&prefix, text));
	}
	if (!white)
		import_set(im, &port->rule[0], NULL, "ip access-list %s seq %u permit", quoted, seq + 10);
	else if (!seq)
		import_set(im, &port->rule[0], NULL, "ip access-list %s seq 10 deny", quoted);
	return true;
}

static void write_upstream(struct import *im, const struct phyint *port)
{
	struct state *st = import_kept(im);
	char list[2 * GM_NAME_LEN + 40], more[sizeof(list) + 16] = "";

	if (write_list(im, port, list, sizeof(list)))
		snprintf(more, sizeof(more), " access-list %s", list);
	for (unsigned int i = 0; i < port->nnets; i++) {
		if (strcmp(port->net[i].word[1].text, "0.0.0.0/0") != 0)
			import_note(im, &port->net[i],
				    "not needed, for data of any source is accepted on an upstream; a "
				    "firewall can narrow it");
	}
	if (import_role(im, &port->from, port->name, FAMILY_IPV4, GM_ROLE_UPSTREAM, more) && ++st->nup == 2)
		import_note(im, &port->from,
			    "igmpproxy joined a group on every upstream; here it is joined on one: see "
			    "`priority` and `access-list` of `ip igmp proxy upstream`");
}

static void write_downstream(struct import *im, const struct phyint *port)
{
	char list[2 * GM_NAME_LEN + 40];

	if (!import_role(im, &port->from, port->name, FAMILY_IPV4, GM_ROLE_DOWNSTREAM, ""))
		return;
	if (write_list(im, port, list, sizeof(list)))
		import_set(im, &port->rule[0], port->name, "ip igmp access-list %s", list);
	for (unsigned int i = 0; i < port->nnets; i++)
		import_note(im, &port->net[i],
			    "the nearest is to hear hosts of any subnet on %s: "
			    "no ip igmp verify-source-subnet",
			    port->name);
	if (port->nnets)
		import_set(im, &port->net[0], port->name, "no ip igmp verify-source-subnet");
}

static void write_port(struct import *im, const struct phyint *port)
{
	/* As here: an interface that has no role takes no part. */
	if (port->role == GM_ROLE_NONE) {
		import_note(im, &port->from, "%s: left out, for an interface that is not configured takes no part",
			    port->disabled ? "disabled" : "neither upstream nor downstream");
		return;
	}
	if (strchr(port->name, ':')) {
		import_note(im, &port->from, "an address alias is not an interface: configure the interface itself");
		return;
	}
	if (port->role == GM_ROLE_UPSTREAM)
		write_upstream(im, port);
	else
		write_downstream(im, port);
	if (port->threshold_from.n)
		import_set(im, &port->threshold_from, port->name, "ip multicast ttl-threshold %u", port->threshold);
}

/* --- the words of the file --- */

static const struct import_directive *find(const struct import_directive *d, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(d[i].name, word) == 0)
			return &d[i];
	}
	return NULL;
}

static unsigned int words_of(const struct import_directive *d, unsigned int left)
{
	return !d ? 1 : d->min_words < left ? d->min_words : left;
}

/* An interface from its name on; returns the words taken. */
static unsigned int read_phyint(struct import *im, const struct import_stmt *s)
{
	struct state *st = import_kept(im);
	const struct import_directive *d;
	unsigned int at = 2;

	if (s->n < 2) {
		import_note(im, s, "not complete");
		return s->n;
	}
	st->port = (struct phyint){ .from = import_part(s, 0, 2), .name = s->word[1].text };
	if (st->default_down)
		st->port.role = GM_ROLE_DOWNSTREAM;
	while (at < s->n && (d = find(options, ARRAY_SIZE(options), s->word[at].text))) {
		struct import_stmt option = import_part(s, at, words_of(d, s->n - at));

		import_run(im, options, ARRAY_SIZE(options), &option);
		at += option.n;
	}
	write_port(im, &st->port);
	return at;
}

static void read_file(struct import *im, const struct import_word *words, unsigned int n)
{
	struct state st = { 0 };

	import_keep(im, &st);
	for (unsigned int at = 0; at < n;) {
		struct import_stmt rest = { .word = words + at, .n = n - at };
		struct import_stmt s;

		if (strcmp(words[at].text, "phyint") == 0) {
			at += read_phyint(im, &rest);
			continue;
		}
		s = import_part(&rest, 0, words_of(find(directives, ARRAY_SIZE(directives), words[at].text), rest.n));
		import_run(im, directives, ARRAY_SIZE(directives), &s);
		at += s.n;
	}
	if (st.quick_leave)
		import_set_each(im, &st.quick_from, GM_ROLE_DOWNSTREAM, "ip igmp immediate-leave ip-tracking");
}

const struct import_format import_igmpproxy = { .name = "igmpproxy", .marks = "", .read = read_file };
