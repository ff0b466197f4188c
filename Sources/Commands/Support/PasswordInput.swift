import ArgumentParser

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

struct PasswordOptions: ParsableArguments {
    @Flag(help: "Read the password from standard input: its first line.")
    var passwordStdin = false
}

enum PasswordInput {
    /// Asks on the terminal without showing what is typed, or reads the first line of standard
    /// input.
    ///
    /// Throws a sentence when there is neither.
    static func read(_ options: PasswordOptions, prompt: String) throws -> String {
        if options.passwordStdin {
            guard let line = readLine(strippingNewline: true), !line.isEmpty else {
                throw Complaint(.usage, "noPassword", "Standard input held no password.")
            }
            return line
        }
        guard isatty(STDIN_FILENO) == 1 else {
            throw Complaint(
                .usage, "noPassword", "There is no terminal to ask on: use --password-stdin.")
        }
        return try ask(prompt)
    }

    /// Asks twice when it is a new one and typed.
    static func readNew(_ options: PasswordOptions) throws -> String {
        let password = try read(options, prompt: "New password: ")
        guard !options.passwordStdin else { return password }
        guard try ask("Once more: ") == password else {
            throw Complaint(.usage, "passwordsDiffer", "The two were not the same: try again.")
        }
        return password
    }

    private static func ask(_ prompt: String) throws -> String {
        Output.raw(prompt)
        var settings = termios()
        let isKnown = tcgetattr(STDIN_FILENO, &settings) == 0
        var hidden = settings
        hidden.c_lflag &= ~tcflag_t(ECHO)
        if isKnown { _ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) }
        defer {
            if isKnown { _ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings) }
            Output.raw("\n")
        }
        guard let line = readLine(strippingNewline: true), !line.isEmpty else {
            throw Complaint(.usage, "noPassword", "No password was typed.")
        }
        return line
    }
}

enum Confirmation {
    /// Asks a person on a terminal to type `word`; scripts, which have none, have said what they
    /// mean.
    static func isGiven(_ sentence: String, word: String) -> Bool {
        guard isatty(STDIN_FILENO) == 1 else { return true }
        Output.line(sentence)
        Output.raw("Type \(EscapedText.line(word)) to go on: ")
        return readLine(strippingNewline: true) == word
    }
}
