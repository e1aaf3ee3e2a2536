/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket server against real UNIX sockets: server and clients share one thread, the clients are
 * non-blocking and the event loop is turned by hand, so that a client that misbehaves cannot hang the test.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/util.h"
#include "sys/ctl.h"

#include <cmocka.h>
#include <event2/event.h>

#define TURNS_MAX 20000

struct toy {
	struct ctl_session *session;
	bool privileged;
	int rows_left;
	int stops;
};

static struct event_base *base;
static struct ctl *ctl;
static char dir[64], path[96];
static int opened, closed;
static struct toy *last;
static char lines[4096]; /* every line the handler saw, with '|' after each */

static void text(struct ctl_session *s, const char *str)
{
	ctl_write(s, str, strlen(str));
}

static void *toy_open(void *arg, struct ctl_session *session, bool privileged)
{
	struct toy *t = calloc(1, sizeof(*t));

	assert_ptr_equal(arg, &opened);
	assert_non_null(t);
	t->session = session;
	t->privileged = privileged;
	opened++;
	last = t;
	return t;
}

static int toy_more(void *user, struct ctl_session *s)
{
	struct toy *t = user;
	char row[80];

	for (; t->rows_left > 0; t->rows_left--) {
		if (ctl_full(s))
			return CTL_MORE;
		snprintf(row, sizeof(row), "row %09d xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", t->rows_left);
		text(s, row);
	}
	return CTL_SUCCESS;
}

static int toy_line(void *user, struct ctl_session *s, char *line)
{
	struct toy *t = user;

	if (strlen(lines) + strlen(line) + 2 < sizeof(lines)) {
		strcat(lines, line);
		strcat(lines, "|");
	}
	if (sscanf(line, "rows %d", &t->rows_left) == 1)
		return toy_more(t, s);
	if (!strcmp(line, "monitor")) {
		ctl_notify(s, "begin\n", 6);
		return CTL_STREAM;
	}
	if (!strcmp(line, "wait"))
		return CTL_WAIT;
	if (!strcmp(line, "now")) {
		ctl_finish(s, CTL_FAILED);
		return CTL_WAIT;
	}
	if (!strcmp(line, "exit")) {
		text(s, "bye\n");
		ctl_close(s);
		return CTL_SUCCESS;
	}
	if (!strcmp(line, "nul")) {
		ctl_write(s, "a\0b\0", 4);
		return CTL_SUCCESS;
	}
	if (!strcmp(line, "flood")) {
		static const char block[1 << 16];
		char *buf = malloc(sizeof(block));

		assert_non_null(buf);
		memset(buf, 'x', sizeof(block));
		for (int i = 0; i < 1000; i++)
			ctl_write(s, buf, sizeof(block));
		free(buf);
		return CTL_SUCCESS;
	}
	text(s, "<");
	text(s, line);
	text(s, ">\n");
	return !strncmp(line, "bad", 3) ? CTL_UNKNOWN : CTL_SUCCESS;
}

static void toy_stop(void *user, struct ctl_session *s)
{
	struct toy *t = user;

	t->stops++;
	text(s, "stopped\n");
}

static void toy_prompt(void *user, char *buf, size_t size)
{
	struct toy *t = user;

	snprintf(buf, size, "toy%s ", t->privileged || geteuid() ? "#" : ">");
}

static void toy_missed(void *user, unsigned long n, char *buf, size_t size)
{
	(void)user;
	snprintf(buf, size, "%lu missed\n", n);
}

static void toy_close(void *user)
{
	if (last == user)
		last = NULL;
	free(user);
	closed++;
}

static struct ctl_ops ops = {
	.open = toy_open,
	.line = toy_line,
	.more = toy_more,
	.stop = toy_stop,
	.prompt = toy_prompt,
	.missed = toy_missed,
	.close = toy_close,
	.yields_after_ms = 3600 * 1000,
};

/* ---- clients ---- */

static void turn(void)
{
	const struct timespec nap = { .tv_nsec = 200 * 1000 };

	event_base_loop(base, EVLOOP_NONBLOCK);
	nanosleep(&nap, NULL);
}

/* What was read from a client's descriptor and not yet looked at. */
static struct {
	unsigned char buf[4096];
	size_t pos, len;
} ahead[256];

static int client(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(sun.sun_path, path);
	assert_in_range(fd, 0, ARRAY_SIZE(ahead) - 1);
	ahead[fd].pos = ahead[fd].len = 0;
	assert_return_code(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), errno);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void put_len(int fd, const char *str, size_t len)
{
	for (int i = 0; len && i < TURNS_MAX; i++) {
		ssize_t n = send(fd, str, len, MSG_NOSIGNAL);

		if (n > 0) {
			str += n;
			len -= (size_t)n;
		} else {
			turn();
		}
	}
	assert_int_equal(len, 0);
}

static void put(int fd, const char *str)
{
	put_len(fd, str, strlen(str));
}

/* One byte, or -1 at the end of the stream; fails when none comes. */
static int get_byte(int fd)
{
	assert_in_range(fd, 0, ARRAY_SIZE(ahead) - 1);
	for (int i = 0; i < TURNS_MAX; i++) {
		ssize_t n;

		if (ahead[fd].pos < ahead[fd].len)
			return ahead[fd].buf[ahead[fd].pos++];
		n = read(fd, ahead[fd].buf, sizeof(ahead[fd].buf));
		ahead[fd].pos = 0;
		ahead[fd].len = n > 0 ? (size_t)n : 0;
		if (!n || (n < 0 && errno != EAGAIN))
			return -1;
		if (n < 0)
			turn();
	}
	fail_msg("no answer");
	return -1;
}

/* One reply: its text into `buf`, its marker line after a '@'. */
static void get(int fd, char *buf, size_t size)
{
	size_t n = 0;
	bool marker = false;
	int c;

	for (;;) {
		c = get_byte(fd);
		assert_int_not_equal(c, -1);
		assert_true(n + 1 < size);
		if (marker && c == '\n')
			break;
		if (!c) {
			assert_false(marker);
			marker = true;
			c = '@';
		}
		buf[n++] = (char)c;
	}
	buf[n] = '\0';
}

#define expect(fd, str)                                                                                                \
	do {                                                                                                           \
		char reply_[8192];                                                                                     \
		get(fd, reply_, sizeof(reply_));                                                                       \
		assert_string_equal(reply_, str);                                                                      \
	} while (0)

static int greeted(void)
{
	char reply[256];
	int fd = client();

	get(fd, reply, sizeof(reply));
	return fd;
}

static void expect_end(int fd)
{
	assert_int_equal(get_byte(fd), -1);
	close(fd);
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_ctl.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/run/improxy/d.sock", dir);
	base = event_base_new();
	opened = closed = 0;
	lines[0] = '\0';
	return ctl_new(base, path, NULL, &ops, &opened, &ctl);
}

static int teardown(void **state)
{
	char sub[128];

	(void)state;
	ctl_free(ctl);
	ctl = NULL;
	event_base_free(base);
	if (opened != closed)
		return -1;
	unlink(path);
	snprintf(sub, sizeof(sub), "%s/run/improxy", dir);
	rmdir(sub);
	snprintf(sub, sizeof(sub), "%s/run", dir);
	rmdir(sub);
	return rmdir(dir);
}

/* ---- framing ---- */

static void test_greeting(void **state)
{
	char reply[256];
	int fd = client();

	(void)state;
	get(fd, reply, sizeof(reply));
	assert_memory_equal(reply, "improxyd ", 9);
	assert_non_null(strstr(reply, " protocol 1\n@0 toy# "));
	close(fd);
}

static void test_request(void **state)
{
	int fd = greeted();

	(void)state;
	put(fd, "hello\n");
	expect(fd, "<hello>\n@0 toy# ");
	put(fd, "crlf\r\n");
	expect(fd, "<crlf>\n@0 toy# ");
	put(fd, "bad thing\n");
	expect(fd, "<bad thing>\n@2 toy# ");
	put(fd, "\n");
	expect(fd, "<>\n@0 toy# ");
	put(fd, "nul\n");
	expect(fd, "ab@0 toy# ");
	put(fd, "now\n");
	expect(fd, "@1 toy# ");
	put_len(fd, "a\0b\n", 4);
	expect(fd, "% A request may not contain NUL\n@1 toy# ");
	put(fd, "in ");
	for (int i = 0; i < 10; i++)
		turn();
	put(fd, "parts\n");
	expect(fd, "<in parts>\n@0 toy# ");
	close(fd);
}

static void test_pipelining(void **state)
{
	char want[32];
	int fd = greeted();

	(void)state;
	put(fd, "a\r\nbad\nwait\nb\n");
	expect(fd, "<a>\n@0 toy# ");
	expect(fd, "<bad>\n@2 toy# ");
	for (int i = 0; i < 10; i++)
		turn();
	assert_string_equal(lines, "a|bad|wait|"); /* b has to wait */
	text(last->session, "at last\n");
	ctl_finish(last->session, CTL_INCOMPLETE);
	expect(fd, "at last\n@4 toy# ");
	expect(fd, "<b>\n@0 toy# ");
	/* The same, but the handler itself goes on. */
	put(fd, "wait\nb\n");
	for (int i = 0; i < 10; i++)
		turn();
	last->rows_left = 1;
	ctl_resume(last->session);
	assert_int_equal(last->rows_left, 1); /* not at once */
	expect(fd, "row 000000001 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n@0 toy# ");
	expect(fd, "<b>\n@0 toy# ");
	last->rows_left = 1;
	ctl_resume(last->session); /* nobody waits: nothing */
	put(fd, "c\n");
	expect(fd, "<c>\n@0 toy# ");
	last->rows_left = 0;
	for (int i = 0; i < 3000; i++) {
		snprintf(want, sizeof(want), "n%d\n", i);
		put(fd, want);
	}
	for (int i = 0; i < 3000; i++) {
		snprintf(want, sizeof(want), "<n%d>\n@0 toy# ", i);
		expect(fd, want);
	}
	close(fd);
}

static void test_line_too_long(void **state)
{
	static char line[3 * CTL_LINE_MAX];
	char reply[8192];
	int fd = greeted();

	(void)state;
	memset(line, 'x', sizeof(line));
	put_len(fd, line, CTL_LINE_MAX);
	put(fd, "\r\n");
	get(fd, reply, sizeof(reply));
	assert_int_equal(strlen(reply), CTL_LINE_MAX + strlen("<>\n@0 toy# "));
	put_len(fd, line, CTL_LINE_MAX + 1);
	put(fd, "\nok\n");
	expect(fd, "% Line too long\n@6 toy# ");
	expect(fd, "<ok>\n@0 toy# ");
	put_len(fd, line, CTL_LINE_MAX + 1);
	put(fd, "\r\n");
	expect(fd, "% Line too long\n@6 toy# ");
	for (int i = 0; i < 20; i++)
		put_len(fd, line, sizeof(line));
	put(fd, "rest\nagain\n");
	expect(fd, "% Line too long\n@6 toy# ");
	expect(fd, "<again>\n@0 toy# ");
	close(fd);
}

static void test_exit(void **state)
{
	int fd = greeted();

	(void)state;
	put(fd, "a\nexit\nb\n");
	expect(fd, "<a>\n@0 toy# ");
	expect(fd, "bye\n@0 "); /* an empty prompt tells the end */
	expect_end(fd);
	assert_string_equal(lines, "a|exit|");
	assert_int_equal(closed, 1);
}

/* ---- order and back pressure ---- */

static int rows_read(int fd)
{
	int rows = 0, c;

	while ((c = get_byte(fd)) > 0)
		rows += c == '\n';
	assert_int_equal(c, 0);
	while ((c = get_byte(fd)) != '\n')
		assert_int_not_equal(c, -1);
	return rows;
}

static void test_half_close(void **state)
{
	int fd = greeted();

	(void)state;
	put(fd, "a\nrows 20000\nwait\nb\nunfinished");
	shutdown(fd, SHUT_WR);
	expect(fd, "<a>\n@0 toy# ");
	assert_int_equal(rows_read(fd), 20000);
	for (int i = 0; i < 10; i++)
		turn();
	ctl_finish(last->session, CTL_SUCCESS);
	expect(fd, "@0 toy# ");
	expect(fd, "<b>\n@0 toy# ");
	expect_end(fd);
	assert_string_equal(lines, "a|rows 20000|wait|b|");
}

/* A client that asks for much and never reads costs little memory and no one else's time. */
static void test_never_reads(void **state)
{
	int lazy = greeted(), fd, left;
	struct toy *t = last;

	(void)state;
	put(lazy, "rows 100000\nafter\n");
	fd = greeted();
	for (int i = 0; i < 50; i++) {
		put(fd, "hello\n");
		expect(fd, "<hello>\n@0 toy# ");
	}
	left = t->rows_left;
	assert_in_range(left, 50000, 99990);
	for (int i = 0; i < 50; i++)
		turn();
	assert_int_equal(t->rows_left, left);
	assert_int_equal(rows_read(lazy), 100000);
	expect(lazy, "<after>\n@0 toy# ");
	close(lazy);
	close(fd);
}

/*
 * A client that sends more than the server reads ahead, while its reply waits or its output is full, must cost nothing.
 * Found by the fuzzer: the read callback was called for ever, and this loop never came back.
 */
static void test_full_input_rests(void **state)
{
	static const char line[] = "hello, this is a line\n";
	int waiting = greeted(), lazy, sent[2] = { 0 };
	struct toy *t = last;

	(void)state;
	lazy = greeted();
	put(waiting, "wait\n");
	alarm(20);
	for (int i = 0; i < 5; i++) {
		/* Neither is read from any more. */
		while (send(waiting, line, sizeof(line) - 1, MSG_NOSIGNAL) > 0)
			sent[0]++;
		while (send(lazy, line, sizeof(line) - 1, MSG_NOSIGNAL) > 0)
			sent[1]++;
		for (int j = 0; j < 10; j++)
			turn();
	}
	alarm(0);
	assert_in_range(sent[0], 1, 50000);
	assert_in_range(sent[1], 1, 50000);
	ctl_finish(t->session, CTL_SUCCESS);
	expect(waiting, "@0 toy# ");
	for (int i = 0; i < sent[0]; i++)
		expect(waiting, "<hello, this is a line>\n@0 toy# ");
	for (int i = 0; i < sent[1]; i++)
		expect(lazy, "<hello, this is a line>\n@0 toy# ");
	close(waiting);
	close(lazy);
}

static void test_close_midway(void **state)
{
	int fds[6];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = greeted();
	put(fds[0], "half a li");
	put(fds[1], "rows 100000\n");
	put(fds[2], "monitor\n");
	put(fds[3], "wait\nmore\n");
	put(fds[4], "rows 100000\nrows 100000\n");
	for (int i = 0; i < 20; i++)
		turn();
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	for (int i = 0; i < TURNS_MAX && closed < opened; i++)
		turn();
	assert_int_equal(closed, 6);
}

/* Half-closed and then gone while a stream is silent: found by the probe. */
static void test_half_close_stream(void **state)
{
	int fd = greeted();

	(void)state;
	put(fd, "monitor\n");
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 20; i++)
		turn();
	assert_int_equal(closed, 0);
	assert_int_equal(ctl_notify(last->session, "event\n", 6), 0);
	for (const char *p = "begin\nevent\n"; *p; p++)
		assert_int_equal(get_byte(fd), *p);
	close(fd);
	for (int i = 0; i < TURNS_MAX && !closed; i++)
		turn();
	assert_int_equal(closed, 1);
}

static void test_output_limit(void **state)
{
	int fd = greeted();

	(void)state;
	put(fd, "flood\n");
	for (int i = 0; i < TURNS_MAX && !closed; i++)
		turn();
	assert_int_equal(closed, 1);
	close(fd);
}

/* ---- streams ---- */

static void test_monitor(void **state)
{
	int fd = greeted();

	(void)state;
	put(fd, "monitor\n");
	for (const char *p = "begin\n"; *p; p++)
		assert_int_equal(get_byte(fd), *p);
	assert_int_equal(ctl_notify(last->session, "one\n", 4), 0);
	put(fd, "\n"); /* ends it, without a reply of its own */
	expect(fd, "one\nstopped\n@0 toy# ");
	put(fd, "monitor\nmonitor\nhello\n"); /* each ends the one before it */
	expect(fd, "begin\nstopped\n@0 toy# ");
	expect(fd, "begin\nstopped\n@0 toy# ");
	expect(fd, "<hello>\n@0 toy# ");
	assert_int_equal(last->stops, 3);
	put(fd, "monitor\n");
	while (get_byte(fd) != '\n')
		;
	ctl_finish(last->session, CTL_FAILED);
	expect(fd, "@1 toy# ");
	close(fd);
}

/* A line up to its end. */
static const char *get_line(int fd)
{
	static char line[256];
	size_t len = 0;

	do {
		int c = get_byte(fd);

		assert_true(c > 0);
		line[len++] = (char)c;
		assert_true(len < sizeof(line));
	} while (line[len - 1] != '\n');
	line[len] = '\0';
	return line;
}

static void test_monitor_never_reads(void **state)
{
	static const char event[] = "an event of some length, which nobody reads ........................\n";
	int lazy = greeted(), fd, sent = 0;
	struct toy *t = last;
	char missed[64];

	(void)state;
	put(lazy, "monitor\n");
	fd = greeted();
	for (int i = 0; i < 100; i++) {
		for (int j = 0; j < 200; j++)
			sent += !ctl_notify(t->session, event, sizeof(event) - 1);
		put(fd, "hello\n");
		expect(fd, "<hello>\n@0 toy# ");
	}
	assert_in_range(sent, 100, 15000);
	/* It reads again: what it missed is told once, where the gap is, and then it goes on. */
	assert_string_equal(get_line(lazy), "begin\n");
	for (int i = 0; i < sent; i++)
		assert_string_equal(get_line(lazy), event);
	snprintf(missed, sizeof(missed), "%d missed\n", 20000 - sent);
	assert_string_equal(get_line(lazy), missed);
	assert_int_equal(ctl_notify(t->session, event, sizeof(event) - 1), 0);
	assert_string_equal(get_line(lazy), event);
	/* It stops: what it missed since is not kept from it. */
	for (sent = 0; !ctl_notify(t->session, event, sizeof(event) - 1); sent++)
		;
	put(lazy, "\n");
	for (int i = 0; i < sent; i++)
		assert_string_equal(get_line(lazy), event);
	expect(lazy, "1 missed\nstopped\n@0 toy# ");
	close(lazy);
	close(fd);
}

/* Log lines do not get into the middle of an answer. */
static void test_notify_held(void **state)
{
	int fd = greeted();

	(void)state;
	put(fd, "wait\n");
	for (int i = 0; i < 10; i++)
		turn();
	assert_int_equal(ctl_notify(last->session, "log\n", 4), 0);
	text(last->session, "answer\n");
	ctl_finish(last->session, CTL_SUCCESS);
	expect(fd, "answer\n@0 toy# ");
	for (const char *p = "log\n"; *p; p++)
		assert_int_equal(get_byte(fd), *p);
	ctl_notify(last->session, "log2\n", 5);
	for (const char *p = "log2\n"; *p; p++)
		assert_int_equal(get_byte(fd), *p);
	close(fd);
}

/* ---- sessions and the socket file ---- */

static void test_session_limit(void **state)
{
	int fds[CTL_SESSION_MAX], fd;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = greeted();
	fd = client();
	expect(fd, "% Too many sessions\n@1 ");
	expect_end(fd);
	put(fds[63], "still\n");
	expect(fds[63], "<still>\n@0 toy# ");
	close(fds[5]);
	for (int i = 0; i < TURNS_MAX && !closed; i++)
		turn();
	fds[5] = greeted();
	put(fds[5], "back\n");
	expect(fds[5], "<back>\n@0 toy# ");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

/* Who may change something always gets in: the session that has been idle for longest gives way. */
static void test_idle_gives_way(void **state)
{
	struct ctl_session *listener = NULL;
	int fds[CTL_SESSION_MAX], fd;

	(void)state;
	ops.yields_after_ms = 0;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = greeted();
		if (i == 2)
			listener = last->session;
	}
	/* 0 and 2 listen, each in a way of its own, and 1 has asked something since. */
	put(fds[0], "monitor\n");
	for (const char *p = "begin\n"; *p; p++)
		assert_int_equal(get_byte(fds[0]), *p);
	ctl_listening(listener, true);
	put(fds[1], "busy\n");
	expect(fds[1], "<busy>\n@0 toy# ");
	fd = greeted();
	put(fd, "in\n");
	expect(fd, "<in>\n@0 toy# ");
	expect(fds[3], "% Idle for 0 s, and another needs the session: it ends\n@1 ");
	expect_end(fds[3]);
	fds[3] = greeted();
	expect(fds[4], "% Idle for 0 s, and another needs the session: it ends\n@1 ");
	expect_end(fds[4]);
	/* Those who have just been here stay. */
	ops.yields_after_ms = 3600 * 1000;
	fds[4] = client();
	expect(fds[4], "% Too many sessions\n@1 ");
	expect_end(fds[4]);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (i != 4)
			close(fds[i]);
	}
	close(fd);
}

static void test_second_start(void **state)
{
	struct ctl *second = NULL;
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(ctl_new(base, path, NULL, &ops, &opened, &second), -EADDRINUSE);
	assert_null(second);
	fd = greeted();
	put(fd, "alive\n");
	expect(fd, "<alive>\n@0 toy# ");
	close(fd);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	/* Somebody replaced the file: it is not ours to remove. */
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	ctl_free(ctl);
	ctl = NULL;
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(ctl_new(base, path, NULL, &ops, &opened, &ctl), -ENOTSOCK);
	unlink(path);
	assert_int_equal(ctl_new(base, path, NULL, &ops, &opened, &ctl), 0);
	ctl_free(ctl);
	ctl = NULL;
	assert_int_equal(lstat(path, &st), -1);
}

static void test_stale(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	ctl_free(ctl);
	strcpy(sun.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd); /* the file stays */
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(ctl_new(base, path, NULL, &ops, &opened, &ctl), 0);
	fd = greeted();
	close(fd);
}

static void test_bad_paths(void **state)
{
	char name[256];
	struct ctl *c;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(ctl_new(base, name, NULL, &ops, &opened, &c), -ENAMETOOLONG);
	assert_int_equal(ctl_new(base, "", NULL, &ops, &opened, &c), -EINVAL);
	snprintf(name, sizeof(name), "%s/run/improxy/d.sock/x", dir);
	assert_int_equal(ctl_new(base, name, NULL, &ops, &opened, &c), -ENOTDIR);
	assert_int_equal(ctl_new(base, path, "no such group", &ops, &opened, &c), -ENOENT);
}

/* A peer in a child process with other credentials; tells its prompt character by its exit status. */
static int level_of(uid_t uid, gid_t gid, gid_t extra)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		struct sockaddr_un sun = { .sun_family = AF_UNIX };
		char buf[256];
		ssize_t n, len = 0;
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		strcpy(sun.sun_path, path);
		if (setgroups(1, &extra) || setgid(gid) || setuid(uid) ||
		    connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
			_exit(1);
		while (!memchr(buf, '\0', (size_t)len) || buf[len - 1] != '\n') {
			n = read(fd, buf + len, sizeof(buf) - (size_t)len);
			if (n <= 0)
				_exit(2);
			len += n;
		}
		_exit(buf[len - 3]);
	}
	for (int i = 0; i < TURNS_MAX && !waitpid(pid, &status, WNOHANG); i++)
		turn();
	return WEXITSTATUS(status);
}

static void test_privilege(void **state)
{
	struct group *gr = getgrnam("daemon");
	struct stat st;

	(void)state;
	if (geteuid() || !gr) {
		skip();
		return;
	}
	ctl_free(ctl);
	assert_int_equal(ctl_new(base, path, "daemon", &ops, &opened, &ctl), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_gid, gr->gr_gid);
	chmod(dir, 0755);
	assert_int_equal(level_of(65534, gr->gr_gid, 65534), '#');
	assert_int_equal(level_of(65534, 65534, gr->gr_gid), '#');
	assert_int_equal(level_of(65534, 65534, 65534), 1); /* the mode keeps it out */
	chmod(path, 0666);
	assert_int_equal(level_of(65534, 65534, 65534), '>');
	assert_int_equal(level_of(0, 0, 0), '#');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_greeting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_request, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipelining, setup, teardown),
		cmocka_unit_test_setup_teardown(test_line_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_close, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_input_rests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_midway, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_close_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(test_output_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_monitor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_monitor_never_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_notify_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_session_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idle_gives_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_privilege, setup, teardown),
	};

	return cmocka_run_group_tests_name("ctl", tests, NULL, NULL);
}
