package dev.authsession;

import android.content.Context;

/** As the Kotlin library declares it. */
public final class NativeLibrary {
    private NativeLibrary() {}

    /** Hands over the context, and says what was thrown. */
    public static String initialize(String path, Context context) {
        System.load(path);
        try {
            nativeInit(context);
            return "";
        } catch (IllegalStateException error) {
            return error.getMessage();
        }
    }

    private static native void nativeInit(Context context);
}
