"""The extension that runs the engine of a URL run, and reads its shared memory."""
