//! The bytes of a journal: JSON Lines, each with a checksum of itself. The line break is written with its line
//! and last of it, so that what stands behind the last break was never durable.

use meshlift_model::defaults::FORMAT_VERSION;
use meshlift_model::digest::short_digest;
use meshlift_model::journal::JournalLine;

use crate::JournalError;

/// What stands around a line's checksum, which is its last key.
const SUM_KEY: &str = ",\"sum\":\"";
const SUM_END: &str = "\"}\n";
/// Letters of a checksum.
const SUM_LENGTH: usize = 16;

/// A line as it is appended, with its break.
///
/// # Errors
/// `Write` where it cannot be put into JSON.
pub fn line_bytes(place: &str, line: &JournalLine) -> Result<Vec<u8>, JournalError> {
    let mut bytes = serde_json::to_vec(line)
        .map_err(|error| JournalError::Write { place: place.to_owned(), reason: error.to_string() })?;
    // In front of the brace that closes the line's object.
    let sum = short_digest(&bytes);
    bytes.pop();
    bytes.extend(format!("{SUM_KEY}{sum}{SUM_END}").into_bytes());
    Ok(bytes)
}

/// True if the line's checksum is that of the line: a damaged line may still be a line, with another meaning.
fn is_sound(line: &[u8]) -> bool {
    let Some(rest) = line.strip_suffix(SUM_END.as_bytes()) else { return false };
    let Some((rest, sum)) = rest.split_last_chunk::<SUM_LENGTH>() else { return false };
    let Some(written) = rest.strip_suffix(SUM_KEY.as_bytes()) else { return false };
    short_digest(&[written, b"}"].concat()).as_bytes() == sum
}

/// What is before the last line break: a torn last line counts as absent.
#[must_use]
pub fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    &bytes[..end]
}

/// The lines of a journal; `place` is named in errors.
///
/// # Errors
/// `Damaged` where a whole line is no record or not the next one, `Read` where the format is newer.
pub fn parse_lines(place: &str, bytes: &[u8]) -> Result<Vec<JournalLine>, JournalError> {
    let lines = whole_lines(bytes).split_inclusive(|byte| *byte == b'\n').enumerate();
    lines.map(|(index, line)| parse_line(place, index, line)).collect()
}

/// The line at an index, from 0, as [`parse_lines`] reads it.
///
/// # Errors
/// As [`parse_lines`].
pub fn parse_line(place: &str, index: usize, line: &[u8]) -> Result<JournalLine, JournalError> {
    if index == 0 {
        refuse_newer(place, line)?;
    }
    let damaged = |reason: String| JournalError::Damaged { place: place.to_owned(), line: index + 1, reason };
    if !is_sound(line) {
        return Err(damaged("its checksum is missing or does not fit".to_owned()));
    }
    let line: JournalLine = serde_json::from_slice(line).map_err(|error| damaged(error.to_string()))?;
    if line.sequence != index as u64 {
        return Err(damaged(format!("it says that it is line {}", line.sequence + 1)));
    }
    Ok(line)
}

/// A newer format may not parse at all; it is to be called newer, not damaged.
fn refuse_newer(place: &str, first: &[u8]) -> Result<(), JournalError> {
    let value: Option<serde_json::Value> = serde_json::from_slice(first).ok();
    let format = value.as_ref().and_then(|value| value.get("format_version")?.as_u64());
    match format {
        Some(format) if format > u64::from(FORMAT_VERSION) => {
            let reason = format!(
                "its format is {format}, this meshlift reads up to {FORMAT_VERSION}; use a newer one"
            );
            Err(JournalError::Read { place: place.to_owned(), reason })
        }
        Some(_) | None => Ok(()),
    }
}
