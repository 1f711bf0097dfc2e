"""Is there a cat in it? Patches of photographs, from one `if` to a network.

The photographs are those that scikit-image carries, made grey and small, so that neither colour nor
size gives them away. Each is cut into six upright strips, and no patch reaches over a border: the
patches of some strips share no pixel with those of the others, which are trained on.

`python -m docs.gallery.cat_in_the_picture [FILE]` draws where the best function sees the cat.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from skimage import data
from skimage.color import rgb2gray
from skimage.feature import local_binary_pattern
from skimage.transform import resize
from sklearn.base import clone
from sklearn.metrics import f1_score

from tabtrain import LinearClassifier, MLPClassifier, RuleClassifier

NAMES = "cat astronaut brick camera clock coffee coins grass gravel moon rocket stereo_motorcycle"
HEIGHT, SIZE, STEP, N_STRIPS = 150, 16, 4, 6

# Of the four strips that are trained on one at a time is held out, to decide how far to go.
FUNCTIONS = {
    "one `if`": RuleClassifier(objective="f1", random_state=0),
    "3 rules of 2 conditions": RuleClassifier(3, 2, objective="f1", cv=4, random_state=0),
    "linear": LinearClassifier("f1", cv=4, random_state=0),
    "a network of 32 units": MLPClassifier(
        (32,), objective="f1", validation_fraction=0.25, random_state=0
    ),
}


def photograph(name):
    """In grey, 0 to 1. All are at least halved: none is sharper for not having been shrunk."""
    picture = getattr(data, name)()
    picture = picture[0] if isinstance(picture, tuple) else picture  # of a pair, the left one
    grey = rgb2gray(picture) if picture.ndim == 3 else picture / 255
    return resize(grey, (HEIGHT, round(HEIGHT * grey.shape[1] / grey.shape[0])), anti_aliasing=True)


def patches(name):
    """Where the patches are that lie within one strip, and their pixels."""
    picture = photograph(name)
    squares = np.lib.stride_tricks.sliding_window_view(picture, (SIZE, SIZE))[::STEP, ::STEP]
    top, left = (STEP * each.ravel() for each in np.indices(squares.shape[:2]))
    first, last = (x * N_STRIPS // picture.shape[1] for x in (left, left + SIZE - 1))
    where = pd.DataFrame({"photograph": name, "strip": first, "top": top, "left": left})
    return where[first == last], squares.reshape(-1, SIZE, SIZE)[first == last]


def features(squares):
    """Brightness, contrast, how much neighbours differ, and local binary patterns.

    The latter are by Ojala et al., 2002: the share of pixels of whose 8 neighbours k, side by side,
    are as bright as themselves or brighter; and of those where they are not side by side.
    """
    columns = {"brightness": squares.mean(axis=(1, 2)), "contrast": squares.std(axis=(1, 2))}
    for k in (1, 2, 4, 8):
        coarse = squares.reshape(len(squares), SIZE // k, k, SIZE // k, k).mean(axis=(2, 4))
        for axis, way in ((1, "down"), (2, "across")):
            change = np.abs(np.diff(coarse, axis=axis))
            columns[f"change by {k} {way}"] = change.mean(axis=(1, 2))
    as_bytes = (255 * squares).astype(np.uint8)
    patterns = np.array([local_binary_pattern(each, 8, 1, "uniform") for each in as_bytes])
    for k in range(9):
        columns[f"{k} of 8 brighter"] = (patterns == k).mean(axis=(1, 2))
    columns["brighter here and there"] = (patterns == 9).mean(axis=(1, 2))
    return pd.DataFrame(columns)


def pixels(squares):
    return pd.DataFrame(squares.reshape(len(squares), -1))


def ask(function, X, y, third, groups):
    """What is said of each third by the function, trained on the others; and what is trained."""
    said, trained = np.zeros_like(y), []
    for i in range(3):
        seen = third != i
        trained.append(clone(function).fit(X[seen], y[seen], groups=groups[seen]))
        said[~seen] = trained[i].predict(X[~seen])
    return said, trained


def draw(where, said, file):
    """The photographs, the redder the more of the patches around are said to be of the cat."""
    figure = Figure(figsize=(12, 8), layout="constrained")
    for axes, name in zip(figure.subplots(3, 4).flat, NAMES.split(), strict=True):
        picture, mine = photograph(name), where["photograph"] == name
        n_cats, n_patches = np.zeros((2, *picture.shape))
        for patch, is_cat in zip(where[mine].itertuples(), said[mine], strict=True):
            place = slice(patch.top, patch.top + SIZE), slice(patch.left, patch.left + SIZE)
            n_cats[place] += is_cat
            n_patches[place] += 1
        others = picture * (1 - n_cats / np.maximum(n_patches, 1))
        axes.imshow(np.stack([picture, others, others], axis=-1).clip(0, 1))
        axes.set_title(f"{name}: {said[mine].mean():.0%}")
        axes.set_axis_off()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=100)


if __name__ == "__main__":
    file = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output/cat.png")
    tables, squares = zip(*[patches(name) for name in NAMES.split()], strict=True)
    where, squares = pd.concat(tables, ignore_index=True), np.concatenate(squares)
    y, strip = (where["photograph"] == "cat").to_numpy(), where["strip"].to_numpy()
    at_random = np.random.default_rng(0).integers(N_STRIPS, size=len(y))
    splits = {  # the third that is put aside, and what is held out together in training
        "patches": (at_random % 3, at_random),  # which leaks: patches overlap
        "strips": (strip % 3, strip),
        "thirds": (strip // 2, strip),
    }
    print(f"{len(y):,} patches, {y.mean():.0%} of the cat; F1 on what was put aside")
    print(f"{'':34s}" + "".join(f"{split:>9s}" for split in splits) + "  seconds of a fit")
    best, found = 0.0, []
    for table in (features, pixels):
        X = table(squares)
        for name, function in FUNCTIONS.items():
            begun, scores = time.perf_counter(), {}
            for split, (third, groups) in splits.items():
                said, trained = ask(function, X, y, third, groups)
                scores[split] = f1_score(y, said)
                if split == "strips" and scores[split] > best:
                    best, said_by_best = scores[split], said
            seconds = (time.perf_counter() - begun) / (3 * len(splits))
            row = "".join(f"{score:9.3f}" for score in scores.values())
            print(f"{name:24s}{table.__name__:10s}{row}{seconds:9.1f}")
            if table is features and isinstance(function, RuleClassifier):
                found.append(trained[-1].rules_)
    print("\nRules, of the first two thirds of each photograph:", *found, sep="\n\n")
    draw(where, said_by_best, file)
    print(f"\n{file}: where the best by strips sees the cat, with the share of all patches")
