/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * result - what a trial found, as one JSON object on one line of standard output. tests/bench only.
 */
#ifndef IMPROXY_TESTS_BENCH_RESULT_H
#define IMPROXY_TESTS_BENCH_RESULT_H

#include <stddef.h>

/* Samples in the order they were taken; NAN: what was waited for did not come. */
struct result_samples {
	double v[256];
	size_t n;
};

/* Fields that every object of this process begins with: JSON without braces, or NULL. */
void result_label(const char *fields);

void result_begin(const char *test);
void result_text(const char *key, const char *text);
void result_number(const char *key, double value); /* NAN: null */
void result_samples(const char *key, const struct result_samples *samples);
void result_end(void);

void result_add(struct result_samples *samples, double value);

#endif
