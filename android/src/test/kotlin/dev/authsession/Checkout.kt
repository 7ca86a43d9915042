package dev.authsession

import java.nio.file.Path
import kotlin.io.path.absolute
import kotlin.io.path.isDirectory

/** Where the checkout and what was built from it are. */
internal object Checkout {
    val root: Path = System.getenv("AUTHSESSION_ROOT")?.let(Path::of)
        ?: generateSequence(Path.of("").absolute()) { it.parent }.first { it.resolve("tests/scenarios").isDirectory() }

    val target: Path = Path.of(System.getenv("AUTHSESSION_TARGET"))
}
