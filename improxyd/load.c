/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "lib/token.h"

struct load {
	const char *name;
	load_error_fn *error;
	void *arg;
	unsigned int line, nerrors;
	struct cli_session session;
	struct cmd_ctx ctx;
};

/* What a line prints is of no interest. */
static int discard(void *arg, const char *buf, size_t len)
{
	(void)arg;
	(void)buf;
	(void)len;
	return 0;
}

/* The bad word, so that the message can be understood without the file. */
static void add_word(const struct cmd_ctx *ctx, const char *line, char *buf, size_t size)
{
	const char *word = line + ctx->error.column;
	int len = (int)strcspn(word, " \t");

	if (len)
		snprintf(buf, size, ": '%.*s'", len > 60 ? 60 : len, word);
}

static void tell(struct load *load, const char *line, const char *what)
{
	char message[CONF_PATH_LEN + CMD_ERROR_LEN + 128], word[80] = "";

	if (line && load->ctx.error.has_column && load->ctx.error.column <= strlen(line))
		add_word(&load->ctx, line, word, sizeof(word));
	snprintf(message, sizeof(message), "%s:%u: %s%s", load->name, load->line, what, word);
	load->nerrors++;
	load->error(load->arg, message);
}

static void run_line(struct load *load, char *line)
{
	struct out out;
	enum cmd_code code;

	out_init(&out, discard, NULL);
	load->ctx.out = &out;
	code = cli_run(&load->session, &load->ctx, line);
	while (code == CMD_MORE)
		code = cmd_resume(&load->ctx);
	if (code != CMD_OK)
		tell(load, line, *load->ctx.error.text ? load->ctx.error.text : "Command failed");
	out_fini(&out);
	/* A file stays in configuration whatever it says. */
	if (load->session.mode != CLI_CONFIG_IF)
		load->session.mode = CLI_CONFIG;
}

struct conf *load_text(const struct cmd_table *table, const char *name, const char *text, load_error_fn *error,
		       void *arg, unsigned int *nerrors)
{
	struct load *load = calloc(1, sizeof(*load));
	struct conf *conf = NULL;

	if (!load)
		return NULL;
	load->name = name;
	load->error = error;
	load->arg = arg;
	load->session.table = table;
	load->session.mode = CLI_CONFIG;
	load->session.level = CLI_LEVEL_ENABLE;
	load->session.candidate = conf_new();
	while (load->session.candidate && *text) {
		size_t len = strcspn(text, "\n"), used = len;
		char line[TOKEN_LINE_MAX + 1];

		load->line++;
		if (used && text[used - 1] == '\r')
			used--;
		if (used > TOKEN_LINE_MAX) {
			tell(load, NULL, "Line too long");
		} else {
			memcpy(line, text, used);
			line[used] = '\0';
			run_line(load, line);
		}
		text += len + (text[len] == '\n');
	}
	conf = load->session.candidate;
	*nerrors = load->nerrors;
	free(load);
	return conf;
}
