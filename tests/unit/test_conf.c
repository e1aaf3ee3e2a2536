/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf: a configuration is copied, edited, compared with the one before it, and leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <errno.h>

#include "conf.h"
#include "lib/util.h"

#include <cmocka.h>

static struct ipaddr addr(const char *text)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(text, &a), 0);
	return a;
}

static void add_rule(struct conf *conf, const char *name, uint32_t seq, bool permit, const char *group)
{
	struct gm_acl_rule rule = { .seq = seq, .permit = permit, .any_group = !group, .any_source = true };

	if (group)
		assert_int_equal(ipprefix_parse(group, &rule.group), 0);
	assert_int_equal(conf_acl_set_rule(conf, FAMILY_IPV4, name, &rule), 0);
}

static struct conf *new_conf(void)
{
	struct conf *conf = conf_new();

	assert_non_null(conf);
	return conf;
}

static struct conf_if *get_if(struct conf *conf, const char *name)
{
	struct conf_if *ifc = conf_if_get(conf, name);

	assert_non_null(ifc);
	return ifc;
}

static void add_static(struct conf *conf, struct conf_if *ifc, const char *group, const char *source)
{
	struct gm_static member = { .group = addr(group) };

	if (source)
		member.source = addr(source);
	assert_int_equal(conf_members_add(conf, &ifc->af[FAMILY_IPV4].statics, &member), 0);
}

static void defaults_are_those_of_the_manual(void **state)
{
	struct conf *conf = new_conf();
	const struct conf_if *ifc = get_if(conf, "lan1");

	(void)state;
	assert_int_equal(conf->af[FAMILY_IPV6].max_groups, 65536);
	assert_int_equal(conf->af[FAMILY_IPV4].table, 253);
	assert_int_equal(conf->af[FAMILY_IPV4].idle_timeout_s, 210);
	assert_true(conf->log_stderr.on);
	assert_false(conf->log_syslog.on);
	assert_false(conf->log_file.on);
	assert_int_equal(ifc->af[FAMILY_IPV4].role, GM_ROLE_NONE);
	assert_int_equal(ifc->af[FAMILY_IPV4].version, 3);
	assert_int_equal(ifc->af[FAMILY_IPV6].version, 2);
	assert_int_equal(ifc->af[FAMILY_IPV4].priority, 100);
	assert_int_equal(ifc->af[FAMILY_IPV4].query_interval_s, 125);
	assert_int_equal(conf_query_response_ds(&ifc->af[FAMILY_IPV4]), 100);
	assert_int_equal(conf_startup_count(&ifc->af[FAMILY_IPV4]), 2);
	assert_true(ifc->af[FAMILY_IPV4].verify_source_subnet);
	assert_false(ifc->af[FAMILY_IPV4].require_router_alert);
	assert_true(ifc->af[FAMILY_IPV6].require_router_alert);
	assert_int_equal(ifc->af[FAMILY_IPV4].ttl_threshold, 1);
	conf_free(conf);
	conf_free(NULL);
}

static void the_startup_count_follows_the_robustness(void **state)
{
	struct conf_if_af af;

	(void)state;
	conf_if_af_defaults(&af, FAMILY_IPV4);
	af.robustness = 5;
	assert_int_equal(conf_startup_count(&af), 5);
	af.startup_query_count = 1;
	assert_int_equal(conf_startup_count(&af), 1);
}

static void interfaces_are_kept_by_name(void **state)
{
	static const char *const names[] = { "wan", "lan2", "lan10", "lan1", "lan2" };
	struct conf *conf = new_conf();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		get_if(conf, names[i]);
	assert_int_equal(conf->nifs, 4);
	assert_string_equal(conf->ifs[0]->name, "lan1");
	assert_string_equal(conf->ifs[1]->name, "lan10");
	assert_string_equal(conf->ifs[2]->name, "lan2");
	assert_string_equal(conf->ifs[3]->name, "wan");
	conf_if_remove(conf, "lan10");
	conf_if_remove(conf, "lan10");
	assert_int_equal(conf->nifs, 3);
	assert_null(conf_if_find(conf, "lan10"));
	assert_ptr_equal(conf_if_find(conf, "wan"), conf->ifs[2]);
	conf_free(conf);
}

static void interface_names_are_those_of_the_kernel(void **state)
{
	(void)state;
	assert_true(conf_if_name_valid("eth0"));
	assert_true(conf_if_name_valid("br-lan.100@x"));
	assert_true(conf_if_name_valid("a23456789012345"));
	assert_false(conf_if_name_valid("a234567890123456"));
	assert_false(conf_if_name_valid(""));
	assert_false(conf_if_name_valid("."));
	assert_false(conf_if_name_valid(".."));
	assert_false(conf_if_name_valid("a/b"));
	assert_false(conf_if_name_valid("a:1"));
	assert_false(conf_if_name_valid("a b"));
	assert_false(conf_if_name_valid("a\tb"));
}

static void rules_are_kept_by_seq(void **state)
{
	struct conf *conf = new_conf();
	const struct gm_acl *acl;
	uint32_t serial = conf->af[FAMILY_IPV4].policy_serial, other = conf->af[FAMILY_IPV6].policy_serial;

	(void)state;
	add_rule(conf, "TV", 30, true, NULL);
	assert_int_equal(conf_acl_remove(conf, FAMILY_IPV4, "TV", 0), 0);
	assert_int_equal(conf->af[FAMILY_IPV4].policy_serial, serial); /* nobody has used it */
	strcpy(get_if(conf, "lan1")->af[FAMILY_IPV4].boundary, "TV");
	assert_null(conf_acl_find(conf, FAMILY_IPV4, "TV"));
	assert_null(conf_acl_find(conf, FAMILY_IPV4, ""));
	add_rule(conf, "TV", 20, false, NULL);
	add_rule(conf, "TV", 5, true, "239.1.0.0/16");
	add_rule(conf, "TV", 10, true, "239.2.0.0/16");
	acl = conf_acl_find(conf, FAMILY_IPV4, "TV");
	assert_non_null(acl);
	assert_null(conf_acl_find(conf, FAMILY_IPV6, "TV"));
	assert_int_equal(acl->nrules, 3);
	assert_int_equal(acl->rules[0].seq, 5);
	assert_int_equal(acl->rules[1].seq, 10);
	assert_int_equal(acl->rules[2].seq, 20);
	assert_int_not_equal(conf->af[FAMILY_IPV4].policy_serial, serial);

	/* The same number again replaces the rule. */
	serial = conf->af[FAMILY_IPV4].policy_serial;
	add_rule(conf, "TV", 10, false, "239.3.0.0/16");
	acl = conf_acl_find(conf, FAMILY_IPV4, "TV");
	assert_int_equal(acl->nrules, 3);
	assert_false(acl->rules[1].permit);
	assert_int_not_equal(conf->af[FAMILY_IPV4].policy_serial, serial);

	assert_int_equal(conf_acl_remove(conf, FAMILY_IPV4, "TV", 11), -ENOENT);
	assert_int_equal(conf_acl_remove(conf, FAMILY_IPV4, "NONE", 0), -ENOENT);
	assert_int_equal(conf_acl_remove(conf, FAMILY_IPV4, "TV", 5), 0);
	assert_int_equal(conf_acl_remove(conf, FAMILY_IPV4, "TV", 20), 0);
	assert_int_equal(conf_acl_find(conf, FAMILY_IPV4, "TV")->nrules, 1);
	/* A list without a rule would deny everything unasked: it goes with its last rule. */
	assert_int_equal(conf_acl_remove(conf, FAMILY_IPV4, "TV", 10), 0);
	assert_null(conf_acl_find(conf, FAMILY_IPV4, "TV"));
	add_rule(conf, "A", 1, true, NULL);
	add_rule(conf, "A", 2, true, NULL);
	assert_int_equal(conf_acl_remove(conf, FAMILY_IPV4, "A", 0), 0);
	assert_null(conf_acl_find(conf, FAMILY_IPV4, "A"));
	assert_int_equal(conf->af[FAMILY_IPV6].policy_serial, other);
	conf_free(conf);
}

static void memberships_are_a_set(void **state)
{
	struct conf *conf = new_conf();
	struct conf_if *ifc = get_if(conf, "lan1");
	struct conf_members *statics = &ifc->af[FAMILY_IPV4].statics;
	struct gm_static member = { .group = addr("239.1.1.1") };
	uint32_t serial;

	(void)state;
	add_static(conf, ifc, "239.1.1.2", NULL);
	add_static(conf, ifc, "239.1.1.1", "10.0.0.9");
	add_static(conf, ifc, "239.1.1.1", NULL);
	assert_int_equal(statics->n, 3);
	serial = statics->serial;
	add_static(conf, ifc, "239.1.1.1", NULL);
	assert_int_equal(statics->n, 3);
	assert_int_equal(statics->serial, serial);
	assert_true(ipaddr_is_none(&statics->v[0].source));
	assert_int_equal(conf_members_remove(conf, statics, &member), 0);
	assert_int_not_equal(statics->serial, serial);
	assert_int_equal(conf_members_remove(conf, statics, &member), -ENOENT);
	assert_int_equal(statics->n, 2);
	/* Serials are unique within a configuration: no two lists can be taken for each other. */
	add_static(conf, get_if(conf, "lan2"), "239.1.1.1", NULL);
	assert_int_not_equal(conf_if_find(conf, "lan2")->af[FAMILY_IPV4].statics.serial, statics->serial);
	conf_free(conf);
}

static void a_copy_stands_alone(void **state)
{
	struct conf *conf = new_conf(), *copy;
	struct conf_if *ifc = get_if(conf, "lan1");
	struct conf_ssm_map map = { .acl = "TV", .source = addr("10.0.0.9") };
	const struct gm_acl *acl;

	(void)state;
	add_rule(conf, "TV", 10, true, NULL);
	add_static(conf, ifc, "239.1.1.1", NULL);
	ifc->description = strdup("first");
	assert_int_equal(conf_ssm_map_add(conf, FAMILY_IPV4, &map), 0);
	acl = conf_acl_find(conf, FAMILY_IPV4, "TV");

	copy = conf_clone(conf);
	assert_non_null(copy);
	assert_ptr_not_equal(copy->ifs[0], ifc);
	assert_string_equal(copy->ifs[0]->description, "first");
	assert_int_equal(copy->af[FAMILY_IPV4].nssm_maps, 1);
	/* Lists are shared until one of the two changes. */
	assert_ptr_equal(conf_acl_find(copy, FAMILY_IPV4, "TV"), acl);
	add_rule(copy, "TV", 20, false, NULL);
	assert_ptr_equal(conf_acl_find(conf, FAMILY_IPV4, "TV"), acl);
	assert_int_equal(acl->nrules, 1);
	assert_int_equal(conf_acl_find(copy, FAMILY_IPV4, "TV")->nrules, 2);
	assert_int_equal(conf_acl_remove(copy, FAMILY_IPV4, "TV", 0), 0);
	assert_int_equal(conf_ssm_map_remove(copy, FAMILY_IPV4, &map), 0);
	add_static(copy, conf_if_find(copy, "lan1"), "239.1.1.2", NULL);
	conf_if_remove(copy, "lan1");
	assert_int_equal(conf->nifs, 1);
	assert_int_equal(ifc->af[FAMILY_IPV4].statics.n, 1);
	assert_int_equal(conf->af[FAMILY_IPV4].nssm_maps, 1);
	/* The copy may outlive the original. */
	add_rule(conf, "OTHER", 1, true, NULL);
	conf_free(copy);
	copy = conf_clone(conf);
	assert_non_null(copy);
	conf_free(conf);
	assert_int_equal(conf_acl_find(copy, FAMILY_IPV4, "OTHER")->nrules, 1);
	conf_free(copy);
}

/* Two configurations made in the same way, as the first load and a reload do. */
static struct conf *build(const char *group)
{
	struct conf *conf = new_conf();

	add_rule(conf, "NEWS", 10, true, "239.9.0.0/16");
	add_rule(conf, "TV", 10, true, group);
	strcpy(get_if(conf, "lan1")->af[FAMILY_IPV4].access_list, "TV");
	add_static(conf, get_if(conf, "lan1"), "239.1.1.1", NULL);
	add_static(conf, get_if(conf, "lan2"), "239.1.1.1", NULL);
	strcpy(get_if(conf, "lan2")->af[FAMILY_IPV4].boundary, "NEWS");
	return conf;
}

static void a_reload_of_the_same_changes_nothing(void **state)
{
	struct conf *old = build("239.1.0.0/16"), *new = build("239.1.0.0/16");

	(void)state;
	old->af[FAMILY_IPV4].policy_serial += 5;
	conf_adopt(new, old);
	assert_int_equal(new->af[FAMILY_IPV4].policy_serial, old->af[FAMILY_IPV4].policy_serial);
	assert_ptr_equal(conf_acl_find(new, FAMILY_IPV4, "TV"), conf_acl_find(old, FAMILY_IPV4, "TV"));
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(new->ifs[i]->af[FAMILY_IPV4].statics.serial,
				 old->ifs[i]->af[FAMILY_IPV4].statics.serial);
	conf_free(old);
	assert_int_equal(conf_acl_find(new, FAMILY_IPV4, "TV")->nrules, 1);
	conf_free(new);
}

static void a_reload_of_another_changes_that(void **state)
{
	struct conf *old = build("239.1.0.0/16"), *new = build("239.2.0.0/16");

	(void)state;
	add_static(new, conf_if_find(new, "lan2"), "239.1.1.2", NULL);
	conf_adopt(new, old);
	assert_int_not_equal(new->af[FAMILY_IPV4].policy_serial, old->af[FAMILY_IPV4].policy_serial);
	assert_ptr_not_equal(conf_acl_find(new, FAMILY_IPV4, "TV"), conf_acl_find(old, FAMILY_IPV4, "TV"));
	assert_ptr_equal(conf_acl_find(new, FAMILY_IPV4, "NEWS"), conf_acl_find(old, FAMILY_IPV4, "NEWS"));
	assert_int_equal(new->ifs[0]->af[FAMILY_IPV4].statics.serial, old->ifs[0]->af[FAMILY_IPV4].statics.serial);
	assert_int_not_equal(new->ifs[1]->af[FAMILY_IPV4].statics.serial, old->ifs[1]->af[FAMILY_IPV4].statics.serial);
	conf_free(old);
	conf_free(new);
}

static void a_reload_notices_what_has_gone(void **state)
{
	struct conf *old = build("239.1.0.0/16"), *new = build("239.1.0.0/16");

	(void)state;
	assert_int_equal(conf_acl_remove(new, FAMILY_IPV4, "NEWS", 0), 0);
	conf_adopt(new, old);
	assert_int_not_equal(new->af[FAMILY_IPV4].policy_serial, old->af[FAMILY_IPV4].policy_serial);
	conf_free(new);

	new = build("239.1.0.0/16");
	snprintf(new->af[FAMILY_IPV4].ssm_range, sizeof(new->af[FAMILY_IPV4].ssm_range), "TV");
	conf_adopt(new, old);
	assert_int_not_equal(new->af[FAMILY_IPV4].policy_serial, old->af[FAMILY_IPV4].policy_serial);
	conf_free(new);
	conf_free(old);
}

/* RFC 9776 s8.3: hosts have to answer before the next query, so that one of the two cannot be set alone. */
static void the_response_time_is_shorter_than_the_interval(void **state)
{
	struct conf *conf = new_conf();
	struct conf_if_af *af = &get_if(conf, "lan1")->af[FAMILY_IPV6];
	char why[256] = "";

	(void)state;
	assert_false(conf_invalid(conf, why, sizeof(why)));
	af->query_interval_s = 20;
	af->query_max_response_ds = 199;
	assert_false(conf_invalid(conf, why, sizeof(why)));
	af->query_max_response_ds = 200;
	assert_true(conf_invalid(conf, why, sizeof(why)));
	assert_non_null(strstr(why, "lan1"));
	assert_non_null(strstr(why, "ipv6 mld query-max-response-time"));
	af->query_interval_s = 21;
	assert_false(conf_invalid(conf, why, sizeof(why)));
	/* The defaults give way: a short interval needs no second setting. */
	af->query_max_response_ds = 0;
	for (af->query_interval_s = 1; af->query_interval_s < 200; af->query_interval_s++) {
		assert_false(conf_invalid(conf, why, sizeof(why)));
		assert_true(conf_query_response_ds(af) > 0 && conf_query_response_ds(af) <= 100);
	}
	conf_free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_manual),
		cmocka_unit_test(the_startup_count_follows_the_robustness),
		cmocka_unit_test(interfaces_are_kept_by_name),
		cmocka_unit_test(interface_names_are_those_of_the_kernel),
		cmocka_unit_test(rules_are_kept_by_seq),
		cmocka_unit_test(memberships_are_a_set),
		cmocka_unit_test(a_copy_stands_alone),
		cmocka_unit_test(a_reload_of_the_same_changes_nothing),
		cmocka_unit_test(a_reload_of_another_changes_that),
		cmocka_unit_test(a_reload_notices_what_has_gone),
		cmocka_unit_test(the_response_time_is_shorter_than_the_interval),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
