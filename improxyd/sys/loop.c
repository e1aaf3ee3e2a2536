/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three choices make libevent fit: precise timers (the default clock is up to 4 ms coarse), no cached time (a deadline
 * is turned into a delay at the moment of arming), and a single priority, so that an event made active inside a
 * callback runs after everything else that is already active: the end of the pass.
 *
 * The loop's clock counts only time in which the process could run. When a timer is overdue by more than LOOP_HELD, the
 * process was stopped or the machine suspended, or the clock has jumped: what others had to tell meanwhile was not
 * heard, so that no deadline may pass because of it. The clock is set back by what was missed, before anything else is
 * done.
 */
#include "sys/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <event2/event.h>
#include <utlist.h>

/* libevent refuses nothing, but a timeval of centuries serves nobody: a timer looks again after this long. */
#define LOOP_LONGEST_S 86400
#define LOOP_HELD      mtime_from_s(2)

static mtime_t missed; /* by loop_now() */

struct loop {
	struct event_base *base;
	struct event *wake; /* ends the wait of loop_pass() */
	struct loop_timer *timers;
	mtime_t first; /* no timer is due before */
	loop_held_fn *held;
	void *held_arg;
};

struct loop_fd {
	struct loop *loop;
	loop_fn *readable, *writable;
	void *arg;
	struct event *in, *out;
};

struct loop_timer {
	struct loop *loop;
	loop_fn *fn;
	void *arg;
	struct event *ev;
	mtime_t deadline;
	struct loop_timer *prev, *next;
};

struct loop_task {
	struct loop *loop;
	loop_fn *fn;
	void *arg;
	struct event *ev;
};

struct loop_signal {
	loop_signal_fn *fn;
	void *arg;
	struct event *ev;
};

mtime_t loop_now(void)
{
	struct timespec ts;

	/* Cannot fail: the clock exists on every Linux that can run this. */
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return mtime_from_s(ts.tv_sec) + ts.tv_nsec / 1000 - missed;
}

/* Before each callback; so it looks at the timers only when one of them seems to be overdue. */
static void loop_check(struct loop *loop)
{
	const struct loop_timer *timer;
	mtime_t now = loop_now(), late;

	if (now - loop->first < LOOP_HELD)
		return;
	loop->first = MTIME_NEVER;
	DL_FOREACH (loop->timers, timer)
		loop->first = mtime_min(loop->first, timer->deadline);
	late = now - loop->first;
	if (late < LOOP_HELD)
		return;
	missed += late;
	if (loop->held)
		loop->held(loop->held_arg, late);
}

static struct timeval loop_timeval(mtime_t delay)
{
	mtime_t bounded = mtime_min(delay, mtime_from_s(LOOP_LONGEST_S));
	struct timeval tv = { .tv_sec = bounded / 1000000, .tv_usec = bounded % 1000000 };

	return tv;
}

static void loop_woken(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	struct event_config *config = event_config_new();

	if (!loop || !config)
		goto fail;
	loop->first = MTIME_NEVER;
	if (event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NO_CACHE_TIME))
		goto fail;
	loop->base = event_base_new_with_config(config);
	if (!loop->base)
		goto fail;
	loop->wake = evtimer_new(loop->base, loop_woken, NULL);
	if (!loop->wake)
		goto fail;
	event_config_free(config);
	return loop;

fail:
	if (config)
		event_config_free(config);
	loop_free(loop);
	return NULL;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->wake)
		event_free(loop->wake);
	if (loop->base)
		event_base_free(loop->base);
	free(loop);
}

int loop_run(struct loop *loop)
{
	return event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0 ? -EIO : 0;
}

int loop_pass(struct loop *loop, mtime_t wait)
{
	struct timeval tv = loop_timeval(wait);
	int ret;

	if (wait > 0 && evtimer_add(loop->wake, &tv))
		return -EIO;
	ret = event_base_loop(loop->base, wait > 0 ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
	evtimer_del(loop->wake);
	return ret < 0 ? -EIO : 0;
}

void loop_exit(struct loop *loop)
{
	/* Only a base that was never made could fail here. */
	event_base_loopexit(loop->base, NULL);
}

void loop_on_held(struct loop *loop, loop_held_fn *fn, void *arg)
{
	loop->held = fn;
	loop->held_arg = arg;
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

static void loop_fd_event(evutil_socket_t fd, short what, void *arg)
{
	struct loop_fd *watch = arg;

	(void)fd;
	loop_check(watch->loop);
	if (what & EV_READ)
		watch->readable(watch->arg);
	else
		watch->writable(watch->arg);
}

struct loop_fd *loop_fd_new(struct loop *loop, int fd, loop_fn *readable, loop_fn *writable, void *arg)
{
	struct loop_fd *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->loop = loop;
	watch->readable = readable;
	watch->writable = writable;
	watch->arg = arg;
	if (readable) {
		watch->in = event_new(loop->base, fd, EV_READ | EV_PERSIST, loop_fd_event, watch);
		if (!watch->in || event_add(watch->in, NULL))
			goto fail;
	}
	if (writable) {
		watch->out = event_new(loop->base, fd, EV_WRITE | EV_PERSIST, loop_fd_event, watch);
		if (!watch->out)
			goto fail;
	}
	return watch;

fail:
	loop_fd_free(watch);
	return NULL;
}

static int loop_event_want(struct event *ev, bool want)
{
	if (!ev)
		return want ? -EINVAL : 0;
	return (want ? event_add(ev, NULL) : event_del(ev)) ? -EIO : 0;
}

int loop_fd_want_read(struct loop_fd *watch, bool want)
{
	return loop_event_want(watch->in, want);
}

int loop_fd_want_write(struct loop_fd *watch, bool want)
{
	return loop_event_want(watch->out, want);
}

void loop_fd_free(struct loop_fd *watch)
{
	if (!watch)
		return;
	if (watch->in)
		event_free(watch->in);
	if (watch->out)
		event_free(watch->out);
	free(watch);
}

/* Without memory for a place in libevent's heap it is active at once, and tries again when its turn comes. */
static void loop_timer_arm(struct loop_timer *timer)
{
	struct timeval tv = loop_timeval(mtime_left(timer->deadline, loop_now()));

	if (evtimer_add(timer->ev, &tv))
		event_active(timer->ev, EV_TIMEOUT, 0);
}

static void loop_timer_event(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *timer = arg;

	(void)fd;
	(void)what;
	loop_check(timer->loop);
	/* Never early: the delay may have been bounded or rounded. */
	if (timer->deadline > loop_now()) {
		loop_timer_arm(timer);
		return;
	}
	timer->deadline = MTIME_NEVER;
	timer->fn(timer->arg);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;
	timer->loop = loop;
	timer->fn = fn;
	timer->arg = arg;
	timer->deadline = MTIME_NEVER;
	timer->ev = evtimer_new(loop->base, loop_timer_event, timer);
	if (!timer->ev) {
		free(timer);
		return NULL;
	}
	DL_APPEND(loop->timers, timer);
	return timer;
}

void loop_timer_at(struct loop_timer *timer, mtime_t deadline)
{
	timer->deadline = deadline;
	timer->loop->first = mtime_min(timer->loop->first, deadline);
	if (deadline == MTIME_NEVER)
		event_del(timer->ev);
	else
		loop_timer_arm(timer);
}

mtime_t loop_timer_deadline(const struct loop_timer *timer)
{
	return timer->deadline;
}

void loop_timer_free(struct loop_timer *timer)
{
	if (!timer)
		return;
	DL_DELETE(timer->loop->timers, timer);
	event_free(timer->ev);
	free(timer);
}

static void loop_task_event(evutil_socket_t fd, short what, void *arg)
{
	struct loop_task *task = arg;

	(void)fd;
	(void)what;
	loop_check(task->loop);
	task->fn(task->arg);
}

struct loop_task *loop_task_new(struct loop *loop, loop_fn *fn, void *arg)
{
	struct loop_task *task = calloc(1, sizeof(*task));

	if (!task)
		return NULL;
	task->loop = loop;
	task->fn = fn;
	task->arg = arg;
	task->ev = event_new(loop->base, -1, 0, loop_task_event, task);
	if (!task->ev) {
		free(task);
		return NULL;
	}
	return task;
}

void loop_task_run(struct loop_task *task)
{
	event_active(task->ev, EV_TIMEOUT, 0);
}

void loop_task_free(struct loop_task *task)
{
	if (!task)
		return;
	event_free(task->ev);
	free(task);
}

static void loop_signal_event(evutil_socket_t signo, short what, void *arg)
{
	struct loop_signal *sig = arg;

	(void)what;
	sig->fn(sig->arg, (int)signo);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signo, loop_signal_fn *fn, void *arg)
{
	struct loop_signal *sig = calloc(1, sizeof(*sig));

	if (!sig)
		return NULL;
	sig->fn = fn;
	sig->arg = arg;
	sig->ev = evsignal_new(loop->base, signo, loop_signal_event, sig);
	if (!sig->ev || evsignal_add(sig->ev, NULL)) {
		loop_signal_free(sig);
		return NULL;
	}
	return sig;
}

void loop_signal_free(struct loop_signal *sig)
{
	if (!sig)
		return;
	if (sig->ev)
		event_free(sig->ev);
	free(sig);
}
