/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load - a configuration from the text of a file: its lines, run through the command table in the configuration modes.
 * It needs no daemon. Every line that is not accepted is told; what to do about it is the caller's choice.
 */
#ifndef IMPROXY_LOAD_H
#define IMPROXY_LOAD_H

#include <stddef.h>

#include "conf.h"
#include "lib/cmd.h"

/* `message` is "NAME:LINE: what is wrong". */
typedef void load_error_fn(void *arg, const char *message);

/*
 * Returns the configuration that the accepted lines make, and in *nerrors the number of others; NULL when out of
 * memory.
 */
struct conf *load_text(const struct cmd_table *table, const char *name, const char *text, load_error_fn *error,
		       void *arg, unsigned int *nerrors);

#endif
