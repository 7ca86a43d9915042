//! What the Kotlin library calls once on Android, through JNI and not through UniFFI: a library that is loaded by JNA
//! learns neither the virtual machine nor the app's context.
//!
//! `JNI_OnLoad` is left to whoever else is in this library; UniFFI's own bindings for JNI are about to define it.

use jni::EnvUnowned;
use jni::errors::{Result, ThrowRuntimeExAndDefault};
use jni::jni_str;
use jni::objects::JObject;
use jni::strings::JNIString;

/// `external fun nativeInit(context: Context)` of `dev.authsession.NativeLibrary`: see
/// [`auth_session::android::initialize`]. Throws an `IllegalStateException`, with the code of the error first, where
/// that fails, and may be called again.
// Its name is how the virtual machine finds it.
#[allow(unsafe_code, non_snake_case)]
#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_authsession_NativeLibrary_nativeInit<'local>(
    mut env: EnvUnowned<'local>,
    _library: JObject<'local>,
    context: JObject<'local>,
) {
    let outcome = env.with_env(|env| -> Result<()> {
        if let Err(error) = auth_session::android::initialize(env, &context) {
            let text = JNIString::from(format!("{}: {error}", error.code()));
            // It is pending then, which is told as an error.
            let _ = env.throw_new(jni_str!("java/lang/IllegalStateException"), text);
        }
        Ok(())
    });
    // A panic becomes an exception as well.
    outcome.resolve::<ThrowRuntimeExAndDefault>();
}
