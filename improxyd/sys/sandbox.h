/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox - what a daemon that has opened everything it needs may still ask of the kernel.
 *
 * It owns two fences, each of which is there where the system has it: a filter of system calls (libseccomp, chosen when
 * the daemon is built), and the directories that may still be written to (Landlock). They hold until the process ends,
 * for it and for whatever it could start. doc/SECURITY.md argues what is in them. It knows nothing of users and
 * capabilities: see sys/process.
 */
#ifndef IMPROXY_SYS_SANDBOX_H
#define IMPROXY_SYS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* Whether this build has the filter of system calls. */
bool sandbox_has_filter(void);

/* Of each fence: 0 when it is in force, or the -errno that tells why it is not. */
struct sandbox {
	int calls;  /* -ENOTSUP: not in this build; -EINVAL: not in this kernel */
	int writes; /* -ENOSYS or -EOPNOTSUPP: not in this kernel */
};

/*
 * From here on only calls that a running daemon makes reach the kernel: those it has no use for answer with ENOSYS, as
 * an old kernel would, and those that only an intruder makes end the process. It may signal itself only, open no TCP
 * socket, run no other program and make no memory executable.
 *
 * And files are written, made and removed only beneath the directories of the `n` files named (a name that ends with
 * '/' is a directory; those that are not there, and NULLs, are left out), unless `files` is NULL. Reading is not
 * concerned. With or without fences, nothing that it could start gains rights (no_new_privs).
 *
 * A kernel without a fence is no error: a router without it still has to route. The caller says so.
 */
void sandbox_enter(const char *const *files, size_t n, struct sandbox *sandbox);

#endif
