/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * console - command sessions on the control socket: it stands between the framing of sys/ctl and the commands of cli.
 */
#ifndef IMPROXY_CONSOLE_H
#define IMPROXY_CONSOLE_H

#include "sys/ctl.h"

struct cmd_table;
struct daemon;

struct console {
	const struct cmd_table *table;
	struct daemon *daemon;
};

/* For ctl_new(), whose `arg` is a struct console that outlives the server. */
extern const struct ctl_ops console_ops;

#endif
