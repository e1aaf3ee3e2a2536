/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl_state - what the control server is made of: for ctl*.c only. ctl.c is the server and who is let in, ctl_session.c
 * a session from its first byte to its last.
 */
#ifndef IMPROXY_SYS_CTL_STATE_H
#define IMPROXY_SYS_CTL_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/mtime.h"
#include "sys/ctl.h"
#include "sys/unsock.h"

struct bufferevent;
struct evbuffer;
struct event;
struct evconnlistener;

/* See ctl_session.c. */
enum ctl_session_state { CTL_SESSION_IDLE, CTL_SESSION_RUN, CTL_SESSION_MORE, CTL_SESSION_WAIT, CTL_SESSION_STREAM };

struct ctl_session {
	struct ctl *ctl;
	void *user;
	struct bufferevent *bev;
	struct evbuffer *held; /* notifications that came during a reply */
	struct event *work;    /* come back to session_run() */
	enum ctl_session_state state;
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

/* Greets a client; `fd` is the session's from now on. Without memory it is closed. */
void ctl_session_new(struct ctl *ctl, size_t slot, int fd, bool privileged);
/* Not from below a handler. */
void ctl_session_free(struct ctl_session *s);
/* What has been answered is sent as far as the client takes it at once: the reply to `restart`, say. */
void ctl_session_flush(const struct ctl_session *s);
/* The client has read all there was. */
bool ctl_session_keeps_up(const struct ctl_session *s);

#endif
