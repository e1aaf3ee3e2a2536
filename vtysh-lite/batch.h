/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands that come from options, files and pipes: no prompt, no pager, output on standard output, errors on standard
 * error, and an exit status that tells what happened.
 *
 * Of the reply to a command that failed, the lines that begin with `%` are the error; the echo of the command with its
 * caret line is left out, and anything else is output. To tell them apart the end of a reply is held back until its
 * code is known, but not for longer than a moment (a stream).
 */
#ifndef IMPROXY_VTYSH_BATCH_H
#define IMPROXY_VTYSH_BATCH_H

#include <stdbool.h>
#include <stdio.h>

#include "client.h"

enum exit_status {
	EXIT_OK = 0,
	EXIT_COMMAND = 1, /* a command failed */
	EXIT_USAGE = 2,
	EXIT_CONNECTION = 3, /* could not connect, or the connection was lost */
};

#define BATCH_HOLD 65536

struct batch {
	struct client client;
	bool keep_going; /* after a failed command */
	bool json;       /* append `json` to `show` */
	bool stopped;    /* no further command is run */
	bool closed;     /* the daemon has ended the session (`exit`) */
	enum exit_status status;
	char hold[BATCH_HOLD];
	size_t held;
	int64_t held_since_ms;
};

/* Connects; says on standard error why not, and then returns false with b->status set. */
bool batch_open(struct batch *b, const char *path);

/* Runs one -c COMMAND; it may be several lines. */
void batch_command(struct batch *b, const char *command);

/* Runs the lines of `file`; errors are prefixed with the number of the line. */
void batch_file(struct batch *b, FILE *file);

void batch_close(struct batch *b);

/* Says why the connection to `path` could not be made: `err` and `text` are those of client_open(). */
void connect_error(const char *path, int err, const char *text);

#endif
