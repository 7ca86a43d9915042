//! What Rust must be told on Android before it can use the platform: the virtual machine and the app's context.
//!
//! A library that is loaded through JNA gets neither (nothing has called into it through JNI), so the app calls a
//! native method once, before it opens a session; that method calls [`initialize`].

use std::panic::catch_unwind;

use jni::errors::Error as JniError;
use jni::objects::{Global, JObject};
use jni::{Env, JavaVM, jni_sig, jni_str};
use once_cell::sync::OnceCell;

use crate::error::Error;

static PLATFORM: OnceCell<Platform> = OnceCell::new();

/// The process's virtual machine, and the app's context in it.
#[derive(Debug)]
pub(crate) struct Platform {
    pub(crate) vm: JavaVM,
    pub(crate) context: Global<JObject<'static>>,
}

impl Platform {
    /// # Errors
    /// [`Error::NotInitialized`].
    pub(crate) fn get() -> Result<&'static Self, Error> {
        PLATFORM.get().ok_or(Error::NotInitialized)
    }
}

/// Hands over the virtual machine and the app's context. Keeps the application context, never an activity, for
/// the life of the process, and passes it on to the certificate verifier and to `ndk-context`, where other crates look
/// for it. From any thread, any number of times: the first call that succeeds counts, and one that fails may be
/// repeated. No exception is pending when it returns.
///
/// `ndk-context` takes a context once, and nobody can ask whether it has one. If another crate of the same library
/// hands it one, as `android-activity` does, call [`initialize_beside_ndk_context`] instead: here theirs would be
/// replaced (its assertion is caught, where panics unwind).
///
/// # Errors
/// [`Error::InvalidRequest`] if the context is null; [`Error::Internal`], with the name of a class, if the context
/// or the verifier throws.
pub fn initialize(env: &mut Env<'_>, context: &JObject<'_>) -> Result<(), Error> {
    initialized(env, context, hand_to_ndk_context)
}

/// As [`initialize`], and leaves `ndk-context` to somebody else.
///
/// # Errors
/// Those of [`initialize`].
pub fn initialize_beside_ndk_context(env: &mut Env<'_>, context: &JObject<'_>) -> Result<(), Error> {
    initialized(env, context, |_| {})
}

fn initialized(
    env: &mut Env<'_>,
    context: &JObject<'_>,
    hand_on: impl FnOnce(&Platform),
) -> Result<(), Error> {
    if context.is_null() {
        return Err(Error::InvalidRequest("the context is null".into()));
    }
    let platform = || platform(env, context).inspect(hand_on);
    PLATFORM.get_or_try_init(platform).map(|_| ())
}

fn platform(env: &mut Env<'_>, context: &JObject<'_>) -> Result<Platform, Error> {
    let platform = env.with_local_frame(LOCALS, |env| {
        let of_the_app = env.call_method(
            context,
            jni_str!("getApplicationContext"),
            jni_sig!("()Landroid/content/Context;"),
            &[],
        );
        let kept = match of_the_app.and_then(|value| value.l()) {
            // Before `Application.onCreate`, in a content provider for example, there is no other than this one.
            Ok(of_the_app) if of_the_app.is_null() => env.new_global_ref(context),
            Ok(of_the_app) => env.new_global_ref(of_the_app),
            Err(error) => Err(error),
        };
        let kept = kept.and_then(|context| {
            prepare_verifier(env, &context)?;
            Ok(Platform { vm: env.get_java_vm()?, context })
        });
        // What was thrown is named in the error; the caller is not to find it pending.
        env.exception_catch().and(kept)
    });
    platform.map_err(|error| Error::Internal(describe(&error)))
}

/// More than the calls make.
const LOCALS: usize = 16;

/// Without this the first handshake panics.
#[cfg(target_os = "android")]
fn prepare_verifier(env: &mut Env<'_>, context: &JObject<'_>) -> Result<(), JniError> {
    let context = env.new_local_ref(context)?;
    rustls_platform_verifier::android::init_with_env(env, context)
}

/// Other platforms' verifiers need no context.
#[cfg(not(target_os = "android"))]
fn prepare_verifier(_env: &mut Env<'_>, _context: &JObject<'_>) -> Result<(), JniError> {
    Ok(())
}

/// Called once, under the lock of [`PLATFORM`].
fn hand_to_ndk_context(platform: &Platform) {
    let (vm, context) = (platform.vm.get_raw().cast(), platform.context.as_raw().cast());
    #[allow(unsafe_code)]
    // SAFETY: both pointers live as long as the process, since nothing drops the platform once it is kept.
    let handed_on = catch_unwind(|| unsafe { ndk_context::initialize_android_context(vm, context) });
    if handed_on.is_err() {
        tracing::warn!("another context was handed to ndk-context before; it is replaced");
    }
}

/// Without messages of exceptions: they are not ours.
fn describe(error: &JniError) -> String {
    match error {
        JniError::CaughtJavaException { name, .. } => format!("the Android context threw {name}"),
        JniError::MethodNotFound { name, .. } => format!("the Android context has no method {name}"),
        _ => "the Android context could not be kept".into(),
    }
}
