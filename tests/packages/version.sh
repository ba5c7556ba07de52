#!/usr/bin/env bash
# Makes the Debian packages of another version of v2m, for the tests of upgrades and downgrades:
#
#   version.sh old OUT    the newest release before this commit; if there is none, the commit that finished the first packages
#   version.sh next OUT   this source as the next version, with another format of records and another name for a command of the
#                         protocol. So neither version can read everything that the other writes.
#
#   V2M_OLD               the commit to use instead of that release
#   BUILD                 release or debug
#   V2M_VERSIONS_TARGET   cargo's folder for both (default target/versions)
set -euo pipefail
cd "$(dirname "$0")/../.."
which=${1:?usage: version.sh old|next OUT}
out=$(readlink -m "${2:?usage: version.sh old|next OUT}")
: "${BUILD:=release}" "${MAKE:=make}"
target=$(readlink -m "${V2M_VERSIONS_TARGET:-target/versions}")
# Always the same folder, so that cargo recognises its packages.
source=$target/source-$which

fail() { echo "version.sh: $*" >&2; exit 1; }

first_packages=22442d26e7f329600fd0b99558bbd34b0cd6262a
old_commit() { git describe --tags --abbrev=0 --match 'v*' HEAD^ 2>/dev/null || echo "$first_packages"; }

# change PATTERN REPLACEMENT FILE: replaces in the one line that matches. Fails for none or several: the pattern is out of date.
change() {
	[ "$(grep -c -- "$1" "$3")" = 1 ] || fail "$3 has $(grep -c -- "$1" "$3") lines with '$1', not one"
	sed -i "s/$1/$2/" "$3"
}

clone() {
	rm -rf "$source"
	git clone --quiet --shared --no-checkout . "$source"
	git -C "$source" checkout --quiet "$1"
}

case $which in
old)
	commit=${V2M_OLD:-$(old_commit)}
	git cat-file -e "$commit^{commit}" 2>/dev/null || fail "$commit is not in this clone: fetch the whole history"
	clone "$commit"
	cd "$source"
	# Older than any current package, even one with the same version number.
	revision=0
	;;
next)
	clone HEAD
	# Include uncommitted changes.
	git diff --binary HEAD | git -C "$source" apply --allow-empty
	git ls-files --others --exclude-standard -z | tar --create --null --files-from=- | tar --extract --directory="$source"
	cd "$source"
	version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
	next=$(awk -F. '{ print $1 "." $2 + 1 ".0" }' <<<"$version")
	change "^version = \"$version\"" "version = \"$next\"" Cargo.toml
	change "^v2m ($version-" "v2m ($next-" debian/changelog
	change 'const VERSION: u32 = 1;' 'const VERSION: u32 = 2;' src/store/record.rs
	change '"LAST_TEXT"' '"LATEST_TEXT"' crates/v2m-ipc/src/message.rs
	change '"LAST_TEXT"' '"LATEST_TEXT"' crates/v2m-ipc/src/message/parse.rs
	cargo update --quiet --offline --workspace
	revision=1
	;;
*) fail "say old or next" ;;
esac

echo "$which: $(git log -1 --format='%h of %cs' 2>/dev/null)"
export CARGO_TARGET_DIR=$target CARGO_BUILD_BUILD_DIR=$target
built=
if [ "$BUILD" = debug ]; then
	cargo build --quiet --locked --bins
	built=yes
fi
mkdir -p "$out"
DPKG_DEB_COMPRESSOR_TYPE=gzip "$MAKE" --silent deb BUILD="$BUILD" BUILT="$built" MODELS= DEB_REVISION="$revision" RELEASES="$out"
