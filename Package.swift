// swift-tools-version: 6.3
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
let strictMemory: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatWarning("StrictMemorySafety", as: .error),
]
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

let package = Package(
  name: "vmresync",
  products: [
    .library(name: "DeviceResync", targets: ["DeviceResync"]),
    .library(name: "ReplicationService", targets: ["ReplicationService"]),
    .executable(name: "vmresync", targets: ["vmresync"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    .systemLibrary(name: "CBlkid", pkgConfig: "blkid", providers: [.apt(["libblkid-dev"])]),
    .systemLibrary(name: "CUdev", pkgConfig: "libudev", providers: [.apt(["libudev-dev"])]),
    // No pkgConfig: "liburing": it would put -luring, the shared library, before the static one that the module
    // map names, and hypervisor hosts have no liburing.
    .systemLibrary(name: "CUring", providers: [.apt(["liburing-dev"])]),
    // No pkgConfig for the same reason.
    .systemLibrary(name: "CXXHash", providers: [.apt(["libxxhash-dev"])]),
    .target(name: "CLinux"),
    // Over the headers of libtomlplusplus-dev. Not TOMLKit, which has the same parser: it brings all of Foundation, 43
    // MiB of binary, 4 MiB of memory and 20 ms at each start.
    .target(name: "CTOML"),
    // Loads libvirt and libxml2 when it is asked for them; see its header.
    .target(name: "CLibvirt"),
    .target(name: "CProbe", dependencies: ["CBlkid"]),
    .target(
      name: "DeviceResync",
      dependencies: ["CLinux", "CProbe", "CUdev", "CUring", "CXXHash", system],
      swiftSettings: strict + strictMemory),
    .target(
      name: "ReplicationService",
      dependencies: ["CLibvirt", "CTOML", "DeviceResync", system],
      swiftSettings: strict + strictMemory
    ),
    .executableTarget(
      name: "vmresync",
      dependencies: [
        "CProbe", "DeviceResync", "ReplicationService", system,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    // The probing helper with faults that the product has no way to reach; tests start it from beside their bundle.
    .executableTarget(name: "probe-faults", dependencies: ["CProbe"], path: "Tests/ProbeFaults"),
    // A program that calls the method through the library; tests start it from there too.
    .executableTarget(
      name: "method-caller", dependencies: ["CProbe", "DeviceResync", "ReplicationService", system],
      path: "Tests/MethodCaller", swiftSettings: strict),
    // A disk whose faults tests decide; they start it from there too.
    .systemLibrary(
      name: "CFuse", path: "Tests/CFuse", pkgConfig: "fuse3", providers: [.apt(["libfuse3-dev"])]),
    .executableTarget(
      name: "fault-disk", dependencies: ["CFuse"], path: "Tests/FaultDisk", exclude: ["README.md"]),
    .testTarget(
      name: "DeviceResyncTests",
      dependencies: ["CLinux", "CProbe", "CUring", "CXXHash", "DeviceResync", system],
      swiftSettings: strict),
    .testTarget(
      name: "ReplicationServiceTests", dependencies: ["DeviceResync", "ReplicationService", system],
      swiftSettings: strict),
    .testTarget(
      name: "EndToEnd",
      dependencies: ["CLinux", "DeviceResync", system],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)

// Of scripts/fuzz only: it needs libFuzzer.
if Context.environment["VMRESYNC_FUZZ"] != nil {
  package.targets.removeAll { $0.type == .test }
  package.targets.append(
    .executableTarget(
      name: "fuzz-parsers", dependencies: ["CProbe", "DeviceResync", "ReplicationService", system],
      path: "Tests/Fuzz",
      swiftSettings: strict))
}
