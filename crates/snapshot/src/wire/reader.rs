//! The protobuf wire format: numbered fields, one after another
//! (<https://protobuf.dev/programming-guides/encoding/>).

use super::error::WireError;

/// Reads the fields of a message.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

/// One field as it is on the wire.
#[derive(Clone, Copy)]
pub(super) enum Wire<'a> {
    /// A number of any length.
    Varint(u64),
    /// A text, a message or bytes.
    Bytes(&'a [u8]),
    /// Four or eight bytes: nothing that is read here.
    Fixed,
}

impl<'a> Reader<'a> {
    /// The next field and its number; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Wire<'a>)>, WireError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| WireError::new("a field number is too large"))?;
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => self.take(8).map(|_| Wire::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| cut_off())?;
                Wire::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Wire::Fixed)?,
            other => return Err(WireError::new(&format!("field {number} has wire type {other}"))),
        };
        Ok(Some((number, wire)))
    }

    /// The next field, if it has this number.
    pub(super) fn next_of(&mut self, number: u32) -> Result<Option<Wire<'a>>, WireError> {
        let mut ahead = *self;
        match ahead.next()? {
            Some((found, wire)) if found == number => {
                *self = ahead;
                Ok(Some(wire))
            }
            Some(_) | None => Ok(None),
        }
    }

    pub(super) fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or_else(cut_off)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::new("a number has more than 64 bits"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(taken)
    }
}

fn cut_off() -> WireError {
    WireError::new("it is cut off")
}
