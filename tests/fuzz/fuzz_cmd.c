/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target of the command line: the input is typed at a console, line by line, on a daemon without a kernel. A line
 * "@view" or "@enable" is another client. Each line is also asked for help and for completion. What must hold: a reply
 * is text; JSON is well formed; an error says what it is; completion goes on with what was typed; in the end the
 * configuration in force loads to itself.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "tests/fuzz/ensure.h"
#include "tests/unit/cli_bed.h"
#include "tests/unit/json_flat.h"

#define MAX_LINES 24

/* --- the daemon --- */

static void begin(void)
{
	if (bed_table)
		bed_restart();
	else
		bed_begin();
	bed_set_file(BED_STARTUP, "hostname gw2\ninterface lan1\n ip igmp proxy downstream\n");
	bed_populate();
}

/* --- what holds --- */

static bool has_word(const char *line, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = strstr(line, word); at; at = strstr(at + 1, word)) {
		if (at > line && at[-1] == ' ' && (!at[len] || at[len] == ' '))
			return true;
	}
	return false;
}

static void check_reply(const char *line, int code)
{
	const char *reply = bed_reply(), *text = strrchr(reply, '%');
	char error[256];

	ENSURE(code >= CMD_OK && code <= CMD_TOO_LONG);
	for (const char *at = reply; *at; at++)
		ENSURE(*at == '\n' || *at == '\t' || (unsigned char)*at >= ' ' || strchr(line, *at) || *at == '\r');
	if (code != CMD_OK)
		ENSURE(text && strchr(text, '\n') && !strchr(text, '\n')[1]);
	if (code == CMD_OK && strncmp(line, "show ", 5) == 0 && has_word(line, "json") && !strchr(line, '|')) {
		struct json_flat *flat = json_flat_read(reply, error, sizeof(error));

		if (!flat) {
			fprintf(stderr, "%s: %s\n%s", line, error, reply);
			abort();
		}
		json_flat_free(flat);
	}
}

/* What completes a line begins as its last word does. */
static void check_completion(const char *line)
{
	size_t len = strlen(line), from;
	char *words = strdup(bed_reply()), *save;

	ENSURE(words);
	while (len && line[len - 1] == '\r')
		len--;
	for (from = len; from && line[from - 1] != ' ' && line[from - 1] != '\t';)
		from--;
	for (char *word = strtok_r(words, "\n", &save); word; word = strtok_r(NULL, "\n", &save)) {
		ENSURE(!strchr(word, '\t'));
		ENSURE(strchr(line, '"') || strncmp(word, line + from, len - from) == 0);
	}
	free(words);
}

static void check_help(const char *line)
{
	char *asked = malloc(strlen(line) + 16);
	int code;

	ENSURE(asked);
	sprintf(asked, "describe %s", line);
	check_reply(asked, bed_type(asked));
	sprintf(asked, "complete %s", line);
	code = bed_type(asked);
	check_reply(asked, code);
	if (code == CMD_OK)
		check_completion(line);
	free(asked);
}

static void type(const char *line)
{
	if (strcmp(line, "@view") == 0 || strcmp(line, "@enable") == 0) {
		bed_connect(line[1] == 'e');
		return;
	}
	check_help(line);
	check_reply(line, bed_type(line));
	ENSURE(!strchr(bed_prompt(), '\n'));
	if (bed_closed())
		bed_connect(true);
}

static void load_again(void)
{
	char *text = strdup(bed_config()), *then;
	struct conf *conf;
	unsigned int nerrors;

	ENSURE(text);
	conf = conf_new();
	ENSURE(conf);
	nerrors = bed_load("FILE", text, strlen(text), conf);
	then = cli_config_text(conf);
	ENSURE(then);
	if (nerrors || strcmp(text, then) != 0) {
		fprintf(stderr, "%s--- in force\n%s--- loaded\n%s", bed_messages(), text, then);
		abort();
	}
	conf_free(conf);
	free(then);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *input = strndup((const char *)data, size), *at = input;

	ENSURE(input);
	begin();
	for (unsigned int i = 0; *at && i < MAX_LINES; i++) {
		char *end = at + strcspn(at, "\n");
		bool last = !*end;

		*end = '\0';
		type(at);
		at = last ? end : end + 1;
	}
	load_again();
	free(input);
	return 0;
}
