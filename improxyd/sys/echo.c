/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/echo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/gm_state.h"
#include "debug.h"
#include "lib/log.h"
#include "sys/sniff.h"

#define ECHO_TIME mtime_from_ms(200)

struct echo {
	struct loop *loop;
	const struct gm *gm;
	void (*input)(void *arg, const struct gm_event *ev);
	void *arg;
	struct sniff *sniff; /* under way, or over */
	int ifindex[GM_MAX_IFS];
};

struct echo *echo_new(struct loop *loop, const struct gm *gm, void (*input)(void *arg, const struct gm_event *ev),
		      void *arg)
{
	struct echo *echo = calloc(1, sizeof(*echo));

	if (echo)
		*echo = (struct echo){ .loop = loop, .gm = gm, .input = input, .arg = arg };
	return echo;
}

void echo_free(struct echo *echo)
{
	if (!echo)
		return;
	sniff_free(echo->sniff);
	free(echo);
}

/* What others send is heard by the IGMP socket. */
static bool on_packet(void *arg, const struct sniff_packet *packet)
{
	const struct echo *echo = arg;
	struct gm_event ev = { .type = GM_EV_QUERY, .query = { .from = packet->source, .gen = GM_GEN3 } };
	unsigned int slot = 0;

	while (slot < GM_MAX_IFS && echo->ifindex[slot] != packet->ifindex)
		slot++;
	for (const struct gm_if *ifp = echo->gm->ifs; slot < GM_MAX_IFS && ifp < echo->gm->ifs + GM_MAX_IFS; ifp++) {
		if (ifp->slot == slot || ifp->conf.role == GM_ROLE_NONE || !ipaddr_eq(&ifp->conf.addr, &packet->source))
			continue;
		ev.slot = (uint8_t)slot;
		ev.query.gen = ifp->conf.gen;
		echo->input(echo->arg, &ev);
		break;
	}
	return false;
}

static void on_done(void *arg)
{
	struct echo *echo = arg;

	sniff_free(echo->sniff);
	echo->sniff = NULL;
}

void echo_listen(struct echo *echo, const int ifindex[GM_MAX_IFS])
{
	struct sniff_request request = { .family = FAMILY_IPV4,
					 .messages = true,
					 .time = ECHO_TIME,
					 .packet = on_packet,
					 .done = on_done,
					 .arg = echo };
	int err;

	/* Queries of several interfaces go out together, and their looks are one. */
	on_done(echo);
	if (ipaddr_parse("224.0.0.1", &request.group) < 0)
		return;
	memcpy(echo->ifindex, ifindex, sizeof(echo->ifindex));
	for (unsigned int slot = 0; slot < GM_MAX_IFS; slot++) {
		if (ifindex[slot])
			request.ifindex[request.nifs++] = ifindex[slot];
	}
	if (request.nifs < 2)
		return;
	err = sniff_start(echo->loop, &request, &echo->sniff);
	if (err < 0 && err != -EBUSY)
		log_debug(DEBUG_IGMP_PACKETS, "-", "igmp", "no look for own queries: %s", strerror(-err));
}
