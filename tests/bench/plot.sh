#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Draws join delay and processor time of a join against the number of groups, out of the results of one run:
#
#   tests/bench/plot.sh FILE.json [FILE.svg]        default: doc/performance.svg
bench=$(dirname "$(realpath "$0")")
json=${1:?usage: plot.sh FILE.json [FILE.svg]}
svg=${2:-$bench/../../doc/performance.svg}
command -v gnuplot >/dev/null 2>&1 || { echo "gnuplot is missing (Debian: apt install gnuplot-nox)" >&2; exit 1; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
python3 "$bench/report.py" series "$json" "$dir" || exit 1

# curves COLUMN ERRORBARS: the plot command for every curve; improxyd first, each in the same colour in both pictures.
curves()
{
	local first=yes name title style color=1
	while IFS=$'\t' read -r name title; do
		[ -n "$name" ] || continue
		style="using 1:$1 with linespoints lc $color pt $color ps 0.6 title '$title'"
		[ -n "$first" ] || printf ', '
		printf "'%s/%s' %s" "$dir" "$name" "$style"
		[ -z "$2" ] || printf ", '%s/%s' using 1:2:3:4 with yerrorbars lc %s pt 0 notitle" "$dir" "$name" "$color"
		first='' color=$((color + 1))
	done <"$dir/curves"
}

gnuplot <<END || exit 1
set terminal svg size 800,760 font 'sans,12' background 'white'
set output '$dir/plot.svg'
set multiplot layout 2,1
set logscale xy
set xrange [0.8:25000]
set xlabel 'groups in the table, on two LANs'
set grid
set linetype 5 lc rgb '#c02020'
set key outside right top
set title 'join delay, report to first frame: median and quartiles'
set ylabel 'microseconds'
plot $(curves 2 yes)
set title 'processor time of a join, in the burst that fills the table'
plot $(curves 5 '')
unset multiplot
END
mv "$dir/plot.svg" "$svg" && echo "== $svg"
