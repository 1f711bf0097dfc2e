"""Functions that users wrote: read, rewritten, compiled."""
