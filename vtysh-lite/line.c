/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "line.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WATCH_MAX_S 86400

bool line_take_word(const char **line, const char *full, size_t min)
{
	const char *p = *line + strspn(*line, " \t");
	size_t len = strcspn(p, " \t");

	if (len < min || strncmp(p, full, len) || len > strlen(full))
		return false;
	*line = p + len;
	return true;
}

bool line_take_number(const char **line, long max, long *value)
{
	const char *p = *line + strspn(*line, " \t");
	char *end;

	errno = 0;
	*value = strtol(p, &end, 10);
	if (!isdigit((unsigned char)*p) || errno || *value > max || (*end && *end != ' ' && *end != '\t'))
		return false;
	*line = end + strspn(end, " \t");
	return true;
}

const char *line_watched(const char *line, long *seconds)
{
	const char *p = line;

	if (!line_take_word(&p, "watch", 3) || !line_take_number(&p, WATCH_MAX_S, seconds) || *seconds < 1)
		return NULL;
	return p;
}
