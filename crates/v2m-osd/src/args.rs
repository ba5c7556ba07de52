//! The help text.

use v2m_messages::tr;

/// Returns the text for `--help` and for invalid arguments.
pub fn usage() -> &'static str {
    tr!("\
usage: v2m-osd [--idle-seconds N]

Shows what v2m is doing in a small sign at the bottom of the screen: the recording with its level
and length, the last words, and where the text went. It takes no keys and no clicks. v2m starts it
when you dictate (feedback.overlay), so you need not.

It needs a Wayland compositor with wlr-layer-shell (KDE, sway, Hyprland and others), or X11. It
takes the display from WAYLAND_DISPLAY and DISPLAY; Wayland comes first. On GNOME, v2m has an
extension for the same purpose.

  --idle-seconds N  exit after this time without a dictation (default: 60)
  -h, --help        print this help
  -V, --version     print the version

Exit codes: 0 nothing went on any more, or the display has ended, or another program shows the
state already; 1 it failed; 2 wrong arguments; 69 there is no display that can show it")
}
