"""What MkDocs calls while it builds the site."""

from contextlib import suppress
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig


def on_config(config: MkDocsConfig) -> None:
    """Links the product's files where the reference looks for a package ``segport``.

    The repository's root is that package. A link to the root itself would be followed into everything else there.
    """
    root = Path(config.config_file_path).parent
    package = root / ".typing" / "docs" / "segport"
    package.mkdir(parents=True, exist_ok=True)
    names = ["__init__.py", "bootstrap.py", "session.py", *(path.parent.name for path in root.glob("*/__init__.py"))]
    for name in names:
        with suppress(FileExistsError):
            (package / name).symlink_to(Path("../../..", name))
