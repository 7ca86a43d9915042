package com.facebook.react.bridge

// The three classes of React Native that a module's values pass through and that are written in C++.

/** Stands in for the map that lives in C++. */
public class WritableNativeMap : WritableMap by JavaOnlyMap()

/** Stands in for the array that lives in C++. */
public class WritableNativeArray : WritableArray by JavaOnlyArray()

/** Stands in for a JavaScript function. */
public class CxxCallbackImpl(private val function: (Array<out Any?>) -> Unit) : Callback {
    override fun invoke(vararg args: Any?): Unit = function(args)
}
