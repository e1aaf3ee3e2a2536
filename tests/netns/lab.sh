#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A laboratory of network namespaces, to be sourced by tests (and by tests/demo.sh).
#
#                  sw (a bridge without snooping)
#   src ---- rtr -------+---- h1
#   eth0  wan lan1      +---- h2          each host's interface is eth0
#                \lan2 ------ h3
#
#   src 10.0.0.1, 2001:db8::1          rtr wan  10.0.0.2, 2001:db8::2
#   h1  10.1.1.11, 2001:db8:1::11      rtr lan1 10.1.1.1, 2001:db8:1::1
#   h2  10.1.1.12, 2001:db8:1::12
#   h3  10.1.2.11, 2001:db8:2::11      rtr lan2 10.1.2.1, 2001:db8:2::1
#
# Everything lives in private mount, PID and network namespaces: nothing of it is seen outside, laboratories run side by
# side, and when the script ends the kernel takes all of it away. A script:
#
#   . "${srcdir:-...}/tests/netns/lab.sh"
#   lab_init "$@"            runs the script again inside; exits 77 with the reason where that cannot be done
#   lab_router               builds the picture above
#   start_daemon - <<END     starts improxyd in rtr with this configuration
#   check NAME COMMAND...    one test case: passes when the command succeeds
#   lab_done                 the plan line and the exit status
#
# Output is TAP. Nothing sleeps for a fixed time where there is something to wait for: see wait_for.

srcdir=${srcdir:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
builddir=${builddir:-$srcdir/build}
# The script that lab_init starts anew; one that changes its folder first has to say where it is.
LAB_SELF=${LAB_SELF:-$(realpath "$0")}
IMPROXYD=${IMPROXYD:-$builddir/improxyd/improxyd}
VTYSH=${VTYSH:-$builddir/vtysh-lite/vtysh-lite}
MCAST_TEST=${MCAST_TEST:-$srcdir/tests/tools/mcast-test}
PROBE=$srcdir/tests/netns/probe
PATH=$PATH:/usr/sbin:/sbin

LAB=/run/lab
LAB_NS=/run/netns
SOCK=$LAB/improxyd.sock
PIDFILE=$LAB/improxyd.pid
DAEMON_LOG=$LAB/improxyd.log
DAEMON_PID=
LAB_PIDS=()
CASES=0
FAILED=0
# What the streams send from, by family.
S4=10.0.0.1
S6=2001:db8::1
# The groups most tests use.
# shellcheck disable=SC2034
G4=239.1.1.1 G6=ff1e::1:1

# --- results

# skip REASON: the whole script cannot run here.
skip()
{
	echo "1..0 # SKIP $*"
	exit "${IMPROXY_SKIP_STATUS:-77}"
}

ok()
{
	CASES=$((CASES + 1))
	echo "ok $CASES - $*"
}

not_ok()
{
	CASES=$((CASES + 1))
	FAILED=$((FAILED + 1))
	echo "not ok $CASES - $*"
	lab_state
}

skip_case() # NAME REASON
{
	CASES=$((CASES + 1))
	echo "ok $CASES - $1 # SKIP $2"
}

# check NAME COMMAND...
check()
{
	local name=$1
	shift
	if "$@"; then
		ok "$name"
	else
		echo "# failed: $*"
		not_ok "$name"
	fi
}

# check_not NAME COMMAND...
check_not()
{
	local name=$1
	shift
	if "$@"; then
		echo "# should have failed: $*"
		not_ok "$name"
	else
		ok "$name"
	fi
}

check_eq() # NAME WANT HAVE
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		echo "# want: $2"
		echo "# have: $3"
		not_ok "$1"
	fi
}

# What helps to see why a case failed, as TAP comments.
lab_state()
{
	{
		[ -e "$LAB_NS/rtr" ] && {
			on rtr ip mroute show
			on rtr ip -6 mroute show
			on rtr sh -c 'echo "vifs:"; cat /proc/net/ip_mr_vif; echo "mifs:"; cat /proc/net/ip6_mr_vif'
		}
		[ -f "$DAEMON_LOG" ] && tail -n 25 "$DAEMON_LOG"
	} 2>&1 | head -n 80 | sed 's/^/#   /'
}

lab_done()
{
	echo "1..$CASES"
	[ "$FAILED" = 0 ]
	exit $?
}

# --- namespaces

# lab_init "$@": goes on in namespaces of its own, as root or as a user that may have them. LAB_TIMEOUT seconds later
# (default 120, 0 = never) the kernel ends everything in them.
lab_init()
{
	local flags tool err
	if [ -z "${LAB_INSIDE:-}" ]; then
		for tool in unshare nsenter ip python3; do
			command -v $tool >/dev/null 2>&1 || skip "$tool is missing (Debian: apt install util-linux iproute2 python3)"
		done
		[ "$(id -u)" = 0 ] && flags=-mnpf || flags=-Urmnpf
		for flags in "$flags --kill-child --mount-proc" "${flags%pf}"; do
			# shellcheck disable=SC2086
			err=$(unshare $flags mount -t tmpfs lab /run 2>&1) && break
		done
		[ -z "$err" ] || skip "no network namespaces here: $err"
		export LAB_INSIDE=1 srcdir builddir IMPROXYD VTYSH MCAST_TEST
		if [ "${LAB_TIMEOUT:=120}" = 0 ]; then
			# shellcheck disable=SC2086
			exec unshare $flags bash "$LAB_SELF" "$@"
		fi
		# shellcheck disable=SC2086
		exec timeout -k 2 "$LAB_TIMEOUT" unshare $flags bash "$LAB_SELF" "$@"
	fi
	trap lab_end EXIT
	trap 'exit 1' INT TERM HUP
	mount -t tmpfs lab /run && mkdir -p $LAB $LAB_NS || skip "cannot mount a private /run"
}

# Only what this laboratory started is ended, by its id.
lab_end()
{
	local pid
	for pid in "${LAB_PIDS[@]}" $DAEMON_PID; do
		kill -KILL "$pid" 2>/dev/null
	done
	wait 2>/dev/null
}

# lab_ns NAME: a network namespace held by nothing but its name under /run/netns, so that `ip -n NAME` works too.
# Forwarding is the caller's; reverse path filter and duplicate address detection are off.
lab_ns()
{
	: >"$LAB_NS/$1"
	unshare -n mount --bind /proc/self/ns/net "$LAB_NS/$1" || skip "cannot hold a network namespace"
	on "$1" sh -c '
		ip link set lo up
		cd /proc/sys/net || exit 1
		echo 0 >ipv4/conf/all/rp_filter
		echo 0 >ipv4/conf/default/rp_filter
		[ -d ipv6 ] || exit 0
		echo 0 >ipv6/conf/default/accept_dad
		echo 0 >ipv6/conf/default/dad_transmits
		echo 0 >ipv6/conf/default/accept_ra
		echo 0 >ipv6/conf/default/router_solicitations
		echo 0 >ipv6/conf/default/disable_ipv6
		exit 0' 2>&1 | sed 's/^/# /'
}

# on NAME COMMAND...: runs the command in that namespace.
on()
{
	local ns=$1
	shift
	nsenter --net="$LAB_NS/$ns" "$@"
}

# on_bg NAME COMMAND...: the same in the background; its id is then in $BG_PID. Output goes where the caller says.
on_bg()
{
	local ns=$1
	shift
	nsenter --net="$LAB_NS/$ns" "$@" &
	BG_PID=$!
	LAB_PIDS+=("$BG_PID")
}

# lab_link NS1 DEV1 NS2 DEV2: a cable between two namespaces, both ends up. LAB_INDEX[DEV2], when set, is the
# interface index of both ends (the kernel takes a peer's index only together with the first end's).
declare -A LAB_INDEX=()
lab_link()
{
	local index=${LAB_INDEX[$4]:+index ${LAB_INDEX[$4]}}
	# shellcheck disable=SC2086
	on "$1" ip link add "$2" $index type veth peer name "$4" netns "$LAB_NS/$3" $index || return 1
	on "$1" ip link set "$2" up && on "$3" ip link set "$4" up
}

# lab_addr NS DEV ADDR...: either family.
lab_addr()
{
	local ns=$1 dev=$2 addr
	shift 2
	for addr; do
		case $addr in
		*:*) on "$ns" ip -6 addr add "$addr" dev "$dev" nodad ;;
		*) on "$ns" ip addr add "$addr" dev "$dev" ;;
		esac || return 1
	done
}

lab_forwarding() # NS
{
	on "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}

lab_wan()
{
	lab_link src eth0 rtr wan &&
		lab_addr src eth0 $S4/24 $S6/64 && lab_addr rtr wan 10.0.0.2/24 2001:db8::2/64 &&
		on src ip route add 10.1.0.0/16 via 10.0.0.2 &&
		on src ip -6 route add 2001:db8::/32 via 2001:db8::2
}

lab_lan() # NUMBER: the router's side
{
	lab_addr rtr "lan$1" "10.1.$1.1/24" "2001:db8:$1::1/64"
}

lab_host() # NS LAN HOST-NUMBER
{
	lab_addr "$1" eth0 "10.1.$2.$3/24" "2001:db8:$2::$3/64" &&
		on "$1" ip route add default via "10.1.$2.1" &&
		on "$1" ip -6 route add default via "2001:db8:$2::1"
}

# lab_router [N]: the picture on top; with N > 2 also lan3..lanN, each with one host h4...
lab_router()
{
	lab_spaces "${1:-2}"
	lab_cables "${1:-2}"
}

# lab_spaces [N]: only the namespaces, no interface yet.
lab_spaces()
{
	local n=${1:-2} i ns
	for ns in src rtr sw h1 h2; do
		lab_ns $ns
	done
	for ((i = 2; i <= n; i++)); do
		lab_ns h$((i + 1))
	done
	lab_forwarding rtr
}

# lab_cables [N]: interfaces, addresses, routes.
lab_cables()
{
	local n=${1:-2} i
	lab_wan || skip "cannot make a veth pair"
	on sw ip link add br0 type bridge mcast_snooping 0 || skip "cannot make a bridge"
	on sw ip link set br0 up
	lab_link sw p0 rtr lan1 && lab_link sw p1 h1 eth0 && lab_link sw p2 h2 eth0
	for i in 0 1 2; do
		on sw ip link set p$i master br0
	done
	lab_lan 1 && lab_host h1 1 11 && lab_host h2 1 12
	for ((i = 2; i <= n; i++)); do
		lab_link h$((i + 1)) eth0 rtr "lan$i" && lab_lan "$i" && lab_host h$((i + 1)) "$i" 11
	done
	wait_for 5 lab_ready || skip "the laboratory's links do not come up"
}

# Link-local addresses everywhere, usable: without them the first report would be lost.
lab_ready()
{
	local ns dev
	for ns in src rtr h1 h2 h3; do
		for dev in $(on $ns ip -o link show up | sed -n 's/^[0-9]*: \([a-z0-9]*\)@.*/\1/p'); do
			on $ns ip -6 -o addr show dev "$dev" scope link -tentative | grep -q fe80 || return 1
		done
	done
}

# --- time

# wait_for SECONDS COMMAND...: polls every 20 ms until the command succeeds; fails when the time is over.
wait_for()
{
	local end=$(($(now_ms) + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -lt $end ] || return 1
		sleep 0.02
	done
}

# stays SECONDS COMMAND...: succeeds when the command does all that time (for "nothing arrives any more").
stays()
{
	local end=$(($(now_ms) + $1 * 1000))
	shift
	while [ "$(now_ms)" -lt $end ]; do
		"$@" >/dev/null 2>&1 || return 1
		sleep 0.05
	done
}

now_ms()
{
	local t=${EPOCHREALTIME//[.,]/}
	echo $((t / 1000))
}

# --- the daemon

need_daemon()
{
	[ -x "$IMPROXYD" ] && [ -x "$VTYSH" ] && return 0
	# Not a reason to skip: what is to be tested is missing.
	echo "Bail out! improxyd and vtysh-lite are not built in $builddir"
	exit 1
}

# start_daemon FILE|- [OPTION...]: in rtr; ready when its socket answers. $DAEMON_PID is the process that was started.
start_daemon()
{
	local conf=$1
	shift
	need_daemon
	[ "$conf" = - ] && conf=$LAB/improxyd.conf && cat >"$conf"
	nsenter --net=$LAB_NS/rtr "$IMPROXYD" -f "$conf" -s $SOCK -p $PIDFILE -l debugging "$@" >>$DAEMON_LOG 2>&1 &
	DAEMON_PID=$!
	wait_for 10 daemon_answers
}

daemon_answers()
{
	[ -S $SOCK ] && vt 'show version'
}

daemon_alive()
{
	[ -n "$DAEMON_PID" ] && kill -0 "$DAEMON_PID" 2>/dev/null
}

# stop_daemon [SIGNAL]: its exit status is this function's.
stop_daemon()
{
	local status
	kill -"${1:-TERM}" "$DAEMON_PID"
	wait "$DAEMON_PID" 2>/dev/null
	status=$?
	DAEMON_PID=
	return $status
}

# vt COMMAND...: each argument is a command, in one session.
vt()
{
	local args=() command
	for command; do
		args+=(-c "$command")
	done
	on rtr "$VTYSH" -s $SOCK "${args[@]}"
}

# The configuration of the picture: both roles in both families, fast timers for leaves.
lab_config()
{
	local i
	echo "interface wan"
	echo " ip igmp proxy upstream"
	echo " ipv6 mld proxy upstream"
	for ((i = 1; i <= ${1:-2}; i++)); do
		cat <<-END
			interface lan$i
			 ip igmp proxy downstream
			 ip igmp last-member-query-interval 2
			 ipv6 mld proxy downstream
			 ipv6 mld last-member-query-interval 2
		END
	done
}

# To go behind lab_config: after a start the hosts have been heard within 4 s.
lab_quick_start()
{
	local i
	for ((i = 1; i <= ${1:-2}; i++)); do
		cat <<-END
			interface lan$i
			 ip igmp query-max-response-time 15
			 ip igmp startup-query-interval 2
			 ipv6 mld query-max-response-time 15
			 ipv6 mld startup-query-interval 2
		END
	done
}

# version_of KEY: a number in `show version`, for instance pid (of the worker; $DAEMON_PID is its keeper) or starts.
version_of()
{
	vt 'show version json' | sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p"
}

version_is() # KEY VALUE
{
	vt 'show version json' | grep -q "\"$1\": $2\b"
}

# Until the daemon has its interfaces (VIFs of both families) it cannot hear anybody.
daemon_settled() # NUMBER of interfaces
{
	[ "$(on rtr cat /proc/net/ip_mr_vif | tail -n +2 | wc -l)" = "$1" ] &&
		[ "$(on rtr cat /proc/net/ip6_mr_vif | tail -n +2 | wc -l)" = "$1" ]
}

# --- the kernel's view

# mfc GROUP SOURCE: "IIF: OIF OIF..." of the forwarding entry in rtr, nothing when there is none.
mfc()
{
	local family=-4
	case $1 in
	*:*) family=-6 ;;
	esac
	on rtr ip $family mroute show | awk -v key="($2,$1)" '
		{ gsub(/, */, ",") }
		$1 == key {
			iif = ""; oifs = ""; n = 0
			for (i = 2; i <= NF; i++) {
				if ($i == "Iif:") { iif = $(i + 1); mode = "" }
				else if ($i == "Oifs:") mode = "o"
				else if ($i == "State:") mode = ""
				else if (mode == "o") oif[n++] = $i
			}
			for (i = 0; i < n; i++)
				for (j = i + 1; j < n; j++)
					if (oif[j] < oif[i]) { t = oif[i]; oif[i] = oif[j]; oif[j] = t }
			for (i = 0; i < n; i++) oifs = oifs " " oif[i]
			print iif ":" oifs
			exit
		}'
}

mfc_is() # GROUP SOURCE "IIF: OIFS"
{
	[ "$(mfc "$1" "$2")" = "$3" ]
}

# joined DEV GROUP: the kernel of rtr is a member of GROUP on DEV.
joined()
{
	on rtr ip maddress show dev "$1" | awk -v g="$2" '$2 == g { found = 1 } END { exit !found }'
}

not_joined()
{
	! joined "$@"
}

# How many groups of PREFIX (a regular expression) rtr is a member of on DEV.
joined_count() # DEV REGEX
{
	on rtr ip maddress show dev "$1" | awk -v re="^($2)" '$2 ~ re { n++ } END { print n + 0 }'
}

joined_exactly() # DEV REGEX NUMBER
{
	[ "$(joined_count "$1" "$2")" = "$3" ]
}

# --- streams

# send_start NS GROUP [OPTION...]: sends 50 packets a second until it is stopped; its id is in $BG_PID.
send_start()
{
	local ns=$1 group=$2
	shift 2
	on_bg "$ns" "$MCAST_TEST" -m "$group" -s -i eth0 --rate 50 --quiet "$@" >"$LAB/send-$ns-${group//[.:]/_}.log" 2>&1
}

# recv_start NAME NS GROUP [OPTION...]: a receiver that stays; when it ends, $LAB/NAME has its summary.
recv_start()
{
	local name=$1 ns=$2 group=$3
	shift 3
	on_bg "$ns" "$MCAST_TEST" -m "$group" -r -i eth0 --quiet "$@" >"$LAB/$name" 2>&1
}

# receive NS GROUP COUNT SECONDS [OPTION...]: succeeds when COUNT packets came in time, none lost between them.
receive()
{
	local ns=$1 group=$2 count=$3 seconds=$4 status
	shift 4
	on "$ns" "$MCAST_TEST" -m "$group" -r -i eth0 -c "$count" -t "$seconds" --quiet "$@" >"$LAB/receive.out" 2>&1
	status=$?
	sed 's/^/# /' "$LAB/receive.out"
	[ $status = 0 ] && grep -q 'lost 0,' "$LAB/receive.out"
}

# lost_nothing NAME: what the ended receiver of this name says.
lost_nothing()
{
	sed 's/^/# /' "$LAB/$1"
	grep -q 'lost 0,' "$LAB/$1"
}

# first_ms NS GROUP SECONDS: prints the milliseconds from the join to the first packet, 99999 when none came.
first_ms()
{
	local ms
	ms=$(on "$1" "$MCAST_TEST" -m "$2" -r -i eth0 -c 1 -t "$3" --quiet | sed -n 's/.*first after \([0-9]*\).*/\1/p')
	echo "${ms:-99999}"
}

# stop PID...: ends what send_start and recv_start began, and waits for it, so that memberships are gone.
stop()
{
	local pid
	for pid; do
		kill -TERM "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	return 0
}

# probe NS COMMAND...: tests/netns/probe there; see its head.
probe()
{
	on "$1" python3 "$PROBE" "${@:2}"
}

# probe_bg NS COMMAND...: in the background, and waits until it says that it is ready. Its id is in $BG_PID.
probe_bg()
{
	PROBES=$((PROBES + 1))
	on_bg "$1" python3 "$PROBE" "${@:2}" >"$LAB/probe.$PROBES"
	wait_for 20 grep -q ready "$LAB/probe.$PROBES"
}
PROBES=0

# goes_nowhere GROUP SOURCE: no entry, or one without outputs.
goes_nowhere()
{
	case $(mfc "$1" "$2") in
	*': '*) return 1 ;;
	esac
}
