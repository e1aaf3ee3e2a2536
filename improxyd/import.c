/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "import.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "conf.h"
#include "import_format.h"
#include "lib/token.h"

#define QUOTE_MAX 160 /* octets of a foreign line in a note */
#define TEXT_MAX  512
#define LOAD_NAME "import"

static const struct import_format *const formats[] = {
	&import_improxy,
	&import_igmpproxy,
	&import_mcproxy,
	&import_smcroute,
};

/* A line of ours; two of the text that is loaded when it belongs to an interface. */
struct set {
	struct import_stmt from;
	char ifname[GM_NAME_LEN]; /* empty: of the daemon */
	char *text;
};

struct role {
	char ifname[GM_NAME_LEN];
	enum gm_role role;
};

/* A comment in the result; with a line also a warning. */
struct note {
	unsigned int line, serial;
	char *text;
};

struct import {
	const char *file, *text;
	void *state;
	load_error_fn *warn;
	void *arg;

	char *store;
	struct import_word *words;
	unsigned int nwords;

	struct set *sets;
	unsigned int nsets;
	struct role *roles;
	unsigned int nroles;
	struct note *notes;
	unsigned int nnotes;
	bool no_memory;
};

const struct import_format *import_format_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	}
	return NULL;
}

const char *import_format_names(void)
{
	static char names[64];

	for (size_t i = 0, n = 0; i < ARRAY_SIZE(formats) && n < sizeof(names); i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", i ? ", " : "", formats[i]->name);
	return names;
}

void import_keep(struct import *im, void *state)
{
	im->state = state;
}

void *import_kept(const struct import *im)
{
	return im->state;
}

/* --- notes --- */

/* What was said already is not said again: a line may count for both families. Takes over `text`. */
static void add_note(struct import *im, unsigned int line, char *text)
{
	struct note *notes;

	for (unsigned int i = 0; text && i < im->nnotes; i++) {
		if (im->notes[i].line == line && strcmp(im->notes[i].text, text) == 0) {
			free(text);
			return;
		}
	}
	notes = text ? reallocarray(im->notes, im->nnotes + 1, sizeof(*notes)) : NULL;
	if (!notes) {
		free(text);
		im->no_memory = true;
		return;
	}
	im->notes = notes;
	notes[im->nnotes] = (struct note){ .line = line, .serial = im->nnotes, .text = text };
	im->nnotes++;
}

/* The words of a statement as they stand in the file, on one line, without anything a terminal would act upon. */
static void quote(const struct import *im, const struct import_stmt *s, char *buf, size_t size)
{
	const char *p = im->text + s->word[0].start, *end = im->text + s->word[s->n - 1].end;
	size_t n = 0;
	bool blank = false, comment = false;

	for (; p < end && n + 5 < size; p++) {
		if (*p == '#')
			comment = true;
		if (*p == '\n')
			comment = false;
		if (comment || (unsigned char)*p <= ' ' || *p == 0x7f) {
			blank = true;
			continue;
		}
		if (blank && n)
			buf[n++] = ' ';
		blank = false;
		buf[n++] = *p;
	}
	if (p < end)
		n += (size_t)snprintf(buf + n, size - n, "...");
	buf[n] = '\0';
}

void import_note(struct import *im, const struct import_stmt *s, const char *fmt, ...)
{
	char what[QUOTE_MAX], reason[TEXT_MAX], *text;
	va_list ap;

	quote(im, s, what, sizeof(what));
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	if (asprintf(&text, "%s: %s", what, reason) < 0)
		text = NULL;
	add_note(im, s->word[0].line, text);
}

void import_remark(struct import *im, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	add_note(im, 0, text);
}

/* --- statements --- */

struct import_stmt import_part(const struct import_stmt *s, unsigned int from, unsigned int n)
{
	return (struct import_stmt){ .word = s->word + from, .n = n < s->n - from ? n : s->n - from };
}

bool import_next_line(const struct import_word *words, unsigned int n, unsigned int *at, struct import_stmt *s)
{
	unsigned int start = *at;

	if (start >= n)
		return false;
	for (*at = start + 1; *at < n && !words[*at].first;)
		++*at;
	*s = (struct import_stmt){ .word = words + start, .n = *at - start };
	return true;
}

void import_run(struct import *im, const struct import_directive *directives, size_t n, const struct import_stmt *s)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(directives[i].name, s->word[0].text) != 0)
			continue;
		if (s->n < directives[i].min_words)
			import_note(im, s, "not complete");
		else
			directives[i].run(im, s);
		return;
	}
	import_note(im, s, "not known in this kind of file");
}

int import_switch(struct import *im, const struct import_stmt *s, unsigned int at)
{
	if (strcmp(s->word[at].text, "enable") == 0)
		return 1;
	if (strcmp(s->word[at].text, "disable") == 0)
		return 0;
	import_note(im, s, "neither enable nor disable");
	return -1;
}

bool import_number(struct import *im, const struct import_stmt *s, unsigned int at, unsigned int min, unsigned int max,
		   unsigned int *value)
{
	const char *text = at < s->n ? s->word[at].text : "";
	size_t len = strlen(text);

	*value = len && len < 10 && strspn(text, "0123456789") == len ? (unsigned int)strtoul(text, NULL, 10) : max + 1;
	if (*value >= min && *value <= max)
		return true;
	import_note(im, s, "not a number from %u to %u", min, max);
	return false;
}

/* --- lines of ours --- */

static void add_set(struct import *im, const struct import_stmt *s, const char *ifname, const char *text)
{
	struct set *sets = reallocarray(im->sets, im->nsets + 1, sizeof(*sets));
	char *copy = strdup(text);

	if (sets)
		im->sets = sets;
	if (!sets || !copy) {
		free(copy);
		im->no_memory = true;
		return;
	}
	sets[im->nsets] = (struct set){ .from = *s, .text = copy };
	if (ifname)
		snprintf(sets[im->nsets].ifname, sizeof(sets[im->nsets].ifname), "%s", ifname);
	im->nsets++;
}

void import_set(struct import *im, const struct import_stmt *s, const char *ifname, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (ifname && !conf_if_name_valid(ifname)) {
		import_note(im, s, "%s cannot be the name of an interface", ifname);
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_set(im, s, ifname, text);
}

void import_set_each(struct import *im, const struct import_stmt *s, enum gm_role role, const char *text)
{
	for (unsigned int i = 0; i < im->nroles; i++) {
		if (im->roles[i].role == role)
			add_set(im, s, im->roles[i].ifname, text);
	}
}

static enum gm_role role_of(const struct import *im, const char *ifname)
{
	for (unsigned int i = 0; i < im->nroles; i++) {
		if (strcmp(im->roles[i].ifname, ifname) == 0)
			return im->roles[i].role;
	}
	return GM_ROLE_NONE;
}

bool import_role(struct import *im, const struct import_stmt *s, const char *ifname, enum family family,
		 enum gm_role role, const char *more)
{
	const char *name = role == GM_ROLE_UPSTREAM ? "upstream" : "downstream";
	enum gm_role before = role_of(im, ifname);
	struct role *roles;

	if (!conf_if_name_valid(ifname)) {
		import_note(im, s, "%s cannot be the name of an interface", ifname);
		return false;
	}
	if (before != GM_ROLE_NONE && before != role) {
		import_note(im, s, "%s is %s already, and an interface has one role", ifname,
			    role == GM_ROLE_UPSTREAM ? "downstream" : "upstream");
		return false;
	}
	if (before == GM_ROLE_NONE) {
		roles = reallocarray(im->roles, im->nroles + 1, sizeof(*roles));
		if (!roles) {
			im->no_memory = true;
			return false;
		}
		im->roles = roles;
		roles[im->nroles].role = role;
		snprintf(roles[im->nroles++].ifname, GM_NAME_LEN, "%s", ifname);
	}
	import_set(im, s, ifname, "%s %s proxy %s%s", family_name(family), family_protocol(family), name, more);
	return true;
}

/* --- words --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Takes the word at `*p` into the store at `*to`; steps over both. */
static void take_word(const char **p, char **to, const char *marks)
{
	bool quoted = *marks && **p == '"';

	if (quoted) {
		for (++*p; **p && **p != '"' && **p != '\n'; ++*p)
			*(*to)++ = **p;
		*p += **p == '"';
	} else if (strchr(marks, **p)) {
		*(*to)++ = *(*p)++;
	} else {
		while (**p && !is_blank(**p) && **p != '\n' && **p != '#' && !strchr(marks, **p) &&
		       !(*marks && **p == '"'))
			*(*to)++ = *(*p)++;
	}
	*(*to)++ = '\0';
}

/* `#` begins a comment in each of the formats. */
static int split_words(struct import *im, const char *marks)
{
	size_t size = strlen(im->text);
	const char *p = im->text;
	unsigned int line = 1;
	bool first = true;
	char *to;

	/* No word has more octets than it needs in the file, but for its NUL. */
	im->store = to = malloc(2 * size + 1);
	im->words = calloc(size + 1, sizeof(*im->words));
	if (!im->store || !im->words)
		return -ENOMEM;
	while (*p) {
		if (*p == '\n') {
			line++;
			first = true;
			p++;
		} else if (is_blank(*p)) {
			p++;
		} else if (*p == '#') {
			p += strcspn(p, "\n");
		} else {
			struct import_word *w = &im->words[im->nwords++];

			*w = (struct import_word){
				.text = to, .start = (size_t)(p - im->text), .line = line, .first = first
			};
			take_word(&p, &to, marks);
			w->end = (size_t)(p - im->text);
			first = false;
		}
	}
	return 0;
}

/* --- the result --- */

/* What is loaded: each line with the name of its interface in front of it. */
static char *compose(const struct import *im)
{
	size_t size = 1, n = 0;
	char *text;

	for (unsigned int i = 0; i < im->nsets; i++)
		size += strlen(im->sets[i].text) + 2 * GM_NAME_LEN + 32;
	text = malloc(size);
	if (!text)
		return NULL;
	*text = '\0';
	for (unsigned int i = 0; i < im->nsets; i++) {
		const struct set *set = &im->sets[i];
		char quoted[2 * GM_NAME_LEN + 3] = "";

		if (*set->ifname && token_quote(set->ifname, quoted, sizeof(quoted)) == 0)
			n += (size_t)snprintf(text + n, size - n, "interface %s\n%s\n", quoted, set->text);
		else
			n += (size_t)snprintf(text + n, size - n, "!\n%s\n", set->text);
	}
	return text;
}

/* A line that is refused here for a reason of its own: the group may be one that is never proxied. */
static void on_refused(void *arg, const char *message)
{
	struct import *im = arg;
	unsigned int line = 0;
	int skip = 0;

	if (sscanf(message, LOAD_NAME ":%u: %n", &line, &skip) == 1 && line && (line - 1) / 2 < im->nsets)
		import_note(im, &im->sets[(line - 1) / 2].from, "%s", message + skip);
}

static int by_line(const void *a, const void *b)
{
	const struct note *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->serial < y->serial ? -1 : x->serial > y->serial;
}

/* The comments on top of the result. Returns the number of those that have a line, and so are warnings. */
static unsigned int write_notes(struct import *im, FILE *f)
{
	unsigned int nwarnings = 0;

	if (im->nnotes)
		qsort(im->notes, im->nnotes, sizeof(*im->notes), by_line);
	for (unsigned int i = 0; i < im->nnotes; i++) {
		const struct note *note = &im->notes[i];

		if (!note->line)
			fprintf(f, "! %s\n", note->text);
		else if (nwarnings++)
			fprintf(f, "! line %u: %s\n", note->line, note->text);
		else
			fprintf(f, "! These lines have no equal:\n! line %u: %s\n", note->line, note->text);
	}
	return nwarnings;
}

static int warn_all(const struct import *im)
{
	for (unsigned int i = 0; i < im->nnotes; i++) {
		const struct note *note = &im->notes[i];
		char *message;

		if (!note->line)
			continue;
		if (asprintf(&message, "%s:%u: %s", im->file, note->line, note->text) < 0)
			return -ENOMEM;
		im->warn(im->arg, message);
		free(message);
	}
	return 0;
}

/* Returns the number of warnings, or -ENOMEM. */
static int make_result(struct import *im, const struct cmd_table *table, const char *format, char **result)
{
	char *text = compose(im), *config = NULL, *made = NULL;
	struct conf *conf = conf_new();
	size_t size;
	int err = -ENOMEM;
	FILE *f;

	if (text && conf) {
		const struct load_source source = { .name = LOAD_NAME, .text = text, .len = strlen(text) };

		if (load_text(table, &source, conf, on_refused, im) >= 0)
			config = cli_config_text(conf);
	}
	f = config && !im->no_memory ? open_memstream(&made, &size) : NULL;
	if (f) {
		fprintf(f, "! Converted by improxyd --import %s.\n", format);
		err = (int)write_notes(im, f);
		/* An interface begins with such a line of its own. */
		fprintf(f, "%s%s", *config == '!' ? "" : "!\n", config);
		if (fclose(f) != 0 || warn_all(im) < 0)
			err = -ENOMEM;
	}
	if (err >= 0)
		*result = made;
	else
		free(made);
	free(config);
	conf_free(conf);
	free(text);
	return err;
}

int import_convert(const struct import_format *format, const struct cmd_table *table, const char *file,
		   const char *text, load_error_fn *warn, void *arg, char **result)
{
	struct import im = { .file = file, .text = text, .warn = warn, .arg = arg };
	int ret = split_words(&im, format->marks);

	if (ret == 0) {
		format->read(&im, im.words, im.nwords);
		ret = make_result(&im, table, format->name, result);
	}
	for (unsigned int i = 0; i < im.nsets; i++)
		free(im.sets[i].text);
	for (unsigned int i = 0; i < im.nnotes; i++)
		free(im.notes[i].text);
	free(im.sets);
	free(im.roles);
	free(im.notes);
	free(im.words);
	free(im.store);
	return ret;
}
