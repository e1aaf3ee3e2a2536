#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Watches the direction of the dependencies: main -> apply, cmd_*, sys -> core, wire -> lib.
#  - core, wire and lib are pure: what their archives leave undefined must not be a system call, a clock, the event loop,
#    netlink, or output to a stream or the log (nm tells);
#  - who may include whom (grep tells).
# Exceptions, by name and reason:
#  - lib/log.c writes the log itself: that is what it is for, and neither core nor wire may use it.
srcdir=${srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
builddir=${builddir:-$srcdir/build}
NM=${NM:-nm}
n=0
status=0

result() # NAME OUTPUT: passes when OUTPUT is empty
{
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
		status=1
	fi
}

# Undefined symbols of an archive that no member defines, as "MEMBER SYMBOL".
undefined()
{
	$NM -A --undefined-only "$@" 2>/dev/null | sed 's/^[^:]*:\([^:]*\):.* \([^ ]*\)$/\1 \2/; s/@.*//'
}

calls='socket|socketpair|bind|connect|accept4?|send|sendto|sendmsg|sendmmsg|recv|recvfrom|recvmsg|setsockopt|getsockopt|ioctl'
calls="$calls|open|open64|openat|fopen|fopen64|read|write|writev|close|poll|select|epoll_.*|fcntl|fcntl64|fork|exec.*|signal|sigaction"
clock='clock_gettime|time|gettimeofday|localtime.*|gmtime.*|sleep|usleep|nanosleep|timerfd_.*|getpid|random|rand'
event='event_.*|evtimer_.*|evutil_.*|bufferevent_.*|evbuffer_.*|nl_.*|rtnl_.*|nla_.*|nlmsg_.*|cap_.*|if_nametoindex|if_indextoname'
stream='printf|vprintf|puts|putchar|fprintf|vfprintf|dprintf|vdprintf|fputs|fputc|putc|fwrite|perror|syslog|vsyslog'
# The fortified forms of the same calls.
stream="$stream|__printf_chk|__vprintf_chk|__fprintf_chk|__vfprintf_chk|__dprintf_chk|__vdprintf_chk|__syslog_chk|__vsyslog_chk"
calls="$calls|__read_chk|__recv_chk|__recvfrom_chk|__poll_chk|__open_2|__open64_2"

for archive in improxyd/libcore.a improxyd/libwire.a lib/libimproxy.a; do
	if [ ! -f "$builddir/$archive" ]; then
		result "$archive is pure" "$builddir/$archive is not built"
		continue
	fi
	except='^$'
	[ $archive = lib/libimproxy.a ] && except='^[^ ]*log\.o '
	result "$archive is pure" "$(undefined "$builddir/$archive" | grep -Ev "$except" |
		grep -E " ($calls|$clock|$event|$stream)$")"
done

# core and wire do not use the log either.
result "core and wire do not log" "$(for a in core wire; do undefined "$builddir/improxyd/lib$a.a"; done | grep ' log_')"

# include_rule NAME 'FILES (shell pattern, relative to the source)' 'ALLOWED (regex of what stands between the quotes)'
include_rule()
{
	# The patterns are to be expanded here.
	# shellcheck disable=SC2086
	result "$1" "$(cd "$srcdir" && grep -Hn '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' $2 /dev/null 2>/dev/null |
		grep -Ev "\"($3)\"")"
}

include_rule "lib includes only lib" 'lib/*.[ch]' 'lib/[a-z0-9_]*\.h|config\.h'
include_rule "core includes only core and lib" 'improxyd/core/*.[ch]' '(lib|core)/[a-z0-9_]*\.h|config\.h'
include_rule "wire includes only wire, core/gm.h and lib" 'improxyd/wire/*.[ch]' \
	'(lib|wire)/[a-z0-9_]*\.h|core/gm\.h|config\.h'
# debug.h is but the list of debug flags and includes nothing above lib.
include_rule "sys includes only sys, core, wire, lib and debug.h" 'improxyd/sys/*.[ch]' \
	'(lib|core|wire|sys)/[a-z0-9_]*\.h|debug\.h|config\.h'
include_rule "debug.h includes only lib" 'improxyd/debug.h' 'lib/[a-z0-9_]*\.h'
include_rule "vtysh-lite includes nothing of improxyd" 'vtysh-lite/*.[ch]' '(lib|vtysh-lite)/[a-z0-9_]*\.h|[a-z0-9_]*\.h'
result "vtysh-lite has no header of improxyd" "$(cd "$srcdir/vtysh-lite" && grep -hE '^#[[:space:]]*include "[a-z0-9_]*\.h"' ./*.[ch] 2>/dev/null |
	sed 's/.*"\(.*\)".*/\1/' | sort -u | while read -r h; do [ -f "$h" ] || [ "$h" = config.h ] || echo "$h is not in vtysh-lite"; done)"
result "commands do not include sys" "$(cd "$srcdir" && grep -Hn '^#[[:space:]]*include "sys/' improxyd/cmd*.[ch] improxyd/*/cmd*.[ch] \
	/dev/null 2>/dev/null)"

echo "1..$n"
exit $status
