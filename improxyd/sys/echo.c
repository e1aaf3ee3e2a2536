/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/echo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/gm_state.h"
#include "debug.h"
#include "lib/log.h"
#include "sys/loop.h"
#include "sys/sniff.h"

#define ECHO_TIME mtime_from_ms(200)
/* Queries of several interfaces go out together, and their looks are one. */
#define ECHO_TOGETHER mtime_from_ms(20)

struct echo {
	struct loop *loop;
	enum family family;
	const struct gm *gm;
	void (*input)(void *arg, const struct gm_event *ev);
	void *arg;
	struct sniff *sniff; /* under way, or over */
	mtime_t begun;
	struct echo_if ifs[GM_MAX_IFS];
};

struct echo *echo_new(struct loop *loop, enum family family, const struct gm *gm,
		      void (*input)(void *arg, const struct gm_event *ev), void *arg)
{
	struct echo *echo = calloc(1, sizeof(*echo));

	if (echo)
		*echo = (struct echo){ .loop = loop, .family = family, .gm = gm, .input = input, .arg = arg };
	return echo;
}

void echo_free(struct echo *echo)
{
	if (!echo)
		return;
	sniff_free(echo->sniff);
	free(echo);
}

/* Where the packet was sent, if it is one of ours; or GM_NO_IF. */
static uint8_t sent_on(const struct echo *echo, const struct sniff_packet *packet)
{
	static const uint8_t none[LINK_STATION];

	for (uint8_t slot = 0; slot < GM_MAX_IFS; slot++) {
		const struct echo_if *eif = &echo->ifs[slot];

		if (!eif->ifindex || eif->ifindex == packet->ifindex ||
		    !ipaddr_eq(&echo->gm->ifs[slot].conf.addr, &packet->source))
			continue;
		if (echo->family == FAMILY_IPV4 || (memcmp(eif->station, none, sizeof(none)) != 0 &&
						    memcmp(eif->station, packet->station, sizeof(none)) == 0))
			return slot;
	}
	return GM_NO_IF;
}

static bool on_packet(void *arg, const struct sniff_packet *packet)
{
	const struct echo *echo = arg;
	struct gm_event ev = { .type = GM_EV_ECHO, .echo = { .sent = sent_on(echo, packet) } };

	while (ev.slot < GM_MAX_IFS && echo->ifs[ev.slot].ifindex != packet->ifindex)
		ev.slot++;
	if (ev.slot < GM_MAX_IFS && ev.echo.sent != GM_NO_IF)
		echo->input(echo->arg, &ev);
	return false;
}

static void on_done(void *arg)
{
	struct echo *echo = arg;

	sniff_free(echo->sniff);
	echo->sniff = NULL;
}

void echo_listen(struct echo *echo, const struct echo_if ifs[GM_MAX_IFS])
{
	struct sniff_request request = { .family = echo->family,
					 .messages = true,
					 .time = ECHO_TIME,
					 .packet = on_packet,
					 .done = on_done,
					 .arg = echo };
	int err;

	if (echo->sniff && loop_now() < echo->begun + ECHO_TOGETHER && memcmp(echo->ifs, ifs, sizeof(echo->ifs)) == 0)
		return;
	on_done(echo);
	if (ipaddr_parse(echo->family == FAMILY_IPV4 ? "224.0.0.1" : "ff02::1", &request.group) < 0)
		return;
	memcpy(echo->ifs, ifs, sizeof(echo->ifs));
	for (unsigned int slot = 0; slot < GM_MAX_IFS; slot++) {
		if (ifs[slot].ifindex)
			request.ifindex[request.nifs++] = ifs[slot].ifindex;
	}
	if (request.nifs < 2)
		return;
	echo->begun = loop_now();
	err = sniff_start(echo->loop, &request, &echo->sniff);
	if (err < 0 && err != -EBUSY)
		log_debug(echo->family == FAMILY_IPV4 ? DEBUG_IGMP_PACKETS : DEBUG_MLD_PACKETS, "-",
			  family_protocol(echo->family), "no look for own queries: %s", strerror(-err));
}
