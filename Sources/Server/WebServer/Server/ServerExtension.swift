package import Hummingbird

/// A service that joins the server: its routes, its pages, its work in the background.
package protocol ServerExtension: Sendable {
    /// Routes under `/api/v1`, behind the sign-in.
    func addRoutes(to api: RouterGroup<ServerContext>)

    /// Pages in front of the sign-in, under `/`.
    func addPages(to root: RouterGroup<ServerContext>)

    /// A device has committed something. Must not wait.
    func committed()

    /// Works until its task is cancelled.
    func run() async throws
}

extension ServerExtension {
    package func addRoutes(to api: RouterGroup<ServerContext>) {}
    package func addPages(to root: RouterGroup<ServerContext>) {}
    package func committed() {}
    package func run() async throws {}
}
