// The AAR for apps. pom.xml builds the same sources for a desktop JVM, where they are tested; both name the same
// versions of libraries, for the reasons given there. The native libraries come from scripts/build-android.sh.
plugins {
    id("com.android.library") version "8.13.2"
    id("org.jetbrains.kotlin.android") version "2.1.21"
    id("org.jetbrains.kotlin.plugin.serialization") version "2.1.21"
    `maven-publish`
}

group = "dev.authsession"
version = "0.1.0"

android {
    namespace = "dev.authsession"
    compileSdk = 36

    defaultConfig {
        minSdk = 24
        consumerProguardFiles("consumer-rules.pro")
    }

    sourceSets.named("main") {
        jniLibs.srcDir(layout.projectDirectory.dir("../target/android/jniLibs"))
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    publishing {
        singleVariant("release") { withSourcesJar() }
    }
}

kotlin {
    compilerOptions { jvmTarget = org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_17 }
}

dependencies {
    api("org.jetbrains.kotlinx:kotlinx-coroutines-core:1.10.2")
    api("org.jetbrains.kotlinx:kotlinx-serialization-json:1.8.1")
    implementation("net.java.dev.jna:jna:5.19.1@aar")
    // Of the version that Cargo.lock has for rustls-platform-verifier-android.
    implementation("rustls:rustls-platform-verifier:0.2.0")
    compileOnly("com.squareup.okhttp3:okhttp:4.12.0")
    compileOnly("io.ktor:ktor-client-core:3.2.3")
}

publishing {
    publications {
        register<MavenPublication>("release") {
            artifactId = "auth-session"
            afterEvaluate { from(components["release"]) }
            pom {
                name = "AuthSession for Kotlin"
                description = "Sign-in, token refresh and authenticated requests for mobile apps"
                licenses {
                    license { name = "MIT" }
                    license { name = "Apache-2.0" }
                }
            }
        }
    }
}

// Without them the app would build, and fail when it opens its first session.
val nativeLibraries = tasks.register("checkNativeLibraries") {
    val abis = listOf("arm64-v8a", "armeabi-v7a", "x86_64")
    val files = abis.map { layout.projectDirectory.file("../target/android/jniLibs/$it/libauth_session_ffi.so").asFile }
    doLast {
        val missing = files.filterNot { it.exists() }
        check(missing.isEmpty()) { "Run scripts/build-android.sh first; these are missing: $missing" }
    }
}
tasks.named("preBuild") { dependsOn(nativeLibraries) }
