/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Output filters: what stands behind a pipe (`show ip mroute | include 239 | count`). A filter is a sink that passes
 * whole lines to another sink. Expressions are POSIX extended ones. It keeps no more than the line being gathered.
 */
#ifndef IMPROXY_LIB_FILTER_H
#define IMPROXY_LIB_FILTER_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_MAX_STAGES 4
#define FILTER_LINE_MAX   65536 /* a longer line is treated as several */

/* `section` passes an unindented line that matches and the indented lines behind it. */
#define FILTER_KINDS(X)                                                                                                \
	X(INCLUDE, "include", "Lines that match")                                                                      \
	X(EXCLUDE, "exclude", "Lines that do not match")                                                               \
	X(BEGIN, "begin", "From the first line that matches")                                                          \
	X(SECTION, "section", "Blocks whose first line matches")                                                       \
	X(COUNT, "count", "The number of lines")

enum filter_kind {
#define FILTER_KIND_ENUM(name, word, help) FILTER_##name,
	FILTER_KINDS(FILTER_KIND_ENUM)
#undef FILTER_KIND_ENUM
};
#define FILTER_KIND_COUNT (FILTER_COUNT + 1)

struct filter {
	int (*write)(void *arg, const char *buf, size_t len);
	void *arg;
	unsigned int nstages;
	struct filter_stage {
		enum filter_kind kind;
		regex_t re;
		bool on; /* begin: has begun; section: inside one that matches */
	} stage[FILTER_MAX_STAGES];
	uint64_t count;
	size_t bad;
	char *line;
	size_t len, size;
};

/*
 * Prepares a filter from the text behind the first pipe (`include RE`, `include RE | count`; unique prefixes are
 * accepted) in front of the sink `write`. On an error `err` says why, `f->bad` where in `spec`, and nothing is to be
 * closed: -ENOENT there is no such filter, -ENODATA it or its expression is missing, -EINVAL it is wrong otherwise.
 */
int filter_open(struct filter *f, const char *spec, int (*write)(void *arg, const char *buf, size_t len), void *arg,
		char *err, size_t err_size);

/* The sink: `arg` is the struct filter. Returns 0, -ENOMEM or the error of the sink behind. */
int filter_write(void *arg, const char *buf, size_t len);

/* Passes on an unfinished last line, or the count. Returns as filter_write(). */
int filter_finish(struct filter *f);

/* Frees; writes nothing. */
void filter_close(struct filter *f);

const char *filter_kind_name(enum filter_kind kind);
const char *filter_kind_help(enum filter_kind kind);

#endif
