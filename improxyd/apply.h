/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apply - makes the engines and the kernel what configuration and links say. Idempotent: it is run after every change
 * of either, whatever the change was (a console edit, a reload, a link that flapped), and does only what differs.
 */
#ifndef IMPROXY_APPLY_H
#define IMPROXY_APPLY_H

#include <stdint.h>

#include "lib/family.h"

struct conf;
struct exec;
struct links;

struct apply;

/* Both families' executors may be NULL: the kernel does not know the family. `seed` makes the delays of two routers
 * differ. Returns NULL when out of memory. */
struct apply *apply_new(const struct links *links, struct exec *const exec[FAMILY_COUNT], uint32_t seed);
void apply_free(struct apply *apply);

/*
 * `conf` and what it holds have to live until the next run has ended. Returns 0, or -errno when something failed that
 * another run may succeed in: memory, a call that the kernel has refused.
 */
int apply_run(struct apply *apply, const struct conf *conf);

/* Why an interface that has a role is not proxied, or NULL when it is, or has none. */
const char *apply_refusal(const struct apply *apply, const struct conf *conf, const char *ifname, enum family family);

#endif
