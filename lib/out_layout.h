/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text back end of lib/out (internal to lib/out*.c): which fields go into the cells of the open row, and how a table or
 * a form prints them. Also the few calls that both back ends write through.
 */
#ifndef IMPROXY_LIB_OUT_LAYOUT_H
#define IMPROXY_LIB_OUT_LAYOUT_H

#include "lib/out.h"

void out_emit(struct out *o, const char *text, size_t len);
void out_emit_str(struct out *o, const char *text);
void out_emit_spaces(struct out *o, size_t n);
/* Keeps the first error. */
void out_set_error(struct out *o, int err);

/* A field in text: an element of the open list, or the cell of its column, unless that is set already. */
void out_layout_field(struct out *o, const char *key, const char *text);
/* True when a field of this key, emitted here, has a column. */
bool out_layout_has(const struct out *o, const char *key);
/* Sets the cell, whatever it had before; only where out_layout_has(). */
void out_layout_cell(struct out *o, const char *key, const char *text);
/* The column that a list of this key fills, or -1; asked in front of the list's nesting. */
int out_layout_list(const struct out *o, const char *key);
void out_layout_list_begin(struct out *o, const char *sep, int col);

#endif
