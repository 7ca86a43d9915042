package dev.authsession.fake;

import android.os.Build;
import java.io.File;
import java.security.Provider;
import java.security.Security;
import java.util.HashMap;
import java.util.Map;

/**
 * A Keystore like Android's: it gives no key away, chooses the nonces, knows no method before its level, and fails as
 * a test tells it. It forgets its keys with the process, unless it is told where to keep them.
 */
public final class FakeKeystore extends Provider {
    public static volatile boolean deviceLocked;
    static volatile boolean userPresent;
    static volatile boolean hasStrongBox;
    public static volatile File noBackupFilesDir;

    private static final Map<String, Fault> faults = new HashMap<>();
    private static final Map<String, Integer> counts = new HashMap<>();
    private static final Map<String, String> seen = new HashMap<>();
    /** Nothing is held for so long, unless a test has failed. */
    private static final long PATIENCE_MILLISECONDS = 20_000;

    private static String held = "";
    private static int holding;

    private record Fault(String classes, int left) {}

    public FakeKeystore() {
        super("AndroidKeyStore", "1", "a Keystore for tests");
        put("KeyStore.AndroidKeyStore", FakeKeyStoreSpi.class.getName());
        put("KeyGenerator.AES", FakeKeyGeneratorSpi.class.getName());
        put("Cipher.AES/GCM/NoPadding", FakeCipherSpi.class.getName());
        put("Cipher.AES/GCM/NoPadding SupportedKeyClasses", OpaqueKey.class.getName());
    }

    public static void install() {
        Security.insertProviderAt(new FakeKeystore(), 1);
    }

    /** Carries out a test's command: a word, and what it is about. */
    public static String command(String line) throws Exception {
        String[] words = line.split(" ");
        switch (words[0]) {
            case "reset" -> reset();
            case "level" -> Build.VERSION.SDK_INT = Integer.parseInt(words[1]);
            case "fail" -> plan(words[1], words[2], Integer.parseInt(words[3]));
            case "hold" -> hold(words[1]);
            case "await" -> awaitHeld();
            case "release" -> hold("");
            case "count" -> {
                synchronized (FakeKeystore.class) {
                    return String.valueOf(counts.getOrDefault(words[1], 0));
                }
            }
            case "seen" -> {
                synchronized (FakeKeystore.class) {
                    return seen.getOrDefault(words[1], "");
                }
            }
            case "device" -> deviceLocked = words[1].equals("locked");
            case "user" -> userPresent = words[1].equals("present");
            case "strongbox" -> hasStrongBox = words[1].equals("there");
            case "directory" -> noBackupFilesDir = words.length > 1 ? new File(line.substring(10)) : null;
            case "keep" -> Keys.keepIn(new File(line.substring(5)));
            case "aliases" -> {
                return String.join(" ", Keys.aliases());
            }
            case "describe" -> {
                return Keys.describe(words[1]);
            }
            case "invalidate" -> Keys.invalidate();
            case "lose" -> Keys.lose();
            case "swap" -> Keys.swap();
            default -> throw new IllegalArgumentException(words[0]);
        }
        return "";
    }

    private static void reset() {
        hold("");
        synchronized (FakeKeystore.class) {
            faults.clear();
            counts.clear();
            seen.clear();
        }
        Keys.lose();
        deviceLocked = false;
        userPresent = true;
        hasStrongBox = false;
        noBackupFilesDir = null;
        Build.VERSION.SDK_INT = 36;
    }

    /** Something is called. It is counted, waits if it is held, and fails if that is planned. */
    public static void enter(String operation) {
        Fault fault;
        synchronized (FakeKeystore.class) {
            counts.merge(operation, 1, Integer::sum);
            if (held.equals(operation)) {
                holding++;
                FakeKeystore.class.notifyAll();
                while (held.equals(operation)) {
                    pause();
                }
                holding--;
            }
            fault = faults.get(operation);
            if (fault == null || fault.left == 0) {
                return;
            }
            faults.put(operation, new Fault(fault.classes, fault.left - 1));
        }
        FakeKeystore.<RuntimeException>raise(thrown(fault.classes));
    }

    static synchronized void see(String what, String value) {
        seen.put(what, value);
    }

    private static synchronized void plan(String operation, String classes, int times) {
        faults.put(operation, new Fault(classes, times));
    }

    private static synchronized void hold(String operation) {
        held = operation;
        FakeKeystore.class.notifyAll();
    }

    private static synchronized void awaitHeld() {
        while (holding == 0) {
            pause();
        }
    }

    private static void pause() {
        long start = System.nanoTime();
        try {
            FakeKeystore.class.wait(PATIENCE_MILLISECONDS);
            if (System.nanoTime() - start >= PATIENCE_MILLISECONDS * 1_000_000) {
                throw new IllegalStateException("nobody came");
            }
        } catch (InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }

    /** From names of classes, each the cause of the one before. `*` is a circle. */
    private static Throwable thrown(String classes) {
        Throwable cause = null;
        String[] names = classes.split(">");
        for (int index = names.length - 1; index >= 0; index--) {
            cause = names[index].equals("*") ? new Circle() : make(names[index], cause);
        }
        return cause;
    }

    private static Throwable make(String name, Throwable cause) {
        try {
            Throwable thrown =
                    (Throwable) Class.forName(name).getConstructor(String.class).newInstance("message of an exception");
            return cause == null ? thrown : thrown.initCause(cause);
        } catch (ReflectiveOperationException error) {
            throw new IllegalArgumentException(error);
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void raise(Throwable thrown) throws T {
        throw (T) thrown;
    }

    /** An exception whose causes never end. */
    public static final class Circle extends RuntimeException {
        @Override
        public synchronized Throwable getCause() {
            return this;
        }
    }

    /** An exception that does not even say what caused it. */
    public static final class Hostile extends RuntimeException {
        public Hostile(String message) {
            super(message);
        }

        @Override
        public synchronized Throwable getCause() {
            throw new IllegalStateException("message of an exception");
        }

        @Override
        public String getMessage() {
            throw new IllegalStateException("message of an exception");
        }
    }
}
