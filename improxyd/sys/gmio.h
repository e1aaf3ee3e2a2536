/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gmio - the messages of a family: octets that arrive become events of the engine, actions become octets that are sent.
 * It owns no socket and keeps no state between messages; what it counts, it counts in the engine.
 */
#ifndef IMPROXY_SYS_GMIO_H
#define IMPROXY_SYS_GMIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/gm.h"
#include "lib/family.h"
#include "wire/wire.h"

struct gmio;
struct gmsock;

/* The interface a message comes or goes by. */
struct gmio_if {
	int ifindex;
	const char *name;
	unsigned int mtu;
	bool require_router_alert;
};

/* `input` gets the events. Returns NULL when out of memory. */
struct gmio *gmio_new(enum family family, struct gm *gm, void (*input)(void *arg, const struct gm_event *ev),
		      void *arg);
void gmio_free(struct gmio *io);

/* What messages are sent through; NULL while there is no socket. */
void gmio_set_socket(struct gmio *io, struct gmsock *sock);

/* A message has arrived on the interface in `slot`: counted, decoded, handed on record by record. */
void gmio_hear(struct gmio *io, uint8_t slot, const struct gmio_if *ifc, const struct wire_meta *meta,
	       const uint8_t *payload, size_t len);

/* Carry out GM_ACT_QUERY and GM_ACT_DISCOVERY. What cannot be sent is counted; of a query the last -errno is returned.
 */
int gmio_send_query(struct gmio *io, const struct gmio_if *ifc, const struct gm_action *a);
void gmio_send_discovery(struct gmio *io, const struct gmio_if *ifc, const struct gm_action *a);

#endif
