/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon for tests of commands: two real engines and a configuration, and a kernel that is a few variables. It takes
 * the place of improxyd/daemon.c at link time.
 */
#ifndef IMPROXY_TESTS_FAKE_DAEMON_H
#define IMPROXY_TESTS_FAKE_DAEMON_H

#include "conf.h"
#include "core/gm_state.h"
#include "daemon.h"

#define FAKE_LINKS    40
#define FAKE_SETTINGS 8

struct fake_link {
	struct daemon_link link;
	char address[FAMILY_COUNT][IPADDR_STRLEN]; /* "10.1.1.1/24"; empty: none */
};

struct daemon {
	mtime_t now;
	bool unchecked; /* no gm_check(), which looks at everything, after each event */
	struct conf *conf;
	struct gm *gm[FAMILY_COUNT];
	struct fake_link links[FAKE_LINKS];
	unsigned int nlinks;
	struct gm_if_conf ifs[FAMILY_COUNT][GM_MAX_IFS];

	/* What the kernel answers. */
	struct daemon_join join;
	unsigned int join_failures;
	mtime_t last_report;
	struct daemon_answers answers;
	struct daemon_route route;
	int route_error;
	struct daemon_vif vifs[GM_MAX_IFS];
	struct daemon_status status[FAMILY_COUNT];
	struct daemon_netlink netlink;
	struct daemon_sandbox sandbox;
	struct fake_setting {
		char name[64]; /* "ip/wan/rp_filter" */
		int value;
	} settings[FAKE_SETTINGS];
	unsigned int nsettings;
	struct daemon_bridge bridge; /* the one there is */
	struct daemon_listener *listeners;

	/* What was asked of it. */
	struct ipaddr cleared_group, cleared_source;
	unsigned int routes_cleared;
};

extern struct daemon fake;

/* Two empty engines, no interface; the time is 1000 s, the start was at 0. */
void fake_begin(void);
void fake_end(void);

/* A link that is there (ifindex not 0) or only configured, with its addresses; names in order. */
struct fake_link *fake_add_link(const char *name, int ifindex, const char *v4, const char *v6);
/* Configures the interface, and takes it up in `slot` when its link is there. */
void fake_add_if(enum family family, uint8_t slot, const char *name, enum gm_role role);
/* wan, lan1 and lan2 with their links, in both families, taken up in these slots. */
enum { WAN, LAN1, LAN2 };
void fake_add_three(void);

/* Runs the clock, and settles what is due. */
void fake_wait(mtime_t time);
/* An event at the present time, settled at once. */
void fake_input(enum family family, const struct gm_event *ev);
/* A report of one record; `sources` is "10.0.0.1,10.0.0.2" or "". */
void fake_report(enum family family, uint8_t slot, const char *from, const char *group, enum gm_record_type type,
		 const char *sources);
void fake_query(enum family family, uint8_t slot, const char *from, enum gm_gen gen);
void fake_echo(enum family family, uint8_t slot, uint8_t sent);
void fake_upcall(enum family family, uint8_t slot, const char *source, const char *group);

/* net.ipv4.conf.IFNAME.NAME or its twin; what was not set does not exist. */
void fake_set(enum family family, const char *ifname, const char *name, int value);
/* What a listener hears when the engine has done this. */
void fake_event(enum family family, const char *ifname, const struct gm_action *action);

struct ipaddr fake_addr(const char *text);

#endif
