/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load.h"

#include <errno.h>
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

	/* Settings that go together may stand in any order: whether they do is asked at the end of an interface. */
	char ifname[GM_NAME_LEN];  /* of the interface under way; empty: none */
	unsigned int invalid_line; /* since this line they do not; 0: they do */
	struct timing {
		uint32_t query_interval_s, query_max_response_ds;
	} valid[FAMILY_COUNT]; /* what they were before it */
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

/* `line` is the text of a line with a bad word in it, else NULL. */
static void tell(struct load *load, unsigned int number, const char *line, const char *what)
{
	char message[CONF_PATH_LEN + CMD_ERROR_LEN + 128], word[80] = "";

	if (line && load->ctx.error.has_column && load->ctx.error.column <= strlen(line))
		add_word(&load->ctx, line, word, sizeof(word));
	snprintf(message, sizeof(message), "%s:%u: %s%s", load->name, number, what, word);
	load->nerrors++;
	load->error(load->arg, message);
}

static void remember_timing(struct load *load)
{
	const struct conf_if *ifc = conf_if_find(load->session.candidate, load->ifname);

	for (unsigned int f = 0; ifc && f < FAMILY_COUNT; f++)
		load->valid[f] = (struct timing){ ifc->af[f].query_interval_s, ifc->af[f].query_max_response_ds };
}

/* The end of an interface's block: settings that do not go together become what they were before the bad line. */
static void end_interface(struct load *load)
{
	struct conf_if *ifc = conf_if_find(load->session.candidate, load->ifname);
	char wrong[CMD_ERROR_LEN];

	load->ifname[0] = '\0';
	if (!load->invalid_line || !ifc || !conf_invalid(load->session.candidate, wrong, sizeof(wrong)))
		return;
	tell(load, load->invalid_line, NULL, wrong);
	load->invalid_line = 0;
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		ifc->af[f].query_interval_s = load->valid[f].query_interval_s;
		ifc->af[f].query_max_response_ds = load->valid[f].query_max_response_ds;
	}
}

static void judge_line(struct load *load)
{
	const struct cli_session *session = &load->session;
	char wrong[CMD_ERROR_LEN];

	if (*load->ifname && (session->mode != CLI_CONFIG_IF || strcmp(session->ifname, load->ifname) != 0))
		end_interface(load);
	if (session->mode != CLI_CONFIG_IF)
		return;
	snprintf(load->ifname, sizeof(load->ifname), "%s", session->ifname);
	if (!conf_invalid(session->candidate, wrong, sizeof(wrong))) {
		load->invalid_line = 0;
		remember_timing(load);
	} else if (!load->invalid_line) {
		load->invalid_line = load->line;
	}
}

static void run_line(struct load *load, char *line)
{
	struct out out;
	enum cmd_code code;

	out_init(&out, discard, NULL);
	load->ctx.out = &out;
	code = cli_run(&load->session, &load->ctx, line);
	if (code != CMD_OK)
		tell(load, load->line, line, *load->ctx.error.text ? load->ctx.error.text : "Command failed");
	out_fini(&out);
	/* A file stays in configuration whatever it says. */
	if (load->session.mode != CLI_CONFIG_IF)
		load->session.mode = CLI_CONFIG;
	judge_line(load);
}

/* A line as it stands in the text, without its end. */
static void take_line(struct load *load, const char *text, size_t len)
{
	char line[TOKEN_LINE_MAX + 1];

	load->line++;
	if (len && text[len - 1] == '\r')
		len--;
	if (len > TOKEN_LINE_MAX) {
		tell(load, load->line, NULL, "Line too long");
		return;
	}
	if (memchr(text, '\0', len)) {
		tell(load, load->line, NULL, "There is a NUL in the line");
		return;
	}
	memcpy(line, text, len);
	line[len] = '\0';
	run_line(load, line);
}

int load_text(const struct cmd_table *table, const struct load_source *source, struct conf *conf, load_error_fn *error,
	      void *arg)
{
	struct load *load = calloc(1, sizeof(*load));
	const char *at = source->text, *end = source->text + source->len, *eol;
	int nerrors;

	if (!load)
		return -ENOMEM;
	load->name = source->name;
	load->error = error;
	load->arg = arg;
	load->session.table = table;
	load->session.mode = CLI_CONFIG;
	load->session.level = CLI_LEVEL_ENABLE;
	load->session.candidate = conf;
	for (; at < end; at = eol + 1) {
		eol = memchr(at, '\n', (size_t)(end - at));
		if (!eol)
			eol = end;
		take_line(load, at, (size_t)(eol - at));
	}
	end_interface(load);
	nerrors = (int)load->nerrors;
	free(load);
	return nerrors;
}
