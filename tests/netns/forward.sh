#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of forwarding, upstreams and policy share; sourced after lab.sh.

# family 4|6: the words and addresses of that family.
# shellcheck disable=SC2034
family()
{
	F=$1
	if [ "$1" = 4 ]; then
		W="ip igmp" M="ip multicast" ACL="ip access-list" SHOW="show ip igmp"
		G=239.1.1.1 G2=239.1.1.2 G3=239.1.1.3 GS=232.1.1.1 S=$S4 S_2=10.0.0.3 ANY=0.0.0.0
		A1=10.1.1.11 A2=10.1.1.12 A3=10.1.2.11 PREFIX=32
	else
		W="ipv6 mld" M="ipv6 multicast" ACL="ipv6 access-list" SHOW="show ipv6 mld"
		G=ff1e::1:1 G2=ff1e::1:2 G3=ff1e::1:3 GS=ff3e::8000:1 S=$S6 S_2=2001:db8::3 ANY=::
		A1=2001:db8:1::11 A2=2001:db8:1::12 A3=2001:db8:2::11 PREFIX=128
	fi
}

# conf LINE...: configuration commands, in one session.
conf()
{
	local out
	out=$(vt 'configure terminal' "$@" 'end' 2>&1) || { echo "# conf: $out" && return 1; }
	case $out in *%*) echo "# conf: $out" && return 1 ;; esac
}

# The number of forwarding entries of the family, and of those of any source.
entries()
{
	on rtr ip "-$F" mroute show | grep -c '^('
}

entries_are()
{
	[ "$(entries)" = "$1" ]
}

# What a receiver that has ended got: got NAME NUMBER, at least.
got()
{
	sed "s/^/# $1: /" "$LAB/$1"
	[ "$(sed -n 's/^received \([0-9]*\),.*/\1/p' "$LAB/$1")" -ge "$2" ]
}

got_all() # NAME NUMBER: so many, and no gap
{
	got "$1" "$2" && grep -q 'lost 0,' "$LAB/$1"
}

# gap_ms NAME: the longest time between two packets that the receiver (without --quiet) has seen, in milliseconds.
gap_ms()
{
	awk '$2 == "from" { if (last && $1 - last > gap) gap = $1 - last; last = $1 } END { printf "%d\n", gap * 1000 }' \
		"$LAB/$1"
}

# arrives NS GROUP [OPTION...]: some data does, within 3 s.
arrives()
{
	on "$1" "$MCAST_TEST" -m "$2" -r -i eth0 -c 5 -t 3 --quiet "${@:3}" >/dev/null 2>&1
}

logged()
{
	grep -q "$@" "$DAEMON_LOG"
}
