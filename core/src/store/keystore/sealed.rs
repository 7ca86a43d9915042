//! What rests in the file of a slot: a sealed session, or a tombstone in the clear.
//!
//! A tombstone holds no secret, so it is not sealed: signing out must succeed when the key is gone and when the Keystore
//! is broken, and must be readable then. A session in the clear is none of ours.

use ring::digest;

use crate::lifecycle::record::{Entry, RecordError, Tombstone, hexadecimal};
use crate::store::{Generation, Slot};

const FORMAT: &str = "authsession-sealed";
/// The version of the sealed form and of the record in it: a record of a later version must not be replaced by a save,
/// which has to be known without opening it.
const VERSION: &str = "1";
/// A header line is shorter than this.
const MAX_HEADER_BYTES: usize = 256;
/// GCM nonces have 12 bytes; a Keystore that chooses others is told from damage up to here.
const MAX_IV_BYTES: usize = 32;

/// What a slot's file says without the key.
#[derive(Debug, PartialEq)]
pub(super) enum Stored {
    /// A session that only the key opens.
    Sealed(Sealed),
    /// The end of one.
    Ended(Tombstone, Generation),
}

impl Stored {
    pub(super) fn generation(&self) -> Generation {
        match self {
            Self::Sealed(sealed) => sealed.generation,
            Self::Ended(_, generation) => *generation,
        }
    }
}

/// A sealed session.
#[derive(Debug, PartialEq)]
pub(super) struct Sealed {
    /// In the clear as well, so that a save can be conditional on a session that cannot be opened for the moment.
    pub(super) generation: Generation,
    /// Which of the slot's keys has sealed it.
    pub(super) key: u32,
    pub(super) iv: Vec<u8>,
    /// With the tag.
    pub(super) ciphertext: Vec<u8>,
}

impl Sealed {
    /// The bytes to keep: a header line (format, version, generation, key, nonce, SHA-256) and the ciphertext. The
    /// digest detects accidents without the key; against anything else there is the tag.
    pub(super) fn encode(&self) -> Vec<u8> {
        let header =
            format!("{FORMAT} {VERSION} {} {} {}", self.generation.0, self.key, hexadecimal(&self.iv));
        let mut bytes = format!("{header} {}\n", checksum(&header, &self.ciphertext)).into_bytes();
        bytes.extend_from_slice(&self.ciphertext);
        bytes
    }

    fn decode(header: &str, body: &[u8]) -> Result<Self, RecordError> {
        let mut fields = header.split(' ').skip(1);
        if fields.next().ok_or(RecordError::Damaged)? != VERSION {
            return Err(RecordError::UnknownVersion);
        }
        let (covered, written) = header.rsplit_once(' ').ok_or(RecordError::Damaged)?;
        let (Some(generation), Some(key), Some(iv), Some(_), None) =
            (fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(RecordError::Damaged);
        };
        if checksum(covered, body) != written {
            return Err(RecordError::Damaged);
        }
        Ok(Self {
            generation: Generation(generation.parse().map_err(|_| RecordError::Damaged)?),
            key: key.parse().map_err(|_| RecordError::Damaged)?,
            iv: from_hexadecimal(iv).ok_or(RecordError::Damaged)?,
            ciphertext: body.to_vec(),
        })
    }
}

/// Reads a slot's file.
pub(super) fn parse(slot: &Slot, bytes: &[u8]) -> Result<Stored, RecordError> {
    let newline = bytes.iter().take(MAX_HEADER_BYTES).position(|byte| *byte == b'\n');
    let header = newline.and_then(|newline| std::str::from_utf8(&bytes[..newline]).ok());
    let (Some(newline), Some(header)) = (newline, header) else { return Err(RecordError::Damaged) };
    if header.split(' ').next() == Some(FORMAT) {
        return Sealed::decode(header, &bytes[newline + 1..]).map(Stored::Sealed);
    }
    match Entry::decode(slot, bytes)? {
        (Entry::Ended(tombstone), generation) => Ok(Stored::Ended(tombstone, generation)),
        (Entry::Live(_), _) => Err(RecordError::Damaged),
    }
}

/// What the key seals along: what the ciphertext is, and whose. With lengths, so that no two slots read the same.
pub(super) fn associated_data(slot: &Slot) -> Vec<u8> {
    let mut data = format!("{FORMAT} {VERSION}\n").into_bytes();
    for name in [&slot.namespace, &slot.account] {
        data.extend_from_slice(&(name.len() as u64).to_be_bytes());
        data.extend_from_slice(name.as_bytes());
    }
    data
}

/// The name of one of the slot's keys in the Keystore. Digests, because a name may hold anything.
pub(super) fn alias(slot: &Slot, key: u32) -> String {
    let short = |name: &str| {
        let digest = digest::digest(&digest::SHA256, name.as_bytes());
        hexadecimal(&digest.as_ref()[..16])
    };
    format!("auth-session.{}.{}.v{key}", short(&slot.namespace), short(&slot.account))
}

fn checksum(header: &str, ciphertext: &[u8]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(header.as_bytes());
    context.update(b"\n");
    context.update(ciphertext);
    hexadecimal(context.finish().as_ref())
}

/// The bytes of a sealed session that somebody else has made up, with the digest that they must have to be looked at.
#[cfg(fuzzing)]
pub(crate) fn with_checksum(header: &str, ciphertext: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{header} {}\n", checksum(header, ciphertext)).into_bytes();
    bytes.extend_from_slice(ciphertext);
    bytes
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || digits.len() > 2 * MAX_IV_BYTES {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    digits.chunks(2).map(|pair| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::SignOutReason;

    fn slot() -> Slot {
        Slot { namespace: "app".into(), account: "main".into() }
    }

    fn sealed() -> Sealed {
        Sealed { generation: Generation(7), key: 2, iv: vec![0xA5; 12], ciphertext: (0..=255).collect() }
    }

    #[test]
    fn what_was_encoded_is_parsed() {
        assert_eq!(parse(&slot(), &sealed().encode()), Ok(Stored::Sealed(sealed())));
    }

    #[test]
    fn a_change_of_any_bit_and_a_cut_anywhere_are_noticed_without_the_key() {
        let bytes = sealed().encode();
        for position in 0..bytes.len() {
            assert!(parse(&slot(), &bytes[..position]).is_err(), "the first {position} bytes");
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[position] ^= 1 << bit;
                assert!(parse(&slot(), &damaged).is_err(), "bit {bit} of byte {position}");
            }
        }
    }

    #[test]
    fn a_header_with_other_fields_is_damaged_and_never_panics() {
        for fields in
            ["", " ", "1", "1 7", "1 7 2", "1 7 2 a5", "1 7 2 a5 00", "1 x y z w", "1 7 2 \u{e9} 00 1"]
        {
            let bytes = format!("{FORMAT} {fields}\n");
            assert!(parse(&slot(), bytes.as_bytes()).is_err(), "{fields}");
        }
        for iv in ["", "a", "zz", "\u{e9}", &"00".repeat(MAX_IV_BYTES + 1)] {
            assert_eq!(from_hexadecimal(iv), None, "{iv}");
        }
    }

    #[test]
    fn a_later_version_is_not_called_damaged() {
        assert_eq!(parse(&slot(), b"authsession-sealed 2 whatever\n"), Err(RecordError::UnknownVersion));
        assert_eq!(parse(&slot(), b"authsession-record 2 whatever\n"), Err(RecordError::UnknownVersion));
    }

    #[test]
    fn a_tombstone_is_read_without_a_key_and_a_session_in_the_clear_is_not_ours() {
        let tombstone = Tombstone { reason: SignOutReason::User };
        let bytes = Entry::Ended(tombstone.clone()).encode(&slot(), Generation(3));
        assert_eq!(parse(&slot(), &bytes), Ok(Stored::Ended(tombstone, Generation(3))));
        let live = Entry::Live(crate::store::keystore::tests::record());
        let bytes = live.encode(&slot(), Generation(3));
        assert!(Entry::decode(&slot(), &bytes).is_ok());
        assert_eq!(parse(&slot(), &bytes), Err(RecordError::Damaged));
    }

    #[test]
    fn no_two_slots_have_the_same_key_or_associated_data() {
        let named =
            |namespace: &str, account: &str| Slot { namespace: namespace.into(), account: account.into() };
        let slots =
            [named("app", "main"), named("appm", "ain"), named("main", "app"), named("app", "main\0")];
        for (index, one) in slots.iter().enumerate() {
            for other in &slots[..index] {
                assert_ne!(associated_data(one), associated_data(other));
                assert_ne!(alias(one, 1), alias(other, 1));
            }
        }
        assert!(associated_data(&slot()).starts_with(b"authsession-sealed 1\n"));
        assert!(alias(&slot(), 1).ends_with(".v1"));
    }
}
