import Accounts
package import Kernel

// What is offered and who has it was decided by a person.
extension SummedTable {
    package static let storagePlan = SummedTable(
        .storagePlan, key: ["nameKey"], columns: ["name", "byteCount"],
        owners: "SELECT name FROM storagePlan WHERE nameKey = ?")

    package static let poolPlan = SummedTable(
        .poolPlan, key: ["pool"], columns: ["nameKey"],
        owners: "SELECT name FROM account WHERE pool = ? ORDER BY name")

    /// Every table of a server whose sums lie beside it; those that others refer to stand before
    /// them.
    package static let all =
        [server, pool, zone] + ofAccounts + [storagePlan, poolPlan]
}
