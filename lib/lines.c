/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/out.h"

struct lines {
	struct out json;
	char *line;
	size_t len, size;
};

static int line_add(struct lines *l, const char *buf, size_t len)
{
	size_t size = l->len + len + 1;
	char *line = l->line;

	if (size > l->size) {
		line = realloc(l->line, 2 * size);
		if (!line)
			return -ENOMEM;
		l->line = line;
		l->size = 2 * size;
	}
	memcpy(line + l->len, buf, len);
	l->len += len;
	line[l->len] = '\0';
	return 0;
}

static int lines_write(void *arg, const char *buf, size_t len)
{
	struct lines *l = arg;
	const char *end = buf + len;

	while (buf < end) {
		const char *eol = memchr(buf, '\n', (size_t)(end - buf));
		int err = line_add(l, buf, (size_t)((eol ? eol : end) - buf));

		if (err < 0)
			return err;
		if (!eol)
			break;
		out_str(&l->json, NULL, l->line);
		l->len = 0;
		buf = eol + 1;
	}
	return out_error(&l->json);
}

struct lines *lines_new(struct out *o)
{
	struct lines *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	out_init(&l->json, o->write, o->arg);
	out_set_format(&l->json, OUT_JSON);
	out_begin_array(&l->json, "lines");
	out_set_format(o, OUT_TEXT);
	out_set_sink(o, lines_write, l);
	return l;
}

int lines_finish(struct lines *lines)
{
	if (lines->len)
		out_str(&lines->json, NULL, lines->line);
	return out_finish(&lines->json);
}

void lines_free(struct lines *lines, struct out *o)
{
	out_set_sink(o, lines->json.write, lines->json.arg);
	out_fini(&lines->json);
	free(lines->line);
	free(lines);
}
