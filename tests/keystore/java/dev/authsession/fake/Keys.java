package dev.authsession.fake;

import android.security.keystore.KeyGenParameterSpec;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.security.SecureRandom;
import java.util.Map;
import java.util.TreeMap;

/** What the Keystore holds. */
final class Keys {
    private static final Map<String, Stored> keys = new TreeMap<>();
    private static File directory;

    /** A key with its secret. */
    static final class Stored {
        final byte[] secret = new byte[32];
        final KeyGenParameterSpec spec;
        boolean invalidated;

        Stored(KeyGenParameterSpec spec) {
            this.spec = spec;
            new SecureRandom().nextBytes(secret);
        }
    }

    private Keys() {}

    static synchronized Stored get(String alias) {
        return keys.get(alias);
    }

    /** As on a device, a key of the same name is replaced. */
    static synchronized void put(KeyGenParameterSpec spec) {
        Stored stored = new Stored(spec);
        keys.put(spec.alias, stored);
        if (directory != null) {
            try {
                Files.write(new File(directory, spec.alias).toPath(), stored.secret);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    }

    static synchronized void remove(String alias) {
        keys.remove(alias);
        if (directory != null) {
            new File(directory, alias).delete();
        }
    }

    /** Reads the keys of an earlier process, and keeps those of this one for later ones. */
    static synchronized void keepIn(File place) throws IOException {
        directory = place;
        for (File file : place.listFiles()) {
            Stored stored = new Stored(new KeyGenParameterSpec.Builder(file.getName(), 3).build());
            byte[] secret = Files.readAllBytes(file.toPath());
            System.arraycopy(secret, 0, stored.secret, 0, secret.length);
            keys.put(file.getName(), stored);
        }
    }

    static synchronized String[] aliases() {
        return keys.keySet().toArray(new String[0]);
    }

    static synchronized String describe(String alias) {
        return keys.get(alias).spec.toString();
    }

    static synchronized void invalidate() {
        keys.values().forEach(key -> key.invalidated = true);
    }

    static synchronized void lose() {
        for (String alias : aliases()) {
            remove(alias);
        }
    }

    /** Another key under the same name: as after a restore of the files alone. */
    static synchronized void swap() {
        for (String alias : aliases()) {
            put(keys.get(alias).spec);
        }
    }
}
