"""One run on several machines: workers there, everything that counts and decides here."""
