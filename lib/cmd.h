/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command engine: a table of rows {modes, level, grammar, handler, help}, and the parser, help and completion that
 * follow from it. It knows no command, mode or level itself: modes are bits and levels are numbers of the application.
 *
 * Grammar of a row, for instance `show ip igmp groups [IFNAME [GROUP]] [detail] [json]`:
 *	word		a keyword: begins with a lower-case letter or a digit
 *	NAME		a variable: begins with a capital; its type is the one of that name
 *	NAME:TYPE	the same with a type of another name (`GROUP:GROUP6`), captured and shown as NAME
 *	NAME...		the rest of the line, verbatim; at the end of the row (`description LINE...`)
 *	(1-255)		a number in this range, captured under the name "(1-255)"
 *	[ ... ]		optional
 *	( a | b c )	one of these sequences
 *
 * For each word of a line the best kind of match counts, over all rows: keyword in full, then unique abbreviation of a
 * keyword, then variable, then rest of the line. A quoted word is never a keyword. There is no looking ahead.
 */
#ifndef IMPROXY_LIB_CMD_H
#define IMPROXY_LIB_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/filter.h"
#include "lib/lines.h"
#include "lib/out.h"
#include "lib/token.h"
#include "lib/util.h"

#define CMD_MAX_WORDS 64 /* elements of a grammar, hence words of a line in front of its verbatim rest */
#define CMD_ERROR_LEN 256

/* Numbered as in the control protocol; those from CMD_MORE on never leave the engine's callers. */
enum cmd_code {
	CMD_OK = 0,
	CMD_FAILED = 1,
	CMD_UNKNOWN = 2,
	CMD_AMBIGUOUS = 3,
	CMD_INCOMPLETE = 4,
	CMD_DENIED = 5,
	CMD_TOO_LONG = 6,
	CMD_MORE = 7,  /* to be called again when the output has drained */
	CMD_WAIT = 8,  /* to be called again when what the handler waits for has come; the handler sees to that */
	CMD_STREAM = 9 /* goes on writing by itself; to be called again, for the last time, when the reader stops it */
};

struct cmd_ctx;
struct cmd_table;

/* The type of a variable. */
struct cmd_vartype {
	const char *name; /* in capitals: IFNAME */
	const char *help;
	/* Whether the word can be such a value; NULL: any word can. */
	bool (*valid)(const char *text);
	/* Calls add(arg, word) for each value that exists now, for completion; may be NULL. `app` is the context's. */
	void (*live)(void *app, void (*add)(void *arg, const char *word), void *arg);
};

/*
 * Help of a keyword (or of a variable or range where it differs from its type's). `path` is the word, or the word
 * behind some of the words in front of it ("version", "show version", "igmp version (1-3)"): the longest fitting entry
 * is used. Optional parts of a row do not count as words in front.
 */
struct cmd_word {
	const char *path;
	const char *help;
};

struct cmd_row {
	unsigned int modes; /* bit mask: in which modes the row is known */
	unsigned int level; /* the least level that may use it */
	const char *grammar;
	enum cmd_code (*run)(struct cmd_ctx *ctx);
	const char *help;
	const void *priv; /* for the handler: ctx->row->priv */
	unsigned int
		sub_modes; /* not 0: NAME... is itself a command line of these modes (`do COMMAND...`); no handler */
};

/* One word of the line and the element of the grammar it matched. */
struct cmd_arg {
	const char *name; /* keyword, or name of the variable */
	const char *text; /* as typed, without quotes */
	bool keyword;
};

/* Why a line was refused, or what the handler complained of. */
struct cmd_error {
	bool has_column; /* `column` (an octet offset into the line) is meaningful */
	size_t column;
	char text[CMD_ERROR_LEN]; /* without "% " and line end; empty when there is none */
};

/* A command being run. Its owner zeroes it and sets the first five; handlers read these, `row`, and set `state`. */
struct cmd_ctx {
	const struct cmd_table *table;
	unsigned int modes; /* the mode the line is typed in (one bit, as a rule) */
	unsigned int level;
	void *app;
	struct out *out;

	const struct cmd_row *row;
	/* A handler that goes on later keeps its place here; freed by state_free() at the end, also of a broken one.
	 */
	void *state;
	void (*state_free)(void *state);
	struct cmd_error error;

	/* The engine's own. */
	unsigned int nargs;
	struct cmd_arg arg[CMD_MAX_WORDS];
	bool running; /* a handler goes on later */
	bool filtered;
	struct filter filter;
	struct lines *lines; /* text is made JSON; in front of the filter */
	char line[TOKEN_LINE_MAX + 1];
	char store[TOKEN_LINE_MAX + 1];
};

/* A table with these types; the array must outlive the table. NULL without memory. */
struct cmd_table *cmd_table_new(const struct cmd_vartype *types, size_t ntypes);
void cmd_table_free(struct cmd_table *t);

/*
 * Adds rows; grammar and help are copied, so they may be made at run time. Returns 0, -ENOMEM, or -EINVAL for a grammar
 * that cannot be read, which cmd_table_error() explains.
 */
int cmd_table_add(struct cmd_table *t, const struct cmd_row *rows, size_t nrows);
const char *cmd_table_error(const struct cmd_table *t);
/* Adds help; the strings are copied. Returns 0 or -ENOMEM. */
int cmd_table_add_words(struct cmd_table *t, const struct cmd_word *words, size_t nwords);

/* The rows in order of addition, for a reference page; NULL behind the last. */
const struct cmd_row *cmd_table_row(const struct cmd_table *t, size_t i);
/* The grammar as a user reads it, without the types; `buf` is cut when too small. */
const char *cmd_row_syntax(const struct cmd_row *row, char *buf, size_t size);

/*
 * Checks the table: calls report() for each keyword without help, each row without help or handler, and each pair of
 * rows of a common mode that accept the same line. Returns the number of reports.
 */
int cmd_table_check(const struct cmd_table *t, void (*report)(void *arg, const char *text), void *arg);

/*
 * Reads `line` and runs its row. A blank line or comment does nothing and succeeds. Splits off output filters, selects
 * JSON when the line has the keyword `json`, and ends the document. Nothing is printed about an error: see ctx->error
 * and cmd_error_print(). After CMD_MORE (CMD_WAIT, CMD_STREAM) the caller calls cmd_resume() in time, or cmd_abort()
 * when nobody reads any more; after any other code the context may run the next line. A handler may run a further line
 * through a second context.
 */
enum cmd_code cmd_execute(struct cmd_ctx *ctx, const char *line);
enum cmd_code cmd_resume(struct cmd_ctx *ctx);
void cmd_abort(struct cmd_ctx *ctx);

/*
 * The row that `line` would run, without running it (CMD_OK: ctx->row and the arguments are set; ctx->row is NULL for a
 * blank line). Filters are not looked at.
 */
enum cmd_code cmd_match(struct cmd_ctx *ctx, const char *line);

/* Writes the last error to ctx->out: the line and a caret under the bad word when it has a column, then "% TEXT". */
void cmd_error_print(struct cmd_ctx *ctx);

/*
 * Help: one "word<TAB>help" line for each way `line` can go on: for its last word, or for the next one when the line
 * ends in a blank; "<cr><TAB>" when it may end here. Uses table, modes, level, app and out of `ctx`, which may be the
 * one that runs `describe LINE...`. An unreadable line gives its code and ctx->error.
 */
enum cmd_code cmd_describe(struct cmd_ctx *ctx, const char *line);
/* Completion: the full words that could stand in place of the last word, one a line; none for an unreadable line. */
enum cmd_code cmd_complete(struct cmd_ctx *ctx, const char *line);

/* For handlers. */

/* Sets the error text (one line, no "% ") and returns CMD_FAILED. */
enum cmd_code cmd_fail(struct cmd_ctx *ctx, const char *fmt, ...) PRINTF_LIKE(2, 3);
/*
 * What this handler writes is text by its nature: asked for JSON, it gives an array of lines. To be called before
 * anything is written. Returns 0 or -ENOMEM.
 */
int cmd_text_only(struct cmd_ctx *ctx);
/* The word that variable `name` captured, or NULL. */
const char *cmd_arg(const struct cmd_ctx *ctx, const char *name);
/* The word that the last variable of the line captured, whatever its name, or NULL. */
const char *cmd_arg_last(const struct cmd_ctx *ctx);
/* The same as a number; `fallback` when it was not captured or is none. For "(1-3)" pass that as its name. */
int64_t cmd_arg_int(const struct cmd_ctx *ctx, const char *name, int64_t fallback);
/* True when the line has this keyword, abbreviated or not. */
bool cmd_has(const struct cmd_ctx *ctx, const char *keyword);

#endif
