/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A console for tests: real commands and a real console over a control socket that is a buffer, on the daemon of
 * fake_daemon.h. Its files are strings. It takes the place of sys/ctl, and with fake_daemon that of improxyd/daemon.c,
 * at link time.
 */
#ifndef IMPROXY_TESTS_CLI_BED_H
#define IMPROXY_TESTS_CLI_BED_H

#include <stdbool.h>
#include <stddef.h>

#include "conf.h"
#include "lib/cmd.h"

#define BED_STARTUP "startup.conf"

/* All commands; made by bed_begin(). */
extern struct cmd_table *bed_table;

/* A daemon without configuration and the session of a privileged client. */
void bed_begin(void);
void bed_end(void);
/* As both of them, but the commands stay. */
void bed_restart(void);

/* Another client instead. */
void bed_connect(bool privileged);

/* Types a line and returns the code of its reply, whose text is then in bed_reply(). */
int bed_type(const char *line);
const char *bed_reply(void);
const char *bed_prompt(void);
/* Lines that came without being asked for since the last line was typed. */
const char *bed_notes(void);
/* The server was told to close the session. */
bool bed_closed(void);

/* Makes a file, or returns its text (NULL: there is none). */
void bed_set_file(const char *path, const char *text);
const char *bed_file(const char *path);

/* The configuration in force, as text; valid until the next call. */
const char *bed_config(void);

/* Loads a text as a file of this name. The messages, a line each, are in bed_messages(); the caller frees the result.
 */
struct conf *bed_load(const char *name, const char *text, unsigned int *nerrors);
const char *bed_messages(void);

#endif
