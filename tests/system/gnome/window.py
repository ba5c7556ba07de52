#!/usr/bin/env python3
"""A GTK window with a text field. At each change, it writes its text and whether it has the focus to the file argv[1], as JSON.
argv[2] may be `password`, for a field that hides its text, or `no-field`, for a window that takes no text.
APPLICATION in the environment is the application's id."""

import json
import os
import sys

import gi

gi.require_version("Gtk", "4.0")
from gi.repository import Gtk


def activate(app: Gtk.Application) -> None:
    window = Gtk.ApplicationWindow(application=app, title="A text")
    window.set_default_size(700, 300)
    fields = {"field": Gtk.TextView, "password": Gtk.PasswordEntry, "no-field": lambda: Gtk.Button(label="No text")}
    field = fields[(sys.argv[2:] or ["field"])[0]]()

    def tell(*_) -> None:
        text = ""
        if isinstance(field, Gtk.TextView):
            buffer = field.get_buffer()
            text = buffer.get_text(buffer.get_start_iter(), buffer.get_end_iter(), True)
        elif isinstance(field, Gtk.PasswordEntry):
            text = field.get_text()
        with open(sys.argv[1] + ".new", "w", encoding="utf-8") as file:
            json.dump({"text": text, "active": window.is_active()}, file)
        os.rename(file.name, sys.argv[1])

    if isinstance(field, Gtk.TextView):
        field.get_buffer().connect("changed", tell)
    elif isinstance(field, Gtk.PasswordEntry):
        field.connect("changed", tell)
    window.connect("notify::is-active", tell)
    window.set_child(field)
    window.present()
    field.grab_focus()
    tell()


app = Gtk.Application(application_id=os.environ.get("APPLICATION", "org.v2m.Test"))
app.connect("activate", activate)
app.run([])
