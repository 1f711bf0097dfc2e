"""Networks: affine layers with a function of each unit between them, for many candidates.

The parameters of one candidate, as the kernels take them, are those of one layer after the
other: weights ``[input, output]``, then a constant for each output, in rows that are filled up
with zeros to a multiple of 8. `Network.fold` makes them of what optimizers move.
"""

import numpy as np

from libc.stdlib cimport free

from tabtrain._kernels.lanes cimport LANES

cdef extern from "mlp.h" nogil:
    enum:
        FILL_TO "FILL"
        IDENTITY
        RELU
        TANH
        LOGISTIC
    ctypedef struct network:
        const Py_ssize_t *widths
        const Py_ssize_t *filled
        Py_ssize_t widest
        Py_ssize_t widest_layer
        int n_layers
        int activation
        Py_ssize_t n_params
        Py_ssize_t n_kept
    ctypedef struct work:
        void *all
    int make_room(const network *net, work *room)
    void network_forward(
        const network *net, const double *params, Py_ssize_t n_candidates,
        const double *tiles, Py_ssize_t n_tiles, double *raw, double *kept, work *room,
    ) noexcept
    void network_backward(
        const network *net, const double *params, Py_ssize_t n_candidates,
        const double *tiles, Py_ssize_t n_tiles, const double *kept, const double *raw_grad,
        double *grad, work *room,
    ) noexcept
    void fold_network(
        const network *net, const double *theta, const double *unit, const double *center,
        double output_center, double output_scale, double *params,
    ) noexcept
    void unfold_gradient(
        const network *net, const double *grad, const double *unit, const double *center,
        double output_scale, double *theta_grad,
    ) noexcept


FILL = FILL_TO
ACTIVATIONS = {"identity": IDENTITY, "logistic": LOGISTIC, "relu": RELU, "tanh": TANH}


cdef class Network:
    """What layers there are, and what lies between them.

    Parameters
    ----------
    widths : sequence of int
        Of the table, the hidden layers and the raw predictions.
    activation : str
        One of `ACTIVATIONS`: the function of the hidden units.

    Attributes
    ----------
    n_params : int
        How many parameters there are.
    n_filled : int
        How long they are as the kernels take them, filled up.
    n_kept : int
        How many numbers a row `forward` keeps for `backward`.
    """

    cdef network net
    cdef Py_ssize_t[::1] widths
    cdef Py_ssize_t[::1] filled
    cdef object made_with
    cdef readonly Py_ssize_t n_params

    def __init__(self, widths, activation):
        cdef Py_ssize_t i
        self.made_with = (tuple(widths), activation)
        self.widths = np.array(widths, dtype=np.intp)
        filled = -(-np.array(widths, dtype=np.intp) // FILL_TO) * FILL_TO
        self.filled = filled
        self.net.widths = &self.widths[0]
        self.net.filled = &self.filled[0]
        self.net.widest = filled.max()
        self.net.widest_layer = filled[1:].max()
        self.net.n_layers = <int> len(widths) - 1
        self.net.activation = ACTIVATIONS[activation]
        self.net.n_params = 0
        self.net.n_kept = filled[1 : len(widths) - 1].sum()
        self.n_params = 0
        for i in range(self.net.n_layers):
            self.net.n_params += (self.widths[i] + 1) * self.filled[i + 1]
            self.n_params += (self.widths[i] + 1) * self.widths[i + 1]

    def __reduce__(self):
        return Network, self.made_with

    @property
    def n_filled(self):
        return self.net.n_params

    @property
    def n_kept(self):
        return self.net.n_kept

    cdef int check(
        self, const double[:, ::1] params, const double[:, :, ::1] tiles,
        const double[:, :, ::1] raw, const double[:, :, ::1] kept,
    ) except -1:
        if params.shape[1] != self.net.n_params:
            raise ValueError(
                f"{params.shape[1]} parameters do not make a network of {self.net.n_params}"
            )
        if tiles.shape[2] != LANES or tiles.shape[1] != self.widths[0]:
            raise ValueError("tiles do not fit the network")
        if raw.shape[0] != params.shape[0] or raw.shape[2] != LANES * tiles.shape[0] \
                or raw.shape[1] != self.widths[self.net.n_layers]:
            raise ValueError("raw does not fit params and tiles")
        if kept is not None and (
            kept.shape[0] != raw.shape[0] or kept.shape[1] != self.net.n_kept
            or kept.shape[2] != raw.shape[2]
        ):
            raise ValueError("kept does not fit params and tiles")
        return 0

    def forward(
        self, const double[:, ::1] params, const double[:, :, ::1] tiles,
        double[:, :, ::1] raw, double[:, :, ::1] kept=None,
    ):
        """Fill ``raw`` with the predictions of every candidate.

        Parameters
        ----------
        params : float64 array of shape (n_candidates, n_filled)
        tiles : float64 array of shape (n_tiles, n_features, 16)
        raw : float64 array of shape (n_candidates, n_outputs, 16 * n_tiles), filled
        kept : float64 array of shape (n_candidates, n_kept, 16 * n_tiles), filled, optional
            What the hidden units answer, for `backward`: of a candidate layer after layer, each of
            them ``[row, unit]``, filled up.
        """
        cdef work room
        cdef double *to_keep = NULL
        self.check(params, tiles, raw, kept)
        if raw.size == 0:
            return
        if kept is not None and kept.size > 0:
            to_keep = &kept[0, 0, 0]
        if not make_room(&self.net, &room):
            raise MemoryError
        with nogil:
            network_forward(
                &self.net, &params[0, 0], params.shape[0], &tiles[0, 0, 0], tiles.shape[0],
                &raw[0, 0, 0], to_keep, &room,
            )
        free(room.all)

    def backward(
        self, const double[:, ::1] params, const double[:, :, ::1] tiles,
        const double[:, :, ::1] kept, const double[:, :, ::1] raw_grad, double[:, ::1] grad,
    ):
        """Add to ``grad`` the gradient with respect to the parameters of every candidate.

        Parameters
        ----------
        params : float64 array of shape (n_candidates, n_filled)
        tiles : float64 array of shape (n_tiles, n_features, 16)
        kept : float64 array of shape (n_candidates, n_kept, 16 * n_tiles)
            As `forward` left it.
        raw_grad : float64 array of shape (n_candidates, n_outputs, 16 * n_tiles)
            The gradient with respect to the raw predictions; 0 for rows of weight 0.
        grad : float64 array of shape (n_candidates, n_filled), added to
        """
        cdef work room
        cdef const double *was_kept = NULL
        self.check(params, tiles, raw_grad, kept)
        if grad.shape[0] != params.shape[0] or grad.shape[1] != params.shape[1]:
            raise ValueError("grad does not fit params")
        if raw_grad.size == 0:
            return
        if kept.size > 0:
            was_kept = &kept[0, 0, 0]
        if not make_room(&self.net, &room):
            raise MemoryError
        with nogil:
            network_backward(
                &self.net, &params[0, 0], params.shape[0], &tiles[0, 0, 0], tiles.shape[0],
                was_kept, &raw_grad[0, 0, 0], &grad[0, 0], &room,
            )
        free(room.all)

    cdef int check_scales(
        self, Py_ssize_t n_params, Py_ssize_t n_filled, const double[::1] unit,
        const double[::1] center,
    ) except -1:
        if n_params != self.n_params or n_filled != self.net.n_params:
            raise ValueError("thetas or params do not fit the network")
        if unit.shape[0] != self.widths[0] or center.shape[0] != self.widths[0]:
            raise ValueError("unit or center do not fit the network")
        return 0

    def fold(
        self, const double[:, ::1] thetas, const double[::1] unit, const double[::1] center,
        double output_center, double output_scale, double[:, ::1] params,
    ):
        """Fill ``params`` with the parameters, in the user's units, of standardised ones.

        Parameters
        ----------
        thetas : float64 array of shape (n_candidates, n_params)
            Not filled up; of one layer after the other, as ``params``.
        unit, center : float64 arrays of shape (n_features,)
            What the first layer's weights are multiplied by, and the value of the feature that
            stands for 0.
        output_center, output_scale : float
            What a raw prediction of 0 stands for, and a change of it by 1.
        params : float64 array of shape (n_candidates, n_filled), filled
        """
        cdef Py_ssize_t p
        self.check_scales(thetas.shape[1], params.shape[1], unit, center)
        if params.shape[0] != thetas.shape[0]:
            raise ValueError("params do not fit thetas")
        with nogil:
            for p in range(thetas.shape[0]):
                fold_network(
                    &self.net, &thetas[p, 0], &unit[0], &center[0], output_center, output_scale,
                    &params[p, 0],
                )

    def gradient(
        self, const double[::1] grad, const double[::1] unit, const double[::1] center,
        double output_scale, double[::1] theta_grad,
    ):
        """The chain rule through `fold`.

        Parameters
        ----------
        grad : float64 array of shape (n_filled,)
            The gradient with respect to ``params``.
        unit, center, output_scale
            As `fold` takes them.
        theta_grad : float64 array of shape (n_params,), filled
        """
        self.check_scales(theta_grad.shape[0], grad.shape[0], unit, center)
        with nogil:
            unfold_gradient(
                &self.net, &grad[0], &unit[0], &center[0], output_scale, &theta_grad[0],
            )
