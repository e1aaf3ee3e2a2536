#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs what is missing, builds, runs every test. Works in a fresh clone and any number of times after.
#
#   sudo tests/run.sh            everything
#   tests/run.sh                 as a user: nothing is installed; the network tests need user namespaces
#
# BUILD=DIR chooses the build directory (default: build in the source tree), QUICK=1 leaves out the second build.
# The last line is "N passed, N failed[, N skipped]", summed over single test cases; the exit status tells the same.
cd "$(dirname "$0")/.." || exit 1
src=$(pwd)
build=${BUILD:-$src/build}
PATH=$PATH:/usr/sbin:/sbin
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
passed=0 failed=0 skipped=0
# shellcheck source=tests/deps.sh
. tests/deps.sh

case $build in
/*) ;;
*) build=$src/$build ;;
esac
mkdir -p "$build" || exit 1
notes=$build/notes
: >"$notes" || exit 1

step()
{
	echo "== $*"
}

summary()
{
	[ ! -s "$notes" ] || { echo "== skipped, and why"; sort -u "$notes"; }
	if [ "$skipped" -gt 0 ]; then
		echo "$passed passed, $failed failed, $skipped skipped"
	else
		echo "$passed passed, $failed failed"
	fi
	[ "$failed" = 0 ]
	exit $?
}

# A step that is a test case of its own: check NAME COMMAND...; its output is shown when it fails.
check()
{
	name=$1
	shift
	if "$@" >"$build/check.out" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $name"
		tail -n 60 "$build/check.out"
	fi
}

skip()
{
	skipped=$((skipped + 1))
	echo "  $1: $2" >>"$notes"
}

# Without a build there is nothing to test: says so and ends.
need()
{
	name=$1
	shift
	"$@" >"$build/check.out" 2>&1 && return 0
	failed=$((failed + 1))
	echo "FAILED: $name"
	tail -n 60 "$build/check.out"
	summary
}

# failed_cases LOG: each failed case of a test, with some lines before it and the comments after it, bounded; and how
# the log ends.
failed_cases()
{
	awk '
		/^not ok / {
			if (++cases > 20)
				next
			for (i = n > 8 ? n - 8 : 0; i < n; i++)
				print line[i % 8]
			print
			n = 0
			# What follows from the first ones is of less interest.
			left = cases > 3 ? 10 : 90
			next
		}
		/^#/ && left > 0 {
			print
			left--
			next
		}
		/^ok / { left = 0 }
		{ line[n++ % 8] = $0 }
		END {
			if (cases > 20)
				print "(and " cases - 20 " more)"
			if (cases)
				print "--- the log ends with"
			exit !cases
		}' "$1" && tail -n 15 "$1" || tail -n 40 "$1"
}

# count DIR: adds up the .trs files of a make check. A program that failed cases and therefore exits non-zero is not
# counted twice.
count()
{
	for trs in $(cd "$1" && find . -name '*.trs' | sort); do
		log=$1/${trs%.trs}.log
		p=$(grep -c '^:test-result: \(PASS\|XFAIL\)' "$1/$trs")
		f=$(grep -c '^:test-result: \(FAIL\|XPASS\)' "$1/$trs")
		e=$(grep -c '^:test-result: ERROR' "$1/$trs")
		s=$(grep -c '^:test-result: SKIP' "$1/$trs")
		# A crash is one failure, however many complaints about its output it brings.
		[ "$f" -gt 0 ] || [ "$e" = 0 ] || f=1
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
		if [ "$f" -gt 0 ]; then
			echo "FAILED: ${trs#./} ($2)"
			failed_cases "$log" | sed 's/^/    /'
		fi
		[ "$s" = 0 ] || sed -n "s|^:test-result: SKIP *\(.*\)|  ${trs#./}: \1|p; s|^1\.\.0 *# *SKIP *|  ${trs#./}: |p" \
			"$1/$trs" "$log" | grep -v ': *$' >>"$notes"
	done
}

# suite DIR TARGET LABEL: runs a make check target and counts. A failure that no test case accounts for counts as one.
suite()
{
	before=$failed
	find "$1" -name '*.trs' -exec rm -f {} +
	(cd "$1" && make -j"$jobs" -k "$2") >"$1/check.out" 2>&1
	status=$?
	count "$1" "$3"
	if [ $status != 0 ] && [ "$failed" = "$before" ]; then
		failed=$((failed + 1))
		echo "FAILED: make $2 ($3)"
		tail -n 60 "$1/check.out"
	fi
}

deps_install tests || { failed=1; summary; }
deps_clang_runtime

# Another user's files in the build directory, or a moved clone, would make a confusing failure later.
if [ ! -x configure ] || [ -n "$(find configure.ac Makefile.am ./*/Makefile.inc -newer configure 2>/dev/null)" ]; then
	step "autogen.sh"
	need autogen.sh sh ./autogen.sh
fi

step "building in $build"
configure_in() # DIR ARGS...
{
	dir=$1
	shift
	mkdir -p "$dir" || return 1
	cd "$dir" || return 1
	if [ -z "$(find "$src/configure" -newer config.status 2>&1)" ] && [ "$(cat configured 2>/dev/null)" = "$src $*" ]; then
		:
	else
		"$src/configure" "$@" && echo "$src $*" >configured
	fi
	status=$?
	cd "$src" || return 1
	return $status
}
need configure configure_in "$build" --enable-werror --enable-debug-checks
need make make -C "$build" -j"$jobs"

step "make check"
suite "$build" check gcc

if [ -n "${QUICK:-}" ]; then
	:
elif clang_sanitizes; then
	step "unit and golden tests with clang and sanitizers in $build/clang"
	before=$failed
	check "configure with clang" configure_in "$build/clang" CC=clang --enable-werror --enable-sanitizers --enable-debug-checks
	[ "$failed" != "$before" ] || suite "$build/clang" check-unit "clang, sanitizers"
else
	skip "second build" "clang or its sanitizers are missing (Debian: apt install clang libclang-rt-dev)"
fi

# File names of this tree have no blanks.
format_clean()
{
	# shellcheck disable=SC2086
	clang-format --dry-run -Werror $sources 2>&1 | sed -n 's/^\([^ ]*:[0-9]*\):[0-9]*: error:/\1:/p' | uniq | grep . || return 0
	echo "(clang-format -i FILE puts it right)"
	return 1
}

step "style"
sources=$(git ls-files --cached --others --exclude-standard -- '*.c' '*.h' 2>/dev/null)
[ -n "$sources" ] || sources=$(find lib improxyd vtysh-lite tests -name '*.[ch]')
if command -v clang-format >/dev/null 2>&1; then
	check clang-format format_clean
else
	skip clang-format "clang-format is missing (Debian: apt install clang-format)"
fi
if command -v shellcheck >/dev/null 2>&1; then
	# shellcheck disable=SC2046
	check shellcheck shellcheck -S warning -x autogen.sh .ci/run $(find tests -name '*.sh' -o -name '*.test' | sort) completions/*
else
	skip shellcheck "shellcheck is missing (Debian: apt install shellcheck)"
fi
licence_line()
{
	# shellcheck disable=SC2086
	! grep -L 'SPDX-License-Identifier: GPL-2.0-or-later' $sources | grep .
}
check "licence line in every source file" licence_line

summary
