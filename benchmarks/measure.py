"""What the benchmarks share: interleaved rounds, plain tables, fresh processes, the verdict."""

import argparse
import importlib
import json
import os
import subprocess
import sys
import time

import numpy as np


def require(**pip_names):
    """Import the peers, ``module="pip name"``; an ImportError says what to install."""
    for module, pip_name in pip_names.items():
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise ImportError(f"this benchmark needs: pip install {pip_name}") from error


def rounds(cases, n_rounds):
    """Call all cases in turn, several times over, so that a noisy machine is unfair to none.

    Parameters
    ----------
    cases : dict of str to callable
    n_rounds : int

    Returns
    -------
    dict of str to list
        What each case returned, in each round.
    """
    results = {name: [] for name in cases}
    for _ in range(n_rounds):
        for name, case in cases.items():
            results[name].append(case())
    return results


def seconds(function):
    """How long a call takes."""
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def ratio(values, others):
    """The median of the ratios of what was measured in the same rounds."""
    return float(np.median(np.divide(values, others)))


def spread(values, form=",.0f"):
    """The median, and the range in brackets."""
    middle, low, high = (format(f(values), form) for f in (np.median, min, max))
    return middle if len(values) == 1 else f"{middle} ({low} - {high})"


def print_table(title, header, rows):
    """Print rows of strings as columns, the first to the left and the others to the right."""
    table = [header, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    print(f"\n{title}\n")
    for row in [header, ["-" * width for width in widths], *rows]:
        first, *others = (
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]), flush=True)


def verdict(target, reached, measured):
    """Print the target, what was measured and whether that reaches it; returns the latter."""
    print(f"\nTarget: {target}\n{'REACHED' if reached else 'NOT REACHED'}: {measured}", flush=True)
    return bool(reached)


def fresh_process(function, *args):
    """What a function of a benchmark returns in a new interpreter, passed on as JSON.

    Parameters
    ----------
    function : callable
        At the top level of its module.
    *args
        Whose ``repr`` can be evaluated.
    """
    module = sys.modules[function.__module__]
    name = module.__spec__.name
    code = f"import json, {name}; print(json.dumps({name}.{function.__name__}(*{args!r})))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def run(main, doc, **options):
    """Run a benchmark from the command line; ``--quick`` is its argument.

    Parameters
    ----------
    main : callable
    doc : str
    **options : str
        Keyword arguments of `main` that take a string, and the help on them.
    """
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds")
    for name, text in options.items():
        parser.add_argument(f"--{name}", help=text)
    given = vars(parser.parse_args())
    quick = given["quick"]
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"{os.cpu_count()} processors, load {load}{', QUICK: a smoke run' * quick}")
    main(**given)
