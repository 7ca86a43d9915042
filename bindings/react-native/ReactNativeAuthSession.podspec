require "json"

package = JSON.parse(File.read(File.join(__dir__, "package.json")))
framework = "ios/Frameworks/AuthSessionKit.xcframework"

# Only a checkout lacks it: npm publishes nothing without it. Without this the app would fail to link, and not say why.
unless File.directory?(File.join(__dir__, framework))
  raise Pod::Informative, "react-native-auth-session: #{framework} is missing. It is built on a Mac, for the release."
end

Pod::Spec.new do |s|
  s.name = "ReactNativeAuthSession"
  s.version = package["version"]
  s.summary = package["description"]
  s.license = package["license"]
  s.homepage = "https://www.npmjs.com/package/#{package["name"]}"
  s.authors = "The AuthSession authors"
  # Autolinking installs the pod from node_modules.
  s.source = { :path => "." }

  s.platforms = { :ios => min_ios_version_supported }
  s.swift_versions = ["5.9", "6.0"]
  # Not in the folders below, where the headers of the framework are.
  s.source_files = "ios/*.{h,mm,swift}"
  s.private_header_files = "ios/*.h"
  # What Apple asks of an SDK that uses clocks and file times: for the code of the pod, and of the framework in it.
  s.resource_bundles = { "ReactNativeAuthSession_Privacy" => ["ios/PrivacyInfo.xcprivacy"] }
  s.vendored_frameworks = framework
  # What the static library in it uses: the Keychain and the verification of certificates.
  s.frameworks = ["Security", "CoreFoundation"]

  install_modules_dependencies(s)
end
