package android.content;

import android.net.Uri;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.InputStream;

/**
 * Knows two providers: {@code content://files}, whose paths are those of the file system, and {@code content://memory},
 * which uses up the memory.
 */
public class ContentResolver {
    private static final String FILES = "content://files";
    private static final String MEMORY = "content://memory";

    public InputStream openInputStream(Uri uri) throws FileNotFoundException {
        String text = uri.toString();
        if (text.startsWith(MEMORY + "/")) {
            throw new OutOfMemoryError();
        }
        if (!text.startsWith(FILES + "/")) {
            throw new FileNotFoundException("no provider: " + text);
        }
        return new FileInputStream(text.substring(FILES.length()));
    }
}
