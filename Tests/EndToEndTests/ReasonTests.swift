import Foundation
import Glibc
import TestSupport
import Testing

/// Reasons come with their causes and go with them.
@Suite(.serialized) struct ReasonTests {
    @Test(.timeLimit(.minutes(2)))
    func `a server that is down is a reason until it is back`() throws {
        let house = try Household()
        try house.signIn("camera")
        _ = try house.startAgent("camera")
        try house.expectUpToDate("camera")
        try house.expectReason("serverUnreachable", on: "camera", saying: "connection refused") {
            house.killServer()
        } goneAfter: {
            try house.startServer()
        }
        try house.expectUpToDate("camera")
        // However long it was away, the next try does not have to be waited for.
        try house.expectReason("serverUnreachable", on: "camera", saying: "connection refused") {
            house.killServer()
        } goneAfter: {
            usleep(8_500_000)
            try house.startServer()
        }
        try house.expectUpToDate("camera")
        // Also by a device that has had nothing to ask for a while.
        usleep(15_000_000)
        try house.expectReason("serverUnreachable", on: "camera", saying: "connection refused") {
            house.killServer()
        } goneAfter: {
            try house.startServer()
        }
    }
}
