/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interactive shell: readline, history, pager, and a connection that survives a restart of the daemon. Help,
 * completion, prompt and modes come from the daemon; the shell itself only looks at `terminal length N` (which the
 * daemon answers too) and `watch SECONDS COMMAND`.
 */
#ifndef IMPROXY_VTYSH_SHELL_H
#define IMPROXY_VTYSH_SHELL_H

#include "batch.h"

/* Runs until the user leaves. There is one shell a process: readline has one state. */
enum exit_status shell_run(const char *path, bool json);

#endif
