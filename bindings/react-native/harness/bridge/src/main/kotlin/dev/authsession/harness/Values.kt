package dev.authsession.harness

import com.facebook.react.bridge.JavaOnlyArray
import com.facebook.react.bridge.JavaOnlyMap
import com.facebook.react.bridge.ReadableArray
import com.facebook.react.bridge.ReadableMap
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.booleanOrNull
import kotlinx.serialization.json.double
import kotlinx.serialization.json.jsonPrimitive

/**
 * A value of JavaScript, as a module gets it: every number is a double. One that JSON lacks is written as
 * `{"$number": "NaN"}`.
 */
internal fun JsonElement.toNative(): Any? = when (this) {
    JsonNull -> null
    is JsonObject -> get("\$number")?.jsonPrimitive?.double ?: toMap()
    is JsonArray -> JavaOnlyArray.of(*map { it.toNative() }.toTypedArray())
    is JsonPrimitive -> when {
        isString -> content
        booleanOrNull != null -> boolean
        else -> double
    }
}

// Not by JavaOnlyMap.from, which fails on every map.
private fun JsonObject.toMap(): JavaOnlyMap =
    JavaOnlyMap.of(*flatMap { (name, value) -> listOf(name, value.toNative()) }.toTypedArray())

/** What a module hands to JavaScript. React Native takes no other types either. */
internal fun toJson(value: Any?): JsonElement = when (value) {
    null -> JsonNull
    is Boolean -> JsonPrimitive(value)
    is Number -> JsonPrimitive(value.toDouble())
    is String -> JsonPrimitive(value)
    is ReadableMap -> JsonObject(value.entryIterator.asSequence().associate { it.key to toJson(it.value) })
    is ReadableArray -> JsonArray(value.toArrayList().map(::toJson))
    else -> throw IllegalArgumentException("Cannot convert argument of type ${value.javaClass}")
}
