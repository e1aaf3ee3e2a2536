/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docgen - the reference of all commands as Markdown, made from the command table and the table of settings: doc/cli.md
 * is its output, and a test compares the two. It knows the order of the chapters, and no command.
 */
#ifndef IMPROXY_DOCGEN_H
#define IMPROXY_DOCGEN_H

#include <stdio.h>

#include "lib/cmd.h"

/* Writes the reference. Returns 0 or -errno. */
int docgen_commands(const struct cmd_table *table, FILE *f);

#endif
