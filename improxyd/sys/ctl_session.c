/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See ctl.h for the contract. Inside, a session is a small state machine around a libevent bufferevent:
 *
 *   IDLE    no reply in progress, the next line may be taken
 *   RUN     a handler is on the stack
 *   MORE    the handler goes on as soon as the client has read
 *   WAIT    the handler ends the reply by itself; lines wait
 *   STREAM  as WAIT, but the next line ends it
 *
 * session_run() is the only place that takes lines and calls handlers. It does a bounded amount of work and comes back
 * through a zero timeout, so that a client that pipelines ten thousand requests takes turns with everything else on the
 * loop. A session is only ever freed there, in the bufferevent callbacks and when another takes its place, never below
 * a handler: what goes wrong in between sets `dead`.
 */
#include "sys/ctl_state.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "lib/util.h"
#include "sys/loop.h"

#ifndef IMPROXY_VERSION
#define IMPROXY_VERSION "unknown"
#endif

#define INPUT_MAX   ((size_t)2 * CTL_LINE_MAX) /* read ahead of the request in progress */
#define OUTPUT_HIGH ((size_t)64 << 10)         /* ctl_full() */
#define OUTPUT_LOW  ((size_t)16 << 10)         /* go on producing */
#define OUTPUT_MAX  ((size_t)16 << 20)         /* a handler that never looks at ctl_full() */
#define RUN_BUDGET  16                         /* handler calls before others have their turn */
#define PROMPT_SIZE 256
#define MISSED_SIZE 256

enum line_status { LINE_NONE, LINE_READY, LINE_TOO_LONG, LINE_HAS_NUL };

static const struct timeval now_tv = { 0, 0 };
static const struct timeval probe_tv = { 1, 0 };

/* ---- output ---- */

static void output_add(struct ctl_session *s, const void *buf, size_t len)
{
	struct evbuffer *out = bufferevent_get_output(s->bev);

	if (s->dead)
		return;
	if (evbuffer_get_length(out) + len > OUTPUT_MAX || evbuffer_add(out, buf, len))
		s->dead = true;
}

static int text_add(struct evbuffer *dst, const char *buf, size_t len)
{
	const char *end = buf + len, *nul;

	for (; buf < end; buf = nul + 1) {
		nul = memchr(buf, '\0', (size_t)(end - buf));
		if (!nul)
			nul = end;
		if (evbuffer_add(dst, buf, (size_t)(nul - buf)))
			return -ENOMEM;
	}
	return 0;
}

bool ctl_full(const struct ctl_session *session)
{
	return session->dead || evbuffer_get_length(bufferevent_get_output(session->bev)) >= OUTPUT_HIGH;
}

void ctl_write(struct ctl_session *session, const char *buf, size_t len)
{
	struct evbuffer *out = bufferevent_get_output(session->bev);

	if (session->dead)
		return;
	if (evbuffer_get_length(out) + len > OUTPUT_MAX || text_add(out, buf, len)) {
		session->dead = true;
		event_add(session->work, &now_tv);
	}
}

/* After a loss nothing goes out before much has been read, so that there is one gap and not a hundred. */
static bool has_room(const struct ctl_session *s, const struct evbuffer *dst, size_t len)
{
	return evbuffer_get_length(dst) + len <= (s->missed ? OUTPUT_LOW : OUTPUT_HIGH);
}

static int missed_add(struct ctl_session *s, struct evbuffer *dst)
{
	char text[MISSED_SIZE] = "";

	if (!s->missed)
		return 0;
	s->ctl->ops->missed(s->user, s->missed, text, sizeof(text));
	s->missed = 0;
	return text_add(dst, text, strlen(text));
}

/* Else notifications wait for the end of the reply. */
static bool notifies_directly(const struct ctl_session *s)
{
	return s->state == CTL_SESSION_IDLE || s->state == CTL_SESSION_STREAM;
}

int ctl_notify(struct ctl_session *session, const char *buf, size_t len)
{
	struct evbuffer *dst = notifies_directly(session) ? bufferevent_get_output(session->bev) : session->held;

	if (session->dead || !has_room(session, dst, len) || missed_add(session, dst) || text_add(dst, buf, len)) {
		session->missed++;
		return -ENOBUFS;
	}
	return 0;
}

void ctl_listening(struct ctl_session *session, bool on)
{
	session->listening = on;
}

static void held_flush(struct ctl_session *s)
{
	if (evbuffer_get_length(s->held) && evbuffer_add_buffer(bufferevent_get_output(s->bev), s->held))
		s->dead = true;
}

/* The end-of-reply marker. A prompt is one line without NUL whatever the handler says, or the framing would break. */
static void reply_end(struct ctl_session *s, int code)
{
	char prompt[PROMPT_SIZE] = "", end[PROMPT_SIZE + 16];
	int n;

	if (!s->closing)
		s->ctl->ops->prompt(s->user, prompt, sizeof(prompt));
	prompt[strcspn(prompt, "\r\n")] = '\0';
	n = snprintf(end, sizeof(end), "%c%d %s\n", '\0', code, prompt);
	output_add(s, end, (size_t)n);
	s->state = CTL_SESSION_IDLE;
	held_flush(s);
}

/* ---- sessions ---- */

void ctl_session_free(struct ctl_session *s)
{
	struct ctl *ctl = s->ctl;

	for (size_t i = 0; i < ARRAY_SIZE(ctl->sessions); i++) {
		if (ctl->sessions[i] == s)
			ctl->sessions[i] = NULL;
	}
	if (s->user)
		ctl->ops->close(s->user);
	if (s->work)
		event_free(s->work);
	if (s->held)
		evbuffer_free(s->held);
	if (s->bev)
		bufferevent_free(s->bev);
	free(s);
}

/* Takes the next line from the input into ctl->line. */
static enum line_status line_take(struct ctl_session *s)
{
	struct evbuffer *in = bufferevent_get_input(s->bev);
	char *line = s->ctl->line;
	struct evbuffer_ptr eol;
	size_t len;

	eol = evbuffer_search_eol(in, NULL, NULL, EVBUFFER_EOL_LF);
	if (s->skipping) {
		if (eol.pos < 0) {
			evbuffer_drain(in, evbuffer_get_length(in));
			return LINE_NONE;
		}
		evbuffer_drain(in, (size_t)eol.pos + 1);
		s->skipping = false;
		eol = evbuffer_search_eol(in, NULL, NULL, EVBUFFER_EOL_LF);
	}
	if (eol.pos < 0) {
		if (evbuffer_get_length(in) <= CTL_LINE_MAX + 1)
			return LINE_NONE;
		evbuffer_drain(in, evbuffer_get_length(in));
		s->skipping = true;
		return LINE_TOO_LONG;
	}
	len = (size_t)eol.pos;
	if (len > CTL_LINE_MAX + 1) {
		evbuffer_drain(in, len + 1);
		return LINE_TOO_LONG;
	}
	if (evbuffer_remove(in, line, len + 1) < 0) {
		s->dead = true;
		return LINE_NONE;
	}
	if (len && line[len - 1] == '\r')
		len--;
	line[len] = '\0';
	if (len > CTL_LINE_MAX)
		return LINE_TOO_LONG;
	return strlen(line) == len ? LINE_READY : LINE_HAS_NUL;
}

/* What a handler returned decides how the reply goes on. */
static void reply_result(struct ctl_session *s, int result)
{
	if (result >= 0) {
		reply_end(s, result);
	} else if (s->finish_code >= 0) {
		reply_end(s, s->finish_code);
	} else if (result == CTL_MORE) {
		s->state = CTL_SESSION_MORE;
	} else if (result == CTL_STREAM) {
		s->state = CTL_SESSION_STREAM;
		held_flush(s);
	} else {
		s->state = CTL_SESSION_WAIT;
	}
}

static void request_run(struct ctl_session *s, enum line_status status)
{
	static const char too_long[] = "% Line too long\n", has_nul[] = "% A request may not contain NUL\n";

	s->state = CTL_SESSION_RUN;
	s->finish_code = -1;
	switch (status) {
	case LINE_NONE:
		break;
	case LINE_READY:
		s->moved = loop_now();
		reply_result(s, s->ctl->ops->line(s->user, s, s->ctl->line));
		break;
	case LINE_TOO_LONG:
		output_add(s, too_long, sizeof(too_long) - 1);
		reply_end(s, CTL_TOO_LONG);
		break;
	case LINE_HAS_NUL:
		output_add(s, has_nul, sizeof(has_nul) - 1);
		reply_end(s, CTL_FAILED);
		break;
	}
}

/* One handler call at most. Returns false when there is nothing to do until the client or the handler moves. */
static bool session_step(struct ctl_session *s)
{
	enum line_status status;

	switch (s->state) {
	case CTL_SESSION_RUN:
	case CTL_SESSION_WAIT:
		return false;
	case CTL_SESSION_MORE:
		if (ctl_full(s))
			return false;
		s->state = CTL_SESSION_RUN;
		s->finish_code = -1;
		reply_result(s, s->ctl->ops->more(s->user, s));
		return true;
	case CTL_SESSION_STREAM:
		status = line_take(s);
		if (status == LINE_NONE)
			return false;
		s->state = CTL_SESSION_RUN;
		if (missed_add(s, bufferevent_get_output(s->bev)))
			s->dead = true;
		s->ctl->ops->stop(s->user, s);
		reply_end(s, CTL_SUCCESS);
		if ((status == LINE_READY && !s->ctl->line[0]) || s->closing)
			return true;
		request_run(s, status);
		return true;
	case CTL_SESSION_IDLE:
		if (s->closing || ctl_full(s))
			return false;
		status = line_take(s);
		if (status == LINE_NONE)
			return false;
		request_run(s, status);
		return true;
	}
	return false;
}

/*
 * Nothing more is read while a full input has to wait. It does not do to leave this to the watermark: for as long as
 * the input stays at it, libevent calls the read callback again and again, and comes to nothing else; and setting it
 * writes to NULL when memory is short (2.1).
 */
static void input_limit(struct ctl_session *s)
{
	bool full = evbuffer_get_length(bufferevent_get_input(s->bev)) >= INPUT_MAX;
	bool reading = bufferevent_get_enabled(s->bev) & EV_READ;

	if (full && reading)
		bufferevent_disable(s->bev, EV_READ);
	else if (!full && !reading && bufferevent_enable(s->bev, EV_READ))
		s->dead = true;
}

/* Does what can be done now; may free the session. */
static void session_run(struct ctl_session *s)
{
	bool busy = true;

	for (int i = 0; i < RUN_BUDGET && busy && !s->dead; i++) {
		busy = session_step(s);
		/* A slice of a long reply is enough for one turn. */
		if (s->state == CTL_SESSION_MORE)
			break;
	}
	if (!s->closing && !s->eof)
		input_limit(s);
	if (s->dead) {
		ctl_session_free(s);
		return;
	}
	if (busy) {
		event_add(s->work, &now_tv);
		return;
	}
	/* Idle with nothing to take: after the end of input, or `exit`, only the output is left to be sent. */
	if (s->state == CTL_SESSION_IDLE && (s->closing || (s->eof && !ctl_full(s)))) {
		s->closing = true;
		bufferevent_disable(s->bev, EV_READ);
		bufferevent_setwatermark(s->bev, EV_WRITE, 0, 0);
		if (!evbuffer_get_length(bufferevent_get_output(s->bev)))
			ctl_session_free(s);
	} else if (s->eof) {
		event_add(s->work, &probe_tv);
	}
}

/* A client that only ended its own side still reads; one that is gone altogether cannot be told by reading. */
static bool peer_gone(struct ctl_session *s)
{
	struct pollfd pfd = { .fd = bufferevent_getfd(s->bev) };

	return poll(&pfd, 1, 0) > 0 && (pfd.revents & (POLLHUP | POLLERR));
}

static void session_work(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_session *s = arg;

	(void)fd;
	(void)what;
	if (s->eof && peer_gone(s))
		s->dead = true;
	session_run(s);
}

static void session_readable(struct bufferevent *bev, void *arg)
{
	(void)bev;
	session_run(arg);
}

static void session_written(struct bufferevent *bev, void *arg)
{
	struct ctl_session *s = arg;

	(void)bev;
	s->moved = loop_now();
	/* It has caught up: what it missed is not kept until something else happens. */
	if (s->missed && notifies_directly(s) && has_room(s, bufferevent_get_output(s->bev), 0) &&
	    missed_add(s, bufferevent_get_output(s->bev)))
		s->dead = true;
	session_run(s);
}

static void session_event(struct bufferevent *bev, short what, void *arg)
{
	struct ctl_session *s = arg;

	(void)bev;
	if (what & BEV_EVENT_EOF)
		s->eof = true;
	if ((what & BEV_EVENT_ERROR) || peer_gone(s))
		s->dead = true;
	session_run(s);
}

void ctl_finish(struct ctl_session *session, enum ctl_code code)
{
	switch (session->state) {
	case CTL_SESSION_IDLE:
	case CTL_SESSION_MORE:
		break;
	case CTL_SESSION_RUN:
		session->finish_code = (int)code;
		break;
	case CTL_SESSION_WAIT:
	case CTL_SESSION_STREAM:
		reply_end(session, (int)code);
		event_add(session->work, &now_tv);
		break;
	}
}

void ctl_resume(struct ctl_session *session)
{
	if (session->state != CTL_SESSION_WAIT)
		return;
	session->state = CTL_SESSION_MORE;
	event_add(session->work, &now_tv);
}

void ctl_close(struct ctl_session *session)
{
	session->closing = true;
	event_add(session->work, &now_tv);
}

/* ---- life ---- */

void ctl_session_new(struct ctl *ctl, size_t slot, int fd, bool privileged)
{
	static const char greeting[] = "improxyd " IMPROXY_VERSION " protocol 1\n", refused[] = "% Refused\n";
	struct ctl_session *s = calloc(1, sizeof(*s));

	if (!s) {
		close(fd);
		return;
	}
	s->ctl = ctl;
	s->state = CTL_SESSION_RUN;
	s->finish_code = -1;
	s->moved = loop_now();
	s->privileged = privileged;
	ctl->sessions[slot] = s;
	s->bev = bufferevent_socket_new(ctl->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!s->bev)
		close(fd);
	s->work = event_new(ctl->base, -1, 0, session_work, s);
	s->held = evbuffer_new();
	if (!s->bev || !s->work || !s->held) {
		ctl_session_free(s);
		return;
	}
	bufferevent_setwatermark(s->bev, EV_WRITE, OUTPUT_LOW, 0);
	bufferevent_setcb(s->bev, session_readable, session_written, session_event, s);
	output_add(s, greeting, sizeof(greeting) - 1);
	s->user = ctl->ops->open(ctl->arg, s, s->privileged);
	if (!s->user) {
		s->closing = true;
		output_add(s, refused, sizeof(refused) - 1);
	}
	reply_end(s, s->user ? CTL_SUCCESS : CTL_NOT_PERMITTED);
	if (bufferevent_enable(s->bev, EV_WRITE))
		s->dead = true;
	session_run(s);
}

void ctl_session_flush(const struct ctl_session *s)
{
	struct evbuffer *out = bufferevent_get_output(s->bev);
	struct evbuffer_iovec first;

	if (evbuffer_peek(out, -1, NULL, &first, 1) > 0)
		(void)send(bufferevent_getfd(s->bev), first.iov_base, first.iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool ctl_session_keeps_up(const struct ctl_session *s)
{
	return !evbuffer_get_length(bufferevent_get_output(s->bev));
}
