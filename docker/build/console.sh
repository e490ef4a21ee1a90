#!/usr/bin/env bash
# admin/ → admin/build/
set -euo pipefail

npm run build --workspace admin
