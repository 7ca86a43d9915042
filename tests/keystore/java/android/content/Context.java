package android.content;

import android.app.KeyguardManager;
import dev.authsession.fake.FakeKeystore;
import java.io.File;

public class Context {
    private final Context application;

    public Context(Context application) {
        this.application = application;
    }

    public Context getApplicationContext() {
        FakeKeystore.enter("getApplicationContext");
        return application;
    }

    public File getNoBackupFilesDir() {
        FakeKeystore.enter("getNoBackupFilesDir");
        return FakeKeystore.noBackupFilesDir;
    }

    public Object getSystemService(String name) {
        FakeKeystore.enter("getSystemService");
        return name.equals("keyguard") ? new KeyguardManager() : null;
    }
}
