package dev.authsession.peers

import java.io.File
import java.security.KeyStore
import java.security.cert.CertificateFactory
import javax.net.ssl.SSLContext
import javax.net.ssl.TrustManagerFactory
import javax.net.ssl.X509TrustManager
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import okhttp3.OkHttpClient

/** The servers that a client is pointed at. */
@Serializable
class Target(
    @SerialName("api_url") val apiUrl: String,
    @SerialName("login_url") val loginUrl: String,
    @SerialName("refresh_url") val refreshUrl: String,
    @SerialName("logout_url") val logoutUrl: String,
    /** The PEM file of a certificate to trust, for `https`. */
    @SerialName("root_certificate") private val rootCertificate: String? = null,
) {
    val root: File? get() = rootCertificate?.let(::File)

    fun url(path: String) = "${apiUrl.trimEnd('/')}$path"
}

/**
 * Trusts the root of [target] alone, if it names one.
 * See https://square.github.io/okhttp/features/https/#customizing-trusted-certificates-kt-java
 */
fun OkHttpClient.Builder.trusting(target: Target): OkHttpClient.Builder {
    val root = target.root ?: return this
    val certificate = root.inputStream().use(CertificateFactory.getInstance("X.509")::generateCertificate)
    val roots = KeyStore.getInstance(KeyStore.getDefaultType()).apply {
        load(null)
        setCertificateEntry("root", certificate)
    }
    val factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm()).apply { init(roots) }
    val context = SSLContext.getInstance("TLS").apply { init(null, factory.trustManagers, null) }
    return sslSocketFactory(context.socketFactory, factory.trustManagers.filterIsInstance<X509TrustManager>().single())
}
