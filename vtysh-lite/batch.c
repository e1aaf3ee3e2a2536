/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See batch.h. Commands are not pipelined: the next one is sent only when the one before it has succeeded, because it
 * must not be executed otherwise.
 */
#include "batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "line.h"

#define GREETING_MS 10000
#define HOLD_MS     200  /* after this the held text is not going to be an error */
#define TAIL        4096 /* of a long reply, held back */

void connect_error(const char *path, int err, const char *text)
{
	if (err == -EUSERS)
		fprintf(stderr, "%s", text);
	else if (err == -EPROTO)
		fprintf(stderr, "%% Cannot connect to %s: it does not speak this protocol\n", path);
	else
		fprintf(stderr, "%% Cannot connect to %s: %s\n", path, strerror(-err));
}

static void batch_stop(struct batch *b, enum exit_status status)
{
	b->status = status;
	b->stopped = true;
}

bool batch_open(struct batch *b, const char *path)
{
	char text[512];
	int err;

	client_init(&b->client);
	err = client_open(&b->client, path, GREETING_MS, NULL, text, sizeof(text));
	if (!err)
		return true;
	connect_error(path, err, text);
	batch_stop(b, EXIT_CONNECTION);
	return false;
}

void batch_close(struct batch *b)
{
	client_disconnect(&b->client);
}

/* ---- output ---- */

static void output(struct batch *b, const char *buf, size_t len)
{
	while (len && !b->stopped) {
		ssize_t n = write(STDOUT_FILENO, buf, len);

		if (n >= 0) {
			buf += n;
			len -= (size_t)n;
		} else if (errno != EINTR) {
			fprintf(stderr, "%% Cannot write: %s\n", strerror(errno));
			batch_stop(b, EXIT_COMMAND);
		}
	}
}

/* How long the held text may still wait; negative: there is none. */
static int hold_left_ms(const struct batch *b)
{
	int64_t left_ms = b->held_since_ms + HOLD_MS - client_now_ms();

	if (!b->held)
		return -1;
	return left_ms > 0 ? (int)left_ms : 0;
}

/* Writes out the held text but for its last `keep` bytes. */
static void hold_flush(struct batch *b, size_t keep)
{
	size_t n = b->held > keep ? b->held - keep : 0;

	output(b, b->hold, n);
	memmove(b->hold, b->hold + n, b->held - n);
	b->held -= n;
}

static void hold_add(struct batch *b, const char *buf, size_t len)
{
	if (!b->held)
		b->held_since_ms = client_now_ms();
	while (len) {
		size_t n = len < sizeof(b->hold) - b->held ? len : sizeof(b->hold) - b->held;

		memcpy(b->hold + b->held, buf, n);
		b->held += n;
		buf += n;
		len -= n;
		if (b->held == sizeof(b->hold))
			hold_flush(b, TAIL);
	}
}

static bool is_caret_line(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && line[i] == ' ')
		i++;
	if (i == len || line[i] != '^')
		return false;
	while (i < len && strchr("^~ ", line[i]))
		i++;
	return i == len;
}

/* 0: the line has no number. */
static void begin_error(unsigned long number)
{
	if (number)
		fprintf(stderr, "line %lu: ", number);
}

static void error_flush(struct batch *b, unsigned long number)
{
	const char *p = b->hold, *end = b->hold + b->held, *next, *eol;
	bool told = false;

	for (; p < end; p = next) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol)
			eol = end;
		next = eol < end ? eol + 1 : end;
		if (*p == '%') {
			begin_error(number);
			fprintf(stderr, "%.*s\n", (int)(eol - p), p);
			told = true;
			continue;
		}
		if (is_caret_line(p, (size_t)(eol - p)))
			continue;
		eol = memchr(next, '\n', (size_t)(end - next));
		if (eol && is_caret_line(next, (size_t)(eol - next)))
			continue;
		output(b, p, (size_t)(next - p));
	}
	if (!told) {
		begin_error(number);
		fprintf(stderr, "%% Command failed\n");
	}
	b->held = 0;
}

/* ---- commands ---- */

/* Runs one request; its last text stays held. Returns the code, or -1 when the connection is lost. */
static int request(struct batch *b, const char *line, size_t len)
{
	enum client_event event;

	b->held = 0;
	if (client_send(&b->client, line, len))
		return -1;
	for (;;) {
		int left_ms = hold_left_ms(b);

		event = client_next(&b->client, left_ms, NULL);
		switch (event) {
		case CLIENT_TEXT:
			if (!left_ms)
				hold_flush(b, 0);
			hold_add(b, b->client.text, b->client.text_len);
			break;
		case CLIENT_END:
			b->closed = b->client.closing;
			return b->client.code;
		case CLIENT_TIMEOUT:
			hold_flush(b, 0);
			break;
		case CLIENT_SIGNAL:
			break;
		case CLIENT_LOST:
			hold_flush(b, 0);
			return -1;
		}
		if (b->stopped)
			return 0;
	}
}

/* True: it has succeeded. */
static bool batch_request(struct batch *b, const char *line, size_t len, unsigned long number)
{
	char *json = NULL;
	size_t end;
	int code;

	if (b->closed) {
		begin_error(number);
		fprintf(stderr, "%% The session has ended before this command: %.*s\n", (int)len, line);
		batch_stop(b, EXIT_CONNECTION);
		return false;
	}
	if (b->json)
		json = line_json(line, len, &end);
	code = json ? request(b, json, strlen(json)) : request(b, line, len);
	if (json && code == CLIENT_CODE_UNKNOWN)
		code = request(b, line, len);
	free(json);
	if (b->stopped)
		return false;
	if (code < 0) {
		begin_error(number);
		fprintf(stderr, "%% Connection lost\n");
		batch_stop(b, EXIT_CONNECTION);
	} else if (code == CLIENT_CODE_SUCCESS) {
		hold_flush(b, 0);
	} else {
		error_flush(b, number);
		b->status = EXIT_COMMAND;
		b->stopped = !b->keep_going;
	}
	return code == CLIENT_CODE_SUCCESS && !b->stopped;
}

/* Again and again until it fails, or until somebody ends this process. */
static void batch_watch(struct batch *b, const char *command, long seconds, unsigned long number)
{
	const struct timespec time = { .tv_sec = seconds };

	while (batch_request(b, command, strlen(command), number) && !b->closed)
		nanosleep(&time, NULL);
}

static void batch_line(struct batch *b, const char *line, size_t len, unsigned long number)
{
	const char *watched;
	long seconds;
	char *text;

	if (b->stopped || line_is_idle(line, len))
		return;
	text = strndup(line, len);
	if (!text) {
		fprintf(stderr, "%% %s\n", strerror(errno));
		batch_stop(b, EXIT_COMMAND);
		return;
	}
	watched = line_watched(text, &seconds);
	if (watched && !line_is_idle(watched, strlen(watched)))
		batch_watch(b, watched, seconds, number);
	else
		batch_request(b, line, len, number);
	free(text);
}

void batch_command(struct batch *b, const char *command)
{
	while (*command) {
		size_t len = strcspn(command, "\n");

		batch_line(b, command, len, 0);
		command += len + (command[len] == '\n');
	}
}

void batch_file(struct batch *b, FILE *file)
{
	unsigned long number = 0;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while (!b->stopped && (len = getline(&line, &size, file)) >= 0) {
		if (len && line[len - 1] == '\n')
			len--;
		batch_line(b, line, (size_t)len, ++number);
	}
	if (!b->stopped && ferror(file)) {
		fprintf(stderr, "%% Cannot read: %s\n", strerror(errno));
		batch_stop(b, EXIT_COMMAND);
	}
	free(line);
}
