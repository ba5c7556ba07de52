#!/usr/bin/env python3
"""A module for Waybar: shows whether v2m records. README.md in this folder explains how to set it up.

It prints one JSON object per line for each change, and reconnects if the service restarts. It needs v2m.py in the
same folder.
"""

import json
import sys
import time

from v2m import Client, Lost, V2mError

ICONS = {"recording": "●", "transcribing": "…", "processing": "…", "paused": "⏸"}
# Seconds until the next try if the service is unreachable.
PAUSE = 5


def show(state, tooltip):
    line = {"text": ICONS.get(state, ""), "tooltip": tooltip, "class": state}
    print(json.dumps(line, ensure_ascii=False), flush=True)


def tooltip(status):
    """Returns the text that Waybar shows when the pointer is over the module."""
    if status["problem"]:
        return status["problem"]["error"]
    words = f"v2m: {status['state']}"
    return f"{words}, {status['pending']} pending" if status["pending"] else words


def follow():
    """Shows each change until the service stops."""
    with Client() as events, Client() as asking:
        # Subscribe before the first request, so that no change in between is missed.
        changes = events.events("state", "engine")
        status = asking.request("GET_STATUS")
        show(status["state"], tooltip(status))
        for _ in changes:
            status = asking.request("GET_STATUS")
            show(status["state"], tooltip(status))


def main():
    while True:
        try:
            follow()
            show("stopped", "v2m has stopped")
        except (OSError, Lost, V2mError) as error:
            show("stopped", f"v2m: {error}")
        time.sleep(PAUSE)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(0)
