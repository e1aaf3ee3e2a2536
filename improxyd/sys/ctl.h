/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control socket: a UNIX stream server with the framing of the control protocol, and nothing else. It owns the socket
 * file, the sessions and their buffers, and the level a peer's credentials give it. It refuses to know what a command
 * is: a complete line is handed to `line`, what comes back is text and a code.
 *
 *   server: improxyd VERSION protocol 1 \n, end of reply
 *   client: LINE \n                       (\r\n accepted, at most CTL_LINE_MAX bytes without its end)
 *   server: text without NUL, end of reply = NUL CODE ' ' PROMPT \n
 *
 * Every request has one reply, in order, and a request is not begun before the reply to the one before it has ended.
 * One exception: an empty line that stops a stream has no reply of its own. An empty PROMPT says that the server
 * closes the connection after this reply.
 *
 * No client can hold up the daemon: input is read in bounded amounts, requests are executed a few at a time, and output
 * is produced only as fast as the client reads it. A handler with much to say writes until ctl_full(), returns CTL_MORE
 * and is called again when the client has read. Text that nobody asked for (stream events, log lines) is dropped, and
 * counted, when the client does not keep up.
 *
 * No number of clients can lock out those who may change something either: when all sessions are in use, a privileged
 * client takes the place of the one that has been idle for longest, which is told so.
 */
#ifndef IMPROXY_SYS_CTL_H
#define IMPROXY_SYS_CTL_H

#include <stdbool.h>
#include <stddef.h>

struct ctl;
struct ctl_session;
struct event_base;

#define CTL_LINE_MAX    4096
#define CTL_SESSION_MAX 64

/* What ends a reply. The numbers are the protocol's. */
enum ctl_code {
	CTL_SUCCESS = 0,
	CTL_FAILED = 1,
	CTL_UNKNOWN = 2,
	CTL_AMBIGUOUS = 3,
	CTL_INCOMPLETE = 4,
	CTL_NOT_PERMITTED = 5,
	CTL_TOO_LONG = 6,
};

/* What `line` and `more` may return instead of a code: the reply goes on ... */
#define CTL_MORE   (-1) /* ... when the client has read: `more` is called again */
#define CTL_WAIT   (-2) /* ... by itself, until ctl_finish() or ctl_resume(); requests after it wait (a capture) */
#define CTL_STREAM (-3) /* ... by itself with ctl_notify(), until the client sends the next line (`monitor`) */

/*
 * The callbacks of the command side. `user` is what `open` returned. A session may be written to, finished and closed
 * from within any of them, except that `close` may not use the session any more.
 */
struct ctl_ops {
	/* A client came. `privileged` gives it enable level. NULL refuses it. */
	void *(*open)(void *arg, struct ctl_session *session, bool privileged);
	/* One request, without its line end; it may be changed in place. Returns an enum ctl_code, CTL_MORE, ... */
	int (*line)(void *user, struct ctl_session *session, char *line);
	/* Goes on with a reply that is CTL_MORE; returns as `line` does. */
	int (*more)(void *user, struct ctl_session *session);
	/* The client ends a CTL_STREAM. The reply ends with CTL_SUCCESS after this; ctl_finish() need not be called. */
	void (*stop)(void *user, struct ctl_session *session);
	/* Writes the prompt of the session's mode, NUL-terminated, into `buf`. */
	void (*prompt)(void *user, char *buf, size_t size);
	/* What stands in a stream, or between the lines of the log, for `n` notifications the client has missed: whole
	 * lines. */
	void (*missed)(void *user, unsigned long n, char *buf, size_t size);
	/* The session has ended, perhaps in the middle of a reply or a stream (`stop` is not called then). Frees
	 * `user`. */
	void (*close)(void *user);
	/* A session that has been idle for so long may have to give way; see ctl_listening(). */
	unsigned int yields_after_ms;
};

/*
 * Creates the socket at `path`, and its directory if need be, and serves it on `base`. The file is 0660 root:group when
 * `group` is given, else of the process' own group; root and members of `group` are privileged. `ops` is kept by
 * reference, `arg` is handed to `open`. The socket of an earlier process that the keeper held is taken over, the file
 * of a dead daemon replaced. SIGPIPE is ignored from here on.
 *
 * Returns 0, -EADDRINUSE (a live daemon serves this socket), -ENOTSOCK (the path is something else and is left alone),
 * -ENOENT (no such group), -ENAMETOOLONG, or another -errno.
 */
int ctl_new(struct event_base *base, const char *path, const char *group, const struct ctl_ops *ops, void *arg,
	    struct ctl **ctlp);

/* ctl_free() will leave the file: the next process goes on with the socket, of which the keeper has a copy. */
void ctl_leave(struct ctl *ctl);

/* Ends all sessions, closes the socket and removes its file if it is still the one made here. NULL is nothing. */
void ctl_free(struct ctl *ctl);

/*
 * Appends reply text (NULs are left out). It is never dropped, so that a handler with more than some hundred lines
 * should stop at ctl_full() and return CTL_MORE. A session that piles up 16 MiB is ended.
 */
void ctl_write(struct ctl_session *session, const char *buf, size_t len);

/* The client has enough to read for now: return CTL_MORE. */
bool ctl_full(const struct ctl_session *session);

/*
 * Appends text that is not part of an answer: whole lines of a stream, or log lines (`terminal monitor`). Between
 * requests it is sent at once, during an ordinary reply it is kept until that has ended. Returns 0, or -ENOBUFS when
 * the client reads too slowly: the text was dropped and counted, and so is all that follows until the client has caught
 * up, when missed() tells it how much was lost.
 */
int ctl_notify(struct ctl_session *session, const char *buf, size_t len);

/* The client listens, though no reply is in progress (`terminal monitor`): it is not idle. */
void ctl_listening(struct ctl_session *session, bool on);

/* Ends a reply that is CTL_WAIT or CTL_STREAM; the next request is begun from the event loop. */
void ctl_finish(struct ctl_session *session, enum ctl_code code);

/* Makes a reply that is CTL_WAIT one that is CTL_MORE: `more` is called from the event loop. Else it does nothing. */
void ctl_resume(struct ctl_session *session);

/* Ends the session when the reply in progress has ended and been sent (`exit`); requests after it are ignored. */
void ctl_close(struct ctl_session *session);

#endif
