package dev.authsession

import kotlin.io.path.readText
import kotlin.test.Test
import kotlin.test.assertEquals
import dev.authsession.ffi.Disposition as FfiDisposition
import dev.authsession.ffi.SignOutReason as FfiSignOutReason

/** The names are those of docs/reference.md, and the core's values have no other here. */
class NamesTest {
    @Test
    fun `the error codes are those of the reference`() {
        assertEquals(reference("Error codes"), ErrorCode.entries.map { it.id }.toSet())
        for (code in ErrorCode.entries) assertEquals(code, errorCode(code.id))
    }

    @Test
    fun `a code that this version does not know is internal`() {
        assertEquals(ErrorCode.INTERNAL, errorCode("not_invented_yet"))
    }

    @Test
    fun `the dispositions are those of the reference`() {
        assertEquals(reference("Dispositions of an answer"), Disposition.entries.map { it.name.lowercase() }.toSet())
        for (core in FfiDisposition.entries) assertEquals(core.name, core.toDisposition().name)
    }

    @Test
    fun `the reasons for being signed out are those of the reference`() {
        val names = SignOutReason.entries.map { it.name.lowercase() }.toSet()
        assertEquals(reference("Reasons for being signed out"), names)
        for (core in FfiSignOutReason.entries) assertEquals(core.name, core.toSignOutReason().name)
    }

    private fun reference(section: String): Set<String> {
        val page = Checkout.root.resolve("docs/reference.md").readText()
        val text = page.substringAfter("## $section\n", "").substringBefore("\n## ")
        return Regex("^\\| `(\\w+)`", RegexOption.MULTILINE).findAll(text).map { it.groupValues[1] }.toSet()
    }
}
