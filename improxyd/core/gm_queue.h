/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gm_queue - the actions an instance hands out, and the memory of their source lists.
 */
#ifndef IMPROXY_CORE_GM_QUEUE_H
#define IMPROXY_CORE_GM_QUEUE_H

#include "core/gm_state.h"

/* A new action at the end of the queue, zeroed but for its type and slot; NULL when out of memory. */
struct gm_action *gm_queue_push(struct gm *gm, enum gm_action_type type, uint8_t slot);

/* Room for `n` addresses, valid until gm_queue_clear(); NULL when out of memory. */
struct ipaddr *gm_queue_addrs(struct gm *gm, unsigned int n);

/* Takes back the newest action. */
void gm_queue_pop(struct gm *gm);

/* Tells people something. `group` and `from` may be NULL. A note that cannot be queued is not worth an error. */
void gm_queue_note(struct gm *gm, uint8_t slot, enum gm_note what, const struct ipaddr *group,
		   const struct ipaddr *from);

/* Empties the queue; keeps some memory for the next time. */
void gm_queue_clear(struct gm *gm);
void gm_queue_free(struct gm *gm);

#endif
