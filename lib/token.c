/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/token.h"

#include <errno.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

int token_open(struct token_cursor *c, const char *line, char *store)
{
	if (strnlen(line, TOKEN_LINE_MAX + 1) > TOKEN_LINE_MAX)
		return -E2BIG;
	*c = (struct token_cursor){ .line = line, .store = store };
	return 0;
}

const char *token_rest(struct token_cursor *c)
{
	const char *rest = skip_blanks(c->line + c->pos);

	c->pos = (size_t)(rest - c->line);
	return rest;
}

/*
 * Words are parted by at least one blank and each loses nothing but quotes and backslashes, so that all of them with
 * their NULs fit into the room of the line and its NUL.
 */
int token_next(struct token_cursor *c, struct token *t)
{
	const char *s = token_rest(c);
	char *to = c->store + c->used;

	if (!*s)
		return 0;
	*t = (struct token){ .text = to, .start = c->pos, .quoted = *s == '"' };
	if (t->quoted) {
		for (s++; *s && *s != '"'; s++) {
			if (*s == '\\' && (s[1] == '"' || s[1] == '\\'))
				s++;
			*to++ = *s;
		}
		if (!*s || (s[1] && !is_blank(s[1])))
			return -EINVAL;
		s++;
	} else {
		while (*s && !is_blank(*s))
			*to++ = *s++;
	}
	*to++ = '\0';
	c->used = (size_t)(to - c->store);
	c->pos = (size_t)(s - c->line);
	t->end = c->pos;
	return 1;
}

bool token_is_blank_or_comment(const char *line)
{
	line = skip_blanks(line);
	return !*line || *line == '!' || *line == '#';
}

const char *token_find_pipe(const char *line)
{
	bool word_start = true, quoted = false;

	for (const char *s = line; *s; s++) {
		if (quoted) {
			if (*s == '\\' && s[1])
				s++;
			else if (*s == '"')
				quoted = false;
		} else if (word_start && *s == '"') {
			quoted = true;
		} else if (word_start && *s == '|' && s != line && (!s[1] || is_blank(s[1]))) {
			return s;
		}
		word_start = !quoted && is_blank(*s);
	}
	return NULL;
}

char *token_split_pipe(char *line)
{
	const char *pipe = token_find_pipe(line);
	char *cut;

	if (!pipe)
		return NULL;
	cut = line + (pipe - line);
	*cut = '\0';
	return cut + 1 + (skip_blanks(cut + 1) - (cut + 1));
}

int token_quote(const char *word, char *buf, size_t size)
{
	bool quote = !*word || strchr("\"!#", *word) || strpbrk(word, " \t") || strcmp(word, "|") == 0;
	size_t n = 0;

	if (!quote) {
		n = strlen(word);
		if (n >= size)
			return -ENOSPC;
		memcpy(buf, word, n + 1);
		return 0;
	}
	if (size < 3)
		return -ENOSPC;
	buf[n++] = '"';
	for (; *word; word++) {
		bool escape = *word == '"' || *word == '\\';

		if (n + escape + 3 > size)
			return -ENOSPC;
		if (escape)
			buf[n++] = '\\';
		buf[n++] = *word;
	}
	buf[n++] = '"';
	buf[n] = '\0';
	return 0;
}
