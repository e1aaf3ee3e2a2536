/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * knobs - THE table of settings that exist once a family: one row a setting. From a row follow the commands of both
 * families, their `no` and `default` forms, range checks, help, completion, what `show running-config` prints, and the
 * reference page. A new setting is one row here, one field in conf.h, and its use.
 *
 * Settings that are no such rows (host name, log, access lists, description) are commands of cmd_config.
 */
#ifndef IMPROXY_KNOBS_H
#define IMPROXY_KNOBS_H

#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "lib/cmd.h"
#include "lib/family.h"
#include "lib/out.h"

enum knob_scope { KNOB_FAMILY, KNOB_INTERFACE };

/* `ip igmp` and `ipv6 mld`, or `ip multicast` and `ipv6 multicast`. */
enum knob_prefix { KNOB_PROTOCOL, KNOB_MULTICAST };

enum knob_type {
	KNOB_NUMBER,  /* uint32_t */
	KNOB_SWITCH,  /* bool */
	KNOB_CHOICE,  /* an enum: one of `choices` */
	KNOB_ACL,     /* char[CONF_NAME_LEN] */
	KNOB_MEMBERS, /* struct conf_members: GROUP [source SOURCE], any number of times */
	KNOB_SSM_MAP, /* of the family: ACL SOURCE, any number of times */
	KNOB_ROLE,    /* upstream with its priority and access list, or downstream */
};

/* A word and what it stands for. */
struct knob_choice {
	const char *word;
	int value;
};

struct knob {
	enum knob_scope scope;
	enum knob_prefix prefix;
	const char *words;
	enum knob_type type;
	size_t offset; /* in struct conf_af or struct conf_if_af */
	struct {
		uint32_t min, max, normal; /* the last: the default; of a switch only this, of a choice its value */
	} range[FAMILY_COUNT];
	uint32_t spoken; /* of the response time: its default as it is spoken of, kept as 0; it follows the query
			    interval */
	const char *help;
	const char *vain[FAMILY_COUNT];    /* why it changes nothing, which is told to who sets it; NULL: it does */
	const char *example;               /* the value part of a line that is not the default */
	const struct knob_choice *choices; /* ended by a NULL word; the first is what no word at all means, if `bare` */
	bool bare;
};

/* What the private part of a generated command row points to. */
enum knob_form { KNOB_SET, KNOB_UNSET };

struct knob_use {
	const struct knob *knob;
	enum family family;
	enum knob_form form;
};

extern const struct knob knobs[];
extern const size_t knobs_count;

/*
 * Adds the rows of all settings: `family_modes` and `if_modes` are the modes of the two scopes. `run` gets the use by
 * ctx->row->priv. Returns 0 or the error of cmd_table_add().
 */
int knobs_add_rows(struct cmd_table *table, unsigned int family_modes, unsigned int if_modes, unsigned int level,
		   enum cmd_code (*run)(struct cmd_ctx *ctx));

/*
 * Carries out the command of `use` with the arguments of `ctx` on a configuration; `ifc` is the interface of an
 * interface setting. What is wrong goes to cmd_fail().
 */
enum cmd_code knob_run(const struct knob_use *use, struct cmd_ctx *ctx, struct conf *conf, struct conf_if *ifc);

/* Writes the lines of a setting that is not at its default; `ifc` NULL for the scope of the family. */
void knob_write(const struct knob *knob, enum family family, const struct conf *conf, const struct conf_if *ifc,
		struct out *out);

#endif
