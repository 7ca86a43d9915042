"""Writes the source of a library that stands before the real one and counts what crosses the boundary.

    counting_library.py HEADER LIBRARY > counting.c

It has every function of the generated HEADER. Each counts itself and jumps on to the one of the same name in LIBRARY,
with all registers and the stack as they came, so that it need not know its parameters. The functions that the language
registers to be called back are exchanged for ones that count and jump in the same way.

`crossings_take(buffer, size)` writes a line "count name" for each function that was called since the last time.
"""
import re
import sys

HEADER, LIBRARY = sys.argv[1:]
PREFIX = "auth_session_ffi"
header = open(HEADER, encoding="utf-8").read()

functions = sorted(set(re.findall(rf"\b((?:uni)?ffi_{PREFIX}_\w+)\(", header)))
interfaces = {
    name.lower(): [re.split(r"\W+", field.strip())[-1] for field in fields.split(";")[:-1]]
    for name, fields in re.findall(r"typedef struct UniffiVTableCallbackInterface(\w+) \{([^}]*)\}", header)
}
# What Kotlin calls beside the generated layer: see bindings/uniffi/src/direct.rs.
direct = ["auth_session_send"]
direct_registration = "auth_session_receive_answers"
direct_callbacks = ["answered", "failed"]
functions += direct

polls = [name for name in functions if f"{PREFIX}_rust_future_poll_" in name]
registrations = {
    name: name.rpartition("_")[2] for name in functions if f"{PREFIX}_fn_init_callback_vtable_" in name
}

# What is counted: a name for the report, and the symbol of the function that counts it.
counted = [(name, f"count_{name}" if name in polls else name) for name in functions if name not in registrations]
counted.append(("callback of a future", "count_continuation"))
for interface, methods in sorted(interfaces.items()):
    counted += [(f"callback {interface}.{method}", f"count_{interface}_{method}") for method in methods]
counted += [(f"callback direct.{method}", f"count_direct_{method}") for method in direct_callbacks]
slot = {symbol: number for number, (_, symbol) in enumerate(counted)}


def exported(symbol):
    return symbol in functions


print(
    f"""
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNTED {len(counted)}
__attribute__((visibility("hidden"))) uint64_t crossings[COUNTED];
__attribute__((visibility("hidden"))) void *targets[COUNTED];

#if defined(__x86_64__)
#define COUNTING(symbol, number, scope) __asm__( \\
    ".text\\n" scope " " #symbol "\\n.type " #symbol ",@function\\n" #symbol ":\\n" \\
    "lock incq 8*" #number "+crossings(%rip)\\n jmp *8*" #number "+targets(%rip)\\n");
#elif defined(__aarch64__)
// x16 and x17 are free between a call and the function that is called; x9 to x15 are the caller's.
#define COUNTING(symbol, number, scope) __asm__( \\
    ".text\\n" scope " " #symbol "\\n.type " #symbol ",%function\\n" #symbol ":\\n" \\
    "adrp x16, crossings+8*" #number "\\n add x16, x16, :lo12:crossings+8*" #number "\\n" \\
    "1: ldxr x17, [x16]\\n add x17, x17, #1\\n stxr w15, x17, [x16]\\n cbnz w15, 1b\\n" \\
    "adrp x16, targets+8*" #number "\\n ldr x16, [x16, :lo12:targets+8*" #number "]\\n br x16\\n");
#endif
#define EXPORTED ".globl"
#define HIDDEN ".local"

static const char *const names[COUNTED] = {{"""
)
for name, _ in counted:
    print(f'    "{name}",')
print("};")
print("typedef void (*continuation)(uint64_t, int8_t);")
for number, (name, symbol) in enumerate(counted):
    scope = "EXPORTED" if exported(symbol) else "HIDDEN"
    print(f"COUNTING({symbol}, {number}, {scope})")
    if not exported(symbol):
        print(f"extern void {symbol}({'uint64_t, continuation, uint64_t' if name in polls else 'void'});")

for name in polls:
    print(
        f"""
void {name}(uint64_t future, continuation callback, uint64_t data) {{
    // One function for the process.
    targets[{slot["count_continuation"]}] = (void *)callback;
    count_{name}(future, (continuation)(void *)count_continuation, data);
}}"""
    )
for name, interface in registrations.items():
    methods = interfaces[interface]
    print(
        f"""
static void (*register_{name})(void **);
void {name}(void **table) {{
    static void *counting[] = {{{", ".join(f"(void *)count_{interface}_{method}" for method in methods)}}};
    for (int i = 0; i < {len(methods)}; i++) targets[{slot[f"count_{interface}_{methods[0]}"]} + i] = table[i];
    register_{name}(counting);
}}"""
    )
print(
    f"""
static int8_t (*register_direct)(void *, void *);
int8_t {direct_registration}({", ".join(f"void *{method}" for method in direct_callbacks)}) {{"""
)
for method in direct_callbacks:
    print(f'    targets[{slot[f"count_direct_{method}"]}] = {method};')
print(
    f"""    return register_direct({", ".join(f"(void *)count_direct_{method}" for method in direct_callbacks)});
}}

static void *found(void *library, const char *name) {{
    void *function = dlsym(library, name);
    if (!function) {{
        fprintf(stderr, "%s\\n", dlerror());
        abort();
    }}
    return function;
}}

__attribute__((constructor)) static void open_library(void) {{
    void *library = dlopen("{LIBRARY}", RTLD_NOW | RTLD_LOCAL);
    if (!library) {{
        fprintf(stderr, "%s\\n", dlerror());
        abort();
    }}"""
)
for number, (name, _) in enumerate(counted):
    if not name.startswith("callback "):
        print(f'    targets[{number}] = found(library, "{name}");')
for name in registrations:
    print(f'    *(void **)&register_{name} = found(library, "{name}");')
print(f'    *(void **)&register_direct = found(library, "{direct_registration}");')
print(
    """}

void crossings_take(char *buffer, uint64_t size) {
    uint64_t used = 0;
    buffer[0] = 0;
    for (int i = 0; i < COUNTED; i++) {
        uint64_t count = __atomic_exchange_n(&crossings[i], 0, __ATOMIC_SEQ_CST);
        if (count && used < size) {
            used += snprintf(buffer + used, size - used, "%llu %s\\n", (unsigned long long)count, names[i]);
        }
    }
}"""
)
