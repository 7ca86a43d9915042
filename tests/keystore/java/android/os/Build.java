package android.os;

public final class Build {
    public static final class VERSION {
        /** Not final as on a device: tests play all of them. */
        public static int SDK_INT = 36;
    }

    /** What a device does with code that calls a method that it does not have. */
    public static void requireLevel(int level, String method) {
        if (VERSION.SDK_INT < level) {
            throw new NoSuchMethodError(method + " is not on level " + VERSION.SDK_INT);
        }
    }
}
