// Drives the Swift half of the module from another process, as harness/bridge does the Kotlin one, by the same lines:
// see its Main.kt. In the place of RNAuthSession.mm, it calls the same methods of the same class with the same values.
import Foundation

/// One JSON object a line, from whatever thread.
final class Output: @unchecked Sendable {
    private let lock = NSLock()

    func write(_ message: [String: Any]) {
        guard var line = try? JSONSerialization.data(withJSONObject: message, options: [.fragmentsAllowed]) else {
            fatalError("JavaScript takes no such value")
        }
        line.append(0x0A)
        lock.withLock { FileHandle.standardOutput.write(line) }
    }
}

/// Something that is told to other threads once.
final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var stored = false

    var isSet: Bool { lock.withLock { stored } }

    func set() { lock.withLock { stored = true } }
}

/// A value of JavaScript as a module gets it: JSON has no NaN and no infinity.
func native(_ value: Any) -> Any {
    switch value {
    case let object as [String: Any]:
        if let number = object["$number"] as? String {
            return NSNumber(value: Double(number.replacingOccurrences(of: "Infinity", with: "inf")) ?? .nan)
        }
        // React Native leaves out of a dictionary what is null.
        return object.filter { !($0.value is NSNull) }.mapValues(native)
    case let list as [Any]: return list.map(native)
    default: return value
    }
}

let output = Output()

/// One life of the module, until JavaScript is reloaded.
final class Host {
    /// Whether JavaScript has asked for the module, from when on its events reach it: RNAuthSession.mm looks at
    /// `_eventEmitterCallback` for that.
    private let isAttached = Flag()
    private let hasEnded = Flag()
    private let module: AuthSessionImpl

    init() {
        let (isAttached, hasEnded) = (isAttached, hasEnded)
        func emit(_ name: String) -> @Sendable ([String: Any]) -> Void {
            { value in
                if isAttached.isSet { output.write(["event": name, "value": value]) }
                // Before React Native 0.88 what `_eventEmitterCallback` refers to is gone by then.
                if hasEnded.isSet { output.write(["threw": "\(name) was emitted after invalidate() had returned"]) }
            }
        }
        module = AuthSessionImpl(eventHandler: emit("onEvent"), progressHandler: emit("onProgress"))
    }

    func attach() {
        isAttached.set()
    }

    func invalidate() {
        module.invalidate()
        hasEnded.set()
    }

    func call(_ method: String, _ arguments: [Any], id: Int) {
        let resolve: Resolve = { output.write(["id": id, "returned": $0 ?? NSNull()]) }
        let reject: Reject = { code, message, error in
            let userInfo = (error as NSError?)?.userInfo ?? [:]
            output.write(["id": id, "rejected": ["code": code, "message": message ?? "", "userInfo": userInfo]])
        }
        func text(_ index: Int) -> String { arguments[index] as? String ?? "" }
        func optionalText(_ index: Int) -> String? { arguments[index] as? String }
        func number(_ index: Int) -> NSNumber? { arguments[index] as? NSNumber }
        func object(_ index: Int) -> [String: Any] { arguments[index] as? [String: Any] ?? [:] }
        switch method {
        case "open": module.open(object(0), resolve: resolve, reject: reject)
        case "signIn": module.signIn(text(0), credentialsJson: text(1), resolve: resolve, reject: reject)
        case "continueSignIn":
            module.continueSignIn(text(0), url: text(1), bodyJson: text(2), resolve: resolve, reject: reject)
        case "adopt":
            module.adopt(
                text(0), accessToken: optionalText(1), refreshToken: optionalText(2), expiresInSeconds: number(3),
                resolve: resolve, reject: reject)
        case "importTokens":
            module.importTokens(
                text(0), accessToken: optionalText(1), refreshToken: optionalText(2), expiresInSeconds: number(3),
                resolve: resolve, reject: reject)
        case "signOut": module.signOut(text(0), resolve: resolve, reject: reject)
        case "getState": resolve(module.getState(text(0)))
        case "requireRecentSignIn":
            module.requireRecentSignIn(
                text(0), maxAgeMs: number(1)?.doubleValue ?? .nan, resolve: resolve, reject: reject)
        case "client": module.client(text(0), options: object(1), resolve: resolve, reject: reject)
        case "authorization": module.authorization(text(0), url: text(1), resolve: resolve, reject: reject)
        case "refused": module.refused(text(0), refusal: object(1), resolve: resolve, reject: reject)
        case "trace": module.trace(text(0), resolve: resolve, reject: reject)
        case "networkChanged":
            module.networkChanged(text(0))
            resolve(nil)
        case "resume":
            module.resume(text(0))
            resolve(nil)
        case "request":
            module.request(text(0), requestId: text(1), request: object(2), resolve: resolve, reject: reject)
        case "cancel":
            module.cancel(text(0))
            resolve(nil)
        default: fatalError("no such method: \(method)")
        }
    }
}

var host = Host()
while let line = readLine() {
    let message = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
    guard let message, let id = message["id"] as? Int else { fatalError("no message: \(line.count) bytes") }
    switch message["control"] as? String {
    case "attach":
        host.attach()
        output.write(["id": id, "returned": NSNull()])
    case "reload":
        host.invalidate()
        host = Host()
        output.write(["id": id, "returned": NSNull()])
    default:
        host.call(message["method"] as? String ?? "", (message["arguments"] as? [Any] ?? []).map(native), id: id)
    }
}
exit(0)
