//! Converts failures to D-Bus errors: `org.v2m.Error.NoMicrophone`, with the sentence for people.

use crate::session::Failure;
use v2m_ipc::plain;
use zbus::DBusError;
use zbus::message::{Header, Message};
use zbus::names::ErrorName;

/// A failed call. The rest of the user's words, if any, follows below the sentence, because a D-Bus
/// error carries only one text.
#[derive(Debug)]
pub(super) struct CallError(pub(super) Failure);

impl DBusError for CallError {
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<Message> {
        let Failure { message, text, .. } = &self.0;
        let sentence = match text {
            Some(text) => format!("{message}\n{text}"),
            None => message.clone(),
        };
        Message::error(call, self.name()).build(&plain::owned(sentence))
    }

    fn name(&self) -> ErrorName<'_> {
        let name = format!("org.v2m.Error.{}", camel_case(self.0.code.name()));
        ErrorName::try_from(name).expect("every code is letters and underscores")
    }

    fn description(&self) -> Option<&str> {
        Some(&self.0.message)
    }
}

fn camel_case(code: &str) -> String {
    let capitalised = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    };
    code.split('_').map(capitalised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Code;

    #[test]
    fn codes_are_error_names() {
        let refusal = CallError(Failure::new(Code::NoMicrophone, "No microphone."));
        assert_eq!(refusal.name().as_str(), "org.v2m.Error.NoMicrophone");
        assert_eq!(camel_case("busy"), "Busy");
    }
}
