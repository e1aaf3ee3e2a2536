/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target of words, quotes, pipes and output filters. The first line of the input is a command line, the second a
 * filter, the rest what goes through it; an octet in front says how large the pieces are that it is written in. What
 * must hold: a word that was read can be quoted and read again; a filter gives the same for any pieces.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/filter.h"
#include "lib/token.h"
#include "tests/fuzz/ensure.h"

#define MAX_DATA 4096

/* Cuts off and copies the first line. */
static char *line_take(const uint8_t **data, size_t *size)
{
	const uint8_t *end = memchr(*data, '\n', *size);
	size_t len = end ? (size_t)(end - *data) : *size;
	char *line = strndup((const char *)*data, len);

	ENSURE(line);
	*data += len + (end != NULL);
	*size -= len + (end != NULL);
	return line;
}

static void word_again(const char *word)
{
	char store[TOKEN_LINE_MAX + 1];
	size_t size = 2 * strlen(word) + 3;
	struct token_cursor cursor;
	struct token t;
	char *quoted = malloc(size);

	ENSURE(quoted);
	ENSURE(token_quote(word, quoted, size) == 0);
	ENSURE(!token_is_blank_or_comment(quoted) && !token_find_pipe(quoted));
	/* With its quotes it may be longer than a line. */
	if (token_open(&cursor, quoted, store) == 0) {
		ENSURE(token_next(&cursor, &t) == 1);
		ENSURE(strcmp(t.text, word) == 0 && t.start == 0 && t.end == strlen(quoted));
		ENSURE(token_next(&cursor, &t) == 0);
	}
	for (size_t small = 0; small < size && small < 4; small++)
		(void)token_quote(word, quoted, small);
	free(quoted);
}

static void words_read(const char *line)
{
	char store[TOKEN_LINE_MAX + 1];
	struct token_cursor cursor;
	struct token t;
	size_t len = strlen(line), at = 0;
	int ret;

	ret = token_open(&cursor, line, store);
	ENSURE((ret == 0) == (len <= TOKEN_LINE_MAX));
	if (ret < 0)
		return;
	while ((ret = token_next(&cursor, &t)) == 1) {
		ENSURE(t.start >= at && t.end > t.start && t.end <= len);
		ENSURE(strlen(t.text) <= t.end - t.start);
		at = t.end;
		word_again(t.text);
	}
	ENSURE(ret == 0 || t.start < len);
	ENSURE(token_rest(&cursor) <= line + len);
}

static void pipe_split(const char *line)
{
	const char *pipe = token_find_pipe(line);
	char *copy = strdup(line), *rest;

	ENSURE(copy);
	rest = token_split_pipe(copy);
	ENSURE(!pipe == !rest);
	ENSURE(!rest || (*rest != ' ' && *rest != '\t'));
	ENSURE(!token_find_pipe(copy));
	free(copy);
}

struct sink {
	char *v;
	size_t len;
};

static int sink_write(void *arg, const char *buf, size_t len)
{
	struct sink *sink = arg;

	sink->v = realloc(sink->v, sink->len + len + 1);
	ENSURE(sink->v);
	memcpy(sink->v + sink->len, buf, len);
	sink->len += len;
	return 0;
}

/* Returns false for a filter that is none. */
static bool filter_run(const char *spec, const char *text, size_t size, size_t piece, struct sink *sink)
{
	struct filter filter;
	char error[128] = "";

	if (filter_open(&filter, spec, sink_write, sink, error, sizeof(error)) < 0) {
		ENSURE(*error && !strchr(error, '\n'));
		return false;
	}
	for (size_t at = 0; at < size; at += piece)
		ENSURE(filter_write(&filter, text + at, piece < size - at ? piece : size - at) == 0);
	ENSURE(filter_finish(&filter) == 0);
	filter_close(&filter);
	return true;
}

static void filter_read(const char *spec, const uint8_t *data, size_t size, size_t piece)
{
	struct sink whole = { NULL, 0 }, parts = { NULL, 0 };
	/* Output has no NUL. */
	char *text = malloc(size + 1);

	ENSURE(text);
	memcpy(text, data, size);
	for (size_t i = 0; i < size; i++)
		text[i] = text[i] ? text[i] : '\n';
	if (filter_run(spec, text, size, size ? size : 1, &whole)) {
		ENSURE(filter_run(spec, text, size, piece, &parts));
		ENSURE(whole.len == parts.len && (!whole.len || memcmp(whole.v, parts.v, whole.len) == 0));
		ENSURE(whole.len <= size + 32);
	}
	free(whole.v);
	free(parts.v);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line, *spec;
	size_t piece;

	if (!size)
		return 0;
	piece = 1 + data[0] % 64;
	data++;
	size--;
	line = line_take(&data, &size);
	spec = line_take(&data, &size);
	words_read(line);
	pipe_split(line);
	if (*line)
		word_again(line);
	filter_read(spec, data, size < MAX_DATA ? size : MAX_DATA, piece);
	free(spec);
	free(line);
	return 0;
}
