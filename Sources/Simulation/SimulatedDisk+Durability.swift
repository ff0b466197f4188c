package import Library

// What survives a power cut.
extension SimulatedDisk {
    /// Bytes are lost in pages of this size.
    static let pageByteCount: Int64 = 4_096

    /// fsync of a file: its bytes, not its name.
    package func sync(file node: Int) {
        if nodes[node].isDirty { nodes[node].durableContent = nodes[node].content }
        nodes[node].isDirty = false
    }

    /// fsync of a folder: its names.
    ///
    /// A journal is in order: what came before is written with it.
    package func sync(folder: Int) {
        switch profile.journal {
        case .ordered:
            guard
                let last = pending.lastIndex(where: { $0.contains { $0.folder == folder } })
            else { return }
            for changes in pending[...last] { changes.forEach { keep($0) } }
            pending.removeSubrange(...last)
        case .anySubset:
            pending = pending.compactMap { changes in
                changes.filter { $0.folder == folder }.forEach { keep($0) }
                let rest = changes.filter { $0.folder != folder }
                return rest.isEmpty ? nil : rest
            }
        }
    }

    /// syncfs: everything.
    package func syncAll() {
        for node in nodes.indices where nodes[node].isDirty { sync(file: node) }
        for changes in pending { changes.forEach { keep($0) } }
        pending.removeAll(keepingCapacity: true)
    }

    /// A sync that failed: the pages count as clean and were never written, so the next one
    /// succeeds.
    ///
    /// Programs see them until the cache is dropped.
    package func failSync() {
        for node in nodes.indices { nodes[node].isDirty = false }
    }

    /// True when a power cut would leave the file at `path` as it is seen now.
    package func isDurable(_ path: RelativePath) -> Bool {
        var folder = Self.rootNode
        for name in path.components {
            let key = profile.key(of: name)
            guard let node = nodes[folder].entries[key]?.node,
                nodes[folder].durableEntries[key]?.node == node
            else { return false }
            folder = node
        }
        return nodes[folder].content == nodes[folder].durableContent && !nodes[folder].isDirty
    }

    /// The power goes: keeps what was durable, and of the rest what chance leaves.
    package func cutPower(_ random: inout RandomStream) {
        keepSomeNames(&random)
        for node in nodes.indices {
            if nodes[node].kind == .file { keepSomeBytes(of: node, &random) }
            nodes[node].entries = nodes[node].durableEntries
        }
        mount()
    }

    private func keepSomeNames(_ random: inout RandomStream) {
        switch profile.journal {
        case .ordered:
            for changes in pending.prefix(random.below(pending.count + 1)) {
                changes.forEach { keep($0) }
            }
        case .anySubset:
            for changes in pending {
                // A folder moves whole: two of one folder would be no tree.
                let isFolder = changes.contains {
                    $0.node.map { nodes[$0].kind == .folder } ?? false
                }
                let keepsAll = random.oneIn(2)
                for change in changes where isFolder ? keepsAll : random.oneIn(2) { keep(change) }
            }
        }
        pending.removeAll(keepingCapacity: true)
    }

    private func keepSomeBytes(of node: Int, _ random: inout RandomStream) {
        let seen = nodes[node].content
        guard nodes[node].isDirty || seen != nodes[node].durableContent else { return }
        let wasDirty = nodes[node].isDirty
        let kept: Content =
            switch random.weighted([wasDirty ? 4 : 0, 2, 1, 2, 1]) {
            case 0: seen
            case 1: nodes[node].durableContent
            case 2: .empty
            case 3: torn(seen, &random)
            default: seen.damaged(by: random.next())
            }
        nodes[node].isDirty = false
        nodes[node].durableContent = kept
        guard kept != seen else { return }
        nodes[node].content = kept
        // Damage under an unchanged stamp is a matter for scrubbing; here only what the engine
        // itself made, and had to make durable first, can have it.
        if nodes[node].maker == .user { nodes[node].changedAt += profile.timeStep }
    }

    private func torn(_ content: Content, _ random: inout RandomStream) -> Content {
        let pages = content.byteCount / Self.pageByteCount
        return content.prefix(Int64(random.below(Int(pages) + 1)) * Self.pageByteCount)
    }

    private func keep(_ change: NameChange) {
        nodes[change.folder].durableEntries[profile.key(of: change.name)] = link(change)
    }
}
