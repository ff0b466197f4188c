import HTTPTypes
import Hummingbird
import NIOCore
import Records
import Synchronization
import Testing
import WebServer

@Suite struct ClientAddressTests {
    private func client(
        _ peer: String?, forwardedFor header: String?, trusted: [String]
    ) throws -> String {
        let proxies = try #require(TrustedProxies(parsing: trusted))
        var fields = HTTPFields()
        if let header { fields[try #require(HTTPField.Name("X-Forwarded-For"))] = header }
        let request = Request(
            head: HTTPRequest(
                method: .get, scheme: "http", authority: "x", path: "/", headerFields: fields),
            body: RequestBody(buffer: ByteBuffer()))
        return proxies.client(of: request, peer: peer)
    }

    @Test(
        arguments: [
            // Nobody is believed.
            ("203.0.113.9", "198.51.100.1", [], "203.0.113.9"),
            // A proxy is, but only about the hop in front of it.
            ("10.0.0.1", "198.51.100.1", ["10.0.0.0/8"], "198.51.100.1"),
            ("10.0.0.1", "192.0.2.66, 198.51.100.1", ["10.0.0.0/8"], "198.51.100.1"),
            ("10.0.0.1", "198.51.100.1, 10.0.0.7", ["10.0.0.0/8"], "198.51.100.1"),
            ("11.0.0.1", "198.51.100.1", ["10.0.0.0/8"], "11.0.0.1"),
            ("10.0.0.1", nil, ["10.0.0.1"], "10.0.0.1"),
            ("10.0.0.1", "rubbish", ["10.0.0.1"], "10.0.0.1"),
            ("::ffff:10.0.0.1", "198.51.100.1", ["10.0.0.1/32"], "198.51.100.1"),
            (nil, "198.51.100.1", ["10.0.0.1"], "unknown"),
        ] as [(String?, String?, [String], String)])
    func `a proxy's word counts only where the proxy is trusted`(
        peer: String?, header: String?, trusted: [String], expected: String
    ) throws {
        #expect(try client(peer, forwardedFor: header, trusted: trusted) == expected)
    }

    @Test func `one household of IPv6 is one client`() throws {
        let first = try client("2001:db8:1:2::1", forwardedFor: nil, trusted: [])
        #expect(try client("2001:db8:1:2:ffff::9", forwardedFor: nil, trusted: []) == first)
        #expect(try client("2001:db8:1:3::1", forwardedFor: nil, trusted: []) != first)
    }

    @Test(arguments: ["", "10.0.0.0/33", "10.0.0.0/-1", "host", "10.0.0.0/8/8", "::1/129"])
    func `what is no network is refused`(text: String) {
        #expect(TrustedProxies(parsing: [text]) == nil)
    }
}

@Suite struct ByteBudgetTests {
    @Test func `a budget is given out first come, first served`() async {
        let budget = ByteBudget(byteCount: 10)
        #expect(budget.tryTake(6))
        #expect(!budget.tryTake(5))
        let order = Order()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await budget.take(8)
                order.values.withLock { $0.append(8) }
                budget.giveBack(8)
            }
            while budget.tryTake(1) {
                budget.giveBack(1)
                await Task.yield()
            }
            // Somebody waits: nobody small slips past.
            #expect(!budget.tryTake(1))
            budget.giveBack(6)
            await group.waitForAll()
        }
        #expect(order.values.withLock { $0 } == [8])
        #expect(budget.tryTake(10))
    }

    @Test func `a budget of nothing is a programmer's error`() async {
        await #expect(processExitsWith: .failure) { _ = ByteBudget(byteCount: 0) }
    }
}

private final class Order: Sendable {
    let values = Mutex<[Int]>([])
}
