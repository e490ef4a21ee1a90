#!/usr/bin/env bash
# Takes the tests out of a folder and makes it readable to all and writable to none, whatever umask it was checked out with.
set -euo pipefail

find "$1" -type f -name '*.test.ts' -delete
chmod -R a+rX,a-w "$1"
