//! The container of meshlift's own files: a header line, packed frames of JSON lines, a checksum.
//!
//! ```text
//! meshlift CONTENT FORMAT\n
//! { name length u16 | name | packed length u64 | deflate(JSON lines) }…   integers little-endian
//! 0u16 | sha256 of all bytes before it
//! ```
//!
//! The checksum is proven before anything is unpacked, so a file that was cut or changed is one error, never
//! a shorter snapshot. Frames are unpacked line by line under the limits of [`crate::limits`].

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};

use crate::error::SnapshotError;
use crate::limits::{
    FORMAT_VERSION, LINE_BYTES_MAX, UNPACKED_BYTES_FREE, UNPACKED_BYTES_MAX, UNPACKED_RATIO_MAX,
};

/// First word of the header line.
const MAGIC: &str = "meshlift";
/// Longest header line: magic, content and a number.
const HEADER_BYTES_MAX: usize = 64;
/// Room for what is unpacked at a time: many lines.
const UNPACKED_AT_ONCE: usize = 1 << 16;
/// Length of the checksum.
const CHECKSUM_BYTES: usize = 32;

/// sha256 in hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing into a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Builds a file in memory.
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(content: &str) -> Self {
        Self::of_format(content, FORMAT_VERSION)
    }

    pub(crate) fn of_format(content: &str, format: u32) -> Self {
        Self { bytes: format!("{MAGIC} {content} {format}\n").into_bytes() }
    }

    /// Adds a frame of lines; no line may hold a line end.
    pub(crate) fn frame(&mut self, name: &str, lines: &[Vec<u8>]) -> io::Result<()> {
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::best());
        for line in lines {
            packer.write_all(line)?;
            packer.write_all(b"\n")?;
        }
        let packed = packer.finish()?;
        let name_length = u16::try_from(name.len()).map_err(io::Error::other)?;
        self.bytes.extend(name_length.to_le_bytes());
        self.bytes.extend(name.as_bytes());
        self.bytes.extend((packed.len() as u64).to_le_bytes());
        self.bytes.extend(packed);
        Ok(())
    }

    /// Closes the file with its checksum.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes.extend(0u16.to_le_bytes());
        let checksum = Sha256::digest(&self.bytes);
        self.bytes.extend(checksum);
        self.bytes
    }
}

/// A file whose checksum fits, to be read frame by frame.
pub(crate) struct Frames<'a> {
    place: &'a str,
    /// Version of the format.
    pub(crate) format: u32,
    rest: &'a [u8],
    /// Bytes that may be unpacked in all.
    limit: u64,
    /// Bytes that may still be unpacked.
    budget: u64,
}

/// One packed frame.
pub(crate) struct Frame<'a> {
    pub(crate) name: &'a str,
    packed: &'a [u8],
}

impl<'a> Frames<'a> {
    /// Proves header and checksum.
    pub(crate) fn open(bytes: &'a [u8], content: &str, place: &'a str) -> Result<Self, SnapshotError> {
        let header = read_header(bytes)
            .ok_or_else(|| SnapshotError::NotASnapshot { place: place.to_owned(), what: describe(bytes) })?;
        if header.format > FORMAT_VERSION {
            return Err(SnapshotError::NewerFormat { place: place.to_owned(), found: header.format });
        }
        let damaged = |what: &str| SnapshotError::Damaged { place: place.to_owned(), what: what.to_owned() };
        let end = bytes.len().checked_sub(CHECKSUM_BYTES).filter(|end| *end >= header.length);
        let end = end.ok_or_else(|| damaged("it ends in its header"))?;
        if Sha256::digest(&bytes[..end]).as_slice() != &bytes[end..] {
            return Err(damaged("its checksum does not fit; it was cut off or changed"));
        }
        if header.content != content {
            return Err(SnapshotError::NotASnapshot {
                place: place.to_owned(),
                what: format!("it is a meshlift {}, not a {content}", header.content),
            });
        }
        let limit = (bytes.len() as u64).saturating_mul(UNPACKED_RATIO_MAX);
        let limit = limit.clamp(UNPACKED_BYTES_FREE, UNPACKED_BYTES_MAX);
        Ok(Self { place, format: header.format, rest: &bytes[header.length..end], limit, budget: limit })
    }

    /// The next frame; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Frame<'a>>, SnapshotError> {
        let name_length = usize::from(u16::from_le_bytes(self.array()?));
        if name_length == 0 {
            if self.rest.is_empty() {
                return Ok(None);
            }
            return Err(self.damaged("there is more after its last frame".into()));
        }
        let name = std::str::from_utf8(self.take(name_length)?)
            .map_err(|_| self.damaged("a frame's name is no text".into()))?;
        let packed_length = u64::from_le_bytes(self.array()?);
        let packed_length = usize::try_from(packed_length).unwrap_or(usize::MAX);
        Ok(Some(Frame { name, packed: self.take(packed_length)? }))
    }

    /// Unpacks a frame line by line; the callback gets line numbers from 1.
    pub(crate) fn lines(
        &mut self,
        frame: &Frame<'_>,
        mut each: impl FnMut(usize, &str) -> Result<(), SnapshotError>,
    ) -> Result<(), SnapshotError> {
        let mut unpacked = BufReader::with_capacity(UNPACKED_AT_ONCE, DeflateDecoder::new(frame.packed));
        // What came before of a line that goes on; most lines come whole, and are read where they are.
        let mut begun = Vec::new();
        let mut number = 1;
        loop {
            let here = unpacked
                .fill_buf()
                .map_err(|error| self.damaged(format!("frame {}: {error}", frame.name)))?;
            let end = memchr::memchr(b'\n', here);
            let length = end.map_or(here.len(), |end| end + 1);
            let limit = self.budget.min(LINE_BYTES_MAX as u64);
            if (begun.len() + length) as u64 > limit {
                return Err(self.too_large(frame.name));
            }
            match end {
                Some(end) if begun.is_empty() => self.line(frame, number, &here[..end], &mut each)?,
                Some(end) => {
                    begun.extend_from_slice(&here[..end]);
                    self.line(frame, number, &begun, &mut each)?;
                    begun.clear();
                }
                None if length > 0 => begun.extend_from_slice(here),
                None if begun.is_empty() => return Ok(()),
                None => {
                    return Err(self.damaged(format!("frame {} ends inside of line {number}", frame.name)));
                }
            }
            unpacked.consume(length);
            number += usize::from(end.is_some());
        }
    }

    /// One line, without its end.
    fn line(
        &mut self,
        frame: &Frame<'_>,
        number: usize,
        line: &[u8],
        each: &mut impl FnMut(usize, &str) -> Result<(), SnapshotError>,
    ) -> Result<(), SnapshotError> {
        self.budget = self.budget.saturating_sub(line.len() as u64 + 1);
        let line = std::str::from_utf8(line)
            .map_err(|error| self.damaged(format!("frame {}, line {number}: {error}", frame.name)))?;
        each(number, line)
    }

    /// An error at this file.
    pub(crate) fn damaged(&self, what: String) -> SnapshotError {
        SnapshotError::Damaged { place: self.place.to_owned(), what }
    }

    fn too_large(&self, frame: &str) -> SnapshotError {
        let (what, limit_bytes) = if self.budget < LINE_BYTES_MAX as u64 {
            ("what it unpacks to".to_owned(), self.limit)
        } else {
            (format!("a line of frame {frame}"), LINE_BYTES_MAX as u64)
        };
        SnapshotError::TooLarge { place: self.place.to_owned(), what, limit_bytes }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], SnapshotError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| self.damaged("a frame is longer than the file".into()))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }
}

struct Header<'a> {
    content: &'a str,
    format: u32,
    length: usize,
}

fn read_header(bytes: &[u8]) -> Option<Header<'_>> {
    let end = bytes.iter().take(HEADER_BYTES_MAX).position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut words = line.split(' ');
    let (magic, content, format) = (words.next()?, words.next()?, words.next()?);
    if magic != MAGIC || words.next().is_some() {
        return None;
    }
    let format = format.parse().ok().filter(|format| *format > 0)?;
    Some(Header { content, format, length: end + 1 })
}

fn describe(bytes: &[u8]) -> String {
    let start = bytes.trim_ascii_start();
    let what = if bytes.is_empty() {
        "it is empty"
    } else if start.starts_with(b"{") || start.starts_with(b"[") {
        "it looks like JSON; kubectl lists are read from a folder"
    } else if bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(b"PK") {
        "it looks like an archive; unpack it first"
    } else {
        "it does not start with meshlift's header"
    };
    what.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(lines: &[&str]) -> Vec<u8> {
        let mut writer = Writer::new("test");
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        writer.frame("f", &lines).unwrap();
        writer.finish()
    }

    fn read(bytes: &[u8]) -> Result<Vec<String>, SnapshotError> {
        let mut frames = Frames::open(bytes, "test", "x")?;
        let mut all = Vec::new();
        while let Some(frame) = frames.next()? {
            frames.lines(&frame, |_, line| {
                all.push(line.to_owned());
                Ok(())
            })?;
        }
        Ok(all)
    }

    #[test]
    fn lines_come_back() {
        assert_eq!(read(&file(&["a", "b"])).unwrap(), ["a", "b"]);
        assert!(read(&file(&[])).unwrap().is_empty());
    }

    #[test]
    fn a_line_that_is_no_text_is_damage() {
        let mut writer = Writer::new("test");
        writer.frame("f", &[b"a".to_vec(), vec![0xff]]).unwrap();
        let error = read(&writer.finish()).unwrap_err().to_string();
        assert!(error.contains("frame f, line 2: invalid utf-8"), "{error}");
    }

    #[test]
    fn other_content_and_newer_formats_are_named() {
        let bytes = file(&["a"]);
        let error = Frames::open(&bytes, "snapshot", "x").err().unwrap();
        assert_eq!(error.to_string(), "x is no snapshot: it is a meshlift test, not a snapshot");
        let newer = [b"meshlift test 9\n".as_slice(), &bytes[16..]].concat();
        assert_eq!(read(&newer).unwrap_err().code(), "ML9003");
    }

    /// A file whose only frame unpacks to this text, repeated.
    fn bomb(text: &[u8], bytes: u64) -> Vec<u8> {
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::best());
        let chunk = text.repeat(1 << 16);
        for _ in 0..bytes / chunk.len() as u64 {
            packer.write_all(&chunk).unwrap();
        }
        let packed = packer.finish().unwrap();
        let mut writer = Writer::new("test");
        writer.bytes.extend(1u16.to_le_bytes());
        writer.bytes.extend(b"f");
        writer.bytes.extend((packed.len() as u64).to_le_bytes());
        writer.bytes.extend(packed);
        writer.finish()
    }

    #[test]
    fn a_bomb_is_stopped_before_it_takes_memory() {
        for text in [b"0".as_slice(), b"{}\n"] {
            let bytes = bomb(text, UNPACKED_BYTES_FREE * 4);
            let error = read(&bytes).unwrap_err();
            assert_eq!(
                error.to_string(),
                "x is too large: what it unpacks to is over the limit of 8388608 bytes"
            );
        }
    }
}
