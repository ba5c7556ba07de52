// An extension for GNOME Shell 45 and later: a microphone in the panel while v2m records, with the
// time and the level. A click starts or stops a recording.

import Clutter from 'gi://Clutter';
import GLib from 'gi://GLib';
import St from 'gi://St';

import {Extension} from 'resource:///org/gnome/shell/extensions/extension.js';
import * as Main from 'resource:///org/gnome/shell/ui/main.js';
import * as PanelMenu from 'resource:///org/gnome/shell/ui/panelMenu.js';

import {Dictation} from './dictation.js';
import {words} from './words.js';

export default class V2mExtension extends Extension {
    enable() {
        this._button = new PanelMenu.Button(0.5, this.metadata.name, true);
        this._label = new St.Label({y_align: Clutter.ActorAlign.CENTER});
        this._button.add_child(this._label);
        this._button.connect('button-press-event', () => this._dictation.toggle());
        Main.panel.addToStatusArea(this.uuid, this._button);
        this._dictation = new Dictation(() => this._show());
        this._tick = GLib.timeout_add_seconds(GLib.PRIORITY_DEFAULT, 1, () => {
            if (this._dictation.elapsed() !== null)
                this._show();
            return GLib.SOURCE_CONTINUE;
        });
        this._show();
    }

    disable() {
        GLib.source_remove(this._tick);
        this._dictation.destroy();
        this._button.destroy();
        this._dictation = this._button = this._label = null;
    }

    _show() {
        // A change may arrive while the extension is being enabled.
        if (this._dictation)
            this._label.text = words(this._dictation);
    }
}
