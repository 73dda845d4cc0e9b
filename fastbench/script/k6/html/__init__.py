"""k6/html: pages as trees, selectors as goquery has them, and what scripts ask of both."""
