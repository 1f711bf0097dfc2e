"""Train a network for the log-loss, then its last layer for the metric."""

from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain.objectives.neg_log_loss import NegLogLoss
from tabtrain.optimizers._base import Optimizer, State
from tabtrain.optimizers.adam import Adam
from tabtrain.optimizers.cross_fit import CrossFit


@dataclass(kw_only=True)
class _Stage(State):
    """``network`` is the best for the log-loss, ``log_loss`` its score on rows held out, and
    ``inner`` the state of the optimizer that runs: of the first stage, or of the last layer's."""

    network: np.ndarray
    log_loss: float
    inner: Any
    n_steps: int = 0
    n_stale: int = 0
    is_last: bool = False

    def improves(self, than, tol):
        # The first stage is judged by the log-loss, and each answer of the last rests on more.
        return True

    def outcome(self):
        nothing = {"selection_": None, "oof_score_": np.nan, "oof_std_error_": np.nan}
        return nothing | self.inner.outcome()


class TwoStage(Optimizer):
    """Train a network for the log-loss by gradient, then its last layer for the metric.

    A metric of counts has no gradient, and what is best for it on the training rows is often not
    on others. So the network is trained for the log-loss, and kept as it was when that was best
    on rows held out. What its last hidden layer answers is then a table of features, of which the
    outputs are linear functions: for these :class:`CrossFit` trains for the metric, by smooth
    counts and exact line searches, and lets the rows held out decide what of it is kept. Where
    training for the metric did not help there, the last layer stays that of the log-loss, with
    the threshold that is best for the metric.

    Parameters
    ----------
    optimizer : Optimizer, optional
        Of the first stage; unless given :class:`Adam`.
    n_steps : int, default=100
        Its most iterations.
    patience : int, default=10
        It is over after so many iterations without a better log-loss on the rows held out.

    Notes
    -----
    The estimator says which rows are held out. They decide when the first stage ends, and what
    the last layer is: ``oof_score_`` is not quite free of bias.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from tabtrain import Adam, MLPClassifier, TwoStage
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> optimizer = TwoStage(Adam(0.01, 50), patience=5)
    >>> clf = MLPClassifier((8,), objective="f1", optimizer=optimizer, random_state=0).fit(X, y)
    >>> clf.score(X, y) > 0.95
    True
    """

    needs = frozenset({"soft gradient", "line search", "held-out rows", "hidden layers"})
    expects_convergence = True

    def __init__(self, optimizer=None, n_steps=100, patience=10):
        self.optimizer = optimizer
        self.n_steps = n_steps
        self.patience = patience

    def check(self):
        first = self._first
        if not isinstance(first, Optimizer) or not first.needs <= {"gradient"}:
            raise TypeError(
                "optimizer of TwoStage must be an instance from tabtrain.optimizers that needs no "
                f"more than a gradient, got {self.optimizer!r}"
            )
        first.check()
        for name in ("n_steps", "patience"):
            check_scalar(getattr(self, name), name, Integral, min_val=1)

    @property
    def _first(self):
        return Adam() if self.optimizer is None else self.optimizer

    def start(self, problem, theta, rng):
        training, held_out = problem.splits[0]
        score = held_out.scores(theta[np.newaxis])[0]
        # At zero all hidden units are alike, and would stay so.
        begin = theta if theta.any() else problem.initial(rng, 1)[0]
        inner = self._first.start(_for_log_loss(problem, training), begin, rng)
        log_loss = _log_loss(held_out, begin)
        return _Stage(theta, score, rng, network=begin, log_loss=log_loss, inner=inner)

    def step(self, problem, state):
        if state.is_last:
            return self._train_last_layer(problem, state)
        training, held_out = problem.splits[0]
        inner = self._first.step(_for_log_loss(problem, training), state.inner)
        state = replace(state, inner=inner, n_steps=state.n_steps + 1, n_stale=state.n_stale + 1)
        log_loss = _log_loss(held_out, inner.theta)
        if log_loss > state.log_loss:
            score = held_out.scores(inner.theta[np.newaxis])[0]
            state = replace(
                state,
                theta=inner.theta,
                score=score,
                network=inner.theta,
                log_loss=log_loss,
                n_stale=0,
            )
        if inner.converged or state.n_stale >= self.patience or state.n_steps >= self.n_steps:
            layer = _last_layer(problem, state.network)
            begin = layer.model.theta(*problem.model.last_coefficients(state.network))
            inner = CrossFit().start(layer, begin, state.rng)
            return replace(state, inner=inner, is_last=True)
        return state

    def _train_last_layer(self, problem, state):
        layer = _last_layer(problem, state.network)
        inner = CrossFit().step(layer, state.inner)
        coefficients = layer.model.coefficients(inner.theta)
        return replace(
            state,
            theta=problem.model.with_last(state.network, *coefficients),
            score=inner.score,
            inner=inner,
            converged=inner.converged,
        )


def _for_log_loss(problem, training):
    first = training.beside(NegLogLoss())
    first.alpha = problem.alpha
    return first


def _log_loss(held_out, theta):
    return held_out.beside(NegLogLoss()).scores(theta[np.newaxis])[0]


def _last_layer(problem, network):
    """The problem of the last layer alone, with rows held out as those of the network."""
    training, held_out = problem.splits[0]
    layer = training.last_layer(network)
    layer.splits = ((layer, held_out.last_layer(network, layer.model)),)
    return layer
