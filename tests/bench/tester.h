/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tester - the device that measures (RFC 3918): hosts on two LANs, the upstream router and the source of all streams,
 * in one process with one clock.
 *
 * It owns the three ports, what was seen of every group, and the work that goes on while somebody waits (streams,
 * storms: "pumps"). Both ends of each delay are time stamps of the kernel. It refuses to know which proxy is between
 * its ports.
 */
#ifndef IMPROXY_TESTS_BENCH_TESTER_H
#define IMPROXY_TESTS_BENCH_TESTER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "frame.h"
#include "port.h"

#define TESTER_MS   1000000ull
#define TESTER_S    1000000000ull
#define TESTER_LANS 2

/* What was seen of a group; times are CLOCK_REALTIME in nanoseconds, 0: never. */
struct tester_group {
	uint64_t reported[TESTER_LANS]; /* our last report of it */
	uint64_t first[TESTER_LANS], last[TESTER_LANS];
	uint32_t packets[TESTER_LANS]; /* data */
	uint64_t queried;              /* first query of it on a LAN */
	uint64_t joined, left;         /* last change reported upstream */
	bool is_joined;                /* upstream */
};

struct tester;

/* Something to be done every `interval_ns` while the tester waits. */
struct tester_pump {
	void (*work)(struct tester *t, void *arg);
	void *arg;
	uint64_t interval_ns, next_ns;
	uint64_t done;
};

struct tester {
	bool v6;
	pid_t pid; /* of the proxy */
	struct port up, lan[TESTER_LANS];
	struct tester_group *groups;
	uint32_t njoined;     /* upstream, without the probes */
	uint64_t last_joined; /* when the last of these was */
	uint64_t last_left;
	uint64_t last_data;
	uint64_t general_queries;
	uint64_t lost_frames; /* the tester's own fault: the result is worth nothing */
	struct tester_pump *pumps[4];
	/* A query of a group was heard on a LAN, and hosts may want to answer. */
	void (*on_query)(struct tester *t, unsigned int lan, uint32_t group);
};

/* The namespaces are files src, h1 and h2 in `dir`, each with the port eth0. 0 or -errno. */
int tester_open(struct tester *t, const char *dir, bool v6, pid_t pid);
void tester_close(struct tester *t);

uint64_t tester_now(void);

/* Forgets what was seen of `n` groups; what is joined upstream stays known. */
void tester_forget(struct tester *t, uint32_t first, uint32_t n);

/* One report of one group from a host of LAN 0 or 1. */
void tester_report(struct tester *t, unsigned int lan, uint32_t host, enum frame_record_type type, uint32_t group);

/* A report of several records. */
void tester_records(struct tester *t, unsigned int lan, uint32_t host, const struct frame_record *records,
		    unsigned int n);

/* `n` groups from `first` on, in as few reports as they fit in, back to back. */
void tester_burst(struct tester *t, unsigned int lan, uint32_t host, enum frame_record_type type, uint32_t first,
		  uint32_t n);

/* One data frame of the source. */
void tester_data(struct tester *t, uint32_t group);

/* Starts and stops a pump; `per_second` > 0. */
void tester_start(struct tester *t, struct tester_pump *pump, double per_second);
void tester_stop(struct tester *t, struct tester_pump *pump);

/* Pumps and collects until `until(t, arg)` holds, `ms` milliseconds at most. False when the time was over. */
bool tester_wait(struct tester *t, unsigned int ms, bool (*until)(const struct tester *t, const void *arg),
		 const void *arg);

/* The same for a time and nothing else. */
void tester_run(struct tester *t, unsigned int ms);

/* Conditions; `arg` is the number of a group. */
bool tester_is_joined(const struct tester *t, const void *group);
bool tester_is_left(const struct tester *t, const void *group);
bool tester_lan0_has(const struct tester *t, const void *group);
bool tester_lan1_has(const struct tester *t, const void *group);
/* Nothing of the group for 100 ms on LAN 0. */
bool tester_lan0_quiet(const struct tester *t, const void *group);

#endif
