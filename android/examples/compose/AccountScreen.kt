package dev.authsession.examples

import androidx.compose.foundation.layout.Column
import androidx.compose.material3.Button
import androidx.compose.material3.CircularProgressIndicator
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.collectAsState
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.setValue
import androidx.compose.ui.text.input.PasswordVisualTransformation
import dev.authsession.SessionState
import dev.authsession.recipes.SessionModel

/** Who is signed in, or a form to do so: the screen follows the session, whoever ends it and why. */
@Composable
fun AccountScreen(model: SessionModel) {
    val state by model.state.collectAsState()
    val problem by model.problem.collectAsState()
    when (val now = state) {
        is SessionState.SignedIn -> Button(onClick = { model.signOut() }) { Text("Sign out ${now.subject}") }
        is SessionState.SignedOut -> SignInForm(problem) { email, password -> model.signIn(email, password) }
        SessionState.Locked -> Text("Please unlock the device.")
        SessionState.Restoring -> CircularProgressIndicator()
    }
}

@Composable
private fun SignInForm(problem: String?, signIn: (email: String, password: String) -> Unit) {
    // Not `rememberSaveable`: the system would write the password to disk.
    var email by remember { mutableStateOf("") }
    var password by remember { mutableStateOf("") }
    Column {
        OutlinedTextField(email, { email = it }, label = { Text("Email") })
        OutlinedTextField(
            password,
            { password = it },
            label = { Text("Password") },
            visualTransformation = PasswordVisualTransformation(),
        )
        problem?.let { Text(it) }
        Button(onClick = { signIn(email, password) }) { Text("Sign in") }
    }
}
