cdef extern from "lanes.h" nogil:
    enum:
        LANES
