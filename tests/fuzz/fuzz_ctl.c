/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target of the control socket: clients on a real UNIX socket, the real server, console and commands, and a daemon
 * without a kernel. The input is a list of what four clients do: each step is an octet whose low two bits are the
 * client and whose next three what it does, an octet N, and for some of them N octets more.
 *
 * What must hold, whatever a client does: its replies are text, NUL, CODE PROMPT; there are as many as it sent lines,
 * and those to numbered lines come in their order; who sends without reading is made to wait; in the end every session
 * has been closed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "console.h"
#include "lib/log.h"
#include "lib/util.h"
#include "sys/ctl.h"
#include "tests/fuzz/ensure.h"
#include "tests/unit/bed_daemon.h"
#include "tests/unit/fake_daemon.h"

#include <event2/event.h>

#define CLIENTS    4
#define STEPS_MAX  200
#define TURNS_MAX  2000
#define WAIT_MAX   16
#define SENT_MAX   (4 << 20) /* more than all buffers between a client that does not read and the server hold */
#define PROMPT_MAX 300
#define FLOOD_LINE 1000

enum step { STEP_SEND, STEP_COMMAND, STEP_NUMBER, STEP_SHUT, STEP_CLOSE, STEP_READ, STEP_TURN, STEP_FLOOD };

static const char *const commands[] = {
	"show version json",
	"show running-config",
	"show tech-support",
	"monitor all json",
	"terminal monitor",
	"terminal length 0",
	"configure terminal",
	"interface lan1",
	"ip igmp max-groups 5",
	"end",
	"exit",
	"disable",
	"show ip igmp groups",
	"wait",
	"show metrics | count",
	"complete show ip i",
	"describe ",
	"",
	"show running-config | b",
	"monitor ip igmp",
};

struct client {
	int fd;    /* -1: not connected */
	bool shut; /* it sends no more */
	bool end;  /* the server has said that it closes */
	unsigned long lines, empty, replies;
	unsigned int number; /* of the last numbered line whose reply came */
	/* The reply that is coming. */
	bool in_end;
	char tail[PROMPT_MAX]; /* CODE PROMPT, or the end of the text */
	size_t len;
	char last; /* octet sent */
};

static struct client clients[CLIENTS];
static struct event_base *base;
static char path[64];
static unsigned int numbers, opened, closed;
static uint64_t token; /* what the input cannot contain: its hash */
static bool flooded;

/* Sessions whose reply waits, as that of a capture does. */
static struct waiting {
	void *user;
	struct ctl_session *session;
} waiting[WAIT_MAX];

/* --- the server: the console, counted, with a command that waits --- */

static void *counted_open(void *arg, struct ctl_session *session, bool privileged)
{
	void *user = console_ops.open(arg, session, privileged);

	opened += user != NULL;
	return user;
}

static int counted_line(void *user, struct ctl_session *session, char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(waiting) && strcmp(line, "wait") == 0; i++) {
		if (!waiting[i].user) {
			waiting[i] = (struct waiting){ user, session };
			return CTL_WAIT;
		}
	}
	return console_ops.line(user, session, line);
}

static void counted_close(void *user)
{
	for (size_t i = 0; i < ARRAY_SIZE(waiting); i++) {
		if (waiting[i].user == user)
			waiting[i].user = NULL;
	}
	console_ops.close(user);
	closed++;
}

static void finish_waiting(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(waiting); i++) {
		if (!waiting[i].user)
			continue;
		waiting[i].user = NULL;
		ctl_finish(waiting[i].session, CTL_FAILED);
	}
}

static void turn(void)
{
	ENSURE(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

/* --- a client --- */

static void disconnect(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	*c = (struct client){ .fd = -1 };
}

static void connect_client(struct client *c)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int small = 4096;

	disconnect(c);
	strcpy(sun.sun_path, path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ENSURE(c->fd >= 0 && setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
	/* Too many have come since the server last had its turn. */
	while (connect(c->fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0) {
		ENSURE(errno == EAGAIN);
		turn();
	}
	c->last = '\n';
}

/* Returns false when the server takes no more now. */
static bool send_octets(struct client *c, const char *buf, size_t len)
{
	ssize_t n;

	if (c->shut || c->fd < 0)
		return true;
	n = send(c->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	for (ssize_t i = 0; i < n; i++) {
		bool begun = c->last != '\n' && !(c->last == '\r' && buf[i] == '\n');

		if (buf[i] == '\n') {
			c->lines++;
			c->empty += !begun;
		}
		/* A second CR is part of a line. */
		c->last = c->last == '\r' && buf[i] == '\r' ? 'x' : c->last == '\n' || buf[i] == '\n' ? buf[i] : 'x';
	}
	if (n < 0 && errno != EAGAIN)
		c->shut = true;
	return n >= 0 || errno != EAGAIN;
}

static void check_end(struct client *c)
{
	ENSURE(c->len >= 2 && c->tail[0] >= '0' && c->tail[0] <= '0' + CTL_TOO_LONG && c->tail[1] == ' ');
	ENSURE(c->len < sizeof(c->tail));
	c->end |= c->len == 2;
	c->replies++;
}

/* A numbered line, which is no command, comes back with its reply. */
static void check_number(struct client *c)
{
	unsigned int number;
	uint64_t of;

	c->tail[c->len] = '\0';
	if (sscanf(c->tail, "number %" SCNx64 " %u", &of, &number) != 2 || of != token)
		return;
	ENSURE(number > c->number && number <= numbers);
	c->number = number;
}

static void take_octet(struct client *c, char octet)
{
	if (octet == '\n') {
		if (c->in_end)
			check_end(c);
		else
			check_number(c);
		c->in_end = false;
		c->len = 0;
		return;
	}
	if (octet == '\0') {
		ENSURE(!c->in_end);
		c->in_end = true;
		c->len = 0;
		return;
	}
	if (c->len < sizeof(c->tail) - 1)
		c->tail[c->len++] = octet;
}

/* Returns what recv() does. */
static ssize_t read_some(struct client *c, size_t max)
{
	char buf[4096];
	ssize_t n = recv(c->fd, buf, max < sizeof(buf) ? max : sizeof(buf), MSG_DONTWAIT);

	for (ssize_t i = 0; i < n; i++)
		take_octet(c, buf[i]);
	ENSURE(c->replies <= c->lines + 1);
	return n;
}

static void send_number(struct client *c)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "number %" PRIx64 " %u\n", token, ++numbers);

	send_octets(c, line, (size_t)len);
}

/*
 * One that never reads is stopped by full buffers, not by the server's memory. Long lines and long replies, so that few
 * of them do it.
 */
static void flood(struct client *c)
{
	char line[FLOOD_LINE + 1];
	size_t sent = 0;

	snprintf(line, sizeof(line), "%-*s\n", FLOOD_LINE - 1, "show metrics");
	for (unsigned int full = 0; full < 4 && !c->shut && !c->end;) {
		if (send_octets(c, line, FLOOD_LINE)) {
			sent += FLOOD_LINE;
			full = 0;
		} else {
			turn();
			full++;
		}
		ENSURE(sent < SENT_MAX);
	}
}

/* --- the input --- */

static void run_step(unsigned int octet, unsigned int n, const uint8_t *data)
{
	static const struct gm_action joined = { .type = GM_ACT_NOTE,
						 .slot = 1,
						 .note = { .what = GM_NOTE_GROUP_JOINED } };
	struct client *c = &clients[octet % CLIENTS];

	if (c->fd < 0)
		connect_client(c);
	switch ((enum step)((octet >> 2) & 7)) {
	case STEP_SEND:
		send_octets(c, (const char *)data, n);
		return;
	case STEP_COMMAND:
		send_octets(c, commands[n % ARRAY_SIZE(commands)], strlen(commands[n % ARRAY_SIZE(commands)]));
		send_octets(c, "\n", 1);
		return;
	case STEP_NUMBER:
		send_number(c);
		return;
	case STEP_SHUT:
		shutdown(c->fd, SHUT_WR);
		c->shut = true;
		return;
	case STEP_CLOSE:
		disconnect(c);
		return;
	case STEP_READ:
		read_some(c, n * 16);
		return;
	case STEP_TURN:
		if (n & 1)
			log_warn("fuzz", "a line for those who watch");
		if (n & 4)
			fake_event(FAMILY_IPV4, "lan1", &joined);
		if (n & 2)
			finish_waiting();
		for (unsigned int i = 0; i <= n % 8; i++)
			turn();
		return;
	case STEP_FLOOD:
		if (!flooded)
			flood(c);
		flooded = true;
		return;
	}
}

static void run_input(const uint8_t *data, size_t size)
{
	size_t at = 0;

	for (unsigned int i = 0; i < STEPS_MAX && at + 2 <= size; i++) {
		unsigned int octet = data[at], n = data[at + 1];

		at += 2;
		if (((octet >> 2) & 7) == STEP_SEND && n > size - at)
			n = (unsigned int)(size - at);
		run_step(octet, n, data + at);
		if (((octet >> 2) & 7) == STEP_SEND)
			at += n;
	}
}

/* Who ends well and reads to the end has had a reply to everything. */
static void leave(struct client *c)
{
	unsigned int turns = 0;
	ssize_t n;

	/* The first may end a half line, or a stream; what cannot be sent because nothing was read is sent again. */
	while (!send_octets(c, "\n", 1) && turns++ < TURNS_MAX) {
		turn();
		finish_waiting();
		read_some(c, SIZE_MAX);
	}
	shutdown(c->fd, SHUT_WR);
	do {
		finish_waiting();
		turn();
		n = read_some(c, SIZE_MAX);
	} while ((n > 0 || (n < 0 && errno == EAGAIN)) && turns++ < TURNS_MAX);
	/* A stream to a client that has shut its side may go on, and so may the session. */
	if (n == 0 && !c->end) {
		ENSURE(!c->in_end && c->len == 0);
		ENSURE(c->replies + c->empty >= c->lines + 1);
	}
	disconnect(c);
}

/* The socket itself goes with its server. */
static void remove_directory(void)
{
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

static void begin(struct console *console, struct ctl **ctl)
{
	static struct ctl_ops ops; /* kept by the server */
	static char dir[] = "/tmp/fuzz-ctl-XXXXXX";

	if (!base) {
		ENSURE(mkdtemp(dir));
		snprintf(path, sizeof(path), "%s/sock", dir);
		atexit(remove_directory);
		base = event_base_new();
		ENSURE(base);
		log_init(NULL);
	}
	ops = console_ops;
	ops.open = counted_open;
	ops.line = counted_line;
	ops.close = counted_close;
	bed_daemon_begin();
	bed_populate();
	*console = (struct console){ .table = bed_table, .daemon = &fake };
	ENSURE(ctl_new(base, path, NULL, &ops, console, ctl) == 0);
	for (unsigned int i = 0; i < CLIENTS; i++)
		clients[i] = (struct client){ .fd = -1 };
	numbers = opened = closed = 0;
	flooded = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct console console;
	struct ctl *ctl;

	begin(&console, &ctl);
	token = 0xcbf29ce484222325;
	for (size_t i = 0; i < size; i++)
		token = (token ^ data[i]) * 0x100000001b3;
	run_input(data, size);
	for (unsigned int i = 0; i < CLIENTS; i++) {
		if (clients[i].fd >= 0)
			leave(&clients[i]);
	}
	ctl_free(ctl);
	ENSURE(opened == closed);
	bed_daemon_end();
	return 0;
}
