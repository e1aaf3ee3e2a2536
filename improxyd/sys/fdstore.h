/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fdstore - the worker's side of the keeper: descriptors that are to outlive this process are given to it in copy, and
 * those of the process before this one are here to be taken.
 *
 * There is one a process, like the log. Without a keeper, as in a test program, everything is accepted and nothing is
 * kept. Nothing here waits: what the keeper cannot take at once is sent from the event loop, in order.
 */
#ifndef IMPROXY_SYS_FDSTORE_H
#define IMPROXY_SYS_FDSTORE_H

#include <stdbool.h>

#include "sys/handover.h"

struct loop;

/*
 * Takes over the list and the channel in it. `gone` is called once, from the loop, when the keeper has ended. Returns 0
 * or -ENOMEM.
 */
int fdstore_open(struct loop *loop, struct handover *handover, void (*gone)(void *arg), void *arg);
/* What was not taken is closed here; the keeper's copies stay. */
void fdstore_close(void);

/* There is a keeper, which would start another worker. */
bool fdstore_has_keeper(void);

/* Gives a copy of `fd` to the keeper, under a name that handover_name_valid() accepts; an older one is replaced. */
void fdstore_keep(const char *name, int fd);
/* The keeper is to close its copy. */
void fdstore_drop(const char *name);
/* From now on keep and drop do nothing: this process ends, and what the keeper holds is for the next. */
void fdstore_freeze(void);

/* Takes what an earlier process has left under this name; -1: nothing. The keeper goes on holding it. */
int fdstore_take(const char *name);
/* There was an earlier process, which has left something. */
bool fdstore_inherited(void);
/* The keeper is to close all of a kind but those of some lives: see kept_forget(). */
void fdstore_forget(const char *kind_and_lives);
/*
 * Closes a packet socket: the kernel takes 5 to 25 ms to take one off its lists, for which the keeper waits instead.
 * Without a keeper the caller does.
 */
void fdstore_discard(int fd);
/*
 * Waits until the keeper has heard everything, two seconds at most. False: it has not, and what this process leaves
 * would not be complete.
 */
bool fdstore_flush(void);

/* Tells the keeper, and by it the service manager: that the work has begun, goes on, is about to end for good. */
void fdstore_ready(void);
void fdstore_alive(void);
void fdstore_stopping(void);

#endif
