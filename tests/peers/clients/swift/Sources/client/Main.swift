import Foundation

/// `client NAME ARGUMENTS`: a client under test, driven over standard input and output.
@main
enum Main {
    static func main() async {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count == 2, let name = arguments.first, let json = arguments.last else {
            complain("usage: client NAME ARGUMENTS-JSON")
            exit(EXIT_FAILURE)
        }
        switch name {
        case "urlsession": await run(URLSessionClient.self, as: name, json)
        case "authsession-swift": await run(AuthSessionClient.self, as: name, json)
        default:
            complain("there is no client named \(name)")
            exit(EXIT_FAILURE)
        }
    }

    private static func run<Tested: Client>(_ type: Tested.Type, as name: String, _ json: String) async {
        do {
            let arguments = try JSONDecoder().decode(Arguments.self, from: Data(json.utf8))
            let driver = Driver(try await Tested(arguments), arguments)
            // Nobody reads what comes after standard input has closed.
            let lines = linesOfStandardInput()
            Output.write(Ready(client: name, versions: Tested.versions))
            for await line in lines {
                driver.obey(line)
            }
            exit(EXIT_SUCCESS)
        } catch let error as NotAble {
            complain(error.reason)
            exit(NotAble.exitStatus)
        } catch {
            complain("\(name) does not start: \(error)")
            exit(EXIT_FAILURE)
        }
    }
}
