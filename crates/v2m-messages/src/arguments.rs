//! Translates lexopt's errors about a command line.

use crate::tr;
use lexopt::Error;

/// Returns the error in the command line, in the user's language.
#[must_use]
pub fn refusal(error: &Error) -> String {
    match error {
        Error::MissingValue { option: None } => tr!("missing argument").to_owned(),
        Error::MissingValue { option: Some(option) } => {
            tr!("missing argument for option '{option}'", option)
        }
        Error::UnexpectedOption(option) => tr!("invalid option '{option}'", option),
        Error::UnexpectedArgument(argument) => {
            let argument = format_args!("{argument:?}");
            tr!("unexpected argument {argument}", argument)
        }
        Error::UnexpectedValue { option, value } => {
            let argument = format_args!("{value:?}");
            tr!("unexpected argument for option '{option}': {argument}", option, argument)
        }
        Error::NonUnicodeValue(argument) => {
            let argument = format_args!("{argument:?}");
            tr!("argument is invalid unicode: {argument}", argument)
        }
        // The reason is only known in English; the usage text below shows what is valid.
        Error::ParsingFailed { value, .. } => {
            let argument = format_args!("{value:?}");
            tr!("the value {argument} is not valid here", argument)
        }
        // v2m's own text.
        Error::Custom(own) => own.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_a_message() {
        let number = "x".parse::<u8>().unwrap_err();
        for (error, told) in [
            (Error::MissingValue { option: None }, "missing argument"),
            (Error::UnexpectedArgument("x".into()), "unexpected argument \"x\""),
            (Error::UnexpectedOption("--x".into()), "invalid option '--x'"),
            (
                Error::ParsingFailed { value: "x".into(), error: number.into() },
                "the value \"x\" is not valid here",
            ),
            ("own text".into(), "own text"),
        ] {
            assert_eq!(refusal(&error), told);
        }
    }
}
