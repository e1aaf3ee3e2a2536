/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "line.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WATCH_MAX_S 86400

static bool word_is(const char *word, size_t len, const char *full, size_t min)
{
	return len >= min && len <= strlen(full) && !memcmp(word, full, len);
}

/* The next word of `line` from `*pos` on; its length, or 0. */
static size_t word_next(const char *line, size_t len, size_t *pos)
{
	size_t start;

	while (*pos < len && strchr(" \t\r", line[*pos]))
		++*pos;
	start = *pos;
	while (*pos < len && !strchr(" \t\r", line[*pos]))
		++*pos;
	return *pos - start;
}

char *line_json(const char *line, size_t len, size_t *json_end)
{
	size_t pos = 0, n = word_next(line, len, &pos), end = len, size = len + sizeof(" json");
	bool has_json = false;
	char *out;

	if (word_is(line + pos - n, n, "do", 2))
		n = word_next(line, len, &pos);
	if (!word_is(line + pos - n, n, "show", 2))
		return NULL;
	while ((n = word_next(line, len, &pos))) {
		if (line[pos - n] == '|') {
			end = pos - n;
			break;
		}
		has_json = n == 4 && !memcmp(line + pos - n, "json", 4);
	}
	if (has_json)
		return NULL;
	while (end && strchr(" \t\r", line[end - 1]))
		end--;
	out = malloc(size);
	if (out)
		snprintf(out, size, "%.*s json%.*s", (int)end, line, (int)(len - end), line + end);
	*json_end = end + strlen(" json");
	return out;
}

bool line_is_idle(const char *line, size_t len)
{
	size_t pos = 0, n = word_next(line, len, &pos);

	return !n || line[pos - n] == '!' || line[pos - n] == '#';
}

bool line_take_word(const char **line, const char *full, size_t min)
{
	const char *p = *line + strspn(*line, " \t");
	size_t len = strcspn(p, " \t");

	if (len < min || strncmp(p, full, len) || len > strlen(full))
		return false;
	*line = p + len;
	return true;
}

bool line_take_number(const char **line, long max, long *value)
{
	const char *p = *line + strspn(*line, " \t");
	char *end;

	errno = 0;
	*value = strtol(p, &end, 10);
	if (!isdigit((unsigned char)*p) || errno || *value > max || (*end && *end != ' ' && *end != '\t'))
		return false;
	*line = end + strspn(end, " \t");
	return true;
}

const char *line_watched(const char *line, long *seconds)
{
	const char *p = line;

	if (!line_take_word(&p, "watch", 3) || !line_take_number(&p, WATCH_MAX_S, seconds) || *seconds < 1)
		return NULL;
	return p;
}
