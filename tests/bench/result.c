/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "result.h"

#include <math.h>
#include <stdio.h>

static const char *label;

void result_label(const char *fields)
{
	label = fields;
}

void result_begin(const char *test)
{
	printf("{%s%s\"test\":\"%s\"", label ? label : "", label ? "," : "", test);
}

void result_text(const char *key, const char *text)
{
	printf(",\"%s\":\"%s\"", key, text);
}

static void print_value(double value)
{
	if (isnan(value))
		fputs("null", stdout);
	else
		printf("%.10g", value);
}

void result_number(const char *key, double value)
{
	printf(",\"%s\":", key);
	print_value(value);
}

void result_samples(const char *key, const struct result_samples *samples)
{
	printf(",\"%s\":[", key);
	for (size_t i = 0; i < samples->n; i++) {
		if (i)
			putchar(',');
		print_value(samples->v[i]);
	}
	putchar(']');
}

void result_end(void)
{
	puts("}");
	fflush(stdout);
}

void result_add(struct result_samples *samples, double value)
{
	if (samples->n < sizeof(samples->v) / sizeof(*samples->v))
		samples->v[samples->n++] = value;
}
