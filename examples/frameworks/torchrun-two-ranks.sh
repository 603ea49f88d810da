#!/bin/sh
# Two ranks on this machine; each hears SIGTERM before torchrun does.
exec torchrun --standalone --nproc-per-node 2 "$(dirname "$0")/torchrun-two-ranks.py" "$@"
