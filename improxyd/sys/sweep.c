/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/gm_fwd.h"
#include "core/gm_state.h"
#include "lib/log.h"
#include "sys/loop.h"
#include "sys/mroute.h"

#define IDLE_SLOWEST mtime_from_s(30)
#define IDLE_PRESSED mtime_from_s(1)  /* when the table is full: so often, */
#define PRESSED_IDLE mtime_from_s(5)  /* for what has been idle so long */
#define WAITING_KEPT mtime_from_s(11) /* the kernel keeps waiting packets for 10 s */
#define WAITING_SOON mtime_from_ms(50)
#define WAITING_GAP  mtime_from_ms(500)
#define TOLD_A_STEP  1024

struct finds;

struct sweep {
	enum family family;
	struct sweep_user user;
	struct loop_timer *idle, *waiting, *step;
	struct finds *finds; /* of the look under way; NULL: none */
	mtime_t timeout;
	mtime_t pressed_until; /* the table has been full */
	mtime_t open_until;    /* questions were left open */
	mtime_t not_before;    /* the next look for waiting packets */
};

/* What one look has found. It is told at the end, so that the table does not change on account of it on the way. */
struct finds {
	const struct gm *gm;
	mroute_dump_fn *fn;
	mtime_t idle;
	bool complete; /* the table has been looked through */
	struct gm_event *v;
	size_t n, cap, told;
	bool short_of_memory;
};

static struct gm_event *add(struct finds *finds)
{
	if (finds->n == finds->cap) {
		size_t cap = finds->cap ? finds->cap * 2 : 64;
		struct gm_event *v = realloc(finds->v, cap * sizeof(*v));

		if (!v) {
			finds->short_of_memory = true;
			return NULL;
		}
		finds->v = v;
		finds->cap = cap;
	}
	return &finds->v[finds->n++];
}

/* --- a look through the table, in slices --- */

static void end_look(struct sweep *sweep)
{
	if (sweep->finds)
		free(sweep->finds->v);
	free(sweep->finds);
	sweep->finds = NULL;
}

/* An incomplete dump or list only means that the rest is found at the next look. */
static void look_on(struct sweep *sweep)
{
	struct mroute *table = sweep->user.table(sweep->user.arg);
	struct finds *finds = sweep->finds;
	int err = table ? mroute_scan_step(table, finds->fn, finds) : -ENOTCONN;

	finds->complete = err <= 0;
	if ((err < 0 && err != -ENOTCONN) || finds->short_of_memory)
		log_warn("mroute", "%s: entries could not be read: %s", family_title(sweep->family),
			 strerror(err < 0 ? -err : ENOMEM));
}

static void on_step(void *arg)
{
	struct sweep *sweep = arg;
	struct finds *finds = sweep->finds;

	if (!finds->complete)
		look_on(sweep);
	for (unsigned int i = 0; finds->complete && finds->told < finds->n && i < TOLD_A_STEP; i++)
		sweep->user.input(sweep->user.arg, &finds->v[finds->told++]);
	if (!finds->complete || finds->told < finds->n)
		loop_timer_at(sweep->step, loop_now());
	else
		end_look(sweep);
}

/* False: there is another look under way. Without the table there is nothing to look at. */
static bool look(struct sweep *sweep, const struct finds *what)
{
	struct mroute *table = sweep->user.table(sweep->user.arg);
	int err;

	if (sweep->finds)
		return false;
	if (!table)
		return true;
	sweep->finds = calloc(1, sizeof(*sweep->finds));
	err = sweep->finds ? mroute_scan_begin(table) : -ENOMEM;
	if (err < 0) {
		log_warn("mroute", "%s: entries could not be read: %s", family_title(sweep->family), strerror(-err));
		end_look(sweep);
		return true;
	}
	*sweep->finds = *what;
	on_step(sweep);
	return true;
}

/* --- entries without traffic --- */

static void find_idle(void *arg, const struct mroute_entry *entry)
{
	struct finds *finds = arg;
	struct gm_event *ev;

	if (entry->unresolved || entry->iif >= GM_MAX_IFS || ipaddr_is_none(&entry->source) ||
	    entry->counters.idle == MTIME_NEVER || entry->counters.idle < finds->idle)
		return;
	ev = add(finds);
	if (!ev)
		return;
	*ev = (struct gm_event){ .type = GM_EV_ROUTE_IDLE, .slot = (uint8_t)entry->iif };
	ev->flow.source = entry->source;
	ev->flow.group = entry->group;
	ev->flow.idle = entry->counters.idle;
}

static void arm_idle(struct sweep *sweep)
{
	mtime_t now = loop_now();
	mtime_t wait = mtime_min(sweep->timeout / 4, IDLE_SLOWEST);

	if (now < sweep->pressed_until)
		wait = mtime_min(wait, IDLE_PRESSED);
	loop_timer_at(sweep->idle, sweep->timeout ? now + wait : MTIME_NEVER);
}

static void on_idle(void *arg)
{
	struct sweep *sweep = arg;
	struct finds finds = { .fn = find_idle, .idle = sweep->timeout };

	if (loop_now() < sweep->pressed_until)
		finds.idle = mtime_min(finds.idle, PRESSED_IDLE);
	if (look(sweep, &finds))
		arm_idle(sweep);
	else
		loop_timer_at(sweep->idle, loop_now() + WAITING_SOON);
}

void sweep_set_timeout(struct sweep *sweep, mtime_t idle)
{
	if (idle == sweep->timeout)
		return;
	sweep->timeout = idle;
	arm_idle(sweep);
}

void sweep_full(struct sweep *sweep)
{
	bool before = loop_now() < sweep->pressed_until;

	sweep->pressed_until = loop_now() + WAITING_KEPT;
	sweep_refused(sweep);
	if (!before)
		arm_idle(sweep);
}

/* --- packets that wait for an entry --- */

static void find_waiting(void *arg, const struct mroute_entry *entry)
{
	struct finds *finds = arg;
	const struct gm_group *group;
	struct gm_event *ev;

	if (!entry->unresolved)
		return;
	group = gm_group_find(finds->gm, &entry->group);
	if (!group || !group->members || group->upstream == GM_NO_IF)
		return;
	ev = add(finds);
	if (!ev)
		return;
	/* The kernel does not say where they came in; the source's address tells. */
	*ev = (struct gm_event){ .type = GM_EV_UPCALL, .slot = gm_fwd_iif(finds->gm, group, &entry->source) };
	ev->flow.source = entry->source;
	ev->flow.group = entry->group;
}

static void on_waiting(void *arg)
{
	struct sweep *sweep = arg;
	const struct finds finds = { .fn = find_waiting, .gm = sweep->user.gm(sweep->user.arg) };

	if (!look(sweep, &finds)) {
		loop_timer_at(sweep->waiting, loop_now() + WAITING_SOON);
		return;
	}
	sweep->not_before = loop_now() + WAITING_GAP;
}

void sweep_refused(struct sweep *sweep)
{
	sweep->open_until = loop_now() + WAITING_KEPT;
}

void sweep_joined(struct sweep *sweep)
{
	mtime_t now = loop_now();

	if (now >= sweep->open_until || loop_timer_deadline(sweep->waiting) != MTIME_NEVER)
		return;
	now += WAITING_SOON;
	loop_timer_at(sweep->waiting, now > sweep->not_before ? now : sweep->not_before);
}

/* --- life --- */

int sweep_new(struct loop *loop, enum family family, const struct sweep_user *user, struct sweep **out)
{
	struct sweep *sweep = calloc(1, sizeof(*sweep));

	if (!sweep)
		return -ENOMEM;
	sweep->family = family;
	sweep->user = *user;
	sweep->idle = loop_timer_new(loop, on_idle, sweep);
	sweep->waiting = loop_timer_new(loop, on_waiting, sweep);
	sweep->step = loop_timer_new(loop, on_step, sweep);
	if (!sweep->idle || !sweep->waiting || !sweep->step) {
		sweep_free(sweep);
		return -ENOMEM;
	}
	*out = sweep;
	return 0;
}

void sweep_free(struct sweep *sweep)
{
	if (!sweep)
		return;
	loop_timer_free(sweep->idle);
	loop_timer_free(sweep->waiting);
	loop_timer_free(sweep->step);
	end_look(sweep);
	free(sweep);
}
