/// Runs a program once and takes what it writes, with bounds on time and bytes.
enum OneShot {
    struct Outcome {
        let output: [UInt8]
        /// The program wrote more than it may.
        let isCut: Bool
        let messages: String
    }

    static func run(
        _ program: String, _ arguments: [String], outputByteCountMax: Int, by deadline: Int64
    ) throws(RenderingError) -> Outcome {
        let child = try ChildProcess(
            program, arguments, keepsMessages: true, endsWithParent: true)
        child.finishSending()
        var output: [UInt8] = []
        var isCut = false
        do {
            while true {
                let piece = try child.receiveSome(atMost: 256 << 10, by: deadline)
                if piece.isEmpty { break }
                output += piece
                if output.count > outputByteCountMax {
                    isCut = true
                    break
                }
            }
        } catch .timedOut {
            child.end()
            throw RenderingError(
                .decoderTimedOut, "\(program) took too long; the file is kept without a picture.")
        } catch {
            // Ended: what it wrote until then may still be a picture.
        }
        let messages = child.takeMessages()
        child.end()
        return Outcome(output: output, isCut: isCut, messages: messages)
    }
}
