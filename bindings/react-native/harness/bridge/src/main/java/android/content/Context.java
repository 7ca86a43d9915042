package android.content;

/** As much of Android's class as a React Native module needs to be made. */
public class Context {
    public Context getApplicationContext() {
        return this;
    }

    public Object getSystemService(String name) {
        return null;
    }
}
