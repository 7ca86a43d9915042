package dev.authsession

import dev.authsession.ffi.Header

/** The header fields of a message, in order. Names differ in more than case. The text form shows no value. */
public class Headers private constructor(private val fields: List<Pair<String, String>>) :
    Iterable<Pair<String, String>> by fields {

    /** Fields given by name and value: `Headers("Accept" to "image/png")`. */
    public constructor(vararg fields: Pair<String, String>) : this(fields.toList())

    /** The first value of [name]. */
    public operator fun get(name: String): String? = getAll(name).firstOrNull()

    /** Every value of [name]. */
    public fun getAll(name: String): List<String> =
        fields.filter { (candidate, _) -> candidate.equals(name, ignoreCase = true) }.map { it.second }

    override fun equals(other: Any?): Boolean = other is Headers && fields == other.fields

    override fun hashCode(): Int = fields.hashCode()

    override fun toString(): String = "Headers(${fields.joinToString { it.first }})"

    internal fun withDefault(name: String, value: String): Headers =
        if (get(name) == null) Headers(fields + (name to value)) else this

    internal fun toFfi(): List<Header> = fields.map { (name, value) -> Header(name, value) }

    public companion object {
        /** No fields. */
        public val None: Headers = Headers(emptyList())

        internal fun of(fields: List<Header>) = Headers(fields.map { it.name to it.value })
    }
}
