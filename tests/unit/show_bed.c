/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "show_bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_show.h"
#include "lib/log.h"
#include "show.h"

/* --- running a command --- */

struct show_bed bed;
static size_t got_size, burst;
static struct cli_session session;

static int sink(void *arg, const char *buf, size_t len)
{
	(void)arg;
	if (bed.got_len + len + 1 > got_size) {
		got_size = (bed.got_len + len + 1) * 2;
		bed.got = realloc(bed.got, got_size);
		assert_non_null(bed.got);
	}
	memcpy(bed.got + bed.got_len, buf, len);
	bed.got_len += len;
	bed.got[bed.got_len] = '\0';
	burst += len;
	return 0;
}

enum cmd_code run(const char *line)
{
	enum cmd_code code;

	bed.got_len = bed.pauses = 0;
	burst = bed.burst_max = 0;
	sink(NULL, "", 0);
	code = cmd_execute(&bed.ctx, line);
	while (code == CMD_MORE) {
		bed.burst_max = burst > bed.burst_max ? burst : bed.burst_max;
		burst = 0;
		bed.pauses++;
		if (bed.on_pause)
			bed.on_pause();
		code = cmd_resume(&bed.ctx);
	}
	bed.burst_max = burst > bed.burst_max ? burst : bed.burst_max;
	return code;
}

void expect_text(const char *line, const char *text)
{
	assert_int_equal(run(line), CMD_OK);
	assert_string_equal(bed.got, text);
}

void expect_fail(const char *line, const char *text)
{
	assert_int_equal(run(line), CMD_FAILED);
	assert_string_equal(bed.got, "");
	assert_string_equal(bed.ctx.error.text, text);
}

void run_json(const char *line)
{
	char why[256];

	assert_int_equal(run(line), CMD_OK);
	json_flat_free(bed.json);
	bed.json = json_flat_read(bed.got, why, sizeof(why));
	if (!bed.json)
		fail_msg("%s: %s\n%s", line, why, bed.got);
}

void expect_key(const char *path, const char *value)
{
	const char *found = json_flat_get(bed.json, path);

	if (!found || strcmp(found, value) != 0)
		fail_msg("%s is %s, not %s, in\n%s", path, found ? found : "absent", value, bed.got);
}

void expect_no_key(const char *path)
{
	if (json_flat_get(bed.json, path))
		fail_msg("%s is there, in\n%s", path, bed.got);
}

/* --- the table of commands --- */

static bool is_v4(const char *text)
{
	struct ipaddr addr;

	return ipaddr_parse(text, &addr) == 0 && ipaddr_is_v4(&addr);
}

static bool is_v6(const char *text)
{
	struct ipaddr addr;

	return ipaddr_parse(text, &addr) == 0 && !ipaddr_is_v4(&addr);
}

static const struct cmd_vartype types[] = {
	{ "IFNAME", "Interface", conf_if_name_valid, show_live_ifs },
	{ "MGROUP4", "Group", is_v4, show_live_groups_v4 },
	{ "MGROUP6", "Group", is_v6, show_live_groups_v6 },
	{ "MSOURCE4", "Source", is_v4, show_live_sources_v4 },
	{ "MSOURCE6", "Source", is_v6, show_live_sources_v6 },
	{ "ACL", "Access list", NULL, show_live_acls },
};

int show_bed_setup(void **state)
{
	(void)state;
	fake_begin();
	log_init(NULL);
	bed.table = cmd_table_new(types, ARRAY_SIZE(types));
	if (!bed.table || cmd_show_add_all(bed.table) < 0) {
		print_error("%s\n", bed.table ? cmd_table_error(bed.table) : "");
		return -1;
	}
	out_init(&bed.out, sink, NULL);
	session = (struct cli_session){
		.table = bed.table, .mode = CLI_ENABLE, .level = CLI_LEVEL_ENABLE, .daemon = &fake
	};
	memset(&bed.ctx, 0, sizeof(bed.ctx));
	bed.ctx.table = bed.table;
	bed.ctx.modes = CLI_ENABLE;
	bed.ctx.level = CLI_LEVEL_ENABLE;
	bed.ctx.app = &session;
	bed.ctx.out = &bed.out;
	bed.on_pause = NULL;
	return 0;
}

int show_bed_teardown(void **state)
{
	(void)state;
	cmd_abort(&bed.ctx);
	cmd_table_free(bed.table);
	out_fini(&bed.out);
	json_flat_free(bed.json);
	bed.json = NULL;
	log_fini();
	fake_end();
	free(bed.got);
	bed.got = NULL;
	got_size = 0;
	return 0;
}

void one_group(void)
{
	fake_add_three();
	fake_report(FAMILY_IPV4, LAN1, "10.1.1.2", "239.1.1.1", GM_IS_EX, "10.0.0.9");
	fake_report(FAMILY_IPV6, LAN1, "fe80::a", "ff3e::8000:1", GM_ALLOW, "2001:db8::1");
	fake_wait(mtime_from_s(9));
}

void some_routes(void)
{
	one_group();
	fake_report(FAMILY_IPV4, LAN2, "10.1.2.2", "239.1.1.1", GM_IS_EX, "");
	fake_upcall(FAMILY_IPV4, WAN, "10.0.0.1", "239.1.1.1");
	fake_upcall(FAMILY_IPV4, WAN, "10.0.0.9", "239.1.1.1");
	fake_upcall(FAMILY_IPV4, WAN, "10.0.0.1", "239.9.9.9");
	fake.route = (struct daemon_route){ .packets = 120, .bytes = 5400, .idle = mtime_from_ms(12) };
	fake_wait(mtime_from_s(7));
}
