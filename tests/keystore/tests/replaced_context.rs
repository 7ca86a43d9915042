//! Somebody else in the process has handed a context to `ndk-context`, and the app does not say so. One test: it happens once in a process.

use auth_session::{KeystoreStore, android};
use keystore_tests::{context, vm, with_env};

#[test]
fn a_context_that_is_handed_over_twice_is_no_panic() {
    with_env(|env| {
        let theirs = context(env)?;
        let theirs = env.new_global_ref(theirs)?;
        #[allow(unsafe_code)]
        // SAFETY: the machine lives as long as the process, and so does a reference that is never given back.
        unsafe {
            ndk_context::initialize_android_context(vm().get_raw().cast(), theirs.as_raw().cast());
        }
        let ours = context(env)?;
        assert_eq!(android::initialize(env, &ours), Ok(()));
        assert_ne!(ndk_context::android_context().context(), theirs.as_raw().cast());
        std::mem::forget(theirs);
        Ok(())
    });
    assert!(KeystoreStore::new().is_ok());
}
