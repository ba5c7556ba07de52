// A client of v2m on the session bus: state, start of the recording, and sound level.
// It needs only GLib and Gio, so any GJS program can import it.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

const NAME = 'org.v2m.Dictation1';
const PATH = '/org/v2m/Dictation1';
const PROPERTIES = 'org.freedesktop.DBus.Properties';

export class Dictation {
    // Calls `changed` after each change. `bus` is the session bus by default.
    constructor(changed, bus = Gio.DBus.session) {
        this._bus = bus;
        this._changed = changed;
        this._forget();
        this._signals = [];
        this._listen(PROPERTIES, 'PropertiesChanged', parameters => {
            this._take(parameters.deepUnpack()[1]);
        });
        this._listen(NAME, 'Level', parameters => {
            this.level = parameters.deepUnpack()[0];
            this._changed();
        });
        // Do not start v2m for this: if it is not running, there is no state to show.
        this._watch = Gio.bus_watch_name_on_connection(bus, NAME, Gio.BusNameWatcherFlags.NONE,
            () => this._ask(), () => {
                this._forget();
                this._changed();
            });
    }

    destroy() {
        for (const signal of this._signals)
            this._bus.signal_unsubscribe(signal);
        Gio.bus_unwatch_name(this._watch);
        this._call('UnsubscribeLevel');
        this._changed = () => {};
    }

    // Starts or stops a recording.
    toggle() {
        this._call('Toggle');
    }

    // Returns the length of the current recording in whole seconds, or null.
    elapsed() {
        const seconds = GLib.get_real_time() / 1e6 - this._since;
        return this._since > 0 ? Math.max(0, Math.floor(seconds)) : null;
    }

    _forget() {
        this.state = 'stopped';
        this.reason = '';
        this.level = -120;
        this._since = 0;
    }

    _listen(name, signal, take) {
        this._signals.push(this._bus.signal_subscribe(NAME, name, signal, PATH, null,
            Gio.DBusSignalFlags.NONE,
            (_bus, _sender, _path, _name, _signal, parameters) => take(parameters)));
    }

    _ask() {
        const all = new GLib.Variant('(s)', [NAME]);
        this._bus.call(NAME, PATH, PROPERTIES, 'GetAll', all, null, Gio.DBusCallFlags.NO_AUTO_START,
            -1, null, (bus, result) => {
                try {
                    this._take(bus.call_finish(result).deepUnpack()[0]);
                } catch (error) {
                    logError(error, 'v2m does not tell its state');
                }
            });
        this._call('SubscribeLevel');
    }

    _take(properties) {
        const value = name => properties[name]?.deepUnpack();
        this.state = value('State') ?? this.state;
        this.reason = value('Reason') ?? this.reason;
        this._since = value('RecordingSince') ?? this._since;
        if (this.state !== 'recording')
            this.level = -120;
        this._changed();
    }

    _call(method) {
        // Only Toggle may start v2m.
        this._bus.call(NAME, PATH, NAME, method, null, null,
            method === 'Toggle' ? Gio.DBusCallFlags.NONE : Gio.DBusCallFlags.NO_AUTO_START,
            -1, null, (bus, result) => {
                try {
                    bus.call_finish(result);
                } catch {
                    // v2m itself shows what went wrong.
                }
            });
    }
}
