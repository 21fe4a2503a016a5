"""The pure heart: values, formulas and ports. Standard library, attrs and numpy; no files, clock or environment."""
