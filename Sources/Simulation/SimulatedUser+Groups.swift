import Library
import Records
import SyncEngine

// Acts on several files at once: a whole card, an emptied folder, a Live Photo, a RAW beside its
// JPEG.
extension SimulatedUser {
    /// As many as are held when they are deleted together.
    func addMany(in root: Int) throws(DiskError) {
        let folder = random.pick(Self.folders)
        try makeFolder(folder, in: root)
        let stem = "DCIM\(random.below(1_000))_"
        for number in 0..<Limits.heldWhenMoreThanHalfMin + random.below(4) {
            let content = Content(id: random.next() | 1, byteCount: random.within(1...20_000))
            try write(
                content, at: folder.appending(Array("\(stem)\(number).jpg".utf8)), in: root)
        }
    }

    /// Everything that lies there, by a mistake or not.
    func deleteMany(in root: Int) throws(DiskError) {
        for (path, _) in device.disks[root].files() where path.isImportable {
            removing(path, in: root)
            try device.disks[root].remove(path)
            notice(root, path)
        }
    }

    /// Both parts at once, or the second some time later.
    func addPair(in root: Int) throws(DiskError) {
        let folder = random.pick(Self.folders)
        try makeFolder(folder, in: root)
        let number = random.next()
        let second: PairPart = random.oneIn(2) ? .video : .raw
        let still = Content(.still, ofPair: number, byteCount: random.within(1_000...900_000))
        let other = Content(second, ofPair: number, byteCount: random.within(1_000...2_000_000))
        let stem = "IMG_9\(number % 1_000)"
        let name = stem + (second == .video ? ".mov" : ".nef")
        var parts = [(still, stem + ".jpg"), (other, name)]
        if random.oneIn(2) { parts.swapAt(0, 1) }
        try write(parts[0].0, at: folder.appending(Array(parts[0].1.utf8)), in: root)
        let pause = random.oneIn(2) ? 0 : random.within(500...30_000)
        world.after(pause) { [self] in
            let disk = device.disks[root]
            guard (try? disk.checkWritable()) != nil, disk.node(at: folder) != nil else { return }
            try? write(parts[1].0, at: folder.appending(Array(parts[1].1.utf8)), in: root)
        }
    }
}
