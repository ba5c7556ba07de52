#!/usr/bin/env bash
# Builds the source archive of the last commit (`make dist`) without network and without cargo's store. Uses the PKGBUILD of
# packaging/arch/v2m if makepkg is installed, otherwise the same build command. The programs are not optimised, which would take
# half an hour, and v2m-engine-v4 and v2m-engine-gguf are left out; otherwise the same code is compiled. Run by run.sh.
#
# Then builds it again in another folder, at another time: the programs must be identical.
#
#   archive.sh FOLDER      recreates the folder, and leaves the archive and Arch's package in it
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(readlink -m "${1:?usage: archive.sh FOLDER}")
: "${MAKE:=make}"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
fail() { echo "archive.sh: $*" >&2; exit 1; }

rm -rf "$folder"
mkdir -p "$folder"/{home,toolchain}
XZ_OPT=-0 "$MAKE" --silent dist RELEASES="$folder"
archive=$folder/v2m-$version.tar.xz
# cargo needs only the vendored sources. Use the toolchain directly, because rustup would read the user's home.
toolchain=$(rustc --print sysroot)
export CARGO_HOME=/mnt/home HOME=/mnt/home PATH=/mnt/toolchain/bin:/usr/local/bin:/usr/bin:/bin
export CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_INCREMENTAL=0
export ENGINES=
unset CARGO_TARGET_DIR BUILD BUILT TARGET STAGED RELEASES MODELS MAKEFLAGS MAKEOVERRIDES
# alone WHERE COMMAND...: runs the command without network and as the user nobody, because makepkg refuses root. The folder is
# mounted on /mnt, because this user may have no access to its real path.
alone() {
	# shellcheck disable=SC2016
	unshare --net --mount bash -c 'mount --bind "$1" /mnt && mount --bind "$2" /mnt/toolchain && cd "/mnt/$3" && shift 3 &&
		exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' bash "$folder" "$toolchain" "$@"
}
! alone . bash -c 'exec 3<>/dev/tcp/192.0.2.1/80' 2>/dev/null || fail "there is a network"

# build_in WHERE: sets $sources to the built sources, and $installed to the folder of the programs: in Arch's package, if makepkg
# is here.
build_in() {
	local build=$folder/$1
	rm -rf "${folder:?}/home"
	mkdir -p "$folder/home" "$build"
	cp -L packaging/arch/v2m/* "$archive" "$build/"
	sed -i "s/'SKIP'/'$(sha256sum "$archive" | cut -d' ' -f1)'/" "$build/PKGBUILD"
	sed -i '/make engine-gguf/d' "$build/PKGBUILD"
	chown -R 65534:65534 "$folder/home" "$build"
	if command -v makepkg >/dev/null; then
		# Without the check of dependencies: they are names of Arch's packages.
		PKGEXT=.pkg.tar.zst alone "$1" makepkg --nodeps
		sources=$build/src/v2m-$version installed=$build/pkg/v2m/usr/bin
	else
		alone "$1" tar --extract --file="${archive##*/}"
		alone "$1" "$MAKE" -C "v2m-$version" build DEPS=no DESTDIR=/
		sources=$build/v2m-$version installed=$build/v2m-$version/target/release
	fi
}

build_in build
[ "$("$installed/v2m-send" --version)" = "v2m-send $version" ] || fail "v2m-send does not run"
"$installed/v2m-engine" --help >/dev/null || fail "v2m-engine does not run"
mkdir "$folder/first"
find "$sources/target/release" -maxdepth 1 -type f -name 'v2m*' -perm -100 -exec cp -t "$folder/first" {} +
[ -e "$folder/first/v2m-engine" ] || fail "no programs in $sources/target/release"
mv "$folder"/build/*.pkg.tar.zst "$folder/" 2>/dev/null || true
rm -rf "${folder:?}/build"

build_in in/another/folder
for program in "$folder"/first/*; do
	again=$sources/target/release/${program##*/}
	sha256sum "$program"
	cmp "$program" "$again" || { diffoscope "$program" "$again" || true; fail "${program##*/}, built in another folder, is another one"; }
done
rm -rf "${folder:?}"/{in,home,toolchain,first}
ls -l "$folder"
