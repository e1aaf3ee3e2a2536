/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the readers of foreign formats build upon (internal to improxyd/import*.c): the words of the file with their
 * lines, tables of directives, and the result under way: lines of ours for the daemon or an interface, and notes about
 * what has no equal. A reader never fails: what it cannot understand is a note.
 */
#ifndef IMPROXY_IMPORT_FORMAT_H
#define IMPROXY_IMPORT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/gm.h"
#include "lib/family.h"
#include "lib/util.h"

struct import;

struct import_word {
	const char *text;  /* without quotes */
	size_t start, end; /* in the file, to quote it in a note */
	unsigned int line;
	bool first; /* on its line */
};

/* Words that belong together: at least one. */
struct import_stmt {
	const struct import_word *word;
	unsigned int n;
};

/* A directive: its first word, and how many words it has at least. */
struct import_directive {
	const char *name;
	unsigned int min_words;
	void (*run)(struct import *im, const struct import_stmt *s);
};

struct import_format {
	const char *name;
	const char *marks; /* characters that are words of their own; with any, double quotes make words, too */
	void (*read)(struct import *im, const struct import_word *words, unsigned int n);
};

extern const struct import_format import_improxy, import_igmpproxy, import_mcproxy, import_smcroute;

/* What the reader keeps for its directives. */
void import_keep(struct import *im, void *state);
void *import_kept(const struct import *im);

/* Runs the directive that the statement's first word names; a note when there is none, or words are missing. */
void import_run(struct import *im, const struct import_directive *directives, size_t n, const struct import_stmt *s);

/* The next statement that is a line of the file, behind `*at`; false at the end. */
bool import_next_line(const struct import_word *words, unsigned int n, unsigned int *at, struct import_stmt *s);

/* Part of a statement, from word `from` on, for a note about it. */
struct import_stmt import_part(const struct import_stmt *s, unsigned int from, unsigned int n);

/* A line of ours, for an interface or (NULL) for the daemon; `s` is where it comes from. */
void import_set(struct import *im, const struct import_stmt *s, const char *ifname, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* The role of an interface; `more` is what follows (" priority 10"), or "". A contradiction is a note, and false. */
bool import_role(struct import *im, const struct import_stmt *s, const char *ifname, enum family family,
		 enum gm_role role, const char *more);
/* A line of ours for each interface that has this role so far. */
void import_set_each(struct import *im, const struct import_stmt *s, enum gm_role role, const char *text);

/* The statement has no equal here: a comment with the reason, and a warning. */
void import_note(struct import *im, const struct import_stmt *s, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Something to know that needs no warning: a comment. */
void import_remark(struct import *im, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The words `enable` and `disable`: 1, 0, or -1 with a note. */
int import_switch(struct import *im, const struct import_stmt *s, unsigned int at);

/* A number in this range; false with a note. */
bool import_number(struct import *im, const struct import_stmt *s, unsigned int at, unsigned int min, unsigned int max,
		   unsigned int *value);

#endif
