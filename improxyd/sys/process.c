/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util.h"
#include "sys/fdpass.h"

static int parent_fd = -1; /* closed without a word: the child has failed */

static void wait_for_child(int fd, pid_t child)
{
	char word;
	int status;
	ssize_t n;

	do
		n = read(fd, &word, sizeof(word));
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(word))
		_exit(EXIT_SUCCESS);
	if (waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));
	_exit(EXIT_FAILURE);
}

int process_background(void)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		int err = -errno;

		close(fds[0]);
		close(fds[1]);
		return err;
	}
	if (pid > 0) {
		close(fds[1]);
		wait_for_child(fds[0], pid);
	}
	close(fds[0]);
	parent_fd = fds[1];
	if (setsid() < 0)
		return -errno;
	return 0;
}

int process_leave_terminal(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (int std = STDIN_FILENO; std <= STDERR_FILENO; std++) {
		if (dup2(fd, std) < 0) {
			int err = -errno;

			close(fd);
			return err;
		}
	}
	if (fd > STDERR_FILENO)
		close(fd);
	return 0;
}

int process_ready(void)
{
	int err = process_notify("READY=1");

	if (parent_fd >= 0) {
		static const char word = 1;
		int left = process_leave_terminal();

		if (left < 0 && err == 0)
			err = left;
		if (write(parent_fd, &word, sizeof(word)) < 0 && err == 0)
			err = -errno;
		close(parent_fd);
		parent_fd = -1;
	}
	return err;
}

static int tell_manager(const char *state, int passed, int flags)
{
	const struct timeval patience = { .tv_sec = 1 };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct iovec iov = { .iov_base = (char *)state, .iov_len = strlen(state) };
	struct msghdr msg = { .msg_name = &addr, .msg_iov = &iov, .msg_iovlen = 1 };
	union fdpass control;
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;
	int fd, err = 0;

	if (!len)
		return 0;
	if (len >= sizeof(addr.sun_path) || (path[0] != '/' && path[0] != '@'))
		return -EINVAL;
	memcpy(addr.sun_path, path, len);
	if (path[0] == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	msg.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	fdpass_put(&msg, &control, passed);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    sendmsg(fd, &msg, MSG_NOSIGNAL | flags) < 0)
		err = -errno;
	close(fd);
	return err;
}

int process_notify(const char *state)
{
	return tell_manager(state, -1, 0);
}

int process_notify_fd(const char *state, int passed)
{
	return tell_manager(state, passed, MSG_DONTWAIT);
}

mtime_t process_watchdog(long main_pid)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	mtime_t interval = usec ? (mtime_t)strtoll(usec, NULL, 10) : 0;

	if (interval < 2 || (pid && strtol(pid, NULL, 10) != main_pid))
		return 0;
	return interval / 2;
}

int process_write_pid(const char *path)
{
	char temp[4096];
	int err = 0;
	FILE *f;

	if ((size_t)snprintf(temp, sizeof(temp), "%s.%ld", path, (long)getpid()) >= sizeof(temp))
		return -ENAMETOOLONG;
	f = fopen(temp, "we");
	if (!f)
		return -errno;
	if (fprintf(f, "%ld\n", (long)getpid()) < 0)
		err = -EIO;
	if (fclose(f) != 0 && err == 0)
		err = -errno;
	if (err == 0 && rename(temp, path) < 0)
		err = -errno;
	if (err < 0)
		unlink(temp);
	return err;
}

void process_remove_pid(const char *path)
{
	long pid = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return;
	if (fscanf(f, "%ld", &pid) != 1)
		pid = 0;
	fclose(f);
	if (pid == (long)getpid())
		unlink(path);
}

void process_raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* up to the hard limit it cannot fail */
}

static const cap_value_t kept[] = { CAP_NET_ADMIN, CAP_NET_RAW };

/* Capabilities of a user who is not root survive exec as ambient ones only. */
static int pass_on_capabilities(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, kept[i], 0, 0) < 0)
			return -errno;
	}
	return 0;
}

static int keep_capabilities(bool pass_on)
{
	cap_t caps = cap_init();
	int err = 0;

	if (!caps)
		return -errno;
	if ((pass_on && cap_set_flag(caps, CAP_INHERITABLE, ARRAY_SIZE(kept), kept, CAP_SET) < 0) ||
	    cap_set_flag(caps, CAP_PERMITTED, ARRAY_SIZE(kept), kept, CAP_SET) < 0 ||
	    cap_set_flag(caps, CAP_EFFECTIVE, ARRAY_SIZE(kept), kept, CAP_SET) < 0 || cap_set_proc(caps) < 0)
		err = -errno;
	cap_free(caps);
	return err == 0 && pass_on ? pass_on_capabilities() : err;
}

static int find_user(const char *user, const struct passwd **pw)
{
	errno = 0;
	*pw = getpwnam(user);
	if (*pw)
		return 0;
	return errno ? -errno : -ENOENT;
}

bool process_has_group(const char *group)
{
	return getgrnam(group) != NULL;
}

int process_make_directory(const char *file, const char *user)
{
	const struct passwd *pw;
	char path[PATH_MAX];
	const char *dir;
	int err;

	if (!user)
		return 0;
	if ((size_t)snprintf(path, sizeof(path), "%s", file) >= sizeof(path))
		return -ENAMETOOLONG;
	dir = dirname(path);
	err = find_user(user, &pw);
	if (err < 0)
		return err;
	if (geteuid() == pw->pw_uid)
		return 0; /* it was made when there was the right to */
	if (mkdir(dir, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	return chown(dir, pw->pw_uid, pw->pw_gid) < 0 ? -errno : 0;
}

int process_give_file(int fd, const char *user)
{
	const struct passwd *pw;
	struct stat st;
	int err;

	if (!user || fd < 0)
		return 0;
	err = find_user(user, &pw);
	if (err < 0)
		return err;
	if (fstat(fd, &st) < 0)
		return -errno;
	/* Not one that goes by another name as well: it could be anything. */
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1)
		return 0;
	return fchown(fd, pw->pw_uid, pw->pw_gid) < 0 ? -errno : 0;
}

int process_drop_privileges(const char *user, const char *group, bool pass_on)
{
	const struct passwd *pw;
	const struct group *gr;
	gid_t gid;
	uid_t uid;
	int err;

	if (!user)
		return 0;
	err = find_user(user, &pw);
	if (err < 0)
		return err;
	uid = pw->pw_uid;
	gid = pw->pw_gid;
	if (group) {
		errno = 0;
		gr = getgrnam(group);
		if (!gr)
			return errno ? -errno : -ENOENT;
		gid = gr->gr_gid;
	}
	if (geteuid() != uid && (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || initgroups(user, gid) < 0 ||
				 setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0))
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return keep_capabilities(pass_on);
}
