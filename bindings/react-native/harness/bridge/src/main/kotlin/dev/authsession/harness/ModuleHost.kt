// BridgeReactContext belongs to the old architecture; the context of the new one wants a running React Native.
@file:Suppress("DEPRECATION")

package dev.authsession.harness

import android.content.Context
import com.facebook.react.bridge.BaseJavaModule
import com.facebook.react.bridge.BridgeReactContext
import com.facebook.react.bridge.CxxCallbackImpl
import com.facebook.react.bridge.NativeModule
import com.facebook.react.bridge.Promise
import com.facebook.react.bridge.PromiseImpl
import com.facebook.react.bridge.ReactMethod
import dev.authsession.reactnative.NativeAuthSessionSpec
import dev.authsession.reactnative.RNAuthSessionPackage
import java.lang.reflect.InvocationTargetException
import java.util.concurrent.Executors
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement

/** How a call ended. */
internal sealed interface Outcome {
    class Returned(val value: JsonElement) : Outcome
    class Rejected(val error: JsonElement) : Outcome

    /** The method itself threw, which ends an app. */
    class Threw(val throwable: Throwable) : Outcome
}

/** One life of the module, from its creation by its package to its end by `invalidate`, as React Native leads it. */
internal class ModuleHost(
    private val onEvent: (name: String, value: JsonElement) -> Unit,
    private val onCrash: (String) -> Unit,
) {
    private val module: NativeModule = RNAuthSessionPackage().run {
        val name = getReactModuleInfoProvider().getReactModuleInfos().keys.single()
        checkNotNull(getModule(name, BridgeReactContext(Context()))) { "the package does not know its module" }
    }

    // All modules of an app share one thread for what JavaScript does not wait for.
    private val nativeModulesThread = Executors.newSingleThreadExecutor()

    @Volatile
    private var hasEnded = false

    init {
        module.initialize()
    }

    /** From here on events arrive, as they do once JavaScript has asked for the module. */
    fun attachEventEmitter() {
        val callback = CxxCallbackImpl { (name, value) ->
            onEvent(name as String, toJson(value))
            // Before React Native 0.88 what it refers to is gone by then.
            if (hasEnded) onCrash("$name was emitted after invalidate() had returned")
        }
        BaseJavaModule::class.java
            .getDeclaredMethod("setEventEmitterCallback", CxxCallbackImpl::class.java)
            .apply { isAccessible = true }
            .invoke(module, callback)
    }

    fun call(method: String, arguments: JsonArray, settle: (Outcome) -> Unit) {
        val function = NativeAuthSessionSpec::class.java.declaredMethods.single {
            it.name == method && it.isAnnotationPresent(ReactMethod::class.java)
        }
        val values = arguments.map { it.toNative() }.toTypedArray()
        val takesPromise = function.parameterTypes.lastOrNull() == Promise::class.java
        val promise = PromiseImpl(
            { (value) -> settle(Outcome.Returned(toJson(value))) },
            { (error) -> settle(Outcome.Rejected(toJson(error))) },
        )
        val work = Runnable {
            try {
                if (takesPromise) {
                    function.invoke(module, *values, promise)
                } else {
                    settle(Outcome.Returned(toJson(function.invoke(module, *values))))
                }
            } catch (thrown: InvocationTargetException) {
                settle(Outcome.Threw(thrown.targetException))
            } catch (mismatch: IllegalArgumentException) {
                settle(Outcome.Threw(mismatch))
            }
        }
        if (function.getAnnotation(ReactMethod::class.java).isBlockingSynchronousMethod) {
            work.run()
        } else {
            nativeModulesThread.execute(work)
        }
    }

    fun invalidate() {
        nativeModulesThread.submit { module.invalidate() }.get()
        hasEnded = true
        nativeModulesThread.shutdown()
    }
}
