#!/usr/bin/env bash
# src/ → dist/
set -euo pipefail

npx nest build
rm dist/.tsbuildinfo
