//! Somebody else in the process hands a context to `ndk-context`. One test: it happens once in a process.

use auth_session::{KeystoreStore, android};
use keystore_tests::{context, vm, with_env};

#[test]
fn a_context_that_somebody_else_has_handed_over_is_left_as_it_is() {
    with_env(|env| {
        let theirs = context(env)?;
        let theirs = env.new_global_ref(theirs)?;
        #[allow(unsafe_code)]
        // SAFETY: the machine lives as long as the process, and so does a reference that is never given back.
        unsafe {
            ndk_context::initialize_android_context(vm().get_raw().cast(), theirs.as_raw().cast());
        }
        let ours = context(env)?;
        assert_eq!(android::initialize_beside_ndk_context(env, &ours), Ok(()));
        // The first call counts.
        assert_eq!(android::initialize(env, &ours), Ok(()));
        assert_eq!(ndk_context::android_context().context(), theirs.as_raw().cast());
        std::mem::forget(theirs);
        Ok(())
    });
    assert!(KeystoreStore::new().is_ok());
}
