/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of improxy 1.x: a directive a line, `#` comments. A family without its `enable` line was off. Interfaces may
 * stand in front of the lines that switch the families on, so that they are said at the end.
 */
#include "import_format.h"

#include <string.h>

#define IFS_MAX 64

/* Since that improxy forwarded nothing upwards unless it was told to, and we do what RFC 4605 says. */
#define TTL_NEVER 255
#define NO_HOP_LIMIT                                                                                                   \
	"what hosts on the downstreams send by IPv6 leaves by %s, for the kernel has no hop limit threshold; a "       \
	"firewall "                                                                                                    \
	"can stop it"

struct state {
	struct {
		bool on;
		unsigned int version; /* 0: the newest */
		struct import_stmt version_from;
	} af[FAMILY_COUNT];
	struct import_stmt up, down[IFS_MAX], quick_leave, down_to_up;
	unsigned int ndown;
	bool has_up, quick, to_up;
};

static void read_family(struct import *im, const struct import_stmt *s, enum family family)
{
	struct state *st = import_kept(im);
	int on = import_switch(im, s, 1);
	unsigned int version = 0;

	if (on < 0)
		return;
	st->af[family].on = on;
	if (!on || s->n < 3)
		return;
	if (strcmp(s->word[2].text, "version") != 0)
		import_note(im, s, "'version' is expected behind enable");
	else if (import_number(im, s, 3, 1, family == FAMILY_IPV4 ? 3 : 2, &version)) {
		st->af[family].version = version;
		st->af[family].version_from = *s;
	}
}

static void read_igmp(struct import *im, const struct import_stmt *s)
{
	read_family(im, s, FAMILY_IPV4);
}

static void read_mld(struct import *im, const struct import_stmt *s)
{
	read_family(im, s, FAMILY_IPV6);
}

static void read_upstream(struct import *im, const struct import_stmt *s)
{
	struct state *st = import_kept(im);

	if (st->has_up) {
		import_note(im, s, "a second upstream, which improxy 1.x did not take");
		return;
	}
	st->has_up = true;
	st->up = *s;
}

static void read_downstream(struct import *im, const struct import_stmt *s)
{
	struct state *st = import_kept(im);

	if (st->ndown == IFS_MAX)
		import_note(im, s, "too many interfaces");
	else
		st->down[st->ndown++] = *s;
}

static void read_quickleave(struct import *im, const struct import_stmt *s)
{
	struct state *st = import_kept(im);
	int on = import_switch(im, s, 1);

	if (on >= 0)
		st->quick = on;
	st->quick_leave = *s;
}

static void read_down_to_up(struct import *im, const struct import_stmt *s)
{
	struct state *st = import_kept(im);
	int on = import_switch(im, s, 1);

	if (on >= 0)
		st->to_up = on;
	st->down_to_up = *s;
}

static const struct import_directive directives[] = {
	{ "igmp", 2, read_igmp },
	{ "mld", 2, read_mld },
	{ "upstream", 2, read_upstream },
	{ "downstream", 2, read_downstream },
	{ "quickleave", 2, read_quickleave },
	{ "down_to_up", 2, read_down_to_up },
};

static void write_upstream(struct import *im, const struct state *st, enum family family)
{
	const char *name = st->has_up ? st->up.word[1].text : NULL;

	if (!name || !import_role(im, &st->up, name, family, GM_ROLE_UPSTREAM, "") || st->to_up)
		return;
	if (family == FAMILY_IPV4) {
		import_remark(im, "down_to_up is off: with a TTL threshold of %d no IPv4 data leaves by %s", TTL_NEVER,
			      name);
		import_set(im, &st->up, name, "ip multicast ttl-threshold %d", TTL_NEVER);
	} else if (st->down_to_up.n) {
		import_note(im, &st->down_to_up, "of IPv4 only: " NO_HOP_LIMIT, name);
	} else {
		import_remark(im, NO_HOP_LIMIT, name);
	}
}

static void write_family(struct import *im, const struct state *st, enum family family)
{
	const char *protocol = family_protocol(family);

	write_upstream(im, st, family);
	for (unsigned int i = 0; i < st->ndown; i++) {
		const char *name = st->down[i].word[1].text;

		if (!import_role(im, &st->down[i], name, family, GM_ROLE_DOWNSTREAM, ""))
			continue;
		if (st->af[family].version)
			import_set(im, &st->af[family].version_from, name, "%s %s version %u", family_name(family),
				   protocol, st->af[family].version);
		if (st->quick)
			import_set(im, &st->quick_leave, name, "%s %s immediate-leave unconditional",
				   family_name(family), protocol);
	}
}

static void read_file(struct import *im, const struct import_word *words, unsigned int n)
{
	struct state st = { 0 };
	struct import_stmt s;
	unsigned int at = 0;

	import_keep(im, &st);
	while (import_next_line(words, n, &at, &s))
		import_run(im, directives, ARRAY_SIZE(directives), &s);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		if (st.af[f].on)
			write_family(im, &st, (enum family)f);
		else
			import_remark(im, "%s was not enabled: no interface has a role in it",
				      family_title((enum family)f));
	}
}

const struct import_format import_improxy = { .name = "improxy", .marks = "", .read = read_file };
