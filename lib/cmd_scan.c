/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/cmd_grammar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cmd_scan_open(struct cmd_scan *s, const struct cmd_table *t, unsigned int modes, unsigned int level)
{
	s->table = t;
	s->modes = modes;
	s->level = level;
	s->nwords = 0;
	s->state = calloc(t->n ? t->n : 1, sizeof(*s->state));
	return s->state ? 0 : -ENOMEM;
}

void cmd_scan_close(struct cmd_scan *s)
{
	free(s->state);
	s->state = NULL;
}

uint64_t cmd_scan_next(const struct cmd_scan *s, size_t i)
{
	const struct cmd_entry *e = s->table->entry[i];

	if (s->nwords > 0)
		return s->state[i] ? cmd_prog_next(e->prog, s->state[i]) : 0;
	return (e->row.modes & s->modes) && e->row.level <= s->level ? e->prog->first : 0;
}

static enum cmd_code complain(struct cmd_error *err, enum cmd_code code, const struct token *t)
{
	err->has_column = true;
	err->column = t->start;
	return code;
}

/* No node takes the word: says what is wrong with it where only one thing was expected. */
static enum cmd_code explain_unknown(const struct cmd_scan *s, const struct token *t, struct cmd_error *err)
{
	const struct cmd_node *range = NULL, *variable = NULL;
	bool keywords = false, several = false;
	uint64_t value;
	unsigned int i;

	for (size_t r = 0; r < s->table->n; r++) {
		const struct cmd_prog *p = s->table->entry[r]->prog;

		cmd_for_each_node(i, cmd_scan_next(s, r), rest)
		{
			const struct cmd_node *node = &p->node[i];

			switch (node->kind) {
			case CMD_KEYWORD:
				keywords = true;
				break;
			case CMD_RANGE:
				range = range ? range : node;
				break;
			case CMD_VARIABLE:
				several = several || (variable && variable->type != node->type);
				variable = node;
				break;
			case CMD_REST:
				break;
			}
		}
	}
	if (range && !variable && cmd_number_parse(t->text, &value) != -EINVAL)
		snprintf(err->text, sizeof(err->text), "Value out of range %s", range->name);
	else if (range && !variable && !keywords)
		snprintf(err->text, sizeof(err->text), "A number in the range %s is expected", range->name);
	else if (variable && !range && !several)
		snprintf(err->text, sizeof(err->text), "Bad %s, expected: %s", variable->name, variable->type->help);
	else
		snprintf(err->text, sizeof(err->text), "Unknown command");
	return complain(err, CMD_UNKNOWN, t);
}

static void add_text(struct cmd_error *err, const char *sep, const char *text)
{
	size_t n = strlen(err->text);

	snprintf(err->text + n, sizeof(err->text) - n, "%s%s", sep, text);
}

/* The abbreviation must stand for one keyword only, in however many rows it occurs. */
static enum cmd_code check_unique(const struct cmd_scan *s, const struct token *t, struct cmd_error *err)
{
	const char *seen[16];
	unsigned int n = 0, i;

	for (size_t r = 0; r < s->table->n; r++) {
		const struct cmd_prog *p = s->table->entry[r]->prog;

		cmd_for_each_node(i, s->state[r], rest)
		{
			unsigned int k = 0;

			while (k < n && strcmp(seen[k], p->node[i].name) != 0)
				k++;
			if (k == n && n < ARRAY_SIZE(seen))
				seen[n++] = p->node[i].name;
		}
	}
	if (n <= 1)
		return CMD_OK;
	snprintf(err->text, sizeof(err->text), "Ambiguous command: \"%.40s\" may be ", t->text);
	for (i = 0; i < n; i++)
		add_text(err, i == 0 ? "" : ", ", seen[i]);
	return complain(err, CMD_AMBIGUOUS, t);
}

enum cmd_code cmd_scan_word(struct cmd_scan *s, const struct token *t, struct cmd_error *err)
{
	enum cmd_rank best = CMD_RANK_NONE;
	unsigned int i;

	for (size_t r = 0; r < s->table->n; r++) {
		cmd_for_each_node(i, cmd_scan_next(s, r), rest)
		{
			enum cmd_rank rank = cmd_node_rank(&s->table->entry[r]->prog->node[i], t);

			if (rank > best)
				best = rank;
		}
	}
	/* A grammar has no repetition, so that a row has run out of nodes long before the room for words has. */
	if (best == CMD_RANK_NONE || s->nwords == CMD_MAX_WORDS)
		return explain_unknown(s, t, err);
	for (size_t r = 0; r < s->table->n; r++) {
		uint64_t taken = 0;

		cmd_for_each_node(i, cmd_scan_next(s, r), rest)
		{
			if (cmd_node_rank(&s->table->entry[r]->prog->node[i], t) == best)
				taken |= 1ull << i;
		}
		s->state[r] = taken;
	}
	s->word[s->nwords] = *t;
	s->rank[s->nwords++] = best;
	return best == CMD_RANK_PREFIX ? check_unique(s, t, err) : CMD_OK;
}

const struct cmd_entry *cmd_scan_accepted(const struct cmd_scan *s)
{
	for (size_t r = 0; r < s->table->n && s->nwords > 0; r++) {
		if (s->state[r] & s->table->entry[r]->prog->last)
			return s->table->entry[r];
	}
	return NULL;
}
