/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * show_bed - operational commands against two real engines and a kernel that is a few variables (fake_daemon): typed at
 * a console of enable level, with what they print as text and as the values of a JSON document.
 */
#ifndef IMPROXY_TESTS_SHOW_BED_H
#define IMPROXY_TESTS_SHOW_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli.h"
#include "fake_daemon.h"
#include "json_flat.h"

extern struct show_bed {
	/* The console, and what the last command has printed. */
	struct cmd_table *table;
	struct cmd_ctx ctx;
	struct out out;
	char *got;
	size_t got_len;
	/* How often it paused, the most it wrote between two pauses, and what is to happen in each. */
	unsigned int pauses;
	size_t burst_max;
	void (*on_pause)(void);
	/* The document of the last run_json(). */
	struct json_flat *json;
} bed;

/* A test case with a bed of its own. */
#define CASE(name) cmocka_unit_test_setup_teardown(name, show_bed_setup, show_bed_teardown)
int show_bed_setup(void **state);
int show_bed_teardown(void **state);

/* Runs the line to its end, as a console would; the output is in bed.got. */
enum cmd_code run(const char *line);
/* It succeeds and prints exactly this; it fails with this error and prints nothing. */
void expect_text(const char *line, const char *text);
void expect_fail(const char *line, const char *text);
/* It succeeds and prints a JSON document. */
void run_json(const char *line);
/* "lan1/groups/0/mode" has this value there, or is not there. */
void expect_key(const char *path, const char *value);
void expect_no_key(const char *path);

/* With them, EXCLUDE {10.0.0.9} on lan1 nine seconds ago, a refresh 251 s before its end. */
void one_group(void);
/* With that, hosts on lan2 and streams of 239.1.1.1, and one of 239.9.9.9 that nobody wants. */
void some_routes(void);

#endif
