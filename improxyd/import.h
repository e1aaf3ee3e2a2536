/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * import - the configuration of another proxy, said in our words. The reader of each format (import_*.c) tells what its
 * lines mean as lines of ours; here these are loaded like any file, so that what comes out is normalised and is
 * accepted by `improxyd -n`. Whatever has no equal is not dropped in silence: it becomes a comment with the reason, and
 * a warning.
 *
 * It reads nothing but the text it is given, and refuses to follow an `include`.
 */
#ifndef IMPROXY_IMPORT_H
#define IMPROXY_IMPORT_H

#include "lib/cmd.h"
#include "load.h"

struct import_format;

/* NULL: there is no such format. */
const struct import_format *import_format_find(const char *name);

/* The names of all formats, for a message. */
const char *import_format_names(void);

/*
 * Converts `text`. `file` is its name in the messages, which are `FILE:LINE: WHAT: REASON` and go to `warn`. `*result`
 * is malloced. Returns the number of warnings, or -ENOMEM.
 */
int import_convert(const struct import_format *format, const struct cmd_table *table, const char *file,
		   const char *text, load_error_fn *warn, void *arg, char **result);

#endif
