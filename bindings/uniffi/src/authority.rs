//! An authorization server that only the app knows how to speak to. The app answers through a reply object, when it
//! has an answer: so that it may be written with the means of its language, and no thread waits for it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auth_session::{
    AttemptId, AuthorityFuture, CustomAuthority, Error, NetworkFailure, RefreshOutcome, Secret, SignInOutcome,
};
use serde_json::Value;
use tokio::sync::{oneshot, watch};

use crate::callback::{AppFailure, call_app};
use crate::secret::SecretText;
use crate::session::tokens;

/// What the app does instead of the built-in dialects. Each call begins the work and returns; the answer is given to
/// the reply, once. A reply that is let go of without an answer counts as an answer that was lost.
#[uniffi::export(foreign)]
pub trait AuthorityCallbacks: Send + Sync {
    /// Signs in.
    fn sign_in(&self, credentials_json: String, reply: Arc<SignInReply>) -> Result<(), AppFailure>;

    /// Takes the next step of a sign-in.
    fn continue_sign_in(
        &self,
        step: String,
        body_json: String,
        reply: Arc<SignInReply>,
    ) -> Result<(), AppFailure>;

    /// Gets new tokens. `attempt_id` is the same for every attempt with this token. Callers wait 10 s for an answer; one
    /// that comes later is used by the next of them, and until it comes, or the reply is let go of, the app is not asked
    /// again.
    fn refresh(
        &self,
        refresh_token: Arc<SecretText>,
        attempt_id: String,
        reply: Arc<RefreshReply>,
    ) -> Result<(), AppFailure>;

    /// Tells the server that the tokens are not needed any more.
    fn revoke(
        &self,
        refresh_token: Arc<SecretText>,
        access_token: Option<Arc<SecretText>>,
        reply: Arc<RevocationReply>,
    ) -> Result<(), AppFailure>;
}

/// Takes one answer.
struct Slot<T>(Mutex<Option<oneshot::Sender<T>>>);

impl<T> Slot<T> {
    fn new() -> (Self, oneshot::Receiver<T>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Mutex::new(Some(sender))), receiver)
    }

    /// The first answer counts. Nobody may be waiting for it any more.
    fn give(&self, answer: T) {
        if let Some(sender) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = sender.send(answer);
        }
    }
}

/// Where the answer to a step of a sign-in goes. Only the first one counts.
#[derive(uniffi::Object)]
pub struct SignInReply(Slot<Result<SignInOutcome, Error>>);

#[uniffi::export]
impl SignInReply {
    /// The user is signed in with these tokens. `answer_json` is handed to the app.
    pub fn signed_in(
        &self,
        access_token: String,
        refresh_token: Option<String>,
        expires_in_seconds: Option<u64>,
        answer_json: Option<String>,
    ) {
        let tokens = tokens(Some(access_token), refresh_token, expires_in_seconds);
        self.0.give(
            json(answer_json.as_deref())
                .and_then(|answer| tokens.map(|tokens| SignInOutcome::SignedIn(tokens, answer))),
        );
    }

    /// The server wants another step.
    pub fn next_step(&self, answer_json: Option<String>) {
        self.0.give(json(answer_json.as_deref()).map(SignInOutcome::NextStep));
    }

    /// The server said no.
    pub fn rejected(&self, status: u16) {
        self.0.give(Err(Error::SignInRejected { status, answer: None }));
    }

    /// The server cannot take a sign-in now.
    pub fn unavailable(&self, status: u16, retry_after_ms: Option<u64>) {
        let retry_after = retry_after_ms.map(Duration::from_millis);
        self.0.give(Err(Error::SignInUnavailable { status, retry_after }));
    }

    /// There is no connection to the server.
    pub fn unreachable(&self) {
        self.0.give(Err(Error::Network(NetworkFailure::NotConnected)));
    }
}

/// Where the answer to a refresh goes: one row of the failure table. Only the first one counts.
#[derive(uniffi::Object)]
pub struct RefreshReply(watch::Sender<Option<RefreshOutcome>>);

impl RefreshReply {
    fn give(&self, outcome: RefreshOutcome) {
        self.0.send_if_modified(|given| {
            let first = given.is_none();
            given.get_or_insert(outcome);
            first
        });
    }
}

#[uniffi::export]
impl RefreshReply {
    /// New tokens. Without a refresh token, the old one stays in use.
    pub fn rotated(
        &self,
        access_token: String,
        refresh_token: Option<String>,
        expires_in_seconds: Option<u64>,
    ) {
        let tokens = tokens(Some(access_token), refresh_token, expires_in_seconds);
        self.give(tokens.map_or(RefreshOutcome::Ambiguous, RefreshOutcome::Rotated));
    }

    /// A new refresh token, and no access token.
    pub fn salvaged(&self, refresh_token: String) {
        self.give(RefreshOutcome::Salvaged(Secret::new(refresh_token)));
    }

    /// The request may have taken effect, but no usable answer came.
    pub fn ambiguous(&self) {
        self.give(RefreshOutcome::Ambiguous);
    }

    /// The refresh token is no good. `certain` is false where the answer may come from something in between.
    pub fn rejected(&self, certain: bool) {
        self.give(RefreshOutcome::Rejected { certain });
    }

    /// The server does not accept this client's set-up.
    pub fn misconfigured(&self, explanation: String) {
        self.give(RefreshOutcome::Misconfigured(explanation));
    }

    /// The server cannot answer now.
    pub fn unavailable(&self, retry_after_ms: Option<u64>) {
        let retry_after = retry_after_ms.map(Duration::from_millis);
        self.give(RefreshOutcome::Unavailable { retry_after });
    }

    /// Nothing was sent.
    pub fn unreachable(&self) {
        self.give(RefreshOutcome::Unreachable);
    }

    /// An answer that means nothing.
    pub fn unexpected(&self, status: u16) {
        self.give(RefreshOutcome::Unexpected { status });
    }
}

/// Where the answer to a revocation goes. Only the first one counts.
#[derive(uniffi::Object)]
pub struct RevocationReply(Slot<bool>);

#[uniffi::export]
impl RevocationReply {
    /// Whether the server agreed.
    pub fn done(&self, confirmed: bool) {
        self.0.give(confirmed);
    }
}

fn json(text: Option<&str>) -> Result<Value, Error> {
    text.map_or(Ok(Value::Null), |text| {
        serde_json::from_str(text)
            .map_err(|_| Error::Internal("the app's authority answered with something else than JSON".into()))
    })
}

/// The app's authority as the core sees it.
pub(crate) struct AppAuthority {
    app: Arc<dyn AuthorityCallbacks>,
    /// The refresh that the app has not answered yet. The core gives up waiting and asks again, but the app goes on with
    /// what it has begun: a second request with the same token would look like a theft, and what the first one brings
    /// would be lost.
    refreshing: Mutex<Option<Refreshing>>,
}

#[derive(Clone)]
struct Refreshing {
    attempt: AttemptId,
    outcome: watch::Receiver<Option<RefreshOutcome>>,
}

impl fmt::Debug for AppAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppAuthority")
    }
}

impl AppAuthority {
    pub(crate) fn new(app: Arc<dyn AuthorityCallbacks>) -> Self {
        Self { app, refreshing: Mutex::default() }
    }

    /// The refresh with this attempt id, which is begun unless the app is busy with it.
    fn refreshing(&self, token: Secret, attempt: AttemptId) -> Refreshing {
        let mut refreshing = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(refreshing) = refreshing.as_ref().filter(|refreshing| refreshing.attempt == attempt) {
            return refreshing.clone();
        }
        let (reply, outcome) = watch::channel(None);
        let (reply, app, id) = (Arc::new(RefreshReply(reply)), Arc::clone(&self.app), attempt.clone());
        let begun = Refreshing { attempt, outcome };
        *refreshing = Some(begun.clone());
        tokio::spawn(async move {
            let given = Arc::clone(&reply);
            let call = move || app.refresh(SecretText::new(token), id.as_str().to_owned(), given);
            if call_app(call).await.is_err() {
                // Whatever the app threw, it may have sent the token before.
                reply.ambiguous();
            }
        });
        begun
    }

    async fn refreshed(&self, mut refreshing: Refreshing) -> RefreshOutcome {
        let outcome = refreshing.outcome.wait_for(Option::is_some).await;
        // Without an answer the app has let go of the reply.
        let outcome = outcome.ok().and_then(|outcome| outcome.clone()).unwrap_or(RefreshOutcome::Ambiguous);
        let mut current = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        current.take_if(|current| current.attempt == refreshing.attempt);
        outcome
    }

    /// Calls the app and waits for its answer; `None` if it failed or let go of the reply.
    async fn ask<T: Send + 'static>(
        &self,
        call: impl FnOnce(Arc<dyn AuthorityCallbacks>, Slot<T>) -> Result<(), AppFailure> + Send + 'static,
    ) -> Result<Option<T>, AppFailure> {
        let (slot, answer) = Slot::new();
        let authority = Arc::clone(&self.app);
        call_app(move || call(authority, slot)).await?;
        Ok(answer.await.ok())
    }
}

fn signed_in(
    answer: Result<Option<Result<SignInOutcome, Error>>, AppFailure>,
) -> Result<SignInOutcome, Error> {
    match answer {
        Ok(Some(outcome)) => outcome,
        Ok(None) => Err(Error::Internal("the app's authority gave no answer".into())),
        Err(failure) => Err(Error::Internal(failure.to_string())),
    }
}

impl CustomAuthority for AppAuthority {
    fn sign_in(&self, credentials: Value) -> AuthorityFuture<'_, Result<SignInOutcome, Error>> {
        let ask =
            self.ask(move |app, slot| app.sign_in(credentials.to_string(), Arc::new(SignInReply(slot))));
        Box::pin(async { signed_in(ask.await) })
    }

    fn continue_sign_in(
        &self,
        step: String,
        body: Value,
    ) -> AuthorityFuture<'_, Result<SignInOutcome, Error>> {
        let ask = self
            .ask(move |app, slot| app.continue_sign_in(step, body.to_string(), Arc::new(SignInReply(slot))));
        Box::pin(async { signed_in(ask.await) })
    }

    fn refresh(&self, refresh_token: Secret, attempt: AttemptId) -> AuthorityFuture<'_, RefreshOutcome> {
        Box::pin(async { self.refreshed(self.refreshing(refresh_token, attempt)).await })
    }

    fn revoke(&self, refresh_token: Secret, access_token: Option<Secret>) -> AuthorityFuture<'_, bool> {
        let ask = self.ask(move |app, slot| {
            let access = access_token.map(SecretText::new);
            app.revoke(SecretText::new(refresh_token), access, Arc::new(RevocationReply(slot)))
        });
        Box::pin(async { ask.await.ok().flatten().unwrap_or(false) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An app that does the same whatever it is asked.
    struct App(fn(&RefreshReply) -> Result<(), AppFailure>, fn(&SignInReply) -> Result<(), AppFailure>);

    impl AuthorityCallbacks for App {
        fn sign_in(&self, _: String, reply: Arc<SignInReply>) -> Result<(), AppFailure> {
            (self.1)(&reply)
        }

        fn continue_sign_in(&self, _: String, _: String, reply: Arc<SignInReply>) -> Result<(), AppFailure> {
            (self.1)(&reply)
        }

        fn refresh(&self, _: Arc<SecretText>, _: String, reply: Arc<RefreshReply>) -> Result<(), AppFailure> {
            (self.0)(&reply)
        }

        fn revoke(
            &self,
            _: Arc<SecretText>,
            _: Option<Arc<SecretText>>,
            _: Arc<RevocationReply>,
        ) -> Result<(), AppFailure> {
            panic!("a defect of the app")
        }
    }

    fn failure() -> AppFailure {
        AppFailure::Failed { reason: "thrown".to_owned() }
    }

    fn wait<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
        auth_session::runtime().expect("a runtime").block_on(future)
    }

    fn refreshed(answer: fn(&RefreshReply) -> Result<(), AppFailure>) -> RefreshOutcome {
        let app = AppAuthority::new(Arc::new(App(answer, |_| Ok(()))));
        let attempt = serde_json::from_str(r#""attempt""#).expect("an attempt id");
        wait(async move { app.refresh(Secret::new("refresh"), attempt).await })
    }

    fn sign_in(answer: fn(&SignInReply) -> Result<(), AppFailure>) -> Result<SignInOutcome, Error> {
        let app = AppAuthority::new(Arc::new(App(|_| Ok(()), answer)));
        wait(async move { app.sign_in(Value::Null).await })
    }

    #[test]
    fn a_refresh_without_an_answer_is_one_whose_answer_was_lost() {
        for answer in [|_: &RefreshReply| Ok(()), |_| Err(failure()), |_| panic!("a defect of the app")]
            as [fn(&RefreshReply) -> Result<(), AppFailure>; 3]
        {
            assert!(matches!(refreshed(answer), RefreshOutcome::Ambiguous));
        }
    }

    #[test]
    fn the_first_answer_to_a_refresh_counts_whatever_is_thrown_behind_it() {
        let outcome = refreshed(|reply| {
            reply.rejected(true);
            reply.rotated("access".into(), None, None);
            Ok(())
        });
        assert!(matches!(outcome, RefreshOutcome::Rejected { certain: true }));
    }

    /// Keeps every reply.
    struct Slow(Mutex<Vec<Arc<RefreshReply>>>);

    impl AuthorityCallbacks for Slow {
        fn sign_in(&self, _: String, _: Arc<SignInReply>) -> Result<(), AppFailure> {
            Ok(())
        }

        fn continue_sign_in(&self, _: String, _: String, _: Arc<SignInReply>) -> Result<(), AppFailure> {
            Ok(())
        }

        fn refresh(&self, _: Arc<SecretText>, _: String, reply: Arc<RefreshReply>) -> Result<(), AppFailure> {
            self.0.lock().expect("no panic").push(reply);
            Ok(())
        }

        fn revoke(
            &self,
            _: Arc<SecretText>,
            _: Option<Arc<SecretText>>,
            _: Arc<RevocationReply>,
        ) -> Result<(), AppFailure> {
            Ok(())
        }
    }

    #[test]
    fn an_app_is_asked_once_however_often_the_core_gives_up_and_its_late_answer_counts() {
        let slow = Arc::new(Slow(Mutex::default()));
        let app = Arc::new(AppAuthority::new(Arc::clone(&slow) as Arc<dyn AuthorityCallbacks>));
        let attempt = |name: &str| serde_json::from_value::<AttemptId>(name.into()).expect("an attempt id");
        let outcome = wait({
            let (app, slow, first) = (Arc::clone(&app), Arc::clone(&slow), attempt("first"));
            async move {
                for _ in 0..3 {
                    let given_up = app.refresh(Secret::new("refresh"), first.clone());
                    let patience = std::time::Duration::from_millis(50);
                    assert!(tokio::time::timeout(patience, given_up).await.is_err());
                }
                slow.0.lock().expect("no panic")[0].rotated("access".into(), None, None);
                app.refresh(Secret::new("refresh"), first).await
            }
        });
        assert!(matches!(outcome, RefreshOutcome::Rotated(_)));
        assert_eq!(slow.0.lock().expect("no panic").len(), 1);
        // Another token is another refresh.
        wait(async move {
            let next = app.refresh(Secret::new("refresh"), attempt("next"));
            assert!(tokio::time::timeout(std::time::Duration::from_millis(50), next).await.is_err());
        });
        assert_eq!(slow.0.lock().expect("no panic").len(), 2);
    }

    #[test]
    fn a_sign_in_without_an_answer_or_with_nonsense_is_an_error_of_the_app() {
        for answer in [
            |_: &SignInReply| Ok(()),
            |_| Err(failure()),
            |_| panic!("a defect of the app"),
            |reply| {
                reply.next_step(Some("no JSON".into()));
                Ok(())
            },
        ] as [fn(&SignInReply) -> Result<(), AppFailure>; 4]
        {
            assert_eq!(sign_in(answer).expect_err("no answer").code(), "internal");
        }
        let rejected = sign_in(|reply| {
            reply.rejected(403);
            Ok(())
        });
        assert_eq!(rejected.expect_err("a rejection").code(), "sign_in_rejected");
    }

    #[test]
    fn a_revocation_that_panics_is_not_confirmed() {
        let app = AppAuthority::new(Arc::new(App(|_| Ok(()), |_| Ok(()))));
        assert!(!wait(async move { app.revoke(Secret::new("refresh"), None).await }));
    }
}
