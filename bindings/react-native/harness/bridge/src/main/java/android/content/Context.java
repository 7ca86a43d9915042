package android.content;

import java.io.File;

/** As much of Android's class as a React Native module needs to be made and to read what the user has picked. */
public class Context {
    public Context getApplicationContext() {
        return this;
    }

    public Object getSystemService(String name) {
        return null;
    }

    public File getCacheDir() {
        return new File(System.getProperty("java.io.tmpdir"));
    }

    public ContentResolver getContentResolver() {
        return new ContentResolver();
    }
}
