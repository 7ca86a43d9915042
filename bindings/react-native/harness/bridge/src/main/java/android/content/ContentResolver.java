package android.content;

import android.net.Uri;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.InputStream;

/** Knows one provider, {@code content://files}, whose paths are those of the file system. */
public class ContentResolver {
    private static final String FILES = "content://files";

    public InputStream openInputStream(Uri uri) throws FileNotFoundException {
        String text = uri.toString();
        if (!text.startsWith(FILES + "/")) {
            throw new FileNotFoundException("no provider: " + text);
        }
        return new FileInputStream(text.substring(FILES.length()));
    }
}
