/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Grammar of one command row, compiled (internal to lib/cmd*.c). A grammar has no repetition, so each of its elements
 * is used at most once in a line. They become the nodes of a small automaton; a set of nodes is a 64-bit mask, and
 * "which nodes may come next" is the union of the follow masks. Also the table itself, which the parser and the help
 * share.
 */
#ifndef IMPROXY_LIB_CMD_GRAMMAR_H
#define IMPROXY_LIB_CMD_GRAMMAR_H

#include <stdint.h>

#include "lib/cmd.h"

/* In order of precedence, lowest first: what a node makes of a word. */
enum cmd_rank { CMD_RANK_NONE, CMD_RANK_REST, CMD_RANK_VARIABLE, CMD_RANK_PREFIX, CMD_RANK_EXACT };

enum cmd_kind { CMD_KEYWORD, CMD_RANGE, CMD_VARIABLE, CMD_REST };

struct cmd_node {
	enum cmd_kind kind;
	char *name; /* the keyword; the variable's name; "(1-3)" */
	const struct cmd_vartype *type;
	uint64_t min, max; /* of a range */
	uint64_t follow;   /* the nodes that may come next */
	uint64_t before;   /* the nodes this one may follow */
};

struct cmd_prog {
	struct cmd_node node[CMD_MAX_WORDS];
	unsigned int n;
	uint64_t first, last;
};

struct cmd_entry {
	struct cmd_row row; /* owns grammar and help */
	struct cmd_prog *prog;
};

struct cmd_table {
	const struct cmd_vartype *types;
	size_t ntypes;
	struct cmd_entry **entry;
	size_t n, size;
	struct cmd_word *word; /* owns its strings */
	size_t nwords;
	char error[CMD_ERROR_LEN];
};

/* The lowest node of a set that is not empty. */
static inline unsigned int cmd_set_lowest(uint64_t set)
{
	return (unsigned int)__builtin_ctzll(set);
}

#define cmd_for_each_node(i, set, rest)                                                                                \
	for (uint64_t rest = (set); rest && (i = cmd_set_lowest(rest), 1); rest &= rest - 1)

/* Returns a program, or NULL with the reason in `err`. */
struct cmd_prog *cmd_prog_new(const char *grammar, const struct cmd_vartype *types, size_t ntypes, char *err,
			      size_t err_size);
void cmd_prog_free(struct cmd_prog *p);

/* The nodes that may follow any node of `set`. */
uint64_t cmd_prog_next(const struct cmd_prog *p, uint64_t set);

enum cmd_rank cmd_node_rank(const struct cmd_node *node, const struct token *t);

/* Reads a number of decimal digits only. Returns 0, -EINVAL, or -ERANGE when it does not fit. */
int cmd_number_parse(const char *text, uint64_t *value);

/* One line being read: the state of every row. Room for the words is the caller's. */
struct cmd_scan {
	const struct cmd_table *table;
	unsigned int modes;
	unsigned int level; /* rows above it are not seen */
	uint64_t *state;    /* for each row, the nodes that took the last word */
	unsigned int nwords;
	struct token word[CMD_MAX_WORDS];
	enum cmd_rank rank[CMD_MAX_WORDS];
};

/* Returns 0 or -ENOMEM; must be ended by cmd_scan_close(). */
int cmd_scan_open(struct cmd_scan *s, const struct cmd_table *t, unsigned int modes, unsigned int level);
void cmd_scan_close(struct cmd_scan *s);
/* The nodes of row `i` that the next word may match. */
uint64_t cmd_scan_next(const struct cmd_scan *s, size_t i);
/*
 * Takes a word. CMD_OK, or why not (with the error text). A word of rank CMD_RANK_REST is the last: the rest of the
 * line belongs to it.
 */
enum cmd_code cmd_scan_word(struct cmd_scan *s, const struct token *t, struct cmd_error *err);
/* The first row that may end here, or NULL. */
const struct cmd_entry *cmd_scan_accepted(const struct cmd_scan *s);

#endif
