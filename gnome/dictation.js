// A client of v2m on the session bus: v2m's state and signals, and calls to v2m. All calls are
// asynchronous. It needs only GLib and Gio, so that a test can import it without GNOME Shell.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

export const NAME = 'org.v2m.Dictation1';
const PATH = '/org/v2m/Dictation1';
const PROPERTIES = 'org.freedesktop.DBus.Properties';

export class Dictation {
    // `told` has three callbacks: `changed()` when State changes, or v2m starts or exits;
    // `signed(kind, details)` for each signal Sign; `heard(rms)` for each level, in dB relative to
    // full scale.
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
        // Do not start v2m for this: if it is not running, there is no state to show.
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

    // Starts or stops a recording. Starts v2m if it is not running. Fails with v2m's own error.
    toggle() {
        return this._call('Toggle', null, Gio.DBusCallFlags.NONE);
    }

    // Deletes the recording, or, if v2m is not recording, the newest dictation that is still in
    // progress.
    cancel() {
        return this._call('Cancel');
    }

    // Those of the newest `count` dictations that have a text, each with `id` and `first_words`.
    async texts(count) {
        const question = new GLib.Variant('(sssu)', ['', '', '', count]);
        const [dictations] = (await this._call('History', question)).deepUnpack();
        return dictations.map(unpacked).filter(dictation => dictation.first_words);
    }

    // Delivers a text again, with `way` `clipboard` or `paste`. Returns whether it arrived, and
    // how, or why not.
    async deliver(id, way) {
        const answer = await this._call('DeliverDictation', new GLib.Variant('(ss)', [id, way]));
        return answer.deepUnpack();
    }

    // The settings that the menu offers, as strings: `language` and `microphone`.
    async settings() {
        return (await this._call('Settings')).deepUnpack()[0];
    }

    // Changes one of these settings.
    change(setting, value) {
        return this._call('ChangeSettings', new GLib.Variant('(a{ss})', [{[setting]: value}]));
    }

    // Subscribes to the level, which comes ten times a second while v2m records, or unsubscribes.
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
        // Start of the recording in seconds since 1970; 0 while v2m does not record.
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

    // By default, does not start v2m if it is not running.
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

// A stop returns when its text has been delivered, and a slow machine may need minutes for a long
// recording.
const LONGEST_MS = 10 * 60 * 1000;

function unpacked(dictionary) {
    return Object.fromEntries(Object.entries(dictionary).map(([key, value]) => [key, value.deepUnpack()]));
}
