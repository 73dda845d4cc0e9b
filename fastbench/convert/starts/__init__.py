"""What `fastbench new` writes: a running start, with comments that say what to change."""
