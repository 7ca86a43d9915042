import AuthSessionKit
import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

private let unknownType = "application/octet-stream"

/// The name that the XMLHttpRequest standard gives to bytes that have none.
private let unnamedFile = "blob"

/// A request of JavaScript: `NativeRequest` of exchange.ts.
struct RequestDescription {
    let clientID: String?
    let answersAsBase64: Bool
    private let request: URLRequest
    private let options: AuthSession.RequestOptions
    private let content: UploadContent?
    private let download: URL?

    init(_ fields: Fields, progress: ProgressReports) throws {
        clientID = try fields.string("clientId")
        answersAsBase64 = try fields.string("answerAs") == "base64"
        var request = URLRequest(url: try fields.requiredURL("url"))
        request.httpMethod = try fields.requiredString("method")
        for (name, value) in try fields.headers() {
            request.addValue(value, forHTTPHeaderField: name)
        }
        self.request = request
        options = AuthSession.RequestOptions(
            authorization: try fields.authorizationMode(),
            idempotencyKey: try fields.string("idempotencyKey"),
            timeout: try fields.interval("timeoutMs"),
            maximumBodySize: try fields.integer("maxBodyBytes"),
            maximumRedirects: try fields.integer("maxRedirects", most: Int(UInt32.max)),
            uploadProgress: try fields.boolean("reportUpload") == true ? progress.handler("upload") : nil,
            downloadProgress: try fields.boolean("reportDownload") == true ? progress.handler("download") : nil)
        content = try fields.fields("body")?.content()
        download = try fields.file("downloadTo")
    }

    func send(by sender: some RequestSender) async throws -> Response {
        switch (content, download) {
        case (let content?, let file):
            return try await sender.response(
                for: request, uploading: content, downloadingTo: file, options: options)
        case (nil, let file?): return try await sender.download(for: request, to: file, options: options)
        case (nil, nil): return try await sender.response(for: request, options: options)
        }
    }
}

extension Fields {
    func headers() throws -> [(name: String, value: String)] {
        try (list("headers") ?? []).map { (try $0.requiredString("name"), try $0.requiredString("value")) }
    }

    fileprivate func authorizationMode() throws -> AuthSession.RequestOptions.AuthorizationMode {
        switch try string("auth") {
        case nil, "required": .required
        case "optional": .ifSignedIn
        case "never": .never
        default: throw refusal("auth", "required, optional or never")
        }
    }

    fileprivate func content() throws -> UploadContent {
        switch try string("kind") {
        case "text": return .data(Data(try requiredString("text").utf8))
        case "base64":
            guard let data = try base64() else { throw refusal("base64", "a string") }
            return .data(data)
        case "file":
            guard let file = try file("uri") else { throw refusal("uri", "a string") }
            return .file(file)
        case "form":
            var form = MultipartForm()
            for part in try list("parts") ?? [] {
                try part.add(to: &form)
            }
            return .form(form)
        default: throw refusal("kind", "text, base64, file or form")
        }
    }

    private func add(to form: inout MultipartForm) throws {
        let name = try requiredString("name")
        let fileName = try string("fileName")
        let type = try string("contentType")
        if let text = try string("text") {
            if let fileName {
                form.add(Data(text.utf8), name: name, fileName: fileName, mediaType: type ?? unknownType)
            } else {
                form.add(text, name: name, mediaType: type)
            }
        } else if let data = try base64() {
            form.add(data, name: name, fileName: fileName ?? unnamedFile, mediaType: type ?? unknownType)
        } else if let file = try file("uri") {
            form.add(file: file, name: name, fileName: fileName, mediaType: type ?? unknownType)
        } else {
            throw refusal("uri", "a string where there is no text or base64")
        }
    }

    private func base64() throws -> Data? {
        try string("base64").map { text in
            guard let data = Data(base64Encoded: text) else { throw refusal("base64", "Base64") }
            return data
        }
    }
}
