package dev.authsession.fake;

import android.security.keystore.KeyGenParameterSpec;
import android.security.keystore.StrongBoxUnavailableException;
import java.security.InvalidAlgorithmParameterException;
import java.security.SecureRandom;
import java.security.spec.AlgorithmParameterSpec;
import javax.crypto.KeyGeneratorSpi;
import javax.crypto.SecretKey;

public final class FakeKeyGeneratorSpi extends KeyGeneratorSpi {
    private KeyGenParameterSpec spec;

    @Override
    protected void engineInit(AlgorithmParameterSpec parameters, SecureRandom random)
            throws InvalidAlgorithmParameterException {
        FakeKeystore.enter("initGenerator");
        if (!(parameters instanceof KeyGenParameterSpec)) {
            throw new InvalidAlgorithmParameterException("KeyGenParameterSpec required");
        }
        spec = (KeyGenParameterSpec) parameters;
    }

    @Override
    protected SecretKey engineGenerateKey() {
        FakeKeystore.enter("generateKey");
        if (spec.strongBox && !FakeKeystore.hasStrongBox) {
            throw new StrongBoxUnavailableException("message of an exception");
        }
        Keys.put(spec);
        FakeKeystore.enter("generatedKey");
        return new OpaqueKey(spec.alias);
    }

    @Override
    protected void engineInit(SecureRandom random) {
        throw new UnsupportedOperationException();
    }

    @Override
    protected void engineInit(int size, SecureRandom random) {
        throw new UnsupportedOperationException();
    }
}
