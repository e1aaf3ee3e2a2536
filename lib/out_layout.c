/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/out_layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int find_col(const struct out *o, const char *key)
{
	for (unsigned int i = 0; key && i < o->ncols; i++) {
		if (strcmp(o->cols[i].key, key) == 0)
			return (int)i;
	}
	return -1;
}

/* The column that a field emitted here belongs to, or -1. */
static int field_col(const struct out *o, const char *key)
{
	return o->row_depth && o->depth == o->row_depth ? find_col(o, key) : -1;
}

/* Appends to the row and keeps it NUL-terminated; control characters of a value must not drive a terminal. */
static void row_append(struct out *o, const char *text)
{
	size_t len = strlen(text), need = o->row_len + len + 1;

	if (need > o->row_size) {
		size_t size = need < 256 ? 256 : need * 2;
		char *row = realloc(o->row, size);

		if (!row) {
			out_set_error(o, -ENOMEM);
			return;
		}
		o->row = row;
		o->row_size = size;
	}
	for (size_t i = 0; i < len; i++)
		o->row[o->row_len + i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
	o->row_len += len;
	o->row[o->row_len] = '\0';
}

static void cell_start(struct out *o, int col)
{
	if (o->row_len)
		o->row_len++; /* keep the NUL of the cell before */
	o->cell[col].set = true;
	o->cell[col].at = o->row_len;
	row_append(o, "");
}

static const char *cell_text(const struct out *o, unsigned int col)
{
	const char *text = o->cell[col].set ? o->row + o->cell[col].at : "";

	if (o->row_goes_on && !o->cell[col].set)
		return "";
	return *text ? text : "-";
}

void out_layout_field(struct out *o, const char *key, const char *text)
{
	int col;

	if (o->list_sep) {
		if (o->list_col < 0)
			return;
		if (o->list_used++)
			row_append(o, o->list_sep);
		row_append(o, text);
		return;
	}
	col = field_col(o, key);
	if (col >= 0 && !o->cell[col].set) {
		cell_start(o, col);
		row_append(o, text);
	}
}

/* Columns on a terminal, with one for each character of UTF-8. */
static size_t text_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* Spaces are held back until something follows them, so that no line ends in one. */
static void table_cell(struct out *o, const struct out_col *col, const char *text, size_t *spaces)
{
	size_t min = (size_t)(col->width < 0 ? -col->width : col->width), width = text_width(text);
	size_t pad = width < min ? min - width : 0;

	if (col->width >= 0)
		*spaces += pad;
	if (*text) {
		out_emit_spaces(o, *spaces);
		out_emit_str(o, text);
		*spaces = 0;
	}
	if (col->width < 0)
		*spaces += pad;
	*spaces += 1;
}

static void table_row(struct out *o)
{
	size_t spaces = 0;

	for (unsigned int i = 0; i < o->ncols; i++)
		table_cell(o, &o->cols[i], cell_text(o, i), &spaces);
	out_emit(o, "\n", 1);
}

static void form_row(struct out *o)
{
	size_t widest = 0;

	for (unsigned int i = 0; i < o->ncols; i++) {
		if (text_width(o->cols[i].title) > widest)
			widest = text_width(o->cols[i].title);
	}
	if (o->row_printed)
		out_emit(o, "\n", 1);
	o->row_printed = true;
	for (unsigned int i = 0; i < o->ncols; i++) {
		if (!o->cell[i].set)
			continue;
		out_emit_str(o, o->cols[i].title);
		out_emit_spaces(o, widest - text_width(o->cols[i].title));
		out_emit_str(o, ": ");
		out_emit_str(o, cell_text(o, i));
		out_emit(o, "\n", 1);
	}
}

static void layout_begin(struct out *o, enum out_layout layout, const struct out_col *cols, unsigned int ncols)
{
	size_t spaces = 0;

	if (o->error)
		return;
	if (o->layout != OUT_LAYOUT_NONE || ncols > OUT_MAX_COLS) {
		out_set_error(o, ncols > OUT_MAX_COLS ? -EOVERFLOW : -EINVAL);
		return;
	}
	o->layout = layout;
	o->cols = cols;
	o->ncols = ncols;
	o->row_printed = false;
	if (out_is_json(o) || layout != OUT_LAYOUT_TABLE)
		return;
	for (unsigned int i = 0; i < ncols; i++)
		table_cell(o, &cols[i], cols[i].title, &spaces);
	out_emit(o, "\n", 1);
}

static void layout_end(struct out *o, enum out_layout layout)
{
	if (o->layout != layout || o->row_depth)
		out_set_error(o, -EINVAL);
	o->layout = OUT_LAYOUT_NONE;
	o->ncols = 0;
}

void out_table_begin(struct out *o, const struct out_col *cols, unsigned int ncols)
{
	layout_begin(o, OUT_LAYOUT_TABLE, cols, ncols);
}

void out_table_end(struct out *o)
{
	layout_end(o, OUT_LAYOUT_TABLE);
}

void out_form_begin(struct out *o, const struct out_col *cols, unsigned int ncols)
{
	layout_begin(o, OUT_LAYOUT_FORM, cols, ncols);
}

void out_form_end(struct out *o)
{
	layout_end(o, OUT_LAYOUT_FORM);
}

static void row_clear(struct out *o)
{
	o->row_len = 0;
	memset(o->cell, 0, sizeof(o->cell));
}

void out_row_begin(struct out *o, const char *key)
{
	out_begin_object(o, key);
	if (o->error || o->row_depth || o->layout == OUT_LAYOUT_NONE)
		return;
	o->row_depth = o->depth;
	row_clear(o);
	o->row_goes_on = false;
}

void out_row_next(struct out *o, bool repeat)
{
	if (o->error || out_is_json(o) || o->layout != OUT_LAYOUT_TABLE || !o->row_depth || o->depth != o->row_depth)
		return;
	table_row(o);
	o->row_goes_on = true;
	if (!repeat)
		row_clear(o);
}

void out_row_end(struct out *o)
{
	if (o->error)
		return;
	if (o->row_depth && o->depth == o->row_depth) {
		o->row_depth = 0;
		if (!out_is_json(o)) {
			switch (o->layout) {
			case OUT_LAYOUT_NONE:
				break;
			case OUT_LAYOUT_TABLE:
				table_row(o);
				break;
			case OUT_LAYOUT_FORM:
				form_row(o);
				break;
			}
		}
	}
	out_end_object(o);
}

bool out_layout_has(const struct out *o, const char *key)
{
	return field_col(o, key) >= 0;
}

void out_layout_cell(struct out *o, const char *key, const char *text)
{
	cell_start(o, field_col(o, key));
	row_append(o, text);
}

int out_layout_list(const struct out *o, const char *key)
{
	int col = field_col(o, key);

	return col >= 0 && !o->cell[col].set ? col : -1;
}

void out_layout_list_begin(struct out *o, const char *sep, int col)
{
	o->list_sep = sep;
	o->list_used = 0;
	o->list_col = col;
	if (col >= 0)
		cell_start(o, col);
}
