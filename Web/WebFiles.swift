/// The files of the web page, as they were when the program was built.
package enum WebFiles {
    /// A file's bytes by its name; `nil` for a name that the page has not.
    package static func file(_ name: String) -> [UInt8]? { files[name]?() }

    /// In alphabetical order.
    package static var names: [String] { files.keys.sorted() }

    private static let files: [String: @Sendable () -> [UInt8]] = [
        "index.html": { PackageResources.index_html },
        "account.html": { PackageResources.account_html },
        "account.css": { PackageResources.account_css },
        "account.js": { PackageResources.account_js },
        "icon.svg": { PackageResources.icon_svg },
        "app.css": { PackageResources.app_css },
        "viewer.css": { PackageResources.viewer_css },
        "api.js": { PackageResources.api_js },
        "app.js": { PackageResources.app_js },
        "colour.js": { PackageResources.colour_js },
        "devices.css": { PackageResources.devices_css },
        "devices.js": { PackageResources.devices_js },
        "elements.js": { PackageResources.elements_js },
        "grid.js": { PackageResources.grid_js },
        "library.js": { PackageResources.library_js },
        "sign-in.js": { PackageResources.sign_in_js },
        "status.css": { PackageResources.status_css },
        "storage.js": { PackageResources.storage_js },
        "timeline.js": { PackageResources.timeline_js },
        "viewer.js": { PackageResources.viewer_js },
        "words.js": { PackageResources.words_js },
    ]
}
