import Library
import Records
import SyncEngine

// The device's end of a request: its files on the way out, its temporary files on the way in.
extension SimulatedDevice {
    /// Opens the files of a request, as they must be when sending begins.
    func checkFiles(of request: Request) -> RequestFailure? {
        for file in request.files {
            if let failure = check(file) { return failure }
        }
        return nil
    }

    /// Reads them, as they must still be when the last byte is sent.
    func readFiles(of exchange: SimulatedNetwork.Exchange) -> RequestFailure? {
        guard incarnation == exchange.incarnation else { return nil }
        for file in exchange.request.files {
            if let failure = check(file) { return failure }
            let disk = disks[Int(file.place.root.rawValue)]
            if let node = disk.node(at: file.place.path) {
                exchange.payload.append(disk.nodes[node].content)
            }
        }
        return nil
    }

    private func check(_ file: FileToSend) -> RequestFailure? {
        do throws(DiskError) {
            _ = try disks[Int(file.place.root.rawValue)].file(
                at: file.place.path, with: file.stamp)
            return nil
        } catch .changed {
            return .fileChanged(file.place)
        } catch {
            return .fileUnreadable(file.place, error)
        }
    }

    /// An answer, or the lack of one, has come.
    func received(
        _ result: Result<Reply, RequestFailure>, for exchange: SimulatedNetwork.Exchange
    ) {
        guard incarnation == exchange.incarnation else { return }
        world.counters.add(.reply, "\(exchange.request.name) \(result.name)")
        var result = result
        if case .download(_, _, let temporary) = exchange.request,
            case .success(.downloaded) = result, let content = exchange.payload.first
        {
            result = store(content, in: temporary)
        }
        if case .success(.changes(let page)) = result {
            oracle.told(page.records, to: self)
            if world.plantedBug == .joinDeletesFile {
                for record in page.records where record.joinedInto != nil { lose(record.key) }
            }
        }
        answer(.replied(exchange.id, result), kind: "replied", within: 0...0)
    }

    /// Planted: a part's file follows its record.
    private func lose(_ part: RecordKey) {
        guard let original = rows.current.remote(part)?.record.blob(.original) else { return }
        for file in rows.current.localFiles(with: original.digest) where file.place.root.isLibrary {
            guard let node = library.node(at: file.place.path) else { continue }
            oracle.checkSetAside(library.nodes[node].content, at: file.place, by: self)
            _ = try? disks[0].remove(file.place.path)
        }
    }

    /// Goes on where an earlier try stopped, and says what the file holds now.
    private func store(
        _ content: Content, in temporary: TemporaryName
    ) -> Result<Reply, RequestFailure> {
        var arrived = content
        if world.faults.strikes(.downloadCorrupted) {
            world.fault(.downloadCorrupted, temporary.text)
            arrived = content.damaged(by: world.faults.damage())
        }
        let before = temporaryContent(temporary) ?? .empty
        var whole = arrived
        if before.byteCount >= content.byteCount {
            whole = before
        } else if before.byteCount > 0, before != content.prefix(before.byteCount) {
            whole = arrived.damaged(by: before.digest.bytes.reduce(3) { $0 &* 31 &+ UInt64($1) })
        }
        do throws(DiskError) {
            if world.faults.strikes(.downloadBroken) {
                world.fault(.downloadBroken, temporary.text)
                let part = max(before.byteCount, world.faults.within(0...content.byteCount))
                try writeTemporary(temporary, whole.prefix(part))
                return .failure(.interrupted)
            }
            try writeTemporary(temporary, whole)
            let digest = world.plantedBug == .digestBelieved ? content.digest : whole.digest
            return .success(.downloaded(digest, byteCount: whole.byteCount))
        } catch {
            return .failure(.disk(error))
        }
    }
}

extension Result where Success == Reply, Failure == RequestFailure {
    var name: String {
        guard case .failure(let failure) = self else { return "success" }
        return switch failure {
        case .unreachable: "unreachable"
        case .timedOut: "timedOut"
        case .interrupted: "interrupted"
        case .signInNeeded: "signInNeeded"
        case .appNotAllowed: "appNotAllowed"
        case .changeTokenExpired: "changeTokenExpired"
        case .retryLater: "retryLater"
        case .maintenance: "maintenance"
        case .accountFull: "accountFull"
        case .serverStorageFull: "serverStorageFull"
        case .versionTooOld: "versionTooOld"
        case .fileChanged: "fileChanged"
        case .fileUnreadable: "fileUnreadable"
        case .digestMismatch: "digestMismatch"
        case .notFound: "notFound"
        case .disk: "disk"
        case .refused: "refused"
        }
    }
}
