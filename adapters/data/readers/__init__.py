"""Layouts of images and masks on disk, one file a layout."""
