package android.content

/** What a recipe calls of Android's interface. */
interface SharedPreferences {
    fun getString(key: String, defValue: String?): String?

    fun edit(): Editor

    interface Editor {
        fun remove(key: String): Editor

        fun commit(): Boolean
    }
}
