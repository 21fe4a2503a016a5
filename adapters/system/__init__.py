"""Clock, platform and devices."""
