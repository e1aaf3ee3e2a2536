#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of overload share; sourced after lab.sh. In each of them established streams flow, what the daemon keeps
# is bounded, what it refuses is counted, its console answers meanwhile, and it recovers by itself.

BLAST=${BLAST:-$builddir/tests/netns/blast}
# How long a flood lasts; `make nightly` has more time.
FLOOD_SECONDS=${FLOOD_SECONDS:-1}
LAB_TIMEOUT=${LAB_TIMEOUT:-$((200 + 12 * FLOOD_SECONDS))}

# resident KEY: kB of the worker, as the kernel counts them
resident()
{
	sed -n "s/^$1:[^0-9]*\([0-9]*\).*/\1/p" /proc/"$(version_of pid)"/status
}

# counted COMMAND KEY: sum of the numbers of this key in JSON
counted()
{
	vt "$1" | tr -d ' \n' | grep -o "\"$2\":[0-9]*" | awk -F: '{ n += $2 } END { print n + 0 }'
}

counted_more() # COMMAND KEY THAN
{
	[ "$(counted "$1" "$2")" -gt "$3" ]
}

descriptors()
{
	find /proc/"$(version_of pid)"/fd -mindepth 1 | wc -l
}

# What a stream may have lost on its way to the router and from it: the processors' input queues count it.
kernel_drops()
{
	awk '{ n += ("0x" $2) + 0 } END { print n + 0 }' /proc/net/softnet_stat 2>/dev/null
}

# overload_start [CONFIGURATION LINE...]: the picture of lab.sh with the daemon and, in both families, a stream from src
# to h1. What follows in a test happens on lan2, where nobody else is.
overload_start()
{
	local line
	need_daemon
	[ -x "$BLAST" ] || { echo "Bail out! $BLAST is not built"; exit 1; }
	lab_router
	{
		lab_config
		for line; do echo "$line"; done
	} >$LAB/improxyd.conf
	check "improxyd starts" start_daemon $LAB/improxyd.conf
	wait_for 10 daemon_settled 3
	streams_start
	LOG_LINES=$(wc -l <$DAEMON_LOG)
	MEMORY=$(resident VmHWM)
}

streams_start()
{
	send_start src $G4
	send_start src $G6
	# From the first packet on that the daemon has let through, nothing may be lost.
	wait_for 10 eval "[ -n \"\$(mfc $G4 $S4)\" ] && [ -n \"\$(mfc $G6 $S6)\" ]"
	recv_start stream4 h1 $G4
	STREAM4=$BG_PID
	recv_start stream6 h1 $G6
	STREAM6=$BG_PID
	check "the streams run" wait_for 10 eval "mfc_is $G4 $S4 'wan: lan1' && mfc_is $G6 $S6 'wan: lan1'"
	DROPS=$(kernel_drops)
}

# lost_at_most NAME NUMBER: what an ended receiver says, which must have received something.
lost_at_most()
{
	sed "s/^/# $1: /" "$LAB/$1"
	[ "$(sed -n 's/^received \([0-9]*\), lost.*/\1/p' "$LAB/$1")" -gt 0 ] &&
		[ "$(sed -n 's/.* lost \([0-9]*\),.*/\1/p' "$LAB/$1")" -le "$2" ]
}

# The streams end here. What the kernel had no room for in its own queues is not the daemon's to answer for.
streams_check()
{
	local drops
	stop "$STREAM4" "$STREAM6"
	drops=$(($(kernel_drops) - DROPS))
	[ $drops = 0 ] || echo "# the kernel's input queues have dropped $drops packets meanwhile"
	check "the IPv4 stream has lost nothing" lost_at_most stream4 $drops
	check "the IPv6 stream has lost nothing" lost_at_most stream6 $drops
}

# console_watch: asks in the background, again and again, until console_check; each question has ten seconds.
console_watch()
{
	rm -f $LAB/console.end
	while [ ! -e $LAB/console.end ]; do
		timeout 10 nsenter --net=$LAB_NS/rtr "$VTYSH" -s $SOCK -c 'show version' >/dev/null 2>&1 && echo ok || echo fail
		sleep 0.2
	done >$LAB/console.out &
	CONSOLE=$!
	LAB_PIDS+=("$CONSOLE")
}

console_check()
{
	: >$LAB/console.end
	wait "$CONSOLE"
	echo "# the console was asked $(wc -l <$LAB/console.out) times, $(grep -c fail $LAB/console.out) in vain"
	check "the console has answered meanwhile" eval "grep -q ok $LAB/console.out && ! grep -q fail $LAB/console.out"
}

# flood NS KIND 4|6 [SECONDS]
flood()
{
	on "$1" "$BLAST" eth0 "$2" "$3" "${4:-$FLOOD_SECONDS}" >"$LAB/blast.out" || return 1
	sed "s/^/# $2, IPv$3: /" "$LAB/blast.out"
}

# bounded_check KB [LINES]: memory and log since overload_start
bounded_check()
{
	local most lines
	most=$(resident VmHWM)
	lines=$(($(wc -l <$DAEMON_LOG) - LOG_LINES))
	echo "# resident: $MEMORY kB before, $most kB at most; $lines lines of log"
	if sanitized "$IMPROXYD"; then
		skip_case "memory is bounded" "the sanitizers keep what was freed"
	else
		check "memory is bounded" test "$most" -lt $((MEMORY + $1))
	fi
	check "the log is bounded" test $lines -lt "${2:-100}"
}

# A host that comes afterwards is served at once: the daemon has nothing left to catch up with.
recovered_check()
{
	check "a new IPv4 member gets its stream" receive h3 $G4 10 10
	check "a new IPv6 member gets its stream" receive h3 $G6 10 10
	check "improxyd is alive" daemon_alive
}

# sanitized PROGRAM: it has been built with the address sanitizer, whose functions would stand before ours
sanitized()
{
	nm -D "$1" 2>/dev/null | grep -q ' __asan_init'
}
