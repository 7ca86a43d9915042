package android.security.keystore;

import android.os.Build;
import java.security.spec.AlgorithmParameterSpec;
import java.util.Arrays;

/** What a key is to be. Methods that a level does not have throw what a missing method throws. */
public final class KeyGenParameterSpec implements AlgorithmParameterSpec {
    public final String alias;
    public final int purposes;
    public int keySize = 128;
    public String blockModes = "";
    public String paddings = "";
    public boolean randomized = true;
    public boolean strongBox;
    public boolean unlockedDevice;
    public boolean user;
    public int userSeconds = -1;
    public int userTypes;

    private KeyGenParameterSpec(String alias, int purposes) {
        this.alias = alias;
        this.purposes = purposes;
    }

    @Override
    public String toString() {
        return String.format(
                "purposes %d, %d bits, %s, %s, randomized %s, StrongBox %s, unlocked device %s, user %s %d %d",
                purposes, keySize, blockModes, paddings, randomized, strongBox, unlockedDevice, user,
                userSeconds, userTypes);
    }

    public static final class Builder {
        private final KeyGenParameterSpec spec;

        public Builder(String alias, int purposes) {
            spec = new KeyGenParameterSpec(alias, purposes);
        }

        public Builder setBlockModes(String... modes) {
            spec.blockModes = Arrays.toString(modes);
            return this;
        }

        public Builder setEncryptionPaddings(String... paddings) {
            spec.paddings = Arrays.toString(paddings);
            return this;
        }

        public Builder setKeySize(int bits) {
            spec.keySize = bits;
            return this;
        }

        public Builder setRandomizedEncryptionRequired(boolean required) {
            spec.randomized = required;
            return this;
        }

        public Builder setUserAuthenticationRequired(boolean required) {
            spec.user = required;
            return this;
        }

        public Builder setUserAuthenticationValidityDurationSeconds(int seconds) {
            spec.userSeconds = seconds;
            return this;
        }

        public Builder setUserAuthenticationParameters(int seconds, int types) {
            Build.requireLevel(30, "setUserAuthenticationParameters");
            spec.userSeconds = seconds;
            spec.userTypes = types;
            return this;
        }

        public Builder setIsStrongBoxBacked(boolean strongBox) {
            Build.requireLevel(28, "setIsStrongBoxBacked");
            spec.strongBox = strongBox;
            return this;
        }

        public Builder setUnlockedDeviceRequired(boolean required) {
            Build.requireLevel(28, "setUnlockedDeviceRequired");
            spec.unlockedDevice = required;
            return this;
        }

        public KeyGenParameterSpec build() {
            return spec;
        }
    }
}
