//! The menu's entries and what they do. Pure.
//!
//! What was dictated is in the menu only while it is open, and the languages and microphones too:
//! hosts read the whole menu again at each change.

pub use crate::entry::{Entry, Kind};
use crate::state::{Phase, State};
use v2m_core::language::spoken;
use v2m_ipc::plain;
use v2m_messages::tr;

/// The menu itself.
pub const ROOT: i32 = 0;
const REASON: i32 = 1;
const START: i32 = 2;
const CANCEL: i32 = 3;
const COPY: i32 = 4;
const PASTE: i32 = 5;
const LANGUAGE: i32 = 6;
const SETTINGS: i32 = 7;
const DOCTOR: i32 = 8;
const HIDE: i32 = 9;
const STOP: i32 = 10;
const MICROPHONE: i32 = 11;
const LINES: [i32; 3] = [20, 21, 22];
/// The first language; the others follow.
const LANGUAGES: i32 = 100;
/// The first text. No number is given twice, so a click that comes late never means another text.
const TEXTS: i32 = 1000;
/// The default microphone; the others follow. Texts never have numbers as high as these.
const MICROPHONES: i32 = 1_500_000_000;

/// The longest line, in characters.
const WIDEST: usize = 60;

/// The languages that the menu offers: those that most people speak of the ones that Whisper knows,
/// as in the GNOME extension (`gnome/languages.js`).
const CODES: [&str; 28] = [
    "ar", "ca", "cs", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "hu", "id", "it", "ja",
    "ko", "nl", "no", "pl", "pt", "ro", "ru", "sv", "tr", "uk", "vi", "zh",
];

/// What an entry does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Starts a recording. A second one changes nothing, unlike a second toggle.
    Start,
    /// Stops it.
    Stop,
    /// Drops the recording, or the newest text that is not there yet.
    Cancel,
    /// Puts the text of this dictation on the clipboard.
    Copy(String),
    /// Puts it at the cursor.
    Paste(String),
    /// Dictates in this language from now on.
    Language(String),
    /// Records this microphone from now on; empty: the default one.
    Microphone(String),
    /// Shows the settings.
    Settings,
    /// Checks what a dictation needs.
    Doctor,
    /// Ends this program.
    Hide,
}

/// A dictation that has a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The store's name for it.
    pub id: String,
    /// The beginning of its text.
    pub first_words: String,
}

/// A microphone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Microphone {
    /// PipeWire's `node.name`, perhaps with a channel; the configuration's name for it.
    pub name: String,
    /// What people call it.
    pub description: String,
}

/// What v2m answers when the menu opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The newest one first.
    pub texts: Vec<Text>,
    /// The code of the configured language, or `auto`. `None`: it is not known.
    pub language: Option<String>,
    /// The name of the configured microphone; empty: the default one. `None`: it is not known.
    pub microphone: Option<String>,
    /// Those that are connected.
    pub microphones: Vec<Microphone>,
}

/// The menu, as far as it is not the state's.
#[derive(Clone, Debug)]
pub struct Menu {
    content: Content,
    /// The numbers of the last texts. They outlive the texts: some hosts tell first that the menu is
    /// closed, and then what was chosen.
    numbers: Numbers,
    /// The numbers before those, until the menu is closed: a host may ask for the menu again just
    /// before it tells what was chosen.
    earlier: Numbers,
    /// The language that was configured when the menu was last open.
    chosen: String,
    /// The names of all microphones that the menu has ever had, by their numbers. So a number never
    /// means another microphone.
    microphones: Vec<String>,
    /// Counts the changes.
    revision: u32,
}

impl Default for Menu {
    fn default() -> Self {
        let (content, chosen) = (Content::default(), spoken::AUTO.to_owned());
        let numbers = Numbers { first: TEXTS, ids: Vec::new() };
        let (earlier, microphones) = (numbers.clone(), Vec::new());
        Self { content, earlier, numbers, chosen, microphones, revision: 1 }
    }
}

/// Which numbers the texts have. Each text is there twice: to be copied, and to be pasted.
#[derive(Clone, Debug)]
struct Numbers {
    /// That of the first text.
    first: i32,
    /// The dictations of the texts.
    ids: Vec<String>,
}

impl Numbers {
    /// Numbers for other texts. None of them is one of these.
    fn following(&self, ids: Vec<String>) -> Self {
        let used = i32::try_from(self.ids.len() * 2).unwrap_or(i32::MAX);
        let first = self.first.checked_add(used).filter(|it| *it < i32::MAX / 2).unwrap_or(TEXTS);
        Self { first, ids }
    }

    fn action(&self, id: i32) -> Option<Action> {
        let place = usize::try_from(id.checked_sub(self.first)?).ok()?;
        match place.checked_sub(self.ids.len()) {
            None => self.ids.get(place).cloned().map(Action::Copy),
            Some(place) => self.ids.get(place).cloned().map(Action::Paste),
        }
    }
}

impl Menu {
    /// How often it has changed.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Something of it is different now.
    pub fn has_changed(&mut self) {
        self.revision = self.revision.wrapping_add(1);
    }

    /// Whether it has anything of [`Content`].
    pub fn has_content(&self) -> bool {
        self.content != Content::default()
    }

    /// Whether it shows anything that was dictated.
    pub fn has_texts(&self) -> bool {
        !self.content.texts.is_empty()
    }

    /// Shows what v2m has answered. The same texts keep their numbers.
    pub fn fill(&mut self, content: Content) {
        let ids: Vec<_> = content.texts.iter().map(|text| text.id.clone()).collect();
        if ids != self.numbers.ids {
            let numbers = self.numbers.following(ids);
            self.earlier = std::mem::replace(&mut self.numbers, numbers);
        }
        if let Some(language) = &content.language {
            self.chosen.clone_from(language);
        }
        let connected = content.microphones.iter().map(|microphone| &microphone.name);
        for name in connected.chain(&content.microphone) {
            if !name.is_empty() && !self.microphones.contains(name) {
                self.microphones.push(name.clone());
            }
        }
        if self.content != content {
            self.content = content;
            self.has_changed();
        }
    }

    /// Forgets what was dictated.
    pub fn empty(&mut self) {
        self.content = Content::default();
        self.earlier.ids.clear();
        self.has_changed();
    }

    /// All entries, below an entry for the menu itself.
    pub fn entries(&self, state: &State) -> Entry {
        let phase = state.phase();
        let toggle = match phase {
            Phase::Recording => Entry::plain(STOP, tr!("Stop Dictation"), true),
            Phase::Idle | Phase::Transcribing | Phase::Rewriting | Phase::Paused => {
                Entry::plain(START, tr!("Start Dictation"), true)
            }
        };
        let reason = state.reason().map(|reason| Entry::plain(REASON, &line(reason), false));
        let others = [
            toggle,
            Entry::plain(CANCEL, tr!("Cancel"), phase.is_under_way()),
            Entry::separator(LINES[0]),
            Entry::submenu(COPY, tr!("Copy a Recent Text"), self.texts(0)),
            Entry::submenu(PASTE, tr!("Paste a Recent Text"), self.texts(self.numbers.ids.len())),
            Entry::submenu(LANGUAGE, tr!("Language"), self.languages()),
            Entry::submenu(MICROPHONE, tr!("Microphone"), self.microphones()),
            Entry::separator(LINES[1]),
            Entry::plain(SETTINGS, tr!("Settings"), true),
            Entry::plain(DOCTOR, tr!("Check v2m"), true),
            Entry::separator(LINES[2]),
            Entry::plain(HIDE, tr!("Hide This Icon"), true),
        ];
        let entries = reason.into_iter().chain(others).collect();
        Entry::submenu(ROOT, "", entries)
    }

    fn texts(&self, from: usize) -> Vec<Entry> {
        let numbers = (self.numbers.first..).skip(from);
        let texts = self.content.texts.iter().zip(numbers);
        texts.map(|(text, id)| Entry::plain(id, &line(&text.first_words), true)).collect()
    }

    fn languages(&self) -> Vec<Entry> {
        let Some(chosen) = &self.content.language else { return Vec::new() };
        let automatic = (spoken::AUTO, tr!("Detect Automatically").to_owned());
        let named = [automatic].into_iter().chain(offered(chosen));
        let numbers = LANGUAGES..;
        let choice = |((code, label), id): ((&str, String), i32)| Entry {
            id,
            label,
            kind: Kind::Choice(code == chosen),
            is_enabled: true,
        };
        named.zip(numbers).map(choice).collect()
    }

    fn microphones(&self) -> Vec<Entry> {
        let Some(chosen) = &self.content.microphone else { return Vec::new() };
        let connected = &self.content.microphones;
        let named = connected.iter().map(|it| (it.name.as_str(), it.description.as_str()));
        // One that is not connected now, or one channel of another.
        let other = (!connected.iter().any(|it| it.name == *chosen)).then_some(chosen.as_str());
        let other = other.filter(|name| !name.is_empty()).map(|name| (name, name));
        let choice = |id, name: &str, label: &str| Entry {
            id,
            label: line(label),
            kind: Kind::Choice(name == chosen),
            is_enabled: true,
        };
        let default = choice(MICROPHONES, "", tr!("Default Microphone"));
        let numbered = named.chain(other).filter_map(|(name, label)| {
            let place = self.microphones.iter().position(|known| known == name)?;
            Some(choice(MICROPHONES + 1 + i32::try_from(place).ok()?, name, label))
        });
        std::iter::once(default).chain(numbered).collect()
    }

    /// What the entry of this number does.
    pub fn action(&self, id: i32) -> Option<Action> {
        Some(match id {
            START => Action::Start,
            STOP => Action::Stop,
            CANCEL => Action::Cancel,
            SETTINGS => Action::Settings,
            DOCTOR => Action::Doctor,
            HIDE => Action::Hide,
            _ if id >= MICROPHONES => return self.microphone(id),
            _ if id >= TEXTS => {
                return self.numbers.action(id).or_else(|| self.earlier.action(id));
            }
            _ => return self.language(id),
        })
    }

    fn microphone(&self, id: i32) -> Option<Action> {
        let place = usize::try_from(id.checked_sub(MICROPHONES)?).ok()?;
        let Some(place) = place.checked_sub(1) else {
            return Some(Action::Microphone(String::new()));
        };
        self.microphones.get(place).cloned().map(Action::Microphone)
    }

    fn language(&self, id: i32) -> Option<Action> {
        let place = usize::try_from(id.checked_sub(LANGUAGES)?).ok()?;
        let Some(place) = place.checked_sub(1) else {
            return Some(Action::Language(spoken::AUTO.to_owned()));
        };
        let offered = offered(&self.chosen);
        offered.get(place).map(|(code, _)| Action::Language((*code).to_owned()))
    }
}

/// Codes and names, by name. `chosen` is among them, whatever it is.
fn offered(chosen: &str) -> Vec<(&str, String)> {
    let other = (chosen != spoken::AUTO && !CODES.contains(&chosen)).then_some(chosen);
    let codes = CODES.into_iter().chain(other);
    let named = codes.map(|code| (code, v2m_messages::capitalised(&line(spoken::name(code)))));
    let mut named: Vec<_> = named.collect();
    named.sort_by_cached_key(|(_, name)| name.to_lowercase());
    named
}

/// A label: one line, not too long, without keys to press: an underscore would make one.
fn line(text: &str) -> String {
    let text = plain::line(text);
    let text = text.trim();
    let short = match text.char_indices().nth(WIDEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    };
    short.replace('_', "__")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::News;
    use std::time::Instant;

    fn state(name: &str, reason: &str) -> State {
        let mut state = State::default();
        let (name, reason) = (Some(name.to_owned()), Some(reason.to_owned()));
        state.take(&News { state: name, since: None, reason }, Instant::now());
        state
    }

    fn texts(words: &[&str]) -> Content {
        let text = |word: &&str| Text { id: format!("id of {word}"), first_words: (*word).into() };
        let texts = words.iter().map(text).collect();
        Content { texts, language: Some("es".to_owned()), ..Content::default() }
    }

    fn labels(entry: &Entry) -> Vec<&str> {
        entry.children().iter().map(|entry| entry.label.as_str()).collect()
    }

    #[test]
    fn it_offers_what_can_be_done_now() {
        let menu = Menu::default();
        let idle = menu.entries(&state("idle", ""));
        assert_eq!(labels(&idle)[..2], ["Start Dictation", "Cancel"]);
        assert!(idle.find(START).unwrap().is_enabled && !idle.find(CANCEL).unwrap().is_enabled);
        assert!(!idle.find(COPY).unwrap().is_enabled, "there are no texts");
        let recording = menu.entries(&state("recording", ""));
        assert_eq!(labels(&recording)[0], "Stop Dictation");
        let does = |menu: &Entry| Menu::default().action(menu.children()[0].id);
        assert_eq!([&idle, &recording].map(does), [Some(Action::Start), Some(Action::Stop)]);
        assert!(recording.find(CANCEL).unwrap().is_enabled);
        let problem = menu.entries(&state("idle", "no_speech"));
        assert_eq!(labels(&problem)[..2], ["No speech heard", "Start Dictation"]);
        assert!(!problem.children()[0].is_enabled);
        assert_eq!(menu.action(REASON), None);
    }

    #[test]
    fn texts_are_there_while_it_is_open_and_a_late_click_means_the_same_one() {
        let mut menu = Menu::default();
        menu.fill(texts(&["one", "snake_case\nand more"]));
        let entries = menu.entries(&State::default());
        let copy = entries.find(COPY).unwrap();
        assert_eq!(labels(copy), ["one", "snake__case and more"]);
        let (first, second) = (copy.children()[0].id, copy.children()[1].id);
        let paste = entries.find(PASTE).unwrap().children()[1].id;
        assert_eq!(menu.action(second), Some(Action::Copy("id of snake_case\nand more".into())));
        menu.empty();
        assert_eq!(menu.entries(&State::default()).find(COPY).unwrap().children(), []);
        assert_eq!(menu.action(first), Some(Action::Copy("id of one".into())));
        assert_eq!(menu.action(paste), Some(Action::Paste("id of snake_case\nand more".into())));
        menu.fill(texts(&["three"]));
        let one = Some(Action::Copy("id of one".into()));
        assert_eq!(menu.action(first), one, "asked for again before the click was told");
        let third = menu.entries(&State::default()).find(COPY).unwrap().children()[0].id;
        assert_eq!(menu.action(third), Some(Action::Copy("id of three".into())));
        menu.empty();
        assert_eq!(menu.action(first), None, "it was closed");
        menu.fill(texts(&["four"]));
        assert_eq!(menu.action(first), None, "the number meant another text");
        assert_eq!([i32::MIN, -1, 50, i32::MAX].map(|id| menu.action(id)), [const { None }; 4]);
    }

    #[test]
    fn the_same_texts_keep_their_numbers() {
        let mut menu = Menu::default();
        menu.fill(texts(&["one", "two"]));
        let (before, revision) = (menu.entries(&State::default()), menu.revision());
        menu.fill(texts(&["one", "two"]));
        assert_eq!((menu.entries(&State::default()), menu.revision()), (before.clone(), revision));
        menu.empty();
        menu.fill(texts(&["one", "two"]));
        assert_eq!(menu.entries(&State::default()), before);
    }

    #[test]
    fn a_long_text_is_cut_off() {
        let mut menu = Menu::default();
        menu.fill(texts(&["ñ".repeat(500).as_str()]));
        let entries = menu.entries(&State::default());
        assert_eq!(labels(entries.find(COPY).unwrap())[0].chars().count(), WIDEST + 1);
    }

    #[test]
    fn each_language_is_chosen_by_its_own_entry() {
        let mut menu = Menu::default();
        let content = Content { language: Some("eu".to_owned()), ..Content::default() };
        menu.fill(content);
        let entries = menu.entries(&State::default());
        let languages = entries.find(LANGUAGE).unwrap().children();
        assert_eq!(languages.len(), CODES.len() + 2);
        let chosen: Vec<_> = languages.iter().filter(|it| it.kind == Kind::Choice(true)).collect();
        assert_eq!(chosen.iter().map(|it| it.label.as_str()).collect::<Vec<_>>(), ["Basque"]);
        for (label, code) in [("Detect Automatically", "auto"), ("Spanish", "es"), ("Basque", "eu")]
        {
            let entry = languages.iter().find(|it| it.label == label).unwrap();
            assert_eq!(menu.action(entry.id), Some(Action::Language(code.to_owned())));
            // Also just after it was closed.
            let mut closed = menu.clone();
            closed.empty();
            assert_eq!(closed.action(entry.id), Some(Action::Language(code.to_owned())));
        }
    }

    fn microphones(names: &[(&str, &str)], chosen: &str) -> Content {
        let one = |(name, description): &(&str, &str)| Microphone {
            name: (*name).to_owned(),
            description: (*description).to_owned(),
        };
        let microphones = names.iter().map(one).collect();
        Content { microphone: Some(chosen.to_owned()), microphones, ..Content::default() }
    }

    #[test]
    fn each_microphone_is_chosen_by_its_own_entry_whatever_comes_and_goes() {
        let mut menu = Menu::default();
        let both = [("alsa.a", "Built-in"), ("alsa.b", "Head_set")];
        menu.fill(microphones(&both, "alsa.b"));
        let before = menu.entries(&State::default());
        let offered = before.find(MICROPHONE).unwrap();
        assert_eq!(labels(offered), ["Default Microphone", "Built-in", "Head__set"]);
        let chosen = |menu: &Menu| {
            let entries = menu.entries(&State::default());
            let all = entries.find(MICROPHONE).unwrap().children().to_vec();
            let mut chosen = all.into_iter().filter(|it| it.kind == Kind::Choice(true));
            (chosen.next().unwrap().label, chosen.next())
        };
        assert_eq!(chosen(&menu), ("Head__set".to_owned(), None));
        // The first one is unplugged, and another one comes, while the menu is open.
        menu.fill(microphones(&[("alsa.b", "Head_set"), ("alsa.c", "Webcam")], ""));
        assert_eq!(chosen(&menu), ("Default Microphone".to_owned(), None));
        let of = |entry: &Entry| menu.action(entry.id);
        let named = |name: &str| Some(Action::Microphone(name.to_owned()));
        let actions: Vec<_> = offered.children().iter().map(of).collect();
        assert_eq!(actions, [named(""), named("alsa.a"), named("alsa.b")]);
        // One that is configured and not connected, or one of its channels, can be seen.
        menu.fill(microphones(&both, "alsa.a:capture_FL"));
        assert_eq!(chosen(&menu), ("alsa.a:capture__FL".to_owned(), None));
        menu.fill(Content::default());
        assert!(!menu.entries(&State::default()).find(MICROPHONE).unwrap().is_enabled);
    }
}
