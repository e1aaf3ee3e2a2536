/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The little that the shell itself understands of a line: everything else of it is for the daemon. */
#ifndef IMPROXY_VTYSH_LINE_H
#define IMPROXY_VTYSH_LINE_H

#include <stdbool.h>
#include <stddef.h>

/* Takes the next word off `*line`, if it abbreviates `full` with at least `min` letters. */
bool line_take_word(const char **line, const char *full, size_t min);
/* Takes a number of 0 to `max`. */
bool line_take_number(const char **line, long max, long *value);

/* `watch SECONDS COMMAND`: the command, of which nothing need be there yet; NULL when it is another line. */
const char *line_watched(const char *line, long *seconds);

/* A blank line or a comment, which need no daemon. */
bool line_is_idle(const char *line, size_t len);

/*
 * Of a `show` (or `do show`) without `json` the line with it, before an output filter, and in *json_end where it ends;
 * to be freed. NULL: it is another line. Which of them have it only the daemon knows.
 */
char *line_json(const char *line, size_t len, size_t *json_end);

#endif
