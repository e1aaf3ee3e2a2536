/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A console for tests: real commands and a real console over a control socket that is a buffer, on the daemon of
 * bed_daemon.h. It takes the place of sys/ctl at link time.
 */
#ifndef IMPROXY_TESTS_CLI_BED_H
#define IMPROXY_TESTS_CLI_BED_H

#include <stdbool.h>
#include <stddef.h>

#include "bed_daemon.h"

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

/* The configuration in force, as text; valid until the next call. */
const char *bed_config(void);

#endif
