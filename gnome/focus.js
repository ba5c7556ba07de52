// Tells v2m, and nobody else, which program has the focus, so that it presses the right keys. v2m asks only if the user
// has set `deliver.focused_program`. The titles of windows are not told.

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
    // `owner` gives v2m's unique name on the bus, or null.
    constructor(bus, owner) {
        this._owner = owner;
        this._object = Gio.DBusExportedObject.wrapJSObject(INTERFACE, this);
        this._object.export(bus, PATH);
    }

    destroy() {
        this._object.unexport();
        this._object = null;
    }

    // The id of the application, without `.desktop`, and the class of its window. Both are empty if no window has the
    // focus, as in the overview.
    FocusedAppAsync(_parameters, invocation) {
        if (invocation.get_sender() !== this._owner()) {
            invocation.return_error_literal(Gio.DBusError, Gio.DBusError.ACCESS_DENIED, 'Only v2m may ask this.');
            return;
        }
        const window = global.stage.key_focus ? null : global.display.focus_window;
        const application = window && Shell.WindowTracker.get_default().get_window_app(window);
        const told = [application?.get_id().replace(/\.desktop$/, '') ?? '', window?.get_wm_class() ?? ''];
        invocation.return_value(new GLib.Variant('(ss)', told));
    }
}
