//! Why bytes are no message.

use std::fmt::{self, Display};

/// A sentence without an end; follows what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WireError(String);

impl WireError {
    pub(super) fn new(why: &str) -> Self {
        Self(why.to_owned())
    }
}

impl Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WireError {}

impl serde::de::Error for WireError {
    fn custom<T: Display>(why: T) -> Self {
        Self(why.to_string())
    }
}
