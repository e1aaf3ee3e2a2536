#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzzes: make fuzz [FUZZ_SECONDS=60] [FUZZ_TARGETS="core cmd"]. Builds the targets with clang, libFuzzer and the
# sanitizers in a directory of its own (fuzz in the build directory) and runs one after the other, each for so many
# seconds. What is learned stays there (found/TARGET) and is begun with the next time. A finding ends it at once with
# status 1 and the path of the input that shows it; put that into tests/fuzz/corpus/TARGET once it is mended.
srcdir=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
builddir=${builddir:-$srcdir/build}
seconds=${FUZZ_SECONDS:-60}
clang=${FUZZ_CC:-clang}
dir=$builddir/fuzz
fuzz=$srcdir/tests/fuzz

targets=${FUZZ_TARGETS:-}
if [ -z "$targets" ]; then
	for source in "$fuzz"/fuzz_*.c; do
		name=${source##*/fuzz_}
		targets="$targets ${name%.c}"
	done
fi

fail()
{
	echo "fuzz: $*" >&2
	exit 1
}

build()
{
	[ -f Makefile ] || "$srcdir/configure" CC="$clang" CFLAGS='-O2 -g -fsanitize=fuzzer-no-link' \
		--enable-sanitizers --enable-debug-checks --disable-hardening || return 1
	# libFuzzer brings a main(), so that the one that replays is left out.
	for name in $targets; do
		make LDFLAGS=-fsanitize=fuzzer "tests/fuzz/fuzz_$name" || return 1
	done
}

command -v "$clang" >/dev/null 2>&1 || fail "$clang is missing (Debian: apt install clang)"
mkdir -p "$dir" && cd "$dir" || fail "cannot make $dir"
echo "fuzz: building in $dir"
build >build.out 2>&1 || {
	tail -n 30 build.out
	fail "the targets cannot be built, see $dir/build.out"
}

for name in $targets; do
	mkdir -p "found/$name" faults
	set -- -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 \
		-artifact_prefix="$dir/faults/$name-"
	# Text is slow to run and does not gain by its length.
	case $name in
	cmd | config | import) set -- "$@" -max_len=512 ;;
	*) set -- "$@" -max_len=2048 ;;
	esac
	[ ! -f "$fuzz/$name.dict" ] || set -- "$@" -dict="$fuzz/$name.dict"
	echo "fuzz: $name for $seconds seconds"
	if ! "tests/fuzz/fuzz_$name" "$@" "found/$name" "$fuzz/corpus/$name" >"$name.out" 2>&1; then
		tail -n 60 "$name.out"
		echo "fuzz: fuzz_$name has found something, see $dir/$name.out"
		sed -n 's/.*Test unit written to \(.*\)/fuzz: reproduce: tests\/fuzz\/fuzz_'"$name"' \1/p' "$name.out"
		exit 1
	fi
	sed -n 's/^\(Done .*\)/fuzz: '"$name"': \1/p' "$name.out"
done
