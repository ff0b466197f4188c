// How file systems differ.
extension SimulatedDisk {
    /// Which metadata a power cut can keep.
    package enum Journal: Sendable, CaseIterable {
        /// Operations up to some moment, none after it (ext4, XFS).
        case ordered
        /// Of each folder any of its operations.
        case anySubset
    }

    package struct Profile: Sendable {
        package var journal: Journal
        /// Names that differ in case or in composed letters alone are one name (APFS, NTFS, exFAT).
        package var foldsCase = false
        /// Names are listed with their letters decomposed, however they were given (HFS+).
        package var decomposesNames = false
        /// What times are rounded down to, in nanoseconds (FAT: 2 s).
        package var timeStep: Int64 = 1
        /// `false`: each mount numbers its files anew (FAT, many network disks).
        package var hasStableInodes = true

        package init(_ journal: Journal) { self.journal = journal }

        /// Half of all disks are plain; of the others each differs in its own way.
        init(_ random: inout RandomStream) {
            self.init(random.pick(Journal.allCases))
            guard random.oneIn(2) else { return }
            foldsCase = random.oneIn(2)
            decomposesNames = foldsCase && random.oneIn(2)
            if random.oneIn(3) { timeStep = 2_000_000_000 }
            hasStableInodes = !random.oneIn(3)
        }

        /// What names are compared by.
        func key(of name: [UInt8]) -> [UInt8] {
            guard foldsCase, let text = String(validating: name, as: UTF8.self) else { return name }
            return Array(Self.decomposed(text.lowercased()).utf8)
        }

        /// A new name as it will be listed.
        func listed(_ name: [UInt8]) -> [UInt8] {
            guard decomposesNames, let text = String(validating: name, as: UTF8.self) else {
                return name
            }
            return Array(Self.decomposed(text).utf8)
        }

        func time(_ nanoseconds: Int64) -> Int64 { nanoseconds - nanoseconds % timeStep }

        /// Of the letters that the users here write.
        private static func decomposed(_ text: String) -> String {
            guard text.utf8.contains(where: { $0 >= 0x80 }) else { return text }
            var decomposed = String.UnicodeScalarView()
            for scalar in text.unicodeScalars {
                switch scalar {
                case "\u{FC}": decomposed.append(contentsOf: "u\u{308}".unicodeScalars)
                case "\u{DC}": decomposed.append(contentsOf: "U\u{308}".unicodeScalars)
                default: decomposed.append(scalar)
                }
            }
            return String(decomposed)
        }
    }
}
