/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover - descriptors that one process image leaves to the next one, each with a name, by the convention of service
 * managers: from number 3 on, with LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES in the environment. It is the way from
 * systemd's descriptor store to the keeper, and from the keeper to its worker.
 *
 * It owns the list of what was handed over and is not taken yet. It refuses to know what a descriptor is for.
 */
#ifndef IMPROXY_SYS_HANDOVER_H
#define IMPROXY_SYS_HANDOVER_H

#include <stdbool.h>

#include "lib/hash.h"

#define HANDOVER_NAME_LEN 64

struct handover_fd {
	UT_hash_handle hh;
	char name[HANDOVER_NAME_LEN];
	int fd;
};

/* A hash by name; NULL is the empty list. */
struct handover {
	struct handover_fd *fds;
};

/* Letters, digits, dots and dashes: what a name may consist of, since a colon parts them. */
bool handover_name_valid(const char *name);

/*
 * Takes what this process was given, makes it close on exec and takes the variables out of the environment. Of two with
 * one name the first is closed. Returns 0 or -ENOMEM; 0 and an empty list when nothing was handed over.
 */
int handover_read(struct handover *handover);

/* Adds a descriptor, which the list owns from now on; one of that name is replaced. Returns 0 or -errno. */
int handover_add(struct handover *handover, const char *name, int fd);
/* Takes a descriptor out; it is the caller's. -1: there is none of that name. */
int handover_take(struct handover *handover, const char *name);
/* Closes and forgets one, or all. */
void handover_drop(struct handover *handover, const char *name);
void handover_clear(struct handover *handover);
unsigned int handover_count(const struct handover *handover);

/*
 * Becomes another program image that gets the list, which is small. Returns -errno when that failed; the descriptors of
 * this process are in disorder then: it has to be a child that exits.
 */
int handover_exec(const struct handover *handover, const char *path, char **argv);

#endif
