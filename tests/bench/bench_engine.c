/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_engine - the core alone, without sockets: group records a second, what they cost against the number of groups,
 * interfaces and sources, and octets a group record, a source and a forwarding entry. One JSON object a line.
 *
 * Time is the processor's, of this thread. The actions are fetched after every BATCH records, as the daemon does after
 * what one pass of its loop has read.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/gm.h"
#include "core/gm_state.h"

#define BATCH 64

struct engine {
	struct gm *gm;
	mtime_t now;
	unsigned int fed;
	size_t actions;
	unsigned int nifs;
};

static struct ipaddr address(uint32_t base, uint32_t n)
{
	return ipaddr_from_v4((struct in_addr){ .s_addr = htonl(base + n) });
}

static double cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static size_t heap_used(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void input(struct engine *e, const struct gm_event *ev)
{
	if (gm_input(e->gm, e->now, ev) < 0) {
		fputs("bench_engine: out of memory\n", stderr);
		exit(1);
	}
}

static void settle(struct engine *e)
{
	size_t n;

	gm_actions(e->gm, e->now, &n);
	e->actions += n;
	gm_actions_done(e->gm);
}

/* One upstream, slot 0, and `nifs` downstreams. */
static void engine_open(struct engine *e, unsigned int nifs, enum gm_immediate immediate, bool wildcard)
{
	const struct gm_conf conf = { .wildcard = wildcard, .idle_timeout = mtime_from_s(60), .seed = 1 };

	*e = (struct engine){ .gm = gm_new(&gm_af_igmp), .now = mtime_from_s(1), .nifs = nifs };
	if (!e->gm)
		exit(1);
	input(e, &(struct gm_event){ .type = GM_EV_CONF, .conf = &conf });
	for (unsigned int slot = 0; slot <= nifs; slot++) {
		struct gm_if_conf ifc = {
			.role = slot ? GM_ROLE_DOWNSTREAM : GM_ROLE_UPSTREAM,
			.up = true,
			.addr = address(0x0a000001, slot << 16),
			.nprefixes = 1,
			.priority = 100,
			.gen = GM_GEN3,
			.robustness = 2,
			.query_interval = mtime_from_s(125),
			.query_response = mtime_from_s(10),
			.last_member_interval = mtime_from_s(1),
			.startup_interval = mtime_from_s(31),
			.last_member_count = 2,
			.startup_count = 1,
			.immediate_leave = immediate,
			.verify_source = true,
		};

		ifc.prefixes[0] = (struct ipprefix){ .addr = address(0x0a000000, slot << 16), .len = 112 };
		snprintf(ifc.name, sizeof(ifc.name), "if%u", slot);
		input(e, &(struct gm_event){ .type = GM_EV_IF, .slot = (uint8_t)slot, .iface = &ifc });
		settle(e);
	}
	/* Past the first queries, so that hosts count as known. */
	e->now += mtime_from_s(60);
	gm_tick(e->gm, e->now);
	settle(e);
}

static void engine_close(struct engine *e)
{
	gm_free(e->gm);
}

static void feed(struct engine *e, unsigned int slot, enum gm_record_type type, uint32_t group,
		 const struct ipaddr *sources, unsigned int nsources)
{
	const struct gm_event ev = { .type = GM_EV_RECORD,
				     .slot = (uint8_t)slot,
				     .record = { .reporter = address(0x0a000002, slot << 16),
						 .group = address(0xef400000, group),
						 .type = type,
						 .gen = GM_GEN3,
						 .sources = sources,
						 .nsources = nsources } };

	e->now++;
	input(e, &ev);
	if (++e->fed % BATCH == 0)
		settle(e);
}

/* One record of each of `n` groups on every downstream; returns processor nanoseconds a record. */
static double feed_all(struct engine *e, enum gm_record_type type, uint32_t n)
{
	double start = cpu_s();

	for (uint32_t g = 0; g < n; g++) {
		for (unsigned int slot = 1; slot <= e->nifs; slot++)
			feed(e, slot, type, g, NULL, 0);
	}
	settle(e);
	return (cpu_s() - start) * 1e9 / ((double)n * e->nifs);
}

/* Joins, refreshes and leaves: the cost of each, and the memory of a record. */
static void measure_groups(uint32_t n, unsigned int nifs)
{
	struct engine e;
	double join, refresh, leave;
	size_t before, after;

	engine_open(&e, nifs, GM_IMMEDIATE_TRACK, true);
	before = heap_used();
	join = feed_all(&e, GM_TO_EX, n);
	after = heap_used();
	refresh = feed_all(&e, GM_IS_EX, n);
	leave = feed_all(&e, GM_TO_IN, n);
	printf("{\"test\":\"engine-groups\",\"groups\":%u,\"interfaces\":%u,\"join_ns\":%.0f,\"refresh_ns\":%.0f,"
	       "\"leave_ns\":%.0f,\"octets_per_record\":%.1f,\"left_over\":%u}\n",
	       n, nifs, join, refresh, leave, (double)(after - before) / ((double)n * nifs), e.gm->nrecs);
	engine_close(&e);
}

/*
 * Octets a source: its place in the record and in the merged membership, and in the list of the host that is tracked.
 * The sources are excluded ones, which have no forwarding entry. Octets an entry: those of other sources, whose data
 * flows to the members.
 */
static void measure_memory(uint32_t n, uint32_t groups, enum gm_immediate immediate, const struct ipaddr *sources)
{
	struct engine e;
	size_t before, with_sources;

	engine_open(&e, 1, immediate, false);
	feed_all(&e, GM_IS_EX, groups);
	before = heap_used();
	for (uint32_t g = 0; g < groups; g++)
		feed(&e, 1, GM_IS_EX, g, sources, n);
	settle(&e);
	with_sources = heap_used();
	printf(",\"octets_per_source\":%.1f", (double)(with_sources - before) / ((double)groups * n));
	for (uint32_t i = 0; i < groups * n; i++) {
		input(&e, &(struct gm_event){
				  .type = GM_EV_UPCALL,
				  .flow = { .source = address(0xc6130000, i / groups),
					    .group = address(0xef400000, i % groups) },
			  });
		if (i % BATCH == 0)
			settle(&e);
	}
	settle(&e);
	printf(",\"octets_per_entry\":%.1f", (double)(heap_used() - with_sources) / ((double)groups * n));
	engine_close(&e);
}

/* One record about one source in each of many groups by turns, `rounds` in all; returns nanoseconds a record. */
static double feed_sources(struct engine *e, enum gm_record_type type, uint32_t groups, uint32_t rounds, uint32_t first,
			   uint32_t n)
{
	double start = cpu_s();

	for (uint32_t i = 0; i < rounds; i++) {
		const struct ipaddr one = address(first, 2 * (i / groups % n));

		feed(e, 1, type, i % groups, &one, 1);
	}
	settle(e);
	return (cpu_s() - start) * 1e9 / rounds;
}

/* A source more, the same again, a source less, in groups that have `n` already; and memory. */
static void measure_sources(uint32_t n, uint32_t rounds, enum gm_immediate immediate)
{
	const uint32_t groups = 20000 / n + 1, even = 0xc6120000;
	struct ipaddr *sources = calloc(n, sizeof(*sources));
	struct engine e;
	double add, refresh, take;

	if (!sources)
		exit(1);
	engine_open(&e, 1, immediate, true);
	for (uint32_t s = 0; s < n; s++)
		sources[s] = address(even, 2 * s);
	for (uint32_t g = 0; g < groups; g++)
		feed(&e, 1, GM_ALLOW, g, sources, n);
	settle(&e);
	/* Odd ones are new. */
	add = feed_sources(&e, GM_ALLOW, groups, rounds, even + 1, n);
	refresh = feed_sources(&e, GM_ALLOW, groups, rounds, even, n);
	take = feed_sources(&e, GM_BLOCK, groups, rounds, even + 1, n);
	engine_close(&e);
	printf("{\"test\":\"engine-sources\",\"groups\":%u,\"sources\":%u,\"tracking\":%d,\"add_ns\":%.0f,"
	       "\"refresh_ns\":%.0f,\"take_ns\":%.0f",
	       groups, n, immediate != GM_IMMEDIATE_OFF, add, refresh, take);
	measure_memory(n, groups, immediate, sources);
	puts("}");
	free(sources);
}

int main(int argc, char **argv)
{
	const bool quick = argc > 1 && strcmp(argv[1], "quick") == 0;
	static const uint32_t groups[] = { 1000, 5000, 20000, 80000 };
	static const unsigned int ifs[] = { 1, 2, 8, 16, 31 };
	static const uint32_t sources[] = { 1, 10, 100, 1000 };

	if (quick) {
		measure_groups(100, 4);
		measure_sources(10, 100, GM_IMMEDIATE_OFF);
		return 0;
	}
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		measure_groups(groups[i], 4);
	for (size_t i = 0; i < sizeof(ifs) / sizeof(*ifs); i++)
		measure_groups(20000, ifs[i]);
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		measure_sources(sources[i], 20000, GM_IMMEDIATE_OFF);
		measure_sources(sources[i], 20000, GM_IMMEDIATE_TRACK);
	}
	return 0;
}
