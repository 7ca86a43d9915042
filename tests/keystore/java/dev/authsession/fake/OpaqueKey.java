package dev.authsession.fake;

import javax.crypto.SecretKey;

/** A key that stays in the Keystore: it has a name and no encoded form. */
public final class OpaqueKey implements SecretKey {
    final String alias;

    OpaqueKey(String alias) {
        this.alias = alias;
    }

    @Override
    public String getAlgorithm() {
        return "AES";
    }

    @Override
    public String getFormat() {
        return null;
    }

    @Override
    public byte[] getEncoded() {
        return null;
    }
}
