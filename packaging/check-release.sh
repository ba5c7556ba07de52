#!/usr/bin/env bash
# `make deb` and `make dist` run this first. It fails if a release (a commit with a tag v*) still
# has the placeholder for the maintainer's address, because bug reports would reach nobody. Other
# commits may have it: they are packaged only for tests.
set -euo pipefail
cd "$(dirname "$0")/.."
# An archive of v2m may have been unpacked inside another repository.
[ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ] || exit 0
tag=$(git tag --points-at HEAD --list 'v*' | head -1)
[ -n "$tag" ] || exit 0
status=0
for file in debian/control debian/changelog; do
	! grep -q '@example\.' "$file" || { echo "$file has no address of a maintainer, so $tag cannot be packaged. Put in one that you read."; status=1; }
done
exit "$status"
