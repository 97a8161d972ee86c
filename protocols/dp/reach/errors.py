"""What can go wrong when sketches are merged: nothing was read, charged or released for it."""

from protocols.errors import LocalError


class SketchesDiffer(LocalError):
    """These sketches cannot be merged."""

    code = "sketches-differ"


class SketchesTooFull(LocalError):
    """More people were reached, or there is more noise, than sketches of this size can tell."""

    code = "sketches-too-full"
