"""What a benchmark found, for programs: a row of the file that `scripts/bench NAME --json FILE` makes."""

import os


def figure(name, value, unit):
    """Nothing without --json."""
    path = os.environ.get("FANLIGHT_FIGURES")
    if path:
        with open(path, "a") as file:
            file.write(f"{name}\t{value}\t{unit}\n")
