"""One program over many items in many sessions.

`items` are read; `batches` of them go to the sessions of a `pool`, in `pace`, where a supervisor runs them that is
asked by `exchange`. What comes back are `records`, which the `journal` keeps and `results` hands on in order.

`mapper` is the loop over all this, in one thread that owns the state, the `ledger`; threads of `lanes` pay `visits`.
"""
