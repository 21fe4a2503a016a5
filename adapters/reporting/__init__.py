"""Pictures and pages for people: overlays, panels, plots, reports."""
