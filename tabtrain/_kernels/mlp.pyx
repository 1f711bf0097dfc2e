"""Networks: affine layers with a function of each unit between them, for many candidates.

The parameters of one candidate, as the kernels take them, are those of one layer after the
other: weights ``[input, output]``, then a constant for each output, in rows that are filled up
with zeros to a multiple of 8. `Network.fold` makes them of what optimizers move.
"""

import numpy as np

from cython cimport floating
from libc.stdlib cimport free

from tabtrain._kernels.lanes cimport LANES

from tabtrain._kernels.losses import brier, log_loss, squared

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

cdef extern from "mlp_batch.h" nogil:
    enum:
        GROUP
        ROWS_AT_A_TIME
        LOG_LOSS
        BRIER
        SQUARED
    ctypedef struct scales:
        const double *unit
        const double *shift
        const double *offset
        double output_center
        double output_scale
    ctypedef struct batch_room:
        float *inputs
        double *y
        double *weight
    Py_ssize_t filled_up(Py_ssize_t n) noexcept
    Py_ssize_t lay_out(const network *net, char *bytes, batch_room *room) noexcept
    void fold_floats(
        const network *net, const double *theta, const scales *units, const batch_room *room
    ) noexcept
    void unfold_floats(
        const network *net, const batch_room *room, const scales *units, double scale,
        int is_first, double *gradient,
    ) noexcept
    void read_doubles(
        const double *x, const scales *units, Py_ssize_t n, float *to
    ) noexcept
    void read_floats(const float *x, const scales *units, Py_ssize_t n, float *to) noexcept
    void fetch(const void *row, Py_ssize_t n_bytes) noexcept
    void differentiate(
        const network *net, Py_ssize_t n_rows, int loss, double dscore,
        double slope_scale, const scales *units, batch_room *room,
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


# The losses of batches, by the functions of which objectives are made.
LOSSES = {log_loss: LOG_LOSS, brier: BRIER, squared: SQUARED}
# Where a feature lies farther from 0 than so many deviations, single precision takes it about its
# mean; else about 0, so that zeros stay zeros.
FAR = 8.0
# Tables of no more numbers are standardised once, and not anew in each epoch.
MAX_STANDARDISED = 2**24

cdef enum:
    # Rows are fetched so many before they are read.
    AHEAD = 8


cdef class Batches:
    """The gradients of chosen rows of a table, in single precision; see ``mlp_batch.h``.

    Parameters
    ----------
    network : Network
    unit, center : float64 arrays of shape (n_features,)
    output_center, output_scale : float
        As `Network.fold` takes them.
    X : float32 or float64 array of shape (n_rows, n_features)
        The numbers of a row are side by side.
    y, weight : float64 arrays of shape (n_rows or more,)
    loss : int
        Of `LOSSES`.
    dscore : float
        The derivative of the score with respect to the sum of the losses.
    slope_unit : float
        About how large the derivatives of the score are; what is in single precision is divided by
        it, and can neither overflow nor vanish.
    """

    cdef Network network
    cdef scales units
    cdef const double[::1] unit
    cdef double[::1] shift
    cdef double[::1] offset
    cdef const double[:, :] X
    cdef const float[:, :] X_of_floats
    cdef bint of_floats
    cdef const double[::1] y
    cdef const double[::1] weight
    cdef double total
    cdef int loss
    cdef double dscore
    cdef double slope_unit
    cdef double[::1] memory
    cdef batch_room room
    cdef Py_ssize_t n_rows

    def __init__(
        self, Network network, unit, center, output_center, output_scale, X, y, weight, loss,
        dscore, slope_unit,
    ):
        cdef Py_ssize_t n_bytes
        self.network = network
        network.check_scales(network.n_params, network.net.n_params, unit, center)
        self.unit = unit
        self.shift = np.where(np.abs(center) * unit > FAR, center, 0.0)
        self.offset = (center - np.asarray(self.shift)) * unit
        self.units.unit = &self.unit[0]
        self.units.shift = &self.shift[0]
        self.units.offset = &self.offset[0]
        self.units.output_center = output_center
        self.units.output_scale = output_scale
        self.y, self.weight = y, weight
        self.n_rows = len(X)
        if X.shape[1] != network.widths[0] or X.strides[1] != X.itemsize \
                or len(y) < len(X) or len(weight) < len(X):
            raise ValueError("X, y or weight do not fit the network, or each other")
        self.total = np.sum(weight)
        self.loss, self.dscore, self.slope_unit = loss, dscore, slope_unit
        n_bytes = lay_out(&network.net, NULL, &self.room)
        self.memory = np.zeros(n_bytes // <Py_ssize_t> sizeof(double))
        lay_out(&network.net, <char *> &self.memory[0], &self.room)
        self.hold(X)
        if X.size <= MAX_STANDARDISED:
            if self.of_floats:
                self.standardise(self.X_of_floats)
            else:
                self.standardise(self.X)

    cdef hold(self, X):
        self.of_floats = X.dtype == np.float32
        if self.of_floats:
            self.X_of_floats = X
        else:
            self.X = X

    cdef standardise(self, const floating[:, :] X):
        """Put the table as batches are to read it in its place."""
        cdef float[:, ::1] standardised = np.empty((X.shape[0], X.shape[1]), dtype=np.float32)
        cdef Py_ssize_t i
        for i in range(X.shape[0]):
            if floating is double:
                read_doubles(&X[i, 0], &self.units, X.shape[1], &standardised[i, 0])
            else:
                read_floats(&X[i, 0], &self.units, X.shape[1], &standardised[i, 0])
        self.shift, self.unit = np.zeros(X.shape[1]), np.ones(X.shape[1])
        self.units.shift, self.units.unit = &self.shift[0], &self.unit[0]
        self.hold(np.asarray(standardised))

    def gradient(
        self, const double[::1] theta, const Py_ssize_t[::1] rows, double[::1] gradient
    ):
        """Fill ``gradient`` with that of the score, scaled up from some rows to all.

        Parameters
        ----------
        theta : float64 array of shape (n_params,)
        rows : intp array of shape (n_chosen,)
            From 0 to n_rows - 1, of finite numbers.
        gradient : float64 array of shape (n_params,), filled

        Returns
        -------
        float
            The weight of the rows, as a share of that of all.

        Raises
        ------
        IndexError
            If there is no such row.
        """
        cdef network *net = &self.network.net
        cdef Py_ssize_t n_chosen = rows.shape[0], first = 0, here, i
        cdef double share = 0.0
        if theta.shape[0] != self.network.n_params or gradient.shape[0] != theta.shape[0]:
            raise ValueError("theta or gradient do not fit the network")
        for i in range(n_chosen):
            if not 0 <= rows[i] < self.n_rows:
                raise IndexError(f"row {rows[i]} of {self.n_rows} rows")
            share += self.weight[rows[i]]
        share /= self.total
        with nogil:
            fold_floats(net, &theta[0], &self.units, &self.room)
            while first < n_chosen:
                here = min(n_chosen - first, <Py_ssize_t> ROWS_AT_A_TIME)
                if self.of_floats:
                    self.read(self.X_of_floats, rows, first, here)
                else:
                    self.read(self.X, rows, first, here)
                differentiate(
                    net, (here + GROUP - 1) // GROUP * GROUP, self.loss, self.dscore / share,
                    self.units.output_scale / self.slope_unit, &self.units, &self.room,
                )
                unfold_floats(
                    net, &self.room, &self.units, self.slope_unit, first == 0, &gradient[0]
                )
                first += ROWS_AT_A_TIME
        return share

    cdef void read(
        self, const floating[:, :] X, const Py_ssize_t[::1] rows, Py_ssize_t first,
        Py_ssize_t here,
    ) noexcept nogil:
        """Standardise some of the rows; those that fill them up are of weight 0."""
        cdef Py_ssize_t n_features = self.network.widths[0], i, k, row, ahead
        cdef Py_ssize_t stride = filled_up(n_features)
        cdef float *to = self.room.inputs
        for i in range(here):
            row = rows[first + i]
            ahead = rows[min(first + i + AHEAD, rows.shape[0] - 1)]
            fetch(&X[ahead, 0], n_features * <Py_ssize_t> sizeof(floating))
            if floating is double:
                read_doubles(&X[row, 0], &self.units, n_features, to)
            else:
                read_floats(&X[row, 0], &self.units, n_features, to)
            to += stride
            self.room.y[i] = self.y[row]
            self.room.weight[i] = self.weight[row]
        for i in range(here, (here + GROUP - 1) // GROUP * GROUP):
            for k in range(stride):
                to[k] = 0.0
            to += stride
            self.room.y[i] = 0.0
            self.room.weight[i] = 0.0
