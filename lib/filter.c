/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/filter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/token.h"

static const char *const kind_names[] = {
#define FILTER_KIND_NAME(name, word, help) [FILTER_##name] = word,
	FILTER_KINDS(FILTER_KIND_NAME)
#undef FILTER_KIND_NAME
};

static const char *const kind_helps[] = {
#define FILTER_KIND_HELP(name, word, help) [FILTER_##name] = help,
	FILTER_KINDS(FILTER_KIND_HELP)
#undef FILTER_KIND_HELP
};

#define KINDS "include, exclude, begin, section or count"

const char *filter_kind_name(enum filter_kind kind)
{
	return kind_names[kind];
}

const char *filter_kind_help(enum filter_kind kind)
{
	return kind_helps[kind];
}

/* The names differ in their first letter, so that every abbreviation is unique. */
static int kind_parse(const char *word, enum filter_kind *kind)
{
	for (unsigned int i = 0; i < FILTER_KIND_COUNT; i++) {
		if (*word && strncmp(kind_names[i], word, strlen(word)) == 0) {
			*kind = (enum filter_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* --- what an expression may cost --- */

/* Single characters to match once all repetitions are written out, and how deep groups may nest. */
#define RE_MAX_SIZE  1000
#define RE_MAX_DEPTH 32
/* What matches a place instead of a character. */
#define RE_MAX_PLACES 4

/* Behind a bracket expression, of which `s` is the beginning. */
static const char *bracket_end(const char *s)
{
	s++;
	if (*s == '^')
		s++;
	if (*s == ']')
		s++;
	while (*s && *s != ']') {
		char kind = s[0] == '[' && s[1] && strchr(":.=", s[1]) ? s[1] : '\0';

		s += kind ? 2 : 1;
		if (!kind)
			continue;
		/* What the class begins with stands for itself, be it a bracket. */
		if (*s)
			s++;
		while (*s && (s[-1] != kind || *s != ']'))
			s++;
		if (*s)
			s++;
	}
	return *s ? s + 1 : s;
}

/* Reads {N}, {N,} or {N,M} and how often the library writes out what it repeats. NULL: it is no such thing. */
static const char *interval_end(const char *s, uint64_t *copies)
{
	unsigned long low, high;
	char *end;

	low = strtoul(s + 1, &end, 10);
	low = low <= RE_MAX_SIZE ? low : RE_MAX_SIZE + 1;
	high = low;
	if (*end == ',') {
		high = strtoul(end + 1, &end, 10);
		high = high > low ? high : low + 1;
	}
	if (*end != '}')
		return NULL;
	*copies = high > RE_MAX_SIZE ? RE_MAX_SIZE + 1 : high ? high : 1;
	return end + 1;
}

/* Beginning and end of a line, of a word (\\< \\> \\b \\B), of the text (\\` \\'). */
static bool is_place(const char *re)
{
	return *re == '^' || *re == '$' || (*re == '\\' && re[1] && strchr("<>bB`'", re[1]));
}

/* What was read of a group, or of the whole. */
struct re_group {
	uint64_t size;   /* of all */
	uint64_t part;   /* of what a repetition that follows would repeat */
	bool part_empty; /* that may match nothing, */
	bool alt_empty;  /* and so may what came before it since the last |, */
	bool empty;      /* and one of the alternatives before that */
};

static const struct re_group re_begin = { .part_empty = true, .alt_empty = true };

static bool alternative_empty(const struct re_group *g)
{
	return g->alt_empty && g->part_empty;
}

static void begin_part(struct re_group *g, uint64_t size, bool empty)
{
	g->alt_empty = alternative_empty(g);
	g->part_empty = empty;
	g->part = size;
	g->size += size;
}

static const char *repeat_part(struct re_group *g, const char *symbol, uint64_t copies)
{
	if (!g->part)
		return NULL; /* there is nothing: the library says so */
	if (*symbol == '?') {
		g->part_empty = true;
		return NULL;
	}
	if (g->part_empty)
		return "what may be empty is repeated";
	g->part_empty = *symbol == '*' || (*symbol == '{' && strtoul(symbol + 1, NULL, 10) == 0);
	g->size += g->part * (copies - 1);
	g->part *= copies;
	return NULL;
}

/*
 * The expression comes from a client and the time and memory it takes are ours. The library writes out repetitions, the
 * `+` too; it searches for what back references stand for by trial; and there is no bound that matters to its work when
 * what may be empty is repeated (^a*+*+*+*+* takes minutes), or when places are many. Returns why it is refused, or
 * NULL.
 */
static const char *re_refuse(const char *re)
{
	struct re_group groups[RE_MAX_DEPTH] = { re_begin }, *g = groups;
	unsigned int places = 0;

	while (*re) {
		const char *next = re + 1, *why = NULL;
		uint64_t copies = 0;

		if (*re == '\\' && re[1] >= '1' && re[1] <= '9')
			return "back references are not supported";
		if (is_place(re) && ++places > RE_MAX_PLACES)
			return "too many places (^ and $)";
		if (*re == '(') {
			if (++g == groups + RE_MAX_DEPTH)
				return "groups are nested too deep";
			*g = re_begin;
		} else if (*re == ')' && g > groups) {
			g--;
			begin_part(g, g[1].size + 1, g[1].empty || alternative_empty(&g[1]));
		} else if (*re == '|') {
			g->empty |= alternative_empty(g);
			g->alt_empty = g->part_empty = true;
			g->part = 0;
		} else if (strchr("*+?", *re)) {
			why = repeat_part(g, re, 2);
		} else if (*re == '{' && interval_end(re, &copies)) {
			next = interval_end(re, &copies);
			why = repeat_part(g, re, copies);
		} else {
			if (*re == '\\' && re[1])
				next = re + 2;
			else if (*re == '[')
				next = bracket_end(re);
			begin_part(g, 1, is_place(re));
		}
		if (why)
			return why;
		if (g->size > RE_MAX_SIZE)
			return "too many repetitions";
		re = next;
	}
	return NULL;
}

static void trim_end(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		s[--n] = '\0';
}

/* Reads one `KIND RE`; `spec` is changed. `bad` is where in it the word stands that is at fault. */
static int stage_open(struct filter_stage *stage, char *spec, size_t *bad, char *err, size_t err_size)
{
	char store[TOKEN_LINE_MAX + 1], why[128];
	struct token_cursor cursor;
	struct token t;
	const char *re, *refused;
	int ret;

	trim_end(spec);
	*bad = strspn(spec, " \t");
	if (!spec[*bad]) {
		snprintf(err, err_size, "A filter is missing (" KINDS ")");
		return -ENODATA;
	}
	if (token_open(&cursor, spec, store) < 0 || token_next(&cursor, &t) != 1 ||
	    kind_parse(t.text, &stage->kind) < 0) {
		snprintf(err, err_size, "Unknown filter (" KINDS ")");
		return -ENOENT;
	}
	stage->on = false;
	re = token_rest(&cursor);
	*bad = (size_t)(re - spec);
	if (stage->kind == FILTER_COUNT) {
		if (*re)
			snprintf(err, err_size, "count takes no expression");
		return *re ? -EINVAL : 0;
	}
	/* An expression is verbatim, blanks and all, unless the whole of it is one quoted word. */
	if (*re == '"' && token_next(&cursor, &t) == 1 && !spec[t.end])
		re = t.text;
	if (!*re) {
		snprintf(err, err_size, "%s needs an expression", kind_names[stage->kind]);
		return -ENODATA;
	}
	refused = re_refuse(re);
	if (refused) {
		snprintf(err, err_size, "Bad expression: %s", refused);
		return -EINVAL;
	}
	ret = regcomp(&stage->re, re, REG_EXTENDED | REG_NOSUB);
	if (ret != 0) {
		regerror(ret, &stage->re, why, sizeof(why));
		snprintf(err, err_size, "Bad expression: %s", why);
		return -EINVAL;
	}
	return 0;
}

int filter_open(struct filter *f, const char *spec, int (*write)(void *arg, const char *buf, size_t len), void *arg,
		char *err, size_t err_size)
{
	char *copy = strdup(spec), *at = copy;
	int ret = 0;

	memset(f, 0, sizeof(*f));
	f->write = write;
	f->arg = arg;
	if (!copy) {
		snprintf(err, err_size, "Out of memory");
		return -ENOMEM;
	}
	while (at && ret == 0) {
		char *next = token_split_pipe(at);

		size_t bad = 0;

		f->bad = (size_t)(at - copy);
		if (f->nstages == FILTER_MAX_STAGES) {
			snprintf(err, err_size, "At most %d filters", FILTER_MAX_STAGES);
			ret = -EINVAL;
			break;
		}
		ret = stage_open(&f->stage[f->nstages], at, &bad, err, err_size);
		f->bad += bad;
		if (ret == 0 && f->stage[f->nstages++].kind == FILTER_COUNT && next) {
			snprintf(err, err_size, "count must be the last filter");
			ret = -EINVAL;
		}
		at = next;
	}
	free(copy);
	if (ret < 0)
		filter_close(f);
	return ret;
}

static bool stage_passes(struct filter *f, struct filter_stage *stage, const char *line)
{
	switch (stage->kind) {
	case FILTER_INCLUDE:
		return regexec(&stage->re, line, 0, NULL, 0) == 0;
	case FILTER_EXCLUDE:
		return regexec(&stage->re, line, 0, NULL, 0) != 0;
	case FILTER_BEGIN:
		stage->on = stage->on || regexec(&stage->re, line, 0, NULL, 0) == 0;
		return stage->on;
	case FILTER_SECTION:
		if (*line != ' ' && *line != '\t')
			stage->on = regexec(&stage->re, line, 0, NULL, 0) == 0;
		return stage->on;
	case FILTER_COUNT:
		f->count++;
		return false;
	}
	return false;
}

/* Sends the gathered line, which has room behind it, through the stages. */
static int line_end(struct filter *f, bool newline)
{
	size_t len = f->len;

	f->line[len] = '\0';
	f->len = 0;
	for (unsigned int i = 0; i < f->nstages; i++) {
		if (!stage_passes(f, &f->stage[i], f->line))
			return 0;
	}
	if (newline)
		f->line[len++] = '\n';
	return f->write(f->arg, f->line, len);
}

static int line_add(struct filter *f, char c)
{
	if (f->len + 2 > f->size) {
		size_t size = f->size ? f->size * 2 : 256;
		char *line = realloc(f->line, size);

		if (!line)
			return -ENOMEM;
		f->line = line;
		f->size = size;
	}
	f->line[f->len++] = c;
	return 0;
}

int filter_write(void *arg, const char *buf, size_t len)
{
	struct filter *f = arg;
	int ret = 0;

	for (size_t i = 0; i < len && ret == 0; i++) {
		if (buf[i] != '\n') {
			ret = line_add(f, buf[i]);
			if (ret == 0 && f->len == FILTER_LINE_MAX)
				ret = line_end(f, true);
			continue;
		}
		/* An empty line still needs the room for its end. */
		ret = line_add(f, '\n');
		if (ret == 0) {
			f->len--;
			ret = line_end(f, true);
		}
	}
	return ret;
}

int filter_finish(struct filter *f)
{
	char text[24];
	int ret = 0;

	if (f->len > 0)
		ret = line_end(f, false);
	if (ret == 0 && f->nstages > 0 && f->stage[f->nstages - 1].kind == FILTER_COUNT) {
		snprintf(text, sizeof(text), "%" PRIu64 "\n", f->count);
		ret = f->write(f->arg, text, strlen(text));
	}
	return ret;
}

void filter_close(struct filter *f)
{
	for (unsigned int i = 0; i < f->nstages; i++) {
		if (f->stage[i].kind != FILTER_COUNT)
			regfree(&f->stage[i].re);
	}
	f->nstages = 0;
	free(f->line);
	f->line = NULL;
	f->len = f->size = 0;
}
