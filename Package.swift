// swift-tools-version: 6.2
import PackageDescription

// Dependencies point down the list in Documentation/architecture.md only.

let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let asyncHTTPClient = Target.Dependency.product(
    name: "AsyncHTTPClient", package: "async-http-client")

func module(_ folder: String, _ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(folder)/\(name)")
}

let package = Package(
    name: "martlet",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "martlet", targets: ["martlet"]),
        .executable(name: "martlet-simulate", targets: ["martlet-simulate"]),
    ],
    dependencies: [
        .package(
            url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // C: system calls, and the libraries for images and databases
        .target(name: "CMartlet"),
        .systemLibrary(
            name: "CVips", pkgConfig: "vips", providers: [.apt(["libvips-dev"])]),
        .target(name: "CMartletVips", dependencies: ["CVips"]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),

        // Shared
        module("Shared", "Records", ["CMartlet", crypto]),
        module("Shared", "Library", ["Records", crypto]),
        module("Shared", "Status", ["Records"]),
        module("Shared", "Media", ["Records"]),
        module("Shared", "Wire", ["Records", "Library", "Status"]),

        // Server
        module(
            "Server", "Storage",
            [
                "Records", "CMartlet", "CPostgres", grdb,
                .product(name: "GRDBSQLite", package: "GRDB.swift"), asyncHTTPClient, crypto,
                nioCore, nioPosix, .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        module("Server", "Kernel", ["Records", "Storage", "CMartlet", crypto]),
        module("Server", "Accounts", ["Kernel", "Storage", "Records", crypto, cryptoExtras]),
        module("Server", "Rendering", ["Media", "Records", "CMartletVips", "CMartlet", logging]),
        module(
            "Server", "Photos",
            [
                "Kernel", "Storage", "Library", "Media", "Rendering", "Records", logging, nioCore,
                nioPosix,
            ]),
        module(
            "Server", "Operations",
            [
                "Accounts", "Kernel", "Storage", "Library", "Media", "Records", "Status",
                asyncHTTPClient, crypto, logging, nioCore, nioPosix,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        // The web page's files, compiled into the program: it works from any folder, alone.
        .target(
            name: "WebFiles", path: "Web",
            resources: [
                "index.html", "account.html", "icon.svg", "account.css", "app.css", "viewer.css",
                "devices.css", "status.css", "account.js", "api.js",
                "app.js", "colour.js", "devices.js", "elements.js", "grid.js", "library.js",
                "sign-in.js", "storage.js", "timeline.js", "viewer.js", "words.js",
            ].map { .embedInCode($0) }),
        module(
            "Server", "WebServer",
            [
                "Accounts", "Photos", "Operations", "WebFiles", "Kernel", "Storage", "Rendering",
                "Wire",
                "Library", "Media", "Records", "Status", "CMartlet", "CZlib", hummingbird,
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"), crypto,
                logging, nioCore, nioPosix,
            ]),

        // Device
        module("Device", "SyncEngine", ["Records", "Library", "Status"]),
        module(
            "Device", "Agent",
            [
                "SyncEngine", "Wire", "Media", "Library", "Records", "Status", "CMartlet", "CZlib",
                .product(name: "GRDBSQLite", package: "GRDB.swift"), asyncHTTPClient, crypto,
                logging, nioCore, nioPosix, .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),

        module(
            "Device", "Examinations",
            ["Agent", "SyncEngine", "Wire", "Library", "Status", "Records"]),

        // Programs
        .target(
            name: "Commands",
            dependencies: [
                "Examinations", "Agent", "SyncEngine", "WebServer", "Accounts", "Photos",
                "Operations", "Kernel",
                "Storage", "Rendering", "Wire", "Library", "Media", "Records", "Status", logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),
        .executableTarget(
            name: "martlet", dependencies: ["Commands", "Rendering"],
            linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),
        .target(
            name: "Simulation",
            dependencies: ["SyncEngine", "Kernel", "Storage", "Library", "Status", "Records"]),
        .executableTarget(
            name: "martlet-simulate", dependencies: ["Simulation"],
            // A tenth faster than with Swift's libraries beside it: most calls are short.
            linkerSettings: [
                .unsafeFlags(["-use-ld=lld"]),
                .unsafeFlags(
                    [
                        "-static-stdlib", "-lCoreFoundation", "-l_FoundationICU",
                        "-l_FoundationCShims", "-l_FoundationCollections", "-lstdc++",
                    ], .when(platforms: [.linux])),
            ]),

        // Tests
        .target(
            name: "TestSupport", dependencies: ["Records", "Storage", "CPostgres"],
            path: "Tests/TestSupport"),
        test("Records", ["Records"]),
        test("Library", ["Library", "Records"]),
        test("Status", ["Status", "Records"]),
        test("Media", ["Media", "Records"]),
        test("Wire", ["Wire", "Records"]),
        test("Storage", ["Storage", "Records"]),
        test("Kernel", ["Kernel", "Storage", "Records"]),
        test("Accounts", ["Accounts", "Kernel", "Storage", "Records"]),
        test(
            "Operations",
            [
                "Operations", "Accounts", "Kernel", "Storage", "Library", "Records", "Status",
                crypto, logging, nioCore,
            ]),
        test("Rendering", ["Rendering", "Media", "Records", "martlet"]),
        test(
            "Photos",
            [
                "Photos", "WebFiles", "Rendering", "Kernel", "Storage", "Library", "Media",
                "Records", "martlet", logging, nioCore,
            ]),
        test(
            "WebServer",
            [
                "WebServer", "Accounts", "Photos", "Operations", "Kernel", "Storage", "Wire",
                "Library", "Media", "Records", "Status", logging,
                .product(name: "HummingbirdTesting", package: "hummingbird"),
            ]),
        test("SyncEngine", ["SyncEngine", "Library", "Status", "Records"]),
        test(
            "Agent",
            [
                "Agent", "SyncEngine", "Kernel", "Library", "Status", "Records", "Wire", "Media",
                "CMartlet", nioCore, .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        test("Commands", ["Commands", "Agent", "SyncEngine", "Status", "Records"]),
        test("Simulation", ["Simulation", "Library"]),
        test("Tidy", []),
        test(
            "Examinations",
            ["Examinations", "Agent", "SyncEngine", "Library", "Status", "Records"]),
        test(
            "EndToEnd",
            [
                "Records", "Status", "martlet",
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
    ].compactMap { $0 },
    swiftLanguageModes: [.v6]
)

func test(_ name: String, _ dependencies: [Target.Dependency]) -> Target? {
    // Development aid: MARTLET_TESTS=KernelTests,MediaTests builds only those test modules.
    if let only = Context.environment["MARTLET_TESTS"],
        !only.split(separator: ",").contains("\(name)Tests")
    {
        return nil
    }
    return .testTarget(
        name: "\(name)Tests", dependencies: dependencies + ["TestSupport"],
        linkerSettings: [.unsafeFlags(["-use-ld=lld"])])
}

for target in package.targets where target.type != .system && target.type != .plugin {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableUpcomingFeature("InferIsolatedConformances"),
        .enableUpcomingFeature("ImmutableWeakCaptures"),
        .treatAllWarnings(as: .error),
    ]
}
