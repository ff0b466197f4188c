/// What ExifTool 12.57 says about some of the real photos, read by hand and written down: the truth
/// that readers are tested by.
///
/// Width and height are as shown, orientation applied.
package struct KnownPhoto: Sendable, CustomStringConvertible {
    package let path: String
    package let width: Int
    package let height: Int
    /// The clock's text; `nil` where the file holds no date.
    package let taken: String?
    package let offset: Int?
    package let source: String?
    package let latitude: Double?
    package let longitude: Double?
    package let make: String?
    package let model: String?
    package let duration: Double?

    package var description: String { path }
    package var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    init(
        _ path: String, _ width: Int, _ height: Int, taken: String? = nil, offset: Int? = nil,
        source: String? = nil, latitude: Double? = nil, longitude: Double? = nil,
        make: String? = nil, model: String? = nil, duration: Double? = nil
    ) {
        self.path = path
        self.width = width
        self.height = height
        self.taken = taken
        self.offset = offset
        self.source = source
        self.latitude = latitude
        self.longitude = longitude
        self.make = make
        self.model = model
        self.duration = duration
    }

    package static let all: [KnownPhoto] = [
        KnownPhoto(
            "camera/Canon EOS 450D.jpg", 4272, 2848, taken: "2008-04-15T13:11:23.030",
            source: "exifOriginal", make: "Canon", model: "Canon EOS 450D"),
        KnownPhoto(
            "camera/Nikon D1X.jpg", 600, 391, taken: "2003-08-06T18:04:34.610",
            source: "exifOriginal", make: "NIKON CORPORATION", model: "NIKON D1X"),
        KnownPhoto(
            "camera/HTC Desire.jpg", 776, 909, taken: "2011-05-06T09:59:48", offset: 120,
            source: "exifOriginal", latitude: 45.5006666666667, longitude: 9.11033333333333,
            make: "HTC", model: "HTC Desire"),
        KnownPhoto(
            "camera/Sony DSC-HX5V (2).jpg", 730, 547, taken: "2010-05-15T17:12:05", offset: 120,
            source: "exifOriginal", latitude: 51.778615, longitude: 8.36563805555556,
            make: "SONY", model: "DSC-HX5V"),
        KnownPhoto(
            "camera/FujiFilm SP-2500.jpg", 121, 81, taken: "2003-09-10T20:59:18",
            source: "exifDigitized", make: "FUJI PHOTO FILM CO., LTD.", model: "SP-2500"),
        KnownPhoto(
            "camera/Sony Cybershot (3).jpg", 450, 311, taken: "2001-11-27T18:33:44",
            source: "exifOriginal", make: "SONY", model: "CYBERSHOT"),
        KnownPhoto(
            "camera/FujiFilm FinePixS1Pro (1).jpg", 600, 400, taken: "2002-07-13T15:58:28",
            source: "exifOriginal", latitude: 54.9896666666667, longitude: -1.91416666666667,
            make: "FUJIFILM", model: "FinePixS1Pro"),
        KnownPhoto(
            "camera/Panasonic DMC-LX3 (Lumix).jpg", 3776, 2520, taken: "2011-01-01T16:02:54",
            source: "exifOriginal", latitude: 41.8954010009778, longitude: 12.4827108383167,
            make: "Panasonic", model: "DMC-LX3"),
        KnownPhoto(
            "camera/Nikon D5000.jpg", 858, 570, taken: "2011-03-12T15:36:11",
            source: "exifOriginal", latitude: 48.8887263666667, longitude: 21.0432511666667,
            make: "NIKON CORPORATION", model: "NIKON D5000"),
        KnownPhoto(
            "camera/Nikon E900 (1).jpg", 1280, 960, make: "NIKON", model: "E900"),
        KnownPhoto(
            "camera/Olympus μ Digital 800.JPG", 1024, 768, taken: "2006-04-26T00:26:14",
            source: "exifOriginal", make: "Digital", model: "Digital Cam"),
        KnownPhoto(
            "camera/Kodak PIXPRO AZ521.jpg", 4608, 3456, taken: "2013-07-31T11:41:31",
            source: "exifOriginal", make: "EASTMAN KODAK COMPANY", model: "PIXPRO AZ521"),
        KnownPhoto(
            "camera/Reconyx HF2 Pro Covert.jpg", 2048, 1440, taken: "2019-04-04T10:04:12",
            source: "exifOriginal", make: "RECONYX", model: "HF2 PRO COVERT"),
        KnownPhoto(
            "camera/Sanyo SR6.jpg", 640, 480, taken: "1998-01-01T00:00:00",
            source: "exifOriginal", make: "SANYO Electric Co.,Ltd.", model: "SR6"),
        KnownPhoto(
            "camera/Minolta DiMAGE EX.jpg", 1344, 1008, taken: "1999-01-27T12:13:14",
            source: "exifOriginal", make: "Minolta Co., Ltd.", model: "Dimage EX"),
        KnownPhoto(
            "camera/FLIR.jpg", 1080, 1440, make: "FLIR Systems AB"),
        KnownPhoto(
            "camera/Photoshop (1).jpg", 1576, 2315),
        KnownPhoto(
            "dates-and-tags/date-priority-test.jpg", 100, 100, taken: "2023-02-02T02:00:00",
            source: "exifOriginal"),
        KnownPhoto(
            "dates-and-tags/datetimeoriginal-gps.jpg", 150, 100, taken: "2025-12-01T11:30:00",
            source: "exifOriginal", latitude: 39, longitude: -108),
        KnownPhoto(
            "dates-and-tags/empty_gps.jpg", 4640, 3472, taken: "2025-06-01T16:59:26.023",
            source: "exifOriginal", make: "motorola", model: "moto g(9) plus"),
        KnownPhoto(
            "dates-and-tags/gps-datetime.jpg", 100, 100, taken: "2023-11-15T12:30:00", offset: 0,
            source: "gps", latitude: 37.7749, longitude: -122.4194),
        KnownPhoto(
            "dates-and-tags/mongolels.jpg", 950, 634, taken: "2009-08-29T13:18:08.170",
            source: "exifOriginal", make: "Canon", model: "Canon EOS 500D"),
        KnownPhoto(
            "dates-and-tags/picasa.jpg", 100, 75, taken: "2010-02-13T14:55:31",
            source: "exifOriginal", make: "Canon", model: "Canon PowerShot SD1100 IS"),
        KnownPhoto(
            "dates-and-tags/portrait-orientation-6.jpg", 840, 700),
        KnownPhoto(
            "dates-and-tags/thompson-springs.jpg", 150, 103, taken: "2022-01-10T21:15:33.519",
            offset: 0, source: "gps", latitude: 39.115, longitude: -108.400968333333),
        KnownPhoto(
            "dates-and-tags/time-created.jpg", 100, 100, make: "Canon", model: "EOS R5"),
        KnownPhoto(
            "gps/DSCN0010.jpg", 640, 480, taken: "2008-10-22T16:28:39", source: "exifOriginal",
            latitude: 43.4674483333333, longitude: 11.8851266666639, make: "NIKON",
            model: "COOLPIX P6000"),
        KnownPhoto(
            "gps/DSCN0042.jpg", 640, 480, taken: "2008-10-22T17:00:07", source: "exifOriginal",
            latitude: 43.464455, longitude: 11.8814783333333, make: "NIKON",
            model: "COOLPIX P6000"),
        KnownPhoto(
            "heic/IMG_1034.heic", 4032, 3024, taken: "2018-02-05T15:11:44.277", offset: 480,
            source: "exifOriginal", latitude: 23.1779166666667, longitude: 113.394316666667,
            make: "Apple", model: "iPhone 8"),
        KnownPhoto(
            "heic/IMG_2927.HEIC", 3024, 4032, taken: "2020-05-04T18:39:11.644", offset: -240,
            source: "exifOriginal", make: "Apple", model: "iPhone 11 Pro"),
        KnownPhoto(
            "heic/IMG_5195.HEIC", 2566, 3313, taken: "2021-04-11T15:47:53.054", offset: -300,
            source: "exifOriginal", latitude: 39.0513444444444, longitude: -94.2887722222222,
            make: "Apple", model: "iPhone 11 Pro Max"),
        KnownPhoto(
            "heic/Issue 487.heic", 3024, 4032, taken: "2020-06-30T11:27:59",
            source: "exifOriginal", make: "samsung", model: "SM-G975F"),
        KnownPhoto(
            "heic/Issue 649.avif", 5472, 3648, taken: "2015-10-11T14:41:44",
            source: "exifOriginal", make: "Canon", model: "Canon EOS 70D"),
        KnownPhoto(
            "heic/exif-at-eof.heic", 3024, 4032, taken: "2020-05-04T18:39:11.644", offset: -240,
            source: "exifOriginal", latitude: 47.2071240555639, longitude: 106.243105095844,
            make: "Apple", model: "iPhone 11 Pro"),
        KnownPhoto(
            "heic/samsung-one-ui-6.heic", 3000, 4000, taken: "2024-01-12T21:38:53.853",
            offset: -480, source: "exifOriginal", make: "samsung", model: "SM-S906U"),
        KnownPhoto(
            "heic/8bit-sRGB.avif", 1617, 1080),
        KnownPhoto(
            "orientation/landscape_6.jpg", 600, 450),
        KnownPhoto(
            "orientation/portrait_8.jpg", 450, 600),
        KnownPhoto(
            "raw/Issue 247-1.nef", 2000, 3008, taken: "2010-03-01T21:50:21.700",
            source: "exifOriginal", make: "NIKON CORPORATION", model: "NIKON D70s"),
        KnownPhoto(
            "video/100_0306.AVI", 320, 240, duration: 2.733306),
        KnownPhoto(
            "video/Issue 515 (java).mp4", 1280, 720, taken: "2020-11-20T15:04:02", offset: 60,
            source: "quickTime", latitude: 52.36929, longitude: 6.67609, duration: 3.635),
        KnownPhoto(
            "video/sample.3gp", 176, 144, taken: "2005-10-28T17:36:40", offset: 0,
            source: "quickTime", duration: 4.93333333333333),
        KnownPhoto(
            "video/sample_iPod.m4v", 320, 240, taken: "2005-12-20T20:20:15", offset: 0,
            source: "quickTime", duration: 85.5),
        KnownPhoto(
            "video/sample_iTunes.mov", 640, 480, taken: "2005-10-17T22:54:32", offset: 0,
            source: "quickTime", duration: 85.5),
        KnownPhoto(
            "video/with-gps.mov", 320, 568, taken: "2019-07-24T11:25:40", offset: 180,
            source: "quickTime", latitude: 32.0929, longitude: 34.862, make: "Apple",
            model: "iPhone 6", duration: 4.00166666666667),
        KnownPhoto(
            "video/with-gps.mp4", 1920, 1080, taken: "2017-02-22T08:20:28", offset: 0,
            source: "quickTime", latitude: 51.4169, longitude: -0.0806, duration: 0.171),
        KnownPhoto(
            "web/Nikon Coolpix P7000.webp", 2736, 3648, taken: "2010-10-21T11:22:48",
            source: "exifOriginal", make: "NIKON", model: "COOLPIX P7000"),
        KnownPhoto(
            "web/denali.webp", 600, 315, taken: "2010-08-13T21:00:01.850", source: "exifOriginal",
            make: "Canon", model: "Canon EOS 7D"),
        KnownPhoto(
            "web/density_plot.png", 800, 800),
        KnownPhoto(
            "web/Issue 201.gif", 500, 375),
        KnownPhoto(
            "web/Photo (1).webp", 1024, 772),
        KnownPhoto(
            "albums/nature/prairie_falcon.jpg", 800, 533, taken: "2022-03-31T11:31:56.180",
            source: "exifOriginal", make: "Canon", model: "Canon EOS R5"),
        KnownPhoto(
            "albums/nature/cyclamen_persicum.jpg", 512, 848, taken: "2007-12-06T14:33:18",
            source: "exifOriginal", make: "FUJIFILM", model: "FinePix S3Pro"),
    ]
}
