//! The calls into Java. Each attaches the thread for its own time only, in a frame of its own, and leaves no exception
//! behind.
//!
//! Methods are looked up as they are called, not in advance: one that is newer than the device must not be looked for
//! there (`KeyGenParameterSpec.Builder` has grown with most versions of Android). The lookups cost nothing beside the
//! calls, which go to another process.

use jni::errors::{Error as JniError, Result as JniResult};
use jni::objects::{JByteArray, JObject, JObjectArray, JString, JThrowable};
use jni::strings::JNIStr;
use jni::{Env, jni_sig, jni_str};
use zeroize::Zeroizing;

use super::failure::{Failure, classify};
use super::{Options, UserAuthentication};
use crate::android::Platform;

/// More than a call makes; there are no loops in them but that over causes.
const LOCALS: usize = 64;
/// A chain of causes may be a circle.
const MOST_CAUSES: usize = 8;

const PROVIDER: &str = "AndroidKeyStore";
const TRANSFORMATION: &str = "AES/GCM/NoPadding";
const KEY_BITS: i32 = 256;
const TAG_BITS: i32 = 128;
/// `javax.crypto.Cipher`.
const ENCRYPT_MODE: i32 = 1;
const DECRYPT_MODE: i32 = 2;
/// `android.security.keystore.KeyProperties`.
const PURPOSE_ENCRYPT_AND_DECRYPT: i32 = 1 | 2;
const AUTH_DEVICE_CREDENTIAL_OR_STRONG_BIOMETRIC: i32 = 1 | 2;
/// `android.os.Build.VERSION_CODES`: where the methods that are not everywhere begin.
const P: i32 = 28;
const R: i32 = 30;
const TIRAMISU: i32 = 33;

/// What sealing made: the nonce that the Keystore chose, and the ciphertext with its tag.
#[derive(Debug)]
pub(super) struct Ciphertext {
    pub(super) iv: Vec<u8>,
    pub(super) bytes: Vec<u8>,
}

/// Encrypts with the key; `None` if there is no such key.
pub(super) fn seal(
    alias: &str,
    associated_data: &[u8],
    plaintext: &[u8],
) -> Result<Option<Ciphertext>, Failure> {
    call(|env| {
        let Some(key) = key(env, alias)? else { return Ok(None) };
        let cipher = cipher(env)?;
        env.call_method(
            &cipher,
            jni_str!("init"),
            jni_sig!("(ILjava/security/Key;)V"),
            &[ENCRYPT_MODE.into(), (&key).into()],
        )?;
        add_associated_data(env, &cipher, associated_data)?;
        let iv = env.call_method(&cipher, jni_str!("getIV"), jni_sig!("()[B"), &[])?.l()?;
        let iv = bytes(env, iv)?;
        let bytes = finish(env, &cipher, plaintext)?;
        Ok(Some(Ciphertext { iv, bytes }))
    })
}

/// Decrypts with the key; `None` if there is no such key.
pub(super) fn open(
    alias: &str,
    associated_data: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    call(|env| {
        let Some(key) = key(env, alias)? else { return Ok(None) };
        let cipher = cipher(env)?;
        let iv = env.byte_array_from_slice(iv)?;
        let parameters = env.new_object(
            jni_str!("javax/crypto/spec/GCMParameterSpec"),
            jni_sig!("(I[B)V"),
            &[TAG_BITS.into(), (&iv).into()],
        )?;
        env.call_method(
            &cipher,
            jni_str!("init"),
            jni_sig!("(ILjava/security/Key;Ljava/security/spec/AlgorithmParameterSpec;)V"),
            &[DECRYPT_MODE.into(), (&key).into(), (&parameters).into()],
        )?;
        add_associated_data(env, &cipher, associated_data)?;
        finish(env, &cipher, ciphertext).map(Zeroizing::new).map(Some)
    })
}

/// Makes the key, unless it is there. In StrongBox if that is wanted and can be had.
pub(super) fn create(alias: &str, options: &Options) -> Result<(), Failure> {
    match create_in(alias, options, options.strong_box) {
        Err(Failure::NoStrongBox) if options.strong_box => {
            tracing::info!("no StrongBox; the key is made in the trusted execution environment");
            create_in(alias, options, false)
        }
        result => result,
    }
}

fn create_in(alias: &str, options: &Options, strong_box: bool) -> Result<(), Failure> {
    call(|env| {
        if key(env, alias)?.is_some() {
            return Ok(());
        }
        let level = level(env)?;
        let builder = builder(env, alias)?;
        set_flag(env, &builder, jni_str!("setRandomizedEncryptionRequired"), true)?;
        if strong_box && level >= P {
            set_flag(env, &builder, jni_str!("setIsStrongBoxBacked"), true)?;
        }
        if options.unlocked_device_required && level >= P {
            set_flag(env, &builder, jni_str!("setUnlockedDeviceRequired"), true)?;
        }
        if let Some(authentication) = options.user_authentication {
            require_user(env, &builder, level, authentication)?;
        }
        let specification = env.call_method(
            &builder,
            jni_str!("build"),
            jni_sig!("()Landroid/security/keystore/KeyGenParameterSpec;"),
            &[],
        )?;
        let specification = specification.l()?;
        let (algorithm, provider) = (env.new_string("AES")?, env.new_string(PROVIDER)?);
        let generator = env.call_static_method(
            jni_str!("javax/crypto/KeyGenerator"),
            jni_str!("getInstance"),
            jni_sig!("(Ljava/lang/String;Ljava/lang/String;)Ljavax/crypto/KeyGenerator;"),
            &[(&algorithm).into(), (&provider).into()],
        )?;
        let generator = generator.l()?;
        env.call_method(
            &generator,
            jni_str!("init"),
            jni_sig!("(Ljava/security/spec/AlgorithmParameterSpec;)V"),
            &[(&specification).into()],
        )?;
        env.call_method(&generator, jni_str!("generateKey"), jni_sig!("()Ljavax/crypto/SecretKey;"), &[])?;
        Ok(())
    })
}

/// Removes a key that nothing is sealed by any more.
pub(super) fn delete(alias: &str) -> Result<(), Failure> {
    call(|env| {
        let key_store = key_store(env)?;
        let alias = env.new_string(alias)?;
        env.call_method(
            &key_store,
            jni_str!("deleteEntry"),
            jni_sig!("(Ljava/lang/String;)V"),
            &[(&alias).into()],
        )?;
        Ok(())
    })
}

/// `Context.getNoBackupFilesDir()`, `None` where the system has none for now.
pub(super) fn no_backup_directory() -> Result<Option<String>, Failure> {
    call(|env| {
        let context = &platform()?.context;
        let file =
            env.call_method(context, jni_str!("getNoBackupFilesDir"), jni_sig!("()Ljava/io/File;"), &[])?;
        let file = file.l()?;
        if file.is_null() {
            return Ok(None);
        }
        let path = env.call_method(&file, jni_str!("getPath"), jni_sig!("()Ljava/lang/String;"), &[])?.l()?;
        Ok(Some(env.cast_local::<JString>(path)?.try_to_string(env)?))
    })
}

/// `KeyguardManager.isDeviceLocked()`.
pub(super) fn device_is_locked() -> Result<bool, Failure> {
    call(|env| {
        let context = &platform()?.context;
        // `Context.KEYGUARD_SERVICE`.
        let name = env.new_string("keyguard")?;
        let keyguard = env.call_method(
            context,
            jni_str!("getSystemService"),
            jni_sig!("(Ljava/lang/String;)Ljava/lang/Object;"),
            &[(&name).into()],
        )?;
        let keyguard = keyguard.l()?;
        if keyguard.is_null() {
            return Ok(false);
        }
        env.call_method(&keyguard, jni_str!("isDeviceLocked"), jni_sig!("()Z"), &[])?.z()
    })
}

fn platform() -> JniResult<&'static Platform> {
    // A store cannot be made before the initialisation, and that is never undone.
    Platform::get().map_err(|_| JniError::UninitializedJavaVM)
}

/// Runs calls on this thread, attached to the virtual machine for as long as they take. An exception ends them and
/// becomes a failure.
fn call<T>(calls: impl FnOnce(&mut Env<'_>) -> JniResult<T>) -> Result<T, Failure> {
    platform()?.vm.attach_current_thread_for_scope(|env| {
        env.with_local_frame(LOCALS, |env| {
            let result = calls(env);
            match env.exception_occurred() {
                Some(thrown) => {
                    env.exception_clear();
                    Err(failure(env, thrown))
                }
                None => result.map_err(Failure::from),
            }
        })
    })
}

/// What was thrown. Asking it may throw as well, and then what is known so far counts.
fn failure<'local>(env: &mut Env<'local>, thrown: JThrowable<'local>) -> Failure {
    let (mut classes, mut wants_user) = (Vec::new(), false);
    let mut next = Some(JObject::from(thrown));
    while let Some(throwable) = next.take().filter(|_| classes.len() < MOST_CAUSES) {
        match describe(env, &throwable) {
            Ok((class, asks_for_user, cause)) => {
                classes.push(class);
                wants_user |= asks_for_user;
                next = cause;
            }
            Err(_) => env.exception_clear(),
        }
    }
    match classify(&classes) {
        // Proof is proof, whatever else the exception says.
        Failure::KeyNotLoaded(_) | Failure::Other(_) if wants_user => Failure::Locked,
        failure => failure,
    }
}

/// The name of its class, whether it says that the user must authenticate or unlock the device, and its cause.
fn describe<'local>(
    env: &mut Env<'local>,
    throwable: &JObject<'local>,
) -> JniResult<(String, bool, Option<JObject<'local>>)> {
    let class = env.get_object_class(throwable)?.get_name(env)?.try_to_string(env)?;
    // The error of a locked device has no exception of its own, and no method that says so in earlier versions.
    let wants_user = class == "android.security.KeyStoreException"
        && level(env)? >= TIRAMISU
        && env.call_method(throwable, jni_str!("requiresUserAuthentication"), jni_sig!("()Z"), &[])?.z()?;
    let cause = env.call_method(throwable, jni_str!("getCause"), jni_sig!("()Ljava/lang/Throwable;"), &[]);
    let cause = match cause.and_then(|value| value.l()) {
        Ok(cause) => Some(cause).filter(|cause| !cause.is_null()),
        Err(_) => {
            env.exception_clear();
            None
        }
    };
    Ok((class, wants_user, cause))
}

fn level(env: &mut Env<'_>) -> JniResult<i32> {
    env.get_static_field(jni_str!("android/os/Build$VERSION"), jni_str!("SDK_INT"), jni_sig!("I"))?.i()
}

fn key_store<'local>(env: &mut Env<'local>) -> JniResult<JObject<'local>> {
    let kind = env.new_string(PROVIDER)?;
    let key_store = env.call_static_method(
        jni_str!("java/security/KeyStore"),
        jni_str!("getInstance"),
        jni_sig!("(Ljava/lang/String;)Ljava/security/KeyStore;"),
        &[(&kind).into()],
    )?;
    let key_store = key_store.l()?;
    env.call_method(
        &key_store,
        jni_str!("load"),
        jni_sig!("(Ljava/security/KeyStore$LoadStoreParameter;)V"),
        &[(&JObject::null()).into()],
    )?;
    Ok(key_store)
}

fn key<'local>(env: &mut Env<'local>, alias: &str) -> JniResult<Option<JObject<'local>>> {
    let key_store = key_store(env)?;
    let alias = env.new_string(alias)?;
    let key = env.call_method(
        &key_store,
        jni_str!("getKey"),
        jni_sig!("(Ljava/lang/String;[C)Ljava/security/Key;"),
        &[(&alias).into(), (&JObject::null()).into()],
    )?;
    Ok(Some(key.l()?).filter(|key| !key.is_null()))
}

fn cipher<'local>(env: &mut Env<'local>) -> JniResult<JObject<'local>> {
    let transformation = env.new_string(TRANSFORMATION)?;
    let cipher = env.call_static_method(
        jni_str!("javax/crypto/Cipher"),
        jni_str!("getInstance"),
        jni_sig!("(Ljava/lang/String;)Ljavax/crypto/Cipher;"),
        &[(&transformation).into()],
    )?;
    cipher.l()
}

fn add_associated_data(env: &mut Env<'_>, cipher: &JObject<'_>, data: &[u8]) -> JniResult<()> {
    let data = env.byte_array_from_slice(data)?;
    env.call_method(cipher, jni_str!("updateAAD"), jni_sig!("([B)V"), &[(&data).into()])?;
    Ok(())
}

/// `Cipher.doFinal`. Both arrays are overwritten afterwards, since one of them holds the session; copies that the
/// garbage collector has made are out of reach.
fn finish(env: &mut Env<'_>, cipher: &JObject<'_>, input: &[u8]) -> JniResult<Vec<u8>> {
    let array = env.byte_array_from_slice(input)?;
    let output = env.call_method(cipher, jni_str!("doFinal"), jni_sig!("([B)[B"), &[(&array).into()]);
    let output = output.and_then(|value| value.l());
    if output.is_ok() {
        overwrite(env, &array)?;
    }
    bytes(env, output?)
}

fn bytes<'local>(env: &mut Env<'local>, array: JObject<'local>) -> JniResult<Vec<u8>> {
    let array = env.cast_local::<JByteArray>(array)?;
    let bytes = env.convert_byte_array(&array)?;
    overwrite(env, &array)?;
    Ok(bytes)
}

fn overwrite(env: &mut Env<'_>, array: &JByteArray<'_>) -> JniResult<()> {
    let zeros = vec![0; array.len(env)?];
    array.set_region(env, 0, &zeros)
}

/// A key for AES-256-GCM.
fn builder<'local>(env: &mut Env<'local>, alias: &str) -> JniResult<JObject<'local>> {
    let alias = env.new_string(alias)?;
    let builder = env.new_object(
        jni_str!("android/security/keystore/KeyGenParameterSpec$Builder"),
        jni_sig!("(Ljava/lang/String;I)V"),
        &[(&alias).into(), PURPOSE_ENCRYPT_AND_DECRYPT.into()],
    )?;
    for (method, value) in
        [(jni_str!("setBlockModes"), "GCM"), (jni_str!("setEncryptionPaddings"), "NoPadding")]
    {
        let value = env.new_string(value)?;
        let values = JObjectArray::<JString>::new(env, 1, &value)?;
        env.call_method(
            &builder,
            method,
            jni_sig!("([Ljava/lang/String;)Landroid/security/keystore/KeyGenParameterSpec$Builder;"),
            &[(&values).into()],
        )?;
    }
    set_number(env, &builder, jni_str!("setKeySize"), KEY_BITS)?;
    Ok(builder)
}

/// The user must have authenticated with this key's time of grace: a key that asks each time could only be used from a
/// prompt, and a refresh has none.
fn require_user(
    env: &mut Env<'_>,
    builder: &JObject<'_>,
    level: i32,
    authentication: UserAuthentication,
) -> JniResult<()> {
    set_flag(env, builder, jni_str!("setUserAuthenticationRequired"), true)?;
    let seconds = authentication.seconds();
    if level < R {
        return set_number(env, builder, jni_str!("setUserAuthenticationValidityDurationSeconds"), seconds);
    }
    env.call_method(
        builder,
        jni_str!("setUserAuthenticationParameters"),
        jni_sig!("(II)Landroid/security/keystore/KeyGenParameterSpec$Builder;"),
        &[seconds.into(), AUTH_DEVICE_CREDENTIAL_OR_STRONG_BIOMETRIC.into()],
    )?;
    Ok(())
}

fn set_flag(env: &mut Env<'_>, builder: &JObject<'_>, method: &JNIStr, value: bool) -> JniResult<()> {
    let sig = jni_sig!("(Z)Landroid/security/keystore/KeyGenParameterSpec$Builder;");
    env.call_method(builder, method, sig, &[value.into()]).map(drop)
}

fn set_number(env: &mut Env<'_>, builder: &JObject<'_>, method: &JNIStr, value: i32) -> JniResult<()> {
    let sig = jni_sig!("(I)Landroid/security/keystore/KeyGenParameterSpec$Builder;");
    env.call_method(builder, method, sig, &[value.into()]).map(drop)
}
