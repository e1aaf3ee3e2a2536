/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/ctl.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "lib/log.h"
#include "lib/util.h"
#include "sys/ctl_state.h"
#include "sys/fdstore.h"
#include "sys/keeper.h"
#include "sys/loop.h"

#define LAST_MAX 256 /* of a last reply */

static const struct timeval retry_tv = { 1, 0 };

/* ---- clients ---- */

/* The last reply of a connection whose socket buffer is empty: this neither waits nor falls short. */
static void send_last(int fd, const char *text)
{
	char reply[LAST_MAX];
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
	if (!ctl_session_keeps_up(s) || (s->state != CTL_SESSION_STREAM && !s->listening))
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
	char text[LAST_MAX / 2];

	if (!s)
		return false;
	snprintf(text, sizeof(text), "%% Idle for %lld s, and another needs the session: it ends\n",
		 (long long)mtime_to_s(loop_now() - s->moved));
	if (ctl_session_keeps_up(s))
		send_last(bufferevent_getfd(s->bev), text);
	ctl_session_free(s);
	return true;
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
	bool privileged = peer_privileged(ctl, fd);
	size_t slot = free_slot(ctl);

	(void)listener;
	(void)addr;
	(void)len;
	if (slot == CTL_SESSION_MAX && privileged && displace(ctl))
		slot = free_slot(ctl);
	if (slot < CTL_SESSION_MAX) {
		ctl_session_new(ctl, slot, fd, privileged);
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
	event_add(ctl->retry, &retry_tv);
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

void ctl_free(struct ctl *ctl)
{
	if (!ctl)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(ctl->sessions); i++) {
		if (!ctl->sessions[i])
			continue;
		ctl_session_flush(ctl->sessions[i]);
		ctl_session_free(ctl->sessions[i]);
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
