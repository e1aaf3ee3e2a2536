/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small daemon on the real control socket server, with a handful of commands of every kind a shell can meet: modes,
 * answers of any length, streams, delayed answers, errors with a caret line. vtysh-lite is tested against it, because
 * the shell must not know the commands of improxyd.
 *
 * usage: ctl_toy SOCKET [LOG]     (LOG: every line it is sent, in order)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"
#include "sys/ctl.h"

#include <event2/event.h>

enum toy_mode { TOY_ENABLE, TOY_CONFIG, TOY_CONFIG_IF };

struct toy {
	struct ctl_session *session;
	struct event *timer;
	enum toy_mode mode;
	long rows, row;
	bool stream;
	int events;
};

static struct event_base *base;
static FILE *log_file;

static void say(struct ctl_session *s, const char *text)
{
	ctl_write(s, text, strlen(text));
}

static int toy_error(struct ctl_session *s, const char *line, const char *message, int code)
{
	say(s, line);
	say(s, "\n  ^\n% ");
	say(s, message);
	say(s, "\n");
	return code;
}

static void toy_timer(evutil_socket_t fd, short what, void *arg)
{
	struct toy *t = arg;
	char text[64];

	(void)fd;
	(void)what;
	if (!t->stream) {
		say(t->session, "at last\n");
		event_del(t->timer);
		ctl_finish(t->session, CTL_SUCCESS);
		return;
	}
	snprintf(text, sizeof(text), "event %d\n", t->events++);
	ctl_notify(t->session, text, strlen(text));
}

static void toy_timer_start(struct toy *t, bool stream, long ms)
{
	const struct timeval tv = { ms / 1000, (ms % 1000) * 1000 };

	t->stream = stream;
	event_add(t->timer, &tv);
}

static void *toy_open(void *arg, struct ctl_session *session, bool privileged)
{
	struct toy *t = calloc(1, sizeof(*t));

	(void)arg;
	(void)privileged;
	if (!t)
		return NULL;
	t->session = session;
	t->timer = event_new(base, -1, EV_PERSIST, toy_timer, t);
	return t;
}

static int toy_more(void *user, struct ctl_session *s)
{
	struct toy *t = user;
	char row[80];

	for (; t->row < t->rows; t->row++) {
		if (ctl_full(s))
			return CTL_MORE;
		snprintf(row, sizeof(row), "row %06ld\n", t->row);
		say(s, row);
	}
	return CTL_SUCCESS;
}

static const char *const toy_words[][3] = {
	{ "", "configure", "Configuration mode" }, { "", "show", "Show what there is" },
	{ "", "shutdown", "Nothing of the kind" }, { "show ", "rows", "Many rows" },
	{ "show ", "version", "The version" },     { "show version ", "json", "As JSON" },
};

/* `complete LINE` and `describe LINE`. */
static void toy_words_say(struct ctl_session *s, const char *line, bool help)
{
	const char *word = strrchr(line, ' ');

	word = word ? word + 1 : line;
	for (size_t i = 0; i < ARRAY_SIZE(toy_words); i++) {
		size_t len = strlen(toy_words[i][0]);

		if (len != (size_t)(word - line) || strncmp(line, toy_words[i][0], len) ||
		    strncmp(word, toy_words[i][1], strlen(word)))
			continue;
		say(s, toy_words[i][1]);
		if (help) {
			say(s, "\t");
			say(s, toy_words[i][2]);
		}
		say(s, "\n");
	}
}

static int toy_mode_line(struct toy *t, struct ctl_session *s, const char *line)
{
	if (!strcmp(line, "configure terminal")) {
		t->mode = TOY_CONFIG;
	} else if (!strncmp(line, "interface ", 10) && t->mode != TOY_ENABLE) {
		t->mode = TOY_CONFIG_IF;
	} else if (!strcmp(line, "end")) {
		t->mode = TOY_ENABLE;
	} else if (!strcmp(line, "exit")) {
		switch (t->mode) {
		case TOY_ENABLE:
			ctl_close(s);
			break;
		case TOY_CONFIG:
			t->mode = TOY_ENABLE;
			break;
		case TOY_CONFIG_IF:
			t->mode = TOY_CONFIG;
			break;
		}
	} else {
		return toy_error(s, line, "Unknown command", CTL_UNKNOWN);
	}
	return CTL_SUCCESS;
}

static int toy_line(void *user, struct ctl_session *s, char *line)
{
	struct toy *t = user;
	long n;

	if (log_file) {
		fprintf(log_file, "%s\n", line);
		fflush(log_file);
	}
	if (!line[0] || line[0] == '!' || line[0] == '#')
		return CTL_SUCCESS;
	if (!strncmp(line, "complete ", 9) || !strncmp(line, "describe ", 9)) {
		toy_words_say(s, line + 9, line[0] == 'd');
		return CTL_SUCCESS;
	}
	if (sscanf(line, "show rows %ld", &t->rows) == 1) {
		t->row = 0;
		return toy_more(t, s);
	}
	if (!strcmp(line, "show version") || !strcmp(line, "show version | include toy")) {
		say(s, "toy 1\n");
	} else if (!strcmp(line, "show version json") || !strcmp(line, "show version json | include toy") ||
		   !strcmp(line, "do sh version json")) {
		say(s, "{ \"version\": \"toy 1\" }\n");
	} else if (!strcmp(line, "show plain")) {
		say(s, "plain\n");
	} else if (!strcmp(line, "monitor")) {
		t->events = 0;
		toy_timer_start(t, true, 20);
		return CTL_STREAM;
	} else if (sscanf(line, "slow %ld", &n) == 1) {
		toy_timer_start(t, false, n);
		return CTL_WAIT;
	} else if (!strcmp(line, "partial")) {
		say(s, "a row\n");
		return toy_error(s, line, "It broke", CTL_FAILED);
	} else if (!strcmp(line, "fail")) {
		return CTL_FAILED;
	} else if (!strcmp(line, "die")) {
		_exit(0);
	} else if (!strcmp(line, "log")) {
		ctl_notify(s, "a log line\n", 11);
	} else if (!strncmp(line, "terminal length ", 16)) {
		return CTL_SUCCESS;
	} else {
		return toy_mode_line(t, s, line);
	}
	return CTL_SUCCESS;
}

static void toy_stop(void *user, struct ctl_session *s)
{
	struct toy *t = user;

	(void)s;
	event_del(t->timer);
}

static void toy_prompt(void *user, char *buf, size_t size)
{
	static const char *const prompts[] = { "toy# ", "toy(config)# ", "toy(config-if)# " };
	const struct toy *t = user;

	snprintf(buf, size, "%s", prompts[t->mode]);
}

static void toy_missed(void *user, unsigned long n, char *buf, size_t size)
{
	(void)user;
	snprintf(buf, size, "%lu events missed\n", n);
}

static void toy_close(void *user)
{
	struct toy *t = user;

	event_free(t->timer);
	free(t);
}

int main(int argc, char **argv)
{
	static const struct ctl_ops ops = {
		.open = toy_open,
		.line = toy_line,
		.more = toy_more,
		.stop = toy_stop,
		.prompt = toy_prompt,
		.missed = toy_missed,
		.close = toy_close,
		.yields_after_ms = 500,
	};
	struct ctl *ctl;
	int err;

	if (argc < 2) {
		fprintf(stderr, "usage: ctl_toy SOCKET [LOG]\n");
		return 2;
	}
	if (argc > 2)
		log_file = fopen(argv[2], "a");
	base = event_base_new();
	err = base ? ctl_new(base, argv[1], NULL, &ops, NULL, &ctl) : -1;
	if (err) {
		fprintf(stderr, "ctl_toy: %s\n", strerror(-err));
		return 1;
	}
	event_base_dispatch(base);
	return 0;
}
