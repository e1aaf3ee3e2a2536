/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Storms: viewers that zap, reports at a rising rate, and join delay under such a burden (H-12). A storm goes on as a
 * pump while joins are measured; afterwards the state upstream and the forwarding of every group are compared with what
 * the hosts believe.
 */
#include "trial.h"

#include <errno.h>
#include <stdlib.h>

#include "process.h"

#define HOST        0x401u
#define ZAPS        10.0   /* a second, of each host */
#define SETTLE_MS   15000u /* for what is still on its way after a storm */
#define MAX_SAMPLES 200u

struct storm {
	struct tester_pump pump;
	uint32_t hosts, groups, turn;
	uint32_t *watching; /* host -> group */
	uint32_t *viewers;  /* group -> hosts */
	bool *wanted;       /* group */
	uint32_t random;
};

/* The storm that is on, for answers to queries. */
static struct storm *raging;

static uint32_t storm_random(struct storm *s, uint32_t n)
{
	s->random = s->random * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)(s->random >> 8) * n) >> 24);
}

static int storm_new(struct storm *s, uint32_t hosts, uint32_t groups)
{
	*s = (struct storm){ .hosts = hosts, .groups = groups, .random = 1 };
	s->watching = calloc(hosts, sizeof(*s->watching));
	s->viewers = calloc(groups, sizeof(*s->viewers));
	s->wanted = calloc(groups, sizeof(*s->wanted));
	return s->watching && s->viewers && s->wanted ? 0 : -ENOMEM;
}

static void storm_free(struct storm *s)
{
	free(s->watching);
	free(s->viewers);
	free(s->wanted);
}

/* Somebody who watches the group says so. */
static void answer(struct tester *t, unsigned int lan, uint32_t group)
{
	if (lan || !raging || group >= raging->groups || !raging->viewers[group])
		return;
	for (uint32_t h = 0; h < raging->hosts; h++) {
		if (raging->watching[h] == group) {
			tester_report(t, 0, HOST + h, FRAME_IS_EX, group);
			return;
		}
	}
}

struct agreement {
	const bool *wanted;
	uint32_t n;
};

static bool agrees(const struct tester *t, const void *arg)
{
	const struct agreement *a = arg;

	for (uint32_t i = 0; i < a->n; i++) {
		if (t->groups[i].is_joined != a->wanted[i])
			return false;
	}
	return true;
}

/* How many groups are not as hosts want them, upstream (lost) and in forwarding (lost or stray), when all is quiet. */
static void compare(struct tester *t, const bool *wanted, uint32_t n, uint32_t *lost, uint32_t *stray)
{
	const struct agreement a = { .wanted = wanted, .n = n };
	uint32_t hoped = 0, arrived;

	tester_wait(t, SETTLE_MS, agrees, &a);
	arrived = trial_deliver(t, 0, n, wanted, stray);
	*lost = 0;
	for (uint32_t i = 0; i < n; i++) {
		hoped += wanted[i];
		*lost += wanted[i] && !t->groups[i].is_joined;
		*stray += !wanted[i] && t->groups[i].is_joined;
	}
	*lost += hoped - arrived;
}

/* --- zapping */

static void zap_work(struct tester *t, void *arg)
{
	struct storm *s = arg;
	const uint32_t host = s->turn;
	const uint32_t from = s->watching[host];
	const uint32_t to = (from + 1 + storm_random(s, s->groups - 1)) % s->groups;
	const struct frame_record records[] = { { .type = FRAME_TO_IN, .group = from },
						{ .type = FRAME_TO_EX, .group = to } };

	s->watching[host] = to;
	s->viewers[from]--;
	s->viewers[to]++;
	s->turn = (host + 1) % s->hosts;
	tester_records(t, 0, HOST + host, records, 2);
}

/*
 * trial_zap HOSTS GROUPS SECONDS JOINS: each host of LAN 0 changes its group every 100 ms, and another host joins so
 * many new groups meanwhile.
 */
int trial_zap(struct tester *t, const double *args)
{
	const uint64_t length = (uint64_t)(args[2] * (double)TESTER_S);
	const uint32_t joins = (uint32_t)args[3] < MAX_SAMPLES ? (uint32_t)args[3] : MAX_SAMPLES;
	struct trial_delays delays = { 0 };
	struct storm s;
	uint32_t lost, stray;
	uint64_t start, elapsed, cpu;
	int err = storm_new(&s, (uint32_t)args[0], (uint32_t)args[1]);

	if (err)
		goto out;
	for (uint32_t h = 0; h < s.hosts; h++) {
		s.watching[h] = h % s.groups;
		s.viewers[h % s.groups]++;
		tester_report(t, 0, HOST + h, FRAME_TO_EX, h % s.groups);
		if (h % 16 == 0)
			tester_run(t, 1);
	}
	tester_run(t, 1000);
	raging = &s;
	t->on_query = answer;
	s.pump = (struct tester_pump){ .work = zap_work, .arg = &s };
	cpu = process_cpu_ns(t->pid);
	start = tester_now();
	tester_start(t, &s.pump, s.hosts * ZAPS);
	for (uint32_t i = 0; i < joins && !trial_is_hopeless(&delays.data); i++) {
		const uint64_t next = start + length * (i + 1) / joins, now = tester_now();

		trial_join_sample(t, FRAME_PROBES + i, false, &delays);
		if (next > now)
			tester_run(t, (unsigned int)((next - now) / TESTER_MS));
	}
	tester_stop(t, &s.pump);
	elapsed = tester_now() - start;
	cpu = process_cpu_ns(t->pid) - cpu;
	for (uint32_t g = 0; g < s.groups; g++)
		s.wanted[g] = s.viewers[g] > 0;
	compare(t, s.wanted, s.groups, &lost, &stray);
	t->on_query = NULL;
	raging = NULL;
	result_begin("zap");
	result_number("hosts", s.hosts);
	result_number("groups", s.groups);
	result_number("reports_per_second", (double)s.pump.done * (double)TESTER_S / (double)elapsed);
	result_number("lost", lost);
	result_number("stray", stray);
	result_number("cpu_percent", 100.0 * (double)cpu / (double)elapsed);
	result_number("lost_frames", (double)t->lost_frames);
	result_samples("data_us", &delays.data);
	result_end();
out:
	storm_free(&s);
	return err;
}

/* --- reports a second */

static void toggle_work(struct tester *t, void *arg)
{
	struct storm *s = arg;
	uint32_t g = s->turn;

	/* In the end about half of them are wanted. */
	s->wanted[g] = !s->wanted[g] || storm_random(s, 4) == 0;
	s->viewers[g] = s->wanted[g];
	tester_report(t, 0, HOST + g, s->wanted[g] ? FRAME_TO_EX : FRAME_TO_IN, g);
	s->turn = (g + 1) % s->groups;
}

/* A second of reports at this rate. True: no state was lost. */
static bool rate_step(struct tester *t, struct storm *s, double rate, double *achieved, uint32_t *lost, uint32_t *stray)
{
	const uint64_t start = tester_now();

	tester_start(t, &s->pump, rate);
	tester_run(t, 1000);
	tester_stop(t, &s->pump);
	*achieved = (double)s->pump.done * (double)TESTER_S / (double)(tester_now() - start);
	compare(t, s->wanted, s->groups, lost, stray);
	return !*lost && !*stray;
}

/* trial_rate GROUPS FROM TO: joins and leaves of so many groups, at twice the rate until state is lost. */
int trial_rate(struct tester *t, const double *args)
{
	double rate, achieved = 0, best = 0;
	uint32_t lost = 0, stray = 0;
	struct storm s;
	int err = storm_new(&s, 1, (uint32_t)args[0]);

	if (err)
		goto out;
	s.pump = (struct tester_pump){ .work = toggle_work, .arg = &s };
	for (rate = args[1]; rate <= args[2]; rate *= 2) {
		if (!rate_step(t, &s, rate, &achieved, &lost, &stray))
			break;
		best = achieved;
	}
	result_begin("reports");
	result_number("groups", s.groups);
	result_number("sustained_per_second", best);
	result_number("failed_at", lost || stray ? achieved : (double)0);
	result_number("lost", lost);
	result_number("stray", stray);
	result_number("lost_frames", (double)t->lost_frames);
	result_end();
out:
	storm_free(&s);
	return err;
}

/* --- burden */

/* The hosts' answers to a general query that never ends. */
static void refresh_work(struct tester *t, void *arg)
{
	struct storm *s = arg;

	tester_report(t, 0, HOST + storm_random(s, s->hosts), FRAME_IS_EX, storm_random(s, s->groups));
}

static bool all_joined(const struct tester *t, const void *n)
{
	return t->njoined == *(const uint32_t *)n;
}

/*
 * trial_burden GROUPS REPORTS SAMPLES: join delay (method A) with nothing in the table, with GROUPS groups in it, and
 * with REPORTS reports a second of these groups besides.
 */
int trial_burden(struct tester *t, const double *args)
{
	struct trial_delays delays[3] = { 0 };
	const uint32_t samples = (uint32_t)args[2];
	uint32_t groups = (uint32_t)args[0];
	struct storm s;
	int err = storm_new(&s, 64, groups);

	if (err)
		goto out;
	for (unsigned int round = 0; round < 3; round++) {
		if (round == 1) {
			for (unsigned int again = 0; again < 2; again++) {
				tester_burst(t, 0, HOST, FRAME_TO_EX, 0, groups);
				if (tester_wait(t, 30000, all_joined, &groups))
					break;
			}
		} else if (round == 2) {
			s.pump = (struct tester_pump){ .work = refresh_work, .arg = &s };
			tester_start(t, &s.pump, args[1]);
		}
		trial_join_samples(t, FRAME_PROBES + round * samples, samples, false, &delays[round]);
	}
	tester_stop(t, &s.pump);
	result_begin("burden");
	result_number("groups", t->njoined);
	result_number("reports_per_second", args[1]);
	result_samples("baseline_us", &delays[0].data);
	result_samples("table_us", &delays[1].data);
	result_samples("storm_us", &delays[2].data);
	result_end();
out:
	storm_free(&s);
	return err;
}
