import Simulation

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

struct Arguments {
    static let usage = """
        usage: martlet-simulate [--from N] [--seeds M] [--stop-after F] [--plant BUG]
                                [--acts A] [--without-acts DEVICE.NUMBER,…]
                                [--without FAULT,FAULT#NUMBER,…] [--shrink] [--coverage]
                                [--verbose]
          --from N         the first seed (1)
          --seeds M        how many seeds (200)
          --stop-after F   end after F failures (10)
          --plant BUG      make a mistake on purpose: \
        \(PlantedBug.allCases.map(\.rawValue).joined(separator: ", "))
          --acts A         at most A acts of each user
          --without-acts   leave out single acts, as a shrunk run names them
          --coverage       fail when something that should happen never did
          --without FAULT  leave out kinds of faults, or single strikes of one: \
        \(Simulation.faultNames.joined(separator: ", "))
          --shrink         look for fewer faults and acts with which a failing seed still fails
          --verbose        print every step
        """

    private(set) var from: UInt64 = 1
    private(set) var seedCount = 200
    private(set) var failuresMax = 10
    private(set) var shrinks = false
    private(set) var checksCoverage = false
    private(set) var options = Simulation.Options()

    /// `nil` when an argument is not understood.
    init?(_ arguments: some Sequence<String>) {
        var rest = arguments.makeIterator()
        while let argument = rest.next() {
            switch argument {
            case "--verbose": options.isVerbose = true
            case "--shrink": shrinks = true
            case "--coverage": checksCoverage = true
            default:
                guard let value = rest.next(), set(argument, to: value) else { return nil }
            }
        }
    }

    private mutating func set(_ argument: String, to value: String) -> Bool {
        switch argument {
        case "--from":
            guard let seed = UInt64(value) else { return false }
            from = seed
        case "--seeds":
            guard let count = Int(value), count >= 0 else { return false }
            seedCount = count
        case "--stop-after":
            guard let count = Int(value), count > 0 else { return false }
            failuresMax = count
        case "--acts":
            guard let count = Int(value), count >= 0 else { return false }
            options.actsPerUserMax = count
        case "--without":
            options.withoutFaults = value.split(separator: ",").map(String.init)
            return options.withoutFaults.allSatisfy { fault in
                fault.split(separator: "#").first.map { Simulation.faultNames.contains(String($0)) }
                    ?? false
            }
        case "--without-acts":
            options.withoutActs = value.split(separator: ",").map(String.init)
        case "--plant":
            options.plantedBug = PlantedBug(rawValue: value)
            return options.plantedBug != nil
        default: return false
        }
        return true
    }
}

func exitProcess(_ code: Int32) -> Never { exit(code) }
