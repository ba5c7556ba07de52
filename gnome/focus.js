// Tells v2m which program has the focus, so that v2m presses the right keys and uses that program's
// preset. Answers no other program. v2m asks only if the user has set `deliver.focused_program`.
// Window titles are not sent.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Shell from 'gi://Shell';

const PATH = '/org/v2m/Sign';
const INTERFACE = `<node>
  <interface name="org.v2m.Sign">
    <method name="FocusedApp">
      <arg type="s" direction="out" name="application"/>
      <arg type="s" direction="out" name="window_class"/>
    </method>
  </interface>
</node>`;

export class Focus {
    // `owner` returns v2m's unique name on the bus, or null.
    constructor(bus, owner) {
        this._bus = bus;
        this._owner = owner;
        this._cancellable = new Gio.Cancellable();
        this._object = Gio.DBusExportedObject.wrapJSObject(INTERFACE, this);
        this._object.export(bus, PATH);
    }

    destroy() {
        this._cancellable.cancel();
        this._object.unexport();
        this._object = null;
    }

    // Returns the application's id, without `.desktop`, and the class of its window. Both are empty
    // if no window has the focus, as in the overview.
    async FocusedAppAsync(_parameters, invocation) {
        if (!await this._isV2m(invocation.get_sender())) {
            invocation.return_error_literal(Gio.DBusError, Gio.DBusError.ACCESS_DENIED, 'Only v2m may ask this.');
            return;
        }
        const window = global.stage.key_focus ? null : global.display.focus_window;
        const application = window && Shell.WindowTracker.get_default().get_window_app(window);
        // The id of a window without an application identifies nothing.
        const id = application && !application.is_window_backed() ? application.get_id() : '';
        const told = [id.replace(/\.desktop$/, ''), window?.get_wm_class() ?? ''];
        invocation.return_value(new GLib.Variant('(ss)', told));
    }

    // v2m asks over a different connection from the one that owns its name, so this compares the
    // process ids of both.
    async _isV2m(sender) {
        const owner = this._owner();
        if (!owner)
            return false;
        try {
            const [v2m, asking] = await Promise.all([this._process(owner), this._process(sender)]);
            return v2m === asking;
        } catch {
            // One of them has left the bus.
            return false;
        }
    }

    _process(name) {
        const bus = 'org.freedesktop.DBus';
        return new Promise((resolve, reject) => {
            this._bus.call(bus, '/org/freedesktop/DBus', bus, 'GetConnectionUnixProcessID', new GLib.Variant('(s)', [name]),
                new GLib.VariantType('(u)'), Gio.DBusCallFlags.NONE, -1, this._cancellable, (connection, result) => {
                    try {
                        resolve(connection.call_finish(result).deepUnpack()[0]);
                    } catch (error) {
                        reject(error);
                    }
                });
        });
    }
}
