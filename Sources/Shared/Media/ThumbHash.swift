#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// ThumbHash: a whole picture in some 25 bytes, shown while the thumbnail is on its way.
///
/// Source: the published algorithm (evanw.github.io/thumbhash): brightness, two colour differences
/// and, where there is any, transparency, each as a few terms of a cosine transform. 24 bits of
/// averages and scale, 16 of shape, then four bits a term.
package enum ThumbHash {
    /// The sides of a picture that can be hashed: 1 to 100 pixels.
    package static let pixelsMax = 100

    /// Hashes pixels of red, green, blue and opacity (not multiplied), row by row.
    ///
    /// - Returns: `nil` when a side isn't 1 to 100 or the count of bytes isn't four a pixel.
    package static func encode(width: Int, height: Int, rgba: [UInt8]) -> [UInt8]? {
        guard (1...pixelsMax).contains(width), (1...pixelsMax).contains(height),
            rgba.count == width * height * 4
        else { return nil }
        let planes = Planes(pixels: rgba)
        let longest = Double(max(width, height))
        let brightnessTerms = planes.hasAlpha ? 5.0 : 7.0
        let termsX = max(1, Int((brightnessTerms * Double(width) / longest).rounded()))
        let termsY = max(1, Int((brightnessTerms * Double(height) / longest).rounded()))
        let transform = Transform(width: width, height: height)
        let l = transform.channel(planes.l, max(3, termsX), max(3, termsY))
        let p = transform.channel(planes.p, 3, 3)
        let q = transform.channel(planes.q, 3, 3)

        let isLandscape = width > height
        var head = UInt32(quantised(l.average, 63))
        head |= UInt32(quantised(0.5 + 0.5 * p.average, 63)) << 6
        head |= UInt32(quantised(0.5 + 0.5 * q.average, 63)) << 12
        head |= UInt32(quantised(l.scale, 31)) << 18
        head |= planes.hasAlpha ? 1 << 23 : 0
        var shape = UInt16(isLandscape ? termsY : termsX)
        shape |= UInt16(quantised(p.scale, 63)) << 3
        shape |= UInt16(quantised(q.scale, 63)) << 9
        shape |= isLandscape ? 1 << 15 : 0
        var hash = [
            UInt8(head & 255), UInt8(head >> 8 & 255), UInt8(head >> 16 & 255),
            UInt8(shape & 255), UInt8(shape >> 8),
        ]
        var terms = l.terms + p.terms + q.terms
        if planes.hasAlpha {
            let a = transform.channel(planes.a, 5, 5)
            hash.append(UInt8(quantised(a.average, 15)) | UInt8(quantised(a.scale, 15)) << 4)
            terms = l.terms + p.terms + q.terms + a.terms
        }
        for index in stride(from: 0, to: terms.count, by: 2) {
            let low = UInt8(quantised(terms[index], 15))
            let high = index + 1 < terms.count ? UInt8(quantised(terms[index + 1], 15)) : 0
            hash.append(low | high << 4)
        }
        return hash
    }

    private static func quantised(_ value: Double, _ steps: Double) -> Int {
        Int((min(max(value, 0), 1) * steps).rounded())
    }

    /// The picture as brightness, yellow against blue, red against green, and opacity.
    private struct Planes {
        var l: [Double] = []
        var p: [Double] = []
        var q: [Double] = []
        var a: [Double] = []
        var hasAlpha: Bool

        init(pixels: [UInt8]) {
            let count = pixels.count / 4
            var average = (red: 0.0, green: 0.0, blue: 0.0, alpha: 0.0)
            for index in 0..<count {
                let alpha = Double(pixels[index * 4 + 3]) / 255
                average.red += alpha / 255 * Double(pixels[index * 4])
                average.green += alpha / 255 * Double(pixels[index * 4 + 1])
                average.blue += alpha / 255 * Double(pixels[index * 4 + 2])
                average.alpha += alpha
            }
            hasAlpha = average.alpha < Double(count)
            if average.alpha > 0 {
                average.red /= average.alpha
                average.green /= average.alpha
                average.blue /= average.alpha
            }
            // What is behind a transparent place is the picture's average colour.
            for index in 0..<count {
                let alpha = Double(pixels[index * 4 + 3]) / 255
                let red = average.red * (1 - alpha) + alpha / 255 * Double(pixels[index * 4])
                let green =
                    average.green * (1 - alpha) + alpha / 255 * Double(pixels[index * 4 + 1])
                let blue = average.blue * (1 - alpha) + alpha / 255 * Double(pixels[index * 4 + 2])
                l.append((red + green + blue) / 3)
                p.append((red + green) / 2 - blue)
                q.append(red - green)
                a.append(alpha)
            }
        }
    }

    private struct Channel {
        var average: Double
        /// 0 to 1, half being no difference from the average.
        var terms: [Double]
        var scale: Double
    }

    private struct Transform {
        let width: Int
        let height: Int

        /// The average and the terms of a plane: those above the diagonal are left out.
        func channel(_ plane: [Double], _ termsX: Int, _ termsY: Int) -> Channel {
            var channel = Channel(average: 0, terms: [], scale: 0)
            for y in 0..<termsY {
                var x = 0
                while x * termsY < termsX * (termsY - y) {
                    let value = term(plane, x, y)
                    if x == 0 && y == 0 {
                        channel.average = value
                    } else {
                        channel.terms.append(value)
                        channel.scale = max(channel.scale, abs(value))
                    }
                    x += 1
                }
            }
            if channel.scale > 0 {
                channel.terms = channel.terms.map { 0.5 + 0.5 / channel.scale * $0 }
            }
            return channel
        }

        private func term(_ plane: [Double], _ x: Int, _ y: Int) -> Double {
            let waves = (0..<width).map {
                cos(Double.pi / Double(width) * Double(x) * (Double($0) + 0.5))
            }
            var sum = 0.0
            for row in 0..<height {
                let wave = cos(Double.pi / Double(height) * Double(y) * (Double(row) + 0.5))
                var rowSum = 0.0
                for column in 0..<width { rowSum += plane[row * width + column] * waves[column] }
                sum += rowSum * wave
            }
            return sum / Double(width * height)
        }
    }
}
