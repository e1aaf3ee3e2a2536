/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log: tagged messages of five levels. It owns the format of a line, the ring of the last lines (`show logging`),
 * the list of sinks and the debug mask. It refuses clocks and file descriptors: the time stamp is a function given at
 * start, and every target (stderr, syslog, a file, a terminal that monitors) is a sink that the application made. There
 * is one log a process. A sink must not block; what it cannot take it drops and counts itself.
 */
#ifndef IMPROXY_LIB_LOG_H
#define IMPROXY_LIB_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/mtime.h"
#include "lib/util.h"

/* From the gravest down: a sink set to one level takes it and everything above it. */
#define LOG_LEVELS(X)                                                                                                  \
	X(ERRORS, "errors")                                                                                            \
	X(WARNINGS, "warnings")                                                                                        \
	X(NOTIFICATIONS, "notifications")                                                                              \
	X(INFORMATIONAL, "informational")                                                                              \
	X(DEBUGGING, "debugging")

enum log_level {
#define LOG_LEVEL_ENUM(name, text) LOG_##name,
	LOG_LEVELS(LOG_LEVEL_ENUM)
#undef LOG_LEVEL_ENUM
};
#define LOG_LEVEL_COUNT (LOG_DEBUGGING + 1)

#define LOG_LINE_MAX    512 /* octets of a line with its NUL; a longer message is cut and ends in "..." */
#define LOG_RING_LINES  500
#define LOG_DEBUG_BITS  32
#define LOG_IFNAME_SIZE 16

/* One line as a sink sees it; valid during the call only. It holds no control character and no line end. */
struct log_line {
	enum log_level level;
	const char *text; /* "STAMP level tag: message" */
	const char *body; /* the same behind the stamp: "tag: message", for a target that has time and level itself */
};

/* A target, owned by whoever adds it. `level` may be changed at any time. */
struct log_sink {
	void (*write)(void *arg, const struct log_line *line);
	void *arg;
	enum log_level level;
	struct log_sink *prev, *next; /* the log's own */
};

/* "errors" ...; never NULL. */
const char *log_level_name(enum log_level level);
/* Returns 0 or -EINVAL; a unique prefix is enough. */
int log_level_parse(const char *text, enum log_level *level);

/*
 * Starts the log. `stamp` writes the wall-clock time as text into `buf`; NULL leaves the stamp out. Messages before
 * this call are kept in the ring without a stamp.
 */
void log_init(void (*stamp)(char *buf, size_t size));
/* Frees the ring and forgets every sink and the debug mask. */
void log_fini(void);

/* Adds a sink: from now on it gets every message of its level. A sink may remove itself (only) inside its write(). */
void log_sink_add(struct log_sink *sink);
/* Nothing happens when it was not added. */
void log_sink_remove(struct log_sink *sink);

/* Logs one message; `tag` is the module, without the colon. */
void log_msg(enum log_level level, const char *tag, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_error(tag, ...)  log_msg(LOG_ERRORS, (tag), __VA_ARGS__)
#define log_warn(tag, ...)   log_msg(LOG_WARNINGS, (tag), __VA_ARGS__)
#define log_notice(tag, ...) log_msg(LOG_NOTIFICATIONS, (tag), __VA_ARGS__)
#define log_info(tag, ...)   log_msg(LOG_INFORMATIONAL, (tag), __VA_ARGS__)

/* How much is logged at most into the ring; informational at the start, debugging lines go there as well when set. */
void log_ring_set_level(enum log_level level);
/* Lines in the ring, and line `i` of them, oldest first (NULL behind the end); valid until the next message. */
size_t log_ring_count(void);
const char *log_ring_get(size_t i);
/* Lines ever put into the ring; the oldest kept one has the number log_ring_total() - log_ring_count(). */
uint64_t log_ring_total(void);

/* Bit n is set while debug flag n is on; read it through log_debug() and log_debug_on(). */
extern uint32_t log_debug_mask;

/* Switches debug flag `flag` (0..31); `ifname` limits it to one interface, NULL means all of them. */
void log_debug_set(unsigned int flag, bool on, const char *ifname);
void log_debug_clear(void);
/* The interface that `flag` is limited to, or NULL. */
const char *log_debug_ifname(unsigned int flag);
/* The slow half of log_debug_on(): `ifname` passes the flag's filter (NULL, no interface, always does). */
bool log_debug_match(unsigned int flag, const char *ifname);

static inline bool log_debug_on(unsigned int flag, const char *ifname)
{
	return (log_debug_mask & (1u << flag)) && log_debug_match(flag, ifname);
}

/* A debug message: one test when the flag is off, and its arguments are not evaluated then. */
#define log_debug(flag, ifname, tag, ...)                                                                              \
	do {                                                                                                           \
		if (__builtin_expect((log_debug_mask & (1u << (flag))) != 0, 0) && log_debug_match((flag), (ifname)))  \
			log_msg(LOG_DEBUGGING, (tag), __VA_ARGS__);                                                    \
	} while (0)

/* At most `burst` messages in each `interval`. Zeroed counters are the start; set the first two. */
struct log_rate {
	mtime_t interval;
	unsigned int burst;
	mtime_t start;
	unsigned int used;
	unsigned int suppressed;
};

/*
 * True when a message may be logged at `now`; `suppressed` (may be NULL) is then the number of messages held back
 * since the last one that passed.
 */
bool log_rate_ok(struct log_rate *rate, mtime_t now, unsigned int *suppressed);

/* For failures that somebody can cause at will: five a minute may be logged; how many were not is logged here. */
bool log_rate_failure(struct log_rate *rate, mtime_t now, const char *tag);

#endif
