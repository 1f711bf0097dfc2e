"""From one `if` to many: what each further condition brings, and how many examples it takes."""

import numpy as np

from benchmarks.tables import adult_frame
from tabtrain import FunctionClassifier


def one(person, *, gain=5000.0):
    return person.capital_gain > gain


def two(person, *, gain=5000.0, years=12.0):
    return person.capital_gain > gain or person.education_years > years


def three(person, *, gain=5000.0, years=12.0):
    if person.capital_gain > gain:
        return True
    return person.marital_status == "Married-civ-spouse" and person.education_years > years


def four(person, *, gain=5000.0, years=12.0, loss=1500.0):
    if person.capital_gain > gain:
        return True
    married = person.marital_status == "Married-civ-spouse"
    return married and (person.education_years > years or person.capital_loss > loss)


def six(person, *, gain=5000.0, years=12.0, loss=1500.0, young=25.0, hours=30.0):
    if person.capital_gain > gain:
        return True
    if person.marital_status != "Married-civ-spouse":
        return False
    if person.age < young or person.hours < hours:
        return False
    return person.education_years > years or person.capital_loss > loss


def weighted(person, *, gain=5000.0, per_year=1.0, per_hour=0.1, loss=1500.0, age=0.1, need=18.0):
    if person.capital_gain > gain:
        return True
    if person.marital_status != "Married-civ-spouse":
        return False
    points = per_year * person.education_years + per_hour * person.hours + age * person.age
    return points > need or person.capital_loss > loss


X, y = adult_frame()
X_unseen, y_unseen = X[32561:], y[32561:]
X, y = X[:32561], y[:32561]
sizes = (30, 100, 300, 1000, 3000, 10_000, len(X))
print("accuracy on 16,281 unseen rows, trained on so many, medians of 5 draws")
print(f"{'':10s}{'guessed':>9s}" + "".join(f"{size:9,d}" for size in sizes))
for function in (one, two, three, four, six, weighted):
    clf = FunctionClassifier(function, random_state=0)
    guessed = clf.set_params(max_iter=1, optimizer="random_search", init=None).fit(X, y)
    scores = [guessed.history_[0].score]
    clf.set_params(max_iter=1000, optimizer="auto")
    for size in sizes:
        draws = [np.random.default_rng(i).choice(len(X), size, replace=False) for i in range(5)]
        draws = draws if size < len(X) else draws[:1]
        scores.append(
            np.median([clf.fit(X.iloc[i], y[i]).score(X_unseen, y_unseen) for i in draws])
        )
    print(f"{function.__name__:10s}" + "".join(f"{score:9.3f}" for score in scores))
    print(f"          {clf.parameters_}")
