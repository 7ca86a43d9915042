//! Before the app has handed over its context, and how it does. One test: it happens once in a process.

use std::thread;

use auth_session::{Error, KeystoreStore, android};
use jni::objects::JObject;
use jni::{jni_sig, jni_str};
use keystore_tests::{context, tell, vm, with_env};

#[test]
fn the_context_is_handed_over_once_from_any_thread_and_before_that_every_store_says_what_is_missing() {
    assert_eq!(KeystoreStore::new().map(|_| ()), Err(Error::NotInitialized));
    assert_eq!(Error::NotInitialized.code(), "not_initialized");

    // A context that is none, and one that fails: it is said, nothing is left pending, and it can be repeated.
    with_env(|env| {
        let null = android::initialize(env, &JObject::null());
        assert!(matches!(null, Err(Error::InvalidRequest(_))));
        tell("fail getApplicationContext java.lang.IllegalStateException 1");
        let context = context(env)?;
        let failed = android::initialize(env, &context);
        let text = "the Android context threw java.lang.IllegalStateException";
        assert_eq!(failed, Err(Error::Internal(text.into())));
        assert!(!env.exception_check());
        Ok(())
    });
    assert_eq!(KeystoreStore::new().map(|_| ()), Err(Error::NotInitialized));

    let threads: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(|| {
                with_env(|env| {
                    let context = context(env)?;
                    assert_eq!(android::initialize(env, &context), Ok(()));
                    Ok(())
                });
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert!(KeystoreStore::new().is_ok());

    // What others find in `ndk-context` is the machine, and the application's context, not an activity.
    let handed_on = ndk_context::android_context();
    assert_eq!(handed_on.vm(), vm().get_raw().cast());
    with_env(|env| {
        let context = handed_on.context().cast();
        #[allow(unsafe_code)]
        // SAFETY: the library keeps the reference for the life of the process.
        let kept = unsafe { env.as_cast_raw::<JObject>(&context) }?;
        let above = env.call_method(
            &*kept,
            jni_str!("getApplicationContext"),
            jni_sig!("()Landroid/content/Context;"),
            &[],
        )?;
        assert!(above.l()?.is_null(), "it is the application's");
        Ok(())
    });
}
