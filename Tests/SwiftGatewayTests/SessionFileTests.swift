import CLinux
import Foundation
import GatewayProtocol
import GatewayTransport
import Testing

@testable import SwiftGateway

/// The file that is replaced whole.
@Suite struct SessionFileTests {
    private let directory: TemporaryDirectory
    private let file: SessionFile

    init() throws {
        directory = try TemporaryDirectory()
        file = SessionFile(path: directory.file("sessions.json"))
    }

    private func permissions(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test func isNilWhenMissing() throws {
        #expect(try file.read() == nil)
    }

    @Test(arguments: [true, false]) func comesBackAsItWas(synced: Bool) throws {
        for size in [0, 1, 65_536, 200_000] {
            try file.write(pattern(size, 3), synced: synced)
            #expect(try file.read() == pattern(size, 3))
        }
        #expect(directory.contents == ["sessions.json"])
    }

    @Test func isItsOwnersAlone() throws {
        try file.write(bytes("x"), synced: false)
        #expect(try permissions(file.path) == 0o600)
    }

    @Test func givesALeftoverNoSay() throws {
        // A process died while writing, under other rights.
        let leftover = "\(file.path).tmp"
        _ = FileManager.default.createFile(
            atPath: leftover, contents: Data(pattern(5_000, 1)), attributes: [.posixPermissions: 0o666])
        try file.write(bytes("new"), synced: false)
        #expect(try file.read() == bytes("new"))
        #expect(try permissions(file.path) == 0o600)
        // Or somebody put a link there.
        let victim = directory.file("victim")
        _ = FileManager.default.createFile(atPath: victim, contents: Data(bytes("precious")))
        try FileManager.default.createSymbolicLink(atPath: leftover, withDestinationPath: victim)
        try file.write(bytes("newer"), synced: false)
        #expect(try Data(contentsOf: URL(fileURLWithPath: victim)) == Data(bytes("precious")))
        #expect(try file.read() == bytes("newer"))
        #expect(directory.contents == ["sessions.json", "victim"])
    }

    @Test func keepsTheOldTextWhenItCannotBeReplaced() throws {
        // A directory in the place of the temporary file.
        try file.write(bytes("old"), synced: false)
        try FileManager.default.createDirectory(atPath: "\(file.path).tmp", withIntermediateDirectories: false)
        let error = expectError(.file) { try file.write(bytes("new"), synced: false) }
        #expect(error?.message.contains(file.path) == true)
        #expect(try file.read() == bytes("old"))
    }

    @Test func saysWhatCannotBeWritten() throws {
        let missing = SessionFile(path: directory.file("no/such/directory"))
        let error = expectError(.file) { try missing.write(bytes("x"), synced: false) }
        #expect(error?.message.contains(missing.path) == true && error?.message.contains("written") == true)
        // The name is taken by a directory: nothing is left behind of the attempt.
        try FileManager.default.createDirectory(atPath: directory.file("taken"), withIntermediateDirectories: false)
        expectError(.file) { try SessionFile(path: directory.file("taken")).write(bytes("x"), synced: false) }
        #expect(directory.contents == ["taken"])
    }

    @Test func saysWhatCannotBeRead() throws {
        let error = expectError(.file) { _ = try SessionFile(path: directory.path).read() }
        #expect(error?.message.contains(directory.path) == true && error?.message.contains("read") == true)
        try file.write(bytes("x"), synced: false)
        expectError(.file) { _ = try SessionFile(path: "\(file.path)/below").read() }
    }

    @Test func refusesAFileThatIsNoneOfItsOwn() throws {
        let handle = clinux_open(file.path, O_WRONLY | O_CREAT, 0o600)
        #expect(ftruncate(handle, SessionDocument.sizeLimit + 1) == 0)
        close(handle)
        expectError(.file) { _ = try file.read() }
    }

    @Test func neverShowsHalfOfAText() throws {
        // Reads while it is being replaced: the old text or the new one.
        let file = file
        let stop = Monitor(false)
        let failure = Monitor<String?>(nil)
        try file.write(pattern(50_000, 0), synced: false)
        let reader = try EngineThread(name: "test-reader") {
            while !stop.withLock({ $0 }) {
                do throws(GatewayError) {
                    let read = try file.read() ?? []
                    if read.count != 50_000 || !read.elementsEqual(pattern(50_000, UInt64(read[0]) * 241)) {
                        failure.update { $0 = "\(read.count) bytes" }
                    }
                } catch {
                    failure.update { $0 = error.message }
                }
            }
        }
        for round in 1...200 as ClosedRange<UInt64> { try file.write(pattern(50_000, round), synced: false) }
        stop.update { $0 = true }
        reader.join()
        #expect(failure.withLock { $0 } == nil)
    }
}

/// Sessions that are written as they go on.
@Suite struct SessionWriterTests {
    private let directory: TemporaryDirectory
    private let file: SessionFile
    private let current = Monitor(
        SessionDocument(fingerprint: "f", total: 2, sessions: [:]))
    private let errors = Monitor<[GatewayError]>([])

    init() throws {
        directory = try TemporaryDirectory()
        file = SessionFile(path: directory.file("sessions.json"))
    }

    private func store(_ file: SessionFile, asked: Monitor<Int> = Monitor(0)) -> SessionWriter {
        let (current, errors) = (current, errors)
        return SessionWriter(
            store: file,
            document: {
                asked.update { $0 += 1 }
                return current.withLock { $0 }
            },
            onError: { error in errors.update { $0.append(error) } })
    }

    private func set(_ sequence: UInt64) {
        current.withLock { $0.sessions[1] = ResumableSession(id: "a", resumeURL: "wss://a", sequence: sequence) }
    }

    private func stored() throws -> SessionDocument? {
        try file.read().map { try SessionDocument.parse($0, fingerprint: "f") }
    }

    @Test func writesTheLastStateBeforeItEnds() throws {
        let store = store(file)
        try store.start()
        set(7)
        store.finish()
        #expect(try stored()?.sessions[1]?.sequence == 7)
        #expect(directory.contents == ["sessions.json"])
        #expect(errors.withLock { $0 } == [])
    }

    @Test func writesWhileItRuns() throws {
        let asked = Monitor(0)
        let store = store(file, asked: asked)
        set(8)
        try store.start()
        // Asked for the second time, it has dealt with the first answer.
        #expect(asked.wait(until: patience()) { $0 >= 2 ? true : nil } == true)
        #expect(try stored()?.sessions[1]?.sequence == 8)
        store.finish()
    }

    @Test func leavesTheFileAloneWhenNothingChanged() throws {
        let asked = Monitor(0)
        let store = store(file, asked: asked)
        try store.start()
        #expect(asked.wait(until: patience()) { $0 >= 2 ? true : nil } == true)
        try FileManager.default.removeItem(atPath: file.path)
        #expect(asked.wait(until: patience()) { $0 >= 4 ? true : nil } == true)
        #expect(directory.contents == [])
        store.finish()
        #expect(directory.contents == [])
    }

    @Test func saysOnceThatItCannotWriteAndRecovers() throws {
        let asked = Monitor(0)
        let place = directory.file("later")
        let store = store(SessionFile(path: "\(place)/sessions.json"), asked: asked)
        try store.start()
        #expect(asked.wait(until: patience()) { $0 >= 4 ? true : nil } == true)
        #expect(errors.withLock { $0.map(\.status) } == [.file])
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        store.finish()
        #expect(FileManager.default.fileExists(atPath: "\(place)/sessions.json"))
        #expect(errors.withLock { $0.count } == 1)
    }

    @Test func mayBeFinishedWithoutAStart() {
        store(file).finish()
        #expect(directory.contents == [])
    }
}
