import Records

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// One ExifTool that stays open and answers about one file after the other; lives in a decoding
/// child, under its limits, and ends with it.
///
/// Names are never given to it: each file is shown as a link with a plain name in a folder of this
/// session, so that neither an argument's dash nor a newline in a name can be misread.
struct ExifToolSession {
    private var process: ChildProcess?
    private var requests = 0
    private let folder: String

    /// Takes an empty folder of its own.
    init(folder: String) {
        self.folder = folder
    }

    /// Ends ExifTool and takes the folder away.
    mutating func end() {
        process?.end()
        process = nil
        rmdir(folder)
    }

    /// What ExifTool says about a file, as JSON.
    ///
    /// One that crashes is started again, once a request.
    mutating func read(_ path: String, fileExtension: String, milliseconds: Int)
        throws(RenderingError) -> [UInt8]
    {
        let link = "\(folder)/file\(fileExtension.isEmpty ? "" : ".")\(fileExtension)"
        unlink(link)
        guard symlink(path, link) == 0 else {
            throw RenderingError(
                .decoderUnavailable, "No link can be made in \(folder); free some space there.")
        }
        defer { unlink(link) }
        let deadline = ChildProcess.deadline(milliseconds: milliseconds)
        let wasUsed = process != nil
        do {
            return try ask(link, by: deadline)
        } catch {
            process?.end()
            process = nil
            // One that had answered before may have run out of its own time; a new one has not.
            guard error == .ended, wasUsed else { throw Self.failure(error) }
        }
        do {
            return try ask(link, by: deadline)
        } catch {
            process?.end()
            process = nil
            throw Self.failure(error)
        }
    }

    private enum Problem: Error {
        case timedOut
        case ended
        case notStarted(RenderingError)

        static func == (left: Self, right: Self) -> Bool {
            switch (left, right) {
            case (.timedOut, .timedOut), (.ended, .ended): true
            default: false
            }
        }
    }

    private static func failure(_ problem: Problem) -> RenderingError {
        switch problem {
        case .timedOut:
            RenderingError(
                .decoderTimedOut, "Reading the facts took too long; only the plain ones are known.")
        case .ended:
            RenderingError(
                .decoderCrashed, "ExifTool ended over this file; only the plain facts are known.")
        case .notStarted(let error): error
        }
    }

    private mutating func ask(_ link: String, by deadline: Int64) throws(Problem) -> [UInt8] {
        let child = try started()
        requests += 1
        let mark = Array("{ready\(requests)}".utf8)
        do {
            try child.send(Array("\(link)\n-execute\(requests)\n".utf8), by: deadline)
            var answer: [UInt8] = []
            while !Self.ends(answer, with: mark) {
                let piece = try child.receiveSome(atMost: 64 << 10, by: deadline)
                guard !piece.isEmpty, answer.count <= Limits.factsAnswerByteCountMax else {
                    throw ChildProcess.Failure.ended
                }
                answer += piece
            }
            return Array(answer.dropLast(mark.count + 1))
        } catch let failure as ChildProcess.Failure {
            throw failure == .timedOut ? .timedOut : .ended
        } catch {
            throw .ended
        }
    }

    private static func ends(_ answer: [UInt8], with mark: [UInt8]) -> Bool {
        answer.last == UInt8(ascii: "\n")
            && answer.dropLast().suffix(mark.count).elementsEqual(mark)
    }

    private mutating func started() throws(Problem) -> ChildProcess {
        if let process { return process }
        do {
            let child = try ChildProcess(
                "exiftool",
                ["-config", "", "-stay_open", "True", "-@", "-", "-common_args"]
                    + ExifToolTags.arguments,
                endsWithParent: true)
            process = child
            return child
        } catch {
            throw .notStarted(error)
        }
    }
}
