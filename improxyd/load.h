/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load - a configuration edited by the text of a file: its lines, run through the command table in the configuration
 * modes. It needs no daemon. Every line that is not accepted is told; what to do about it is the caller's choice.
 */
#ifndef IMPROXY_LOAD_H
#define IMPROXY_LOAD_H

#include <stddef.h>

#include "conf.h"
#include "lib/cmd.h"

/* `message` is "NAME:LINE: what is wrong". */
typedef void load_error_fn(void *arg, const char *message);

struct load_source {
	const char *name; /* in messages */
	const char *text;
	size_t len;
};

/*
 * Runs the lines on `conf`, which is then what those that were accepted have made of it. Returns the number of others,
 * or -ENOMEM.
 */
int load_text(const struct cmd_table *table, const struct load_source *source, struct conf *conf, load_error_fn *error,
	      void *arg);

#endif
