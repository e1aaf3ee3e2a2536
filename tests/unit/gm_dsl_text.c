/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gm_dsl_parts.h"

#include <stdio.h>
#include <string.h>

/* --- text --------------------------------------------------------------------------------------------------------- */

void line_put(struct line *line, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line->s + line->n, sizeof(line->s) - line->n, fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && line->n + (size_t)n < sizeof(line->s));
	line->n += (size_t)n;
}

void line_gap(struct line *line)
{
	if (line->n)
		line_put(line, " ");
}

const char *line_take(struct line *line)
{
	static struct line taken;

	taken.n = 0;
	line_put(&taken, "%s", line->n ? line->s : "");
	line->n = 0;
	line->s[0] = '\0';
	return taken.s;
}

void dsl_equal(const char *got, const char *want, const char *file, int line)
{
	_assert_string_equal(got, want, file, line);
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *v4, *v6;
} names[] = {
	{ "U", "198.51.100.2", "fe80::10" },     { "U2", "203.0.113.2", "fe80::10" },
	{ "D1", "10.1.0.10", "fe80::10" },       { "D2", "10.2.0.10", "fe80::10" },
	{ "D3", "10.3.0.10", "fe80::10" },       { "D4", "10.4.0.10", "fe80::10" },
	{ "H3", "10.2.0.11", "fe80::11" },       { "A1", "10.1.0.11", "2001:db8:1::11" },
	{ "A2", "10.2.0.11", "2001:db8:2::11" }, { "QL", "10.1.0.5", "fe80::5" },
	{ "QL3", "10.1.0.3", "fe80::3" },        { "QH", "10.1.0.200", "fe80::c8" },
	{ "UR", "198.51.100.1", "fe80::1" },     { "NOBODY", "0.0.0.0", "::" },
};

/* Families of numbered names. */
static const struct {
	const char *letters, *v4, *v6;
} numbered[] = {
	{ "GS", "232.1.0.0", "ff35::8000:0" },
	{ "G", "239.1.0.0", "ff15::1:0" },
	{ "S", "198.18.0.0", "2001:db8:18::" },
	{ "H", "10.1.0.10", "fe80::10" },
};

#define NGROUPS_AND_SOURCES 3

static struct ipaddr parse(const char *text)
{
	struct ipaddr a;

	if (strcmp(text, "::") == 0)
		return (struct ipaddr){ 0 };
	if (ipaddr_parse(text, &a) < 0)
		fail_msg("no such name or address: %s", text);
	return a;
}

static const char *family_text(const char *v4, const char *v6)
{
	return bed.v6 ? v6 : v4;
}

struct ipaddr addr(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i].name, name) == 0)
			return parse(family_text(names[i].v4, names[i].v6));
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbered); i++) {
		size_t len = strlen(numbered[i].letters);
		unsigned int n;
		struct ipaddr a;
		char end;

		if (strncmp(name, numbered[i].letters, len) != 0 || sscanf(name + len, "%u%c", &n, &end) != 1)
			continue;
		a = parse(family_text(numbered[i].v4, numbered[i].v6));
		a.b[14] = (uint8_t)(a.b[14] + (n >> 8));
		a.b[15] = (uint8_t)(a.b[15] + n);
		/* 239.1.1.1 and ff15::1:1 are the groups of the test bed. */
		if (!bed.v6 && numbered[i].letters[0] == 'G')
			a.b[14]++;
		return a;
	}
	return parse(name);
}

const char *name_of(const struct ipaddr *a)
{
	static char bufs[4][IPADDR_STRLEN];
	static unsigned int next;
	char *buf = bufs[next++ % ARRAY_SIZE(bufs)];

	for (unsigned int i = 1; i <= 2; i++) {
		struct ipaddr sender;

		snprintf(buf, IPADDR_STRLEN, "A%u", i);
		sender = addr(buf);
		if (ipaddr_eq(&sender, a))
			return buf;
	}
	if (ipaddr_is_none(a))
		return "*";
	for (size_t i = 0; i < NGROUPS_AND_SOURCES; i++) {
		const char *letters = numbered[i].letters;
		char first[8];
		struct ipaddr base;
		unsigned int n;

		snprintf(first, sizeof(first), "%s0", letters);
		base = addr(first);
		if (memcmp(a->b, base.b, 14) != 0 || a->b[14] < base.b[14])
			continue;
		n = (unsigned int)(a->b[14] - base.b[14]) << 8 | a->b[15];
		snprintf(buf, IPADDR_STRLEN, "%s%u", strcmp(letters, "S") == 0 ? "" : letters, n);
		return buf;
	}
	return ipaddr_format(a, buf);
}

struct ipprefix prefix(const char *v4, const char *v6)
{
	struct ipprefix p;

	assert_int_equal(ipprefix_parse(family_text(v4, v6), &p), 0);
	return p;
}

const char *const slot_names[NSLOTS] = { "U", "U2", "D1", "D2", "D3", "D4" };

/* --- lists -------------------------------------------------------------------------------------------------------- */

unsigned int list_read(const char *text, struct ipaddr *list)
{
	char copy[LINE_LEN], *save = NULL;
	unsigned int n = 0;

	assert_int_equal(text[0], '{');
	snprintf(copy, sizeof(copy), "%s", text + 1);
	assert_non_null(strchr(copy, '}'));
	*strchr(copy, '}') = '\0';
	for (char *tok = strtok_r(copy, ",", &save); tok; tok = strtok_r(NULL, ",", &save)) {
		char name[80];
		unsigned int first, last;
		char end;

		assert_true(n < MAX_LIST);
		if (sscanf(tok, "%u-%u%c", &first, &last, &end) == 2) {
			for (; first <= last; first++) {
				snprintf(name, sizeof(name), "S%u", first);
				list[n++] = addr(name);
			}
		} else {
			snprintf(name, sizeof(name), "%s%s", strspn(tok, "0123456789") == strlen(tok) ? "S" : "", tok);
			list[n++] = addr(name);
		}
	}
	return n;
}

void line_list(struct line *line, const struct ipaddr *list, unsigned int n)
{
	line_put(line, "{");
	for (unsigned int i = 0; i < n; i++)
		line_put(line, "%s%s", i ? "," : "", name_of(&list[i]));
	line_put(line, "}");
}

static bool in_list(const struct ipaddr *a, const struct ipaddr *list, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (ipaddr_eq(a, &list[i]))
			return true;
	}
	return false;
}

void line_difference(struct line *line, const char *record, const struct ipaddr *list, unsigned int n,
		     const struct ipaddr *other, unsigned int nother)
{
	static struct ipaddr left[MAX_LIST];
	unsigned int nleft = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (!in_list(&list[i], other, nother))
			left[nleft++] = list[i];
	}
	if (!nleft)
		return;
	line_gap(line);
	line_put(line, "%s", record);
	line_list(line, left, nleft);
}
