//! Bytes across the boundary, copied as a whole.

// UniFFI asks for it. What is written and read is what it writes and reads for a `Vec<u8>`: a test compares them.
#![allow(unsafe_code)]

use bytes::{Buf, BufMut, Bytes};
use uniffi::{FfiConverter, MetadataBuffer, RustBuffer, TypeId, check_remaining};

use crate::UniFfiTag;

/// The bytes of a body, or of a piece of one. In the other languages it is the same as a `Vec<u8>`, which UniFFI would
/// copy byte by byte, each with a check of its own.
pub struct Octets(pub(crate) Bytes);

/// The length goes before the bytes, as the four bytes of a signed number.
const LENGTH_BYTES: usize = size_of::<i32>();

unsafe impl FfiConverter<UniFfiTag> for Octets {
    type FfiType = RustBuffer;

    fn lower(octets: Self) -> RustBuffer {
        let mut buffer = Vec::with_capacity(LENGTH_BYTES + octets.0.len());
        Self::write(octets, &mut buffer);
        RustBuffer::from_vec(buffer)
    }

    fn try_lift(buffer: RustBuffer) -> uniffi::Result<Self> {
        let mut rest = Bytes::from(buffer.destroy_into_vec());
        let length = length(&mut rest)?;
        if rest.len() != length {
            uniffi::deps::anyhow::bail!("{} bytes where there should be {length}", rest.len());
        }
        Ok(Self(rest))
    }

    fn write(octets: Self, buffer: &mut Vec<u8>) {
        let length = i32::try_from(octets.0.len()).expect("bodies are no larger than what crosses");
        // All at once: growing by doubling would copy what is there once more.
        buffer.reserve_exact(LENGTH_BYTES + octets.0.len());
        buffer.put_i32(length);
        buffer.put_slice(&octets.0);
    }

    fn try_read(buffer: &mut &[u8]) -> uniffi::Result<Self> {
        let length = length(buffer)?;
        check_remaining(buffer, length)?;
        Ok(Self(buffer.copy_to_bytes(length)))
    }

    const TYPE_ID_META: MetadataBuffer = <Vec<u8> as TypeId<UniFfiTag>>::TYPE_ID_META;
}

uniffi::derive_ffi_traits!(local Octets);

fn length(buffer: &mut impl Buf) -> uniffi::Result<usize> {
    if buffer.remaining() < LENGTH_BYTES {
        uniffi::deps::anyhow::bail!("there is no length");
    }
    Ok(usize::try_from(buffer.get_i32())?)
}

#[cfg(test)]
mod tests {
    use uniffi::{Lift, Lower};

    use super::*;

    const SIZES: [usize; 5] = [0, 1, 255, 256, 70_000];

    fn content(size: usize) -> Vec<u8> {
        (0..size).map(|position| position as u8).collect()
    }

    fn written<T: Lower<UniFfiTag>>(value: T) -> Vec<u8> {
        let mut buffer = b"before".to_vec();
        T::write(value, &mut buffer);
        buffer
    }

    #[test]
    fn they_are_written_as_uniffi_writes_a_vector() {
        for bytes in SIZES.map(content) {
            assert_eq!(written(Octets(bytes.clone().into())), written(bytes.clone()));
            let lowered = <Octets as Lower<UniFfiTag>>::lower(Octets(bytes.clone().into()));
            let of_uniffi = <Vec<u8> as Lower<UniFfiTag>>::lower(bytes);
            assert_eq!(lowered.destroy_into_vec(), of_uniffi.destroy_into_vec());
        }
    }

    #[test]
    fn they_are_read_from_what_uniffi_writes_and_leave_what_follows() {
        for bytes in SIZES.map(content) {
            let mut buffer = Vec::new();
            <Vec<u8> as Lower<UniFfiTag>>::write(bytes.clone(), &mut buffer);
            buffer.extend(b"after");
            let mut rest = buffer.as_slice();
            let read = <Octets as Lift<UniFfiTag>>::try_read(&mut rest).expect("bytes");
            assert_eq!((read.0.as_ref(), rest), (bytes.as_slice(), b"after".as_slice()));

            let lifted =
                <Octets as Lift<UniFfiTag>>::try_lift(<Vec<u8> as Lower<UniFfiTag>>::lower(bytes.clone()));
            assert_eq!(lifted.expect("bytes").0, bytes);
        }
    }

    #[test]
    fn a_buffer_that_is_not_as_long_as_it_says_is_an_error() {
        for damaged in [&b""[..], &[0, 0, 0], &[0, 0, 0, 2, 7], &[255, 255, 255, 255]] {
            let mut rest = damaged;
            assert!(<Octets as Lift<UniFfiTag>>::try_read(&mut rest).is_err(), "{damaged:?}");
            let buffer = RustBuffer::from_vec(damaged.to_vec());
            assert!(<Octets as Lift<UniFfiTag>>::try_lift(buffer).is_err(), "{damaged:?}");
        }
        let longer = RustBuffer::from_vec(vec![0, 0, 0, 0, 7]);
        assert!(<Octets as Lift<UniFfiTag>>::try_lift(longer).is_err());
    }
}
