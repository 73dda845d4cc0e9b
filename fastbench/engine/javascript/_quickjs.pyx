"""JavaScript for scripts: one runtime and one realm per worker, one stack per virtual user.

A user's code runs until it needs something of Python, or until its slice is over; see users.h.
Values cross as copies: texts, numbers, lists, dicts and bytes; functions as a JsValue, and objects
of Python as opaque ones that come back as they went.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.contextvars cimport get_value
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free

include "_users.pxi"
include "_values.pxi"
include "_realm.pxi"
include "_checks.pxi"
include "_user.pxi"
