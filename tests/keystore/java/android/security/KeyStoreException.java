package android.security;

import android.os.Build;

/** An error of the Keystore's service. Public since level 33. */
public class KeyStoreException extends Exception {
    /** As the system numbers them. */
    public static final int DEVICE_LOCKED = -72;

    private final int code;

    public KeyStoreException(String message) {
        this(-1000, message);
    }

    public KeyStoreException(int code, String message) {
        super(message);
        this.code = code;
    }

    public boolean requiresUserAuthentication() {
        Build.requireLevel(33, "KeyStoreException.requiresUserAuthentication");
        return code == DEVICE_LOCKED;
    }
}
