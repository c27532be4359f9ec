import CLibvirt

/// An element of an XML document, as libxml2 reads it.
struct XMLElement: Sendable, Hashable {
  var name: String
  var attributes: [String: String] = [:]
  var children: [XMLElement] = []
  /// The text in it, without that of its children.
  var text = ""

  /// Reads a document; nil where it is none, is too deep, or libxml2 is not there.
  init?(parsing text: String) {
    var text = text
    let root = text.withUTF8 { bytes -> XMLElement? in
      unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
        guard let start = characters.baseAddress, let reader = unsafe cv_read_xml(start, characters.count)
        else {
          return nil
        }
        defer { unsafe cv_free_reader(reader) }
        return unsafe Self.read(reader)
      }
    }
    guard let root else { return nil }
    self = root
  }

  private init(name: String) { self.name = name }

  /// How deep elements may lie.
  private static let deepest = 64

  private static func read(_ reader: OpaquePointer) -> XMLElement? {
    var open: [XMLElement] = []
    var root: XMLElement?
    while true {
      switch unsafe cv_next(reader) {
      case 0: return open.isEmpty ? root : nil
      case 1: break
      default: return nil
      }
      switch unsafe cv_type(reader) {
      case 1:
        guard open.count < deepest else { return nil }
        let isEmpty = unsafe cv_is_empty(reader) == 1
        var element = XMLElement(name: unsafe string(cv_local_name(reader)))
        while unsafe cv_next_attribute(reader) == 1 {
          element.attributes[unsafe string(cv_local_name(reader))] = unsafe string(cv_value(reader))
        }
        open.append(element)
        if isEmpty { close(&open, &root) }
      case 3, 4:
        if !open.isEmpty { open[open.count - 1].text += unsafe string(cv_value(reader)) }
      case 15: close(&open, &root)
      default: break
      }
    }
  }

  private static func close(_ open: inout [XMLElement], _ root: inout XMLElement?) {
    guard let element = open.popLast() else { return }
    if open.isEmpty { root = element } else { open[open.count - 1].children.append(element) }
  }

  private static func string(_ characters: UnsafePointer<CChar>?) -> String {
    unsafe characters.map { unsafe String(cString: $0) } ?? ""
  }

  /// The first child of that name.
  subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

  /// The children of that name.
  func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }
}
