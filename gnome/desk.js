// Opens the settings in an editor, and `v2m doctor` in a terminal, for the menu.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

// Finds the v2m that was installed with the extension, even if it is not on the session's PATH.
const IN_PLACE = 'PATH="$1:$PATH"; ';

export class Desk {
    // `folder` is the extension's folder.
    constructor(folder) {
        this._bin = folder.resolve_relative_path('../../../../bin').get_path();
        this._cancellable = new Gio.Cancellable();
    }

    destroy() {
        this._cancellable.cancel();
    }

    // Opens the configuration in the default text editor. If there is none yet, first writes one
    // with all defaults and their explanations.
    async openSettings() {
        const file = Gio.File.new_for_path(GLib.getenv('V2M_CONFIG') ||
            GLib.build_filenamev([GLib.get_user_config_dir(), 'v2m', 'config.toml']));
        if (!await this._exists(file))
            await this._writeDefaults(file);
        const editor = await finished(done =>
            Gio.AppInfo.get_default_for_type_async('text/plain', false, this._cancellable, done),
        result => Gio.AppInfo.get_default_for_type_finish(result));
        editor.launch([file], global.create_app_launch_context(0, -1));
    }

    // Opens a terminal that stays until Enter is pressed. Fails if there is none.
    runDoctor(farewell) {
        const script = `${IN_PLACE}v2m doctor; printf '\\n%s ' "$2"; read -r _`;
        const words = ['/bin/sh', '-c', script, 'sh', this._bin, farewell].map(word => GLib.shell_quote(word));
        // A percent sign starts a field code, as in a desktop file.
        const line = words.join(' ').replaceAll('%', '%%');
        const app = Gio.AppInfo.create_from_commandline(line, 'v2m doctor', Gio.AppInfoCreateFlags.NEEDS_TERMINAL);
        app.launch([], global.create_app_launch_context(0, -1));
    }

    async _exists(file) {
        try {
            await finished(done => file.query_info_async('standard::type', Gio.FileQueryInfoFlags.NONE,
                GLib.PRIORITY_DEFAULT, this._cancellable, done),
            result => file.query_info_finish(result));
            return true;
        } catch (error) {
            if (error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND))
                return false;
            throw error;
        }
    }

    // Never overwrites a file that another program has created in the meantime (`set -C`).
    async _writeDefaults(file) {
        const command = ['/bin/sh', '-c', `${IN_PLACE}mkdir -p "$2" && set -C && v2m default-config >"$3"`, 'sh',
            this._bin, file.get_parent().get_path(), file.get_path()];
        const child = Gio.Subprocess.new(command, Gio.SubprocessFlags.NONE);
        await finished(done => child.wait_check_async(this._cancellable, done), result => child.wait_check_finish(result));
    }
}

// Turns an asynchronous call into a promise: `start` gets the callback, and `finish` converts the
// result that the callback receives.
function finished(start, finish) {
    return new Promise((resolve, reject) => start((_source, result) => {
        try {
            resolve(finish(result));
        } catch (error) {
            reject(error);
        }
    }));
}
