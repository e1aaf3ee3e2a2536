/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loop - the one event loop of the process, thin over libevent.
 *
 * It owns the event base and the clock. Everything that waits registers here: descriptors, one-shot timers, signals,
 * and tasks, which run once at the end of the pass they were asked for in, so that a burst of causes gives one effect.
 * It refuses threads and nested loops.
 */
#ifndef IMPROXY_SYS_LOOP_H
#define IMPROXY_SYS_LOOP_H

#include <stdbool.h>

#include "lib/mtime.h"

struct loop;
struct loop_fd;
struct loop_timer;
struct loop_task;
struct loop_signal;
struct event_base;

typedef void loop_fn(void *arg);
typedef void loop_signal_fn(void *arg, int signo);
typedef void loop_held_fn(void *arg, mtime_t time);

/* Microseconds of CLOCK_MONOTONIC, without the time in which the process was held: see loop_on_held(). */
mtime_t loop_now(void);

/* Returns NULL when out of memory or of descriptors. Whatever was registered has to be freed before the loop is. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* Runs until loop_exit(). Returns 0, or -EIO when the base failed. */
int loop_run(struct loop *loop);

/* One pass: waits at most `wait` (0: not at all) for the first event, runs what is due. Returns 0 or -EIO. */
int loop_pass(struct loop *loop, mtime_t wait);

/* Makes loop_run() return once the current pass is done. */
void loop_exit(struct loop *loop);

/*
 * Calls fn(arg, time) when the process could not run for some seconds (stopped, suspended, a jump of the clock)
 * although a timer was due. Deadlines have been put off by that time.
 */
void loop_on_held(struct loop *loop, loop_held_fn *fn, void *arg);

/* The base, for a module that needs libevent's own buffered I/O. */
struct event_base *loop_base(struct loop *loop);

/*
 * Watches `fd`, which stays the caller's and has to outlive the watch: `readable` and `writable` are called for as long
 * as the condition holds; a NULL function is not watched for. Reading is watched for at once, writing only after
 * loop_fd_want_write(). Returns NULL when out of memory.
 */
struct loop_fd *loop_fd_new(struct loop *loop, int fd, loop_fn *readable, loop_fn *writable, void *arg);
int loop_fd_want_read(struct loop_fd *watch, bool want);
int loop_fd_want_write(struct loop_fd *watch, bool want);
/* NULL is allowed in every _free. Freeing from inside the own callback is allowed. */
void loop_fd_free(struct loop_fd *watch);

/* An unarmed one-shot timer; NULL when out of memory. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg);
/* Arms the timer for a point in time, instead of an earlier arming; MTIME_NEVER disarms. */
void loop_timer_at(struct loop_timer *timer, mtime_t deadline);
/* The deadline, MTIME_NEVER while unarmed. */
mtime_t loop_timer_deadline(const struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer);

/* Something to do once, at the end of the current pass, however often it is asked for until then. */
struct loop_task *loop_task_new(struct loop *loop, loop_fn *fn, void *arg);
void loop_task_run(struct loop_task *task);
void loop_task_free(struct loop_task *task);

/* Delivers a signal as an ordinary event; NULL on failure. */
struct loop_signal *loop_signal_new(struct loop *loop, int signo, loop_signal_fn *fn, void *arg);
void loop_signal_free(struct loop_signal *sig);

#endif
