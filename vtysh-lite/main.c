/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vtysh-lite: the shell of improxyd. This file reads the options and chooses between the interactive shell (shell.c)
 * and commands from elsewhere (batch.c). Neither knows any command of the daemon.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"
#include "shell.h"

#ifndef IMPROXY_SOCKET
#define IMPROXY_SOCKET "/run/improxy/improxyd.sock"
#endif
#ifndef IMPROXY_VERSION
#define IMPROXY_VERSION "unknown"
#endif

static void usage(FILE *stream)
{
	fprintf(stream, "usage: vtysh-lite [-s SOCKET] [-c COMMAND]... [-f FILE] [-k] [-j] [-h] [-V]\n"
			"\n"
			"  -s, --socket SOCKET    control socket of improxyd (" IMPROXY_SOCKET ")\n"
			"  -c, --command COMMAND  run this command; may be repeated, all run in one session\n"
			"  -f, --file FILE        run the commands in FILE, `-` is standard input\n"
			"  -k, --keep-going       go on after a command that failed\n"
			"  -j, --json             append `json` to each `show` that has it\n"
			"  -h, --help             show this help\n"
			"  -V, --version          show the version\n"
			"\n"
			"Without -c and -f: a shell on a terminal, else commands from standard input.\n"
			"Exit status: 0 success, 1 a command failed, 2 usage, 3 no connection.\n");
}

static int usage_error(const char *what, const char *arg)
{
	fprintf(stderr, "vtysh-lite: %s%s\nTry `vtysh-lite -h`.\n", what, arg);
	return EXIT_USAGE;
}

/* The commands in the order of the command line, then those of the file. */
static enum exit_status batch_run(struct batch *b, const char *socket, char *const *commands, size_t count, FILE *file)
{
	if (!batch_open(b, socket))
		return b->status;
	for (size_t i = 0; i < count && !b->stopped; i++)
		batch_command(b, commands[i]);
	if (file && !b->stopped)
		batch_file(b, file);
	batch_close(b);
	return b->status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' }, { "command", required_argument, NULL, 'c' },
		{ "file", required_argument, NULL, 'f' },   { "keep-going", no_argument, NULL, 'k' },
		{ "json", no_argument, NULL, 'j' },         { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },      { NULL, 0, NULL, 0 },
	};
	static struct batch batch;
	const char *socket = IMPROXY_SOCKET, *file_name = NULL;
	char **commands = NULL;
	size_t count = 0;
	FILE *file = NULL;
	int opt, status;

	commands = calloc((size_t)argc, sizeof(*commands));
	if (!commands) {
		perror("vtysh-lite");
		return EXIT_COMMAND;
	}
	while ((opt = getopt_long(argc, argv, "s:c:f:kjhV", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			socket = optarg;
			break;
		case 'c':
			commands[count++] = optarg;
			break;
		case 'f':
			file_name = optarg;
			break;
		case 'k':
			batch.keep_going = true;
			break;
		case 'j':
			batch.json = true;
			break;
		case 'h':
			usage(stdout);
			status = EXIT_OK;
			goto out;
		case 'V':
			puts("vtysh-lite " IMPROXY_VERSION);
			status = EXIT_OK;
			goto out;
		default:
			status = EXIT_USAGE;
			fprintf(stderr, "Try `vtysh-lite -h`.\n");
			goto out;
		}
	}
	if (optind < argc) {
		status = usage_error("unexpected argument: ", argv[optind]);
		goto out;
	}
	if (!count && !file_name && isatty(STDIN_FILENO)) {
		status = (int)shell_run(socket, batch.json);
		goto out;
	}
	if (file_name && strcmp(file_name, "-")) {
		file = fopen(file_name, "re");
		if (!file) {
			fprintf(stderr, "vtysh-lite: cannot open %s: %s\n", file_name, strerror(errno));
			status = EXIT_USAGE;
			goto out;
		}
	} else if (file_name || !count) {
		file = stdin;
	}
	status = (int)batch_run(&batch, socket, commands, count, file);
out:
	if (file && file != stdin)
		fclose(file);
	free(commands);
	return status;
}
