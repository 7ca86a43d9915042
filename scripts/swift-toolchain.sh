#!/usr/bin/env bash
# A Swift toolchain: the machine's own if it has one, else Debian 13's in a folder of its own.
#
#   scripts/swift-toolchain.sh                        sets it up and prints its version
#   scripts/swift-toolchain.sh COMMAND [ARGUMENT ...] runs COMMAND where `swift` is on PATH, in the checkout;
#                                                     the checkout and the target folder are at the same paths
#   scripts/swift-toolchain.sh --system               prints the folder that is the root of Debian's; nothing if the
#                                                     toolchain is the machine's own
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tools="${AUTHSESSION_TOOLS:-$HOME/.cache/authsession}/swift"
system="$tools/trixie"
# g++ and the two -dev packages bring what swiftc links with; swiftlang only recommends them.
packages=(swiftlang g++ libc6-dev libstdc++-14-dev)

has_swift() {
    local version
    version="$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\..*/\1/p')"
    [ "${version:-0}" -ge 6 ]
}

# The mirror that this machine's apt is known to reach.
debian_mirror() {
    apt-get indextargets --format '$(REPO_URI)' \
        'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 'Component: main' 2>/dev/null | sed -n 1p
}

may_mount() {
    unshare --mount true 2>/dev/null
}

# Runs a command with the system as its root, and the checkout and the target folder where they are outside.
inside() {
    mkdir -p "$target" "$system$root" "$system$target"
    cp -L /etc/resolv.conf /etc/hosts "$system/etc/"
    local command=(env --chdir="$root" HOME=/ LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@")
    if may_mount; then
        # Mounts live in a namespace of their own: they end with the command, however it ends, so that nothing is
        # left to clean up and the system's folder can always be removed safely.
        unshare --mount -- bash -euc '
            system="$1" root="$2" target="$3"
            shift 3
            for folder in /proc /dev "$root" "$target"; do
                mount --rbind "$folder" "$system$folder"
            done
            exec chroot "$system" "$@"
        ' inside "$system" "$root" "$target" "${command[@]}"
    else
        # Slower, but needs no right to mount. With its seccomp filter, swiftc crashes now and then.
        PROOT_NO_SECCOMP=1 proot -r "$system" -b /proc -b /dev -b "$root" -b "$target" "${command[@]}"
    fi
}

bootstrap() {
    [ ! -e "$tools/bootstrapped" ] || return 0
    local mirror
    mirror="$(debian_mirror)"
    if [ -z "$mirror" ]; then
        apt-get update >&2
        mirror="$(debian_mirror)"
    fi
    mirror="${mirror:-http://deb.debian.org/debian}"
    say "Setting up a Debian 13 from $mirror in $system"
    rm -rf "$system"
    # debootstrap mounts /proc in its target; in a namespace of its own an interruption leaves no mount behind.
    local namespace=()
    if may_mount; then
        namespace=(unshare --mount --)
    fi
    "${namespace[@]}" debootstrap --variant=minbase --include=ca-certificates --force-check-gpg \
        trixie "$system" "$mirror" >&2
    touch "$tools/bootstrapped"
}

install_packages() {
    [ "$(cat "$tools/installed" 2>/dev/null)" != "${packages[*]}" ] || return 0
    say "Installing ${packages[*]} (about 500 MB to download)"
    # A run that was interrupted may have left a dpkg at work, and packages that are not configured.
    inside env DEBIAN_FRONTEND=noninteractive bash -euc '
        install() {
            apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends --fix-broken "$@"
        }
        apt-get update
        install "$@" || { dpkg --configure -a && install "$@"; }
        apt-get clean
    ' install "${packages[@]}" >&2
    echo "${packages[*]}" >"$tools/installed"
}

# Exits with $cannot_set_up, and with what a person can do, if anything on the way fails.
set_up() {
    trap 'say "The Swift toolchain could not be set up: install Swift 6 or newer."; exit $cannot_set_up' ERR
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "Please install Swift 6 or newer, or run this as root on Debian or a system derived from it."
        exit $cannot_set_up
    fi
    need_packages debootstrap debian-archive-keyring
    if ! may_mount; then
        need_packages proot
    fi
    # What apt was told about proxies holds for debootstrap and for the apt inside, too.
    eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
    export http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}"
    mkdir -p "$tools"
    # Two runs at once: the second waits and finds everything in place.
    exec 9>"$tools/lock"
    flock 9
    bootstrap
    install_packages
    exec 9>&-
    trap - ERR
}

[ $# -gt 0 ] || set -- swift --version
cd "$root"
if has_swift; then
    [ "$1" = --system ] || exec "$@"
    exit
fi
set_up </dev/null
if [ "$1" = --system ]; then
    echo "$system"
else
    inside "$@"
fi
