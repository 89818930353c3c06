//! Checks that a flag names: by code, or by layer.

use std::str::FromStr;

use meshlift_checks::Layer;
use meshlift_checks::catalogue::{hazards, layer};

/// One name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// A check.
    Code(&'static str),
    /// All checks of a layer.
    Layer(Layer),
}

impl Selection {
    /// True if it names this very code, and not its layer.
    pub(crate) fn is_code(&self, code: &str) -> bool {
        matches!(self, Self::Code(own) if *own == code)
    }

    /// True for a code that it names.
    pub(crate) fn holds(&self, code: &str) -> bool {
        match self {
            Self::Code(own) => *own == code,
            Self::Layer(own) => layer(code) == Some(*own),
        }
    }
}

impl FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(hazard) = hazards().find(|hazard| hazard.code.eq_ignore_ascii_case(text)) {
            return Ok(Self::Code(hazard.code));
        }
        if let Some(layer) = Layer::ALL.into_iter().find(|layer| layer.word().eq_ignore_ascii_case(text)) {
            return Ok(Self::Layer(layer));
        }
        let layers: Vec<&str> = Layer::ALL.iter().map(|layer| layer.word()).collect();
        Err(format!("no check and no layer; layers are {}", layers.join(", ")))
    }
}
