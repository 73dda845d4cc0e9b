# Part of _core.pyx: what a plan asks for over time.

cdef pace.Stage *stages_of(list levels) except NULL:
    """`levels`: (length_s, first, last) of each stage; to be freed."""
    cdef pace.Stage *stages = <pace.Stage *>allocate(len(levels), sizeof(pace.Stage))
    for i, (length_s, first, last) in enumerate(levels):
        stages[i].length_s = length_s
        stages[i].first = first
        stages[i].last = last
    pace.lay_out(stages, <uint32_t>len(levels))
    return stages


def instants(list levels not None, uint32_t count, *, uint32_t worker=0, uint32_t workers=1,
             uint64_t seed=0, uint64_t burst=0, uint64_t burst_ns=0):
    """The first `count` planned instants of a worker, ns after the plan's zero; for tests.

    `levels` as in Engine; a `seed` makes it a Poisson plan, a `burst` one of bursts.
    """
    cdef pace.Pace plan
    plan.stages = stages_of(levels)
    plan.n_stages = <uint32_t>len(levels)
    plan.step = workers
    plan.poisson = seed != 0
    plan.burst = burst
    plan.burst_ns = burst_ns
    pace.begin_plan(&plan, 0, 0, count, worker, seed)
    found = []
    while plan.next.due_ns != <uint64_t>-1:
        found.append(plan.next.due_ns)
        pace.advance(&plan, &plan.next)
    free(plan.stages)
    return found
