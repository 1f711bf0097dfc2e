"""A pricing formula: how many of 53,940 diamonds does it price to within 10%?"""

from sklearn.model_selection import train_test_split

from benchmarks.tables import diamonds_frame
from tabtrain import DifferentialEvolution, FunctionRegressor, PassRate


def price(diamond, *, per_carat=4000.0, power=1.5, best_colors=1.0, worst_colors=1.0, flawed=1.0):
    found = per_carat * diamond.carat**power
    if diamond.color in ("D", "E", "F"):
        found = found * best_colors
    elif diamond.color in ("I", "J"):
        found = found * worst_colors
    if diamond.clarity in ("I1", "SI2"):
        found = found * flawed
    return found


X, y = diamonds_frame()
X, X_unseen, y, y_unseen = train_test_split(X, y, random_state=0)
objective = PassRate(0.1, relative=True)
for optimizer in ("auto", DifferentialEvolution()):
    reg = FunctionRegressor(price, objective, optimizer=optimizer, random_state=0).fit(X, y)
    guessed, unseen = reg.history_[0].score, reg.score(X_unseen, y_unseen)
    print(f"{reg.history_.optimizer}: within 10% of the price")
    print(f"    as guessed {guessed:.1%}, as trained {reg.best_score_:.1%}, unseen {unseen:.1%}")
    print(f"    {reg.parameters_}")
