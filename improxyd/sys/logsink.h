/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The targets of the log that need system calls: stderr, syslog and one file, each with its own level and each off at
 * the start. None may hold up the daemon: stderr is written without waiting where the kernel allows it, the file is
 * opened non-blocking and for appending, and what a target cannot take is dropped, counted, and reported once it works
 * again. It also owns the wall-clock stamp of a line.
 */
#ifndef IMPROXY_SYS_LOGSINK_H
#define IMPROXY_SYS_LOGSINK_H

#include <stddef.h>
#include <stdint.h>

#include "lib/log.h"

#define LOGSINK_TARGETS(X)                                                                                             \
	X(STDERR, "stderr")                                                                                            \
	X(SYSLOG, "syslog")                                                                                            \
	X(FILE, "file")

enum logsink_target {
#define LOGSINK_TARGET_ENUM(name, word) LOGSINK_##name,
	LOGSINK_TARGETS(LOGSINK_TARGET_ENUM)
#undef LOGSINK_TARGET_ENUM
};
#define LOGSINK_TARGET_COUNT (LOGSINK_FILE + 1)

const char *logsink_target_name(enum logsink_target target);

/* For log_init(): local time as "2024/01/31 12:00:00.123". */
void logsink_stamp(char *buf, size_t size);

/* Switches a target on or changes its level; the file must have been given by logsink_set_file(). */
void logsink_set(enum logsink_target target, enum log_level level);
/*
 * Opens `path` for appending, in place of another file before it. Returns 0 or -errno; a file that cannot be opened is
 * tried again at each line, and the lines in between are lost and counted.
 */
int logsink_set_file(const char *path, enum log_level level);
/* Whether that would open a file, which is made by this if it was not there. Returns 0 or -errno. */
int logsink_try_file(const char *path);
/* Opens the same path again (after a rotation). Returns 0, -ENOENT without a file, or -errno. */
int logsink_reopen(void);
/* The descriptor of the log file, -1: there is none. */
int logsink_file(void);
void logsink_off(enum logsink_target target);

/* For `show logging`: whether the target is on, its level, the file's path (NULL for others) and what it lost. */
struct logsink_status {
	bool on;
	enum log_level level;
	const char *path;
	uint64_t lost;
};
struct logsink_status logsink_status(enum logsink_target target);

/* Switches everything off and closes. */
void logsink_fini(void);

#endif
