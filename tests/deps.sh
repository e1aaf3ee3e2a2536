# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by run.sh, demo.sh and bench/run.sh: installs what is missing, as root on Debian and its children; elsewhere says what is.

# deps_missing: prints the Debian packages whose tool or file is not here.
deps_missing()
{
	while read -r package probe; do
		[ -n "$package" ] || continue
		case $probe in
		*.pc) pkg-config --exists "${probe%.pc}" 2>/dev/null || echo "$package" ;;
		*.h) echo "#include <stdio.h>
#include <$probe>" | ${CC:-cc} -E - >/dev/null 2>&1 || echo "$package" ;;
		*) PATH="$PATH:/usr/sbin:/sbin" command -v "$probe" >/dev/null 2>&1 || echo "$package" ;;
		esac
	done <<-END
		gcc cc
		make make
		autoconf autoconf
		automake automake
		pkg-config pkg-config
		libnl-3-dev libnl-3.0.pc
		libnl-route-3-dev libnl-route-3.0.pc
		libevent-dev libevent.pc
		libcap-dev libcap.pc
		libseccomp-dev libseccomp.pc
		uthash-dev uthash.h
		libreadline-dev readline/readline.h
		iproute2 ip
		util-linux nsenter
		python3 python3
		$([ "${1:-}" = tests ] && printf '%s\n' 'libcmocka-dev cmocka.pc' 'clang clang' 'clang-format clang-format' \
			'mandoc mandoc' 'shellcheck shellcheck' 'xz-utils xz')
		$([ "${1:-}" = bench ] && printf '%s\n' 'igmpproxy igmpproxy' 'gnuplot-nox gnuplot')
	END
}

# The sanitizers' libraries are a package of their own on some releases, named after clang's version.
clang_sanitizes()
{
	echo 'int main(void) { return 0; }' | clang -fsanitize=address,undefined -x c -o /dev/null - 2>/dev/null
}

deps_clang_runtime()
{
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 && command -v clang >/dev/null 2>&1 && ! clang_sanitizes; then
		echo "== installing the sanitizers of clang"
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			"libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev" >/dev/null || echo "could not install them" >&2
	fi
}

# deps_install [tests|bench]: returns non-zero when something needed for the build is still missing.
deps_install()
{
	missing=$(deps_missing "${1:-}" | sort -u | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
		echo "== installing $missing"
		# Nobody is there to answer the questions of packages.
		export DEBIAN_FRONTEND=noninteractive
		apt-get update -qq >/dev/null || echo "apt-get update failed; trying with the lists that are here" >&2
		# shellcheck disable=SC2086
		apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
			for package in $missing; do # one that is not to be had must not stop the others
				apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
					echo "could not install $package" >&2
			done
		missing=$(deps_missing | sort -u | tr '\n' ' ')
		[ -n "$missing" ] || return 0
	fi
	needed=$(deps_missing | sort -u | tr '\n' ' ')
	[ -n "$needed" ] || { echo "== not here, the tests that want them are skipped: $missing"; return 0; }
	cat >&2 <<-END
		These are missing (Debian names): $needed
		Debian, Ubuntu: apt install $needed
		Fedora: dnf install gcc make autoconf automake pkgconf libnl3-devel libevent-devel libcap-devel libseccomp-devel uthash-devel readline-devel libcmocka-devel iproute python3
		Alpine: apk add build-base autoconf automake pkgconf linux-headers libnl3-dev libevent-dev libcap-dev libseccomp-dev uthash-dev readline-dev cmocka-dev iproute2 util-linux bash python3
	END
	return 1
}
