// Runs the background tasks of docs/platforms/apple.md as the native library and the system use them.
import AuthSessionKit
import UIKit

let application = UIApplication()
let tasks = BackgroundTasks(application)

// Three are under way when the time is over: a refresh, whose lease is given back at once, and two writes that hang.
for _ in 1...3 {
    precondition(tasks.begin())
}
AuthSession.suspending = { tasks.end() }
application.expire()
AuthSession.suspending = {}

// The process goes on. What the writes end is their own, and not the time of what has begun since.
precondition(tasks.begin())
tasks.end()
tasks.end()
precondition(application.running == 1, "the end of a task that is over has ended another")
tasks.end()
precondition(application.running == 0, "a task goes on for ever")

application.givesTime = false
precondition(!tasks.begin(), "there is no time")
