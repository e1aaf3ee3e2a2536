/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pager.h. */
#include "pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

#define DEFAULT_PAGER "less -FRX"
#define HOLD_MS       200               /* a screen that takes longer to fill is shown as it comes */
#define HOLD_MAX      ((size_t)1 << 20) /* longer than any screen */

/* Is `less` there? */
static bool less_present(void)
{
	const char *path = getenv("PATH");
	char file[4096];
	size_t len;

	if (!path)
		return false;
	for (; *path; path += len + (path[len] == ':')) {
		len = strcspn(path, ":");
		if ((size_t)snprintf(file, sizeof(file), "%.*s/less", (int)len, path) < sizeof(file) && len &&
		    !access(file, X_OK))
			return true;
	}
	return false;
}

static const char *pager_command(void)
{
	const char *cmd = getenv("VTYSH_PAGER");

	if (!cmd)
		cmd = getenv("PAGER");
	if (!cmd && less_present())
		cmd = DEFAULT_PAGER;
	return cmd && *cmd ? cmd : NULL;
}

void pager_begin(struct pager *p, long rows, void (*before)(void))
{
	struct winsize ws;

	memset(p, 0, sizeof(*p));
	p->fd = -1;
	p->before = before;
	p->columns = 80;
	p->rows = rows;
	if (!isatty(STDOUT_FILENO) || !pager_command()) {
		p->rows = 0;
	} else if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws)) {
		if (ws.ws_col)
			p->columns = ws.ws_col;
		if (rows < 0)
			p->rows = ws.ws_row > 1 ? ws.ws_row - 1 : 0;
	}
	if (p->rows < 0)
		p->rows = 23;
	p->straight = !p->rows;
}

/* The pager is in our process group: Ctrl-C reaches it too, and it is for it to decide what that means. */
static void pager_start(struct pager *p)
{
	const char *cmd = pager_command();
	sigset_t none;
	int fds[2];
	pid_t pid;

	if (!cmd || pipe2(fds, O_CLOEXEC))
		return;
	fflush(stdout);
	p->before();
	pid = fork();
	if (!pid) {
		sigemptyset(&none);
		signal(SIGPIPE, SIG_DFL);
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		signal(SIGHUP, SIG_DFL);
		sigprocmask(SIG_SETMASK, &none, NULL);
		if (dup2(fds[0], STDIN_FILENO) >= 0)
			execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
		_exit(127);
	}
	close(fds[0]);
	if (pid < 0) {
		close(fds[1]);
		return;
	}
	p->pid = pid;
	p->fd = fds[1];
}

static bool put(struct pager *p, const char *buf, size_t len)
{
	if (p->pid) {
		while (len) {
			ssize_t n = write(p->fd, buf, len);

			if (n >= 0) {
				buf += n;
				len -= (size_t)n;
			} else if (errno != EINTR) {
				return false;
			}
		}
		return true;
	}
	fwrite(buf, 1, len, stdout);
	return !fflush(stdout);
}

/* Keeps `buf` and counts the rows it takes; false when there is no room. */
static bool hold(struct pager *p, const char *buf, size_t len)
{
	char *grown;

	if (!p->held)
		p->held_since_ms = client_now_ms();
	if (p->held + len > p->size) {
		if (p->held + len > HOLD_MAX)
			return false;
		grown = realloc(p->hold, 2 * (p->held + len));
		if (!grown)
			return false;
		p->hold = grown;
		p->size = 2 * (p->held + len);
	}
	memcpy(p->hold + p->held, buf, len);
	p->held += len;
	for (; len; buf++, len--) {
		if (*buf == '\n' || ++p->held_column > p->columns) {
			p->held_rows++;
			p->held_column = *buf != '\n';
		}
	}
	return true;
}

static bool release(struct pager *p)
{
	bool ok = put(p, p->hold, p->held);

	p->held = 0;
	p->straight = true;
	return ok;
}

bool pager_write(struct pager *p, const char *buf, size_t len)
{
	if (p->straight)
		return put(p, buf, len);
	if (hold(p, buf, len)) {
		if (p->held_rows <= p->rows)
			return true;
		len = 0;
	}
	pager_start(p);
	return release(p) && put(p, buf, len);
}

int pager_left_ms(const struct pager *p)
{
	int64_t left_ms = p->held_since_ms + HOLD_MS - client_now_ms();

	if (!p->held)
		return -1;
	return left_ms > 0 ? (int)left_ms : 0;
}

void pager_flush(struct pager *p)
{
	if (p->held)
		release(p);
}

bool pager_end(struct pager *p)
{
	bool ran = p->pid != 0;

	pager_flush(p);
	if (ran) {
		close(p->fd);
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	free(p->hold);
	p->hold = NULL;
	p->pid = 0;
	return ran;
}
