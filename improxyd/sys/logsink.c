/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/logsink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "lib/util.h"

#define SYSLOG_PATH "/dev/log"

static const char *const target_names[] = {
#define LOGSINK_TARGET_NAME(name, word) [LOGSINK_##name] = word,
	LOGSINK_TARGETS(LOGSINK_TARGET_NAME)
#undef LOGSINK_TARGET_NAME
};

static const int priorities[] = {
	[LOG_ERRORS] = LOG_ERR,         [LOG_WARNINGS] = LOG_WARNING, [LOG_NOTIFICATIONS] = LOG_NOTICE,
	[LOG_INFORMATIONAL] = LOG_INFO, [LOG_DEBUGGING] = LOG_DEBUG,
};

struct target {
	struct log_sink sink;
	enum logsink_target id;
	bool on;
	bool torn; /* the last line is not whole: the disk had no more room */
	int fd;    /* -1: to be opened at the next line */
	uint64_t lost;
	uint64_t unreported; /* of these, since the last report */
	char *path;
};

static struct target targets[] = {
	[LOGSINK_STDERR] = { .id = LOGSINK_STDERR, .fd = STDERR_FILENO },
	[LOGSINK_SYSLOG] = { .id = LOGSINK_SYSLOG, .fd = -1 },
	[LOGSINK_FILE] = { .id = LOGSINK_FILE, .fd = -1 },
};

const char *logsink_target_name(enum logsink_target target)
{
	return target_names[target];
}

void logsink_stamp(char *buf, size_t size)
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	buf[0] = '\0';
	if (clock_gettime(CLOCK_REALTIME, &ts) < 0 || !localtime_r(&ts.tv_sec, &tm))
		return;
	n = strftime(buf, size, "%Y/%m/%d %H:%M:%S", &tm);
	if (n > 0)
		snprintf(buf + n, size - n, ".%03ld", ts.tv_nsec / 1000000);
}

/* O_NONBLOCK matters for a FIFO or device; a FIFO without a reader is refused at once with ENXIO. */
static int file_open(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);

	return fd < 0 ? -errno : fd;
}

/*
 * O_NONBLOCK would change standard error for its other users. A terminal that is not read is said to have room when it
 * has too little for a line, and the rest would be waited for: it is opened anew, for the log alone. Where that cannot
 * be done (no /proc, a terminal of another user) it is used as it is. When something else has taken its place, as in
 * the background, it is let go.
 */
static int stderr_follow(int fd)
{
	bool tty = isatty(STDERR_FILENO);

	if (tty && fd == STDERR_FILENO) {
		fd = open("/proc/self/fd/2", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
		return fd < 0 ? STDERR_FILENO : fd;
	}
	if (tty || fd == STDERR_FILENO)
		return fd;
	close(fd);
	return STDERR_FILENO;
}

/* A pipe that nobody reads would hold the daemon up. */
static int write_ready(struct target *t, const char *buf, size_t len)
{
	struct pollfd pfd = { .fd = t->fd, .events = POLLOUT };
	ssize_t n;

	if (poll(&pfd, 1, 0) != 1 || !(pfd.revents & POLLOUT))
		return -EAGAIN;
	n = write(t->fd, buf, len);
	if (n < 0)
		return -errno;
	t->torn = (size_t)n != len;
	return t->torn ? -ENOSPC : 0;
}

/* What could not be opened may have become possible: a directory made, a disk mounted, room on it. */
static int write_line(struct target *t, const char *text)
{
	char line[LOG_LINE_MAX + 2];
	int n;

	if (t->fd < 0) {
		t->fd = file_open(t->path);
		if (t->fd < 0) {
			n = t->fd;
			t->fd = -1;
			return n;
		}
	}
	n = snprintf(line, sizeof(line), "%s%s\n", t->torn ? "\n" : "", text);
	return write_ready(t, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* As syslog(3) does it, but without its waiting for a log daemon that is stuck. */
static int syslog_send(struct target *t, enum log_level level, const char *body)
{
	static const struct sockaddr_un log_addr = { .sun_family = AF_UNIX, .sun_path = SYSLOG_PATH };
	char text[LOG_LINE_MAX + 96], when[32] = "";
	time_t now = time(NULL);
	struct tm tm;
	int n;

	if (localtime_r(&now, &tm))
		strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	n = snprintf(text, sizeof(text), "<%d>%s improxyd[%d]: %s", LOG_DAEMON | priorities[level], when, (int)getpid(),
		     body);
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	/* The log daemon may have been restarted: a second try with a fresh socket. */
	for (int attempt = 0; attempt < 2; attempt++) {
		int err;

		if (t->fd < 0) {
			t->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
			if (t->fd < 0)
				return -errno;
			if (connect(t->fd, (const struct sockaddr *)&log_addr, sizeof(log_addr)) < 0) {
				err = -errno;
				close(t->fd);
				t->fd = -1;
				return err;
			}
		}
		if (send(t->fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		err = -errno;
		if (err == -EAGAIN || err == -ENOBUFS)
			return err;
		close(t->fd);
		t->fd = -1;
		if (attempt == 1)
			return err;
	}
	return -EIO;
}

static int target_send(struct target *t, enum log_level level, const char *text, const char *body)
{
	switch (t->id) {
	case LOGSINK_STDERR:
	case LOGSINK_FILE:
		return write_line(t, text);
	case LOGSINK_SYSLOG:
		return syslog_send(t, level, body);
	}
	return -EINVAL;
}

static void target_write(void *arg, const struct log_line *line)
{
	struct target *t = arg;
	int err;

	if (t->unreported > 0) {
		char text[LOG_LINE_MAX];

		snprintf(text, sizeof(text), "log: %" PRIu64 " lines were lost here", t->unreported);
		if (target_send(t, LOG_WARNINGS, text, text) == 0)
			t->unreported = 0;
	}
	err = target_send(t, line->level, line->text, line->body);
	if (err == 0)
		return;
	t->lost++;
	/* While lines are being delivered this goes to the ring only, so that a full disk cannot flood anybody. */
	t->unreported++;
	if (t->lost == 1)
		log_warn("log", "cannot write to %s: %s", t->path ? t->path : target_names[t->id], strerror(-err));
}

static void target_on(struct target *t, enum log_level level)
{
	t->sink.level = level;
	t->sink.write = target_write;
	t->sink.arg = t;
	t->on = true;
	log_sink_add(&t->sink);
}

void logsink_set(enum logsink_target target, enum log_level level)
{
	struct target *t = &targets[target];

	if (target == LOGSINK_STDERR)
		t->fd = stderr_follow(t->fd);
	if (target != LOGSINK_FILE || t->path)
		target_on(t, level);
}

int logsink_set_file(const char *path, enum log_level level)
{
	struct target *t = &targets[LOGSINK_FILE];
	char *copy;
	int fd;

	if (t->path && strcmp(t->path, path) == 0) {
		target_on(t, level);
		return 0;
	}
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	logsink_off(LOGSINK_FILE);
	fd = file_open(path);
	t->fd = fd < 0 ? -1 : fd;
	t->path = copy;
	target_on(t, level);
	return fd < 0 ? fd : 0;
}

int logsink_try_file(const char *path)
{
	const struct target *t = &targets[LOGSINK_FILE];
	int fd;

	if (t->path && t->fd >= 0 && strcmp(t->path, path) == 0)
		return 0;
	fd = file_open(path);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int logsink_reopen(void)
{
	struct target *t = &targets[LOGSINK_FILE];
	int fd;

	if (!t->path)
		return -ENOENT;
	fd = file_open(t->path);
	if (fd < 0)
		return fd;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = fd;
	t->torn = false;
	return 0;
}

int logsink_file(void)
{
	return targets[LOGSINK_FILE].fd;
}

void logsink_off(enum logsink_target target)
{
	struct target *t = &targets[target];

	log_sink_remove(&t->sink);
	/* In the sandbox the terminal cannot be opened a second time: it is kept. */
	if (target == LOGSINK_STDERR) {
		t->fd = stderr_follow(t->fd);
	} else if (t->fd >= 0) {
		close(t->fd);
		t->fd = -1;
	}
	free(t->path);
	t->path = NULL;
	t->lost = t->unreported = 0;
	t->on = t->torn = false;
}

struct logsink_status logsink_status(enum logsink_target target)
{
	const struct target *t = &targets[target];

	return (struct logsink_status){ .on = t->on, .level = t->sink.level, .path = t->path, .lost = t->lost };
}

void logsink_fini(void)
{
	for (unsigned int i = 0; i < LOGSINK_TARGET_COUNT; i++)
		logsink_off((enum logsink_target)i);
}
