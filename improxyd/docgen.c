/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "docgen.h"

#include <errno.h>
#include <string.h>

#include "cli.h"
#include "knobs.h"
#include "lib/util.h"

#define SYNTAX_MAX 512

#define EXEC_MODES (CLI_VIEW | CLI_ENABLE)

/* A row belongs to the first chapter that takes it. */
struct chapter {
	const char *title, *text;
	unsigned int modes, not_modes; /* known in one of these, and in none of those */
	const char *const *starts;     /* the row begins with one of these; NULL: with anything */
	bool settings;                 /* rows of the table of settings, which have a default */
	bool both;                     /* only what both modes of configuration know */
};

static const char *const start_show[] = { "show ", NULL };
static const char *const start_watch[] = { "clear ", "debug ", "undebug ", "(undebug ", "monitor ", NULL };
static const char *const start_save[] = { "write ", "copy ", "reload ", NULL };
static const char *const start_acl[] = { "ip access-list ", "ipv6 access-list ", NULL };
static const char *const start_v4[] = { "ip ", NULL };
static const char *const start_v6[] = { "ipv6 ", NULL };

static const struct chapter chapters[] = {
	{ .title = "Show",
	  .text = "Nothing is changed by these. `json` makes one JSON document of the answer.",
	  .modes = EXEC_MODES,
	  .starts = start_show },
	{ .title = "Clear, debug, monitor", .modes = EXEC_MODES, .starts = start_watch },
	{ .title = "Save and load the configuration", .modes = EXEC_MODES, .starts = start_save },
	{ .title = "Session", .modes = EXEC_MODES },
	{ .title = "Configuration: in both modes",
	  .text = "In `config` and in `config-if` mode.",
	  .modes = CLI_CONFIG,
	  .both = true },
	{ .title = "Configuration: access lists",
	  .text = "The rule with the lowest number that matches counts; what none matches is denied. A list that does "
		  "not "
		  "exist permits all.",
	  .modes = CLI_CONFIG,
	  .not_modes = CLI_CONFIG_IF,
	  .starts = start_acl },
	{ .title = "Configuration: IPv4",
	  .modes = CLI_CONFIG,
	  .not_modes = CLI_CONFIG_IF,
	  .starts = start_v4,
	  .settings = true },
	{ .title = "Configuration: IPv6",
	  .modes = CLI_CONFIG,
	  .not_modes = CLI_CONFIG_IF,
	  .starts = start_v6,
	  .settings = true },
	{ .title = "Configuration: general", .modes = CLI_CONFIG, .not_modes = CLI_CONFIG_IF },
	{ .title = "Interface: IPv4",
	  .text = "In `config-if` mode.",
	  .modes = CLI_CONFIG_IF,
	  .starts = start_v4,
	  .settings = true },
	{ .title = "Interface: IPv6",
	  .text = "In `config-if` mode.",
	  .modes = CLI_CONFIG_IF,
	  .starts = start_v6,
	  .settings = true },
	{ .title = "Interface: general", .text = "In `config-if` mode.", .modes = CLI_CONFIG_IF },
};

static bool begins(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* That a setting can be taken back is said once, for all. */
static bool is_negation(const struct cmd_row *row)
{
	return (row->modes & CMD_CONFIG_MODES) && (begins(row->grammar, "no ") || begins(row->grammar, "default ") ||
						   begins(row->grammar, "(no|default) "));
}

static bool takes(const struct chapter *c, const struct cmd_row *row)
{
	char grammar[SYNTAX_MAX];

	if (!(row->modes & c->modes) || (row->modes & c->not_modes))
		return false;
	if (c->both && (~row->modes & CMD_CONFIG_MODES))
		return false;
	if (!c->starts)
		return true;
	/* So that a row of a single word begins with that word, too. */
	snprintf(grammar, sizeof(grammar), "%s ", row->grammar);
	for (const char *const *start = c->starts; *start; start++) {
		if (begins(grammar, *start))
			return true;
	}
	return false;
}

static const struct chapter *chapter_of(const struct cmd_row *row)
{
	for (size_t i = 0; i < ARRAY_SIZE(chapters); i++) {
		if (takes(&chapters[i], row))
			return &chapters[i];
	}
	return NULL;
}

/* Inside a table a bar ends the cell. */
static void put_code(const char *text, FILE *f)
{
	fputc('`', f);
	for (; *text && strcmp(text, " ") != 0; text++)
		fprintf(f, *text == '|' ? "\\|" : "%c", *text);
	fputc('`', f);
}

static void put_default(const struct knob_use *use, FILE *f)
{
	const struct knob *knob = use->knob;
	uint32_t normal = knob->range[use->family].normal;

	switch (knob->type) {
	case KNOB_NUMBER:
		if (normal || knob->range[use->family].min == 0)
			fprintf(f, "%u", normal);
		return;
	case KNOB_SWITCH:
		fputs(normal ? "on" : "off", f);
		return;
	case KNOB_CHOICE:
		for (const struct knob_choice *c = knob->choices; c->word; c++) {
			if (c->value == (int)normal) {
				fputs(c->word, f);
				return;
			}
		}
		fputs("off", f);
		return;
	case KNOB_ACL:
	case KNOB_MEMBERS:
	case KNOB_SSM_MAP:
	case KNOB_ROLE:
		return;
	}
}

static void put_row(const struct chapter *c, const struct cmd_row *row, FILE *f)
{
	char syntax[SYNTAX_MAX];

	fputs("| ", f);
	put_code(cmd_row_syntax(row, syntax, sizeof(syntax)), f);
	if (c->settings) {
		fputs(" | ", f);
		put_default(row->priv, f);
	}
	fprintf(f, " | %s%s |\n", row->help, (row->modes & CLI_VIEW) && row->level > CLI_LEVEL_VIEW ? " (enable)" : "");
}

static void put_chapter(const struct cmd_table *table, const struct chapter *c, FILE *f)
{
	const struct cmd_row *row;

	fprintf(f, "\n## %s\n\n", c->title);
	if (c->text)
		fprintf(f, "%s\n\n", c->text);
	fputs(c->settings ? "| command | default | |\n|---|---|---|\n" : "| command | |\n|---|---|\n", f);
	for (size_t i = 0; (row = cmd_table_row(table, i)); i++) {
		if (!is_negation(row) && chapter_of(row) == c)
			put_row(c, row, f);
	}
}

int docgen_commands(const struct cmd_table *table, FILE *f)
{
	fputs("# Commands\n\n"
	      "<!-- Made by `improxyd --dump-cli`; do not edit. -->\n\n"
	      "All commands of improxyd " IMPROXY_VERSION ", as `vtysh-lite` takes them.\n\n"
	      "Words in small letters are typed as they are; a unique beginning of them is enough. Words in capitals "
	      "stand for values, `(1-255)` for a number in this range, `[...]` may be left out, `(a|b)` is one of "
	      "them. "
	      "In the shell `?` tells what may come next and TAB completes, also the names of interfaces, groups and "
	      "access lists that exist. `!` and `#` begin a comment line.\n\n"
	      "In `view` mode there is what is not marked *(enable)*; a privileged user is in `enable` mode at once. "
	      "`configure terminal` leads to `config`, `interface NAME` to `config-if`.\n\n"
	      "What can be configured can be taken back by `no` in front of the line, with or without its value: a "
	      "value is the default again, a switch is off, a rule, a list or an interface is removed; of what may be "
	      "there several times the first word of the value says which. `default` is the same as `no`, also for a "
	      "switch that is on by default. `show running-config` prints only what differs from the defaults.\n\n"
	      "The answer to any command can go through a filter: `| include RE`, `| exclude RE`, `| begin RE`, "
	      "`| section RE`, `| count`.\n",
	      f);
	for (size_t i = 0; i < ARRAY_SIZE(chapters); i++)
		put_chapter(table, &chapters[i], f);
	return fflush(f) == 0 && !ferror(f) ? 0 : -EIO;
}
