/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <utlist.h>

static const char *const level_names[] = {
#define LOG_LEVEL_NAME(name, text) [LOG_##name] = text,
	LOG_LEVELS(LOG_LEVEL_NAME)
#undef LOG_LEVEL_NAME
};

static struct {
	void (*stamp)(char *buf, size_t size);
	struct log_sink *sinks;
	bool delivering; /* a sink that logs must not be called again */
	enum log_level ring_level;
	char *ring[LOG_RING_LINES];
	uint64_t total;
	size_t count;
	char filter[LOG_DEBUG_BITS][LOG_IFNAME_SIZE]; /* empty: every interface */
} state = { .ring_level = LOG_INFORMATIONAL };

uint32_t log_debug_mask;

const char *log_level_name(enum log_level level)
{
	return (unsigned int)level < LOG_LEVEL_COUNT ? level_names[level] : "unknown";
}

int log_level_parse(const char *text, enum log_level *level)
{
	size_t len = strlen(text);

	if (len == 0)
		return -EINVAL;
	/* The names differ in their first letter, so that a prefix is always unique. */
	for (unsigned int i = 0; i < LOG_LEVEL_COUNT; i++) {
		if (strncasecmp(level_names[i], text, len) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

void log_init(void (*stamp)(char *buf, size_t size))
{
	state.stamp = stamp;
}

void log_fini(void)
{
	for (size_t i = 0; i < LOG_RING_LINES; i++)
		free(state.ring[i]);
	memset(&state, 0, sizeof(state));
	state.ring_level = LOG_INFORMATIONAL;
	log_debug_mask = 0;
}

void log_sink_add(struct log_sink *sink)
{
	log_sink_remove(sink);
	DL_APPEND(state.sinks, sink);
}

void log_sink_remove(struct log_sink *sink)
{
	struct log_sink *each;

	DL_FOREACH (state.sinks, each) {
		if (each == sink) {
			DL_DELETE(state.sinks, sink);
			return;
		}
	}
}

void log_ring_set_level(enum log_level level)
{
	state.ring_level = level;
}

size_t log_ring_count(void)
{
	return state.count;
}

uint64_t log_ring_total(void)
{
	return state.total;
}

const char *log_ring_get(size_t i)
{
	if (i >= state.count)
		return NULL;
	return state.ring[(state.total - state.count + i) % LOG_RING_LINES];
}

static void ring_add(const char *text)
{
	char *copy = strdup(text);
	char **slot = &state.ring[state.total % LOG_RING_LINES];

	/* Without memory the sinks still get the line. */
	if (!copy)
		return;
	free(*slot);
	*slot = copy;
	state.total++;
	if (state.count < LOG_RING_LINES)
		state.count++;
}

static void deliver(const struct log_line *line)
{
	struct log_sink *sink, *next;

	state.delivering = true;
	DL_FOREACH_SAFE (state.sinks, sink, next) {
		if (line->level <= sink->level)
			sink->write(sink->arg, line);
	}
	state.delivering = false;
}

void log_msg(enum log_level level, const char *tag, const char *fmt, ...)
{
	static const char cut[] = "...";
	char text[LOG_LINE_MAX], stamp[64] = "";
	struct log_line line = { .level = level, .text = text };
	size_t head, body;
	va_list ap;
	int n;

	if (state.stamp)
		state.stamp(stamp, sizeof(stamp));
	n = snprintf(text, sizeof(text), "%s%s%s ", stamp, *stamp ? " " : "", log_level_name(level));
	body = (size_t)n;
	n = snprintf(text + body, sizeof(text) - body, "%.32s: ", tag);
	head = body + (size_t)n;
	va_start(ap, fmt);
	n = vsnprintf(text + head, sizeof(text) - head, fmt, ap);
	va_end(ap);
	if (n < 0)
		text[head] = '\0';
	else if ((size_t)n >= sizeof(text) - head)
		memcpy(text + sizeof(text) - sizeof(cut), cut, sizeof(cut));
	/* Names from the kernel and from packets must not break a line or drive a terminal. */
	for (char *p = text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	line.body = text + body;
	if (level <= state.ring_level || level == LOG_DEBUGGING)
		ring_add(text);
	if (!state.delivering)
		deliver(&line);
}

void log_debug_set(unsigned int flag, bool on, const char *ifname)
{
	if (flag >= LOG_DEBUG_BITS)
		return;
	state.filter[flag][0] = '\0';
	if (on) {
		log_debug_mask |= 1u << flag;
		if (ifname)
			snprintf(state.filter[flag], sizeof(state.filter[flag]), "%s", ifname);
	} else {
		log_debug_mask &= ~(1u << flag);
	}
}

void log_debug_clear(void)
{
	log_debug_mask = 0;
	memset(state.filter, 0, sizeof(state.filter));
}

const char *log_debug_ifname(unsigned int flag)
{
	return flag < LOG_DEBUG_BITS && state.filter[flag][0] ? state.filter[flag] : NULL;
}

bool log_debug_match(unsigned int flag, const char *ifname)
{
	const char *only = log_debug_ifname(flag);

	return !only || !ifname || strcmp(only, ifname) == 0;
}

bool log_rate_ok(struct log_rate *rate, mtime_t now, unsigned int *suppressed)
{
	if (rate->used == 0 || now - rate->start >= rate->interval) {
		rate->start = now;
		rate->used = 0;
	}
	if (rate->used >= rate->burst) {
		rate->suppressed++;
		return false;
	}
	rate->used++;
	if (suppressed)
		*suppressed = rate->suppressed;
	rate->suppressed = 0;
	return true;
}

bool log_rate_failure(struct log_rate *rate, mtime_t now, const char *tag)
{
	unsigned int suppressed;

	rate->interval = mtime_from_s(60);
	rate->burst = 5;
	if (!log_rate_ok(rate, now, &suppressed))
		return false;
	if (suppressed)
		log_warn(tag, "%u failures like the next one were not logged", suppressed);
	return true;
}
