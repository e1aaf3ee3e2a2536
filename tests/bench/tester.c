/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tester.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define QUIET_NS  (100 * TESTER_MS)
#define BEHIND_NS (20 * TESTER_MS) /* more than that is given up, not caught up */
#define NPUMPS    (sizeof(((struct tester *)NULL)->pumps) / sizeof(struct tester_pump *))

uint64_t tester_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * TESTER_S + (uint64_t)ts.tv_nsec;
}

int tester_open(struct tester *t, const char *dir, bool v6, pid_t pid)
{
	static const char *const names[] = { "src", "h1", "h2" };
	struct port *const ports[] = { &t->up, &t->lan[0], &t->lan[1] };
	int err = 0;

	*t = (struct tester){ .v6 = v6, .pid = pid };
	for (int i = 0; i < 3; i++)
		ports[i]->rx = ports[i]->tx = -1;
	t->groups = calloc(FRAME_GROUPS, sizeof(*t->groups));
	if (!t->groups)
		return -ENOMEM;
	for (int i = 0; i < 3 && !err; i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		err = port_open(ports[i], path, "eth0", i > 0);
	}
	/* Sleeps shorter than the default slack of 50 us, for streams of 20 000 frames a second. */
	prctl(PR_SET_TIMERSLACK, 1);
	if (err)
		tester_close(t);
	return err;
}

void tester_close(struct tester *t)
{
	port_close(&t->up);
	port_close(&t->lan[0]);
	port_close(&t->lan[1]);
	free(t->groups);
	t->groups = NULL;
}

void tester_forget(struct tester *t, uint32_t first, uint32_t n)
{
	for (struct tester_group *g = t->groups + first; g < t->groups + first + n; g++)
		*g = (struct tester_group){ .is_joined = g->is_joined };
}

static void send_or_die(struct port *port, const uint8_t *data, size_t len)
{
	int err = port_send(port, data, len);

	if (!err)
		return;
	fprintf(stderr, "bench_load: cannot send: %s\n", strerror(-err));
	exit(1);
}

void tester_records(struct tester *t, unsigned int lan, uint32_t host, const struct frame_record *records,
		    unsigned int n)
{
	struct port *port = &t->lan[lan];
	const struct frame_host from = { .mac = port->mac, .lan = lan + 1, .number = host };
	uint8_t buf[FRAME_MAX];

	send_or_die(port, buf, frame_report(buf, t->v6, &from, records, n));
}

void tester_report(struct tester *t, unsigned int lan, uint32_t host, enum frame_record_type type, uint32_t group)
{
	const struct frame_record record = { .type = type, .group = group };

	tester_records(t, lan, host, &record, 1);
}

void tester_burst(struct tester *t, unsigned int lan, uint32_t host, enum frame_record_type type, uint32_t first,
		  uint32_t n)
{
	struct frame_record records[FRAME_MAX / 8];
	const unsigned int max = frame_records_max(t->v6);
	unsigned int used = 0;

	for (uint32_t i = 0; i < n; i++) {
		records[used++] = (struct frame_record){ .type = type, .group = first + i };
		if (used == max || i + 1 == n) {
			tester_records(t, lan, host, records, used);
			used = 0;
		}
	}
}

void tester_data(struct tester *t, uint32_t group)
{
	uint8_t buf[FRAME_MAX];

	send_or_die(&t->up, buf, frame_data(buf, t->v6, t->up.mac, group));
}

/* --- what comes in */

static void see_upstream_record(struct tester *t, const struct frame_record *record, uint64_t ns)
{
	struct tester_group *g = &t->groups[record->group];
	bool joined = g->is_joined;

	switch (record->type) {
	case FRAME_IS_EX:
	case FRAME_TO_EX:
	case FRAME_ALLOW:
		joined = true;
		break;
	case FRAME_IS_IN:
	case FRAME_TO_IN:
		joined = record->nsources > 0;
		break;
	case FRAME_BLOCK:
		break;
	}
	/* A report that is repeated tells nothing new: RFC 9776 s5.1. */
	if (joined == g->is_joined)
		return;
	g->is_joined = joined;
	if (joined)
		g->joined = ns;
	else
		g->left = ns;
	if (record->group >= FRAME_PROBES)
		return;
	if (joined) {
		t->last_joined = ns;
		t->njoined++;
	} else {
		t->last_left = ns;
		t->njoined--;
	}
}

static void see_upstream(struct tester *t, const struct port_frame *frame)
{
	struct frame_record record;
	struct frame_view view;

	frame_read(&view, frame->data, frame->len);
	if (view.kind != FRAME_IS_REPORT)
		return;
	while (frame_next_record(&view, &record)) {
		if (record.group != FRAME_NOGROUP)
			see_upstream_record(t, &record, frame->ns);
	}
}

static void see_lan(struct tester *t, unsigned int lan, const struct port_frame *frame)
{
	struct frame_record record;
	struct frame_view view;
	struct tester_group *g;

	frame_read(&view, frame->data, frame->len);
	if (view.kind == FRAME_IS_REPORT && frame->outgoing) {
		/* The host's own kernel reports groups of its own. */
		while (frame_next_record(&view, &record)) {
			if (record.group != FRAME_NOGROUP)
				t->groups[record.group].reported[lan] = frame->ns;
		}
		return;
	}
	if (frame->outgoing)
		return;
	if (view.kind == FRAME_IS_QUERY && view.group == FRAME_NOGROUP)
		t->general_queries++;
	if (view.group == FRAME_NOGROUP)
		return;
	g = &t->groups[view.group];
	if (view.kind == FRAME_IS_DATA) {
		if (!g->packets[lan]++)
			g->first[lan] = frame->ns;
		g->last[lan] = t->last_data = frame->ns;
	} else if (view.kind == FRAME_IS_QUERY) {
		if (!g->queried)
			g->queried = frame->ns;
		if (t->on_query)
			t->on_query(t, lan, view.group);
	}
}

static void collect(struct tester *t)
{
	struct port_frame frame;

	while (port_receive(&t->up, &frame)) {
		see_upstream(t, &frame);
		port_release(&t->up);
	}
	for (unsigned int lan = 0; lan < TESTER_LANS; lan++) {
		while (port_receive(&t->lan[lan], &frame)) {
			see_lan(t, lan, &frame);
			port_release(&t->lan[lan]);
		}
	}
}

static void count_losses(struct tester *t)
{
	t->lost_frames += port_drops(&t->up) + port_drops(&t->lan[0]) + port_drops(&t->lan[1]);
}

/* --- time */

void tester_start(struct tester *t, struct tester_pump *pump, double per_second)
{
	pump->interval_ns = (uint64_t)((double)TESTER_S / per_second);
	pump->next_ns = tester_now();
	pump->done = 0;
	for (size_t i = 0; i < NPUMPS; i++) {
		if (!t->pumps[i]) {
			t->pumps[i] = pump;
			return;
		}
	}
	abort();
}

void tester_stop(struct tester *t, struct tester_pump *pump)
{
	for (size_t i = 0; i < NPUMPS; i++) {
		if (t->pumps[i] == pump)
			t->pumps[i] = NULL;
	}
}

/* Does what is due, a little at a time so that the rings are read in between; when is more to be done? */
static uint64_t work(struct tester *t, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < NPUMPS; i++) {
		struct tester_pump *pump = t->pumps[i];

		if (!pump)
			continue;
		if (now > pump->next_ns + BEHIND_NS)
			pump->next_ns = now - BEHIND_NS;
		for (int n = 0; n < 64 && pump->next_ns <= now; n++) {
			pump->work(t, pump->arg);
			pump->done++;
			pump->next_ns += pump->interval_ns;
		}
		if (pump->next_ns < next)
			next = pump->next_ns;
	}
	return next;
}

bool tester_wait(struct tester *t, unsigned int ms, bool (*until)(const struct tester *t, const void *arg),
		 const void *arg)
{
	const uint64_t end = tester_now() + ms * TESTER_MS;
	struct pollfd fds[] = { { .fd = t->up.rx, .events = POLLIN },
				{ .fd = t->lan[0].rx, .events = POLLIN },
				{ .fd = t->lan[1].rx, .events = POLLIN } };
	bool done = false;

	for (;;) {
		uint64_t now = tester_now(), next = work(t, now), step = 5 * TESTER_MS;
		struct timespec ts;

		collect(t);
		done = until && until(t, arg);
		now = tester_now();
		if (done || now >= end)
			break;
		if (next > end)
			next = end;
		if (next <= now)
			continue;
		if (next - now < step)
			step = next - now;
		ts = (struct timespec){ .tv_nsec = (long)step };
		ppoll(fds, 3, &ts, NULL);
	}
	count_losses(t);
	return done;
}

void tester_run(struct tester *t, unsigned int ms)
{
	tester_wait(t, ms, NULL, NULL);
}

/* --- conditions */

static const struct tester_group *group_of(const struct tester *t, const void *group)
{
	return &t->groups[*(const uint32_t *)group];
}

bool tester_is_joined(const struct tester *t, const void *group)
{
	return group_of(t, group)->is_joined;
}

bool tester_is_left(const struct tester *t, const void *group)
{
	return !group_of(t, group)->is_joined;
}

bool tester_lan0_has(const struct tester *t, const void *group)
{
	return group_of(t, group)->packets[0] > 0;
}

bool tester_lan1_has(const struct tester *t, const void *group)
{
	return group_of(t, group)->packets[1] > 0;
}

bool tester_lan0_quiet(const struct tester *t, const void *group)
{
	return tester_now() > group_of(t, group)->last[0] + QUIET_NS;
}
