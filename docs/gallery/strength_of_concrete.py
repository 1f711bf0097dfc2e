"""A law of the strength of concrete: Abrams' law, and that it hardens with time."""

import math

from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score

from benchmarks.tables import concrete_frame
from tabtrain import FunctionRegressor


def strength(mix, *, scale=100.0, base=10.0, per_log_day=0.3, slag=0.5, ash=0.5):
    binder = mix.cement + slag * mix.blast_furnace_slag + ash * mix.fly_ash
    return scale / base ** (mix.water / binder) * (1 + per_log_day * math.log(mix.age / 28))


X, y = concrete_frame()
for objective in ("neg_mean_absolute_error", "r2"):
    reg = FunctionRegressor(strength, objective, random_state=0).fit(X, y)
    print(f"{objective}: as guessed {reg.history_[0].score:.3f}, as trained {reg.best_score_:.3f}")
    print(reg.parameters_)
    for name, each in {"the law": reg, "least squares on all columns": LinearRegression()}.items():
        scores = cross_val_score(each, X, y, cv=10, scoring=objective)
        print(f"    {name}, on rows that it has not seen: {scores.mean():.3f}")
