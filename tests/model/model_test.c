/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model_test - long random lives of the protocol engine beside its model (ref.h).
 *
 *   model_test [SEED [EVENTS]]
 *
 * Every run is a number of lives of some hundred events each, IGMP and MLD by turns. After each event everything that
 * can be seen is compared: the queries sent, what every upstream holds and what the kernel would forward as the actions
 * have built it up, every record with its timers, the queriers; and gm_check() looks at the engine's own invariants.
 *
 * A life that differs is made as short as it goes (events are left out as long as it still fails), then printed event
 * by event. Each try is a process of its own, so that an assertion or a sanitizer's report counts like a difference.
 * The exit status is 1, and the output is TAP.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ipaddr.h"
#include "lib/mtime.h"
#include "lib/util.h"

#include "core/gm_state.h"
#include "ref.h"
#include "scene.h"

#define LIFE_EVENTS    1000
#define DEFAULT_SEED   1
#define DEFAULT_EVENTS 20000
#define SHRINK_TRIES   2000

/* What the actions have built up so far: the outside as the engine believes it to be. */
struct outside {
	struct {
		bool there;
		enum gm_mode mode;
		unsigned int sources;
	} joined[REF_SLOTS][REF_GROUPS];
	struct {
		bool there;
		uint8_t iif;
		uint32_t oifs;
	} route[REF_GROUPS][REF_SOURCES];
};

struct life {
	struct gm *gm;
	struct ref *ref;
	struct outside out;
	bool verbose;
	bool differs;
};

static void differ(struct life *l, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void differ(struct life *l, const char *fmt, ...)
{
	va_list ap;

	l->differs = true;
	if (!l->verbose)
		return;
	printf("# differs: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

/* --- text --- */

static const char *addr_text(const struct ipaddr *a)
{
	static char buf[8][IPADDR_STRLEN];
	static unsigned int turn;

	return ipaddr_format(a, buf[turn++ % ARRAY_SIZE(buf)]);
}

static const char *set_text(const struct ref *r, unsigned int set)
{
	static char buf[8][REF_SOURCES * IPADDR_STRLEN];
	static unsigned int turn;
	char *text = buf[turn++ % ARRAY_SIZE(buf)];
	size_t n = 0;

	n += (size_t)sprintf(text, "{");
	for (unsigned int s = 0; s < REF_SOURCES; s++)
		if (set & (1u << s))
			n += (size_t)sprintf(text + n, "%s%s", n > 1 ? " " : "", addr_text(&r->source[s]));
	sprintf(text + n, "}");
	return text;
}

static void print_timer(const char *what, mtime_t deadline, mtime_t now)
{
	if (deadline == MTIME_NEVER)
		printf(" %s never", what);
	else if (deadline)
		printf(" %s %+.6f", what, (double)(deadline - now) / 1e6);
}

static void print_ref_rec(const struct ref *r, unsigned int slot, unsigned int g)
{
	const struct ref_rec *rec = &r->ifs[slot].rec[g];

	printf("#   model  if%u %s %s", slot, addr_text(&r->group[g]), rec->mode == GM_EXCLUDE ? "EXCLUDE" : "INCLUDE");
	if (!ref_rec_there(rec))
		printf(" none");
	print_timer("group timer", rec->group_timer, r->now);
	print_timer("v1 host", rec->v1_host, r->now);
	print_timer("v2 host", rec->v2_host, r->now);
	if (rec->group_left)
		printf(" %u group queries", rec->group_left);
	print_timer("next", rec->group_next, r->now);
	print_timer("sources next", rec->source_next, r->now);
	for (unsigned int s = 0; s < REF_SOURCES; s++)
		if ((rec->x | rec->y) & (1u << s)) {
			printf("; %s", addr_text(&r->source[s]));
			print_timer("", rec->source_timer[s], r->now);
			if (rec->source_left[s])
				printf(" %u queries", rec->source_left[s]);
		}
	printf("\n");
}

static void print_gm_rec(const struct ref *r, const struct gm_rec *rec, unsigned int slot, const struct ipaddr *group)
{
	printf("#   engine if%u %s", slot, addr_text(group));
	if (!rec) {
		printf(" none\n");
		return;
	}
	printf(" %s", gm_rec_mode(rec) == GM_EXCLUDE ? "EXCLUDE" : "INCLUDE");
	print_timer("group timer", rec->filter_deadline, r->now);
	print_timer("v1 host", rec->gen1_until, r->now);
	print_timer("v2 host", rec->gen2_until, r->now);
	if (rec->group_queries_left)
		printf(" %u group queries", rec->group_queries_left);
	print_timer("next", rec->group_query_next, r->now);
	print_timer("sources next", rec->source_query_next, r->now);
	for (uint32_t s = 0; s < rec->sources.n; s++) {
		printf("; %s", addr_text(&rec->sources.v[s].addr));
		print_timer("", rec->sources.v[s].deadline, r->now);
		if (rec->sources.v[s].queries_left)
			printf(" %u queries", rec->sources.v[s].queries_left);
	}
	printf("\n");
}

static void print_query(const struct ref *r, const char *who, const struct ref_query *q)
{
	printf("#   %s query if%u %s gen %d S=%d QRV %u QQI %.3f response %.3f %s\n", who, q->slot,
	       addr_text(&q->group), q->gen, q->suppress, q->robustness, (double)q->interval / 1e6,
	       (double)q->max_response / 1e6, set_text(r, q->sources));
}

/* --- the engine's side --- */

static unsigned int set_of(struct ref *r, const struct ipaddr *v, unsigned int n)
{
	unsigned int set = 0;

	for (unsigned int i = 0; i < n; i++)
		set |= 1u << ref_source(r, &v[i]);
	return set;
}

static void take_upstream(struct life *l, const struct gm_action *a)
{
	unsigned int g = ref_group(l->ref, &a->upstream.group);
	bool leave = a->upstream.mode == GM_INCLUDE && !a->upstream.nsources;

	l->out.joined[a->slot][g].there = !leave;
	l->out.joined[a->slot][g].mode = a->upstream.mode;
	l->out.joined[a->slot][g].sources = set_of(l->ref, a->upstream.sources, a->upstream.nsources);
	for (unsigned int i = 1; i < a->upstream.nsources; i++)
		if (ipaddr_cmp(&a->upstream.sources[i - 1], &a->upstream.sources[i]) >= 0)
			differ(l, "upstream filter of %s is not sorted", addr_text(&a->upstream.group));
}

static void take_route(struct life *l, const struct gm_action *a)
{
	unsigned int g = ref_group(l->ref, &a->route.group), s = ref_source(l->ref, &a->route.source);

	if (a->type == GM_ACT_ROUTE_DEL && !l->out.route[g][s].there)
		differ(l, "entry (%s,%s) is removed, but is not there", addr_text(&a->route.source),
		       addr_text(&a->route.group));
	l->out.route[g][s].there = a->type == GM_ACT_ROUTE_SET;
	l->out.route[g][s].iif = a->slot;
	l->out.route[g][s].oifs = a->route.oifs;
}

static unsigned int take_actions(struct life *l, mtime_t now, struct ref_query *queries)
{
	unsigned int nqueries = 0;
	size_t n;
	const struct gm_action *acts = gm_actions(l->gm, now, &n);

	for (size_t i = 0; i < n; i++) {
		const struct gm_action *a = &acts[i];
		struct ref_query *q = &queries[nqueries];

		switch (a->type) {
		case GM_ACT_QUERY:
			*q = (struct ref_query){ .slot = a->slot,
						 .group = a->query.group,
						 .gen = a->query.gen,
						 .suppress = a->query.suppress,
						 .robustness = a->query.robustness,
						 .interval = a->query.interval,
						 .max_response = a->query.max_response };
			q->sources = set_of(l->ref, a->query.sources, a->query.nsources);
			if (++nqueries == REF_QUERIES)
				abort();
			break;
		case GM_ACT_UPSTREAM:
			take_upstream(l, a);
			break;
		case GM_ACT_ROUTE_SET:
		case GM_ACT_ROUTE_DEL:
			take_route(l, a);
			break;
		case GM_ACT_DISCOVERY:
		case GM_ACT_NOTE:
			break;
		}
	}
	gm_actions_done(l->gm);
	return nqueries;
}

/* --- comparison --- */

static bool query_eq(const struct ref_query *a, const struct ref_query *b)
{
	return a->slot == b->slot && ipaddr_eq(&a->group, &b->group) && a->gen == b->gen &&
	       a->suppress == b->suppress && a->robustness == b->robustness && a->interval == b->interval &&
	       a->max_response == b->max_response && a->sources == b->sources;
}

static void compare_queries(struct life *l, struct ref_query *queries, unsigned int n)
{
	struct ref *r = l->ref;
	bool *taken = calloc(n + 1, sizeof(*taken));

	for (unsigned int i = 0; i < r->nqueries; i++) {
		unsigned int k = 0;

		while (k < n && (taken[k] || !query_eq(&queries[k], &r->query[i])))
			k++;
		if (k < n) {
			taken[k] = true;
			continue;
		}
		differ(l, "a query is not sent");
		if (l->verbose)
			print_query(r, "model ", &r->query[i]);
	}
	for (unsigned int k = 0; k < n; k++) {
		if (taken[k])
			continue;
		differ(l, "a query is sent");
		if (l->verbose)
			print_query(r, "engine", &queries[k]);
	}
	free(taken);
	ref_clear_queries(r);
}

static mtime_t running(mtime_t deadline, mtime_t now)
{
	return deadline > now ? deadline : 0;
}

static bool rec_eq(struct ref *r, const struct ref_rec *m, const struct gm_rec *e)
{
	unsigned int x = 0, y = 0;

	if (!e || !ref_rec_there(m))
		return !e && !ref_rec_there(m);
	if (gm_rec_mode(e) != m->mode || e->filter_deadline != m->group_timer)
		return false;
	if (running(e->gen1_until, r->now) != running(m->v1_host, r->now) ||
	    running(e->gen2_until, r->now) != running(m->v2_host, r->now) || gm_rec_gen(e, r->now) != ref_rec_gen(r, m))
		return false;
	if (e->group_queries_left != m->group_left || (m->group_left && e->group_query_next != m->group_next) ||
	    (m->source_next && e->source_query_next != m->source_next))
		return false;
	for (uint32_t i = 0; i < e->sources.n; i++) {
		const struct gm_src *src = &e->sources.v[i];
		unsigned int s = ref_source(r, &src->addr);

		if (src->deadline)
			x |= 1u << s;
		else
			y |= 1u << s;
		if (src->deadline != m->source_timer[s] || src->queries_left != m->source_left[s])
			return false;
	}
	return x == m->x && y == m->y;
}

static void compare_records(struct life *l)
{
	struct ref *r = l->ref;
	unsigned int there = 0;

	for (unsigned int n = 0; n < REF_SLOTS; n++)
		for (unsigned int g = 0; g < r->ngroups; g++) {
			const struct gm_group *group = gm_group_find(l->gm, &r->group[g]);
			const struct gm_rec *rec = group ? gm_group_rec(group, (uint8_t)n) : NULL;

			there += ref_rec_there(&r->ifs[n].rec[g]);
			if (rec_eq(r, &r->ifs[n].rec[g], rec))
				continue;
			differ(l, "a record");
			if (l->verbose) {
				print_ref_rec(r, n, g);
				print_gm_rec(r, rec, n, &r->group[g]);
			}
		}
	if (there != l->gm->nrecs)
		differ(l, "number of records: model %u, engine %u", there, l->gm->nrecs);
}

static void compare_queriers(struct life *l)
{
	for (unsigned int n = 0; n < REF_SLOTS; n++) {
		const struct ref_if *m = &l->ref->ifs[n];
		const struct gm_if *e = &l->gm->ifs[n];

		if (m->conf.role != GM_ROLE_DOWNSTREAM || !m->conf.up)
			continue;
		if (m->querying != e->querying || (m->querying && m->querier != e->querier) ||
		    m->robustness != e->robustness || m->query_interval != e->query_interval)
			differ(l, "querier of if%u: model querying %d querier %d R %u QI %.3f, engine %d %d %u %.3f", n,
			       m->querying, m->querier, m->robustness, (double)m->query_interval / 1e6, e->querying,
			       e->querier, e->robustness, (double)e->query_interval / 1e6);
		if (m->querier && m->startup_left != e->startup_left)
			differ(l, "startup queries left on if%u: model %u, engine %u", n, m->startup_left,
			       e->startup_left);
	}
}

static void compare_upstream(struct life *l)
{
	struct ref *r = l->ref;

	for (unsigned int g = 0; g < r->ngroups; g++)
		for (unsigned int n = 0; n < REF_SLOTS; n++) {
			const struct ref_joined *m = &r->joined[g];
			bool there = m->slot == n;

			if (there == l->out.joined[n][g].there &&
			    (!there ||
			     (m->mode == l->out.joined[n][g].mode && m->sources == l->out.joined[n][g].sources)))
				continue;
			differ(l, "upstream filter of %s on if%u: model %s%s, engine %s%s", addr_text(&r->group[g]), n,
			       !there                  ? "none"
			       : m->mode == GM_EXCLUDE ? "EXCLUDE"
						       : "INCLUDE",
			       there ? set_text(r, m->sources) : "",
			       !l->out.joined[n][g].there               ? "none"
			       : l->out.joined[n][g].mode == GM_EXCLUDE ? "EXCLUDE"
									: "INCLUDE",
			       l->out.joined[n][g].there ? set_text(r, l->out.joined[n][g].sources) : "");
		}
}

static void compare_routes(struct life *l)
{
	struct ref *r = l->ref;

	for (unsigned int g = 0; g < r->ngroups; g++)
		for (unsigned int s = 0; s < r->nsources; s++) {
			const struct ref_route *m = &r->route[g][s];
			bool there = m->there && m->iif != GM_NO_IF;

			if (there == l->out.route[g][s].there &&
			    (!there || (m->iif == l->out.route[g][s].iif && m->oifs == l->out.route[g][s].oifs)))
				continue;
			differ(l, "entry (%s,%s): model %d iif %u oifs %#x (named %d), engine %d iif %u oifs %#x",
			       addr_text(&r->source[s]), addr_text(&r->group[g]), there, m->iif, m->oifs, m->named,
			       l->out.route[g][s].there, l->out.route[g][s].iif, l->out.route[g][s].oifs);
		}
}

static void compare(struct life *l, mtime_t now)
{
	static struct ref_query queries[REF_QUERIES];
	unsigned int n = take_actions(l, now, queries);
	mtime_t wake;

	ref_settle(l->ref, now);
	gm_check(l->gm, now);
	compare_queries(l, queries, n);
	compare_records(l);
	compare_queriers(l);
	compare_upstream(l);
	compare_routes(l);
	wake = gm_next(l->gm);
	if (wake > ref_next(l->ref))
		differ(l, "wakes up at %.6f, model at %.6f", (double)wake / 1e6, (double)ref_next(l->ref) / 1e6);
	if (wake <= now)
		differ(l, "wakes up in the past");
}

/* --- a life --- */

/* The outside has lost what it had, or may have: only what is handed out again counts. */
static void lose(struct life *l, uint8_t slot)
{
	if (slot == GM_NO_IF) {
		for (unsigned int g = 0; g < REF_GROUPS; g++)
			for (unsigned int s = 0; s < REF_SOURCES; s++)
				l->out.route[g][s].iif = GM_NO_IF;
	} else {
		memset(l->out.joined[slot], 0, sizeof(l->out.joined[slot]));
	}
}

static uint64_t refused_upcalls(const struct gm *gm)
{
	uint64_t sum = 0;

	for (unsigned int n = 0; n < GM_MAX_IFS; n++)
		sum += gm->ifs[n].stats.drop[GM_DROP_UPCALL_RATE];
	return sum;
}

static void life_step(struct life *l, struct step *st)
{
	struct gm_event ev;
	uint64_t refused;

	/* The daemon wakes up when it is told to; `late` steps are those where it was held up. */
	for (mtime_t next = gm_next(l->gm); !st->late && next <= st->at && !l->differs; next = gm_next(l->gm)) {
		gm_tick(l->gm, next);
		ref_tick(l->ref, next);
		compare(l, next);
		if (l->differs && l->verbose)
			printf("# at %.6f, in a timer\n", (double)next / 1e6);
	}
	if (l->differs)
		return;
	if (st->kind == STEP_TIME) {
		gm_tick(l->gm, st->at);
		ref_tick(l->ref, st->at);
		compare(l, st->at);
		return;
	}
	scene_event(st, &ev);
	if (ev.type == GM_EV_RESYNC)
		lose(l, ev.slot);
	/* The kernel asks about what it has no entry for. */
	if (ev.type == GM_EV_UPCALL)
		l->out.route[ref_group(l->ref, &ev.flow.group)][ref_source(l->ref, &ev.flow.source)].there = false;
	/* The memberships of an upstream go with its role, without being told. */
	if (ev.type == GM_EV_IF && ev.iface->role != GM_ROLE_UPSTREAM)
		lose(l, ev.slot);
	refused = refused_upcalls(l->gm);
	if (gm_input(l->gm, st->at, &ev))
		differ(l, "gm_input() failed");
	if (refused_upcalls(l->gm) == refused)
		ref_input(l->ref, st->at, &ev);
	else
		ref_tick(l->ref, st->at);
	compare(l, st->at);
}

/* Returns 0 if engine and model agree over all steps. */
static int life_run(bool mld, struct step *steps, size_t n, bool verbose)
{
	struct life l = { .gm = gm_new(mld ? &gm_af_mld : &gm_af_igmp), .ref = ref_new(mld), .verbose = verbose };
	mtime_t before = 0;

	scene_reset();
	for (size_t i = 0; i < n && !l.differs; i++) {
		if (verbose)
			step_print(&steps[i], before);
		before = steps[i].at;
		life_step(&l, &steps[i]);
	}
	gm_free(l.gm);
	ref_free(l.ref);
	return l.differs ? 1 : 0;
}

/* The same in a process of its own: a crash is a failure too. */
static bool life_fails(bool mld, struct step *steps, size_t n, bool verbose)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (pid == 0) {
		if (!verbose && !freopen("/dev/null", "w", stderr))
			_exit(2);
		status = life_run(mld, steps, n, verbose);
		fflush(stdout);
		_exit(status);
	}
	if (waitpid(pid, &status, 0) < 0) {
		perror("waitpid");
		exit(2);
	}
	return status != 0;
}

/* Leaves out events, in ever smaller pieces, as long as what is left still fails. */
static size_t life_shrink(bool mld, struct step *steps, size_t n)
{
	struct step *fewer = malloc(n * sizeof(*fewer));
	unsigned int tries = 0;
	size_t low = 1, high = n;

	while (fewer && low < high) {
		size_t middle = low + (high - low) / 2;

		if (life_fails(mld, steps, middle, false))
			high = middle;
		else
			low = middle + 1;
	}
	n = high;
	for (size_t piece = n / 2 ? n / 2 : 1; fewer && piece && tries < SHRINK_TRIES;) {
		bool better = false;

		for (size_t at = 0; at < n && tries < SHRINK_TRIES; tries++) {
			size_t gone = piece < n - at ? piece : n - at;

			memcpy(fewer, steps, at * sizeof(*fewer));
			memcpy(fewer + at, steps + at + gone, (n - at - gone) * sizeof(*fewer));
			if (!life_fails(mld, fewer, n - gone, false)) {
				at += gone;
				continue;
			}
			n -= gone;
			memcpy(steps, fewer, n * sizeof(*fewer));
			better = true;
		}
		if (!better || piece > 1)
			piece = better && piece == 1 ? 1 : piece / 2;
	}
	free(fewer);
	return n;
}

int main(int argc, char **argv)
{
	unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : DEFAULT_SEED;
	unsigned long events = argc > 2 ? strtoul(argv[2], NULL, 0) : DEFAULT_EVENTS;
	unsigned long lives = (events + LIFE_EVENTS - 1) / LIFE_EVENTS;
	struct step *steps = calloc(LIFE_EVENTS, sizeof(*steps));
	int failed = 0;

	if (!steps || argc > 3)
		return 2;
	printf("1..%lu\n", lives);
	for (unsigned long i = 0; i < lives && !failed; i++, seed++) {
		size_t n = events < (i + 1) * LIFE_EVENTS ? events - i * LIFE_EVENTS : LIFE_EVENTS;
		bool mld = seed % 2 == 0;

		scene_generate(steps, n, seed, mld);
		failed = life_fails(mld, steps, n, false);
		if (failed) {
			size_t left = life_shrink(mld, steps, n);

			printf("# seed %lu, %s, %zu events left of %zu\n", seed, mld ? "MLD" : "IGMP", left, n);
			life_fails(mld, steps, left, true);
		}
		printf("%s %lu - %s seed %lu, %zu events\n", failed ? "not ok" : "ok", i + 1, mld ? "MLD" : "IGMP",
		       seed, n);
	}
	free(steps);
	return failed;
}
