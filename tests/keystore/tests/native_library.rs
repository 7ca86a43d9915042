//! The library that apps ship, as the virtual machine loads it and calls it. It has statics of its own.

use jni::jni_sig;
use jni::jni_str;
use jni::objects::{JObject, JString};
use keystore_tests::{context, tell, with_env};

/// `scripts/test-keystore.sh` builds it beside the tests.
fn library() -> String {
    let mut path = std::env::current_exe().expect("this test");
    path.pop();
    path.pop();
    path.push("libauth_session_ffi.so");
    path.to_str().expect("a path in Unicode").to_owned()
}

fn initialize(with_context: bool) -> String {
    with_env(|env| {
        let context = if with_context { context(env)? } else { JObject::null() };
        let path = env.new_string(library())?;
        let thrown = env.call_static_method(
            jni_str!("dev/authsession/NativeLibrary"),
            jni_str!("initialize"),
            jni_sig!("(Ljava/lang/String;Landroid/content/Context;)Ljava/lang/String;"),
            &[(&path).into(), (&context).into()],
        )?;
        env.cast_local::<JString>(thrown.l()?)?.try_to_string(env)
    })
}

#[test]
fn the_exported_method_takes_the_context_and_throws_where_it_cannot_until_it_has_one() {
    assert_eq!(initialize(false), "invalid_request: invalid request: the context is null");
    tell("fail getApplicationContext java.lang.Error 1");
    let failed = initialize(true);
    assert_eq!(failed, "internal: internal error: the Android context threw java.lang.Error");
    assert_eq!(initialize(true), "");
    tell("fail getApplicationContext java.lang.Error 1");
    assert_eq!(initialize(true), "", "the first counts");
}
