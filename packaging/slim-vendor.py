#!/usr/bin/env python3
"""Empties vendored packages that Linux never compiles: slim-vendor.py VENDOR NEEDED

VENDOR is a folder from `cargo vendor --versioned-dirs`. NEEDED is a file with the names of the folders to keep, one per line. Of the
others, cargo reads only the manifest and checks that the files named there exist.
"""

import json
import pathlib
import re
import shutil
import sys

vendor = pathlib.Path(sys.argv[1])
needed = set(pathlib.Path(sys.argv[2]).read_text().split())
folders = sorted(folder for folder in vendor.iterdir() if folder.is_dir())
missing = needed - {folder.name for folder in folders}
# Packages of the workspace are not vendored.
missing = {name for name in missing if not name.startswith("v2m")}
if missing:
    sys.exit(f"not vendored: {', '.join(sorted(missing))}")
emptied = 0
for folder in folders:
    if folder.name in needed:
        continue
    emptied += 1
    manifest = (folder / "Cargo.toml").read_text()
    package = json.loads((folder / ".cargo-checksum.json").read_text())["package"]
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "Cargo.toml").write_text(manifest)
    (folder / ".cargo-checksum.json").write_text(json.dumps({"files": {}, "package": package}))
    for name in {"src/lib.rs", *re.findall(r'^(?:path|build) = "([^"]+\.rs)"', manifest, re.MULTILINE)}:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
print(f"{len(folders) - emptied} packages, and {emptied} emptied that Linux never compiles")
