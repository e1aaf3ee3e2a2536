/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The modules of improxyd/sys against the real kernel, in a network namespace of its own: links, raw sockets,
 * memberships with the reports they cause on the wire, and the multicast routing table. Speaks TAP; skips, with the
 * reason, where it may not make a namespace.
 *
 * Every pair NAME0 - NAME1 is a veth; the code under test uses the 0 ends, the test listens and sends on the 1 ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/family.h"
#include "lib/ipaddr.h"
#include "lib/util.h"
#include "sys/gmsock.h"
#include "sys/link.h"
#include "sys/loop.h"
#include "sys/mroute.h"
#include "sys/upstream.h"
#include "wire/wire.h"

#define MAX_SOURCES 512
#define WAIT_S      5

static struct loop *loop;
static unsigned int ntests, nfailed;

/* --- tools --- */

static void PRINTF_LIKE(2, 3) ok(bool passed, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %u - ", passed ? "" : "not ", ++ntests);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	nfailed += !passed;
}

static int PRINTF_LIKE(1, 2) sh(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd);
}

static void must(int err, const char *what)
{
	if (!err)
		return;
	printf("Bail out! %s: %d\n", what, err);
	exit(1);
}

static void set_sysctl(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		printf("# %s cannot be set\n", path);
	if (fd >= 0)
		close(fd);
}

static void veth(const char *name, int index)
{
	must(sh("ip link add %s0 index %d type veth peer name %s1 && ip link set %s0 up && ip link set %s1 up", name,
		index, name, name, name),
	     "veth");
}

/* Runs the loop until `cond` holds or the time is over. */
#define WAIT(cond)                                                                                                     \
	({                                                                                                             \
		mtime_t until = loop_now() + mtime_from_s(WAIT_S);                                                     \
		while (!(cond) && loop_now() < until)                                                                  \
			must(loop_pass(loop, mtime_from_ms(20)), "loop");                                              \
		(bool)(cond);                                                                                          \
	})

static void settle(int ms)
{
	mtime_t until = loop_now() + mtime_from_ms(ms);

	while (loop_now() < until)
		must(loop_pass(loop, mtime_from_ms(1)), "loop");
}

static struct ipaddr addr(const char *text)
{
	struct ipaddr a;

	must(ipaddr_parse(text, &a), text);
	return a;
}

/* The n-th source of a family: 10.77.h.l, 2001:db8::hhll. */
static struct ipaddr nth_source(enum family family, unsigned int n)
{
	struct ipaddr a = addr(family == FAMILY_IPV4 ? "10.77.0.0" : "2001:db8::");

	a.b[14] = (uint8_t)(n >> 8);
	a.b[15] = (uint8_t)n;
	return a;
}

static struct ipaddr nth_group(enum family family, unsigned int n)
{
	struct ipaddr a = addr(family == FAMILY_IPV4 ? "239.50.0.0" : "ff15::50:0:0");

	a.b[14] = (uint8_t)(n >> 8);
	a.b[15] = (uint8_t)n;
	return a;
}

static unsigned int count_lines(const char *path, const char *what)
{
	char line[512];
	unsigned int n = 0;
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, what) != NULL;
	if (f)
		fclose(f);
	return n;
}

/* --- what the upstream router hears --- */

struct heard {
	bool seen[8]; /* by record type */
	bool source[8][MAX_SOURCES];
};

static const char *const record_names[8] = {
	[GM_IS_IN] = "IS_IN", [GM_IS_EX] = "IS_EX", [GM_TO_IN] = "TO_IN",
	[GM_TO_EX] = "TO_EX", [GM_ALLOW] = "ALLOW", [GM_BLOCK] = "BLOCK",
};

static int packet_socket(const char *ifname)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
	int size = 8 << 20;
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };

	ll.sll_ifindex = (int)if_nametoindex(ifname);
	must(fd < 0 || bind(fd, (struct sockaddr *)&ll, sizeof(ll)), "packet socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

static void hear_record(struct heard *heard, enum family family, const uint8_t *rec, unsigned int nsources)
{
	unsigned int len = family == FAMILY_IPV4 ? 4 : 16;
	unsigned int type = rec[0] & 7;

	heard->seen[type] = true;
	for (unsigned int s = 0; s < nsources; s++) {
		const uint8_t *src = rec + 4 + len + s * len;

		heard->source[type][(src[len - 2] << 8 | src[len - 1]) % MAX_SOURCES] = true;
	}
}

/* Adds the records for `group` of one frame, if it is an IGMPv3 or MLDv2 report. */
static void hear_frame(struct heard *heard, enum family family, const struct ipaddr *group, const uint8_t *frame,
		       size_t size)
{
	unsigned int len = family == FAMILY_IPV4 ? 4 : 16;
	size_t at = ETH_HLEN, records;

	if (size < ETH_HLEN + 48 && family == FAMILY_IPV6)
		return;
	if (family == FAMILY_IPV4 && frame[12] == 8 && frame[13] == 0 && frame[at + 9] == IPPROTO_IGMP)
		at += (frame[at] & 15) * 4;
	else if (family == FAMILY_IPV6 && frame[12] == 0x86 && frame[13] == 0xdd && frame[at + 6] == 0)
		at += 40 + 8;
	else
		return;
	if (size < at + 8 || frame[at] != (family == FAMILY_IPV4 ? 0x22 : 143))
		return;
	records = frame[at + 6] << 8 | frame[at + 7];
	for (at += 8; records && at + 4 + len <= size; records--) {
		unsigned int nsources = frame[at + 2] << 8 | frame[at + 3];
		struct ipaddr g = ipaddr_from_bytes(frame + at + 4, len);

		if (at + 4 + len + nsources * len > size)
			return;
		if (ipaddr_eq(&g, group))
			hear_record(heard, family, frame + at, nsources);
		at += 4 + len + nsources * len;
	}
}

/* Listens until nothing has come for 80 ms; the kernel reports a change after some 10 ms. */
static void hear(int fd, struct heard *heard, enum family family, const struct ipaddr *group)
{
	static uint8_t frame[9216];
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	memset(heard, 0, sizeof(*heard));
	while (poll(&pfd, 1, 80) > 0) {
		ssize_t n = recv(fd, frame, sizeof(frame), 0);

		if (n > 0)
			hear_frame(heard, family, group, frame, (size_t)n);
	}
}

static void list_sources(const char *list, bool *out)
{
	while (*list && *list != ' ') {
		char *end;
		unsigned long from = strtoul(list, &end, 10), to = from;

		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (; end != list && from <= to && from < MAX_SOURCES; from++)
			out[from] = true;
		list = *end == ',' ? end + 1 : end;
		if (end == list && *end != ' ')
			break;
	}
}

/* `expected`: "ALLOW:1,3-5 TO_EX:"; a record that may also be missing has a "?" in front. */
static bool heard_is(const struct heard *heard, const char *expected)
{
	struct heard want = { 0 };
	bool optional[8] = { false };

	for (const char *p = expected; *p; p += strcspn(p, " "), p += strspn(p, " ")) {
		bool opt = *p == '?';
		const char *name = p + opt;

		for (unsigned int t = 1; t < 7; t++) {
			size_t len = strlen(record_names[t]);

			if (strncmp(name, record_names[t], len) != 0)
				continue;
			want.seen[t] = true;
			optional[t] = opt;
			list_sources(name + len + 1, want.source[t]);
		}
	}
	for (unsigned int t = 1; t < 7; t++) {
		if (optional[t] && !heard->seen[t])
			continue;
		if (heard->seen[t] != want.seen[t] ||
		    memcmp(heard->source[t], want.source[t], sizeof(want.source[t])) != 0)
			return false;
	}
	return true;
}

static void heard_print(const struct heard *heard)
{
	printf("# heard:");
	for (unsigned int t = 1; t < 7; t++) {
		if (!heard->seen[t])
			continue;
		printf(" %s:", record_names[t]);
		for (unsigned int s = 0; s < MAX_SOURCES; s++)
			if (heard->source[t][s])
				printf("%u,", s);
	}
	printf("\n");
}

/* --- memberships --- */

struct step {
	enum gm_mode mode;
	const char *sources;
	const char *reports;
};

static const struct step small_steps[] = {
	{ GM_INCLUDE, "1,2", "ALLOW:1,2" }, { GM_INCLUDE, "2,3", "ALLOW:3 BLOCK:1" },
	{ GM_INCLUDE, "2,3", "" },          { GM_INCLUDE, "7,8", "ALLOW:7,8 BLOCK:2,3" },
	{ GM_EXCLUDE, "", "TO_EX:" },       { GM_EXCLUDE, "4", "BLOCK:4" },
	{ GM_EXCLUDE, "4,5", "BLOCK:5" },   { GM_EXCLUDE, "5,6", "ALLOW:4 BLOCK:6" },
	{ GM_INCLUDE, "1", "TO_IN:1" },     { GM_EXCLUDE, "1,2", "TO_EX:1,2" },
	{ GM_INCLUDE, "", "TO_IN:" },       { GM_EXCLUDE, "", "TO_EX:" },
	{ GM_INCLUDE, "5", "TO_IN:5" },     { GM_INCLUDE, "", "BLOCK:5" },
	{ GM_EXCLUDE, "3", "TO_EX:3" },     { GM_INCLUDE, "", "TO_IN:" },
};

/* More sources than a list takes, in both families. */
static const struct step large_steps[] = {
	{ GM_INCLUDE, "1-70", "ALLOW:1-70" },       { GM_INCLUDE, "36-105", "ALLOW:71-105 BLOCK:1-35" },
	{ GM_EXCLUDE, "36", "TO_EX:36 ?BLOCK:36" }, { GM_INCLUDE, "1-365", "TO_IN:1-365 ?ALLOW:36" },
	{ GM_INCLUDE, "2-365", "BLOCK:1" },         { GM_EXCLUDE, "", "TO_EX:" },
	{ GM_INCLUDE, "10-100", "TO_IN:10-100" },   { GM_INCLUDE, "10", "BLOCK:11-100" },
	{ GM_EXCLUDE, "1-200", "TO_EX:" },          { GM_INCLUDE, "300-500", "TO_IN:300-500" },
	{ GM_INCLUDE, "", "BLOCK:300-500" },
};

static unsigned int step_sources(enum family family, const struct step *step, struct ipaddr *out)
{
	bool in[MAX_SOURCES] = { false };
	unsigned int n = 0;

	list_sources(step->sources, in);
	for (unsigned int s = 0; s < MAX_SOURCES; s++)
		if (in[s])
			out[n++] = nth_source(family, s);
	return n;
}

static bool upstream_told(const struct upstream *up)
{
	struct mcast_pool_stats stats;

	upstream_stats(up, 0, &stats);
	return !stats.waiting;
}

static void test_steps(struct upstream *up, enum family family, int fd, const struct step *steps, unsigned int nsteps)
{
	int ifindex = (int)if_nametoindex("up0");
	struct ipaddr group = nth_group(family, 1), sources[MAX_SOURCES];
	const char *mcfilter = family == FAMILY_IPV4 ? "/proc/net/mcfilter" : "/proc/net/mcfilter6";
	struct mcast_state state;
	struct heard heard;

	hear(fd, &heard, family, &group);
	for (unsigned int i = 0; i < nsteps; i++) {
		const struct step *step = &steps[i];
		unsigned int n = step_sources(family, step, sources), shown;
		int err = upstream_set(up, ifindex, &group, step->mode, sources, n);
		bool told = WAIT(upstream_told(up)), same, known;

		hear(fd, &heard, family, &group);
		same = heard_is(&heard, step->reports);
		ok(!err && told && same, "%s: to %s{%s}: %s", family_name(family),
		   step->mode == GM_INCLUDE ? "INCLUDE" : "EXCLUDE", step->sources,
		   *step->reports ? step->reports : "no report");
		if (!same)
			heard_print(&heard);
		known = upstream_state(up, ifindex, &group, &state);
		shown = count_lines(mcfilter, "up0");
		if (shown != (state.widened ? 0 : n) || known != (n || step->mode == GM_EXCLUDE) ||
		    (known && !state.held))
			ok(false, "state of the step: %u of %u sources in %s, known %d held %d", shown, n, mcfilter,
			   known, state.held);
	}
}

static void test_many(struct upstream *up, enum family family)
{
	const char *table = family == FAMILY_IPV4 ? "/proc/net/igmp" : "/proc/net/igmp6";
	/* As these files show the groups: in host order, and without colons. */
	const char *prefix = family == FAMILY_IPV4 ? "32EF" : "ff150000000000000000005000000";
	int ifindex = (int)if_nametoindex("up0");
	struct mcast_pool_stats stats;
	unsigned int failed = 0;
	mtime_t start = loop_now();

	for (unsigned int i = 0; i < 1000; i++) {
		struct ipaddr group = nth_group(family, i);

		failed += upstream_set(up, ifindex, &group, GM_EXCLUDE, NULL, 0) != 0;
	}
	failed += !WAIT(upstream_told(up));
	upstream_stats(up, ifindex, &stats);
	ok(!failed && stats.groups == 1000, "%s: 1000 groups join through %u sockets in %d ms", family_name(family),
	   stats.sockets, (int)mtime_to_ms(loop_now() - start));
	ok(count_lines(table, prefix) == 1000, "%s: the kernel shows all of them", family_name(family));
	for (unsigned int i = 0; i < 1000; i += 2) {
		struct ipaddr group = nth_group(family, i);

		failed += upstream_set(up, ifindex, &group, GM_INCLUDE, NULL, 0) != 0;
	}
	failed += !WAIT(upstream_told(up));
	ok(!failed && count_lines(table, prefix) == 500, "%s: half of them leave", family_name(family));
	for (unsigned int i = 0; i < 1000; i += 2) {
		struct ipaddr group = nth_group(family, i), source = nth_source(family, i);

		failed += upstream_set(up, ifindex, &group, GM_INCLUDE, &source, 1) != 0;
	}
	failed += !WAIT(upstream_told(up));
	upstream_stats(up, ifindex, &stats);
	ok(!failed && count_lines(table, prefix) == 1000 && stats.failing == 0,
	   "%s: they join again with a source, %u sockets", family_name(family), stats.sockets);
	upstream_drop(up, ifindex);
	upstream_stats(up, 0, &stats);
	ok(count_lines(table, prefix) == 0 && stats.groups == 0 && stats.sockets == 0, "%s: drop leaves all",
	   family_name(family));
}

static bool step_is(struct mcast_pool *pool, enum family family, bool leave, unsigned int number)
{
	struct ipaddr want = nth_group(family, number);
	struct mcast_step step;

	return mcast_pool_step(pool, loop_now(), leave, &step) == 0 && ipaddr_eq(&step.group, &want);
}

/* Joins come in their order and before leaves; the kernel leaves the group cheapest that it joined last. */
static void test_order(enum family family)
{
	struct mcast_pool *pool = mcast_pool_new(family, (int)if_nametoindex("up0"));
	bool good = true;

	must(!pool, "mcast_pool_new");
	for (unsigned int i = 1; i <= 4; i++) {
		struct ipaddr group = nth_group(family, i);

		must(mcast_pool_want(pool, &group, GM_EXCLUDE, NULL, 0), "want");
	}
	for (unsigned int i = 1; i <= 4; i++)
		good &= step_is(pool, family, true, i);
	ok(good && !mcast_pool_behind(pool), "%s: joins are made in their order", family_name(family));
	for (unsigned int i = 1; i <= 5; i++) {
		struct ipaddr group = nth_group(family, i);

		must(mcast_pool_want(pool, &group, i == 5 ? GM_EXCLUDE : GM_INCLUDE, NULL, 0), "want");
	}
	ok(step_is(pool, family, true, 4) && step_is(pool, family, false, 5) && step_is(pool, family, false, 3) &&
		   step_is(pool, family, false, 2) && step_is(pool, family, false, 1) && !mcast_pool_behind(pool),
	   "%s: leaves in the opposite order, and after joins unless it is their turn", family_name(family));
	mcast_pool_free(pool);
}

/* However often a group is set until the kernel is told, it is told what counts in the end. */
static void test_once(struct upstream *up, enum family family, int fd)
{
	int ifindex = (int)if_nametoindex("up0");
	struct ipaddr group = nth_group(family, 3), source = nth_source(family, 1);
	struct mcast_pool_stats stats;
	struct heard heard;

	upstream_set(up, ifindex, &group, GM_EXCLUDE, NULL, 0);
	upstream_set(up, ifindex, &group, GM_INCLUDE, NULL, 0);
	upstream_set(up, ifindex, &group, GM_INCLUDE, &source, 1);
	WAIT(upstream_told(up));
	hear(fd, &heard, family, &group);
	ok(heard_is(&heard, "ALLOW:1"), "%s: of several changes only what comes of them is made", family_name(family));
	upstream_set(up, ifindex, &group, GM_EXCLUDE, NULL, 0);
	upstream_set(up, ifindex, &group, GM_INCLUDE, NULL, 0);
	WAIT(upstream_told(up));
	upstream_stats(up, ifindex, &stats);
	ok(!stats.groups, "%s: a group that is joined and left again is forgotten", family_name(family));
}

/* Every change puts the kernel's report off. Yet with a new group every few milliseconds the first is reported. */
static void test_steady(struct upstream *up, enum family family, int fd)
{
	int ifindex = (int)if_nametoindex("up0");
	struct ipaddr first = nth_group(family, 4);
	struct heard heard = { 0 };
	uint8_t frame[2048];
	ssize_t n;

	for (unsigned int i = 0; i < 200; i++) {
		struct ipaddr group = nth_group(family, 4 + i);

		upstream_set(up, ifindex, &group, GM_EXCLUDE, NULL, 0);
		settle(2);
		while ((n = recv(fd, frame, sizeof(frame), 0)) >= 0)
			hear_frame(&heard, family, &first, frame, (size_t)n);
	}
	ok(heard.seen[GM_TO_EX], "%s: joins are reported while more of them come", family_name(family));
	upstream_drop(up, ifindex);
}

/* A membership on an interface that does not exist yet is remembered, and held once it exists. */
static void test_failing(struct upstream *up, enum family family)
{
	struct ipaddr group = nth_group(family, 2);
	struct mcast_pool_stats stats;
	struct mcast_state state;
	int err = upstream_set(up, 900 + (int)family, &group, GM_EXCLUDE, NULL, 0);

	upstream_state(up, 900 + (int)family, &group, &state);
	ok(!err && state.wanted && !state.held && !state.error, "%s: a join waits for its turn", family_name(family));
	WAIT(upstream_told(up));
	upstream_state(up, 900 + (int)family, &group, &state);
	upstream_stats(up, 0, &stats);
	ok(state.wanted && !state.held && state.error == -ENODEV && stats.failing == 1 && stats.join_failures == 1,
	   "%s: a failed join is remembered with its errno", family_name(family));
	veth(family == FAMILY_IPV4 ? "lateA" : "lateB", 900 + (int)family);
	ok(WAIT((upstream_state(up, 900 + (int)family, &group, &state), state.held)), "%s: and repeated by itself",
	   family_name(family));
	must(sh("ip link del %s", family == FAMILY_IPV4 ? "lateA0" : "lateB0"), "del");
	upstream_drop(up, 900 + (int)family);
	ok(!upstream_state(up, 900 + (int)family, &group, &state), "%s: forgotten with its interface",
	   family_name(family));
}

static void test_memberships(enum family family)
{
	int fd = packet_socket("up1");
	struct upstream *up;

	must(upstream_open(loop, family, &up), "upstream_open");
	test_steps(up, family, fd, small_steps, ARRAY_SIZE(small_steps));
	test_steps(up, family, fd, large_steps, ARRAY_SIZE(large_steps));
	test_order(family);
	test_once(up, family, fd);
	test_steady(up, family, fd);
	test_many(up, family);
	test_failing(up, family);
	upstream_close(up);
	close(fd);
}

/* --- links --- */

static unsigned int nchanges;

static void links_changed(void *arg)
{
	(void)arg;
	nchanges++;
}

static bool link_is_up(struct links *links, const char *name)
{
	const struct link *link = links_by_name(links, name);

	return link && link->up;
}

static unsigned int link_naddrs(struct links *links, const char *name, enum family family)
{
	const struct link *link = links_by_name(links, name);

	return link ? link->naddrs[family] : 0;
}

static bool link_primary_is(struct links *links, const char *name, const char *text)
{
	const struct link *link = links_by_name(links, name);
	struct ipaddr want = addr(text), have;

	if (!link)
		return false;
	have = link_primary(link, family_of(&want));
	return ipaddr_eq(&have, &want);
}

static void test_link_addrs(struct links *links)
{
	const struct link *link;

	sh("ip addr add 10.1.0.1/24 dev ln0; ip addr add 10.1.0.2/24 dev ln0; ip addr add 10.2.0.1/16 dev ln0");
	ok(WAIT(link_naddrs(links, "ln0", FAMILY_IPV4) == 3) && link_primary_is(links, "ln0", "10.1.0.1"),
	   "addresses come, the first is primary");
	link = links_by_name(links, "ln0");
	for (unsigned int i = 0; i < link->naddrs[FAMILY_IPV4]; i++) {
		const struct link_addr *a = &link->addrs[FAMILY_IPV4][i];

		ok(a->secondary == (a->addr.b[13] == 1 && a->addr.b[15] == 2) &&
			   ipprefix_len(&a->prefix) == (a->addr.b[13] == 1 ? 24 : 16),
		   "secondary flag and prefix length");
	}
	sh("ip addr change 10.1.0.1/24 dev ln0 valid_lft 1000 preferred_lft 1000");
	settle(100);
	ok(link_primary_is(links, "ln0", "10.1.0.1"), "a renewed address keeps its place");
	sh("ip addr del 10.1.0.1/24 dev ln0");
	ok(WAIT(link_primary_is(links, "ln0", "10.2.0.1")), "address deleted, the next is primary");
	sh("ip addr add 10.8.0.1 peer 10.8.0.2/32 dev ln0");
	WAIT(link_naddrs(links, "ln0", FAMILY_IPV4) == 2);
	link = links_by_name(links, "ln0");
	for (unsigned int i = 0; i < link->naddrs[FAMILY_IPV4]; i++) {
		const struct link_addr *a = &link->addrs[FAMILY_IPV4][i];
		struct ipaddr local = addr("10.8.0.1"), peer = addr("10.8.0.2");

		if (ipaddr_eq(&a->addr, &local))
			ok(ipprefix_contains(&a->prefix, &peer), "a peer's prefix is the connected one");
	}
}

/* What changes is asked for, and nothing else, however many links there are. */
static void test_link_costs(struct links *links)
{
	struct links_stats before, after;

	sh("for i in $(seq 60); do ip link add dm$i type veth peer name dn$i; done");
	ok(WAIT(links_by_name(links, "dn60")), "many links");
	settle(300);
	links_stats(links, &before);
	sh("ip link set dm7 mtu 1400");
	ok(WAIT(links_by_name(links, "dm7")->mtu == 1400), "one of them changes");
	links_stats(links, &after);
	ok(after.reads > before.reads && after.reads - before.reads < 6 && after.resyncs == before.resyncs,
	   "it alone is asked for (%u reads)", (unsigned int)(after.reads - before.reads));
	links_stats(links, &before);
	sh("ip addr add 10.77.0.1/24 dev dm7");
	ok(WAIT(link_naddrs(links, "dm7", FAMILY_IPV4) == 1), "an address comes");
	links_stats(links, &after);
	ok(after.reads == before.reads, "and nothing is asked for");
	sh("for i in $(seq 60); do ip link del dm$i; done");
	ok(WAIT(!links_by_name(links, "dn60")), "they go");
}

static void test_links(void)
{
	struct links *links;
	struct links_stats stats;
	const struct link *link;
	struct ipaddr none;
	int size = 1;

	must(links_open(loop, links_changed, NULL, &links), "links_open");
	link = links_by_name(links, "lo");
	ok(link && link->loopback && link == links_by_index(links, 1) && nchanges == 0, "links are there at once");

	/* Duplicate detection on: the address is tentative for a second. */
	set_sysctl("/proc/sys/net/ipv6/conf/default/accept_dad", "1");
	veth("ln", 40);
	ok(WAIT(link_is_up(links, "ln0")) && links_by_index(links, 40), "a new link comes up");
	link = links_by_name(links, "ln0");
	none = link_primary(link, FAMILY_IPV6);
	ok(ipaddr_is_none(&none), "its link-local cannot be used yet");
	ok(WAIT((link = links_by_name(links, "ln0"), link->naddrs[FAMILY_IPV6] == 1)) &&
		   !link->addrs[FAMILY_IPV6][0].tentative,
	   "and is there when it is valid");
	set_sysctl("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
	test_link_addrs(links);

	sh("ip link set ln1 down");
	ok(WAIT(!link_is_up(links, "ln0")), "no carrier is not up");
	sh("ip link set ln1 up");
	ok(WAIT(link_is_up(links, "ln0")), "carrier is back");
	sh("ip link add br0 type bridge && ip link set ln0 master br0");
	ok(WAIT((link = links_by_name(links, "ln0"), link && link->master == (int)if_nametoindex("br0"))),
	   "bridge port");
	ok(WAIT((link = links_by_name(links, "ln0"), links_by_name(links, "br0") && link && link->port)),
	   "and the bridge is a link of its own");
	sh("ip link set ln0 nomaster");
	ok(WAIT((link = links_by_name(links, "ln0"), link && !link->master && !link->port)),
	   "a port that was released");
	sh("ip link set ln0 master br0");
	ok(WAIT((link = links_by_name(links, "ln0"), link && link->port)), "taken back");
	sh("ip link del br0");
	ok(WAIT(!links_by_name(links, "br0")) &&
		   WAIT((link = links_by_name(links, "ln0"), link && !link->master && !link->port)),
	   "and left by the bridge's end");
	sh("ip link set ln0 down; ip link set ln0 name wan9; ip link set wan9 up");
	ok(WAIT(link_is_up(links, "wan9")) && !links_by_name(links, "ln0") && link_naddrs(links, "wan9", FAMILY_IPV4),
	   "rename");
	nchanges = 0;
	sh("ip link del wan9; ip link add wan9 index 333 type veth peer name ln1; ip link set wan9 up; ip link set ln1 "
	   "up");
	settle(1);
	ok(WAIT(link_is_up(links, "wan9")) && links_by_index(links, 333) && !links_by_index(links, 40) &&
		   !link_naddrs(links, "wan9", FAMILY_IPV4),
	   "deleted and made again with another index, in one go (%u calls)", nchanges);

	test_link_costs(links);

	/* Overrun: a socket without room while a lot happens. */
	setsockopt(links_fd(links), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	sh("for i in $(seq 100); do ip addr add 10.50.$i.1/24 dev wan9; done; ip link add lastone type veth peer name "
	   "lastone1");
	ok(WAIT(links_by_name(links, "lastone") && link_naddrs(links, "wan9", FAMILY_IPV4) == 100),
	   "nothing is lost when notifications are");
	links_stats(links, &stats);
	ok(stats.resyncs >= 1 && stats.error == 0, "by reading everything again (%u times)",
	   (unsigned int)stats.resyncs);
	sh("ip link del wan9; ip link del lastone");
	ok(WAIT(!links_by_name(links, "wan9") && !links_by_name(links, "lastone")), "and the new socket is followed");
	links_close(links);
}

/* --- raw sockets and forwarding --- */

static struct {
	unsigned int packets, drops, nocache, wrongvif, vif;
	int ifindex;
	struct wire_meta meta;
	uint8_t first;
	struct ipaddr source, group;
	uint8_t mark; /* of the next packet: send_marked() */
	unsigned int disorder;
	bool full;
} got;

static void got_packet(void *arg, enum family family, int ifindex, const struct wire_meta *meta, const uint8_t *payload,
		       size_t len)
{
	(void)arg;
	/* The host side of the 1 ends sends reports of its own. */
	if (!len || (payload[0] != 0x11 && payload[0] != 0x16 && payload[0] != 130))
		return;
	got.packets++;
	got.ifindex = ifindex;
	got.meta = *meta;
	got.first = payload[0];
	got.disorder += payload[family == FAMILY_IPV4 ? 1 : 5] != got.mark++;
}

static bool got_full(void *arg)
{
	(void)arg;
	return got.full;
}

static void got_drop(void *arg, enum family family, int ifindex, enum gm_drop why)
{
	(void)arg;
	(void)family;
	(void)ifindex;
	(void)why;
	got.drops++;
}

static void got_upcall(void *arg, enum family family, enum gmsock_upcall type, unsigned int vif,
		       const struct ipaddr *source, const struct ipaddr *group)
{
	(void)arg;
	(void)family;
	got.nocache += type == GMSOCK_NOCACHE;
	got.wrongvif += type == GMSOCK_WRONGVIF;
	got.vif = vif;
	got.source = *source;
	got.group = *group;
}

static const struct gmsock_handler handler = {
	.packet = got_packet, .drop = got_drop, .full = got_full, .upcall = got_upcall
};

static void send_frame(int fd, const uint8_t *frame, size_t len)
{
	if (send(fd, frame, len, 0) != (ssize_t)len)
		printf("# frame not sent: %s\n", strerror(errno));
}

/* A UDP datagram with 100 octets, TTL 9. */
static void send_data(int fd, const struct ipaddr *source, const struct ipaddr *group)
{
	uint8_t frame[14 + 40 + 8 + 100] = { 0 };
	struct udphdr udp = { .source = htons(5000), .dest = htons(5000), .len = htons(108) };
	size_t at = 14;

	frame[6] = 2;
	if (ipaddr_is_v4(group)) {
		struct iphdr ip = { .version = 4, .ihl = 5, .tot_len = htons(128), .ttl = 9, .protocol = IPPROTO_UDP };

		ip.saddr = ipaddr_to_v4(source).s_addr;
		ip.daddr = ipaddr_to_v4(group).s_addr;
		ip.check = htons(wire_checksum(0, (const uint8_t *)&ip, sizeof(ip)));
		memcpy(frame, (uint8_t[]){ 1, 0, 0x5e, group->b[13] & 0x7f, group->b[14], group->b[15] }, 6);
		frame[12] = 8;
		memcpy(frame + at, &ip, sizeof(ip));
		at += sizeof(ip);
	} else {
		struct ip6_hdr ip = { .ip6_dst = ipaddr_to_v6(group), .ip6_src = ipaddr_to_v6(source) };

		ip.ip6_flow = htonl(6u << 28);
		ip.ip6_plen = htons(108);
		ip.ip6_nxt = IPPROTO_UDP;
		ip.ip6_hlim = 9;
		memcpy(frame, (uint8_t[]){ 0x33, 0x33, group->b[12], group->b[13], group->b[14], group->b[15] }, 6);
		frame[12] = 0x86;
		frame[13] = 0xdd;
		memcpy(frame + at, &ip, sizeof(ip));
		at += sizeof(ip);
	}
	memcpy(frame + at, &udp, sizeof(udp));
	send_frame(fd, frame, at + sizeof(udp) + 100);
}

/* How many frames with hop limit 8, so once forwarded, arrive. */
static unsigned int forwarded(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint8_t frame[2048];
	unsigned int n = 0;

	while (poll(&pfd, 1, 60) > 0) {
		ssize_t len = recv(fd, frame, sizeof(frame), 0);

		if (len > 14 + 20 && frame[12] == 8 && frame[14 + 9] == IPPROTO_UDP && frame[14 + 8] == 8)
			n++;
		if (len > 14 + 40 && frame[12] == 0x86 && frame[14 + 6] == IPPROTO_UDP && frame[14 + 7] == 8)
			n++;
	}
	return n;
}

static unsigned int ndumped;
static struct mroute_entry dumped;

static void dump_entry(void *arg, const struct mroute_entry *entry)
{
	(void)arg;
	ndumped++;
	dumped = *entry;
}

/* Sends a query through the socket and looks at it as it arrives at the peer's socket in the same namespace. */
static void test_messages(struct gmsock *sock, enum family family)
{
	static const uint8_t query4[] = { 0x11, 100, 0xee, 0x9b, 0, 0, 0, 0 };
	static const uint8_t query6[24] = { 130, 0, 0, 0, 0x27, 0x10 };
	struct ipaddr src = addr(family == FAMILY_IPV4 ? "10.60.0.1" : "fe80::60");
	struct ipaddr dst = addr(family == FAMILY_IPV4 ? "224.0.0.1" : "ff02::1");
	int dn0 = (int)if_nametoindex("dn0"), err;

	memset(&got, 0, sizeof(got));
	if (family == FAMILY_IPV4)
		err = gmsock_send(sock, dn0, &src, &dst, query4, sizeof(query4));
	else
		err = gmsock_send(sock, dn0, &src, &dst, query6, sizeof(query6));
	ok(!err && WAIT(got.packets > 0), "%s: a query is sent and received", family_name(family));
	ok(got.ifindex == (int)if_nametoindex("dn1") && ipaddr_eq(&got.meta.src, &src) &&
		   ipaddr_eq(&got.meta.dst, &dst) && got.meta.router_alert && got.meta.hop_limit == 1,
	   "%s: from the given address and interface, Router Alert, hop limit 1", family_name(family));
	dst = addr(family == FAMILY_IPV4 ? "224.0.0.22" : "ff02::16");
	memset(&got, 0, sizeof(got));
	must(gmsock_join_routers(sock, (int)if_nametoindex("dn1")), "join routers");
	if (family == FAMILY_IPV4)
		err = gmsock_send(sock, dn0, &src, &dst, query4, sizeof(query4));
	else
		err = gmsock_send(sock, dn0, &src, &dst, query6, sizeof(query6));
	ok(!err && WAIT(got.packets > 0), "%s: the routers' group is received", family_name(family));
	gmsock_leave_routers(sock, (int)if_nametoindex("dn1"));
	err = gmsock_send(sock, 9999, &src, &dst, query6, sizeof(query4));
	ok(err < 0, "%s: sending on no interface fails (%d)", family_name(family), err);
}

/* Queries that count up. */
static void send_marked(struct gmsock *sock, enum family family, unsigned int n)
{
	struct ipaddr src = addr(family == FAMILY_IPV4 ? "10.60.0.1" : "fe80::60");
	struct ipaddr dst = addr(family == FAMILY_IPV4 ? "224.0.0.1" : "ff02::1");
	int dn0 = (int)if_nametoindex("dn0");
	uint8_t query[24] = { family == FAMILY_IPV4 ? 0x11 : 130 };

	for (unsigned int i = 0; i < n; i++) {
		query[family == FAMILY_IPV4 ? 1 : 5] = (uint8_t)i;
		/* What is not sent shows as disorder, or as a loss. */
		(void)gmsock_send(sock, dn0, &src, &dst, query, family == FAMILY_IPV4 ? 8 : sizeof(query));
	}
}

/* A batch is handed over as fast as its receiver likes, in order; what the kernel drops is counted. */
static void test_batches(struct gmsock *sock, enum family family)
{
	struct gmsock_stats before, after;
	unsigned int sent = 30000;

	settle(50);
	memset(&got, 0, sizeof(got));
	got.full = true;
	send_marked(sock, family, 100);
	must(loop_pass(loop, mtime_from_ms(1000)), "loop");
	ok(got.packets > 0 && got.packets <= 2, "%s: who is busy gets little of a batch", family_name(family));
	ok(WAIT(got.packets == 100) && !got.disorder, "%s: and the rest later, in order", family_name(family));
	got.full = false;
	gmsock_stats(sock, &before);
	send_marked(sock, family, sent);
	settle(200);
	/* The count comes with the next packet. */
	send_marked(sock, family, 1);
	settle(50);
	gmsock_stats(sock, &after);
	ok(after.overflows > before.overflows &&
		   after.received - before.received + after.overflows - before.overflows >= sent + 1,
	   "%s: a burst that the buffer does not hold is counted: %u of %u", family_name(family),
	   (unsigned int)(after.overflows - before.overflows), sent);
}

/* An older report goes to the group itself, which nobody here has joined: only the router hears it. */
static void test_foreign_report(int fd, enum family family)
{
	uint8_t frame[14 + 24 + 8] = { 1, 0, 0x5e, 50, 0, 9, 2, 0, 0, 0, 0, 1, 8, 0 };
	static const uint8_t report[8] = { 0x16, 0, 0xf9, 0xc4, 239, 50, 0, 9 };
	struct iphdr ip = { .version = 4, .ihl = 6, .tot_len = htons(32), .ttl = 1, .protocol = IPPROTO_IGMP };
	uint8_t header[24];

	if (family != FAMILY_IPV4)
		return;
	ip.saddr = addr("10.60.0.9").b[12] ? ipaddr_to_v4(&(struct ipaddr){ { [12] = 10, 60, 0, 9 } }).s_addr : 0;
	ip.daddr = ipaddr_to_v4(&(struct ipaddr){ { [12] = 239, 50, 0, 9 } }).s_addr;
	memcpy(header, &ip, sizeof(ip));
	memcpy(header + 20, wire_ipv4_router_alert, 4);
	ip.check = htons(wire_checksum(0, header, sizeof(header)));
	memcpy(header, &ip, sizeof(ip));
	memcpy(frame + 14, header, sizeof(header));
	memcpy(frame + 38, report, sizeof(report));
	memset(&got, 0, sizeof(got));
	send_frame(fd, frame, sizeof(frame));
	ok(WAIT(got.packets > 0) && got.first == 0x16 && got.ifindex == (int)if_nametoindex("dn0"),
	   "ip: a report to a group that nobody here joined is heard");
}

/* Makes or removes `n` entries. Returns 0 or -1. */
static int change_entries(struct mroute *mroute, enum family family, unsigned int n, bool make)
{
	struct ipaddr group = addr(family == FAMILY_IPV4 ? "239.50.1.0" : "ff15::1:0");
	struct ipaddr source = addr(family == FAMILY_IPV4 ? "10.99.0.8" : "2001:db8:99::8");
	int err = 0;

	for (unsigned int i = 0; i < n && !err; i++) {
		err = make ? mroute_set(mroute, &source, &group, 0, 1u << 3, NULL)
			   : mroute_del(mroute, &source, &group, 0);
		group.b[14] = (uint8_t)(group.b[14] + (++group.b[15] == 0));
	}
	return err ? -1 : 0;
}

/* More entries than go into one slice, and the one there is: none of them is left out or told twice. */
static void test_scan(struct mroute *mroute, enum family family)
{
	unsigned int n = 1000, steps = 0;
	int err;

	must(change_entries(mroute, family, n, true), "entries");
	ndumped = 0;
	must(mroute_scan_begin(mroute), "scan");
	while ((err = mroute_scan_step(mroute, dump_entry, NULL)) == 1)
		steps++;
	ok(!err && ndumped == n + 1 && steps > 2, "%s: dump in %u slices", family_name(family), steps + 1);
	ok(mroute_scan_step(mroute, dump_entry, NULL) == -ENOTCONN, "%s: which is over then", family_name(family));
	must(change_entries(mroute, family, n, false), "entries");
}

static void test_entries(struct mroute *mroute, enum family family)
{
	struct ipaddr source = addr(family == FAMILY_IPV4 ? "10.99.0.7" : "2001:db8:99::7");
	struct ipaddr group = addr(family == FAMILY_IPV4 ? "239.50.0.9" : "ff15::9"), none = { { 0 } };
	const char *cache = family == FAMILY_IPV4 ? "/proc/net/ip_mr_cache" : "/proc/net/ip6_mr_cache";
	int in = packet_socket("up1"), out = packet_socket("dn1");
	const char *fam = family_name(family);
	struct mroute_vif_counters up, down, up_then, down_then;
	struct mroute_counters count;
	int err;

	/* What is forwarded must not come in again by the other end of the pair, which is in this namespace too. */
	set_sysctl("/proc/sys/net/ipv6/conf/up1/disable_ipv6", "1");
	set_sysctl("/proc/sys/net/ipv6/conf/dn1/disable_ipv6", "1");
	test_foreign_report(out, family);
	forwarded(out);
	must(mroute_vif_stats(mroute, 0, &up_then), "mroute_vif_stats");
	must(mroute_vif_stats(mroute, 3, &down_then), "mroute_vif_stats");
	memset(&got, 0, sizeof(got));
	send_data(in, &source, &group);
	ok(WAIT(got.nocache == 1) && got.vif == 0 && ipaddr_eq(&got.source, &source) && ipaddr_eq(&got.group, &group),
	   "%s: data without an entry causes an upcall", fam);
	ndumped = 0;
	ok(mroute_dump(mroute, dump_entry, NULL) == 0 && ndumped == 1 && dumped.unresolved,
	   "%s: unresolved in the dump", fam);
	ok(mroute_set(mroute, &source, &group, 0, 0, NULL) == 0, "%s: entry without outputs", fam);
	send_data(in, &source, &group);
	ok(forwarded(out) == 0, "%s: forwards nothing", fam);
	ok(mroute_set(mroute, &source, &group, 0, 1u << 3, NULL) == 0 && count_lines(cache, "") == 2,
	   "%s: changed in place", fam);
	for (int i = 0; i < 5; i++)
		send_data(in, &source, &group);
	ok(forwarded(out) == 5, "%s: and forwards", fam);
	err = mroute_stats(mroute, &source, &group, &count);
	ok(!err && count.packets == 7 && count.bytes > 0 && count.idle >= 0 && count.idle < mtime_from_s(2),
	   "%s: counters: %d, %u packets, idle %d ms", fam, err, (unsigned int)count.packets,
	   (int)mtime_to_ms(count.idle));
	must(mroute_vif_stats(mroute, 0, &up), "mroute_vif_stats");
	must(mroute_vif_stats(mroute, 3, &down), "mroute_vif_stats");
	ok(up.packets_in - up_then.packets_in == 7 && up.bytes_in - up_then.bytes_in == count.bytes &&
		   up.packets_out == up_then.packets_out && down.packets_in == down_then.packets_in &&
		   down.packets_out - down_then.packets_out == 5 && down.bytes_out > down_then.bytes_out,
	   "%s: counters of the VIFs", fam);
	ok(mroute_vif_stats(mroute, 9, &up) == -ENOENT, "%s: of none there are none", fam);
	ndumped = 0;
	ok(mroute_dump(mroute, dump_entry, NULL) == 0 && ndumped == 1 && dumped.iif == 0 && dumped.oifs == 1u << 3 &&
		   ipaddr_eq(&dumped.source, &source) && ipaddr_eq(&dumped.group, &group) &&
		   dumped.counters.packets == count.packets && !dumped.unresolved,
	   "%s: dump", fam);
	test_scan(mroute, family);
	ok(mroute_set(mroute, &source, &group, 3, 0, NULL) == 0, "%s: another incoming interface", fam);
	send_data(in, &source, &group);
	ok(mroute_tells_any_wrong_if(mroute) && WAIT(got.wrongvif == 1) && got.vif == 0 && got.nocache == 1,
	   "%s: data on a wrong interface that is no output is told", fam);
	err = mroute_stats(mroute, &source, &group, &count);
	ok(!err && count.wrong_if == 1, "%s: and counted", fam);
	ok(mroute_del(mroute, &source, &group, 3) == 0 && mroute_del(mroute, &source, &group, 3) == -ENOENT &&
		   mroute_stats(mroute, &source, &group, &count) == -ENOENT,
	   "%s: deleted", fam);

	/* Proxy entries: (*,*) from the upstream, then (*,G). */
	ok(mroute_set(mroute, &none, &none, 0, 1u << 0 | 1u << 3, NULL) == 0, "%s: (*,*)", fam);
	ok(mroute_set(mroute, &none, &group, 0, 1u << 0 | 1u << 3, NULL) == 0, "%s: (*,G)", fam);
	memset(&got, 0, sizeof(got));
	send_data(in, &source, &group);
	ok(forwarded(out) == 1 && got.nocache == 0, "%s: (*,G) forwards any source, the first packet too", fam);
	forwarded(in);
	send_data(out, &source, &group);
	ok(forwarded(in) == 1, "%s: and from a downstream to the upstream", fam);
	err = mroute_stats(mroute, &none, &group, &count);
	ok(!err && count.packets == 2, "%s: counters of (*,G): %d, %u packets", fam, err, (unsigned int)count.packets);
	ok(mroute_del(mroute, &none, &group, 0) == 0, "%s: (*,G) deleted", fam);
	ok(mroute_set(mroute, &source, &group, 0, 1u << 3, NULL) == 0 && mroute_flush(mroute) == 0 &&
		   count_lines(cache, "") == 1,
	   "%s: flush", fam);
	set_sysctl("/proc/sys/net/ipv6/conf/up1/disable_ipv6", "0");
	set_sysctl("/proc/sys/net/ipv6/conf/dn1/disable_ipv6", "0");
	close(in);
	close(out);
}

static void test_forwarding(enum family family)
{
	const char *vifs = family == FAMILY_IPV4 ? "/proc/net/ip_mr_vif" : "/proc/net/ip6_mr_vif";
	int up0 = (int)if_nametoindex("up0"), dn0 = (int)if_nametoindex("dn0");
	const char *fam = family_name(family);
	struct gmsock *sock, *second;
	struct mroute *mroute, *busy = NULL;
	struct gmsock_stats stats;

	must(gmsock_open(loop, family, &handler, NULL, &sock), "gmsock_open");
	gmsock_stats(sock, &stats);
	ok(stats.rcvbuf >= 4 << 20, "%s: receive buffer of %d octets", fam, stats.rcvbuf);
	test_messages(sock, family);
	test_batches(sock, family);
	must(mroute_open(gmsock_fd(sock), family, MROUTE_TABLE_DEFAULT, &mroute), "mroute_open");
	must(gmsock_open(loop, family, &handler, NULL, &second), "gmsock_open");
	ok(mroute_open(gmsock_fd(second), family, MROUTE_TABLE_DEFAULT, &busy) == -EADDRINUSE,
	   "%s: a second multicast router is refused", fam);
	ok(mroute_vif_add(mroute, 0, up0, 1) == 0 && mroute_vif_add(mroute, 3, dn0, 1) == 0 &&
		   count_lines(vifs, "up0") == 1 && count_lines(vifs, "dn0") == 1,
	   "%s: VIFs 0 and 3, ifindex %d", fam, dn0);
	ok(mroute_vif_add(mroute, 3, dn0, 1) == -EADDRINUSE && mroute_vif_add(mroute, 32, dn0, 1) == -EINVAL &&
		   mroute_vif_add(mroute, 5, 77777, 1) < 0,
	   "%s: a taken slot, one too many, no such interface", fam);
	gmsock_close(second);
	test_entries(mroute, family);
	ok(mroute_vif_del(mroute, 3) == 0 && count_lines(vifs, "dn0") == 0, "%s: VIF deleted", fam);
	mroute_close(mroute);
	ok(count_lines(vifs, "up0") == 0, "%s: closing gives the table back", fam);
	must(mroute_open(gmsock_fd(sock), family, 42, &mroute), "mroute_open");
	ok(mroute_vif_add(mroute, 0, up0, 1) == 0, "%s: opened again, with another table", fam);
	/* As if giving it back had failed. */
	mroute_leave(mroute);
	must(mroute_open(gmsock_fd(sock), family, MROUTE_TABLE_DEFAULT, &mroute), "mroute_open");
	ok(mroute_vif_add(mroute, 0, up0, 1) == 0 && count_lines(vifs, "up0") == 1,
	   "%s: and with the default one, though the other is still held", fam);
	mroute_close(mroute);
	gmsock_close(sock);
}

/* --- */

static int skip(const char *why)
{
	const char *status = getenv("IMPROXY_SKIP_STATUS");

	printf("1..0 # SKIP %s\n", why);
	return status ? atoi(status) : 77;
}

int main(void)
{
	if (unshare(CLONE_NEWNET))
		return skip("no network namespace may be made here: run it as root or under unshare -rn");
	if (sh("ip link set lo up"))
		return skip("there is no ip command");
	loop = loop_new();
	must(!loop, "loop_new");
	/* Reports are repeated within 20 ms, so that a repetition is not taken for a change; no wait for addresses. */
	set_sysctl("/proc/sys/net/ipv4/conf/default/igmpv3_unsolicited_report_interval", "20");
	set_sysctl("/proc/sys/net/ipv6/conf/default/mldv2_unsolicited_report_interval", "20");
	set_sysctl("/proc/sys/net/ipv4/conf/default/accept_local", "1");
	set_sysctl("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
	set_sysctl("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	set_sysctl("/proc/sys/net/ipv4/conf/default/rp_filter", "0");
	veth("up", 300);
	veth("dn", 301);
	must(sh("ip addr add 10.61.0.2/24 dev up0 && ip addr add 10.60.0.1/24 dev dn0 && "
		"ip -6 addr add fe80::60/64 dev dn0 nodad"),
	     "addresses");
	settle(200);
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		test_memberships(family);
		test_forwarding(family);
	}
	test_links();
	loop_free(loop);
	printf("1..%u\n", ntests);
	return nfailed ? 1 : 0;
}
