/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens in the engines: told to the log, and to who listens (`monitor`). */
#include "daemon_state.h"

#include <utlist.h>

#include "debug.h"
#include "lib/log.h"
#include "sys/exec.h"
#include "sys/logsink.h"
#include "sys/loop.h"

/* --- notes of the engines --- */

/* How a note is told: always, or at most so often because a host can cause it at will. */
static const struct note_rule {
	enum log_level level;
	bool limited;
} note_rules[GM_NOTE_COUNT] = {
	[GM_NOTE_GROUP_JOINED] = { LOG_DEBUGGING, false },
	[GM_NOTE_GROUP_LEFT] = { LOG_DEBUGGING, false },
	[GM_NOTE_MODE_CHANGED] = { LOG_DEBUGGING, false },
	[GM_NOTE_QUERIER_LOCAL] = { LOG_NOTIFICATIONS, false },
	[GM_NOTE_QUERIER_OTHER] = { LOG_NOTIFICATIONS, false },
	[GM_NOTE_OTHER_VERSION_QUERY] = { LOG_WARNINGS, true },
	[GM_NOTE_SSM_IGNORED] = { LOG_WARNINGS, true },
	[GM_NOTE_LIMIT_REACHED] = { LOG_WARNINGS, true },
	[GM_NOTE_ROUTE_LIMIT] = { LOG_WARNINGS, true },
	[GM_NOTE_IF_UP] = { LOG_INFORMATIONAL, false },
	[GM_NOTE_IF_DOWN] = { LOG_INFORMATIONAL, false },
	[GM_NOTE_UPSTREAM_SILENT] = { LOG_WARNINGS, true },
	[GM_NOTE_UPSTREAM_HEARD] = { LOG_NOTIFICATIONS, true },
	[GM_NOTE_LOOP] = { LOG_DEBUGGING, false },
	[GM_NOTE_TWICE] = { LOG_DEBUGGING, false },
	[GM_NOTE_RELEARNED] = { LOG_NOTIFICATIONS, false },
	[GM_NOTE_SSM_OLDER_QUERY] = { LOG_ERRORS, true },
};

static void log_note(enum log_level level, const char *tag, const char *ifname, const struct gm_action *a,
		     unsigned int suppressed)
{
	char group[IPADDR_STRLEN] = "", from[IPADDR_STRLEN] = "";
	bool has_group = !ipaddr_is_none(&a->note.group), has_from = !ipaddr_is_none(&a->note.from);

	if (has_group)
		ipaddr_format(&a->note.group, group);
	if (has_from)
		ipaddr_format(&a->note.from, from);
	log_msg(level, tag, "%s: %s%s%s%s%s", ifname, gm_note_names[a->note.what], has_group ? ", " : "", group,
		has_from ? ", from " : "", from);
	if (suppressed)
		log_msg(level, tag, "%u messages like this one were not logged", suppressed);
}

static void on_note(struct exec *exec, const struct gm_action *a)
{
	static struct log_rate rates[FAMILY_COUNT][GM_NOTE_COUNT];
	const struct note_rule *rule = &note_rules[a->note.what];
	enum family family = exec_family(exec);
	unsigned int flag = family == FAMILY_IPV4 ? DEBUG_IGMP_EVENTS : DEBUG_MLD_EVENTS, suppressed = 0;
	const char *ifname = exec_slot_name(exec, a->slot);

	if (rule->level == LOG_DEBUGGING) {
		if (log_debug_on(flag, ifname))
			log_note(rule->level, family_protocol(family), ifname, a, 0);
		return;
	}
	if (rule->limited) {
		struct log_rate *rate = &rates[family][a->note.what];

		rate->interval = mtime_from_s(60);
		rate->burst = 5;
		if (!log_rate_ok(rate, loop_now(), &suppressed))
			return;
	}
	log_note(rule->level, family_protocol(family), ifname, a, suppressed);
}

void daemon_on_action(void *arg, struct exec *exec, const struct gm_action *a)
{
	struct daemon *d = arg;
	const struct daemon_event ev = { exec_family(exec), exec_slot_name(exec, a->slot), a };
	struct daemon_listener *listener;

	if (a->type == GM_ACT_NOTE) {
		on_note(exec, a);
		/* These are told as conflicts. */
		if (a->note.what == GM_NOTE_LOOP || a->note.what == GM_NOTE_TWICE)
			daemon_look_soon(d);
	}
	DL_FOREACH (d->listeners, listener)
		listener->event(listener->arg, &ev);
}

void daemon_listen(struct daemon *d, struct daemon_listener *listener)
{
	DL_APPEND(d->listeners, listener);
}

void daemon_unlisten(struct daemon *d, struct daemon_listener *listener)
{
	DL_DELETE(d->listeners, listener);
}

void daemon_stamp(char *buf, size_t size)
{
	logsink_stamp(buf, size);
}
