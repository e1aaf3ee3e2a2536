#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The bed of the wire tests, sourced after lab.sh: improxyd in rtr, and at the other end of each cable nothing but
# tests/netns/wired in the namespace tst, whose interfaces have no addresses. So every packet on a cable is either made
# by the test or sent by the router.
#
#   tst wan  ---- wan  rtr      wan  198.51.100.2, fe80::10     UR  198.51.100.1, fe80::1    the router above
#   tst lan1 ---- lan1 rtr      lan1 10.1.0.10, fe80::10        H1, H2 .11 .12, fe80::11 :12 hosts on lan1
#   tst lan2 ---- lan2 rtr      lan2 10.2.0.10                  H3, H3B 10.2.0.11 .12        hosts on lan2
#   tst lan3 ---- lan3 rtr      lan3 10.3.0.10                  QL .5 fe80::5, QH .200 fe80::c8 other routers on lan1
#
# Cases are named by the rows of doc/CONFORMANCE.md; a row of both families is one case in each. What is said of the
# upstream side is done by the kernel's host stack, which improxyd drives: such cases say "(kernel)".

# shellcheck disable=SC2154
WIRED=$srcdir/tests/netns/wired
# These take their time on a loaded machine.
LAB_TIMEOUT=${LAB_TIMEOUT:-300}
# Where a test changes the router's address: all of them.
declare -A SENDERS=() SENDERS6=()

# wire_lab [NUMBER of downstreams]
wire_lab()
{
	local i n=${1:-2}
	need_daemon
	lab_ns rtr
	lab_ns tst
	lab_forwarding rtr
	on tst sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
	on rtr sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/addr_gen_mode
		echo 0 >/proc/sys/net/ipv4/conf/default/accept_local' 2>/dev/null
	wire_cable wan wan 198.51.100.2/24 || skip "cannot make a veth pair"
	WIRE_IFS="wan"
	for ((i = 1; i <= n; i++)); do
		wire_cable "lan$i" "lan$i" "10.$i.0.10/24"
		WIRE_IFS="$WIRE_IFS lan$i"
	done
	mkfifo $LAB/w.in $LAB/w.out
	on_bg tst python3 "$WIRED" $LAB/w.in $LAB/w.out 2>$LAB/wired.log
	exec 7<>$LAB/w.in 8<>$LAB/w.out
	# shellcheck disable=SC2086
	w open $SOCK $WIRE_IFS || skip "no packet sockets here"
}

wire_cable() # TST-DEV RTR-DEV ADDRESS
{
	lab_link tst "$1" rtr "$2" && lab_addr rtr "$2" "$3" fe80::10/64 "2001:db8:a${2//[!0-9]/}::10/64"
}

# What a failed case shows besides what it expected.
lab_state()
{
	tail -n 6 "$DAEMON_LOG" 2>/dev/null | sed 's/^/#   /'
}

# w COMMAND...: one request to wired; prints what it prints, with its status.
w()
{
	local line IFS=$'\x1f'
	printf '%s\n' "$*" >&7
	while IFS= read -r -t 100 line <&8; do
		case $line in
		=0) return 0 ;;
		=1) return 1 ;;
		*) printf '%s\n' "$line" ;;
		esac
	done
	return 1
}

# use 4|6: the addresses and words of that family.
# shellcheck disable=SC2034
use()
{
	F=$1
	if [ "$1" = 4 ]; then
		G=239.1.1.1 G2=239.1.1.2 GS=232.1.1.1 GS2=232.1.1.2
		UR=198.51.100.1 H1=10.1.0.11 H2=10.1.0.12 H3=10.2.0.11 H3B=10.2.0.12 H4=10.3.0.11
		QL=10.1.0.5 QL3=10.1.0.3 QH=10.1.0.200 QU=10.1.0.10
		H1GLOBAL=10.1.0.11 DUT1=10.1.0.10 ALL=224.0.0.1
		W="ip igmp" P=igmp SRC=198.18.0. QLEN=12 UNIT=1 ROUTERS=224.0.0.2
	else
		G=ff15::1:1 G2=ff15::1:2 GS=ff35::8000:1 GS2=ff35::8000:2
		UR=fe80::1 H1=fe80::11 H2=fe80::12 H3=fe80::13 H3B=fe80::15 H4=fe80::14
		QL=fe80::5 QL3=fe80::3 QH=fe80::c8 QU=fe80::10
		H1GLOBAL=2001:db8:a1::11 DUT1=fe80::10 ALL=ff02::1
		W="ipv6 mld" P=mld SRC=2001:db8:18:: QLEN=28 UNIT=100 ROUTERS=ff02::2
	fi
	S1=${SRC}1 S2=${SRC}2 S3=${SRC}3 S4=${SRC}4 S5=${SRC}5 S6=${SRC}6
	SALL=$S1,$S2,$S3,$S4,$S5,$S6
	V=v$1
}

# Packets. The interface is the host's: by name of the variable it would be lan1 for H1, H2, QL, QH.
report() # IFACE HOST RECORD... [--OPTION...]
{
	w send "$1" v3report "${@:3}" --src "$2" "-$F"
}

v1report() { w send "$1" v1report "${@:3}" --src "$2"; }
v2report() { w send "$1" v2report "${@:3}" --src "$2"; }
v2leave() { w send "$1" v2leave "${@:3}" --src "$2"; }
query() { w send "$1" query "${@:3}" --src "$2" "-$F"; }
raw() { w send "$1" raw "$3" "${@:4}" --src "$2" "-$F"; }

# row ID TEXT COMMAND...: a case, with the family in its name.
row()
{
	check "$1 $V $2" "${@:3}"
}

row_not()
{
	check_not "$1 $V $2" "${@:3}"
}

row_eq() # ID TEXT WANT HAVE
{
	check_eq "$1 $V $2" "$3" "$4"
}

# reset IFACE...: this family starts anew there, with no group and as the querier. The rest of the run stays as it is.
reset()
{
	local i
	for i; do
		w conf "interface $i" "no $W proxy downstream" && w conf "interface $i" "$W proxy downstream" || return 1
	done
}

# wire_config NUMBER [LINE...]: roles in both families; each further line is a setting of every downstream, with F
# standing for the family's words.
wire_config()
{
	local i line n=$1
	shift
	printf 'interface wan\n ip igmp proxy upstream\n ipv6 mld proxy upstream\n'
	for ((i = 1; i <= n; i++)); do
		printf 'interface lan%d\n' "$i"
		for line in "F proxy downstream" "$@"; do
			case $line in
			F\ *) printf ' ip igmp %s\n ipv6 mld %s\n' "${line#F }" "${line#F }" ;;
			*) printf ' %s\n' "$line" ;;
			esac
		done
	done
}

# Between these numbers.
within() # VALUE LOW HIGH
{
	[ -n "$1" ] && [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]
}

# The router has an entry of the interface's kernel part: it hears and is the querier.
wire_ready() # NUMBER of interfaces
{
	wait_for 10 daemon_settled "$1"
}

# What holds of everything that was seen, at the end of each script.
wire_end()
{
	local i
	for i in $WIRE_IFS; do
		case $i in
		wan) check "B-03 E-02 no query ever leaves the upstream" w never wan query
			check "A-64 A-65 all that left on wan is exact (kernel)" w exact wan "${SENDERS[wan]:-198.51.100.2}" "${SENDERS6[wan]:-fe80::10}" ;;
		*) check "E-03 what is proxied is not reported on $i" w unreported "$i" 239.1.1.1 239.1.1.2 ff15::1:1 ff15::1:2
			check "A-64 A-65 all that left on $i is exact" \
				w exact "$i" "${SENDERS[$i]:-10.${i#lan}.0.10}" "${SENDERS6[$i]:-fe80::10}" ;;
		esac
	done
	check "improxyd is alive" daemon_alive
	lab_done
}
