/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon of fake_daemon.h with all commands, files that are strings, and a configuration that can be loaded. With
 * fake_daemon it takes the place of improxyd/daemon.c at link time. It has no console: see cli_bed.h.
 */
#ifndef IMPROXY_TESTS_BED_DAEMON_H
#define IMPROXY_TESTS_BED_DAEMON_H

#include "conf.h"
#include "lib/cmd.h"

#define BED_STARTUP "startup.conf"

/* All commands; made by the first bed_daemon_begin(). */
extern struct cmd_table *bed_table;

/* A daemon without configuration; bed_table outlives its end. */
void bed_daemon_begin(void);
void bed_daemon_end(void);
/* Something for every `show` to show: three links, reports, running data. */
void bed_populate(void);

/* Makes a file, or returns its text (NULL: there is none). */
void bed_set_file(const char *path, const char *text);
const char *bed_file(const char *path);

/* Loads a text as a file of this name. The messages, a line each, are in bed_messages(); it returns their number. */
unsigned int bed_load(const char *name, const char *text, size_t len, struct conf *conf);
const char *bed_messages(void);

#endif
