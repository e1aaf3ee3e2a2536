/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target of configuration files: the input is one. Whatever is in it, the lines that were accepted make a
 * configuration that prints as text, and that text loads without complaint to the same configuration again, also on
 * top of itself. The same holds for a copy; and taking over what is equal leaves nothing to be applied.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "load.h"
#include "tests/fuzz/ensure.h"

static char last_message[512];

static void check_message(void *arg, const char *message)
{
	unsigned int *n = arg;

	/* It is one line of a reply. */
	ENSURE(strncmp(message, "FILE:", 5) == 0 && !strchr(message, '\n'));
	snprintf(last_message, sizeof(last_message), "%s", message);
	(*n)++;
}

/* Returns the number of lines that were not accepted. */
static unsigned int load(const struct cmd_table *table, const char *text, size_t len, struct conf *conf)
{
	unsigned int told = 0;

	ENSURE(conf);
	ENSURE(load_text(table, &(struct load_source){ "FILE", text, len }, conf, check_message, &told) == (int)told);
	return told;
}

static void same_text(const char *a, const struct conf *conf)
{
	char *b = cli_config_text(conf);

	ENSURE(b);
	if (strcmp(a, b) != 0) {
		fprintf(stderr, "--- first\n%s--- then\n%s", a, b);
		abort();
	}
	free(b);
}

static void nothing_changed(const struct conf *a, const struct conf *b)
{
	ENSURE(a->nifs == b->nifs);
	for (unsigned int f = 0; f < FAMILY_COUNT; f++) {
		ENSURE(a->af[f].policy_serial == b->af[f].policy_serial && a->af[f].nacls == b->af[f].nacls);
		for (unsigned int i = 0; i < a->af[f].nacls; i++)
			ENSURE(a->af[f].acls[i] == b->af[f].acls[i]);
		for (unsigned int i = 0; i < a->nifs; i++)
			ENSURE(a->ifs[i]->af[f].statics.serial == b->ifs[i]->af[f].statics.serial);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cmd_table *table;
	struct conf *conf, *again, *copy;
	char *text, error[CMD_ERROR_LEN];

	if (!table)
		table = cli_table_new(error, sizeof(error));
	ENSURE(table);
	conf = conf_new();
	load(table, (const char *)data, size, conf);
	ENSURE(!conf_invalid(conf, error, sizeof(error)));
	text = cli_config_text(conf);
	ENSURE(text);

	again = conf_new();
	if (load(table, text, strlen(text), again)) {
		fprintf(stderr, "%s\n--- text\n%s", last_message, text);
		abort();
	}
	same_text(text, again);
	conf_adopt(again, conf);
	nothing_changed(again, conf);
	same_text(text, again);

	copy = conf_clone(conf);
	ENSURE(copy);
	conf_free(conf);
	same_text(text, copy);
	nothing_changed(copy, again);
	/* What is there already is added without effect. */
	ENSURE(load(table, text, strlen(text), copy) == 0);
	same_text(text, copy);

	conf_free(again);
	conf_free(copy);
	free(text);
	return 0;
}
