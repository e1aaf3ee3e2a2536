/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_load - load generator and collector of the benchmark: one trial a run, its result as JSON on standard output.
 * tests/bench/run.sh makes the laboratory around it and starts the proxies.
 *
 *   bench_load [-6] [-d DIR] [-g REALM] [-p PID] [-l LABEL] TRIAL [NUMBER]...
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trial.h"

#define MAX_ARGS 32

static const struct {
	const char *name;
	int (*run)(struct tester *t, const double *args);
	int nargs; /* at least */
	const char *args;
} trials[] = {
	{ "ready", trial_ready, 2, "SECONDS FAST" },
	{ "join", trial_join, 2, "SAMPLES METHOD" },
	{ "leave", trial_leave, 2, "SAMPLES TOGETHER" },
	{ "stream", trial_stream, 1, "SAMPLES" },
	{ "grow", trial_grow, 2, "SAMPLES GROUPS..." },
	{ "burst", trial_burst, 1, "GROUPS" },
	{ "idle", trial_idle, 2, "GROUPS SECONDS" },
	{ "sources", trial_sources, 2, "GROUPS SOURCES" },
	{ "zap", trial_zap, 4, "HOSTS GROUPS SECONDS JOINS" },
	{ "rate", trial_rate, 3, "GROUPS FROM TO" },
	{ "burden", trial_burden, 3, "GROUPS REPORTS SAMPLES" },
	{ "stall", trial_stall, 1, "GROUPS" },
};

#define NTRIALS (sizeof(trials) / sizeof(*trials))

static int usage(void)
{
	fputs("usage: bench_load [-6] [-d DIR] [-g REALM] [-p PID] [-l LABEL] TRIAL [NUMBER]...\n", stderr);
	for (size_t i = 0; i < NTRIALS; i++)
		fprintf(stderr, "  %s %s\n", trials[i].name, trials[i].args);
	return 2;
}

int main(int argc, char **argv)
{
	double args[MAX_ARGS + 1] = { 0 };
	const char *dir = "/run/netns";
	struct tester tester;
	pid_t pid = 0;
	bool v6 = false;
	int err, opt, nargs;
	size_t trial;

	while ((opt = getopt(argc, argv, "+6d:g:p:l:")) != -1) {
		switch (opt) {
		case '6':
			v6 = true;
			break;
		case 'd':
			dir = optarg;
			break;
		case 'g':
			frame_set_realm((unsigned int)strtoul(optarg, NULL, 10));
			break;
		case 'p':
			pid = (pid_t)strtol(optarg, NULL, 10);
			break;
		case 'l':
			result_label(optarg);
			break;
		default:
			return usage();
		}
	}
	for (trial = 0; trial < NTRIALS && optind < argc; trial++) {
		if (strcmp(argv[optind], trials[trial].name) == 0)
			break;
	}
	nargs = argc - optind - 1;
	if (optind >= argc || trial == NTRIALS || nargs < trials[trial].nargs || nargs > MAX_ARGS)
		return usage();
	for (int i = 0; i < nargs; i++) {
		char *end;

		args[i] = strtod(argv[optind + 1 + i], &end);
		if (*end || end == argv[optind + 1 + i] || args[i] < 0 || args[i] > FRAME_PROBES)
			return usage();
	}

	err = tester_open(&tester, dir, v6, pid);
	if (err) {
		fprintf(stderr, "bench_load: cannot open the ports: %s\n", strerror(-err));
		return 1;
	}
	err = trials[trial].run(&tester, args);
	tester_close(&tester);
	if (err)
		fprintf(stderr, "bench_load: %s: %s\n", trials[trial].name, strerror(-err));
	return err ? 1 : 0;
}
