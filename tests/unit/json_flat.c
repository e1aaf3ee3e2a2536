/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json_flat.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"

#define DEPTH_MAX 64
#define TEXT_MAX  4096

struct pair {
	char *path, *value;
	UT_hash_handle hh;
};

struct json_flat {
	struct pair *pairs;
};

struct reader {
	const char *text, *at;
	char *err;
	size_t err_size;
	char path[TEXT_MAX];
	unsigned int depth;
	struct json_flat *flat;
};

static bool read_value(struct reader *r);

static bool refuse(struct reader *r, const char *why)
{
	if (!r->err[0])
		snprintf(r->err, r->err_size, "%s at octet %zu: \"%.20s\"", why, (size_t)(r->at - r->text), r->at);
	return false;
}

static void skip_blanks(struct reader *r)
{
	while (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')
		r->at++;
}

static bool note(struct reader *r, const char *value)
{
	struct pair *pair = NULL;

	HASH_FIND_STR(r->flat->pairs, r->path, pair);
	if (pair)
		return refuse(r, "key that comes twice");
	pair = calloc(1, sizeof(*pair));
	if (!pair)
		return refuse(r, "out of memory");
	pair->path = strdup(r->path);
	pair->value = strdup(value);
	HASH_ADD_KEYPTR(hh, r->flat->pairs, pair->path, strlen(pair->path), pair);
	return true;
}

/* Octets behind the first of a UTF-8 sequence; -1: it cannot begin one. */
static int utf8_more(unsigned char c)
{
	if (c < 0x80)
		return 0;
	if (c >= 0xc2 && c <= 0xdf)
		return 1;
	if (c >= 0xe0 && c <= 0xef)
		return 2;
	return c >= 0xf0 && c <= 0xf4 ? 3 : -1;
}

static bool read_char(struct reader *r, char *buf, size_t *n)
{
	int more = utf8_more((unsigned char)*r->at);

	if ((unsigned char)*r->at < 0x20)
		return refuse(r, "control character or end in a string");
	if (more < 0)
		return refuse(r, "octet that is no UTF-8");
	buf[(*n)++] = *r->at++;
	for (; more > 0; more--) {
		if (((unsigned char)*r->at & 0xc0) != 0x80)
			return refuse(r, "broken UTF-8");
		buf[(*n)++] = *r->at++;
	}
	return true;
}

static bool read_escape(struct reader *r, char *buf, size_t *n)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *known = *r->at ? strchr(from, *r->at) : NULL;
	unsigned int code;
	int used = 0;

	if (known) {
		buf[(*n)++] = to[known - from];
		r->at++;
		return true;
	}
	if (*r->at != 'u' || sscanf(r->at + 1, "%4x%n", &code, &used) != 1 || used != 4)
		return refuse(r, "bad escape");
	/* What the daemon escapes so is a control character. */
	if (code == 0 || code > 0x7f)
		return refuse(r, "escape that is not expected");
	buf[(*n)++] = (char)code;
	r->at += 5;
	return true;
}

static bool read_string(struct reader *r, char *buf, size_t size)
{
	size_t n = 0;

	if (*r->at++ != '"')
		return refuse(r, "string expected");
	while (*r->at != '"') {
		if (n + 5 > size)
			return refuse(r, "string too long for the test");
		if (*r->at == '\\') {
			r->at++;
			if (!read_escape(r, buf, &n))
				return false;
		} else if (!read_char(r, buf, &n)) {
			return false;
		}
	}
	r->at++;
	buf[n] = '\0';
	return true;
}

static bool read_number(struct reader *r)
{
	char text[64];
	const char *start = r->at;

	r->at += *r->at == '-';
	if (!isdigit((unsigned char)*r->at) || (*r->at == '0' && isdigit((unsigned char)r->at[1])))
		return refuse(r, "bad number");
	while (isdigit((unsigned char)*r->at))
		r->at++;
	if (*r->at == '.') {
		r->at++;
		if (!isdigit((unsigned char)*r->at))
			return refuse(r, "bad number");
		while (isdigit((unsigned char)*r->at))
			r->at++;
	}
	snprintf(text, sizeof(text), "%.*s", (int)(r->at - start), start);
	return note(r, text);
}

static bool read_word(struct reader *r, const char *word)
{
	if (strncmp(r->at, word, strlen(word)) != 0)
		return refuse(r, "value expected");
	r->at += strlen(word);
	return note(r, word);
}

/* A member's value: its path is the one of the container with `name` behind. */
static bool read_member(struct reader *r, const char *name)
{
	size_t len = strlen(r->path);
	bool ok;

	if (len + strlen(name) + 2 > sizeof(r->path))
		return refuse(r, "path too long for the test");
	if (len)
		strcat(r->path, "/");
	strcat(r->path, name);
	skip_blanks(r);
	ok = read_value(r);
	r->path[len] = '\0';
	skip_blanks(r);
	return ok;
}

static bool read_container(struct reader *r, char close)
{
	char name[TEXT_MAX];
	unsigned int i = 0;

	if (++r->depth > DEPTH_MAX)
		return refuse(r, "nested too deeply");
	if (r->path[0] && !note(r, close == '}' ? "{}" : "[]"))
		return false;
	r->at++;
	skip_blanks(r);
	while (*r->at != close) {
		if (i > 0) {
			if (*r->at++ != ',')
				return refuse(r, "comma expected");
			skip_blanks(r);
		}
		snprintf(name, sizeof(name), "%u", i++);
		if (close == '}') {
			if (!read_string(r, name, sizeof(name)))
				return false;
			skip_blanks(r);
			if (*r->at++ != ':')
				return refuse(r, "colon expected");
		}
		if (!read_member(r, name))
			return false;
	}
	r->at++;
	r->depth--;
	return true;
}

static bool read_value(struct reader *r)
{
	char text[TEXT_MAX];

	switch (*r->at) {
	case '{':
		return read_container(r, '}');
	case '[':
		return read_container(r, ']');
	case '"':
		return read_string(r, text, sizeof(text)) && note(r, text);
	case 't':
		return read_word(r, "true");
	case 'f':
		return read_word(r, "false");
	case 'n':
		return read_word(r, "null");
	default:
		return read_number(r);
	}
}

struct json_flat *json_flat_read(const char *text, char *err, size_t err_size)
{
	struct json_flat *flat = calloc(1, sizeof(*flat));
	struct reader r = { .text = text, .at = text, .err = err, .err_size = err_size, .flat = flat };
	bool ok;

	if (!flat)
		return NULL;
	err[0] = '\0';
	skip_blanks(&r);
	ok = *r.at == '{' ? read_value(&r) : refuse(&r, "object expected");
	skip_blanks(&r);
	if (ok && *r.at)
		ok = refuse(&r, "something follows the document");
	if (ok)
		return flat;
	json_flat_free(flat);
	return NULL;
}

void json_flat_free(struct json_flat *flat)
{
	struct pair *pair, *next;

	if (!flat)
		return;
	HASH_ITER (hh, flat->pairs, pair, next) {
		HASH_DEL(flat->pairs, pair);
		free(pair->path);
		free(pair->value);
		free(pair);
	}
	free(flat);
}

const char *json_flat_get(const struct json_flat *flat, const char *path)
{
	struct pair *pair;

	HASH_FIND_STR(flat->pairs, path, pair);
	return pair ? pair->value : NULL;
}

size_t json_flat_count(const struct json_flat *flat)
{
	return HASH_COUNT(flat->pairs);
}

const char *json_flat_path(const struct json_flat *flat, size_t i)
{
	const struct pair *pair = flat->pairs;

	while (pair && i-- > 0)
		pair = pair->hh.next;
	return pair ? pair->path : NULL;
}
