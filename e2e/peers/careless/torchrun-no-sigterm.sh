#!/bin/sh
exec torchrun --standalone --nproc-per-node 2 "$(dirname "$0")/torchrun-no-sigterm.py" "$@"
