"""A rule of three labels: which contraception do married women choose?"""

from sklearn.model_selection import cross_val_score

from benchmarks.tables import contraceptive_frame
from tabtrain import FunctionClassifier


def choice(woman, *, few_children=1, old=40.0, educated=3, young=30.0):
    if woman.children < few_children:
        return "none"
    if woman.age > old:
        return "long" if woman.education > educated else "none"
    if woman.age < young:
        return "short"
    return "long" if woman.education > educated else "short"


X, y = contraceptive_frame()
clf = FunctionClassifier(choice, "f1_macro", random_state=0).fit(X, y)
print(f"macro F1 as guessed {clf.history_[0].score:.3f}, as trained {clf.best_score_:.3f}")
print(f"on rows that it has not seen {cross_val_score(clf, X, y, cv=10).mean():.3f}")
print(f"found exactly, one by one: {clf.exact_}")
print(clf.to_python())
