"""Where training events go: files, the terminal."""
