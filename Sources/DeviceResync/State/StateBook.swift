/// Everything that outlives a run, and the order in which it becomes durable (DESIGN 6).
///
/// The truth about a relationship is its one record, so that a single rename commits. A disk's record says in which
/// relationships to look, which way its runs went, and what it was left as; it is written *after* its relationship
/// where a run begins and *before* it where a run ends, so that a crash between them leaves a relationship that is
/// found, by ``lookUp(_:)``, and is unfinished.
struct StateBook<Store: RecordStore & ~Copyable>: ~Copyable {
  var store: Store

  init(_ store: consuming Store) { self.store = store }

  /// Looks every disk up, as primary and as recovery, in all states.
  ///
  /// - Throws: 32775 where a record of theirs cannot be used, or is gone.
  func lookUp(_ identities: some Sequence<PersistentIdentity>) throws(ResyncError) -> RememberedDisks {
    var found = RememberedDisks()
    for identity in identities {
      if let record = try disk(identity) { found.disks[identity] = record }
    }
    let listed = Set(found.disks.values.flatMap { $0.primaryOf + $0.recoveryOf }.map(RecordName.relationship))
    let wanted = Set(identities)
    // Also those that no disk lists yet: the run that began them may have died there.
    for name in Set(try store.names(in: .states)).union(listed).sorted(by: { $0.stem < $1.stem }) {
      do throws(ResyncError) {
        let state: RelationshipState? = try read(name)
        if let state, !wanted.isDisjoint(with: state.identities) {
          found.relationships.append(state)
        } else if listed.contains(name) {
          throw gone(name, state == nil ? "it is gone" : "it is of other disks")
        } else if let state, state.isMixed || state.failedOver != nil,
          state.pairs.contains(where: { $0.recovery.identity.boot != nil })
        {
          found.unrecognizable.append(state)
        }
      } catch {
        if listed.contains(name) { throw error }
        found.notes.append("\(error)")
      }
    }
    return found
  }

  /// What is remembered of one disk; nil where nothing is.
  func disk(_ identity: PersistentIdentity) throws(ResyncError) -> DiskRecord? {
    try read(.disk(identity))
  }

  /// What is remembered of a relationship; nil where nothing is.
  func relationship(_ id: UniqueID) throws(ResyncError) -> RelationshipState? {
    try read(.relationship(id))
  }

  /// Every relationship, by UUID; those that cannot be read as the reasons.
  func relationships() throws(ResyncError) -> (states: [RelationshipState], faults: [ResyncError]) {
    var all: (states: [RelationshipState], faults: [ResyncError]) = ([], [])
    for name in try store.names(in: .states).sorted(by: { $0.stem < $1.stem }) {
      do throws(ResyncError) {
        if let state: RelationshipState = try read(name) { all.states.append(state) }
      } catch {
        all.faults.append(error)
      }
    }
    return all
  }

  /// Which of `relationships` a run works on now; its process may be this one.
  func held(among relationships: [RelationshipState]) throws(ResyncError) -> Set<UniqueID> {
    var held: Set<UniqueID> = []
    for relationship in relationships where try store.isHeld(.relationship(relationship.id)) {
      held.insert(relationship.id)
    }
    return held
  }

  func read<Record: StoredRecord>(_ name: RecordName) throws(ResyncError) -> Record? {
    guard let bytes = try store.read(name) else { return nil }
    do throws(RecordFault) {
      return try RecordFormat.decode(bytes, as: name)
    } catch {
      throw error.error(on: store.title(of: name))
    }
  }

  mutating func write(_ record: some StoredRecord, _ name: RecordName) throws(ResyncError) {
    // What could not be read again must not be written.
    if let fault = record.fault(as: name) {
      throw RecordFault.damaged(fault).error(on: store.title(of: name))
    }
    try store.replace(name, by: try RecordFormat.encode(record))
  }

  private func gone(_ name: RecordName, _ reason: String) -> ResyncError {
    ResyncError(
      .invalidState, "use the record", on: store.title(of: name),
      reason: "a disk belongs to this relationship, but \(reason); a commit may have been left unfinished",
      remedy: "put the record back; or keep the disks from use, move away what names it in the folder disks "
        + "beside it, and run again, to the end")
  }

  /// Changes records that belong together; nobody else does meanwhile.
  mutating func changing<Value: ~Copyable>(
    _ body: (inout Self) throws(ResyncError) -> Value
  ) throws(ResyncError) -> Value {
    let lock = try store.lock(.records, patience: .seconds(10))
    do throws(ResyncError) {
      let value = try body(&self)
      lock.release()
      return value
    } catch {
      lock.release()
      throw error
    }
  }
}

extension StateBook: Sendable where Store: Sendable & ~Copyable {}

extension RelationshipState {
  /// Whether its recoveries must not be used.
  var isMixed: Bool {
    switch consistency {
    case .applying, .settled(.inconsistent): true
    case .settled, .resynchronizing: false
    }
  }

  /// What its disks are known by.
  var identities: Set<PersistentIdentity> {
    Set(pairs.flatMap { [$0.primary.identity, $0.recovery.identity] })
  }
}
