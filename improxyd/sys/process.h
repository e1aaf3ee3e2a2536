/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process - what a daemon owes the system around it: going to the background once ready, telling a service manager,
 * the pid file, and privileges. It knows nothing of what the daemon does.
 */
#ifndef IMPROXY_SYS_PROCESS_H
#define IMPROXY_SYS_PROCESS_H

#include <stdbool.h>

#include "lib/mtime.h"

/*
 * Forks; the parent waits until the child calls process_ready() and then exits with 0, or with the child's status when
 * it ends before. Returns 0 in the child, or -errno.
 */
int process_background(void);

/*
 * Ready: lets the waiting parent go and closes the standard streams (after process_background()), and tells a service
 * manager that asked for it (NOTIFY_SOCKET). Returns 0 or the -errno with which the manager could not be told.
 */
int process_ready(void);

/* A process that was started by one that went to the background: closes the standard streams. Returns 0 or -errno. */
int process_leave_terminal(void);

/* Sends a state, for instance "STOPPING=1", to the service manager, for which it may wait a second. 0 also when there
 * is none. */
int process_notify(const char *state);
/* The same without waiting (-EAGAIN: it does not listen now), and with a descriptor for its store; -1: none. */
int process_notify_fd(const char *state, int fd);

/* As many descriptors as the hard limit allows: every twentieth group needs one. */
void process_raise_descriptor_limit(void);

/*
 * How often the service manager wants to hear "WATCHDOG=1" of its process `main_pid`, halved so that one that comes
 * late is no harm (WATCHDOG_USEC of sd_watchdog_enabled(3)); 0: it does not.
 */
mtime_t process_watchdog(long main_pid);

/* Writes the pid, replacing the file at once. Returns 0 or -errno. */
int process_write_pid(const char *path);
/* Removes the file if it still holds our pid. */
void process_remove_pid(const char *path);

/*
 * Makes the directory of `file` and gives it to `user`, who may then remove the file; one that is there is left as it
 * is. Nothing is done without a user. Returns 0, -ENOENT when there is no such user, or -errno.
 */
int process_make_directory(const char *file, const char *user);

/*
 * Gives a file that was made as root to `user`, who may then open it anew; one of somebody else is left as it is.
 * Nothing is done without a user or with a negative descriptor. Returns 0, -ENOENT or -errno as above.
 */
int process_give_file(int fd, const char *user);

bool process_has_group(const char *group);

/*
 * Becomes `user` (NULL: stays), with `group` as the primary group when given, and keeps no capability but CAP_NET_ADMIN
 * and CAP_NET_RAW; nothing run from here can gain more. `pass_on`: what is run from here gets these two. Who is that
 * user already only gives up the rest. Returns 0, -ENOENT when there is no such user or group, or -errno.
 */
int process_drop_privileges(const char *user, const char *group, bool pass_on);

#endif
