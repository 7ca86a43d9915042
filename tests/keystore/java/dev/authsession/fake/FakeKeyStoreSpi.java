package dev.authsession.fake;

import java.io.InputStream;
import java.io.OutputStream;
import java.security.Key;
import java.security.KeyStoreSpi;
import java.security.cert.Certificate;
import java.util.Collections;
import java.util.Date;
import java.util.Enumeration;
import java.util.List;

public final class FakeKeyStoreSpi extends KeyStoreSpi {
    @Override
    public void engineLoad(java.security.KeyStore.LoadStoreParameter parameter) {
        FakeKeystore.enter("load");
    }

    @Override
    public Key engineGetKey(String alias, char[] password) {
        FakeKeystore.enter("getKey");
        return Keys.get(alias) == null ? null : new OpaqueKey(alias);
    }

    @Override
    public void engineDeleteEntry(String alias) {
        FakeKeystore.enter("deleteEntry");
        Keys.remove(alias);
    }

    @Override
    public boolean engineContainsAlias(String alias) {
        return Keys.get(alias) != null;
    }

    @Override
    public Enumeration<String> engineAliases() {
        return Collections.enumeration(List.of(Keys.aliases()));
    }

    @Override
    public int engineSize() {
        return Keys.aliases().length;
    }

    @Override
    public boolean engineIsKeyEntry(String alias) {
        return engineContainsAlias(alias);
    }

    @Override
    public Date engineGetCreationDate(String alias) {
        return new Date();
    }

    @Override
    public void engineLoad(InputStream stream, char[] password) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Certificate[] engineGetCertificateChain(String alias) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Certificate engineGetCertificate(String alias) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void engineSetKeyEntry(String alias, Key key, char[] password, Certificate[] chain) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void engineSetKeyEntry(String alias, byte[] key, Certificate[] chain) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void engineSetCertificateEntry(String alias, Certificate certificate) {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean engineIsCertificateEntry(String alias) {
        return false;
    }

    @Override
    public String engineGetCertificateAlias(Certificate certificate) {
        return null;
    }

    @Override
    public void engineStore(OutputStream stream, char[] password) {
        throw new UnsupportedOperationException();
    }
}
