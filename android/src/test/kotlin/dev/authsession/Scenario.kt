package dev.authsession

import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.JsonClassDiscriminator
import kotlinx.serialization.json.JsonObject

/** One file of tests/scenarios. A step or field that is not known here is an error. */
@Serializable
internal class Scenario(
    val name: String,
    val title: String,
    val realm: JsonObject = JsonObject(emptyMap()),
    val client: Client = Client(),
    val steps: List<Step>,
) {
    @Serializable
    class Client(@SerialName("token_endpoints") val tokenEndpoints: Listener = Listener.API)

    @Serializable
    enum class Listener {
        @SerialName("api")
        API,

        @SerialName("auth")
        AUTH,
    }
}

@Serializable
@JsonClassDiscriminator("do")
@OptIn(ExperimentalSerializationApi::class)
internal sealed interface Step {
    @Serializable
    @SerialName("sign_in")
    data object SignIn : Step

    @Serializable
    @SerialName("sign_out")
    data object SignOut : Step

    @Serializable
    @SerialName("network_changed")
    data object NetworkChanged : Step

    @Serializable
    @SerialName("authority")
    data class Authority(val command: String, val body: JsonObject = JsonObject(emptyMap())) : Step

    @Serializable
    @SerialName("start")
    data class Start(
        @SerialName("as") val name: String,
        val path: String,
        val count: Int = 1,
        val method: String = "GET",
        val body: String? = null,
    ) : Step

    @Serializable
    @SerialName("finish")
    data class Finish(@SerialName("as") val name: String, val expect: Expectation) : Step

    @Serializable
    @SerialName("request")
    data class Request(
        val path: String,
        val count: Int = 1,
        val method: String = "GET",
        val body: String? = null,
        val expect: Expectation,
    ) : Step

    @Serializable
    @SerialName("expect_state")
    data class ExpectState(val state: String, val reason: String? = null) : Step

    @Serializable
    @SerialName("expect_events")
    data class ExpectEvents(val events: List<String>) : Step

    @Serializable
    @SerialName("expect_counters")
    data class ExpectCounters(val counters: Map<String, Int>) : Step
}

/** What a request must end with: an answer or an error. */
@Serializable
internal data class Expectation(val status: Int? = null, val disposition: String? = null, val error: String? = null)
