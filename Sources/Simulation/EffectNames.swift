import SyncEngine

// What effects are called in the counters and in the script of a failing seed.

extension Effect {
    var name: StaticString {
        switch self {
        case .readMark: "readMark"
        case .readConditions: "readConditions"
        case .readFolder: "readFolder"
        case .examine: "examine"
        case .watch: "watch"
        case .readFile: "readFile"
        case .disk(_, let operation): operation.name
        case .send(_, let request): request.sendName
        case .cancel: "cancel"
        case .keepAwake: "keepAwake"
        case .setTimer: "setTimer"
        case .finished: "finished"
        }
    }
}

extension DiskOperation {
    var name: StaticString {
        switch self {
        case .createFolder: "createFolder"
        case .copy: "copy"
        case .setTime: "setTime"
        case .syncLibrary: "syncLibrary"
        case .moveIntoPlace: "moveIntoPlace"
        case .syncFolder: "syncFolder"
        case .moveAside: "moveAside"
        case .moveBack: "moveBack"
        case .reclaim: "reclaim"
        case .removeAside: "removeAside"
        case .giveUp: "giveUp"
        case .locate: "locate"
        case .rename: "rename"
        case .removeTemporary: "removeTemporary"
        case .renew: "renew"
        case .keepPreview: "keepPreview"
        case .removePreview: "removePreview"
        case .listPreviews: "listPreviews"
        case .listTemporaries: "listTemporaries"
        case .syncRows: "syncRows"
        case .writeMark: "writeMark"
        }
    }
}

extension Request {
    var name: String {
        switch self {
        case .reportState: "reportState"
        case .changes: "changes"
        case .have: "have"
        case .pack: "pack"
        case .put: "put"
        case .createUpload: "createUpload"
        case .uploadOffset: "uploadOffset"
        case .uploadPart: "uploadPart"
        case .commit: "commit"
        case .receipts: "receipts"
        case .download: "download"
        }
    }
}

extension Request {
    /// As an effect.
    fileprivate var sendName: StaticString {
        switch self {
        case .reportState: "send reportState"
        case .changes: "send changes"
        case .have: "send have"
        case .pack: "send pack"
        case .put: "send put"
        case .createUpload: "send createUpload"
        case .uploadOffset: "send uploadOffset"
        case .uploadPart: "send uploadPart"
        case .commit: "send commit"
        case .receipts: "send receipts"
        case .download: "send download"
        }
    }
}
