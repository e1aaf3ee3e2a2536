/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/cmd.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cmd_grammar.h"

/* The table */

struct cmd_table *cmd_table_new(const struct cmd_vartype *types, size_t ntypes)
{
	struct cmd_table *t = calloc(1, sizeof(*t));

	if (t) {
		t->types = types;
		t->ntypes = ntypes;
	}
	return t;
}

static void entry_free(struct cmd_entry *e)
{
	if (!e)
		return;
	cmd_prog_free(e->prog);
	free((char *)e->row.grammar);
	free((char *)e->row.help);
	free(e);
}

void cmd_table_free(struct cmd_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		entry_free(t->entry[i]);
	for (size_t i = 0; i < t->nwords; i++) {
		free((char *)t->word[i].path);
		free((char *)t->word[i].help);
	}
	free(t->entry);
	free(t->word);
	free(t);
}

static int add_row(struct cmd_table *t, const struct cmd_row *row)
{
	struct cmd_entry *e;
	char why[CMD_ERROR_LEN / 2];

	if (t->n == t->size) {
		size_t size = t->size ? t->size * 2 : 64;
		struct cmd_entry **entry = realloc(t->entry, size * sizeof(struct cmd_entry *));

		if (!entry)
			return -ENOMEM;
		t->entry = entry;
		t->size = size;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->row = *row;
	e->row.grammar = strdup(row->grammar);
	e->row.help = row->help ? strdup(row->help) : NULL;
	if (!e->row.grammar || (row->help && !e->row.help)) {
		entry_free(e);
		return -ENOMEM;
	}
	e->prog = cmd_prog_new(row->grammar, t->types, t->ntypes, why, sizeof(why));
	if (!e->prog) {
		snprintf(t->error, sizeof(t->error), "%.100s: %s", row->grammar, why);
		entry_free(e);
		return -EINVAL;
	}
	t->entry[t->n++] = e;
	return 0;
}

int cmd_table_add(struct cmd_table *t, const struct cmd_row *rows, size_t nrows)
{
	int ret = 0;

	for (size_t i = 0; i < nrows && ret == 0; i++)
		ret = add_row(t, &rows[i]);
	return ret;
}

const char *cmd_table_error(const struct cmd_table *t)
{
	return t->error;
}

int cmd_table_add_words(struct cmd_table *t, const struct cmd_word *words, size_t nwords)
{
	struct cmd_word *all = realloc(t->word, (t->nwords + nwords + 1) * sizeof(*all));

	if (!all)
		return -ENOMEM;
	t->word = all;
	for (size_t i = 0; i < nwords; i++) {
		char *path = strdup(words[i].path), *help = strdup(words[i].help);

		if (!path || !help) {
			free(path);
			free(help);
			return -ENOMEM;
		}
		all[t->nwords++] = (struct cmd_word){ .path = path, .help = help };
	}
	return 0;
}

const struct cmd_row *cmd_table_row(const struct cmd_table *t, size_t i)
{
	return i < t->n ? &t->entry[i]->row : NULL;
}

/* Reading a line */

static void set_error(struct cmd_ctx *ctx, const char *text)
{
	snprintf(ctx->error.text, sizeof(ctx->error.text), "%s", text);
}

/* Follows the words of the row back from its end, and so learns which node took which word. */
static void capture(struct cmd_ctx *ctx, const struct cmd_scan *s, const struct cmd_entry *e)
{
	const struct cmd_prog *p = e->prog;
	uint64_t taken[CMD_MAX_WORDS], reach = p->first;

	for (unsigned int w = 0; w < s->nwords; w++) {
		unsigned int i;

		taken[w] = 0;
		cmd_for_each_node(i, reach, rest)
		{
			if (cmd_node_rank(&p->node[i], &s->word[w]) == s->rank[w])
				taken[w] |= 1ull << i;
		}
		reach = cmd_prog_next(p, taken[w]);
	}
	ctx->row = &e->row;
	ctx->nargs = s->nwords;
	reach = p->last;
	for (unsigned int w = s->nwords; w-- > 0;) {
		const struct cmd_node *node = &p->node[cmd_set_lowest(taken[w] & reach)];

		ctx->arg[w] = (struct cmd_arg){ .name = node->name,
						.text = node->kind == CMD_REST ? ctx->line + s->word[w].start
									       : s->word[w].text,
						.keyword = node->kind == CMD_KEYWORD };
		reach = node->before;
	}
}

/* Reads the line from `start` on, with the rows of `modes` up to `level`. */
static enum cmd_code match_from(struct cmd_ctx *ctx, size_t start, unsigned int modes, unsigned int level)
{
	const struct cmd_entry *e;
	enum cmd_code code = CMD_OK;
	struct token_cursor cursor;
	struct cmd_scan scan;
	struct token t;
	int ret;

	if (cmd_scan_open(&scan, ctx->table, modes, level) < 0) {
		set_error(ctx, "Out of memory");
		return CMD_FAILED;
	}
	if (token_open(&cursor, ctx->line, ctx->store) < 0) {
		set_error(ctx, "Line too long");
		code = CMD_TOO_LONG;
		goto out;
	}
	cursor.pos = start;
	while ((ret = token_next(&cursor, &t)) == 1) {
		code = cmd_scan_word(&scan, &t, &ctx->error);
		if (code != CMD_OK)
			goto out;
		if (scan.rank[scan.nwords - 1] == CMD_RANK_REST)
			break;
	}
	if (ret < 0) {
		/* The rest of a line is verbatim: its quotes need not balance. */
		struct token rest = { .text = "", .start = t.start, .quoted = true };

		code = cmd_scan_word(&scan, &rest, &ctx->error);
		if (code != CMD_OK || scan.rank[scan.nwords - 1] != CMD_RANK_REST) {
			ctx->error = (struct cmd_error){ .has_column = true, .column = t.start };
			set_error(ctx, "Unbalanced quote");
			code = CMD_UNKNOWN;
			goto out;
		}
	}
	e = cmd_scan_accepted(&scan);
	if (e) {
		capture(ctx, &scan, e);
	} else {
		set_error(ctx, "Incomplete command");
		ctx->error.has_column = true;
		ctx->error.column = strlen(ctx->line);
		code = CMD_INCOMPLETE;
	}
out:
	cmd_scan_close(&scan);
	return code;
}

/* What is typed is stored and shown again, on terminals too, where a control character is a command. */
static bool has_control(const char *line)
{
	for (; *line; line++) {
		if (((unsigned char)*line < ' ' && *line != '\t') || *line == 0x7f)
			return true;
	}
	return false;
}

static enum cmd_code match_line(struct cmd_ctx *ctx, const char *line, size_t len)
{
	unsigned int modes = ctx->modes;
	size_t start = 0;

	ctx->row = NULL;
	ctx->nargs = 0;
	ctx->error = (struct cmd_error){ .has_column = false };
	while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	if (len > TOKEN_LINE_MAX) {
		ctx->line[0] = '\0';
		set_error(ctx, "Line too long");
		return CMD_TOO_LONG;
	}
	memcpy(ctx->line, line, len);
	ctx->line[len] = '\0';
	if (has_control(ctx->line) && !token_is_blank_or_comment(ctx->line)) {
		set_error(ctx, "Control character in the line");
		return CMD_UNKNOWN;
	}
	for (;;) {
		enum cmd_code code;
		struct cmd_error error;

		if (token_is_blank_or_comment(ctx->line + start)) {
			ctx->row = NULL;
			return CMD_OK;
		}
		code = match_from(ctx, start, modes, ctx->level);
		if (code != CMD_OK && code != CMD_FAILED) {
			/* Would somebody of a higher level be understood? */
			error = ctx->error;
			if (match_from(ctx, start, modes, UINT_MAX) == CMD_OK) {
				ctx->row = NULL;
				ctx->error = (struct cmd_error){ .has_column = false };
				set_error(ctx, "Command not permitted");
				return CMD_DENIED;
			}
			ctx->error = error;
		}
		if (code != CMD_OK || !ctx->row->sub_modes)
			return code;
		/* `do COMMAND...`: go on with the command inside. */
		modes = ctx->row->sub_modes;
		start = (size_t)(ctx->arg[ctx->nargs - 1].text - ctx->line);
	}
}

enum cmd_code cmd_match(struct cmd_ctx *ctx, const char *line)
{
	return match_line(ctx, line, strlen(line));
}

/* Running it */

/* What stands between the output and the reader goes in the opposite order in which it came. */
static void lines_remove(struct cmd_ctx *ctx)
{
	if (!ctx->lines)
		return;
	lines_free(ctx->lines, ctx->out);
	ctx->lines = NULL;
}

static void filter_remove(struct cmd_ctx *ctx)
{
	lines_remove(ctx);
	if (!ctx->filtered)
		return;
	out_set_sink(ctx->out, ctx->filter.write, ctx->filter.arg);
	filter_close(&ctx->filter);
	ctx->filtered = false;
}

static void state_drop(struct cmd_ctx *ctx)
{
	if (ctx->state && ctx->state_free)
		ctx->state_free(ctx->state);
	ctx->state = NULL;
	ctx->state_free = NULL;
}

static enum cmd_code run(struct cmd_ctx *ctx)
{
	enum cmd_code code;
	int ret, err;

	out_resume(ctx->out);
	code = ctx->row->run ? ctx->row->run(ctx) : cmd_fail(ctx, "This command has no effect here");
	/* After an error of the sink there is no use in going on; out_finish() tells of it. */
	ctx->running = code >= CMD_MORE && out_flush(ctx->out) == 0;
	if (ctx->running)
		return code;
	if (code >= CMD_MORE)
		code = CMD_OK;
	ret = code == CMD_OK ? out_finish(ctx->out) : out_abandon(ctx->out);
	if (ctx->lines && code == CMD_OK) {
		err = lines_finish(ctx->lines);
		ret = ret < 0 ? ret : err;
	}
	lines_remove(ctx);
	if (ctx->filtered) {
		err = filter_finish(&ctx->filter);
		ret = ret < 0 ? ret : err;
	}
	filter_remove(ctx);
	state_drop(ctx);
	if (ret < 0 && code == CMD_OK)
		code = cmd_fail(ctx, "The output failed: %s", strerror(-ret));
	return code;
}

/* Puts the filter that stands behind `pipe` in `line` in front of the output. */
static enum cmd_code filter_add(struct cmd_ctx *ctx, const char *line, const char *pipe)
{
	char spec[TOKEN_LINE_MAX + 1], why[CMD_ERROR_LEN];
	int err;

	snprintf(spec, sizeof(spec), "%.*s", (int)strcspn(pipe + 1, "\r\n"), pipe + 1);
	err = filter_open(&ctx->filter, spec, ctx->out->write, ctx->out->arg, why, sizeof(why));
	if (err < 0) {
		cmd_fail(ctx, "%s", why);
		snprintf(ctx->line, sizeof(ctx->line), "%.*s", (int)strcspn(line, "\r\n"), line);
		ctx->error.has_column = err != -ENOMEM;
		ctx->error.column = (size_t)(pipe + 1 - line) + ctx->filter.bad;
		return err == -ENOENT ? CMD_UNKNOWN : err == -ENODATA ? CMD_INCOMPLETE : CMD_FAILED;
	}
	ctx->filtered = true;
	out_set_sink(ctx->out, filter_write, &ctx->filter);
	return CMD_OK;
}

enum cmd_code cmd_execute(struct cmd_ctx *ctx, const char *line)
{
	const char *pipe;
	enum cmd_code code;

	cmd_abort(ctx);
	/* A command that takes the rest of its line takes a pipe with it; for any other it is no word of a command. */
	code = match_line(ctx, line, strlen(line));
	pipe = code != CMD_OK && code != CMD_TOO_LONG && !has_control(ctx->line) ? token_find_pipe(line) : NULL;
	if (pipe) {
		code = match_line(ctx, line, (size_t)(pipe - line));
		if (code == CMD_OK && ctx->row)
			code = filter_add(ctx, line, pipe);
	}
	if (code != CMD_OK || !ctx->row)
		return code;
	out_set_format(ctx->out, cmd_has(ctx, "json") ? OUT_JSON : OUT_TEXT);
	return run(ctx);
}

enum cmd_code cmd_resume(struct cmd_ctx *ctx)
{
	return run(ctx);
}

void cmd_abort(struct cmd_ctx *ctx)
{
	if (ctx->running)
		out_abandon(ctx->out);
	ctx->running = false;
	filter_remove(ctx);
	state_drop(ctx);
}

void cmd_error_print(struct cmd_ctx *ctx)
{
	const struct cmd_error *err = &ctx->error;

	out_set_format(ctx->out, OUT_TEXT);
	if (err->has_column) {
		char pad[TOKEN_LINE_MAX + 1];
		size_t n = 0;

		for (size_t i = 0; i < err->column && ctx->line[i]; i++) {
			/* One column for each character: a continuation octet of UTF-8 takes none. */
			if (((unsigned char)ctx->line[i] & 0xc0) != 0x80)
				pad[n++] = ctx->line[i] == '\t' ? '\t' : ' ';
		}
		pad[n] = '\0';
		out_text(ctx->out, "%s\n%s^\n", ctx->line, pad);
	}
	out_text(ctx->out, "%% %s\n", err->text[0] ? err->text : "Command failed");
	out_flush(ctx->out);
}

/* For handlers */

enum cmd_code cmd_fail(struct cmd_ctx *ctx, const char *fmt, ...)
{
	va_list ap;

	ctx->error.has_column = false;
	va_start(ap, fmt);
	vsnprintf(ctx->error.text, sizeof(ctx->error.text), fmt, ap);
	va_end(ap);
	return CMD_FAILED;
}

int cmd_text_only(struct cmd_ctx *ctx)
{
	if (!out_is_json(ctx->out))
		return 0;
	ctx->lines = lines_new(ctx->out);
	return ctx->lines ? 0 : -ENOMEM;
}

const char *cmd_arg(const struct cmd_ctx *ctx, const char *name)
{
	for (unsigned int i = 0; i < ctx->nargs; i++) {
		if (!ctx->arg[i].keyword && strcmp(ctx->arg[i].name, name) == 0)
			return ctx->arg[i].text;
	}
	return NULL;
}

const char *cmd_arg_last(const struct cmd_ctx *ctx)
{
	for (unsigned int i = ctx->nargs; i-- > 0;) {
		if (!ctx->arg[i].keyword)
			return ctx->arg[i].text;
	}
	return NULL;
}

int64_t cmd_arg_int(const struct cmd_ctx *ctx, const char *name, int64_t fallback)
{
	const char *text = cmd_arg(ctx, name);
	uint64_t value;

	return text && cmd_number_parse(text, &value) == 0 && value <= INT64_MAX ? (int64_t)value : fallback;
}

bool cmd_has(const struct cmd_ctx *ctx, const char *keyword)
{
	for (unsigned int i = 0; i < ctx->nargs; i++) {
		if (ctx->arg[i].keyword && strcmp(ctx->arg[i].name, keyword) == 0)
			return true;
	}
	return false;
}
