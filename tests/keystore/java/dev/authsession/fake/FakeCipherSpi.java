package dev.authsession.fake;

import android.security.KeyStoreException;
import android.security.keystore.KeyGenParameterSpec;
import android.security.keystore.KeyPermanentlyInvalidatedException;
import android.security.keystore.UserNotAuthenticatedException;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.InvalidAlgorithmParameterException;
import java.security.InvalidKeyException;
import java.security.Key;
import java.security.ProviderException;
import java.security.SecureRandom;
import java.security.spec.AlgorithmParameterSpec;
import java.util.HexFormat;
import javax.crypto.AEADBadTagException;
import javax.crypto.BadPaddingException;
import javax.crypto.Cipher;
import javax.crypto.CipherSpi;
import javax.crypto.IllegalBlockSizeException;
import javax.crypto.spec.SecretKeySpec;

/** AES-GCM with the keys of the Keystore, and what it demands of them and of its callers. */
public final class FakeCipherSpi extends CipherSpi {
    private Cipher cipher;
    private boolean encrypting;

    @Override
    protected void engineInit(int mode, Key key, SecureRandom random) throws InvalidKeyException {
        try {
            engineInit(mode, key, (AlgorithmParameterSpec) null, random);
        } catch (InvalidAlgorithmParameterException error) {
            throw new InvalidKeyException(error);
        }
    }

    @Override
    protected void engineInit(int mode, Key key, AlgorithmParameterSpec parameters, SecureRandom random)
            throws InvalidKeyException, InvalidAlgorithmParameterException {
        FakeKeystore.enter("init");
        Keys.Stored stored = key instanceof OpaqueKey ? Keys.get(((OpaqueKey) key).alias) : null;
        if (stored == null) {
            throw new InvalidKeyException("not a key of this Keystore");
        }
        check(stored);
        encrypting = mode == Cipher.ENCRYPT_MODE;
        if (encrypting && parameters != null) {
            throw new InvalidAlgorithmParameterException("Caller-provided IV not permitted");
        }
        try {
            cipher = Cipher.getInstance("AES/GCM/NoPadding", "SunJCE");
            SecretKeySpec secret = new SecretKeySpec(stored.secret, "AES");
            if (encrypting) {
                cipher.init(mode, secret);
            } else {
                cipher.init(mode, secret, parameters);
            }
        } catch (InvalidAlgorithmParameterException error) {
            throw error;
        } catch (GeneralSecurityException error) {
            throw new ProviderException(error);
        }
    }

    private static void check(Keys.Stored stored) throws InvalidKeyException {
        KeyGenParameterSpec spec = stored.spec;
        if (stored.invalidated) {
            throw new KeyPermanentlyInvalidatedException("message of an exception");
        }
        if (spec.user && !FakeKeystore.userPresent) {
            throw new UserNotAuthenticatedException("message of an exception");
        }
        if (spec.unlockedDevice && FakeKeystore.deviceLocked) {
            InvalidKeyException locked = new InvalidKeyException("message of an exception");
            locked.initCause(new KeyStoreException(KeyStoreException.DEVICE_LOCKED, "message of an exception"));
            throw locked;
        }
    }

    @Override
    protected void engineUpdateAAD(byte[] source, int offset, int length) {
        FakeKeystore.enter("updateAAD");
        FakeKeystore.see("associatedData", HexFormat.of().formatHex(source, offset, offset + length));
        cipher.updateAAD(source, offset, length);
    }

    @Override
    protected byte[] engineDoFinal(byte[] input, int offset, int length)
            throws IllegalBlockSizeException, BadPaddingException {
        FakeKeystore.enter("doFinal");
        FakeKeystore.enter(encrypting ? "encrypt" : "decrypt");
        try {
            return cipher.doFinal(input, offset, length);
        } catch (AEADBadTagException error) {
            FakeKeystore.enter("badTag");
            throw error;
        }
    }

    @Override
    protected byte[] engineGetIV() {
        return cipher.getIV();
    }

    @Override
    protected void engineSetMode(String mode) {
        throw new UnsupportedOperationException();
    }

    @Override
    protected void engineSetPadding(String padding) {
        throw new UnsupportedOperationException();
    }

    @Override
    protected int engineGetBlockSize() {
        return 16;
    }

    @Override
    protected int engineGetOutputSize(int length) {
        return length + 16;
    }

    @Override
    protected AlgorithmParameters engineGetParameters() {
        return null;
    }

    @Override
    protected void engineInit(int mode, Key key, AlgorithmParameters parameters, SecureRandom random) {
        throw new UnsupportedOperationException();
    }

    @Override
    protected byte[] engineUpdate(byte[] input, int offset, int length) {
        throw new UnsupportedOperationException();
    }

    @Override
    protected int engineUpdate(byte[] input, int offset, int length, byte[] output, int outputOffset) {
        throw new UnsupportedOperationException();
    }

    @Override
    protected int engineDoFinal(byte[] input, int offset, int length, byte[] output, int outputOffset) {
        throw new UnsupportedOperationException();
    }
}
