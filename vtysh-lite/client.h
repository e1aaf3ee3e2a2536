/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's end of the control protocol: it turns the byte stream into text and ends of replies, one event a call,
 * so that a reply of any length needs one fixed buffer. It knows no command and prints nothing.
 */
#ifndef IMPROXY_VTYSH_CLIENT_H
#define IMPROXY_VTYSH_CLIENT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENT_BUF        65536
#define CLIENT_PROMPT_MAX 256

/* The codes of the protocol that a client acts upon. */
#define CLIENT_CODE_SUCCESS 0
#define CLIENT_CODE_UNKNOWN 2

enum client_event {
	CLIENT_TEXT,    /* text[0..text_len): valid until the next call */
	CLIENT_END,     /* a reply has ended: code, prompt, closing */
	CLIENT_TIMEOUT, /* nothing came in time */
	CLIENT_SIGNAL,  /* a signal came first */
	CLIENT_LOST,    /* the connection is gone */
};

struct client {
	int fd; /* -1: not connected */
	int code;
	bool closing; /* the daemon closes the connection after the reply that has just ended */
	char prompt[CLIENT_PROMPT_MAX];
	const char *text;
	size_t text_len;
	/* private */
	char buf[CLIENT_BUF];
	size_t pos, len;
	char marker[CLIENT_PROMPT_MAX + 16];
	size_t marker_len;
	bool in_marker;
};

void client_init(struct client *c);

/*
 * Connects and reads the greeting, whose text is left in `text`. Returns 0 or -errno: -ETIMEDOUT (no greeting in
 * `timeout_ms`), -EINTR (a signal came), -EPROTO (it is not our protocol), -EUSERS (the daemon refuses the session;
 * `text` tells why). `mask` is that of client_next().
 */
int client_open(struct client *c, const char *path, int timeout_ms, const sigset_t *mask, char *text, size_t size);

void client_disconnect(struct client *c);

/*
 * Sends one request (without its line end). Returns 0 or -errno (-EINVAL: it holds a line end). Waits for a daemon that
 * does not read.
 */
int client_send(struct client *c, const char *line, size_t len);

/*
 * Waits at most `timeout_ms` (negative: for ever) for the next event. While it waits, the signal mask is `mask` (NULL:
 * unchanged), so that a signal blocked elsewhere is not missed.
 */
enum client_event client_next(struct client *c, int timeout_ms, const sigset_t *mask);

/* Something was read already: client_next() returns at once although the descriptor may not be readable. */
bool client_buffered(const struct client *c);

/* Milliseconds on a clock that only goes forward. */
int64_t client_now_ms(void);

#endif
