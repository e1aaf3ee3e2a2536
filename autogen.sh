#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes ./configure after a clone.
set -e
cd "$(dirname "$0")"
for tool in autoreconf automake pkg-config; do
	command -v $tool >/dev/null 2>&1 || {
		echo "autogen.sh: $tool is missing (Debian: apt install autoconf automake pkg-config)" >&2
		exit 1
	}
done
exec autoreconf --install --force --warnings=all,no-obsolete
