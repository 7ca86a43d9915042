package dev.authsession.android

import android.app.Activity
import android.app.Application
import android.content.Context
import android.net.ConnectivityManager
import android.net.Network
import android.os.Bundle
import dev.authsession.AuthSession
import dev.authsession.OpenSessions
import java.util.concurrent.atomic.AtomicBoolean

/** Tells the open sessions what they should know of the device: another network, and the app's return to the front. */
internal object DeviceNews {
    private val listening = AtomicBoolean()

    fun listen(context: Context) {
        if (!listening.compareAndSet(false, true)) return
        val application = context.applicationContext ?: context
        (application as? Application)?.registerActivityLifecycleCallbacks(StartedActivities())
        val connectivity = application.getSystemService(Context.CONNECTIVITY_SERVICE) as? ConnectivityManager
        try {
            connectivity?.registerDefaultNetworkCallback(DefaultNetwork())
        } catch (_: RuntimeException) {
            // An app that has taken the permission out again (SecurityException), or one that has registered more
            // callbacks than Android allows. A refresh that waits then waits for its time.
        }
    }

    private class DefaultNetwork : ConnectivityManager.NetworkCallback() {
        override fun onAvailable(network: Network) = OpenSessions.tell(AuthSession::networkChanged)
    }

    private class StartedActivities : Application.ActivityLifecycleCallbacks {
        private val front = Front { OpenSessions.tell(AuthSession::resume) }

        override fun onActivityStarted(activity: Activity) = front.started()

        override fun onActivityStopped(activity: Activity) = front.stopped()

        override fun onActivityCreated(activity: Activity, savedInstanceState: Bundle?) = Unit

        override fun onActivityResumed(activity: Activity) = Unit

        override fun onActivityPaused(activity: Activity) = Unit

        override fun onActivitySaveInstanceState(activity: Activity, outState: Bundle) = Unit

        override fun onActivityDestroyed(activity: Activity) = Unit
    }
}

/** Counts the app's activities that can be seen. For one thread, which is Android's main thread. */
internal class Front(private val reached: () -> Unit) {
    private var visible = 0

    fun started() {
        if (visible++ == 0) reached()
    }

    fun stopped() {
        // Initialised late, by hand, it may see the end of an activity whose start it has missed.
        visible = (visible - 1).coerceAtLeast(0)
    }
}
