"""Fails at once with exit code 7, as a script with a wrong path does."""
import sys

print("step 1", flush=True)
print("Traceback: no such file data.bin", file=sys.stderr, flush=True)
sys.exit(7)
