package import Kernel

// How accounts prove who they are, and what they may not use, follows from nothing else.
extension SummedTable {
    private static let accountName = "SELECT name FROM account WHERE id = ?"

    package static let credential = SummedTable(
        .credential, key: ["account"],
        columns: ["name", "nameKey", "password", "changedAt", "isDisabled"],
        owners: accountName)

    /// When it was used last is not summed.
    package static let appPassword = SummedTable(
        .appPassword, key: ["account", "label"], columns: ["digest", "createdAt"],
        owners: accountName)

    /// When it was heard last is not summed.
    package static let device = SummedTable(
        .device, key: ["account", "id"],
        columns: [
            "name", "isBrowser", "token", "signedInAt", "expiresAt", "revokedAt", "label",
        ],
        owners: accountName)

    package static let deniedService = SummedTable(
        .deniedService, key: ["account", "service"], columns: ["since"], owners: accountName)

    /// Those that others refer to stand before them.
    package static let ofAccounts = [credential, appPassword, device, deniedService]
}
