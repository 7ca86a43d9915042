package dev.authsession.android

import android.content.ContentProvider
import android.content.ContentValues
import android.database.Cursor
import android.net.Uri
import dev.authsession.AuthSession

/**
 * Calls [AuthSession.init] before `Application.onCreate`, in the app's main process. It provides nothing. An app that
 * would rather call it by itself removes this provider from the merged manifest; see `docs/platforms/android.md`.
 */
public class AuthSessionInitializer : ContentProvider() {
    override fun onCreate(): Boolean {
        val context = context ?: return false
        try {
            AuthSession.init(context)
        } catch (_: Exception) {
            // An app must not crash at its start for what it may never use. Opening a session says what is wrong.
            return false
        }
        return true
    }

    override fun query(
        uri: Uri,
        projection: Array<String>?,
        selection: String?,
        selectionArgs: Array<String>?,
        sortOrder: String?,
    ): Cursor? = null

    override fun getType(uri: Uri): String? = null

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun delete(uri: Uri, selection: String?, selectionArgs: Array<String>?): Int = 0

    override fun update(uri: Uri, values: ContentValues?, selection: String?, selectionArgs: Array<String>?): Int = 0
}
