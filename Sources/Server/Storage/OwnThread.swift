import Dispatch

/// Runs tasks that block on a thread of their own, so that requests don't wait for them.
///
/// One at a time.
package final class OwnThread: TaskExecutor {
    private let queue: DispatchQueue

    package init(name: String) {
        queue = DispatchQueue(label: name, qos: .utility)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
