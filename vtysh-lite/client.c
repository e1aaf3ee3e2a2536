/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See client.h. */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void client_init(struct client *c)
{
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

void client_disconnect(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	client_init(c);
}

static int client_connect(struct client *c, const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int err;

	client_disconnect(c);
	if (!path[0])
		return -EINVAL;
	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -errno;
	if (connect(c->fd, (const struct sockaddr *)&sun, sizeof(sun))) {
		err = -errno;
		client_disconnect(c);
		return err;
	}
	return 0;
}

int client_send(struct client *c, const char *line, size_t len)
{
	char *msg, *p;
	size_t left = len + 1;
	int err = 0;

	if (c->fd < 0)
		return -ENOTCONN;
	if (memchr(line, '\n', len))
		return -EINVAL;
	msg = malloc(len + 1);
	if (!msg)
		return -ENOMEM;
	memcpy(msg, line, len);
	msg[len] = '\n';
	for (p = msg; left && !err;) {
		ssize_t n = send(c->fd, p, left, MSG_NOSIGNAL);

		if (n > 0) {
			p += n;
			left -= (size_t)n;
		} else if (n < 0 && errno != EINTR) {
			err = -errno;
		}
	}
	free(msg);
	return err;
}

/* `CODE PROMPT`; false when it is something else. */
static bool marker_parse(struct client *c)
{
	char *end;
	long code;

	c->marker[c->marker_len] = '\0';
	code = strtol(c->marker, &end, 10);
	if (end == c->marker || *end != ' ' || code < 0 || code > 255)
		return false;
	c->code = (int)code;
	snprintf(c->prompt, sizeof(c->prompt), "%.*s", (int)sizeof(c->prompt) - 1, end + 1);
	c->closing = !c->prompt[0];
	return true;
}

/* What the buffer holds: CLIENT_TEXT, CLIENT_END, CLIENT_LOST (no such protocol), or CLIENT_TIMEOUT when it is used up.
 */
static enum client_event buffer_next(struct client *c)
{
	const char *nul;

	while (c->pos < c->len && c->in_marker) {
		char ch = c->buf[c->pos++];

		if (ch == '\n') {
			c->in_marker = false;
			return marker_parse(c) ? CLIENT_END : CLIENT_LOST;
		}
		if (c->marker_len + 1 >= sizeof(c->marker))
			return CLIENT_LOST;
		c->marker[c->marker_len++] = ch;
	}
	if (c->pos == c->len)
		return CLIENT_TIMEOUT;
	c->text = c->buf + c->pos;
	nul = memchr(c->text, '\0', c->len - c->pos);
	c->text_len = nul ? (size_t)(nul - c->text) : c->len - c->pos;
	c->pos += c->text_len;
	if (!nul)
		return CLIENT_TEXT;
	c->pos++;
	c->in_marker = true;
	c->marker_len = 0;
	return c->text_len ? CLIENT_TEXT : buffer_next(c);
}

enum client_event client_next(struct client *c, int timeout_ms, const sigset_t *mask)
{
	const struct timespec ts = { timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000 };
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
	enum client_event event;
	ssize_t n;
	int ready;

	if (c->fd < 0)
		return CLIENT_LOST;
	while ((event = buffer_next(c)) == CLIENT_TIMEOUT) {
		ready = ppoll(&pfd, 1, timeout_ms < 0 ? NULL : &ts, mask);
		if (!ready)
			return CLIENT_TIMEOUT;
		if (ready < 0)
			return errno == EINTR ? CLIENT_SIGNAL : CLIENT_LOST;
		n = read(c->fd, c->buf, sizeof(c->buf));
		if (n < 0 && errno == EINTR)
			return CLIENT_SIGNAL;
		if (n <= 0)
			return CLIENT_LOST;
		c->pos = 0;
		c->len = (size_t)n;
	}
	return event;
}

bool client_buffered(const struct client *c)
{
	return c->pos < c->len;
}

int64_t client_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int client_open(struct client *c, const char *path, int timeout_ms, const sigset_t *mask, char *text, size_t size)
{
	static const char greeting[] = "improxyd ", protocol[] = " protocol 1\n";
	enum client_event event;
	size_t len = 0, n;
	int err;

	text[0] = '\0';
	err = client_connect(c, path);
	if (err)
		return err;
	while ((event = client_next(c, timeout_ms, mask)) == CLIENT_TEXT) {
		n = c->text_len < size - 1 - len ? c->text_len : size - 1 - len;
		memcpy(text + len, c->text, n);
		len += n;
		text[len] = '\0';
	}
	switch (event) {
	case CLIENT_TEXT:
	case CLIENT_END:
		if (c->closing)
			err = -EUSERS;
		else if (strncmp(text, greeting, sizeof(greeting) - 1) || !strstr(text, protocol))
			err = -EPROTO;
		break;
	case CLIENT_TIMEOUT:
		err = -ETIMEDOUT;
		break;
	case CLIENT_SIGNAL:
		err = -EINTR;
		break;
	case CLIENT_LOST:
		err = len ? -EPROTO : -ECONNRESET;
		break;
	}
	if (err)
		client_disconnect(c);
	return err;
}
