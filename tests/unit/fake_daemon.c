/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_daemon.h"

#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "cli.h"
#include "lib/util.h"
#include "show.h"

struct daemon fake;

/* --- the bed --- */

static void settle(enum family family)
{
	size_t n;

	gm_actions(fake.gm[family], fake.now, &n);
	gm_actions_done(fake.gm[family]);
	if (!fake.unchecked)
		gm_check(fake.gm[family], fake.now);
}

void fake_input(enum family family, const struct gm_event *ev)
{
	int err = gm_input(fake.gm[family], fake.now, ev);

	assert(err == 0);
	settle(family);
}

void fake_begin(void)
{
	struct gm_conf conf = { .idle_timeout = mtime_from_s(210), .route_limit = 16384 };

	fake = (struct daemon){ .now = mtime_from_s(1000), .join = { .held = true, .sockets = 1 } };
	fake.conf = conf_new();
	fake.gm[FAMILY_IPV4] = gm_new(&gm_af_igmp);
	fake.gm[FAMILY_IPV6] = gm_new(&gm_af_mld);
	assert(fake.conf && fake.gm[FAMILY_IPV4] && fake.gm[FAMILY_IPV6]);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		fake.status[f] = (struct daemon_status){ .usable = true, .router = true, .wanted = true, .table = 253 };
		fake_input((enum family)f, &(struct gm_event){ .type = GM_EV_CONF, .slot = GM_NO_IF, .conf = &conf });
	}
}

void fake_end(void)
{
	for (unsigned int f = 0; f < FAMILY_COUNT; f++)
		gm_free(fake.gm[f]);
	conf_free(fake.conf);
	fake = (struct daemon){ .now = 0 };
}

struct ipaddr fake_addr(const char *text)
{
	struct ipaddr addr = { 0 };
	int err = ipaddr_parse(text, &addr);

	assert(err == 0);
	return addr;
}

/* "10.1.1.1/24": the address, and the prefix of its link. */
static struct ipaddr read_address(const char *text, struct ipprefix *prefix)
{
	char host[IPADDR_STRLEN];
	const char *slash = strchr(text, '/');
	struct ipaddr addr;

	snprintf(host, sizeof(host), "%.*s", (int)(slash - text), text);
	addr = fake_addr(host);
	*prefix = ipprefix_make(&addr, (unsigned int)atoi(slash + 1));
	return addr;
}

struct fake_link *fake_add_link(const char *name, int ifindex, const char *v4, const char *v6)
{
	struct fake_link *l = &fake.links[fake.nlinks++];
	struct ipprefix prefix;

	assert(fake.nlinks <= FAKE_LINKS);
	*l = (struct fake_link){ .link = { .ifindex = ifindex, .up = ifindex != 0, .mtu = ifindex ? 1500 : 0 } };
	snprintf(l->address[FAMILY_IPV4], IPADDR_STRLEN, "%s", v4 ? v4 : "");
	snprintf(l->address[FAMILY_IPV6], IPADDR_STRLEN, "%s", v6 ? v6 : "");
	l->link.flags = ifindex ? IFF_UP | IFF_MULTICAST : 0;
	snprintf(l->link.name, sizeof(l->link.name), "%s", name);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		if (l->address[f][0])
			l->link.primary[f] = read_address(l->address[f], &prefix);
	}
	return l;
}

static struct fake_link *find_link(const char *name)
{
	for (unsigned int i = 0; i < fake.nlinks; i++) {
		if (strcmp(fake.links[i].link.name, name) == 0)
			return &fake.links[i];
	}
	return NULL;
}

void fake_add_if(enum family family, uint8_t slot, const char *name, enum gm_role role)
{
	struct conf_if *ifc = conf_if_get(fake.conf, name);
	struct fake_link *l = find_link(name);
	struct gm_if_conf *conf = &fake.ifs[family][slot];

	assert(ifc && l);
	ifc->af[family].role = role;
	if (!l->link.ifindex)
		return;
	*conf = (struct gm_if_conf){
		.role = role,
		.up = l->link.up,
		.priority = 100,
		.gen = GM_GEN3,
		.robustness = 2,
		.query_interval = mtime_from_s(125),
		.query_response = mtime_from_s(10),
		.last_member_interval = mtime_from_s(1),
		.last_member_count = 2,
		.startup_interval = mtime_from_s(31),
		.startup_count = 2,
		.verify_source = true,
	};
	snprintf(conf->name, sizeof(conf->name), "%s", name);
	if (l->address[family][0]) {
		conf->addr = read_address(l->address[family], &conf->prefixes[0]);
		conf->nprefixes = family == FAMILY_IPV4;
	}
	fake_input(family, &(struct gm_event){ .type = GM_EV_IF, .slot = slot, .iface = conf });
}

void fake_add_three(void)
{
	fake_add_link("lan1", 4, "10.1.1.1/24", "fe80::1/64");
	fake_add_link("lan2", 5, "10.1.2.1/24", "fe80::2/64");
	fake_add_link("wan", 2, "10.0.0.2/24", "fe80::9/64");
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		fake_add_if((enum family)f, WAN, "wan", GM_ROLE_UPSTREAM);
		fake_add_if((enum family)f, LAN1, "lan1", GM_ROLE_DOWNSTREAM);
		fake_add_if((enum family)f, LAN2, "lan2", GM_ROLE_DOWNSTREAM);
	}
}

void fake_wait(mtime_t time)
{
	fake.now += time;
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		if (fake.gm[f])
			settle((enum family)f);
	}
}

void fake_report(enum family family, uint8_t slot, const char *from, const char *group, enum gm_record_type type,
		 const char *sources)
{
	struct gm_event ev = { .type = GM_EV_RECORD, .slot = slot };
	struct ipaddr list[64];
	char text[1024], *save, *word;

	snprintf(text, sizeof(text), "%s", sources);
	for (word = strtok_r(text, ",", &save); word; word = strtok_r(NULL, ",", &save))
		list[ev.record.nsources++] = fake_addr(word);
	ev.record.reporter = fake_addr(from);
	ev.record.group = fake_addr(group);
	ev.record.type = type;
	ev.record.gen = GM_GEN3;
	ev.record.sources = list;
	fake_input(family, &ev);
}

void fake_query(enum family family, uint8_t slot, const char *from, enum gm_gen gen)
{
	struct gm_event ev = { .type = GM_EV_QUERY, .slot = slot };

	ev.query.from = fake_addr(from);
	ev.query.gen = gen;
	ev.query.robustness = 2;
	ev.query.interval = mtime_from_s(60);
	ev.query.max_response = mtime_from_s(10);
	fake_input(family, &ev);
}

void fake_echo(enum family family, uint8_t slot, uint8_t sent)
{
	const struct gm_event ev = { .type = GM_EV_ECHO, .slot = slot, .echo = { .sent = sent } };

	fake_input(family, &ev);
}

void fake_upcall(enum family family, uint8_t slot, const char *source, const char *group)
{
	struct gm_event ev = { .type = GM_EV_UPCALL, .slot = slot };

	ev.flow.source = fake_addr(source);
	ev.flow.group = fake_addr(group);
	fake_input(family, &ev);
}

/* --- daemon.h --- */

int daemon_restart(struct daemon *d)
{
	(void)d;
	return -ENOTCONN;
}

void daemon_process(const struct daemon *d, struct daemon_process *process)
{
	(void)d;
	*process = (struct daemon_process){ .pid = 4711, .keeper = 4710, .starts = 1 };
}

mtime_t daemon_now(void)
{
	return fake.now;
}

mtime_t daemon_started(const struct daemon *d)
{
	(void)d;
	return 0;
}

const struct conf *daemon_conf(const struct daemon *d)
{
	return d->conf;
}

const struct gm *daemon_gm(const struct daemon *d, enum family family)
{
	return d->gm[family];
}

int daemon_clear_groups(struct daemon *d, enum family family, const char *ifname, const struct ipaddr *group)
{
	struct gm_event ev = { .type = GM_EV_CLEAR, .slot = GM_NO_IF, .clear = { *group } };

	for (unsigned int i = 0; ifname && i < GM_MAX_IFS; i++) {
		if (strcmp(d->gm[family]->ifs[i].conf.name, ifname) == 0)
			ev.slot = (uint8_t)i;
	}
	if (ifname && ev.slot == GM_NO_IF)
		return -ENOENT;
	fake_input(family, &ev);
	return 0;
}

void daemon_clear_statistics(struct daemon *d, enum family family)
{
	gm_clear_counters(d->gm[family]);
}

void daemon_clear_routes(struct daemon *d, enum family family, const struct ipaddr *group, const struct ipaddr *source)
{
	(void)family;
	d->cleared_group = *group;
	d->cleared_source = *source;
	d->routes_cleared++;
}

void daemon_links(const struct daemon *d, void (*fn)(void *arg, const struct daemon_link *link), void *arg)
{
	for (unsigned int i = 0; i < d->nlinks; i++)
		fn(arg, &d->links[i].link);
}

bool daemon_link(const struct daemon *d, const char *name, struct daemon_link *link)
{
	const struct fake_link *found = find_link(name);

	(void)d;
	if (found)
		*link = found->link;
	return found;
}

bool daemon_link_addr(const struct daemon *d, const char *name, enum family family, unsigned int i, struct ipaddr *addr,
		      struct ipprefix *prefix)
{
	const struct fake_link *l = find_link(name);

	(void)d;
	if (!l || i > 0 || !l->address[family][0])
		return false;
	*addr = read_address(l->address[family], prefix);
	return true;
}

int daemon_route(const struct daemon *d, enum family family, const struct ipaddr *source, const struct ipaddr *group,
		 struct daemon_route *route)
{
	(void)family;
	(void)source;
	(void)group;
	if (d->route_error)
		return d->route_error;
	*route = d->route;
	return 0;
}

int daemon_vif(const struct daemon *d, enum family family, uint8_t slot, struct daemon_vif *vif)
{
	(void)family;
	*vif = d->vifs[slot];
	return 0;
}

bool daemon_join(const struct daemon *d, enum family family, uint8_t slot, const struct ipaddr *group,
		 struct daemon_join *join)
{
	(void)family;
	(void)slot;
	(void)group;
	*join = d->join;
	return true;
}

mtime_t daemon_last_report(const struct daemon *d, enum family family, uint8_t slot)
{
	(void)family;
	(void)slot;
	return d->last_report;
}

void daemon_answers(const struct daemon *d, enum family family, uint8_t slot, struct daemon_answers *answers)
{
	(void)family;
	(void)slot;
	*answers = d->answers;
}

unsigned int daemon_join_failures(const struct daemon *d, enum family family, uint8_t slot)
{
	(void)family;
	(void)slot;
	return d->join_failures;
}

void daemon_status(const struct daemon *d, enum family family, struct daemon_status *status)
{
	*status = d->status[family];
}

void daemon_netlink(const struct daemon *d, struct daemon_netlink *netlink)
{
	*netlink = d->netlink;
}

void daemon_sandbox(const struct daemon *d, struct daemon_sandbox *sandbox)
{
	*sandbox = d->sandbox;
}

static const char *setting_name(enum family family, const char *ifname, const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s/%s/%s", family_name(family), ifname, name);
	return buf;
}

void fake_set(enum family family, const char *ifname, const char *name, int value)
{
	struct fake_setting *s = &fake.settings[fake.nsettings++];

	assert(fake.nsettings <= FAKE_SETTINGS);
	setting_name(family, ifname, name, s->name, sizeof(s->name));
	s->value = value;
}

bool daemon_log(const struct daemon *d, unsigned int i, struct daemon_log *log)
{
	static const char *const names[] = { "stderr", "syslog", "file" };
	const struct conf_log *of[] = { &d->conf->log_stderr, &d->conf->log_syslog, &d->conf->log_file };

	if (i >= ARRAY_SIZE(of))
		return false;
	*log = (struct daemon_log){ names[i], i == 2 ? d->conf->log_path : NULL, of[i]->on, of[i]->level, i };
	return true;
}

int daemon_setting(const struct daemon *d, enum family family, const char *ifname, const char *name, int *value)
{
	char text[64];

	setting_name(family, ifname, name, text, sizeof(text));
	/* The last one counts. */
	for (unsigned int i = d->nsettings; i-- > 0;) {
		if (strcmp(d->settings[i].name, text) == 0) {
			*value = d->settings[i].value;
			return 0;
		}
	}
	return -ENOENT;
}

int daemon_bridge(const struct daemon *d, const char *ifname, struct daemon_bridge *bridge)
{
	if (strcmp(d->bridge.name, ifname) != 0)
		return -ENOENT;
	*bridge = d->bridge;
	return 0;
}

int daemon_capture_new(struct daemon *d, const struct ipaddr *group, const struct ipaddr *source, mtime_t time,
		       bool (*packet)(void *arg, const struct daemon_packet *packet), void (*done)(void *arg),
		       void *arg, struct daemon_capture **out)
{
	(void)d;
	(void)group;
	(void)source;
	(void)time;
	(void)packet;
	(void)done;
	(void)arg;
	*out = NULL;
	return -EPERM;
}

void daemon_capture_free(struct daemon_capture *capture)
{
	(void)capture;
}

void daemon_listen(struct daemon *d, struct daemon_listener *listener)
{
	DL_APPEND(d->listeners, listener);
}

void daemon_unlisten(struct daemon *d, struct daemon_listener *listener)
{
	DL_DELETE(d->listeners, listener);
}

void fake_event(enum family family, const char *ifname, const struct gm_action *action)
{
	const struct daemon_event ev = { family, ifname, action };
	struct daemon_listener *listener;

	DL_FOREACH (fake.listeners, listener)
		listener->event(listener->arg, &ev);
}

void daemon_stamp(char *buf, size_t size)
{
	snprintf(buf, size, "12:00:00");
}
