//! Looks into GNOME Shell: its banners, and the extension's sign and menu.

use super::super::desktop::Desktop;
use crate::lab::{PATIENCE, run, try_run, wait_for};
use futures_core::Stream;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use zbus::{Connection, MatchRule, MessageStream, Variant};

/// The extension's UUID.
pub(super) const UUID: &str = "v2m@v2m.org";
/// The UUID of the test extension, which allows Eval and screenshots.
const TEST_UUID: &str = "test@v2m.org";
/// The unit that runs the shell on the test machine.
const UNIT: &str = "gnome-shell-test.service";

/// The tests' own announcement.
const PROBE: &str = "a probe";
/// Limit on the time that an announcement of the shell takes.
const SOON: Duration = Duration::from_millis(200);

/// Definitions for expressions.
const WORDS: &str = "
    const sign = () => Main.layoutManager.uiGroup.get_children().map(actor => actor.get_first_child())
        .find(actor => actor?.name === 'v2m-sign');
    const everything = actor => [actor, ...actor.get_children().flatMap(everything)];
    const text = () => sign()?.opacity === 255
        ? sign().get_children().filter(actor => actor.visible && actor.text).map(actor => actor.text).join(' ') : '';
    const button = () => Main.panel.statusArea['v2m@v2m.org'];
    const badge = () => button().get_first_child().get_child_at_index(1).visible;
    const banner = () => Main.messageTray.mapped && Main.messageTray._bannerBin.opacity === 255
        ? Main.messageTray._banner?.title ?? null : null;
    const place = (actors, label) => {
        const button = actors.find(actor => actor.label === label && actor.mapped && actor.has_allocation());
        const [[x, y], [width, height]] = [button?.get_transformed_position() ?? [], button?.get_transformed_size() ?? []];
        const middle = [x + width / 2 + 1 - global.stage.width, y + height / 2 + 1 - global.stage.height];
        return button && middle.every(Number.isFinite) ? middle : null;
    };
    const items = menu => menu._getMenuItems().flatMap(item => item.menu ? items(item.menu) : item.label ? [item] : []);
";

pub(crate) struct Shell {
    runtime: Runtime,
    bus: Connection,
    /// The journal's cursor at the beginning.
    since: String,
}

/// Whether a name on the session bus has an owner.
pub(super) fn has_owner(name: &str) -> bool {
    let daemon = ["org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"];
    let call = [&["--user", "call"], &daemon[..], &["NameHasOwner", "s", name]].concat();
    run("busctl", &call).trim() == "b true"
}

impl Shell {
    /// Returns the shell without the extension, so with banners. `None` on GNOME Shell before 45,
    /// which does not allow Eval.
    pub(crate) fn with_banners(desktop: &Desktop) -> Option<Self> {
        if desktop.version() < 45 {
            return None;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let bus = runtime.block_on(Connection::session()).unwrap();
        let journal = run("journalctl", &["--user", "--lines=0", "--show-cursor", "--quiet"]);
        let since = journal.trim().trim_start_matches("-- cursor: ").to_owned();
        let shell = Self { runtime, bus, since };
        run("gnome-extensions", &["enable", TEST_UUID]);
        let _ = try_run("gnome-extensions", &["disable", UUID]);
        wait_for("Eval", || shell.evaluate("1").ok());
        // The shell shows a notification that Eval is now open to all programs. It would hide
        // others until it is closed.
        let all = "Main.messageTray.getSources().flatMap(source => source.notifications)";
        wait_for("the shell's own banner to go", || {
            shell.ask(&format!("{all}.forEach(notification => notification.destroy())"));
            shell.banner().is_none().then_some(())
        });
        wait_for("the extension to be gone", || {
            (shell.ask("button() === undefined") == "true").then_some(())
        });
        Some(shell)
    }

    /// Returns the shell with the extension newly enabled, overview and menu closed. `None` on
    /// GNOME Shell before 45.
    pub(super) fn with_extension(desktop: &Desktop) -> Option<Self> {
        let shell = Self::with_banners(desktop)?;
        run("gnome-extensions", &["enable", UUID]);
        wait_for("the extension", || has_owner("org.v2m.Sign").then_some(()));
        shell.leave_overview();
        // Banners would cover what the tests look at.
        shell.ask("Main.messageTray.bannerBlocked = true");
        Some(shell)
    }

    /// Evaluates an expression, which may use [`WORDS`]. Returns its value as JSON.
    pub(crate) fn ask(&self, expression: &str) -> String {
        self.evaluate(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    fn evaluate(&self, expression: &str) -> Result<String, String> {
        let script = format!("(() => {{ {WORDS} return {expression}; }})()");
        let name = "org.gnome.Shell";
        let asked =
            self.bus.call_method(Some(name), "/org/gnome/Shell", Some(name), "Eval", &script);
        let told = self.wait(asked).map_err(|error| error.to_string())?;
        match told.body().deserialize::<(bool, String)>().unwrap() {
            (true, value) => Ok(value),
            (false, error) => Err(error),
        }
    }

    fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { timeout(PATIENCE, answer).await }).expect("the shell answers")
    }

    pub(crate) fn leave_overview(&self) {
        self.ask("Main.overview.hide()");
        wait_for("the desktop", || (self.ask("Main.overview.visible") == "false").then_some(()));
    }

    /// Returns the sign's text; empty if it is hidden or about to be.
    pub(super) fn text(&self) -> String {
        serde_json::from_str(&self.ask("text()")).unwrap()
    }

    /// Waits until the sign contains these words. Returns its whole text.
    pub(super) fn wait_for_text(&self, words: &str) -> String {
        wait_for(&format!("the sign to say {words:?}"), || {
            Some(self.text()).filter(|text| text.contains(words))
        })
    }

    pub(super) fn wait_for_text_to_go(&self, words: &str) {
        wait_for(&format!("the sign not to say {words:?}"), || {
            (!self.text().contains(words)).then_some(())
        });
    }

    pub(super) fn wait_until_hidden(&self) {
        wait_for("the sign to be hidden", || (self.ask("sign().opacity") == "0").then_some(()));
    }

    /// Returns the title of the visible banner.
    pub(crate) fn banner(&self) -> Option<String> {
        serde_json::from_str(&self.ask("banner()")).unwrap()
    }

    /// Returns the middle of a banner's button, in pixels from the lower right corner of the
    /// screen.
    pub(crate) fn button_of_banner(&self, label: &str) -> Option<(f64, f64)> {
        let label = serde_json::to_string(label).unwrap();
        serde_json::from_str(&self.ask(&format!("place(everything(Main.messageTray), {label})")))
            .unwrap()
    }

    /// Saves a screenshot in the user's folder `screenshots`, for people to look at.
    pub(crate) fn shoot(&self, name: &str) {
        let folder =
            std::path::PathBuf::from(std::env::var_os("HOME").unwrap()).join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{name}.png")).display().to_string();
        let (to, path) = ("org.gnome.Shell.Screenshot", "/org/gnome/Shell/Screenshot");
        let body = (false, false, file.as_str());
        let told = self.wait(self.bus.call_method(Some(to), path, Some(to), "Screenshot", &body));
        let (taken, _): (bool, String) = told.unwrap().body().deserialize().unwrap();
        assert!(taken, "no screenshot of {name}");
    }

    /// Opens or closes the menu.
    pub(super) fn open_menu(&self, open: bool) {
        self.ask(if open { "button().menu.open()" } else { "button().menu.close()" });
    }

    /// Returns the menu's items, including submenus, one per line.
    pub(super) fn items(&self) -> String {
        let told = self.ask("items(button().menu).map(item => item.label.text).join('\\n')");
        serde_json::from_str(&told).unwrap()
    }

    /// Chooses an item of the menu.
    pub(super) fn choose(&self, item: &str) {
        let item = serde_json::to_string(item).unwrap();
        let find = format!("items(button().menu).find(item => item.label.text === {item})");
        self.ask(&format!("{find}.activate(imports.gi.Clutter.get_current_event())"));
    }

    /// Presses the button that pastes the first of the texts in the menu.
    pub(super) fn paste_first(&self) {
        self.ask("items(button().menu).find(item => item.get_last_child().has_style_class_name?.('v2m-paste'))\
            .get_last_child().emit('clicked', 0)");
    }

    /// Returns the later announcements on the bus of assistive technologies.
    pub(super) fn announcements(&self) -> (Connection, MessageStream) {
        let launcher = Some("org.a11y.Bus");
        let asked = self.bus.call_method(launcher, "/org/a11y/bus", launcher, "GetAddress", &());
        let address: String = self.wait(asked).unwrap().body().deserialize().unwrap();
        let (bus, stream) = self.wait(async {
            let builder = zbus::connection::Builder::address(address.as_str());
            let bus = builder.build().await.unwrap();
            let rule = MatchRule::builder()
                .msg_type(zbus::message::Type::Signal)
                .interface("org.a11y.atspi.Event.Object")
                .member("Announcement")
                .build();
            let rule = rule.unwrap();
            let stream = MessageStream::for_match_rule(rule, &bus, None).await.unwrap();
            (bus, stream)
        });
        // Programs send only events that somebody has registered for.
        let (registry, path) = ("org.a11y.atspi.Registry", "/org/a11y/atspi/registry");
        let (method, body) = ("RegisterEvent", ("object:announcement", Vec::<&str>::new(), ""));
        self.wait(bus.call_method(Some(registry), path, Some(registry), method, &body)).unwrap();
        let mut announced = (bus, stream);
        // The shell notices the registration with a delay.
        let probe = format!("sign().get_accessible().emit('notification', '{PROBE}', 1)");
        wait_for("the shell to announce", || {
            self.ask(&probe);
            let next = poll_fn(|cx| Pin::new(&mut announced.1).poll_next(cx));
            self.runtime.block_on(async { timeout(SOON, next).await }).ok().map(drop)
        });
        announced
    }

    /// Returns the next announcement: the sentence and its urgency.
    pub(super) fn next_announcement(
        &self,
        announced: &mut (Connection, MessageStream),
    ) -> (String, i32) {
        loop {
            let next = self.wait(poll_fn(|cx| Pin::new(&mut announced.1).poll_next(cx)));
            let message = next.expect("the bus lives as long").unwrap();
            let body = message.body();
            type Event<'e> = (&'e str, i32, i32, Variant<'e>, HashMap<&'e str, Variant<'e>>);
            let (_, politeness, _, sentence, _): Event<'_> = body.deserialize().unwrap();
            let sentence = <&str>::try_from(&sentence).unwrap();
            if sentence != PROBE {
                return (sentence.to_owned(), politeness);
            }
        }
    }

    /// Panics if the shell has reported an error of the extension.
    pub(super) fn assert_no_errors(&self) {
        let unit = format!("--user-unit={UNIT}");
        let after = format!("--after-cursor={}", self.since);
        let told = run("journalctl", &["--user", "--output=cat", &unit, &after]);
        // The stacks of the shell's own errors do not contain the extension.
        let about = |line: &&str| line.contains(UUID) || line.contains("v2m does not");
        let lines: Vec<&str> = told.lines().filter(about).collect();
        assert!(lines.is_empty(), "{lines:#?}\n{told}");
    }
}

impl Drop for Shell {
    /// Restores the state for the next test.
    fn drop(&mut self) {
        // A second panic would hide the first.
        if !std::thread::panicking() {
            self.ask("Main.messageTray.bannerBlocked = false");
        }
        for uuid in [UUID, TEST_UUID] {
            let _ = try_run("gnome-extensions", &["disable", uuid]);
        }
    }
}
