/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A strict reader of JSON (RFC 8259) for tests: it refuses what a lenient one lets pass (trailing commas, raw control
 * characters, bad UTF-8, keys that come twice, more than one document) and turns the rest into "path=value" pairs, for
 * instance "lan1/groups/0/mode" = "EXCLUDE". Strings are given without quotes, objects as {} and arrays as [].
 */
#ifndef IMPROXY_TESTS_JSON_FLAT_H
#define IMPROXY_TESTS_JSON_FLAT_H

#include <stdbool.h>
#include <stddef.h>

struct json_flat;

/* NULL: no valid document, `err` says why and where. */
struct json_flat *json_flat_read(const char *text, char *err, size_t err_size);
void json_flat_free(struct json_flat *flat);

/* The value, or NULL when there is no such path. */
const char *json_flat_get(const struct json_flat *flat, const char *path);
size_t json_flat_count(const struct json_flat *flat);
/* The i-th path in the order of the document, or NULL. */
const char *json_flat_path(const struct json_flat *flat, size_t i);

#endif
