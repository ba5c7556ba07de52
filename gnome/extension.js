// v2m in GNOME Shell: shows v2m's state at the lower edge of the screen and in the panel, and a
// menu.
//
// GNOME Shell disables the extension while the screen is locked, so nothing is shown there.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import {Extension} from 'resource:///org/gnome/shell/extensions/extension.js';

import {Desk} from './desk.js';
import {Dictation} from './dictation.js';
import {Focus} from './focus.js';
import {Indicator} from './indicator.js';
import {Sign} from './sign.js';
import {Story} from './story.js';

// The program that owns this bus name shows v2m's states. v2m then sends no notifications of them.
const SIGN_NAME = 'org.v2m.Sign';
const PANEL_MS = 100;
// How long the panel shows that a text is on the clipboard; v2m-osd uses the same time.
const REMINDER_SECONDS = 60;

export default class V2mExtension extends Extension {
    enable() {
        const gettext = text => this.gettext(text);
        this._story = new Story();
        this._sign = new Sign(gettext);
        this._desk = new Desk(this.dir);
        this._indicator = new Indicator(this.uuid, this.metadata.name, gettext, this._actions());
        this._dictation = new Dictation(Gio.DBus.session, {
            changed: () => this._changed(),
            signed: (kind, details) => {
                this._story.signed(kind, details);
                this._show();
            },
            heard: rms => this._sign.hear(rms),
        });
        this._focus = new Focus(Gio.DBus.session, () => this._dictation.owner);
        this._ownsName = false;
        this._name = Gio.bus_own_name_on_connection(Gio.DBus.session, SIGN_NAME, Gio.BusNameOwnerFlags.NONE,
            () => this._own(true), () => this._own(false));
        this._show();
    }

    disable() {
        // First, so that v2m shows its states itself from now on.
        Gio.bus_unown_name(this._name);
        for (const source of [this._expiry, this._reminder, this._panelDue].filter(source => source))
            GLib.source_remove(source);
        this._focus.destroy();
        this._dictation.destroy();
        this._indicator.destroy();
        this._desk.destroy();
        this._sign.destroy();
        this._expiry = this._expiring = this._reminder = this._reminded = null;
        this._panelDue = this._focus = this._dictation = null;
        this._indicator = this._desk = this._sign = this._story = null;
    }

    // The sign is hidden while another program owns the name, because that program shows the
    // states.
    _own(owns) {
        this._ownsName = owns;
        this._show();
    }

    _changed() {
        const {owner, state} = this._dictation;
        if (owner)
            this._story.is(state);
        else
            this._story.forget();
        this._show();
    }

    _show() {
        // Signals from v2m may arrive before everything is built, and after it was destroyed.
        if (!this._dictation)
            return;
        const {since} = this._dictation;
        const view = this._story.view();
        this._dictation.listenToLevel(this._ownsName && view?.kind === 'recording');
        this._sign.show(this._ownsName ? view : null, since);
        this._showInPanel();
        this._expireAfter(view?.seconds);
        this._remind();
    }

    // Delayed, because the sign appears sooner if the panel is not redrawn in the same frame.
    _showInPanel() {
        this._panelDue ??= GLib.timeout_add(GLib.PRIORITY_DEFAULT, PANEL_MS, () => {
            this._panelDue = null;
            this._indicator.show(this._dictation.state, this._story.view(), this._story.isWaiting);
            return GLib.SOURCE_REMOVE;
        });
    }

    // Starts the timer only for a new outcome, so that other changes do not prolong the current
    // one.
    _expireAfter(seconds) {
        const outcome = this._story.outcome;
        if (outcome === this._expiring)
            return;
        this._expiring = outcome;
        if (this._expiry)
            GLib.source_remove(this._expiry);
        this._expiry = outcome && GLib.timeout_add(GLib.PRIORITY_DEFAULT, seconds * 1000, () => {
            this._expiry = this._expiring = null;
            this._story.expire();
            this._show();
            return GLib.SOURCE_REMOVE;
        });
    }

    // Starts the reminder's timer for each new text on the clipboard.
    _remind() {
        const waiting = this._story.waiting;
        if (waiting === (this._reminded ?? null))
            return;
        this._reminded = waiting;
        if (this._reminder)
            GLib.source_remove(this._reminder);
        this._reminder = waiting && GLib.timeout_add_seconds(GLib.PRIORITY_DEFAULT, REMINDER_SECONDS, () => {
            this._reminder = this._reminded = null;
            this._story.stopWaiting();
            this._show();
            return GLib.SOURCE_REMOVE;
        });
    }

    _actions() {
        const tell = error => this._failed(error);
        // v2m itself reports failures of a dictation, with the signal Sign.
        const tellUnlessV2m = error => {
            if (!Gio.DBusError.get_remote_error(error)?.startsWith('org.v2m.Error.'))
                tell(error);
        };
        return {
            toggle: () => this._dictation.toggle().catch(tellUnlessV2m),
            cancel: () => this._dictation.cancel().catch(tellUnlessV2m),
            texts: count => this._dictation.texts(count),
            settings: () => this._dictation.settings(),
            deliver: (id, way) => this._dictation.deliver(id, way).then(([arrived, detail]) => {
                if (!arrived)
                    this._add('problem', {body: detail});
                else if (way === 'clipboard')
                    this._add('delivered', {title: this.gettext('On the clipboard')});
            }).catch(tell),
            change: (setting, value) => this._dictation.change(setting, value).catch(tell),
            openSettings: () => this._desk.openSettings().catch(tell),
            runDoctor: () => this._runDoctor(),
        };
    }

    _runDoctor() {
        try {
            this._desk.runDoctor(this.gettext('Press Enter to close.'));
        } catch {
            this._add('problem', {body: this.gettext('No terminal was found. Run in one: v2m doctor')});
        }
    }

    _failed(error) {
        // The extension was disabled in the meantime.
        if (error.matches?.(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED))
            return;
        Gio.DBusError.strip_remote_error(error);
        this._add('problem', {body: error.message});
    }

    _add(kind, details) {
        if (!this._story)
            return;
        this._story.add(kind, details);
        this._show();
    }
}
