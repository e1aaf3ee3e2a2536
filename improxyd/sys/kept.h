/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kept - the keeper's collection: a descriptor by name, and where there is a service manager with a store, the same
 * there.
 *
 * The manager is told without ever waiting for it: what it does not take now is told again. It owns the descriptors. It
 * refuses to know what they are for. Names are those of handover.h; the part before the first dot is its kind, the next
 * the life of the worker that it comes from, for instance member4.1234.17.
 */
#ifndef IMPROXY_SYS_KEPT_H
#define IMPROXY_SYS_KEPT_H

#include <stdbool.h>

#include "sys/handover.h"

struct kept_fd;

/* A hash by name; NULL is the empty collection. */
struct kept {
	struct kept_fd *fds;
	unsigned int limit; /* so many at most; 0: as many as there is memory for */
	bool ready;         /* a worker has been at work: accidents are survived, and the manager is told */
	bool behind;        /* it has not been told everything */
	bool refused;       /* there was no room: told once */
};

/* Takes over a whole list, which is empty then: from the manager's store. Returns 0 or -ENOMEM. */
int kept_adopt(struct kept *kept, struct handover *list);
/* Adds or replaces one. The descriptor is the collection's in any case. Returns 0, -EINVAL, -ENFILE or -ENOMEM. */
int kept_add(struct kept *kept, const char *name, int fd);
void kept_drop(struct kept *kept, const char *name);
/* Drops all of a kind ("member4.") but those of the lives that follow it, each as "member4.1234."; blanks part them. */
void kept_forget(struct kept *kept, const char *kind_and_lives);
/* The descriptor, which stays the collection's; -1: none. */
int kept_find(const struct kept *kept, const char *name);

/* A list of copies of all that a worker takes up itself: everything but memberships. Returns 0 or -errno. */
int kept_hand_over(const struct kept *kept, struct handover *list);

/* Tells the manager what it does not know yet, as far as it listens. */
void kept_sync(struct kept *kept);

/*
 * For a new image of this process: all stay open over exec, and the number of a descriptor that lists them is returned,
 * or -errno. kept_stay() takes that back. kept_recall() reads the list in the new image and closes it.
 */
int kept_leave(struct kept *kept);
void kept_stay(struct kept *kept, int list);
int kept_recall(struct kept *kept, int list);

void kept_free(struct kept *kept);

#endif
