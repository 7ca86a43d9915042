#!/bin/sh
# Stands in for a C compiler where code is checked and never linked: it compiles nothing and leaves an empty file where
# an object was asked for. A build script that chooses its Rust code by what a compiler can do would be misled; ring's,
# the only one here that wants a compiler, does not.
while [ $# -gt 1 ]; do
    if [ "$1" = -o ]; then
        : >"$2"
        exit
    fi
    shift
done
exit 1 # It answers no questions, so that the crate cc takes it for an unknown compiler like GCC.
