#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# doc/CONFORMANCE.md has every row of the sections A to F, and each test it names exists. A row without a test says why.
# The tests that doc/SECURITY.md names exist too.
# Output is TAP. A second argument may name another table, so that this check can be checked.
srcdir=${srcdir:-$(dirname "$0")/..}
table=${1:-$srcdir/doc/CONFORMANCE.md}
cases=0
failed=0

result() # NAME COMPLAINTS
{
	cases=$((cases + 1))
	if [ -z "$2" ]; then
		echo "ok $cases - $1"
	else
		failed=1
		echo "$2" | sed 's/^/# /'
		echo "not ok $cases - $1"
	fi
}

# rows SECTION LAST: those that are not there exactly once.
rows()
{
	n=1
	while [ "$n" -le "$2" ]; do
		row=$(printf '%s-%02d' "$1" "$n")
		n=$((n + 1))
		[ "$(grep -c "^| $row | ..* | ..* |\$" "$table")" = 1 ] || echo "$row is missing, doubled or incomplete"
	done
}

# exists TEST: see the head of the table for the notation.
exists()
{
	name=${1#*:}
	case $1 in
	test_*:*) file=$srcdir/tests/unit/${1%%:*}.c ;;
	wire.sh:*) file=$srcdir/tests/netns/wire.sh ;;
	*:*) file=$srcdir/tests/netns/${1%%:*}.test ;;
	*/*)
		[ -f "$srcdir/tests/$1.c" ]
		return
		;;
	*)
		[ -f "$srcdir/tests/netns/$1.test" ]
		return
		;;
	esac
	[ -f "$file" ] || return 1
	case $name in
	*'*') grep -v '^[[:space:]]*\(#\|/\*\|\* \)' "$file" | grep -q "\\<${name%?}" ;;
	*) grep -v '^[[:space:]]*\(#\|/\*\|\* \)' "$file" | grep -q "\\<$name\\>" ;;
	esac
}

for section in A:68 B:51 C:37 D:28 E:47 F:32; do
	result "section ${section%:*} has its ${section#*:} rows" "$(rows "${section%:*}" "${section#*:}")"
done

result "each row names a test or says why there is none" "$(
	grep '^| [A-F]-[0-9M]' "$table" | grep -v '| `[^|]* |$' | grep -v '| not provable here: ..* |$' | grep -v '| none: ..* |$'
)"

result "each test named exists" "$(
	sed -n 's/^| \([A-F]-[0-9M][0-9]*\) | [^|]* | \(.*\) |$/\1 \2/p' "$table" | while read -r row tests; do
		case $tests in
		\`*) ;;
		*) continue ;;
		esac
		set -f
		for test in $(echo "$tests" | tr -d '`'); do
			exists "$test" || echo "$row: $test is not there"
		done
	done
)"

# The tables of SECURITY.md: the last column is tests.
security=$srcdir/doc/SECURITY.md
result "each row of SECURITY.md names tests" "$(grep '^| ' "$security" | grep -v '| tests |$' | grep -v '| `[^|]*` |$')"
result "each test named in SECURITY.md exists" "$(
	sed -n 's/^| .* | \(`[^|]*`\) |$/\1/p' "$security" | tr -d '`' | tr ' ' '\n' | while read -r test; do
		exists "$test" || echo "$test is not there"
	done
)"

echo "1..$cases"
exit $failed
