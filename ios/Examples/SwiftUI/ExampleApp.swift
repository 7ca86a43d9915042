import AuthSessionKit
import SwiftUI

/// An app with one session: it opens it, shows who is signed in, signs in and out, and shows a list from the API.
@main
struct ExampleApp: App {
    var body: some Scene {
        WindowGroup {
            LaunchView()
        }
    }
}

/// Opens the session, once.
struct LaunchView: View {
    @State private var session: AuthSession?
    @State private var problem: String?

    var body: some View {
        if let session {
            RootView(session: session)
        } else if let problem {
            Text(problem)
        } else {
            ProgressView().task { await open() }
        }
    }

    private func open() async {
        var configuration = AuthSession.Configuration(baseURL: URL(string: "https://api.example.com")!)
        // Two weeks without use end the session.
        configuration.idleTimeout = 14 * 24 * 60 * 60
        do {
            session = try await AuthSession.open(configuration)
        } catch {
            problem = error.localizedDescription
        }
    }
}

/// Shows what the session is.
struct RootView: View {
    @StateObject private var model: SessionModel

    init(session: AuthSession) {
        _model = StateObject(wrappedValue: SessionModel(session))
    }

    var body: some View {
        switch model.state {
        case .signedIn:
            NotesView(session: model.session)
        case .signedOut(let reason):
            SignInView(session: model.session, hint: hint(reason))
        case .restoring:
            ProgressView()
        case .locked:
            Text("Unlock the device to go on")
        }
    }

    private func hint(_ reason: SignOutReason) -> String? {
        switch reason {
        case .neverSignedIn, .user: nil
        case .idleTimeout, .lifetimeExceeded: "You have been away for long. Please sign in again."
        default: "Your session has ended. Please sign in again."
        }
    }
}

struct SignInView: View {
    let session: AuthSession
    let hint: String?
    @State private var email = ""
    @State private var password = ""
    @State private var problem: String?

    var body: some View {
        VStack {
            if let text = problem ?? hint {
                Text(text)
            }
            TextField("E-mail", text: $email)
            SecureField("Password", text: $password)
            Button("Sign in") {
                Task { await signIn() }
            }
        }
    }

    private func signIn() async {
        do {
            try await session.signIn(["email": email, "password": password])
        } catch let error as AuthSessionError where error.code == .signInRejected {
            problem = "E-mail or password is wrong."
        } catch {
            problem = "That did not work. Please try again later."
        }
    }
}

struct Note: Decodable, Identifiable {
    let id: String
    let title: String
}

struct NotesView: View {
    let session: AuthSession
    @State private var notes: [Note] = []
    @State private var problem: String?

    var body: some View {
        VStack {
            if let problem {
                Text(problem)
            }
            List(notes) { note in
                Text(note.title)
            }
            Button("Sign out") {
                Task { try? await session.signOut() }
            }
        }
        // Ends with the view, and the request with it.
        .task { await load() }
    }

    private func load() async {
        do {
            notes = try await session.get("/notes").decode([Note].self)
        } catch is CancellationError {
            // Nobody looks any more.
        } catch let error as AuthSessionError where error.requiresSignIn {
            // The model shows the sign-in already.
        } catch {
            problem = "The notes cannot be loaded now."
        }
    }
}
