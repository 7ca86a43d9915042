package dev.authsession.reactnative

import com.facebook.react.bridge.ReadableArray
import com.facebook.react.bridge.ReadableMap
import com.facebook.react.bridge.ReadableType
import dev.authsession.ErrorCode

/** What JavaScript passed cannot be used. The message names the field, never its value. */
internal class Refusal(val code: ErrorCode, override val message: String) : Exception(message)

/**
 * The fields of an object from JavaScript. One that is null or absent is not set; one of another type than asked
 * for is refused with [code].
 */
internal class Fields(
    private val map: ReadableMap,
    private val code: ErrorCode,
    private val path: String = "",
) {
    fun string(name: String): String? = read(name, ReadableType.String, map::getString)

    fun boolean(name: String): Boolean? = read(name, ReadableType.Boolean, map::getBoolean)

    fun number(name: String): Double? = read(name, ReadableType.Number, map::getDouble)?.also {
        if (!it.isFinite() || it < 0) throw refusal(name, "a number from 0 on")
    }

    /** JavaScript knows no integers: a number without a fraction, up to [most]. */
    fun integer(name: String, most: Long = Long.MAX_VALUE): Long? = number(name)?.let {
        if (it % 1 != 0.0) throw refusal(name, "a whole number")
        it.toLong().coerceAtMost(most)
    }

    fun smallInteger(name: String): Int? = integer(name, Int.MAX_VALUE.toLong())?.toInt()

    fun fields(name: String): Fields? = read(name, ReadableType.Map, map::getMap)?.let { below(name, it) }

    fun strings(name: String): List<String>? = elements(name, ReadableType.String, ReadableArray::getString)

    fun integers(name: String): List<Int>? = elements(name, ReadableType.Number) { getDouble(it) }
        ?.map { if (it % 1 == 0.0 && it in 0.0..999.0) it.toInt() else throw refusal(name, "a list of statuses") }

    fun list(name: String): List<Fields>? =
        elements(name, ReadableType.Map, ReadableArray::getMap)?.map { below(name, it) }

    /** The members of an object, all of which are texts. */
    fun texts(name: String): List<Pair<String, String>>? = fields(name)?.let { members ->
        val names = members.map.entryIterator.asSequence().map { it.key }.toList()
        names.sorted().map { it to members.requiredString(it) }
    }

    fun requiredString(name: String): String = string(name) ?: throw refusal(name, "a string")

    fun isFalse(name: String): Boolean =
        map.hasKey(name) && map.getType(name) == ReadableType.Boolean && !map.getBoolean(name)

    fun refusal(name: String, expected: String) = Refusal(code, "$path$name must be $expected")

    private fun below(name: String, members: ReadableMap) = Fields(members, code, "$path$name.")

    private fun <T> read(name: String, type: ReadableType, get: (String) -> T): T? = when {
        !map.hasKey(name) || map.isNull(name) -> null
        map.getType(name) != type -> throw refusal(name, "of type ${type.name}")
        else -> get(name)
    }

    private fun <T> elements(name: String, type: ReadableType, get: ReadableArray.(Int) -> T?): List<T>? {
        val array = read(name, ReadableType.Array, map::getArray) ?: return null
        return List(array.size()) { index ->
            if (array.getType(index) != type) throw refusal(name, "a list of type ${type.name}")
            array.get(index) ?: throw refusal(name, "without null")
        }
    }
}
