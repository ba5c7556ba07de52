#!/usr/bin/env python3
"""Presses keys through its own RemoteDesktop session.

Each argument is a step: `+CODE` presses the key of that code, `-CODE` releases it, `.MILLISECONDS` waits. Prints a line
before each wait, and at the end.
"""

import sys
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib

bus = Gio.bus_get_sync(Gio.BusType.SESSION)
NAME, PATH = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"


def call(method: str, arguments: GLib.Variant) -> None:
    interface = "org.freedesktop.portal.RemoteDesktop"
    bus.call_sync(NAME, PATH, interface, method, arguments, None, 0, -1, None)


def request(method: str, signature: str, *arguments) -> dict:
    """Sends a request, waits for its answer, and returns the results."""
    loop, results = GLib.MainLoop(), {}

    def answered(_bus, _sender, _path, _interface, _member, parameters) -> None:
        results.update(parameters.unpack()[1])
        loop.quit()

    match = ("org.freedesktop.portal.Request", "Response", None, None, 0)
    subscription = bus.signal_subscribe(None, *match, answered)
    call(method, GLib.Variant(signature, arguments))
    loop.run()
    bus.signal_unsubscribe(subscription)
    return results


session = request("CreateSession", "(a{sv})", {"session_handle_token": GLib.Variant("s", "typing")})["session_handle"]
request("SelectDevices", "(oa{sv})", session, {"types": GLib.Variant("u", 1)})
request("Start", "(osa{sv})", session, "", {})
for step in sys.argv[1:]:
    kind, number = step[0], int(step[1:])
    if kind == ".":
        print("waits", flush=True)
        time.sleep(number / 1000)
    else:
        call("NotifyKeyboardKeycode", GLib.Variant("(oa{sv}iu)", (session, {}, number, int(kind == "+"))))
print("ends", flush=True)
