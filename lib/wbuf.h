/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packet cursors: a reader and a writer over octets in network order. Every access is checked against the end. What
 * does not fit fails once and for all: later reads give zero, later writes do nothing, and the caller asks once, at the
 * end. They neither allocate nor own the octets.
 */
#ifndef IMPROXY_LIB_WBUF_H
#define IMPROXY_LIB_WBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wbuf_in {
	const uint8_t *p;
	size_t left;
	bool failed; /* something was read past the end */
};

struct wbuf_out {
	uint8_t *start;
	size_t len, size;
	bool failed; /* something did not fit */
};

static inline struct wbuf_in wbuf_in(const uint8_t *p, size_t len)
{
	return (struct wbuf_in){ .p = p, .left = len };
}

static inline struct wbuf_out wbuf_out(uint8_t *p, size_t size)
{
	return (struct wbuf_out){ .start = p, .size = size };
}

/* Steps over `n` octets and returns where they start, or NULL when there are fewer. */
static inline const uint8_t *wbuf_get(struct wbuf_in *in, size_t n)
{
	const uint8_t *p = in->p;

	if (in->failed || n > in->left) {
		in->failed = true;
		return NULL;
	}
	in->p += n;
	in->left -= n;
	return p;
}

/* Reads a number of `width` octets, 1 to 4. */
static inline uint32_t wbuf_get_be(struct wbuf_in *in, unsigned int width)
{
	const uint8_t *p = wbuf_get(in, width);
	uint32_t value = 0;

	for (unsigned int i = 0; p && i < width; i++)
		value = value << 8 | p[i];
	return value;
}

/* Steps forward and returns room for `n` octets, or NULL when there is none. */
static inline uint8_t *wbuf_put(struct wbuf_out *out, size_t n)
{
	uint8_t *p = out->start + out->len;

	if (out->failed || n > out->size - out->len) {
		out->failed = true;
		return NULL;
	}
	out->len += n;
	return p;
}

static inline void wbuf_put_bytes(struct wbuf_out *out, const uint8_t *bytes, size_t n)
{
	uint8_t *p = wbuf_put(out, n);

	if (p)
		memcpy(p, bytes, n);
}

static inline void wbuf_put_zero(struct wbuf_out *out, size_t n)
{
	uint8_t *p = wbuf_put(out, n);

	if (p)
		memset(p, 0, n);
}

/* Overwrites `width` octets at `off`, which have been put before. */
static inline void wbuf_patch_be(struct wbuf_out *out, size_t off, unsigned int width, uint32_t value)
{
	if (out->failed || off > out->len || width > out->len - off) {
		out->failed = true;
		return;
	}
	for (unsigned int i = width; i > 0; i--, value >>= 8)
		out->start[off + i - 1] = (uint8_t)value;
}

static inline void wbuf_put_be(struct wbuf_out *out, unsigned int width, uint32_t value)
{
	if (wbuf_put(out, width))
		wbuf_patch_be(out, out->len - width, width, value);
}

#endif
