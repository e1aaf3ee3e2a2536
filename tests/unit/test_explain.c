/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk of explain, verdict by verdict, over a real engine and a kernel that is a few variables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conflict.h"
#include "explain.h"
#include "fake_daemon.h"
#include "lib/util.h"

#define G "239.1.1.1"

static struct explain answer;
static struct explain_sight sight;

/* --- the scene --- */

static int setup(void **state)
{
	(void)state;
	sight = (struct explain_sight){ .looked = true };
	fake_begin();
	fake_add_three();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_end();
	return 0;
}

/* Hands the engine what fake.ifs has become. */
static void change(uint8_t slot)
{
	fake_input(FAMILY_IPV4,
		   &(struct gm_event){ .type = GM_EV_IF, .slot = slot, .iface = &fake.ifs[FAMILY_IPV4][slot] });
}

static void member(const char *group, enum gm_record_type type, const char *sources)
{
	fake_report(FAMILY_IPV4, LAN1, "10.1.1.11", group, type, sources);
}

/* An access list of the configuration: deny a group, permit the rest. */
static const struct gm_acl *acl_denying(const char *name, const char *group)
{
	struct ipaddr addr = fake_addr(group);
	struct gm_acl_rule rule = { .seq = 7, .any_source = true, .group = ipprefix_make(&addr, 32) };

	assert_int_equal(conf_acl_set_rule(fake.conf, FAMILY_IPV4, name, &rule), 0);
	rule = (struct gm_acl_rule){ .seq = 9, .permit = true, .any_source = true, .any_group = true };
	assert_int_equal(conf_acl_set_rule(fake.conf, FAMILY_IPV4, name, &rule), 0);
	return conf_acl_find(fake.conf, FAMILY_IPV4, name);
}

static void see(uint8_t slot, const char *source, unsigned int ttl)
{
	explain_see(&sight, &(struct daemon_packet){ slot, fake_addr(source), ttl });
}

static void expect(enum explain_code code, const char *verdict, const char *group, const char *source)
{
	struct ipaddr g = fake_addr(group), s = source ? fake_addr(source) : (struct ipaddr){ { 0 } };
	unsigned int failed = 0;

	explain_walk(&fake, &g, &s, &sight, &answer);
	assert_string_equal(explain_code_names[answer.code], explain_code_names[code]);
	assert_string_equal(answer.verdict, verdict);
	for (unsigned int i = 0; i < answer.nsteps; i++) {
		assert_true(answer.steps[i].evidence[0]);
		failed += !answer.steps[i].ok;
	}
	/* The first step that fails is the last one told. */
	assert_int_equal(failed, code == EXPLAIN_FORWARDING ? 0 : 1);
	assert_true(answer.steps[answer.nsteps - 1].ok == !failed || code == EXPLAIN_RP_FILTER ||
		    code == EXPLAIN_LIMIT || code == EXPLAIN_KERNEL);
}

static const char *evidence(const char *step)
{
	for (unsigned int i = 0; i < answer.nsteps; i++) {
		if (strcmp(answer.steps[i].name, step) == 0)
			return answer.steps[i].evidence;
	}
	return "";
}

/* --- the codes, in their order --- */

static void codes(void **state)
{
	static const char *const words[] = {
		"mroute-busy",    "kernel",          "scope",           "ssm-range",   "denied",      "limit",
		"interface-down", "no-member",       "not-querier",     "no-upstream", "join-failed", "boundary",
		"no-data",        "wrong-interface", "source-filtered", "ttl",         "rp-filter",   "forwarding",
	};

	(void)state;
	assert_int_equal(EXPLAIN_CODE_COUNT, ARRAY_SIZE(words));
	for (unsigned int i = 0; i < EXPLAIN_CODE_COUNT; i++)
		assert_string_equal(explain_code_names[i], words[i]);
}

static void kernel(void **state)
{
	(void)state;
	fake.status[FAMILY_IPV4].router = false;
	fake.status[FAMILY_IPV4].error = -EADDRINUSE;
	expect(EXPLAIN_MROUTE_BUSY,
	       "another process is the kernel's IPv4 multicast router; it is asked for again and again", G, NULL);
	fake.status[FAMILY_IPV4].error = -EOPNOTSUPP;
	expect(EXPLAIN_KERNEL, "the kernel refuses IPv4 multicast routing: Operation not supported", G, NULL);
	fake.status[FAMILY_IPV6].usable = false;
	expect(EXPLAIN_KERNEL, "the kernel does not know IPv6", "ff1e::1", NULL);
}

static void ipv6_disabled(void **state)
{
	(void)state;
	fake_set(FAMILY_IPV6, "wan", "disable_ipv6", 1);
	fake_report(FAMILY_IPV6, LAN1, "fe80::11", "ff1e::1", GM_TO_EX, "");
	expect(EXPLAIN_KERNEL, "IPv6 is disabled on wan (disable_ipv6)", "ff1e::1", NULL);
	fake_set(FAMILY_IPV6, "lan2", "disable_ipv6", 1);
	expect(EXPLAIN_KERNEL, "IPv6 is disabled on lan2 (disable_ipv6)", "ff1e::2", NULL);
}

static void scope(void **state)
{
	(void)state;
	expect(EXPLAIN_SCOPE, "224.0.0.251 is of a scope that is never proxied", "224.0.0.251", NULL);
	expect(EXPLAIN_SCOPE, "ff02::fb is of a scope that is never proxied", "ff02::fb", NULL);
}

static void ssm(void **state)
{
	(void)state;
	expect(EXPLAIN_NO_MEMBER, "no host has asked for it", "232.1.1.1", NULL);
	member("232.1.1.1", GM_TO_EX, "");
	expect(EXPLAIN_SSM_RANGE, "10.1.1.11 on lan1 asked for any source, but 232.1.1.1 is in the SSM range",
	       "232.1.1.1", NULL);
	/* A host that has not repeated it for a group membership interval does not want it any more. */
	fake_wait(mtime_from_s(271));
	expect(EXPLAIN_NO_MEMBER, "no host has asked for it", "232.1.1.1", NULL);
}

static void denied(void **state)
{
	(void)state;
	fake.ifs[FAMILY_IPV4][LAN1].acl = acl_denying("X", G);
	change(LAN1);
	/* lan2 would let it in: nobody there has asked. */
	expect(EXPLAIN_NO_MEMBER, "no host has asked for it", G, NULL);
	member(G, GM_TO_EX, "");
	expect(EXPLAIN_DENIED, "denied by access-list X seq 7 on lan1", G, NULL);
	assert_string_equal(evidence("policy"), "10.1.1.11 on lan1 asked 0 s ago, refused");
	/* Somebody else's success is not hidden by it. */
	fake_report(FAMILY_IPV4, LAN2, "10.1.2.11", G, GM_TO_EX, "");
	expect(EXPLAIN_NO_DATA,
	       "joined on wan 0 s ago, no data has arrived: check the upstream router, which sends no queries either",
	       G, NULL);
	assert_string_equal(evidence("policy"), "a request on lan1 was refused");
	fake_report(FAMILY_IPV4, LAN2, "10.1.2.11", G, GM_TO_IN, "");
	fake_wait(mtime_from_s(10));
	/* What is permitted now is no reason any more. */
	fake.ifs[FAMILY_IPV4][LAN1].acl = NULL;
	change(LAN1);
	expect(EXPLAIN_NO_MEMBER, "no host has asked for it", G, NULL);
}

static void denied_by_all(void **state)
{
	const struct gm_acl *acl = acl_denying("X", G);

	(void)state;
	fake.ifs[FAMILY_IPV4][LAN1].acl = acl;
	fake.ifs[FAMILY_IPV4][LAN2].acl = acl;
	change(LAN1);
	change(LAN2);
	expect(EXPLAIN_DENIED, "denied by access-list X seq 7 on lan2", G, NULL);
	expect(EXPLAIN_NO_MEMBER, "no host has asked for it", "239.1.1.2", NULL);
	assert_int_equal(conf_acl_remove(fake.conf, FAMILY_IPV4, "X", 7), 0);
}

static void limit(void **state)
{
	(void)state;
	fake.ifs[FAMILY_IPV4][LAN1].max_groups = 1;
	change(LAN1);
	member("239.1.1.2", GM_TO_EX, "");
	member(G, GM_TO_EX, "");
	expect(EXPLAIN_LIMIT, "refused on lan1: a limit is reached (1 groups there, 1 in all)", G, NULL);
}

static void interface_down(void **state)
{
	(void)state;
	fake.ifs[FAMILY_IPV4][LAN2].up = false;
	change(LAN2);
	expect(EXPLAIN_INTERFACE_DOWN, "lan2 is down, and no host elsewhere has asked for it", G, NULL);
	member(G, GM_TO_EX, "");
	expect(EXPLAIN_NO_DATA,
	       "joined on wan 0 s ago, no data has arrived: check the upstream router, which sends no queries either",
	       G, NULL);
	assert_string_equal(evidence("interface"), "lan1 up, lan2 down");
	fake.ifs[FAMILY_IPV4][WAN].up = false;
	change(WAN);
	expect(EXPLAIN_INTERFACE_DOWN, "the upstream wan is down", G, NULL);
}

static void interface_missing(void **state)
{
	(void)state;
	fake_add_link("lan9", 0, NULL, NULL);
	fake_add_if(FAMILY_IPV4, 3, "lan9", GM_ROLE_DOWNSTREAM);
	expect(EXPLAIN_INTERFACE_DOWN, "lan9 is missing, and no host elsewhere has asked for it", G, NULL);
}

static void members(void **state)
{
	(void)state;
	member(G, GM_TO_EX, "10.0.0.9");
	fake_wait(mtime_from_s(9));
	expect(EXPLAIN_NO_DATA,
	       "joined on wan 9 s ago, no data has arrived: check the upstream router, which sends no queries either",
	       G, NULL);
	assert_string_equal(evidence("members"), "10.1.1.11 on lan1, 9 s ago, version 3, EXCLUDE {10.0.0.9}");
	assert_string_equal(evidence("merge"), "EXCLUDE {10.0.0.9}");
	expect(EXPLAIN_NO_MEMBER, "no host has asked for 10.0.0.9 of " G, G, "10.0.0.9");
	fake_query(FAMILY_IPV4, WAN, "10.0.0.1", GM_GEN3);
	fake_wait(mtime_from_s(3));
	expect(EXPLAIN_NO_DATA, "joined on wan 12 s ago, no data has arrived: check the upstream router", G,
	       "10.0.0.8");
	assert_string_equal(evidence("query"), "last query from 10.0.0.1 3 s ago, version 3, interval 60 s");
	fake_wait(mtime_from_s(118));
	expect(EXPLAIN_NO_DATA,
	       "joined on wan 130 s ago, no data has arrived: check the upstream router, which sends no queries any "
	       "more",
	       G, NULL);
	assert_string_equal(evidence("query"), "last query from 10.0.0.1 121 s ago, version 3, interval 60 s: overdue");
	fake.answers = (struct daemon_answers){ .seen = fake.now - mtime_from_s(119) };
	fake.last_report = fake.now - mtime_from_s(2);
	expect(EXPLAIN_NO_DATA,
	       "joined on wan 130 s ago, no data has arrived: check the upstream router, which sends no queries any "
	       "more",
	       G, NULL);
	assert_string_equal(evidence("query"), "last query from 10.0.0.1 121 s ago, version 3, interval 60 s: overdue; "
					       "last report sent 2 s ago; queries are answered, last 119 s ago");
	fake.answers.missed = true;
	fake.last_report = 0;
	expect(EXPLAIN_NO_DATA,
	       "joined on wan 130 s ago, no data has arrived: check the upstream router, which sends no queries any "
	       "more",
	       G, NULL);
	assert_string_equal(evidence("query"),
			    "last query from 10.0.0.1 121 s ago, version 3, interval 60 s: overdue; the kernel has not "
			    "answered the last query in time: does a firewall drop what it sends?");
}

static void not_querier(void **state)
{
	(void)state;
	fake.ifs[FAMILY_IPV4][LAN1].addr = fake_addr("10.1.1.100");
	change(LAN1);
	member(G, GM_TO_EX, "");
	fake_query(FAMILY_IPV4, LAN1, "10.1.1.5", GM_GEN3);
	expect(EXPLAIN_NOT_QUERIER, "10.1.1.5 is the querier of lan1: it has to forward there", G, NULL);
	fake.ifs[FAMILY_IPV4][LAN1].forward_as_non_querier = true;
	change(LAN1);
	expect(EXPLAIN_NO_DATA,
	       "joined on wan 0 s ago, no data has arrived: check the upstream router, which sends no queries either",
	       G, NULL);
}

static void no_upstream(void **state)
{
	struct conf_if_af *af = &conf_if_find(fake.conf, "wan")->af[FAMILY_IPV4];

	(void)state;
	member(G, GM_TO_EX, "");
	fake.ifs[FAMILY_IPV4][WAN].upstream_acl = acl_denying("U", G);
	snprintf(af->upstream_acl, sizeof(af->upstream_acl), "U");
	change(WAN);
	expect(EXPLAIN_DENIED, "no upstream serves it: denied by access-list U seq 7 on wan", G, NULL);
	af->role = GM_ROLE_NONE;
	expect(EXPLAIN_NO_UPSTREAM, "no upstream is configured", G, NULL);
}

static void join_failed(void **state)
{
	(void)state;
	member(G, GM_TO_EX, "");
	fake.join = (struct daemon_join){ .error = -ENOBUFS };
	expect(EXPLAIN_JOIN_FAILED, "the kernel refuses to join it on wan: No buffer space available", G, NULL);
	fake.join = (struct daemon_join){ .own = true, .error = -EADDRNOTAVAIL };
	expect(EXPLAIN_JOIN_FAILED, "it cannot be reported on wan: Cannot assign requested address", G, NULL);
	fake.join = (struct daemon_join){ .own = true };
	expect(EXPLAIN_JOIN_FAILED, "it cannot be reported on wan: not sent yet", G, NULL);
}

static void kept_after_a_restart(void **state)
{
	const struct gm_event relearn = { .type = GM_EV_RELEARN };
	struct gm_event inherit = { .type = GM_EV_INHERIT, .slot = WAN };

	(void)state;
	inherit.flow.source = fake_addr("10.0.0.1");
	inherit.flow.group = fake_addr(G);
	inherit.flow.oifs = 1u << LAN1;
	fake_input(FAMILY_IPV4, &relearn);
	fake_input(FAMILY_IPV4, &inherit);
	expect(EXPLAIN_FORWARDING, "forwarded as before the restart, until all hosts have had their turn to answer", G,
	       NULL);
	assert_string_equal(evidence("members"), "none heard yet after the restart");
	fake_wait(mtime_from_s(271));
	expect(EXPLAIN_NO_MEMBER, "no host has asked for it", G, NULL);
}

static void joined_by_own_reports(void **state)
{
	(void)state;
	member(G, GM_TO_EX, "");
	fake_upcall(FAMILY_IPV4, WAN, "10.0.0.1", G);
	fake.route = (struct daemon_route){ .packets = 1 };
	see(WAN, "10.0.0.1", 16);
	fake.join.own = true;
	expect(EXPLAIN_FORWARDING, "forwarded to lan1", G, NULL);
	assert_non_null(strstr(evidence("join"), "by reports of improxyd itself"));
}

static void boundary(void **state)
{
	const struct gm_acl *acl = acl_denying("B", G);

	(void)state;
	member(G, GM_TO_EX, "");
	fake.ifs[FAMILY_IPV4][LAN1].boundary = acl;
	change(LAN1);
	expect(EXPLAIN_BOUNDARY, "the multicast boundary of lan1 stops it: access-list B seq 7", G, NULL);
	fake_report(FAMILY_IPV4, LAN2, "10.1.2.11", G, GM_TO_EX, "");
	fake.ifs[FAMILY_IPV4][WAN].boundary = acl;
	change(WAN);
	expect(EXPLAIN_BOUNDARY, "the multicast boundary of wan stops it: access-list B seq 7", G, NULL);
}

/* --- the wire --- */

static void wrong_interface(void **state)
{
	(void)state;
	member(G, GM_TO_EX, "");
	see(LAN2, "10.0.0.77", 16);
	expect(EXPLAIN_WRONG_INTERFACE, "data arrives on lan2, expected on wan", G, NULL);
	assert_string_equal(evidence("data"), "from 10.0.0.77 on lan2, TTL 16");
}

static void source_filtered(void **state)
{
	(void)state;
	member(G, GM_ALLOW, "10.0.0.9");
	see(WAN, "10.0.0.1", 16);
	expect(EXPLAIN_SOURCE_FILTERED, "data arrives only from 10.0.0.1, which nobody wants", G, NULL);
	expect(EXPLAIN_SOURCE_FILTERED, "data arrives only from 10.0.0.1, which nobody wants", G, "10.0.0.1");
}

static void ttl(void **state)
{
	(void)state;
	member(G, GM_TO_EX, "");
	see(WAN, "10.0.0.1", 1);
	expect(EXPLAIN_TTL, "data of 10.0.0.1 arrives on wan with a TTL of 1: it has to be above 1 to be forwarded", G,
	       NULL);
	conf_if_find(fake.conf, "lan1")->af[FAMILY_IPV4].ttl_threshold = 16;
	see(WAN, "10.0.0.1", 16);
	expect(EXPLAIN_TTL, "data of 10.0.0.1 arrives on wan with a TTL of 16: it has to be above 16 to be forwarded",
	       G, NULL);
}

static void rp_filter(void **state)
{
	(void)state;
	member(G, GM_TO_EX, "");
	see(WAN, "192.0.2.1", 16);
	fake.route_error = -ENOENT;
	expect(EXPLAIN_KERNEL, "data of 192.0.2.1 arrives on wan, but the kernel does not forward it", G, NULL);
	fake_set(FAMILY_IPV4, "all", "rp_filter", 0);
	fake_set(FAMILY_IPV4, "wan", "rp_filter", 1);
	expect(EXPLAIN_RP_FILTER,
	       "data of 192.0.2.1 arrives on wan, and the kernel drops it: rp_filter is 1 and the route to 192.0.2.1 "
	       "does not lead there",
	       G, NULL);
	assert_string_equal(evidence("entry"), "none");
}

static void forwarding(void **state)
{
	(void)state;
	member(G, GM_TO_EX, "");
	fake_report(FAMILY_IPV4, LAN2, "10.1.2.11", G, GM_TO_EX, "");
	fake_upcall(FAMILY_IPV4, WAN, "10.0.0.1", G);
	fake_wait(mtime_from_s(7));
	fake.route = (struct daemon_route){ .packets = 120, .bytes = 5400, .wrong_if = 3, .idle = mtime_from_ms(12) };
	see(LAN2, "10.0.0.77", 16);
	see(WAN, "10.0.0.1", 16);
	expect(EXPLAIN_FORWARDING, "forwarded to lan1, lan2", G, NULL);
	assert_string_equal(evidence("entry"),
			    "(10.0.0.1," G ") from wan, 7 s old, 120 packets, 3 on a wrong interface, idle for 12 ms");
	assert_false(answer.unsure);
}

static void route_limit(void **state)
{
	struct gm_conf conf = { .route_limit = 1 };

	(void)state;
	fake_input(FAMILY_IPV4, &(struct gm_event){ .type = GM_EV_CONF, .slot = GM_NO_IF, .conf = &conf });
	member(G, GM_TO_EX, "");
	member("239.1.1.2", GM_TO_EX, "");
	fake_upcall(FAMILY_IPV4, WAN, "10.0.0.1", "239.1.1.2");
	fake_upcall(FAMILY_IPV4, WAN, "10.0.0.1", G);
	see(WAN, "10.0.0.1", 16);
	expect(EXPLAIN_LIMIT, "the limit of 1 forwarding entries is reached", G, NULL);
}

/* Nothing is seen: the entry may still tell that it carried something just now. */
static void entry_tells(void **state)
{
	(void)state;
	member(G, GM_TO_EX, "");
	fake_upcall(FAMILY_IPV4, WAN, "10.0.0.1", G);
	fake_query(FAMILY_IPV4, WAN, "10.0.0.1", GM_GEN3);
	fake.route = (struct daemon_route){ .packets = 120, .idle = mtime_from_s(4) };
	expect(EXPLAIN_FORWARDING, "forwarded to lan1", G, NULL);
	fake.route.idle = mtime_from_s(61);
	expect(EXPLAIN_NO_DATA, "joined on wan 0 s ago, no data has arrived for 61 s: check the upstream router", G,
	       NULL);
	expect(EXPLAIN_NO_DATA, "joined on wan 0 s ago, no data has arrived: check the upstream router", G, "10.0.0.2");
	sight.looked = false;
	expect(EXPLAIN_NO_DATA, "joined on wan 0 s ago, no data has arrived for 61 s: check the upstream router", G,
	       NULL);
	assert_true(answer.unsure);
}

/* A host of a downstream sends: upwards, and to the other downstream. */
static void sender_below(void **state)
{
	(void)state;
	member(G, GM_TO_EX, "");
	fake_upcall(FAMILY_IPV4, LAN2, "10.1.2.11", G);
	fake.route = (struct daemon_route){ .packets = 1 };
	see(LAN2, "10.1.2.11", 16);
	expect(EXPLAIN_FORWARDING, "forwarded to wan, lan1", G, NULL);
}

static void wildcard(void **state)
{
	struct gm_conf conf = { .idle_timeout = mtime_from_s(210), .wildcard = true };

	(void)state;
	fake_input(FAMILY_IPV4, &(struct gm_event){ .type = GM_EV_CONF, .slot = GM_NO_IF, .conf = &conf });
	member(G, GM_TO_EX, "");
	see(WAN, "10.0.0.1", 16);
	fake.route = (struct daemon_route){ .packets = 5 };
	expect(EXPLAIN_FORWARDING, "forwarded to lan1", G, NULL);
	assert_non_null(strstr(evidence("entry"), "(*," G ") from wan"));
}

static void many_flows(void **state)
{
	unsigned int changes = 0;

	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		struct daemon_packet packet = { WAN, fake_addr("10.0.0.1"), 16 };

		packet.source.b[15] = (uint8_t)(1 + i);
		changes += explain_see(&sight, &packet);
	}
	assert_int_equal(sight.nflows, EXPLAIN_FLOWS);
	assert_int_equal(changes, EXPLAIN_FLOWS);
	for (unsigned int i = 0; i < 1023; i++)
		changes += explain_see(&sight, &(struct daemon_packet){ WAN, fake_addr("10.0.0.1"), 9 });
	assert_int_equal(changes, EXPLAIN_FLOWS + 10);
	assert_int_equal(sight.flows[0].packets, 1024);
	assert_int_equal(sight.flows[0].ttl, 16);
	member(G, GM_TO_EX, "");
	fake.route = (struct daemon_route){ .packets = 5 };
	fake_upcall(FAMILY_IPV4, WAN, "10.0.0.16", G);
	expect(EXPLAIN_FORWARDING, "forwarded to lan1", G, NULL);
	/* More evidence than there is room for is cut, not spilled. */
	assert_true(strlen(evidence("data")) < EXPLAIN_TEXT);
}

/* --- conflicts --- */

struct heard {
	unsigned int n;
	struct conflict last;
};

static void hear(void *arg, const struct conflict *conflict)
{
	struct heard *heard = arg;

	heard->n++;
	heard->last = *conflict;
}

static void expect_conflict(unsigned int n, enum conflict_kind kind, const char *ifname, const char *text)
{
	struct heard heard = { 0 };

	conflict_walk(&fake, hear, &heard);
	assert_int_equal(heard.n, n);
	if (!n)
		return;
	assert_string_equal(conflict_names[heard.last.kind], conflict_names[kind]);
	assert_string_equal(heard.last.ifname, ifname);
	assert_string_equal(heard.last.text, text);
}

static void conflicts(void **state)
{
	(void)state;
	expect_conflict(0, CONFLICT_OWNER, "", "");
	fake_echo(FAMILY_IPV4, LAN1, WAN);
	expect_conflict(1, CONFLICT_LOOP, "lan1", "own messages sent on wan are heard here: both are on one link");
	fake_wait(mtime_from_s(249));
	fake_query(FAMILY_IPV4, WAN, "10.0.0.1", GM_GEN3);
	fake_query(FAMILY_IPV6, WAN, "fe80::99", GM_GEN3);
	fake_wait(mtime_from_s(100));
	expect_conflict(0, CONFLICT_LOOP, "", "");
	/* A bridge that has not heard our queries; not one that forgets them sooner than we ask again. */
	fake.bridge =
		(struct daemon_bridge){ .name = "lan1", .querier = { true, true }, .patience = mtime_from_s(255) };
	expect_conflict(0, CONFLICT_SNOOPING, "", "");
	fake.bridge.querier[FAMILY_IPV6] = false;
	expect_conflict(1, CONFLICT_SNOOPING, "lan1",
			"bridge lan1 snoops and has not heard the queries sent here: nor have its hosts");
	fake.bridge.patience = mtime_from_s(100);
	expect_conflict(0, CONFLICT_SNOOPING, "", "");
	conf_if_find(fake.conf, "lan1")->af[FAMILY_IPV6].ttl_threshold = 2;
	expect_conflict(1, CONFLICT_NO_EFFECT, "lan1",
			"ipv6 multicast ttl-threshold: the kernel has no hop limit threshold");
	conf_if_find(fake.conf, "lan1")->af[FAMILY_IPV6].ttl_threshold = 1;
	fake_set(FAMILY_IPV4, "wan", "rp_filter", 1);
	expect_conflict(
		1, CONFLICT_RP_FILTER, "wan",
		"net.ipv4.conf.wan.rp_filter is strict: the kernel drops data whose source it does not route by "
		"way of this interface");
	/* The higher value counts, and loose is higher than strict. */
	fake_set(FAMILY_IPV4, "all", "rp_filter", 2);
	expect_conflict(0, CONFLICT_RP_FILTER, "", "");
	fake_set(FAMILY_IPV6, "all", "forwarding", 0);
	expect_conflict(1, CONFLICT_FORWARDING, "", "net.ipv6.conf.all.forwarding is off: this machine is no router");
	fake_set(FAMILY_IPV6, "all", "forwarding", 1);
	fake.status[FAMILY_IPV4].error = -EADDRINUSE;
	expect_conflict(1, CONFLICT_OWNER, "", "another process is the kernel's IPv4 multicast router");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(codes),
		CASE(kernel),
		CASE(ipv6_disabled),
		CASE(scope),
		CASE(ssm),
		CASE(denied),
		CASE(limit),
		CASE(denied_by_all),
		CASE(members),
		CASE(interface_down),
		CASE(not_querier),
		CASE(boundary),
		CASE(interface_missing),
		CASE(no_upstream),
		CASE(join_failed),
		CASE(kept_after_a_restart),
		CASE(joined_by_own_reports),
		CASE(wildcard),
		CASE(ttl),
		CASE(wrong_interface),
		CASE(rp_filter),
		CASE(source_filtered),
		CASE(forwarding),
		CASE(route_limit),
		CASE(conflicts),
		CASE(entry_tells),
		CASE(many_flows),
		CASE(sender_below),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
