//! Decides which notices become notifications, depending on `feedback.notify` and on whether a sign
//! on the screen shows them. Pure.

use crate::config::Notify;
use crate::deliver::Notice;

/// Whether a program shows v2m's states on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Present {
    No,
    /// It is being started. States wait a moment for it, so that no notification flashes up.
    Expected,
    Yes,
}

/// Whether a notice becomes a notification. Notices that only close one are always sent.
pub(super) fn is_notified(notice: &Notice, wanted: Notify, sign: Present) -> bool {
    let Some(is_problem) = notice.is_problem() else { return true };
    if notice.is_state() {
        return wanted == Notify::All && sign == Present::No;
    }
    match wanted {
        Notify::All if is_problem => true,
        // It may come minutes later, when nobody looks at the sign.
        Notify::All if matches!(notice, Notice::Recovered { .. }) => true,
        Notify::All => sign != Present::Yes,
        Notify::Problems => is_problem,
        // Lost or withheld words must never be hidden: the user may not look at the sign, or
        // something else may replace the message a moment later.
        Notify::None => notice.costs_words(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Code, Delivery, Failure};

    const RECORDING: Notice = Notice::Recording { so_far: None, stops_after: None };

    fn text(by: &'static str, ok: bool) -> Notice {
        let delivery = Delivery { by, backend: None, ok, detail: "there".into() };
        let deliveries = vec![delivery];
        Notice::Text { text: "x".into(), deliveries, problems: Vec::new(), hint: None }
    }

    fn problem(code: Code) -> Notice {
        Notice::Problem(Failure::new(code, "x"))
    }

    fn notified(wanted: Notify, sign: Present) -> [bool; 5] {
        let all = [
            RECORDING,
            text("clipboard", true),
            problem(Code::NoSpeech),
            problem(Code::NoMicrophone),
            text("paste", false),
        ];
        all.map(|notice| is_notified(&notice, wanted, sign))
    }

    #[test]
    fn a_sign_takes_states_and_successes_and_leaves_problems() {
        assert_eq!(notified(Notify::All, Present::No), [true; 5]);
        assert_eq!(notified(Notify::All, Present::Yes), [false, false, true, true, true]);
        // A text that comes before the sign could otherwise be on no screen at all.
        assert_eq!(notified(Notify::All, Present::Expected), [false, true, true, true, true]);
    }

    #[test]
    fn no_setting_hides_that_words_are_lost_or_withheld() {
        for sign in [Present::No, Present::Expected, Present::Yes] {
            assert_eq!(notified(Notify::Problems, sign), [false, false, true, true, true]);
            assert_eq!(notified(Notify::None, sign), [false, false, false, true, true]);
        }
    }

    #[test]
    fn what_closes_a_notification_gets_there_always() {
        for notice in [Notice::Closed, Notice::Tidy, Notice::Mended(Code::BadConfig)] {
            assert!(is_notified(&notice, Notify::None, Present::Yes));
        }
    }
}
