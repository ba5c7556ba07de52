// The sign: a pill near the lower edge of the screen, above all windows. It never takes focus or
// clicks.

import Atk from 'gi://Atk';
import Clutter from 'gi://Clutter';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Meta from 'gi://Meta';
import Pango from 'gi://Pango';
import St from 'gi://St';

import * as Layout from 'resource:///org/gnome/shell/ui/layout.js';
import * as Main from 'resource:///org/gnome/shell/ui/main.js';

import {Level} from './level.js';
import {elapsed, endOfWords} from './story.js';

const ICONS = {
    recording: 'media-record-symbolic',
    transcribing: 'content-loading-symbolic',
    rewriting: 'document-edit-symbolic',
    delivered: 'object-select-symbolic',
    waiting: 'edit-paste-symbolic',
    problem: 'dialog-warning-symbolic',
    recovered: 'document-open-recent-symbolic',
    cancelled: 'process-stop-symbolic',
};

// A level up to this, in dB relative to full scale, means that the microphone is muted or
// disconnected.
const SILENCE = -100;
// After this many silent levels in a row (ten a second), the sign shows a warning.
const SILENT_LEVELS = 25;
// Longest text that is shown, in characters; the notification has all of it.
const LONGEST = 240;
const FADE_MS = 150;
const PULSE_MS = 500;

export class Sign {
    // `gettext` translates a message.
    constructor(gettext) {
        this._gettext = gettext;
        this._view = null;
        this._silent = 0;
        this._kind = null;
        this._isShown = this._isOverFullscreen = false;
        this._build();
        this._settings = St.Settings.get();
        this._contrast = this._settings.connect('notify::high-contrast', () => this._follow());
        this._follow();
        Main.layoutManager.uiGroup.add_child(this.actor);
    }

    destroy() {
        this._settings.disconnect(this._contrast);
        this._pulse(false);
        this._tick(false);
        this._setOverFullscreen(false);
        this.actor.destroy();
        this.actor = null;
    }

    // Shows a view of a Story, or hides the sign if it is null. `since` is the start of the
    // recording in seconds since 1970.
    show(view, since) {
        const before = this._view;
        this._view = view;
        this._since = since;
        if (isNews(view, before))
            this._announce(view);
        if (!view) {
            this._tick(false);
            this._pulse(false);
            this._disappear();
            return;
        }
        this._fill(view, before);
        this._tick(view.kind === 'recording');
        this._pulse(view.kind === 'transcribing' || view.kind === 'rewriting');
        this._appear();
    }

    // Shows a level of the recording, in dB relative to full scale.
    hear(rms) {
        if (this._view?.kind !== 'recording')
            return;
        this._level.push(rms, this._settings.enable_animations);
        this._silent = rms <= SILENCE ? this._silent + 1 : 0;
        if (this._silent === 0 && this._saysSilent || this._silent === SILENT_LEVELS)
            this._write(this._view);
        this._showTime();
    }

    _build() {
        // An invisible layer as large as the screen without panels. Nothing in it is reactive.
        this._constraint = new Layout.MonitorConstraint({index: 0, work_area: true});
        this.actor = new St.Widget({layout_manager: new Clutter.BinLayout()});
        this.actor.add_constraint(this._constraint);
        this._pill = new St.BoxLayout({
            name: 'v2m-sign',
            // Not `visible: false`: then its text would be laid out again each time, which takes
            // longer than a frame.
            opacity: 0,
            style_class: 'v2m-pill',
            x_expand: true,
            y_expand: true,
            x_align: Clutter.ActorAlign.CENTER,
            y_align: Clutter.ActorAlign.END,
            // Without the role of a notification: Orca (48) would say "notification" whenever the extension is enabled.
        });
        // Sentences may need several lines.
        this._pill.request_mode = Clutter.RequestMode.HEIGHT_FOR_WIDTH;
        this.actor.add_child(this._pill);
        this._icon = new St.Icon({name: 'v2m-icon', style_class: 'v2m-icon', y_align: Clutter.ActorAlign.CENTER});
        this._level = new Level();
        this._time = new St.Label({name: 'v2m-time', style_class: 'v2m-time', y_align: Clutter.ActorAlign.CENTER});
        this._title = new St.Label({name: 'v2m-title', style_class: 'v2m-title', y_align: Clutter.ActorAlign.CENTER});
        this._words = new St.Label({name: 'v2m-words', style_class: 'v2m-words', y_align: Clutter.ActorAlign.CENTER});
        // Never on the screen: it measures drafts.
        for (const child of [this._icon, this._level.actor, this._time, this._title, this._words])
            this._pill.add_child(child);
    }

    _fill(view, before) {
        const isRecording = view.kind === 'recording';
        if (isRecording && before?.kind !== 'recording') {
            this._silent = 0;
            this._level.clear(this._settings.enable_animations);
        }
        this._icon.icon_name = ICONS[view.outcome ?? view.kind];
        this._setKind(`v2m-${view.outcome ?? view.kind}`);
        this._level.actor.visible = this._time.visible = isRecording;
        this._title.visible = !isRecording;
        this._title.text = this._titleOf(view);
        this._write(view);
        this._showTime();
    }

    // Sets the text beside the title, or beside the time of a recording.
    _write(view) {
        const isRecording = view.kind === 'recording';
        this._saysSilent = isRecording && this._silent >= SILENT_LEVELS;
        const _ = this._gettext;
        let words = [withoutText(view), view.hint].filter(part => part).join(' ');
        if (isRecording)
            words = view.note || (this._saysSilent ? _('The microphone gives no sound') : view.text ?? '');
        else if (view.kind === 'delivered')
            words = view.hint ?? '';
        else if (view.kind === 'transcribing' || view.kind === 'rewriting')
            words = '';
        words = words.replaceAll(/\s+/g, ' ').trim();
        if (!isRecording && words.length > LONGEST)
            words = `${words.slice(0, LONGEST)}…`;
        // A draft shows its newest words on one line. Other sentences show from the beginning, over
        // several lines.
        const text = this._words.clutter_text;
        text.line_wrap = !isRecording;
        text.ellipsize = isRecording ? Pango.EllipsizeMode.START : Pango.EllipsizeMode.NONE;
        this._words.text = isRecording ? this._newest(words) : words;
        this._words.visible = words !== '';
    }

    // Returns the end of a draft that fits beside the time, from a whole word on. Pango would cut
    // within a word.
    _newest(words) {
        if (words === '')
            return words;
        this._words.ensure_style();
        const widest = this._words.get_theme_node().get_max_width() * this._words.get_resource_scale();
        if (widest <= 0)
            return words;
        // Measured by a copy of the label's layout, because GNOME Shell 48 crashes if a text that is
        // on no stage is measured.
        const layout = this._words.clutter_text.get_layout().copy();
        layout.set_width(-1);
        layout.set_ellipsize(Pango.EllipsizeMode.NONE);
        return endOfWords(words, part => {
            layout.set_text(part, -1);
            const [width] = layout.get_pixel_size();
            return width <= widest;
        });
    }

    _titleOf({kind, title}) {
        const _ = this._gettext;
        switch (kind) {
        case 'recording':
            return title || _('Recording');
        case 'transcribing':
            return title || _('Transcribing…');
        case 'rewriting':
            return title || _('Rewriting…');
        case 'delivered':
            return title || _('Done');
        case 'waiting':
            return title || _('On the clipboard');
        case 'recovered':
            return title || _('Recovered');
        case 'cancelled':
            return title || _('Cancelled');
        default:
            return title || _('Something went wrong');
        }
    }

    _showTime() {
        if (this._view?.kind !== 'recording')
            return;
        const now = GLib.get_real_time() / 1e6;
        const text = elapsed(this._since || now, now);
        if (this._time.text !== text)
            this._time.text = text;
    }

    // Shows the pill on the monitor of the window that has the focus.
    _appear() {
        this._pill.remove_all_transitions();
        if (!this._isShown) {
            // Only if they differ: either change lays out and redraws the whole screen.
            const monitor = Main.layoutManager.focusIndex;
            if (monitor >= 0 && this._constraint.index !== monitor)
                this._constraint.index = monitor;
            const parent = this.actor.get_parent();
            if (parent.get_last_child() !== this.actor)
                parent.set_child_above_sibling(this.actor, null);
            this._setOverFullscreen(true);
        }
        this._isShown = true;
        this._pill.opacity = 255;
    }

    _disappear() {
        if (!this._isShown)
            return;
        this._isShown = false;
        this._pill.accessible_name = '';
        this._pill.ease({
            opacity: 0,
            duration: FADE_MS,
            mode: Clutter.AnimationMode.EASE_OUT_QUAD,
            onComplete: () => {
                this._setOverFullscreen(false);
                // It is transparent, and assistive technologies would still read what was said.
                this._title.text = this._words.text = '';
            },
        });
    }

    // Without this, the compositor may show a fullscreen window directly and draw nothing above it.
    // GNOME Shell counts these calls, so each must be undone exactly once.
    _setOverFullscreen(over) {
        if (over === this._isOverFullscreen)
            return;
        this._isOverFullscreen = over;
        if (global.compositor.disable_unredirect) {
            if (over)
                global.compositor.disable_unredirect();
            else
                global.compositor.enable_unredirect();
        } else if (over) {
            // Before GNOME Shell 48.
            Meta.disable_unredirect_for_display(global.display);
        } else {
            Meta.enable_unredirect_for_display(global.display);
        }
    }

    // Updates the time each second, even if no level arrives.
    _tick(wanted) {
        if (wanted === Boolean(this._ticking))
            return;
        if (!wanted) {
            GLib.source_remove(this._ticking);
            this._ticking = null;
            return;
        }
        this._ticking = GLib.timeout_add_seconds(GLib.PRIORITY_DEFAULT, 1, () => {
            this._showTime();
            return GLib.SOURCE_CONTINUE;
        });
    }

    // Blinks in two steps a second, which costs less than a spinner that redraws in each frame.
    _pulse(wanted) {
        if (wanted === Boolean(this._pulsing))
            return;
        if (!wanted) {
            GLib.source_remove(this._pulsing);
            this._pulsing = null;
            this._icon.opacity = 255;
            return;
        }
        this._pulsing = GLib.timeout_add(GLib.PRIORITY_DEFAULT, PULSE_MS, () => {
            if (this._settings.enable_animations)
                this._icon.opacity = this._icon.opacity === 255 ? 110 : 255;
            return GLib.SOURCE_CONTINUE;
        });
    }

    // Only if it differs: a new class restyles and redraws the whole pill.
    _setKind(kind) {
        if (kind === this._kind)
            return;
        if (this._kind)
            this._pill.remove_style_class_name(this._kind);
        this._pill.add_style_class_name(kind);
        this._kind = kind;
    }

    _follow() {
        if (this._settings.high_contrast)
            this._pill.add_style_class_name('v2m-high-contrast');
        else
            this._pill.remove_style_class_name('v2m-high-contrast');
    }

    // Announces a view to screen readers. A problem interrupts their speech.
    _announce(view) {
        const isProblem = view.kind === 'problem';
        const parts = [view.note || this._titleOf(view)];
        if (isProblem || view.kind === 'waiting')
            parts.push(withoutText(view).trim(), view.hint);
        const sentence = parts.filter(part => part).join('. ');
        this._pill.accessible_name = sentence;
        // ATK has this signal since 2.50 (2023). Without it, a screen reader may read the changed
        // name.
        if (GObject.signal_lookup('notification', Atk.Object.$gtype) !== 0)
            this._pill.get_accessible().emit('notification', sentence, isProblem ? Atk.Live.ASSERTIVE : Atk.Live.POLITE);
    }
}

// Returns the sentences of an outcome without the dictated text that follows them: the user knows
// what they said.
function withoutText({body = '', text = ''}) {
    const start = text.slice(0, 40);
    const at = start ? body.indexOf(start) : -1;
    return at < 0 ? body : body.slice(0, at);
}

// Whether a view differs from the one before it in anything but the words of a draft.
function isNews(view, before) {
    if (!view)
        return false;
    if (view.kind !== before?.kind)
        return true;
    if (view.kind === 'recording')
        return Boolean(view.outcome) && (view.outcome !== before.outcome || view.note !== before.note);
    return view.title !== before.title || (view.kind === 'problem' && view.body !== before.body);
}
