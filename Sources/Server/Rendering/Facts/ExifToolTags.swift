/// What is asked of ExifTool: a few tags, as numbers, each named with its group.
enum ExifToolTags {
    static let arguments: [String] =
        ["-json", "-n", "-G1", "-q", "-q", "-m"] + tags.map { "-\($0)" }

    private static let tags = [
        "File:FileType", "ExifTool:Error",
        "ImageSize", "Rotation", "IFD0:Orientation", "Duration",
        "ExifIFD:DateTimeOriginal", "ExifIFD:SubSecTimeOriginal", "ExifIFD:OffsetTimeOriginal",
        "ExifIFD:CreateDate", "ExifIFD:SubSecTimeDigitized", "ExifIFD:OffsetTimeDigitized",
        "GPS:GPSDateStamp", "GPS:GPSTimeStamp", "XMP-exif:GPSDateTime",
        "Composite:GPSLatitude", "Composite:GPSLongitude", "Composite:GPSAltitude",
        "XMP-exif:GPSLatitude", "XMP-exif:GPSLongitude", "XMP-exif:GPSAltitude",
        "XMP-exif:GPSAltitudeRef",
        "QuickTime:CreateDate", "Keys:CreationDate", "ItemList:ContentCreateDate",
        "UserData:ContentCreateDate", "UserData:DateTimeOriginal", "H264:DateTimeOriginal",
        "RIFF:DateTimeOriginal", "Matroska:DateTimeOriginal", "ASF:CreationDate",
        "XMP-exif:DateTimeOriginal", "XMP-photoshop:DateCreated", "XMP-xmp:CreateDate",
        "XMP-exif:DateTimeDigitized", "IPTC:DateCreated", "IPTC:TimeCreated",
        "Make", "Model", "ExifIFD:LensModel", "XMP-aux:Lens",
        "Apple:ContentIdentifier", "Apple:MediaGroupUUID", "Keys:ContentIdentifier",
        "IFD0:Rating", "XMP-xmp:Rating",
        "IFD0:XPTitle", "XMP-dc:Title", "IPTC:ObjectName", "Keys:Title",
        "IFD0:ImageDescription", "XMP-dc:Description", "IPTC:Caption-Abstract",
        "IFD0:XPKeywords", "XMP-dc:Subject", "IPTC:Keywords",
        "XMP-GCamera:MotionPhoto", "XMP-GCamera:MicroVideo",
    ]
}
