/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long does a big answer hold up the rest? Hosts leave groups, one every few milliseconds, and the proxy has to
 * send a query for each at once (RFC 9776 s6.4.2): the longest wait for such a query while a command of the operator
 * runs, seen from outside, is the longest pause of the proxy's event loop.
 */
#include "trial.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOST     0x301u
#define PROBES   4000u
#define EVERY_HZ 250.0
#define LIMIT_MS 120000u

struct stall {
	struct tester_pump pump;
	uint32_t sent;
	pid_t child;
	int status;
	bool over;
};

static void stall_work(struct tester *t, void *arg)
{
	struct stall *s = arg;

	if (s->sent < PROBES)
		tester_report(t, 0, HOST, FRAME_TO_IN, FRAME_PROBES + s->sent++);
	if (s->child && waitpid(s->child, &s->status, WNOHANG) == s->child) {
		s->child = 0;
		s->over = true;
	}
}

static bool stall_over(const struct tester *t, const void *arg)
{
	const struct stall *s = arg;

	(void)t;
	return s->over || s->sent == PROBES;
}

/* The longest wait of the probes first..end-1, in microseconds; NAN if one was never answered. */
static double longest(const struct tester *t, uint32_t first, uint32_t end)
{
	double max = 0;

	for (uint32_t i = first; i < end; i++) {
		const struct tester_group *g = &t->groups[FRAME_PROBES + i];
		double us = trial_us(g->reported[0], g->queried);

		if (isnan(us))
			return NAN;
		if (us > max)
			max = us;
	}
	return max;
}

/* trial_stall GROUPS: joins them on both LANs, then runs the command of BENCH_COMMAND while probes go on. */
int trial_stall(struct tester *t, const double *args)
{
	const char *command = getenv("BENCH_COMMAND");
	struct stall s = { .pump = { .work = stall_work, .arg = &s } };
	uint64_t start, elapsed;
	uint32_t before;

	if (!command)
		return -EINVAL;
	for (unsigned int lan = 0; lan < TESTER_LANS; lan++) {
		/* At a pace that loses nothing, since hosts could not see what is lost. */
		for (uint32_t i = 0, n; i < (uint32_t)args[0]; i += n) {
			n = frame_records_max(t->v6);
			if (i + n > (uint32_t)args[0])
				n = (uint32_t)args[0] - i;
			tester_burst(t, lan, HOST, FRAME_TO_EX, i, n);
			tester_run(t, 3);
		}
	}
	for (uint32_t i = 0; i < PROBES; i += 50) {
		tester_burst(t, 0, HOST, FRAME_TO_EX, FRAME_PROBES + i, 50);
		tester_run(t, 3);
	}
	tester_run(t, 3000);
	tester_start(t, &s.pump, EVERY_HZ);
	tester_run(t, 1000);
	before = s.sent;
	start = tester_now();
	s.child = fork();
	if (s.child < 0)
		return -errno;
	if (s.child == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	tester_wait(t, LIMIT_MS, stall_over, &s);
	elapsed = tester_now() - start;
	tester_stop(t, &s.pump);
	tester_run(t, 500);
	if (s.child)
		waitpid(s.child, &s.status, 0);
	result_begin("stall");
	result_number("groups", args[0]);
	result_number("probes", s.sent - before);
	result_number("command_status", WIFEXITED(s.status) ? WEXITSTATUS(s.status) : -1);
	result_number("command_us", (double)elapsed / 1000);
	result_number("before_us", longest(t, 0, before));
	result_number("longest_us", longest(t, before, s.sent));
	result_end();
	return 0;
}
