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
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/mtime.h"
#include "lib/util.h"
#include "sys/fdpass.h"
#include "sys/kept.h"
#include "sys/loop.h"
#include "sys/process.h"
#include "sys/unsock.h"

/* Descriptors of its own, and those that a worker is handed on the way to it. */
#define RESERVED_FDS 64
/* Messages heard before signals and time have their turn. */
#define MESSAGES 256
/* From one accident to the next start. */
#define DELAY_FIRST   mtime_from_ms(100)
#define DELAY_LONGEST mtime_from_s(10)
/* A worker that lived so long has not failed to start, */
#define GOOD_LIFE mtime_from_s(10)
/* and after so many that did not, the configuration they went on with is given up. */
#define SHORT_LIVES 3
/* A worker that was asked to end gets so long, and one that starts until it is at work. */
#define PATIENCE       mtime_from_s(20)
#define START_PATIENCE mtime_from_s(60)
/* One that is at work and says nothing for so long has come to a stand, */
#define SILENCE mtime_from_s(30)
/* or for half of the time in which a manager wants to hear that it is at work, if that is less. It says so in time. */
#define WORDS         4
#define SILENCE_LEAST mtime_from_ms(100)
/* The manager that did not listen is told again. */
#define SYNC_AGAIN mtime_from_ms(100)
/* Seconds that a new program gets to show that it runs. */
#define TRIAL_S 10
/* For the keeper's own new image: the number of the descriptor that lists what is kept. */
#define ENV_KEPT "IMPROXY_KEPT"

struct keeper {
	const struct keeper_options *o;
	char path[PATH_MAX]; /* of the program, which may be replaced while it runs */
	struct kept kept;
	int signals;      /* signalfd */
	int channel;      /* to the worker; -1: it has closed its end */
	pid_t worker;     /* 0: none */
	bool at_work;     /* the worker */
	bool asked;       /* it was told to end */
	bool silent;      /* it has not been heard for long */
	bool stopping;    /* the process was told to end */
	bool failed;      /* it has to end, without having been told */
	bool reload;      /* to be asked of the worker when it is at work */
	bool left_behind; /* the last worker has not put its things away */
	mtime_t started;  /* the worker */
	mtime_t start_at, kill_at;
	mtime_t delay;
	unsigned int short_lives;
	mtime_t silence; /* of the worker that is borne */
	char accident[64];
};

static void tell(const char *what, int err)
{
	fprintf(stderr, "improxyd: %s: %s\n", what, strerror(-err));
}

/* --- what the worker says --- */

static void keep(struct keeper *k, const char *name, int fd)
{
	int err = fd < 0 ? -EMFILE : kept_add(&k->kept, name, fd);

	if (err == 0 || k->kept.refused)
		return;
	k->kept.refused = true;
	tell("a descriptor cannot be kept, and what it stands for would not survive an accident", err);
}

/* What the outside is told once, and what only the start needed. */
static int become_ready(struct keeper *k)
{
	int err = process_drop_privileges(k->o->user, k->o->group, true);

	if (err < 0) {
		tell(k->o->user, err);
		return err;
	}
	if (k->o->pid_file) {
		err = process_write_pid(k->o->pid_file);
		if (err < 0) {
			tell(k->o->pid_file, err);
			return err;
		}
	}
	err = process_ready();
	if (err < 0)
		tell("the service manager could not be told", err);
	k->kept.ready = true;
	kept_sync(&k->kept);
	return 0;
}

static void forward(struct keeper *k, int signo)
{
	if (k->worker)
		kill(k->worker, signo); /* of a worker that has just ended SIGCHLD tells */
}

static void feed_watchdog(void)
{
	if (process_watchdog((long)getpid()))
		(void)process_notify_fd("WATCHDOG=1", -1); /* if it is not heard, the next one may be */
}

static void worker_alive(struct keeper *k)
{
	feed_watchdog();
	k->silent = false;
	if (!k->asked)
		k->kill_at = loop_now() + k->silence;
}

static void worker_at_work(struct keeper *k)
{
	k->at_work = true;
	worker_alive(k);
	if (!k->kept.ready && become_ready(k) < 0)
		k->failed = true;
	if (k->reload)
		forward(k, SIGHUP);
	k->reload = false;
}

static void hear(struct keeper *k, const char *text, int fd)
{
	switch ((enum keeper_message)text[0]) {
	case KEEPER_KEEP:
		keep(k, text + 1, fd);
		return;
	case KEEPER_DROP:
		kept_drop(&k->kept, text + 1);
		break;
	case KEEPER_FORGET:
		kept_forget(&k->kept, text + 1);
		break;
	case KEEPER_CLOSE:
		break;
	case KEEPER_READY:
		worker_at_work(k);
		break;
	case KEEPER_STOPPING:
		(void)process_notify_fd("STOPPING=1", -1); /* whether it is heard is no concern of the work */
		break;
	case KEEPER_ALIVE:
		worker_alive(k);
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

/* Returns false when there is no more, for now or for ever. */
static bool hear_one(struct keeper *k)
{
	char text[KEEPER_MESSAGE_MAX + 1];
	union fdpass control;
	struct iovec iov = { .iov_base = text, .iov_len = KEEPER_MESSAGE_MAX };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.octets, .msg_controllen = FDPASS_ROOM
	};
	ssize_t n = recvmsg(k->channel, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	/* Memory may be short for the moment: what waits is read later. */
	if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM))
		return errno == EINTR;
	if (n <= 0) {
		close_channel(k);
		return false;
	}
	text[n] = '\0';
	hear(k, text, fdpass_take(&msg));
	return true;
}

static void listen_to_worker(struct keeper *k, unsigned int messages)
{
	for (unsigned int i = 0; i < messages && k->channel >= 0; i++) {
		if (!hear_one(k))
			return;
	}
}

/* --- the worker's life --- */

/* In a child: signals do what they do by default, but for those that would come before the worker can take them. */
static void reset_signals(bool worker)
{
	sigset_t none;

	sigemptyset(&none);
	signal(SIGHUP, worker ? SIG_IGN : SIG_DFL);
	signal(SIGUSR1, worker ? SIG_IGN : SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child: from here on it is a worker. */
static void become_worker(struct keeper *k, int channel)
{
	struct handover list;
	int err = kept_hand_over(&k->kept, &list);

	if (err == 0)
		err = handover_add(&list, KEEPER_CHANNEL, channel);
	if (err == 0 && *k->accident && setenv(KEEPER_ACCIDENT, k->accident, 1) < 0)
		err = -errno;
	reset_signals(true);
	if (err == 0)
		err = handover_exec(&list, k->path, k->o->argv);
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
	k->at_work = k->asked = k->silent = false;
	k->started = loop_now();
	k->start_at = MTIME_NEVER;
	k->kill_at = k->started + START_PATIENCE;
	return 0;
}

static void start_later(struct keeper *k)
{
	k->start_at = loop_now() + k->delay;
	k->delay = mtime_min(k->delay ? k->delay * 2 : DELAY_FIRST, DELAY_LONGEST);
}

/* Whether the program that is on the disk now takes our arguments: a child runs it with one more, which only prints. */
static bool runs(const struct keeper *k)
{
	char version[] = "--version";
	int status, null;
	size_t n = 0;
	char **argv;
	pid_t pid;

	while (k->o->argv[n])
		n++;
	argv = calloc(n + 2, sizeof(*argv));
	if (!argv)
		return false;
	memcpy(argv, k->o->argv, n * sizeof(*argv));
	argv[n] = version;
	pid = fork();
	if (pid == 0) {
		reset_signals(false);
		alarm(TRIAL_S);
		null = open("/dev/null", O_WRONLY);
		if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
			_exit(EXIT_FAILURE);
		execv(k->path, argv);
		_exit(EXIT_FAILURE);
	}
	free(argv);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

/*
 * The new image of the keeper begins where this one is, under the same pid and with all that is kept. Returns when that
 * failed: then the old image goes on.
 */
static void renew(struct keeper *k)
{
	char number[24];
	int list;

	if (!runs(k)) {
		fprintf(stderr, "improxyd: %s does not run as it is called: the old program goes on\n", k->path);
		return;
	}
	list = kept_leave(&k->kept);
	if (list < 0) {
		tell("the keeper stays as it is", list);
		return;
	}
	snprintf(number, sizeof(number), "%d", list);
	if (setenv(ENV_KEPT, number, 1) == 0)
		execv(k->path, k->o->argv);
	tell(k->path, -errno);
	unsetenv(ENV_KEPT);
	kept_stay(&k->kept, list);
}

static int exit_status(const struct keeper *k, int status)
{
	if (k->failed)
		return EXIT_FAILURE;
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == KEEPER_RESTART ? EXIT_SUCCESS : WEXITSTATUS(status);
	/* Told to end before it could be told. */
	return k->stopping && WTERMSIG(status) == SIGTERM ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What had happened, for the next worker; and what is to be learned from it. */
static void note_accident(struct keeper *k, int status)
{
	bool stood = k->silent && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	/* Until it said its last word. */
	mtime_t life = loop_now() - k->started - (stood ? k->silence + k->silence / 2 : 0);

	/* The manager has waited for a word, too: the next worker gets its time for the first one. */
	if (stood) {
		feed_watchdog();
		snprintf(k->accident, sizeof(k->accident), "had come to a stand and was ended");
	} else if (WIFSIGNALED(status)) {
		snprintf(k->accident, sizeof(k->accident), "was ended by signal %d", WTERMSIG(status));
	} else {
		snprintf(k->accident, sizeof(k->accident), "exited with status %d", WEXITSTATUS(status));
	}
	k->short_lives = life < GOOD_LIFE ? k->short_lives + 1 : 0;
	if (k->short_lives >= SHORT_LIVES)
		kept_drop(&k->kept, KEEPER_CONFIG);
	if (!k->short_lives)
		k->delay = 0;
}

/* The worker has ended. Returns the status to exit with, or -1 to go on. */
static int after_worker(struct keeper *k, int status)
{
	bool restart = WIFEXITED(status) && WEXITSTATUS(status) == KEEPER_RESTART;
	bool chosen = restart || (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);

	listen_to_worker(k, UINT_MAX);
	close_channel(k);
	k->worker = 0;
	k->kill_at = MTIME_NEVER;
	k->left_behind = !chosen || restart;
	if (k->stopping || k->failed || (chosen && !restart))
		return exit_status(k, status);
	if (!k->kept.ready)
		return EXIT_FAILURE; /* it has said why */
	k->accident[0] = '\0';
	if (restart) {
		renew(k);
		k->delay = 0;
	} else {
		note_accident(k, status);
	}
	start_later(k);
	return -1;
}

/* --- signals --- */

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
		if (k->at_work && k->worker)
			forward(k, signo);
		else
			k->reload = true;
		return -1;
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

static int open_signals(struct keeper *k)
{
	static const int handled[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(handled); i++)
		sigaddset(&set, handled[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	k->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return k->signals < 0 ? -errno : 0;
}

/* --- */

/* As it was called, if that is what runs: a link that leads to another version later is then followed. */
static int find_program(struct keeper *k)
{
	const char *called = k->o->argv[0];
	struct stat a, b;
	ssize_t n;

	if (called[0] == '/' && strlen(called) < sizeof(k->path) && stat(called, &a) == 0 &&
	    stat("/proc/self/exe", &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino) {
		strcpy(k->path, called);
		return 0;
	}
	n = readlink("/proc/self/exe", k->path, sizeof(k->path) - 1);
	if (n < 0)
		return -errno;
	k->path[n] = '\0';
	return 0;
}

static bool is_ending(const struct keeper *k)
{
	return k->stopping || k->failed;
}

/* Once the request, and when that is of no use, the end; that of one at work that is silent for long, too. */
static void end_worker(struct keeper *k, mtime_t now)
{
	if (is_ending(k) && !k->asked) {
		forward(k, SIGTERM);
		k->asked = true;
		k->kill_at = now + PATIENCE;
	} else if (k->kill_at <= now && k->at_work && !k->asked && !k->silent) {
		/* Perhaps both processes were held up: it gets the time for a word. */
		k->silent = true;
		k->kill_at = now + k->silence / 2;
	} else if (k->kill_at <= now) {
		forward(k, SIGKILL);
		k->kill_at = now + PATIENCE;
	}
}

/* Does what is due; returns milliseconds until it has to be called again, or -1. */
static int do_due(struct keeper *k)
{
	mtime_t now = loop_now(), next;

	if (k->worker)
		end_worker(k, now);
	if (!k->worker && !is_ending(k) && k->start_at <= now) {
		int err = start_worker(k);

		if (err < 0) {
			tell("the worker could not be started", err);
			start_later(k);
		}
	}
	kept_sync(&k->kept);
	next = mtime_min(k->worker ? k->kill_at : k->start_at,
			 k->kept.ready && k->kept.behind ? now + SYNC_AGAIN : MTIME_NEVER);
	return next == MTIME_NEVER ? -1 : (int)(mtime_left(next, now) / 1000 + 1);
}

static int serve(struct keeper *k)
{
	int status = -1;

	while (status < 0 && !(is_ending(k) && !k->worker)) {
		int wait = do_due(k);
		struct pollfd fds[] = { { .fd = k->signals, .events = POLLIN },
					{ .fd = k->channel, .events = POLLIN } };

		if (poll(fds, ARRAY_SIZE(fds), wait) < 0)
			continue; /* interrupted: what is due is looked at again */
		if (fds[1].revents)
			listen_to_worker(k, MESSAGES);
		if (fds[0].revents)
			status = read_signals(k);
	}
	if (status < 0)
		status = k->failed ? EXIT_FAILURE : EXIT_SUCCESS;
	return status;
}

static mtime_t patience(long pid)
{
	mtime_t manager = process_watchdog(pid);

	if (manager && manager < SILENCE_LEAST)
		return SILENCE_LEAST;
	return manager ? mtime_min(manager, SILENCE) : SILENCE;
}

mtime_t keeper_interval(long pid)
{
	return patience(pid) / WORDS;
}

bool keeper_is_worker(const struct handover *handover)
{
	const struct handover_fd *entry;

	HASH_FIND_STR(handover->fds, KEEPER_CHANNEL, entry);
	return entry != NULL;
}

/* What an older image of this keeper has left. Returns 0, also when there was none, or -errno. */
static int recall(struct keeper *k)
{
	const char *number = getenv(ENV_KEPT);
	int err = 0;

	if (!number)
		return 0;
	err = kept_recall(&k->kept, atoi(number));
	unsetenv(ENV_KEPT);
	if (err < 0)
		return err;
	/* Before anything else: the old image had done so. */
	err = process_drop_privileges(k->o->user, k->o->group, true);
	k->kept.ready = err == 0;
	return err;
}

static int open_keeper(struct keeper *k, struct handover *handover)
{
	struct rlimit limit;
	int err;

	process_raise_descriptor_limit();
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > RESERVED_FDS && limit.rlim_cur < UINT_MAX)
		k->kept.limit = (unsigned int)limit.rlim_cur - RESERVED_FDS;
	unsetenv(KEEPER_ACCIDENT);
	err = recall(k);
	if (err == 0)
		err = kept_adopt(&k->kept, handover);
	if (err == 0)
		err = find_program(k);
	if (err == 0 && k->o->background && !k->kept.ready)
		err = process_background();
	if (err == 0 && k->o->pid_file && !k->kept.ready)
		err = process_make_directory(k->o->pid_file, k->o->user);
	return err < 0 ? err : open_signals(k);
}

int keeper_run(const struct keeper_options *options, struct handover *handover)
{
	struct keeper k = { .o = options, .signals = -1, .channel = -1, .kill_at = MTIME_NEVER };
	int err, status = EXIT_FAILURE;

	err = open_keeper(&k, handover);
	if (err < 0) {
		tell("the keeper cannot start", err);
		goto out;
	}
	k.silence = patience((long)getpid());
	(void)prctl(PR_SET_NAME, "improxyd-keeper"); /* for people */
	status = serve(&k);
	if (options->pid_file)
		process_remove_pid(options->pid_file);
out:
	/* A worker that has put its things away has removed the file, or left it for the manager's store. */
	if (k.left_behind)
		unsock_unlink(kept_find(&k.kept, KEEPER_CONTROL));
	kept_free(&k.kept);
	if (k.signals >= 0)
		close(k.signals);
	return status;
}
