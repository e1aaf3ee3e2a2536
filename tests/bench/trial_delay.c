/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Delays of single groups: join (H-07), leave (H-08), and what becomes of the first frames of a new stream. The offered
 * load, and so the resolution, is OFFERED frames a second.
 */
#include "trial.h"

#include <errno.h>
#include <math.h>

#define OFFERED    20000.0
#define HOST       0x101u
#define WAIT_MS    3000u
#define LEFT_MS    300u   /* for a leave that nothing depends on */
#define LEAVE_MS   15000u /* some need more than 10 s */
#define TRIAL_S    20u    /* after that no further sample is begun */
#define BEFORE_MS  20u    /* of the stream, before the report */
#define STREAM_LEN 20u

double trial_us(uint64_t from, uint64_t to)
{
	return from && to >= from ? (double)(to - from) / 1000.0 : NAN;
}

static void stream_work(struct tester *t, void *arg)
{
	struct trial_stream *s = arg;

	tester_data(t, s->first + s->turn);
	s->turn = (s->turn + 1) % s->n;
}

void trial_stream_start(struct tester *t, struct trial_stream *s, uint32_t first, uint32_t n, double per_second)
{
	*s = (struct trial_stream){ .pump = { .work = stream_work, .arg = s }, .first = first, .n = n };
	tester_start(t, &s->pump, per_second);
}

void trial_stream_stop(struct tester *t, struct trial_stream *s)
{
	tester_stop(t, &s->pump);
}

/*
 * trial_ready SECONDS FAST: until a report of either LAN comes out upstream, and, if leaves are to take effect at once,
 * until they do: a proxy that has just started may not know yet who else is there. One that never does is ready too.
 */
int trial_ready(struct tester *t, const double *args)
{
	const uint64_t end = tester_now() + (uint64_t)(args[0] * (double)TESTER_S);

	for (unsigned int lan = 0; lan < TESTER_LANS; lan++) {
		const uint64_t patience = tester_now() + WAIT_MS * TESTER_MS;
		uint32_t group = FRAME_GROUPS - 1 - lan;
		bool left;

		do {
			do {
				if (tester_now() > end)
					return -ETIMEDOUT;
				tester_report(t, lan, HOST, FRAME_TO_EX, group);
			} while (!tester_wait(t, 200, tester_is_joined, &group));
			tester_report(t, lan, HOST, FRAME_TO_IN, group);
			left = args[1] <= 0 || tester_wait(t, 200, tester_is_left, &group);
		} while (!left && tester_now() < patience);
	}
	return 0;
}

void trial_join_sample(struct tester *t, uint32_t group, bool method_b, struct trial_delays *delays)
{
	struct tester_group *g = &t->groups[group];
	struct trial_stream s;

	tester_forget(t, group, 1);
	trial_stream_start(t, &s, group, 1, OFFERED);
	if (method_b) {
		tester_report(t, 1, HOST, FRAME_TO_EX, group);
		tester_wait(t, WAIT_MS, tester_lan1_has, &group);
	}
	tester_run(t, BEFORE_MS);
	if (g->packets[0]) {
		/* It came unasked: there is no delay to measure (the group was not left, or everything is flooded). */
		result_add(&delays->data, NAN);
		trial_stream_stop(t, &s);
		return;
	}
	tester_report(t, 0, HOST, FRAME_TO_EX, group);
	tester_wait(t, WAIT_MS, tester_lan0_has, &group);
	if (!method_b)
		tester_wait(t, 200, tester_is_joined, &group);
	trial_stream_stop(t, &s);
	result_add(&delays->data, g->packets[0] ? trial_us(g->reported[0], g->first[0]) : NAN);
	if (!method_b)
		result_add(&delays->up, g->is_joined ? trial_us(g->reported[0], g->joined) : NAN);
	tester_report(t, 0, HOST, FRAME_TO_IN, group);
	if (method_b)
		tester_report(t, 1, HOST, FRAME_TO_IN, group);
	tester_wait(t, LEFT_MS, tester_is_left, &group);
}

bool trial_is_hopeless(const struct result_samples *samples)
{
	const size_t n = samples->n;

	return n >= 3 && isnan(samples->v[n - 1]) && isnan(samples->v[n - 2]) && isnan(samples->v[n - 3]);
}

void trial_join_samples(struct tester *t, uint32_t first, uint32_t n, bool method_b, struct trial_delays *delays)
{
	for (uint32_t i = 0; i < n && !trial_is_hopeless(&delays->data); i++)
		trial_join_sample(t, first + i, method_b, delays);
}

/* trial_join SAMPLES METHOD (0: A, 1: B) */
int trial_join(struct tester *t, const double *args)
{
	const bool method_b = args[1] > 0;
	struct trial_delays delays = { 0 };

	trial_join_samples(t, FRAME_PROBES, (uint32_t)args[0], method_b, &delays);
	result_begin("join-delay");
	result_text("method", method_b ? "B" : "A");
	result_number("offered_fps", OFFERED);
	result_samples("data_us", &delays.data);
	if (!method_b)
		result_samples("upstream_us", &delays.up);
	result_end();
	return 0;
}

/* Leaves groups whose stream flows, all within a millisecond, and waits for the last frames. */
static void leave_together(struct tester *t, uint32_t first, uint32_t n, struct trial_delays *delays)
{
	const uint32_t last = first + n;
	struct trial_stream s;

	tester_forget(t, first, n);
	for (uint32_t g = first; g < last; g++)
		tester_report(t, 0, HOST, FRAME_TO_EX, g);
	trial_stream_start(t, &s, first, n, OFFERED);
	for (uint32_t g = first; g < last; g++)
		tester_wait(t, WAIT_MS, tester_lan0_has, &g);
	/* The report upstream is repeated within a second (RFC 9776 s8.11); only the change counts. */
	for (uint32_t g = first; g < last; g++)
		tester_wait(t, WAIT_MS, tester_is_joined, &g);
	tester_run(t, BEFORE_MS);
	for (uint32_t g = first; g < last; g++)
		tester_report(t, 0, HOST, FRAME_TO_IN, g);
	tester_run(t, BEFORE_MS);
	for (uint32_t g = first; g < last; g++) {
		const struct tester_group *seen = &t->groups[g];
		bool quiet = seen->packets[0] && tester_wait(t, LEAVE_MS, tester_lan0_quiet, &g);
		bool was_joined = seen->is_joined || seen->left;

		tester_wait(t, quiet ? 500 : 1, tester_is_left, &g);
		/* The last frame may have come before the report was out: that is a delay of nothing. */
		result_add(&delays->data, !quiet ? NAN
					  : seen->last[0] < seen->reported[0]
						  ? 0
						  : trial_us(seen->reported[0], seen->last[0]));
		result_add(&delays->up, was_joined && !seen->is_joined ? trial_us(seen->reported[0], seen->left) : NAN);
	}
	trial_stream_stop(t, &s);
}

/* trial_leave SAMPLES TOGETHER: RFC 3918 s6.2, with so many groups at a time. */
int trial_leave(struct tester *t, const double *args)
{
	const uint32_t samples = (uint32_t)args[0], together = (uint32_t)args[1];
	const uint64_t end = tester_now() + TRIAL_S * TESTER_S;
	struct trial_delays delays = { 0 };

	for (uint32_t i = 0; i < samples && tester_now() < end; i += together)
		leave_together(t, FRAME_PROBES + i, samples - i < together ? samples - i : together, &delays);
	result_begin("leave-delay");
	result_number("offered_fps", OFFERED / together);
	result_samples("data_us", &delays.data);
	result_samples("upstream_us", &delays.up);
	result_end();
	return 0;
}

static bool stream_is_whole(const struct tester *t, const void *group)
{
	return t->groups[*(const uint32_t *)group].packets[0] >= STREAM_LEN;
}

/* trial_stream SAMPLES: of the first 20 frames of a stream, sent back to back to a group that is joined, how many come?
 */
int trial_stream(struct tester *t, const double *args)
{
	struct result_samples arrived = { 0 };

	for (uint32_t i = 0; i < (uint32_t)args[0]; i++) {
		uint32_t group = FRAME_PROBES + i;

		tester_forget(t, group, 1);
		tester_report(t, 0, HOST, FRAME_TO_EX, group);
		tester_wait(t, WAIT_MS, tester_is_joined, &group);
		tester_run(t, BEFORE_MS);
		for (unsigned int n = 0; n < STREAM_LEN; n++)
			tester_data(t, group);
		tester_wait(t, 300, stream_is_whole, &group);
		result_add(&arrived, t->groups[group].packets[0]);
		tester_report(t, 0, HOST, FRAME_TO_IN, group);
		tester_wait(t, LEFT_MS, tester_is_left, &group);
	}
	result_begin("new-stream");
	result_number("sent", STREAM_LEN);
	result_samples("arrived", &arrived);
	result_end();
	return 0;
}
