require "json"

package = JSON.parse(File.read(File.join(__dir__, "package.json")))

Pod::Spec.new do |s|
  s.name = "ReactNativeAuthSession"
  s.version = package["version"]
  s.summary = package["description"]
  s.license = package["license"]
  s.authors = "The AuthSession authors"
  # Autolinking installs the pod from node_modules.
  s.source = { :path => "." }

  s.platforms = { :ios => min_ios_version_supported }
  s.swift_versions = ["5.9", "6.0"]
  s.source_files = "ios/**/*.{h,mm,swift}"
  s.private_header_files = "ios/**/*.h"
  s.dependency "AuthSessionKit", package["version"]

  install_modules_dependencies(s)
end
