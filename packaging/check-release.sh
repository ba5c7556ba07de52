#!/usr/bin/env bash
# `make deb` and `make dist` run this first. It refuses to package a release, which is a commit with a tag v*, with the placeholder
# for the maintainer's address: bug reports of its users would reach nobody. Other commits are packaged with it, for tests.
set -euo pipefail
cd "$(dirname "$0")/.."
# An archive may be unpacked inside the repository of something else.
[ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ] || exit 0
tag=$(git tag --points-at HEAD --list 'v*' | head -1)
[ -n "$tag" ] || exit 0
status=0
for file in debian/control debian/changelog; do
	! grep -q '@example\.' "$file" || { echo "$file has no address of a maintainer, so $tag cannot be packaged. Put in one that you read."; status=1; }
done
exit "$status"
