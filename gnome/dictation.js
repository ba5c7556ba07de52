// v2m on the session bus: what it tells, and what can be asked of it. Everything is asynchronous.
// It needs GLib and Gio alone, so that a test can import it without GNOME Shell.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

export const NAME = 'org.v2m.Dictation1';
const PATH = '/org/v2m/Dictation1';
const PROPERTIES = 'org.freedesktop.DBus.Properties';

export class Dictation {
    // `told` has the methods `changed()`, for State and whether v2m runs, `signed(kind, details)`, for
    // what the sign shows, and `heard(rms)`, for the level in dB relative to full scale.
    constructor(bus, told) {
        this._bus = bus;
        this._told = told;
        this._cancellable = new Gio.Cancellable();
        this._wantsLevel = false;
        this._forget();
        this._signals = [
            this._listen(PROPERTIES, 'PropertiesChanged', ([name, properties]) => {
                if (name === NAME)
                    this._take(properties);
            }),
            this._listen(NAME, 'Sign', ([kind, details]) => this._told.signed(kind, unpacked(details))),
            this._listen(NAME, 'Level', ([rms]) => this._told.heard(rms)),
        ];
        // A v2m that does not run is not started: it has nothing to tell.
        this._watch = Gio.bus_watch_name_on_connection(bus, NAME, Gio.BusNameWatcherFlags.NONE,
            (_bus, _name, owner) => this._appeared(owner), () => this._vanished());
    }

    destroy() {
        this.listenToLevel(false);
        this._cancellable.cancel();
        Gio.bus_unwatch_name(this._watch);
        for (const signal of this._signals)
            this._bus.signal_unsubscribe(signal);
        this._told = null;
    }

    // Starts a recording, or stops it. Starts v2m if it does not run. Fails with v2m's own error.
    toggle() {
        return this._call('Toggle', null, Gio.DBusCallFlags.NONE);
    }

    // Deletes the recording, or else the newest text that is not there yet.
    cancel() {
        return this._call('Cancel');
    }

    // The newest `count` dictations that have a text: each with `id` and `first_words`.
    async texts(count) {
        const question = new GLib.Variant('(sssu)', ['', '', '', count]);
        const [dictations] = (await this._call('History', question)).deepUnpack();
        return dictations.map(unpacked).filter(dictation => dictation.first_words);
    }

    // Delivers a text once more, to the `clipboard` or by `paste`: whether it arrived, and how or why not.
    async deliver(id, way) {
        const answer = await this._call('DeliverDictation', new GLib.Variant('(ss)', [id, way]));
        return answer.deepUnpack();
    }

    // The settings that the menu offers, as strings: `language` and `microphone`.
    async settings() {
        return (await this._call('Settings')).deepUnpack()[0];
    }

    // Changes one of them.
    change(setting, value) {
        return this._call('ChangeSettings', new GLib.Variant('(a{ss})', [{[setting]: value}]));
    }

    // Asks for the level, ten times a second while v2m records, or for no more of it.
    listenToLevel(wanted) {
        if (wanted === this._wantsLevel || !this.owner)
            return;
        this._wantsLevel = wanted;
        // If this fails, the sign shows no level, and everything else works.
        this._call(wanted ? 'SubscribeLevel' : 'UnsubscribeLevel').catch(() => {});
    }

    _forget() {
        this.owner = null;
        this.state = 'idle';
        // Seconds since 1970; 0: nothing is recorded.
        this.since = 0;
        this._wantsLevel = false;
    }

    _appeared(owner) {
        this.owner = owner;
        this._bus.call(owner, PATH, PROPERTIES, 'GetAll', new GLib.Variant('(s)', [NAME]), null,
            Gio.DBusCallFlags.NO_AUTO_START, -1, this._cancellable, (bus, result) => {
                try {
                    this._take(bus.call_finish(result).deepUnpack()[0]);
                } catch (error) {
                    if (this._told && this.owner === owner)
                        console.warn(`v2m does not tell its state: ${error.message}`);
                }
            });
    }

    _vanished() {
        this._forget();
        this._told.changed();
    }

    _listen(name, signal, take) {
        return this._bus.signal_subscribe(NAME, name, signal, PATH, null, Gio.DBusSignalFlags.NONE,
            (_bus, _sender, _path, _name, _signal, parameters) => take(parameters.deepUnpack()));
    }

    _take(properties) {
        const {State, RecordingSince} = unpacked(properties);
        this.state = State ?? this.state;
        this.since = RecordingSince ?? this.since;
        this._told.changed();
    }

    // Without `flags`, a v2m that does not run is not started.
    _call(method, parameters = null, flags = Gio.DBusCallFlags.NO_AUTO_START) {
        return new Promise((resolve, reject) => {
            this._bus.call(NAME, PATH, NAME, method, parameters, null, flags, LONGEST_MS, this._cancellable,
                (bus, result) => {
                    try {
                        resolve(bus.call_finish(result));
                    } catch (error) {
                        reject(error);
                    }
                });
        });
    }
}

// A stop answers when its text is delivered; a slow machine may take long over a long one.
const LONGEST_MS = 10 * 60 * 1000;

function unpacked(dictionary) {
    return Object.fromEntries(Object.entries(dictionary).map(([key, value]) => [key, value.deepUnpack()]));
}
