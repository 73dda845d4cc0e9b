"""The parent of a run whose workers are on other machines."""
