#!/usr/bin/env python3
"""Copies the contents of files, as a browser does, until something else is copied. The arguments are pairs of format and file.
Run with GDK_BACKEND=x11: on Wayland, only the window with the keyboard focus may copy."""

import sys
from pathlib import Path

import gi

gi.require_version("Gdk", "4.0")
gi.require_version("Gtk", "4.0")
from gi.repository import Gdk, GLib, Gtk


def provider(mime: str, file: str) -> Gdk.ContentProvider:
    return Gdk.ContentProvider.new_for_bytes(mime, GLib.Bytes.new(Path(file).read_bytes()))


Gtk.init()
clipboard = Gdk.Display.get_default().get_clipboard()
pairs = zip(sys.argv[1::2], sys.argv[2::2], strict=True)
clipboard.set_content(Gdk.ContentProvider.new_union([provider(*pair) for pair in pairs]))
loop = GLib.MainLoop()
clipboard.connect("changed", lambda c: None if c.is_local() else loop.quit())
loop.run()
