"""Scripts of k6 as they stand: realm, users, settings; each kind of module has a room."""
