import Storage
import Testing

@Suite struct S3PlaceTests {
    private static let keys = ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"]

    @Test func `AWS's own store is addressed by the bucket's host name`() throws {
        let place = try S3Place(
            parsing: "s3://photos/home/ours",
            environment: Self.keys.merging(["AWS_REGION": "eu-north-1"]) { $1 })
        #expect(
            place.address(of: "home/ours/objects/x")
                == "https://photos.s3.eu-north-1.amazonaws.com/home/ours/objects/x")
        #expect(place.address(of: nil) == "https://photos.s3.eu-north-1.amazonaws.com/")
        #expect(place.prefix == "home/ours/")
        #expect(place.text == "s3://photos/home/ours")
    }

    @Test func `another store is addressed by paths, unless it is said otherwise`() throws {
        let environment = Self.keys.merging(
            ["AWS_ENDPOINT_URL_S3": "http://store.example:9000/"]) { $1 }
        let place = try S3Place(parsing: "s3://photos/", environment: environment)
        #expect(place.address(of: "objects/x") == "http://store.example:9000/photos/objects/x")
        #expect(place.address(of: nil) == "http://store.example:9000/photos")
        #expect(place.region == "us-east-1")
        let virtual = try S3Place(parsing: "s3://photos?style=virtual", environment: environment)
        #expect(virtual.address(of: "a b") == "http://photos.store.example:9000/a%20b")
        #expect(
            try S3Place(parsing: "s3://my.photos", environment: Self.keys).address(of: "x")
                == "https://s3.us-east-1.amazonaws.com/my.photos/x")
    }

    @Test(arguments: [
        "s3://", "s3:///x", "s3://A B", "s3://ab", "s3://UPPER", "s3://photos/../x", "photos",
        "s3://photos?style=other", "s3://photos/a b", "https://photos",
    ])
    func `what is no bucket is refused with an example`(text: String) {
        let error = #expect(throws: StorageError.self) {
            try S3Place(parsing: text, environment: Self.keys)
        }
        #expect(error?.code == .invalidPlace && error?.message.contains("s3://photos/home") == true)
    }

    @Test(arguments: ["ftp://x", "store.example", "http://x/path", "http://", "http://u@x?y"])
    func `an endpoint that is none is refused`(url: String) {
        let error = #expect(throws: StorageError.self) {
            try S3Place(
                parsing: "s3://photos",
                environment: Self.keys.merging(["AWS_ENDPOINT_URL_S3": url]) { $1 })
        }
        #expect(error?.code == .invalidPlace)
        #expect(error?.message.contains("AWS_ENDPOINT_URL_S3") == true)
    }

    @Test func `a missing key is named`() {
        for missing in Self.keys.keys {
            let error = #expect(throws: StorageError.self) {
                try S3Place(
                    parsing: "s3://photos", environment: Self.keys.filter { $0.key != missing })
            }
            #expect(error?.message.contains(missing) == true)
        }
    }
}
