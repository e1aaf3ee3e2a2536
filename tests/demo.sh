#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shows improxyd at work in one command: sudo tests/demo.sh [--shell]
#
# Installs what is missing (Debian, Ubuntu), builds, makes a laboratory of network namespaces (a source, the router, three
# receivers on two LANs), starts improxyd from doc/examples/improxyd.conf, sends a real IPv4 and a real IPv6 stream, and
# shows them arriving and what the daemon and the kernel say. Nothing of it is left afterwards. With --shell the
# laboratory stays, streams running, and vtysh-lite is opened in it until you leave it.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
LAB_SELF=$(realpath "$0")
cd "$(dirname "$0")/.." || exit 1
srcdir=$(pwd)
builddir=${BUILD:-$srcdir/build}
export srcdir builddir

case ${1:-} in
'' | --shell) ;;
*)
	sed -n '3,8s/^# \{0,1\}//p' "$0"
	exit 2
	;;
esac

if [ -z "${LAB_INSIDE:-}" ]; then
	# shellcheck source=tests/deps.sh
	. tests/deps.sh
	deps_install || exit 1
	echo "== building in $builddir"
	mkdir -p "$builddir" || exit 1
	(
		{ [ -x configure ] || ./autogen.sh; } &&
			cd "$builddir" && { [ -f Makefile ] || "$srcdir/configure"; } && make -j"$(nproc)"
	) >"$builddir/demo-build.log" 2>&1 || {
		tail -n 40 "$builddir/demo-build.log"
		echo "the build failed; the whole log is $builddir/demo-build.log"
		exit 1
	}
fi

# shellcheck source=tests/netns/lab.sh
. "$srcdir/tests/netns/lab.sh"
LAB_TIMEOUT=0 lab_init "$@"

title()
{
	printf '\n== %s\n' "$*"
}

show()
{
	printf '\n$ %s\n' "$*"
	"$@"
}

fail()
{
	echo "$*" >&2
	lab_state >&2
	exit 1
}

title "a source, the router, three receivers on two LANs"
lab_router
cat <<'END'
  src 10.0.0.1 ----- wan [ router ] lan1 --+-- h1 10.1.1.11
      2001:db8::1            improxyd      +-- h2 10.1.1.12
                                    lan2 ----- h3 10.1.2.11
END

title "improxyd, started from doc/examples/improxyd.conf"
grep -v '^!' "$srcdir/doc/examples/improxyd.conf"
start_daemon "$srcdir/doc/examples/improxyd.conf" || fail "improxyd does not answer"
wait_for 10 daemon_settled 3 || fail "improxyd has not taken up its interfaces"

# Every receiver is there before the first packet, and tells what it got.
packets=100
status=0
for group in $G4 $G6; do
	title "a stream of $packets packets to $group, 50 a second; receivers h1, h2, h3"
	pids=()
	for host in h1 h2 h3; do
		recv_start "$host.out" $host "$group" -c $packets -t 6
		pids+=("$BG_PID")
	done
	wait_for 5 joined wan "$group" || fail "$group is not joined on the uplink"
	send_start src "$group" -c $packets
	i=0
	for host in h1 h2 h3; do
		wait "${pids[$i]}" || status=1
		echo "  $host: $(tail -n 1 "$LAB/$host.out")"
		i=$((i + 1))
	done
	stop "$BG_PID"
done

title "while two streams run"
for group in $G4 $G6; do
	send_start src "$group"
	for host in h1 h2 h3; do
		recv_start "$host.$group" $host "$group"
	done
done
for group in $G4 $G6; do
	source=$S4
	[ "$group" = "$G6" ] && source=$S6
	wait_for 5 mfc_is "$group" $source "wan: lan1 lan2" || status=1
done
for command in "show ip igmp groups" "show ip igmp proxy" "show ip mroute" "show ipv6 mld groups" "show ipv6 mroute"; do
	printf '\nvtysh-lite$ %s\n' "$command"
	vt "$command" || status=1
done
show on rtr cat /proc/net/ip_mr_vif
show on rtr cat /proc/net/ip_mr_cache

if [ "${1:-}" = --shell ]; then
	title "the router's shell; 'exit' ends the laboratory"
	on rtr "$VTYSH" -s $SOCK
	exit 0
fi

title "result"
if [ $status = 0 ]; then
	echo "both streams arrived at all three receivers"
else
	echo "something is missing: see above"
fi
stop_daemon || status=1
exit $status
