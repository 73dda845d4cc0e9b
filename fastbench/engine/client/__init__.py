"""The extension behind scripts: requests on an event loop, metrics in shared memory."""
