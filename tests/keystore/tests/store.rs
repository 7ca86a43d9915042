//! What the store says and does, whatever the Keystore does.

use std::fs;
use std::thread;
use std::time::Duration;

use auth_session::{Expected, Generation, KeystoreStore, Load, SecretStore, StoreError};
use keystore_tests::{Scene, count, in_the_clear, record, slot, tell, tombstone, vm};

const INVALIDATED: &str = "android.security.keystore.KeyPermanentlyInvalidatedException";
const NOT_AUTHENTICATED: &str = "android.security.keystore.UserNotAuthenticatedException";
const UNRECOVERABLE: &str = "java.security.UnrecoverableKeyException";
/// Longer than the store tries.
const ALWAYS: u32 = 1000;

fn fail(operation: &str, classes: &str, times: u32) {
    tell(&format!("fail {operation} {classes} {times}"));
}

fn save(store: &KeystoreStore, token: &str) -> Generation {
    store.save(&slot("main"), &record(token), Expected::Any).expect("the Keystore works")
}

/// What is in the slot; anything but a session is a defect.
fn found(store: &KeystoreStore) -> Generation {
    match store.load(&slot("main")) {
        Load::Found(_, generation) => generation,
        other => panic!("{other:?}"),
    }
}

/// Loads, and checks that nothing was changed by it.
fn load_that_changes_nothing(scene: &Scene, store: &KeystoreStore) -> Load {
    let (file, aliases) = (fs::read(scene.file("session")).expect("a file"), tell("aliases"));
    let loaded = store.load(&slot("main"));
    assert_eq!(fs::read(scene.file("session")).expect("a file"), file);
    assert_eq!((tell("aliases"), count("deleteEntry")), (aliases, 0));
    loaded
}

fn transient(load: &Load) -> String {
    match load {
        Load::Transient(cause) => cause.clone(),
        other => panic!("{other:?}"),
    }
}

mod round_trips {
    use super::*;

    #[test]
    fn a_session_is_kept_sealed_and_found_by_another_store_on_the_same_directory() {
        let scene = Scene::new();
        assert_eq!(scene.store().load(&slot("main")), Load::Absent);
        let kept = record("a-refresh-token");
        let generation = scene.store().save(&slot("main"), &kept, Expected::Any).expect("saved");
        assert_eq!(scene.store().load(&slot("main")), Load::Found(kept, generation));
        let bytes = fs::read(scene.file("session")).expect("a file");
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("authsession-sealed 1 1 1 "), "{text}");
        assert!(!text.contains("a-refresh-token") && !text.contains("refresh"), "{text}");
    }

    #[test]
    fn the_key_is_for_aes_256_gcm_alone_chooses_the_nonces_and_is_used_again() {
        let scene = Scene::new();
        save(&scene.store(), "1");
        let first = fs::read(scene.file("session")).expect("a file");
        save(&scene.store(), "1");
        assert_ne!(fs::read(scene.file("session")).expect("a file"), first);
        let alias = tell("aliases");
        assert!(alias.starts_with("auth-session.") && alias.ends_with(".v1"), "{alias}");
        assert_eq!(
            tell(&format!("describe {alias}")),
            "purposes 3, 256 bits, [GCM], [NoPadding], randomized true, StrongBox false, unlocked device false, \
             user false -1 0"
        );
        assert_eq!(count("generateKey"), 1);
    }

    #[test]
    fn on_every_level_from_24_to_36_every_option_works_as_far_as_the_level_has_it() {
        for level in 24..=36 {
            let scene = Scene::new();
            tell(&format!("level {level}"));
            tell("strongbox there");
            let store = scene.store().strong_box().unlocked_device_required();
            let store = store.user_authentication(Duration::from_secs(30));
            save(&store, "1");
            found(&store);
            let key = tell(&format!("describe {}", tell("aliases")));
            let user = if level >= 30 { "user true 30 3" } else { "user true 30 0" };
            let newer = level >= 28;
            let expected = format!("StrongBox {newer}, unlocked device {newer}, {user}");
            assert!(key.ends_with(&expected), "level {level}: {key}");
        }
    }

    #[test]
    fn on_every_level_from_24_to_36_failures_are_told_apart() {
        for level in 24..=36 {
            let scene = Scene::new();
            tell(&format!("level {level}"));
            let store = scene.store().unlocked_device_required();
            save(&store, "1");
            fail("init", "java.security.InvalidKeyException>android.security.KeyStoreException", ALWAYS);
            let cause = transient(&store.load(&slot("main")));
            let named = "java.security.InvalidKeyException caused by android.security.KeyStoreException";
            assert_eq!(cause, named, "level {level}");
            fail("init", INVALIDATED, 1);
            assert_eq!(store.load(&slot("main")), Load::Unrecoverable, "level {level}");
            found(&store);
        }
    }

    #[test]
    fn thirty_two_threads_on_accounts_of_their_own_and_on_one_find_what_was_saved_and_none_stays_attached() {
        let scene = Scene::new();
        let store = scene.store();
        let before = vm().threads_attached();
        let threads: Vec<_> = (0..32)
            .map(|number| {
                let (store, own) = (store.clone(), slot(&format!("account {number}")));
                let (kept, shared) = (record(&format!("token {number}")), slot("main"));
                thread::spawn(move || {
                    for turn in 0..40 {
                        let generation = store.save(&own, &kept, Expected::Any).expect("saved");
                        assert_eq!(store.load(&own), Load::Found(kept.clone(), generation));
                        if turn % 8 != 0 {
                            continue;
                        }
                        // The others write there too, so some give up; what is found is whole.
                        match store.save(&shared, &kept, Expected::Any) {
                            Ok(_) | Err(StoreError::Transient(_)) => {}
                            Err(error) => panic!("{error:?}"),
                        }
                        assert!(matches!(store.load(&shared), Load::Found(..) | Load::Absent));
                    }
                    assert!(!vm().is_thread_attached().expect("the machine runs"));
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        assert_eq!(vm().threads_attached(), before);
        // One for each account.
        assert_eq!(count("generateKey"), 33);
        assert_eq!(count("badTag"), 0);
    }

    #[test]
    fn many_operations_on_one_attached_thread_do_not_pile_up_references() {
        // `-Xcheck:jni` warns of them, and the tier fails on a warning.
        let scene = Scene::new();
        let store = scene.store();
        keystore_tests::with_env(|_| {
            for _ in 0..200 {
                save(&store, "1");
                found(&store);
            }
            fail(
                "doFinal",
                "java.lang.RuntimeException>java.lang.Error>dev.authsession.fake.FakeKeystore$Hostile",
                2,
            );
            found(&store);
            Ok(())
        });
    }

    #[test]
    fn the_default_directory_is_in_the_one_that_is_not_backed_up() {
        let scene = Scene::new();
        tell(&format!("directory {}", scene.folder.path().display()));
        let store = KeystoreStore::new().expect("it is initialised");
        save(&store, "1");
        found(&store);
        assert!(scene.folder.path().join("auth-session").is_dir());
        assert_eq!(
            store.identity(),
            KeystoreStore::new().expect("it is initialised").strong_box().identity()
        );
        assert_ne!(store.identity(), scene.store().identity());
    }
}

mod the_contract {
    use super::*;

    #[test]
    fn a_save_counts_only_on_the_generation_that_it_expects() {
        let scene = Scene::new();
        let store = scene.store();
        let first = save(&store, "1");
        let second =
            store.save(&slot("main"), &record("2"), Expected::Generation(first)).expect("as expected");
        let late = store.save(&slot("main"), &record("late"), Expected::Generation(first));
        assert_eq!(late, Err(StoreError::Conflict));
        assert_eq!(found(&store), second);
    }

    #[test]
    fn after_a_tombstone_a_late_save_brings_nothing_back_and_the_next_sign_in_does() {
        let scene = Scene::new();
        let store = scene.store();
        let first = save(&store, "1");
        let second = store.erase(&slot("main"), &tombstone(), Expected::Any).expect("erased");
        let late = store.save(&slot("main"), &record("late"), Expected::Generation(first));
        assert_eq!(late, Err(StoreError::Conflict));
        assert_eq!(store.load(&slot("main")), Load::Tombstone(tombstone(), second));
        assert!(
            !String::from_utf8_lossy(&fs::read(scene.file("session")).expect("a file")).contains("sealed")
        );
        save(&store, "next");
        found(&store);
    }

    #[test]
    fn a_sign_out_needs_neither_the_key_nor_the_keystore() {
        let scene = Scene::new();
        let store = scene.store();
        save(&store, "1");
        tell("lose");
        for operation in ["load", "getKey", "init", "doFinal"] {
            fail(operation, "java.lang.IllegalStateException", ALWAYS);
        }
        let calls = count("load");
        let generation = store.erase(&slot("main"), &tombstone(), Expected::Any).expect("erased");
        assert_eq!(store.load(&slot("main")), Load::Tombstone(tombstone(), generation));
        assert_eq!(count("load"), calls, "the Keystore was not asked");
        let left = fs::read_to_string(scene.file("session")).expect("a file");
        assert!(left.starts_with("authsession-record 1 ended "), "{left}");
        assert!(left.ends_with("\n{\"reason\":\"user\"}"), "{left}");
    }

    #[test]
    fn a_tombstone_that_is_written_while_the_keystore_works_on_a_save_wins() {
        let scene = Scene::new();
        let store = scene.store();
        let first = save(&store, "1");
        tell("hold doFinal");
        let saving = {
            let store = store.clone();
            thread::spawn(move || store.save(&slot("main"), &record("late"), Expected::Generation(first)))
        };
        tell("await");
        // It does not wait for the Keystore either.
        let second = store.erase(&slot("main"), &tombstone(), Expected::Any).expect("erased");
        tell("release");
        assert_eq!(saving.join().expect("no panic"), Err(StoreError::Conflict));
        assert_eq!(store.load(&slot("main")), Load::Tombstone(tombstone(), second));
    }

    #[test]
    fn a_sign_in_that_is_overtaken_in_the_keystore_is_sealed_again_and_counts() {
        let scene = Scene::new();
        let store = scene.store();
        save(&store, "1");
        tell("hold doFinal");
        let saving = {
            let store = store.clone();
            thread::spawn(move || store.save(&slot("main"), &record("2"), Expected::Any))
        };
        tell("await");
        let second = store.erase(&slot("main"), &tombstone(), Expected::Any).expect("erased");
        tell("release");
        let third = saving.join().expect("no panic").expect("saved");
        assert!(third > second);
        assert_eq!(found(&store), third);
    }

    #[test]
    fn a_key_is_made_by_one_at_a_time_since_making_it_again_would_lose_what_it_has_sealed() {
        let scene = Scene::new();
        let store = scene.store();
        tell("hold generateKey");
        let first = {
            let store = store.clone();
            thread::spawn(move || store.save(&slot("main"), &record("1"), Expected::Any))
        };
        tell("await");
        let second = store.save(&slot("main"), &record("2"), Expected::Any);
        assert!(matches!(second, Err(StoreError::Transient(_))), "{second:?}");
        assert_eq!(count("generateKey"), 1);
        tell("release");
        first.join().expect("no panic").expect("saved");
        save(&store, "2");
        found(&store);
        assert_eq!(count("generateKey"), 1);
    }

    #[test]
    fn accounts_have_keys_of_their_own() {
        let scene = Scene::new();
        let store = scene.store();
        let kept = record("1");
        let generation = store.save(&slot("one"), &kept, Expected::Any).expect("saved");
        store.save(&slot("two"), &record("2"), Expected::Any).expect("saved");
        assert_eq!(store.load(&slot("one")), Load::Found(kept, generation));
        assert_eq!(store.load(&slot("three")), Load::Absent);
        assert_eq!(count("generateKey"), 2);
    }

    #[test]
    fn a_lease_is_had_by_one_at_a_time() {
        let scene = Scene::new();
        let store = scene.store();
        let lease = store.lease(&slot("main"), Duration::ZERO).expect("nobody has it");
        assert!(lease.is_shared());
        assert!(store.lease(&slot("main"), Duration::ZERO).is_err());
        save(&store, "whoever has the lease can write");
        drop(lease);
        store.lease(&slot("main"), Duration::ZERO).expect("it was given back");
    }
}

mod the_error_map {
    use super::*;

    #[test]
    fn a_permanently_invalidated_key_is_proof_and_the_next_save_makes_another() {
        let scene = Scene::new();
        let store = scene.store();
        let first = save(&store, "1");
        tell("invalidate");
        assert_eq!(load_that_changes_nothing(&scene, &store), Load::Unrecoverable);
        assert_eq!(load_that_changes_nothing(&scene, &store), Load::Unrecoverable);
        let kept = record("2");
        let second = store.save(&slot("main"), &kept, Expected::Generation(first)).expect("under a new key");
        assert_eq!(store.load(&slot("main")), Load::Found(kept, second));
        assert!(tell("aliases").ends_with(".v2"), "the old one is gone: {}", tell("aliases"));
    }

    #[test]
    fn an_exception_s_causes_are_walked() {
        let scene = Scene::new();
        let store = scene.store();
        save(&store, "1");
        let wrapped =
            |cause: &str| format!("java.security.ProviderException>java.lang.RuntimeException>{cause}");
        fail("init", &wrapped(INVALIDATED), 1);
        assert_eq!(load_that_changes_nothing(&scene, &store), Load::Unrecoverable);
        fail("init", &wrapped(NOT_AUTHENTICATED), 1);
        assert_eq!(load_that_changes_nothing(&scene, &store), Load::Locked);
        fail("doFinal", &wrapped("javax.crypto.AEADBadTagException"), 1);
        assert!(matches!(load_that_changes_nothing(&scene, &store), Load::Corrupt(_)));
        found(&store);
    }

    #[test]
    fn a_key_that_is_not_there_is_no_proof_within_one_process_and_a_save_makes_another() {
        let scene = Scene::new();
        let store = scene.store();
        let first = save(&store, "1");
        tell("lose");
        for _ in 0..3 {
            let cause = transient(&load_that_changes_nothing(&scene, &store));
            assert!(cause.contains("not in the Keystore"), "{cause}");
        }
        assert_eq!(tell("aliases"), "", "reading makes no key");
        let kept = record("2");
        let second = store.save(&slot("main"), &kept, Expected::Generation(first)).expect("under a new key");
        assert_eq!(store.load(&slot("main")), Load::Found(kept, second));
        assert!(tell("aliases").ends_with(".v2"), "what was sealed by the first must not meet another key");
    }

    #[test]
    fn a_key_that_another_process_missed_too_is_proof_until_it_is_found_again() {
        let scene = Scene::new();
        let store = scene.store();
        save(&store, "1");
        let note = scene.file("session").with_extension("missing");
        let by_another_process = format!("1 {}", "0".repeat(32));
        fs::write(&note, &by_another_process).expect("a file");
        found(&store);
        assert!(!note.exists(), "it is there after all");
        fs::write(&note, &by_another_process).expect("a file");
        tell("lose");
        assert_eq!(load_that_changes_nothing(&scene, &store), Load::Unrecoverable);
        // Of another key, it says nothing about this one.
        fs::write(&note, format!("2 {}", "0".repeat(32))).expect("a file");
        transient(&load_that_changes_nothing(&scene, &store));
    }

    #[test]
    fn a_user_who_must_authenticate_first_means_locked_in_both_directions() {
        let scene = Scene::new();
        let store = scene.store().user_authentication(Duration::from_secs(30));
        let generation = save(&store, "1");
        tell("user away");
        assert_eq!(load_that_changes_nothing(&scene, &store), Load::Locked);
        let saved = store.save(&slot("main"), &record("2"), Expected::Generation(generation));
        assert_eq!(saved, Err(StoreError::Locked));
        assert_eq!(count("generateKey"), 1);
        tell("user present");
        assert_eq!(found(&store), generation);
    }

    #[test]
    fn a_locked_device_means_locked_on_every_level_that_has_such_keys() {
        for level in 28..=36 {
            let scene = Scene::new();
            tell(&format!("level {level}"));
            let store = scene.store().unlocked_device_required();
            let generation = save(&store, "1");
            tell("device locked");
            assert_eq!(load_that_changes_nothing(&scene, &store), Load::Locked, "level {level}");
            let saved = store.save(&slot("main"), &record("2"), Expected::Generation(generation));
            assert_eq!(saved, Err(StoreError::Locked), "level {level}");
            tell("device unlocked");
            assert_eq!(found(&store), generation, "level {level}");
        }
    }

    #[test]
    fn a_locked_device_explains_no_failure_of_a_key_that_works_while_it_is() {
        let scene = Scene::new();
        let store = scene.store();
        save(&store, "1");
        tell("device locked");
        found(&store);
        fail("init", "java.security.ProviderException", ALWAYS);
        transient(&load_that_changes_nothing(&scene, &store));
    }

    #[test]
    fn a_bad_tag_is_damage_and_what_is_there_is_kept() {
        let scene = Scene::new();
        let store = scene.store();
        save(&store, "1");
        // As after a restore of the files without the key, and a key of the same name.
        tell("swap");
        let damaged = load_that_changes_nothing(&scene, &store);
        assert_eq!(damaged, Load::Corrupt("the key does not fit (AEADBadTagException)".into()));
        assert_eq!(count("badTag"), 1, "it will not get better");
        save(&store, "2");
        found(&store);
    }

    #[test]
    fn an_unrecoverable_key_exception_is_no_proof_whatever_caused_it() {
        for chain in [UNRECOVERABLE.into(), format!("{UNRECOVERABLE}>android.security.KeyStoreException")] {
            let scene = Scene::new();
            let store = scene.store();
            save(&store, "1");
            fail("getKey", &chain, ALWAYS);
            let cause = transient(&load_that_changes_nothing(&scene, &store));
            assert!(cause.starts_with(UNRECOVERABLE), "{cause}");
            fail("getKey", &chain, 0);
            found(&store);
        }
    }

    #[test]
    fn a_key_that_cannot_be_loaded_any_more_does_not_keep_the_next_sign_in_from_being_saved() {
        let scene = Scene::new();
        let store = scene.store();
        save(&store, "1");
        // Since Android 12 an invalidated key looks like this; the key of another name is not affected.
        fail("getKey", UNRECOVERABLE, 3);
        let second = save(&store, "2");
        assert_eq!(found(&store), second);
        assert!(tell("aliases").ends_with(".v2"));
    }

    #[test]
    fn what_fails_a_few_times_is_tried_again_and_what_fails_for_ever_is_transient_and_named() {
        for (operation, times) in [("load", 2), ("getKey", 2), ("init", 2), ("updateAAD", 2), ("doFinal", 2)]
        {
            let scene = Scene::new();
            let store = scene.store();
            save(&store, "1");
            fail(operation, "java.security.ProviderException", times);
            found(&store);
            fail(operation, "java.security.ProviderException", times);
            let generation = save(&store, "2");
            fail(operation, "java.security.ProviderException>android.security.KeyStoreException", ALWAYS);
            let before = count(operation);
            let cause = transient(&load_that_changes_nothing(&scene, &store));
            assert_eq!(cause, "java.security.ProviderException caused by android.security.KeyStoreException");
            assert_eq!(count(operation) - before, 3, "{operation}: a bounded number of times");
            let saved = store.save(&slot("main"), &record("3"), Expected::Any);
            assert!(matches!(saved, Err(StoreError::Transient(_))), "{operation}: {saved:?}");
            fail(operation, "java.lang.Error", 0);
            assert_eq!(found(&store), generation, "{operation}");
        }
    }

    #[test]
    fn an_exception_that_is_in_no_documentation_is_transient_and_never_shows_its_message() {
        let classes = [
            "java.lang.RuntimeException",
            "java.lang.Error",
            "java.lang.OutOfMemoryError",
            "java.lang.StackOverflowError",
            "java.lang.Throwable",
            "java.lang.NoSuchMethodError",
            "dev.authsession.fake.FakeKeystore$Hostile",
            "java.lang.RuntimeException>*",
        ];
        let scene = Scene::new();
        let store = scene.store();
        let generation = save(&store, "1");
        for class in classes {
            for operation in ["load", "getKey", "init", "updateAAD", "doFinal"] {
                fail(operation, class, ALWAYS);
                let cause = transient(&load_that_changes_nothing(&scene, &store));
                assert!(!cause.contains("message"), "{cause}");
                assert!(cause.starts_with(class.split('>').next().expect("a name")), "{operation}: {cause}");
                let saved = store.save(&slot("main"), &record("2"), Expected::Generation(generation));
                assert!(matches!(saved, Err(StoreError::Transient(_))), "{operation}, {class}: {saved:?}");
                fail(operation, class, 0);
            }
        }
        assert_eq!(found(&store), generation);
    }

    #[test]
    fn a_key_that_cannot_be_made_is_transient_and_nothing_is_written() {
        let scene = Scene::new();
        let store = scene.store();
        for operation in ["initGenerator", "generateKey"] {
            fail(operation, "java.security.ProviderException", ALWAYS);
            let saved = store.save(&slot("main"), &record("1"), Expected::Any);
            assert_eq!(saved, Err(StoreError::Transient("java.security.ProviderException".into())));
            assert_eq!(store.load(&slot("main")), Load::Absent);
            fail(operation, "java.lang.Error", 0);
        }
        // It was made, and then it failed: the next save uses it.
        let before = count("generateKey");
        fail("generatedKey", "java.security.ProviderException", 1);
        save(&store, "1");
        assert_eq!(count("generateKey"), before + 1);
    }

    #[test]
    fn without_a_strong_box_the_key_is_made_elsewhere_and_with_one_it_is_made_there() {
        for (there, expected) in [("there", "StrongBox true"), ("missing", "StrongBox false")] {
            let scene = Scene::new();
            tell(&format!("strongbox {there}"));
            let store = scene.store().strong_box();
            save(&store, "1");
            found(&store);
            let key = tell(&format!("describe {}", tell("aliases")));
            assert!(key.contains(expected), "{key}");
        }
        // As wrapped by a vendor.
        let scene = Scene::new();
        let unavailable = "android.security.keystore.StrongBoxUnavailableException";
        fail("generateKey", &format!("java.security.ProviderException>{unavailable}"), 1);
        save(&scene.store().strong_box(), "1");
    }

    #[test]
    fn no_exception_is_left_pending_for_whoever_calls_next() {
        let scene = Scene::new();
        let store = scene.store();
        save(&store, "1");
        keystore_tests::with_env(|env| {
            for class in [INVALIDATED, NOT_AUTHENTICATED, "java.lang.Error"] {
                fail("init", class, ALWAYS);
                store.load(&slot("main"));
                assert!(!env.exception_check());
                let _ = store.save(&slot("main"), &record("2"), Expected::Any);
                assert!(!env.exception_check());
                fail("init", class, 0);
            }
            Ok(())
        });
    }
}

mod bad_input {
    use super::*;

    #[test]
    fn a_file_that_is_cut_off_or_has_a_bit_flipped_is_corrupt_and_kept_and_the_keystore_is_not_asked() {
        let scene = Scene::new();
        let store = scene.store();
        let generation = save(&store, "1");
        let path = scene.file("session");
        let whole = fs::read(&path).expect("a file");
        let asked = count("getKey");
        let damaged = (0..whole.len()).step_by(7).flat_map(|position| {
            let mut flipped = whole.clone();
            flipped[position] ^= 1 << (position % 8);
            [whole[..position].to_vec(), flipped]
        });
        for bytes in damaged {
            fs::write(&path, &bytes).expect("a file");
            assert!(matches!(load_that_changes_nothing(&scene, &store), Load::Corrupt(_)));
        }
        assert_eq!(count("getKey"), asked);
        // What nobody can read is as good as what was expected: memory is saved again.
        let kept = record("2");
        let next = store.save(&slot("main"), &kept, Expected::Generation(generation)).expect("saved");
        assert_eq!(store.load(&slot("main")), Load::Found(kept, next));
    }

    #[test]
    fn what_a_later_version_wrote_is_kept_by_a_save_and_replaced_by_a_sign_out() {
        for later in ["authsession-sealed 2 x\n", "authsession-record 2 live 9 00\n{}"] {
            let scene = Scene::new();
            let store = scene.store();
            save(&store, "1");
            fs::write(scene.file("session"), later).expect("a later version");
            assert_eq!(load_that_changes_nothing(&scene, &store), Load::UnknownVersion);
            let saved = store.save(&slot("main"), &record("2"), Expected::Any);
            assert!(matches!(saved, Err(StoreError::Transient(_))));
            assert_eq!(load_that_changes_nothing(&scene, &store), Load::UnknownVersion);
            store.erase(&slot("main"), &tombstone(), Expected::Any).expect("the user signs out");
            assert!(matches!(store.load(&slot("main")), Load::Tombstone(..)));
        }
    }

    #[test]
    fn another_account_s_ciphertext_is_refused_by_the_key_even_if_the_key_were_the_same() {
        let scene = Scene::new();
        let store = scene.store();
        save(&store, "1");
        let associated = |slot: &auth_session::Slot| {
            let mut data = b"authsession-sealed 1\n".to_vec();
            for name in [&slot.namespace, &slot.account] {
                data.extend_from_slice(&(name.len() as u64).to_be_bytes());
                data.extend_from_slice(name.as_bytes());
            }
            data.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        assert_eq!(tell("seen associatedData"), associated(&slot("main")));
        let path = scene.file("session");
        let theirs = fs::read(&path).expect("a file");
        let other = slot("other");
        store.save(&other, &record("2"), Expected::Any).expect("saved");
        assert_eq!(tell("seen associatedData"), associated(&other));
        let files = fs::read_dir(scene.directory())
            .expect("the directory")
            .map(|entry| entry.expect("an entry").path());
        let ours = files
            .into_iter()
            .find(|file| file.extension().is_some_and(|found| found == "session") && *file != path)
            .expect("the other's file");
        fs::write(&ours, theirs).expect("a file");
        assert!(matches!(store.load(&other), Load::Corrupt(_)));
        assert_eq!(count("badTag"), 1);
    }

    #[test]
    fn a_session_in_the_clear_is_none_of_ours() {
        let scene = Scene::new();
        let store = scene.store();
        let generation = save(&store, "1");
        let clear = in_the_clear(&record("2"), &slot("main"), generation);
        fs::write(scene.file("session"), clear).expect("a file");
        assert!(matches!(load_that_changes_nothing(&scene, &store), Load::Corrupt(_)));
    }

    #[test]
    fn a_generation_that_was_changed_along_with_its_checksum_is_damage() {
        let scene = Scene::new();
        let store = scene.store();
        save(&store, "1");
        let file = fs::read(scene.file("session")).expect("a file");
        let newline = file.iter().position(|byte| *byte == b'\n').expect("a header");
        let (header, ciphertext) = (String::from_utf8_lossy(&file[..newline]), &file[newline + 1..]);
        let (covered, _) = header.rsplit_once(' ').expect("a checksum");
        let covered = covered.replace("authsession-sealed 1 1 ", "authsession-sealed 1 9 ");
        let mut forged = format!("{covered} {}\n", checksum(&covered, ciphertext)).into_bytes();
        forged.extend_from_slice(ciphertext);
        fs::write(scene.file("session"), forged).expect("a file");
        assert_eq!(load_that_changes_nothing(&scene, &store), Load::Corrupt("damaged".into()));
    }

    fn checksum(header: &str, ciphertext: &[u8]) -> String {
        let bytes = [header.as_bytes(), b"\n", ciphertext].concat();
        let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn more_than_a_megabyte_is_corrupt_and_is_not_read_whole() {
        let scene = Scene::new();
        let store = scene.store();
        save(&store, "1");
        let mut bytes = fs::read(scene.file("session")).expect("a file");
        bytes.resize(64 << 20, b'x');
        fs::write(scene.file("session"), bytes).expect("a file");
        assert!(matches!(store.load(&slot("main")), Load::Corrupt(_)));
        let long = record(&"x".repeat(1 << 20));
        let saved = store.save(&slot("main"), &long, Expected::Any);
        assert!(matches!(saved, Err(StoreError::Transient(_))), "it could not be read again");
    }

    #[test]
    fn before_the_first_unlock_there_is_no_directory_and_that_means_locked_and_never_absent() {
        let scene = Scene::new();
        let missing = scene.folder.path().join("not-there-yet");
        let store = KeystoreStore::new().expect("it is initialised").directory(missing.join("sessions"));
        assert_eq!(store.load(&slot("main")), Load::Locked);
        assert_eq!(store.save(&slot("main"), &record("1"), Expected::Any), Err(StoreError::Locked));
        assert_eq!(store.erase(&slot("main"), &tombstone(), Expected::Any), Err(StoreError::Locked));
        assert!(store.lease(&slot("main"), Duration::ZERO).is_err());
        assert!(!missing.exists(), "it is the system's to make");
        fs::create_dir(&missing).expect("the device is unlocked");
        assert_eq!(store.load(&slot("main")), Load::Absent);

        let store = KeystoreStore::new().expect("it is initialised");
        assert_eq!(store.load(&slot("main")), Load::Locked, "the context names none");
        tell(&format!("directory {}", missing.join("no_backup").display()));
        assert_eq!(store.load(&slot("main")), Load::Locked);
        fail("getNoBackupFilesDir", "java.lang.RuntimeException", ALWAYS);
        assert_eq!(transient(&store.load(&slot("main"))), "java.lang.RuntimeException");
    }

    #[test]
    fn a_directory_that_is_a_link_is_not_used() {
        let scene = Scene::new();
        let store = scene.store();
        let elsewhere = scene.folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).expect("a directory");
        for target in [elsewhere.clone(), scene.folder.path().join("nowhere")] {
            std::os::unix::fs::symlink(&target, scene.directory()).expect("a link");
            let cause = transient(&store.load(&slot("main")));
            assert_eq!(cause, "the directory is a symbolic link");
            assert!(store.save(&slot("main"), &record("1"), Expected::Any).is_err());
            assert!(store.erase(&slot("main"), &tombstone(), Expected::Any).is_err());
            fs::remove_file(scene.directory()).expect("the link");
        }
        assert_eq!(fs::read_dir(&elsewhere).expect("a directory").count(), 0);
    }

    #[test]
    fn a_directory_that_cannot_be_written_to_is_transient_and_what_is_there_stays_readable() {
        let scene = Scene::new();
        // Nobody can write there, not even a user to whom permissions mean nothing.
        let store = KeystoreStore::new().expect("it is initialised").directory("/proc/auth-session");
        assert_eq!(store.load(&slot("main")), Load::Absent);
        let saved = store.save(&slot("main"), &record("1"), Expected::Any);
        assert!(matches!(saved, Err(StoreError::Transient(_))), "{saved:?}");
        let erased = store.erase(&slot("main"), &tombstone(), Expected::Any);
        assert!(matches!(erased, Err(StoreError::Transient(_))), "{erased:?}");

        let store = scene.store();
        let generation = save(&store, "1");
        // The new content cannot be put there.
        let new = scene.file("session").with_extension("new");
        fs::create_dir(&new).expect("a directory in its place");
        let saved = store.save(&slot("main"), &record("2"), Expected::Any);
        assert!(matches!(saved, Err(StoreError::Transient(_))), "{saved:?}");
        assert_eq!(found(&store), generation);
    }

    #[test]
    fn a_file_in_the_directory_s_place_is_transient() {
        let scene = Scene::new();
        fs::write(scene.directory(), "").expect("a file");
        let store = scene.store();
        transient(&store.load(&slot("main")));
        assert!(matches!(
            store.save(&slot("main"), &record("1"), Expected::Any),
            Err(StoreError::Transient(_))
        ));
    }
}
