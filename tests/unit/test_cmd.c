/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/cmd: a small table of its own, read, run, helped and completed; grammar errors; the check of a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include "lib/cmd.h"
#include "lib/ipaddr.h"

#include <cmocka.h>

enum { VIEW = 1, ENABLE = 2, CONFIG = 4, CONFIG_IF = 8, OTHER = 64 };
enum { LEVEL_VIEW, LEVEL_ENABLE };

static char got[1 << 20];
static size_t got_len;
static struct out out;
static struct cmd_table *table;
static struct cmd_ctx ctx;
static char ran[256];
static unsigned int freed;

static int sink(void *arg, const char *buf, size_t len)
{
	(void)arg;
	assert_true(got_len + len < sizeof(got));
	memcpy(got + got_len, buf, len);
	got_len += len;
	got[got_len] = '\0';
	return 0;
}

static bool valid_group(const char *text)
{
	struct ipaddr a;

	return ipaddr_parse(text, &a) == 0 && ipaddr_is_multicast(&a);
}

static void live_ifnames(void *app, void (*add)(void *arg, const char *word), void *arg)
{
	assert_ptr_equal(app, &out);
	add(arg, "lan1");
	add(arg, "lan2");
	add(arg, "my wan");
}

static const struct cmd_vartype types[] = {
	{ "IFNAME", "Interface name", NULL, live_ifnames },
	{ "GROUP", "Multicast group", valid_group, NULL },
	{ "WORD", "Any word", NULL, NULL },
	{ "LINE", "The text", NULL, NULL },
};

/* Notes "NAME=TEXT" for each captured variable and NAME for each keyword. */
static enum cmd_code note(struct cmd_ctx *c)
{
	size_t n = 0;

	ran[0] = '\0';
	for (unsigned int i = 0; i < c->nargs; i++)
		n += (size_t)snprintf(ran + n, sizeof(ran) - n, "%s%s%s%s", i ? " " : "", c->arg[i].name,
				      c->arg[i].keyword ? "" : "=", c->arg[i].keyword ? "" : c->arg[i].text);
	return CMD_OK;
}

static enum cmd_code show_version(struct cmd_ctx *c)
{
	out_text(c->out, "version 1\nbuilt today\n");
	out_int(c->out, "version", 1);
	return CMD_OK;
}

static enum cmd_code complain(struct cmd_ctx *c)
{
	return cmd_fail(c, "No such thing: %d", 7);
}

static void state_free(void *state)
{
	freed++;
	free(state);
}

/* 100000 rows, as many at a time as the writer takes. */
static enum cmd_code show_rows(struct cmd_ctx *c)
{
	unsigned int *next = c->state;

	if (!next) {
		next = calloc(1, sizeof(*next));
		assert_non_null(next);
		c->state = next;
		c->state_free = state_free;
	}
	for (; *next < 100000; ++*next) {
		if (out_full(c->out))
			return CMD_MORE;
		out_text(c->out, "%06u\n", *next);
	}
	return CMD_OK;
}

/* Waits for something at first, then writes two lines by itself, as a stream does. */
static enum cmd_code show_later(struct cmd_ctx *c)
{
	unsigned int *calls = c->state;

	if (!calls) {
		calls = calloc(1, sizeof(*calls));
		assert_non_null(calls);
		c->state = calls;
		c->state_free = state_free;
	}
	switch (++*calls) {
	case 1:
		return CMD_WAIT;
	case 2:
		out_text(c->out, "first line\n");
		return CMD_STREAM;
	}
	return CMD_OK;
}

static enum cmd_code describe(struct cmd_ctx *c)
{
	const char *line = cmd_arg(c, "LINE");

	return cmd_describe(c, line ? line : "");
}

static enum cmd_code complete(struct cmd_ctx *c)
{
	const char *line = cmd_arg(c, "LINE");

	return cmd_complete(c, line ? line : "");
}

static const struct cmd_row rows[] = {
	{ VIEW | ENABLE, LEVEL_VIEW, "show ip igmp groups [IFNAME [GROUP]] [detail] [json]", note, "Groups", NULL, 0 },
	{ VIEW | ENABLE, LEVEL_VIEW, "show ip igmp interface [IFNAME] [json]", note, "Interfaces", NULL, 0 },
	{ VIEW | ENABLE, LEVEL_VIEW, "show ip mroute [GROUP] [json]", note, "Routes", NULL, 0 },
	{ VIEW | ENABLE, LEVEL_VIEW, "show ipv6 mroute [json]", note, "Routes", NULL, 0 },
	{ VIEW | ENABLE, LEVEL_VIEW, "show interface [IFNAME] [json]", note, "Interfaces", NULL, 0 },
	{ VIEW | ENABLE, LEVEL_VIEW, "show version [json]", show_version, "Version", NULL, 0 },
	{ VIEW | ENABLE, LEVEL_VIEW, "show rows", show_rows, "Rows", NULL, 0 },
	{ VIEW | ENABLE, LEVEL_VIEW, "describe [LINE...]", describe, "Help", NULL, 0 },
	{ VIEW | ENABLE, LEVEL_VIEW, "complete [LINE...]", complete, "Completion", NULL, 0 },
	{ VIEW | ENABLE, LEVEL_ENABLE, "show running-config", note, "Configuration", NULL, 0 },
	{ ENABLE, LEVEL_ENABLE, "configure terminal", note, "Configure", NULL, 0 },
	{ ENABLE, LEVEL_ENABLE, "copy WORD running-config", complain, "Load", NULL, 0 },
	{ ENABLE, LEVEL_ENABLE, "debug igmp (events|packets|timers|all) [interface IFNAME]", note, "Debug", NULL, 0 },
	{ CONFIG | CONFIG_IF, LEVEL_ENABLE, "do COMMAND...", NULL, "Run", NULL, ENABLE },
	{ CONFIG | CONFIG_IF, LEVEL_ENABLE, "interface IFNAME", note, "Interface", NULL, 0 },
	{ CONFIG_IF, LEVEL_ENABLE, "description LINE...", note, "Description", NULL, 0 },
	{ CONFIG_IF, LEVEL_ENABLE, "ip igmp version (1-3)", note, "Version", NULL, 0 },
	{ CONFIG_IF, LEVEL_ENABLE, "no ip igmp version [(1-3)]", note, "Version", NULL, 0 },
	{ CONFIG_IF, LEVEL_ENABLE, "ip igmp join-group GROUP [source WORD]", note, "Join", NULL, 0 },
	{ OTHER, LEVEL_VIEW, "later", show_later, "Later", NULL, 0 },
};

static const struct cmd_word words[] = {
	{ "show", "Show running system information" },
	{ "ip", "IPv4" },
	{ "ipv6", "IPv6" },
	{ "igmp", "IGMP" },
	{ "version", "IGMP version" },
	{ "show version", "Version of the daemon" },
	{ "igmp version (1-3)", "IGMP version number" },
	{ "groups", "Groups" },
	{ "interface", "Interfaces" },
	{ "igmp interface", "IGMP interfaces" },
	{ "mroute", "Routes" },
	{ "json", "JSON output" },
	{ "detail", "Details" },
	{ "rows", "Rows" },
	{ "later", "Later" },
	{ "running-config", "Configuration" },
	{ "configure", "Configure" },
	{ "terminal", "Terminal" },
	{ "copy", "Copy" },
	{ "debug", "Debug" },
	{ "events", "Events" },
	{ "packets", "Packets" },
	{ "timers", "Timers" },
	{ "all", "All" },
	{ "do", "Run an enable command" },
	{ "description", "Text" },
	{ "no", "Negate" },
	{ "describe", "Help" },
	{ "complete", "Completion" },
	{ "join-group", "Join" },
	{ "source", "Source" },
};

static int setup(void **state)
{
	(void)state;
	out_init(&out, sink, NULL);
	table = cmd_table_new(types, ARRAY_SIZE(types));
	assert_non_null(table);
	assert_int_equal(cmd_table_add(table, rows, ARRAY_SIZE(rows)), 0);
	assert_int_equal(cmd_table_add_words(table, words, ARRAY_SIZE(words)), 0);
	memset(&ctx, 0, sizeof(ctx));
	ctx.table = table;
	ctx.app = &out;
	ctx.out = &out;
	ctx.modes = ENABLE;
	ctx.level = LEVEL_ENABLE;
	freed = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cmd_abort(&ctx);
	cmd_table_free(table);
	out_fini(&out);
	return 0;
}

static enum cmd_code execute(unsigned int mode, const char *line)
{
	got_len = 0;
	got[0] = '\0';
	strcpy(ran, "nothing");
	ctx.modes = mode;
	return cmd_execute(&ctx, line);
}

static void expect_run(unsigned int mode, const char *line, const char *args)
{
	assert_int_equal(execute(mode, line), CMD_OK);
	assert_string_equal(ran, args);
}

static void expect_error(unsigned int mode, const char *line, enum cmd_code code, const char *text)
{
	assert_int_equal(execute(mode, line), code);
	assert_string_equal(ran, "nothing");
	cmd_error_print(&ctx);
	assert_string_equal(got, text);
}

static void test_run(void **state)
{
	(void)state;
	expect_run(ENABLE, "show ip igmp groups", "show ip igmp groups");
	expect_run(ENABLE, " show  ip igmp\tgroups ", "show ip igmp groups");
	expect_run(ENABLE, "show ip igmp groups eth0", "show ip igmp groups IFNAME=eth0");
	expect_run(ENABLE, "show ip igmp groups eth0 239.1.1.1 detail json",
		   "show ip igmp groups IFNAME=eth0 GROUP=239.1.1.1 detail json");
	expect_run(ENABLE, "show ip igmp groups json", "show ip igmp groups json");
	expect_run(ENABLE, "debug igmp packets interface eth1", "debug igmp packets interface IFNAME=eth1");
	expect_run(CONFIG_IF, "no ip igmp version", "no ip igmp version");
	expect_run(CONFIG_IF, "no ip igmp version 2", "no ip igmp version (1-3)=2");
	expect_run(ENABLE, "show ip igmp groups\r\n", "show ip igmp groups");
}

static void test_abbreviation(void **state)
{
	(void)state;
	expect_run(ENABLE, "sh ip ig gr", "show ip igmp groups");
	expect_run(ENABLE, "conf t", "configure terminal");
	/* In full beats abbreviated: "ip" is no "ipv6". */
	expect_run(ENABLE, "sh ip m", "show ip mroute");
	/* Abbreviated beats variable, quoted is never a keyword. */
	expect_run(ENABLE, "sh int js", "show interface json");
	expect_run(ENABLE, "sh int \"js\"", "show interface IFNAME=js");
	expect_run(ENABLE, "sh int \"my wan\" j", "show interface IFNAME=my wan json");
}

static void test_nothing(void **state)
{
	static const char *const lines[] = { "", "  ", "! comment", "  # comment" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_int_equal(execute(ENABLE, lines[i]), CMD_OK);
		assert_string_equal(ran, "nothing");
		assert_string_equal(got, "");
	}
}

static void test_errors(void **state)
{
	(void)state;
	expect_error(ENABLE, "show ip frob x", CMD_UNKNOWN, "show ip frob x\n        ^\n% Unknown command\n");
	expect_error(
		ENABLE, "show ip igmp groups a 239.1.1.1 json z", CMD_UNKNOWN,
		"show ip igmp groups a 239.1.1.1 json z\n                                     ^\n% Unknown command\n");
	expect_error(ENABLE, "show i", CMD_AMBIGUOUS,
		     "show i\n     ^\n% Ambiguous command: \"i\" may be ip, ipv6, interface\n");
	expect_error(ENABLE, "show ip", CMD_INCOMPLETE, "show ip\n       ^\n% Incomplete command\n");
	expect_error(CONFIG_IF, "ip igmp version 9", CMD_UNKNOWN,
		     "ip igmp version 9\n                ^\n% Value out of range (1-3)\n");
	expect_error(CONFIG_IF, "ip igmp version 99999999999999999999999", CMD_UNKNOWN,
		     "ip igmp version 99999999999999999999999\n                ^\n% Value out of range (1-3)\n");
	expect_error(CONFIG_IF, "ip igmp version x", CMD_UNKNOWN,
		     "ip igmp version x\n                ^\n% A number in the range (1-3) is expected\n");
	expect_error(CONFIG_IF, "ip igmp join-group 10.0.0.1", CMD_UNKNOWN,
		     "ip igmp join-group 10.0.0.1\n                   ^\n% Bad GROUP, expected: Multicast group\n");
	expect_error(ENABLE, "show interface \"x", CMD_UNKNOWN,
		     "show interface \"x\n               ^\n% Unbalanced quote\n");
	expect_error(ENABLE, "configure terminal \xc3\xa4\tx", CMD_UNKNOWN,
		     "configure terminal \xc3\xa4\tx\n                   ^\n% Unknown command\n");
	expect_error(ENABLE, "copy \xc3\xa4\xc3\xb6 frob", CMD_UNKNOWN,
		     "copy \xc3\xa4\xc3\xb6 frob\n        ^\n% Unknown command\n");
	expect_error(ENABLE, "\"show\" ip", CMD_UNKNOWN, "\"show\" ip\n^\n% Unknown command\n");
	expect_error(ENABLE, "copy file running-config", CMD_FAILED, "% No such thing: 7\n");
	expect_error(CONFIG, "show version", CMD_UNKNOWN, "show version\n^\n% Unknown command\n");
}

static void test_levels(void **state)
{
	(void)state;
	ctx.level = LEVEL_VIEW;
	expect_run(VIEW, "show ip igmp groups", "show ip igmp groups");
	expect_error(VIEW, "show running-config", CMD_DENIED, "% Command not permitted\n");
	expect_error(ENABLE, "conf t", CMD_DENIED, "% Command not permitted\n");
	expect_error(VIEW, "show frob", CMD_UNKNOWN, "show frob\n     ^\n% Unknown command\n");
	assert_int_equal(execute(VIEW, "complete show ru"), CMD_OK);
	assert_string_equal(got, "");
}

/* They would be stored, and come out again on somebody else's terminal. */
static void test_control_characters(void **state)
{
	(void)state;
	expect_error(VIEW, "show\033[2J version", CMD_UNKNOWN, "% Control character in the line\n");
	expect_error(ENABLE, "description a\rb", CMD_UNKNOWN, "% Control character in the line\n");
	expect_error(ENABLE, "description \177", CMD_UNKNOWN, "% Control character in the line\n");
	expect_error(ENABLE, "description a | include \001", CMD_UNKNOWN, "% Control character in the line\n");
	assert_int_equal(execute(VIEW, "! \001 a comment"), CMD_OK);
	assert_int_equal(execute(VIEW, "show\tversion\r\n"), CMD_OK);
	assert_int_equal(execute(VIEW, "show version \303\244"), CMD_UNKNOWN);
}

static void test_long_lines(void **state)
{
	static char line[TOKEN_LINE_MAX + 3];

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	assert_int_equal(execute(ENABLE, line), CMD_TOO_LONG);
	cmd_error_print(&ctx);
	assert_string_equal(got, "% Line too long\n");
	/* Many words: more than any grammar has, in a line that takes them all and in one that does not. */
	memset(line, 0, sizeof(line));
	strcpy(line, "description ");
	for (size_t i = strlen(line); i < TOKEN_LINE_MAX; i++)
		line[i] = i % 2 ? ' ' : 'x';
	assert_int_equal(execute(CONFIG_IF, line), CMD_OK);
	assert_string_equal(cmd_arg(&ctx, "LINE"), line + 12);
	memcpy(line, "x           ", 12);
	assert_int_equal(execute(CONFIG_IF, line), CMD_UNKNOWN);
}

static void test_rest(void **state)
{
	(void)state;
	expect_run(CONFIG_IF, "description  a  \"b\" ! # | include c ", "description LINE=a  \"b\" ! # | include c ");
	expect_run(CONFIG_IF, "desc \"open", "description LINE=\"open");
	expect_run(CONFIG_IF, "desc x \"a\"b", "description LINE=x \"a\"b");
	expect_error(CONFIG_IF, "description", CMD_INCOMPLETE, "description\n           ^\n% Incomplete command\n");
}

static void test_sub_line(void **state)
{
	(void)state;
	expect_run(CONFIG, "do show ip igmp groups eth0", "show ip igmp groups IFNAME=eth0");
	expect_error(CONFIG, "do show frob", CMD_UNKNOWN, "do show frob\n        ^\n% Unknown command\n");
	expect_error(CONFIG, "do", CMD_INCOMPLETE, "do\n  ^\n% Incomplete command\n");
	assert_int_equal(execute(CONFIG, "do show version | count"), CMD_OK);
	assert_string_equal(got, "2\n");
}

static void test_accessors(void **state)
{
	(void)state;
	assert_int_equal(execute(CONFIG_IF, "ip igm ver 2"), CMD_OK);
	assert_true(cmd_has(&ctx, "igmp"));
	assert_false(cmd_has(&ctx, "igm"));
	assert_false(cmd_has(&ctx, "(1-3)"));
	assert_string_equal(cmd_arg(&ctx, "(1-3)"), "2");
	assert_null(cmd_arg(&ctx, "igmp"));
	assert_string_equal(cmd_arg_last(&ctx), "2");
	assert_int_equal(cmd_arg_int(&ctx, "(1-3)", -1), 2);
	assert_int_equal(cmd_arg_int(&ctx, "OTHER", -1), -1);
	assert_ptr_equal(ctx.row, cmd_table_row(table, 16));
	assert_int_equal(cmd_match(&ctx, "do show ver"), CMD_OK);
	assert_string_equal(ctx.row->grammar, "show version [json]");
	assert_null(cmd_arg_last(&ctx));
}

static void test_output(void **state)
{
	(void)state;
	assert_int_equal(execute(ENABLE, "show version"), CMD_OK);
	assert_string_equal(got, "version 1\nbuilt today\n");
	assert_int_equal(execute(ENABLE, "show version json"), CMD_OK);
	assert_string_equal(got, "{\n  \"version\": 1\n}\n");
	assert_int_equal(execute(ENABLE, "show version | include built"), CMD_OK);
	assert_string_equal(got, "built today\n");
	assert_int_equal(execute(ENABLE, "show version json | count\n"), CMD_OK);
	assert_string_equal(got, "3\n");
	assert_int_equal(execute(ENABLE, "show version"), CMD_OK);
	assert_string_equal(got, "version 1\nbuilt today\n");
	expect_error(ENABLE, "show version | include (", CMD_FAILED,
		     "show version | include (\n                       ^\n% Bad expression: Unmatched ( or \\(\n");
	expect_error(ENABLE, "show version | frob", CMD_UNKNOWN,
		     "show version | frob\n               ^\n% Unknown filter (include, exclude, begin, section or "
		     "count)\n");
	expect_error(ENABLE, "show version |", CMD_INCOMPLETE,
		     "show version |\n              ^\n% A filter is missing (include, exclude, begin, section or "
		     "count)\n");
	expect_error(ENABLE, "show version | include", CMD_INCOMPLETE,
		     "show version | include\n                      ^\n% include needs an expression\n");
	expect_error(ENABLE, "show frob | count", CMD_UNKNOWN, "show frob \n     ^\n% Unknown command\n");
	/* A failing command says so past the filter. */
	expect_error(ENABLE, "copy x running-config | count", CMD_FAILED, "0\n% No such thing: 7\n");
}

static void test_more(void **state)
{
	unsigned int calls = 1;
	enum cmd_code code;

	(void)state;
	for (code = execute(ENABLE, "show rows"); code == CMD_MORE; code = cmd_resume(&ctx)) {
		assert_true(got_len < calls * (OUT_QUOTA + 64));
		calls++;
	}
	assert_int_equal(code, CMD_OK);
	assert_int_equal(calls, 700000 / OUT_QUOTA + 1);
	assert_int_equal(got_len, 700000);
	assert_int_equal(freed, 1);
	for (code = execute(ENABLE, "show rows | include 99$ | count"); code == CMD_MORE;)
		code = cmd_resume(&ctx);
	assert_int_equal(code, CMD_OK);
	assert_string_equal(got, "1000\n");
	assert_int_equal(freed, 2);
	/* The client goes away, or the next line comes without an end of the one before. */
	assert_int_equal(execute(ENABLE, "show rows | include x"), CMD_MORE);
	cmd_abort(&ctx);
	assert_int_equal(freed, 3);
	assert_int_equal(execute(ENABLE, "show rows | include x"), CMD_MORE);
	assert_int_equal(execute(ENABLE, "show version"), CMD_OK);
	assert_int_equal(freed, 4);
	assert_string_equal(got, "version 1\nbuilt today\n");
}

static void test_later(void **state)
{
	(void)state;
	freed = 0;
	assert_int_equal(execute(OTHER, "later | include line | count"), CMD_WAIT);
	assert_int_equal(cmd_resume(&ctx), CMD_STREAM);
	out_text(ctx.out, "second line\nanother one\n");
	assert_int_equal(out_flush(ctx.out), 0);
	assert_string_equal(got, "");
	assert_int_equal(cmd_resume(&ctx), CMD_OK);
	assert_string_equal(got, "2\n");
	assert_int_equal(freed, 1);
	/* Of a stream each line is there when it is written. */
	assert_int_equal(execute(OTHER, "later"), CMD_WAIT);
	assert_int_equal(cmd_resume(&ctx), CMD_STREAM);
	assert_string_equal(got, "first line\n");
	cmd_abort(&ctx);
	assert_int_equal(freed, 2);
}

static void expect_lines(unsigned int mode, bool help, const char *line, const char *lines)
{
	got_len = 0;
	got[0] = '\0';
	ctx.modes = mode;
	assert_int_equal(help ? cmd_describe(&ctx, line) : cmd_complete(&ctx, line), CMD_OK);
	out_flush(&out);
	assert_string_equal(got, lines);
}

static void test_describe(void **state)
{
	(void)state;
	expect_lines(CONFIG, true, "", "do\tRun an enable command\ninterface\tInterfaces\n");
	expect_lines(ENABLE, true, "show ",
		     "interface\tInterfaces\nip\tIPv4\nipv6\tIPv6\nrows\tRows\n"
		     "running-config\tConfiguration\nversion\tVersion of the daemon\n");
	expect_lines(ENABLE, true, "sh ip", "ip\tIPv4\nipv6\tIPv6\n");
	expect_lines(ENABLE, true, "sh ip igmp ", "groups\tGroups\ninterface\tIGMP interfaces\n");
	expect_lines(ENABLE, true, "sh ip igmp groups ",
		     "detail\tDetails\njson\tJSON output\nIFNAME\tInterface name\n<cr>\t\n");
	expect_lines(ENABLE, true, "sh ip igmp groups j", "json\tJSON output\nIFNAME\tInterface name\n");
	expect_lines(ENABLE, true, "sh version json ", "<cr>\t\n");
	expect_lines(CONFIG_IF, true, "ip igmp ver ", "(1-3)\tIGMP version number\n");
	expect_lines(CONFIG_IF, true, "no ip igmp ver ", "(1-3)\tIGMP version number\n<cr>\t\n");
	expect_lines(CONFIG_IF, true, "no ip igmp ver 7", "");
	expect_lines(CONFIG_IF, true, "description ", "LINE\tThe text\n");
	expect_lines(CONFIG_IF, true, "description a ", "<cr>\t\n");
	expect_lines(CONFIG_IF, true, "do sh ver ", "json\tJSON output\n<cr>\t\n");
	expect_lines(ENABLE, true, "show version | ",
		     "begin\tFrom the first line that matches\ncount\tThe number of lines\n"
		     "exclude\tLines that do not match\ninclude\tLines that match\n"
		     "section\tBlocks whose first line matches\n");
	assert_int_equal(cmd_describe(&ctx, "show frob "), CMD_UNKNOWN);
	assert_string_equal(ctx.error.text, "Unknown command");
	assert_int_equal(cmd_describe(&ctx, "show i x"), CMD_AMBIGUOUS);
	assert_int_equal(cmd_describe(&ctx, "show \"i"), CMD_UNKNOWN);
	/* As a command, with its trailing blank, and about itself. */
	assert_int_equal(execute(ENABLE, "describe sh version "), CMD_OK);
	assert_string_equal(got, "json\tJSON output\n<cr>\t\n");
	assert_int_equal(execute(ENABLE, "describe"), CMD_OK);
	assert_non_null(strstr(got, "show\tShow running system information\n"));
}

static void test_complete(void **state)
{
	(void)state;
	expect_lines(ENABLE, false, "show i", "interface\nip\nipv6\n");
	expect_lines(ENABLE, false, "con", "configure\n");
	expect_lines(ENABLE, false, "show interface ", "json\nlan1\nlan2\n\"my wan\"\n");
	expect_lines(ENABLE, false, "show interface l", "lan1\nlan2\n");
	expect_lines(ENABLE, false, "show interface lan1 ", "json\n");
	expect_lines(ENABLE, false, "show version | e", "exclude\n");
	expect_lines(ENABLE, false, "show version json ", "");
	expect_lines(ENABLE, false, "show frob ", "");
	expect_lines(ENABLE, false, "show \"i", "");
	expect_lines(CONFIG_IF, false, "ip igmp version ", "");
	expect_lines(CONFIG_IF, false, "do ", "complete\nconfigure\ncopy\ndebug\ndescribe\nshow\n");
	expect_lines(CONFIG_IF, false, "do s", "show\n");
	expect_lines(CONFIG_IF, false, "do show ip m", "mroute\n");
	assert_int_equal(execute(ENABLE, "complete show version | inc"), CMD_OK);
	assert_string_equal(got, "include\n");
}

static void test_run_time_rows(void **state)
{
	char grammar[32], help[32], buf[64];
	const struct cmd_row row = { CONFIG, 0, grammar, note, help, types, 0 };

	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(grammar, sizeof(grammar), "knob%d VALUE:GROUP", i);
		snprintf(help, sizeof(help), "Knob %d", i);
		assert_int_equal(cmd_table_add(table, &row, 1), 0);
	}
	memset(grammar, 'x', sizeof(grammar));
	memset(help, 'x', sizeof(help));
	expect_run(CONFIG, "knob177 239.1.1.1", "knob177 VALUE=239.1.1.1");
	assert_ptr_equal(ctx.row->priv, types);
	assert_string_equal(ctx.row->help, "Knob 177");
	assert_string_equal(cmd_row_syntax(ctx.row, buf, sizeof(buf)), "knob177 VALUE");
	assert_string_equal(cmd_row_syntax(ctx.row, buf, 5), "knob");
	assert_null(cmd_table_row(table, ARRAY_SIZE(rows) + 200));
}

static void test_grammar(void **state)
{
	static const char *const bad[] = { "",     "a (b",     "a b)", "a [b",  "a ]",         "a (b]",   "(3-1)",
					   "a ||", "a NOTYPE", "[a]",  "[a|b]", "a LINE... b", "a NAME:", "a ()" };
	const struct cmd_row good = { VIEW, 0, "x [a|b c] ((p|q) [r]|s (1-2)) [t]", note, "X", NULL, 0 };
	char deep[256] = "", wide[512] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct cmd_row row = { VIEW, 0, bad[i], note, "X", NULL, 0 };

		assert_int_equal(cmd_table_add(table, &row, 1), -EINVAL);
		assert_true(cmd_table_error(table)[0] != '\0');
	}
	for (int i = 0; i < 100; i++) {
		strcat(deep, "(");
		strcat(wide, "a ");
	}
	const struct cmd_row limits[] = { { VIEW, 0, deep, note, "X", NULL, 0 },
					  { VIEW, 0, wide, note, "X", NULL, 0 } };

	assert_int_equal(cmd_table_add(table, &limits[0], 1), -EINVAL);
	assert_int_equal(cmd_table_add(table, &limits[1], 1), -EINVAL);
	assert_int_equal(cmd_table_add(table, &good, 1), 0);
	expect_run(VIEW, "x p", "x p");
	expect_run(VIEW, "x b c q r t", "x b c q r t");
	expect_run(VIEW, "x a s 2 t", "x a s (1-2)=2 t");
	assert_int_equal(execute(VIEW, "x b q"), CMD_UNKNOWN);
	assert_int_equal(execute(VIEW, "x a b c q"), CMD_UNKNOWN);
	assert_int_equal(execute(VIEW, "x s t"), CMD_UNKNOWN);
	assert_int_equal(execute(VIEW, "x a"), CMD_INCOMPLETE);
}

static char reports[4096];

static void report(void *arg, const char *text)
{
	(void)arg;
	strcat(reports, text);
	strcat(reports, "\n");
}

static unsigned int check_pair(const char *a, const char *b)
{
	const struct cmd_row pair[] = { { VIEW, 0, a, note, "A", NULL, 0 }, { VIEW, 0, b, note, "B", NULL, 0 } };
	static const struct cmd_word help[] = { { "a", "A" }, { "b", "B" }, { "c", "C" } };
	struct cmd_table *t = cmd_table_new(types, ARRAY_SIZE(types));
	int n;

	assert_non_null(t);
	assert_int_equal(cmd_table_add(t, pair, 2), 0);
	assert_int_equal(cmd_table_add_words(t, help, ARRAY_SIZE(help)), 0);
	reports[0] = '\0';
	n = cmd_table_check(t, report, NULL);
	cmd_table_free(t);
	return (unsigned int)n;
}

static void test_check(void **state)
{
	const struct cmd_row broken[] = { { VIEW, 0, "frob", NULL, NULL, NULL, 0 } };

	(void)state;
	reports[0] = '\0';
	assert_int_equal(cmd_table_check(table, report, NULL), 0);
	assert_int_equal(cmd_table_add(table, broken, 1), 0);
	assert_int_equal(cmd_table_check(table, report, NULL), 3);
	assert_string_equal(reports, "No handler: frob\nNo help: frob\nKeyword without help: frob / frob\n");

	assert_int_equal(check_pair("a [b]", "a [c]"), 1);
	assert_string_equal(reports, "Both accept the same line: a [b] / a [c]\n");
	assert_int_equal(check_pair("a [b]", "a c"), 0);
	assert_int_equal(check_pair("a WORD", "a b"), 0);
	assert_int_equal(check_pair("a WORD", "a IFNAME"), 1);
	assert_int_equal(check_pair("a WORD b", "a IFNAME c"), 0);
	assert_int_equal(check_pair("a (1-5)", "a (5-9)"), 1);
	assert_int_equal(check_pair("a (1-5)", "a (6-9)"), 0);
	assert_int_equal(check_pair("a (1-5)", "a WORD"), 1);
	assert_int_equal(check_pair("a (1-5)", "a GROUP"), 0);
	assert_int_equal(check_pair("a LINE...", "a WORD"), 0);
	assert_int_equal(check_pair("a [b] c", "a (b|c) [c]"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_abbreviation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_control_characters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sub_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_accessors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_output, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_describe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_complete, setup, teardown),
		cmocka_unit_test_setup_teardown(test_run_time_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grammar, setup, teardown),
		cmocka_unit_test_setup_teardown(test_check, setup, teardown),
	};

	return cmocka_run_group_tests_name("cmd", tests, NULL, NULL);
}
