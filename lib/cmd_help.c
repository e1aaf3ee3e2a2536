/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows from the table besides running it: help, completion, the syntax of a row, and a check of the whole. */
#include "lib/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cmd_grammar.h"

#define PATH_LEN 512

/* Ways in which a line can go on, without duplicates. */
struct ways {
	struct way {
		char *word;
		const char *help;
		bool literal; /* a keyword or an existing value: sorted first, and good for completion */
		bool quote;   /* a value, which may need quotes */
	} * way;
	size_t n, size;
	const char *prefix; /* of the words wanted */
	bool values;        /* completion: existing values, not the names of variables */
	bool end;           /* the line may end here */
	int error;
};

static void add_way(struct ways *w, const char *word, const char *help, bool literal, bool quote)
{
	char *copy;

	for (size_t i = 0; i < w->n; i++) {
		if (strcmp(w->way[i].word, word) == 0)
			return;
	}
	if (w->n == w->size) {
		size_t size = w->size ? w->size * 2 : 32;
		struct way *way = realloc(w->way, size * sizeof(*way));

		if (!way) {
			w->error = -ENOMEM;
			return;
		}
		w->way = way;
		w->size = size;
	}
	copy = strdup(word);
	if (!copy) {
		w->error = -ENOMEM;
		return;
	}
	w->way[w->n++] = (struct way){ .word = copy, .help = help, .literal = literal, .quote = quote };
}

static void add_value(void *arg, const char *word)
{
	struct ways *w = arg;

	if (strncmp(word, w->prefix, strlen(w->prefix)) == 0)
		add_way(w, word, "", true, true);
}

static int compare_ways(const void *a, const void *b)
{
	const struct way *x = a, *y = b;

	if (x->literal != y->literal)
		return x->literal ? -1 : 1;
	return strcmp(x->word, y->word);
}

static void ways_free(struct ways *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->way[i].word);
	free(w->way);
}

/* The words of the row that lead to a node, over the shortest way. */
static void node_path(const struct cmd_prog *p, unsigned int i, char *buf)
{
	const char *name[CMD_MAX_WORDS];
	unsigned int n = 0;
	size_t len = 0;

	name[n++] = p->node[i].name;
	while (!(p->first & (1ull << i)) && n < CMD_MAX_WORDS) {
		i = cmd_set_lowest(p->node[i].before);
		name[n++] = p->node[i].name;
	}
	buf[0] = '\0';
	while (n-- > 0 && len < PATH_LEN)
		len += (size_t)snprintf(buf + len, PATH_LEN - len, "%s%s", len ? " " : "", name[n]);
}

/* The dictionary's entry that fits best, or NULL. */
static const char *find_help(const struct cmd_table *t, const struct cmd_prog *p, unsigned int node)
{
	const char *help = NULL;
	char path[PATH_LEN];
	size_t best = 0, len;

	node_path(p, node, path);
	len = strlen(path);
	for (size_t i = 0; i < t->nwords; i++) {
		size_t n = strlen(t->word[i].path);

		if (n > len || n <= best || strcmp(path + len - n, t->word[i].path) != 0)
			continue;
		if (n < len && path[len - n - 1] != ' ')
			continue;
		best = n;
		help = t->word[i].help;
	}
	return help;
}

static const char *node_help(const struct cmd_table *t, const struct cmd_prog *p, unsigned int i)
{
	const struct cmd_node *node = &p->node[i];
	const char *help = find_help(t, p, i);

	if (help)
		return help;
	switch (node->kind) {
	case CMD_KEYWORD:
		break;
	case CMD_RANGE:
		return "A number in this range";
	case CMD_VARIABLE:
		return node->type->help;
	case CMD_REST:
		return node->type ? node->type->help : "The rest of the line";
	}
	return "";
}

static enum cmd_code collect(const struct cmd_ctx *ctx, unsigned int modes, const char *line, struct ways *w,
			     struct cmd_error *err);

/* Adds what node `i` of a row can stand for in place of the word to come, which begins at `at`. */
static enum cmd_code collect_node(const struct cmd_ctx *ctx, const struct cmd_entry *e, unsigned int i,
				  const struct token *partial, const char *at, struct ways *w, struct cmd_error *err)
{
	const struct cmd_node *node = &e->prog->node[i];
	const char *help = node_help(ctx->table, e->prog, i);

	switch (node->kind) {
	case CMD_KEYWORD:
		if (!partial->quoted && strncmp(node->name, w->prefix, strlen(w->prefix)) == 0)
			add_way(w, node->name, help, true, false);
		break;
	case CMD_RANGE:
		if (!w->values && (!*w->prefix || cmd_node_rank(node, partial) != CMD_RANK_NONE))
			add_way(w, node->name, help, false, false);
		break;
	case CMD_VARIABLE:
		if (!w->values)
			add_way(w, node->name, help, false, false);
		else if (node->type->live)
			node->type->live(ctx->app, add_value, w);
		break;
	case CMD_REST:
		if (e->row.sub_modes)
			return collect(ctx, e->row.sub_modes, at, w, err);
		if (!w->values)
			add_way(w, node->name, help, false, false);
		break;
	}
	return CMD_OK;
}

/* The words of a filter: only its kind can be helped with. */
static void collect_filter(const char *spec, struct ways *w)
{
	spec += strspn(spec, " \t");
	if (strpbrk(spec, " \t")) {
		if (!w->values)
			add_way(w, "REGEX", "Extended regular expression", false, false);
		return;
	}
	w->prefix = spec;
	for (unsigned int i = 0; i < FILTER_KIND_COUNT; i++) {
		const char *name = filter_kind_name((enum filter_kind)i);

		if (strncmp(name, spec, strlen(spec)) == 0)
			add_way(w, name, filter_kind_help((enum filter_kind)i), true, false);
	}
}

static enum cmd_code collect(const struct cmd_ctx *ctx, unsigned int modes, const char *line, struct ways *w,
			     struct cmd_error *err)
{
	struct token t = { .text = "" }, next;
	char store[TOKEN_LINE_MAX + 1];
	struct token_cursor cursor;
	enum cmd_code code = CMD_OK;
	struct cmd_scan scan;
	const char *pipe;
	unsigned int i;
	int ret;

	if (token_open(&cursor, line, store) < 0)
		return CMD_TOO_LONG;
	if (cmd_scan_open(&scan, ctx->table, modes, ctx->level) < 0)
		return CMD_FAILED;
	ret = token_next(&cursor, &next);
	while (ret == 1 && line[next.end]) {
		code = cmd_scan_word(&scan, &next, err);
		if (code != CMD_OK) {
			pipe = token_find_pipe(line);
			if (pipe == line + next.start && cmd_scan_accepted(&scan)) {
				collect_filter(pipe + 1, w);
				code = CMD_OK;
			}
			goto out;
		}
		if (scan.rank[scan.nwords - 1] == CMD_RANK_REST) {
			const struct cmd_entry *e = cmd_scan_accepted(&scan);

			if (e && e->row.sub_modes)
				code = collect(ctx, e->row.sub_modes, line + next.start, w, err);
			else
				w->end = true;
			goto out;
		}
		ret = token_next(&cursor, &next);
	}
	if (ret < 0) {
		snprintf(err->text, sizeof(err->text), "Unbalanced quote");
		code = CMD_UNKNOWN;
		goto out;
	}
	if (ret == 1)
		t = next;
	else
		w->end = cmd_scan_accepted(&scan) != NULL;
	w->prefix = t.text;
	for (size_t r = 0; r < ctx->table->n; r++) {
		cmd_for_each_node(i, cmd_scan_next(&scan, r), rest)
		{
			code = collect_node(ctx, ctx->table->entry[r], i, &t,
					    line + (ret == 1 ? t.start : strlen(line)), w, err);
			if (code != CMD_OK)
				goto out;
			w->prefix = t.text;
		}
	}
out:
	/* The prefix lives in this call's store; the caller only reads what was collected. */
	w->prefix = "";
	cmd_scan_close(&scan);
	return code;
}

static enum cmd_code finish_ways(struct cmd_ctx *ctx, struct ways *w, enum cmd_code code)
{
	if (w->error < 0)
		code = cmd_fail(ctx, "Out of memory");
	else if (w->n > 0)
		qsort(w->way, w->n, sizeof(*w->way), compare_ways);
	return code;
}

enum cmd_code cmd_describe(struct cmd_ctx *ctx, const char *line)
{
	struct cmd_error err = { .has_column = false };
	struct ways w = { .prefix = "" };
	enum cmd_code code = finish_ways(ctx, &w, collect(ctx, ctx->modes, line, &w, &err));

	if (code == CMD_OK) {
		for (size_t i = 0; i < w.n; i++)
			out_text(ctx->out, "%s\t%s\n", w.way[i].word, w.way[i].help);
		if (w.end)
			out_text(ctx->out, "<cr>\t\n");
	} else if (!w.error) {
		cmd_fail(ctx, "%s", err.text[0] ? err.text : "The line cannot be read");
	}
	ways_free(&w);
	return code;
}

enum cmd_code cmd_complete(struct cmd_ctx *ctx, const char *line)
{
	struct cmd_error err = { .has_column = false };
	struct ways w = { .prefix = "", .values = true };
	enum cmd_code code = finish_ways(ctx, &w, collect(ctx, ctx->modes, line, &w, &err));

	for (size_t i = 0; i < w.n && code == CMD_OK; i++) {
		char word[CMD_ERROR_LEN];

		/* A value too long to quote is no help to anybody who types. */
		if (!w.way[i].quote)
			out_text(ctx->out, "%s\n", w.way[i].word);
		else if (token_quote(w.way[i].word, word, sizeof(word)) == 0)
			out_text(ctx->out, "%s\n", word);
	}
	ways_free(&w);
	return w.error ? code : CMD_OK;
}

const char *cmd_row_syntax(const struct cmd_row *row, char *buf, size_t size)
{
	const char *s = row->grammar;
	size_t n = 0;

	while (*s && n + 1 < size) {
		size_t type = *s == ':' ? strcspn(s, " ()[]|") : 0;

		if (type > 0)
			s += type;
		else
			buf[n++] = *s++;
	}
	if (size > 0)
		buf[n] = '\0';
	return buf;
}

/* The check */

struct checker {
	const struct cmd_table *table;
	void (*report)(void *arg, const char *text);
	void *arg;
	int reports;
};

static void report(struct checker *c, const char *what, const char *a, const char *b)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s: %.400s%s%.400s", what, a, *b ? " / " : "", b);
	c->report(c->arg, text);
	c->reports++;
}

/* True when the type takes an end of the range: near enough, as types take all numbers or none. */
static bool takes_number(const struct cmd_vartype *type, const struct cmd_node *range)
{
	char low[24], high[24];

	if (!type->valid)
		return true;
	snprintf(low, sizeof(low), "%llu", (unsigned long long)range->min);
	snprintf(high, sizeof(high), "%llu", (unsigned long long)range->max);
	return type->valid(low) || type->valid(high);
}

/* True when some word is taken by both nodes at the same rank, so that the rank does not decide. */
static bool nodes_meet(const struct cmd_node *a, const struct cmd_node *b)
{
	if (a->kind == CMD_VARIABLE && b->kind == CMD_RANGE)
		return takes_number(a->type, b);
	if (a->kind == CMD_RANGE && b->kind == CMD_VARIABLE)
		return takes_number(b->type, a);
	if (a->kind != b->kind)
		return false;
	if (a->kind == CMD_KEYWORD)
		return strcmp(a->name, b->name) == 0;
	if (a->kind == CMD_RANGE)
		return a->min <= b->max && b->min <= a->max;
	/* Two types of variables may both take a word: who wants both at one place must tell them apart by a keyword.
	 */
	return true;
}

/* Pairs every node of a set of one program with the nodes of another that meet it; true when something was new. */
static bool pair_up(const struct cmd_prog *a, uint64_t from_a, const struct cmd_prog *b, uint64_t from_b,
		    uint64_t *paired)
{
	bool added = false;
	unsigned int i, k;

	cmd_for_each_node(i, from_a, rest_a)
	{
		cmd_for_each_node(k, from_b & ~paired[i], rest_b)
		{
			if (nodes_meet(&a->node[i], &b->node[k])) {
				paired[i] |= 1ull << k;
				added = true;
			}
		}
	}
	return added;
}

/* Walks both automata side by side. */
static bool rows_meet(const struct cmd_prog *a, const struct cmd_prog *b)
{
	uint64_t paired[CMD_MAX_WORDS] = { 0 };
	bool more = pair_up(a, a->first, b, b->first, paired);
	unsigned int i, k;

	while (more) {
		more = false;
		for (i = 0; i < a->n; i++) {
			cmd_for_each_node(k, paired[i], rest)
			{
				if (pair_up(a, a->node[i].follow, b, b->node[k].follow, paired))
					more = true;
			}
		}
	}
	cmd_for_each_node(i, a->last, rest)
	{
		if (paired[i] & b->last)
			return true;
	}
	return false;
}

static void check_row(struct checker *c, size_t r)
{
	const struct cmd_entry *e = c->table->entry[r];

	if (!e->row.run && !e->row.sub_modes)
		report(c, "No handler", e->row.grammar, "");
	if (!e->row.help || !*e->row.help)
		report(c, "No help", e->row.grammar, "");
	for (unsigned int i = 0; i < e->prog->n; i++) {
		const struct cmd_node *node = &e->prog->node[i];

		if (node->kind == CMD_KEYWORD && !find_help(c->table, e->prog, i))
			report(c, "Keyword without help", node->name, e->row.grammar);
	}
	for (size_t k = r + 1; k < c->table->n; k++) {
		const struct cmd_entry *other = c->table->entry[k];

		if ((e->row.modes & other->row.modes) && rows_meet(e->prog, other->prog))
			report(c, "Both accept the same line", e->row.grammar, other->row.grammar);
	}
}

int cmd_table_check(const struct cmd_table *t, void (*report_fn)(void *arg, const char *text), void *arg)
{
	struct checker c = { .table = t, .report = report_fn, .arg = arg };

	for (size_t r = 0; r < t->n; r++)
		check_row(&c, r);
	return c.reports;
}
