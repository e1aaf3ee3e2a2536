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
#include "sys/ctl.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/util.h"
#include "sys/fdstore.h"
#include "sys/keeper.h"
#include "sys/loop.h"
#include "sys/unsock.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

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

enum session_state { SESSION_IDLE, SESSION_RUN, SESSION_MORE, SESSION_WAIT, SESSION_STREAM };

enum line_status { LINE_NONE, LINE_READY, LINE_TOO_LONG, LINE_HAS_NUL };

struct ctl_session {
	struct ctl *ctl;
	void *user;
	struct bufferevent *bev;
	struct evbuffer *held; /* notifications that came during a reply */
	struct event *work;    /* come back to session_run() */
	enum session_state state;
	int finish_code;      /* of a ctl_finish() below the handler, else -1 */
	unsigned long missed; /* notifications dropped since the client was last told */
	mtime_t moved;        /* when it last asked something, or read */
	bool privileged;
	bool listening; /* see ctl_listening() */
	bool skipping;  /* the rest of a line that was too long */
	bool eof;       /* the client has ended its side; replies still go out */
	bool closing;   /* no request is taken any more */
	bool dead;      /* to be freed without further ado */
};

struct ctl {
	const struct ctl_ops *ops;
	void *arg;
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *retry; /* accept again after EMFILE and the like */
	struct unsock_file file;
	gid_t gid;
	bool has_group;
	struct ctl_session *sessions[CTL_SESSION_MAX];
	char line[CTL_LINE_MAX + 3]; /* CR LF NUL */
};

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
	return s->state == SESSION_IDLE || s->state == SESSION_STREAM;
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
	s->state = SESSION_IDLE;
	held_flush(s);
}

/* ---- sessions ---- */

static void session_free(struct ctl_session *s)
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
		s->state = SESSION_MORE;
	} else if (result == CTL_STREAM) {
		s->state = SESSION_STREAM;
		held_flush(s);
	} else {
		s->state = SESSION_WAIT;
	}
}

static void request_run(struct ctl_session *s, enum line_status status)
{
	static const char too_long[] = "% Line too long\n", has_nul[] = "% A request may not contain NUL\n";

	s->state = SESSION_RUN;
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
	case SESSION_RUN:
	case SESSION_WAIT:
		return false;
	case SESSION_MORE:
		if (ctl_full(s))
			return false;
		s->state = SESSION_RUN;
		s->finish_code = -1;
		reply_result(s, s->ctl->ops->more(s->user, s));
		return true;
	case SESSION_STREAM:
		status = line_take(s);
		if (status == LINE_NONE)
			return false;
		s->state = SESSION_RUN;
		if (missed_add(s, bufferevent_get_output(s->bev)))
			s->dead = true;
		s->ctl->ops->stop(s->user, s);
		reply_end(s, CTL_SUCCESS);
		if ((status == LINE_READY && !s->ctl->line[0]) || s->closing)
			return true;
		request_run(s, status);
		return true;
	case SESSION_IDLE:
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
		if (s->state == SESSION_MORE)
			break;
	}
	if (!s->closing && !s->eof)
		input_limit(s);
	if (s->dead) {
		session_free(s);
		return;
	}
	if (busy) {
		event_add(s->work, &now_tv);
		return;
	}
	/* Idle with nothing to take: after the end of input, or `exit`, only the output is left to be sent. */
	if (s->state == SESSION_IDLE && (s->closing || (s->eof && !ctl_full(s)))) {
		s->closing = true;
		bufferevent_disable(s->bev, EV_READ);
		bufferevent_setwatermark(s->bev, EV_WRITE, 0, 0);
		if (!evbuffer_get_length(bufferevent_get_output(s->bev)))
			session_free(s);
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
	case SESSION_IDLE:
	case SESSION_MORE:
		break;
	case SESSION_RUN:
		session->finish_code = (int)code;
		break;
	case SESSION_WAIT:
	case SESSION_STREAM:
		reply_end(session, (int)code);
		event_add(session->work, &now_tv);
		break;
	}
}

void ctl_resume(struct ctl_session *session)
{
	if (session->state != SESSION_WAIT)
		return;
	session->state = SESSION_MORE;
	event_add(session->work, &now_tv);
}

void ctl_close(struct ctl_session *session)
{
	session->closing = true;
	event_add(session->work, &now_tv);
}

/* ---- clients ---- */

/* The last reply of a connection whose socket buffer is empty: this neither waits nor falls short. */
static void send_last(int fd, const char *text)
{
	char reply[MISSED_SIZE];
	int n = snprintf(reply, sizeof(reply), "%s%c%d \n", text, '\0', CTL_FAILED);

	(void)!send(fd, reply, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool peer_privileged(const struct ctl *ctl, int fd)
{
	return unsock_peer_privileged(fd, ctl->has_group ? &ctl->gid : NULL);
}

/*
 * Who has to give way first; negative: never. Who listens and keeps up is not idle, however quiet it is; but streams of
 * those who may only look must not lock out the others.
 */
static int rank_of(const struct ctl_session *s)
{
	bool keeps_up = !evbuffer_get_length(bufferevent_get_output(s->bev));

	if (!keeps_up || (s->state != SESSION_STREAM && !s->listening))
		return 1;
	return s->privileged ? -1 : 0;
}

static struct ctl_session *idlest(const struct ctl *ctl)
{
	mtime_t recent = loop_now() - mtime_from_ms(ctl->ops->yields_after_ms);
	struct ctl_session *idlest = NULL;

	for (size_t i = 0; i < CTL_SESSION_MAX; i++) {
		struct ctl_session *s = ctl->sessions[i];
		int rank = rank_of(s), best = idlest ? rank_of(idlest) : 0;

		if (rank < 0 || s->moved > recent)
			continue;
		if (!idlest || rank > best || (rank == best && s->moved < idlest->moved))
			idlest = s;
	}
	return idlest;
}

/* Makes room for somebody who may change something. A reply that is not being read cannot be ended properly. */
static bool displace(struct ctl *ctl)
{
	struct ctl_session *s = idlest(ctl);
	char text[MISSED_SIZE / 2];

	if (!s)
		return false;
	snprintf(text, sizeof(text), "%% Idle for %lld s, and another needs the session: it ends\n",
		 (long long)mtime_to_s(loop_now() - s->moved));
	if (!evbuffer_get_length(bufferevent_get_output(s->bev)))
		send_last(bufferevent_getfd(s->bev), text);
	session_free(s);
	return true;
}

static void session_new(struct ctl *ctl, size_t slot, int fd)
{
	static const char greeting[] = "improxyd " IMPROXY_VERSION " protocol 1\n", refused[] = "% Refused\n";
	struct ctl_session *s = calloc(1, sizeof(*s));

	if (!s) {
		close(fd);
		return;
	}
	s->ctl = ctl;
	s->state = SESSION_RUN;
	s->finish_code = -1;
	s->moved = loop_now();
	s->privileged = peer_privileged(ctl, fd);
	ctl->sessions[slot] = s;
	s->bev = bufferevent_socket_new(ctl->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!s->bev)
		close(fd);
	s->work = event_new(ctl->base, -1, 0, session_work, s);
	s->held = evbuffer_new();
	if (!s->bev || !s->work || !s->held) {
		session_free(s);
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

static size_t free_slot(const struct ctl *ctl)
{
	size_t slot = 0;

	while (slot < CTL_SESSION_MAX && ctl->sessions[slot])
		slot++;
	return slot;
}

static void ctl_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	struct ctl *ctl = arg;
	size_t slot = free_slot(ctl);

	(void)listener;
	(void)addr;
	(void)len;
	if (slot == CTL_SESSION_MAX && peer_privileged(ctl, fd) && displace(ctl))
		slot = free_slot(ctl);
	if (slot < CTL_SESSION_MAX) {
		session_new(ctl, slot, fd);
		return;
	}
	send_last(fd, "% Too many sessions\n");
	close(fd);
}

/* Out of descriptors: the listener stays readable, so look away for a while instead of spinning. */
static void ctl_accept_error(struct evconnlistener *listener, void *arg)
{
	struct ctl *ctl = arg;

	evconnlistener_disable(listener);
	event_add(ctl->retry, &probe_tv);
}

static void ctl_retry(evutil_socket_t fd, short what, void *arg)
{
	struct ctl *ctl = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(ctl->listener);
}

/* ---- the server ---- */

/* An earlier process', or a new one. Returns the descriptor or -errno. */
static int listening_socket(struct ctl *ctl, const char *path)
{
	int fd = fdstore_take(KEEPER_CONTROL), own;

	if (fd >= 0 && unsock_adopt(fd, path, &ctl->file) == 0)
		return fd;
	own = unsock_bind(path, ctl->has_group ? &ctl->gid : NULL, &ctl->file);
	if (own < 0 && fd >= 0) {
		/* Its file is gone and cannot be made again: no reason not to work. */
		log_error("improxyd", "%s: nobody can connect any more: %s", path, strerror(-own));
		return fd;
	}
	if (fd >= 0)
		close(fd);
	if (own >= 0)
		fdstore_keep(KEEPER_CONTROL, own);
	return own;
}

int ctl_new(struct event_base *base, const char *path, const char *group, const struct ctl_ops *ops, void *arg,
	    struct ctl **ctlp)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));
	const struct group *gr;
	int err = -ENOMEM, fd;

	*ctlp = NULL;
	if (!ctl)
		return err;
	signal(SIGPIPE, SIG_IGN); /* a client that goes away is an error of its write, not of the daemon */
	ctl->ops = ops;
	ctl->arg = arg;
	ctl->base = base;
	ctl->retry = event_new(base, -1, 0, ctl_retry, ctl);
	if (!ctl->retry)
		goto fail;
	if (group) {
		gr = getgrnam(group);
		err = -ENOENT;
		if (!gr)
			goto fail;
		ctl->gid = gr->gr_gid;
		ctl->has_group = true;
	}
	fd = listening_socket(ctl, path);
	if (fd < 0) {
		err = fd;
		goto fail;
	}
	ctl->listener = evconnlistener_new(base, ctl_accept, ctl, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!ctl->listener) {
		close(fd);
		err = -ENOMEM;
		goto fail;
	}
	evconnlistener_set_error_cb(ctl->listener, ctl_accept_error);
	*ctlp = ctl;
	return 0;
fail:
	ctl_free(ctl);
	return err;
}

void ctl_leave(struct ctl *ctl)
{
	unsock_leave(&ctl->file);
}

/* What has been answered is sent as far as the client takes it at once: the reply to `restart`, say. */
static void session_flush(struct ctl_session *s)
{
	struct evbuffer *out = bufferevent_get_output(s->bev);
	struct evbuffer_iovec first;

	if (evbuffer_peek(out, -1, NULL, &first, 1) > 0)
		(void)send(bufferevent_getfd(s->bev), first.iov_base, first.iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void ctl_free(struct ctl *ctl)
{
	if (!ctl)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(ctl->sessions); i++) {
		if (!ctl->sessions[i])
			continue;
		session_flush(ctl->sessions[i]);
		session_free(ctl->sessions[i]);
	}
	if (ctl->listener)
		evconnlistener_free(ctl->listener);
	if (ctl->file.path)
		fdstore_drop(KEEPER_CONTROL);
	unsock_remove(&ctl->file);
	if (ctl->retry)
		event_free(ctl->retry);
	free(ctl);
}
