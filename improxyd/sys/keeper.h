/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keeper - the parent of the process that does the work. It holds a copy of each descriptor that forwarding and
 * membership live in, so that neither ends when the worker does, and starts the worker again, which gets them back.
 *
 * It owns the worker's life, the pid file, and what the outside sees of the daemon as a process: signals, readiness,
 * exit status. It refuses everything that could make it fail: it reads no packet, no configuration and no descriptor it
 * holds. A worker that exits with 0 has chosen to end, and the keeper ends with it; KEEPER_RESTART asks for a new one,
 * of a new program image, keeper and all; whatever else happens to it is an accident, after which it is started
 * again, with a growing delay while accidents follow each other. One that says nothing any more is ended.
 *
 * When a service manager with a descriptor store started it (NOTIFY_SOCKET), each descriptor is given to that too, so
 * that they outlive the keeper.
 */
#ifndef IMPROXY_SYS_KEEPER_H
#define IMPROXY_SYS_KEEPER_H

#include <stdbool.h>

#include "lib/mtime.h"
#include "sys/handover.h"

/* Exit status of a worker that wants to be started anew. */
#define KEEPER_RESTART 75

/* The worker's end of the channel, in the handover. */
#define KEEPER_CHANNEL "keeper"
/* The control socket among what is kept: its file goes with the keeper. */
#define KEEPER_CONTROL "control"

/* The running configuration: given up when no worker gets on with it. */
#define KEEPER_CONFIG "config"

/*
 * A message of the worker: a letter, then text without NUL; a packet of SOCK_SEQPACKET each. KEEP brings a descriptor
 * with it.
 */
enum keeper_message {
	KEEPER_KEEP = 'K',     /* hold a copy under this name, instead of an older one */
	KEEPER_DROP = 'D',     /* close the copy of this name */
	KEEPER_FORGET = 'F',   /* close all of a kind but those of some lives: kept_forget() */
	KEEPER_CLOSE = 'C',    /* close the descriptor that comes with it, which takes the kernel some time */
	KEEPER_READY = 'R',    /* at work */
	KEEPER_STOPPING = 'S', /* about to end for good: the service manager is told */
	KEEPER_ALIVE = 'A',    /* still at work: to be said every keeper_interval(); the manager's watchdog is told */
};
#define KEEPER_MESSAGE_MAX 256

/* In the worker's environment: what happened to the one before it. */
#define KEEPER_ACCIDENT "IMPROXY_ACCIDENT"

struct keeper_options {
	char **argv;                         /* of the process, for the worker too */
	const char *pid_file, *user, *group; /* NULL: none */
	bool background;
};

/* How often the keeper in process `pid` wants to hear that its worker is at work. */
mtime_t keeper_interval(long pid);

/* True if this process is a worker: it was handed a channel to its keeper. */
bool keeper_is_worker(const struct handover *handover);

/* Runs until the worker has ended for good. Returns the exit status of the process; what is wrong is told on stderr. */
int keeper_run(const struct keeper_options *options, struct handover *handover);

#endif
