//! Callers: each sends one request and is answered, once and in time, or gives it up.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use auth_session::{AuthSession, Error};
use bytes::Bytes;
use futures_core::Stream;
use serde_json::Value;
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout_at};

use crate::future::{begin, within};
use crate::history::Asked;
use crate::leaks;
use crate::outcomes::{Got, Outcome};
use crate::plan::{Errand, PATIENT_MS, User};
use crate::round::{MARGIN, Scene, locked};
use crate::stalls;
use crate::tally::Kind;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) errand: Errand,
    pub(crate) deadline: Duration,
    pub(crate) cancelled_after: Option<Duration>,
    /// It goes away with its runtime.
    pub(crate) may_be_dropped: bool,
}

impl Caller {
    /// One that waits for its answer.
    pub(crate) fn sound(errand: Errand, deadline: Duration) -> Self {
        Self { errand, deadline, cancelled_after: None, may_be_dropped: false }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In whose name, where the answer says so.
    pub(crate) user: Option<User>,
    /// Whether the body that came back is another one than was sent.
    pub(crate) mixed_up: bool,
}

/// A caller that has begun; if it is dropped without a word about what became of it, it was lost.
pub(crate) struct Fate {
    scene: Arc<Scene>,
    made: Instant,
    deadline: Duration,
    errand: Errand,
    may_be_dropped: bool,
    is_known: bool,
}

impl Fate {
    pub(crate) fn begin(scene: &Arc<Scene>, caller: Caller) -> Self {
        scene.count(|tally| tally.requests += 1);
        Self {
            scene: Arc::clone(scene),
            made: Instant::now(),
            deadline: caller.deadline,
            errand: caller.errand,
            may_be_dropped: caller.may_be_dropped,
            is_known: false,
        }
    }

    pub(crate) fn cancelled(mut self) {
        self.is_known = true;
        self.scene.count(|tally| tally.cancelled += 1);
    }

    pub(crate) fn hung(mut self, text: &str) {
        self.is_known = true;
        self.scene.found(Kind::Hung, text);
    }

    pub(crate) fn lost(mut self, text: &str) {
        self.is_known = true;
        self.scene.found(Kind::Lost, text);
    }

    pub(crate) fn ended(mut self, got: Got, text: String) {
        self.is_known = true;
        let ended = Instant::now();
        let took = ended - self.made;
        self.scene.count(|tally| match &got {
            Got::Status(status) => {
                *tally.statuses.entry(*status).or_default() += 1;
                tally.slowest = tally.slowest.max(took);
            }
            Got::Error(code) => *tally.errors.entry(code.clone()).or_default() += 1,
        });
        let (made, deadline, errand) = (self.made, self.deadline, self.errand);
        let stalled = stalls::between(made, ended);
        locked(&self.scene.outcomes).push(Outcome { made, ended, stalled, deadline, errand, got, text });
    }
}

impl Drop for Fate {
    fn drop(&mut self) {
        if self.is_known {
        } else if self.may_be_dropped {
            self.scene.count(|tally| tally.cancelled += 1);
        } else {
            self.scene.found(Kind::Lost, "a caller got nothing");
        }
    }
}

/// Sends one request and looks at what comes of it.
pub(crate) async fn call(scene: Arc<Scene>, session: AuthSession, caller: Caller) {
    let number = scene.callers.fetch_add(1, Ordering::Relaxed);
    let fate = Fate::begin(&scene, caller);
    let began = Instant::now();
    let made = scene.ticks.now();
    let mut sending = Box::pin(send(&session, number, caller.errand, caller.deadline));
    let first = begin(sending.as_mut()).await;
    let asked = Asked { made, begun: scene.ticks.now() };
    let rest = async {
        match first {
            Some(result) => result,
            None => sending.as_mut().await,
        }
    };
    let came = within(caller.deadline + MARGIN, caller.cancelled_after, rest).await;
    if !matches!(came, Ok(None)) && began.elapsed() > caller.deadline {
        scene.count(|tally| tally.late.push(began.elapsed() - caller.deadline));
    }
    match came {
        Ok(None) => fate.cancelled(),
        Err(_) => {
            fate.hung(&format!("{:?} is not answered within {:?}", caller.errand, caller.deadline + MARGIN))
        }
        Ok(Some(Err(error))) => {
            leaks::note("error", format_args!("{error} {error:?} {error:#?}"));
            if error.code() == "timeout" && caller.deadline >= Duration::from_millis(PATIENT_MS) {
                return fate.lost(&format!(
                    "{:?} waited in vain, although nothing goes wrong any more",
                    caller.errand
                ));
            }
            scene.look_at_code(Some(error.code()));
            fate.ended(Got::Error(error.code().to_owned()), format!("({error})"));
        }
        Ok(Some(Ok(answer))) => {
            if let Some(user) = answer.user
                && !scene.history().may_answer(user, asked)
            {
                scene.found(
                    Kind::Other,
                    format!(
                        "a request was answered in the name of {user:?}: {:?}, {asked:?}",
                        scene.history()
                    ),
                );
            }
            if answer.mixed_up {
                scene.found(Kind::Other, "a request got another one's answer");
            }
            fate.ended(Got::Status(answer.status), String::new());
        }
    }
}

/// Callers on a runtime of the app's own, which ends in the midst of them.
pub(crate) fn call_from_a_runtime(
    scene: &Arc<Scene>,
    session: &AuthSession,
    count: u64,
    ended_after: Duration,
) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let caller = Caller { may_be_dropped: true, ..Caller::sound(Errand::Me, Duration::from_secs(3)) };
    runtime.block_on(async {
        for _ in 0..count {
            tokio::spawn(call(Arc::clone(scene), session.clone(), caller));
        }
        sleep(ended_after).await;
    });
}

/// Sends one request; its number is in its body, if that has room.
pub(crate) async fn send(
    session: &AuthSession,
    number: u64,
    errand: Errand,
    deadline: Duration,
) -> Result<Answer, Error> {
    let due = tokio::time::Instant::now() + deadline;
    match errand {
        Errand::Me => {
            let response = session.get("/me").timeout(deadline).send().await?;
            leaks::show("response", &response);
            Ok(read(response.status().as_u16(), response.body(), None))
        }
        Errand::Streaming => {
            let mut response = session.get("/me").timeout(deadline).send_streaming().await?;
            let mut body = Vec::new();
            let reading = async {
                while let Some(chunk) = response.chunk().await? {
                    body.extend_from_slice(&chunk);
                }
                Ok(())
            };
            // A body that goes on arriving has no deadline but its reader's.
            timeout_at(due, reading).await.unwrap_or(Err(Error::Timeout(deadline)))?;
            Ok(read(response.status().as_u16(), &body, None))
        }
        Errand::Echo { bytes } => {
            let sent = text(number, bytes);
            let response = session.post("/echo").timeout(deadline).text(sent.clone()).send().await?;
            Ok(read(response.status().as_u16(), response.body(), Some(&sent)))
        }
        Errand::EchoStream { bytes } => {
            let sent = text(number, bytes);
            let chunks = Chunks(Bytes::from(sent.clone()));
            let request = session.post("/echo").timeout(deadline).body_from_stream(chunks);
            let response = request.send().await?;
            Ok(read(response.status().as_u16(), response.body(), Some(&sent)))
        }
    }
}

/// Different for each caller, so that an answer to another one is seen; only the empty body is always the same. It is as
/// long as asked, or as the number.
fn text(number: u64, bytes: usize) -> String {
    if bytes == 0 {
        return String::new();
    }
    let name = format!("{number}.");
    let length = bytes.max(name.len());
    name.chars().cycle().take(length).collect()
}

fn read(status: u16, body: &[u8], sent: Option<&str>) -> Answer {
    let json: Option<Value> = serde_json::from_slice(body).ok().filter(|_| status == 200);
    let user = json.as_ref().and_then(|json| User::with_id(json["id"].as_str()?));
    let echoed = json.as_ref().and_then(|json| json["body"].as_str());
    let mixed_up = sent.is_some_and(|sent| user.is_some() || echoed.is_some_and(|echoed| echoed != sent));
    Answer { status, user, mixed_up }
}

/// A body in pieces.
struct Chunks(Bytes);

const CHUNK: usize = 16 << 10;

impl Stream for Chunks {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let size = self.0.len().min(CHUNK);
        Poll::Ready(Some(Ok(self.0.split_to(size))))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_callers_send_the_same_unless_it_is_nothing() {
        for bytes in [1, 2, 7, 20_000] {
            let sent: HashSet<String> = (0..300).map(|number| text(number, bytes)).collect();
            assert_eq!(sent.len(), 300, "{bytes}");
        }
        assert_eq!((text(7, 0).len(), text(7, 20_000).len()), (0, 20_000));
    }

    #[test]
    fn an_answer_to_somebody_else_is_seen() {
        let echo = |text: &str| format!("{{\"body\": \"{text}\"}}");
        let is_mixed_up = |body: &str| read(200, body.as_bytes(), Some("7.7.")).mixed_up;
        assert!(!is_mixed_up(&echo("7.7.")));
        assert!(is_mixed_up(&echo("8.8.")));
        assert!(is_mixed_up(r#"{"id": "u1"}"#));
    }
}
