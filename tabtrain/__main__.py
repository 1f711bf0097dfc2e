"""The demo: ``python -m tabtrain [--output FOLDER]``."""

import argparse
from pathlib import Path

from tabtrain._demo import demo


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m tabtrain",
        description="Train a function on a real table, by trial and error and by gradient.",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("demo-output"),
        metavar="FOLDER",
        help="where the picture and the history go (default: %(default)s)",
    )
    folder = parser.parse_args(arguments).output
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"cannot write to {folder}: {error.strerror}")
    demo(folder)


if __name__ == "__main__":
    main()
