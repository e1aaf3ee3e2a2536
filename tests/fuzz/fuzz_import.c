/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target of other proxies' configurations: the first octet chooses the format, the rest is the file. Whatever is
 * in it, what comes out loads without complaint, and each warning is one line and a comment in it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "import.h"
#include "tests/fuzz/ensure.h"

static const char *const formats[] = { "improxy", "igmpproxy", "mcproxy", "smcroute" };

static void on_warning(void *arg, const char *message)
{
	int *n = arg;

	ENSURE(strncmp(message, "FILE:", 5) == 0 && !strchr(message, '\n'));
	++*n;
}

static void on_error(void *arg, const char *message)
{
	fprintf(stderr, "%s\n%s", message, (const char *)arg);
	abort();
}

static int count_comments(const char *text)
{
	int n = 0;

	for (const char *p = text; (p = strstr(p, "\n! line ")); p++)
		n++;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cmd_table *table;
	const struct import_format *format;
	char *input, *result = NULL, error[CMD_ERROR_LEN];
	struct conf *conf;
	int told = 0, ret;

	if (!table)
		table = cli_table_new(error, sizeof(error));
	ENSURE(table);
	if (!size)
		return 0;
	format = import_format_find(formats[data[0] % ARRAY_SIZE(formats)]);
	input = strndup((const char *)data + 1, size - 1);
	ENSURE(format && input);
	ret = import_convert(format, table, "FILE", input, on_warning, &told, &result);
	ENSURE(ret >= 0 && ret == told && result);
	/* A remark may look like a warning: there may be more comments than warnings. */
	ENSURE(count_comments(result) >= told);
	conf = conf_new();
	ENSURE(conf);
	load_text(table, &(struct load_source){ "FILE", result, strlen(result) }, conf, on_error, result);
	conf_free(conf);
	free(result);
	free(input);
	return 0;
}
