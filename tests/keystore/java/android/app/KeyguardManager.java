package android.app;

import dev.authsession.fake.FakeKeystore;

public class KeyguardManager {
    public boolean isDeviceLocked() {
        return FakeKeystore.deviceLocked;
    }
}
