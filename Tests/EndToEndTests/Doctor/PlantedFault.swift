/// Something that goes wrong, planted into a device and its server that are in sync.
struct PlantedFault: Sendable, CustomStringConvertible {
    let name: String
    /// The finding that names the cause.
    let finding: String
    /// What `--fix --yes` does about it; `nil`: nobody but a person can end it.
    let remedy: String?
    /// The remedy by which that person does.
    let byHand: String?
    let arguments: [String]
    /// Looked at beside the server, with `--server`.
    let isOfServer: Bool
    let plant: @Sendable (DoctorWorld) throws -> Void
    /// Ends the cause, as its owner would; after a remedy, what its owner does then.
    let end: @Sendable (DoctorWorld) throws -> Void

    var description: String { name }

    /// Mended by the doctor.
    init(
        _ name: String, _ finding: String, mendedBy remedy: String, arguments: [String] = [],
        isOfServer: Bool = false, plant: @escaping @Sendable (DoctorWorld) throws -> Void,
        then end: @escaping @Sendable (DoctorWorld) throws -> Void = { _ in }
    ) {
        self.name = name
        self.finding = finding
        self.remedy = remedy
        byHand = nil
        self.arguments = arguments
        self.isOfServer = isOfServer
        self.plant = plant
        self.end = end
    }

    /// Named by the doctor, ended by a person.
    init(
        _ name: String, _ finding: String, byHand: String? = nil, arguments: [String] = [],
        isOfServer: Bool = false,
        plant: @escaping @Sendable (DoctorWorld) throws -> Void,
        endedBy end: @escaping @Sendable (DoctorWorld) throws -> Void
    ) {
        self.name = name
        self.finding = finding
        remedy = nil
        self.byHand = byHand
        self.arguments = arguments
        self.isOfServer = isOfServer
        self.plant = plant
        self.end = end
    }

    /// Said by the machine, and ended by it.
    init(_ name: String, _ finding: String, conditions: String) {
        self.init(name, finding) { world in
            try world.house.setConditions(conditions, on: world.device)
        } endedBy: { world in
            try world.house.setConditions("{}", on: world.device)
        }
    }
}
