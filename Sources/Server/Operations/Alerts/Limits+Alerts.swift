package import Records

extension Limits {
    // Alerts: looking
    static let alertPollSeconds: Int64 = 15
    static let alertLookSeconds: Int64 = 300
    /// Whoever dies with the turn loses it then.
    static let alertLeaseSeconds: Int64 = 90
    /// A cause that was not seen for so long is over; one that comes and goes is one.
    static let alertOverSeconds: Int64 = 900
    /// What passes by itself in this time is nobody's business.
    static let alertPassingSeconds: Int64 = 300
    /// A new server has no backup for a while.
    static let alertBackupMissingSeconds: Int64 = 86_400
    /// Something waits for a person on a device, who may be asleep.
    static let alertAttentionSeconds: Int64 = 6 * 3_600
    package static let silentDaysDefault: Int64 = 14
    package static let silentDaysMax: Int64 = 3_650
    static let certificateEndingSeconds: Int64 = 14 * 86_400
    /// Causes that are told at once; the others are looked at again when some of them are over.
    static let alertsMax = 200
    /// An alert that is over and could not be told is dropped then.
    static let alertKeptSeconds: Int64 = 30 * 86_400

    // Alerts: telling
    package static let alertChannelsMax = 10
    package static let alertChannelNameByteCountMax = 64
    package static let alertRecipientsMax = 20
    package static let alertAddressByteCountMax = 254
    package static let alertURLByteCountMax = 2_048
    package static let alertSecretByteCountMax = 1_024
    package static let alertTrustByteCountMax = 64 << 10
    /// From one message to the next on one channel; what happens meanwhile comes together.
    static let alertSpacingSeconds: Int64 = 600
    static let alertItemsPerMessageMax = 20
    static let alertSubjectCharactersMax = 150
    static let alertRetrySeconds: Int64 = 60
    static let alertRetrySecondsMax: Int64 = 3_600
    /// One message, with connecting and signing in.
    static let alertSendSecondsMax: Int64 = 30
    /// The doctor tells of a channel that has failed for so long.
    static let alertFailingSeconds: Int64 = 86_400
    static let alertAnswerByteCountMax = 64 << 10
    static let alertErrorCharactersMax = 300
    /// ntfy makes a file of what is longer than 4,096 bytes.
    static let ntfyMessageByteCountMax = 3_500
    static let smtpLineByteCountMax = 4_096
    static let smtpLinesPerReplyMax = 100
}
