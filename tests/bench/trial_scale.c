/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What grows with the number of groups: capacity (H-09), time and processor for a burst of joins, join delay with a
 * full table, memory, and what an idle table costs.
 */
#include "trial.h"

#include <math.h>

#include "process.h"

#define HOST        0x201u
#define STALL_MS    3000u  /* nothing new for so long: no more will come */
#define LIMIT_MS    90000u /* and no step takes longer */
#define DELIVER_FPS 20000.0
#define MAX_STEPS   32

struct progress {
	uint32_t want; /* njoined */
	bool leaving;
	uint64_t since;
};

static bool joined_or_stalled(const struct tester *t, const void *arg)
{
	const struct progress *p = arg;
	uint64_t last = p->leaving ? t->last_left : t->last_joined;

	if (last < p->since)
		last = p->since;
	return t->njoined == p->want || tester_now() > last + STALL_MS * TESTER_MS;
}

static bool data_stalled(const struct tester *t, const void *arg)
{
	uint64_t since = *(const uint64_t *)arg;

	return tester_now() > (t->last_data > since ? t->last_data : since) + 300 * TESTER_MS;
}

struct delivery {
	uint32_t first, n, turn;
	const bool *wanted;
	struct tester_pump pump;
};

static void deliver_work(struct tester *t, void *arg)
{
	struct delivery *d = arg;

	if (d->turn < d->n)
		tester_data(t, d->first + d->turn++);
}

static bool delivered(const struct tester *t, const void *arg)
{
	(void)t;
	return ((const struct delivery *)arg)->turn == ((const struct delivery *)arg)->n;
}

uint32_t trial_deliver(struct tester *t, uint32_t first, uint32_t n, const bool *wanted, uint32_t *stray)
{
	struct delivery d = { .first = first, .n = n, .pump = { .work = deliver_work, .arg = &d } };
	uint32_t right = 0, wrong = 0;
	uint64_t since;

	tester_forget(t, first, n);
	tester_start(t, &d.pump, DELIVER_FPS);
	tester_wait(t, LIMIT_MS, delivered, &d);
	tester_stop(t, &d.pump);
	since = tester_now();
	tester_wait(t, LIMIT_MS, data_stalled, &since);
	for (uint32_t i = 0; i < n; i++) {
		const struct tester_group *g = &t->groups[first + i];
		uint32_t lans = (g->packets[0] > 0) + (g->packets[1] > 0);

		if (!wanted || wanted[i])
			right += lans;
		else
			wrong += lans;
	}
	if (stray)
		*stray = wrong;
	return right;
}

/*
 * Joins groups on both LANs in one burst, when those before `first` are there already, or leaves them. Returns
 * microseconds from the last report to the last one upstream; NAN: not all came.
 */
static double burst(struct tester *t, enum frame_record_type type, uint32_t first, uint32_t n)
{
	const bool leaving = type == FRAME_TO_IN;
	struct progress p = { .want = leaving ? first : first + n, .leaving = leaving };
	uint64_t last;

	for (unsigned int lan = 0; lan < TESTER_LANS; lan++)
		tester_burst(t, lan, HOST, type, first, n);
	p.since = tester_now();
	tester_wait(t, LIMIT_MS, joined_or_stalled, &p);
	if (t->njoined != p.want)
		return NAN;
	/* Upstream may be done before the last report is out. */
	last = leaving ? t->last_left : t->last_joined;
	return last > p.since ? trial_us(p.since, last) : 0;
}

/* Grows the table from `from` to `n` groups and tells all about it. True: every group is there and delivers. */
static bool grow_step(struct tester *t, uint32_t from, uint32_t n, uint32_t samples, uint64_t memory)
{
	const uint32_t added = n - from;
	struct trial_delays delays = { 0 };
	uint32_t at_once, arrived;
	uint64_t cpu = process_cpu_ns(t->pid), cpu_deliver;
	double us = burst(t, FRAME_TO_EX, from, added);

	at_once = t->njoined - from;
	cpu = process_cpu_ns(t->pid) - cpu;
	/* As hosts do: RFC 9776 s5.1. What was lost on the way is there then; what the proxy refuses is not. */
	if (isnan(us))
		burst(t, FRAME_TO_EX, from, added);
	cpu_deliver = process_cpu_ns(t->pid);
	arrived = trial_deliver(t, from, added, NULL, NULL);
	cpu_deliver = process_cpu_ns(t->pid) - cpu_deliver;

	result_begin("grow");
	result_number("groups", n);
	result_number("added", added);
	result_number("joined_at_once", at_once);
	result_number("joined", t->njoined - from);
	result_number("frames_sent", added);
	result_number("frames_wanted", added * TESTER_LANS);
	result_number("frames_arrived", arrived);
	result_number("upstream_us", us);
	result_number("cpu_us", (double)cpu / 1000);
	result_number("cpu_deliver_us", (double)cpu_deliver / 1000);
	result_number("memory", (double)process_private(t->pid) - (double)memory);
	result_number("lost_frames", t->lost_frames);
	if (t->njoined == n) {
		uint64_t before = process_cpu_ns(t->pid);

		trial_join_samples(t, FRAME_PROBES, samples, false, &delays);
		result_number("cpu_sample_us", (double)(process_cpu_ns(t->pid) - before) / 1000);
		result_samples("data_us", &delays.data);
		result_samples("join_upstream_us", &delays.up);
	}
	result_end();
	return t->njoined == n && arrived == added * TESTER_LANS;
}

/*
 * trial_grow SAMPLES STEP...: group after group on both LANs up to each step, one frame to each new group, join delay
 * with that many in the table; ends with the first step that fails.
 */
int trial_grow(struct tester *t, const double *args)
{
	const uint64_t memory = process_private(t->pid);
	uint32_t from = 0, capacity = 0;
	bool all = true;

	for (unsigned int i = 1; i < MAX_STEPS && args[i] > 0 && all; i++) {
		uint32_t n = (uint32_t)args[i];

		all = grow_step(t, from, n, (uint32_t)args[0], memory);
		if (all)
			capacity = n;
		from = n;
	}
	result_begin("capacity");
	result_number("groups", capacity);
	result_number("reached_end", all);
	result_number("joined", t->njoined);
	result_end();
	return 0;
}

/* trial_burst GROUPS: all joined on both LANs by one burst, and left by another. */
int trial_burst(struct tester *t, const double *args)
{
	const uint32_t n = (uint32_t)args[0];
	double join_us, leave_us;
	uint64_t cpu[3];
	uint32_t joined;

	cpu[0] = process_cpu_ns(t->pid);
	join_us = burst(t, FRAME_TO_EX, 0, n);
	cpu[1] = process_cpu_ns(t->pid);
	joined = t->njoined;
	leave_us = burst(t, FRAME_TO_IN, 0, n);
	cpu[2] = process_cpu_ns(t->pid);
	result_begin("burst");
	result_number("groups", n);
	result_number("joined", joined);
	result_number("left_over", t->njoined);
	result_number("join_us", join_us);
	result_number("leave_us", leave_us);
	result_number("join_cpu_us", (double)(cpu[1] - cpu[0]) / 1000);
	result_number("leave_cpu_us", (double)(cpu[2] - cpu[1]) / 1000);
	result_number("lost_frames", t->lost_frames);
	result_end();
	return 0;
}

/* trial_idle GROUPS SECONDS: the processor's share when nothing happens. */
int trial_idle(struct tester *t, const double *args)
{
	const uint32_t n = (uint32_t)args[0];
	uint64_t cpu, queries, start;

	burst(t, FRAME_TO_EX, 0, n);
	if (t->njoined != n)
		burst(t, FRAME_TO_EX, 0, n);
	tester_run(t, 2000); /* until the kernel has repeated its reports, and so on */
	queries = t->general_queries;
	cpu = process_cpu_ns(t->pid);
	start = tester_now();
	tester_run(t, (unsigned int)(args[1] * 1000));
	result_begin("idle");
	result_number("groups", t->njoined);
	result_number("cpu_percent", 100.0 * (double)(process_cpu_ns(t->pid) - cpu) / (double)(tester_now() - start));
	result_number("general_queries", (double)(t->general_queries - queries));
	result_end();
	return 0;
}

/* trial_sources GROUPS SOURCES: memory of sources that hosts of LAN 0 ask for, beside that of their groups. */
int trial_sources(struct tester *t, const double *args)
{
	const uint32_t ngroups = (uint32_t)args[0], nsources = (uint32_t)args[1];
	const unsigned int room = t->v6 ? 80 : 320; /* sources in a report */
	uint64_t memory[2];
	struct progress p = { .want = ngroups };

	/* The groups, each with one source, first. */
	for (unsigned int round = 0; round < 2; round++) {
		for (uint32_t g = 0; g < ngroups; g++) {
			struct frame_record r = { .type = FRAME_ALLOW, .group = g, .nsources = 1 };

			for (uint32_t s = 1; round && s < nsources; s += r.nsources) {
				r.source = s;
				r.nsources = nsources - s < room ? nsources - s : room;
				tester_records(t, 0, HOST, &r, 1);
				tester_run(t, 1);
			}
			if (!round)
				tester_records(t, 0, HOST, &r, 1);
		}
		p.since = tester_now();
		tester_wait(t, LIMIT_MS, joined_or_stalled, &p);
		tester_run(t, 1000);
		memory[round] = process_private(t->pid);
	}
	result_begin("sources");
	result_number("groups", t->njoined);
	result_number("sources", (double)ngroups * (nsources - 1));
	result_number("memory", (double)memory[1] - (double)memory[0]);
	result_end();
	return 0;
}
