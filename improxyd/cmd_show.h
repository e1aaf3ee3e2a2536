/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The operational commands, module by module: each function adds the rows of one. They read the daemon through
 * daemon.h and write through lib/out, every field once for text and JSON.
 */
#ifndef IMPROXY_CMD_SHOW_H
#define IMPROXY_CMD_SHOW_H

#include "lib/cmd.h"

/* All return 0 or the error of cmd_table_add(). */
int cmd_show_gm_add(struct cmd_table *table);    /* show ip igmp groups, sources, proxy */
int cmd_show_gmif_add(struct cmd_table *table);  /* show ip igmp interface, statistics */
int cmd_show_route_add(struct cmd_table *table); /* show ip mroute, show ip multicast */
int cmd_show_link_add(struct cmd_table *table);  /* show interface, access-list */
int cmd_show_sys_add(struct cmd_table *table);   /* show version, system, memory, logging, tech-support */
int cmd_metrics_add(struct cmd_table *table);    /* show metrics */
int cmd_clear_add(struct cmd_table *table);      /* clear */
int cmd_debug_add(struct cmd_table *table);      /* debug, undebug, show debugging */
int cmd_explain_add(struct cmd_table *table);    /* show ip igmp explain */
int cmd_monitor_add(struct cmd_table *table);    /* monitor */

/* All of these, and the help of their words. */
int cmd_show_add_all(struct cmd_table *table);

#endif
