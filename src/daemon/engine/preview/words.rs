//! Chooses the text to show: the preview's or the recogniser's own draft. Pure: time is counted in
//! samples of the recording.
//!
//! During speech, the preview's text is shown as long as it reaches as far into the sound as the
//! draft does. A preview that is loading, catching up, no longer writing, or dropping the latest
//! words is behind: then the draft is shown. Once the preview is ahead again, its text returns.
//!
//! After the stop, the preview's last words stay until a draft reaches as far as they do, so that no
//! words disappear before the text is there.

use v2m_ipc::pcm::{milliseconds, seconds};

/// How exact the ends of the two texts are: a preview writes a word some tenths of a second after it
/// was said, and a draft's end is only as exact as voice activity. During speech, a draft must reach
/// further than the preview's text by this much to be shown. After the stop, it may fall short by as
/// much.
const MARGIN: u64 = milliseconds(1_000);

/// How much sound may wait for the preview, in addition to what waited when it was loaded.
const LATE: u64 = seconds(5);

/// The recogniser's text so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::daemon) struct Draft {
    pub(in crate::daemon) text: String,
    /// Whether its words do not change any more.
    pub(in crate::daemon) is_final: bool,
    /// Where the text ends in the recording, in samples.
    pub(in crate::daemon) end: u64,
}

/// The two texts of one recording.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// Number of samples recorded.
    recorded: u64,
    /// Samples that waited for the preview when its model was loaded; `None` while it loads.
    waited: Option<u64>,
    /// The preview's text.
    preview: String,
    /// Samples that the preview had received when it last wrote something.
    reach: u64,
    /// The draft held back while the preview's text is shown.
    kept_back: Option<Draft>,
    /// The end of the last draft, in samples.
    drafted: u64,
}

impl Words {
    /// Notes more recorded sound. `heard`: samples that the preview has processed in all;
    /// `is_loaded`: whether its model is loaded. Returns false if it is too far behind to be
    /// useful.
    pub(super) fn recorded(&mut self, samples: u64, heard: u64, is_loaded: bool) -> bool {
        self.recorded = self.recorded.saturating_add(samples);
        if !is_loaded {
            // If another process replaces it, that one starts over.
            self.waited = None;
            return true;
        }
        let waits = self.recorded.saturating_sub(heard);
        waits <= self.waited.get_or_insert(waits).saturating_add(LATE)
    }

    /// Stores the preview's text after `heard` samples. Returns whether to show it.
    pub(super) fn wrote(&mut self, text: &str, heard: u64) -> bool {
        if text.is_empty() {
            return false;
        }
        text.clone_into(&mut self.preview);
        self.reach = heard;
        self.is_ahead()
    }

    /// Notes the recogniser's draft. Returns it if it should be shown.
    pub(super) fn drafted(&mut self, draft: Draft) -> Option<Draft> {
        self.drafted = draft.end;
        if self.is_ahead() {
            self.kept_back = Some(draft);
            return None;
        }
        self.kept_back = None;
        Some(draft)
    }

    /// Whether the preview has written anything.
    pub(super) fn has_written(&self) -> bool {
        !self.preview.is_empty()
    }

    /// Returns the draft that was held back, when the preview fails.
    pub(super) fn over(self) -> Option<Draft> {
        self.kept_back
    }

    /// Ends the preview, because the recording stopped.
    pub(super) fn stopped(self) -> AtStop {
        if !self.is_ahead() {
            return AtStop::Shown;
        }
        let words = LastWords { text: self.preview, reach: self.reach };
        match self.kept_back {
            Some(draft) if words.give_way_to(&draft) => AtStop::Draft(draft),
            _ => AtStop::Words(words),
        }
    }

    fn is_ahead(&self) -> bool {
        self.has_written() && self.reach.saturating_add(MARGIN) >= self.drafted
    }
}

/// What to show from the stop on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AtStop {
    /// The recogniser's drafts, which are shown already.
    Shown,
    /// The recogniser's drafts: first this one, which was held back.
    Draft(Draft),
    /// The preview's words, which are shown already, until they give way.
    Words(LastWords),
}

/// The words that were shown when the recording stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LastWords {
    pub(super) text: String,
    /// Samples that the preview had received when it wrote them; 0 for those of a draft, which give
    /// way to any other draft.
    reach: u64,
}

impl LastWords {
    /// Returns the words of a draft.
    pub(super) fn of(draft: &Draft) -> Self {
        Self { text: draft.text.clone(), reach: 0 }
    }

    /// Whether this draft reaches as far into the sound, so that it is shown from now on.
    pub(super) fn give_way_to(&self, draft: &Draft) -> bool {
        draft.end.saturating_add(MARGIN) >= self.reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn draft(text: &str, end: u64) -> Draft {
        Draft { text: text.into(), is_final: false, end: seconds(end) }
    }

    #[test]
    fn without_a_word_of_the_preview_the_draft_is_shown() {
        let mut words = Words::default();
        assert_eq!(words.drafted(draft("one", 1)), Some(draft("one", 1)));
        assert!(!words.wrote("", seconds(2)));
        assert_eq!(words.drafted(draft("one two", 2)), Some(draft("one two", 2)));
        assert!(!words.has_written());
        assert_eq!(words.over(), None);
    }

    #[test]
    fn the_preview_is_shown_while_it_is_ahead_and_the_draft_comes_at_the_end() {
        let ahead = || {
            let mut words = Words::default();
            assert!(words.wrote("one", seconds(1)));
            assert!(words.wrote("one to", seconds(2)));
            assert_eq!(words.drafted(draft("one two", 2)), None);
            assert!(words.wrote("one to three", seconds(3)));
            words
        };
        let held_back = draft("one two", 2);
        assert_eq!(ahead().stopped(), AtStop::Draft(held_back.clone()), "a second is no loss");
        assert!(LastWords::of(&held_back).give_way_to(&draft("one", 1)), "the engine starts over");
        assert_eq!(ahead().over(), Some(held_back));
    }

    /// Regression: at the stop, a draft that ended at the last pause replaced a whole sentence.
    #[test]
    fn after_the_stop_no_words_disappear_before_a_draft_has_them() {
        let mut words = Words::default();
        assert!(words.wrote("one", seconds(1)));
        assert_eq!(words.drafted(draft("one", 1)), None);
        assert!(words.wrote("one to three four", seconds(5)));
        let AtStop::Words(last) = words.stopped() else { panic!("the draft lacks three words") };
        assert_eq!(last.text, "one to three four");
        assert!(!last.give_way_to(&draft("one two", 2)));
        assert!(!last.give_way_to(&draft("one two three", 3)));
        assert!(last.give_way_to(&draft("one two three four", 4)), "a second is no loss");
        assert!(last.give_way_to(&draft("one two three four", 6)));
        // There need not be a draft.
        let mut words = Words::default();
        assert!(words.wrote("one", seconds(1)));
        assert!(matches!(words.stopped(), AtStop::Words(_)));
    }

    #[test]
    fn a_preview_that_is_behind_at_the_stop_leaves_nothing() {
        assert_eq!(Words::default().stopped(), AtStop::Shown);
        let mut words = Words::default();
        assert!(words.wrote("one", seconds(1)));
        let later = draft("one two three", 4);
        assert_eq!(words.drafted(later.clone()), Some(later), "it is shown already");
        assert_eq!(words.stopped(), AtStop::Shown);
    }

    /// Seen with Nemotron: it stopped after its first words, or dropped a short word after a pause.
    #[test]
    fn a_preview_that_stops_writing_gives_way_until_it_writes_again() {
        let mut words = Words::default();
        assert!(words.wrote("one", seconds(1)));
        assert_eq!(words.drafted(draft("one two", 2)), None, "a second is no delay");
        let later = draft("one two, yes", 6);
        assert_eq!(words.drafted(later.clone()), Some(later));
        assert!(words.wrote("one two, and on", seconds(8)));
        assert_eq!(words.drafted(draft("one two, yes", 6)), None);
    }

    #[test]
    fn a_preview_that_catches_up_is_shown_once_it_has() {
        let mut words = Words::default();
        assert!(words.recorded(seconds(20), 0, false), "it loads");
        assert_eq!(words.drafted(draft("long", 15)), Some(draft("long", 15)));
        assert!(words.recorded(seconds(1), seconds(1), true));
        assert!(!words.wrote("lo", seconds(1)));
        assert!(words.wrote("long and", seconds(17)));
    }

    #[test]
    fn a_preview_that_falls_behind_is_too_late() {
        let mut words = Words::default();
        assert!(words.recorded(seconds(10), 0, false));
        // Ten seconds wait when it starts.
        assert!(words.recorded(seconds(1), seconds(1), true));
        assert!(words.recorded(seconds(5), seconds(1), true));
        assert!(!words.recorded(1, seconds(1), true), "it hangs");
        let mut words = Words::default();
        let mut heard = 0;
        let lost = (0..100).find(|_| {
            // Half as fast as speech.
            heard += seconds(1) / 2;
            !words.recorded(seconds(1), heard, true)
        });
        assert_eq!(lost, Some(11));
    }

    #[test]
    fn a_preview_that_never_hears_anything_is_too_late_once_it_is_loaded() {
        let mut words = Words::default();
        assert!(words.recorded(1, 0, true), "it was loaded before");
        assert!(words.recorded(LATE, 0, true));
        assert!(!words.recorded(1, 0, true));
        let mut words = Words::default();
        assert!(words.recorded(seconds(200), 0, false), "it may take as long as it likes to load");
        assert!(words.recorded(1, 0, true));
        assert!(words.recorded(LATE, 0, true));
        assert!(words.recorded(seconds(9), 0, false), "another process loads");
        assert!(words.recorded(1, 0, true));
        assert!(!words.recorded(LATE + 1, 0, true));
    }

    proptest! {
        /// In any order of texts, some text is shown or held back, and none is shown twice as new.
        #[test]
        fn no_draft_is_lost(said in proptest::collection::vec((any::<bool>(), 0..60u64), 0..40)) {
            let mut words = Words::default();
            let mut last = None;
            let mut shown = None;
            for (is_draft, at) in said {
                if is_draft {
                    let text = draft(&format!("draft {at}"), at);
                    last = Some(text.clone());
                    shown = words.drafted(text);
                } else {
                    let _ = words.wrote("preview", seconds(at));
                }
            }
            prop_assert_eq!(shown.or(words.over()), last);
        }

        /// What is shown just after the stop reaches as far as what was shown before it.
        #[test]
        fn the_stop_takes_no_words_away(
            said in proptest::collection::vec((any::<bool>(), 0..6u64), 0..40),
        ) {
            let mut words = Words::default();
            let (mut drafted, mut written) = (0, 0);
            // The end of what is shown.
            let mut shown = None;
            for (is_draft, more) in said {
                if is_draft {
                    drafted += more;
                    shown = words.drafted(draft("draft", drafted)).map(|draft| draft.end).or(shown);
                } else {
                    written += more;
                    let is_shown = words.wrote("preview", seconds(written));
                    shown = is_shown.then_some(seconds(written)).or(shown);
                }
            }
            match words.stopped() {
                AtStop::Shown => {}
                AtStop::Draft(draft) => {
                    prop_assert!(Some(draft.end + MARGIN) >= shown);
                }
                AtStop::Words(last) => prop_assert_eq!(Some(last.reach), shown),
            }
        }
    }
}
