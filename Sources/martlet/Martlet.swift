import Commands
import Rendering

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@main struct Martlet {
    static func main() async {
        // A decoding child is this same program, before anything else is set up.
        if CommandLine.arguments.dropFirst().first == DecodingChild.command { DecodingChild.run() }
        exit(await MartletProgram.run(Array(CommandLine.arguments.dropFirst())))
    }
}
