import Agent
import Commands
import Testing

@Suite struct StatusViewTests {
    @Test func `a live view stays in its place, and each line in its row`() {
        var view = StatusView()
        let first = view.frame(["one", "two"], columns: 80, rows: 24)
        #expect(first == "\rone\u{1B}[K\n\rtwo\u{1B}[K\n\u{1B}[J")
        // Up by as many rows as were written; what is left below goes.
        let second = view.frame(["three"], columns: 80, rows: 24)
        #expect(second == "\u{1B}[2A\rthree\u{1B}[K\n\u{1B}[J")
    }

    @Test func `what is too long or too much for the terminal does not scroll it`() {
        var view = StatusView()
        let cut = view.frame([String(repeating: "x", count: 200)], columns: 20, rows: 24)
        #expect(cut == "\r" + String(repeating: "x", count: 18) + "…\u{1B}[K\n\u{1B}[J")
        let lines = (0..<30).map { "line \($0)" }
        let few = view.frame(lines, columns: 80, rows: 10)
        #expect(few.split(separator: "\n").count == 10)
        #expect(few.contains("… and 22 lines more"))
    }

    @Test func `a name that would move the cursor does not`() {
        var view = StatusView()
        let text = view.frame(["evil\u{1B}[2J"], columns: 80, rows: 24)
        #expect(text == "\revil\\u{1B}[2J\u{1B}[K\n\u{1B}[J")
    }

    @Test func `a unit's paths are what systemd reads them as`() throws {
        let home = DeviceHome(path: "/home/me/100 % \"mine\" $HOME\\x")
        let unit = try UserService(
            home: home, environment: ["HOME": "/home/me", "MARTLET_HOME": home.path]
        ).unit(program: "/opt/a $b/martlet")
        #expect(
            unit.contains(
                #"Environment="MARTLET_HOME=/home/me/100 %% \"mine\" $HOME\\x""# + "\n"))
        #expect(unit.contains(#"ExecStart="/opt/a $$b/martlet" sync"# + "\n"))
    }
}
