"""The libraries of the SA Forum for C: libSaClm.so, libSaAmf.so, libSaCkpt.so, libSaEvt.so and libevs.so.

Theory of operation. There is one implementation of every library, the Python one of `client`; a C program is given it
by an interpreter inside its own process. Two kinds of things are built (`build`):

- `libopenais-c.so`, the *core*: a cffi embedding. It starts the interpreter, or joins the one that runs already, when
  the first function is called (`core.c`), and has a function `openais_NAME` for each function NAME of the headers.
- the libraries that programs link to: each function sees to it that its service is loaded, and calls that of the core.

`include/` holds the headers: what programs are compiled with, and what cffi is given (`declarations`).

Inside the interpreter `boundary` turns exceptions into error codes and keeps the handles, and each service has a module
that turns C structures into the calls of the Python library and back: `amf`, `ckpt`, `clm`, `evs`, `evt`. Those
modules can be imported only there; everything else here is ordinary Python.
"""
