#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Measures improxyd and other proxies side by side, in one laboratory of network namespaces and in one run:
#
#   sudo tests/bench/run.sh [--peer 'NAME:COMMAND']... [--assert] [--quick] [--only TEST,...] [--json FILE]
#
#   --peer 'NAME:COMMAND'  another proxy; the command stays in the foreground, its interfaces are wan (upstream), lan1
#                          and lan2; BENCH_FAMILY is 4 or 6, BENCH_VARIANT is plain or fast (leave at once).
#                          igmpproxy of the distribution takes part by itself when it is there or can be installed
#   --assert               ends with status 1 when a target of doc/PERFORMANCE.md is missed by far
#   --quick                tiny numbers, to see that it works
#   --only TEST,...        of: join leave stream grow burst idle sources zap rate burden stall engine
#   --json FILE            where the results go (default: bench.json in the build directory)
#   --alone                improxyd only
#   --build DIR            measures the programs that are built there and installs nothing
#   --rounds N             so many rounds (default 5; the trials of all proxies alternate within each)
#
# Methods: RFC 3918 and doc/PERFORMANCE.md. Nothing of the laboratory is left afterwards.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
LAB_SELF=$(realpath "$0")
bench=$(dirname "$LAB_SELF")
srcdir=$(realpath "$bench/../..")
export srcdir

TESTS=join,leave,stream,grow,burst,idle,sources,zap,rate,burden,stall,engine
PEERS=() ASSERT='' QUICK='' ONLY=$TESTS JSON='' BUILD=${BUILD:-} ROUNDS='' INSTALL=yes ALONE=''
args=("$@")

usage()
{
	sed -n '3,19s/^# \{0,1\}//p' "$LAB_SELF"
	exit 2
}

while [ $# -gt 0 ]; do
	case $1 in
	--assert) ASSERT=yes ;;
	--alone) ALONE=yes ;;
	--quick) QUICK=yes ;;
	--peer | --only | --json | --build | --rounds)
		[ $# -ge 2 ] || usage
		case $1 in
		--peer)
			case $2 in ?*:?*) ;; *) usage ;; esac
			PEERS+=("$2")
			;;
		--only) ONLY=$2 ;;
		--json) JSON=$2 ;;
		--build) BUILD=$2 INSTALL='' ;;
		--rounds) ROUNDS=$2 ;;
		esac
		shift
		;;
	*) usage ;;
	esac
	shift
done
for test in ${ONLY//,/ }; do
	case ,$TESTS, in *,"$test",*) ;; *) usage ;; esac
done

# --- once, outside: packages and programs

if [ -z "${LAB_INSIDE:-}" ]; then
	builddir=${BUILD:-$srcdir/build-bench}
	builddir=$(realpath -m "$builddir")
	export builddir
	if [ -n "$INSTALL" ]; then
		# shellcheck source=tests/deps.sh
		. "$srcdir/tests/deps.sh"
		(cd "$srcdir" && deps_install bench) || exit 1
		echo "== building in $builddir"
		mkdir -p "$builddir" || exit 1
		(
			cd "$srcdir" && { [ -x configure ] || ./autogen.sh; } && cd "$builddir" &&
				{ [ -f Makefile ] || "$srcdir/configure"; } && make -j"$(nproc)" &&
				make tests/bench/bench_load tests/bench/bench_engine
		) >"$builddir/bench-build.log" 2>&1 || {
			tail -n 40 "$builddir/bench-build.log"
			echo "the build failed; the whole log is $builddir/bench-build.log"
			exit 1
		}
	fi
	JSON=$(realpath -m "${JSON:-$builddir/bench.json}")
	export BENCH_JSON=$JSON
	# The laboratory has a /run of its own; nothing below may take longer than that.
	LAB_TIMEOUT=${LAB_TIMEOUT:-7200}
fi

# shellcheck source=tests/netns/lab.sh
. "$srcdir/tests/netns/lab.sh"
lab_init "${args[@]}"
need_daemon
LOAD=$builddir/tests/bench/bench_load
ENGINE=$builddir/tests/bench/bench_engine
RESULTS=$LAB/results
REPORT=$bench/report.py
PROXY_PID='' REALM=0
: >$RESULTS

wants()
{
	case ,$ONLY, in *,"$1",*) return 0 ;; esac
	return 1
}

# --- the laboratory: src ---- wan rtr lan1 ---- h1, lan2 ---- h2. The tester's frames are made by hand.

build_lab()
{
	local ns
	for ns in src rtr h1 h2; do
		lab_ns $ns
	done
	lab_forwarding rtr
	lab_link src eth0 rtr wan && lab_link h1 eth0 rtr lan1 && lab_link h2 eth0 rtr lan2 || skip "cannot make a veth pair"
	lab_addr rtr wan 10.0.0.2/24 2001:db8::2/64
	lab_addr rtr lan1 10.1.0.1/16 2001:db8:1::1/64
	lab_addr rtr lan2 10.2.0.1/16 2001:db8:2::1/64
	# A stream to nobody must not meet neighbour discovery of its source.
	on rtr ip neigh replace 10.0.0.1 lladdr "$(on src cat /sys/class/net/eth0/address)" dev wan
	wait_for 5 lab_is_ready || skip "the laboratory's links do not come up"
}

lab_is_ready()
{
	local dev
	for dev in wan lan1 lan2; do
		on rtr ip -6 -o addr show dev $dev scope link -tentative | grep -q fe80 || return 1
	done
}

# --- the proxies

# improxyd_config VARIANT: limits out of the way, everything else as it comes.
improxyd_config()
{
	local family word word_m dev i
	for family in 4 6; do
		word="ip igmp" word_m="ip multicast"
		[ $family = 4 ] || word="ipv6 mld" word_m="ipv6 multicast"
		echo "$word max-groups 0"
		echo "$word_m route-limit 0"
		[ "$1" != wildcard ] || echo "$word_m forwarding wildcard"
	done
	if [ "$1" = show ]; then
		# Only the probes go upstream, so that it is the answer that takes time, not the kernel's memberships.
		for ((i = 1; i <= 8; i++)); do
			echo "ip access-list PROBES seq $i permit group 239.$((56 + 16 * i)).0.0/13"
			echo "ipv6 access-list PROBES seq $i permit group ff15::${i}08:0/109"
		done
	fi
	echo "interface wan"
	if [ "$1" = show ]; then
		echo " ip igmp proxy upstream access-list PROBES"
		echo " ipv6 mld proxy upstream access-list PROBES"
	else
		echo " ip igmp proxy upstream"
		echo " ipv6 mld proxy upstream"
	fi
	for dev in lan1 lan2; do
		echo "interface $dev"
		for word in "ip igmp" "ipv6 mld"; do
			echo " $word proxy downstream"
			echo " $word max-groups 0"
			echo " $word max-sources 0"
			case $1 in
			fast | wildcard)
				# Hosts are all known after the first query's response time, and only then leaves are immediate.
				echo " $word immediate-leave"
				echo " $word startup-query-count 1"
				echo " $word query-max-response-time 5"
				;;
			esac
		done
	done
}

igmpproxy_config()
{
	[ "$1" = plain ] || echo quickleave
	echo "phyint wan upstream ratelimit 0 threshold 1"
	echo "	altnet 0.0.0.0/0"
	echo "phyint lan1 downstream ratelimit 0 threshold 1"
	echo "phyint lan2 downstream ratelimit 0 threshold 1"
}

# proxy_command NAME VARIANT FAMILY: prints what to run, fails where it cannot take part.
proxy_command()
{
	local peer
	case $1 in
	improxyd)
		improxyd_config "$2" >"$LAB/improxyd-$2.conf"
		echo "'$IMPROXYD' -f '$LAB/improxyd-$2.conf' -s $SOCK"
		return
		;;
	esac
	case $2 in wildcard | show) return 1 ;; esac
	if [ "$1" = igmpproxy ]; then
		[ "$3" = 4 ] || return 1
		igmpproxy_config "$2" >"$LAB/igmpproxy-$2.conf"
		echo "igmpproxy -n '$LAB/igmpproxy-$2.conf'"
		return
	fi
	for peer in "${PEERS[@]}"; do
		[ "${peer%%:*}" != "$1" ] || echo "${peer#*:}"
	done
}

# proxy_start NAME VARIANT FAMILY: it runs and proxies; its process is $PROXY_PID.
proxy_start()
{
	local command fast=1
	command=$(proxy_command "$@") || return 1
	# Other groups than the process before it had: the kernel repeats its leaves for a second.
	REALM=$(((REALM + 1) % 8))
	[ "$2" = fast ] || [ "$2" = wildcard ] || fast=0
	export BENCH_VARIANT=$2 BENCH_FAMILY=$3
	nsenter --net=$LAB_NS/rtr sh -c "exec $command" >>"$LAB/$1.log" 2>&1 &
	PROXY_PID=$!
	LAB_PIDS+=("$PROXY_PID")
	load ready 15 $fast 2>/dev/null && return 0
	# A peer that has no MLD, for instance.
	echo "   $1 does not proxy IPv$3 ($2)"
	proxy_stop
	return 1
}

proxy_stop()
{
	local pid=$PROXY_PID
	PROXY_PID=''
	kill -TERM "$pid" 2>/dev/null
	wait_for 10 is_gone "$pid" || kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

is_gone()
{
	! kill -0 "$1" 2>/dev/null || [ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat")" = Z ]
}

# --- trials

# load TRIAL NUMBER...: for the proxy, variant and family at hand; bounded whatever happens.
load()
{
	local six=()
	[ "$BENCH_FAMILY" = 4 ] || six=(-6)
	timeout -k 2 600 "$LOAD" "${six[@]}" -g $REALM -d $LAB_NS -p "$PROXY_PID" \
		-l "\"proxy\":\"$proxy\",\"family\":$BENCH_FAMILY,\"variant\":\"$BENCH_VARIANT\",\"round\":$round" "$@"
}

# A proxy that cannot serve a family is asked once, not for each trial.
declare -A UNFIT=()

# trial VARIANT TRIAL NUMBER...: on every proxy that can do it, in both families, each time in a new process.
trial()
{
	local variant=$1 family
	shift
	for family in 4 6; do
		for proxy in "${PROXIES[@]}"; do
			[ -z "${UNFIT[$proxy$family]:-}" ] || continue
			proxy_command "$proxy" "$variant" $family >/dev/null || continue
			if ! proxy_start "$proxy" "$variant" $family; then
				UNFIT[$proxy$family]=yes
				continue
			fi
			load "$@" >>$RESULTS || echo "   $proxy, IPv$family, $variant: $* has failed"
			[ "$1" != stall ] || count_rows
			is_gone "$PROXY_PID" && echo "   $proxy has ended during: $*" &&
				echo "{\"proxy\":\"$proxy\",\"family\":$family,\"variant\":\"$variant\",\"round\":$round,\"test\":\"died\",\"trial\":\"$1\"}" >>$RESULTS
			proxy_stop
		done
	done
}

# What the command of the stall trial has printed has to be one JSON document; how long is it?
count_rows()
{
	python3 "$REPORT" rows "$LAB/rows.json" "{\"proxy\":\"$proxy\",\"family\":$BENCH_FAMILY,\"variant\":\"show\",\"round\":$round}" >>$RESULTS
	rm -f "$LAB/rows.json"
}

stall()
{
	cat >$LAB/rows.sh <<-'END'
		if [ $BENCH_FAMILY = 4 ]; then protocol="ip igmp"; else protocol="ipv6 mld"; fi
		exec "$VTYSH" -s "$1" -c "show $protocol groups json" >"$2"
	END
	export BENCH_COMMAND="sh $LAB/rows.sh $SOCK $LAB/rows.json"
	trial show stall "$1"
}

all_trials()
{
	# Several times, since what they measure is short.
	for ((round = 1; round <= ROUNDS; round++)); do
		echo "== round $round of $ROUNDS"
		if wants join; then
			for method in 0 1; do
				trial fast join "$SAMPLES" $method
				trial wildcard join "$SAMPLES" $method
			done
		fi
		if wants leave; then
			trial fast leave "$SAMPLES" 1
			trial plain leave "$SAMPLES" "$SAMPLES"
		fi
		if wants stream; then
			trial fast stream "$SAMPLES"
			trial wildcard stream "$SAMPLES"
		fi
		! wants rate || trial fast rate $RATE_GROUPS "${RATES[@]}"
		! wants burst || trial fast burst $SMALL_BURST
	done
	# And those that take long, or say it all at once.
	for ((round = 1; round <= BIG_ROUNDS; round++)); do
		echo "== big trials, round $round of $BIG_ROUNDS"
		if wants grow; then
			# How many; then join delay with few, always in a new process so that all can take part, and with many.
			[ ${#FEW[@]} = 0 ] || trial fast grow 0 "${FEW[@]}"
			for n in "${SIZES[@]}"; do
				trial fast grow 3 "$n"
				trial wildcard grow 3 "$n"
			done
			trial fast grow "$GROW_SAMPLES" "${STEPS[@]}"
			trial wildcard grow "$GROW_SAMPLES" "${STEPS[@]}"
		fi
		if wants burst; then
			trial fast burst $BURST
			trial wildcard burst $BURST
		fi
		! wants idle || trial fast idle $IDLE_GROUPS $IDLE_S
		! wants sources || trial wildcard sources "${SOURCES[@]}"
		if wants zap; then
			[ -n "$QUICK" ] || trial fast zap "${SMALL_ZAP[@]}"
			trial fast zap "${ZAP[@]}"
		fi
		! wants rate || [ -n "$QUICK" ] || trial fast rate $BIG_RATE_GROUPS "${RATES[@]}"
		if wants burden; then
			[ -n "$QUICK" ] || trial fast burden "${SMALL_BURDEN[@]}"
			trial fast burden "${BURDEN[@]}"
		fi
		! wants stall || stall "$ROWS"
	done
	! wants engine || "$ENGINE" ${QUICK:+quick} >>$RESULTS
}

# 16 groups are what the others manage on a kernel as it comes; SMALL_* are what all can be compared by.
SMALL_BURST=16 RATE_GROUPS=8
if [ -n "$QUICK" ]; then
	SAMPLES=3 GROW_SAMPLES=2 FEW=() SIZES=() STEPS=(1 32 64) BURST=64 IDLE_GROUPS=64 IDLE_S=1 SOURCES=(4 50)
	ZAP=(40 10 1 5) RATES=(200 400) BURDEN=(64 100 2) ROWS=100
	ROUNDS=${ROUNDS:-1} BIG_ROUNDS=1
else
	SAMPLES=8 GROW_SAMPLES=10 FEW=(1 2 4 8 12 14 15 16 17 18 20 32) SIZES=(1 4 8 12)
	STEPS=(64 256 1024 4096 10000 20000) BURST=20000
	IDLE_GROUPS=20000 IDLE_S=10 SOURCES=(200 101) SMALL_ZAP=(60 4 4 8) ZAP=(2000 200 10 80) BIG_RATE_GROUPS=1000
	RATES=(500 64000) SMALL_BURDEN=(4 2000 4) BURDEN=(10000 2000 20) ROWS=50000
	ROUNDS=${ROUNDS:-5} BIG_ROUNDS=$(((ROUNDS + 1) / 2))
fi

PROXIES=(improxyd)
[ -n "$ALONE" ] || ! command -v igmpproxy >/dev/null 2>&1 || PROXIES+=(igmpproxy)
for peer in "${PEERS[@]}"; do
	PROXIES+=("${peer%%:*}")
done

# What a machine takes to wake up a processor differs from one to the next, and a proxy that never sleeps is spared it:
# none falls asleep. Whoever has something to do takes it from this class at once, and what it does is counted for nobody.
stay_awake()
{
	local cpu
	for ((cpu = 0; cpu < $(getconf _NPROCESSORS_ONLN); cpu++)); do
		taskset -c $cpu chrt -i 0 sh -c 'while :; do :; done' &
		LAB_PIDS+=("$!")
	done
}

build_lab
[ -n "$QUICK" ] || stay_awake
round=0 proxy=''
all_trials
python3 "$REPORT" collect $RESULTS "$BENCH_JSON" "$srcdir" "${QUICK:-no}" "${PROXIES[@]}" || exit 1
python3 "$REPORT" table "$BENCH_JSON"
echo "== $BENCH_JSON"
[ -z "$ASSERT" ] || python3 "$REPORT" assert "$BENCH_JSON" || exit 1
