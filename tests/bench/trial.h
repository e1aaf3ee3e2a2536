/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trial - the measurements, each a command of bench_load with numbers as arguments. What they measure is told where
 * they are implemented. Each is bounded in time whatever the proxy does, writes its result (result.h), and returns 0 or
 * -errno; that the proxy fails is a result, not an error.
 */
#ifndef IMPROXY_TESTS_BENCH_TRIAL_H
#define IMPROXY_TESTS_BENCH_TRIAL_H

#include "result.h"
#include "tester.h"

/* trial_delay.c */
int trial_ready(struct tester *t, const double *args);
int trial_join(struct tester *t, const double *args);
int trial_leave(struct tester *t, const double *args);
int trial_stream(struct tester *t, const double *args);

/* trial_scale.c */
int trial_grow(struct tester *t, const double *args);
int trial_burst(struct tester *t, const double *args);
int trial_idle(struct tester *t, const double *args);
int trial_sources(struct tester *t, const double *args);

/* trial_storm.c */
int trial_zap(struct tester *t, const double *args);
int trial_rate(struct tester *t, const double *args);
int trial_burden(struct tester *t, const double *args);

/* trial_stall.c */
int trial_stall(struct tester *t, const double *args);

/* Streams of the offered load: frames to `n` groups in turn. */
struct trial_stream {
	struct tester_pump pump;
	uint32_t first, n, turn;
};

void trial_stream_start(struct tester *t, struct trial_stream *s, uint32_t first, uint32_t n, double per_second);
void trial_stream_stop(struct tester *t, struct trial_stream *s);

struct trial_delays {
	struct result_samples data; /* microseconds, report on the LAN to the first frame there */
	struct result_samples up;   /* and to the report upstream */
};

/*
 * Group join delay (RFC 3918 s6.1), one sample of a group that nobody has joined: method B if it is joined on LAN 1
 * first. The group is left again.
 */
void trial_join_sample(struct tester *t, uint32_t group, bool method_b, struct trial_delays *delays);

/* `n` samples of the groups from `first` on. Ends early when three in a row never came: no more will. */
void trial_join_samples(struct tester *t, uint32_t first, uint32_t n, bool method_b, struct trial_delays *delays);

/* The last three samples are of what never came. */
bool trial_is_hopeless(const struct result_samples *samples);

/* Microseconds between two events, NAN unless both were seen in this order. */
double trial_us(uint64_t from, uint64_t to);

/*
 * One frame to each of `n` groups, where the list says so (NULL: all): how many of them came, on the LANs together.
 * `*stray` (may be NULL) counts frames of groups that should not have come.
 */
uint32_t trial_deliver(struct tester *t, uint32_t first, uint32_t n, const bool *wanted, uint32_t *stray);

#endif
