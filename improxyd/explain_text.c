/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain_walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "core/gm_policy.h"

#define LIST_SHOWN 4

static void append(char *text, size_t size, const char *fmt, va_list ap)
{
	size_t len = strlen(text);

	vsnprintf(text + len, size - len, fmt, ap);
}

void walk_step(struct walk *w, const char *name)
{
	if (w->result->nsteps < EXPLAIN_STEPS)
		w->result->nsteps++;
	w->step = &w->result->steps[w->result->nsteps - 1];
	*w->step = (struct explain_step){ .name = name, .ok = true };
}

void walk_add(struct walk *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(w->step->evidence, sizeof(w->step->evidence), fmt, ap);
	va_end(ap);
}

const char *walk_sep(const struct walk *w)
{
	return w->step->evidence[0] ? ", " : "";
}

bool walk_fail(struct walk *w, enum explain_code code, const char *fmt, ...)
{
	va_list ap;

	w->step->ok = false;
	w->result->code = code;
	w->result->verdict[0] = '\0';
	va_start(ap, fmt);
	append(w->result->verdict, sizeof(w->result->verdict), fmt, ap);
	va_end(ap);
	if (!w->step->evidence[0])
		walk_add(w, "%s", w->result->verdict);
	return false;
}

void walk_end(struct walk *w, const char *fmt, ...)
{
	va_list ap;

	w->result->code = EXPLAIN_FORWARDING;
	w->result->verdict[0] = '\0';
	va_start(ap, fmt);
	append(w->result->verdict, sizeof(w->result->verdict), fmt, ap);
	va_end(ap);
}

const char *explain_ago(mtime_t time, char *buf)
{
	if (time >= mtime_from_s(3600))
		return out_duration_format(time, buf);
	snprintf(buf, EXPLAIN_AGO, "%lld s", (long long)mtime_to_s(time));
	return buf;
}

/* Lists are shared by reference: the name is that of the list it points to. */
static const char *acl_name(const struct walk *w, const struct gm_acl *acl)
{
	const struct conf_af *af = &daemon_conf(w->d)->af[w->family];

	for (unsigned int i = 0; i < af->nacls; i++) {
		if (&af->acls[i]->acl == acl)
			return af->acls[i]->name;
	}
	return "?";
}

const char *explain_rule(const struct walk *w, const struct gm_acl *acl, const struct ipaddr *source, char *buf)
{
	const struct gm_acl_rule *rule = acl ? gm_acl_match(acl, &w->group, source) : NULL;

	if (rule)
		snprintf(buf, EXPLAIN_RULE, "access-list %s seq %u", acl_name(w, acl), (unsigned int)rule->seq);
	else
		snprintf(buf, EXPLAIN_RULE, "access-list %s (no rule permits it)", acl_name(w, acl));
	return buf;
}

bool explain_wanted(const struct walk *w, const struct ipaddr *source)
{
	uint32_t left = w->group_state ? w->group_state->members : 0;

	for (unsigned int i = 0; left; i++, left &= left - 1) {
		if (gm_rec_wants(w->group_state->recs[i], source))
			return true;
	}
	return false;
}

/* `shown` counts what has been passed on of the list. */
static void add_source(struct walk *w, const struct ipaddr *source, unsigned int *shown)
{
	char text[IPADDR_STRLEN];

	if (*shown < LIST_SHOWN)
		walk_add(w, "%s%s", *shown ? ", " : "", ipaddr_format(source, text));
	else if (*shown == LIST_SHOWN)
		walk_add(w, ", ...");
	++*shown;
}

void explain_record_sources(struct walk *w, const struct gm_rec *rec)
{
	bool exclude = gm_rec_mode(rec) == GM_EXCLUDE;
	unsigned int shown = 0;

	walk_add(w, "{");
	for (uint32_t i = 0; i < rec->sources.n; i++) {
		if (!exclude || !rec->sources.v[i].deadline)
			add_source(w, &rec->sources.v[i].addr, &shown);
	}
	walk_add(w, "}");
}

void explain_merged_sources(struct walk *w)
{
	unsigned int shown = 0;

	walk_add(w, "{");
	for (uint32_t i = 0; i < w->group_state->nsources; i++) {
		if (gm_group_lists(w->group_state, &w->group_state->sources[i]))
			add_source(w, &w->group_state->sources[i].addr, &shown);
	}
	walk_add(w, "}");
}
