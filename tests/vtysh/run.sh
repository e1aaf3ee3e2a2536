#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# vtysh-lite against a toy daemon (tests/unit/ctl_toy.c): commands from options, files and pipes, exit statuses, and the
# shell on a terminal (pty_test.py). Speaks TAP.
srcdir=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
builddir=${builddir:-$srcdir}
vtysh=$builddir/vtysh-lite/vtysh-lite
toy=$builddir/tests/unit/ctl_toy
dir=$(mktemp -d /tmp/vtysh_test.XXXXXX) || exit 1
sock=$dir/run/toy.sock
pid=
n=0

toy_start()
{
	"$toy" "$sock" "$dir/log" &
	pid=$!
	i=0
	until "$vtysh" -s "$sock" -c '!' -c 'show version' >/dev/null 2>&1 || [ $i -ge 100 ]; do
		sleep 0.05
		i=$((i + 1))
	done
}

toy_stop()
{
	if [ -n "$pid" ]; then
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	fi
	pid=
}

trap 'toy_stop; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

# run ARGS...: runs vtysh-lite, stdin is ours; leaves $dir/out, $dir/err and $status.
run()
{
	: >"$dir/log"
	timeout 30 "$vtysh" -s "$sock" "$@" >"$dir/out" 2>"$dir/err"
	status=$?
}

# is NAME STATUS STDOUT STDERR: compares with what the last run left.
is()
{
	n=$((n + 1))
	printf '%s' "$3" >"$dir/want_out"
	printf '%s' "$4" >"$dir/want_err"
	if [ "$status" = "$2" ] && cmp -s "$dir/out" "$dir/want_out" && cmp -s "$dir/err" "$dir/want_err"; then
		echo "ok $n - $1"
		return
	fi
	echo "not ok $n - $1"
	echo "# exit status $status, expected $2"
	diff "$dir/want_out" "$dir/out" | head -n 20 | sed 's/^/# stdout: /'
	diff "$dir/want_err" "$dir/err" | head -n 20 | sed 's/^/# stderr: /'
}

# ok NAME COMMAND...: succeeds when the command does.
ok()
{
	n=$((n + 1))
	name=$1
	shift
	if "$@"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
	fi
}

nl='
'
toy_start

run -c 'show version' </dev/null
is "one command" 0 "toy 1$nl" ""

run -c 'configure terminal' -c 'interface lan1' -c 'exit' -c 'show version' </dev/null
is "several commands in one session" 0 "toy 1$nl" ""

run -c 'configure terminal
interface lan1' -c 'show version' </dev/null
is "one -c of two lines" 0 "toy 1$nl" ""

run -c 'nonsense' -c 'show version' </dev/null
is "stops at the first failing command" 1 "" "% Unknown command$nl"

run -k -c 'nonsense' -c 'show version' </dev/null
is "-k goes on" 1 "toy 1$nl" "% Unknown command$nl"

run -c 'fail' </dev/null
is "a failure without a message" 1 "" "% Command failed$nl"

run -c 'partial' </dev/null
is "rows before an error are output" 1 "a row$nl" "% It broke$nl"

run -c 'slow 500' </dev/null
is "a delayed answer" 0 "at last$nl" ""

printf 'configure terminal\n\n! a comment\ninterface lan1\nnonsense\nshow version\n' >"$dir/file"
run -f "$dir/file" </dev/null
is "-f stops and names the line" 1 "" "line 5: % Unknown command$nl"

run -k -f "$dir/file" </dev/null
is "-f -k" 1 "toy 1$nl" "line 5: % Unknown command$nl"

run <"$dir/file"
is "pipe" 1 "" "line 5: % Unknown command$nl"

run -f - <"$dir/file"
is "-f -" 1 "" "line 5: % Unknown command$nl"

run -f - <<END
show version
show plain
END
is "here document" 0 "toy 1${nl}plain$nl" ""

printf 'show version\r\nshow version' >"$dir/file"
run -f "$dir/file"
is "CR LF, and a last line without its end" 0 "toy 1${nl}toy 1$nl" ""

run -j -c 'show version' -c 'show plain' -c 'do sh version' -c 'show version | include toy' -c 'show version json' </dev/null
json='{ "version": "toy 1" }'
is "-j" 0 "$json${nl}plain$nl$json$nl$json$nl$json$nl" ""

printf '%5000s\n' x | tr ' ' x >"$dir/file"
echo 'show version' >>"$dir/file"
run -k -f "$dir/file"
is "a line that is too long" 1 "toy 1$nl" "line 1: % Line too long$nl"

run -c 'exit' </dev/null
is "exit ends the session" 0 "" ""

run -c 'exit' -c 'show version' </dev/null
is "nothing runs after the end of the session" 3 "" "% The session has ended before this command: show version$nl"

printf 'exit\nshow version\n' >"$dir/file"
run <"$dir/file"
is "which is told with its line" 3 "" "line 2: % The session has ended before this command: show version$nl"

printf 'show version\ndie\n' >"$dir/file"
run <"$dir/file"
is "and so is a lost connection" 3 "toy 1$nl" "line 2: % Connection lost$nl"
toy_start

run -c 'show version' -c 'die' -c 'show version' </dev/null
is "connection lost" 3 "toy 1$nl" "% Connection lost$nl"
pid=

run -c 'show version' </dev/null
is "no daemon" 3 "" "% Cannot connect to $sock: Connection refused$nl"

toy_start
run -c 'show version' </dev/null
is "a stale socket is taken over" 0 "toy 1$nl" ""

run -x </dev/null
ok "bad option: 2" test "$status" = 2
run -c </dev/null
ok "missing argument: 2" test "$status" = 2
run extra </dev/null
ok "extra argument: 2" test "$status" = 2
run -f "$dir/missing" </dev/null
ok "missing file: 2" test "$status" = 2
run -h </dev/null
ok "-h: 0, on stdout" test "$status" = 0 -a -s "$dir/out" -a ! -s "$dir/err"
run -V </dev/null
ok "-V: 0" test "$status" = 0 -a -s "$dir/out"

timeout 30 "$vtysh" -s "$sock" -c 'watch 1 show version' 2>"$dir/err" | head -n 3 >"$dir/out"
ok "watch repeats a command" test "$(uniq -c "$dir/out" | tr -s ' ')" = " 3 toy 1" -a ! -s "$dir/err"
timeout 30 "$vtysh" -s "$sock" -j -c 'watch 1 show version' 2>"$dir/err" | head -n 2 >"$dir/out"
ok "with -j, too" test "$(uniq -c "$dir/out" | tr -s ' ')" = " 2 $json" -a ! -s "$dir/err"

run -c 'wat 86400 nonsense' -c 'show plain' </dev/null
is "watch ends when the command fails" 1 "" "% Unknown command$nl"

run -k -c 'watch 9 nonsense' -c 'watch 0 show version' -c 'watch 9' -c 'show plain' </dev/null
is "watch of nothing is for the daemon" 1 "plain$nl" "% Unknown command$nl% Unknown command$nl% Unknown command$nl"

run -c 'show rows 100000' </dev/null
ok "100000 rows" test "$status:$(wc -l <"$dir/out"):$(tail -n 1 "$dir/out")" = "0:100000:row 099999"

timeout 30 "$vtysh" -s "$sock" -c 'show rows 100000' 2>"$dir/err" | head -n 1 >"$dir/out"
ok "the reader of the output leaves" test "$(cat "$dir/out")" = "row 000000" -a ! -s "$dir/err"

timeout 30 "$vtysh" -s "$sock" -c 'show rows 10' >/dev/full 2>"$dir/err"
status=$?
ok "the output cannot be written" test "$status" = 1 -a -s "$dir/err"

i=0
while [ $i -lt 10000 ]; do
	echo 'show version'
	i=$((i + 1))
done >"$dir/file"
run -f "$dir/file"
ok "10000 commands" test "$status:$(wc -l <"$dir/out")" = "0:10000"

# A stream comes as it happens, through a pipe too.
timeout 1 "$vtysh" -s "$sock" -c monitor >"$dir/out" 2>"$dir/err"
ok "a stream is not held back" grep -q '^event 3$' "$dir/out"

if command -v python3 >/dev/null 2>&1; then
	toy_stop
	TERM=xterm HOME=$dir timeout 120 python3 "$srcdir/tests/vtysh/pty_test.py" "$vtysh" "$toy" "$sock" "$n" >"$dir/pty" 2>&1
	status=$?
	cat "$dir/pty"
	n=$((n + $(grep -c '^\(not \)\{0,1\}ok ' "$dir/pty")))
	ok "the terminal test ran to its end" test "$status" = 0
else
	n=$((n + 1))
	echo "ok $n - the shell on a terminal # SKIP python3 is missing"
fi
echo "1..$n"
