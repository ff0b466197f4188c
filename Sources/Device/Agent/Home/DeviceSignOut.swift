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
    ///
    /// Killed at any moment it can be run again, and goes on.
    package func run(removing: Bool) async throws(AgentError) -> Report {
        guard removing else {
            let lock = try AgentLock(home)
            defer { withExtendedLifetime(lock) {} }
            let isTold = try await tellServer()
            try forget(removesTidily: false)
            return Report(isTold: isTold, removal: nil)
        }
        if home.isSigningOut { return try await goOn() }
        let before = try LibraryRemoval.files(of: home)
        // It holds the lock of this device's agent to the end.
        let agent = try Agent(home: home, once: true, removesOriginals: true)
        defer { withExtendedLifetime(agent.lock) {} }
        try await LibraryRemoval.expectDone(
            try await agent.run(), agent, otherwise: "run martlet logout --keep")
        let removal = LibraryRemoval(before: before, after: try LibraryRemoval.files(of: home))
        // Once the server has forgotten this device, nothing more could be proven.
        try home.noteSigningOut()
        return try await end(removal)
    }

    /// An earlier run has removed what may leave, and was ended before the sign-in was.
    private func goOn() async throws(AgentError) -> Report {
        let lock = try AgentLock(home)
        defer { withExtendedLifetime(lock) {} }
        // They are gone already when that run came as far as to forget them.
        let files = (try? LibraryRemoval.files(of: home)) ?? []
        return try await end(LibraryRemoval(before: files, after: files))
    }

    private func end(_ removal: LibraryRemoval) async throws(AgentError) -> Report {
        var removal = removal
        removal.noteTrash(of: try home.configuration().library)
        let isTold = try await tellServer()
        try forget(removesTidily: true)
        return Report(isTold: isTold, removal: removal)
    }

    /// `false`: it could not be told.
    private func tellServer() async throws(AgentError) -> Bool {
        // Without its secret the device was signed out by an earlier run.
        guard home.isSignedIn else { return true }
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
        return isTold
    }

    private func forget(removesTidily: Bool) throws(AgentError) {
        let library = try home.configuration().library
        // The server takes it no longer: from here on this device is signed out, whatever happens.
        home.forgetToken()
        _ = unlink(library + "/.martlet/mark")
        if removesTidily { LibraryRemoval.tidy(library, isSignedOut: true) }
        home.forget()
    }
}
