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
        if (it.isNaN()) throw refusal(name, "a number")
    }

    fun fields(name: String): Fields? =
        read(name, ReadableType.Map, map::getMap)?.let { Fields(it, code, "$path$name.") }

    fun strings(name: String): List<String>? = elements(name, ReadableType.String, ReadableArray::getString)

    fun list(name: String): List<Fields>? =
        elements(name, ReadableType.Map, ReadableArray::getMap)?.map { Fields(it, code, "$path$name.") }

    fun requiredString(name: String): String = string(name) ?: throw refusal(name, "a string")

    fun refusal(name: String, expected: String) = Refusal(code, "$path$name must be $expected")

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
