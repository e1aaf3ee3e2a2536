/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/out_layout.h"

#define SMALL_TEXT 512

void out_set_error(struct out *o, int err)
{
	if (!o->error)
		o->error = err;
}

int out_flush(struct out *o)
{
	if (o->len && !o->error) {
		int err = o->write(o->arg, o->buf, o->len);

		if (err < 0)
			out_set_error(o, err);
	}
	o->len = 0;
	return o->error;
}

void out_emit(struct out *o, const char *text, size_t len)
{
	if (o->error)
		return;
	o->written += len;
	while (len > 0) {
		size_t n = sizeof(o->buf) - o->len;

		if (n > len)
			n = len;
		memcpy(o->buf + o->len, text, n);
		o->len += n;
		text += n;
		len -= n;
		if (o->len == sizeof(o->buf) && out_flush(o) < 0)
			return;
	}
}

void out_emit_str(struct out *o, const char *text)
{
	out_emit(o, text, strlen(text));
}

void out_emit_spaces(struct out *o, size_t n)
{
	while (n-- > 0)
		out_emit(o, " ", 1);
}

/* Formats into `small` or, when that is too little, into memory that `*heap` then owns. NULL: the error is set. */
static const char *format_text(struct out *o, char *small, char **heap, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

static const char *format_text(struct out *o, char *small, char **heap, const char *fmt, va_list ap)
{
	va_list again;
	const char *text = NULL;
	int n;

	*heap = NULL;
	va_copy(again, ap);
	n = vsnprintf(small, SMALL_TEXT, fmt, ap);
	if (n < 0) {
		out_set_error(o, -EINVAL);
	} else if (n < SMALL_TEXT) {
		text = small;
	} else {
		*heap = malloc((size_t)n + 1);
		if (*heap)
			vsnprintf(*heap, (size_t)n + 1, fmt, again);
		else
			out_set_error(o, -ENOMEM);
		text = *heap;
	}
	va_end(again);
	return text;
}

/* JSON back end */

unsigned int out_utf8_len(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned char lo = 0x80, hi = 0xbf;
	unsigned int n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		lo = 0xa0;
	else if (s[0] == 0xed)
		hi = 0x9f;
	else if (s[0] == 0xf0)
		lo = 0x90;
	else if (s[0] == 0xf4)
		hi = 0x8f;
	if (s[1] < lo || s[1] > hi)
		return 0;
	for (unsigned int i = 2; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

static void json_string(struct out *o, const char *s)
{
	out_emit(o, "\"", 1);
	while (*s) {
		unsigned char c = (unsigned char)*s;
		unsigned int n = out_utf8_len(s);
		char escape[8];

		if (n == 0) {
			out_emit_str(o, "\xef\xbf\xbd"); /* U+FFFD, the replacement character */
			n = 1;
		} else if (c == '"' || c == '\\') {
			escape[0] = '\\';
			escape[1] = (char)c;
			out_emit(o, escape, 2);
		} else if (c == '\n') {
			out_emit_str(o, "\\n");
		} else if (c == '\t') {
			out_emit_str(o, "\\t");
		} else if (c < 0x20) {
			snprintf(escape, sizeof(escape), "\\u%04x", c);
			out_emit_str(o, escape);
		} else {
			out_emit(o, s, n);
		}
		s += n;
	}
	out_emit(o, "\"", 1);
}

static void json_line_break(struct out *o, unsigned int depth)
{
	if (o->format == OUT_JSON) {
		out_emit(o, "\n", 1);
		out_emit_spaces(o, (size_t)depth * 2);
	}
}

/* Everything that stands in front of a member's value. */
static void json_member(struct out *o, const char *key)
{
	struct out_nest *nest = &o->nest[o->depth];

	if (!o->open) {
		o->open = true;
		out_emit(o, "{", 1);
	}
	if (nest->array != (key == NULL)) {
		out_set_error(o, -EINVAL);
		return;
	}
	if (nest->used)
		out_emit(o, ",", 1);
	nest->used = true;
	json_line_break(o, o->depth + 1);
	if (key) {
		json_string(o, key);
		out_emit_str(o, o->format == OUT_JSON ? ": " : ":");
	}
}

/* Nesting, in both formats */

static void nest_begin(struct out *o, const char *key, bool array)
{
	if (o->error)
		return;
	if (o->depth == OUT_MAX_DEPTH || o->list_sep) {
		out_set_error(o, o->list_sep ? -EINVAL : -EOVERFLOW);
		return;
	}
	if (out_is_json(o)) {
		json_member(o, key);
		out_emit(o, array ? "[" : "{", 1);
	}
	o->depth++;
	o->nest[o->depth] = (struct out_nest){ .array = array };
}

static void nest_end(struct out *o, bool array)
{
	struct out_nest *nest = &o->nest[o->depth];

	if (o->error)
		return;
	if (o->depth == 0 || nest->array != array) {
		out_set_error(o, -EINVAL);
		return;
	}
	o->depth--;
	if (out_is_json(o)) {
		if (nest->used)
			json_line_break(o, o->depth + 1);
		out_emit(o, array ? "]" : "}", 1);
	}
}

void out_begin_object(struct out *o, const char *key)
{
	nest_begin(o, key, false);
}

void out_end_object(struct out *o)
{
	nest_end(o, false);
}

void out_begin_array(struct out *o, const char *key)
{
	nest_begin(o, key, true);
}

void out_end_array(struct out *o)
{
	nest_end(o, true);
}

void out_cell(struct out *o, const char *key, const char *fmt, ...)
{
	char small[SMALL_TEXT], *heap;
	const char *text;
	va_list ap;

	if (o->error || out_is_json(o))
		return;
	if (o->list_sep) {
		out_set_error(o, -EINVAL);
		return;
	}
	if (!out_layout_has(o, key))
		return;
	va_start(ap, fmt);
	text = format_text(o, small, &heap, fmt, ap);
	va_end(ap);
	if (text)
		out_layout_cell(o, key, text);
	free(heap);
}

void out_text(struct out *o, const char *fmt, ...)
{
	char small[SMALL_TEXT], *heap;
	const char *text;
	va_list ap;

	if (o->error || out_is_json(o))
		return;
	va_start(ap, fmt);
	text = format_text(o, small, &heap, fmt, ap);
	va_end(ap);
	if (text)
		out_emit_str(o, text);
	free(heap);
}

/* Fields, in both formats */

static void field(struct out *o, const char *key, const char *text, const char *json, bool quote)
{
	if (o->error)
		return;
	if (!out_is_json(o)) {
		out_layout_field(o, key, text);
		return;
	}
	json_member(o, key);
	if (quote)
		json_string(o, json);
	else
		out_emit_str(o, json);
}

void out_null(struct out *o, const char *key)
{
	field(o, key, "-", "null", false);
}

void out_str(struct out *o, const char *key, const char *value)
{
	if (value)
		field(o, key, value, value, true);
	else
		out_null(o, key);
}

void out_fmt(struct out *o, const char *key, const char *fmt, ...)
{
	char small[SMALL_TEXT], *heap;
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = format_text(o, small, &heap, fmt, ap);
	va_end(ap);
	if (text)
		field(o, key, text, text, true);
	free(heap);
}

void out_int(struct out *o, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	field(o, key, text, text, false);
}

void out_uint(struct out *o, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	field(o, key, text, text, false);
}

void out_bool(struct out *o, const char *key, bool value)
{
	field(o, key, value ? "yes" : "no", value ? "true" : "false", false);
}

void out_addr(struct out *o, const char *key, const struct ipaddr *value)
{
	char text[IPADDR_STRLEN];

	if (!value || ipaddr_is_none(value))
		out_null(o, key);
	else
		out_str(o, key, ipaddr_format(value, text));
}

void out_prefix(struct out *o, const char *key, const struct ipprefix *value)
{
	char text[IPADDR_STRLEN];

	out_str(o, key, value ? ipprefix_format(value, text) : NULL);
}

const char *out_duration_format(mtime_t value, char *buf)
{
	int64_t s = value > 0 ? mtime_to_s(value) : 0;

	if (value == MTIME_NEVER)
		snprintf(buf, OUT_DURATION_LEN, "never");
	else
		snprintf(buf, OUT_DURATION_LEN, "%02" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60,
			 s % 60);
	return buf;
}

void out_duration(struct out *o, const char *key, mtime_t value)
{
	bool never = value == MTIME_NEVER;
	char text[OUT_DURATION_LEN], msec_key[SMALL_TEXT];

	out_duration_format(value, text);
	field(o, key, text, never ? "null" : text, !never);
	if (!key || !out_is_json(o))
		return;
	snprintf(msec_key, sizeof(msec_key), "%sMsec", key);
	if (never)
		out_null(o, msec_key);
	else
		out_int(o, msec_key, value > 0 ? mtime_to_ms(value) : 0);
}

void out_list_begin(struct out *o, const char *key, const char *sep)
{
	int col = out_is_json(o) ? -1 : out_layout_list(o, key);

	out_begin_array(o, key);
	if (!o->error)
		out_layout_list_begin(o, sep, col);
}

void out_list_end(struct out *o)
{
	o->list_sep = NULL;
	out_end_array(o);
}

/* Life of a document */

void out_init(struct out *o, int (*write)(void *arg, const char *buf, size_t len), void *arg)
{
	memset(o, 0, sizeof(*o));
	o->write = write;
	o->arg = arg;
}

void out_fini(struct out *o)
{
	free(o->row);
	o->row = NULL;
	o->row_size = 0;
	o->len = 0;
}

void out_set_sink(struct out *o, int (*write)(void *arg, const char *buf, size_t len), void *arg)
{
	out_flush(o);
	o->write = write;
	o->arg = arg;
}

void out_set_format(struct out *o, enum out_format format)
{
	if (o->open || o->depth)
		out_set_error(o, -EINVAL);
	else
		o->format = format;
}

/* Forgets the document, so that the writer can begin another one. Returns the error of the old one. */
static int document_end(struct out *o)
{
	int err = out_flush(o);

	o->error = 0;
	o->open = false;
	o->depth = 0;
	o->nest[0] = (struct out_nest){ .used = false };
	o->layout = OUT_LAYOUT_NONE;
	o->ncols = 0;
	o->row_depth = 0;
	o->list_sep = NULL;
	return err;
}

int out_finish(struct out *o)
{
	if (out_is_json(o)) {
		if (!o->open)
			out_emit(o, "{", 1);
		o->list_sep = NULL;
		while (o->depth > 0 && !o->error)
			nest_end(o, o->nest[o->depth].array);
		if (o->nest[0].used && o->format == OUT_JSON)
			out_emit(o, "\n", 1);
		out_emit(o, "}\n", 2);
	}
	return document_end(o);
}

int out_abandon(struct out *o)
{
	if (o->open)
		out_emit(o, "\n", 1);
	return document_end(o);
}

int out_error(const struct out *o)
{
	return o->error;
}

bool out_full(const struct out *o)
{
	return o->error || o->written >= OUT_QUOTA;
}

void out_resume(struct out *o)
{
	o->written = 0;
}
