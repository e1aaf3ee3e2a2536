/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frame - Ethernet frames of the benchmark: reports and data out, data, queries and reports in.
 *
 * It owns octets, and knows groups, sources and hosts by number only. It shares nothing with the daemon's codec, so
 * that an error there cannot hide here. Messages: RFC 9776 s4 and RFC 9777 s5; older reports and leaves are read as the
 * one record they mean.
 */
#ifndef IMPROXY_TESTS_BENCH_FRAME_H
#define IMPROXY_TESTS_BENCH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX     1514 /* octets, with the Ethernet header */
#define FRAME_GROUPS  0x100000u
#define FRAME_PROBES  0x80000u /* groups from here on are used one at a time: an access list can tell them apart */
#define FRAME_NOGROUP UINT32_MAX
#define FRAME_DATA    128 /* octets of a data frame; RFC 2544 s9 */

#define FRAME_REALMS 8u

/*
 * Another set of addresses for the groups. The kernel repeats for a second the leaves of a proxy that has ended; the
 * next one must not be taken for it.
 */
void frame_set_realm(unsigned int number);

enum frame_record_type { FRAME_IS_IN = 1, FRAME_IS_EX, FRAME_TO_IN, FRAME_TO_EX, FRAME_ALLOW, FRAME_BLOCK };

struct frame_record {
	enum frame_record_type type;
	uint32_t group;
	uint32_t source; /* the first of nsources that follow each other */
	unsigned int nsources;
};

struct frame_host {
	const uint8_t *mac;
	unsigned int lan; /* 1, 2 */
	uint32_t number;
};

enum frame_kind { FRAME_OTHER, FRAME_IS_DATA, FRAME_IS_QUERY, FRAME_IS_REPORT };

struct frame_view {
	enum frame_kind kind;
	uint32_t group;        /* of data and of a query; FRAME_NOGROUP: a general query, or not one of ours */
	unsigned int nrecords; /* left to read */
	const uint8_t *at, *end;
	bool older; /* an IGMPv1/v2 or MLDv1 message */
	bool v6;
};

/* How many records without sources fit in one report. */
unsigned int frame_records_max(bool v6);

/* Writes a report of `n` records, which have to fit, into FRAME_MAX octets. Returns its length. */
size_t frame_report(uint8_t *buf, bool v6, const struct frame_host *from, const struct frame_record *records,
		    unsigned int n);

/* Writes a data frame of FRAME_DATA octets. */
size_t frame_data(uint8_t *buf, bool v6, const uint8_t *mac, uint32_t group);

/* Reads a frame of either family. */
void frame_read(struct frame_view *view, const uint8_t *buf, size_t len);

/* The next record of a report; false when there is none. Its source is not told, only how many there are. */
bool frame_next_record(struct frame_view *view, struct frame_record *record);

#endif
