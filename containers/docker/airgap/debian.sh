#!/bin/sh
# Makes a Debian base image from Debian's own packages, for a machine that reaches no image registry.
#
#   debian.sh RELEASE IMAGE          for example: debian.sh trixie debian:trixie-slim
#
# Needs root, debootstrap and docker. DEBIAN_MIRROR names another mirror than the official one.
# This machine's own apt is left alone: everything happens in a folder that is removed at the end.
set -eu

release=$1
image=$2
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
trap 'exit 1' HUP INT TERM

debootstrap --variant=minbase --include=ca-certificates "$release" "$root" "$mirror" >&2

# Behind a proxy that signs anew, pip and Maven in a container trust what this machine trusts.
find /usr/local/share/ca-certificates -name '*.crt' -exec cp {} "$root/usr/local/share/ca-certificates/" \; 2>/dev/null || true
chroot "$root" update-ca-certificates >&2
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*

tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - "$image" >&2
