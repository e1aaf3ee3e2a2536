/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text as JSON: { "lines": [ ... ] }. What is text by its nature (a configuration, metrics, a report for support) can
 * be had as JSON by a program all the same. It stands between a writer and its sink and keeps one line.
 */
#ifndef IMPROXY_LIB_LINES_H
#define IMPROXY_LIB_LINES_H

struct lines;
struct out;

/* From now on `o` writes text, and its sink gets JSON. NULL: out of memory, and nothing is changed. */
struct lines *lines_new(struct out *o);

/* Ends the document. Returns 0, or the -errno of the sink or of memory. */
int lines_finish(struct lines *lines);

/* Gives `o` its sink back, and frees; what has not been finished stays as it is. */
void lines_free(struct lines *lines, struct out *o);

#endif
