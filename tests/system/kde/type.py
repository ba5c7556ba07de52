#!/usr/bin/env python3
"""Presses one key by its code (argv[1]) through a RemoteDesktop session of its own."""

import sys

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
for state in 1, 0:
    call("NotifyKeyboardKeycode", GLib.Variant("(oa{sv}iu)", (session, {}, int(sys.argv[1]), state)))
