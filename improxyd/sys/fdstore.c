/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/fdstore.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utlist.h>

#include "lib/log.h"
#include "sys/fdpass.h"
#include "sys/keeper.h"
#include "sys/loop.h"

#define FLUSH_PATIENCE mtime_from_s(2)

/* A message that waits for the keeper to read. */
struct waiting {
	char text[KEEPER_MESSAGE_MAX];
	int fd; /* a copy; -1: none */
	struct waiting *prev, *next;
};

static struct {
	struct handover left;
	int channel; /* -1: no keeper */
	struct loop_fd *watch;
	struct waiting *waiting;
	bool frozen, inherited;
	void (*gone)(void *arg);
	void *arg;
} store = { .channel = -1 };

static void waiting_free(struct waiting *w)
{
	DL_DELETE(store.waiting, w);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

static void disconnect(void)
{
	loop_fd_free(store.watch);
	store.watch = NULL;
	if (store.channel >= 0)
		close(store.channel);
	store.channel = -1;
	while (store.waiting)
		waiting_free(store.waiting);
}

/* Returns 0 or -errno. */
static int send_message(const char *text, int fd)
{
	union fdpass control;
	struct iovec iov = { .iov_base = (char *)text, .iov_len = strlen(text) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	fdpass_put(&msg, &control, fd);
	return sendmsg(store.channel, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void on_writable(void *arg)
{
	(void)arg;
	while (store.waiting) {
		int err = send_message(store.waiting->text, store.waiting->fd);

		if (fdpass_may_pass(err))
			return;
		waiting_free(store.waiting);
	}
	(void)loop_fd_want_write(store.watch, false);
}

/* The keeper says nothing: what can be read is its end. */
static void on_readable(void *arg)
{
	void (*gone)(void *arg) = store.gone;
	char byte;
	ssize_t n = recv(store.channel, &byte, sizeof(byte), MSG_DONTWAIT);

	(void)arg;
	/* Memory may be short for the moment: only these say that it has ended. */
	if (n != 0 && !(n < 0 && errno == ECONNRESET))
		return;
	disconnect();
	gone(store.arg);
}

static void wait_to_send(const char *text, int fd)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (!w)
		goto lost;
	w->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0 && w->fd < 0)
		goto lost;
	strcpy(w->text, text);
	DL_APPEND(store.waiting, w);
	if (loop_fd_want_write(store.watch, true) == 0)
		return;
	waiting_free(w);
	w = NULL;
lost:
	free(w);
	log_error("keeper", "out of memory: a descriptor would not survive this process");
}

static void say(enum keeper_message what, const char *text, int fd)
{
	char message[KEEPER_MESSAGE_MAX];
	int err;

	if (store.channel < 0 || store.frozen)
		return;
	if ((size_t)snprintf(message, sizeof(message), "%c%s", (char)what, text) >= sizeof(message))
		return;
	/* In order: nothing overtakes what waits. */
	err = store.waiting ? -EAGAIN : send_message(message, fd);
	if (fdpass_may_pass(err))
		wait_to_send(message, fd);
	/* Any other error is the end of the keeper, of which the loop tells. */
}

int fdstore_open(struct loop *loop, struct handover *handover, void (*gone)(void *arg), void *arg)
{
	store.left = *handover;
	*handover = (struct handover){ NULL };
	store.gone = gone;
	store.arg = arg;
	store.channel = handover_take(&store.left, KEEPER_CHANNEL);
	if (store.channel < 0)
		return 0;
	store.inherited = handover_count(&store.left) > 0;
	store.watch = loop_fd_new(loop, store.channel, on_readable, on_writable, NULL);
	return store.watch ? 0 : -ENOMEM;
}

void fdstore_close(void)
{
	disconnect();
	handover_clear(&store.left);
	store.frozen = false;
}

bool fdstore_has_keeper(void)
{
	return store.channel >= 0;
}

void fdstore_keep(const char *name, int fd)
{
	say(KEEPER_KEEP, name, fd);
}

void fdstore_drop(const char *name)
{
	say(KEEPER_DROP, name, -1);
}

void fdstore_freeze(void)
{
	store.frozen = true;
}

int fdstore_take(const char *name)
{
	return handover_take(&store.left, name);
}

bool fdstore_inherited(void)
{
	return store.inherited;
}

void fdstore_forget(const char *kind_and_lives)
{
	say(KEEPER_FORGET, kind_and_lives, -1);
}

void fdstore_discard(int fd)
{
	say(KEEPER_CLOSE, "", fd);
	close(fd);
}

bool fdstore_flush(void)
{
	mtime_t end = loop_now() + FLUSH_PATIENCE;

	while (store.waiting && store.channel >= 0) {
		struct pollfd out = { .fd = store.channel, .events = POLLOUT };
		mtime_t left = mtime_left(end, loop_now());

		if (!left || poll(&out, 1, (int)(left / 1000 + 1)) < 0)
			return false;
		on_writable(NULL);
	}
	return store.channel >= 0;
}

void fdstore_ready(void)
{
	say(KEEPER_READY, "", -1);
}

void fdstore_alive(void)
{
	say(KEEPER_ALIVE, "", -1);
}

void fdstore_stopping(void)
{
	say(KEEPER_STOPPING, "", -1);
}
