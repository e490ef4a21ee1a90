#!/usr/bin/env bash
# All packages, for building. No install script runs: none is needed for it.
set -euo pipefail

npm ci --ignore-scripts
