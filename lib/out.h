/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Output of a command: a handler emits each field once, and the text or the JSON back end writes it. It owns the layout
 * of text (tables, forms), the syntax of JSON (commas, escapes, indentation) and a small buffer in front of the sink.
 * It refuses to hold a document: rows stream out as they are made, and only the row being made is kept.
 *
 * In JSON every field is written where it is emitted; the outermost object is opened by the first field and closed by
 * out_finish(), so a command that emits nothing gives {}. In text a field is printed only when a row is open whose
 * layout names the field's key; all else (other keys, objects and arrays in the row) is for JSON only.
 *
 *	static const struct out_col cols[] = { { "ifname", "Interface", -16 }, { "group", "Group", -15 },
 *					       { "sourcesCount", "Srcs", 4 } };
 *	out_table_begin(o, cols, ARRAY_SIZE(cols));	text: the heading
 *	out_begin_object(o, "lan1");			JSON: "lan1": {
 *	out_begin_array(o, "groups");
 *	out_row_begin(o, NULL);
 *	out_cell(o, "ifname", "%s", "lan1");		text only
 *	out_addr(o, "group", &group);			both
 *	out_uint(o, "sourcesCount", 1);			both
 *	out_row_end(o);					text: the line
 *	out_end_array(o);
 *	out_end_object(o);
 *	out_table_end(o);
 *
 * An error (of the sink, of memory, of nesting) sticks: everything after it is ignored and out_finish() returns it.
 */
#ifndef IMPROXY_LIB_OUT_H
#define IMPROXY_LIB_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ipaddr.h"
#include "lib/mtime.h"
#include "lib/util.h"

#define OUT_BUF_SIZE     4096
#define OUT_MAX_DEPTH    16
#define OUT_MAX_COLS     40
#define OUT_QUOTA        65536 /* octets a handler may write before out_full() asks it to pause */
#define OUT_DURATION_LEN 24

enum out_format {
	OUT_TEXT,
	OUT_JSON,     /* one document, indented by 2 */
	OUT_JSON_LINE /* one line a document: out_finish() ends it, the next field begins another */
};

struct out_col {
	const char *key;   /* of the field */
	const char *title; /* heading of the column, or label in a form */
	int width;         /* at least so wide; negative: aligned to the left. Unused in a form */
};

enum out_layout { OUT_LAYOUT_NONE, OUT_LAYOUT_TABLE, OUT_LAYOUT_FORM };

/* All fields are private to lib/out. */
struct out {
	int (*write)(void *arg, const char *buf, size_t len);
	void *arg;
	enum out_format format;
	int error;
	size_t written; /* octets since out_resume() */

	bool open; /* JSON: the outermost object is open */
	unsigned int depth;
	struct out_nest {
		bool array;
		bool used; /* has a member: the next one needs a comma */
	} nest[OUT_MAX_DEPTH + 1];

	enum out_layout layout;
	const struct out_col *cols;
	unsigned int ncols;
	bool row_printed;       /* form: a blank line goes between two rows */
	bool row_goes_on;       /* table: the open row's first line is printed */
	unsigned int row_depth; /* depth of the open row's fields; 0: no row is open */
	const char *list_sep;   /* inside out_list_begin(): goes between the elements */
	int list_col;           /* the list's column, -1 for none */
	unsigned int list_used;
	char *row; /* the cells of the open row, in order of arrival, NUL-terminated */
	size_t row_len, row_size;
	struct out_cell_ref {
		bool set;
		size_t at;
	} cell[OUT_MAX_COLS];

	size_t len;
	char buf[OUT_BUF_SIZE];
};

/*
 * Prepares a writer in text format. `write` gets whole buffers and returns 0 or -errno; it must not block. Must be
 * ended by out_fini(), which frees what the writer holds and writes nothing.
 */
void out_init(struct out *o, int (*write)(void *arg, const char *buf, size_t len), void *arg);
void out_fini(struct out *o);

/* Flushes and goes on to another sink (an output filter goes in between). */
void out_set_sink(struct out *o, int (*write)(void *arg, const char *buf, size_t len), void *arg);

/* Chooses the back end; before the first field of a document. */
void out_set_format(struct out *o, enum out_format format);

static inline bool out_is_json(const struct out *o)
{
	return o->format != OUT_TEXT;
}

/* Closes whatever is open, ends the document and flushes. The writer is then ready for another document. 0 or -errno.
 */
int out_finish(struct out *o);
/* Drops what is open without closing it, and flushes: for a command that failed on its way. */
int out_abandon(struct out *o);
/* Hands the buffer to the sink. Returns 0 or -errno. */
int out_flush(struct out *o);
/* The first error, or 0. */
int out_error(const struct out *o);

/* True when the handler ought to pause (return CMD_MORE); out_resume() begins a new quota. */
bool out_full(const struct out *o);
void out_resume(struct out *o);

/* `key` is NULL inside an array. In text these only nest. */
void out_begin_object(struct out *o, const char *key);
void out_end_object(struct out *o);
void out_begin_array(struct out *o, const char *key);
void out_end_array(struct out *o);

/* One field; `key` is NULL inside an array. NULL strings and addresses, and the address "none", are JSON null, text
 * "-". */
void out_str(struct out *o, const char *key, const char *value);
void out_fmt(struct out *o, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
void out_int(struct out *o, const char *key, int64_t value);
void out_uint(struct out *o, const char *key, uint64_t value);
/* Text "yes" or "no". */
void out_bool(struct out *o, const char *key, bool value);
void out_null(struct out *o, const char *key);
void out_addr(struct out *o, const char *key, const struct ipaddr *value);
void out_prefix(struct out *o, const char *key, const struct ipprefix *value);
/* JSON has two members, "key": "HH:MM:SS" and "keyMsec": N; both are null for MTIME_NEVER, which is "never" in text. */
void out_duration(struct out *o, const char *key, mtime_t value);

/* A JSON array of scalars that text joins by `sep` into one cell; the elements are out_str(o, NULL, ...) and the like.
 */
void out_list_begin(struct out *o, const char *key, const char *sep);
void out_list_end(struct out *o);

/* Text only: sets the cell of column `key`, also where a field of that key says something else in JSON. */
void out_cell(struct out *o, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Text only, as it stands. */
void out_text(struct out *o, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A table prints its heading at once and one line a row. `cols` must live until out_table_end(). */
void out_table_begin(struct out *o, const struct out_col *cols, unsigned int ncols);
void out_table_end(struct out *o);
/* A form prints `Title: value` lines for the cells that are set, and a blank line between two rows. */
void out_form_begin(struct out *o, const struct out_col *cols, unsigned int ncols);
void out_form_end(struct out *o);
/* A row is an object in JSON: `key` is NULL inside an array. A row inside a row is an object only. */
void out_row_begin(struct out *o, const char *key);
void out_row_end(struct out *o);
/*
 * Text only: prints a line of the table and goes on with another one of the same row. Its cells are empty, or with
 * `repeat` those of the line before, until out_cell() sets them.
 */
void out_row_next(struct out *o, bool repeat);

/*
 * Writes a duration as HH:MM:SS, with more than two digits of hours where it takes them; "never" for MTIME_NEVER. `buf`
 * has OUT_DURATION_LEN octets. Returns `buf`.
 */
const char *out_duration_format(mtime_t value, char *buf);

/* The length of the valid UTF-8 sequence at `text` (RFC 3629: no surrogate, nothing overlong), or 0. */
unsigned int out_utf8_len(const char *text);

#endif
