//! The way of a request from Kotlin and back. JNA, by which UniFFI calls from there, sets memory aside for each
//! structure that crosses, and has the garbage collector find and free it: a request with UniFFI's own calls takes
//! twelve. Here numbers cross, and the addresses of bytes, which are those that UniFFI writes for the same records.
//! Addresses and lengths have 64 bits on every processor, as a `Long` of Kotlin's.
//!
//! See `docs/crossings.md`. Kotlin's side is `dev.authsession.Direct`.

// Addresses come from another language; each function says what it relies on.
#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::{ptr, slice};

use auth_session::Error;
use uniffi::{Lift, Lower};

use crate::UniFfiTag;
use crate::callback::AppFailure;
use crate::error::SessionFailure;
use crate::exchange::{AnswerReceiver, fail, set_answer_receiver};
use crate::request::{HttpResponse, RequestOptions};
use crate::senders;

/// Is told the end of a request: its number, and where the bytes of an [`HttpResponse`] or a [`SessionFailure`] are until
/// it returns. Returns the number when it has read them: JNA returns zero, or whatever was there, where it could not call.
type Told = extern "C" fn(request: u64, address: u64, length: u64) -> u64;

/// An [`AnswerReceiver`] that is told in bytes.
struct InBytes {
    answered: Told,
    failed: Told,
}

impl InBytes {
    fn tell<T: Lower<UniFfiTag>>(told: Told, request: u64, end: T) -> bool {
        let mut bytes = Vec::new();
        T::write(end, &mut bytes);
        told(request, bytes.as_ptr().expose_provenance() as u64, bytes.len() as u64) == request
    }
}

impl AnswerReceiver for InBytes {
    fn answered(&self, request: u64, answer: HttpResponse) -> Result<bool, AppFailure> {
        Ok(Self::tell(self.answered, request, answer))
    }

    fn failed(&self, request: u64, failure: SessionFailure) -> Result<(), AppFailure> {
        let taken = Self::tell(self.failed, request, failure);
        taken.then_some(()).ok_or(AppFailure::Failed { reason: "it could not be read".to_owned() })
    }
}

/// Says who is told how requests end, as [`set_answer_receiver`] does. Returns 1, and 0 where there is somebody already.
///
/// Both functions may be called from any thread for as long as the process lives.
#[unsafe(no_mangle)]
pub extern "C" fn auth_session_receive_answers(answered: Told, failed: Told) -> i8 {
    i8::from(set_answer_receiver(Arc::new(InBytes { answered, failed })).is_ok())
}

/// Sends a request, whose [`RequestOptions`] are the bytes at this address, for the session or client of this number. Its
/// end is told under its own number, which is not zero, also where it cannot be begun. Returns 1, and 0 where there is no
/// sender of this number, because it was closed; then nothing is told.
///
/// # Safety
/// `length` bytes can be read at `address`, which is not null, until this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn auth_session_send(sender: u64, request: u64, address: u64, length: u64) -> i8 {
    // SAFETY: the caller keeps the contract of this very function.
    let mut bytes = unsafe { bytes_at(address, length) };
    let begun = catch_unwind(AssertUnwindSafe(|| {
        // First: what the bytes refer to is the library's from here on.
        let read = <RequestOptions as Lift<UniFfiTag>>::try_read(&mut bytes);
        let Some(options) = read.ok().filter(|_| bytes.is_empty()) else {
            return Err(Error::Internal("the request cannot be read".to_owned()).into());
        };
        let Some(sender) = senders::find(sender) else { return Ok(false) };
        options.send(request, &sender).map(|()| true)
    }));
    match begun {
        Ok(Ok(found)) => return i8::from(found),
        Ok(Err(failure)) => fail(request, failure),
        Err(_) => fail(request, Error::Internal("a call panicked".to_owned()).into()),
    }
    1
}

/// # Safety
/// `length` bytes can be read at `address`, which is not null, as long as the result lives.
unsafe fn bytes_at<'bytes>(address: u64, length: u64) -> &'bytes [u8] {
    // Both fit: an address and a length of this process came as them.
    let address = ptr::with_exposed_provenance(address as usize);
    // SAFETY: the caller keeps the contract of this very function.
    unsafe { slice::from_raw_parts(address, length as usize) }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Mutex, OnceLock};
    use std::time::Duration;

    use auth_session::{AuthSession, SessionConfig};

    use super::*;
    use crate::request::RequestAuth;
    use crate::senders::Entry;

    const PATIENCE: Duration = Duration::from_secs(30);
    /// The number of a request whose answer is not taken.
    const NOT_TAKEN: u64 = 3;

    /// What was told: under which number, and the status of an answer or the code of a failure.
    type Word = (u64, String);

    static WORDS: OnceLock<Mutex<Sender<Word>>> = OnceLock::new();

    fn tell(request: u64, word: String) {
        WORDS.get().expect("set first").lock().expect("no panic").send((request, word)).expect("it listens");
    }

    fn read<T: Lift<UniFfiTag>>(address: u64, length: u64) -> T {
        // SAFETY: they are there while the receiver is told.
        let mut bytes = unsafe { bytes_at(address, length) };
        let value = T::try_read(&mut bytes).expect("the record");
        assert!(bytes.is_empty(), "nothing else is there");
        value
    }

    extern "C" fn answered(request: u64, address: u64, length: u64) -> u64 {
        if request == NOT_TAKEN {
            return 0;
        }
        tell(request, read::<HttpResponse>(address, length).status.to_string());
        request
    }

    extern "C" fn failed(request: u64, address: u64, length: u64) -> u64 {
        let SessionFailure::Failed { code, .. } = read(address, length);
        tell(request, code);
        request
    }

    /// The receiver is one for the process, so all that is told is told to one test.
    fn words() -> Receiver<Word> {
        let (words, told) = channel();
        WORDS.set(Mutex::new(words)).expect("the only test that listens");
        assert_eq!(auth_session_receive_answers(answered, failed), 1);
        assert_eq!(auth_session_receive_answers(answered, failed), 0, "there is one already");
        told
    }

    fn send(sender: u64, request: u64, bytes: &[u8]) -> bool {
        // SAFETY: they are there until it returns.
        let begun = unsafe {
            auth_session_send(sender, request, bytes.as_ptr().expose_provenance() as u64, bytes.len() as u64)
        };
        begun == 1
    }

    fn get(url: &str) -> Vec<u8> {
        let options = RequestOptions {
            method: "GET".to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            auth: Some(RequestAuth::Never),
            idempotency_key: None,
            timeout_ms: None,
            idle_timeout_ms: None,
            max_body_bytes: None,
            max_redirects: None,
            upload_progress: None,
            download_progress: None,
            delivery: None,
            content: None,
        };
        let mut bytes = Vec::new();
        <RequestOptions as Lower<UniFfiTag>>::write(options, &mut bytes);
        bytes
    }

    /// A server that answers each connection with 204, and its URL.
    fn server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let _ = connection.read(&mut [0; 4096]);
                let _ = connection.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            }
        });
        url
    }

    #[test]
    fn a_request_in_bytes_ends_once_and_none_is_sent_for_who_is_closed() {
        let told = words();
        let config = SessionConfig::new(&server()).expect("a URL").allow_loopback(true);
        let open = AuthSession::open(config);
        let session = auth_session::runtime().expect("a runtime").block_on(open).expect("a session");
        let entry = Entry::new(senders::Sender::Session(session));
        let number = entry.number();

        for (request, bytes, end) in [
            (1, get("/"), "204"),
            (2, get("https://elsewhere.example/"), "origin_not_allowed"),
            (NOT_TAKEN, get("/"), "internal"),
            (4, b"no record".to_vec(), "internal"),
            (5, Vec::new(), "internal"),
            (6, [get("/"), vec![0]].concat(), "internal"),
        ] {
            assert!(send(number, request, &bytes));
            assert_eq!(told.recv_timeout(PATIENCE), Ok((request, end.to_owned())));
        }

        let another = Entry::new(senders::find(number).expect("it is there"));
        drop(entry);
        assert!(!send(number, 7, &get("/")));
        assert!(send(another.number(), 8, &get("/")));
        assert_eq!(told.recv_timeout(PATIENCE), Ok((8, "204".to_owned())), "nothing was told before");
    }
}
