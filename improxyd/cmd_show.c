/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd_show.h"

#include "lib/util.h"

/* Help of the words that the operational commands are made of. */
static const struct cmd_word words[] = {
	{ "show", "Look at the running system" },
	{ "show ip", "IPv4" },
	{ "show ipv6", "IPv6" },
	{ "show ip igmp", "Internet Group Management Protocol" },
	{ "show ipv6 mld", "Multicast Listener Discovery" },
	{ "igmp groups", "Groups that hosts of the downstreams asked for" },
	{ "mld groups", "Groups that hosts of the downstreams asked for" },
	{ "igmp groups detail", "With hosts and sources" },
	{ "mld groups detail", "With hosts and sources" },
	{ "igmp sources", "Sources that hosts named" },
	{ "mld sources", "Sources that hosts named" },
	{ "show ip igmp proxy", "Groups that are joined upstream" },
	{ "show ipv6 mld proxy", "Groups that are joined upstream" },
	{ "show ip igmp interface", "Interfaces the protocol runs on" },
	{ "show ipv6 mld interface", "Interfaces the protocol runs on" },
	{ "igmp statistics", "Messages received, sent and dropped" },
	{ "mld statistics", "Messages received, sent and dropped" },
	{ "statistics interface", "Of one interface" },
	{ "ip mroute", "Forwarding entries" },
	{ "ipv6 mroute", "Forwarding entries" },
	{ "mroute count", "Packets and octets of each" },
	{ "mroute fill", "All columns in the line of each output" },
	{ "mroute summary", "How many there are" },
	{ "show ip multicast", "Interfaces of the kernel's multicast routing table" },
	{ "show ipv6 multicast", "Interfaces of the kernel's multicast routing table" },
	{ "multicast interface", "Of one interface" },
	{ "show interface", "Interfaces: state, addresses, roles" },
	{ "show access-list", "Access lists" },
	{ "show version", "Version and uptime" },
	{ "show system", "What the kernel offers and refuses" },
	{ "show memory", "Memory and what it holds" },
	{ "show logging", "Targets of the log and its last lines" },
	{ "show debugging", "Which debugging is switched on" },
	{ "show metrics", "Counters in the OpenMetrics text format" },
	{ "show tech-support", "Everything somebody who helps will ask for" },
	{ "json", "As a JSON document" },
	{ "clear", "Forget, and learn anew" },
	{ "clear ip", "IPv4" },
	{ "clear ipv6", "IPv6" },
	{ "clear ip igmp", "Internet Group Management Protocol" },
	{ "clear ipv6 mld", "Multicast Listener Discovery" },
	{ "debug", "Log what goes on" },
	{ "undebug", "Stop logging what goes on" },
	{ "no", "Negate a command" },
	{ "no debug", "Stop logging what goes on" },
	{ "debug igmp", "Internet Group Management Protocol" },
	{ "debug mld", "Multicast Listener Discovery" },
	{ "debug mroute", "Forwarding entries and upcalls" },
	{ "debug netlink", "Changes of interfaces and addresses" },
	{ "undebug igmp", "Internet Group Management Protocol" },
	{ "undebug mld", "Multicast Listener Discovery" },
	{ "undebug mroute", "Forwarding entries and upcalls" },
	{ "undebug netlink", "Changes of interfaces and addresses" },
	{ "undebug all", "Everything" },
	{ "no debug all", "Everything" },
	{ "igmp events", "Groups, filters, queriers" },
	{ "mld events", "Groups, filters, queriers" },
	{ "igmp packets", "Messages received and sent" },
	{ "mld packets", "Messages received and sent" },
	{ "igmp timers", "Timers that fire" },
	{ "mld timers", "Timers that fire" },
	{ "igmp all", "All of it" },
	{ "mld all", "All of it" },
	{ "debug igmp interface", "On one interface only" },
	{ "debug mld interface", "On one interface only" },
	{ "undebug igmp interface", "On one interface only" },
	{ "undebug mld interface", "On one interface only" },
	{ "mroute interface", "On one interface only" },
	{ "netlink interface", "On one interface only" },
};

int cmd_show_add_all(struct cmd_table *table)
{
	static int (*const modules[])(struct cmd_table * table) = {
		cmd_show_gm_add, cmd_show_gmif_add, cmd_show_route_add, cmd_show_link_add, cmd_show_sys_add,
		cmd_metrics_add, cmd_clear_add,     cmd_debug_add,      cmd_explain_add,   cmd_monitor_add,
	};
	int err = cmd_table_add_words(table, words, ARRAY_SIZE(words));

	for (size_t i = 0; i < ARRAY_SIZE(modules) && err == 0; i++)
		err = modules[i](table);
	return err;
}
