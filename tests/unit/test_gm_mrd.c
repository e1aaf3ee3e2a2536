/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multicast router discovery, rows G-01 to G-08: the engine's schedule, and the octets of the codec. Both families. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/gm.h"
#include "core/gm_state.h"
#include "lib/util.h"
#include "wire/wire.h"

#include <cmocka.h>

#define D1 3

struct bed {
	const struct gm_af *af;
	const struct wire_af *wire;
	const char *addr, *host, *stranger;
	struct gm *gm;
	struct gm_if_conf conf;
	mtime_t now;
	unsigned int sent, ended; /* advertisements and terminations since they were last looked at */
	struct gm_action last;
};

static struct bed beds[] = {
	{ .af = &gm_af_igmp, .wire = &wire_igmp, .addr = "10.1.0.10", .host = "10.1.0.11", .stranger = "172.16.0.1" },
	{ .af = &gm_af_mld, .wire = &wire_mld, .addr = "fe80::10", .host = "fe80::11", .stranger = NULL },
};

static struct ipaddr addr(const char *text)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(text, &a), 0);
	return a;
}

static void drain(struct bed *b)
{
	const struct gm_action *actions;
	size_t n;

	actions = gm_actions(b->gm, b->now, &n);
	for (size_t i = 0; i < n; i++) {
		if (actions[i].type != GM_ACT_DISCOVERY)
			continue;
		assert_int_equal(actions[i].slot, D1);
		b->sent += !actions[i].discovery.terminate;
		b->ended += actions[i].discovery.terminate;
		b->last = actions[i];
	}
	gm_actions_done(b->gm);
	gm_check(b->gm, b->now);
}

static void input(struct bed *b, struct gm_event ev)
{
	assert_int_equal(gm_input(b->gm, b->now, &ev), 0);
	drain(b);
}

static void apply_if(struct bed *b)
{
	input(b, (struct gm_event){ .type = GM_EV_IF, .slot = D1, .iface = &b->conf });
}

static void solicit(struct bed *b, const char *from)
{
	input(b, (struct gm_event){ .type = GM_EV_SOLICIT, .slot = D1, .solicit = { .from = addr(from) } });
}

/* Runs until something is sent, at most `limit`; returns how long it took. */
static mtime_t until_sent(struct bed *b, mtime_t limit)
{
	mtime_t begin = b->now;

	while (!b->sent && !b->ended && b->now < begin + limit) {
		mtime_t next = gm_next(b->gm);

		b->now = next > begin + limit ? begin + limit : next;
		drain(b);
	}
	return b->now - begin;
}

static void expect_advertisement(struct bed *b, mtime_t earliest, mtime_t latest)
{
	mtime_t took = until_sent(b, mtime_from_s(1000));

	assert_int_equal(b->sent, 1);
	assert_int_equal(b->ended, 0);
	assert_in_range(took, earliest, latest);
	b->sent = 0;
}

static void bed_begin(struct bed *b, uint32_t seed)
{
	struct gm_conf conf = { .idle_timeout = mtime_from_s(210), .seed = seed };
	struct ipaddr a = addr(b->addr);

	b->gm = gm_new(b->af);
	assert_non_null(b->gm);
	b->now = mtime_from_s(1);
	b->sent = b->ended = 0;
	b->conf = (struct gm_if_conf){
		.role = GM_ROLE_DOWNSTREAM,
		.name = "lan1",
		.up = true,
		.addr = a,
		.gen = GM_GEN3,
		.robustness = 2,
		.query_interval = mtime_from_s(125),
		.query_response = mtime_from_s(10),
		.last_member_interval = mtime_from_s(1),
		.startup_interval = mtime_from_s(31),
		.last_member_count = 2,
		.startup_count = 2,
		.discovery_interval_s = 20,
	};
	b->conf.prefixes[0] = ipprefix_make(&a, ipaddr_is_v4(&a) ? 24 : 64);
	b->conf.nprefixes = 1;
	input(b, (struct gm_event){ .type = GM_EV_CONF, .conf = &conf });
	apply_if(b);
}

/* Past the three initial ones. */
static void settle(struct bed *b)
{
	for (unsigned int i = 0; i < 3; i++)
		expect_advertisement(b, 0, mtime_from_s(2));
}

/* G-02, G-03: three within two seconds of each other, then every 20 s give or take half a second, and not in step. */
static void g_02_g_03_schedule(void **state)
{
	(void)state;
	for (unsigned int f = 0; f < ARRAY_SIZE(beds); f++) {
		struct bed *b = &beds[f];
		mtime_t first = 0;
		bool differ = false;

		bed_begin(b, 7);
		settle(b);
		for (unsigned int i = 0; i < 20; i++) {
			mtime_t begin = b->now;

			expect_advertisement(b, mtime_from_ms(19500), mtime_from_ms(20500));
			if (i == 0)
				first = b->now - begin;
			differ |= b->now - begin != first;
		}
		assert_true(differ);
		gm_free(b->gm);
	}
}

/* G-04: one answer within two seconds, however many ask; the periodic timer begins anew. */
static void g_04_solicitation(void **state)
{
	(void)state;
	for (unsigned int f = 0; f < ARRAY_SIZE(beds); f++) {
		struct bed *b = &beds[f];

		bed_begin(b, 8);
		settle(b);
		b->now += mtime_from_s(5);
		for (unsigned int i = 0; i < 100; i++)
			solicit(b, b->host);
		expect_advertisement(b, 0, mtime_from_s(2));
		expect_advertisement(b, mtime_from_ms(19500), mtime_from_ms(20500));
		gm_free(b->gm);
	}
}

/* G-05: a sender that is not on the link is not answered. */
static void g_05_stranger(void **state)
{
	struct bed *b = &beds[0];

	(void)state;
	bed_begin(b, 9);
	settle(b);
	solicit(b, b->stranger);
	expect_advertisement(b, mtime_from_ms(19500), mtime_from_ms(20500));
	assert_int_equal(b->gm->ifs[D1].stats.drop[GM_DROP_SOURCE_ADDRESS], 1);
	gm_free(b->gm);
}

/* G-06: an end is told once, and nothing follows. */
static void g_06_termination(void **state)
{
	(void)state;
	for (unsigned int f = 0; f < ARRAY_SIZE(beds); f++) {
		struct bed *b = &beds[f];

		bed_begin(b, 10);
		settle(b);
		b->conf.discovery_interval_s = 0;
		apply_if(b);
		assert_int_equal(b->ended, 1);
		b->ended = 0;
		until_sent(b, mtime_from_s(100));
		assert_int_equal(b->sent + b->ended, 0);
		gm_free(b->gm);
	}
}

/* G-07: a changed interval is told by the next one, not by one of its own. */
static void g_07_changed_values(void **state)
{
	(void)state;
	for (unsigned int f = 0; f < ARRAY_SIZE(beds); f++) {
		struct bed *b = &beds[f];

		bed_begin(b, 11);
		settle(b);
		assert_int_equal(b->last.discovery.query_interval, mtime_from_s(125));
		b->conf.query_interval = mtime_from_s(60);
		b->conf.robustness = 3;
		apply_if(b);
		assert_int_equal(b->sent, 0);
		expect_advertisement(b, mtime_from_ms(19500), mtime_from_ms(20500));
		assert_int_equal(b->last.discovery.query_interval, mtime_from_s(60));
		assert_int_equal(b->last.discovery.robustness, 3);
		gm_free(b->gm);
	}
}

/* Without an address nobody could be told whose advertisement it is. */
static void no_address_no_advertisement(void **state)
{
	(void)state;
	for (unsigned int f = 0; f < ARRAY_SIZE(beds); f++) {
		struct bed *b = &beds[f];

		bed_begin(b, 12);
		b->conf.addr = (struct ipaddr){ 0 };
		apply_if(b);
		b->sent = b->ended = 0;
		until_sent(b, mtime_from_s(100));
		assert_int_equal(b->sent, 0);
		gm_free(b->gm);
	}
}

/* G-01, G-06: the octets. The ICMPv6 checksum is the kernel's work. */
static void g_01_octets(void **state)
{
	static const struct {
		unsigned int family;
		bool terminate;
		uint8_t octets[8];
		int len;
		const char *dst;
	} rows[] = {
		{ 0, false, { 0x30, 20, 0xcf, 0x6c, 0, 125, 0, 2 }, 8, "224.0.0.106" },
		{ 0, true, { 0x32, 0, 0xcd, 0xff }, 4, "224.0.0.106" },
		{ 1, false, { 151, 20, 0, 0, 0, 125, 0, 2 }, 8, "ff02::6a" },
		{ 1, true, { 153, 0, 0, 0 }, 4, "ff02::6a" },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct wire_discovery d = { rows[i].terminate, 20, 125, 2 };
		struct ipaddr dst, want = addr(rows[i].dst);
		uint8_t buf[8];

		assert_int_equal(wire_encode_discovery(beds[rows[i].family].wire, &d, buf, sizeof(buf), &dst),
				 rows[i].len);
		assert_memory_equal(buf, rows[i].octets, (size_t)rows[i].len);
		assert_true(ipaddr_eq(&dst, &want));
		assert_true(wire_encode_discovery(beds[rows[i].family].wire, &d, buf, 3, &dst) < 0);
	}
}

/* G-05: to all routers of the link, with TTL 1, and right. */
static void g_05_solicitation_octets(void **state)
{
	static const struct {
		const char *dst;
		int hops;
		uint8_t octets[4];
		int want;
	} rows[] = {
		{ "224.0.0.2", 1, { 0x31, 0, 0xce, 0xff }, 0 },
		{ "224.0.0.1", 1, { 0x31, 0, 0xce, 0xff }, -1 - GM_DROP_MALFORMED },
		{ "10.1.0.10", 1, { 0x31, 0, 0xce, 0xff }, -1 - GM_DROP_MALFORMED },
		{ "224.0.0.2", 1, { 0x31, 0, 0xce, 0xfe }, -1 - GM_DROP_CHECKSUM },
		{ "224.0.0.2", 64, { 0x31, 0, 0xce, 0xff }, -1 - GM_DROP_TTL },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct wire_meta meta = { .src = addr("10.1.0.11"),
						.dst = addr(rows[i].dst),
						.hop_limit = rows[i].hops,
						.router_alert = true };
		const struct wire_options opt = { 0 };
		struct wire_msg msg;

		assert_int_equal(wire_decode(&wire_igmp, &meta, rows[i].octets, 4, &opt, false, &msg), rows[i].want);
		if (rows[i].want == 0)
			assert_int_equal(msg.kind, WIRE_SOLICITATION);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(g_01_octets),
		cmocka_unit_test(g_02_g_03_schedule),
		cmocka_unit_test(g_04_solicitation),
		cmocka_unit_test(g_05_stranger),
		cmocka_unit_test(g_05_solicitation_octets),
		cmocka_unit_test(g_06_termination),
		cmocka_unit_test(g_07_changed_values),
		cmocka_unit_test(no_address_no_advertisement),
	};

	return cmocka_run_group_tests_name("gm_mrd", tests, NULL, NULL);
}
