// https://developer.apple.com/documentation/swiftui, as far as the example goes
@_exported import Combine
@_exported import Foundation

@MainActor public protocol View {
    associatedtype Body: View
    @ViewBuilder var body: Body { get }
}

extension Never: View {
    public var body: Never { fatalError("has no body") }
}

/// A view that is made of nothing else.
@MainActor public protocol PrimitiveView: View where Body == Never {}

extension PrimitiveView {
    public var body: Never { fatalError("has no body") }
}

public struct EmptyView: PrimitiveView {
    public init() {}
}

public struct TupleView<Content>: PrimitiveView {}

extension Optional: View where Wrapped: View {
    public var body: Never { fatalError("has no body") }
}

@resultBuilder public enum ViewBuilder {
    @MainActor public static func buildBlock() -> EmptyView { EmptyView() }
    @MainActor public static func buildBlock<Content: View>(_ content: Content) -> Content { content }
    @MainActor public static func buildBlock<each Content: View>(_ content: repeat each Content) -> TupleView<(repeat each Content)> {
        TupleView()
    }
    @MainActor public static func buildIf<Content: View>(_ content: Content?) -> Content? { content }
    @MainActor public static func buildEither<One: View, Other: View>(first: One) -> TupleView<(One, Other)> { TupleView() }
    @MainActor public static func buildEither<One: View, Other: View>(second: Other) -> TupleView<(One, Other)> { TupleView() }
}

@MainActor public protocol Scene {}

@MainActor public protocol App {
    associatedtype Content: Scene
    var body: Content { get }
    init()
}

extension App {
    public static func main() {}
}

public struct WindowGroup<Content: View>: Scene {
    public init(@ViewBuilder content: () -> Content) {}
}

@MainActor @propertyWrapper public struct State<Value> {
    public var wrappedValue: Value {
        get { fatalError("a stub") }
        nonmutating set {}
    }
    public var projectedValue: Binding<Value> { Binding() }
    public init(wrappedValue: Value) {}
}

extension State where Value: ExpressibleByNilLiteral {
    public init() {}
}

@MainActor @propertyWrapper public struct StateObject<Object: ObservableObject> {
    public var wrappedValue: Object { fatalError("a stub") }
    public init(wrappedValue: @autoclosure @escaping () -> Object) {}
}

public struct Binding<Value> {}

public struct Text: PrimitiveView {
    public init(_ text: String) {}
}

public struct ProgressView: PrimitiveView {
    public init() {}
}

public struct TextField: PrimitiveView {
    public init(_ title: String, text: Binding<String>) {}
}

public struct SecureField: PrimitiveView {
    public init(_ title: String, text: Binding<String>) {}
}

public struct Button: PrimitiveView {
    public init(_ title: String, action: @escaping @MainActor () -> Void) {}
}

public struct VStack<Content: View>: PrimitiveView {
    public init(@ViewBuilder content: () -> Content) {}
}

public struct List<Content: View>: PrimitiveView {
    public init<Data: RandomAccessCollection>(
        _ data: Data, @ViewBuilder rowContent: @escaping (Data.Element) -> Content
    ) where Data.Element: Identifiable {}
}

extension View {
    public func task(_ action: @escaping @Sendable @MainActor () async -> Void) -> some View { self }
}
