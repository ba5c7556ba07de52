#!/usr/bin/env python3
"""Copies argv[1] as text and argv[2] as HTML, as a browser does, and gives them to whoever asks until something else is copied. Run
with GDK_BACKEND=x11: on Wayland only the window that has the keyboard may copy."""

import sys

import gi

gi.require_version("Gdk", "4.0")
gi.require_version("Gtk", "4.0")
from gi.repository import Gdk, GLib, Gtk

Gtk.init()
clipboard = Gdk.Display.get_default().get_clipboard()
html = GLib.Bytes.new(sys.argv[2].encode())
text = GLib.Bytes.new(sys.argv[1].encode())
clipboard.set_content(
    Gdk.ContentProvider.new_union(
        [
            Gdk.ContentProvider.new_for_bytes("text/html", html),
            Gdk.ContentProvider.new_for_bytes("text/plain;charset=utf-8", text),
        ]
    )
)
loop = GLib.MainLoop()
clipboard.connect("changed", lambda c: None if c.is_local() else loop.quit())
loop.run()
