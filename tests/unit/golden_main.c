/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plays a session: golden_main FILE types the lines of FILE at a console and prints what a person would see, with the
 * code of each reply that is not a success. tests/golden/cli.test compares that with what is expected.
 *
 * A line of the file that begins with "@" is for this program:
 *	@view, @enable		another client, unprivileged or privileged
 *	@link NAME ADDRESS	an interface that is there, for instance @link lan1 10.1.1.1/24
 *	@file NAME		the lines up to @end are the text of a file (startup.conf is the startup file)
 *	@cat NAME		prints a file
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_bed.h"
#include "fake_daemon.h"

#define LINE 8192

static int links;

static void read_file(FILE *in, const char *name)
{
	static char text[65536];
	char line[LINE];
	size_t len = 0;

	text[0] = '\0';
	while (fgets(line, sizeof(line), in) && strcmp(line, "@end\n") != 0)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", line);
	bed_set_file(name, text);
}

/* Returns false for a word nobody knows. */
static bool direct(FILE *in, const char *line)
{
	char word[16] = "", name[64] = "", address[64] = "";

	sscanf(line, "@%15s %63s %63s", word, name, address);
	if (strcmp(word, "view") == 0 || strcmp(word, "enable") == 0)
		bed_connect(word[0] == 'e');
	else if (strcmp(word, "link") == 0)
		fake_add_link(name, ++links, address, NULL);
	else if (strcmp(word, "file") == 0)
		read_file(in, name);
	else if (strcmp(word, "cat") == 0)
		printf("--- %s ---\n%s---\n", name, bed_file(name) ? bed_file(name) : "(none)\n");
	else
		return false;
	return true;
}

static void type(const char *line)
{
	int code;

	printf("%s%s\n", bed_prompt(), line);
	code = bed_type(line);
	fputs(bed_reply(), stdout);
	if (*bed_notes())
		printf("[note] %s", bed_notes());
	if (code)
		printf("[code %d]\n", code);
	if (bed_closed()) {
		printf("[closed]\n");
		bed_connect(true);
	}
}

int main(int argc, char **argv)
{
	int status = EXIT_SUCCESS;
	char line[LINE];
	FILE *in;

	if (argc != 2) {
		fprintf(stderr, "Usage: %s FILE\n", argv[0]);
		return 2;
	}
	in = fopen(argv[1], "r");
	if (!in) {
		perror(argv[1]);
		return 2;
	}
	bed_begin();
	while (status == EXIT_SUCCESS && fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '@') {
			type(line);
		} else if (!direct(in, line)) {
			fprintf(stderr, "%s: what is %s?\n", argv[1], line);
			status = 2;
		}
	}
	bed_end();
	fclose(in);
	return status;
}
