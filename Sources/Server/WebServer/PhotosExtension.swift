package import Hummingbird
import Kernel
package import Logging
import Photos
import Records
import Rendering
import Storage

/// Photos in the server: their routes, the web page, and the reading and rendering in the
/// background.
package struct PhotosExtension: ServerExtension {
    private let routes: PhotosRoutes
    private let pages: WebAppRoutes
    private let worker: RenderingWorker
    private let renderer: Renderer
    private let parts: ServiceParts
    private let isAlone: Bool

    package init(
        configuration: ServerConfiguration, parts: ServiceParts, hub: EventHub,
        surroundings: ServerSurroundings, logger: Logger
    ) {
        self.parts = parts
        isAlone = !configuration.folder.isShared
        let service = PhotosService(database: parts.database, kernel: parts.kernel)
        routes = PhotosRoutes(service: service, store: parts.store)
        pages = WebAppRoutes(folder: configuration.webFolder)
        let childCount = Renderer.coreCount
        renderer =
            configuration.decoderProgram.map { Renderer(executable: $0, childCount: childCount) }
            ?? Renderer(childCount: childCount)
        worker = RenderingWorker(
            database: parts.database, objects: parts.store, kernel: parts.kernel,
            reader: RendererReader(renderer: renderer, widthMax: childCount),
            surroundings: RenderingWorker.Surroundings(
                now: surroundings.now, clock: surroundings.clock,
                randomNumber: surroundings.randomNumber,
                temporaryFolder: configuration.folder.temporary),
            logger: logger, committed: { zone in hub.publish(zone) })
    }

    package func addRoutes(to api: RouterGroup<ServerContext>) {
        routes.add(to: api)
    }

    package func addPages(to root: RouterGroup<ServerContext>) {
        pages.add(to: root)
    }

    package func committed() { worker.wake() }

    /// Ends with its task, and at once: the children are ended, and their jobs given back.
    package func run() async throws {
        let kernel = parts.kernel
        // Other servers' workers are at work: what theirs left ends by itself.
        if isAlone { try await parts.database.write { try kernel.endAllLeases(in: $0) } }
        await withTaskCancellationHandler {
            await worker.run()
        } onCancel: {
            renderer.interrupt()
        }
        await renderer.shutdown()
    }
}
