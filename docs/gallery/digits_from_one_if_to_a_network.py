"""Which digit is it? From one `if` to a network, and how many examples each takes."""

import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from tabtrain import LinearClassifier, MLPClassifier, RuleClassifier, RuleSearch

SIZES, N_DRAWS = (30, 100, 300, 1000), 3

# Nine rules of ten digits are not too many: no rows need be held out to say so.
GREEDY = RuleSearch(beam_width=1, n_kicks=0, guard=False)


def conditions(rules):
    return f"conditions: {sum(len(rule.conditions) for rule in rules.rules_)}"


def weights(linear):
    return f"weights: {linear.coef_.size + linear.intercept_.size:,}"


def weights_of_layers(network):
    return f"weights: {sum(part.size for part in (*network.coefs_, *network.intercepts_)):,}"


FUNCTIONS = {
    "one `if`": (RuleClassifier(), conditions),
    "9 rules of 1 condition": (RuleClassifier(9, 1, optimizer=GREEDY), conditions),
    "9 rules of 3 conditions": (RuleClassifier(9, 3, optimizer=GREEDY), conditions),
    "linear": (LinearClassifier(), weights),
    "a network of 32 units": (MLPClassifier((32,), objective="accuracy"), weights_of_layers),
}

X, y = load_digits(return_X_y=True)
X, X_unseen, y, y_unseen = train_test_split(X, y, train_size=1000, stratify=y, random_state=0)
print(f"accuracy on {len(X_unseen)} unseen digits, trained on so many, medians of {N_DRAWS} draws;")
print(f"of the last of {SIZES[-1]:,} that on themselves, seconds and size")
print(f"{'':24s}" + "".join(f"{n:8,d}" for n in SIZES) + "   seen  seconds")
for name, (clf, size) in FUNCTIONS.items():
    clf.set_params(random_state=0)
    row = f"{name:24s}"
    for n in SIZES:
        scores = []
        for i in range(N_DRAWS):
            rows = np.random.default_rng(i).permutation(len(X))[:n]
            begun = time.perf_counter()
            clf.fit(X[rows], y[rows])
            seconds = time.perf_counter() - begun
            scores.append(clf.score(X_unseen, y_unseen))
        row += f"{np.median(scores):8.3f}"
    print(f"{row}{clf.score(X[rows], y[rows]):7.3f}{seconds:9.1f}  {size(clf)}")
