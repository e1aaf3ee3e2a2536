/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/mtime.h"
#include "sys/fdpass.h"
#include "sys/loop.h"
#include "sys/process.h"
#include "sys/unsock.h"

/* Descriptors it holds at most: a worker gone mad must not take the keeper with it. */
#define MAX_KEPT 65536
/* From one accident to the next start. */
#define DELAY_FIRST   mtime_from_ms(100)
#define DELAY_LONGEST mtime_from_s(10)
/* A worker that lived so long has not failed to start. */
#define GOOD_LIFE mtime_from_s(10)
/* A worker that was asked to end gets so long. */
#define PATIENCE mtime_from_s(20)
/* Set for the keeper's own new image: the process is in the background, and is known by its pid, already. */
#define ENV_AGAIN "IMPROXY_KEEPER_AGAIN"

struct keeper {
	const struct keeper_options *o;
	char path[PATH_MAX]; /* of the program, which may be replaced while it runs */
	struct handover kept;
	int signals;     /* signalfd */
	int channel;     /* to the worker; -1: it has closed its end */
	pid_t worker;    /* 0: none */
	bool ready;      /* a worker has been: from then on accidents are survived */
	bool stopping;   /* the process was told to end */
	mtime_t started; /* the worker */
	mtime_t start_at, kill_at;
	mtime_t delay;
	char accident[64];
};

static void tell(const char *what, int err)
{
	fprintf(stderr, "improxyd: %s: %s\n", what, strerror(-err));
}

/* --- the service manager's store --- */

static void store_keep(const char *name, int fd)
{
	char text[HANDOVER_NAME_LEN + 64];

	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%.*s\nFDPOLL=0", HANDOVER_NAME_LEN, name);
	(void)process_notify_fd(text, fd); /* without it a restart of the service is noticed, nothing worse */
}

static void store_drop(const char *name)
{
	char text[HANDOVER_NAME_LEN + 64];

	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%.*s", HANDOVER_NAME_LEN, name);
	(void)process_notify(text);
}

/* --- what the worker says --- */

static void keep(struct keeper *k, const char *name, int fd)
{
	if (fd < 0)
		return;
	if (!handover_name_valid(name) || handover_count(&k->kept) >= MAX_KEPT) {
		close(fd);
		return;
	}
	store_drop(name);
	if (handover_add(&k->kept, name, fd) < 0) {
		close(fd);
		return;
	}
	store_keep(name, fd);
}

/* What the outside is told once, and what only the start needed. */
static int become_ready(struct keeper *k)
{
	int err;

	if (k->o->pid_file) {
		err = process_write_pid(k->o->pid_file);
		if (err < 0) {
			tell(k->o->pid_file, err);
			return err;
		}
	}
	err = process_drop_privileges(k->o->user, k->o->group, true);
	if (err < 0) {
		tell(k->o->user, err);
		return err;
	}
	k->ready = true;
	err = process_ready();
	if (err < 0)
		tell("the service manager could not be told", err);
	return 0;
}

static void hear(struct keeper *k, const char *text, int fd)
{
	switch ((enum keeper_message)text[0]) {
	case KEEPER_KEEP:
		keep(k, text + 1, fd);
		return;
	case KEEPER_DROP:
		handover_drop(&k->kept, text + 1);
		store_drop(text + 1);
		break;
	case KEEPER_READY:
		if (!k->ready && become_ready(k) < 0)
			k->stopping = true;
		break;
	case KEEPER_NOTIFY:
		(void)process_notify(text + 1); /* whether it is heard is no concern of the work */
		break;
	}
	if (fd >= 0)
		close(fd);
}

static void close_channel(struct keeper *k)
{
	if (k->channel >= 0)
		close(k->channel);
	k->channel = -1;
}

/* Reads all there is. */
static void listen_to_worker(struct keeper *k)
{
	for (;;) {
		char text[KEEPER_MESSAGE_MAX + 1];
		union fdpass control;
		struct iovec iov = { .iov_base = text, .iov_len = KEEPER_MESSAGE_MAX };
		struct msghdr msg = { .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = control.octets,
				      .msg_controllen = sizeof(control.octets) };
		ssize_t n = recvmsg(k->channel, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close_channel(k);
			return;
		}
		text[n] = '\0';
		hear(k, text, fdpass_take(&msg));
	}
}

/* --- the worker's life --- */

/* In the child: from here on it is a worker. */
static void become_worker(struct keeper *k, int channel)
{
	sigset_t none;
	int err;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (*k->accident)
		setenv(KEEPER_ACCIDENT, k->accident, 1);
	err = handover_exec(&k->kept, KEEPER_CHANNEL, channel, k->path, k->o->argv);
	tell(k->path, err);
	_exit(EXIT_FAILURE);
}

static int start_worker(struct keeper *k)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become_worker(k, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -errno;
	}
	k->channel = ends[0];
	k->worker = pid;
	k->started = loop_now();
	k->start_at = MTIME_NEVER;
	return 0;
}

static void start_later(struct keeper *k)
{
	k->start_at = loop_now() + k->delay;
	k->delay = mtime_min(k->delay ? k->delay * 2 : DELAY_FIRST, DELAY_LONGEST);
}

/*
 * The new image of the keeper begins where this one is, under the same pid. Returns when that failed: then the old
 * image goes on. A copy tries first whether there is a program that runs, since there would be no way back.
 */
static void renew(struct keeper *k)
{
	char *try[] = { k->path, (char *)"--version", NULL };
	int status, null;
	pid_t pid = fork();

	if (pid == 0) {
		null = open("/dev/null", O_WRONLY);
		if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
			_exit(EXIT_FAILURE);
		execv(k->path, try);
		_exit(EXIT_FAILURE);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "improxyd: %s does not run: the old program goes on\n", k->path);
		return;
	}
	setenv(ENV_AGAIN, "1", 1);
	tell(k->path, handover_exec(&k->kept, NULL, -1, k->path, k->o->argv));
}

/* The worker has ended. Returns the status to exit with, or -1 to go on. */
static int after_worker(struct keeper *k, int status)
{
	bool chosen =
		WIFEXITED(status) && (WEXITSTATUS(status) == EXIT_SUCCESS || WEXITSTATUS(status) == KEEPER_RESTART);

	if (k->channel >= 0)
		listen_to_worker(k);
	close_channel(k);
	k->worker = 0;
	k->kill_at = MTIME_NEVER;
	if (k->stopping || (chosen && WEXITSTATUS(status) == EXIT_SUCCESS))
		return WIFEXITED(status) && WEXITSTATUS(status) != KEEPER_RESTART ? WEXITSTATUS(status) : EXIT_FAILURE;
	if (!k->ready)
		return EXIT_FAILURE; /* it has said why */
	k->accident[0] = '\0';
	if (chosen) {
		renew(k);
		k->delay = 0;
	} else if (WIFSIGNALED(status)) {
		snprintf(k->accident, sizeof(k->accident), "was ended by signal %d", WTERMSIG(status));
	} else {
		snprintf(k->accident, sizeof(k->accident), "exited with status %d", WEXITSTATUS(status));
	}
	if (loop_now() - k->started >= GOOD_LIFE)
		k->delay = 0;
	start_later(k);
	return -1;
}

/* --- signals --- */

static void forward(struct keeper *k, int signo)
{
	if (k->worker)
		kill(k->worker, signo); /* a worker that has just ended is told of by SIGCHLD */
}

/* Returns the status to exit with, or -1 to go on. */
static int on_signal(struct keeper *k, int signo)
{
	int status;

	switch (signo) {
	case SIGCHLD:
		if (k->worker && waitpid(k->worker, &status, WNOHANG) == k->worker)
			return after_worker(k, status);
		return -1;
	case SIGHUP:
	case SIGUSR1:
		forward(k, signo);
		return -1;
	default:
		k->stopping = true;
		return -1;
	}
}

static int read_signals(struct keeper *k)
{
	struct signalfd_siginfo info;
	int status = -1;

	while (status < 0 && read(k->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		status = on_signal(k, (int)info.ssi_signo);
	return status;
}

/* --- */

static int open_signals(struct keeper *k)
{
	static const int handled[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(handled) / sizeof(*handled); i++)
		sigaddset(&set, handled[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	k->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return k->signals < 0 ? -errno : 0;
}

static int find_program(struct keeper *k)
{
	ssize_t n = readlink("/proc/self/exe", k->path, sizeof(k->path) - 1);

	if (n < 0)
		return -errno;
	k->path[n] = '\0';
	return 0;
}

/* Does what is due; returns milliseconds until it has to be called again, or -1. */
static int do_due(struct keeper *k)
{
	mtime_t now = loop_now(), next;

	if (k->stopping && k->worker && k->kill_at == MTIME_NEVER) {
		forward(k, SIGTERM);
		k->kill_at = now + PATIENCE;
	}
	if (k->kill_at <= now) {
		forward(k, SIGKILL);
		k->kill_at = now + PATIENCE;
	}
	if (!k->worker && k->start_at <= now) {
		int err = start_worker(k);

		if (err < 0) {
			tell("the worker could not be started", err);
			start_later(k);
		}
	}
	next = mtime_min(k->kill_at, k->start_at);
	return next == MTIME_NEVER ? -1 : (int)(mtime_left(next, now) / 1000 + 1);
}

static int serve(struct keeper *k)
{
	int status = -1;

	while (status < 0 && !(k->stopping && !k->worker)) {
		struct pollfd fds[] = { { .fd = k->signals, .events = POLLIN },
					{ .fd = k->channel, .events = POLLIN } };
		int wait = do_due(k);

		fds[1].fd = k->channel;
		if (poll(fds, 2, wait) < 0)
			continue; /* a signal: it is read from its descriptor */
		if (fds[1].revents)
			listen_to_worker(k);
		if (fds[0].revents)
			status = read_signals(k);
	}
	return status < 0 ? EXIT_SUCCESS : status;
}

/* A worker that ended by itself has removed it. */
static void remove_control(struct keeper *k)
{
	int fd = handover_take(&k->kept, KEEPER_CONTROL);

	if (fd < 0)
		return;
	unsock_unlink(fd);
	close(fd);
}

bool keeper_is_worker(const struct handover *handover)
{
	const struct handover_fd *entry;

	HASH_FIND_STR(handover->fds, KEEPER_CHANNEL, entry);
	return entry != NULL;
}

int keeper_run(const struct keeper_options *options, struct handover *handover)
{
	struct keeper k = { .o = options, .kept = *handover, .signals = -1, .channel = -1, .kill_at = MTIME_NEVER };
	int err, status = EXIT_FAILURE;

	k.ready = getenv(ENV_AGAIN) != NULL;
	unsetenv(ENV_AGAIN);
	err = find_program(&k);
	if (err == 0 && options->background && !k.ready)
		err = process_background();
	if (err == 0 && options->pid_file && !k.ready)
		err = process_make_directory(options->pid_file, options->user);
	if (err == 0)
		err = open_signals(&k);
	if (err < 0) {
		tell("the keeper cannot start", err);
		goto out;
	}
	(void)prctl(PR_SET_NAME, "improxyd-keeper"); /* for people */
	process_raise_descriptor_limit();
	status = serve(&k);
	if (options->pid_file)
		process_remove_pid(options->pid_file);
out:
	remove_control(&k);
	handover_clear(&k.kept);
	if (k.signals >= 0)
		close(k.signals);
	return status;
}
