"""A rule that a doctor might write, its limits found from 768 patients."""

from sklearn.model_selection import cross_val_score

from benchmarks.tables import pima_frame
from tabtrain import FunctionClassifier


def risky(patient, *, max_glucose=140.0, max_bmi=30.0, min_age=40):
    if patient.glucose > max_glucose:
        return True
    return patient.bmi > max_bmi and patient.age > min_age


X, y = pima_frame()
clf = FunctionClassifier(risky, objective="f1", random_state=0)
guess = clf.set_params(max_iter=1, optimizer="random_search").fit(X, y).history_[0].score
clf.set_params(max_iter=1000, optimizer="auto").fit(X, y)
print(f"F1 as guessed {guess:.3f}, as trained {clf.best_score_:.3f}")
print(f"on rows that it has not seen {cross_val_score(clf, X, y, cv=10).mean():.3f}")
print()
print(clf.to_python())
print(clf.report(X, y))
