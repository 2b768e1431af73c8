#!/bin/sh
# Install what tools/packages.txt names and this machine lacks (Debian 12, as root or with sudo).
# When nothing is missing it asks dpkg only: no network, no privileges, one line of output.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
list=$here/packages.txt

die() {
	echo "setup: $*" >&2
	exit 1
}

# missing NAME...: print those of the names that are not fully installed.
missing() {
	have=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
		sed -n 's/ installed$//p') || true
	for name in "$@"; do
		printf '%s\n' "$have" | grep -qxF -e "$name" || printf '%s\n' "$name"
	done
}

case ${1:-} in
'') ;;
-h | --help)
	echo "Usage: sh tools/setup.sh"
	echo "Install what tools/packages.txt names and this machine lacks (Debian 12, as root or with sudo)."
	echo "With nothing missing it needs neither network nor privileges."
	exit 0
	;;
*)
	echo "setup: $1 is not an option; see --help" >&2
	exit 2
	;;
esac

[ -r "$list" ] || die "cannot read $list"
command -v dpkg-query >/dev/null 2>&1 || die "dpkg-query not found: this script serves Debian 12"

wanted=$(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$list")
[ -n "$wanted" ] || die "$list names no package"
# Names hold no blanks, so splitting at blanks is what we want, here and below.
# shellcheck disable=SC2086
lacking=$(missing $wanted)
if [ -z "$lacking" ]; then
	echo "setup: all $(printf '%s\n' "$wanted" | wc -l) packages are installed"
	exit 0
fi
echo "setup: missing:" $lacking

if [ "$(id -u)" -eq 0 ]; then
	as_root=
elif command -v sudo >/dev/null 2>&1; then
	as_root=sudo
else
	die "installing needs root or sudo; missing:" $lacking
fi

apt() {
	# shellcheck disable=SC2086
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 \
		-o DPkg::Lock::Timeout=300 "$@" </dev/null
}

apt update || echo "setup: apt-get update failed; trying with the lists at hand" >&2

unknown=
for name in $lacking; do
	apt-cache show -- "$name" >/dev/null 2>&1 || unknown="$unknown $name"
done
[ -z "$unknown" ] || die "no package source of this machine has:$unknown"

# shellcheck disable=SC2086
if ! apt install --no-install-recommends $lacking; then
	# One package must not hide which one it was: try them one at a time.
	for name in $lacking; do
		apt install --no-install-recommends "$name" >/dev/null 2>&1 || true
	done
fi
# shellcheck disable=SC2086
left=$(missing $lacking)
[ -z "$left" ] || die "could not install:" $left
echo "setup: installed" $lacking
