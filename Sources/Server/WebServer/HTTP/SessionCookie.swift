import Accounts
import HTTPTypes
import Hummingbird
import Records

/// The cookie of a browser's session.
enum SessionCookie {
    static let name = "martlet_session"

    static func token(in request: Request) -> SessionToken? {
        request.cookies[name].flatMap { SessionToken(parsing: $0.value) }
    }

    static func set(_ token: SessionToken, isSecure: Bool, on response: inout Response) {
        write(token.reveal(), seconds: Limits.webSessionDays * 86_400, isSecure, &response)
    }

    static func clear(isSecure: Bool, on response: inout Response) {
        write("", seconds: 0, isSecure, &response)
    }

    private static func write(
        _ value: String, seconds: Int, _ isSecure: Bool, _ response: inout Response
    ) {
        response.headers.append(
            HTTPField(
                name: .setCookie,
                value: "\(name)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict"
                    + (isSecure ? "; Secure" : "")))
    }
}
