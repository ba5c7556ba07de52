#!/usr/bin/env python3
"""Presses keys by their codes (argv[2] and on) through a RemoteDesktop session of its own, tells so, holds them for argv[1] seconds, and lets
go of them in that order."""

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
    """What came of a request, once it is answered."""
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
keys = [int(code) for code in sys.argv[2:]]
for code in keys:
    call("NotifyKeyboardKeycode", GLib.Variant("(oa{sv}iu)", (session, {}, code, 1)))
print("down", flush=True)
time.sleep(float(sys.argv[1]))
for code in keys:
    call("NotifyKeyboardKeycode", GLib.Variant("(oa{sv}iu)", (session, {}, code, 0)))
print("up", flush=True)
