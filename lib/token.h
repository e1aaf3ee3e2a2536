/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words of a command line. A word runs to the next blank; a word that begins with a double quote runs to the closing
 * quote and may hold blanks, \" and \\. A line whose first non-blank is ! or # is a comment; elsewhere these are
 * ordinary characters. Words know their column, so that an error can point at them. The line itself is never changed,
 * because a command may want its rest verbatim.
 */
#ifndef IMPROXY_LIB_TOKEN_H
#define IMPROXY_LIB_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#define TOKEN_LINE_MAX 4096 /* octets of a line without its NUL */

struct token {
	const char *text; /* without quotes and escapes, in the cursor's store */
	size_t start;     /* offset of its first octet in the line (the quote of a quoted word) */
	size_t end;       /* offset behind its last octet */
	bool quoted;
};

struct token_cursor {
	const char *line;
	size_t pos;
	char *store;
	size_t used;
};

/*
 * Begins to read `line`, which must live as long as the cursor. `store` has TOKEN_LINE_MAX + 1 octets and takes the
 * words. Returns 0, or -E2BIG when the line is too long.
 */
int token_open(struct token_cursor *c, const char *line, char *store);

/*
 * Reads the next word. Returns 1, 0 at the end of the line, or -EINVAL for a quoted word that does not end or goes on
 * behind its closing quote; `t->start` is then its column.
 */
int token_next(struct token_cursor *c, struct token *t);

/* The rest of the line from the next non-blank on, verbatim. */
const char *token_rest(struct token_cursor *c);

/* True for an empty line, one of blanks only, and a comment. */
bool token_is_blank_or_comment(const char *line);

/* The first `|` that stands unquoted between blanks (or at the end of the line), or NULL. Changes nothing. */
const char *token_find_pipe(const char *line);

/* Cuts the line in front of its pipe and returns what follows the pipe, without leading blanks; NULL: it has none. */
char *token_split_pipe(char *line);

/*
 * Writes `word` so that it reads back as one word that is no comment and no pipe, with quotes where needed. Returns
 * 0, or -ENOSPC. 2 * strlen(word) + 3 octets are always enough.
 */
int token_quote(const char *word, char *buf, size_t size);

#endif
