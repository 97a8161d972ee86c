"""What may be shown of a file that a caller names: under a folder for data, its column names.

The node reads whatever its user can read, but a caller must not see by it what a file says: outside
of the folders of the setting `data_folders`, no error repeats a word of a file.
"""

from pathlib import Path


def folders_of(text: str) -> tuple[Path, ...]:
    """Return the folders of a comma-separated setting. Raises: ValueError."""
    found = tuple(Path(part.strip()) for part in text.split(",") if part.strip())
    if not all(folder.is_absolute() for folder in found):
        raise ValueError("name folders by their full paths")
    return found


def may_show(path: Path, setting: str) -> bool:
    """Tell whether this file lies in one of the folders, wherever links lead."""
    real = path.resolve()
    return any(real.is_relative_to(folder.resolve()) for folder in folders_of(setting))
