/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See shell.h. readline runs by its callbacks while a line is edited, so that log lines and the loss of the connection
 * show at once; it is off while a command runs. SIGINT and its like are blocked except in ppoll(), where they only set
 * a flag: no signal is lost and none arrives in the middle of readline.
 *
 * Ctrl-C during a reply sends a comment line. It ends a stream, as any line does, and has a reply of its own in every
 * case, so that requests and replies stay in step whether or not the reply was a stream.
 */
#include "shell.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "line.h"
#include "pager.h"

#define HISTORY_NAME ".improxy_history"
#define HISTORY_MAX  1000
#define GREETING_MS  10000
#define HELP_MS      5000 /* an answer to TAB or `?` */
#define HELP_MAX     ((size_t)256 << 10)
#define RECONNECT_MS 30000
#define RETRY_MS     200
#define INTERRUPT    "!"

enum result { RESULT_DONE, RESULT_INTERRUPTED, RESULT_LOST };

static struct {
	const char *path;
	bool json; /* append `json` to each `show` that has it */
	struct client client;
	sigset_t wait_mask; /* while waiting: what the process began with */
	struct termios tty;
	long length; /* `terminal length`; negative: the screen */
	char *line;  /* the line that was entered */
	bool have_line;
	bool lost;  /* found out while a line was edited */
	char *kept; /* the unfinished line, to be edited on */
	char history[4096];
	int history_new;
	char **candidates;
	size_t candidate_next;
	bool quit;
	enum exit_status status;
} sh;

static volatile sig_atomic_t interrupted, terminated;

static void on_signal(int signo)
{
	if (signo == SIGINT)
		interrupted = 1;
	else
		terminated = 1;
}

/* ---- terminal ---- */

static void tty_restore(void)
{
	tcsetattr(STDIN_FILENO, TCSADRAIN, &sh.tty);
}

/* While a line is edited Ctrl-Z is a key, not a signal. */
static void tty_edit(void)
{
	struct termios t = sh.tty;

	t.c_cc[VSUSP] = _POSIX_VDISABLE;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

/* While a command runs, what is typed ahead is not shown twice. */
static void tty_quiet(void)
{
	struct termios t = sh.tty;

	t.c_cc[VSUSP] = _POSIX_VDISABLE;
	t.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

/* Waits for a signal. */
static void pause_ms(int ms)
{
	const struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	ppoll(NULL, 0, &ts, &sh.wait_mask);
}

/* A quoted line end is a blank: a request is one line. */
static void make_one_line(char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			*text = ' ';
	}
}

/* ---- short questions: completion and help ---- */

/* The text of the reply to `command` with the first `end` octets of `about`; NULL when there is none. To be freed. */
static char *ask(const char *command, const char *about, size_t end)
{
	size_t len = 0, size = strlen(command) + end + 1;
	char *text, *line = malloc(size);
	enum client_event event;

	text = malloc(HELP_MAX);
	if (!line || !text || sh.lost)
		goto fail;
	snprintf(line, size, "%s%.*s", command, (int)end, about);
	make_one_line(line);
	if (client_send(&sh.client, line, size - 1))
		goto lost;
	do {
		event = client_next(&sh.client, HELP_MS, &sh.wait_mask);
		if (event == CLIENT_TEXT) {
			size_t n = sh.client.text_len < HELP_MAX - 1 - len ? sh.client.text_len : HELP_MAX - 1 - len;

			memcpy(text + len, sh.client.text, n);
			len += n;
		}
	} while (event == CLIENT_TEXT || (event == CLIENT_SIGNAL && !terminated));
	if (event != CLIENT_END)
		goto lost;
	text[len] = '\0';
	free(line);
	return text;
lost:
	sh.lost = true;
fail:
	free(line);
	free(text);
	return NULL;
}

/* The same with the line that is edited, of a `watch` with what is watched. */
static char *ask_of_line(const char *command, int end)
{
	long seconds;
	const char *watched = line_watched(rl_line_buffer, &seconds);
	int begin = watched && watched - rl_line_buffer <= end ? (int)(watched - rl_line_buffer) : 0;

	return ask(command, rl_line_buffer + begin, (size_t)(end - begin));
}

/* The line with `json`, if it is a `show` that has it; else NULL. To be freed. */
static char *make_json(const char *line)
{
	size_t end;
	char *json = line_json(line, strlen(line), &end), *text = json ? ask("complete ", json, end) : NULL;
	bool known = text && sh.client.code == CLIENT_CODE_SUCCESS && strstr(text, "json");

	free(text);
	if (known)
		return json;
	free(json);
	return NULL;
}

static char *candidate(const char *word, int state)
{
	const char *c;

	if (!state)
		sh.candidate_next = 0;
	while ((c = sh.candidates[sh.candidate_next])) {
		sh.candidate_next++;
		if (!strncmp(c, word, strlen(word)))
			return strdup(c);
	}
	return NULL;
}

static char **on_complete(const char *word, int start, int end)
{
	char *text, *line, *save = NULL, **matches = NULL;
	size_t count = 0;

	(void)start;
	rl_attempted_completion_over = 1;
	text = ask_of_line("complete ", end);
	if (!text || sh.client.code != CLIENT_CODE_SUCCESS) {
		free(text);
		return NULL;
	}
	for (const char *p = text; *p; p++)
		count += *p == '\n';
	sh.candidates = calloc(count + 2, sizeof(*sh.candidates));
	if (!sh.candidates) {
		free(text);
		return NULL;
	}
	count = 0;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line[strcspn(line, "\t")] = '\0';
		sh.candidates[count++] = line;
	}
	matches = rl_completion_matches(word, candidate);
	free(sh.candidates);
	sh.candidates = NULL;
	free(text);
	return matches;
}

static void help_print(char *text)
{
	char *line, *save = NULL;
	int width = 0;

	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		int n = (int)strcspn(p, "\t\n");

		if (p[n] == '\t' && n > width)
			width = n;
	}
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *help = strchr(line, '\t');

		if (!help) {
			puts(line);
			continue;
		}
		*help++ = '\0';
		printf("  %-*s  %s\n", width, line, help);
	}
}

/* `?`: help for the line up to the cursor; the line is kept. */
static int on_help(int count, int key)
{
	int point = rl_point;
	char *text = ask_of_line("describe ", point);

	(void)count;
	(void)key;
	rl_point = rl_end;
	rl_redisplay();
	puts("?");
	if (text)
		help_print(text);
	free(text);
	fflush(stdout);
	rl_point = point;
	rl_on_new_line();
	rl_redisplay();
	return 0;
}

static int on_ctrl_z(int count, int key)
{
	(void)count;
	(void)key;
	rl_replace_line("end", 0);
	rl_point = rl_end;
	rl_redisplay();
	return rl_newline(1, '\n');
}

static void on_line(char *line)
{
	rl_callback_handler_remove();
	if (!line) {
		puts("exit");
		line = strdup("exit");
	}
	sh.line = line;
	sh.have_line = true;
}

/* ---- requests ---- */

/* Runs one request and shows its reply; `*code` is set when it is RESULT_DONE. */
static enum result request(const char *line, long rows, int *code)
{
	bool discard = false, sent_interrupt = false, had_pager;
	enum result result = RESULT_DONE;
	enum client_event event;
	struct pager pager;
	int replies = 0;

	if (client_send(&sh.client, line, strlen(line)))
		return RESULT_LOST;
	pager_begin(&pager, rows, tty_restore);
	while (replies < 1 + sent_interrupt && result != RESULT_LOST && !(replies && sh.client.closing)) {
		int left_ms = pager_left_ms(&pager);
		bool stop = false;

		if (!left_ms)
			pager_flush(&pager);
		event = client_next(&sh.client, left_ms ? left_ms : -1, &sh.wait_mask);
		switch (event) {
		case CLIENT_TEXT:
			if (!discard && !pager_write(&pager, sh.client.text, sh.client.text_len))
				stop = discard = true;
			break;
		case CLIENT_END:
			if (!replies++)
				*code = sh.client.code;
			break;
		case CLIENT_TIMEOUT:
			pager_flush(&pager);
			break;
		case CLIENT_SIGNAL:
			if (terminated) {
				result = RESULT_LOST;
			} else if (interrupted) {
				interrupted = 0;
				stop = true;
				if (!pager.pid) {
					pager_flush(&pager);
					puts("^C");
					discard = true;
				}
				result = RESULT_INTERRUPTED;
			}
			break;
		case CLIENT_LOST:
			result = RESULT_LOST;
			break;
		}
		/* Once is enough, and nothing is sent after the reply. */
		if (stop && !sent_interrupt && !replies) {
			if (client_send(&sh.client, INTERRUPT, strlen(INTERRUPT)))
				result = RESULT_LOST;
			sent_interrupt = true;
		}
	}
	had_pager = pager_end(&pager);
	if (had_pager) {
		interrupted = 0;
		tty_quiet();
	}
	if (sh.client.fd >= 0 && sh.client.closing && result != RESULT_LOST)
		sh.quit = true;
	return result;
}

/* ---- what the shell does by itself ---- */

static enum result watch(const char *command, long seconds)
{
	enum result result;
	int code = 0;

	do {
		if (isatty(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		printf("Every %ld s: %s\n\n", seconds, command);
		result = request(command, 0, &code);
		if (result == RESULT_DONE && code == CLIENT_CODE_SUCCESS && !sh.quit)
			pause_ms((int)seconds * 1000);
	} while (result == RESULT_DONE && code == CLIENT_CODE_SUCCESS && !sh.quit && !interrupted && !terminated);
	interrupted = 0;
	return result;
}

static enum result execute(const char *line)
{
	long value, seconds;
	const char *p = line, *watched = line_watched(line, &seconds), *asked = watched && *watched ? watched : line;
	char *json = sh.json ? make_json(asked) : NULL;
	enum result result;
	int code = 0;

	if (json)
		asked = json;
	if (sh.lost)
		result = RESULT_LOST;
	else if (watched && *watched)
		result = watch(asked, seconds);
	else
		result = request(asked, sh.length, &code);
	free(json);
	if (result == RESULT_DONE && code == CLIENT_CODE_SUCCESS && line_take_word(&p, "terminal", 4) &&
	    line_take_word(&p, "length", 1) && line_take_number(&p, 100000, &value) && !*p)
		sh.length = value;
	return result;
}

/* ---- connection ---- */

/* After the loss of the connection: until the daemon is back, the time is over, or the user leaves. */
static bool reconnect(void)
{
	char text[512] = "";
	int err = 0;

	puts("% Connection lost, reconnecting...");
	fflush(stdout);
	client_disconnect(&sh.client);
	sh.lost = false;
	for (int left_ms = RECONNECT_MS; left_ms > 0 && !interrupted && !terminated; left_ms -= RETRY_MS) {
		err = client_open(&sh.client, sh.path, GREETING_MS, &sh.wait_mask, text, sizeof(text));
		if (!err)
			return true;
		pause_ms(RETRY_MS);
	}
	if (!interrupted && !terminated)
		connect_error(sh.path, err, text);
	return false;
}

/*
 * Something came from the daemon while a line is edited: log lines, or the end. A session that was ended because it was
 * idle is not taken up again before the user is back, or two idle shells would drive each other out for ever.
 */
static void on_socket(void)
{
	bool shown = false, ended = false;
	enum client_event event;

	while (!ended && ((event = client_next(&sh.client, 0, &sh.wait_mask)) == CLIENT_TEXT || event == CLIENT_END)) {
		ended = event == CLIENT_END && sh.client.closing;
		if (event == CLIENT_END)
			continue; /* nothing was asked */
		if (!shown)
			rl_clear_visible_line();
		shown = true;
		fwrite(sh.client.text, 1, sh.client.text_len, stdout);
	}
	fflush(stdout);
	if (shown) {
		rl_on_new_line();
		rl_redisplay();
	}
	if (ended)
		client_disconnect(&sh.client);
	else if (event == CLIENT_LOST)
		sh.lost = true;
}

/* ---- lines ---- */

static void history_open(void)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;
	int fd;

	if (!home || !*home) {
		pw = getpwuid(getuid());
		home = pw ? pw->pw_dir : NULL;
	}
	using_history();
	stifle_history(HISTORY_MAX);
	if (!home || (size_t)snprintf(sh.history, sizeof(sh.history), "%s/" HISTORY_NAME, home) >= sizeof(sh.history)) {
		sh.history[0] = '\0';
		return;
	}
	/* A shell without a history file is still a shell. */
	fd = open(sh.history, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0) {
		sh.history[0] = '\0';
		return;
	}
	close(fd);
	read_history(sh.history);
}

static void history_save(void)
{
	if (!sh.history[0] || !sh.history_new)
		return;
	if (append_history(sh.history_new < HISTORY_MAX ? sh.history_new : HISTORY_MAX, sh.history) ||
	    history_truncate_file(sh.history, HISTORY_MAX))
		fprintf(stderr, "%% Cannot write %s\n", sh.history);
}

static void history_remember(const char *line)
{
	HIST_ENTRY *newest = history_length ? history_get(history_base + history_length - 1) : NULL;

	if (newest && !strcmp(newest->line, line))
		return;
	add_history(line);
	sh.history_new++;
}

static void readline_open(void)
{
	rl_readline_name = "vtysh-lite";
	rl_catch_signals = 0;
	rl_attempted_completion_function = on_complete;
	rl_completer_word_break_characters = " \t\n";
	rl_completer_quote_characters = "";
	rl_completion_query_items = 0;
	rl_variable_bind("page-completions", "off");
	rl_variable_bind("show-all-if-ambiguous", "on");
	/* A pasted configuration is a number of lines, not one. */
	rl_variable_bind("enable-bracketed-paste", "off");
	rl_initialize();
	rl_bind_key('?', on_help);
	rl_bind_key('Z' & 0x1f, on_ctrl_z);
}

/* Keeps what has been typed for the next prompt. */
static void edit_abort(bool keep)
{
	if (keep) {
		free(sh.kept);
		sh.kept = strdup(rl_line_buffer);
	}
	rl_callback_handler_remove();
	puts(keep ? "" : "^C");
}

/* Lets the user edit a line: sh.line, or NULL when the connection is lost or the line was abandoned. */
static void edit(void)
{
	struct pollfd pfds[2] = { { .fd = STDIN_FILENO, .events = POLLIN } };

	tty_edit();
	sh.have_line = false;
	sh.line = NULL;
	rl_callback_handler_install(sh.client.prompt, on_line);
	if (sh.kept) {
		rl_insert_text(sh.kept);
		rl_redisplay();
		free(sh.kept);
		sh.kept = NULL;
	}
	while (!sh.have_line) {
		if (sh.lost) {
			edit_abort(true);
			return;
		}
		if (interrupted || terminated) {
			edit_abort(false);
			interrupted = 0;
			return;
		}
		if (client_buffered(&sh.client))
			on_socket();
		pfds[1] = (struct pollfd){ .fd = sh.client.fd, .events = POLLIN };
		if (ppoll(pfds, 2, NULL, &sh.wait_mask) < 0) {
			if (errno != EINTR)
				terminated = 1;
			continue;
		}
		if (pfds[1].revents)
			on_socket();
		if (pfds[0].revents & POLLIN)
			rl_callback_read_char();
		else if (pfds[0].revents) /* the terminal is gone */
			terminated = 1;
	}
}

static void turn(void)
{
	enum result result = RESULT_DONE;
	char *end;

	edit();
	if (sh.line) {
		tty_quiet();
		make_one_line(sh.line);
		for (end = sh.line + strlen(sh.line); end > sh.line && isspace((unsigned char)end[-1]);)
			*--end = '\0';
		if (sh.line[strspn(sh.line, " \t")]) {
			history_remember(sh.line);
			if (!sh.lost)
				result = execute(sh.line);
		}
		free(sh.line);
		sh.line = NULL;
	}
	if (terminated) {
		sh.quit = true;
	} else if (sh.lost || result == RESULT_LOST) {
		tty_quiet();
		if (reconnect())
			return;
		sh.quit = true;
		sh.status = EXIT_CONNECTION;
	}
}

enum exit_status shell_run(const char *path, bool json)
{
	struct sigaction sa = { .sa_handler = on_signal };
	char text[512];
	sigset_t mask;
	int err;

	sh.path = path;
	sh.json = json;
	sh.length = -1;
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, &sh.wait_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	client_init(&sh.client);
	err = client_open(&sh.client, path, GREETING_MS, &sh.wait_mask, text, sizeof(text));
	if (err) {
		connect_error(path, err, text);
		return EXIT_CONNECTION;
	}
	if (tcgetattr(STDIN_FILENO, &sh.tty)) {
		perror("vtysh-lite");
		return EXIT_USAGE;
	}
	text[strcspn(text, "\n")] = '\0';
	*strstr(text, " protocol ") = '\0';
	printf("%s, ? for help\n", text);
	history_open();
	readline_open();
	while (!sh.quit)
		turn();
	tty_restore();
	history_save();
	clear_history();
	client_disconnect(&sh.client);
	return sh.status;
}
