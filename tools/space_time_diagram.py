"""docs/space-time.svg: a short run of the simulator, drawn."""

from __future__ import annotations

from typing import Final

from openais.simulation.drawing import draw
from openais.simulation.scenario import Scenario

SCENARIO: Final = """\
set token_timeout_s=0.04 token_coefficient_s=0.001 latency_us=1000
nodes 5
boot all
run 0.1
submit 1 a count=3 safe
submit 4 b count=3
run 0.012
submit 2 c count=3
submit 3 d count=3
drop 3 > 5 data 1
run 0.003
crash 3
run 0.02
submit 5 e count=2
run 0.1
----
"""
"""Five nodes send; one datagram is lost, then node 3 crashes, and the other four go on together."""
TITLE: Final = "Five nodes; node 3 crashes; the others form a new ring"
BEGIN_S: Final = 0.099
END_S: Final = 0.225
PX_PER_S: Final = 9000


def space_time_diagram() -> str:
    """The drawing, as SVG."""
    scenario = Scenario()
    scenario.run(SCENARIO)
    assert not scenario.violations
    trace = scenario.cluster.trace
    assert trace is not None
    nodes = sorted(scenario.cluster.nodes)
    return draw(trace.events, nodes, title=TITLE, start_s=BEGIN_S, end_s=END_S, second_px=PX_PER_S)
