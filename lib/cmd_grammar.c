/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/cmd_grammar.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NESTING 16

/* A piece of the grammar: where it may begin and end, and whether it may be left out. */
struct fragment {
	uint64_t first, last;
	bool empty;
};

struct parser {
	const char *at;
	unsigned int nesting;
	struct cmd_prog *prog;
	const struct cmd_vartype *types;
	size_t ntypes;
	char *err;
	size_t err_size;
};

static int parse_choice(struct parser *ps, struct fragment *out);

static int refuse(struct parser *ps, const char *why)
{
	snprintf(ps->err, ps->err_size, "%s at \"%s\"", why, ps->at);
	return -EINVAL;
}

static void skip_blanks(struct parser *ps)
{
	while (*ps->at == ' ')
		ps->at++;
}

int cmd_number_parse(const char *text, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &end, 10);
	if (*end)
		return -EINVAL;
	return errno ? -ERANGE : 0;
}

static void link_nodes(struct cmd_prog *p, uint64_t from, uint64_t to)
{
	unsigned int i;

	cmd_for_each_node(i, from, rest) p->node[i].follow |= to;
	cmd_for_each_node(i, to, rest) p->node[i].before |= from;
}

static int add_node(struct parser *ps, const struct cmd_node *node, struct fragment *out)
{
	struct cmd_prog *p = ps->prog;
	uint64_t bit;

	if (!node->name)
		return refuse(ps, "Out of memory");
	if (p->n == CMD_MAX_WORDS) {
		free(node->name);
		return refuse(ps, "Too many elements");
	}
	bit = 1ull << p->n;
	p->node[p->n++] = *node;
	*out = (struct fragment){ .first = bit, .last = bit };
	return 0;
}

/* "(1-255)": 0 when it is one, -ENOENT when the bracket opens a choice. */
static int parse_range(struct parser *ps, struct fragment *out)
{
	struct cmd_node node = { .kind = CMD_RANGE };
	int used = 0, ret;

	if (sscanf(ps->at, "(%" SCNu64 "-%" SCNu64 ")%n", &node.min, &node.max, &used) != 2 || used == 0)
		return -ENOENT;
	if (node.min > node.max)
		return refuse(ps, "Empty range");
	node.name = strndup(ps->at, (size_t)used);
	ret = add_node(ps, &node, out);
	ps->at += used;
	return ret;
}

static const struct cmd_vartype *find_type(const struct parser *ps, const char *name, size_t len)
{
	for (size_t i = 0; i < ps->ntypes; i++) {
		if (strlen(ps->types[i].name) == len && memcmp(ps->types[i].name, name, len) == 0)
			return &ps->types[i];
	}
	return NULL;
}

/* NAME, NAME:TYPE, NAME... */
static int parse_variable(struct parser *ps, size_t len, struct fragment *out)
{
	struct cmd_node node = { .kind = CMD_VARIABLE };
	const char *colon = memchr(ps->at, ':', len), *type = ps->at;
	size_t name_len = colon ? (size_t)(colon - ps->at) : len, type_len = len;

	if (colon) {
		type = colon + 1;
		type_len = len - name_len - 1;
	} else if (len > 3 && memcmp(ps->at + len - 3, "...", 3) == 0) {
		node.kind = CMD_REST;
		name_len = type_len = len - 3;
	}
	node.type = find_type(ps, type, type_len);
	if (!node.type && node.kind != CMD_REST)
		return refuse(ps, "Variable of unknown type");
	node.name = strndup(ps->at, name_len);
	return add_node(ps, &node, out);
}

static int parse_item(struct parser *ps, struct fragment *out)
{
	char open = *ps->at;
	int ret;

	if (open == '(') {
		ret = parse_range(ps, out);
		if (ret != -ENOENT)
			return ret;
	}
	if (open == '(' || open == '[') {
		if (ps->nesting == MAX_NESTING)
			return refuse(ps, "Nested too deeply");
		ps->nesting++;
		ps->at++;
		ret = parse_choice(ps, out);
		if (ret < 0)
			return ret;
		if (*ps->at != (open == '(' ? ')' : ']'))
			return refuse(ps, "Unbalanced bracket");
		ps->nesting--;
		ps->at++;
		if (open == '[')
			out->empty = true;
		return 0;
	}

	size_t len = strcspn(ps->at, " ()[]|");

	if (len == 0)
		return refuse(ps, "Word expected");
	if (isupper((unsigned char)*ps->at)) {
		ret = parse_variable(ps, len, out);
	} else {
		struct cmd_node node = { .kind = CMD_KEYWORD, .name = strndup(ps->at, len) };

		ret = add_node(ps, &node, out);
	}
	ps->at += len;
	return ret;
}

static int parse_sequence(struct parser *ps, struct fragment *out)
{
	int ret;

	*out = (struct fragment){ .empty = true };
	skip_blanks(ps);
	do {
		struct fragment item;

		ret = parse_item(ps, &item);
		if (ret < 0)
			return ret;
		link_nodes(ps->prog, out->last, item.first);
		if (out->empty)
			out->first |= item.first;
		out->last = item.empty ? out->last | item.last : item.last;
		out->empty = out->empty && item.empty;
		skip_blanks(ps);
	} while (*ps->at && !strchr(")]|", *ps->at));
	return 0;
}

static int parse_choice(struct parser *ps, struct fragment *out)
{
	int ret = parse_sequence(ps, out);

	while (ret == 0 && *ps->at == '|') {
		struct fragment other;

		ps->at++;
		ret = parse_sequence(ps, &other);
		if (ret == 0) {
			out->first |= other.first;
			out->last |= other.last;
			out->empty = out->empty || other.empty;
		}
	}
	return ret;
}

struct cmd_prog *cmd_prog_new(const char *grammar, const struct cmd_vartype *types, size_t ntypes, char *err,
			      size_t err_size)
{
	struct cmd_prog *p = calloc(1, sizeof(*p));
	struct parser ps = {
		.at = grammar, .prog = p, .types = types, .ntypes = ntypes, .err = err, .err_size = err_size
	};
	struct fragment whole;
	int ret;

	if (!p) {
		snprintf(err, err_size, "Out of memory");
		return NULL;
	}
	ret = parse_choice(&ps, &whole);
	if (ret == 0 && *ps.at)
		ret = refuse(&ps, "Unbalanced bracket");
	if (ret == 0 && whole.empty)
		ret = refuse(&ps, "Accepts an empty line");
	for (unsigned int i = 0; ret == 0 && i < p->n; i++) {
		if (p->node[i].kind == CMD_REST && p->node[i].follow)
			ret = refuse(&ps, "Something follows the rest of the line");
	}
	if (ret < 0) {
		cmd_prog_free(p);
		return NULL;
	}
	p->first = whole.first;
	p->last = whole.last;
	return p;
}

void cmd_prog_free(struct cmd_prog *p)
{
	if (!p)
		return;
	for (unsigned int i = 0; i < p->n; i++)
		free(p->node[i].name);
	free(p);
}

uint64_t cmd_prog_next(const struct cmd_prog *p, uint64_t set)
{
	uint64_t next = 0;
	unsigned int i;

	cmd_for_each_node(i, set, rest) next |= p->node[i].follow;
	return next;
}

enum cmd_rank cmd_node_rank(const struct cmd_node *node, const struct token *t)
{
	/* A bare pipe begins an output filter: only the rest of a line may hold one. */
	bool pipe = !t->quoted && strcmp(t->text, "|") == 0;
	uint64_t value;

	switch (node->kind) {
	case CMD_KEYWORD:
		if (t->quoted || strncmp(node->name, t->text, strlen(t->text)) != 0)
			return CMD_RANK_NONE;
		return node->name[strlen(t->text)] ? CMD_RANK_PREFIX : CMD_RANK_EXACT;
	case CMD_RANGE:
		if (cmd_number_parse(t->text, &value) < 0 || value < node->min || value > node->max)
			return CMD_RANK_NONE;
		return CMD_RANK_VARIABLE;
	case CMD_VARIABLE:
		if (pipe || (node->type->valid && !node->type->valid(t->text)))
			return CMD_RANK_NONE;
		return CMD_RANK_VARIABLE;
	case CMD_REST:
		return CMD_RANK_REST;
	}
	return CMD_RANK_NONE;
}
