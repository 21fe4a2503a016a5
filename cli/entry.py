"""Where the `segport` command begins. Nothing is imported before an interruption is answered as it is later on."""


def run() -> int:
    """One command; returns its exit code."""
    try:
        from .main import main

        return main()
    except KeyboardInterrupt:
        import sys

        print("stopped", file=sys.stderr)
        return 130
