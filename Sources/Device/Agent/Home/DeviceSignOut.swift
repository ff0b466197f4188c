import SyncEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Leaves the account: the device's secret ends on the server, what it knew is forgotten, and the
/// library stays as a folder of ordinary files.
///
/// What was removed before has left by the steps of Optimize Storage, so nothing takes it for
/// deleted; what is left after the end of the sign-in has no base, so a later sign-in with the same
/// folder deletes nothing either.
package struct DeviceSignOut: Sendable {
    package let home: DeviceHome

    package init(home: DeviceHome) { self.home = home }

    package struct Report: Sendable {
        /// `false` when the server could not be told; its owner sees the device until then.
        package let isTold: Bool
        /// With `removing`: what left, and what stays.
        package let removal: LibraryRemoval?
    }

    /// `removing`: what is proven to be safe on the server leaves this device first; when the
    /// server cannot prove it, the device stays signed in, and it can be done again.
    package func run(removing: Bool) async throws(AgentError) -> Report {
        guard removing else {
            let lock = try AgentLock(home)
            defer { withExtendedLifetime(lock) {} }
            return Report(isTold: try await end(), removal: nil)
        }
        let before = try LibraryRemoval.files(of: home)
        // It holds the lock of this device's agent to the end.
        let agent = try Agent(home: home, once: true, removesOriginals: true)
        defer { withExtendedLifetime(agent.lock) {} }
        try await LibraryRemoval.expectDone(
            try await agent.run(), agent, otherwise: "run martlet logout --keep")
        var removal = LibraryRemoval(before: before, after: try LibraryRemoval.files(of: home))
        let library = try home.configuration().library
        removal.noteTrash(of: library)
        let isTold = try await end()
        LibraryRemoval.tidy(library, isSignedOut: true)
        return Report(isTold: isTold, removal: removal)
    }

    private func end() async throws(AgentError) -> Bool {
        let configuration = try home.configuration()
        let client = ServerClient(
            address: try ServerAddress(parsing: configuration.server), token: try home.token(),
            trusting: home.trustedFiles())
        var isTold = true
        do throws(RequestFailure) {
            try await client.signOut(configuration.device)
        } catch .signInNeeded {
            // The server has forgotten the device already.
        } catch {
            isTold = false
        }
        await client.shutdown()
        _ = unlink(configuration.library + "/.martlet/mark")
        home.forget()
        return isTold
    }
}
