"""Leader election: of all programs that run this, one leads; when it goes, the next one does, and all know at once.

Run it on every node, or several times on one:  python examples/leader.py
"""

from openais.evs import Evs, EvsOptions, GroupChanged


def main() -> None:
    """Tells who leads, until it is ended."""
    with Evs(options=EvsOptions(group_changes=True)) as evs:
        evs.join("leader", retry=True)
        leader = None
        for event in evs:
            if isinstance(event, GroupChanged) and event.members[0] != leader:
                leader = event.members[0]
                name = "this program" if evs.is_own(leader) else f"process {leader.process_id} on node {leader.node_id}"
                print(f"{name} leads {len(event.members)}", flush=True)


if __name__ == "__main__":
    main()
