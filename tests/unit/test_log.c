/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/log: levels, lines, ring, sinks, debug filter, rate; and the real sinks of sys/logsink. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "sys/logsink.h"

#include <cmocka.h>

struct capture {
	struct log_sink sink;
	unsigned int lines;
	char text[LOG_LINE_MAX], body[LOG_LINE_MAX];
	enum log_level level;
	bool remove_itself, log_again;
};

static void capture_write(void *arg, const struct log_line *line)
{
	struct capture *c = arg;

	c->lines++;
	c->level = line->level;
	snprintf(c->text, sizeof(c->text), "%s", line->text);
	snprintf(c->body, sizeof(c->body), "%s", line->body);
	if (c->log_again)
		log_error("sink", "again");
	if (c->remove_itself)
		log_sink_remove(&c->sink);
}

static void capture_add(struct capture *c, enum log_level level)
{
	memset(c, 0, sizeof(*c));
	c->sink = (struct log_sink){ .write = capture_write, .arg = c, .level = level };
	log_sink_add(&c->sink);
}

static void noon(char *buf, size_t size)
{
	snprintf(buf, size, "12:00:00");
}

static int setup(void **state)
{
	(void)state;
	log_init(noon);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_fini();
	return 0;
}

static void test_levels(void **state)
{
	enum log_level level;

	(void)state;
	for (unsigned int i = 0; i < LOG_LEVEL_COUNT; i++) {
		assert_int_equal(log_level_parse(log_level_name((enum log_level)i), &level), 0);
		assert_int_equal(level, i);
	}
	assert_int_equal(log_level_parse("warn", &level), 0);
	assert_int_equal(level, LOG_WARNINGS);
	assert_int_equal(log_level_parse("", &level), -EINVAL);
	assert_int_equal(log_level_parse("errorsx", &level), -EINVAL);
	assert_string_equal(log_level_name(LOG_DEBUGGING), "debugging");
}

static void test_line(void **state)
{
	struct capture c;

	(void)state;
	capture_add(&c, LOG_DEBUGGING);
	log_warn("link", "%s is %d", "eth0", 7);
	assert_int_equal(c.level, LOG_WARNINGS);
	assert_string_equal(c.text, "12:00:00 warnings link: eth0 is 7");
	assert_string_equal(c.body, "link: eth0 is 7");
	log_warn("link", "bad\nname\033[31m\177");
	assert_string_equal(c.body, "link: bad?name?[31m?");
	log_sink_remove(&c.sink);
}

static void test_cut(void **state)
{
	char longer[2 * LOG_LINE_MAX];
	struct capture c;

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	capture_add(&c, LOG_DEBUGGING);
	log_info("t", "%s", longer);
	assert_int_equal(strlen(c.text), LOG_LINE_MAX - 1);
	assert_string_equal(c.text + LOG_LINE_MAX - 5, "x...");
	log_sink_remove(&c.sink);
}

static void test_sink_levels(void **state)
{
	struct capture few, all;

	(void)state;
	capture_add(&few, LOG_WARNINGS);
	capture_add(&all, LOG_DEBUGGING);
	for (unsigned int i = 0; i < LOG_LEVEL_COUNT; i++)
		log_msg((enum log_level)i, "t", "m");
	assert_int_equal(few.lines, 2);
	assert_int_equal(all.lines, LOG_LEVEL_COUNT);
	log_sink_remove(&all.sink);
	log_sink_remove(&all.sink);
	log_error("t", "m");
	assert_int_equal(few.lines, 3);
	assert_int_equal(all.lines, LOG_LEVEL_COUNT);
	log_sink_remove(&few.sink);
}

static void test_sink_in_write(void **state)
{
	struct capture first, second;

	(void)state;
	capture_add(&first, LOG_DEBUGGING);
	capture_add(&second, LOG_DEBUGGING);
	first.remove_itself = true;
	second.log_again = true;
	log_error("t", "one");
	log_error("t", "two");
	assert_int_equal(first.lines, 1);
	/* What the sink logs goes to the ring, not back to the sink. */
	assert_int_equal(second.lines, 2);
	assert_int_equal(log_ring_count(), 4);
	log_sink_remove(&second.sink);
}

static void test_ring(void **state)
{
	(void)state;
	assert_null(log_ring_get(0));
	for (unsigned int i = 0; i < LOG_RING_LINES + 3; i++)
		log_info("t", "%u", i);
	assert_int_equal(log_ring_count(), LOG_RING_LINES);
	assert_int_equal(log_ring_total(), LOG_RING_LINES + 3);
	assert_string_equal(log_ring_get(0), "12:00:00 informational t: 3");
	assert_string_equal(log_ring_get(LOG_RING_LINES - 1), "12:00:00 informational t: 502");
	assert_null(log_ring_get(LOG_RING_LINES));
	log_ring_set_level(LOG_ERRORS);
	log_info("t", "not kept");
	assert_int_equal(log_ring_total(), LOG_RING_LINES + 3);
}

static unsigned int evaluated;

static int evaluate(void)
{
	evaluated++;
	return 1;
}

static void test_debug(void **state)
{
	struct capture c;

	(void)state;
	capture_add(&c, LOG_DEBUGGING);
	evaluated = 0;
	log_debug(3, "eth0", "t", "%d", evaluate());
	assert_int_equal(c.lines + evaluated, 0);
	log_debug_set(3, true, NULL);
	log_debug(3, "eth0", "t", "%d", evaluate());
	log_debug(4, "eth0", "t", "%d", evaluate());
	assert_int_equal(c.lines, 1);
	assert_int_equal(evaluated, 1);
	log_debug_set(3, true, "eth1");
	assert_string_equal(log_debug_ifname(3), "eth1");
	assert_false(log_debug_on(3, "eth0"));
	assert_true(log_debug_on(3, "eth1"));
	assert_true(log_debug_on(3, NULL));
	log_debug_set(3, false, NULL);
	assert_false(log_debug_on(3, "eth1"));
	assert_null(log_debug_ifname(3));
	log_debug_set(31, true, NULL);
	assert_true(log_debug_on(31, NULL));
	log_debug_set(32, true, NULL);
	log_debug_clear();
	assert_int_equal(log_debug_mask, 0);
	log_sink_remove(&c.sink);
}

static void test_rate(void **state)
{
	struct log_rate rate = { .interval = mtime_from_s(1), .burst = 2 };
	unsigned int suppressed = 99;

	(void)state;
	assert_true(log_rate_ok(&rate, mtime_from_s(100), &suppressed));
	assert_int_equal(suppressed, 0);
	assert_true(log_rate_ok(&rate, mtime_from_s(100), NULL));
	assert_false(log_rate_ok(&rate, mtime_from_ms(100999), &suppressed));
	assert_false(log_rate_ok(&rate, mtime_from_ms(100999), &suppressed));
	assert_true(log_rate_ok(&rate, mtime_from_s(101), &suppressed));
	assert_int_equal(suppressed, 2);
	assert_true(log_rate_ok(&rate, mtime_from_s(101), &suppressed));
	assert_int_equal(suppressed, 0);
	assert_false(log_rate_ok(&rate, mtime_from_s(101), &suppressed));
}

static void read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, buf, size - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	close(fd);
}

static void test_file_sink(void **state)
{
	char dir[] = "/tmp/test_log.XXXXXX", path[64], old[64], more[64], buf[1024];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	snprintf(old, sizeof(old), "%s/old", dir);
	assert_int_equal(logsink_reopen(), -ENOENT);
	assert_int_equal(logsink_set_file(path, LOG_WARNINGS), 0);
	log_error("t", "one");
	log_info("t", "too fine");
	/* Rotation. */
	assert_int_equal(rename(path, old), 0);
	log_error("t", "two");
	assert_int_equal(logsink_reopen(), 0);
	log_error("t", "three");
	read_file(old, buf, sizeof(buf));
	assert_string_equal(buf, "12:00:00 errors t: one\n12:00:00 errors t: two\n");
	read_file(path, buf, sizeof(buf));
	assert_string_equal(buf, "12:00:00 errors t: three\n");
	/* A path that cannot be opened is tried again at each line. */
	snprintf(more, sizeof(more), "%s/more/log", dir);
	assert_int_equal(logsink_try_file(more), -ENOENT);
	assert_int_equal(logsink_set_file(more, LOG_ERRORS), -ENOENT);
	log_error("t", "four");
	assert_int_equal(logsink_status(LOGSINK_FILE).lost, 1);
	snprintf(old, sizeof(old), "%s/more", dir);
	assert_int_equal(mkdir(old, 0700), 0);
	log_error("t", "five");
	read_file(more, buf, sizeof(buf));
	assert_string_equal(buf, "log: 1 lines were lost here\n12:00:00 errors t: five\n");
	/* The one that is open is good, whatever has become of its name. */
	assert_int_equal(rename(more, path), 0);
	assert_int_equal(rmdir(old), 0);
	assert_int_equal(logsink_try_file(more), 0);
	assert_int_equal(mkdir(old, 0700), 0);
	assert_int_equal(rename(path, more), 0);
	/* The same path with another level goes on counting. */
	assert_int_equal(logsink_set_file(more, LOG_WARNINGS), 0);
	assert_int_equal(logsink_status(LOGSINK_FILE).level, LOG_WARNINGS);
	assert_int_equal(logsink_status(LOGSINK_FILE).lost, 1);
	logsink_off(LOGSINK_FILE);
	assert_false(logsink_status(LOGSINK_FILE).on);
	logsink_set(LOGSINK_FILE, LOG_ERRORS);
	assert_false(logsink_status(LOGSINK_FILE).on);
	unlink(more);
	rmdir(old);
	snprintf(old, sizeof(old), "%s/old", dir);
	unlink(path);
	unlink(old);
	rmdir(dir);
}

/* A FIFO that its reader does not empty: lines are lost and counted, and the loss is told once there is room. */
static void test_stuck_reader(void **state)
{
	char dir[] = "/tmp/test_log.XXXXXX", path[64], buf[65536];
	int reader;
	uint64_t lost;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(logsink_set_file(path, LOG_DEBUGGING), -ENXIO);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	assert_int_equal(logsink_set_file(path, LOG_DEBUGGING), 0);
	for (unsigned int i = 0; i < 5000; i++)
		log_info("t", "%u 0123456789012345678901234567890123456789", i);
	lost = logsink_status(LOGSINK_FILE).lost;
	assert_true(lost > 0 && lost < 5000);
	while (read(reader, buf, sizeof(buf)) > 0)
		;
	log_info("t", "after");
	memset(buf, 0, sizeof(buf));
	assert_true(read(reader, buf, sizeof(buf) - 1) > 0);
	assert_non_null(strstr(buf, "lines were lost here\n12:00:00 informational t: after\n"));
	assert_int_equal(strtoul(buf + strlen("log: "), NULL, 10), lost);
	logsink_fini();
	close(reader);
	unlink(path);
	rmdir(dir);
}

static void test_stamp(void **state)
{
	unsigned int year, month, day, hour, minute, second, ms;
	char buf[64];

	(void)state;
	logsink_stamp(buf, sizeof(buf));
	assert_int_equal(sscanf(buf, "%4u/%2u/%2u %2u:%2u:%2u.%3u", &year, &month, &day, &hour, &minute, &second, &ms),
			 7);
	assert_int_equal(strlen(buf), 23);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sink_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sink_in_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_debug, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_sink, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stuck_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stamp, setup, teardown),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
